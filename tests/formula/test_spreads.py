"""Spreads and imbalances: their definitions, markets of which the spread is known, and data without quotes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from formula.builders import QUOTES, a_calendar, a_market, a_series, with_quotes
from formula.running import column_of, values_of
from shared import shared_path
from tapeline.domain.errors import DataError
from tapeline.domain.panel import BAR_FIELDS, Panel
from tapeline.domain.times import MINUTE
from tapeline.formula import (
    bars,
    corwin_schultz_spread,
    log,
    quote_imbalance,
    quoted_spread,
    roll_spread,
    tick_imbalance,
)
from tapeline.formula.compute import compute
from tapeline.formula.frame import Frame
from tapeline.formula.rebase import rebase

B = bars()


def two_bar_spread(high: np.ndarray, low: np.ndarray, close: np.ndarray) -> np.ndarray:
    """Return the estimates of Corwin and Schultz's equations 14 and 18, gaps taken out, from the second bar on."""
    found = []
    for t in range(1, len(high)):
        up, down = max(low[t] - close[t - 1], 0.0), max(close[t - 1] - high[t], 0.0)
        top, bottom = high[t] - up + down, low[t] - up + down
        beta = math.log(high[t - 1] / low[t - 1]) ** 2 + math.log(top / bottom) ** 2
        gamma = math.log(max(top, high[t - 1]) / min(bottom, low[t - 1])) ** 2
        root = 3 - 2 * math.sqrt(2)
        alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / root - math.sqrt(gamma / root)
        found.append(2 * (math.exp(alpha) - 1) / (1 + math.exp(alpha)))
    return np.array(found)


