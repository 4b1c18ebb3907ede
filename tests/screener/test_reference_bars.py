"""The referee's sessions and frames, against bars written by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime

from screener.reference.bars import MINUTE, BaseBar, Session, build_symbol, frame_ends
from screener.reference.files import sessions_between
from screener.reference.logic import above, at_least, at_most, below, both, count, either, lowest, mean
from screener.reference.watchlist import latest_end


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


# 24 November 2025 is a full day in winter time, the 28th ends at 13:00 in New York.
FULL = Session(ns("2025-11-24T14:30"), ns("2025-11-24T21:00"))
HALF = Session(ns("2025-11-28T14:30"), ns("2025-11-28T18:00"))


def a_bar(time: str, price: float, volume: float = 1.0) -> BaseBar:
    return BaseBar(ns(time), price, price + 1, price - 1, price + 0.5, volume)


def test_the_calendar_knows_half_days_and_the_change_of_clocks() -> None:
    assert sessions_between(date(2025, 11, 28), date(2025, 11, 30)) == [HALF]
    spring = sessions_between(date(2018, 3, 9), date(2018, 3, 12))
    assert [session.open for session in spring] == [ns("2018-03-09T14:30"), ns("2018-03-12T13:30")]


def test_frames_end_on_the_hour_of_the_session_and_with_it() -> None:
    minutes = [(end - FULL.open) // MINUTE for end in frame_ends(FULL, 60 * MINUTE)]

    assert minutes == [60, 120, 180, 240, 300, 360, 390]
    assert [(end - FULL.open) // MINUTE for end in frame_ends(FULL, 240 * MINUTE)] == [240, 390]
    assert [(end - HALF.open) // MINUTE for end in frame_ends(HALF, 60 * MINUTE)] == [60, 120, 180, 210]
    assert frame_ends(HALF, 240 * MINUTE) == [HALF.close]


def test_a_frame_bar_is_made_of_the_base_bars_in_it_and_ends_at_its_calendar_end() -> None:
    bars = [
        a_bar("2025-11-24T14:29", 50),  # before the open: dropped
        a_bar("2025-11-24T14:30", 100),
        a_bar("2025-11-24T14:44", 90, 2),
        a_bar("2025-11-24T15:01", 95, 3),  # nothing between 14:45 and 15:00: that bar does not exist
        a_bar("2025-11-24T21:00", 70),  # at the close: dropped
        a_bar("2025-11-28T17:59", 80, 4),
        a_bar("2025-11-28T18:00", 60),  # after the early close: dropped
    ]

    symbol = build_symbol("ABCD", bars, [FULL, HALF])

    assert symbol.dropped == 3
    t1 = symbol.t1
    assert t1.end == [ns("2025-11-24T14:45"), ns("2025-11-24T15:15"), ns("2025-11-28T18:00")]
    assert [t1.columns[name][0] for name in ("open", "high", "low", "close", "volume")] == [100, 101, 89, 90.5, 3]
    assert symbol.t2.end == [ns("2025-11-24T15:30"), HALF.close]
    assert symbol.t3.end == [ns("2025-11-24T18:30"), HALF.close]
    assert symbol.t3.columns["volume"] == [6, 4]


def test_a_frame_shows_its_last_bar_that_has_ended() -> None:
    bars = [a_bar("2025-11-24T14:30", 100), a_bar("2025-11-24T15:00", 90)]
    t1 = build_symbol("ABCD", bars, [FULL]).t1

    assert t1.at(ns("2025-11-24T14:44")).end is None
    assert t1.at(ns("2025-11-24T14:45")).close[0] == 100.5
    assert t1.at(ns("2025-11-24T15:14")).close[0] == 100.5
    assert t1.at(ns("2025-11-24T15:15")).close.last(2) == [90.5, 100.5]


def test_in_the_morning_the_last_bar_that_could_have_closed_is_of_the_session_before() -> None:
    sessions = [FULL, HALF]

    assert latest_end(sessions, ns("2025-11-24T15:29"), 60 * MINUTE) is None
    assert latest_end(sessions, ns("2025-11-24T15:30"), 60 * MINUTE) == ns("2025-11-24T15:30")
    assert latest_end(sessions, ns("2025-11-28T15:29"), 60 * MINUTE) == FULL.close


def test_unknown_is_neither_true_nor_false() -> None:
    nan = float("nan")

    assert [both(None, False), both(None, True), either(None, True), either(None, False)] == [False, None, True, None]
    assert above(nan, 1) is None and at_least(1, nan) is None
    assert lowest([1.0, nan]) != lowest([1.0, nan]) and mean([1.0, nan]) != 1.0
    assert count([True, None]) != count([True, None])
    assert count([True, False, True]) == 2


def test_computed_values_within_a_billionth_are_equal() -> None:
    near = 20 + 1e-8  # the tolerance is 2e-8

    assert at_most(near, 20) and at_least(near, 20)
    assert above(near, 20) is False and below(20, near) is False
    assert above(20 + 1e-7, 20) is True
    assert above(0.5e-9, 0) is False and above(2e-9, 0) is True
