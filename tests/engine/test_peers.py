"""The peers' workloads: the published final equities to the cent, and plain loops trade by trade.

The figures are those of bench/PEERS.md: vectorbt, backtesting.py (W3) and a hand-written loop agree on them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.peers import Trade, benchmark, bracket_trades, cross_trades
from tapeline import Panel, Result, RunSettings, backtest, backtest_each, sweep

ROWS = 60_000
"""As many bars as plain Python loops over in a second."""


def cents(amount: float) -> str:
    return f"{amount:,.2f}"


def test_w1_the_cross_on_one_symbol() -> None:
    bench = benchmark()
    panel = bench.panel_of("W1")

    result = backtest(bench.Cross(), panel, bench.settings_of(panel, bench.workload.CASH))

    assert (cents(result.final_equity), len(result.round_trips)) == ("3,032.14", 5_088)


def test_w2_the_cross_on_a_hundred_symbols_with_cash_apart() -> None:
    bench = benchmark()
    panel = bench.panel_of("W2")

    results = backtest_each(bench.Cross(), panel, bench.settings_of(panel, bench.workload.CASH / 100))

    assert len(results) == 100
    assert cents(sum(result.final_equity for result in results)) == "90,590,858.66"
    assert sum(len(result.round_trips) for result in results) == 8_882


@pytest.mark.parametrize(("rounding", "equity"), [("none", "99,629,833.45"), ("cent", "99,629,833.36")])
def test_w3_brackets(rounding: str, equity: str) -> None:
    bench = benchmark()
    panel = bench.panel_of("W3")
    settings = bench.settings_of(panel, bench.workload.CASH, "touch")

    result = backtest(bench.Bracket(), panel, with_rounding(settings, rounding))

    assert (cents(result.final_equity), len(result.round_trips)) == (equity, 1_929)


def test_w4_a_hundred_parameter_pairs() -> None:
    bench = benchmark()
    panel = bench.panel_of("W4")
    pairs = [{"fast_bars": fast, "slow_bars": slow} for fast, slow in bench.workload.W4_PAIRS]

    results = sweep(bench.Cross, panel, pairs, bench.settings_of(panel, bench.workload.CASH))

    assert cents(sum(result.final_equity for result in results)) == "5,040,250,325.11"
    assert sum(len(result.round_trips) for result in results) == 34_674


def test_the_cross_agrees_with_a_plain_loop_trade_by_trade() -> None:
    bench = benchmark()
    load = bench.workload
    panel = bench.panel_of("W1").rows(0, ROWS)
    expected, equity = cross_trades(panel, load.CASH, load.FEE, load.TRADE_FROM)

    result = backtest(bench.Cross(), panel, bench.settings_of(panel, load.CASH))

    assert len(expected) > 500
    # quantities have eight decimals; each trade passes the last digit's difference on to the next one's cash
    assert_same_trades(result, panel, expected, quantity=1e-9)
    assert result.final_equity == pytest.approx(equity, rel=1e-9)


def test_brackets_agree_with_a_plain_loop_trade_by_trade() -> None:
    bench = benchmark()
    load = bench.workload
    panel = bench.panel_of("W3").rows(0, ROWS)
    expected, equity = bracket_trades(panel, load.CASH, load.FEE, load.TRADE_FROM, load.QTY)

    result = backtest(bench.Bracket(), panel, bench.settings_of(panel, load.CASH, "touch"))

    assert len(expected) > 500
    assert_same_trades(result, panel, expected, quantity=0.0)
    assert cents(result.final_equity) == cents(equity)


def with_rounding(settings: RunSettings, rounding: str) -> RunSettings:
    return replace(settings, market=replace(settings.market, commission_rounding=rounding))  # type: ignore[arg-type]


def assert_same_trades(result: Result, panel: Panel, expected: list[Trade], quantity: float) -> None:
    """Compare times and entry prices exactly, quantities and gains within a relative tolerance."""
    trips = result.round_trips
    assert len(trips) == len(expected)
    ends = panel.end_ns.tolist()
    for trip, trade in zip(trips, expected, strict=True):
        found = (trip["entry_ns"], trip["exit_ns"], trip["entry_price"])
        assert found == (ends[trade.entry_row], ends[trade.exit_row], trade.entry_price)
        # an average over its fills, so the last bits of a quotient may differ
        assert trip["exit_price"] == pytest.approx(trade.exit_price, rel=1e-14)
    np.testing.assert_allclose(trips["quantity"], [trade.quantity for trade in expected], rtol=quantity)
    # a gain is a difference of large amounts: its error is measured by what was traded
    traded = np.array([trade.quantity * trade.entry_price for trade in expected])
    gained = np.array([trade.net_pnl for trade in expected])
    assert float(np.max(np.abs(trips["net_pnl"] - gained) / traded)) < 1e-9
