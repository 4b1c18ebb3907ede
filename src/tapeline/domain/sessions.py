"""Where each bar stands in its session: the arrays that kernels and formulas read.

A minute bar that ends at 16:00 New York closes its session: minutes_to_close 0, minutes_since_open 390.
On the half day 2018-07-03 the bar that ends at 13:00 does. Data without a calendar are one session, from
the start of their first bar to the end of their last; what lies outside every session has index -1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tapeline.domain.panel import Floats, Panel, Sessions, Times
from tapeline.domain.times import MINUTE


@dataclass(frozen=True, eq=False)
class SessionRows:
    """The session of each of T bars, oldest first.

    index : int64 [T], position in the calendar the bars carry; -1 outside every session
    ordinal : int64 [T], position in the calendar's whole history; -1 outside every session
    open_ns, close_ns : int64 [T], UTC nanoseconds; the bar's own start and end outside every session
    minutes_since_open, minutes_to_close : float64 [T], measured at the end of the bar
    """

    index: Times
    ordinal: Times
    open_ns: Times
    close_ns: Times
    minutes_since_open: Floats
    minutes_to_close: Floats

    def __len__(self) -> int:
        return len(self.index)


def session_rows(panel: Panel) -> SessionRows:
    """Return where each bar of a panel stands in its session."""
    return locate(panel.start_ns, panel.end_ns, panel.sessions)


def locate(start_ns: Times, end_ns: Times, sessions: Sessions | None) -> SessionRows:
    """Return where bars stand in their sessions.

    start_ns, end_ns : int64 [T], oldest first
    sessions : None makes the whole data one session
    """
    if sessions is None:
        index = np.zeros(len(start_ns), dtype=np.int64)
        ordinal = index.copy()
        open_ns = np.full(len(start_ns), start_ns[0] if len(start_ns) else 0, dtype=np.int64)
        close_ns = np.full(len(end_ns), end_ns[-1] if len(end_ns) else 0, dtype=np.int64)
    else:
        index = sessions.index_of(start_ns)
        inside = index >= 0
        ordinal = np.where(inside, index + sessions.ordinal, -1)
        open_ns, close_ns = start_ns.copy(), end_ns.copy()
        open_ns[inside] = sessions.open_ns[index[inside]]
        close_ns[inside] = sessions.close_ns[index[inside]]
    return SessionRows(
        index,
        ordinal,
        open_ns,
        close_ns,
        (end_ns - open_ns) / MINUTE,
        (close_ns - end_ns) / MINUTE,
    )
