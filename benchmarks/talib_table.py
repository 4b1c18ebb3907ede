"""Compare every indicator that TA-Lib has with TA-Lib, bar by bar on real prices, and print the differences.

    python benchmarks/talib_table.py [--packs daily,5min] > table.md

Each symbol is compared on its existing bars: its missing bars are rows of the panel in which it has none.
For each indicator and pack the table says how many values were compared, the largest difference, the
largest difference relative to the scale of the values, and for how many bars one side has a value and the
other has none.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import talib

from tapeline.domain.panel import BAR_FIELDS, Panel
from tapeline.domain.times import DAY
from tapeline.formula import library_averages as averages
from tapeline.formula import library_oscillators as oscillators
from tapeline.formula import library_statistics as statistics
from tapeline.formula import library_trend as trend
from tapeline.formula import library_volatility as volatility
from tapeline.formula import library_volume as volumes
from tapeline.formula.bars import bars
from tapeline.formula.compute import compute
from tapeline.formula.node import Node
from tapeline.indicators.library import KERNELS

Array = np.ndarray[Any, np.dtype[np.float64]]
Market = dict[str, Array]


class Series(NamedTuple):
    """One symbol's existing bars."""

    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array


# name: (file, its column of time, symbols); large and thin, dear and cheap, with halts and flat stretches
PACKS: dict[str, tuple[str, str, Sequence[str]]] = {
    "daily": (
        "data/daily_sp500.parquet",
        "date",
        ("AAPL", "AIG", "CHTR", "TRMB", "GNRC", "NVR", "F", "TSLA", "CZR"),
    ),
    "5min": (
        "data/bars_5min_us_2025.parquet",
        "ts",
        ("AAPL", "MELI", "JNUG", "FAS", "SPY", "SOXS", "NFLX", "MARA"),
    ),
    "1min": (
        "data/minute_us_2018.parquet",
        "ts",
        ("BAC", "JUNO", "CPN", "SIRI", "NTES", "AKS", "GE", "VEON", "AMZN"),
    ),
    "thin": ("data/minute_thin_etf_2023_2025.parquet", "ts", ("DBB", "FXY")),
}


def load(path: Path, time: str, symbols: Sequence[str], rows_max: int | None = None) -> Market:
    """Return panels [rows, symbols] on the union of the symbols' times, NaN where there is no bar."""
    bars = pl.read_parquet(path).filter(pl.col("symbol").is_in(list(symbols)))
    market = {}
    for field in Series._fields:
        wide = bars.pivot(on="symbol", index=time, values=field).sort(time).select(symbols)
        market[field] = wide.cast(pl.Float64).fill_null(np.nan).to_numpy()[:rows_max].copy(order="C")
    market["exists"] = np.where(np.isnan(market["close"]), np.nan, 1.0)
    return market


def run(name: str, parameters: Sequence[float], exists: Array, *values: Array) -> tuple[Array, ...]:
    """Return the outputs of a kernel over whole panels."""
    kernel = KERNELS[name]
    vector = np.array(parameters, dtype=np.float64)
    state = np.zeros((kernel.state_rows(vector), exists.shape[1]))
    outputs = tuple(np.empty_like(exists) for _ in kernel.outputs)
    kernel.advance((exists, *values), state, vector, outputs)
    return outputs


@dataclass(frozen=True)
class Pair:
    """One indicator of ours and TA-Lib's for the same.

    ours : from the panels; theirs : from one symbol's bars; both give a list of outputs.
    tolerance : largest difference allowed, relative to the scale; the reason stands behind each number in
        PAIRS.
    scale : what a difference is measured against: "price", "volume" (the largest of the symbol), "price squared", or
        a number.
    """

    label: str
    ours: Callable[[Market], Sequence[Array]]
    theirs: Callable[[Series], Any]
    tolerance: float
    scale: str | float = "price"


def of_close(name: str, *parameters: float) -> Callable[[Market], Sequence[Array]]:
    return lambda market: run(name, parameters, market["exists"], market["close"])


def of_bars(name: str, *parameters: float) -> Callable[[Market], Sequence[Array]]:
    return lambda market: run(name, parameters, *(market[key] for key in ("exists", "high", "low", "close")))


