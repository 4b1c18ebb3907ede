"""Killed, torn or out of room at every step by which a run changes a file: what was committed is there, all of it.

The steps are counted at the system calls that SQLite and Python make (`disk_steps.py`), so none is chosen and none
forgotten. So are flushes: each fails, and before each the machine loses its power (`medium.py`).
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from store.disk_steps import FLUSHES
from tapeline.domain.errors import StorageError
from tapeline.ledger.order_facts import OrderAccepted
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.verification import verify

ROOT = Path(__file__).resolve().parents[2]
BATCH, BATCHES = 3, 4


@cache
def killed(scenario: str, how: str, every: int) -> dict[str, Any]:
    paths = os.pathsep.join(str(ROOT / name) for name in ("src", "tests", "."))
    done = subprocess.run(
        [sys.executable, "-m", "store.killed", scenario, how, str(every)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


# Killed, torn and refused once at every step. A disk that stays full is tried at some, for it is waited for again and
# again: which of those begin a batch, a page or a file differs between the two, so that each kind is among them.
# One that keeps failing to flush is met likewise. "flush and kill": a flush fails, the process dies, the next one
# commits on top of what no disk has, and then the machine loses its power.
@pytest.mark.parametrize(
    ("scenario", "how", "every"),
    [
        ("books", "flush once", 1), ("books", "flush", 7), ("books", "power", 1), ("books", "flush and kill", 1),
        ("live", "flush once", 1), ("live", "power", 1),
        ("books", "kill", 1), ("books", "tear", 1), ("books", "full once", 1), ("books", "full", 7),
        ("live", "kill", 1), ("live", "tear", 1), ("live", "full once", 1), ("live", "full", 7),
        ("restart", "kill", 1), ("restart", "tear", 1),
    ],
)  # fmt: skip
def test_what_was_committed_is_there_and_nothing_else(scenario: str, how: str, every: int) -> None:
    found = killed(scenario, how, every)

    assert found["wrong"] == []
    assert found["count"] > (30 if how in FLUSHES else 150)
    if how not in ("full", "full once"):
        assert found["met"] == math.ceil(found["count"] / every)
    else:
        assert found["met"] > 20


def test_a_log_that_is_not_kept_anew_loses_what_is_committed_on_it() -> None:
    found = killed("any log", "flush and kill", 1)

    assert len(found["wrong"]) > 5


def test_a_run_that_sends_before_it_commits_is_noticed() -> None:
    found = killed("careless", "kill", 7)

    assert any("submitted and not in the journal" in sentence for sentence in found["wrong"])


def test_the_steps_are_those_of_log_database_desk_lock_and_latch() -> None:
    """Which files are there is told by the steps, not by a list: one that is not named here has no test yet."""
    names = killed("books", "kill", 1)["names"]

    files = {Path(name.split()[1]).name for name in names if "/" in name}
    kinds = Counter(name.split()[0] for name in names)
    drafts = {name for name in files if name.startswith("journal.halted.")}
    assert len(drafts) == 1
    assert files - drafts == {
        "journal", "journal-journal", "journal-wal", "journal-shm", "journal.writer", "journal.writer-journal",
        "journal.control", "journal.control-journal", "journal.control-wal", "journal.control-shm", "journal.halted",
    }  # fmt: skip
    assert {"create", "pwrite64", "ftruncate", "unlink", "os.link", "os.remove", "open"} >= set(kinds) >= {
        "create", "unlink", "os.link", "os.remove",
    }  # fmt: skip


@pytest.fixture
def memory() -> Iterator[Path]:
    home = Path("/dev/shm")
    with TemporaryDirectory(dir=home if home.is_dir() else None) as folder:
        yield Path(folder)


def unclosed(folder: Path, *, in_database: bool) -> Path:
    """Return a journal as a killed process leaves it: its batches in the log, or some in the database."""
    path = folder / "run.journal"
    with SqliteJournal.writing(path) as journal:
        for batch in range(BATCHES):
            for number in range(batch * BATCH, (batch + 1) * BATCH):
                journal.append(OrderAccepted(number + 1, f"O-{number}"))
            journal.commit()
            if in_database and batch == 1:
                journal.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        copy = folder / "killed"
        copy.mkdir()
        for ending in ("", "-wal"):
            shutil.copy(f"{path}{ending}", f"{copy / path.name}{ending}")
    return copy / path.name


def judged(folder: Path, path: Path, ending: str, content: bytes) -> str:
    """Return what becomes of a journal with a damaged file: "refused", "found" by verify, or "whole batches"."""
    with TemporaryDirectory(dir=folder) as name:
        copy = Path(name) / path.name
        for other in ("", "-wal"):
            shutil.copy(f"{path}{other}", f"{copy}{other}")
        Path(f"{copy}{ending}").write_bytes(content)
        try:
            verification = verify(copy)
            with SqliteJournal.writing(copy) as journal:
                names = [record.fact.client_order_id for record in journal.read()]  # type: ignore[attr-defined]
        except StorageError as exc:
            assert str(exc).startswith("Journal ") and str(exc).endswith(".")
            return "refused"
    if not verification.is_sound:
        return "found"
    assert names == [f"O-{number}" for number in range(len(names))]
    assert len(names) % BATCH == 0
    return "whole batches"


@pytest.mark.parametrize("in_database", [False, True], ids=["all in the log", "half in the database"])
def test_a_log_cut_off_anywhere_leaves_whole_batches(memory: Path, in_database: bool) -> None:
    path = unclosed(memory, in_database=in_database)
    log = Path(f"{path}-wal").read_bytes()
    frame = 24 + 4096
    cuts = {0, 1, 31, 32, len(log) - 1, len(log)}
    cuts |= {32 + n * frame + within for n in range(len(log) // frame) for within in (0, 7, 24, 2_000)}

    found = Counter(judged(memory, path, "-wal", log[:cut]) for cut in sorted(cuts))

    assert set(found) == {"whole batches"}
    assert found["whole batches"] > 30


def test_a_flipped_bit_is_found_refused_or_costs_whole_batches_at_the_end(memory: Path) -> None:
    path = unclosed(memory, in_database=True)
    found: Counter[str] = Counter()
    for ending in ("", "-wal"):
        content = Path(f"{path}{ending}").read_bytes()
        for place in range(5, len(content), len(content) // 150):
            damaged = bytearray(content)
            damaged[place] ^= 0x10
            found[judged(memory, path, ending, bytes(damaged))] += 1

    assert sum(found.values()) >= 300
    assert found["refused"] > 0 and found["whole batches"] > 0


def test_a_database_cut_off_anywhere_is_refused_or_found(memory: Path) -> None:
    path = memory / "run.journal"
    with SqliteJournal.writing(path) as journal:
        for number in range(60):
            journal.append(OrderAccepted(number + 1, f"O-{number}"))
        journal.commit()
    Path(f"{path}-wal").touch()
    content = path.read_bytes()

    found = Counter(judged(memory, path, "", content[:cut]) for cut in range(1, len(content), 1_777))

    assert set(found) <= {"refused", "found"}
