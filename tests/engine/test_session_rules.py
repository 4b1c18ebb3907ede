"""Entry windows, flat before the close, and the position's own clock, on real calendar days.

On 3 July 2018 New York closed at 13:00, 17:00 UTC; the fourth was a holiday; the fifth was a whole day, 13:30 to 20:00.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from bar_tables import bars_of
from engine.acts import MARGIN, Told, bar, fills, run
from tapeline import Market, Panel, SessionWindow, bars, distance, fixed_quantity, position, session
from tapeline.formula.node import Node

HALF_DAY = bars_of(
    """
          A
    2018-07-03
    13:31 100
    13:34 100
    13:35 100
    13:36 100
    16:48 101
    16:49 101
    16:50 102
    16:51 103
    16:52 104
    17:00 105
    2018-07-05
    13:31 106
    19:50 107
    19:51 108
    20:00 109
    """,
    calendar="XNYS",
)


def entry_times(strategy: Told, panel: Panel = HALF_DAY) -> list[str]:
    """Return when each entry was decided."""
    found = run(strategy, panel).orders
    return [str(time.astype("datetime64[ns]"))[5:16] for time in found["decided_ns"][found["purpose"] == 1]]


class Always(Told):
    """In whenever it may, out at once, so that every row in which it may enter shows."""

    enter_long = bar.close > 0
    exit_long = bar.close > 0


def test_entries_keep_to_their_window_also_on_a_half_day() -> None:
    """From five minutes after the open, 13:35, until more than ten before the close: 16:49, and 19:49 on a whole day.

    In and out in turns: an entry fills in the next bar, which decides the exit, which fills in the one after.
    """

    class Windowed(Always):
        entry_window = SessionWindow(after_open_minutes=5, before_close_minutes=10)

    # 13:35 in, out by 16:48's open; 16:48 in, sold at 16:50's open, where the window has closed for the day
    assert entry_times(Windowed()) == ["07-03T13:35", "07-03T16:48"]


def test_without_a_window_entries_are_allowed_all_day() -> None:
    assert entry_times(Always())[:2] == ["07-03T13:31", "07-03T13:35"]


def test_what_is_held_is_sold_before_the_close_of_a_half_day() -> None:
    """Ten minutes before 17:00 it is told out; the next open is 16:51's."""

    class Flat(Told):
        enter_long = bar.close == 100
        flat_before_close_minutes = 10

    assert fills(run(Flat(), HALF_DAY)) == [
        "13:34 open BUY 10 A 100.00 entry",
        "16:51 open SELL 10 A 103.00 flat_before_close",
    ]


def test_nothing_is_entered_in_the_minutes_before_the_close() -> None:
    class Flat(Told):
        enter_long = bar.close >= 102
        flat_before_close_minutes = 10

    # 16:50 is ten minutes before the close; on 5 July 19:50 is
    assert fills(run(Flat(), HALF_DAY)) == [
        "19:50 open BUY 10 A 107.00 entry",
        "19:51 open SELL 10 A 108.00 flat_before_close",
    ]


def test_the_strategys_slower_frame_does_not_delay_the_flat_minutes() -> None:
    """Decisions on half hours; 16:50 is none of their ends, and closes all the same."""

    class Slow(Told):
        frame = "30min"
        enter_long = bars("30min").close == 100
        exit_long = None
        flat_before_close_minutes = 10

    # the half hour that ended at 14:00 is read at the next row there is, that of 16:48
    assert fills(run(Slow(), HALF_DAY)) == [
        "16:49 open BUY 10 A 101.00 entry",
        "16:51 open SELL 10 A 103.00 flat_before_close",
    ]


THREE_DAYS = bars_of(
    """
          A
    2018-07-02
    13:31 100 111
    13:32 100 103 98 101
    13:33 101 102 99 100
    20:00 100
    2018-07-03
    13:31 102
    17:00 103
    2018-07-05
    13:31 104
    13:32 104
    20:00 104
    """,
    calendar="XNYS",
)
"""Bought at the open of the bar that ends on 2 July 13:32, at 100, with a stop 5 below."""