def of_formulas(*formulas: Node) -> Callable[[Market], Sequence[Array]]:
    """Return what computes formulas of `bars()` over a market, its rows taken for days."""

    def computed(market: Market) -> list[Array]:
        rows, columns = market["close"].shape
        ends = (np.arange(rows, dtype=np.int64) + 1) * DAY
        panels = [market[name] for name in BAR_FIELDS]
        panel = Panel(tuple(str(column) for column in range(columns)), DAY, ends - DAY, ends, *panels)
        return list(compute({str(number): node for number, node in enumerate(formulas)}, panel).values())

    return computed


def bollinger(market: Market) -> list[Array]:
    mean, deviation = run("rolling_moments", (20, 0), market["exists"], market["close"])
    return [mean + 2 * deviation, mean, mean - 2 * deviation]


def smoothed_twice(exists: Array, position: Array) -> list[Array]:
    (slow,) = run("sma", (3,), exists, position)
    (slower,) = run("sma", (3,), exists, slow)
    slow = np.where(np.isnan(slower), np.nan, slow)  # TA-Lib shows neither before both are known
    return [slow, slower]


def stochastic(market: Market) -> list[Array]:
    return smoothed_twice(market["exists"], of_bars("stochastic", 14, 0, 0)(market)[0])


def stochastic_of_rsi(market: Market) -> list[Array]:
    (strength,) = run("rsi", (14, 0), market["exists"], market["close"])
    (position,) = run("stochastic", (14, 0, 1e-9), market["exists"], strength, strength, strength)
    return smoothed_twice(market["exists"], position)


def talib_stochastic_of_rsi(s: Series) -> Any:
    strength = talib.RSI(s.close, 14)
    return talib.STOCH(strength, strength, strength, 14, 3, 0, 3, 0)


def at_age(name: str) -> Callable[[Market], Sequence[Array]]:
    """Return the closes at the ages that the kernel found, on the existing bars of each symbol."""

    def found(market: Market) -> list[Array]:
        (ages,) = run(name, (20,), market["exists"], market["close"])
        prices = np.full_like(ages, np.nan)
        for symbol in range(ages.shape[1]):
            rows = np.flatnonzero(~np.isnan(market["exists"][:, symbol]))
            known = np.flatnonzero(~np.isnan(ages[rows, symbol]))
            places = rows[known - ages[rows[known], symbol].astype(np.int64)]
            prices[rows[known], symbol] = market["close"][places, symbol]
        return [prices]

    return found


def at_index(closes: Array, index: Array) -> list[Array]:
    """Return the closes at TA-Lib's indices; of equal closes it may name another than we do."""
    return [np.where(np.arange(len(closes)) < 19, np.nan, closes[index])]


RECURSIVE = 1e-12  # both sides round each step by 1e-16; old errors fade as old values do
RUNNING_SUM = 1e-10  # TA-Lib adds and subtracts in one sum: 1e-16 of the largest price for each bar of the series
SQUARES = 1e-8  # TA-Lib subtracts sums of squares from one another, we do not
RATIO = 1e-9  # a ratio of two small differences of prices, so their rounding is magnified

B, CLOSE = bars(), bars().close

