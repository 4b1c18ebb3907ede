"""CSV tables row by row as they were written: cells by column, and where each stands for who must mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from tapeline.domain.errors import DataError, UnknownNameError
from tapeline.tape.csv_rows import csv_rows

Choice = TypeVar("Choice", bound=Enum)


class TableRow:
    """One row of a table: cells by column, read as what they are meant to be.

    Every reader raises DataError, naming file, line and column, for a cell that is not.
    """

    __slots__ = ("_cells", "_zone", "where")

    def __init__(self, cells: Mapping[str, str], where: str, zone: ZoneInfo) -> None:
        self._cells, self.where, self._zone = cells, where, zone

    def text(self, column: str) -> str:
        """Return a cell without the blanks around it; empty where there is none."""
        return self._cells.get(column, "").strip()

    def needed(self, column: str) -> str:
        """Return a cell that must not be empty."""
        found = self.text(column)
        if not found:
            raise self.fault(f"column {column!r} is empty; a row with side {self.text('side')!r} needs it.")
        return found

    def number(self, column: str, default: Decimal | None = None) -> Decimal:
        """Return a number as it is written; the default for an empty cell, which is a fault without one."""
        written = self.text(column)
        if not written:
            if default is None:
                self.needed(column)
            return default or Decimal(0)
        try:
            value = Decimal(written)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            raise self.fault(
                f"{column} {written!r} is no number. Write it like 1234.56, without thousands or currency."
            )
        return value

    def day(self, column: str) -> date | None:
        """Return a date, or None for an empty cell."""
        written = self.text(column)
        if not written:
            return None
        try:
            return date.fromisoformat(written)
        except ValueError as exc:
            raise self.fault(f"{column} {written!r} is no date. Write it like 2025-01-31.") from exc

    def moment(self) -> tuple[date, time | None]:
        """Return the trade date in the exchange's zone and the time on its clock, None where only a date is given."""
        written = self.needed("time")
        try:
            if len(written) == 10:
                return date.fromisoformat(written), None
            moment = datetime.fromisoformat(written)
        except ValueError as exc:
            raise self.fault(
                f"time {written!r} is no time. Write 2025-01-31T15:59:00-05:00, or 2025-01-31 for a trade date alone."
            ) from exc
        if moment.tzinfo is None:
            raise self.fault(
                f"time {written!r} has no zone, and around midnight a zone decides the trade date. Add Z for UTC or an "
                "offset such as -05:00, or give the trade date alone."
            )
        local = moment.astimezone(self._zone)
        return local.date(), local.time()

    def choice(self, column: str, kind: type[Choice], default: Choice | None = None) -> Choice:
        """Return one of the words of an enumeration."""
        written = self.text(column) if default is not None else self.needed(column)
        if not written and default is not None:
            return default
        known = {str(member.value).lower(): member for member in kind}
        if written.lower() not in known:
            raise self.fault(str(UnknownNameError(column, written, [str(member.value) for member in kind])))
        return known[written.lower()]

    def truth(self, column: str, *, default: bool) -> bool:
        """Return yes or no."""
        written = self.text(column).lower()
        if written not in ("", "yes", "no"):
            raise self.fault(f"{column} {written!r} is neither yes nor no.")
        return default if not written else written == "yes"

    def fault(self, sentence: str) -> DataError:
        """Return the error that says where a sentence is about."""
        return DataError(f"{self.where}: {sentence}")


def read_rows(path: Path, needed: Sequence[str], known: Sequence[str], zone: ZoneInfo) -> Iterator[TableRow]:
    """Yield the rows of a CSV file that are not empty.

    needed, known : columns that must be there, and all that may; zone : in which moments become dates
    Raises UnknownNameError for a file or column that nobody knows, DataError for one that is missing or cut off.
    """
    if not path.is_file():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UnknownNameError("file", path.name, beside, where=f"folder {path.parent.resolve()}")
    for where, cells in csv_rows(path, lambda names: _check_header(path, names, needed, known)):
        yield TableRow(cells, where, zone)


def _check_header(path: Path, names: list[str], needed: Sequence[str], known: Sequence[str]) -> None:
    for name in needed:
        if name not in names:
            raise DataError(
                f"{path} has no column {name!r}; it has {', '.join(names) or 'nothing'}. It needs {', '.join(needed)}."
            )
    for place, name in enumerate(names):
        if name not in known:
            raise UnknownNameError("column", name, known, where=str(path))
        if name in names[:place]:
            raise DataError(f"{path} has two columns {name!r}. Keep one.")
