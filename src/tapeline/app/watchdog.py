"""The watchdog: a process of its own that halts a live run which shows no sign of life any more.

    dog = Watchdog(journal, WatchdogSettings(stalled_after_s=30), who="watchdog of anna")
    every half second: dog.look(step_s, now_ns)

A run writes its state about once a second under a number that grows. Where the number stands still for too long by the
watchdog's own count of time, the latch is set: nothing leaves any more, also when the run wakes up. A run that died
with positions or orders gets the latch too, so that the next start is HALTED until a person has looked.

Whether a run lives is seen from the lock of its journal, and which process it is from the journal's lease; a process
number that another program was given meanwhile is never killed.
"""

from __future__ import annotations

import math
import os
import signal
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from tapeline.domain.control import Trigger
from tapeline.domain.errors import ConfigurationError, StorageError
from tapeline.ports.control import Latch
from tapeline.store.control_file import ControlFile, Status
from tapeline.store.latch import set_latch
from tapeline.store.lease import Lease, this_process
from tapeline.store.sqlite_file import WriterLock, lease_of

COUNTED_S = 2.0
"""The most that one look adds to a silence: what the watchdog itself slept through says nothing about the run."""


class Verdict(Enum):
    """What the watchdog found: the run lives, is silent for too long, ended in order, or died."""

    ALIVE = "alive"
    STALLED = "stalled"
    ENDED = "ended"
    DIED = "died"


@dataclass(frozen=True, slots=True)
class Sight:
    """One look: the verdict, and what was found and done in a sentence."""

    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class WatchdogSettings:
    """Bounds in seconds.

    stalled_after_s : silence after which the latch is set
    kill_after_s : further silence after which the process is ended; infinity = never
    """

    stalled_after_s: float = 30.0
    kill_after_s: float = math.inf

    def __post_init__(self) -> None:
        if not 2 * COUNTED_S <= self.stalled_after_s < math.inf:
            raise ConfigurationError(
                f"The watchdog was asked to call a run hung after {self.stalled_after_s:g} s. A run shows itself about "
                f"once a second; give {2 * COUNTED_S:g} s or more."
            )
        if not self.kill_after_s > 0:
            raise ConfigurationError(f"The watchdog was asked to kill after {self.kill_after_s:g} s; give more than 0.")


class Watchdog:
    """Watches the run of one journal. Raises StorageError where the latch cannot be set."""

    def __init__(self, journal: Path, settings: WatchdogSettings, *, who: str) -> None:
        self._journal, self._settings, self._who = journal, settings, who
        self._sign: tuple[int, int] | None = None
        self._silent_s = 0.0
        self._was_killed = False

    def look(self, step_s: float, now_ns: int) -> Sight:
        """Look once, and do what has to be done.

        step_s : seconds since the look before; now_ns : the time that the latch will bear
        """
        lives = WriterLock.is_held(self._journal)  # before the state: a run shows its end before it lets go
        status, lease = self._status(), lease_of(self._journal)
        sign = (status.number if status else 0, lease.token if lease else 0)
        if sign != self._sign:
            self._sign, self._silent_s = sign, 0.0
        else:
            self._silent_s += min(step_s, COUNTED_S)
        # without its lock a run is not seen to be gone, only to be silent
        has_ended = status is not None and bool(status.body["has_ended"])
        if not lives and (has_ended or WriterLock.is_there(self._journal)):
            return self._gone(status, lease, now_ns)
        if self._silent_s < self._settings.stalled_after_s:
            return Sight(Verdict.ALIVE, f"The run of {self._journal} lives: {_holder(lease)}.")
        return self._hung(lease, now_ns, holds_lock=lives)

    def _hung(self, lease: Lease | None, now_ns: int, *, holds_lock: bool) -> Sight:
        bound_s = self._settings.stalled_after_s
        why = f"{_holder(lease)} showed no sign of life for {self._silent_s:.0f} s; the bound is {bound_s:g} s"
        self._latch(why, now_ns)
        text = (
            f"{why[0].upper()}{why[1:]}. The latch is set: it sends nothing any more, and is HALTED when it wakes up."
        )
        if self._silent_s >= bound_s + self._settings.kill_after_s:
            text += f" {self._kill(lease, holds_lock=holds_lock)}"
        return Sight(Verdict.STALLED, text)

    def _kill(self, lease: Lease | None, *, holds_lock: bool) -> str:
        if not holds_lock:
            return "The file of its lock was removed: it may be another process by now, so it was not ended."
        if lease is None or lease.holder.host != this_process().host:
            return "It is not a process of this computer, so it was not ended."
        try:
            os.kill(lease.holder.process_id, signal.SIGKILL)
        except OSError as exc:
            return f"It could not be ended: {exc.strerror}."
        self._was_killed = True
        return "It was ended."

    def _gone(self, status: Status | None, lease: Lease | None, now_ns: int) -> Sight:
        if status is not None and status.body["has_ended"]:
            return Sight(Verdict.ENDED, f"The run of {self._journal} has ended in order.")
        how = "was ended by the watchdog" if self._was_killed else "is gone without an end in order"
        why = f"{_holder(lease)} {how}"
        exposed = _exposure(status.body) if status is not None else ""
        if not exposed:
            return Sight(Verdict.DIED, f"{why[0].upper()}{why[1:]}. Nothing was held and no order worked.")
        self._latch(f"{why}, with {exposed}", now_ns)
        return Sight(
            Verdict.DIED,
            f"{why[0].upper()}{why[1:]}, with {exposed}, as far as it showed. The latch is set: the next start is"
            " HALTED. See to the broker's positions and orders.",
        )

    def _latch(self, why: str, now_ns: int) -> None:
        set_latch(self._journal, Latch(Trigger.LOOP_STALLED, self._who, why, now_ns))

    def _status(self) -> Status | None:
        try:
            with ControlFile.open(self._journal) as desk:
                return desk.status()
        except StorageError:
            return None  # no sign of life


def _holder(lease: Lease | None) -> str:
    return "the process that writes the journal" if lease is None else str(lease.holder)


def _exposure(body: Any) -> str:
    held, working = len(body["positions"]), body["orders_working"]
    if not held and not working:
        return ""
    return f"{held} positions and {working} orders that work"
