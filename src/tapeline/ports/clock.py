"""What time it is, asked in one place, so that a whole system can run on a simulated day."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """The present."""

    def now_ns(self) -> int:
        """Return the present in UTC nanoseconds; never less than a moment ago."""
        ...

    def steady_ns(self) -> int:
        """Return nanoseconds since a moment of its own, which go on evenly whatever is done to the present."""
        ...
