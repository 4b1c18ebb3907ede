"""The wait of a running system, apart from its clock, so that a simulated day needs no real one."""

from __future__ import annotations

from typing import Protocol


class Waits(Protocol):
    """Where a loop rests between two turns."""

    def wait(self, until_ns: int | None) -> None:
        """Return when something may have happened, at the latest at a moment (UTC nanoseconds); None = whenever."""
        ...
