"""One Delta table of a lake: which files a version has, and committing a new set of files.

Files are written and read with polars; the deltalake library keeps the log. A commit states the whole set of files
that the table shall have, and takes the difference to what its log holds. So what an unfinished load left behind is
taken back by the next commit, without a repair of its own.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import polars as pl
from polars.exceptions import PanicException, PolarsError

from tapeline.domain.errors import IntegrityError, StorageError
from tapeline.lake.layout import PERIOD, TableKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deltalake import DeltaTable

_DELTA_TYPES = {
    pl.String(): "string",
    pl.Float64(): "double",
    pl.Int64(): "long",
    pl.Int32(): "integer",
    pl.Date(): "date",
    pl.Datetime("us", "UTC"): "timestamp",
}

# Versions are let go by the lake, which knows what snapshots need, and never by Delta's own clock.
_CONFIGURATION = {"delta.enableExpiredLogCleanup": "false", "delta.checkpointInterval": "20"}

_OURS = re.compile(r"^\d{8}-[0-9a-f]{16}\.parquet$")
_GROUP_ROWS, _PAGE_BYTES = 65_536, 16_384


@dataclass(frozen=True)
class StoredFile:
    """A Parquet file of a table.

    path : below the table's folder; period : its partition, None in tables without
    first, last : session dates of its first and last bar; revision : the highest of its rows
    """

    path: str
    bytes: int
    rows: int
    period: str | None = None
    first: date | None = None
    last: date | None = None
    revision: int = 0


class Table:
    """A table by its folder; it need not exist yet."""

    def __init__(self, folder: Path, kind: TableKind) -> None:
        self.folder, self.kind = folder, kind
        self._files: dict[int, tuple[StoredFile, ...]] = {}

    def files(self, version: int | None) -> tuple[StoredFile, ...]:
        """Return the files of a version; none for None. Raises IntegrityError for a version that is not there."""
        if version is None:
            return ()
        if version not in self._files:
            with _delta_errors(self.folder):
                self._files[version] = _stored(self._open(version))
        return self._files[version]

    def rows(self, files: Iterable[StoredFile]) -> pl.DataFrame:
        """Return all rows of some files: for small tables."""
        paths = [self.folder / file.path for file in files]
        if not paths:
            return self.kind.empty()
        return collect(pl.scan_parquet(paths, glob=False), self.folder)

    def write(self, name: str, frame: pl.DataFrame, period: str | None = None) -> StoredFile:
        """Write a file that no version has yet; it is on the disk when this returns.

        name : how the file's name begins. The rest is never used again, even where a killed load left the name in the
            log: Delta knows a file by its path alone
        """
        place = f"{PERIOD}={period}/" if period else ""
        folder = self.folder / place
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{name}-{uuid4().hex[:16]}.parquet"
            try:
                frame.select(*self.kind.columns).write_parquet(
                    path, compression="lz4", row_group_size=_GROUP_ROWS, data_page_size=_PAGE_BYTES
                )
                sync(path)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        except (OSError, PolarsError) as exc:
            reason = getattr(exc, "strerror", None) or str(exc).splitlines()[0]
            raise StorageError(
                f"{folder} cannot be written: {reason}. Free some space or see its permissions; nothing was kept."
            ) from exc
        if not period:
            return StoredFile(f"{place}{path.name}", path.stat().st_size, frame.height)
        (first, last, revision), *_ = frame.select(
            pl.col("session").min(), pl.col("session").max().alias("last"), pl.col("revision").max()
        ).rows()
        return StoredFile(f"{place}{path.name}", path.stat().st_size, frame.height, period, first, last, revision)

    def commit(self, files: Iterable[StoredFile], what: str, now_ns: int) -> int:
        """Let the newest version be exactly these files; return its number."""
        from deltalake import CommitProperties
        from deltalake.transaction import AddAction, RemoveAction

        wanted = {file.path: file for file in files}
        with _delta_errors(self.folder):
            table = self._open_or_create()
            present = {file.path: file for file in _stored(table)}
            now_ms = now_ns // 1_000_000
            actions: list[Any] = [
                AddAction(file.path, file.bytes, _partition(file), now_ms, True, _statistics(file))
                for path, file in wanted.items()
                if path not in present
            ]
            for path, file in present.items():
                if path not in wanted:
                    actions.append(RemoveAction(path, True, now_ms, file.bytes, _partition(file)))
            if actions:
                table.create_write_transaction(
                    actions, "append", table.schema(), self._partition_by,
                    commit_properties=CommitProperties(custom_metadata={"tapeline": what}),
                )  # fmt: skip
                table.update_incremental()
            version = table.version()
        self._files[version] = tuple(wanted.values())
        return version

    def sweep(self, kept: Iterable[int]) -> list[str]:
        """Remove the files of ours that none of the kept versions has; return their paths."""
        needed = {file.path for version in kept for file in self.files(version)}
        removed = []
        for path in sorted(self.folder.rglob("*.parquet")):
            name = path.relative_to(self.folder).as_posix()
            if name not in needed and _OURS.match(path.name):
                path.unlink()
                removed.append(name)
        return removed

    @property
    def _partition_by(self) -> list[str]:
        return [PERIOD] if self.kind.periods else []

    def _open(self, version: int | None = None) -> DeltaTable:
        from deltalake import DeltaTable

        return DeltaTable(self.folder, version=version)

    def _open_or_create(self) -> DeltaTable:
        from deltalake import DeltaTable, Field, Schema
        from deltalake.schema import PrimitiveType

        if DeltaTable.is_deltatable(self.folder):
            return self._open()
        columns = self.kind.columns | ({PERIOD: pl.String()} if self.kind.periods else {})
        schema = Schema([Field(name, PrimitiveType(_DELTA_TYPES[dtype])) for name, dtype in columns.items()])
        self.folder.mkdir(parents=True, exist_ok=True)
        return DeltaTable.create(self.folder, schema, partition_by=self._partition_by, configuration=_CONFIGURATION)


def collect(rows: pl.LazyFrame, where: Path) -> pl.DataFrame:
    """Return rows in the order of their files. Raises IntegrityError for files that cannot be read."""
    try:
        return rows.collect(engine="in-memory")
    except (PolarsError, OSError, PanicException) as exc:
        reason = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise IntegrityError(
            f"A file of {where} cannot be read ({reason}). Restore the lake from a copy, or read a snapshot without it."
        ) from exc


def sync(path: Path) -> None:
    """Bring a file to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _partition(file: StoredFile) -> dict[str, str | None]:
    return {} if file.period is None else {PERIOD: file.period}