EXITS: dict[str, tuple[Node, str]] = {
    # 13:32 is the first bar held, 13:33 the second, 20:00 the third; the fill is in the bar after
    "three bars": (position.bars_held >= 3, "07-03T13:31 102.00"),
    "five bars": (position.bars_held >= 5, "07-05T13:31 104.00"),
    # the second session is that of 3 July, the third that of the fifth: the fourth was a holiday
    "one night": (position.sessions_held >= 1, "07-03T17:00 103.00"),
    "two nights": (position.sessions_held >= 2, "07-05T13:32 104.00"),
    "the high since the entry": (position.highest_since_entry >= 103, "07-02T13:33 101.00"),
    "higher than it ever was, until 3 July's close": (position.highest_since_entry > 103, "07-05T13:32 104.00"),
    "the low since the entry": (position.lowest_since_entry <= 98, "07-02T13:33 101.00"),
    # 2 above 100 with 5 at risk is 0.4
    "a gain of 0.4 risks": (position.unrealized_r >= 0.4, "07-03T17:00 103.00"),
    "a gain of 0.41 risks": (position.unrealized_r >= 0.41, "07-05T13:31 104.00"),
    "a gain of one": (position.unrealized >= 1, "07-02T13:33 101.00"),
    # 20:00 of 2 July is 388 minutes after 13:32, and 17:00 is the close of 3 July
    "388 minutes": (position.minutes_held >= 388, "07-03T13:31 102.00"),
    "no minute to the close": (position.minutes_to_close <= 0, "07-03T13:31 102.00"),
    "387 minutes to the close": (position.minutes_to_close <= 387, "07-02T20:00 100.00"),
    "209 minutes to a half day's close": (
        (position.minutes_to_close <= 209) & (position.sessions_held == 1),
        "07-03T17:00 103.00",
    ),
    "the price paid": ((position.entry_price == 100) & (bar.close == 103), "07-05T13:31 104.00"),
    "the quantity": ((position.quantity == 10) & (bar.close == 103), "07-05T13:31 104.00"),
    "the stop": ((position.stop_price == 95) & (bar.close == 103), "07-05T13:31 104.00"),
}


@pytest.mark.parametrize("case", EXITS)
def test_the_position_is_what_one_counts_by_hand(case: str) -> None:
    rule, expected = EXITS[case]
    strategy = type("Timed", (Told,), {"exit_long": rule, "stop": distance(5)})()

    executions = run(strategy, THREE_DAYS).executions

    assert len(executions) == 2
    sold = executions[1]
    assert f"{str(sold['time_ns'].astype('datetime64[ns]'))[5:16]} {sold['price']:.2f}" == expected


def test_bars_held_are_those_of_the_decision_frame() -> None:
    """Bought at 14:06's open; the five-minute bars that end at 14:10 and 14:15 are the first two."""
    table = "A\n" + "\n".join(f"14:{minute:02} {100 + minute}" for minute in range(1, 20))

    class Slow(Told):
        frame = "5min"
        enter_long = bars("5min").close == 105
        exit_long = position.bars_held >= 2
        size = fixed_quantity(1)

    assert fills(run(Slow(), bars_of(table))) == [
        "14:06 open BUY 1 A 106.00 entry",
        "14:16 open SELL 1 A 116.00 exit_rule",
    ]


def test_a_bar_that_is_missing_is_not_counted_as_held() -> None:
    class Two(Told):
        exit_long = position.bars_held >= 2

    panel = bars_of("""
              A       | B
        14:31 100 111 | 50
        14:32 101     | 50
        14:33 -       | 50
        14:34 -       | 50
        14:35 102     | 50
        14:36 103     | 50
    """)

    assert fills(run(Two(), panel))[1] == "14:36 open SELL 10 A 103.00 exit_rule"


def test_a_fill_inside_a_bar_knows_only_that_bars_close() -> None:
    """A short from a latency of half a minute: the high of 105 may have come before the fill, the close did not."""

    class Short(Told):
        enter_long = None
        enter_short = bar.volume == 333
        exit_short = position.highest_since_entry >= 105

    panel = bars_of("""
              A
        14:31 100 333
        14:32 100 105 100 102
        14:33 102 104 102 103
        14:34 103 105 103 103
        14:35 103
        14:36 103
    """)
    result = run(Short(), panel, replace(MARGIN, market=Market(latency_s=30)))

    # filled inside 14:32 at the worse of open and middle, 100; 105 is seen at 14:34, sold late inside 14:35
    assert fills(result) == ["14:32 inside SELL 10 A 100.00 entry", "14:35 inside BUY 10 A 103.00 exit_rule"]


TIMED: dict[str, dict[str, object]] = {
    "minutes to the close": {"exit_long": position.minutes_to_close <= 2},
    "sessions held": {"exit_long": position.sessions_held >= 0},
    "an entry window": {"entry_window": SessionWindow(after_open_minutes=2)},
    "flat before the close": {"flat_before_close_minutes": 2},
    "the session's clock": {"exit_long": session.minutes_to_close <= 2},
}


@pytest.mark.parametrize("case", TIMED)
def test_without_a_calendar_there_is_no_session_to_act_on(case: str) -> None:
    """Unknown both ways: the end of the data is no close, and nobody knows of it before."""
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 101
        14:34 102
        14:35 103
    """)

    result = run(type("Timed", (Told,), TIMED[case])(), panel)

    assert fills(result) == ["14:32 open BUY 10 A 100.00 entry"]
    assert set(result.session.tolist()) == {-1}
