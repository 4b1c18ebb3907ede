"""Formulas as arrays and as a stream: the same numbers, whatever the threads and chunks."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import talib

from tapeline import Stream, bars, bollinger, compute, explain, position, rsi, simulate_market, sma
from tapeline.domain.errors import DataError, FormulaError
from tapeline.tape.calendars import sessions


def panel(symbols: int = 130):  # type: ignore[no-untyped-def]
    calendar = sessions("XNYS", date(2024, 1, 2), date(2024, 1, 3))
    return simulate_market(5, sessions=calendar, symbols=symbols).panel


def test_arrays_are_those_of_ta_lib_on_each_symbols_existing_bars() -> None:
    market = panel(symbols=12)

    values = compute({"average": sma(bars().close, 20), "rsi": rsi(bars().close, 14)}, market)

    for column in range(12):
        exists = ~np.isnan(market.close[:, column])
        close = market.close[exists, column]
        # relative to prices of about 100; TA-Lib's running sums lose the last digits
        np.testing.assert_allclose(values["average"][exists, column], talib.SMA(close, 20), rtol=1e-11)
        np.testing.assert_allclose(values["rsi"][exists, column], talib.RSI(close, 14), rtol=1e-9)
        assert np.isnan(values["rsi"][~exists, column]).all()


def test_the_newest_value_is_that_of_each_row_and_none_of_a_later_one() -> None:
    """In a row without a bar it is the close before; on bars of the data themselves it is never a later one."""
    market = panel(symbols=12)

    found = compute({"newest": bars().close.latest()}, market)["newest"]

    for column in range(12):
        newest = np.nan
        for row, close in enumerate(market.close[:, column]):
            newest = newest if np.isnan(close) else close
            np.testing.assert_equal(found[row, column], newest)


def test_threads_and_streams_change_no_bit() -> None:
    market = panel()
    band = bollinger(bars("5min").close, 20, 2)
    formulas = {"upper": band.upper, "slow": sma(bars("30min").close, 3), "fast": rsi(bars().close, 5)}

    one = compute(formulas, market, threads=1)
    two = compute(formulas, market, threads=2)
    stream = Stream(formulas, symbols=len(market.symbols), frame="1min")

    for t in range(len(market)):
        row = stream.advance(market.rows(t, t + 1))
        for name in formulas:
            assert row[name].tobytes() == one[name][t : t + 1].tobytes(), (name, t)
    for name in formulas:
        assert one[name].tobytes() == two[name].tobytes()


def test_ranks_are_taken_over_all_symbols_whatever_the_threads() -> None:
    market = panel()

    values = compute({"rank": bars().close.rank()}, market, threads=2)["rank"]

    row = values[-1][~np.isnan(values[-1])]
    assert row.min() == 0.0
    assert row.max() == 1.0


def test_a_formula_of_the_position_is_refused_by_its_name() -> None:
    with pytest.raises(FormulaError, match=r"Formula held reads position\.\*"):
        compute({"held": position.bars_held + 1}, panel(symbols=1))


def test_an_explanation_shows_the_condition_with_the_numbers_it_saw() -> None:
    market = panel(symbols=3)
    condition = (bars().close > sma(bars().close, 3)) & (rsi(bars().close, 14) < 60)
    time_ns = int(market.end_ns[100])
    average = float(compute({"v": sma(bars().close, 3)}, market)["v"][100, 1])

    found = explain(condition, market, market.symbols[1], time_ns)

    assert found.truth == bool(compute({"v": condition}, market)["v"][100, 1])
    assert [child.text for child in found.children] == ["(close > sma(close, 3))", "(rsi(close, 14) < 60)"]
    assert f"{average:.6g}" in found.children[0].detail


def test_an_explanation_before_the_data_is_refused_with_the_first_moment() -> None:
    with pytest.raises(DataError, match=r"the data begins with a bar that ends at 2024-01-02T14:31:00Z"):
        explain(bars().close > 1, panel(symbols=1), "SIM01", "2024-01-01")
