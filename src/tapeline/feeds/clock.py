"""The clocks: of replays, whose time stands still until somebody moves it forward, and the computer's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from tapeline.domain.errors import InvariantError
from tapeline.domain.panel import Panel
from tapeline.domain.slice import Slice
from tapeline.domain.times import to_iso
from tapeline.ports.market_data import MarketData


class VirtualClock:
    """A `Clock` that shows the time it was last advanced to."""

    def __init__(self, start_ns: int) -> None:
        self._now_ns = int(start_ns)

    def now_ns(self) -> int:
        """Return the present in UTC nanoseconds."""
        return self._now_ns

    def steady_ns(self) -> int:
        """Return the present: nobody sets this clock but for `advance`."""
        return self._now_ns

    def advance(self, to_ns: int) -> None:
        """Move to a moment, or stay where it is already shown. Raises InvariantError for the past."""
        if to_ns < self._now_ns:
            raise InvariantError(
                f"The clock was asked to go back from {to_iso(self._now_ns)} to {to_iso(to_ns)}. "
                "Events must be delivered in order of time."
            )
        self._now_ns = int(to_ns)


class ClockedFeed:
    """A feed that moves a virtual clock: each slice is handed on at the moment it ends, and not before."""

    def __init__(self, feed: MarketData, clock: VirtualClock) -> None:
        self._feed, self._clock = feed, clock

    @property
    def symbols(self) -> tuple[str, ...]:
        """The N names, in the column order of every slice."""
        return self._feed.symbols

    @property
    def frame_ns(self) -> int:
        """Length of the base bar; whole days mean sessions."""
        return self._feed.frame_ns

    def history(self, symbol: str) -> Panel:
        """Return the bars of one symbol that were handed on so far."""
        return self._feed.history(symbol)

    def slices(self) -> Iterator[Slice]:
        """Yield each slice when the clock stands at its end."""
        for now in self._feed.slices():
            self._clock.advance(now.end_ns)
            yield now


class SystemClock:
    """A `Clock` that shows the computer's time, and neither goes back nor stands still where that is set back.

    It then goes on at half the pace until the computer's time has caught up: the order of events stays, no moment comes
    twice, and who waits for a time waits at most twice as long.

    A clock that is set ahead is followed at once; `steady_ns` tells what has really passed.

    floor_ns : the latest moment that an earlier process is known to have seen, the newest in its journal; over a
        restart, too, time only goes on
    wall_ns, running_ns : the computer's two clocks, one that people set and one that only runs; None = this computer's
    """

    def __init__(
        self,
        floor_ns: int = 0,
        *,
        wall_ns: Callable[[], int] | None = None,
        running_ns: Callable[[], int] | None = None,
    ) -> None:
        self._wall_ns, self._running_ns = wall_ns or time.time_ns, running_ns or time.monotonic_ns
        self._latest_ns = floor_ns
        self._looked_ns = self._running_ns()

    def now_ns(self) -> int:
        """Return the present in UTC nanoseconds."""
        looked_ns = self._running_ns()
        slow_ns = self._latest_ns + (looked_ns - self._looked_ns) // 2
        wall_ns = self._wall_ns()
        # else too little time has passed to be halved: let it add up
        if wall_ns >= slow_ns or slow_ns > self._latest_ns:
            self._latest_ns, self._looked_ns = max(wall_ns, slow_ns), looked_ns
        return self._latest_ns

    def steady_ns(self) -> int:
        """Return what the clock counts that only runs, nanoseconds."""
        return self._running_ns()
