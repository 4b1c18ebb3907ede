"""Writing a lake: one writer at a time, and several tables in one step.

    with Transaction.begin(folder, now_ns) as transaction:
        transaction.add("bars/1min", frame, period="2018-02-16")
        transaction.replace("loads", loads)
        transaction.commit("load 1 from bars.parquet")

Order of a transaction: the lock, the Parquet files, one Delta commit per table, the lake's commit. Killed before the
last step it has changed nothing that a reader looks at. The lock's file says `busy` from the first to the last step,
so the next writer learns that one was killed, and sweeps away what it left; Delta versions without a commit of the
lake are taken back by the next commit of their table.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from tapeline.domain.errors import StorageError
from tapeline.lake.commits import Commit, newest, numbers, read_commit, read_lake, write_commit
from tapeline.lake.layout import kind_of, table_names
from tapeline.lake.table import StoredFile, Table

WRITER = ".writer"


class Transaction:
    """The right to write, and what is to be written; nothing is visible before `commit`."""

    def __init__(self, folder: Path, now_ns: int, lock: Lock) -> None:
        self.folder, self.now_ns, self._lock = folder, now_ns, lock
        self.base = newest(folder)
        self._tables: dict[str, Table] = {}
        self._files: dict[str, list[StoredFile]] = {}
        self._written: list[Path] = []

    @classmethod
    def begin(cls, folder: Path, now_ns: int) -> Self:
        """Become the writer. Raises StorageError while another process is."""
        read_lake(folder)
        lock = Lock(folder / WRITER)
        try:
            if lock.was_left_busy:
                sweep(folder)
            lock.mark_busy()
            return cls(folder, now_ns, lock)
        except BaseException:
            lock.release()
            raise

    def table(self, name: str) -> Table:
        """Return a table of the lake."""
        if name not in self._tables:
            self._tables[name] = Table(self.folder / name, kind_of(name))
        return self._tables[name]

    def files(self, name: str) -> list[StoredFile]:
        """Return the files that a table will have."""
        if name not in self._files:
            self._files[name] = list(self.table(name).files(self.base.tables.get(name)))
        return self._files[name]

    def frame(self, name: str) -> pl.DataFrame:
        """Return the rows that a small table will have."""
        return self.table(name).rows(self.files(name))

    def add(self, name: str, frame: pl.DataFrame, period: str | None = None) -> StoredFile:
        """Write rows into a new file of a table."""
        table, files = self.table(name), self.files(name)
        file = table.write(f"{self.base.number + 1:08d}", frame, period)
        self._written.append(table.folder / file.path)
        files.append(file)
        return file

    def remove(self, name: str, files: Iterable[StoredFile]) -> None:
        """Leave files out of a table; earlier commits keep them."""
        gone = {file.path for file in files}
        self._files[name] = [file for file in self.files(name) if file.path not in gone]

    def replace(self, name: str, frame: pl.DataFrame) -> None:
        """Let a small table have these rows."""
        self.remove(name, self.files(name))
        self.add(name, frame)

    def commit(self, what: str) -> Commit:
        """Make everything visible in one step; return the new commit."""
        versions = dict(self.base.tables)
        for name, files in self._files.items():
            if self.table(name).files(self.base.tables.get(name)) != tuple(files):
                versions[name] = self.table(name).commit(files, what, self.now_ns)
        commit = Commit(self.base.number + 1, self.now_ns, what, versions)
        write_commit(self.folder, commit)
        self._written.clear()
        self._lock.mark_idle()
        return commit

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception | KeyboardInterrupt) or error is None:
            self._tidy()
        self._lock.release()

    def _tidy(self) -> None:
        # What was refused leaves no files behind, unless the commit stands and only its last step failed.
        if newest(self.folder).number == self.base.number:
            for path in self._written:
                path.unlink(missing_ok=True)
        self._lock.mark_idle()


def sweep(folder: Path) -> int:
    """Remove every Parquet file that no commit of the lake needs; return how many. The caller is the writer."""
    kept: dict[str, set[int]] = {}
    for number in numbers(folder):
        for name, version in read_commit(folder, number).tables.items():
            kept.setdefault(name, set()).add(version)
    return sum(len(Table(folder / name, kind_of(name)).sweep(kept.get(name, ()))) for name in table_names(folder))


class Lock:
    """The writer's lock: a file that one process holds, until it lets go or ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as exc:
            raise StorageError(f"Lake {path.parent} cannot be written: {exc.strerror}. See its permissions.") from exc
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            holder = self._text().removeprefix("busy ")
            os.close(self._handle)
            whose = f"process {holder} is" if holder.isdigit() else "another process is"
            raise StorageError(
                f"Lake {path.parent} cannot be written now: {whose} writing it, and a lake has one writer. Wait for "
                "it to end, then try again; nothing was changed."
            ) from exc
        self.was_left_busy = self._text().startswith("busy")

    def mark_busy(self) -> None:
        """Note that something is being written."""
        self._write(f"busy {os.getpid()}")

    def mark_idle(self) -> None:
        """Note that nothing is left half-done."""
        self._write("")

    def release(self) -> None:
        """Let another process write."""
        os.close(self._handle)

    def _text(self) -> str:
        return os.pread(self._handle, 64, 0).decode(errors="replace").strip()

    def _write(self, text: str) -> None:
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, text.encode(), 0)
        os.fsync(self._handle)
