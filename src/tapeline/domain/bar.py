"""One bar and one quote as exact numbers: what a decision saw, small enough to stand in the journal.

Panels hold the same prices as float64 for whole universes; these nouns are for single moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tapeline.domain import require
from tapeline.domain.errors import DataError


@dataclass(frozen=True, slots=True)
class Bar:
    """Open, high, low, close and volume over (start, end], in raw prices; readable from its end on."""

    symbol: str
    start_ns: int
    end_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def __post_init__(self) -> None:
        require.a_name(self.symbol, "symbol", "Bar")
        require.a_time(self.start_ns, "start", "Bar of", self.symbol)
        require.a_time(self.end_ns, "end", "Bar of", self.symbol)
        if self.end_ns <= self.start_ns:
            raise DataError(f"Bar of {self.symbol}: its end {self.end_ns} is not after {self.start_ns}.")
        for name in ("open", "high", "low", "close"):
            require.above_zero(getattr(self, name), name, "Bar of", self.symbol)
        require.not_below_zero(self.volume, "volume", "Bar of", self.symbol)
        if not self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            raise DataError(
                f"Bar of {self.symbol} that ends at {self.end_ns}: open {self.open} and close {self.close} "
                f"do not lie between low {self.low} and high {self.high}."
            )


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and offer of one symbol at one moment. They may be equal, but not crossed."""

    symbol: str
    time_ns: int
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal

    def __post_init__(self) -> None:
        require.a_name(self.symbol, "symbol", "Quote")
        require.a_time(self.time_ns, "time", "Quote of", self.symbol)
        require.above_zero(self.bid_price, "bid_price", "Quote of", self.symbol)
        require.above_zero(self.ask_price, "ask_price", "Quote of", self.symbol)
        require.not_below_zero(self.bid_quantity, "bid_quantity", "Quote of", self.symbol)
        require.not_below_zero(self.ask_quantity, "ask_quantity", "Quote of", self.symbol)
        if self.bid_price > self.ask_price:
            raise DataError(f"Quote of {self.symbol}: bid {self.bid_price} is above ask {self.ask_price}.")

    @property
    def middle_price(self) -> Decimal:
        """The price half-way between bid and ask."""
        return (self.bid_price + self.ask_price) / 2

    @property
    def spread(self) -> Decimal:
        """Ask less bid, per unit."""
        return self.ask_price - self.bid_price