PAIRS: tuple[Pair, ...] = (
    Pair("SMA 20", of_close("sma", 20), lambda s: [talib.SMA(s.close, 20)], RUNNING_SUM),
    Pair("SMA 200", of_close("sma", 200), lambda s: [talib.SMA(s.close, 200)], RUNNING_SUM),
    Pair("SUM 20", of_close("rolling_sum", 20), lambda s: [talib.SUM(s.close, 20)], RUNNING_SUM),
    Pair("EMA 20", of_close("ema", 2 / 21, 20, 0), lambda s: [talib.EMA(s.close, 20)], RECURSIVE),
    Pair("MACD 12 26 9", of_close("macd", 12, 26, 9), lambda s: talib.MACD(s.close, 12, 26, 9), RECURSIVE),
    Pair("BBANDS 20 2", bollinger, lambda s: talib.BBANDS(s.close, 20, 2, 2, 0), RATIO),
    Pair("RSI 14", of_close("rsi", 14, 0), lambda s: [talib.RSI(s.close, 14)], RECURSIVE, 100.0),
    Pair("MIN 20", of_close("rolling_min", 20), lambda s: [talib.MIN(s.close, 20)], 0.0),
    Pair("MAX 20", of_close("rolling_max", 20), lambda s: [talib.MAX(s.close, 20)], 0.0),
    Pair("MININDEX 20", at_age("rolling_argmin"), lambda s: at_index(s.close, talib.MININDEX(s.close, 20)), 0.0),
    Pair("MAXINDEX 20", at_age("rolling_argmax"), lambda s: at_index(s.close, talib.MAXINDEX(s.close, 20)), 0.0),
    Pair(
        "STOCHF 14",
        of_bars("stochastic", 14, 0, 0),
        lambda s: [talib.STOCHF(s.high, s.low, s.close, 14, 1, 0)[0]],
        RECURSIVE,
        100.0,
    ),
    Pair(
        "STOCH 14 3 3",
        stochastic,
        lambda s: talib.STOCH(s.high, s.low, s.close, 14, 3, 0, 3, 0),
        RUNNING_SUM,
        100.0,
    ),
    Pair("STOCHRSI 14 14 3 3", stochastic_of_rsi, talib_stochastic_of_rsi, RATIO, 100.0),
    Pair("TRANGE", of_bars("true_range"), lambda s: [talib.TRANGE(s.high, s.low, s.close)], 0.0),
    Pair("ATR 14", of_bars("atr", 14), lambda s: [talib.ATR(s.high, s.low, s.close, 14)], RECURSIVE),
    Pair(
        "ADX DX +DI -DI 14",
        of_bars("adx", 14),
        lambda s: [f(s.high, s.low, s.close, 14) for f in (talib.ADX, talib.DX, talib.PLUS_DI, talib.MINUS_DI)],
        RATIO,
        100.0,
    ),
    Pair("ROC 10", of_close("rate_of_change", 10), lambda s: [talib.ROC(s.close, 10)], RECURSIVE, 100.0),
    Pair(
        "OBV",
        lambda market: run("obv", (), market["exists"], market["close"], market["volume"]),
        lambda s: [talib.OBV(s.close, s.volume)],
        0.0,
        "volume",
    ),
    Pair("WMA 20", of_formulas(averages.wma(CLOSE, 20)), lambda s: [talib.WMA(s.close, 20)], RUNNING_SUM),
    Pair("DEMA 20", of_formulas(averages.dema(CLOSE, 20)), lambda s: [talib.DEMA(s.close, 20)], RECURSIVE),
    Pair("TEMA 20", of_formulas(averages.tema(CLOSE, 20)), lambda s: [talib.TEMA(s.close, 20)], RECURSIVE),
    Pair("KAMA 10", of_formulas(averages.kama(CLOSE, 10)), lambda s: [talib.KAMA(s.close, 10)], RATIO),
    Pair(
        "VAR 20",
        of_formulas(statistics.rolling_variance(CLOSE, 20)),
        lambda s: [talib.VAR(s.close, 20)],
        SQUARES,
        "price squared",
    ),
    Pair(
        "LINEARREG 20",
        of_formulas(statistics.linear_regression(CLOSE, 20)),
        lambda s: [talib.LINEARREG(s.close, 20)],
        RECURSIVE,
    ),
    Pair(
        "LINEARREG_SLOPE 20",
        of_formulas(statistics.rolling_slope(CLOSE, 20)),
        lambda s: [talib.LINEARREG_SLOPE(s.close, 20)],
        RECURSIVE,
    ),
    Pair(
        "CORREL high low 20",
        of_formulas(statistics.rolling_correlation(B.high, B.low, 20, flat="zero")),
        lambda s: [talib.CORREL(s.high, s.low, 20)],
        SQUARES,
        1.0,
    ),
    Pair(
        "BETA of returns 20",
        of_formulas(statistics.rolling_beta(B.low / B.low.lag(1) - 1, B.high / B.high.lag(1) - 1, 20, flat="zero")),
        lambda s: [talib.BETA(s.high, s.low, 20)],
        SQUARES,
        1.0,
    ),
    Pair(
        "PPO 12 26 (EMA)",
        of_formulas(oscillators.ppo(CLOSE, 12, 26).line),
        lambda s: [talib.PPO(s.close, 12, 26, 1)],
        RECURSIVE,
        100.0,
    ),
    Pair(
        "CCI 20", of_formulas(oscillators.cci(B, 20)), lambda s: [talib.CCI(s.high, s.low, s.close, 20)], RATIO, 100.0
    ),
    Pair(
        "WILLR 14",
        of_formulas(oscillators.williams_r(B, 14)),
        lambda s: [talib.WILLR(s.high, s.low, s.close, 14)],
        RECURSIVE,
        100.0,
    ),
    Pair(
        "MFI 14",
        of_formulas(oscillators.mfi(B, 14)),
        lambda s: [talib.MFI(s.high, s.low, s.close, s.volume, 14)],
        RATIO,
        100.0,
    ),
    Pair(
        "AROON down up, AROONOSC 14",
        of_formulas(oscillators.aroon(B, 14).down, oscillators.aroon(B, 14).up, oscillators.aroon(B, 14).oscillator),
        lambda s: [*talib.AROON(s.high, s.low, 14), talib.AROONOSC(s.high, s.low, 14)],
        RECURSIVE,
        100.0,
    ),
    Pair(
        "AD",
        of_formulas(volumes.accumulation_distribution(B)),
        lambda s: [talib.AD(s.high, s.low, s.close, s.volume)],
        RUNNING_SUM,
        "volume",
    ),
    Pair(
        "ADOSC 3 10",
        of_formulas(volumes.chaikin_oscillator(B)),
        lambda s: [talib.ADOSC(s.high, s.low, s.close, s.volume, 3, 10)],
        RUNNING_SUM,
        "volume",
    ),
    Pair(
        "NATR 14",
        of_formulas(volatility.natr(B, 14)),
        lambda s: [talib.NATR(s.high, s.low, s.close, 14)],
        RECURSIVE,
        100.0,
    ),
    Pair("SAR 0.02 0.2", of_formulas(trend.parabolic_sar(B).stop), lambda s: [talib.SAR(s.high, s.low)], RECURSIVE),
)


