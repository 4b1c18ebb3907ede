"""Executions and found orders into the books: each execution once, under our names, with leaves by our own sum.

    ordered 100; booked 40; now a fill of 30 that claims "leaves 0"      booked: 30, leaves 30; another fill is missing

A report may have been overtaken by others, so what it says is left of its order is only a hint: whether something is
missing. Exceptions are members of brackets and groups: what they work for depends on fills of other orders, and the
venue's word is as good as ours.

What fits no order of ours, since nobody knows it or more was executed than ordered, is not booked until the order was
asked for by name (`look_ups.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from tapeline.domain.errors import InputError
from tapeline.domain.execution import Execution
from tapeline.domain.order import CLIENT_ORDER_ID_LENGTH_MAX, Order
from tapeline.domain.position import ZERO
from tapeline.domain.reports import EXTERNAL, Request, VenueOrder
from tapeline.domain.words import OrderStatus, OrderType, TimeInForce
from tapeline.execution.books import Books
from tapeline.execution.reconciliation import TERMS
from tapeline.ledger.facts import OrderAdopted, OrderFilled, OrderReplaced
from tapeline.ledger.order_book import OrderState

_REFUSED = (OrderStatus.REJECTED, OrderStatus.DENIED)


class Bookings:
    """What executes, and what is found."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._terms_ns: dict[str, int] = {}

    def is_booked(self, execution: Execution) -> bool:
        """Return whether it is in the books, or was and is void."""
        return execution.execution_id in self._books.views.orders.executions

    def fits(self, execution: Execution, claimed: Decimal | None = None) -> bool:
        """Return whether it can belong to the order that it names, as we know it.

        claimed : the leaves quantity of its report, None if it came without
        """
        state = self._books.states.get(execution.client_order_id)
        if state is None or state.status in _REFUSED:
            return False
        if (execution.symbol, execution.side) != (state.order.symbol, state.order.side):
            return False
        left = state.quantity - state.filled_quantity - execution.quantity
        if left or not is_alone(state):
            return left >= 0
        # nothing is left by our sum: not so if the order may be larger than we know
        return not claimed and (state.asked_quantity is None or state.asked_quantity <= state.quantity)

    def book(self, execution: Execution, claimed: Decimal | None = None) -> bool:
        """Book an execution that fits; return whether its report, by what it claims, shows others missing."""
        state = self._books.states[execution.client_order_id]
        order = state.order
        if (execution.strategy, execution.account) != (order.strategy, order.account):
            execution = replace(execution, strategy=order.strategy, account=order.account)
        ours = state.quantity - state.filled_quantity - execution.quantity
        leaves = ours
        if not is_alone(state):
            leaves = max(ZERO, state.leaves_quantity - execution.quantity) if claimed is None else claimed
        if not state.status.is_working:
            leaves = ZERO
        self._books.record(OrderFilled(execution, leaves))
        return claimed is not None and claimed < ours and leaves == ours

    def adopt(self, found: VenueOrder, executions: Sequence[Execution], now_ns: int) -> None:
        """Take an order into the books that these did not expect at work.

        executions : of it, about to be booked; it is made as large as they need
        """
        state = self._books.states.get(found.client_order_id)
        before = ZERO if state is None else state.filled_quantity
        order = _order_of(found, self._books.account) if state is None else state.order
        coming = sum((one.quantity for one in executions), ZERO)
        order = replace(order, quantity=max(found.quantity, before + coming))
        if order.quantity > before:
            self._books.record(OrderAdopted(now_ns, order, found.venue_order_id))

    def adopt_executions(self, executions: Sequence[Execution], now_ns: int) -> None:
        """Book executions whose order the venue does not show, each under an external order of its own."""
        for execution in executions:
            name = execution.client_order_id
            if name in self._books.states:
                # an order of ours has that name and cannot have been meant
                name = f"{EXTERNAL}~{execution.execution_id}"[-CLIENT_ORDER_ID_LENGTH_MAX:]
                execution = replace(execution, client_order_id=name)
            order = Order(
                name, EXTERNAL, execution.symbol, execution.side, OrderType.MARKET, execution.quantity,
                execution.event_time_ns, account=self._books.account,
            )  # fmt: skip
            self._books.record(OrderAdopted(now_ns, order))
            self.book(execution)

    def make_room(self, found: VenueOrder, executions: Sequence[Execution], time_ns: int) -> None:
        """Let a working order of ours be as large as the venue says, or as its executions show."""
        state = self._books.working[found.client_order_id]
        needed = sum((one.quantity for one in executions), state.filled_quantity)
        if is_alone(state):
            needed = max(found.quantity, needed)
        if executions and needed > state.quantity:
            self.take_terms(found, time_ns, needed)

    def take_terms(self, found: VenueOrder, time_ns: int, quantity: Decimal | None = None) -> None:
        """Let a working order of ours have the terms that the venue answered at a time, or another total quantity."""
        state = self._books.working[found.client_order_id]
        if quantity is None:
            quantity = found.quantity if is_alone(state) else state.quantity
        self.replaced(
            OrderReplaced(
                time_ns,
                found.client_order_id,
                quantity,
                state.leaves_quantity,
                found.limit_price,
                found.stop_price,
                found.trail_amount,
                found.trail_percent,
                found.time_in_force,
            )
        )

    def replaced(self, fact: OrderReplaced) -> None:
        """Record the terms of a working order, unless newer ones are known or nothing is new about them."""
        name = fact.client_order_id
        state = self._books.working[name]
        if fact.event_time_ns < self._terms_ns.get(name, 0):
            return
        quantity, leaves = fact.quantity, fact.leaves_quantity
        if is_alone(state):
            quantity = max(quantity, state.filled_quantity)
            leaves = quantity - state.filled_quantity
        if (quantity, leaves) != (fact.quantity, fact.leaves_quantity):
            fact = replace(fact, quantity=quantity, leaves_quantity=leaves)
        is_known = all(getattr(fact, term) == getattr(state, term) for term in (*TERMS, "leaves_quantity"))
        if is_known and Request.REPLACE not in state.asked:
            return
        self._terms_ns[name] = fact.event_time_ns
        self._books.record(fact)

    def forget(self) -> None:
        """Forget when the terms of orders were told that do not work any more."""
        working = self._books.working
        self._terms_ns = {name: time_ns for name, time_ns in self._terms_ns.items() if name in working}


def is_alone(state: OrderState) -> bool:
    """Return whether what the order works for depends on no other order."""
    return state.order.parent is None and state.order.group is None


def _order_of(found: VenueOrder, account: str) -> Order:
    terms = {
        "client_order_id": found.client_order_id,
        "strategy": EXTERNAL,
        "symbol": found.symbol,
        "side": found.side,
        "quantity": found.quantity,
        "decision_time_ns": found.event_time_ns,
        "account": account,
    }
    try:
        return Order(
            **terms,  # type: ignore[arg-type]
            order_type=found.order_type,
            time_in_force=TimeInForce.GTC if found.time_in_force is TimeInForce.GTD else found.time_in_force,
            limit_price=found.limit_price,
            stop_price=found.stop_price,
            trail_amount=found.trail_amount,
            trail_percent=found.trail_percent,
        )
    except InputError:
        # terms that ours cannot express: what counts against the limits is its side and quantity
        return Order(**terms, order_type=OrderType.MARKET)  # type: ignore[arg-type]
