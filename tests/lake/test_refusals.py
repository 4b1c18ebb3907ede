"""What a lake refuses, each with one sentence, and with nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from lake.builders import NOW, WEDNESDAY, bars_file, bars_table, daily_file, load, load_table, minutes
from tapeline import __version__
from tapeline.domain.errors import DataError, InputError, IntegrityError, StorageError, UnknownNameError
from tapeline.domain.times import DAY
from tapeline.lake.keeping import retain
from tapeline.lake.lake import open_lake
from tapeline.lake.snapshots import drop_snapshot, take_snapshot
from tapeline.lake.writing import Transaction


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    place = tmp_path / "lake"
    minutes(place, bars_file(tmp_path, "first.parquet", {"ALFA": [10.0, 11.0]}))
    return place


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".writer"}


def test_a_folder_that_is_no_lake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no lake in .*: it has no lake\.json\. Name another folder"):
        open_lake(tmp_path)


def test_a_lake_of_a_newer_version(lake: Path) -> None:
    described = json.loads((lake / "lake.json").read_text())
    (lake / "lake.json").write_text(json.dumps({**described, "format": 2, "written_by": "9.9.0"}))
    before = contents(lake)

    sentence = rf"has format 2, written by Tapeline 9\.9\.0; this is Tapeline {__version__}, .* up to format 1\. Update"
    with pytest.raises(InputError, match=sentence):
        open_lake(lake)
    with pytest.raises(InputError, match=sentence):
        Transaction.begin(lake, NOW)

    assert contents(lake) == before


def test_two_writers_in_one_process(tmp_path: Path, lake: Path) -> None:
    before = contents(lake)
    with Transaction.begin(lake, NOW), pytest.raises(StorageError, match=r"a lake has one writer\. Wait for it to end"):
        minutes(lake, bars_file(tmp_path, "second.parquet", {"BETA": [20.0]}))

    assert contents(lake) == before
    minutes(lake, bars_file(tmp_path, "second.parquet", {"BETA": [20.0]}))
    assert open_lake(lake).read().panel.symbols == ("ALFA", "BETA")


def test_a_writer_in_another_process_is_named(lake: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tapeline.lake.writing import Transaction\n"
        "with Transaction.begin(Path(sys.argv[1]), 1):\n    print('writing', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lake)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "writing\n"
        with pytest.raises(StorageError, match=rf"process {other.pid} is writing it"):
            Transaction.begin(lake, NOW)
        other.communicate("")

    Transaction.begin(lake, NOW).__exit__(None, None, None)


def test_a_writer_that_got_past_the_lock_writes_nothing(lake: Path) -> None:
    """Two commits of one number: on a file system whose locks do not hold, the second is refused."""
    with Transaction.begin(lake, NOW) as first:
        first.replace("loads", first.frame("loads"))
        (lake / ".writer").unlink()
        with Transaction.begin(lake, NOW) as second:
            second.replace("loads", second.frame("loads").with_columns(vendor=pl.lit("second")))
            second.commit("second")
        with pytest.raises(StorageError, match=r"written by another process in the meantime"):
            first.commit("first")

    assert open_lake(lake).table("loads")["vendor"].to_list() == ["second"]


def test_a_snapshot_that_never_was_and_one_that_is_gone(lake: Path) -> None:
    take_snapshot(lake, "spring", NOW)
    take_snapshot(lake, "summer", NOW)
    drop_snapshot(lake, "spring", NOW)

    with pytest.raises(UnknownNameError, match=r"Unknown snapshot 'sumer' in lake .*\. Did you mean 'summer'"):
        open_lake(f"{lake}@sumer")
    with pytest.raises(InputError, match=r"'spring' .* is gone: it was dropped on 2024-05-01\. Kept are: summer\."):
        open_lake(f"{lake}@spring")
    with pytest.raises(InputError, match=r"'summer' .* is there already"):
        take_snapshot(lake, "summer", NOW)


def test_a_commit_that_retention_let_go_of(tmp_path: Path, lake: Path) -> None:
    minutes(lake, bars_file(tmp_path, "second.parquet", {"ALFA": [12.0]}, WEDNESDAY), days=40)
    retain(lake, NOW + 40 * DAY, keep_days=30)

    with pytest.raises(
        InputError, match=r"Commit 1 of lake .* is gone: retention let go of it\. Commits 2 to 2 are there"
    ):
        open_lake(lake, 1)
    with pytest.raises(UnknownNameError, match="commit '7'"):
        open_lake(lake, 7)


@pytest.mark.parametrize("name", ["2024", "with space", "a/b", "", "a@b"])
def test_a_snapshot_name_that_could_not_be_told_from_something_else(lake: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be used: begin with a letter"):
        take_snapshot(lake, name, NOW)


def test_a_vendor_file_with_changed_columns(tmp_path: Path, lake: Path) -> None:
    before = contents(lake)
    table = bars_table({"ALFA": [12.0, 13.0]}, WEDNESDAY)
    path = tmp_path / "changed.parquet"

    table.rename({"volume": "vol"}).write_parquet(path)
    with pytest.raises(
        DataError,
        match=r"changed\.parquet has other columns than the last load of vendor acme \(load 1\): 'volume' is missing "
        r"and 'vol' is new\..* --columns such as volume=vol; nothing was imported",
    ):
        load(lake, path)
    table.with_columns(bid=pl.lit(1.0)).write_parquet(path)
    with pytest.raises(DataError, match=r"'bid' is new"):
        load(lake, path)
    assert contents(lake) == before

    # Of another vendor, or said anew, they are right.
    load(lake, path, vendor="other")
    assert open_lake(lake).read().panel.close[:, 0].tolist() == [10.0, 11.0, 12.0, 13.0]


def test_the_mapping_of_a_vendors_columns_is_remembered(tmp_path: Path) -> None:
    from tapeline.feeds.vendor_files import VendorFormat

    place = tmp_path / "lake"
    for name, day in (("a.csv", "2023-07-03"), ("b.csv", "2023-07-05")):
        (tmp_path / name).write_text(
            "Ticker,When,O,H,L,Last,Shares\n"
            f"ALFA,{day} 09:31,10,11,9,10,100\n"
            f"ALFA,{day} 09:32,11,12,10,11,100\n"
        )  # fmt: skip
    columns = {
        "symbol": "Ticker",
        "time": "When",
        "open": "O",
        "high": "H",
        "low": "L",
        "close": "Last",
        "volume": "Shares",
    }
    written = VendorFormat(columns, label="end", zone="America/New_York")

    load(place, tmp_path / "a.csv", written=written)
    load(place, tmp_path / "b.csv")

    panel = open_lake(place).read().panel
    assert panel.close[:, 0].tolist() == [10.0, 11.0, 10.0, 11.0]
    # 09:31 in New York names the end of the minute that begins at the open, 13:30 UTC in summer.
    assert panel.start_ns[0] == panel.sessions.open_ns[0]  # type: ignore[union-attr]


CAESARS, ELDORADO = "CZR-old", "CZR"
HISTORY = [
    {"symbol": "CZR", "security": CAESARS, "first": date(2012, 2, 8), "last": date(2020, 7, 20), "name": "Caesars"},
    {"symbol": "CZR", "security": ELDORADO, "first": date(2020, 7, 21), "last": None, "name": "Eldorado"},
    {"symbol": "ERI", "security": ELDORADO, "first": date(2014, 9, 22), "last": date(2020, 7, 20), "name": "Eldorado"},
]


@pytest.fixture
def two_companies(tmp_path: Path) -> Path:
    place = tmp_path / "two"
    load_table(place, "symbol_history", HISTORY)
    days = {"CZR": {"2020-07-17": 12.0, "2020-07-20": 12.3, "2020-07-21": 38.0}, "ERI": {"2020-07-20": 39.0}}
    load(place, daily_file(tmp_path, "czr.parquet", days))
    return place


def test_bars_of_a_symbol_of_two_companies_are_split_by_its_history(two_companies: Path) -> None:
    rows = open_lake(two_companies).bars(["CZR-old"]), open_lake(two_companies).bars(["CZR"], first="2020-07-21")

    assert rows[0]["close"].to_list() == [12.0, 12.3]
    assert rows[1]["close"].to_list() == [38.0]
    # Eldorado under its new name, over a period that begins before: the same security, with its bars as ERI.
    assert open_lake(two_companies).read(["ERI"]).panel.close[:, 0].tolist() == [39.0, 38.0]


def test_a_symbol_asked_over_two_companies_is_refused(two_companies: Path) -> None:
    opened = open_lake(two_companies)

    with pytest.raises(
        InputError,
        match=r"Symbol CZR was asked from 2020-07-01 to 2020-07-31, in which it was used by two companies: "
        r"CZR-old from 2012-02-08 to 2020-07-20; CZR from 2020-07-21 to today\. Ask for one by its security's id",
    ):
        opened.read(["CZR"], first="2020-07-01", last="2020-07-31")
    with pytest.raises(InputError, match=r"nobody used it then"):
        opened.read(["ERI"], first="2010-01-04", last="2010-12-31")
    assert opened.read(["CZR"], last="2020-07-20").panel.close[:, 0].tolist() == [12.0, 12.3]


def test_all_symbols_of_a_period_are_two_columns_for_two_companies(two_companies: Path) -> None:
    panel = open_lake(two_companies).read().panel

    assert panel.symbols == ("CZR", "CZR-old")


def test_bars_on_a_day_when_nobody_used_the_symbol_are_refused(tmp_path: Path, two_companies: Path) -> None:
    before = contents(two_companies)

    with pytest.raises(
        DataError, match=r"has bars of CZR on 2011-07-18, when nobody used that symbol: .*CZR-old from 2012"
    ):
        load(two_companies, daily_file(tmp_path, "early.parquet", {"CZR": {"2011-07-18": 1.0}}))

    assert contents(two_companies) == before


def test_a_history_that_makes_two_companies_of_stored_bars_has_to_be_asked_to_refile_them(tmp_path: Path) -> None:
    place = tmp_path / "lake"
    load(place, daily_file(tmp_path, "czr.parquet", {"CZR": {"2020-07-20": 12.3, "2020-07-21": 38.0}}))

    with pytest.raises(DataError, match=r"has bars of CZR on 2020-07-20 as security CZR, which .* were CZR-old's"):
        load_table(place, "symbol_history", HISTORY)

    assert not open_lake(place).history
    take_snapshot(place, "before", NOW)

    load_table(place, "symbol_history", HISTORY, correct=True)

    opened = open_lake(place)
    assert opened.bars(["CZR-old"])["close"].to_list() == [12.3]
    assert opened.read(["CZR"], first="2020-07-21").panel.close.tolist() == [[38.0]]
    assert open_lake(f"{place}@before").read(["CZR"]).panel.close[:, 0].tolist() == [12.3, 38.0]


def test_a_changed_history_is_held_against_the_bars_that_were_filed_by_it(two_companies: Path) -> None:
    both_on_friday = [{**HISTORY[1], "first": date(2020, 7, 17)}]

    with pytest.raises(DataError, match=r"Symbol CZR means two securities on 2020-07-17"):
        load_table(two_companies, "symbol_history", both_on_friday, correct=True)
    with pytest.raises(DataError, match=r"says last 2020-07-17 .* lake has 2020-07-20 .* --correct"):
        load_table(two_companies, "symbol_history", [{**HISTORY[0], "last": date(2020, 7, 17)}])
    with pytest.raises(DataError, match=r"has bars of CZR on 2020-07-20, when nobody used that symbol"):
        load_table(two_companies, "symbol_history", [{**HISTORY[0], "last": date(2020, 7, 17)}], correct=True)

    # The same again, and a company that has nothing to do with it, leave every bar where it is.
    load_table(two_companies, "symbol_history", HISTORY)
    load_table(two_companies, "symbol_history", [{**HISTORY[0], "symbol": "ALFA", "security": "ALFA"}])
    assert open_lake(two_companies).bars(["CZR-old"])["close"].to_list() == [12.0, 12.3]


def test_a_symbol_of_two_companies_on_one_day_is_refused(tmp_path: Path) -> None:
    overlapping = [{**HISTORY[0], "last": date(2020, 8, 1)}, HISTORY[1]]

    with pytest.raises(DataError, match=r"Symbol CZR means two securities on 2020-07-21"):
        load_table(tmp_path / "lake", "symbol_history", overlapping)


def test_a_damaged_file_is_said_to_be_damaged(lake: Path) -> None:
    (path,) = (lake / "bars").rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(IntegrityError, match=r"A file of .*1min cannot be read .* Restore the lake from a copy"):
        open_lake(lake).read()


def test_a_damaged_commit_is_said_to_be_damaged(lake: Path) -> None:
    (path,) = (lake / "commits").glob("*.json")
    path.write_text('{"commit": 1')

    with pytest.raises(IntegrityError, match=r"00000001\.json is no whole commit"):
        open_lake(lake)


def test_a_folder_with_other_things_in_it_is_not_made_a_lake(tmp_path: Path) -> None:
    path = bars_file(tmp_path, "bars.parquet", {"ALFA": [10.0, 11.0]})

    with pytest.raises(InputError, match=r"There is no lake in"):
        load(tmp_path, path)

    assert [one.name for one in tmp_path.iterdir()] == ["bars.parquet"]


@pytest.mark.parametrize("call", ["write_parquet", "fsync"])
def test_a_full_disk_is_said_to_be_full_and_leaves_nothing(
    tmp_path: Path, lake: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    before = contents(lake)
    path = bars_file(tmp_path, "second.parquet", {"BETA": [20.0, 21.0]})

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        if call == "fsync":
            patched.setattr("tapeline.lake.table.sync", full)
        else:
            patched.setattr(pl.DataFrame, call, full)
        with pytest.raises(
            StorageError, match=r"cannot be written: No space left on device\. Free some space .* nothing was"
        ):
            load(lake, path)

    assert contents(lake) == before
    load(lake, path)
    assert open_lake(lake).read().panel.symbols == ("ALFA", "BETA")
