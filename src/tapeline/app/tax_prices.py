"""Prices for what was not sold: given, or those of the last trades."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from tapeline.domain.errors import InputError
from tapeline.feeds.price_table import read_prices
from tapeline.tax.events import Event
from tapeline.tax.harvest import last_prices

Prices = dict[str, tuple[Decimal, date | None]]
"""Price and the day of the trade it is from; None = it was given."""


def prices_of(events: Iterable[Event], table: Path | None, written: Sequence[str]) -> Prices:
    """Return the last traded prices, those of a table over them, and those written as SYMBOL=PRICE over both."""
    prices: Prices = dict(last_prices(events))
    if table is not None:
        prices |= {symbol: (price, None) for symbol, price in read_prices(table).items()}
    for words in written:
        symbol, _, number = words.rpartition("=")
        if not symbol:
            raise InputError(f"--price {words}: of which symbol? Write it like --price XYZ=12.50.")
        prices[symbol] = above_zero(number, f"--price {words}"), None
    return prices


def above_zero(written: str, where: str) -> Decimal:
    """Return a number above zero. Raises InputError for another text."""
    try:
        number = Decimal(written)
    except InvalidOperation:
        number = Decimal(0)
    if not (number.is_finite() and number > 0):
        raise InputError(f"{where} is no number above zero. Write it like 12.50.")
    return number
