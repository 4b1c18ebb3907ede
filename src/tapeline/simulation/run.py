"""Playing many slices without decisions: what a script of orders needs, and the skeleton of every other loop.

A loop with decisions has the same shape: play or mark the slice, let the strategies decide, send what they want.
"""

from __future__ import annotations

from typing import Any

from numba import types

from tapeline.indicators.compiled import compiled
from tapeline.simulation.clock import clock_to
from tapeline.simulation.market import MARKET
from tapeline.simulation.matching import is_quiet, mark_slice, play_slice

PANEL = types.float64[:, ::1]
TIMES = types.int64[::1]


@compiled(types.void(MARKET, TIMES, TIMES, PANEL, PANEL, PANEL, PANEL, PANEL, types.int64, types.int64))
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
    for row in range(first, last):
        if is_quiet(market, start_ns[row], end_ns[row]):
            mark_slice(market, high[row], low[row], close[row], volume[row])
        else:
            play_slice(
                market, start_ns[row], end_ns[row], open[row], high[row], low[row], close[row], volume[row]
            )


@compiled(types.void(MARKET, types.int64))
def finish(market: Any, end_ns: int) -> None:
    """Run the clock to the end: the later of the last bar's end and the last session's close."""
    clock_to(market, end_ns)
