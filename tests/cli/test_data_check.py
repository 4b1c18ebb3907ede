"""`tapeline data check`: any file of bars, however dirty, gets its report; what is no file of bars gets a sentence."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from cli.running import run
from tape.quality_bars import planted, walk
from tapeline.domain.times import DAY, MINUTE, date_to_ns

EX = date(2018, 7, 10)


def write(frame: pl.DataFrame, path: Path, *, daily: bool = False) -> Path:
    """Write bars as a source would: times or dates, no row numbers."""
    time = pl.from_epoch(pl.col("start_ns") // DAY, "d").alias("date")
    if not daily:
        time = pl.from_epoch("start_ns", "ns").dt.replace_time_zone("UTC").alias("ts")
    frame.select("symbol", time, "open", "high", "low", "close", "volume").write_parquet(path)
    return path


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    frame = planted(planted(walk("AAA", "BBB"), 40, close=-1.0), [50, 51], volume=0.0)
    return write(pl.concat([frame, frame.slice(7, 1)]), tmp_path / "dirty.parquet")


def test_a_dirty_file_is_reported_and_not_refused(dirty: Path) -> None:
    outcome = run("data", "check", dirty)

    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0] == "1,081 30min bars of 2 symbols: 1,079 go in, 2 of them marked; 2 quarantined."
    assert "Quarantined for: non positive price 1, ohlc order 1, duplicate 1." in lines
    assert any(line.startswith("AAA") and "█" in line and line.endswith("2       2") for line in lines)


def test_of_many_symbols_those_with_most_faults_are_shown(tmp_path: Path) -> None:
    names = [f"S{number:02}" for number in range(30)]
    frame = planted(walk(*names, last=date(2018, 6, 8)), 6 * 13 * 29 + 5, volume=-1.0)

    outcome = run("data", "check", write(frame, tmp_path / "many.parquet"))

    lines = [line for line in outcome.out.splitlines() if line.startswith("S") and "█" in line]
    assert len(lines) == 24
    assert lines[-1].split()[0] == "S29"
    assert "and 6 more symbols, all with fewer faults" in outcome.out


def test_the_report_as_json_is_all_that_is_printed(dirty: Path) -> None:
    told = json.loads(run("data", "check", dirty, "--json").out)

    assert (told["rows"], told["frame"], told["quarantined"]) == (1_081, "30min", 2)


def test_the_page_is_written_where_it_was_asked_for(dirty: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"

    outcome = run("data", "check", dirty, "--report", page)

    assert "Quality of dirty.parquet" in page.read_text(encoding="utf-8")
    assert str(page) in outcome.out


def test_labels_at_the_end_of_bars_are_shifted(tmp_path: Path) -> None:
    frame = walk().with_columns(pl.col("start_ns") + 30 * MINUTE)
    path = write(frame, tmp_path / "ends.parquet")

    wrong, right = (
        json.loads(run("data", "check", path, "--json", "--label", label).out) for label in ("start", "end")
    )

    assert right["quarantined"] == 0
    assert wrong["quarantined"] == len(right["days"])  # one bar a day would begin at the close


def test_rows_in_any_order_and_several_files_are_one_source(tmp_path: Path) -> None:
    frame = walk("AAA", "BBB").sample(fraction=1.0, shuffle=True, seed=3)
    folder = tmp_path / "bars"
    folder.mkdir()
    for number in range(3):
        write(frame[number::3], folder / f"{number}.parquet")

    told = json.loads(run("data", "check", folder, "--json").out)

    assert (told["rows"], told["good"], told["reasons"], told["frame"]) == (1_080, 1_080, [], "30min")


def test_corporate_actions_and_a_reference_are_held_against_the_bars(tmp_path: Path) -> None:
    frame = walk("AAA", "BBB", frame_ns=DAY)
    late = (pl.col("symbol") == "AAA") & (pl.col("start_ns") >= date_to_ns(EX))
    raw = frame.with_columns(
        pl.when(late).then(pl.col(name) / 2).otherwise(name).alias(name) for name in ("open", "high", "low", "close")
    )
    path, reference = (
        write(table, tmp_path / f"{name}.parquet", daily=True) for name, table in (("raw", raw), ("other", frame))
    )
    actions = tmp_path / "actions.csv"
    actions.write_text(f"symbol,date,split_ratio,dividend\nAAA,{EX},2.0,\nBBB,{EX},1.0,0.25\n")

    told = json.loads(run("data", "check", path, "--actions", actions, "--reference", reference, "--json").out)

    assert told["prices"] == "raw"
    assert [(one["reason"], one["symbol"], one["first"]) for one in told["findings"]] == [
        ("reference_mismatch", "AAA", str(EX))
    ]
    assert told["findings"][0]["sentence"].endswith("the same security, otherwise adjusted.")
    assert json.loads(run("data", "check", path, "--json").out)["findings"][0]["reason"] == "split_missing"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.parquet"], "Unknown file 'nothing.parquet'"),
        (["dirty.parquet", "--calendar", "XNIS"], "Unknown calendar 'XNIS'"),
        (["dirty.parquet", "--label", "middle"], "Unknown label 'middle'"),
        (["dirty.parquet", "--frame", "soon"], "Frame 'soon' is unknown"),
        (["dirty.parquet", "--actions", "gone.csv"], "Unknown file 'gone.csv'"),
        (["dirty.parquet", "--actions", "dirty.parquet"], "has no column 'date'"),
        (
            ["dirty.parquet", "--report", "no/such/folder.html"],
            "Page no/such/folder.html: folder no/such does not exist",
        ),
    ],
)
def test_what_cannot_be_checked_is_refused_in_a_sentence(
    dirty: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(dirty.parent)

    outcome = run("data", "check", *arguments)

    assert outcome.code == 2
    assert sentence in outcome.sentence
    assert "Traceback" not in outcome.err
