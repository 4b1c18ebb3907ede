"""What the screener found, kept: universes by day, regimes and watchlists by time, in one SQLite file.

A snapshot is written whole or not at all. Written twice, the same moment keeps the newer one, so a refresh that
was interrupted can be repeated.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from tapeline.domain.errors import DataError, InputError

SCHEMA_VERSION = 1
_TABLES = """
create table if not exists universe (day text primary key, content text not null) without rowid;
create table if not exists regime (
    time_ns integer primary key, label text not null, favourability real not null, content text not null
);
create table if not exists watchlist (
    profile text not null, time_ns integer not null, place integer not null, symbol text not null,
    grade text not null, total real not null, content text not null,
    primary key (profile, time_ns, place)
) without rowid;
create index if not exists watchlist_of_symbol on watchlist (symbol, time_ns);
create table if not exists refresh (
    profile text not null, time_ns integer not null, primary key (profile, time_ns)
) without rowid;
create table if not exists alert (
    time_ns integer not null, kind text not null, subject text not null, sentence text not null,
    primary key (time_ns, kind, subject)
) without rowid;
"""


class ScreenStore:
    """Snapshots in a file. Open it with `ScreenStore.open`; one process writes, any number read."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self.path = connection, path

    @classmethod
    @contextmanager
    def open(cls, path: str | Path) -> Iterator[ScreenStore]:
        """Open a store, or make one. Raises DataError for a file of another kind or a newer version."""
        path = Path(path)
        try:
            connection = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as exc:
            raise InputError(f"Store {path} cannot be opened: {exc}. See whether its folder exists.") from exc
        try:
            version = cls._version(connection, path)
            if version > SCHEMA_VERSION:
                raise DataError(
                    f"Store {path} has version {version}; this program knows {SCHEMA_VERSION}. Use a newer program."
                )
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=full")
            connection.executescript(_TABLES)
            connection.execute(f"pragma user_version={SCHEMA_VERSION}")
            yield cls(connection, path)
        finally:
            connection.close()

    @staticmethod
    def _version(connection: sqlite3.Connection, path: Path) -> int:
        try:
            (version,) = connection.execute("pragma user_version").fetchone()
            others = {name for (name,) in connection.execute("select name from sqlite_master where type='table'")}
        except sqlite3.DatabaseError as exc:
            raise DataError(f"{path} is no store of the screener: {exc}. Name another file.") from exc
        if others and version == 0:
            raise DataError(f"{path} is a database of something else ({', '.join(sorted(others))}). Name another file.")
        return int(version)

    def save_universe(self, day: date, content: Mapping[str, Any]) -> None:
        """Keep a day's universe."""
        with self._whole():
            self._connection.execute("insert or replace into universe values (?, ?)", (day.isoformat(), _text(content)))

    def universe(self, day: date) -> dict[str, Any] | None:
        """Return the universe of a day, the last one before it if there is none; None if nothing was kept by then."""
        row = self._connection.execute(
            "select content from universe where day <= ? order by day desc limit 1", (day.isoformat(),)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def save_refresh(
        self,
        time_ns: int,
        profile: str,
        rows: Sequence[Mapping[str, Any]],
        regime: Mapping[str, Any] | None = None,
        alerts: Sequence[tuple[str, str, str]] = (),
    ) -> None:
        """Keep a refresh of the watchlist with what belongs to it, all or nothing.

        rows : of the watchlist, best first, each with symbol, grade and sabr20; alerts : kind, subject, sentence
        """
        with self._whole():
            execute, many = self._connection.execute, self._connection.executemany
            execute("delete from watchlist where profile = ? and time_ns = ?", (profile, time_ns))
            execute("insert or replace into refresh values (?, ?)", (profile, time_ns))
            many(
                "insert into watchlist values (?, ?, ?, ?, ?, ?, ?)",
                [
                    (profile, time_ns, place, row["symbol"], row["grade"], row["sabr20"]["total"], _text(row))
                    for place, row in enumerate(rows)
                ],
            )
            if regime is not None:
                execute(
                    "insert or replace into regime values (?, ?, ?, ?)",
                    (time_ns, regime["label"], regime["favourability"], _text(regime)),
                )
            many("insert or replace into alert values (?, ?, ?, ?)", [(time_ns, *alert) for alert in alerts])

    def watchlist(self, profile: str, until_ns: int | None = None) -> tuple[int, list[dict[str, Any]]] | None:
        """Return time and rows of the newest refresh, None if there is none; until_ns : as of that moment."""
        bound = 2**63 - 1 if until_ns is None else until_ns
        newest = self._connection.execute(
            "select time_ns from refresh where profile = ? and time_ns <= ? order by time_ns desc limit 1",
            (profile, bound),
        ).fetchone()
        if newest is None:
            return None
        rows = self._connection.execute(
            "select content from watchlist where profile = ? and time_ns = ? order by place", (profile, newest[0])
        )
        return int(newest[0]), [json.loads(content) for (content,) in rows]

    def regime(self, until_ns: int | None = None) -> tuple[int, dict[str, Any]] | None:
        """Return time and content of the newest regime, None if there is none."""
        bound = 2**63 - 1 if until_ns is None else until_ns
        row = self._connection.execute(
            "select time_ns, content from regime where time_ns <= ? order by time_ns desc limit 1", (bound,)
        ).fetchone()
        return None if row is None else (int(row[0]), json.loads(row[1]))

    def history(self, symbol: str, profile: str) -> list[tuple[int, str, float]]:
        """Return when a symbol was on the watchlist: time, grade, total."""
        rows = self._connection.execute(
            "select time_ns, grade, total from watchlist where symbol = ? and profile = ? order by time_ns",
            (symbol, profile),
        )
        return [(int(time_ns), grade, total) for time_ns, grade, total in rows]

    def alerts(self, since_ns: int = 0) -> list[tuple[int, str, str, str]]:
        """Return alerts from a moment on: time, kind, subject, sentence."""
        rows = self._connection.execute("select * from alert where time_ns >= ? order by time_ns", (since_ns,))
        return [tuple(row) for row in rows]

    @contextmanager
    def _whole(self) -> Iterator[None]:
        try:
            self._connection.execute("begin immediate")
            yield
            self._connection.execute("commit")
        except BaseException as exc:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            if isinstance(exc, sqlite3.OperationalError):
                raise InputError(f"Store {self.path}: could not write: {exc}. Nothing was changed; try again.") from exc
            raise


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":"), sort_keys=True, allow_nan=False)
