"""What may leave of a symbol that is locked: exits, for as much as the venue's books confirm.

ours 100, theirs 60, an exit of 100       leaves for 60; what is left goes on leaving, and leaves when the lock is off
ours 100, theirs 60, stop and target      are set for 60, and for 100 when the lock is off (`Desk`)
ours 100, theirs none, an exit of 100     does not begin: its stop is not called back, and is asked for again
ours 100, theirs 60, a part of 30         does not begin: the rest would be left with a stop of 30
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from tapeline.domain.order import Order
from tapeline.domain.position import ZERO
from tapeline.domain.words import Limit, Purpose
from tapeline.ledger.order_facts import CancelIntended
from tapeline.ledger.order_state import OrderState, exposed_quantity, is_called_back
from tapeline.ledger.views import Views
from tapeline.risk.denial import Denial
from tapeline.risk.own_orders import on_side_of

EXITS = frozenset({Purpose.EXIT_RULE, Purpose.SCALE_OUT, Purpose.FLAT_BEFORE_CLOSE, Purpose.LOSS_LIMIT})
"""What begins by calling back stop and target."""
_NOT_FITTED = frozenset({Purpose.ENTRY, Purpose.SCALE_OUT})


def denial_of_locked(views: Views, order: Order) -> Denial | None:
    """Return the denial of an exit for more than the venue confirms of a locked symbol, None if it may leave."""
    room = _room(views, order, on_side_of(views, order))
    if room is None or order.quantity <= room:
        return None
    agreed = _agreed(views, order)
    wanted = order.quantity + order.side * -agreed - room
    text = (
        f"{order.symbol} is locked, and the broker's books confirm {agreed} of what is held: with what works"
        f" already, {wanted} would be closed"
    )
    return Denial(Limit.DOUBT, float(wanted), float(abs(agreed)), text)


def fitted(views: Views, order: Order, step: Decimal) -> Order:
    """Return an exit, stop or target of a locked symbol made as large as the venue confirms; any other as it is.

    A part that is sold is not made smaller, since what is left needs its stop more, nor a child, which goes with its
    entry. One of which nothing is confirmed stays too, for the gate to deny.

    step : the smallest of the symbol's quantities
    """
    if order.purpose in _NOT_FITTED or order.parent is not None:
        return order
    room = _room(views, order, on_side_of(views, order))
    if room is None:
        return order
    room = room // step * step
    return replace(order, quantity=room) if ZERO < room < order.quantity else order


def bars_cancel(views: Views, fact: CancelIntended, step: Decimal) -> str | None:
    """Return why a cancel by which an exit begins may not leave, None if it may.

    The order of the exit could not follow, so what protects the holding goes on.
    """
    order = views.orders.states[fact.client_order_id].order
    if fact.purpose not in EXITS or order.purpose is Purpose.ENTRY:
        return None
    room = _room(views, order, [s for s in on_side_of(views, order) if s.order.strategy != order.strategy])
    held = views.position(order.strategy, order.symbol, order.account).quantity * -order.side
    if room is None or room >= held or (room >= step and fact.purpose is not Purpose.SCALE_OUT):
        return None
    return (
        f"{order.symbol} is locked, and the broker's books leave {max(room, ZERO)} of {held} to close: what protects"
        " the holding is not called back."
    )


def _room(views: Views, order: Order, beside: Iterable[OrderState]) -> Decimal | None:
    """Return for how much an exit may be, below zero too, None where nothing is locked. beside : what closes as well"""
    if (order.account, order.symbol) not in views.control.locks:
        return None
    leaving = [state for state in beside if state.order.account == order.account and not is_called_back(state)]
    return order.side * -_agreed(views, order) - exposed_quantity(leaving)


def _agreed(views: Views, order: Order) -> Decimal:
    return views.control.agreed(order.account, order.symbol, views.quantity(order.symbol, order.account))
