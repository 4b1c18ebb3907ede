"""A screen over a whole file, as arrays: what each condition said at every close, and what prices did afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tapeline.app.screen_settings import ScreenerSettings
from tapeline.domain.errors import ConfigurationError, DataError
from tapeline.domain.panel import Floats, Panel, Times
from tapeline.screener.screen import CONDITIONS, QUESTIONS, Flags, Screen

NAMES = (
    *(f"coarse.{name}" for name in (*CONDITIONS, "score")),
    *(f"tree.{name}" for name in (*QUESTIONS, "confirmation", "trigger", "overhead_clear", "setup_class")),
    "score.total", "score.grade", "is_long_enough", "close",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ScreenHistory:
    """Every close of the trigger frame of a panel: S closes of N symbols.

    time_ns : int64 [S]; session : int64 [S], counted from 0
    values : float64 [S, N] by name; conditions 1, 0, NaN
    present, watchlist, handed_over : bool [S, N]; closes_confirmation : bool [S]
    """

    settings: ScreenerSettings
    symbols: tuple[str, ...]
    time_ns: Times
    session: npt.NDArray[np.int64]
    values: dict[str, Floats]
    present: Flags
    watchlist: Flags
    handed_over: Flags
    closes_confirmation: Flags

    def __getitem__(self, name: str) -> Floats:
        return self.values[name]

    def true(self, name: str) -> Flags:
        """Return where a condition is true and the symbol had a bar in the session, bool [S, N]."""
        found: Flags = (self.values[name] == 1.0) & self.present
        return found

    def forward_return(self, horizon: int) -> Floats:
        """Return the return from each close to the one `horizon` closes later, as a fraction; NaN where it is unknown.

        Raises ConfigurationError for a horizon below 1.
        """
        if horizon < 1:
            raise ConfigurationError(f"A horizon of {horizon} bars was asked for. Use at least 1.")
        found = np.full(self.present.shape, np.nan)
        if len(found) > horizon:
            close = self.values["close"]
            both = self.present[:-horizon] & self.present[horizon:]
            found[:-horizon] = np.where(both, close[horizon:] / close[:-horizon] - 1, np.nan)
        return found


def collect_history(panel: Panel, settings: ScreenerSettings) -> ScreenHistory:
    """Return the screen's history over a panel. Raises DataError if no bar of the trigger frame closes in it."""
    screen = Screen(panel.symbols, panel.frame_ns, settings.screen, settings.regime)
    times, confirmed = [], []
    rows: dict[str, list[Floats]] = {name: [] for name in NAMES}
    flags: dict[str, list[Flags]] = {"present": [], "watchlist": [], "handed_over": []}
    for first in range(0, len(panel), screen.chunk_rows):
        for snapshot in screen.advance(panel.rows(first, min(first + screen.chunk_rows, len(panel)))):
            times.append(snapshot.time_ns)
            confirmed.append(snapshot.closes_confirmation)
            for name in NAMES:
                rows[name].append(snapshot[name])
            flags["present"].append(snapshot.present)
            for name, columns in (("watchlist", snapshot.watchlist), ("handed_over", snapshot.handed_over)):
                chosen = np.zeros(len(panel.symbols), dtype=bool)
                chosen[columns] = True
                flags[name].append(chosen)
    if not times or panel.sessions is None:
        raise DataError("No bar of the trigger frame closes within a session of these bars. Name more of them.")
    time_ns = np.array(times, dtype=np.int64)
    _, session = np.unique(np.searchsorted(panel.sessions.close_ns, time_ns, side="left"), return_inverse=True)
    return ScreenHistory(
        settings,
        panel.symbols,
        time_ns,
        session.astype(np.int64),
        {name: np.array(values) for name, values in rows.items()},
        np.array(flags["present"]),
        np.array(flags["watchlist"]),
        np.array(flags["handed_over"]),
        np.array(confirmed),
    )
