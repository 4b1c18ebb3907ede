"""A run leaves its files whole or not at all, whatever stops it; mostly real commands in their own processes."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from datetime import date
from pathlib import Path

import pytest

from cli.bar_files import a_market, as_table, write_bars
from cli.running import LIMIT_S, command, environment, run, start
from tapeline.app.run_files import newest_journal, run_folder
from tapeline.domain.errors import DataError, InputError, InvariantError, StorageError
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.whole_file import write_whole

CROSS = ("backtest", "moving-average-cross", "--data", "bars.parquet")
LONG = date(2024, 1, 19)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.parquet")
    return tmp_path


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_journaled_run_is_explained_and_verified_without_its_data(folder: Path) -> None:
    done = start(*CROSS, "--journal", "run.sqlite", "--json", folder=folder)
    assert done.code == 0, done.err
    result = json.loads(done.out)
    (folder / "bars.parquet").unlink()
    entry = result["round_trips"][0]["entry_order"]

    told = start("why", entry, "--journal", "run.sqlite", folder=folder)
    verified = run("journal", "verify", "run.sqlite")
    plain = run("why", entry, "--journal", "run.sqlite", "--json")

    assert told.code == 0, told.err
    assert f"Order {entry}" in told.out
    assert "crossed_above(ema(close, 20), ema(close, 50)) = true   [" in told.out
    assert "the journal has the numbers that the decision used, not the bars around them" in told.out
    assert verified.code == 0
    assert "unbroken" in verified.out
    assert json.loads(plain.out)["orders"][0]["client_order_id"] == entry


def test_both_ways_of_the_command_give_the_same_result(folder: Path) -> None:
    compiled = json.loads(run(*CROSS, "--json").out)
    looped = json.loads(run(*CROSS, "--json", "--journal", "run.sqlite").out)

    assert compiled["digest"] == looped["digest"]
    assert compiled["round_trips"]


def test_a_journal_that_holds_a_run_is_not_written_again(folder: Path) -> None:
    assert run(*CROSS, "--journal", "run.sqlite").code == 0
    before = (folder / "run.sqlite").read_bytes()

    again = run(*CROSS, "--journal", "run.sqlite")

    assert again.code == 2
    assert "already holds" in again.sentence
    assert "Name another file." in again.sentence
    assert (folder / "run.sqlite").read_bytes() == before


def test_a_journal_in_use_is_refused(folder: Path) -> None:
    with SqliteJournal.writing(folder / "run.sqlite"):
        before = names(folder)
        refused = run(*CROSS, "--journal", "run.sqlite")

        assert refused.code == 2
        assert "another process is writing it, and a journal has one writer" in refused.sentence
        assert names(folder) == before


@pytest.mark.parametrize("kib", [64, 200], ids=["at the start", "in the middle"])
def test_a_full_disk_leaves_nothing_behind(folder: Path, kib: int) -> None:
    before = names(folder)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kib * 1024, kib * 1024))

    done = subprocess.run(
        command(*CROSS, "--journal", "run.sqlite"), cwd=folder, env=environment(), capture_output=True,
        text=True, timeout=LIMIT_S, check=False, preexec_fn=limit,
    )  # fmt: skip

    assert done.returncode == 2, done.stderr
    assert "Journal run.sqlite: could not" in done.stderr
    assert "it may be full, over its quota, or faulty" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(folder) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_that_takes_nothing_is_said(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("strategies"), cwd=folder, env=environment(), stdout=full, stderr=subprocess.PIPE,
            text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip

    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupted_run_leaves_nothing_behind(folder: Path) -> None:
    write_bars(folder / "bars.parquet", as_table(a_market(LONG)))
    before = names(folder)
    running = subprocess.Popen(
        command(*CROSS, "--journal", "run.sqlite"), cwd=folder, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    until = time.monotonic() + LIMIT_S
    while not (folder / "run.sqlite").exists() and time.monotonic() < until and running.poll() is None:
        time.sleep(0.01)

    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=LIMIT_S)

    assert running.returncode == 130, said
    assert "tapeline: interrupted; nothing was kept." in said
    assert "Traceback" not in said
    assert names(folder) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_may_only_be_read_is_refused(folder: Path) -> None:
    shut = folder / "shut"
    shut.mkdir(mode=0o500)

    assert "Permission denied" in run("demo", "--data", "bars.parquet", "--work", "shut/work").sentence


def test_a_work_folder_that_is_a_file_is_refused(folder: Path) -> None:
    (folder / "work").touch()

    with (
        pytest.raises(StorageError, match=r"Folder .*work cannot be written: .* Name another one with --work"),
        run_folder(folder / "work"),
    ):
        pytest.fail("no folder can be made there")


def test_folders_are_numbered_and_the_newest_journal_is_found(tmp_path: Path) -> None:
    for _ in range(2):
        with run_folder(tmp_path / "work") as folder:
            (folder / "journal.sqlite").touch()

    assert newest_journal(tmp_path / "work") == tmp_path / "work" / "run-0002" / "journal.sqlite"


@pytest.mark.parametrize("fault", [DataError("no bars"), StorageError("full"), KeyboardInterrupt()])
def test_a_stopped_run_leaves_no_folder(tmp_path: Path, fault: BaseException) -> None:
    with pytest.raises(type(fault)), run_folder(tmp_path / "new" / "work") as folder:
        (folder / "journal.sqlite").touch()
        raise fault

    assert names(tmp_path) == set()


def test_the_journal_of_a_fault_of_ours_is_kept_as_evidence(tmp_path: Path) -> None:
    with pytest.raises(InvariantError), run_folder(tmp_path / "work") as folder:
        (folder / "journal.sqlite").touch()
        raise InvariantError("two books disagree")

    assert newest_journal(tmp_path / "work").exists()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "result.json", "{}")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"No space left on device\. Free some space"):
        write_whole(tmp_path / "result.json", "{}" * 1000)

    assert names(tmp_path) == {"result.json"}
    assert (tmp_path / "result.json").read_text() == "{}"


def test_no_run_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no run in"):
        newest_journal(tmp_path)
