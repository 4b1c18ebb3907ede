"""Where bars stand in their sessions, by hand on a full day, a half day and the holiday between."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from tapeline.domain.errors import DataError
from tapeline.domain.panel import Sessions
from tapeline.domain.sessions import locate
from tapeline.domain.times import DAY, MINUTE, from_iso, ns_to_date


def week_of_independence_day() -> Sessions:
    """Monday, the half Tuesday, Thursday; ordinals as if 100 sessions had gone before."""
    opens = [from_iso(f"2018-07-0{day}T09:30:00-04:00") for day in (2, 3, 5)]
    closes = [from_iso(f"2018-07-0{day}T{hour}:00:00-04:00") for day, hour in ((2, 16), (3, 13), (5, 16))]
    return Sessions("XNYS", np.array(opens), np.array(closes), ordinal=100)


def test_the_last_minute_of_a_session_has_no_minutes_to_its_close() -> None:
    week = week_of_independence_day()
    clock_times = ("2018-07-02T09:31:00", "2018-07-02T16:00:00", "2018-07-03T13:00:00", "2018-07-05T12:00:00")
    ends = np.array([from_iso(f"{text}-04:00") for text in clock_times])

    rows = locate(ends - MINUTE, ends, week)

    assert rows.index.tolist() == [0, 0, 1, 2]
    assert rows.ordinal.tolist() == [100, 100, 101, 102]
    assert rows.minutes_since_open.tolist() == [1, 390, 210, 150]
    assert rows.minutes_to_close.tolist() == [389, 0, 0, 240]
    assert rows.close_ns.tolist() == week.close_ns[[0, 0, 1, 2]].tolist()


@pytest.mark.parametrize(
    "start", ["2018-07-02T09:29:00-04:00", "2018-07-02T16:00:00-04:00", "2018-07-04T12:00:00-04:00"]
)
def test_a_bar_outside_every_session_has_index_minus_one(start: str) -> None:
    start_ns = np.array([from_iso(start)])

    rows = locate(start_ns, start_ns + MINUTE, week_of_independence_day())

    assert rows.index.tolist() == rows.ordinal.tolist() == [-1]
    assert rows.open_ns.tolist() == start_ns.tolist()


def test_without_a_calendar_the_data_is_one_session() -> None:
    start = np.array([0, 5, 9]) * MINUTE

    rows = locate(start, start + MINUTE, None)

    assert rows.index.tolist() == [0, 0, 0]
    assert rows.minutes_to_close.tolist() == [9, 4, 0]


def test_no_sessions_contain_nothing() -> None:
    none = week_of_independence_day().cut(0, 0)

    assert none.index_of(np.array([from_iso("2018-07-02T10:00:00-04:00")])).tolist() == [-1]
    assert len(locate(np.array([], dtype=np.int64), np.array([], dtype=np.int64), None)) == 0


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(2018, 7, 3), date(2018, 7, 5), [3, 5]),
        (date(2018, 7, 4), None, [5]),
        (None, date(2018, 7, 4), [2, 3]),
        (None, None, [2, 3, 5]),
        (date(2018, 7, 4), date(2018, 7, 4), []),
        (date(2018, 7, 6), date(2018, 7, 1), []),
    ],
)
def test_a_period_includes_both_of_its_days(first: date | None, last: date | None, days: list[int]) -> None:
    part = week_of_independence_day().between(first, last)

    assert [ns_to_date(int(day) * DAY).day for day in part.days] == days


def test_the_ordinal_moves_with_a_cut() -> None:
    part = week_of_independence_day().cut(1, 3)

    assert (len(part), part.ordinal) == (2, 101)
    assert part.between(date(2018, 7, 5)).ordinal == 102


def test_sessions_need_as_many_closes_as_opens() -> None:
    week = week_of_independence_day()

    with pytest.raises(DataError, match="3 opens, 2 closes and 3 dates"):
        Sessions("XNYS", week.open_ns, week.close_ns[:2])
