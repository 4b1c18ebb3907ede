"""Bars that come in while time passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tapeline.domain.slice import Slice
from tapeline.ports.market_data import Tape


class LiveData(Tape, Protocol):
    """A source of slices that is asked, turn by turn, what has come."""

    def ready(self, now_ns: int) -> Sequence[Slice]:
        """Return the slices that have come since the last call, oldest first; none before it has ended."""
        ...

    @property
    def next_ns(self) -> int | None:
        """When the next slice may be ready, UTC nanoseconds; None = there will be no more."""
        ...

    def silent(self, now_ns: int) -> list[str]:
        """Return the symbols of which less is heard than their rhythm lets expect."""
        ...
