"""A process killed while it writes leaves whole batches, a sound chain, and a journal that goes on."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tapeline.ledger.order_facts import OrderAccepted
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.verification import verify

BATCH = 50

# Kills itself at a point that it is told: while it makes the file, appends, writes its transaction, or just
# before or after the commit takes hold. SIGKILL leaves no chance to tidy up.
WRITER = """
import os, signal, sys
from tapeline.ledger.order_facts import OrderAccepted
from tapeline.store import sqlite_file
from tapeline.store.sqlite_journal import SqliteJournal

path, point, batches = sys.argv[1], sys.argv[2], int(sys.argv[3])

def die():
    os.kill(os.getpid(), signal.SIGKILL)

if point == "creating":
    # Dies where the schema's COMMIT would stand: the file has its first page and no schema.
    def half(connection):
        connection.executescript(sqlite_file.SCHEMA.replace("COMMIT;", ""))
        die()
    sqlite_file._is_empty = half

journal = SqliteJournal.writing(path)

class Traced:
    def __init__(self, connection):
        self.connection = connection
    def __getattr__(self, name):
        return getattr(self.connection, name)
    def execute(self, statement, *values):
        if statement == "COMMIT" and dying and point == "before commit":
            die()
        done = self.connection.execute(statement, *values)
        if statement == "COMMIT" and dying and point == "after commit":
            die()
        return done
    def executemany(self, statement, rows):
        if dying and point == "inside":
            self.connection.executemany(statement, rows[: len(rows) // 2])
            die()
        return self.connection.executemany(statement, rows)

dying = False
journal.connection = Traced(journal.connection)
for batch in range(batches + 1):
    dying = batch == batches
    for number in range(50):
        if dying and point == "appending" and number == 25:
            die()
        journal.append(OrderAccepted(batch, f"O-{batch}-{number}"))
    journal.commit()
"""


def killed(path: Path, point: str, batches: int) -> None:
    process = subprocess.run(
        [sys.executable, "-c", WRITER, str(path), point, str(batches)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == -signal.SIGKILL, process.stderr


@pytest.mark.parametrize("batches", [0, 3])
@pytest.mark.parametrize(
    ("point", "kept"), [("appending", 0), ("inside", 0), ("before commit", 0), ("after commit", 1)]
)
def test_a_killed_writer_leaves_whole_batches(tmp_path: Path, point: str, kept: int, batches: int) -> None:
    path = tmp_path / "run.journal"

    killed(path, point, batches)

    verification = verify(path)
    assert verification.is_sound
    assert verification.head.count == BATCH * (batches + kept)
    with SqliteJournal.writing(path) as journal:
        journal.append(OrderAccepted(1, "next"))
        journal.commit()
        assert journal.head().count == verification.head.count + 1
    assert verify(path).is_sound


def test_a_writer_killed_while_it_makes_the_file_leaves_one_that_can_be_made_again(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"

    killed(path, "creating", 0)

    with SqliteJournal.writing(path) as journal:
        journal.append(OrderAccepted(1, "first"))
        journal.commit()
    assert verify(path).head.count == 1


def test_a_writer_killed_at_any_moment_leaves_whole_batches(tmp_path: Path) -> None:
    moments = random.Random(7)
    endless = WRITER.replace("range(batches + 1)", "range(10**9)")
    for attempt in range(4):
        path = tmp_path / f"{attempt}.journal"
        process = subprocess.Popen([sys.executable, "-c", endless, str(path), "never", "-1"])
        deadline = time.monotonic() + 20
        while not (path.exists() and path.stat().st_size) and time.monotonic() < deadline:
            pass
        # Not a wait for something to happen: the moment is the experiment.
        for _ in range(moments.randrange(200_000)):
            pass
        process.kill()
        process.wait()

        with SqliteJournal.writing(path) as journal:
            assert journal.head().count % BATCH == 0
        assert verify(path).is_sound
