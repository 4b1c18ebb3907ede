"""The Parquet files of one path: what they must hold, which rows are wanted, and where a row stands."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PanicException, PolarsError

from tapeline.domain.errors import DataError, InputError, UnknownNameError
from tapeline.domain.panel import Times
from tapeline.domain.times import DAY
from tapeline.tape.rows import FIELDS

# A damaged page can make the reader panic; that is no Exception, but nothing is lost by catching it here.
_READING_ERRORS = (PolarsError, OSError, PanicException)
_COLUMNS = ("symbol", "ts", *FIELDS)
_UNIT_NS = {"ms": 1_000_000, "us": 1_000, "ns": 1}


@dataclass(frozen=True)
class BarFile:
    """One file and the type of its time column."""

    path: Path
    time_type: pl.DataType


@dataclass(frozen=True)
class BarSource:
    """All files of a path; every one has daily bars, or none has."""

    name: str
    files: tuple[BarFile, ...]

    @property
    def daily(self) -> bool:
        """Whether the bars are named by session dates."""
        return self.files[0].time_type == pl.Date

    @property
    def time_column(self) -> str:
        """The column that names the bars."""
        return "date" if self.daily else "ts"


@dataclass(frozen=True)
class Choice:
    """Which rows are wanted; times from low_ns to high_ns, both included."""

    symbols: tuple[str, ...] | None
    low_ns: int | None
    high_ns: int | None

    def filters(self, time_type: pl.DataType) -> list[pl.Expr]:
        """Return the conditions on a file whose time column has this type."""
        chosen = []
        if self.symbols is not None:
            chosen.append(pl.col("symbol").cast(pl.String).is_in(list(self.symbols)))
        if isinstance(time_type, pl.Datetime):
            column, unit_ns = pl.col("ts"), _UNIT_NS[time_type.time_unit]
        else:
            column, unit_ns = pl.col("date"), DAY
        # Literals in the column's own type, so that the reader can skip whole row groups.
        if self.low_ns is not None:
            chosen.append(column >= pl.lit(-(-self.low_ns // unit_ns)).cast(time_type))
        if self.high_ns is not None:
            chosen.append(column <= pl.lit(self.high_ns // unit_ns).cast(time_type))
        return chosen


EVERYTHING = Choice(None, None, None)


def open_source(path: Path) -> BarSource:
    """Return the files of a path after a look at their columns, without reading a row."""
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.suffix == ".parquet" and file.is_file())
        if not found:
            raise InputError(f"Folder {path} has no *.parquet file in it. Name another folder, or a file.")
    elif path.exists():
        found = [path]
    else:
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UnknownNameError("file", path.name, beside, where=f"folder {path.parent.resolve()}")
    files = tuple(BarFile(file, _time_type(file)) for file in found)
    for file in files[1:]:
        if (file.time_type == pl.Date) != (files[0].time_type == pl.Date):
            raise DataError(
                f"Folder {path} mixes daily and shorter bars: {files[0].path.name} and {file.path.name} "
                "differ. Put each kind in its own folder."
            )
    return BarSource(str(path), files)


def _time_type(file: Path) -> pl.DataType:
    try:
        schema = pl.read_parquet_schema(file)
    except _READING_ERRORS as exc:
        raise _unreadable(file, exc) from exc
    time = "date" if "date" in schema and "ts" not in schema else "ts"
    for name in ("symbol", time, *FIELDS):
        if name not in schema:
            raise _missing(file, name, list(schema))
    for name in FIELDS:
        if not schema[name].is_numeric():
            raise _wrong_type(file, name, schema[name], "numbers")
    if schema["symbol"] not in (pl.String, pl.Categorical, pl.Enum):
        raise _wrong_type(file, "symbol", schema["symbol"], "text")
    kind = schema[time]
    if time == "date" and kind != pl.Date:
        raise _wrong_type(file, "date", kind, "dates without a clock time")
    if time == "ts" and not isinstance(kind, pl.Datetime):
        raise _wrong_type(file, "ts", kind, "times with a time zone")
    if isinstance(kind, pl.Datetime) and kind.time_zone is None:
        raise DataError(
            f"Column 'ts' of {file} has times without a time zone, so the bars cannot be placed. "
            'Write it with one, for example .dt.replace_time_zone("America/New_York") in polars.'
        )
    return kind


def _missing(file: Path, name: str, present: list[str]) -> DataError:
    lowered = {column.lower(): column for column in present if column not in _COLUMNS}
    near = difflib.get_close_matches(name, list(lowered), n=1, cutoff=0.5)
    hint = f"Did you mean {lowered[near[0]]!r}? Rename it" if near else f"It has {', '.join(present[:12])}. Add it"
    return DataError(f"{file} has no column {name!r}. {hint}: bars need {', '.join(_COLUMNS)}, or date for ts.")


def _wrong_type(file: Path, name: str, found: pl.DataType, wanted: str) -> DataError:
    return DataError(f"Column {name!r} of {file} has type {found}; {wanted} are needed. Write it as such.")


def _unreadable(file: Path, exc: BaseException) -> DataError:
    reason = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
    return DataError(f"{file} is no readable Parquet file ({reason}). Write it again, or name another file.")


def collect(file: BarFile, choice: Choice, columns: list[str]) -> pl.DataFrame:
    """Return columns of the chosen rows, in the order of the file."""
    lazy = pl.scan_parquet(file.path, glob=False).filter(*choice.filters(file.time_type)).select(columns)
    try:
        # The in-memory engine keeps the order of the file; the streaming one, the default, need not.
        return lazy.collect(engine="in-memory")
    except _READING_ERRORS as exc:
        raise _unreadable(file.path, exc) from exc


def state_of(file: BarFile) -> tuple[int, int, int]:
    """Return what changes when a file is written anew: its inode, size and time."""
    state = file.path.stat()
    return state.st_ino, state.st_size, state.st_mtime_ns


def empty_value(file: BarFile, choice: Choice, column: pl.Series) -> DataError:
    """Return the error for the first row without a value."""
    number = row_number(file, choice, int(column.is_null().arg_max() or 0))
    return DataError(
        f"Column {column.name!r} is empty in row {number} of {file.path}. Fill it, or leave the row out: a "
        "moment without a trade is a missing row."
    )


def row_number(file: BarFile, choice: Choice, chosen: int) -> int:
    """Return the number within the file, from 0, of one of the chosen rows."""
    lazy = pl.scan_parquet(file.path, glob=False, row_index_name="row number")
    numbers = lazy.filter(*choice.filters(file.time_type)).select("row number").collect(engine="in-memory")
    return int(numbers["row number"][chosen])


def nanoseconds(source: BarSource, times: pl.Series) -> Times:
    """Return the times of a column as int64 UTC nanoseconds; dates as their midnights."""
    unit_ns = _UNIT_NS[times.dtype.time_unit] if isinstance(times.dtype, pl.Datetime) else DAY
    ticks: npt.NDArray[np.int64] = times.to_physical().to_numpy().astype(np.int64)
    for extreme in (int(ticks.min()), int(ticks.max())) if len(ticks) else ():
        if not -(2**63) <= extreme * unit_ns < 2**63:
            raise DataError(
                f"{source.name} has times before 1678 or after 2262, which no bar has. "
                "Its unit may be wrong: look at the column with polars."
            )
    ticks *= unit_ns
    return ticks
