"""Prices by symbol from a CSV table with the columns symbol and price."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from tapeline.domain.errors import DataError
from tapeline.feeds.table_row import read_rows

COLUMNS = ("symbol", "price")


def read_prices(path: Path) -> dict[str, Decimal]:
    """Return the price of each symbol. Raises DataError, naming the line, for a row that is none or stands twice."""
    prices: dict[str, Decimal] = {}
    for row in read_rows(path, COLUMNS, COLUMNS, ZoneInfo("UTC")):
        symbol, price = row.needed("symbol"), row.number("price")
        if price <= 0 or symbol in prices:
            raise row.fault(f"{symbol} has a price of {price} here; give each symbol one price above zero.")
        prices[symbol] = price
    if not prices:
        raise DataError(f"{path} has no price. Add a row for each symbol, or leave --prices out.")
    return prices
