"""What a lake is made of: its tables, their columns, and how bars are spread over files.

Two questions pull in opposite directions: one symbol over a year, and two hundred symbols over one session. Files by
half a month, sorted by security and time, in groups of 65,536 rows and pages of 16 kB answer both: the first reads a
row group of each of 24 files, the second one file, in which whole pages outside the session are stepped over without
being unpacked. Measured with 500 symbols x 1 year of minutes: 20 ms and 15 ms; with files by month 18 ms and 50 ms;
with zstd instead of lz4 the files are 40 % smaller and both take twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from tapeline.domain.times import DAY, MINUTE, frame_text

FORMAT = 1
"""Version of the layout; a lake of a newer one is not opened."""

PERIOD = "period"
"""The partition column of tables of bars: the first day of the period that a file covers."""

TIME = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class TableKind:
    """The columns of a table, and the ones that name a row; periods says whether its files cover periods."""

    columns: dict[str, pl.DataType]
    key: tuple[str, ...]
    periods: bool = False

    def empty(self) -> pl.DataFrame:
        """Return the table without a row."""
        return pl.DataFrame(schema=self.columns)


def _kind(key: str, *, periods: bool = False, **columns: pl.DataType | type[pl.DataType]) -> TableKind:
    return TableKind({name: dtype() if isinstance(dtype, type) else dtype for name, dtype in columns.items()},
                     tuple(key.split()), periods)  # fmt: skip


BARS = _kind(
    "security start", periods=True, security=pl.String, start=TIME, session=pl.Date, open=pl.Float64, high=pl.Float64,
    low=pl.Float64, close=pl.Float64, volume=pl.Float64, vendor=pl.String, revision=pl.Int32, load=pl.Int64,
    marks=pl.Int32,
)  # fmt: skip

QUARANTINE = _kind(
    "load row", load=pl.Int64, frame=pl.String, row=pl.Int64, symbol=pl.String, start=TIME, open=pl.Float64,
    high=pl.Float64, low=pl.Float64, close=pl.Float64, volume=pl.Float64, reasons=pl.String,
)  # fmt: skip

LOADS = _kind(
    "load", load=pl.Int64, time=TIME, kind=pl.String, vendor=pl.String, source=pl.String, sha256=pl.String,
    request=pl.String, source_columns=pl.String, rows_read=pl.Int64, rows_good=pl.Int64, rows_quarantined=pl.Int64,
    rows_same=pl.Int64, rows_corrected=pl.Int64,
)  # fmt: skip

SNAPSHOTS = _kind(
    "name", name=pl.String, commit=pl.Int64, taken=TIME, note=pl.String, dropped=TIME
)  # fmt: skip

CORPORATE_ACTIONS = _kind(
    "symbol ex kind", symbol=pl.String, ex=pl.Date, kind=pl.String, new=pl.String, old=pl.String, amount=pl.String,
    vendor=pl.String, load=pl.Int64,
)  # fmt: skip

SYMBOL_HISTORY = _kind(
    "symbol first", symbol=pl.String, security=pl.String, first=pl.Date, last=pl.Date, name=pl.String,
    vendor=pl.String, load=pl.Int64,
)  # fmt: skip

INDEX_MEMBERSHIP = _kind(
    "index symbol first", index=pl.String, symbol=pl.String, first=pl.Date, last=pl.Date, vendor=pl.String,
    load=pl.Int64,
)  # fmt: skip

SECTORS = _kind(
    "symbol scheme first", symbol=pl.String, scheme=pl.String, first=pl.Date, sector=pl.String, industry=pl.String,
    vendor=pl.String, load=pl.Int64,
)  # fmt: skip

FORMULA = _kind("data symbol end_ns", data=pl.String, symbol=pl.String, end_ns=pl.Int64, value=pl.Float64)

REFERENCE = {
    "corporate_actions": CORPORATE_ACTIONS,
    "symbol_history": SYMBOL_HISTORY,
    "index_membership": INDEX_MEMBERSHIP,
    "sectors": SECTORS,
}
"""Tables of facts about securities, imported like bars."""

_OTHERS = {"quarantine": QUARANTINE, "loads": LOADS, "snapshots": SNAPSHOTS, **REFERENCE}


def kind_of(table: str) -> TableKind:
    """Return the kind of a table by its name, such as "bars/1min" or "loads"."""
    if table.startswith("bars/"):
        return BARS
    return FORMULA if table.startswith("formulas/") else _OTHERS[table]


def table_names(folder: Path) -> list[str]:
    """Return the names of the tables in a lake's folder, also of those that no commit names, and of nothing else."""
    many = [f"{above}/{path.name}" for above in ("bars", "formulas") for path in sorted((folder / above).glob("*/"))]
    return [name for name in _OTHERS if (folder / name).is_dir()] + many


def bars_table(frame_ns: int) -> str:
    """Return the name of the table that holds the bars of a length."""
    return f"bars/{frame_text(frame_ns)}"


def period_of(frame_ns: int) -> pl.Expr:
    """Return the period of the column `session`: half a month for bars up to 5 minutes, a quarter for longer ones,
    a year for daily ones, by its first day as text."""
    session = pl.col("session")
    if frame_ns >= DAY:
        first = session.dt.truncate("1y")
    elif frame_ns > 5 * MINUTE:
        first = session.dt.truncate("1q")
    else:
        month = session.dt.month_start()
        first = pl.when(session.dt.day() <= 15).then(month).otherwise(month.dt.offset_by("15d"))
    return first.dt.to_string("%Y-%m-%d").alias(PERIOD)


def overlaps(first: date | None, last: date | None, low: date | None, high: date | None) -> bool:
    """Return whether the days first..last and low..high meet; None is open."""
    return not ((last is not None and low is not None and low > last)
                or (first is not None and high is not None and high < first))  # fmt: skip
