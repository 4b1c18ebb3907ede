"""Prices that wander, the same for the same seed: what the venue trades at and the feed tells."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.drill.virtual_time import Chance

PRICE_MIN = 500
"""Cents; a price that comes below turns back, so that ticks stay small against it."""
_CALM, _JUMP = 12, 150
"""Cents that a price moves at most in a step, and in one of the rare jumps that carry it across several orders."""
_JUMP_RATE = 0.01


@dataclass(slots=True)
class Quote:
    """One symbol: its last price and the bar that is being made, in cents; volume in shares.

    halted : nobody trades it; the price stands still and bars are missing
    """

    last: int
    open: int
    high: int
    low: int
    volume: int = 0
    halted: bool = False


class Market:
    """All symbols, moved a step at a time."""

    def __init__(self, seed: int, symbols: tuple[str, ...]) -> None:
        self._chance = Chance(seed, "market")
        self.quotes: dict[str, Quote] = {}
        for symbol in symbols:
            price = self._chance.whole(2_000, 20_000)
            self.quotes[symbol] = Quote(price, price, price, price)

    def step(self) -> None:
        """Move every price that is not halted."""
        chance = self._chance
        for quote in self.quotes.values():
            reach = _JUMP if chance.hits(_JUMP_RATE) else _CALM
            move = chance.whole(-reach, reach)
            if quote.halted:
                continue
            last = quote.last + move if quote.last + move >= PRICE_MIN else quote.last - move
            quote.last = last
            quote.high, quote.low = max(quote.high, last), min(quote.low, last)
            quote.volume += 100 * (1 + abs(move))

    def close_bar(self) -> dict[str, tuple[int, int, int, int, int]]:
        """Return open, high, low, close and volume of what traded since the last bar, and begin a new one."""
        bars = {}
        for symbol, quote in self.quotes.items():
            if quote.volume:
                bars[symbol] = (quote.open, quote.high, quote.low, quote.last, quote.volume)
            quote.open = quote.high = quote.low = quote.last
            quote.volume = 0
        return bars
