"""A replay in the tact of a clock: for paper trading on bars of the past, in real or compressed time.

time = PacedTime(start_ns, speed=60)         a minute of the market each second
feed = PacedReplay(Replay(panel), on_slice=broker.play)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

from tapeline.domain.errors import ConfigurationError
from tapeline.domain.panel import Panel
from tapeline.domain.slice import Slice
from tapeline.domain.times import SECOND
from tapeline.ports.market_data import MarketData

POLL_S = 0.2
"""The longest sleep: commands of people are seen after so long at the latest."""

CLOSED_S = 3.0
"""What is left of a wait through closed hours, seconds: enough to see that a session is over."""


class PacedTime:
    """A `Clock` and a `Waits` whose time runs `speed` times as fast as the computer's, from a moment on.

    speed : infinity = as fast as the work is done: time then stands still while something is done and jumps to the
        next moment at which something is due
    """

    def __init__(self, start_ns: int, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ConfigurationError(f"Speed {speed} was asked; time runs forward. Give a number above zero.")
        self._start_ns, self._speed = start_ns, speed
        self._began = time.monotonic_ns()

    def now_ns(self) -> int:
        """Return the present in UTC nanoseconds."""
        if math.isinf(self._speed):
            return self._start_ns
        return self._start_ns + round((time.monotonic_ns() - self._began) * self._speed)

    def steady_ns(self) -> int:
        """Return the present: only `wait` takes it ahead, and the market with it."""
        return self.now_ns()

    def wait(self, until_ns: int | None) -> None:
        """Rest until a moment, or for a short while; hours in which nothing is due are cut short."""
        if math.isinf(self._speed):
            self._start_ns = max(self._start_ns, until_ns if until_ns is not None else self._start_ns)
            return
        left_s = math.inf if until_ns is None else (until_ns - self.now_ns()) / self._speed / SECOND
        if CLOSED_S < left_s < math.inf and until_ns is not None and until_ns - self.now_ns() > CLOSED_NS:
            self._start_ns += round((left_s - CLOSED_S) * self._speed * SECOND)
            left_s = CLOSED_S
        time.sleep(min(max(left_s, 0.0), POLL_S))


CLOSED_NS = 3_600 * SECOND


class PacedReplay:
    """A `LiveData` over a replay: a slice is ready when the clock has come to its end.

    on_slice : told each slice before it is handed out, such as the simulated venue that trades it
    """

    def __init__(self, feed: MarketData, on_slice: Callable[[Slice], None] | None = None) -> None:
        self._feed, self._on_slice = feed, on_slice
        self._slices: Iterator[Slice] = feed.slices()
        self._next = next(self._slices, None)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The N names, in the column order of every slice."""
        return self._feed.symbols

    @property
    def frame_ns(self) -> int:
        """Length of the base bar; whole days mean sessions."""
        return self._feed.frame_ns

    def history(self, symbol: str) -> Panel:
        """Return the bars of one symbol that were handed out so far."""
        panel = self._feed.history(symbol)
        return panel if self._next is None else panel.rows(0, len(panel) - 1)

    def ready(self, now_ns: int) -> Sequence[Slice]:
        """Return the next slice if it has ended; one at a time, so that orders meet the slice after it."""
        now = self._next
        if now is None or now.end_ns > now_ns:
            return ()
        self._next = next(self._slices, None)
        if self._on_slice is not None:
            self._on_slice(now)
        return (now,)

    def past(self, until_ns: int) -> Iterator[Slice]:
        """Hand out what had ended at a moment before this process began; `on_slice` is not told."""
        while self._next is not None and self._next.end_ns <= until_ns:
            now, self._next = self._next, next(self._slices, None)
            yield now

    @property
    def next_ns(self) -> int | None:
        """The end of the next slice; None after the last."""
        return None if self._next is None else self._next.end_ns

    def silent(self, now_ns: int) -> list[str]:
        """Return no symbol: a replay says what it has."""
        return []
