"""Facts about securities as vendors deliver them: corporate actions, symbols, indices, sectors.

A file has our columns, or others that a mapping names. Two usual forms are understood besides: corporate actions with
the columns `dividend` and `split_ratio` instead of one row per action, and `start_date`, `end_date`, `date` or `asof`
for our `first`, `last` and `ex`. An `end_date` is the first day that no longer counts, our `last` the last that does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tapeline.domain.errors import DataError
from tapeline.feeds.vendor_files import file_hash, read_table

_DATES = ("ex", "first", "last")
_USUAL = {"start_date": "first", "end_date": "last", "date": "ex", "ex_date": "ex", "asof": "first"}


class VendorTable(NamedTuple):
    """Rows under our names, the file's columns as they are called there, and its hash."""

    frame: pl.DataFrame
    columns: tuple[str, ...]
    sha256: str


def read_vendor_table(path: Path, columns: Mapping[str, str], separator: str = ",") -> VendorTable:
    """Return the rows of a file.

    columns : the vendor's name of each of ours that it calls otherwise; "=SP500" is that text in every row
    Raises InputError or DataError for what cannot be read.
    """
    table = read_table(path, separator)
    theirs = tuple(table.columns)
    constants = {ours: name[1:] for ours, name in columns.items() if name.startswith("=")}
    named = {ours: name for ours, name in columns.items() if ours not in constants}
    for ours, name in named.items():
        if name not in theirs:
            raise DataError(
                f"{path} has no column {name!r} for {ours}; it has {', '.join(theirs[:12])}. Correct --columns."
            )
    renamed = {name: ours for ours, name in named.items()}
    for name, ours in _USUAL.items():
        if name in theirs and ours not in theirs and ours not in columns:
            renamed.setdefault(name, ours)
    table = table.rename(renamed).with_columns(**{ours: pl.lit(text) for ours, text in constants.items()})
    if "dividend" in table.columns or "split_ratio" in table.columns:
        table = _one_row_per_action(path, table)
    for name in _DATES:
        if name in table.columns and table[name].dtype != pl.Date:
            table = table.with_columns(_dates(path, table[name].cast(pl.String)))
    if renamed.get("end_date") == "last" and "last" not in columns:
        table = table.with_columns(pl.col("last").dt.offset_by("-1d"))
    return VendorTable(table, theirs, file_hash(path))


def _one_row_per_action(path: Path, table: pl.DataFrame) -> pl.DataFrame:
    for name in ("symbol", "ex"):
        if name not in table.columns:
            raise DataError(
                f"{path} has no column for {name}; it has {', '.join(table.columns)}. Say which with --columns."
            )
    parts = []
    for name, kind, column in (("dividend", "dividend", "amount"), ("split_ratio", "split", "new")):
        if name not in table.columns:
            continue
        numbers = table.with_columns(pl.col(name).cast(pl.Float64))
        none = 0.0 if kind == "dividend" else 1.0
        rows = numbers.filter(pl.col(name).is_not_null() & (pl.col(name) != none))
        # Texts of the shortest digits that mean the number: 0.205, not 0.20499999.
        parts.append(
            rows.select("symbol", "ex", pl.lit(kind).alias("kind"), pl.col(name).cast(pl.String).alias(column))
        )
    return pl.concat(parts, how="diagonal")


def _dates(path: Path, texts: pl.Series) -> pl.Series:
    dates = texts.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    wrong = dates.is_null() & texts.is_not_null() & (texts != "")
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        raise DataError(
            f"Column {texts.name!r} in row {row} of {path} is {texts[row]!r}, no date like 2018-02-16. Correct it."
        )
    return dates
