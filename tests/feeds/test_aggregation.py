"""Messages of a feed become slices; the reference sorts trades into bars with plain loops."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.domain.errors import ConfigurationError
from tapeline.domain.slice import Slice
from tapeline.domain.times import DAY, MINUTE, SECOND, from_iso
from tapeline.feeds.aggregation import Aggregator
from tapeline.indicators.messages import BAR, MESSAGE, QUOTE, TRADE
from tapeline.tape.calendars import sessions

SESSIONS = sessions("XNYS", date(2018, 7, 2), date(2018, 7, 5))  # the third is a half day, the fourth a holiday
OPEN = from_iso("2018-07-02T13:30:00Z")
CLOSE = from_iso("2018-07-02T20:00:00Z")

Row = tuple[int, int, int, float, float, float, float, float]


def trade(column: int, seconds: float, price: float, size: float = 100.0) -> Row:
    return (TRADE, column, OPEN + round(seconds * SECOND), price, size, nan, nan, nan)


def quote(column: int, seconds: float, bid: float, ask: float) -> Row:
    return (QUOTE, column, OPEN + round(seconds * SECOND), bid, ask, 200.0, 300.0, nan)


def an_aggregator(symbols: tuple[str, ...] = ("A", "B"), **options: bool) -> Aggregator:
    aggregator = Aggregator(symbols, MINUTE, SESSIONS, **options)
    aggregator.open(OPEN)
    return aggregator


def take(aggregator: Aggregator, *rows: Row) -> None:
    aggregator.take(np.array(list(rows), dtype=MESSAGE))


def at(seconds: float) -> int:
    return OPEN + round(seconds * SECOND)


def bar(now: Slice, column: int) -> list[float]:
    return [float(value) for value in now.bars[:, 0, column]]


def reference(rows: Sequence[Row], column: int, start_ns: int) -> list[float]:
    """Return one bar of a minute, from a list sorted by time; arrival decides between equal times."""
    inside = [(row[2], place, row[3], row[4]) for place, row in enumerate(rows) if row[1] == column]
    inside = sorted(item for item in inside if start_ns <= item[0] < start_ns + MINUTE)
    if not inside:
        return [nan] * 5
    prices = [item[2] for item in inside]
    return [prices[0], max(prices), min(prices), prices[-1], sum(item[3] for item in inside)]


def test_trades_of_a_minute_are_one_bar() -> None:
    aggregator = an_aggregator()
    take(aggregator, trade(0, 1, 10.0), trade(0, 30, 12.0, 50), trade(0, 45, 9.0), trade(0, 59, 11.0))

    (now,) = aggregator.ended(at(61))

    assert (now.start_ns, now.end_ns) == (OPEN, at(60))
    assert bar(now, 0) == [10.0, 12.0, 9.0, 11.0, 350.0]
    assert list(now.has_bar) == [True, False]
    assert (now.session_open_ns, now.session_close_ns) == (OPEN, CLOSE)


def test_a_bar_waits_for_its_grace_and_is_given_out_once() -> None:
    aggregator = an_aggregator()
    take(aggregator, trade(0, 10, 10.0))

    assert list(aggregator.ended(at(60.9))) == []
    take(aggregator, trade(1, 59.99, 20.0))
    (now,) = aggregator.ended(at(61))
    take(aggregator, trade(0, 59.999, 99.0))

    assert bar(now, 1)[0] == 20.0
    assert aggregator.counts["late"] == 1
    assert [s.end_ns for s in aggregator.ended(at(121))] == [at(120)]


def test_the_next_bar_does_not_wait_for_another_symbol() -> None:
    aggregator = an_aggregator()
    take(aggregator, trade(0, 60, 10.0), trade(1, 59, 20.0), trade(0, 130, 11.0))

    first, second, third = aggregator.ended(at(181))

    assert (bar(first, 1)[0], bar(second, 0)[0], bar(third, 0)[0]) == (20.0, 10.0, 11.0)
    assert isnan(bar(first, 0)[0])


def test_a_quiet_minute_is_a_slice_without_bars() -> None:
    aggregator = an_aggregator()

    slices = list(aggregator.ended(at(181)))

    assert [s.end_ns for s in slices] == [at(60), at(120), at(180)]
    assert not any(s.has_bar.any() for s in slices)


def test_a_bar_of_the_feed_stands_in_place_of_trades() -> None:
    aggregator = an_aggregator()
    take(aggregator, trade(0, 1, 50.0), (BAR, 0, OPEN, 10.0, 12.0, 9.0, 11.0, 1_000.0), trade(0, 2, 60.0))

    (now,) = aggregator.ended(at(61))

    assert bar(now, 0) == [10.0, 12.0, 9.0, 11.0, 1_000.0]


def test_slices_carry_the_last_quote() -> None:
    aggregator = an_aggregator(quotes=True)
    take(aggregator, quote(0, 5, 9.9, 10.1), quote(0, 40, 10.0, 10.2), quote(0, 30, 1.0, 1.1))

    (now,) = aggregator.ended(at(61))

    assert [float(now.series[name][0, 0]) for name in ("bid", "ask", "bid_size", "ask_size")] == [10.0, 10.2, 200, 300]
    assert isnan(now.series["bid"][0, 1])


@pytest.mark.parametrize(
    ("row", "count"),
    [
        (trade(0, -1, 10.0), "outside"),
        (trade(0, 390 * 60, 10.0), "outside"),
        (trade(0, 4 * 60, 10.0), "ahead"),
        (trade(0, 1, 0.0), "refused"),
        (trade(0, 1, nan), "refused"),
        (trade(0, 1, 10.0, -1.0), "refused"),
        (trade(2, 1, 10.0), "refused"),
        (trade(-1, 1, 10.0), "refused"),
        (quote(0, 1, 10.1, 10.0), "refused"),
        ((BAR, 0, OPEN, 13.0, 12.0, 9.0, 11.0, 1.0), "refused"),
        ((7, 0, OPEN, 1.0, 1.0, 1.0, 1.0, 1.0), "refused"),
    ],
)
def test_what_cannot_be_taken_is_counted_and_changes_nothing(row: Row, count: str) -> None:
    aggregator = an_aggregator()
    take(aggregator, row)

    (now,) = aggregator.ended(at(61))

    assert not now.has_bar.any()
    assert aggregator.counts == {"taken": 0, "late": 0, "ahead": 0, "outside": 0, "refused": 0, count: 1}


def test_the_last_bar_of_a_half_day_ends_with_it_and_the_next_session_follows() -> None:
    aggregator = an_aggregator()
    half_close, next_open = from_iso("2018-07-03T17:00:00Z"), from_iso("2018-07-05T13:30:00Z")

    ends = [s.end_ns for s in aggregator.ended(next_open + 61 * SECOND)]

    assert len(ends) == 390 + 210 + 1
    assert ends[389] == CLOSE
    assert ends[599] == half_close
    assert ends[600] == next_open + MINUTE


def test_a_start_in_the_middle_of_a_bar_begins_with_the_next() -> None:
    aggregator = an_aggregator()
    aggregator.open(at(90))
    take(aggregator, trade(0, 95, 10.0), trade(0, 125, 11.0))

    (now,) = aggregator.ended(at(181))

    assert (now.start_ns, bar(now, 0)[0]) == (at(120), 11.0)


def test_a_start_after_the_last_bar_has_begun_waits_for_the_next_session() -> None:
    aggregator = an_aggregator()

    assert aggregator.open(CLOSE - SECOND)
    assert aggregator.next_ns == from_iso("2018-07-03T13:31:01Z")
    assert not aggregator.open(from_iso("2018-07-05T20:00:00Z"))


def test_silence_is_judged_by_the_rhythm_of_the_symbol() -> None:
    """A speaks every second and is silent after two minutes; B every five minutes: after eight times five."""
    aggregator = an_aggregator()
    for minute in range(31):
        take(aggregator, *(trade(0, 60 * minute + s, 10.0) for s in range(60)))
        if minute % 5 == 0:
            take(aggregator, trade(1, 60 * minute, 20.0))
        list(aggregator.ended(at(60 * minute + 61)))
    last_a, last_b = 60 * 30 + 59, 60 * 30

    assert aggregator.silent(at(last_a + 119)) == []
    assert aggregator.silent(at(last_a + 121)) == ["A"]
    assert aggregator.silent(at(last_b + 8 * 300 - 1)) == ["A"]
    assert aggregator.silent(at(last_b + 8 * 300 + 1)) == ["A", "B"]


def test_nobody_is_silent_outside_the_session() -> None:
    aggregator = an_aggregator()

    assert aggregator.silent(at(121)) == ["A", "B"]
    assert aggregator.silent(CLOSE) == []


def test_frames_of_a_day_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="below a day"):
        Aggregator(("A",), DAY, SESSIONS)


ROWS = st.lists(
    st.builds(
        trade,
        st.integers(0, 1),
        st.integers(0, 1_199).map(lambda tenths: tenths / 10),
        st.integers(1, 500).map(lambda cents: cents / 100),
        st.integers(0, 900).map(float),
    ),
    max_size=60,
)


@given(rows=ROWS, cuts=st.lists(st.integers(0, 60), max_size=5))
def test_bars_are_those_of_sorted_trades_however_the_batches_are_cut(rows: list[Row], cuts: list[int]) -> None:
    aggregator = an_aggregator()
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for first, last in pairwise(edges):
        take(aggregator, *rows[first:last])

    slices = list(aggregator.ended(at(121)))

    assert len(slices) == 2
    for now in slices:
        for column in (0, 1):
            np.testing.assert_array_equal(bar(now, column), reference(rows, column, now.start_ns))
