"""The journal in SQLite: write-ahead log, full sync, one writer, any number of readers.

A commit is one transaction: the lease asked for (`lease.py`), the batch's facts and the new head. A process that is
killed between two commits loses the batch it had not committed and nothing else; SQLite drops a half-written
transaction when the file is next opened. What a machine keeps that loses power depends on its disk honouring a flush,
which full sync asks for at every commit.

The chain (`ledger/chain.py`) covers kind and body. The other columns repeat parts of the body, so that an
order, an execution, a signal or a symbol is found without reading everything; `verify` compares them with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from tapeline.domain.errors import IntegrityError, InvariantError, LeaseLostError, StorageError
from tapeline.ledger.canonical import decode, encode
from tapeline.ledger.chain import GENESIS, link
from tapeline.ports.journal import Fact, Head, Record
from tapeline.store import lease
from tapeline.store.lease import Holder, Lease, this_process
from tapeline.store.sqlite_file import (
    DATABASE_ERRORS,
    WriterLock,
    close,
    open_to_read,
    open_to_write,
    storage_error,
)

PAGE = 4_096
BUSY_TIMEOUT_S = 5.0

_RECORDS = "SELECT sequence, CAST(body AS TEXT), hash FROM facts"
_INSERT = "INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_HEADS = """
SELECT (SELECT count FROM head), (SELECT hash FROM head), (SELECT max(sequence) FROM facts),
       (SELECT hash FROM facts ORDER BY sequence DESC LIMIT 1)