def _statistics(file: StoredFile) -> str:
    if file.first is None or file.last is None:
        return json.dumps({"numRecords": file.rows})
    low = {"session": file.first.isoformat(), "revision": 0}
    high = {"session": file.last.isoformat(), "revision": file.revision}
    return json.dumps({"numRecords": file.rows, "minValues": low, "maxValues": high})


def _stored(table: DeltaTable) -> tuple[StoredFile, ...]:
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    files = [
        StoredFile(
            row["path"],
            row["size_bytes"],
            row["num_records"],
            row.get(f"partition.{PERIOD}"),
            row.get("min.session"),
            row.get("max.session"),
            row.get("max.revision") or 0,
        )
        for row in actions.iter_rows(named=True)
    ]
    return tuple(sorted(files, key=lambda file: (file.period or "", file.path)))


@contextmanager
def _delta_errors(folder: Path) -> Iterator[None]:
    from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

    try:
        yield
    except CommitFailedError as exc:
        raise StorageError(
            f"Table {folder} was written by another process in the meantime. Nothing was kept; run the load again."
        ) from exc
    except TableNotFoundError as exc:
        raise IntegrityError(f"Table {folder} is missing. Restore the lake from a copy.") from exc
    except (DeltaError, OSError, ValueError) as exc:
        reason = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise IntegrityError(
            f"The log of table {folder} cannot be read or written: {reason}. See the disk, or restore a copy."
        ) from exc
