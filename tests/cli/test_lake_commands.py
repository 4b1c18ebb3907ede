"""`tapeline data`: a lake from the command line, and a backtest that names what it saw."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from cli.running import Outcome, run
from lake.builders import bars_file, bars_table, daily_file, load, load_table
from tapeline.feeds.digest import panel_digest
from tapeline.feeds.parquet import read_bars
from tapeline.store.sqlite_journal import SqliteJournal

PRICES = [10.0 + (number % 7) for number in range(120)]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    path = bars_file(tmp_path, "bars.parquet", {"ALFA": PRICES, "BETA": PRICES[::-1]})
    done = run("data", "import", path, "--lake", tmp_path / "lake", "--vendor", "acme")
    assert done.code == 0, done.err
    assert "Load 1: 240 rows read from" in done.out
    assert "240 added" in done.out
    return tmp_path / "lake"


def refused(*arguments: str | Path) -> str:
    """Run a command that must be refused in one sentence; return it."""
    done: Outcome = run(*arguments)
    assert done.code == 2, done.out + done.err
    assert done.err.startswith("tapeline: ")
    assert len(done.err.strip().splitlines()) == 1
    return done.sentence


def test_list_tells_what_there_is(lake: Path) -> None:
    run("data", "snapshot", "spring", "--lake", lake, "--note", "for the report")

    told = json.loads(run("data", "list", "--lake", lake, "--json").out)

    assert [(row["frame"], row["rows"], row["from"]) for row in told["bars"]] == [("1min", 240, "2023-07-03")]
    assert told["snapshots"] == [{"name": "spring", "commit": 1, "note": "for the report"}]
    assert "for the report" in run("data", "list", "--lake", lake).out


def test_show_has_vendor_and_revision_of_bars_and_the_record_of_loads(lake: Path) -> None:
    bars = run("data", "show", "ALFA", "--lake", lake, "--count", "2").out
    loads = run("data", "show", "loads", "--lake", lake).out

    assert "acme" in bars
    assert f"120 rows in lake {lake}@1, 2 shown" in bars.replace("\n", " ")
    assert "bars" in loads
    assert "Did you mean 'ALFA'" in refused("data", "show", "ALFAA", "--lake", lake)


def test_check_tells_what_is_missing(lake: Path, tmp_path: Path) -> None:
    bars_table({"ALFA": PRICES}, "2023-07-06T13:30:00Z").write_parquet(tmp_path / "later.parquet")
    run("data", "import", tmp_path / "later.parquet", "--lake", lake, "--vendor", "acme")

    told = run("data", "check", "--lake", lake).out

    # Sessions from 2023-07-03 to 06: ALFA lacks the 5th, BETA the 5th and the 6th; the 4th is a holiday.
    assert "ALFA lacks 1 whole session of 3." in told
    assert "BETA lacks 2 whole sessions of 3." in told


@pytest.mark.parametrize("name", ["out.parquet", "out.csv"])
def test_an_export_can_be_imported_again(lake: Path, tmp_path: Path, name: str) -> None:
    assert run("data", "export", tmp_path / name, "--lake", lake, "--symbols", "BETA").code == 0
    assert run("data", "import", tmp_path / name, "--lake", tmp_path / "second").code == 0
    assert run("data", "export", tmp_path / "again.parquet", "--lake", tmp_path / "second").code == 0

    assert panel_digest(read_bars(tmp_path / "again.parquet").panel) == panel_digest(
        read_bars(tmp_path / "bars.parquet", symbols=["BETA"]).panel
    )


def test_a_correction_is_asked_for_and_a_snapshot_keeps_the_bar_of_before(lake: Path, tmp_path: Path) -> None:
    run("data", "snapshot", "before", "--lake", lake)
    other = bars_file(tmp_path, "other.parquet", {"ALFA": [10.5, 11.0]})

    assert "--correct" in refused("data", "import", other, "--lake", lake, "--vendor", "acme")
    done = run("data", "import", other, "--lake", lake, "--vendor", "acme", "--correct")

    assert "1 there already, 1 corrected" in done.out
    for place, close in ((f"{lake}@before", 10.0), (lake, 10.5)):
        run("data", "export", tmp_path / "out.parquet", "--lake", place, "--symbols", "ALFA")
        assert pl.read_parquet(tmp_path / "out.parquet")["close"][0] == close


def test_a_backtest_from_a_lake_equals_one_from_the_file_and_names_its_snapshot(lake: Path, tmp_path: Path) -> None:
    run("data", "snapshot", "spring", "--lake", lake)
    options = (
        "backtest",
        "moving-average-cross",
        "--frame",
        "1min",
        "--set",
        "fast_bars=3",
        "--set",
        "slow_bars=5",
        "--json",
    )

    from_lake = json.loads(run(*options, "--lake", f"{lake}@spring").out)
    from_file = json.loads(run(*options, "--data", tmp_path / "bars.parquet").out)

    assert from_lake["digest"] == from_file["digest"]
    assert from_lake["executions"]
    assert from_lake["manifest"]["data_source"] == f"lake {lake}@1, snapshot spring"


def test_looking_after_a_lake(lake: Path, tmp_path: Path) -> None:
    for number in range(2):
        path = bars_file(tmp_path, f"{number}.parquet", {"GAMA": PRICES}, f"2023-07-0{5 + number}T13:30:00Z")
        run("data", "import", path, "--lake", lake, "--vendor", "acme")

    assert "3 files of bars became 1" in run("data", "compact", "--lake", lake).out
    assert "240 bars of 1min are no longer" in run("data", "remove", "--lake", lake, "--before", "2023-07-05").out
    assert "0 commits older than 30 days" in run("data", "retain", "--lake", lake).out
    assert "GAMA" in run("data", "check", "--lake", lake).out
    assert "Give a day with --before" in refused("data", "remove", "--lake", lake)


def test_facts_are_imported_and_shown(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("symbol,start_date,end_date\nALFA,2018-02-16,\n")

    done = run(
        "data",
        "import",
        tmp_path / "index.csv",
        "--lake",
        lake,
        "--table",
        "index_membership",
        "--columns",
        "index==TOP",
    )

    assert "1 row read" in done.out
    assert "TOP" in run("data", "show", "index_membership", "--lake", lake).out
    assert "--zone is for bars" in refused(
        "data", "import", tmp_path / "index.csv", "--lake", lake, "--table", "sectors", "--zone", "UTC"
    )


def test_refusals_leave_with_code_two_and_one_sentence(lake: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.parquet"
    bars_table({"ALFA": PRICES}).rename({"volume": "vol"}).write_parquet(changed)

    assert "There is no lake in" in refused("data", "list", "--lake", tmp_path)
    assert "Unknown snapshot 'gone'" in refused("data", "list", "--lake", f"{lake}@gone")
    assert "cannot be changed" in refused("data", "import", changed, "--lake", f"{lake}@gone")
    assert "'vol' is new" in refused("data", "import", changed, "--lake", lake, "--vendor", "acme")
    assert "Write ours=theirs" in refused("data", "import", changed, "--lake", lake, "--columns", "volume")
    assert "ending that says no format" in refused("data", "export", tmp_path / "out.xlsx", "--lake", lake)
    assert "Leave one of them out" in refused(
        "backtest", "moving-average-cross", "--lake", lake, "--data", tmp_path / "bars.parquet", "--frame", "1min"
    )
    assert not (tmp_path / "out.xlsx").exists()


HOLD = """
from tapeline import RuleStrategy, bars, fixed_quantity