@dataclass(frozen=True)
class Difference:
    """What a comparison found: values compared, largest differences, bars known to one side only."""

    values: int
    largest: float
    relative: float
    one_sided: int


def compare(pair: Pair, market: Market) -> Difference:
    """Compare one indicator on all symbols of a market."""
    found = list(_differences(pair, market))
    return Difference(
        values=sum(d.values for d in found),
        largest=max(d.largest for d in found),
        relative=max(d.relative for d in found),
        one_sided=sum(d.one_sided for d in found),
    )


def _differences(pair: Pair, market: Market) -> Iterator[Difference]:
    ours = pair.ours(market)
    for symbol in range(market["exists"].shape[1]):
        bars = ~np.isnan(market["exists"][:, symbol])
        series = Series(*(market[field][bars, symbol] for field in Series._fields))
        scale = pair.scale
        if isinstance(scale, str):
            largest_value = float(np.max(series.volume if scale == "volume" else series.close, initial=1e-300))
            scale = largest_value**2 if scale == "price squared" else largest_value
        for output, reference in zip(ours, pair.theirs(series), strict=True):
            values = output[bars, symbol]
            both = ~np.isnan(values) & ~np.isnan(reference)
            largest = float(np.max(np.abs(values[both] - reference[both]), initial=0.0))
            one_sided = int(np.sum(np.isnan(values) != np.isnan(reference)))
            yield Difference(int(np.sum(both)), largest, largest / scale, one_sided)


def main() -> None:
    parser = argparse.ArgumentParser(description="Differences to TA-Lib on real prices")
    parser.add_argument("--packs", default=",".join(PACKS))
    names = parser.parse_args().packs.split(",")
    shared = Path(os.environ.get("TAPELINE_SHARED") or Path(__file__).resolve().parents[1].parent / "shared")
    print(f"TA-Lib {talib.__version__}. Differences: absolute, and relative to the scale of the values.\n")
    print("| indicator | pack | values | largest | relative | known to one side only |")
    print("|---|---|---|---|---|---|")
    for name in names:
        file, time, symbols = PACKS[name]
        market = load(shared / file, time, symbols)
        for pair in PAIRS:
            d = compare(pair, market)
            numbers = f"{d.values:,} | {d.largest:.1e} | {d.relative:.1e} | {d.one_sided}"
            print(f"| {pair.label} | {name} | {numbers} |")


if __name__ == "__main__":
    main()
