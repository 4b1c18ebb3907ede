"""Reading bars: where each value lands, whatever the shape of the source."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.bar_files import MONDAY_OPEN, bars, write
from tapeline.domain.errors import TapelineError
from tapeline.domain.times import DAY, HOUR, MINUTE, from_iso, to_iso
from tapeline.feeds.digest import panel_digest
from tapeline.feeds.parquet import read_bars

NS = pl.Datetime("ns", "UTC")


def test_a_bar_is_labelled_by_its_end_and_keeps_its_values(tmp_path: Path) -> None:
    path = write(bars("BBB", "AAA", count=2), tmp_path / "bars.parquet")

    panel, report = read_bars(path)

    assert panel.symbols == ("AAA", "BBB")
    assert [to_iso(t) for t in panel.start_ns] == ["2018-07-02T13:30:00Z", "2018-07-02T13:31:00Z"]
    assert [to_iso(t) for t in panel.end_ns] == ["2018-07-02T13:31:00Z", "2018-07-02T13:32:00Z"]
    assert panel.frame_ns == MINUTE
    assert panel.open.tolist() == [[10.0, 10.0], [10.01, 10.01]]
    assert panel.high.tolist() == [[10.05, 10.05], [10.06, 10.06]]
    assert panel.low.tolist() == [[9.95, 9.95], [9.96, 9.96]]
    assert panel.close.tolist() == [[10.02, 10.02], [10.03, 10.03]]
    assert panel.volume.tolist() == [[100.0, 100.0], [101.0, 101.0]]
    assert report.rows_read == 4
    assert report.rows_dropped == 0


def test_a_missing_bar_is_nan_in_all_five_fields_and_nothing_is_filled(tmp_path: Path) -> None:
    frame = bars("AAA", "BBB", count=6)
    frame = frame.filter(~((pl.col("symbol") == "BBB") & (pl.col("volume") == 102)))
    path = write(frame, tmp_path / "bars.parquet")

    panel, _ = read_bars(path)

    for field in (panel.open, panel.high, panel.low, panel.close, panel.volume):
        assert np.isnan(field).tolist() == [[False, row == 2] for row in range(6)]


def test_a_moment_in_which_nothing_traded_is_no_row(tmp_path: Path) -> None:
    frame = bars("AAA", "BBB", count=6).filter(pl.col("volume") != 102)

    panel, _ = read_bars(write(frame, tmp_path / "bars.parquet"))

    assert ((panel.end_ns - panel.end_ns[0]) // MINUTE).tolist() == [0, 1, 3, 4, 5]


def test_labels_at_the_end_give_the_same_panel_as_labels_at_the_start(tmp_path: Path) -> None:
    by_start = bars("AAA", "BBB", count=30)
    by_end = by_start.with_columns(pl.col("ts") + timedelta(minutes=1))

    one, _ = read_bars(write(by_start, tmp_path / "start.parquet"))
    two, _ = read_bars(write(by_end, tmp_path / "end.parquet"), label="end")

    assert panel_digest(one) == panel_digest(two)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_units_and_zones_of_the_time_column_do_not_matter(unit: str, zone: str, tmp_path: Path) -> None:
    frame = bars("AAA", "BBB", count=30)
    other = frame.with_columns(pl.col("ts").cast(pl.Datetime(unit, "UTC")).dt.convert_time_zone(zone))

    one, _ = read_bars(write(frame, tmp_path / "one.parquet"), first="2018-07-02", last="2018-07-02")
    two, _ = read_bars(write(other, tmp_path / "two.parquet"), first="2018-07-02", last="2018-07-02")

    assert panel_digest(one) == panel_digest(two)


def test_a_file_sorted_by_time_gives_the_same_panel_as_one_sorted_by_symbol(tmp_path: Path) -> None:
    frame = bars("AAA", "BBB", "CCC", count=30)

    one, _ = read_bars(write(frame, tmp_path / "one.parquet"))
    two, _ = read_bars(write(frame.sort("ts", "symbol", descending=[False, True]), tmp_path / "two.parquet"))

    assert panel_digest(one) == panel_digest(two)


@pytest.mark.parametrize("by", ["symbol", "month"])
def test_a_folder_gives_the_same_panel_as_one_file(by: str, tmp_path: Path) -> None:
    frame = pl.concat([bars("AAA", "BBB", count=30), bars("AAA", "BBB", start=MONDAY_OPEN + timedelta(31), count=30)])
    frame = frame.sort("symbol", "ts").with_columns(pl.col("ts").dt.strftime("%B").alias("month"))
    (tmp_path / "many").mkdir()
    # By name, August comes before July: files need not follow each other in time.
    for (name,), part in frame.group_by(by, maintain_order=True):
        write(part, tmp_path / "many" / f"{name}.parquet")
    (tmp_path / "many" / "notes.txt").write_text("not bars")

    one, _ = read_bars(write(frame, tmp_path / "one.parquet"))
    two, report = read_bars(tmp_path / "many")

    assert panel_digest(one) == panel_digest(two)
    assert report.rows_read == 120


def test_symbols_come_in_the_order_asked_and_only_those_asked(tmp_path: Path) -> None:
    path = write(bars("AAA", "BBB", "CCC"), tmp_path / "bars.parquet")

    panel, report = read_bars(path, symbols=["CCC", "AAA"])

    assert panel.symbols == report.symbols == ("CCC", "AAA")
    assert report.rows_read == 10


def test_a_symbol_without_bars_in_the_period_is_an_empty_column_and_reported(tmp_path: Path) -> None:
    frame = pl.concat([bars("AAA"), bars("BBB", start=MONDAY_OPEN + timedelta(days=3))])
    path = write(frame, tmp_path / "bars.parquet")

    panel, report = read_bars(path, symbols=["AAA", "BBB"], last="2018-07-03")

    assert np.isnan(panel.close[:, 1]).all()
    assert report.completeness.missing_sessions("BBB") == [date(2018, 7, 2), date(2018, 7, 3)]


def test_a_period_includes_its_first_and_last_session_whole(tmp_path: Path) -> None:
    # Monday, half Tuesday, Thursday; an hour before the open and after the close on each.
    days = [
        bars(start=MONDAY_OPEN + timedelta(days=k, hours=-1), count=9 * 60).with_columns(symbol=pl.lit("AAA"))
        for k in (0, 1, 3)
    ]
    path = write(pl.concat(days), tmp_path / "bars.parquet")

    panel, report = read_bars(path, first="2018-07-03", last=date(2018, 7, 5))

    assert to_iso(panel.start_ns[0]) == "2018-07-03T13:30:00Z"
    assert to_iso(panel.end_ns[-1]) == "2018-07-05T20:00:00Z"
    assert len(panel) == 210 + 390
    # Monday's late hour, both early hours, and Tuesday from 13:00 to 17:30 New York were seen and left out.
    assert report.rows_dropped == 60 + 60 + 60 + 270 + 30


def test_bars_outside_sessions_are_counted_by_symbol(tmp_path: Path) -> None:
    early = bars("AAA", start=MONDAY_OPEN - timedelta(minutes=3), count=10)
    path = write(pl.concat([early, bars("BBB")]), tmp_path / "bars.parquet")

    panel, report = read_bars(path)

    assert report.rows_read == 15
    assert report.rows_dropped == 3
    assert report.dropped_by_symbol == {"AAA": 3}
    assert "3 bars outside every session were left out (1 symbol)." in report.sentences()
    assert to_iso(panel.start_ns[0]) == "2018-07-02T13:30:00Z"


def test_the_last_hour_of_a_session_is_half_an_hour_and_ends_at_the_close(tmp_path: Path) -> None:
    frame = bars(step=timedelta(hours=1), count=7)

    by_start, _ = read_bars(write(frame, tmp_path / "start.parquet"))
    ends = [MONDAY_OPEN + timedelta(hours=k) for k in range(1, 7)] + [MONDAY_OPEN + timedelta(hours=6.5)]
    labels = pl.Series("ts", ends, dtype=pl.Datetime("us", "UTC"))
    by_end, _ = read_bars(write(frame.with_columns(labels), tmp_path / "end.parquet"), label="end")

    assert ((by_start.end_ns - by_start.start_ns) // MINUTE).tolist() == [60] * 6 + [30]
    assert panel_digest(by_start) == panel_digest(by_end)


def test_an_hour_bar_named_on_the_full_hour_is_cut_at_the_open(tmp_path: Path) -> None:
    frame = bars(start=MONDAY_OPEN - timedelta(minutes=30), step=timedelta(hours=1), count=7)

    panel, report = read_bars(write(frame, tmp_path / "bars.parquet"))

    assert ((panel.end_ns - panel.start_ns) // MINUTE).tolist() == [30] + [60] * 6
    assert report.rows_clipped == 1
    assert report.completeness.expected.tolist() == [7]


def test_daily_bars_cover_the_session_of_their_date(tmp_path: Path) -> None:
    dates = [date(2018, 7, 2), date(2018, 7, 3), date(2018, 7, 4), date(2018, 7, 5)]
    path = write(bars(count=4).drop("ts").with_columns(date=pl.Series(dates)), tmp_path / "bars.parquet")

    panel, report = read_bars(path)

    assert panel.frame_ns == DAY
    assert [to_iso(t) for t in panel.start_ns] == [f"2018-07-0{k}T13:30:00Z" for k in (2, 3, 5)]
    assert [to_iso(t)[11:] for t in panel.end_ns] == ["20:00:00Z", "17:00:00Z", "20:00:00Z"]
    assert report.dropped_by_symbol == {"AAA": 1}  # Independence Day
    assert read_bars(path, first="2018-07-03", last="2018-07-03").panel.close.tolist() == [[10.03]]


def test_without_a_calendar_the_whole_data_is_one_session(tmp_path: Path) -> None:
    path = write(bars(start=datetime(2018, 7, 7, 23, 58, tzinfo=UTC)), tmp_path / "bars.parquet")  # a Saturday

    panel, report = read_bars(path, calendar=None)

    assert panel.sessions is None
    assert len(panel) == 5
    assert report.completeness.expected.tolist() == [5]
    assert len(read_bars(path, calendar=None, first="2018-07-08").panel) == 3


def test_daily_bars_without_a_calendar_cover_the_utc_day(tmp_path: Path) -> None:
    frame = bars(count=2).drop("ts").with_columns(date=pl.Series([date(2018, 7, 7), date(2018, 7, 8)]))

    panel, _ = read_bars(write(frame, tmp_path / "bars.parquet"), calendar=None)

    assert panel.end_ns.tolist() == [from_iso("2018-07-08"), from_iso("2018-07-09")]


@pytest.mark.parametrize(("step", "frame_ns"), [(1, MINUTE), (5, 5 * MINUTE), (30, 30 * MINUTE), (60, HOUR)])
def test_the_frame_is_found_in_the_data(step: int, frame_ns: int, tmp_path: Path) -> None:
    path = write(bars("AAA", "BBB", step=timedelta(minutes=step), count=6), tmp_path / "bars.parquet")

    assert read_bars(path).panel.frame_ns == frame_ns


def test_the_frame_of_a_thin_name_is_found_although_most_of_its_minutes_are_missing(tmp_path: Path) -> None:
    keep = np.random.default_rng(3).random(390) < 0.3
    path = write(bars(count=390).filter(pl.Series(keep)), tmp_path / "bars.parquet")

    panel, report = read_bars(path)

    assert panel.frame_ns == MINUTE
    assert report.completeness.found_count.tolist() == [keep.sum()]


def test_four_hour_bars_keep_their_place_in_the_session_across_a_clock_change(tmp_path: Path) -> None:
    # 09:30 and 13:30 New York: 14:30 and 18:30 UTC on Friday, an hour earlier from Monday on.
    opens = [datetime(2018, 3, 9, 14, 30, tzinfo=UTC), datetime(2018, 3, 12, 13, 30, tzinfo=UTC)]
    frame = pl.concat([bars(start=o, step=timedelta(hours=4), count=2) for o in opens])

    panel, _ = read_bars(write(frame, tmp_path / "bars.parquet"))

    assert ((panel.end_ns - panel.start_ns) // MINUTE).tolist() == [240, 150, 240, 150]


def test_numbers_of_other_types_are_read_as_float64(tmp_path: Path) -> None:
    frame = bars().with_columns(pl.col("volume").cast(pl.UInt32), pl.col("symbol").cast(pl.Categorical))
    frame = frame.with_columns(pl.col("open", "high", "low", "close").cast(pl.Decimal(10, 2)))

    panel, _ = read_bars(write(frame, tmp_path / "bars.parquet"))

    assert panel.close[:, 0].tolist() == [10.02, 10.03, 10.04, 10.05, 10.06]
    assert panel.volume.dtype == np.float64


def test_further_columns_are_left_alone(tmp_path: Path) -> None:
    path = write(bars().with_columns(adj_factor=pl.lit(None)), tmp_path / "bars.parquet")

    assert len(read_bars(path).panel) == 5


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_value_lands_on_its_symbol_and_time(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    width, height = data.draw(st.integers(1, 6)), data.draw(st.integers(2, 40))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    names = [f"S{number}" for number in random.permutation(width)]
    frame = bars(*names, count=height).with_columns(volume=pl.Series(random.integers(0, 10**6, width * height)))
    kept = frame.filter(pl.Series(random.random(width * height) < 0.8))
    path = write(kept, tmp_path_factory.mktemp("any") / "bars.parquet")
    try:
        panel, _ = read_bars(path, frame="1min")
    except TapelineError:
        assert len(kept) == 0
        return

    seen = {
        (symbol, int(panel.start_ns[row])): panel.volume[row, column]
        for column, symbol in enumerate(panel.symbols)
        for row in np.flatnonzero(~np.isnan(panel.volume[:, column]))
    }
    times = kept["ts"].cast(NS).to_physical()
    assert seen == dict(zip(zip(kept["symbol"], times, strict=True), kept["volume"], strict=True))


@settings(max_examples=25, deadline=None)
@given(flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6), cut=st.floats(0.01, 1.0))
def test_a_damaged_file_is_read_or_refused_in_words(
    flips: list[tuple[float, int]], cut: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(bars("AAA", "BBB", count=50), tmp_path_factory.mktemp("any") / "bars.parquet")
    content = bytearray(path.read_bytes())
    for where, value in flips:
        content[int(where * (len(content) - 1))] = value
    path.write_bytes(bytes(content[: int(cut * len(content))]))

    try:
        read_bars(path)
    except TapelineError as refusal:
        assert len(str(refusal)) > 40
