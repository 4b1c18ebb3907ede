"""How complete a panel is against its exchange calendar: what should be there, and what is.

A minute without a trade is a missing row and no fault, so nothing here is an error; but nobody should learn
of a silent gap from a result. A symbol that trades in 380 of a session's 390 minutes is 97.4 % complete;
one that was taken over on the third of 44 sessions has 41 missing sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from tapeline.domain.panel import Floats, Panel, Sessions, Times
from tapeline.domain.sessions import session_rows
from tapeline.domain.times import DAY, ns_to_date


@dataclass(frozen=True, eq=False)
class Completeness:
    """Bars expected and found, by session and symbol.

    symbols : N names
    sessions : the S sessions asked for; None where the data has no calendar and counts as one session
    expected : int64 [S], base bars of a full session: 390 minutes, 210 on a half day
    found : int64 [S, N], bars that are there
    """

    symbols: tuple[str, ...]
    sessions: Sessions | None
    expected: Times
    found: npt.NDArray[np.int64]

    @property
    def expected_count(self) -> int:
        """Bars that every symbol should have."""
        return int(self.expected.sum())

    @property
    def found_count(self) -> npt.NDArray[np.int64]:
        """Bars that each symbol has, int64 [N]."""
        total: npt.NDArray[np.int64] = self.found.sum(axis=0)
        return total

    @property
    def missing_share(self) -> Floats:
        """Share of the expected bars that each symbol lacks, float64 [N] from 0 to 1."""
        share: Floats = 1.0 - self.found_count / max(self.expected_count, 1)
        return share

    def missing_sessions(self, symbol: str) -> list[date]:
        """Return the dates of the sessions in which a symbol has no bar at all."""
        if self.sessions is None:
            return []
        empty = self.found[:, self.symbols.index(symbol)] == 0
        return [ns_to_date(int(day) * DAY) for day in self.sessions.days[empty]]


def completeness(panel: Panel, first: date | None = None, last: date | None = None) -> Completeness:
    """Return how complete a panel is.

    first, last : the period that was asked for; None takes the panel's own first and last session. Asking
        matters: sessions without a single bar at either end are missing, and only the asker knows.
    """
    here = ~np.isnan(panel.close)
    if panel.sessions is None:
        # Without a calendar the fullest possible symbol is the yardstick.
        found = here.sum(axis=0, dtype=np.int64)[None, :]
        return Completeness(panel.symbols, None, np.array([len(panel)], dtype=np.int64), found)

    index = panel.sessions.index_of(panel.start_ns)
    within = index[index >= 0]
    asked = panel.sessions.between(
        ns_to_date(int(panel.sessions.days[within[0]]) * DAY) if first is None else first,
        ns_to_date(int(panel.sessions.days[within[-1]]) * DAY) if last is None else last,
    )
    found = np.zeros((len(asked), len(panel.symbols)), dtype=np.int64)
    change = np.flatnonzero(np.diff(index, prepend=index[0] - 1))
    counted = np.add.reduceat(here, change, axis=0, dtype=np.int64)
    place = index[change] + panel.sessions.ordinal - asked.ordinal
    inside = (index[change] >= 0) & (place >= 0) & (place < len(asked))
    found[place[inside]] = counted[inside]
    return Completeness(panel.symbols, asked, _expected(panel, asked), found)


def _expected(panel: Panel, sessions: Sessions) -> Times:
    if panel.frame_ns >= DAY:
        return np.ones(len(sessions), dtype=np.int64)
    # Bars of full length show where the grid stands against the open: 0 for 09:30, half an hour when hour
    # bars begin on the full hour, which then fit seven times into 09:30-16:00, the first one short.
    full = panel.end_ns - panel.start_ns == panel.frame_ns
    offset = 0
    if full.any():
        row = int(np.argmax(full))
        where = session_rows(panel.rows(row, row + 1))
        offset = int(-(panel.start_ns[row] - where.open_ns[0]) % panel.frame_ns)
    return bars_expected(sessions, panel.frame_ns, offset)


def bars_expected(sessions: Sessions, frame_ns: int, offset_ns: int = 0) -> Times:
    """Return how many bars a full session has, int64 [S].

    offset_ns : how much the first bar is cut at the open
    """
    if frame_ns >= DAY:
        return np.ones(len(sessions), dtype=np.int64)
    length: Times = sessions.close_ns - sessions.open_ns + offset_ns
    return -(-length // frame_ns)
