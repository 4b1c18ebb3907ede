"""The watchlist over time: refreshed at each close of the trigger frame, kept in a store, with alerts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tapeline.app.screening import Screening, plain
from tapeline.domain.times import to_iso
from tapeline.screener.sabr20 import GRADES
from tapeline.store.screen_store import ScreenStore

NEW_A_PLUS, REGIME_CHANGED = "new A+", "regime changed"


@dataclass(frozen=True)
class Refresh:
    """The watchlist at a moment: its rows, best first, and what is new since the refresh before.

    alerts : kind, subject, sentence
    """

    screening: Screening
    rows: tuple[dict[str, Any], ...]
    alerts: tuple[tuple[str, str, str], ...]


@dataclass
class Watchlist:
    """Follows screenings; without a store it only watches.

    store : where each refresh is kept, whole or not at all; a run that is repeated writes the same again
    """

    store: ScreenStore | None = None
    _best: set[str] = field(default_factory=set)
    _label: str | None = None
    _resumed: bool = False

    def follow(self, screenings: Iterator[Screening]) -> Iterator[Refresh]:
        """Yield a refresh for each screening, after it was kept."""
        for screening in screenings:
            yield self.refresh(screening)

    def refresh(self, screening: Screening) -> Refresh:
        """Return a screening's watchlist with its alerts, after it was kept."""
        snapshot = screening.snapshot
        self._resume(screening)
        rows = tuple(plain(snapshot.row(column)) for column in snapshot.watchlist)
        alerts = tuple(self._alerts(screening, rows))
        if self.store is not None:
            new = screening.regime is not None and (snapshot.closes_confirmation or self._label is None)
            regime = screening.regime_as_dict() if new else None
            self.store.save_refresh(snapshot.time_ns, str(screening.settings.profile), rows, regime, alerts)
        self._best = {row["symbol"] for row in rows if row["grade"] == GRADES[-1]}
        self._label = screening.regime.label if screening.regime is not None else self._label
        return Refresh(screening, rows, alerts)

    def _resume(self, screening: Screening) -> None:
        """Go on from what the store held before, so that a restart is no news."""
        if self.store is None or self._resumed:
            return
        self._resumed = True
        before = screening.snapshot.time_ns - 1
        kept = self.store.watchlist(str(screening.settings.profile), before)
        self._best = {row["symbol"] for row in kept[1] if row["grade"] == GRADES[-1]} if kept else set()
        regime = self.store.regime(before)
        self._label = regime[1]["label"] if regime else None

    def _alerts(self, screening: Screening, rows: tuple[dict[str, Any], ...]) -> Iterator[tuple[str, str, str]]:
        at = to_iso(screening.snapshot.time_ns)
        for row in rows:
            if row["grade"] == GRADES[-1] and row["symbol"] not in self._best:
                total, reward = row["sabr20"]["total"], row["rr"]
                sentence = f"{row['symbol']} is graded A+ at {at}: score {total:.1f}, reward/risk {reward:.1f}."
                yield NEW_A_PLUS, row["symbol"], sentence
        label = None if screening.regime is None else screening.regime.label
        if label is not None and self._label is not None and label != self._label:
            yield REGIME_CHANGED, "market", f"The regime turned from {self._label} to {label} at {at}."
