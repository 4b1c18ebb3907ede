"""The journal's file: schema, opening, and what SQLite's error codes mean in sentences.

A journal is one SQLite file (application id 0x54415045, "TAPE"). While it is written, SQLite keeps a -wal and
a -shm file beside it; after a clean close the one file is all. Beside it stays an empty file with the ending
.writer: the process that holds its lock is the writer. The lock is SQLite's own on a file of its own, so it
works alike on every system, ends with the process however that ends, and leaves readers alone. The file is
not removed: a process that had just opened it would then guard nothing. What the lock lets through is stopped by the
lease in the journal itself (`lease.py`).

Version 2 of the schema has the lease. A journal of version 1 is read as it is and gets one from its next writer.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from tapeline.domain.errors import IntegrityError, StorageError
from tapeline.store import lease
from tapeline.store.file_system import network_kind

APPLICATION_ID = 0x54415045
SCHEMA_VERSION = 2
LOCK_TIMEOUT_S = 0.25
_PART = 1 << 20

SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE facts (
    sequence INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    event_time_ns INTEGER NOT NULL,
    client_order_id TEXT,
    execution_id TEXT,
    signal_id TEXT,
    symbol TEXT,
    body TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE TABLE head (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    count INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, x'');
{lease.TABLE}CREATE INDEX facts_by_kind ON facts (kind);
CREATE INDEX facts_by_order ON facts (client_order_id) WHERE client_order_id IS NOT NULL;
CREATE UNIQUE INDEX facts_by_execution ON facts (execution_id) WHERE execution_id IS NOT NULL;
CREATE INDEX facts_by_signal ON facts (signal_id) WHERE signal_id IS NOT NULL;
CREATE INDEX facts_by_symbol ON facts (symbol, event_time_ns) WHERE symbol IS NOT NULL;
CREATE TRIGGER facts_are_not_changed BEFORE UPDATE ON facts
BEGIN SELECT RAISE(ABORT, 'a journal is never changed; append a fact that corrects'); END;
CREATE TRIGGER facts_are_not_removed BEFORE DELETE ON facts
BEGIN SELECT RAISE(ABORT, 'a journal is never changed; append a fact that corrects'); END;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""

_FROM_VERSION_1 = f"""
BEGIN IMMEDIATE;
{lease.TABLE}
PRAGMA user_version = 2;
COMMIT;
"""

_CAUSES = {
    "SQLITE_FULL": "the disk is full. Free some space and commit again; nothing of the batch was written",
    "SQLITE_BUSY": "another program holds it locked. Let that program finish, then try again",
    "SQLITE_LOCKED": "another program holds it locked. Let that program finish, then try again",
    "SQLITE_READONLY": "it or its folder may only be read. Give write permission or another path",
    "SQLITE_CANTOPEN": "it cannot be opened. See whether its folder exists, may be read and written, and has room",
    "SQLITE_NOTADB": "it is no journal but a file of another kind. Give the path of a journal",
    "SQLITE_CORRUPT": "its pages are damaged. Run `tapeline journal verify` on it and restore a copy",
    "SQLITE_IOERR_WRITE": "the disk took no more: it may be full, over its quota, or faulty. Free some space",
    "SQLITE_IOERR": "the disk reported an error. See its health before going on",
}


# A damaged page can make SQLite quote bytes that are no text, which Python then fails to decode.
DATABASE_ERRORS = (sqlite3.Error, UnicodeDecodeError)


def storage_error(exc: Exception, path: Path | str, doing: str) -> StorageError:
    """Return the sentence for what SQLite could not do; its own code stays in brackets."""
    code = "SQLITE_CORRUPT" if isinstance(exc, UnicodeDecodeError) else _code(exc)
    cause = next((text for start, text in _CAUSES.items() if code.startswith(start)), str(exc))
    kind = IntegrityError if code.startswith("SQLITE_CORRUPT") else StorageError
    return kind(f"Journal {path}: could not {doing}: {cause} ({code or type(exc).__name__}).")


class WriterLock:
    """The right to append, held until `release` or the end of the process.

    Raises StorageError if another process has it for longer than `wait_s` seconds from now.
    """

    def __init__(self, path: Path | str, wait_s: float = 0.0) -> None:
        self._connection: sqlite3.Connection | None = None
        self._place = Path(f"{path}.writer").absolute()
        waited_s = 0.0
        while True:
            try:
                # a moment of patience: `is_held` looks at the lock, too
                self._connection = sqlite3.connect(f"{path}.writer", timeout=LOCK_TIMEOUT_S, isolation_level=None)
                self._connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error as exc:
                self.release()
                if not _code(exc).startswith("SQLITE_BUSY"):
                    raise storage_error(exc, path, "become its writer") from exc
                if waited_s >= wait_s:
                    raise StorageError(_is_written(path, waited_s)) from exc
                waited_s = lease.wait_a_little(waited_s, wait_s)
            else:
                self._inode = self._inode_now()
                return

    def was_replaced(self) -> bool:
        """Return whether another lock stands under the name of this one that is held: somebody was let in."""
        return self._connection is not None and self._inode_now() not in (None, self._inode)

    def _inode_now(self) -> int | None:
        try:
            return self._place.stat().st_ino
        except OSError:
            return None

    @staticmethod
    def is_there(path: Path | str) -> bool:
        """Return whether there is a lock to be held, as there is since the first writer unless somebody removed it."""
        return Path(f"{path}.writer").exists()

    @staticmethod
    def is_held(path: Path | str) -> bool:
        """Return whether a process has the right to append now. Raises StorageError if that cannot be seen."""
        if not WriterLock.is_there(path):
            return False
        connection: sqlite3.Connection | None = None
        try:
            connection = _connect(f"{Path(f'{path}.writer').resolve().as_uri()}?mode=ro", 0.0)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as exc:
            if _code(exc).startswith("SQLITE_BUSY"):
                return True
            raise storage_error(exc, path, "see who writes it") from exc
        finally:
            close(connection)
        return False

    def release(self) -> None:
        """Let another process become the writer."""
        close(self._connection)
        self._connection = None


def open_to_write(
    path: Path | str, busy_timeout_s: float, wait_s: float = 0.0
) -> tuple[sqlite3.Connection, WriterLock | None]:
    """Open or create a journal and become its one writer. ":memory:" has no file and needs no lock.

    wait_s : how long to wait for another process to let go, seconds
    Raises StorageError also for a file on a network file system.
    """
    kind = None if str(path) == ":memory:" else network_kind(path)
    if kind is not None:
        raise StorageError(
            f"Journal {path}: it lies on a network file system ({kind}), where two computers could write it without"
            " seeing one another. Give a path on a disk of this computer; nothing was changed."
        )
    connection: sqlite3.Connection | None = None
    lock: WriterLock | None = None
    try:
        connection = sqlite3.connect(str(path), timeout=busy_timeout_s, isolation_level=None)
        _refuse_strangers(connection, path)
        if str(path) != ":memory:":
            lock = WriterLock(path, wait_s)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # On macOS only this reaches the disk's own cache; elsewhere it does nothing.
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
        if str(path) != ":memory:":
            _keep_log(connection, path)
        if _is_empty(connection):
            connection.executescript(SCHEMA)
        elif connection.execute("PRAGMA user_version").fetchone()[0] == 1:
            connection.executescript(_FROM_VERSION_1)
        # the first page of a new journal may be such as no flush has kept, and without it a log is nothing
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except OSError as exc:
        close(connection)
        if lock is not None:
            lock.release()
        raise StorageError(
            f"Journal {path}: could not open it for writing: its log cannot be kept: {exc.strerror}. See the disk's"
            " health before going on."
        ) from exc
    except (*DATABASE_ERRORS, StorageError) as exc:
        close(connection)
        if lock is not None:
            lock.release()
        if isinstance(exc, DATABASE_ERRORS):
            raise storage_error(exc, path, "open it for writing") from exc
        raise
    return connection, lock


def _keep_log(connection: sqlite3.Connection, path: Path | str) -> None:
    """Write the log once more as it stands, and flush it.

    Where a flush has failed, the system shows what was written and takes it for kept, although the disk may not have
    it; no later flush tells. A process that died then leaves a log on which the next one must not build.
    """
    connection.execute("BEGIN IMMEDIATE")  # nobody else writes it meanwhile
    file = os.open(f"{Path(path).resolve()}-wal", os.O_RDWR)
    try:
        offset = 0
        while part := os.pread(file, _PART, offset):
            offset += os.pwrite(file, part, offset)
        os.fsync(file)
    finally:
        os.close(file)
        connection.execute("ROLLBACK")


def open_to_read(path: Path | str, busy_timeout_s: float) -> sqlite3.Connection:
    """Open a journal that exists, for reading only."""
    if not Path(path).is_file():
        raise StorageError(f"Journal {path}: there is no such file. Give the path of a journal that a run wrote.")
    address = Path(path).resolve().as_uri()
    connection: sqlite3.Connection | None = None
    try:
        connection = _connect(f"{address}?mode=ro", busy_timeout_s)
        try:
            _refuse_strangers(connection, path)
        except sqlite3.OperationalError:
            # A closed journal in a folder that may only be read: SQLite cannot make its -shm file there, and
            # needs none while there is no -wal file.
            if _has_wal(path):
                raise
            connection.close()
            connection = _connect(f"{address}?immutable=1", busy_timeout_s)
            _refuse_strangers(connection, path)
        if _is_empty(connection):
            raise _not_a_journal(path)
    except (*DATABASE_ERRORS, StorageError) as exc:
        close(connection)
        if isinstance(exc, DATABASE_ERRORS):
            raise storage_error(exc, path, "open it for reading") from exc
        raise
    return connection


def lease_of(path: Path | str) -> lease.Lease | None:
    """Return who became the writer of a journal last; None where nobody did, or it cannot be seen."""
    try:
        connection = open_to_read(path, LOCK_TIMEOUT_S)
    except StorageError:
        return None
    try:
        return lease.stored(connection)
    except DATABASE_ERRORS:
        return None
    finally:
        connection.close()


def _is_written(path: Path | str, waited_s: float) -> str:
    now = lease_of(path)
    who = "another process" if now is None else str(now.holder)
    waited = f", also after a wait of {waited_s:g} s" if waited_s else ""
    return (
        f"Journal {path}: another process is writing it{waited}, and a journal has one writer: {who}. "
        f"Stop that run first, wait for it, or give this one a journal of its own."
    )


def close(connection: sqlite3.Connection | None) -> None:
    """Close a connection if there is one."""
    if connection is not None:
        connection.close()


def _connect(address: str, busy_timeout_s: float) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=True, timeout=busy_timeout_s, isolation_level=None)


def _refuse_strangers(connection: sqlite3.Connection, path: Path | str) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID and not _is_empty(connection):
        raise _not_a_journal(path)
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"Journal {path}: it was written by a newer version (schema {version}; this program knows up to "
            f"{SCHEMA_VERSION}). Use that version; nothing was changed."
        )


def _is_empty(connection: sqlite3.Connection) -> bool:
    # Also true of what a process leaves that was killed while it made the file.
    return bool(connection.execute("SELECT count(*) = 0 FROM sqlite_master").fetchone()[0])


def _not_a_journal(path: Path | str) -> StorageError:
    return StorageError(
        f"Journal {path}: it is another SQLite file, without a journal in it. Give the path of a journal."
    )


def _has_wal(path: Path | str) -> bool:
    wal = Path(f"{path}-wal")
    return wal.exists() and wal.stat().st_size > 0


def _code(exc: Exception) -> str:
    return getattr(exc, "sqlite_errorname", None) or ""
