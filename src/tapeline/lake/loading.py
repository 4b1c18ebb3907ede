"""Storing bars: what is new, what is there already, and what corrects an earlier bar.

A bar is named by its security and its start. One that is stored with the same numbers is left as it is; one with
other numbers is a correction, which has to be asked for: nothing is merged in silence. A correction is a further row
with the next revision, so snapshots of before keep what they saw.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl

from tapeline.domain.errors import DataError
from tapeline.domain.panel import Sessions, Times
from tapeline.domain.times import DAY, to_iso
from tapeline.lake.bars import Choice, chosen_bars
from tapeline.lake.layout import BARS, TIME, bars_table, period_of
from tapeline.lake.symbols import SymbolHistory
from tapeline.lake.table import StoredFile, Table
from tapeline.lake.writing import Transaction
from tapeline.tape.rows import FIELDS, PRICES

_WRITERS = 2  # files written side by side: one packs while the other waits for the disk


@dataclass(frozen=True)
class Stored:
    """What became of the bars of a load: added, there already with the same numbers, corrected."""

    added: int = 0
    same: int = 0
    corrected: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(self.added + other.added, self.same + other.same, self.corrected + other.corrected)


def store_bars(
    transaction: Transaction,
    bars: pl.DataFrame,
    *,
    frame_ns: int,
    sessions: Sessions | None,
    vendor: str,
    load: int,
    source: str,
    correct: bool = False,
) -> Stored:
    """Store the bars of one source within a transaction.

    bars : symbol, start_ns (UTC; of daily bars the open of the session), open, high, low, close, volume, row (where it
        stands in the source) and marks (a bit per doubt of the quality gate, 0 for none), which may be missing
    sessions : those of the lake's calendar; None takes UTC dates as sessions
    correct : store bars that differ from stored ones as their next revision; else they are refused
    Raises DataError for what is no bar, stands twice, differs from what is stored, or has a symbol nobody used.
    """
    if not bars.height:
        return Stored()
    _refuse_impossible(bars, source)
    start_ns = bars["start_ns"].to_numpy()
    if frame_ns >= DAY:
        days = _daily_dates(start_ns, sessions)
        start = days * (DAY // 1_000)
    else:
        days = session_dates(start_ns, sessions)
        start = start_ns // 1_000
    marks = bars["marks"] if "marks" in bars.columns else _repeated("marks", 0, bars.height)
    # Series by series: an expression over millions of rows of text copies them, which costs as much as writing them.
    rows = bars.select("symbol", *FIELDS, "row").hstack(
        [
            pl.Series("start", start).cast(TIME),
            pl.Series("session", days.astype(np.int32)).cast(pl.Date),
            marks.cast(pl.Int32),
        ]
    )
    rows = _in_order(SymbolHistory(transaction.frame("symbol_history")).assign(rows, source), source)
    name = bars_table(frame_ns)
    sorter = _Sorter(transaction, name, source, correct)
    prepared = [(period, *sorter.sort(part)) for period, part in _by_period(rows, frame_ns)]
    write_files(
        transaction,
        name,
        [
            (period, part.hstack([_repeated("vendor", vendor, part.height), _repeated("load", load, part.height)]))
            for period, part, _ in prepared
            if part.height
        ],
    )
    return sum((counts for _, _, counts in prepared), Stored())


def write_files(transaction: Transaction, name: str, parts: list[tuple[str, pl.DataFrame]]) -> None:
    """Write one file for each part of a table of bars, some at a time."""
    with ThreadPoolExecutor(max_workers=_WRITERS) as pool:
        for _ in pool.map(lambda part: transaction.add(name, part[1], part[0]), parts):
            pass


def session_dates(start_ns: Times, sessions: Sessions | None) -> Times:
    """Return for each bar the date of its session, of the next one where it lies between two, as days since 1970."""
    if sessions is None:
        return start_ns // DAY
    low = int(np.searchsorted(sessions.close_ns, start_ns.min(), side="right"))
    high = int(np.searchsorted(sessions.close_ns, start_ns.max(), side="right")) + 1
    index = np.searchsorted(sessions.close_ns[low:high], start_ns, side="right") + low
    days: Times = sessions.days[np.minimum(index, len(sessions) - 1)]
    return days


def _daily_dates(start_ns: Times, sessions: Sessions | None) -> Times:
    days = start_ns // DAY
    if sessions is None:
        return days
    index = sessions.index_of(start_ns)
    dated: Times = np.where(index >= 0, sessions.days[np.maximum(index, 0)], days)
    return dated


def _by_period(rows: pl.DataFrame, frame_ns: int) -> list[tuple[str, pl.DataFrame]]:
    """Return the rows of each period."""
    days = rows["session"].to_physical().to_numpy()
    low = int(days.min())
    known = pl.DataFrame({"session": np.arange(low, int(days.max()) + 1, dtype=np.int32)}).cast(pl.Date)
    periods = known.select(period_of(frame_ns)).to_series()
    number = periods.rle_id().to_numpy().astype(np.int16)[days - low]
    parts = []
    for place in range(int(number.max()) + 1):
        part = rows.filter(pl.Series(number == place))
        if part.height:
            parts.append((periods[int(part["session"].to_physical()[0]) - low], part))
    return parts


def _repeated(name: str, value: str | int, count: int) -> pl.Series:
    return pl.Series(name, [value]).new_from_index(0, count)


class _Sorter:
    """Sorts the bars of a period by what is stored of them."""

    def __init__(self, transaction: Transaction, name: str, source: str, correct: bool) -> None:
        self.table: Table = transaction.table(name)
        self.files: list[StoredFile] = list(transaction.files(name))
        self.source, self.correct = source, correct

    def sort(self, part: pl.DataFrame) -> tuple[pl.DataFrame, Stored]:
        """Return the rows to write, with their revisions, and the counts."""
        first, last = part["session"].min(), part["session"].max()
        choice = Choice(tuple(part["security"].unique().to_list()), first, last)  # type: ignore[arg-type]
        there = chosen_bars(self.table, self.files, choice, (*BARS.key, *FIELDS, "revision"))
        if not there.height:
            return part.hstack([_repeated("revision", 0, part.height).cast(pl.Int32)]), Stored(added=part.height)
        old = there.rename({name: f"old_{name}" for name in FIELDS})
        both = part.join(old, on=list(BARS.key), how="left", maintain_order="left")
        known = pl.col("revision").is_not_null()
        differs = known & ~pl.all_horizontal(pl.col(name) == pl.col(f"old_{name}") for name in FIELDS)
        same = both.select((known & ~differs).sum()).item()
        changed = both.filter(differs)
        if changed.height and not self.correct:
            raise self._differs(changed)
        fresh = both.filter(differs | ~known).with_columns(
            revision=pl.when(known).then(pl.col("revision") + 1).otherwise(0).cast(pl.Int32)
        )
        return fresh.select([*part.columns, "revision"]), Stored(fresh.height - changed.height, same, changed.height)

    def _differs(self, changed: pl.DataFrame) -> DataError:
        row = changed.row(0, named=True)
        field = next(name for name in FIELDS if row[name] != row[f"old_{name}"])
        more = f" and {changed.height - 1:,} more differ" if changed.height > 1 else " differs"
        return DataError(
            f"The bar in row {row['row']} of {self.source} ({row['symbol']}, {row['start']:%Y-%m-%dT%H:%M}Z){more} "
            f"from what the lake has: {field} {row[field]:.10g} instead of {row[f'old_{field}']:.10g}. Import them "
            "with --correct if they are right, or leave them out."
        )


def _refuse_impossible(bars: pl.DataFrame, source: str) -> None:
    """Refuse what could not be read back: stored bars are not checked again."""
    bad = pl.any_horizontal(
        *[~pl.col(name).is_finite() for name in FIELDS],
        *[pl.col(name) <= 0 for name in PRICES],
        pl.col("volume") < 0,
        *[pl.col("high") < pl.col(name) for name in ("open", "low", "close")],
        *[pl.col("low") > pl.col(name) for name in ("open", "close")],
    ).fill_null(value=True)
    if not bars.select(bad.any()).item():
        return
    row = bars.filter(bad).row(0, named=True)
    numbers = ", ".join(f"{name} {row[name]:.10g}" if row[name] is not None else f"{name} empty" for name in FIELDS)
    raise DataError(
        f"Row {row['row']} of {source} ({row['symbol']}, {to_iso(row['start_ns'])}) is no bar: {numbers}. Prices must "
        "be above zero with open and close between low and high, volume not below zero. Correct the row or leave it "
        "out."
    )


def _in_order(rows: pl.DataFrame, source: str) -> pl.DataFrame:
    """Return rows by security and time; refuse the first bar that stands twice."""
    runs = rows["security"].rle().struct.field("value")
    start = rows["start"].to_physical()
    if runs.is_sorted() and runs.n_unique() == len(runs):
        begins = rows["security"] != rows["security"].shift(1)
        if bool(((start.diff() > 0) | begins.fill_null(value=True)).all()):
            return rows
    rows = rows.sort("security", "start", maintain_order=True)
    twice = (rows["security"] == rows["security"].shift(1)) & (rows["start"] == rows["start"].shift(1))
    if bool(twice.any()):
        at = int(twice.fill_null(value=False).arg_max() or 0)
        row, before = rows.row(at, named=True), rows["row"][at - 1]
        raise DataError(
            f"The same bar stands twice in {source}: {row['symbol']} at {row['start']:%Y-%m-%dT%H:%M}Z in rows "
            f"{before} and {row['row']}. Keep the one that is right."
        )
    return rows
