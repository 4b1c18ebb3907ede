"""The disk under the journal: it fills up, others lock it, and the process above it dies between two of its steps.

The journal is the real one, over a SQLite file in memory that outlives the process. Each step of a commit passes
here, so a process can be killed before it, within it and after it:

    BEGIN IMMEDIATE   full or locked: refused        killed: the batch was never begun
    INSERT ...        full: refused after some       killed: the batch is torn and gone when the file is opened again
    COMMIT            full: refused                  killed right after: durable, and nobody was told

A disk that is full shows it at one of the three steps, by dice; what was refused is rolled back whole.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from tapeline.drill.faults import Fault, Weather
from tapeline.store.lease import Holder
from tapeline.store.sqlite_file import SCHEMA
from tapeline.store.sqlite_journal import SqliteJournal

BEGIN, INSERT, COMMIT = "BEGIN", "INSERT", "COMMIT"


class ProcessKilled(BaseException):
    """The process is gone; no line of it runs any more. `fault` says what ended it."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.value)


class Disk:
    """One file that outlives processes, and what can befall it.

    durable : called with the rows of every commit, at the moment from which they are there for good
    """

    def __init__(self, weather: Weather, durable: Callable[[list[tuple[Any, ...]]], None]) -> None:
        self.weather, self.durable = weather, durable
        self.file = sqlite3.connect(":memory:", isolation_level=None)
        self.file.executescript(SCHEMA)
        self._processes = 0

    def open(self) -> SqliteJournal:
        """Return the journal as a new process finds it: what was torn is gone."""
        if self.file.in_transaction:
            self.file.execute("ROLLBACK")
        self._processes += 1
        journal = SqliteJournal(self.file, "drill.sqlite", None)
        journal.take_lease(Holder(self._processes, "drill", 0))
        journal.connection = _Steps(self)  # type: ignore[assignment]  # a connection in all it is used for
        return journal


class _Steps:
    """A connection whose steps may fail."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._rows: list[tuple[Any, ...]] = []
        self._refused_at = ""

    def execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        disk = self._disk
        if statement.startswith("BEGIN"):
            self._begin()
        elif statement.startswith("COMMIT"):
            self._refuse_if(COMMIT)
        done = disk.file.execute(statement, values)
        if statement.startswith("COMMIT"):
            rows, self._rows = self._rows, []
            disk.durable(rows)
            if disk.weather.strikes(Fault.CRASH_AFTER_COMMIT):
                disk.weather.changed(Fault.CRASH_AFTER_COMMIT)
                raise ProcessKilled(Fault.CRASH_AFTER_COMMIT)
        return done

    def executemany(self, statement: str, rows: list[tuple[Any, ...]]) -> sqlite3.Cursor:
        disk = self._disk
        if disk.weather.strikes(Fault.CRASH_IN_COMMIT):
            disk.weather.changed(Fault.CRASH_IN_COMMIT)
            half = disk.weather.chance(Fault.CRASH_IN_COMMIT).whole(0, len(rows))
            disk.file.executemany(statement, rows[:half])
            raise ProcessKilled(Fault.CRASH_IN_COMMIT)
        if self._refused_at == INSERT:
            some = disk.weather.chance(Fault.DISK_FULL).whole(0, len(rows))
            disk.file.executemany(statement, rows[:some])
            self._refuse_if(INSERT)
        self._rows = list(rows)
        return disk.file.executemany(statement, rows)

    @property
    def in_transaction(self) -> bool:
        return self._disk.file.in_transaction

    def close(self) -> None:
        """Leave the file to the next process."""

    def _begin(self) -> None:
        weather = self._disk.weather
        if weather.strikes(Fault.CRASH_BEFORE_COMMIT):
            weather.changed(Fault.CRASH_BEFORE_COMMIT)
            raise ProcessKilled(Fault.CRASH_BEFORE_COMMIT)
        if weather.strikes(Fault.DISK_FULL):
            weather.changed(Fault.DISK_FULL)
            self._refused_at = weather.chance(Fault.DISK_FULL).one_of((BEGIN, INSERT, COMMIT))
            self._refuse_if(BEGIN)
        if weather.strikes(Fault.DISK_LOCKED):
            weather.changed(Fault.DISK_LOCKED)
            self._refused_at = ""
            raise _refusal(Fault.DISK_LOCKED, "SQLITE_BUSY")

    def _refuse_if(self, step: str) -> None:
        if self._refused_at == step:
            self._refused_at = ""
            raise _refusal(Fault.DISK_FULL, "SQLITE_FULL")


def _refusal(fault: Fault, name: str) -> sqlite3.OperationalError:
    refused = sqlite3.OperationalError(fault.value)
    refused.sqlite_errorname = name
    return refused
