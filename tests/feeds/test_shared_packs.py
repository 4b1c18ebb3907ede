"""Real packs, against what their collector counted in them and against each other.

Expected numbers are those of the packs' own description, unless a comment says otherwise.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from shared import shared_path
from tapeline.domain.errors import DataError
from tapeline.domain.sessions import session_rows
from tapeline.domain.times import HOUR, MINUTE, from_iso, ns_to_date
from tapeline.feeds.parquet import read_bars
from tapeline.tape.reading import Reading


@pytest.fixture(scope="module")
def minutes_2018() -> Reading:
    return read_bars(shared_path("data/minute_us_2018.parquet"))


def test_the_minutes_of_2018_have_the_described_size(minutes_2018: Reading) -> None:
    panel, report = minutes_2018

    assert len(panel.symbols) == 199
    assert report.rows_read == 3_355_295
    assert report.rows_dropped == 6_350  # they start at 09:29
    assert report.zero_volume == 0
    assert report.completeness.sessions is not None
    assert len(report.completeness.sessions) == 44
    assert len(panel) == 44 * 390
    assert int(report.completeness.found.sum()) == 3_355_295 - 6_350


def test_two_names_that_were_taken_over_in_2018_miss_the_sessions_after(minutes_2018: Reading) -> None:
    missing = {name: minutes_2018.report.completeness.missing_sessions(name) for name in ("JUNO", "CPN", "AAL")}

    assert len(missing["JUNO"]) == 44 - 11
    assert len(missing["CPN"]) == 44 - 14
    assert missing["AAL"] == []
    assert missing["JUNO"][-1] == date(2018, 4, 20)


def test_minutes_of_2018_move_from_1430_to_1330_utc_with_daylight_saving_time(minutes_2018: Reading) -> None:
    panel, _ = minutes_2018
    first = session_rows(panel).open_ns == panel.start_ns

    opens = {ns_to_date(int(t)): (int(t) // MINUTE) % 1440 for t in panel.start_ns[first]}
    assert len(opens) == 44
    assert all(minute == (14 * 60 + 30 if day < date(2018, 3, 11) else 13 * 60 + 30) for day, minute in opens.items())


@pytest.mark.parametrize("symbol", ["AAL", "GOOGL"])
def test_a_column_equals_what_polars_reads_for_the_symbol(symbol: str, minutes_2018: Reading) -> None:
    panel, _ = minutes_2018
    rows = pl.read_parquet(shared_path("data/minute_us_2018.parquet")).filter(pl.col("symbol") == symbol).sort("ts")
    local = pl.col("ts").dt.convert_time_zone("America/New_York").dt.time()
    rows = rows.filter(local >= pl.time(9, 30), local < pl.time(16))

    column = panel.column(symbol)
    here = ~np.isnan(panel.close[:, column])
    assert panel.start_ns[here].tolist() == (rows["ts"].to_physical() * 1000).to_list()
    for name in ("open", "high", "low", "close", "volume"):
        assert getattr(panel, name)[here, column].tolist() == rows[name].cast(pl.Float64).to_list()


def test_a_part_read_by_symbol_and_period_equals_the_part_of_the_whole(minutes_2018: Reading) -> None:
    whole, _ = minutes_2018

    part, report = read_bars(
        shared_path("data/minute_us_2018.parquet"),
        symbols=["MSFT", "AAL"],
        first="2018-03-09",
        last="2018-03-13",
    )

    assert len(part) == 3 * 390
    at = int(np.searchsorted(whole.end_ns, part.end_ns[0]))
    columns = [whole.column("MSFT"), whole.column("AAL")]
    assert np.array_equal(part.close, whole.close[at : at + len(part), columns], equal_nan=True)
    assert report.completeness.expected.tolist() == [390, 390, 390]


def test_five_minute_bars_are_78_a_session_and_42_on_early_closes() -> None:
    panel, report = read_bars(shared_path("data/bars_5min_us_2025.parquet"))

    expected = dict(
        zip(map(days_to_date, report.completeness.sessions.days), report.completeness.expected, strict=True)  # type: ignore[union-attr]
    )
    early = {date(2025, 7, 3), date(2025, 11, 28), date(2025, 12, 24)}
    assert {day for day, count in expected.items() if count == 42} == early
    assert set(expected.values()) == {42, 78}
    assert report.zero_volume == 1_388
    assert report.dropped_by_symbol  # trades after 13:00 on the early closes
    assert len(panel.symbols) == 75


def test_what_is_left_out_of_a_dirty_file_is_what_a_person_found_outside_the_session() -> None:
    path = shared_path("data/dirty_5min_sample.parquet")
    found = pl.read_csv(shared_path("data/dirty_5min_expected.csv"))
    clean = ["AAPL", "MELI", "PLTR", "SPY", "WEBL"]

    _, report = read_bars(path, symbols=clean)

    outside = found.filter(pl.col("reason") == "outside_session", pl.col("symbol").is_in(clean))
    counts = dict(outside.group_by("symbol").len().iter_rows())
    assert report.dropped_by_symbol == counts


def test_bars_off_the_grid_of_a_dirty_file_are_refused_with_their_place() -> None:
    with pytest.raises(DataError, match=r"\(SOXS, 2026-03-02T18:38:19Z\) is off the 5min grid"):
        read_bars(shared_path("data/dirty_5min_sample.parquet"))


def test_daily_bars_of_the_large_names_have_the_described_completeness() -> None:
    panel, report = read_bars(shared_path("data/daily_sp500.parquet"))

    assert panel.close.shape == (4_103, 504)
    assert int((report.completeness.missing_share == 0).sum()) == 401
    assert report.rows_dropped == 0
    assert report.zero_volume == 37


def test_daily_bars_of_two_thousand_names_have_the_described_completeness() -> None:
    _, report = read_bars(shared_path("data/daily_us2000_2015_2017.parquet"))

    found = report.completeness.found_count
    assert (len(found), int((found == 513).sum()), int(found.min())) == (2_000, 1_403, 259)


def test_minutes_of_the_session_open_and_close_where_the_daily_bars_of_the_same_source_do() -> None:
    """The source counts closing prints reported after 16:00 into the day's volume: up to three percent."""
    minutes, _ = read_bars(shared_path("data/lean_minute_trade.parquet"))
    daily, _ = read_bars(shared_path("data/lean_daily.parquet"))
    where = session_rows(minutes)

    compared = 0
    for symbol in set(minutes.symbols) & set(daily.symbols):
        m, d = minutes.column(symbol), daily.column(symbol)
        here = ~np.isnan(minutes.close[:, m])
        for ordinal in np.unique(where.ordinal[here]):
            rows = np.flatnonzero(here & (where.ordinal == ordinal))
            days = np.flatnonzero(daily.start_ns == where.open_ns[rows[0]])
            if len(days) == 0 or np.isnan(daily.close[days[0], d]):
                continue
            day = days[0]
            assert minutes.open[rows[0], m] == pytest.approx(daily.open[day, d], rel=1e-12)
            assert minutes.close[rows[-1], m] == pytest.approx(daily.close[day, d], rel=1e-12)
            assert 0.97 < minutes.volume[rows, m].sum() / daily.volume[day, d] <= 1.0
            compared += 1
    assert compared == 34


