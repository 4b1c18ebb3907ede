"""Verification: read a journal from its first record and name the first thing that does not fit.

Each record must have the next number and the hash that follows from the record before it; the columns must
repeat what the body says; the stored head must be the last record; a head that the user kept must be in the
chain. The first fault ends the search, because behind it nothing is certain.

A hash that does not fit is looked at more closely, to say what happened:
* the following records fit each other, but their numbers are too low: records were removed;
* the record fits elsewhere, or what stands elsewhere fits here: records were reordered;
* else this record was altered, or the one before it together with its hash: the two leave the same picture.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from tapeline.domain.errors import InputError, StorageError
from tapeline.ledger.canonical import decode
from tapeline.ledger.chain import GENESIS, link
from tapeline.ports.journal import Head
from tapeline.store.sqlite_file import DATABASE_ERRORS, open_to_read
from tapeline.store.sqlite_journal import BUSY_TIMEOUT_S, keys_of

RENUMBERED_MAX = 10_000

# The casts hold where a damaged page gives a column another type.
_ROWS = """
SELECT sequence, CAST(kind AS BLOB), CAST(body AS BLOB), CAST(hash AS BLOB),
       event_time_ns, client_order_id, execution_id, signal_id, symbol
FROM facts NOT INDEXED ORDER BY sequence
"""


class FaultKind(Enum):
    """What is wrong with a journal."""

    ALTERED = "altered"
    MISSING = "missing"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first fault: its kind, the number of the record where it shows, and the sentence."""

    kind: FaultKind
    sequence: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Verification:
    """How far the journal is sound: the records up to `head`, and what ends them, if anything."""

    head: Head
    fault: Fault | None

    @property
    def is_sound(self) -> bool:
        """Whether every record is as it was written, as far as a chain can tell."""
        return self.fault is None


class _Row(NamedTuple):
    sequence: int
    kind: bytes
    body: bytes
    hash: bytes
    event_time_ns: int
    client_order_id: str | None
    execution_id: str | None
    signal_id: str | None
    symbol: str | None

    @property
    def keys(self) -> tuple[object, ...]:
        return self[4:]


def verify(path: Path | str, expected_head: str | None = None) -> Verification:
    """Check every record of a journal.

    expected_head : 64 hexadecimal digits noted earlier; the journal may have grown since, but not shrunk
    Raises StorageError if the file cannot be opened as a journal, InputError if expected_head is no hash.
    """
    kept = _parse_head(expected_head)
    connection = open_to_read(path, BUSY_TIMEOUT_S)
    try:
        # Text that a damaged page made up must not end the search.
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        return _verify(connection, kept)
    finally:
        connection.close()


def _verify(connection: sqlite3.Connection, kept: bytes | None) -> Verification:
    count, previous, kept_seen = 0, GENESIS, kept in (None, GENESIS)
    try:
        # A writer may commit meanwhile; the transaction keeps rows and head of one moment.
        connection.execute("BEGIN")
        for row in _rows(connection):
            fault = _fault_of(connection, row, count + 1, previous)
            if fault is not None:
                return Verification(Head(count, previous), fault)
            count, previous = row.sequence, row.hash
            kept_seen = kept_seen or row.hash == kept
        head = Head(count, previous)
        fault = _fault_of_end(connection, head) or _fault_of_pages(connection, count)
    except DATABASE_ERRORS as exc:
        sentence = f"Behind record {count} the file cannot be read: {exc}. Restore a copy."
        return Verification(Head(count, previous), Fault(FaultKind.UNREADABLE, count + 1, sentence))
    if fault is None and not kept_seen:
        fault = Fault(
            FaultKind.TRUNCATED,
            count + 1,
            f"The head that was kept is none of the {count} records: records were taken off the end, or "
            f"the whole journal was written anew.",
        )
    return Verification(head, fault)


def _rows(connection: sqlite3.Connection) -> Iterator[_Row]:
    for row in connection.execute(_ROWS):
        yield _Row(*row)


