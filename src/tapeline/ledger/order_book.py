"""Order book-keeping: the state of every order as the sum of its facts.

What an order leaves open comes with the facts that change it. Two things follow from its place among others:
a child works for what its entry has filled, and the members of a group are reduced by what one of them fills.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tapeline.domain.errors import InvariantError
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.order_states import OrderEvent, apply, resting_status
from tapeline.domain.position import ZERO
from tapeline.domain.words import OrderStatus
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.facts import (
    CancelIntended,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
    ReplaceIntended,
)

_TERMS = ("limit_price", "stop_price", "trail_amount", "trail_percent")


@dataclass(slots=True)
class OrderState:
    """A working order: its terms as they hold now, its status, and what it has filled."""

    order: Order
    status: OrderStatus
    quantity: Decimal
    leaves_quantity: Decimal
    filled_quantity: Decimal = ZERO
    is_triggered: bool = False
    venue_order_id: str | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None
    execution_ids: list[str] = field(default_factory=list)

    def as_tree(self) -> dict[str, Any]:
        """Return it as plain values for the canonical bytes of the views."""
        terms = {name: getattr(self, name) for name in _TERMS}
        return {
            "filled_quantity": amount_text(self.filled_quantity),
            "leaves_quantity": amount_text(self.leaves_quantity),
            "quantity": amount_text(self.quantity),
            "status": self.status.name,
            **{name: None if price is None else amount_text(price) for name, price in terms.items()},
        }


class OrderBook:
    """All working orders by client order id, and how the others ended."""

    def __init__(self) -> None:
        self.working: dict[str, OrderState] = {}
        self.ended: dict[str, OrderStatus] = {}
        self._groups: dict[str, list[str]] = {}
        self._children: dict[str, list[str]] = {}

    def intended(self, fact: OrderIntended) -> None:
        """Take in an order that is about to be sent."""
        order = fact.order
        name = order.client_order_id
        if name in self.working or name in self.ended:
            raise InvariantError(f"Order {name} is intended a second time; an id belongs to one order.")
        dormant = order.parent is not None
        state = OrderState(order, OrderStatus.PENDING_NEW, order.quantity, ZERO if dormant else order.quantity)
        for term in _TERMS:
            setattr(state, term, getattr(order, term))
        self.working[name] = state
        if order.group is not None:
            self._groups.setdefault(order.group, []).append(name)
        if order.parent is not None:
            self._children.setdefault(order.parent, []).append(name)

    def cancel_intended(self, fact: CancelIntended) -> None:
        """Mark a cancel as in flight; one that finds its order ended does nothing."""
        self._wish(fact.client_order_id, OrderEvent.CANCEL_SENT)

    def replace_intended(self, fact: ReplaceIntended) -> None:
        """Mark a replace as in flight; one that finds its order ended does nothing."""
        self._wish(fact.client_order_id, OrderEvent.REPLACE_SENT)

    def accepted(self, fact: OrderAccepted) -> None:
        """Take in that the venue has an order."""
        state = self._state(fact)
        state.venue_order_id = fact.venue_order_id
        self._advance(state, OrderEvent.ACCEPTED)

    def triggered(self, fact: OrderTriggered) -> None:
        """Take in that a stop was reached."""
        state = self._state(fact)
        state.is_triggered = True
        self._advance(state, OrderEvent.TRIGGERED)

    def replaced(self, fact: OrderReplaced) -> None:
        """Take in the terms that hold from now on."""
        state = self._state(fact)
        state.quantity = fact.quantity
        state.leaves_quantity = fact.leaves_quantity
        for term in _TERMS:
            setattr(state, term, getattr(fact, term))
        self._advance(state, OrderEvent.REPLACED)

    def filled(self, fact: OrderFilled) -> Order:
        """Take in an execution and return its order.

        Raises InvariantError if it cannot belong to that order, or was booked before.
        """
        execution = fact.execution
        state = self._state(fact)
        order = state.order
        if execution.execution_id in state.execution_ids:
            raise InvariantError(f"Execution {execution.execution_id} is booked a second time.")
        ours = (order.symbol, order.side, order.strategy, order.account)
        theirs = (execution.symbol, execution.side, execution.strategy, execution.account)
        if ours != theirs:
            raise InvariantError(
                f"Execution {execution.execution_id} is for {theirs}, its order {order.client_order_id} for {ours}."
            )
        state.filled_quantity += execution.quantity
        if state.filled_quantity > state.quantity:
            raise InvariantError(
                f"Order {order.client_order_id} is for {state.quantity}, but {state.filled_quantity} filled."
            )
        state.execution_ids.append(execution.execution_id)
        state.leaves_quantity = fact.leaves_quantity
        for child in self._children.get(order.client_order_id, ()):
            if child in self.working:
                self.working[child].leaves_quantity += execution.quantity
        for member in self._groups.get(order.group, ()) if order.group is not None else ():
            if member in self.working and member != order.client_order_id:
                sibling = self.working[member]
                sibling.leaves_quantity = max(ZERO, sibling.leaves_quantity - execution.quantity)
        self._advance(state, OrderEvent.PARTLY_FILLED if fact.leaves_quantity else OrderEvent.FILLED)
        return order

    def amended(self, before: Execution, after: Execution | None, leaves_quantity: Decimal | None) -> None:
        """Take in that an execution stands differently, or no more; an order that is not working stays as it ended."""
        state = self.working.get(before.client_order_id)
        if state is None:
            return
        if before.execution_id not in state.execution_ids:
            raise InvariantError(
                f"Execution {before.execution_id} is amended, but {before.client_order_id} never had it."
            )
        state.execution_ids.remove(before.execution_id)
        state.filled_quantity -= before.quantity
        if after is not None:
            state.execution_ids.append(after.execution_id)
            state.filled_quantity += after.quantity
        if leaves_quantity is not None:
            state.leaves_quantity = leaves_quantity

    def canceled(self, fact: OrderCanceled) -> None:
        """Take in that the rest of an order was withdrawn."""
        self._advance(self._state(fact), OrderEvent.CANCELED)

    def rejected(self, fact: OrderRejected) -> None:
        """Take in that the venue refused an order."""
        self._advance(self._state(fact), OrderEvent.REJECTED)

    def expired(self, fact: OrderExpired) -> None:
        """Take in that an order's time has run out."""
        self._advance(self._state(fact), OrderEvent.EXPIRED)

    def _wish(self, name: str, event: OrderEvent) -> None:
        if name in self.working:
            self._advance(self.working[name], event)
        elif name not in self.ended:
            raise InvariantError(f"A cancel or replace names the order {name}, which no fact has intended.")

    def _state(self, fact: Any) -> OrderState:
        state = self.working.get(fact.client_order_id)
        if state is None:
            ended = self.ended.get(fact.client_order_id)
            found = f"is {ended.name} already" if ended is not None else "was never intended"
            raise InvariantError(f"{fact.kind} names the order {fact.client_order_id}, which {found}.")
        return state

    def _advance(self, state: OrderState, event: OrderEvent) -> None:
        resting = resting_status(triggered=state.is_triggered, partly_filled=state.filled_quantity > 0)
        state.status = apply(state.status, event, resting)
        if not state.status.is_working:
            self._end(state)

    def _end(self, state: OrderState) -> None:
        order = state.order
        name = order.client_order_id
        del self.working[name]
        self.ended[name] = state.status
        for index, key in ((self._groups, order.group), (self._children, order.parent)):
            members = index.get(key) if key is not None else None
            if key is not None and members is not None:
                members.remove(name)
                if not members:
                    del index[key]
