"""Where bars come from: a file, a replay, a vendor's stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from tapeline.domain.panel import Panel
from tapeline.domain.slice import Slice


class MarketData(Protocol):
    """A source of slices on one base frame."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The N names, in the column order of every slice."""
        ...

    @property
    def frame_ns(self) -> int:
        """Length of the base bar; whole days mean sessions."""
        ...

    def history(self, symbol: str) -> Panel:
        """Return the bars of one symbol that `slices` has yielded so far: raw prices, a row for each slice."""
        ...

    def slices(self) -> Iterator[Slice]:
        """Yield each slice once, in order of time, not before it has ended."""
        ...
