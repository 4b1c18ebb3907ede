"""What each session was for each symbol: last price, high, low and volume, as of a moment in the last of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tapeline.domain.errors import DataError
from tapeline.domain.panel import Floats, Panel, Times
from tapeline.domain.times import to_iso


@dataclass(frozen=True, eq=False)
class SessionBars:
    """Sessions by symbols, oldest first; the last one may not be over.

    session : int64 [S], ordinals; close_ns : int64 [S], when each session ends
    last, high, low, volume : float64 [S, N]; NaN where the symbol did not trade
    complete : whether the last session is over
    """

    session: Times
    close_ns: Times
    last: Floats
    high: Floats
    low: Floats
    volume: Floats
    complete: bool

    def __len__(self) -> int:
        return len(self.session)

    def completed(self, values: Floats) -> Floats:
        """Return the rows of the sessions that are over."""
        return values if self.complete else values[:-1]


def session_bars(panel: Panel, until_row: int) -> SessionBars:
    """Return the sessions of the rows 0..until_row. Raises DataError for data without sessions."""
    if panel.sessions is None:
        raise DataError("The screen needs the sessions of an exchange. Name a calendar, such as XNYS.")
    rows = panel.rows(0, until_row + 1)
    index = panel.sessions.index_of(rows.start_ns)
    inside = np.flatnonzero(index >= 0)
    if len(inside) == 0:
        raise DataError(f"No bar lies within a session up to {to_iso(int(rows.end_ns[-1]))}.")
    first = inside[np.flatnonzero(np.diff(index[inside], prepend=-1))]
    places = index[first]
    edges = np.append(first, len(rows))
    shape = (len(places), len(panel.symbols))
    last, high, low, volume = (np.full(shape, np.nan) for _ in range(4))
    for number, (begin, end) in enumerate(pairwise(edges.tolist())):
        close = rows.close[begin:end]
        here = ~np.isnan(close)
        some = here.any(axis=0)
        newest = len(close) - 1 - np.argmax(here[::-1], axis=0)
        last[number] = np.where(some, close[newest, np.arange(shape[1])], np.nan)
        high[number] = np.fmax.reduce(rows.high[begin:end], axis=0)
        low[number] = np.fmin.reduce(rows.low[begin:end], axis=0)
        volume[number] = np.where(some, np.nansum(rows.volume[begin:end], axis=0), np.nan)
    close_ns = panel.sessions.close_ns[places]
    return SessionBars(
        places + panel.sessions.ordinal,
        close_ns,
        last,
        high,
        low,
        volume,
        bool(rows.end_ns[-1] >= close_ns[-1]),
    )


class SessionHistory:
    """The same for many moments of one panel, at the cost of the session that each lies in.

    Raises DataError for data without sessions.
    """

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.whole = session_bars(panel, len(panel) - 1)
        assert panel.sessions is not None
        self._place = panel.sessions.index_of(panel.start_ns)

    def at(self, row: int) -> SessionBars:
        """Return the sessions of the rows 0..row, as `session_bars` does."""
        place = int(self._place[row])
        if place < 0:
            return session_bars(self.panel, row)
        first = int(np.flatnonzero(self._place[: row + 1] == place)[0])
        today = session_bars(self.panel.rows(first, row + 1), row - first)
        before = int(np.searchsorted(self.whole.session, today.session[0]))

        def joined(name: str) -> Floats:
            found: Floats = np.concatenate([getattr(self.whole, name)[:before], getattr(today, name)])
            return found

        return SessionBars(
            np.append(self.whole.session[:before], today.session),
            np.append(self.whole.close_ns[:before], today.close_ns),
            joined("last"),
            joined("high"),
            joined("low"),
            joined("volume"),
            today.complete,
        )
