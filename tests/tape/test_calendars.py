"""Sessions against facts from outside: the exchange's published early closes and the time-zone database."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from feeds.bar_files import bars, write
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.domain.panel import Sessions
from tapeline.domain.times import DAY, SECOND, ns_to_date
from tapeline.feeds.parquet import read_bars
from tapeline.tape import calendars
from tapeline.tape.calendars import sessions

NEW_YORK = ZoneInfo("America/New_York")
HOST_ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Kiritimati")

# Early closes at 13:00, from the exchange's yearly announcements of holidays and trading hours: the day
# before Independence Day, the day after Thanksgiving, Christmas Eve, where these are trading days.
HALF_DAYS = {
    "2014-07-03", "2014-11-28", "2014-12-24",
    "2015-11-27", "2015-12-24",
    "2016-11-25",
    "2017-07-03", "2017-11-24",
    "2018-07-03", "2018-11-23", "2018-12-24",
    "2019-07-03", "2019-11-29", "2019-12-24",
    "2020-11-27", "2020-12-24",
    "2021-11-26",
    "2022-11-25",
    "2023-07-03", "2023-11-24",
    "2024-07-03", "2024-11-29", "2024-12-24",
}  # fmt: skip


@pytest.fixture(params=HOST_ZONES)
def host_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder without a calendar in it, and no calendar in memory."""
    monkeypatch.setenv("TAPELINE_CACHE", str(tmp_path / "cache"))
    calendars._history.cache_clear()
    yield tmp_path / "cache" / "calendars"
    calendars._history.cache_clear()


def local(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns / SECOND, NEW_YORK)


def check_ten_years(found: Sessions) -> None:
    for day, open_ns, close_ns in zip(found.days, found.open_ns, found.close_ns, strict=True):
        opens, closes = local(int(open_ns)), local(int(close_ns))
        half = opens.date().isoformat() in HALF_DAYS

        assert opens.date() == closes.date() == ns_to_date(int(day) * DAY)
        assert (opens.hour, opens.minute) == (9, 30)
        assert (closes.hour, closes.minute) == (13 if half else 16, 0), opens


def test_every_session_of_eleven_years_keeps_new_york_hours_whatever_zone_the_host_is_in(
    host_zone: str, empty_cache: Path
) -> None:
    found = sessions("XNYS", date(2014, 1, 1), date(2024, 12, 31))

    check_ten_years(found)
    dates = {ns_to_date(int(day) * DAY).isoformat() for day in found.days}
    assert dates >= HALF_DAYS


def test_utc_opens_move_by_an_hour_at_every_change_of_daylight_saving_time() -> None:
    found = sessions("XNYS", date(2014, 1, 1), date(2024, 12, 31))
    utc_hour = [datetime.fromtimestamp(int(o) / SECOND, UTC).hour for o in found.open_ns]
    moves = {
        ns_to_date(int(found.days[k]) * DAY): utc_hour[k] - utc_hour[k - 1]
        for k in range(1, len(found))
        if utc_hour[k] != utc_hour[k - 1]
    }

    # The law: from the second Sunday of March to the first Sunday of November; markets open on the Monday.
    expected = {}
    for year in range(2014, 2025):
        march, november = date(year, 3, 8), date(year, 11, 1)
        expected[march + timedelta((6 - march.weekday()) % 7 + 1)] = -1
        expected[november + timedelta((6 - november.weekday()) % 7 + 1)] = 1
    assert moves == expected


@pytest.mark.parametrize(
    ("year", "count"), [(2008, 253), (2012, 250), (2018, 251), (2020, 253), (2021, 252), (2024, 252)]
)
def test_years_have_the_known_number_of_sessions(year: int, count: int) -> None:
    # Weekdays less the nine or ten holidays; 2012 lost two days to a hurricane, 2018 one to mourning.
    assert len(sessions("XNYS", date(year, 1, 1), date(year, 12, 31))) == count


@pytest.mark.parametrize(
    "closed",
    ["2001-09-11", "2012-10-29", "2012-10-30", "2018-03-30", "2018-12-05", "2022-06-20", "2025-01-09"],
)
def test_holidays_and_days_of_mourning_have_no_session(closed: str) -> None:
    day = date.fromisoformat(closed)

    assert len(sessions("XNYS", day, day)) == 0


