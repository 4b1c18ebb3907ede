"""The picture in the terminal: it fits, it is read from the right numbers, and it works without Unicode."""

import re
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.analysis.picture import equity_picture
from tapeline.analysis.picture_axes import money_label, money_ticks, span_text, time_ticks
from tapeline.domain.errors import ConfigurationError, DataError
from tapeline.domain.times import DAY, HOUR, MINUTE, from_iso

START = from_iso("2018-01-02T21:00:00Z")


def days(count):
    return START + np.arange(count, dtype=np.int64) * DAY


def plain(picture):
    return re.sub(r"\x1b\[\d+m", "", picture)


def dot_rows(lines):
    """Return the rows of lit dots in each of the dot columns of braille lines, from the top."""
    bits = {0: (0, 1, 2, 6), 1: (3, 4, 5, 7)}
    columns: dict[int, list[int]] = {}
    for row, line in enumerate(lines):
        for place, sign in enumerate(line):
            code = ord(sign) - 0x2800
            for half in (0, 1) if 0 < code < 256 else ():
                lit = [4 * row + dot for dot, bit in enumerate(bits[half]) if code >> bit & 1]
                columns.setdefault(2 * place + half, []).extend(lit)
    return [columns[column] for column in sorted(columns)]


def test_a_steady_rise_is_a_straight_line_from_the_lower_left_to_the_upper_right():
    drawn = equity_picture(np.linspace(100.0, 200.0, 30), days(30), 40, 14, colour=False)

    # 14 lines: the title, 8 of the curve, the heading, 2 of drawdown, 2 of dates.
    lit = dot_rows(drawn.splitlines()[1:9])
    assert (lit[0], lit[-1]) == ([31], [0])
    for column, rows in enumerate(lit):
        ideal = 31 * (1 - column / (len(lit) - 1))
        assert all(abs(row - ideal) <= 1.0 for row in rows)


def test_the_drawdown_hangs_from_zero_to_its_deepest_at_the_bottom():
    drawn = equity_picture(np.array([100.0, 100.0, 60.0]), days(3), 40, 14, colour=False)

    lit = dot_rows(drawn.splitlines()[10:12])
    assert lit[-1] == list(range(8))
    assert all(rows == list(range(len(rows))) for rows in lit)
    assert [len(rows) for rows in lit] == sorted(len(rows) for rows in lit)
    assert "−40.0 % ┤" in drawn


def test_ascii_where_the_encoding_has_no_braille():
    equity = np.array([100.0, 120.0, 90.0, 150.0])

    drawn = equity_picture(equity, days(4), 60, 16, colour=False, encoding="ascii")

    assert drawn.isascii()
    assert "Drawdown, deepest -25.0 % on 2018-01-04" in drawn
    assert "#" in drawn


@pytest.mark.parametrize("encoding", ["latin-1", "cp437", "no-such-encoding"])
def test_other_encodings_are_served_with_what_they_have(encoding):
    assert equity_picture(np.array([1.0, 2.0]), days(2), colour=False, encoding=encoding).isascii()


def test_colour_changes_nothing_but_colour():
    equity = 100.0 + np.sin(np.arange(300.0))

    bright = equity_picture(equity, days(300), colour=True)

    assert "\x1b[32m" in bright
    assert "\x1b[31m" in bright
    assert [line.rstrip() for line in plain(bright).splitlines()] == equity_picture(
        equity, days(300), colour=False
    ).splitlines()


def test_a_spike_of_one_row_in_a_year_of_minutes_is_seen():
    equity = np.full(98_280, 100_000.0)
    equity[50_000] = 120_000.0

    drawn = equity_picture(equity, START + np.arange(98_280) * MINUTE, colour=False)

    top_row = drawn.splitlines()[1]
    assert re.search("[\u2801-\u28ff]", top_row)


def test_the_title_tells_the_end_the_change_and_the_period():
    title = "Equity 80.00 EUR −20.00 % 2018-01-02 to 2018-01-03"

    drawn = equity_picture(np.array([100.0, 80.0]), days(2), colour=False, currency="EUR")

    assert " ".join(drawn.splitlines()[0].split()) == title


def test_a_debt_and_an_account_of_nothing_still_fit():
    drawn = equity_picture(np.array([0.0, 1.0, -1e9]), days(3), 40, 10, colour=False)

    assert "−999 %" in drawn
    assert max(len(line) for line in drawn.splitlines()) <= 40


