"""Time our engine on the workloads of the peer benchmarks; prints the harness's JSON line.

    python benchmarks/bench_tapeline.py W1          EMA cross, one symbol x 500,000 bars
    python benchmarks/bench_tapeline.py W2          the same, 100 symbols x 10,000 bars, cash apart
    python benchmarks/bench_tapeline.py W3          bracket orders, 200,000 bars
    python benchmarks/bench_tapeline.py W4          100 parameter pairs x 50,000 bars
    python benchmarks/bench_tapeline.py I1          five indicators, 3,000 series x 500 bars; --variant mt: two threads
    python benchmarks/bench_tapeline.py I2          the same over one series of 5,000,000 bars; --variant mt as well
    python benchmarks/bench_tapeline.py I3          one new bar for each of 2,000 symbols, the same indicators
    python benchmarks/bench_tapeline.py J1          event loop with journal: three strategies, 199 symbols, 44 sessions
    python benchmarks/bench_tapeline.py W1 --variant event     free-form strategy, slice by slice in Python (E1)
    python benchmarks/bench_tapeline.py W2 --variant event     the same with shared cash

Public API, default options but for the named switches. Results carry all orders, executions and round trips.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_start = time.perf_counter()

import numpy as np  # imports are timed

from tapeline import (
    Account,
    Costs,
    IntradayMeanReversion,
    Market,
    MovingAverageCross,
    Panel,
    PercentCommission,
    RuleStrategy,
    RunSettings,
    Strategy,
    Stream,
    SwingTrend,
    __version__,
    atr,
    backtest,
    backtest_each,
    bars,
    bollinger,
    compute,
    crossed_above,
    crossed_below,
    ema,
    fixed_quantity,
    macd,
    param,
    percent_of_equity,
    read_bars,
    round_to,
    rsi,
    stoch_rsi,
    sweep,
)
from tapeline.domain.times import MINUTE, to_iso

IMPORT_SECONDS = time.perf_counter() - _start
SHARED = Path(os.environ.get("TAPELINE_SHARED") or Path(__file__).resolve().parents[1].parent / "shared")
sys.path.insert(0, str(SHARED / "bench" / "peers"))

import harness
import workload


class Cross(RuleStrategy):
    """All in when the fast average crosses above the slow one, all out when it crosses below."""

    fast_bars = param(20, low=1, high=1000)
    slow_bars = param(50, low=1, high=1000)
    bar = bars()
    fast, slow = ema(bar.close, fast_bars, seed="first"), ema(bar.close, slow_bars, seed="first")
    enter_long = crossed_above(fast, slow)
    exit_long = crossed_below(fast, slow)
    size = percent_of_equity(100)


class Bracket(RuleStrategy):
    """Buy the cross with a stop 1.5 ATR below and a target 3 ATR above, prices to four decimals."""

    bar = bars()
    fast, slow = ema(bar.close, 20, seed="first"), ema(bar.close, 50, seed="first")
    enter_long = crossed_above(fast, slow)
    stop = round_to(bar.close - 1.5 * atr(bar, 14), 0.0001)
    target = round_to(bar.close + 3 * atr(bar, 14), 0.0001)
    size = fixed_quantity(1000)


class FreeCross(Strategy):
    """`Cross` in free-form code; each symbol gets an equal part of the account."""

    bar = bars()
    up = crossed_above(ema(bar.close, 20, seed="first"), ema(bar.close, 50, seed="first"))
    down = crossed_below(ema(bar.close, 20, seed="first"), ema(bar.close, 50, seed="first"))
    size = percent_of_equity(100)

    def on_slice(self, now: Any) -> None:
        if (now.down == 1.0).any():
            now.exit(now.down)
        if (now.up == 1.0).any():
            now.enter(now.up)


class FreeCrossShared(FreeCross):
    """The same on many symbols that share the cash."""

    size = percent_of_equity(1)


class FreeCrossOne(FreeCross):
    """The same for one symbol, with plain numbers."""

    def on_slice(self, now: Any) -> None:
        if now.up[0] == 1.0:
            now.enter(0)
        elif now.down[0] == 1.0:
            now.exit(0)


def panel_of(name: str, scale: float = 1.0) -> Panel:
    """Return a workload's bars as a panel."""
    arrays = workload.load(name, scale)
    count, symbols = arrays["close"].shape
    end_ns = workload.index(name, count).astype("datetime64[ns]").astype(np.int64)
    frame_ns = int(end_ns[1] - end_ns[0]) if count > 1 else MINUTE
    names = tuple(f"S{column:03d}" for column in range(symbols))
    fields = (arrays[key] for key in ("open", "high", "low", "close", "volume"))
    return Panel(names, frame_ns, end_ns - frame_ns, end_ns, *fields)


def settings_of(panel: Panel, cash: float, limit_fill: str = "through") -> RunSettings:
    """Return the rules that every engine of the comparison follows."""
    return RunSettings(
        account=Account(cash=cash),
        costs=Costs(commission=(PercentCommission(workload.FEE),)),
        market=Market(
            tick_size=0.0001,
            quantity_step=1e-8,
            commission_rounding="none",
            limit_fill=limit_fill,  # type: ignore[arg-type]
        ),
        compare="exact",
        trade_from=to_iso(int(panel.end_ns[workload.TRADE_FROM])),
    )


