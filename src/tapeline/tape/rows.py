"""Bars as rows, the way sources deliver them, and the checks every row must pass.

Corrupt data is worse than no data: the first row that cannot be a bar stops the reading, with a sentence
that says where it is, what it holds and what to do. Nothing is repaired or left out in silence. Prices and
volumes are checked in every row, the range of a bar where it lies in a session: what is left out anyway
need not be right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tapeline.domain.errors import DataError
from tapeline.domain.panel import Floats, Times
from tapeline.domain.times import to_iso

PRICES = ("open", "high", "low", "close")
FIELDS = (*PRICES, "volume")


@dataclass(eq=False)
class BarRows:
    """R bars of N symbols in the order of their source.

    symbols : N names; code : integers [R], the symbol of each row as a position in `symbols`
    label_ns : int64 [R], the time by which the source names each bar; for daily bars midnight UTC of the date
    column : returns "open", "high", "low", "close" or "volume" as float64 [R]; asked for once each, so that
        a large source need not be in memory as a whole
    name : the source in words, such as a file path
    locate : the place of row r in words, such as "row 17 of bars.parquet"
    part : integers [R], which file each row comes from, None when there is one file
    daily : whether the labels are session dates
    frame_ns : length of the bars where the source knows it; None where it has to be seen in the labels
    checked : whether every row was held against these rules when it was stored, and keys are unique
    """

    symbols: tuple[str, ...]
    code: npt.NDArray[np.integer]
    label_ns: Times
    column: Callable[[str], Floats]
    name: str
    locate: Callable[[int], str]
    part: npt.NDArray[np.integer] | None = None
    daily: bool = False
    frame_ns: int | None = None
    checked: bool = False

    def __len__(self) -> int:
        return len(self.label_ns)

    def by_symbol(self) -> npt.NDArray[np.intp] | None:
        """Return the rows by symbol, each symbol's in their own order; None if they stand so already."""
        runs = int(np.count_nonzero(self.code[1:] != self.code[:-1])) + 1
        if runs == int(np.count_nonzero(np.bincount(self.code))):
            return None
        return np.argsort(self.code, kind="stable")

    def place(self, row: int) -> str:
        """Return where a row stands: its place, symbol and time, for the end of a sentence."""
        symbol = self.symbols[int(self.code[row])]
        moment = to_iso(int(self.label_ns[row]))
        return f"{self.locate(row)} ({symbol}, {moment[:10] if self.daily else moment})"


def check_values(rows: BarRows, name: str, values: Floats) -> None:
    """Raise DataError at the first row whose price or volume is no possible one."""
    lowest_possible = 0.0 if name == "volume" else np.nextafter(0.0, 1.0)
    # min and max answer NaN when there is one, so two passes prove the whole column.
    if values.min() >= lowest_possible and values.max() < np.inf:
        return
    row = int(np.argmax(~((values >= lowest_possible) & (values < np.inf))))
    what, rule = f"{name} price", "a price must be a finite number above zero"
    if name == "volume":
        what, rule = "volume", "a volume must be finite and not below zero"
    raise DataError(
        f"The {what} in {rows.place(row)} is {_shown(values[row])}; {rule}. Correct the row, or leave it "
        "out: a moment without a trade is a missing row."
    )


def check_ranges(rows: BarRows, cell: Times, tables: dict[str, Floats]) -> None:
    """Raise DataError at the first bar whose open or close lies outside its low and high.

    cell : int64 [R], where each row stands in the flattened tables
    tables : float64 [T, N] by field; NaN where there is no bar
    """
    open_, high, low, close = (tables[name].reshape(-1) for name in PRICES)
    bad = high < low
    for inner in (open_, close):
        bad |= high < inner
        bad |= low > inner
    if not bad.any():
        return
    here = int(np.argmax(bad))
    raise DataError(
        f"The bar in {rows.place(int(np.argmax(cell == here)))} has open {_shown(open_[here])}, high "
        f"{_shown(high[here])}, low {_shown(low[here])}, close {_shown(close[here])}: open and close must "
        "lie between low and high. Correct the row or leave it out."
    )


def check_order(rows: BarRows) -> None:
    """Raise DataError at the first row that does not come after the row before it of the same symbol."""
    code, label, part = rows.code, rows.label_ns, rows.part
    order = rows.by_symbol()
    if order is not None:
        code, label = code[order], label[order]
        part = None if part is None else part[order]
    together = code[1:] == code[:-1]
    if part is not None:
        # Files of a folder are not asked to follow each other in time, only each must be in order.
        together &= part[1:] == part[:-1]
    bad = (np.diff(label) <= 0) & together
    if not bad.any():
        return
    at = int(np.argmax(bad))
    before, row = (at, at + 1) if order is None else (int(order[at]), int(order[at + 1]))
    if rows.label_ns[row] == rows.label_ns[before]:
        raise duplicate(rows, before, row)
    raise DataError(
        f"Bars of one symbol must follow each other in time, but {rows.place(row)} comes after "
        f"{rows.place(before)}. Sort {rows.name} by symbol and time."
    )


def duplicate(rows: BarRows, first: int, second: int) -> DataError:
    """Return the error for two rows that are the same bar."""
    return DataError(
        f"The same bar stands twice: {rows.place(first)} and {rows.locate(second)}. Keep the one that is right."
    )


def _shown(value: float) -> str:
    return f"{float(value):.10g}"
