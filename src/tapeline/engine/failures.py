"""Free-form code that raises in a live run: what it asked for in that slice is taken out of the book again.

    before = BookBefore(book, strategy)
    try:
        strategy.on_slice(view)
    except Exception as exc:
        before.restore()

An exception comes between two wishes that may belong together, such as the two legs of a pair. So none of them leaves,
and orders and holdings of the strategy stay as they stood at the slice's begin: its stops work at the venue.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tapeline.simulation.tables import Book

_TICKETS = ("entry_ticket", "stop_ticket", "target_ticket", "exit_ticket", "part_ticket")


class BookBefore:
    """What the verbs of one strategy can change of a book, as it stands now. strategy : its number in the book"""

    def __init__(self, book: Book, strategy: int) -> None:
        tables = book.fixed
        self._book, self._strategy = book, strategy
        self._account, self._days = tables.account.copy(), tables.days.copy()
        self._states, self._holdings = tables.states[strategy].copy(), tables.holdings[strategy].copy()
        numbers = np.unique([self._holdings[name] for name in _TICKETS])
        self._numbers = numbers[numbers >= 0]
        self._tickets = book.tickets[self._numbers]

    def restore(self) -> None:
        """Let the book be as it was; rows that were added since are used again."""
        tables = self._book.fixed
        tables.account[:], tables.days[:] = self._account, self._days
        tables.states[self._strategy], tables.holdings[self._strategy] = self._states, self._holdings
        self._book.tickets[self._numbers] = self._tickets  # they may lie elsewhere by now


def failure_text(name: str, exc: Exception, at: str) -> str:
    """Return what happened as a sentence. name : of the strategy; at : the slice's end"""
    place = exc.__traceback__
    if place is not None and place.tb_next is not None:
        place = place.tb_next  # the first is the loop's own
    where = "" if place is None else f" (line {place.tb_lineno} of {Path(place.tb_frame.f_code.co_filename).name})"
    return f"{name} raised {type(exc).__name__}: {exc}{where}. What it asked for at {at} was dropped."
