"""The latch beside the journal (`store/latch.py`) in memory: others set it at any moment, and it outlives processes."""

from __future__ import annotations

from collections.abc import Callable

from tapeline.domain.control import Trigger
from tapeline.ports.control import Latch


class LatchFile:
    """Nothing leaves while it is set.

    released : called when a process takes the latch away
    """

    def __init__(self, released: Callable[[], None]) -> None:
        self._latch: Latch | None = None
        self._released = released

    def set(self, now_ns: int) -> None:
        """Halt trading from outside; one that is set keeps its first cause."""
        self._latch = self._latch or Latch(Trigger.PERSON, "somebody", "by dice, from outside", now_ns)

    def read(self) -> Latch | None:
        """Return the latch, None if it is not set."""
        return self._latch

    def release(self, latch: Latch) -> None:
        """Take a latch away; another one, set since, stays."""
        if self._latch == latch:
            self._latch = None
            self._released()
