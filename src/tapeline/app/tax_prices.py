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
        prices[symbol] = price_of(number, f"--price {words}", needs_symbol=symbol), None
    return prices


def price_of(written: str, where: str, *, needs_symbol: str = "-") -> Decimal:
    """Return a price above zero. Raises InputError for another text."""
    try:
        price = Decimal(written)
    except InvalidOperation:
        price = Decimal(0)
    if not (needs_symbol and price.is_finite() and price > 0):
        raise InputError(
            f"{where}: give a price above zero, like --price 12.50, or XYZ=12.50 for one of several symbols."
        )
    return price
