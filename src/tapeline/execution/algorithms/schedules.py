"""When: the window of a parent order and how much of it is due by when, computed once, at the decision.

    decided 10:02, twap over 30 minutes in parts of 5:   10:02 1/6, 10:07 2/6, ... 10:27 6/6; over at 10:32

An entry sends nothing in the first and last minutes of a session, where spreads are wide and auctions near; an exit may
use them, and is over one bar before the close, so that its rest still trades; one of limits two bars before, since they
are called back first. A decision outside a session is for the next one.

VWAP releases at the begin of each part what past sessions traded until its end: the mean over sessions of the share of
that time of day in the volume of the window (Kissell and Glantz, 2003, Optimal Trading Strategies). Only sessions that
had ended before the decision count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

import numpy as np

from tapeline.domain.panel import Panel, Sessions
from tapeline.domain.times import DAY, MINUTE
from tapeline.simulation.execution_settings import Algorithm

ALL = Decimal(1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fixed at the decision.

    start_ns, end_ns : of the window; an empty one ends before it starts
    last_ns : after which not even the rest can be sent, the end of the session
    curve : (from when on, share that is due), the shares growing up to 1; empty for one that follows the volume
    note : why it is another plan than was asked for
    """

    start_ns: int
    end_ns: int
    last_ns: int
    curve: tuple[tuple[int, Decimal], ...] = ()
    note: str = ""

    def as_tree(self) -> dict[str, Any]:
        """Return it as plain values, for the journal."""
        return {
            "curve": [[time_ns, str(share)] for time_ns, share in self.curve],
            "end_ns": self.end_ns,
            "last_ns": self.last_ns,
            "note": self.note,
            "start_ns": self.start_ns,
        }

    def share_due(self, now_ns: int) -> Decimal:
        """Return the share that is due by the curve."""
        return max((share for time_ns, share in self.curve if time_ns <= now_ns), default=Decimal(0))


def plan_from(tree: Mapping[str, Any]) -> Plan:
    """Return the plan that a fact holds."""
    curve = tuple((int(time_ns), Decimal(share)) for time_ns, share in tree["curve"])
    return Plan(tree["start_ns"], tree["end_ns"], tree["last_ns"], curve, tree["note"])


def plan_of(
    algorithm: Algorithm,
    decided_ns: int,
    sessions: Sessions | None,
    history: Panel | None,
    *,
    closes: bool,
    frame_ns: int,
    flat_before_close_ns: int = 0,
    has_stop: bool = False,
) -> Plan:
    """Return the plan of a parent order.

    history : bars of the symbol as known at the decision, for VWAP; closes : whether it is an exit
    has_stop : whether an exit waits behind a stop, which has to be called back before the rest goes to the market
    flat_before_close_ns : how long before the close everything is closed at once, by which an exit is over
    """
    if frame_ns >= DAY:
        close_ns = decided_ns + frame_ns if sessions is None else _session_at(sessions, decided_ns)[1]
        note = "at once: no bar ends within a session"
        return Plan(decided_ns, max(close_ns, decided_ns + 1), close_ns, ((decided_ns, ALL),), note)
    called_back_ns = max(frame_ns, MINUTE) if has_stop else 0
    window = _window(algorithm, decided_ns, sessions, closes, frame_ns, flat_before_close_ns, called_back_ns)
    start_ns, end_ns = window[:2]
    every_ns = round(algorithm.every_minutes * MINUTE)
    if start_ns >= end_ns or algorithm.schedule == "at_once":
        return Plan(*window, ((start_ns, ALL),))
    if algorithm.schedule == "participation":
        return Plan(*window)
    begins = range(start_ns, end_ns, every_ns)
    even = tuple((at, Decimal(k) / len(begins)) for k, at in enumerate(begins, start=1))
    if algorithm.schedule == "twap":
        return Plan(*window, even)
    if sessions is None or history is None:
        return Plan(*window, even, "equal parts: there are no sessions to take a volume profile from")
    shares, count = volume_profile(history, sessions, decided_ns, start_ns, end_ns, every_ns, algorithm.sessions)
    if count < algorithm.sessions_min:
        note = f"equal parts: {count} past sessions have volume at this time, {algorithm.sessions_min} are needed"
        return Plan(*window, even, note)
    return Plan(*window, tuple(zip(begins, shares, strict=True)))


