"""Our own working orders beside a new one: those on its side, and those on the other that it would trade with."""

from __future__ import annotations

from tapeline.domain.order import Order
from tapeline.domain.words import Limit, Side
from tapeline.ledger.order_state import OrderState
from tapeline.ledger.views import Views
from tapeline.risk.denial import Denial


def on_side_of(views: Views, order: Order) -> list[OrderState]:
    """Return the working orders of the symbol on an order's side, without those of its own group."""
    working = views.orders.working_of(order.symbol)
    return [s for s in working if s.order.side is order.side and not _are_together(order, s.order)]


def _are_together(order: Order, other: Order) -> bool:
    """Whether two orders are of one bracket, whose children stand opposite to their entry by design."""
    first, second = order.client_order_id, other.client_order_id
    return order.parent == second or other.parent == first or (order.group is not None and order.group == other.group)


def denial_of_opposite(views: Views, order: Order) -> Denial | None:
    """Return the denial of an order that would trade with one of our own, None if it would not."""
    for state in views.orders.working_of(order.symbol):
        other = state.order
        if other.side is order.side or other.account != order.account or _are_together(order, other):
            continue
        if views.parents.are_together(order.client_order_id, other.client_order_id):
            continue  # the target of an earlier part, while a later one is bought
        if _would_meet(order, other):
            text = f"it would trade with our own order {other.client_order_id}, which works on the other side"
            return Denial(Limit.OPPOSITE_ORDER, 1, 0, text)
    return None


def _would_meet(order: Order, other: Order) -> bool:
    """Whether a new order could trade with one of our own that works on the other side.

    A stop that works far away is no offer; a limit is one at its price; what has no limit meets every offer.
    """
    if other.limit_price is None or other.stop_price is not None:
        return False
    if order.stop_price is not None or order.trail_amount is not None or order.trail_percent is not None:
        return False
    if order.limit_price is None:
        return True
    return order.limit_price >= other.limit_price if order.side is Side.BUY else order.limit_price <= other.limit_price
