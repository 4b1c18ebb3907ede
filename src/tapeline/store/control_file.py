"""The desk between a running system and people: one small SQLite file beside its journal.

    with ControlFile.open(journal) as desk:          # any process: `tapeline halt --reason ...`
        number = desk.give("halt", who="anna", reason="news", now_ns=...)
        desk.answer_of(number)

Commands wait in the file until the engine takes them, also over a restart. The status is the engine's sign of life: the
watchdog sees by its number that a new one was written. The latch is a file of its own (`latch.py`).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapeline.domain.errors import StorageError
from tapeline.ports.control import Command, Latch
from tapeline.store.latch import read_latch, release_latch, set_latch

ENDING = ".control"
APPLICATION_ID = 0x54415043
SCHEMA_VERSION = 4
BUSY_TIMEOUT_S = 5.0
PUBLISH_EVERY_S = 1.0
RETRY_S = 0.01

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE commands (
    command_id INTEGER PRIMARY KEY,
    given_ns INTEGER NOT NULL,
    name TEXT NOT NULL,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    arguments TEXT NOT NULL,
    is_taken INTEGER NOT NULL DEFAULT 0,
    done INTEGER,
    answer TEXT
) STRICT;
CREATE INDEX commands_that_wait ON commands (command_id) WHERE is_taken = 0;
CREATE TABLE status (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    written_ns INTEGER NOT NULL,
    body TEXT NOT NULL,
    number INTEGER NOT NULL DEFAULT 1,
    shown_ns INTEGER NOT NULL DEFAULT 0
) STRICT;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""

# what version 1 had as its latch lived no longer than its run, and a run of that version cannot be taken up again
_FROM_VERSION_1 = """
BEGIN IMMEDIATE;
ALTER TABLE status ADD COLUMN number INTEGER NOT NULL DEFAULT 1;
DROP TABLE latch;
PRAGMA user_version = 2;
COMMIT;
"""

_FROM_VERSION_2 = """
BEGIN IMMEDIATE;
ALTER TABLE status ADD COLUMN shown_ns INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 3;
COMMIT;
"""

# of what was taken and not answered the journals of then do not tell whether it was done
_FROM_VERSION_3 = """
BEGIN IMMEDIATE;
UPDATE commands SET done = 0, answer = 'The process ended before it answered; see the journal for what was done.'
WHERE is_taken = 1 AND done IS NULL;
PRAGMA user_version = 4;
COMMIT;
"""

_UPGRADES = {1: _FROM_VERSION_1, 2: _FROM_VERSION_2, 3: _FROM_VERSION_3}

_TAKE = """
UPDATE commands SET is_taken = 1 WHERE {which} RETURNING command_id, given_ns, name, who, reason, arguments
"""

_SHOW = """
INSERT INTO status VALUES (1, ?, ?, 1, ?)
ON CONFLICT DO UPDATE
SET written_ns = excluded.written_ns, body = excluded.body, number = number + 1, shown_ns = excluded.shown_ns
"""


@dataclass(frozen=True, slots=True)
class Status:
    """What the engine last showed, when by its clock, and how many times it did.

    shown_ns : when by the computer's clock, which the engine's need not follow
    """

    number: int
    written_ns: int
    body: Mapping[str, Any]
    shown_ns: int


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """What became of a command: `done` is False for one that was refused."""

    done: bool
    text: str


class ControlFile:
    """Both sides of the desk; the engine uses it as its `Control`."""

    def __init__(self, connection: sqlite3.Connection, path: Path, journal: Path | str) -> None:
        self._connection, self.path, self._journal = connection, path, journal
        self._published_s = -PUBLISH_EVERY_S

    @classmethod
    @contextmanager
    def open(cls, journal: Path | str) -> Iterator[ControlFile]:
        """Open the desk of a journal; one that is not there is made, for its owner only.

        Raises StorageError if it is another kind of file, of a newer version, or cannot be opened.
        """
        path = Path(f"{journal}{ENDING}")
        connection: sqlite3.Connection | None = None
        try:
            path.touch(mode=0o600)
            connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            cls._prepare_patiently(connection, path)
        except BaseException as exc:
            if connection is not None:
                connection.close()
            if isinstance(exc, sqlite3.Error | OSError):
                raise _out_of_order(path, exc) from exc
            raise
        try:
            yield cls(connection, path, journal)
        finally:
            connection.close()

    @classmethod
    def _prepare_patiently(cls, connection: sqlite3.Connection, path: Path) -> None:
        # while another process makes the file, some statements fail at once instead of waiting
        deadline_s = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                cls._prepare(connection, path)
            except sqlite3.OperationalError as exc:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if time.monotonic() > deadline_s or exc.sqlite_errorname == "SQLITE_FULL":
                    raise
                time.sleep(RETRY_S)
            else:
                return

    @staticmethod
    def _prepare(connection: sqlite3.Connection, path: Path) -> None:
        try:
            connection.execute("BEGIN")  # one look: another process may be making the tables
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            connection.execute("COMMIT")
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as exc:
            raise StorageError(f"Control file {path}: it is no control file but something else ({exc}).") from exc
        if not empty and application != APPLICATION_ID:
            raise StorageError(f"Control file {path}: it is a database of something else. Move it away.")
        if version > SCHEMA_VERSION:
            raise StorageError(
                f"Control file {path}: it was written by a newer version (schema {version}; this program knows up to "
                f"{SCHEMA_VERSION}). Use that version; nothing was changed."
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if empty:
            connection.executescript(_SCHEMA)
        else:
            connection.executescript("".join(_UPGRADES[earlier] for earlier in range(version, SCHEMA_VERSION)))

    def give(self, name: str, *, who: str, reason: str, now_ns: int, arguments: Mapping[str, Any] | None = None) -> int:
        """Leave a command for the engine. Returns its number, under which the answer will be found."""
        row = (now_ns, name, who, reason, json.dumps(arguments or {}, sort_keys=True))
        ((number,),) = self._execute(
            "INSERT INTO commands (given_ns, name, who, reason, arguments) VALUES (?, ?, ?, ?, ?) RETURNING command_id",
            row,
        )
        return int(number)

    def answer_of(self, command_id: int) -> CommandAnswer | None:
        """Return what became of a command, None as long as it waits."""
        rows = self._execute(
            "SELECT done, answer FROM commands WHERE command_id = ? AND done IS NOT NULL", (command_id,)
        )
        return CommandAnswer(bool(rows[0][0]), rows[0][1]) if rows else None

    def commands(self, *, unanswered: bool = False) -> list[Command]:
        """Return the commands that wait, oldest first, and mark them as taken.

        unanswered : also those that an earlier process took and did not answer
        """
        which = "done IS NULL" if unanswered else "is_taken = 0"
        if not self._execute(f"SELECT EXISTS (SELECT 1 FROM commands WHERE {which})")[0][0]:
            return []
        rows = self._execute(_TAKE.format(which=which))
        return [
            Command(number, given_ns, name, who, reason, json.loads(arguments))
            for number, given_ns, name, who, reason, arguments in sorted(rows)
        ]

    def answer(self, command: Command, text: str, *, done: bool) -> None:
        """Tell what became of a command."""
        self._execute(
            "UPDATE commands SET done = ?, answer = ? WHERE command_id = ?", (int(done), text, command.command_id)
        )

    def publish(self, now_ns: int, status: Callable[[], Mapping[str, Any]], *, at_once: bool = False) -> None:
        """Show the present state, in place of the one before; not more often than anybody reads it, but at once."""
        now_s = time.monotonic()
        if at_once or now_s - self._published_s >= PUBLISH_EVERY_S:
            self._published_s = now_s
            self._execute(_SHOW, (now_ns, json.dumps(status(), sort_keys=True), time.time_ns()))

    def status(self) -> Status | None:
        """Return what the engine last showed, None if it never did."""
        rows = self._execute("SELECT number, written_ns, body, shown_ns FROM status")
        return Status(rows[0][0], rows[0][1], json.loads(rows[0][2]), rows[0][3]) if rows else None

    def halted(self) -> Latch | None:
        """Return why nothing may be sent, None if it may."""
        return read_latch(self._journal)

    def set_latch(self, latch: Latch) -> None:
        """Let nothing more be sent; a latch that is set keeps its first cause."""
        set_latch(self._journal, latch)

    def release(self, latch: Latch) -> None:
        """Take a latch away that was obeyed; another one, set since, stays."""
        release_latch(self._journal, latch)

    def _execute(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        try:
            # a statement is done, and durable, with its last row
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as exc:
            raise _out_of_order(self.path, exc) from exc


def _out_of_order(path: Path, exc: Exception) -> StorageError:
    return StorageError(f"Control file {path}: {exc}. See whether its folder exists and has room.")
