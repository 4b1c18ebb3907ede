"""Measures over round trips and executions, against arithmetic done by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.analysis.trades import (
    Executions,
    RoundTrips,
    execution_measures,
    exposure_share,
    longest_run,
    round_trip_measures,
)
from tapeline.domain.errors import DataError
from tapeline.domain.times import HOUR, MINUTE


def round_trips(net_pnl, **columns):
    """Return round trips of one hour each, one after the other, long unless told otherwise."""
    size = len(net_pnl)
    entry = np.arange(size) * HOUR
    table = {"side": np.ones(size), "entry_ns": entry, "exit_ns": entry + HOUR, "net_pnl": np.array(net_pnl)}
    return RoundTrips.from_columns({**table, **{name: np.array(values) for name, values in columns.items()}})


def test_the_example_of_the_module():
    found = round_trip_measures(round_trips([300.0, -100.0, 200.0, -100.0]))

    assert found["round_trips"] == 4
    assert found["win_rate"] == 0.5
    assert found["profit_factor"] == 2.5
    assert found["payoff"] == 2.5
    assert found["expectancy"] == 75.0
    assert (found["average_win"], found["average_loss"]) == (250.0, -100.0)
    assert (found["largest_win"], found["largest_loss"]) == (300.0, -100.0)
    assert found["round_trip_net_pnl"] == 300.0


def test_a_round_trip_of_zero_is_neither_a_win_nor_a_loss_and_ends_a_streak():
    found = round_trip_measures(round_trips([10.0, 10.0, 0.0, 10.0, -5.0]))

    assert (found["wins"], found["losses"]) == (3, 1)
    assert found["win_rate"] == 0.6
    assert found["longest_win_streak"] == 2
    assert found["expectancy"] == 5.0


def test_streaks_run_in_order_of_the_exits():
    # By entry the results are + - + -; the second exits last but one, the third before it.
    trips = round_trips([1.0, -1.0, 1.0, -1.0], exit_ns=np.array([5, 8, 6, 9]) * HOUR)

    found = round_trip_measures(trips)

    assert (found["longest_win_streak"], found["longest_loss_streak"]) == (2, 2)


def test_without_a_loss_there_is_no_profit_factor_and_no_payoff():
    found = round_trip_measures(round_trips([10.0, 20.0]))

    assert found["losses"] == 0
    for name in ("profit_factor", "payoff", "average_loss", "largest_loss", "average_loss_holding_s"):
        assert math.isnan(found[name]), name


def test_without_a_win_the_profit_factor_is_zero_and_the_payoff_unknown():
    found = round_trip_measures(round_trips([-10.0]))

    assert found["profit_factor"] == 0.0
    assert math.isnan(found["payoff"])


def test_no_round_trips_have_counts_and_sums_of_zero_and_nothing_else():
    found = round_trip_measures(round_trips([]))

    known = {name for name, value in found.items() if not math.isnan(value)}
    assert all(found[name] == 0.0 for name in known)
    assert known == {
        "round_trips",
        "wins",
        "losses",
        "round_trip_net_pnl",
        "longest_win_streak",
        "longest_loss_streak",
        "r_count",
        "long_round_trips",
        "long_net_pnl",
        "short_round_trips",
        "short_net_pnl",
    }


def test_r_multiples_are_those_of_the_round_trips_that_had_a_stop():
    found = round_trip_measures(round_trips([30.0, -10.0, 7.0], r_multiple=[3.0, -1.0, math.nan]))

    assert found["r_count"] == 2
    assert found["expectancy_r"] == 1.0
    assert (found["largest_win_r"], found["largest_loss_r"]) == (3.0, -1.0)


def test_excursions_are_averaged_where_they_are_known():
    found = round_trip_measures(round_trips([1.0, 2.0], mae=[-4.0, math.nan], mfe=[2.0, 6.0]))

    assert found["average_mae"] == -4.0
    assert found["average_mfe"] == 4.0


def test_long_and_short_are_told_apart():
    found = round_trip_measures(round_trips([10.0, -4.0, 6.0], side=[1, -1, -1]))

    assert (found["long_round_trips"], found["long_net_pnl"], found["long_win_rate"]) == (1, 10.0, 1.0)
    assert (found["short_round_trips"], found["short_net_pnl"], found["short_win_rate"]) == (2, 2.0, 0.5)


def test_holding_is_the_time_between_first_and_last_fill():
    trips = round_trips([10.0, -4.0], entry_ns=[0, HOUR], exit_ns=[10 * MINUTE, HOUR + 30 * MINUTE])

    found = round_trip_measures(trips)

    assert found["average_holding_s"] == 1200.0
    assert (found["average_win_holding_s"], found["average_loss_holding_s"]) == (600.0, 1800.0)


def test_a_structured_array_says_the_same_as_a_mapping():
    rows = [(1, 0, HOUR, 5.0, "AAPL"), (-1, HOUR, 2 * HOUR, -2.0, "MSFT")]
    fields = [("side", "i1"), ("entry_ns", "i8"), ("exit_ns", "i8"), ("net_pnl", "f8"), ("symbol", "U8")]

    found = round_trip_measures(RoundTrips.from_columns(np.array(rows, dtype=fields)))

    same = round_trip_measures(round_trips([5.0, -2.0], side=[1, -1]))
    np.testing.assert_equal(found, same)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"net_pnl": [1.0]}, "no column 'side'"),
        ({"side": [1], "entry_ns": [0], "exit_ns": [1], "net_pnl": [1.0, 2.0]}, "'net_pnl' 2"),
        ({"side": [1], "entry_ns": [0], "exit_ns": [1], "net_pnl": [math.nan]}, "0 has net_pnl nan"),
        ({"side": [0], "entry_ns": [0], "exit_ns": [1], "net_pnl": [1.0]}, "it must be 1 or -1"),
        ({"side": [1], "entry_ns": [5], "exit_ns": [1], "net_pnl": [1.0]}, "at or after entry_ns"),
    ],
)
def test_columns_that_cannot_be_are_refused(columns, sentence):
    with pytest.raises(DataError, match=sentence):
        RoundTrips.from_columns(columns)


def test_costs_and_turnover_by_hand():
    fills = Executions.from_columns(
        {"notional": [50_000.0, -50_000.0], "commission": [5.0, 7.0], "slippage": [10.0, -2.0]}
    )

    found = execution_measures(fills, mean_equity=200_000.0, years=0.25)

    assert found["executions"] == 2
    assert found["traded_notional"] == 100_000.0
    assert (found["turnover"], found["turnover_annual"]) == (0.5, 2.0)
    assert (found["commission_total"], found["slippage_total"], found["costs_total"]) == (12.0, 8.0, 20.0)
    assert found["costs_bps"] == pytest.approx(2.0)


def test_unknown_slippage_leaves_the_commission_as_the_cost():
    fills = Executions.from_columns({"notional": [1000.0], "commission": [1.0]})

    found = execution_measures(fills, mean_equity=1000.0, years=1.0)

    assert math.isnan(found["slippage_total"])
    assert found["costs_bps"] == pytest.approx(10.0)


def test_no_executions_cost_nothing_and_have_no_rate():
    fills = Executions.from_columns({"notional": [], "commission": []})

    found = execution_measures(fills, mean_equity=1000.0, years=0.0)

    assert (found["costs_total"], found["slippage_total"], found["turnover"]) == (0.0, 0.0, 0.0)
    assert math.isnan(found["costs_bps"])
    assert math.isnan(found["turnover_annual"])


def test_an_execution_without_a_commission_is_refused():
    with pytest.raises(DataError, match="Execution 1 has commission nan"):
        Executions.from_columns({"notional": [1.0, 1.0], "commission": [0.0, math.nan]})


def test_exposure_counts_the_rows_with_an_open_round_trip_once():
    # Open from 1 to 4 and from 2 to 3, and from 6 to 7; rows 0 to 9.
    trips = round_trips([1.0, 1.0, 1.0], entry_ns=[1, 2, 6], exit_ns=[4, 3, 7])

    assert exposure_share(trips, np.arange(10)) == pytest.approx(0.4)


def test_no_rows_have_no_exposure():
    assert math.isnan(exposure_share(round_trips([]), np.zeros(0, np.int64)))


@given(st.lists(st.booleans()))
def test_the_longest_run_is_the_longest_of_all_stretches(condition):
    text = "".join("x" if one else " " for one in condition)

    assert longest_run(np.array(condition, dtype=bool)) == max((len(part) for part in text.split()), default=0)


@given(st.lists(st.floats(-1e6, 1e6, width=32), max_size=40), st.floats(0.01, 100.0))
def test_ratios_do_not_depend_on_the_currency(net_pnl, factor):
    here = round_trip_measures(round_trips(net_pnl))
    there = round_trip_measures(round_trips([value * factor for value in net_pnl]))

    for name in ("win_rate", "profit_factor", "payoff", "longest_win_streak", "longest_loss_streak"):
        assert there[name] == pytest.approx(here[name], rel=1e-9, nan_ok=True), name
    assert not any(math.isinf(value) for value in here.values())
