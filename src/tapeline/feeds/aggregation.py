"""Live messages to slices: trades, quotes and vendors' bars in, one slice per base bar out.

    aggregator = Aggregator(("AAPL", "MSFT"), MINUTE, sessions("XNYS"))
    aggregator.take(messages)             # in order of arrival, any number at once
    for now in aggregator.ended(clock.now_ns()): ...

A slice is given out once, when its bar has ended and the grace has passed in which messages of it may still
arrive; what comes later is counted as late and changes nothing that was given out. A minute in which nothing
traded gives a slice without bars, so that clocks of strategies move; nothing is filled in.

Silence is judged by each symbol's own rhythm: a symbol that speaks every second is silent after two minutes, one
that speaks every ten minutes is not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tapeline.domain.errors import ConfigurationError
from tapeline.domain.panel import Sessions
from tapeline.domain.slice import Slice
from tapeline.domain.times import DAY, SECOND, frame_text
from tapeline.indicators.messages import BUILDING, COUNTS, take_messages

ROWS = 4
"""Bars under construction at a time: messages up to three bars ahead of the oldest open one are taken."""

GRACE_NS = SECOND
SILENT_AFTER_NS = 120 * SECOND
SILENT_AFTER_RHYTHMS = 8.0

_QUOTE_SERIES = ("bid", "ask", "bid_size", "ask_size")


class Aggregator:
    """Bars under construction of N symbols on one base frame.

    frame_ns : length of the base bar, less than a day
    sessions : trading hours; messages outside of them are counted and left out
    grace_ns : how long after its end a bar waits for late messages
    quotes : whether slices carry the last bid, ask and their sizes as series
    """

    def __init__(
        self,
        symbols: tuple[str, ...],
        frame_ns: int,
        sessions: Sessions,
        *,
        grace_ns: int = GRACE_NS,
        quotes: bool = False,
    ) -> None:
        if not 0 < frame_ns < DAY:
            raise ConfigurationError(
                f"Bars of {frame_text(frame_ns)} were asked of a live feed; they are built below a day. Use 1min, and "
                "slower frames in formulas."
            )
        count = len(symbols)
        self.symbols, self.frame_ns, self.sessions = symbols, frame_ns, sessions
        self._grace_ns, self._with_quotes = grace_ns, quotes
        self._bars = np.full((ROWS, 5, count), np.nan)
        self._building = np.zeros((ROWS, count), dtype=BUILDING)
        self._quotes = np.full((4, count), np.nan)
        self._quote_ns = np.zeros(count, dtype=np.int64)
        self._heard_ns = np.zeros(count, dtype=np.int64)
        self._rhythm_ns = np.full((1, count), np.nan)
        self._counts = np.zeros(COUNTS, dtype=np.int64)
        self._clock = np.array([0, frame_ns, 0, 0], dtype=np.int64)
        self._session = -1

    def open(self, now_ns: int) -> bool:
        """Begin with the bar of the present, or of the next session's open. Returns whether a session is known.

        Bars that began before are not built: a part of one would pass for the whole.
        """
        index = int(np.searchsorted(self.sessions.close_ns, now_ns, side="right"))
        while index < len(self.sessions):
            opens = int(self.sessions.open_ns[index])
            first = opens + max(0, -(-(now_ns - opens) // self.frame_ns)) * self.frame_ns
            if first < int(self.sessions.close_ns[index]):
                self._begin(index, first)
                return True
            index += 1
        return False

    def take(self, messages: npt.NDArray[np.void]) -> None:
        """Take messages (`MESSAGE` [M]) in their order of arrival. Call `open` before."""
        take_messages(
            messages, self._clock, self._bars, self._building, self._quotes, self._quote_ns, self._heard_ns,
            self._rhythm_ns, self._counts,
        )  # fmt: skip

    def ended(self, now_ns: int) -> Iterator[Slice]:
        """Yield the slices whose bars have ended and whose grace is over, oldest first; each once."""
        while self._session >= 0 and now_ns >= self.next_ns:
            yield self._give()

    @property
    def next_ns(self) -> int:
        """When the next slice can be given out, UTC nanoseconds."""
        return self._end_ns() + self._grace_ns

    @property
    def counts(self) -> dict[str, int]:
        """How many messages were taken, and why others were not, since the start."""
        return dict(zip(("taken", "late", "ahead", "outside", "refused"), self._counts.tolist(), strict=True))

    def silent(self, now_ns: int) -> list[str]:
        """Return the symbols of which nothing was heard for longer than their rhythm allows, in session only.

        A symbol that was never heard of is silent two minutes after the session's open.
        """
        open_ns, close_ns = int(self._clock[2]), int(self._clock[3])
        if self._session < 0 or not open_ns <= now_ns < close_ns:
            return []
        since = now_ns - np.maximum(self._heard_ns, open_ns)
        patience = np.maximum(SILENT_AFTER_NS, SILENT_AFTER_RHYTHMS * np.nan_to_num(self._rhythm_ns[0], nan=0.0))
        return [self.symbols[column] for column in np.flatnonzero(since > patience)]

    def _end_ns(self) -> int:
        return min(int(self._clock[0]) + self.frame_ns, int(self._clock[3]))

    def _give(self) -> Slice:
        start_ns, end_ns = int(self._clock[0]), self._end_ns()
        bars = self._bars[0].reshape(5, 1, -1).copy()
        bars.setflags(write=False)
        series = {}
        if self._with_quotes:
            for name, values in zip(_QUOTE_SERIES, self._quotes, strict=True):
                series[name] = values.reshape(1, -1).copy()
                series[name].setflags(write=False)
        index = self._session
        now = Slice(
            end_ns,
            start_ns,
            self.symbols,
            bars,
            self.sessions.ordinal + index,
            int(self.sessions.open_ns[index]),
            int(self.sessions.close_ns[index]),
            series,
        )
        self._advance(end_ns)
        return now

    def _advance(self, end_ns: int) -> None:
        if end_ns == int(self._clock[3]):
            following = self._session + 1
            if following < len(self.sessions):
                self._begin(following, int(self.sessions.open_ns[following]))
            else:
                self._session = -1
            return
        self._bars[:-1], self._building[:-1] = self._bars[1:].copy(), self._building[1:].copy()
        self._bars[-1], self._building[-1] = np.nan, np.zeros_like(self._building[-1])
        self._clock[0] = end_ns

    def _begin(self, index: int, first_ns: int) -> None:
        self._session = index
        self._bars[:] = np.nan
        self._building[:] = np.zeros_like(self._building)
        self._heard_ns[:] = 0
        self._clock[0] = first_ns
        self._clock[2], self._clock[3] = self.sessions.open_ns[index], self.sessions.close_ns[index]
