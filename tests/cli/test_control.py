"""Which run a command means, and what it says of one that gives no sign of life."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.running import command, environment, run
from tapeline.cli.control import silence_of
from tapeline.domain.times import SECOND
from tapeline.feeds.clock import SystemClock
from tapeline.store.control_file import ControlFile, Status
from tapeline.store.latch import read_latch
from tapeline.store.sqlite_journal import SqliteJournal

SHOWN: dict[str, Any] = {
    "has_ended": False, "time": "2024-01-02T15:00:00Z", "state": "ACTIVE", "strategies": ["Dip"], "symbols": 1,
    "slices": 3, "facts": 9, "orders_working": 0, "round_trips": 0, "denied": 0, "equity": "1.00", "cash": "1.00",
    "long_exposure": "0.00", "short_exposure": "0.00", "high_water": {"below": "0.00", "depth": None, "since": ""},
    "lowered": None, "is_flattening": False, "gap": None, "locks": [], "accepted": [], "overrides": [],
    "reconciled": None, "findings": [], "positions": [], "orders": [], "worked": [], "worked_count": 0,
    "unresolved": [],
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shows(number: int, **others: Any) -> Path:
    """Return the journal of a run that has shown itself once, at `number` o'clock."""
    path = Path(f"tapeline-work/run-{number:04d}/journal.sqlite")
    path.parent.mkdir(parents=True)
    SqliteJournal.writing(path).close()
    with ControlFile.open(path) as control:
        control.publish(1, lambda: {**SHOWN, "time": f"{number} o'clock", **others}, at_once=True)
    return path


@contextmanager
def written(path: Path) -> Iterator[None]:
    with SqliteJournal.writing(path):
        yield


def test_the_run_that_goes_on_is_meant_though_a_newer_one_has_ended() -> None:
    first = shows(1)
    shows(2, has_ended=True)
    with written(first):
        shown, as_json = run("status"), json.loads(run("orders", "--json").out)

    assert (shown.code, shown.out.split("  ")[:2]) == (0, ["run-0001", "1 o'clock"])
    assert (as_json["run"], as_json["orders"], as_json["silent"]) == (str(first), [], None)


def test_of_two_runs_that_go_on_one_must_be_named() -> None:
    first, second = shows(1), shows(2)
    with written(first), written(second):
        refused = [run(name) for name in ("status", "positions", "pause", "reconcile")]
        by_folder, by_file = run("positions", "--journal", first.parent), run("positions", "--journal", second)

    assert [one.code for one in refused] == [2] * 4
    assert all("2 runs are under way: run-0001, run-0002. Say which one" in one.sentence for one in refused)
    assert "run-0001 at 1 o'clock: there are no positions." in by_folder.out
    assert "run-0002 at 2 o'clock: there are no positions." in by_file.out


def test_a_dead_run_is_not_shown_as_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    path = shows(1)

    for name in ("status", "orders", "positions"):
        shown = run(name)
        assert shown.code == 2 and "no process writes its journal: it died." in shown.out.splitlines()[0], name
    as_json = run("status", "--json")
    assert as_json.code == 2 and "it died" in json.loads(as_json.out)["silent"]
    with ControlFile.open(path) as control:
        status = control.status()
    assert status is not None
    later_ns = status.shown_ns + 14 * SECOND
    monkeypatch.setattr(SystemClock, "now_ns", lambda self: later_ns)
    said = "run-0001 has not shown anything for 14 s"
    assert silence_of(path, status, lives=False) == f"{said}; no process writes its journal: it died."
    assert silence_of(path, status, lives=True).startswith(f"{said}, though process ")
    assert not silence_of(path, Status(1, 1, SHOWN, later_ns - 9 * SECOND), lives=True)


def test_a_dead_run_takes_at_once_what_its_next_start_may_obey_and_nothing_else() -> None:
    path = shows(1)

    late = run("resume", "--reason", "go on")
    paused = run("pause", "--reason", "it died")
    unlatched = read_latch(path)
    halted = run("halt", "--yes")

    assert [one.code for one in (late, paused, halted)] == [2] * 3
    assert "Nobody takes resume" in late.sentence and "--resume tapeline-work/run-0001" in late.sentence
    assert "The next start of the run obeys pause" in paused.sentence
    assert unlatched is None and read_latch(path) is not None
    with ControlFile.open(path) as control:
        assert [(one.name, one.reason) for one in control.commands()] == [("pause", "it died"), ("halt", "")]


def test_sentences_are_folded_at_words_in_a_terminal_and_never_in_a_pipe() -> None:
    """A refusal, and the limits that an override names, are far longer than a line."""
    shows(1)
    master, terminal = os.openpty()
    asked = command("pause", "--reason", "it died")
    done = subprocess.run(asked, env=environment(TERM="xterm"), stderr=terminal, stdout=terminal, check=False)
    os.close(terminal)
    lines = os.read(master, 10_000).decode().splitlines()
    os.close(master)
    piped = run("pause")

    assert (done.returncode, piped.code) == (2, 2)
    assert len(lines) > 1 and max(map(len, lines)) <= 80
    assert lines[0].startswith("tapeline: run-0001 has not shown anything for ")
    assert " ".join(line.strip() for line in lines).endswith("See to the broker until then.")
    assert len(piped.err.splitlines()) == 1