def volume_profile(
    history: Panel, sessions: Sessions, decided_ns: int, start_ns: int, end_ns: int, every_ns: int, newest: int
) -> tuple[list[Decimal], int]:
    """Return the share of a window's volume that was traded by the end of each part, and over how many sessions.

    history : bars of one symbol; the window is moved to the same time after the open of each past session
    """
    count = -(-(end_ns - start_ns) // every_ns)
    open_ns = _session_at(sessions, start_ns)[0]
    past = np.flatnonzero(sessions.close_ns <= decided_ns)[::-1]
    volume = history.volume[:, 0]
    total, used = np.zeros(count), 0
    for session in past:
        if used == newest:
            break
        # a bar belongs to the part in which it ends
        moved = history.end_ns - int(sessions.open_ns[session]) + open_ns
        inside = (moved > start_ns) & (moved <= end_ns) & (history.end_ns <= sessions.close_ns[session])
        parts = np.bincount((moved[inside] - start_ns - 1) // every_ns, np.nan_to_num(volume[inside]), count)
        if parts.sum() > 0:
            total += parts / parts.sum()
            used += 1
    cumulative = np.cumsum(total) / max(used, 1)
    shares = [Decimal(float(share)).quantize(Decimal("0.000001"), ROUND_DOWN) for share in cumulative[:-1]]
    return [*shares, ALL], used


def _window(
    algorithm: Algorithm,
    decided_ns: int,
    sessions: Sessions | None,
    closes: bool,
    frame_ns: int,
    flat_ns: int,
    called_back_ns: int,
) -> tuple[int, int, int]:
    length_ns = DAY if algorithm.minutes is None else round(algorithm.minutes * MINUTE)
    if sessions is None:
        return decided_ns, decided_ns + length_ns, decided_ns + length_ns + DAY
    open_ns, close_ns = _session_at(sessions, decided_ns)
    bar_ns = max(frame_ns, MINUTE)
    start_ns, end_ns = max(decided_ns, open_ns), close_ns - bar_ns
    if closes:
        called_back_ns = called_back_ns if algorithm.pricing == "market" else max(called_back_ns, bar_ns)
        end_ns = min(end_ns - called_back_ns, close_ns - flat_ns)
    else:
        start_ns = max(start_ns, open_ns + round(algorithm.avoid_open_minutes * MINUTE))
        end_ns = min(end_ns, close_ns - round(algorithm.avoid_close_minutes * MINUTE))
    return start_ns, min(end_ns, start_ns + length_ns), close_ns


def _session_at(sessions: Sessions, time_ns: int) -> tuple[int, int]:
    """Return open and close of the session that contains a time, else of the next; an empty one after the last."""
    index = int(np.searchsorted(sessions.close_ns, time_ns, side="right"))
    if index == len(sessions):
        return time_ns, time_ns
    return int(sessions.open_ns[index]), int(sessions.close_ns[index])


def floor_to(quantity: Decimal, step: Decimal) -> Decimal:
    """Return a quantity cut to whole steps."""
    return (quantity / step).to_integral_value(ROUND_DOWN) * step


def part_of_volume(rate: float, volume: Decimal) -> Decimal:
    """Return the share of a volume."""
    return Decimal(str(rate)) * volume


def lag_of(due: Decimal, done: Decimal, quantity: Decimal, curve: Sequence[tuple[int, Decimal]]) -> Decimal:
    """Return by how many mean parts a parent order is behind its schedule."""
    return (due - done) / quantity * max(len(curve), 1)
