"""The clock of replays: time stands still until somebody moves it, and moves forward only."""

from __future__ import annotations

from tapeline.domain.errors import InvariantError
from tapeline.domain.times import to_iso


class VirtualClock:
    """A `Clock` that shows the time it was last advanced to."""

    def __init__(self, start_ns: int) -> None:
        self._now_ns = int(start_ns)

    def now_ns(self) -> int:
        """Return the present in UTC nanoseconds."""
        return self._now_ns

    def advance(self, to_ns: int) -> None:
        """Move to a moment, or stay where it is already shown. Raises InvariantError for the past."""
        if to_ns < self._now_ns:
            raise InvariantError(
                f"The clock was asked to go back from {to_iso(self._now_ns)} to {to_iso(to_ns)}. "
                "Events must be delivered in order of time."
            )
        self._now_ns = int(to_ns)