def test_bars_around_clock_changes_and_half_days_are_placed_alike_in_every_host_zone(
    host_zone: str, tmp_path: Path
) -> None:
    # Last minute before and first after the changes of 2018, and both sides of a 13:00 close.
    stamps = [
        datetime(2018, 3, 9, 15, 58, tzinfo=NEW_YORK), datetime(2018, 3, 9, 15, 59, tzinfo=NEW_YORK),
        datetime(2018, 3, 12, 9, 30, tzinfo=NEW_YORK), datetime(2018, 7, 3, 12, 59, tzinfo=NEW_YORK),
        datetime(2018, 7, 3, 13, 0, tzinfo=NEW_YORK), datetime(2018, 11, 2, 15, 59, tzinfo=NEW_YORK),
        datetime(2018, 11, 5, 9, 29, tzinfo=NEW_YORK), datetime(2018, 11, 5, 9, 30, tzinfo=NEW_YORK),
    ]  # fmt: skip
    times = pl.Series("ts", [s.astimezone(UTC) for s in stamps], dtype=pl.Datetime("us", "UTC"))
    path = write(bars(count=len(stamps)).with_columns(times), tmp_path / "bars.parquet")

    panel, report = read_bars(path)

    # 20:58 and 20:59 UTC in winter, 13:30 from March 12 on, 16:59 on the half day, 19:59, then 14:30 again.
    expected = pl.Series(
        ["2018-03-09T20:59", "2018-03-09T21:00", "2018-03-12T13:31", "2018-07-03T17:00", "2018-11-02T20:00",
         "2018-11-05T14:31"]
    ).str.to_datetime(time_unit="ns")  # fmt: skip
    assert panel.end_ns.tolist() == expected.to_physical().to_list()
    assert report.rows_dropped == 2


def test_the_ordinal_of_a_session_does_not_depend_on_what_was_asked() -> None:
    wide = sessions("XNYS", date(2010, 1, 1), date(2020, 12, 31))
    narrow = sessions("XNYS", date(2018, 7, 2), date(2018, 7, 5))

    place = int(np.searchsorted(wide.days, narrow.days[0]))
    assert narrow.ordinal == wide.ordinal + place
    assert sessions("XNYS").ordinal == 0


def test_sessions_are_counted_from_the_first_one_of_1990() -> None:
    # 2 January 1990 was the first trading day of that year.
    assert ns_to_date(int(sessions("XNYS").open_ns[0])) == date(1990, 1, 2)


def test_names_that_are_aliases_and_names_with_slashes_are_known() -> None:
    assert np.array_equal(sessions("NASDAQ").open_ns, sessions("XNYS").open_ns)
    assert len(sessions("24/7", date(2024, 1, 1), date(2024, 12, 31))) == 366


def test_calendars_with_a_shorter_known_history_give_what_they_have() -> None:
    saudi = sessions("XSAU")

    assert ns_to_date(int(saudi.days[0]) * DAY).year == 2021


def test_an_unknown_calendar_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown calendar 'NASDAK'.*Did you mean 'NASDAQ'\?"):
        sessions("NASDAK")


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        (date(1980, 1, 1), None, "from 1980-01-01: its calendar is known from 1990-01-02"),
        (None, date(2200, 1, 1), "up to 2200-01-01: its calendar is known from"),
        (date(2020, 1, 2), date(2020, 1, 1), "the first day is after the last"),
    ],
)
def test_periods_outside_of_what_is_known_are_refused(first: date | None, last: date | None, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        sessions("XNYS", first, last)


def test_a_later_start_reads_the_table_without_importing_the_library(empty_cache: Path) -> None:
    first = sessions("XNYS", date(2018, 1, 1), date(2018, 12, 31))
    script = (
        "import sys; from datetime import date; from tapeline.tape.calendars import sessions;"
        "found = sessions('XNYS', date(2018, 1, 1), date(2018, 12, 31));"
        "print(len(found), found.ordinal, int(found.close_ns[-1]),"
        " 'pandas' in sys.modules, 'exchange_calendars' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["251", str(first.ordinal), str(first.close_ns[-1]), "False", "False"]


def test_a_damaged_table_is_computed_again_and_replaced(empty_cache: Path) -> None:
    sessions("XNYS")
    (file,) = empty_cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:1000])
    calendars._history.cache_clear()

    assert len(sessions("XNYS", date(2018, 1, 1), date(2018, 12, 31))) == 251
    assert [path.read_bytes() for path in empty_cache.iterdir()] == [whole]


def test_a_table_that_ends_too_early_is_computed_again(empty_cache: Path) -> None:
    sessions("XNYS")
    (file,) = empty_cache.iterdir()
    old = np.load(file)
    old[3] -= 5
    np.save(file, old[:, :-1000])
    calendars._history.cache_clear()

    assert len(sessions("XNYS")) == old.shape[1]


def test_a_folder_that_cannot_be_written_is_no_error(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("not a folder")
    monkeypatch.setenv("TAPELINE_CACHE", str(tmp_path / "a file"))

    assert len(sessions("XNYS", date(2018, 1, 1), date(2018, 12, 31))) == 251


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELINE_CACHE", "/one")
    assert calendars.cache_folder() == Path("/one/calendars")

    monkeypatch.delenv("TAPELINE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/two")
    assert calendars.cache_folder() == Path("/two/tapeline/calendars")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/three")
    assert calendars.cache_folder() == Path("/three/.cache/tapeline/calendars")
