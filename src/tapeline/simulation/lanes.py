"""A lane: all that one account's run works with, as one row of addresses.

The kernels that end a slice and run through many take a lane instead of thirty arrays. A lane of the backtest covers
whole panels; one of the event loop covers one slice, whose numbers are written anew into the same arrays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from tapeline.domain.panel import Floats, Times
from tapeline.indicators.compiled import compiled
from tapeline.simulation.addresses import FLOAT_BYTES, address_of, floats_at, panel_at, times_at, whole_numbers_at
from tapeline.simulation.references import INLINED

NO_SESSION: Any = np.int64(-1)
LAYOUT = ("values", "exists", "registers", "rows", "columns", "first_column")
FIRST_COLUMN = LAYOUT.index("first_column")

LANE = np.dtype(
    [
        ("market", "i8"),
        ("book", "i8"),
        ("strategies", "i8"),
        ("first_column", "i8"),
        ("slices", "i8"),  # of the bars
        ("width", "i8"),  # columns of the bars
        ("start_ns", "i8"),
        ("end_ns", "i8"),
        ("session", "i8"),  # 0: there are no sessions
        ("open_ns", "i8"),
        ("close_ns", "i8"),
        ("open", "i8"),
        ("high", "i8"),
        ("low", "i8"),
        ("close", "i8"),
        ("volume", "i8"),
        ("values", "i8"),
        ("exists", "i8"),
        ("layout", "i8"),
        ("rows", "i8"),
        ("cells", "i8"),  # length of values
        ("first_row", "i8"),  # the slice that is row 0 of the signals, and their number of slices
        ("signal_rows", "i8"),
        ("equity", "i8"),
        ("long_exposure", "i8"),
        ("short_exposure", "i8"),
        ("latency_ns", "i8"),
        ("play_slice", "i8"),
        ("apply_event", "i8"),
        ("close_slice", "i8"),
        ("send_intents", "i8"),
    ]
)
"""One account: market and book, the bars, what it may read of `Signals`, its curves of whole length, and the machine
code that it calls."""
LANE_ROW = numba.from_dtype(LANE)


class Signals(NamedTuple):
    """Formula values of all strategies of a run in one chunk of C base rows.

    values : float64, the tables `[R, Cf, N]` of the strategies one behind the other, flat
    exists : float64, their `[Cf, N]` likewise: 1.0 where the symbol has a bar of the decision frame
    layout : int64 [S, 6], each strategy's offset in values, offset in exists, R, Cf, N, and the column of the book's
        first symbol
    rows : int64 [S, C], the decision row that ended with each base row, -1 when none did
    """

    values: npt.NDArray[np.float64]
    exists: npt.NDArray[np.float64]
    layout: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]


class Bars(NamedTuple):
    """The bars of a run: T slices, whole panels; the run reads the columns from `first_column` on.

    start_ns, end_ns : int64 [T]; open, high, low, close, volume : float64 [T, columns]
    """

    start_ns: Times
    end_ns: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class Sessions(NamedTuple):
    """The session of each slice, and its times: int64 [T]. Not to be read without sessions."""

    session: Times
    open_ns: Times
    close_ns: Times


class Curves(NamedTuple):
    """What a run writes at the end of each slice: float64 [T]. Exposures are zero before and where nothing is held."""

    equity: npt.NDArray[np.float64]
    long_exposure: npt.NDArray[np.float64]
    short_exposure: npt.NDArray[np.float64]


@compiled(**INLINED)
def signals_of(lane: Any) -> Any:
    return Signals(
        floats_at(lane.values, (lane.cells,)),
        floats_at(lane.exists, (lane.cells,)),
        whole_numbers_at(lane.layout, (lane.strategies, 6)),
        whole_numbers_at(lane.rows, (lane.strategies, lane.signal_rows)),
    )


@compiled(**INLINED)
def bars_of(lane: Any) -> Any:
    shape = (lane.slices, lane.width)
    return Bars(
        times_at(lane.start_ns, (lane.slices,)),
        times_at(lane.end_ns, (lane.slices,)),
        panel_at(lane.open, shape),
        panel_at(lane.high, shape),
        panel_at(lane.low, shape),
        panel_at(lane.close, shape),
        panel_at(lane.volume, shape),
    )


@compiled(**INLINED)
def sessions_of(lane: Any) -> Any:
    return Sessions(
        times_at(lane.session, (lane.slices,)),
        times_at(lane.open_ns, (lane.slices,)),
        times_at(lane.close_ns, (lane.slices,)),
    )


@compiled(**INLINED)
def session_at(lane: Any, t: int) -> int:
    """Return the session of a slice, -1 without sessions."""
    return int(sessions_of(lane).session[t]) if lane.session != 0 else NO_SESSION


@compiled(**INLINED)
def curves_of(lane: Any) -> Any:
    return Curves(
        floats_at(lane.equity, (lane.slices,)),
        floats_at(lane.long_exposure, (lane.slices,)),
        floats_at(lane.short_exposure, (lane.slices,)),
    )


@compiled(**INLINED)
def row_start(lane: Any, t: int) -> int:
    """Return how many bytes behind the start of a panel the lane's columns of a slice begin."""
    return int(FLOAT_BYTES * (t * lane.width + lane.first_column))


def new_lanes(count: int) -> npt.NDArray[Any]:
    """Return lanes without bars, accounts and signals."""
    return np.zeros(count, dtype=LANE)


def read_bars(
    lanes: npt.NDArray[Any],
    start_ns: Times,
    end_ns: Times,
    sessions: tuple[Times, Times, Times] | None,
    panels: Iterable[Floats],
) -> None:
    """Let lanes read the same bars.

    start_ns, end_ns : int64 [T]; sessions : session, open_ns and close_ns of each slice, None without sessions
    panels : open, high, low, close, volume: float64 [T, columns], in C order
    """
    lanes["start_ns"], lanes["end_ns"] = address_of(start_ns), address_of(end_ns)
    for name, panel in zip(("open", "high", "low", "close", "volume"), panels, strict=True):
        lanes["slices"], lanes["width"] = panel.shape
        lanes[name] = address_of(panel)
    for name, numbers in zip(Sessions._fields, sessions or (), strict=False):
        lanes[name] = address_of(numbers)


def point_to(lanes: npt.NDArray[Any], signals: Signals, first_row: int) -> None:
    """Let lanes read formula values whose row 0 is the slice `first_row`; each has a layout of its own."""
    lanes["values"], lanes["cells"] = address_of(signals.values), len(signals.values)
    lanes["exists"] = address_of(signals.exists)
    lanes["rows"], lanes["signal_rows"] = address_of(signals.rows), signals.rows.shape[1]
    lanes["first_row"] = first_row
