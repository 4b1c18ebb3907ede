"""What goes into a lake comes out again: bars, corrections, snapshots, and where all of it came from."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake.builders import NOW, WEDNESDAY, bars_file, bars_table, daily_file, load, minutes, no_gate
from shared import shared_path
from tapeline.domain.errors import DataError, InputError, UnknownNameError
from tapeline.feeds.digest import panel_digest
from tapeline.feeds.parquet import read_bars
from tapeline.lake.lake import open_lake
from tapeline.lake.snapshots import take_snapshot
from tapeline.tape.calendars import sessions


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def closes(lake: Path | str, symbol: str = "ALFA", **period: str) -> list[float]:
    return open_lake(lake).read([symbol], **period).panel.close[:, 0].tolist()  # type: ignore[arg-type]


def test_bars_are_read_as_they_are_read_from_their_file(tmp_path: Path, lake: Path) -> None:
    path = bars_file(tmp_path, "bars.parquet", {"BETA": [20.0, 21.0], "ALFA": [10.0, 11.0, 12.0]})

    load(lake, path)

    assert panel_digest(open_lake(lake).read().panel) == panel_digest(read_bars(path).panel)


@pytest.mark.parametrize("pack", ["minute_us_2026", "lean_hour", "bars_30min_r1000_2025", "lean_daily"])
def test_real_packs_are_read_bit_for_bit_as_from_their_files(pack: str, lake: Path) -> None:
    """Half days, bars that begin before the open, thin names and daily bars included."""
    path = shared_path(f"data/{pack}.parquet")

    load(lake, path, gate=no_gate)

    from_file, from_lake = read_bars(path), open_lake(lake).read()
    assert panel_digest(from_lake.panel) == panel_digest(from_file.panel)
    assert from_lake.report.sentences()[1:] == from_file.report.sentences()[1:]


def test_a_symbol_and_a_period_are_read_alone(tmp_path: Path, lake: Path) -> None:
    minutes(lake, bars_file(tmp_path, "monday.parquet", {"ALFA": [10.0, 11.0], "BETA": [20.0, 21.0]}))
    minutes(lake, bars_file(tmp_path, "wednesday.parquet", {"ALFA": [12.0], "BETA": [22.0]}, WEDNESDAY))

    panel = open_lake(lake).read(["BETA"], first="2023-07-04", last="2023-07-05").panel

    assert panel.symbols == ("BETA",)
    assert panel.close.tolist() == [[22.0]]


def test_columns_stand_in_the_order_asked_for_and_a_symbol_without_bars_is_empty(tmp_path: Path, lake: Path) -> None:
    minutes(lake, bars_file(tmp_path, "monday.parquet", {"ALFA": [10.0], "BETA": [20.0]}))
    minutes(lake, bars_file(tmp_path, "wednesday.parquet", {"ALFA": [12.0]}, WEDNESDAY))

    panel = open_lake(lake).read(["BETA", "ALFA"], first="2023-07-05").panel

    assert panel.symbols == ("BETA", "ALFA")
    assert np.isnan(panel.close[0, 0])
    assert panel.close[0, 1] == 12.0


def test_a_load_that_is_there_already_adds_nothing(tmp_path: Path, lake: Path) -> None:
    path = bars_file(tmp_path, "bars.parquet", {"ALFA": [10.0, 11.0]})
    load(lake, path)

    report = load(lake, path)

    assert (report.stored.added, report.stored.same, report.stored.corrected) == (0, 2, 0)
    assert closes(lake) == [10.0, 11.0]


def test_a_bar_that_differs_is_refused_unless_it_is_a_correction(tmp_path: Path, lake: Path) -> None:
    minutes(lake, bars_file(tmp_path, "bars.parquet", {"ALFA": [10.0, 11.0]}))
    other = bars_file(tmp_path, "other.parquet", {"ALFA": [10.0, 11.5, 12.0]})

    with pytest.raises(DataError, match=r"row 1 of .*other.parquet \(ALFA, 2023-07-03T13:31Z\) differs .* --correct"):
        load(lake, other)
    assert closes(lake) == [10.0, 11.0]

    report = load(lake, other, correct=True)

    assert (report.stored.added, report.stored.same, report.stored.corrected) == (1, 1, 1)
    assert closes(lake) == [10.0, 11.5, 12.0]


def test_each_correction_is_a_revision_and_snapshots_keep_what_they_saw(tmp_path: Path, lake: Path) -> None:
    for number, close in enumerate((10.0, 10.5, 10.7)):
        path = bars_file(tmp_path, f"{number}.parquet", {"ALFA": [close, 11.0]})
        load(lake, path, correct=True, vendor=f"vendor {number}")
        take_snapshot(lake, f"s{number}", NOW)

    rows = open_lake(lake).bars(every_revision=True)

    assert [closes(f"{lake}@s{number}")[0] for number in range(3)] == [10.0, 10.5, 10.7]
    assert rows.select("close", "revision", "load", "vendor").rows() == [
        (10.0, 0, 1, "vendor 0"),
        (10.5, 1, 2, "vendor 1"),
        (10.7, 2, 3, "vendor 2"),
        (11.0, 0, 1, "vendor 0"),
    ]
    assert open_lake(lake).bars()["revision"].to_list() == [2, 0]


def test_an_open_lake_does_not_change_under_its_reader(tmp_path: Path, lake: Path) -> None:
    minutes(lake, bars_file(tmp_path, "bars.parquet", {"ALFA": [10.0]}))
    before = open_lake(lake)

    minutes(lake, bars_file(tmp_path, "other.parquet", {"ALFA": [99.0]}), correct=True)

    assert before.read().panel.close.tolist() == [[10.0]]
    assert before.name == f"lake {lake}@1"


def test_a_load_is_traced_to_its_file_its_request_and_its_time(tmp_path: Path, lake: Path) -> None:
    path = bars_file(tmp_path, "bars.parquet", {"ALFA": [10.0, 11.0]})

    load(lake, path, vendor="acme")

    (row,) = open_lake(lake).table("loads").to_dicts()
    assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (row["vendor"], row["source"], row["kind"]) == ("acme", str(path), "bars 1min")
    assert json.loads(row["request"])["label"] == "start"
    assert row["time"].isoformat() == "2024-05-01T12:00:00+00:00"
    assert (row["rows_read"], row["rows_good"], row["rows_quarantined"]) == (2, 2, 0)


def test_what_the_gate_refuses_is_kept_in_quarantine_with_its_reasons(tmp_path: Path, lake: Path) -> None:
    path = bars_file(tmp_path, "bars.parquet", {"ALFA": [10.0, 11.0, 12.0]})

    class Verdict:
        def __init__(self, frame: pl.DataFrame) -> None:
            self.good = frame.filter(pl.col("row") != 1).with_columns(marks=pl.lit(4, pl.UInt32))
            bad = frame.filter(pl.col("row") == 1)
            self.quarantined = bad.with_columns(reasons=pl.lit(["spike", "stale"], pl.List(pl.String)))
            self.report = None

    report = load(lake, path, gate=lambda frame, **_: Verdict(frame))

    left_out = open_lake(lake).table("quarantine")
    assert (report.rows_read, report.quarantined, report.stored.added) == (3, 1, 2)
    assert left_out.select("load", "row", "symbol", "close", "reasons").rows() == [(1, 1, "ALFA", 11.0, "spike, stale")]
    assert open_lake(lake).bars()["marks"].to_list() == [4, 4]


def test_a_folder_is_one_load(tmp_path: Path, lake: Path) -> None:
    bars_file(tmp_path / "files", "a.parquet", {"ALFA": [10.0]})
    bars_file(tmp_path / "files", "b.parquet", {"BETA": [20.0]})

    report = minutes(lake, tmp_path / "files")

    assert (report.load, report.commit) == (1, 1)
    assert open_lake(lake).read().panel.close.tolist() == [[10.0, 20.0]]


def test_files_of_a_folder_that_contradict_each_other_are_refused(tmp_path: Path, lake: Path) -> None:
    bars_file(tmp_path / "files", "a.parquet", {"ALFA": [10.0, 11.0]})
    bars_file(tmp_path / "files", "b.parquet", {"ALFA": [10.0, 11.5]})

    with pytest.raises(DataError, match=r"row 1 of .*b\.parquet .* open 11\.5 instead of 11"):
        load(lake, tmp_path / "files")

    assert not lake.exists()


def test_a_folder_with_one_bad_file_leaves_nothing(tmp_path: Path, lake: Path) -> None:
    bars_file(tmp_path / "files", "a.parquet", {"ALFA": [10.0]})
    bars_table({"BETA": [20.0]}).with_columns(close=pl.lit(-1.0)).write_parquet(tmp_path / "files" / "b.parquet")

    with pytest.raises(DataError, match=r"Row 0 of .*b\.parquet \(BETA, 2023-07-03T13:30:00Z\) is no bar"):
        minutes(lake, tmp_path / "files", gate=no_gate)

    assert not lake.exists()


def test_a_bar_that_stands_twice_is_refused(tmp_path: Path, lake: Path) -> None:
    table = bars_table({"ALFA": [10.0, 11.0]})
    path = tmp_path / "bars.parquet"
    pl.concat([table, table.tail(1)]).write_parquet(path)

    with pytest.raises(DataError, match=r"stands twice .* rows 1 and 2"):
        load(lake, path, gate=no_gate)


def test_bad_rows_wait_in_quarantine_with_their_reasons_and_the_others_go_in(tmp_path: Path, lake: Path) -> None:
    table = bars_table({"ALFA": [10.0, 11.0, 12.0]})
    path = tmp_path / "bars.parquet"
    pl.concat([table.head(2), table.tail(1).with_columns(low=pl.lit(99.0))]).write_parquet(path)

    report = load(lake, path)

    assert (report.rows_read, report.quarantined) == (3, 1)
    assert closes(lake) == [10.0, 11.0]
    left_out = open_lake(lake).table("quarantine")
    assert (left_out["symbol"].to_list(), left_out["row"].to_list()) == (["ALFA"], [2])
    assert left_out["reasons"].to_list() == ["ohlc_order"]


def test_daily_bars_and_minutes_live_side_by_side(tmp_path: Path, lake: Path) -> None:
    minutes(lake, bars_file(tmp_path, "minutes.parquet", {"ALFA": [10.0]}))
    load(lake, daily_file(tmp_path, "days.parquet", {"ALFA": {"2023-07-03": 10.0, "2023-07-05": 12.0}}))

    opened = open_lake(lake)

    assert opened.frames == ["1min", "1d"]
    assert opened.read(frame="1d").panel.close.tolist() == [[10.0], [12.0]]
    with pytest.raises(InputError, match=r"has bars of 1min, 1d\. Say which"):
        opened.read()


def test_unknown_names_and_empty_periods_are_answered_with_what_there_is(tmp_path: Path, lake: Path) -> None:
    minutes(lake, bars_file(tmp_path, "bars.parquet", {"ALFA": [10.0]}))
    opened = open_lake(lake)

    with pytest.raises(UnknownNameError, match=r"symbol 'ALFS' in lake .*@1\. Did you mean 'ALFA'"):
        opened.read(["ALFS"])
    with pytest.raises(UnknownNameError, match="frame '5min'"):
        opened.read(frame="5min")
    with pytest.raises(InputError, match=r"no bars of ALFA from 2023-08-01 .* run from 2023-07-03 to 2023-07-03"):
        opened.read(["ALFA"], first="2023-08-01")


def test_the_tables_are_delta_tables_that_others_can_read(tmp_path: Path, lake: Path) -> None:
    minutes(lake, bars_file(tmp_path, "bars.parquet", {"ALFA": [10.0, 11.0]}))

    rows = pl.read_delta(str(lake / "bars" / "1min"))

    assert rows.sort("start")["close"].to_list() == [10.0, 11.0]
    assert rows["period"].unique().to_list() == ["2023-07-01"]
    assert rows["session"].unique().to_list() == [date(2023, 7, 3)]


@settings(max_examples=12)
@given(count=st.integers(1, 60), bars_max=st.integers(1, 90), last=st.sampled_from(["2023-07-05", "2023-07-06", None]))
def test_panels_of_session_chunks_are_the_rows_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, count: int, bars_max: int, last: str | None
) -> None:
    folder = tmp_path_factory.mktemp("chunks")
    for day in ("2023-06-30", "2023-07-03", "2023-07-05", "2023-07-06"):
        prices = [10.0 + number for number in range(count)]
        path = bars_file(
            folder, f"{day}.parquet", {"ALFA": prices, "BETA": prices[: count // 2] or [1.5]}, f"{day}T13:30:00Z"
        )
        minutes(folder / "lake", path)
    opened = open_lake(folder / "lake")

    whole = opened.read(last=last).panel
    chunks = list(opened.panels(last=last, bars_max=bars_max))

    assert all(chunk.symbols == whole.symbols for chunk in chunks)
    for name in ("start_ns", "end_ns", "open", "high", "low", "close", "volume"):
        joined = np.concatenate([getattr(chunk, name) for chunk in chunks])
        assert joined.tobytes() == getattr(whole, name).tobytes()
    # no session is cut: the half day has 210 minutes, the others 390
    known = sessions("XNYS", date(2023, 6, 30), date(2023, 7, 6))
    begun = [known.index_of(chunk.start_ns[:1])[0] for chunk in chunks]
    assert len(set(begun)) == len(begun)


def test_a_lake_without_a_calendar_takes_bars_around_the_clock(tmp_path: Path, lake: Path) -> None:
    path = bars_file(tmp_path, "bars.parquet", {"COIN": [10.0, 11.0]}, "2023-07-04T03:00:00Z")

    load(lake, path, calendar=None)

    panel = open_lake(lake).read().panel
    assert panel.sessions is None
    assert panel.close.tolist() == [[10.0], [11.0]]


def test_a_bar_is_filed_under_the_session_it_stands_in_or_that_comes_next(tmp_path: Path, lake: Path) -> None:
    """16:59 UTC is the last minute of the half day 2023-07-03; 17:00 is after it, before the session of 2023-07-05."""
    path = bars_file(tmp_path, "bars.parquet", {"ALFA": [10.0, 11.0]}, "2023-07-03T16:59:00Z")

    load(lake, path, gate=no_gate)

    assert open_lake(lake).bars()["session"].to_list() == [date(2023, 7, 3), date(2023, 7, 5)]
    assert open_lake(lake).read().report.rows_dropped == 1