class Hold(RuleStrategy):
    '''Buy ten shares and hold them.'''

    bar = bars()
    enter_long = bar.close > 0
    size = fixed_quantity(10)
"""


@pytest.mark.parametrize("journaled", [False, True])
def test_splits_that_the_lake_knows_reach_the_run_both_ways(tmp_path: Path, journaled: bool) -> None:
    closes = {"2020-01-02": 12.0, "2020-01-03": 12.0, "2020-01-06": 6.0, "2020-01-07": 6.0}
    load(tmp_path / "lake", daily_file(tmp_path, "x.parquet", {"X": closes}))
    load_table(
        tmp_path / "lake", "corporate_actions", [{"symbol": "X", "ex": "2020-01-06", "kind": "split", "new": "2"}]
    )
    (tmp_path / "hold.py").write_text(HOLD)
    options = ["--journal", tmp_path / "run.sqlite"] if journaled else []

    done = run("backtest", tmp_path / "hold.py", "--lake", tmp_path / "lake", "--json", *options)

    result = json.loads(done.out)
    assert result["positions"] == {"X": 20.0}
    assert result["manifest"]["data_source"] == f"lake {tmp_path / 'lake'}@2"
    if journaled:
        with SqliteJournal.reading(tmp_path / "run.sqlite") as journal:
            started = next(iter(journal.read())).fact
        assert started.data_source == f"lake {tmp_path / 'lake'}@2"  # type: ignore[attr-defined]
