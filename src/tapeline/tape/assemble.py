"""Rows to a panel: check, lay on the grid, pivot, and tell what was left out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import numpy.typing as npt

from tapeline.domain.errors import DataError
from tapeline.domain.panel import Floats, Panel, Sessions
from tapeline.domain.sessions import session_rows
from tapeline.domain.times import frame_text, to_iso
from tapeline.tape.completeness import Completeness, completeness
from tapeline.tape.grid import Grid, lay_daily, lay_intraday
from tapeline.tape.reading import Reading, ReadReport
from tapeline.tape.rows import FIELDS, BarRows, check_order, check_ranges, check_values, duplicate

# Steps that are all multiples of k happen by chance to a thinly traded name with probability k**-steps.
# Below one in 10**12 it is no chance: the symbol has longer bars than the others.
_CHANCE = 12.0 * np.log(10.0)

_FIELDS_AT_ONCE = 2


def assemble(
    rows: BarRows,
    *,
    sessions: Sessions | None,
    label: str = "start",
    frame_ns: int | None = None,
    first: date | None = None,
    last: date | None = None,
) -> Reading:
    """Return the panel of rows, and the report. Rows that are not `checked` are checked.

    rows : at least one
    sessions : the sessions of the period, or the calendar's whole history; None takes the data as one session
    first, last : the period asked for, against which completeness is measured
    Raises DataError at the first row that cannot be used.
    """
    if not rows.checked:
        check_order(rows)
    grid = lay_daily(rows, sessions) if rows.daily else lay_intraday(rows, sessions, label, frame_ns)
    count, width = len(grid.end_ns), len(rows.symbols)
    if count == 0 and sessions is not None:
        raise DataError(
            f"None of the {len(rows):,} bars of {rows.name} lies in a session of {sessions.name}. Check the "
            'calendar, and whether times name the start of a bar (label="start") or its end (label="end").'
        )
    dropped = np.bincount(rows.code[grid.row == count], minlength=width)
    cell = grid.row.astype(np.int64)
    cell *= width
    cell += rows.code
    if not rows.checked:
        _refuse_duplicates(rows, cell, count * width)
    if rows.checked:  # nothing can be refused, so the order does not matter and the fields are laid side by side
        with ThreadPoolExecutor(max_workers=_FIELDS_AT_ONCE) as pool:
            laid = pool.map(lambda name: _pivot(rows, name, cell, count, width), FIELDS)
            tables = dict(zip(FIELDS, laid, strict=True))
    else:
        tables = {name: _pivot(rows, name, cell, count, width) for name in FIELDS}
    if not rows.checked:
        check_ranges(rows, cell, tables)
    opened, high, low, close, volume = tables.values()
    around = _around(grid, first, last)
    panel = Panel(
        rows.symbols, grid.frame_ns, grid.start_ns, grid.end_ns, opened, high, low, close, volume, sessions=around
    )
    complete = completeness(panel, first, last)
    if not rows.daily and not rows.checked:
        _refuse_mixed_frames(rows, panel, complete)
    report = ReadReport(
        source=rows.name,
        symbols=rows.symbols,
        frame_ns=grid.frame_ns,
        rows_read=len(rows),
        rows_dropped=int(dropped.sum()),
        dropped_by_symbol={rows.symbols[n]: int(dropped[n]) for n in np.flatnonzero(dropped)},
        rows_clipped=grid.clipped,
        zero_volume=int(np.count_nonzero(panel.volume == 0.0)),
        first_ns=int(panel.start_ns[0]),
        last_ns=int(panel.end_ns[-1]),
        completeness=complete,
    )
    return Reading(panel, report)


def _pivot(rows: BarRows, name: str, cell: npt.NDArray[np.int64], count: int, width: int) -> Floats:
    values = rows.column(name)
    if not rows.checked:
        check_values(rows, name, values)
    # Rows outside every session fall into one row past the end, which is cut off again.
    table = np.full((count + 1, width), np.nan)
    table.reshape(-1)[cell] = values
    return table[:count]


def _around(grid: Grid, first: date | None, last: date | None) -> Sessions | None:
    """Return the sessions asked for; on a side left open, up to the last one that has bars."""
    if grid.sessions is None:
        return None
    low = int(grid.session[0]) if first is None else 0
    high = int(grid.session[-1]) + 1 if last is None else len(grid.sessions)
    return grid.sessions.cut(low, high)


def _refuse_duplicates(rows: BarRows, cell: npt.NDArray[np.int64], last: int) -> None:
    # Within one file the order of time already proves that keys are unique.
    if rows.part is None:
        return
    inside = np.flatnonzero(cell < last)
    taken = np.zeros(last, dtype=np.bool_)
    taken[cell[inside]] = True
    if int(np.count_nonzero(taken)) == len(inside):
        return
    order = inside[np.argsort(cell[inside], kind="stable")]
    at = int(np.argmax(np.diff(cell[order]) == 0))
    raise duplicate(rows, int(order[at]), int(order[at + 1]))


def _refuse_mixed_frames(rows: BarRows, panel: Panel, complete: Completeness) -> None:
    """Refuse symbols whose bars are longer than the frame, in the whole data or in one session.

    Only symbols with at most half of a session's bars can have longer ones, so only they are looked at.
    """
    suspect = (complete.found > 1) & (2 * complete.found <= complete.expected[:, None] + 1)
    if not suspect.any():
        return
    where = session_rows(panel).ordinal
    session = where - (0 if complete.sessions is None else complete.sessions.ordinal)
    column, row = np.nonzero((~np.isnan(panel.close) & suspect[session]).T)
    step = np.diff(panel.end_ns[row]) // panel.frame_ns
    group = column * len(suspect) + session[row]
    within = group[1:] == group[:-1]
    step, group, column, row = step[within], group[1:][within], column[1:][within], row[:-1][within]
    for key in (group, column):
        begin = np.flatnonzero(np.diff(key, prepend=-1))
        steps = np.diff(begin, append=len(step))
        divisor = np.gcd.reduceat(step, begin) if len(begin) else step
        mixed = (divisor > 1) & (steps * np.log(np.maximum(divisor, 1)) > _CHANCE)
        if mixed.any():
            at = int(np.argmax(mixed))
            here = begin[at]
            raise DataError(
                f"The frame of {rows.name} is {frame_text(panel.frame_ns)}, but the bars of "
                f"{rows.symbols[int(column[here])]} from {to_iso(int(panel.start_ns[row[here]]))} on stand "
                f"{frame_text(int(divisor[at]) * panel.frame_ns)} apart. Put each length in its own file."
            )
