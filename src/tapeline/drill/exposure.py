"""What our orders hold at the venue, strategy by strategy, against the limits that the engine was given.

The venue's executions are counted here, so what the engine believes of its holdings does not matter. Two bounds are
held to account at every execution of an entry:

    positions    the number of holdings, over all strategies
    gross        the worth of a strategy's holdings, each at the lowest close from an hour before it was entered until
                 now: no price at which the engine can have decided was lower

A holding from which the venue took an execution back is left out: the engine could not know of it in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.slice import Slice
from tapeline.domain.times import HOUR
from tapeline.domain.words import Purpose
from tapeline.simulation.limit_settings import Limits

EQUITY_TOLERANCE = 0.01
"""By how much of the deposit the account's equity may have grown since; positions are a few hundredths of it."""
_EARLIER_NS = HOUR
"""Orders that are worked in parts leave for twenty minutes after their decision, and a few slices may be missing."""

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a system was told to keep to: the account's limits, and those of single strategies by name."""

    account: Limits
    strategies: Mapping[str, Limits]


class Exposure:
    """Our holdings at the venue by strategy and symbol, as signed shares.

    past : every slice as it was made; equity : cash at the start
    """

    def __init__(self, bounds: Bounds, past: Sequence[Slice], equity: Decimal) -> None:
        self._bounds, self._past = bounds, past
        self._equity = float(equity) * (1.0 + EQUITY_TOLERANCE)
        self._held: dict[Place, int] = {}
        self._since_ns: dict[Place, int] = {}
        self._unknown: set[Place] = set()

    def filled(self, execution: Execution, order: Order) -> str | None:
        """Count an execution of an order of ours. Returns the sentence of a limit that it broke, None if none."""
        place = order.strategy, order.symbol
        if place not in self._held:
            self._since_ns[place] = order.decision_time_ns - _EARLIER_NS
        self._held[place] = self._held.get(place, 0) + int(execution.signed_quantity)
        if not self._held[place]:
            del self._held[place]
        return self._broken(order) if order.purpose is Purpose.ENTRY else None

    def busted(self, order: Order) -> None:
        """Leave out a holding of which an execution was taken back."""
        self._unknown.add((order.strategy, order.symbol))

    def _broken(self, order: Order) -> str | None:
        known = {place: shares for place, shares in self._held.items() if place not in self._unknown}
        positions = self._bounds.account.positions
        if positions is not None and len(known) > positions:
            held = ", ".join(f"{shares} {symbol} for {strategy}" for (strategy, symbol), shares in known.items())
            return (
                f"With entry {order.client_order_id} our orders have {len(known)} holdings at the venue, the limit is "
                f"{positions}: {held}."
            )
        own = self._bounds.strategies.get(order.strategy)
        if own is None or own.gross is None:
            return None
        worth = sum(abs(shares) * self._lowest(place) for place, shares in known.items() if place[0] == order.strategy)
        if worth <= own.gross * self._equity:
            return None
        return (
            f"With entry {order.client_order_id} the holdings of {order.strategy} at the venue are worth {worth:,.2f} "
            f"at least; its limit of gross is {own.gross * self._equity:,.2f}."
        )

    def _lowest(self, place: Place) -> float:
        """Return the lowest close of a holding's symbol from before it was entered until now."""
        lowest, since_ns = float("inf"), self._since_ns[place]
        for now in reversed(self._past):
            if now.end_ns < since_ns:
                break
            close = float(now.close[0, now.symbols.index(place[1])])
            if close < lowest:
                lowest = close
        return lowest if lowest < float("inf") else 0.0
