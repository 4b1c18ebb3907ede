"""An order as the venue keeps it: whole shares, cents, and the questions that matching asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tapeline.domain.order import Order
from tapeline.domain.reports import VenueOrder
from tapeline.domain.words import OrderStatus, OrderType, Role, Side, TimeInForce
from tapeline.drill.venue_account import PARTS_PER_CENT, in_currency
from tapeline.ledger.order_facts import OrderReplaced

_AFTER_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
_WITH_LIMIT = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})


@dataclass(slots=True)
class RestingOrder:
    """One order with its terms as they hold now.

    name : client order id; venue_order_id : the venue's own name, which it may give again to another order
    quantity, filled : shares in all, and done
    cover : of a bracket's child, or of one of a pair that cancel one another, the shares that it still works for
    limit, stop, trail : cents; trail_percent : of the extreme; extreme : best price since it works, of a trailing stop
    held : a bracket's child whose entry has not ended
    """

    name: str
    venue_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: int
    since_ns: int
    limit: int | None = None
    stop: int | None = None
    trail: int | None = None
    trail_percent: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    role: Role = Role.SINGLE
    parent: str | None = None
    group: str | None = None
    held: bool = False
    cover: int = 0
    status: OrderStatus = OrderStatus.NEW
    filled: int = 0
    triggered: bool = False
    extreme: int | None = None

    @classmethod
    def of(cls, order: Order, venue_order_id: str, now_ns: int) -> RestingOrder:
        """Return an order that came over the port."""
        return cls(
            order.client_order_id,
            venue_order_id,
            order.symbol,
            order.side,
            order.order_type,
            int(order.quantity),
            now_ns,
            limit=cents_of(order.limit_price),
            stop=cents_of(order.stop_price),
            trail=cents_of(order.trail_amount),
            trail_percent=order.trail_percent,
            time_in_force=order.time_in_force,
            role=order.role,
            parent=order.parent,
            group=order.group,
            held=order.parent is not None,
            cover=int(order.quantity),
        )

    @property
    def leaves(self) -> int:
        """Shares that are still open."""
        rest = self.quantity - self.filled
        return rest if self.parent is None and self.group is None else min(rest, self.cover)

    def reaches(self, last: int) -> bool:
        """Return whether a stop of the order is reached, now or before; an order without one always is."""
        if self.triggered or self.order_type not in _AFTER_STOP:
            return True
        sign = int(self.side)
        if self.order_type is OrderType.TRAILING_STOP:
            # a stop that sells follows the highest price, one that buys the lowest
            best = last if self.extreme is None else min(self.extreme * sign, last * sign) * sign
            self.extreme = best
            trail = self.trail if self.trail is not None else int(best * self._percent() // 100)
            self.stop = best + sign * trail
        assert self.stop is not None
        self.triggered = (last - self.stop) * sign >= 0
        return self.triggered

    def trades_at(self, last: int) -> bool:
        """Return whether the price is within the order's limit."""
        if self.order_type not in _WITH_LIMIT:
            return True
        assert self.limit is not None
        return (self.limit - last) * int(self.side) >= 0

    def change(self, terms: dict[str, Any]) -> None:
        """Take new terms; those that are None stay."""
        quantity = terms.get("quantity")
        if quantity is not None:
            self.quantity = int(quantity)
        for ours, theirs in (("limit", "limit_price"), ("stop", "stop_price"), ("trail", "trail_amount")):
            if terms.get(theirs) is not None:
                setattr(self, ours, cents_of(terms[theirs]))
        if terms.get("time_in_force") is not None:
            self.time_in_force = terms["time_in_force"]

    def as_replaced(self, now_ns: int) -> OrderReplaced:
        """Return the report that says what holds from now on."""
        return OrderReplaced(
            now_ns,
            self.name,
            Decimal(self.quantity),
            Decimal(self.leaves),
            *self._prices(),
            time_in_force=self.time_in_force,
        )

    def as_venue_order(self, now_ns: int) -> VenueOrder:
        """Return the order as a look-up shows it."""
        status = self.status
        if status is OrderStatus.NEW and self.filled:
            status = OrderStatus.PARTIALLY_FILLED
        elif status is OrderStatus.NEW and self.triggered:
            status = OrderStatus.TRIGGERED
        return VenueOrder(
            self.name,
            self.venue_order_id,
            self.symbol,
            self.side,
            self.order_type,
            Decimal(self.quantity),
            Decimal(self.filled),
            status,
            now_ns,
            self.time_in_force,
            *self._prices(),
        )

    def _percent(self) -> Decimal:
        assert self.trail_percent is not None
        return self.trail_percent

    def _prices(self) -> tuple[Decimal | None, Decimal | None, Decimal | None, Decimal | None]:
        # limit, stop, trail amount and trail percent, as both nouns have them; the stop that a trail makes is no term
        stop = None if self.order_type is OrderType.TRAILING_STOP else self.stop
        return _price(self.limit), _price(stop), _price(self.trail), self.trail_percent


def cents_of(price: Decimal | None) -> int | None:
    """Return a price as whole cents, None as None."""
    return None if price is None else int(price * 100)


def _price(cents: int | None) -> Decimal | None:
    return None if cents is None else in_currency(cents * PARTS_PER_CENT)
