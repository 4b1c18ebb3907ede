"""Who was in an index when: a Parquet or CSV file with a row for each stay, columns symbol, start_date, end_date.

`start_date` is the first day in the index and `end_date` the first day out of it, empty for those that are still in.
A symbol may come back: then it has several rows. Known by a day is what had happened by then, so a formula that reads
this series can choose from those who were members at the time, and not from those who turned out to be.

A ticker is not a company. Where a ticker was used again, a stay belongs to whoever used it then, and the prices must do
so too.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from tapeline.domain.errors import DataError
from tapeline.domain.panel import Floats, Panel, Times
from tapeline.domain.sessions import session_rows
from tapeline.domain.times import DAY as DAY_NS
from tapeline.feeds.table_files import DAY, TEXT, read_table

MEMBER = "member"
"""The name under which formulas read it: `series("member")`."""

STILL_IN = np.iinfo(np.int64).max


def with_membership(panel: Panel, path: str | Path) -> Panel:
    """Return the panel with the series "member": 1 where a symbol is in the index on a row's session date, else 0.

    Raises DataError for a stay that ends before it begins, and when none of the panel's symbols was ever a member.
    """
    table = _stays(path)
    days, columns = _days(panel), {symbol: column for column, symbol in enumerate(panel.symbols)}
    member: Floats = np.zeros((len(panel), len(panel.symbols)))
    found = table.filter(pl.col("symbol").cast(pl.String).is_in(list(columns)))
    if not len(found):
        raise DataError(
            f"None of the {len(columns)} symbols of the data is in {path}, which has stays of {len(table)}, such as"
            f" {', '.join(table['symbol'].head(3))}. Name the table of the index that the data belongs to."
        )
    for symbol, start, end in found.with_columns(pl.col("start_date", "end_date").to_physical()).iter_rows():
        rows = slice(*np.searchsorted(days, (start, STILL_IN if end is None else end)).tolist())
        member[rows, columns[symbol]] = 1.0
    return panel.with_series(MEMBER, member)


def members_on(path: str | Path, day: date) -> tuple[str, ...]:
    """Return who was in the index on a day, by symbol. Raises DataError for a stay that ends before it begins."""
    began, over = pl.col("start_date") <= day, pl.col("end_date") <= day
    found = _stays(path).filter(began & ~over.fill_null(value=False))
    return tuple(found["symbol"].cast(pl.String).unique().sort().to_list())


def _stays(path: str | Path) -> pl.DataFrame:
    table = read_table(Path(path), {"symbol": TEXT, "start_date": DAY, "end_date": DAY}, may_be_empty=("end_date",))
    wrong = table.with_row_index("row").filter(pl.col("end_date") <= pl.col("start_date"))
    if len(wrong):
        raise DataError(
            f"Row {wrong['row'][0]} of {path}: the stay of {wrong['symbol'][0]} from {wrong['start_date'][0]} ends on"
            f" {wrong['end_date'][0]}, before it has lasted a day. Mend it there, or leave the row out."
        )
    return table


def _days(panel: Panel) -> Times:
    """Return each row's session date as days since 1970; the UTC date of its start outside every session."""
    days: Times = panel.start_ns // DAY_NS
    if panel.sessions is None or not len(panel.sessions):
        return days
    index = session_rows(panel).index
    return np.where(index >= 0, panel.sessions.days[index], days)
