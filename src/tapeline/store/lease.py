"""Who may write a journal: a lease in the journal's own file, with a number that only grows.

The lock of the operating system (`sqlite_file.WriterLock`) keeps a second writer out as long as it works. It does not
where its file was removed. So each writer, when it opens the journal, raises the number (the fencing token), and each
commit asks in its own transaction whether the number still stands:

    process 4711 opens                 token 7
    process 4711 is paused, its lock is lost
    process 4802 opens                 token 8
    process 4711 goes on, commits      the token is 8: nothing is written, and it learns who has it since when

That holds among the processes of one computer, which share the journal's file and the log beside it. A journal on a
network file system is refused (`file_system.py`); a copy of a journal is another one, with a lease of its own.

The time in a lease is for eyes; nothing is decided by it, so clocks do not matter.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from tapeline.domain.errors import LeaseLostError
from tapeline.domain.times import SECOND, to_iso

WAIT_STEP_S = 0.1

TABLE = """
CREATE TABLE lease (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    token INTEGER NOT NULL,
    process_id INTEGER NOT NULL,
    host TEXT NOT NULL,
    taken_ns INTEGER NOT NULL
) STRICT;
INSERT INTO lease VALUES (1, 0, 0, '', 0);
"""

_TAKE = """
UPDATE lease SET token = token + 1, process_id = ?, host = ?, taken_ns = ? RETURNING token, process_id, host, taken_ns
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that writes, on which host, and since when (UTC nanoseconds by its own clock)."""

    process_id: int
    host: str
    since_ns: int

    def __str__(self) -> str:
        return f"process {self.process_id} on {self.host}, since {to_iso(self.since_ns // SECOND * SECOND)}"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to append, and the token under which it was given."""

    token: int
    holder: Holder


def this_process() -> Holder:
    """Return the process that asks, as a holder from now on."""
    return Holder(os.getpid(), socket.gethostname(), time.time_ns())


def take(connection: sqlite3.Connection, holder: Holder) -> Lease:
    """Raise the token: from now on every other process that writes this journal is too late."""
    (row,) = connection.execute(_TAKE, (holder.process_id, holder.host, holder.since_ns)).fetchall()
    return _lease(row)


def stored(connection: sqlite3.Connection) -> Lease | None:
    """Return the lease as it stands in a journal; None where nobody ever wrote, or an older version did."""
    if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'lease'").fetchone()[0]:
        return None
    row = connection.execute("SELECT token, process_id, host, taken_ns FROM lease").fetchone()
    return None if row is None or not row[0] else _lease(row)


def check(connection: sqlite3.Connection, path: Path | str, lease: Lease) -> None:
    """Raise LeaseLostError if another process has taken over since."""
    now = stored(connection)
    if now != lease:
        found = "there is none any more" if now is None else f"lease {now.token} belongs to {now.holder}"
        raise LeaseLostError(
            f"Journal {path}: this process ({lease.holder}) may not write it any more: lease {lease.token} is over, "
            f"{found}. Nothing of this batch was written. Let this process end; the other one asks the broker for what "
            "was sent."
        )


def wait_a_little(waited_s: float, wait_s: float) -> float:
    """Rest before the next attempt to become the writer. Returns how long it has been waited in all, seconds."""
    step_s = min(WAIT_STEP_S, wait_s - waited_s)
    time.sleep(step_s)
    return waited_s + step_s


def _lease(row: tuple[int, int, str, int]) -> Lease:
    token, process_id, host, taken_ns = row
    return Lease(token, Holder(process_id, host, taken_ns))
