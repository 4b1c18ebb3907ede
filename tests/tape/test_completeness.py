"""Completeness by hand: a full Monday, a half Tuesday, a holiday, a full Thursday."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from feeds.bar_files import MONDAY_OPEN, bars, write
from tapeline.feeds.parquet import read_bars
from tapeline.tape.calendars import sessions
from tapeline.tape.completeness import completeness


@pytest.fixture
def week(tmp_path: Path) -> Path:
    """AAA trades every minute; BBB every minute of Tuesday only, but for the last ten."""
    tuesday, thursday = MONDAY_OPEN + timedelta(days=1), MONDAY_OPEN + timedelta(days=3)
    frames = [
        bars("AAA", count=390),
        bars("AAA", "BBB", start=tuesday, count=210),
        bars("AAA", start=thursday, count=390),
    ]
    whole = pl.concat(frames).sort("symbol", "ts")
    last_ten = (pl.col("symbol") == "BBB") & (pl.col("ts") >= tuesday + timedelta(minutes=200))
    return write(whole.filter(~last_ten), tmp_path / "week.parquet")


def test_expected_bars_follow_the_calendar(week: Path) -> None:
    complete = read_bars(week).report.completeness

    assert complete.expected.tolist() == [390, 210, 390]
    assert complete.expected_count == 990
    assert complete.found.tolist() == [[390, 0], [210, 200], [390, 0]]
    assert complete.found_count.tolist() == [990, 200]
    assert complete.missing_share.tolist() == pytest.approx([0.0, 790 / 990])
    assert complete.missing_sessions("AAA") == []
    assert complete.missing_sessions("BBB") == [date(2018, 7, 2), date(2018, 7, 5)]


def test_sessions_asked_for_beyond_the_data_are_missing(week: Path) -> None:
    complete = read_bars(week, first="2018-06-29", last="2018-07-06").report.completeness

    assert complete.expected.tolist() == [390, 390, 210, 390, 390]
    assert complete.missing_sessions("AAA") == [date(2018, 6, 29), date(2018, 7, 6)]


def test_a_panel_is_measured_against_a_part_of_its_sessions(week: Path) -> None:
    panel, _ = read_bars(week)

    part = completeness(panel, date(2018, 7, 3), date(2018, 7, 4))

    assert part.found.tolist() == [[210, 200]]


def test_bars_outside_every_session_of_a_panel_made_by_hand_are_not_counted(week: Path) -> None:
    panel, _ = read_bars(week, calendar=None)
    hours = sessions("XNYS", date(2018, 7, 3), date(2018, 7, 3))

    complete = completeness(replace(panel, sessions=hours))

    assert complete.found.tolist() == [[210, 200]]


def test_the_report_says_how_complete_the_bars_are(week: Path) -> None:
    sentences = read_bars(week).report.sentences()

    # 1,190 of 1,980 bars.
    assert sentences == [
        f"1,190 1min bars of 2 symbols from {week}, 2018-07-02T13:30:00Z to 2018-07-05T20:00:00Z.",
        "60.1 % of the calendar's bars are there; BBB lacks most, 79.8 %.",
    ]


def test_a_daily_bar_is_expected_in_every_session(tmp_path: Path) -> None:
    frame = bars("AAA", "BBB", count=2).drop("ts")
    dates = pl.Series([date(2018, 7, 2), date(2018, 7, 5), date(2018, 7, 3), date(2018, 7, 5)])

    complete = read_bars(write(frame.with_columns(date=dates), tmp_path / "days.parquet")).report.completeness

    assert complete.expected.tolist() == [1, 1, 1]
    assert complete.missing_sessions("AAA") == [date(2018, 7, 3)]
    assert complete.missing_sessions("BBB") == [date(2018, 7, 2)]
