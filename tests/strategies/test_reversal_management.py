"""What the reversal does with a trade at each close, and every way out of it; by hand arithmetic.

Each trade buys 200 at 100 with its stop at 95: one R is 5, so 107.50 is 1.5 R and 110 is 2 R. Its target is 130 unless
a test says so. Row 0 decides, row 1 fills; row 1 is the first close of the trade.
"""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.acts import fills, orders
from engine.builders import SETTINGS
from strategies.told_reversal import A_PLUS, CLASS_A, Told, chosen, market, notes, told
from tapeline import Result, backtest, replay
from tapeline.strategies.reversal_journal import trade_rows
from tapeline.strategies.reversal_memory import Decision

ONCE = {0: A_PLUS}


def managed(rows: list[Any], settings: Any = None, **values: Any) -> tuple[Result, list[Decision]]:
    values = {"setup_class": ONCE, "target": 130, **values}
    return told([100, 100, *rows], settings, **values)


def exits(log: list[Decision]) -> list[str]:
    return [str(one["reason"]) for one in notes(log, "exit")]


def stops(log: list[Decision]) -> list[tuple[str, float]]:
    return [(str(one["reason"]), float(one["stop"])) for one in notes(log, "move_stop")]


def test_at_one_and_a_half_r_the_stop_goes_to_the_entry() -> None:
    _, below = managed([107.49, 107])
    result, log = managed([107.5, 107, [107, 107, 99, 99]])

    assert stops(below) == []
    assert stops(log) == [("break even", 100.0)]
    assert fills(result)[1] == "15:45 inside SELL 200 A 100.00 stop"


def test_a_high_alone_moves_nothing_gains_are_those_of_closes() -> None:
    _, log = managed([[100, 112, 100, 107]])

    assert log[1:] == []


def test_r_is_measured_from_the_fill_to_the_stop() -> None:
    """Filled at 101: R is 6, and 1.5 R is 110."""
    _, log = told([100, [101, 101, 101, 101], 109.99, 110], setup_class=ONCE, target=130)

    assert [(one.time_ns // 60_000_000_000 % 60, one.notes["stop"]) for one in log[1:]] == [(30, 101.0)]


def test_at_two_r_half_is_sold_and_a_new_pair_protects_the_rest_at_one_r() -> None:
    result, log = managed([110, 110, [110, 110, 104, 104]])

    assert fills(result) == [
        "15:00 open BUY 200 A 100.00 entry",
        "15:30 open SELL 100 A 110.00 scale_out",
        "15:45 inside SELL 100 A 105.00 stop",
    ]
    assert orders(result)[3:] == [
        "15:15 SELL MARKET 100 A FILLED",
        "15:15 SELL STOP 100 A 105 FILLED",
        "15:15 SELL LIMIT 100 A 130 CANCELED one_cancels_other",
    ]
    assert notes(log, "scale_out") == [{"reason": "first target", "stop": 105.0}]


def test_half_is_sold_once() -> None:
    result, _ = managed([110, 110, 111, 120])

    assert [line.split()[-1] for line in fills(result)] == ["entry", "scale_out"]


def test_one_share_is_not_halved_but_its_stop_goes_to_one_r() -> None:
    result, _ = managed([110, 110, [110, 110, 104, 104]], chosen(risk_per_trade=0.00005))

    assert fills(result)[1:] == ["15:45 inside SELL 1 A 105.00 stop"]


def test_after_two_r_the_stop_follows_one_tick_under_each_higher_low_and_never_down() -> None:
    lows = {2: 104, 3: 107, 4: 106, 6: 109}
    result, log = managed([110, 110, 111, 112, 113, 114], higher_low={**lows, 5: math.nan})

    # the low of row 2 comes with the sale, that of row 4 is below the stop
    assert stops(log) == [("higher low", 106.99), ("higher low", 108.99)]
    assert "15:15 SELL STOP 100 A 108.99 NEW" in orders(result)


def test_before_two_r_the_stop_does_not_follow() -> None:
    _, log = managed([107, 107], higher_low=99)

    assert stops(log) == []


def test_the_second_target_closes_what_is_left_but_only_after_the_first() -> None:
    result, log = managed([105, 110, 110, 112, 112], second_target={2: 1, 3: 1, 5: 1})

    assert exits(log) == ["second target"]
    assert fills(result)[2] == "16:15 open SELL 100 A 112.00 exit_rule"


def test_a_runner_of_a_fifth_of_the_entry_stays_without_target_until_the_histogram_falls() -> None:
    """40 of 200 run beyond 130, where the target stood. Bars of the confirmation frame end in rows 3, 7, 11."""
    rows = [110, 112, 112, 131, 140, 141, 141, 139, 139, 139]
    result, log = managed(rows, chosen(runner_share=0.2), second_target={4: 1}, runner_ends={5: 1, 11: 1})

    assert [(line.split()[0], line.split()[3], line.split()[-1]) for line in fills(result)] == [
        ("15:00", "200", "entry"),
        ("15:30", "100", "scale_out"),
        ("16:00", "60", "scale_out"),
    ]
    assert exits(log) == ["runner"]
    assert not [line for line in orders(result) if line.startswith("15:45") and "LIMIT" in line]


@pytest.mark.parametrize("name", ["oscillator_exit"])
def test_the_oscillator_rule_closes_the_trade(name: str) -> None:
    result, log = managed([101, 102, 102], **{name: {2: 1}})

    assert exits(log) == ["oscillator"]
    assert fills(result)[1] == "15:30 open SELL 200 A 102.00 exit_rule"


def test_an_unknown_condition_closes_nothing() -> None:
    names = ("oscillator_exit", "second_target", "near_upper", "above_upper", "under_middle", "runner_ends")
    _, log = managed([101, 111, 111, 112], **dict.fromkeys(names, math.nan))

    assert exits(log) == []


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        ({"near_upper": {3: 1}, "under_middle": {7: 1}}, ["upper band failed"]),
        ({"near_upper": {7: 1}, "under_middle": {7: 1}}, ["upper band failed"]),
        ({"under_middle": {3: 1, 7: 1}}, []),  # the upper band was never tested
        ({"near_upper": {3: 1}, "above_upper": {3: 1}, "under_middle": {7: 1}}, []),  # a close above it
        ({"near_upper": {4: 1, 5: 1}, "under_middle": {7: 1}}, []),  # no bar of the frame ended there
        ({"near_upper": {0: 1}, "under_middle": {7: 1}}, []),  # before the entry
        ({"near_upper": {3: 1}, "under_middle": {5: 1}}, []),
    ],
)
def test_a_failed_test_of_the_upper_band_closes_under_the_middle(values: Any, reasons: list[str]) -> None:
    """Bars of the confirmation frame end in rows 3 and 7."""
    _, log = managed([101] * 8, **values)

    assert exits(log) == reasons