def test_corwin_and_schultz_against_their_equations() -> None:
    panel = a_market(8, symbols=2, missing=0.0, rounded=False, calendar=a_calendar(10, half_days=()))
    single = two_bar_spread(*(getattr(panel, name)[:, 1] for name in ("high", "low", "close")))

    cut = values_of(panel, corwin_schultz_spread(B, 1))[:, 1]
    kept = values_of(panel, corwin_schultz_spread(B, 4, negative="keep"))[:, 1]

    np.testing.assert_allclose(cut[1:], np.maximum(single, 0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(kept[4:], np.convolve(single, np.ones(4) / 4, "valid"), rtol=1e-9, atol=1e-12)
    assert np.min(single) < 0 < np.max(single)


def a_bouncing_market(spread: float, bars_count: int = 4000, trades: int = 60) -> Panel:
    """Return bars of trades at the bid or the ask, `spread` of the price apart, around a price that wanders."""
    rng = np.random.default_rng(3)
    value = np.exp(np.cumsum(rng.normal(0, 0.0005, bars_count * trades))) * 50
    prices = (value * (1 + spread / 2 * rng.choice([-1, 1], len(value)))).reshape(bars_count, trades)
    return a_series(
        prices[:, -1].tolist(),
        open=prices[:, 0].tolist(),
        high=prices.max(axis=1).tolist(),
        low=prices.min(axis=1).tolist(),
    )


@pytest.mark.parametrize("spread", [0.005, 0.01, 0.02])
def test_estimates_find_the_spread_that_trades_were_made_with(spread: float) -> None:
    """Within a fifth, over 4,000 bars: Roll's sees the closes only, Corwin and Schultz' too few trades a bar."""
    panel = a_bouncing_market(spread)

    ranges = values_of(panel, corwin_schultz_spread(B, 3900, negative="keep"))[-1, 0]
    bounce = values_of(panel, roll_spread(log(B.close), 3900))[-1, 0]

    assert ranges == pytest.approx(spread, rel=0.2)
    assert bounce == pytest.approx(spread, rel=0.2)


def test_rolls_spread_by_its_definition() -> None:
    panel = a_market(5, symbols=1, missing=0.0, rounded=False, calendar=a_calendar(4))
    change = np.diff(panel.close[:, 0])

    found = values_of(panel, roll_spread(B.close, 10))[:, 0]
    zeroed = values_of(panel, roll_spread(B.close, 10, positive="zero"))[:, 0]

    for t in range(11, len(found)):
        now, before = change[t - 10 : t], change[t - 11 : t - 1]
        covariance = np.cov(now, before)[0, 1]
        expected = 2 * math.sqrt(-covariance) if covariance < 0 else math.nan
        np.testing.assert_allclose(found[t], expected, rtol=1e-9)
        np.testing.assert_allclose(zeroed[t], np.nan_to_num(expected), rtol=1e-9, atol=1e-12)


def test_quotes_by_hand() -> None:
    panel = a_series([10.0, 10.2, math.nan, 10.2, 10.0])
    columns = {
        "bid": [9.9, 10.0, 10.0, 10.1, math.nan],
        "ask": [10.1, 10.1, 10.2, 10.3, 10.4],
        "bid_size": [300.0, 100.0, 100.0, 0.0, 100.0],
        "ask_size": [100.0, 100.0, 100.0, 0.0, 100.0],
    }
    panel = replace(panel, series={name: np.array(values).reshape(-1, 1) for name, values in columns.items()})

    assert column_of(panel, quoted_spread(B)) == pytest.approx([0.2, 0.1, None, 0.2, None], abs=1e-12)
    assert column_of(panel, quoted_spread(B, relative=True))[0] == pytest.approx(0.02)
    assert column_of(panel, quote_imbalance(B)) == [0.5, 0.0, None, None, 0.0]
    # the second close is above the middle of 10.05; the fourth is in the middle and did not move: still the buyers';
    # of the fifth no bid is known
    assert column_of(panel, tick_imbalance(B, 1)) == [None, 1.0, None, 1.0, None]
    assert column_of(panel, tick_imbalance(B, 2, rule="tick")) == [None, None, None, 1.0, 0.0]


def test_a_slower_frame_reads_the_quote_that_stands_at_its_end() -> None:
    panel = a_market(1, symbols=1, missing=0.0, calendar=a_calendar(1, half_days=(), hours=1), quotes=True)
    panel = panel.with_series("bid", np.arange(12.0).reshape(-1, 1))
    quarter = bars("15min")

    found = values_of(panel, quarter.bid, quarter)
    rebased = rebase([B.bid], Frame(quarter.frame.ns))[B.bid]

    np.testing.assert_array_equal(found[:, 0], [2.0, 5.0, 8.0, 11.0])
    assert rebased is quarter.bid


def test_quotes_travel_with_rows_and_columns() -> None:
    panel = with_quotes(a_market(2, missing=0.0), np.random.default_rng(1))

    cut = panel.rows(3, 9).columns(1, 2)

    np.testing.assert_array_equal(cut.series["ask"], panel.series["ask"][3:9, 1:2])
    np.testing.assert_array_equal(
        compute({"s": quoted_spread(B)}, panel.columns(1, 2))["s"], compute({"s": quoted_spread(B)}, panel)["s"][:, 1:2]
    )


def test_formulas_of_quotes_refuse_data_without_them() -> None:
    with pytest.raises(DataError, match=r"A formula reads series\(\"(ask|bid)\"\), which the data does not have"):
        values_of(a_market(1), quoted_spread(B))
    with pytest.raises(DataError, match=r"Series bid is float64 of shape \(2, 2\)"):
        a_market(1).with_series("bid", np.zeros((2, 2)))


def test_real_quotes_have_the_spread_of_their_file() -> None:
    """SPY's best quotes, minute by minute: hardly ever wider than two cents, and their middle is where it trades."""
    files = {"quote": "data/lean_minute_quote.parquet", "trade": "data/lean_minute_trade.parquet"}
    spy = {name: pl.read_parquet(shared_path(file)).filter(pl.col("symbol") == "SPY") for name, file in files.items()}
    both = spy["trade"].join(spy["quote"], on=["symbol", "ts"]).sort("ts").drop_nulls()
    ends = both["ts"].dt.epoch("ns").to_numpy() + MINUTE
    wide = {name: both[name].cast(pl.Float64).to_numpy().reshape(-1, 1) for name in both.columns[2:]}
    sources = ("bid_close", "ask_close", "bid_size", "ask_size")
    quotes = {name: wide[source] for name, source in zip(QUOTES, sources, strict=True)}
    panel = Panel(("SPY",), MINUTE, ends - MINUTE, ends, *(wide[name] for name in BAR_FIELDS), series=quotes)

    found = compute(
        {"spread": quoted_spread(B), "imbalance": quote_imbalance(B), "ticks": tick_imbalance(B, 30)}, panel
    )

    np.testing.assert_allclose(found["spread"], wide["ask_close"] - wide["bid_close"])
    assert np.median(found["spread"]) == pytest.approx(0.01, abs=0.005)
    assert np.nanmin(found["imbalance"]) >= -1 and np.nanmax(found["imbalance"]) <= 1
    assert np.nanmin(found["ticks"]) >= -1 and np.nanmax(found["ticks"]) <= 1
    assert np.nanmean(np.abs(found["ticks"])) > 0.05