"""
_MOVE_HEAD = """
UPDATE head SET count = ?, hash = ? WHERE count = ? AND hash = ? AND (SELECT token FROM lease) = ?
"""


class SqliteJournal:
    """An append-only journal in one SQLite file; ":memory:" gives one that lives as long as the object.

    Use `writing` or `reading`, best in a `with` block.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path | str, lock: WriterLock | None) -> None:
        self.path = path
        self.connection = connection
        self._lock = lock
        self._lease: Lease | None = None
        place = Path(path).absolute()  # SQLite keeps to it when the process goes to another folder
        beside = place.resolve()  # of a link SQLite keeps the -wal and the -shm file where the link leads
        self._files = (place, Path(f"{beside}-wal"), Path(f"{beside}-shm"))
        self._identities: list[tuple[int, int] | None] = []
        self._pending: list[tuple[Any, ...]] = []
        self._committed = self._stored_head()
        self._count, self._hash = self._committed.count, self._committed.hash

    @classmethod
    def writing(
        cls,
        path: Path | str,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        wait_s: float = 0.0,
        holder: Holder | None = None,
    ) -> SqliteJournal:
        """Open a journal to append to it; one that does not exist is created.

        wait_s : how long to wait for another process that writes it; holder : who asks, None = this process
        Raises StorageError if another process writes it, it is no journal, or a newer version wrote it, and
        IntegrityError if its last records do not fit its head.
        """
        connection, lock = open_to_write(path, busy_timeout_s, wait_s)
        journal = cls._guarded(connection, path, lock)
        try:
            journal.take_lease(holder or this_process())
        except BaseException:
            journal.close()
            raise
        return journal

    @classmethod
    def reading(cls, path: Path | str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> SqliteJournal:
        """Open a journal that exists to read it, also while another process writes it."""
        return cls._guarded(open_to_read(path, busy_timeout_s), path, None)

    @classmethod
    def _guarded(cls, connection: sqlite3.Connection, path: Path | str, lock: WriterLock | None) -> SqliteJournal:
        try:
            return cls(connection, path, lock)
        except (*DATABASE_ERRORS, StorageError) as exc:
            close(connection)
            if lock is not None:
                lock.release()
            if isinstance(exc, DATABASE_ERRORS):
                raise storage_error(exc, path, "read its head") from exc
            raise

    def take_lease(self, holder: Holder) -> Lease:
        """Become the one writer from the present head on; whoever was it before commits nothing any more."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self._lease = lease.take(self.connection, holder)
            self._committed = self._stored_head()
            self.connection.execute("COMMIT")
        except DATABASE_ERRORS as exc:
            self._roll_back()
            raise storage_error(exc, self.path, "take its lease") from exc
        except StorageError:
            self._roll_back()
            raise
        self._count, self._hash = self._committed.count, self._committed.hash
        self._identities = [_identity(file) for file in self._files]
        return self._lease

    def append(self, fact: Fact) -> bytes:
        """Add a fact to the next commit's batch. Returns its canonical bytes."""
        body = encode(fact)
        self._count += 1
        self._hash = link(self._hash, self._count, fact.kind, body)
        self._pending.append((self._count, fact.kind, *keys_of(fact), body.decode(), self._hash))
        return body

    def commit(self) -> None:
        """Make the batch durable, whole or not at all.

        With nothing to make durable it still sees whether this process is the writer.

        Raises StorageError if it could not; the batch is kept, and a later commit tries it again. Raises LeaseLostError
        if another process took over, or one of its files was removed or replaced: then no later commit will do.
        """
        if not self._pending:
            self.see_lease()
            return
        self._see_files()
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self._move_head()
            self.connection.executemany(_INSERT, self._pending)
            self.connection.execute("COMMIT")
        except sqlite3.IntegrityError as exc:
            self._roll_back()
            raise InvariantError(
                f"Journal {self.path}: an execution would be booked twice, or a number given twice ({exc})."
            ) from exc
        except sqlite3.Error as exc:
            self._roll_back()
            raise storage_error(exc, self.path, f"commit {len(self._pending)} facts") from exc
        except StorageError:
            self._roll_back()
            raise
        self._pending.clear()
        self._committed = Head(self._count, self._hash)

    def read(
        self,
        *,
        kind: str | None = None,
        client_order_id: str | None = None,
        execution_id: str | None = None,
        signal_id: str | None = None,
        symbol: str | None = None,
        from_ns: int | None = None,
        until_ns: int | None = None,
        first: int = 1,
        last: int | None = None,
        passing_over: Collection[str] = (),
    ) -> Iterator[Record]:
        """Yield committed records in order of their numbers, those only that meet every condition given."""
        conditions: list[tuple[str, Any]] = [
            ("kind = ?", kind),
            ("client_order_id = ?", client_order_id),
            ("execution_id = ?", execution_id),
            ("signal_id = ?", signal_id),
            ("symbol = ?", symbol),
            ("event_time_ns >= ?", from_ns),
            ("event_time_ns <= ?", until_ns),
            ("sequence <= ?", last),
            *[("kind <> ?", left_out) for left_out in passing_over],
        ]
        given = [(text, value) for text, value in conditions if value is not None]
        where = " AND ".join(["sequence >= ?", *[text for text, _ in given]])
        for rows in self._pages(f"{_RECORDS} WHERE {where}", [value for _, value in given], first):
            for sequence, text, digest in rows:
                yield Record(sequence, decode(text), text.encode(), digest)

    def facts(self, *, passing_over: Collection[str] = (), first: int = 1) -> Iterator[Fact]:
        """Yield committed facts in order of their numbers.

        passing_over : kinds that are left out; first : number of the first
        """
        query = " AND ".join([f"{_RECORDS} WHERE sequence >= ?", *["kind <> ?" for _ in passing_over]])
        for rows in self._pages(query, passing_over, first):
            # A page is read whole before anything is done with it: a third faster, as each work stays in the cache.
            yield from [decode(text) for _, text, _ in rows]

    def _pages(self, query: str, values: Collection[Any], first: int) -> Iterator[list[Any]]:
        # Page by page: a read transaction that stays open would let the write-ahead log grow without bound.
        query = f"{query} ORDER BY sequence LIMIT {PAGE}"
        while True:
            try:
                rows = self.connection.execute(query, (first, *values)).fetchall()
            except DATABASE_ERRORS as exc:
                raise storage_error(exc, self.path, "read it") from exc
            for sequence, text, digest in rows:
                if text is None or digest is None:
                    raise IntegrityError(
                        f"Journal {self.path}: record {sequence} is empty, its pages are damaged. Run `tapeline journal"
                        " verify` on it and restore a copy."
                    )
            yield rows
            if len(rows) < PAGE:
                return
            first = rows[-1][0] + 1

    def head(self) -> Head:
        """Return the end of the chain, facts that still wait for `commit` included."""
        return Head(self._count, self._hash)

    def newest_ns(self) -> int | None:
        """Return the latest time that a committed fact bears, UTC nanoseconds; None without any."""
        found: int | None = self.connection.execute("SELECT max(event_time_ns) FROM facts").fetchone()[0]
        return found

    def close(self) -> None:
        """Let go of the file and of the right to write it. What was not committed is lost."""
        if self._lock is not None and self._lock.was_replaced():
            # Another writer may have come. SQLite moves a log into the journal as it closes it, which would now undo
            # what the other one wrote; an interrupted connection does not. Else this saves a log that lost its name.
            self.connection.interrupt()
        self.connection.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> SqliteJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stored_head(self) -> Head:
        # One statement sees one state, also while another process commits.
        count, digest, last_count, last_digest = self.connection.execute(_HEADS).fetchone()
        if (count, digest) != (last_count or 0, last_digest or b""):
            raise IntegrityError(
                f"Journal {self.path}: its head is record {count}, but its last record is {last_count} or "
                f"has another hash. Run `tapeline journal verify` on it and restore a copy."
            )
        return Head(count, digest or GENESIS)

    def _move_head(self) -> None:
        head = self._committed
        token = -1 if self._lease is None else self._lease.token
        values = (self._count, self._hash, head.count, head.hash if head.count else b"", token)
        # The lock keeps a second writer out. Should one get past it, the token has grown.
        if self.connection.execute(_MOVE_HEAD, values).rowcount != 1:
            if self._lease is not None:
                lease.check(self.connection, self.path, self._lease)
            raise IntegrityError(
                f"Journal {self.path}: its head is no longer record {head.count}, where this process left "
                f"it. Somebody else wrote to it; nothing of this batch was written."
            )

    def see_lease(self) -> None:
        """See whether this process is still the one writer. Raises LeaseLostError if it is not."""
        if self._lease is None:
            return
        self._see_files()
        try:
            if self.connection.execute("SELECT token FROM lease").fetchone() != (self._lease.token,):
                lease.check(self.connection, self.path, self._lease)
        except DATABASE_ERRORS as exc:
            raise storage_error(exc, self.path, "see who writes it") from exc

    def _see_files(self) -> None:
        # A -wal or -shm file that is gone from its name belongs to this process alone: whoever opens the journal makes
        # another, sees neither the newest records nor the token, and may write over them.
        if self._lease is None:
            return
        for file, identity in zip(self._files, self._identities, strict=True):
            if _identity(file) != identity:
                raise LeaseLostError(
                    f"Journal {self.path}: the file {file} was removed or replaced while this process wrote it. Nothing"
                    " of this batch was written. Let this process end and see where the file went."
                )

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def keys_of(fact: Fact) -> tuple[int, str | None, str | None, str | None, str | None]:
    """Return event time, client order id, execution id, signal id and symbol: what a fact can be found by."""
    return (
        fact.event_time_ns,
        getattr(fact, "client_order_id", None),
        getattr(fact, "execution_id", None),
        getattr(fact, "signal_id", None),
        getattr(fact, "symbol", None),
    )
