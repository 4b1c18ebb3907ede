"""Playing many slices without decisions: what a script of orders needs, and the skeleton of every other loop.

A loop with decisions has the same shape: play or mark the slice, let the strategies decide, send what they
want.
"""

from __future__ import annotations

from typing import Any

from numba import types

from tapeline.indicators.compiled import compiled
from tapeline.simulation.clock import run_clock
from tapeline.simulation.market import MARKET, borrowed
from tapeline.simulation.matching import AT_ALL, mark_slice, play_slice
from tapeline.simulation.references import UNCOUNTED

PANEL = types.float64[:, ::1]
TIMES = types.int64[::1]


@compiled()
def quiet_until(market: Any, start_ns: Any, end_ns: Any, first: int, last: int) -> int:
    """Return the first row of first..last-1 whose slice is not quiet, `last` if all are."""
    state = market.state[0]
    if state.active_count > 0:
        return first
    open_ns = state.session_open_ns
    bound_ns = min(state.session_close_ns, state.next_arrival_ns)
    row = first
    while row < last and start_ns[row] >= open_ns and end_ns[row] <= bound_ns:
        row += 1
    return row


@compiled()
def mark_rows(market: Any, high: Any, low: Any, close: Any, volume: Any, first: int, last: int) -> None:
    """Take in the quiet slices first..last-1 at once; without a history only the newest closes count."""
    if market.state[0].history_length > 0:
        for row in range(first, last):
            mark_slice(market, high[row], low[row], close[row], volume[row])
        return
    for symbol in range(len(market.marks)):
        column = market.columns[symbol]
        row = last - 1
        while row >= first and not volume[row, column] > 0.0:
            row -= 1
        if row >= first:
            market.marks[symbol] = close[row, column]


@compiled(types.void(MARKET, TIMES, TIMES, PANEL, PANEL, PANEL, PANEL, PANEL, types.int64, types.int64), **UNCOUNTED)
def play_rows(
    market: Any,
    start_ns: Any,
    end_ns: Any,
    open: Any,
    high: Any,
    low: Any,
    close: Any,
    volume: Any,
    first: int,
    last: int,
) -> None:
    """Play the slices first..last-1 of a panel.

    start_ns, end_ns : int64 [T]; open to volume : float64 [T, columns], oldest first, NaN = no bar
    """
    open, high, low = borrowed(open), borrowed(high), borrowed(low)
    close, volume = borrowed(close), borrowed(volume)
    row = first
    while row < last:
        busy = quiet_until(market, start_ns, end_ns, row, last)
        if busy > row:
            mark_rows(market, high, low, close, volume, row, busy)
        if busy < last:
            play_slice(
                market,
                start_ns[busy],
                end_ns[busy],
                open[busy],
                high[busy],
                low[busy],
                close[busy],
                volume[busy],
            )
        row = busy + 1


@compiled(types.void(MARKET, types.int64), **UNCOUNTED)
def finish(market: Any, end_ns: int) -> None:
    """Run the clock to the end: the later of the last bar's end and the last session's close."""
    run_clock(market, end_ns, AT_ALL)