def test_sixteen_bars_without_one_r_are_enough() -> None:
    """The fill is in row 1, so that row 16 is the sixteenth bar."""
    result, log = managed([104.99] * 18)
    _, reached = managed([105] + [101] * 18)

    assert exits(log) == ["no progress"]
    assert fills(result)[1].startswith("19:00 open SELL")
    assert exits(reached) == []


def test_a_scalp_is_closed_a_quarter_of_an_hour_before_the_close_and_none_is_begun() -> None:
    """Row 24 ends at 20:45 UTC, which is 15:45 in New York."""
    setups = {"setup_class": {20: A_PLUS, 24: A_PLUS, 25: A_PLUS}}
    result, log = told([100] * 28, **setups)

    assert fills(result)[:2] == ["20:00 open BUY 200 A 100.00 entry", "21:00 open SELL 200 A 100.00 flat_before_close"]
    assert exits(log) == ["flat before close"]
    # the close of the session is no time for a scalp either
    assert len(fills(result)) == 2


def test_a_swing_is_held_over_night_and_ends_with_its_third_session() -> None:
    """Filled in row 21; sessions end with rows 25, 51 and 77. Its bars are those of the confirmation frame."""
    rows = [100] * 21 + [105] * 60
    counts = {"managed_bars": {row: (row + 1) // 4 for row in range(81)}}
    result, log = told(rows, chosen(trade_type="swing"), setup_class={20: A_PLUS}, target=130, **counts)

    assert exits(log) == ["sessions"]
    assert int(log[-1].time_ns - market(rows).end_ns[76]) == 0
    assert [line.split()[-1] for line in fills(result)] == ["entry", "exit_rule"]


def test_the_oscillator_of_a_swing_is_asked_when_a_bar_of_its_frame_ends() -> None:
    counts = {"managed_bars": {row: (row + 1) // 4 for row in range(12)}}
    _, log = managed([101] * 10, chosen(trade_type="swing"), oscillator_exit={5: 1, 7: 1}, **counts)

    assert exits(log) == ["oscillator"]
    assert log[-1].time_ns == market([1] * 12).end_ns[7]


def test_a_stop_that_was_left_behind_by_the_open_sells_at_the_open() -> None:
    result, log = managed([[90, 91, 90, 90]])

    assert fills(result)[1] == "15:15 open SELL 200 A 90.00 stop"
    assert result.round_trips["r_multiple"].tolist() == [-2.0]
    assert exits(log) == []


AGAIN = [100, 100, 110, [111, 111, 111, 111], [111, 111, 104, 104], 106]
"""Half off at 111, the rest at the stop of 105 in row 4: a profit of 1,600."""


def again(settings: Any = None, rows: list[Any] | None = None, **values: Any) -> tuple[Result, list[Decision]]:
    rows = rows or AGAIN + [106] * 12
    stop = {0: 95, **dict.fromkeys(range(1, len(rows)), 101)}
    return told(rows, settings, **{"setup_class": ONCE, "target": 130, "stop": stop, **values})


def entered(log: list[Decision]) -> list[tuple[bool, str]]:
    return [(bool(one["again"]), str(one["class"])) for one in notes(log, "enter")]


def test_after_a_profit_the_symbol_is_entered_again_with_a_stop_and_size_of_its_own() -> None:
    """1 % of 101,600 over 106 - 101 are 203 shares; a fifth of it buys 191."""
    result, log = again(again={6: 1})

    assert entered(log) == [(False, "A+"), (True, "A+")]
    assert fills(result)[3] == "16:30 open BUY 191 A 106.00 entry"
    assert result.orders["stop_price"][-2] == 101.0


def test_entering_again_is_for_ten_bars() -> None:
    """The exit lies in row 4, so that row 14 is the last."""
    assert len(entered(again(again={14: 1})[1])) == 2
    assert len(entered(again(again={15: 1})[1])) == 1


def test_a_loss_is_not_entered_again_nor_is_an_unknown_condition_true() -> None:
    _, after_loss = told([100, 100, [100, 100, 94, 94], 100, 100], setup_class=ONCE, again={3: 1})
    _, unknown = again(again=math.nan)

    assert len(entered(after_loss)) == len(entered(unknown)) == 1


def test_a_symbol_is_entered_again_once_per_session() -> None:
    """The second trade pays as well, in row 9; the session has no third."""
    rows = [*AGAIN, 106, [106, 131, 106, 131], 131, 131, 131, 131]

    _, log = again(rows=rows, again={6: 1, 8: 1, 9: 1}, stop={0: 95, 6: 101, 8: 126, 9: 126}, target=130)

    assert len(entered(log)) == 2


def test_entering_again_keeps_the_class_and_its_half_size_and_needs_no_grade() -> None:
    """The first is 100 shares, half off at 111, the rest at 105: 100,800. Half of floor(1,008 / 5) are 100 shares."""
    result, log = again(setup_class={0: CLASS_A}, again={6: 1}, grade={0: 3, 6: 0})

    assert entered(log)[1] == (True, "A")
    assert [line.split()[3] for line in fills(result) if "BUY" in line] == ["100", "100"]


def test_a_row_per_trade_tells_setup_excursions_exit_costs_and_slippage() -> None:
    """Bought at 101 where 100 was decided on; half sold at 111 for a close of 111; the rest falls through 107 to 105.

    R is 6: 113 is 2 R, and 1 R 107. The low is 105, the high 114.
    """
    rows = [100, [101, 101, 101, 101], 113, [112, 114, 112, 112], [106, 106, 105, 105]]
    strategy = Told()
    panel = market(rows, setup_class=ONCE, target=130)
    result = backtest(strategy, panel, SETTINGS["cash"])

    (row,) = trade_rows(result.symbols, result.round_trips, result.orders, result.executions, strategy.log)

    assert (row["class"], row["grade"], row["state"], row["score"]) == ("A+", "A+", "BottomActive", 80.0)
    assert (row["quantity"], row["entry_price"], row["exit_price"]) == (200.0, 101.0, 109.0)  # (112 + 106) / 2
    assert (row["net_pnl"], row["r_multiple"]) == (1600.0, pytest.approx(1600 / 1200))
    assert (row["mae"], row["mfe"]) == (0.0, 2600.0)
    assert (row["exit_reason"], row["stop_reason"], row["commission"]) == ("stop", "first target", 0.0)
    # 200 bought 1 above the decision, 100 sold 1 below it, 100 sold 1 below the stop
    assert row["slippage"] == 400.0
    replay([strategy], panel, ":memory:", SETTINGS["cash"])
    assert trade_rows(result.symbols, result.round_trips, result.orders, result.executions, strategy.log) == [row]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_act_is_the_same_both_ways_with_costs_latency_and_small_volumes(settings: str) -> None:
    """A trade to its half and its stop, then one that is entered again and leaves a runner behind."""
    first = [100, 100, 110, 111, [111, 111, 108, 108], [108, 108, 104, 104], 104, [104, 104, 103, 103]]
    rows = [*first, 106, 106, 106, 116, 116, 118, 118, 120, 120, 120, [117, 117, 100, 100], 100, 100]
    values: dict[str, Any] = {"setup_class": ONCE, "again": {8: 1}, "target": 130, "stop": {0: 95, 8: 101}}
    values |= {"higher_low": {14: 112}, "second_target": {15: 1, 16: 1}}

    result, _ = told(rows, chosen(runner_share=0.2), SETTINGS[settings], **values)

    assert len(result.executions) >= 6
    assert len(result.round_trips) == 2
