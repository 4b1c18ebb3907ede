"""Where bars come from: a file, a replay, a vendor's stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from tapeline.domain.panel import Panel
from tapeline.domain.slice import Slice


class Tape(Protocol):
    """Bars of some symbols on one base frame, as far as they have been handed out."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The N names, in the column order of every slice."""
        ...

    @property
    def frame_ns(self) -> int:
        """Length of the base bar; whole days mean sessions."""
        ...

    def history(self, symbol: str) -> Panel:
        """Return the bars of one symbol that were handed out so far: raw prices, a row for each slice."""
        ...


class MarketData(Tape, Protocol):
    """A source of slices that is read to its end."""

    def slices(self) -> Iterator[Slice]:
        """Yield each slice once, in order of time, not before it has ended."""
        ...