def test_hour_bars_named_on_the_full_hour_add_up_to_the_daily_bars_of_the_same_source() -> None:
    """All of 1998-2021. On half days the source has an hour from 13:00 on, outside the session."""
    names = ["AAPL", "IBM", "SPY"]
    hours, report = read_bars(shared_path("data/lean_hour.parquet"), symbols=names)
    daily, _ = read_bars(shared_path("data/lean_daily.parquet"), symbols=names)
    session, present = np.unique(session_rows(hours).ordinal, return_index=True)
    volume = np.add.reduceat(np.nan_to_num(hours.volume), present)
    high = np.fmax.reduceat(hours.high, present)
    assert report.completeness.sessions is not None
    full = report.completeness.expected[session - report.completeness.sessions.ordinal] == 7

    assert hours.frame_ns == HOUR
    assert np.array_equal(session, session_rows(daily).ordinal)
    assert np.array_equal(volume[full], daily.volume[full])
    assert np.array_equal(high[full], daily.high[full])
    assert (volume[~full] <= daily.volume[~full]).all()
    assert 50 < (~full).sum() < 70  # two or three half days a year


def test_hour_bars_that_lack_the_first_half_hour_are_reported_as_incomplete() -> None:
    panel, report = read_bars(shared_path("data/hourly_ndx100_2025.parquet"))

    assert len(panel) == 174  # six a day; 09:30-10:00 is missing in the source
    assert set(report.completeness.expected.tolist()) == {7}
    assert np.allclose(report.completeness.missing_share, 1 / 7)


def test_thin_names_have_a_fifth_to_two_fifths_of_their_minutes() -> None:
    panel, report = read_bars(shared_path("data/minute_thin_etf_2023_2025.parquet"))

    assert panel.frame_ns == MINUTE
    assert report.rows_read == 38_964 + 78_974
    share = 1 - report.completeness.missing_share
    assert (share > 0.15).all() and (share < 0.45).all()


def test_fifteen_minute_bars_end_at_the_close() -> None:
    panel, _ = read_bars(shared_path("data/bars_15min_us_2019.parquet"), first="2019-01-04", last="2019-01-04")

    assert len(panel) == 26
    assert panel.start_ns[0] == from_iso("2019-01-04T14:30:00Z")
    assert panel.end_ns[-1] == from_iso("2019-01-04T21:00:00Z")


def days_to_date(days: int) -> date:
    return date(1970, 1, 1) + timedelta(int(days))
