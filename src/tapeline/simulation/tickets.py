"""What Python asks of single tickets again and again, without opening the whole book for it."""

from __future__ import annotations

from typing import Any

from numba import types

from tapeline.domain.words import OrderStatus
from tapeline.indicators.compiled import compiled
from tapeline.simulation.references import UNCOUNTED
from tapeline.simulation.tables import BOOK


@compiled(types.boolean(BOOK, types.int64), **UNCOUNTED)
def takes_events(book: Any, number: int) -> bool:
    """Return whether a ticket's order has not ended, by what the book was told."""
    return bool(book.tickets[number].status < OrderStatus.FILLED)