def _fault_of(connection: sqlite3.Connection, row: _Row, expected: int, previous: bytes) -> Fault | None:
    if row.sequence < expected:
        return Fault(FaultKind.ALTERED, expected, f"A record numbered {row.sequence} was put before record 1.")
    if row.sequence > expected:
        through = f" to {row.sequence - 1}" if row.sequence > expected + 1 else ""
        return Fault(FaultKind.MISSING, expected, f"Record {expected}{through} is missing; {row.sequence} comes next.")
    if _link(previous, expected, row) != row.hash:
        return _fault_of_hash(connection, row, previous)
    try:
        keys = keys_of(decode(row.body))
    except StorageError as exc:
        return Fault(FaultKind.UNREADABLE, expected, f"Record {expected} fits its hash, but: {exc}")
    if keys != row.keys:
        return Fault(
            FaultKind.ALTERED,
            expected,
            f"Record {expected} is whole, but the columns by which it is found were altered: they say "
            f"{row.keys}, the record says {keys}.",
        )
    return None


def _fault_of_hash(connection: sqlite3.Connection, row: _Row, previous: bytes) -> Fault:
    number = row.sequence
    following = connection.execute(f"{_ROWS} LIMIT 1 OFFSET ?", (number,)).fetchone()
    if following is not None:
        after = _Row(*following)
        for removed in range(1, RENUMBERED_MAX + 1):
            if _link(row.hash, after.sequence + removed, after) == after.hash:
                last = f" to {number + removed - 1}" if removed > 1 else ""
                return Fault(
                    FaultKind.MISSING,
                    number,
                    f"Record {number}{last} was removed, and those behind were renumbered to close the gap.",
                )
    for other in _rows(connection):
        if other.sequence != number and _link(previous, number, other) in (row.hash, other.hash):
            return _reordered(number, other.sequence)
        if other.hash != row.hash and row.hash in (
            _link(other.hash, other.sequence, row),
            _link(other.hash, other.sequence + 1, row),
        ):
            return _reordered(number, None)
    before = f", or record {number - 1} together with its hash," if number > 1 else ""
    return Fault(FaultKind.ALTERED, number, f"Record {number} does not fit its hash: it{before} was altered.")


def _reordered(number: int, other: int | None) -> Fault:
    found = f"; what belongs there stands at {other}" if other is not None else ", but belongs elsewhere"
    return Fault(FaultKind.REORDERED, number, f"Record {number} is genuine{found}: records were reordered.")


def _fault_of_end(connection: sqlite3.Connection, head: Head) -> Fault | None:
    stored = connection.execute("SELECT CAST(count AS INTEGER), CAST(hash AS BLOB) FROM head").fetchone()
    if stored is None:
        return Fault(FaultKind.TRUNCATED, head.count + 1, "The stored head is missing.")
    count, digest = stored
    if count > head.count:
        return Fault(
            FaultKind.TRUNCATED,
            head.count + 1,
            f"The journal ends at record {head.count}, but its head was {count}: the end was cut off.",
        )
    if count < head.count or digest != (head.hash if head.count else b""):
        return Fault(
            FaultKind.ALTERED,
            min(count + 1, head.count),
            f"The stored head is record {count} with another hash than the chain has: the head was altered, "
            f"or records were added by other means than a commit.",
        )
    return None


def _fault_of_pages(connection: sqlite3.Connection, count: int) -> Fault | None:
    said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if said == "ok":
        return None
    return Fault(
        FaultKind.UNREADABLE,
        count + 1,
        f"All {count} records are whole, but the file is damaged ({said}); look-ups may miss some.",
    )


def _link(previous: bytes, sequence: int, row: _Row) -> bytes:
    return link(previous, sequence, row.kind.decode("utf-8", "replace"), row.body)


def _parse_head(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        digest = bytes.fromhex(text.strip())
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise InputError(f"Head {text!r} is no hash; write the 64 hexadecimal digits that a run printed.")
    return digest
