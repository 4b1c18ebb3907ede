"""Buy and hold: what a strategy has to be better than."""

from __future__ import annotations

from tapeline.formula.bars import bars
from tapeline.formula.parameters import param
from tapeline.strategies.base import Strategy
from tapeline.strategies.view import SliceView


class BuyAndHold(Strategy):
    """Buy every symbol for an equal share of equity at its first bar, and hold it to the end.

    reserve : percent of equity that is kept, for costs and for an open above the close that a quantity is found at
    The share is counted over all symbols of the run, so that one which is listed later finds its part of the cash.
    Rules do not know how many symbols there are; that is why this is code.
    """

    reserve = param(0.25, low=0.0, high=99.0)

    price = bars().close

    def on_slice(self, now: SliceView) -> None:
        """Buy what is not held yet, if its share pays for the smallest part of it."""
        share = (1.0 - self.parameters["reserve"] / 100.0) * now.equity / now.symbol_count
        quantity = share / now.price
        now.enter((now.quantity == 0.0) & (quantity >= now.quantity_step), quantity=quantity)