def test_a_level_account_is_drawn_as_a_line_without_drawdown():
    drawn = equity_picture(np.full(20, 100_000.0), days(20), colour=False)

    assert sum(bool(re.search("[\u2801-\u28ff]", line)) for line in drawn.splitlines()) == 1
    assert "No drawdown" in drawn
    assert "100,000 ┤" in drawn


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e9, 1e12), min_size=1, max_size=400),
    st.integers(40, 200),
    st.integers(10, 50),
    st.booleans(),
)
def test_the_picture_always_fits(values, width, height, unicode):
    drawn = equity_picture(np.array(values), days(len(values)), width, height, encoding="utf-8" if unicode else "ascii")

    lines = plain(drawn).split("\n")
    assert len(lines) == height
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize(("width", "height"), [(39, 20), (80, 9)])
def test_a_picture_too_small_to_read_is_refused(width, height):
    with pytest.raises(ConfigurationError, match="too small to read"):
        equity_picture(np.array([1.0, 2.0]), days(2), width, height)


@pytest.mark.parametrize(
    ("equity", "count", "sentence"),
    [([], 0, "found 0 and 0"), ([1.0, 2.0], 3, "found 2 and 3"), ([1.0, np.nan], 2, "2018-01-03T21:00:00Z")],
)
def test_what_cannot_be_drawn_is_refused(equity, count, sentence):
    with pytest.raises(DataError, match=sentence):
        equity_picture(np.array(equity), days(count))


@pytest.mark.parametrize(
    ("low", "high", "count", "ticks"),
    [
        (98_700, 105_300, 4, [100_000, 102_000, 104_000]),
        (0.0, 1.0, 5, [0.0, 0.25, 0.5, 0.75, 1.0]),
        (-30.0, 30.0, 3, [-20.0, 0.0, 20.0]),
        (31.6e6, 39.6e6, 3, [32.5e6, 35e6, 37.5e6]),
    ],
)
def test_money_ticks_are_round_and_inside(low, high, count, ticks):
    assert money_ticks(low, high, count) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("value", "ticks", "label"),
    [
        (102_500.0, [100_000.0, 102_500.0], "102,500"),
        (0.25, [0.0, 0.25], "0.25"),
        (32.5e6, [32.5e6, 35e6], "32.5M"),
        (2e10, [1e10, 2e10], "20B"),
        (-0.0, [-0.0, 1.0], "0"),
    ],
)
def test_money_labels_have_the_digits_that_tell_ticks_apart(value, ticks, label):
    assert money_label(value, ticks) == label


def test_one_session_of_minutes_is_marked_by_the_hour():
    times = from_iso("2018-02-16T14:30:00Z") + np.arange(1, 391) * MINUTE

    found = time_ticks(times, 70)

    assert [text for _, text in found] == ["15:00", "16:00", "17:00", "18:00", "19:00", "20:00"]
    # 15:01 is the first bar of its hour: row 30 of 390, drawn at 30 x 69 / 389.
    assert found[0][0] == 5


def test_a_year_is_marked_by_the_month_and_names_the_year_in_january():
    times = from_iso("2018-06-15T21:00:00Z") + np.arange(365) * DAY

    texts = [text for _, text in time_ticks(times, 110)]

    assert texts == ["Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "2019", "Feb", "Mar", "Apr", "May", "Jun"]


def test_one_moment_is_marked_by_its_date():
    assert time_ticks(days(1), 70) == [(0, "2 Jan")]


def test_the_span_has_hours_within_one_date():
    opening = datetime(2018, 2, 16, 14, 31, tzinfo=UTC)

    assert span_text(opening, opening.replace(hour=21, minute=0)) == "2018-02-16 14:31 to 21:00 UTC"
    assert span_text(opening, opening.replace(month=3, day=1)) == "2018-02-16 to 2018-03-01"


@given(st.integers(2, 5000), st.integers(1, 40), st.integers(30, 200))
def test_marks_never_touch(rows, step_hours, columns):
    marks = time_ticks(START + np.arange(rows, dtype=np.int64) * step_hours * HOUR, columns)

    assert marks
    for (left, text), (right, _) in pairwise(marks):
        assert right - left > len(text)
