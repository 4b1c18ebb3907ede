"""Parent orders as the sum of their facts: their children, what is done, what works, how each part was priced.

A parent order is no order at a venue; its parts are, and their states stand in the order book. Together: what is
done, what works and what is in doubt is never more than the parent wants.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple

from tapeline.domain.errors import InvariantError
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.parent import ParentEnd, Pricing
from tapeline.domain.position import ZERO
from tapeline.domain.words import Role
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.order_facts import OrderDenied, OrderRejected, ReplaceIntended
from tapeline.ledger.parent_facts import (
    ChildOrderPriced,
    ParentOrderEnded,
    ParentOrderHurried,
    ParentOrderIntended,
    ParentOrderStopped,
)


class ParentFill(NamedTuple):
    """An execution of a part, with the pricing of that part when it was reported."""

    execution: Execution
    pricing: Pricing
    half_spread: Decimal


@dataclass(slots=True)
class Child:
    """One part: how it was priced last, and how often.

    is_refused : denied by us or rejected by the venue
    """

    client_order_id: str
    priced: ChildOrderPriced
    times_priced: int = 1
    is_refused: bool = False


@dataclass(slots=True)
class ParentState:
    """A parent order and all that came of it.

    children : by client order id, oldest first; legs : stops and targets of their brackets, by role
    fills : executions of the children as they stand, by execution id
    stop_price : where the stops of its bracket stand now, or that of an exit; None without one
    hurried : why an exit's time is over at once, None while it is not
    arrival : the market that its first part met, a stop only if there was no other; None before there is one
    refused_count, refused_ns : how many children in a row were refused, and when the last one was
    """

    intended: ParentOrderIntended
    children: dict[str, Child] = field(default_factory=dict)
    legs: dict[Role, list[str]] = field(default_factory=dict)
    fills: dict[str, ParentFill] = field(default_factory=dict)
    filled_quantity: Decimal = ZERO
    stop_price: Decimal | None = None
    hurried: ParentOrderHurried | None = None
    stopped: ParentOrderStopped | None = None
    ended: ParentOrderEnded | None = None
    arrival: ChildOrderPriced | None = None
    refused_count: int = 0
    refused_ns: int = 0

    @property
    def order(self) -> Order:
        """What was wanted."""
        return self.intended.order

    @property
    def name(self) -> str:
        """Its client order id."""
        return self.intended.order.client_order_id

    def as_tree(self) -> dict[str, Any]:
        """Return it as plain values for the canonical bytes of the views."""
        return {
            "algorithm": self.intended.algorithm,
            "children": len(self.children),
            "ended": self.ended.reason.name if self.ended is not None else None,
            "filled_quantity": amount_text(self.filled_quantity),
            "quantity": amount_text(self.order.quantity),
        }


class ParentOrders:
    """Every parent order by its client order id. open : those that have not ended."""

    def __init__(self) -> None:
        self.states: dict[str, ParentState] = {}
        self.open: dict[str, ParentState] = {}
        self._of_child: dict[str, ParentState] = {}
        self._of_leg: dict[str, tuple[ParentState, Role]] = {}

    def of_child(self, client_order_id: str) -> ParentState | None:
        """Return the parent of which an order is a part, None for other orders."""
        return self._of_child.get(client_order_id)

    def of_leg(self, client_order_id: str) -> tuple[ParentState, Role] | None:
        """Return the parent of which an order is a stop or target, and which of both; None for other orders."""
        return self._of_leg.get(client_order_id)

    def are_together(self, first: str, second: str) -> bool:
        """Return whether two orders are parts, stops or targets of one parent."""
        owner = self._owner(first)
        return owner is not None and owner is self._owner(second)

    def intended(self, fact: ParentOrderIntended) -> None:
        """Take in a parent order."""
        name = fact.client_order_id
        if name in self.states:
            raise InvariantError(f"Parent order {name} is intended a second time; an id belongs to one order.")
        state = ParentState(fact, stop_price=fact.stop.stop_price if fact.stop is not None else None)
        self.states[name] = self.open[name] = state

    def priced(self, fact: ChildOrderPriced) -> None:
        """Take in a part that is about to leave or to be repriced."""
        state = self._known(fact.parent_order_id, fact.kind)
        child = state.children.get(fact.client_order_id)
        if child is not None:
            child.priced = fact
            child.times_priced += 1
            return
        state.children[fact.client_order_id] = Child(fact.client_order_id, fact)
        if state.arrival is None or state.arrival.pricing is Pricing.STOP:
            state.arrival = fact
        self._of_child[fact.client_order_id] = state

    def order_intended(self, order: Order) -> None:
        """Take in an order: the stop or target of a part belongs to its parent."""
        if order.parent is not None and (state := self._of_child.get(order.parent)) is not None:
            state.legs.setdefault(order.role, []).append(order.client_order_id)
            self._of_leg[order.client_order_id] = state, order.role

    def replace_intended(self, fact: ReplaceIntended) -> None:
        """Take in that a stop is moved: those of later parts will stand there too."""
        found = self._of_leg.get(fact.client_order_id)
        if found is not None and fact.stop_price is not None:
            found[0].stop_price = fact.stop_price

    def refused(self, fact: OrderDenied | OrderRejected) -> None:
        """Take in that a part did not get to the market."""
        state = self._of_child.get(fact.client_order_id)
        if state is not None:
            state.children[fact.client_order_id].is_refused = True
            state.refused_count += 1
            state.refused_ns = fact.event_time_ns

    def accepted(self, client_order_id: str) -> None:
        """Take in that a part got to the market."""
        if (state := self._of_child.get(client_order_id)) is not None:
            state.refused_count = 0

    def executed(self, execution: Execution, before: Execution | None = None) -> None:
        """Take in an execution, or what one was in truth."""
        state = self._of_child.get(execution.client_order_id)
        if state is None:
            return
        priced = state.children[execution.client_order_id].priced
        fill = ParentFill(execution, priced.pricing, priced.half_spread)
        if before is not None:
            known = state.fills.pop(before.execution_id)
            state.filled_quantity -= known.execution.quantity
            fill = known._replace(execution=execution)
        state.fills[execution.execution_id] = fill
        state.filled_quantity += execution.quantity
        state.refused_count = 0

    def busted(self, execution: Execution) -> None:
        """Take in that an execution is void."""
        state = self._of_child.get(execution.client_order_id)
        if state is not None:
            state.filled_quantity -= state.fills.pop(execution.execution_id).execution.quantity

    def hurried(self, fact: ParentOrderHurried) -> None:
        """Take in that an exit's time is over; the first cause stays."""
        state = self._known(fact.client_order_id, fact.kind)
        state.hurried = state.hurried or fact

    def stopped(self, fact: ParentOrderStopped) -> None:
        """Take in that nothing more leaves; the first reason stays."""
        state = self._known(fact.client_order_id, fact.kind)
        state.stopped = state.stopped or fact

    def ended(self, fact: ParentOrderEnded) -> None:
        """Take in that nothing works any more."""
        state = self._known(fact.client_order_id, fact.kind)
        if state.ended is not None:
            raise InvariantError(f"Parent order {state.name} ends a second time, with {fact.reason.name}.")
        state.ended = fact
        del self.open[state.name]

    def _owner(self, name: str) -> ParentState | None:
        leg = self._of_leg.get(name)
        return leg[0] if leg is not None else self._of_child.get(name)

    def _known(self, name: str, kind: str) -> ParentState:
        state = self.states.get(name)
        if state is None:
            raise InvariantError(f"{kind} names the parent order {name}, which was never intended.")
        return state


def reason_of(state: ParentState) -> ParentEnd:
    """Return why a parent order that has stopped, or is filled, ends."""
    if state.filled_quantity >= state.order.quantity:
        return ParentEnd.FILLED
    return state.stopped.reason if state.stopped is not None else ParentEnd.CANCELED


def with_stop(stop: Order, state: ParentState) -> Order:
    """Return the stop of a parent's bracket where it stands now."""
    return replace(stop, stop_price=state.stop_price)