def suite() -> dict[str, Any]:
    """Return the five indicators of I1 to I3, in the order of the harness's check values."""
    bar = bars()
    band = bollinger(bar.close, 20, 2)
    k, d = stoch_rsi(bar.close, 14, 14, 3, 3)
    line, signal, histogram = macd(bar.close, 12, 26, 9)
    nodes = (band.upper, band.middle, band.lower, k, d, line, signal, histogram, rsi(bar.close, 14), atr(bar, 14))
    names = ("upper", "middle", "lower", "k", "d", "line", "signal", "histogram", "rsi", "atr")
    return dict(zip(names, nodes, strict=True))


def last_means(values: dict[str, Any]) -> dict[str, Any]:
    """Return what the harness compares: the mean over the series of each indicator's last value."""
    return {"check": [round(float(np.nanmean(array[-1])), 6) for array in values.values()]}


def indicator_runner(name: str, variant: str, panel: Panel) -> Any:
    """Return a function that runs an indicator workload once; I3 runs ten rounds."""
    formulas = suite()
    if name != "I3":
        return lambda: last_means(compute(formulas, panel, threads=2 if variant == "mt" else 1))
    stream = Stream(formulas, symbols=len(panel.symbols), frame="1min")
    stream.advance(panel.rows(0, workload.I3_WARMUP))
    rounds = [panel.rows(t, t + 1) for t in range(workload.I3_WARMUP, workload.I3_WARMUP + ROUNDS)]

    def run() -> dict[str, Any]:
        for row in rounds:
            values = stream.advance(row)
        return last_means(values)

    return run


def summary(results: list[Any]) -> dict[str, Any]:
    """Return what the harness compares: final equity and closed round trips over all accounts."""
    return {
        "final_equity": sum(result.final_equity for result in results),
        "n_trades": sum(len(result.round_trips) for result in results),
        "n_orders": sum(len(result.orders) for result in results),
    }


def runner(name: str, variant: str, panel: Panel) -> Any:
    """Return a function that runs a workload once."""
    symbols = len(panel.symbols)
    if variant == "event":
        strategy = FreeCrossOne if symbols == 1 else FreeCrossShared
        settings = settings_of(panel, workload.CASH)
        return lambda: summary([backtest(strategy(), panel, settings)])
    if name == "W1":
        settings = settings_of(panel, workload.CASH)
        return lambda: summary([backtest(Cross(), panel, settings)])
    if name == "W2":
        settings = settings_of(panel, workload.CASH / symbols)
        return lambda: summary(backtest_each(Cross(), panel, settings))
    if name == "W3":
        settings = settings_of(panel, workload.CASH, "touch")
        return lambda: summary([backtest(Bracket(), panel, settings)])
    pairs = [{"fast_bars": fast, "slow_bars": slow} for fast, slow in workload.W4_PAIRS]
    settings = settings_of(panel, workload.CASH)
    return lambda: summary(sweep(Cross, panel, pairs, settings))


ROUNDS = 10
"""Rounds of I3 in one run: the harness times them together."""


def journal_runner(panel: Panel) -> Any:
    """Return a function that replays the demo's strategies over a pack of real minutes, every fact journaled."""
    from tapeline.app.replay import replay
    from tapeline.cli.demo import SETTINGS

    def run() -> dict[str, Any]:
        strategies = [MovingAverageCross(frame="15min"), IntradayMeanReversion(), SwingTrend()]
        with tempfile.TemporaryDirectory() as folder:
            finished = replay(strategies, panel, Path(folder) / "journal.sqlite", SETTINGS)
        return summary([finished.result])

    return run


def measure_journal(arguments: Any, imported_mb: float) -> None:
    """Measure J1: 199 symbols, 44 sessions, through the event loop with a journal on disk."""
    panel = read_bars(SHARED / "data" / "minute_us_2018.parquet").panel
    harness.measure(
        "tapeline",
        __version__,
        "J1",
        arguments,
        len(panel) * len(panel.symbols),
        lambda: journal_runner(panel),
        IMPORT_SECONDS,
        imported_mb,
    )


def main() -> None:
    """Measure one workload."""
    arguments = harness.args()
    imported_mb = harness.rss_mb()
    if arguments.workload == "J1":
        measure_journal(arguments, imported_mb)
        return
    panel = panel_of(arguments.workload, arguments.scale)
    bar_count = len(panel) * len(panel.symbols)
    if arguments.workload == "W4":
        bar_count *= len(workload.W4_PAIRS)

    per = 1
    if arguments.workload == "I3":
        per, bar_count = ROUNDS, len(panel.symbols)

    def make() -> Any:
        if arguments.workload in ("I1", "I2", "I3"):
            return indicator_runner(arguments.workload, arguments.variant, panel)
        return runner(arguments.workload, arguments.variant, panel)

    harness.measure(
        "tapeline",
        __version__,
        arguments.workload,
        arguments,
        bar_count,
        make,
        IMPORT_SECONDS,
        imported_mb,
        per,
    )


if __name__ == "__main__":
    main()
