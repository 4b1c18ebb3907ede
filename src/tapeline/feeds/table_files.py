"""Small tables from Parquet or CSV files: checked for their columns, and refused in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl
from polars.exceptions import PanicException, PolarsError

from tapeline.domain.errors import DataError, UnknownNameError

TEXT, DAY, NUMBER = "text", "dates without a clock time", "numbers"

_READING_ERRORS = (PolarsError, OSError, PanicException)


def read_table(path: Path, columns: Mapping[str, str], *, may_be_empty: tuple[str, ...] = ()) -> pl.DataFrame:
    """Return columns of a file, CSV by its ending and else Parquet, rows in the order of the file.

    columns : name -> TEXT, DAY or NUMBER; may_be_empty : those in which a row may have no value
    Raises UnknownNameError for a file that is not there, DataError for one that is not as it should be.
    """
    if not path.exists():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UnknownNameError("file", path.name, beside, where=f"folder {path.parent.resolve()}")
    try:
        whole = scan(path)
        schema = whole.collect_schema()
        for name, kind in columns.items():
            _check_column(path, schema, columns, name, kind)
        table = whole.select(list(columns)).collect(engine="in-memory")
    except _READING_ERRORS as exc:
        reason = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise DataError(
            f"{path} is no readable {kind_of(path)} file ({reason}). Write it again, or name another file."
        ) from exc
    for name in columns:
        if name not in may_be_empty and table[name].null_count():
            row = int(table[name].is_null().arg_max() or 0)
            raise DataError(f"Column {name!r} is empty in row {row} of {path}. Fill it, or leave the row out.")
    return table


def scan(path: Path) -> pl.LazyFrame:
    """Return a table that is read when it is asked for its rows."""
    if kind_of(path) == "CSV":
        return pl.scan_csv(path, try_parse_dates=True, glob=False)
    return pl.scan_parquet(path, glob=False)


def kind_of(path: Path) -> str:
    """Return what a file is by its ending: CSV, else Parquet."""
    return "CSV" if path.suffix.lower() == ".csv" else "Parquet"


def _check_column(
    path: Path, schema: Mapping[str, pl.DataType], wanted: Mapping[str, str], name: str, kind: str
) -> None:
    if name not in schema:
        raise DataError(
            f"{path} has no column {name!r}; it has {', '.join(list(schema)[:12])}. It needs {', '.join(wanted)}."
        )
    found = schema[name]
    fits = {
        TEXT: found in (pl.String, pl.Categorical, pl.Enum),
        DAY: found == pl.Date,
        NUMBER: found.is_numeric(),
    }
    if not fits[kind]:
        raise DataError(f"Column {name!r} of {path} has type {found}; {kind} are needed. Write it as such.")
