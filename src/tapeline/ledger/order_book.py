"""Order book-keeping: the state of every order as the sum of its facts.

What an order leaves open comes with the facts that change it; what follows from its place among others stands in
`order_places.py`.

An order that has ended is kept, because executions may still be booked to it, corrected or busted, and because it may
be found at work after all. What such facts do to its status stands in `domain/order_states.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any

from tapeline.domain.errors import InvariantError
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.order_states import OrderEvent, check, standing
from tapeline.domain.position import ZERO
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderStatus, Reason, Role, Side
from tapeline.ledger.adopted_facts import BustNoted, ExecutionAdopted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.execution_book import ExecutionBook
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderAccepted,
    OrderAdopted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
    OutcomeLost,
    ReplaceIntended,
    ReplaceRejected,
)
from tapeline.ledger.order_places import OrderPlaces
from tapeline.ledger.order_state import NOTHING_ASKED, SUBMIT_ASKED, Exposure, OrderState, exposures_of

_ENDS = {
    OrderEvent.FILLED: OrderStatus.FILLED,
    OrderEvent.CANCELED: OrderStatus.CANCELED,
    OrderEvent.REJECTED: OrderStatus.REJECTED,
    OrderEvent.EXPIRED: OrderStatus.EXPIRED,
}


class OrderBook:
    """Every order by client order id.

    working : those that may still fill, of unknown outcome included; ended : how the others ended
    states : all of them
    booked : their executions; executions : those by id, None for one that stands no more
    stops : the stop that an entry came with, by the entry's id
    """

    def __init__(self) -> None:
        self.working: dict[str, OrderState] = {}
        self.ended: dict[str, OrderStatus] = {}
        self.states: dict[str, OrderState] = {}
        self.booked = ExecutionBook()
        self.stops: dict[str, Order] = {}
        self._places = OrderPlaces()

    @property
    def executions(self) -> Mapping[str, Execution | None]:
        """What is booked, by execution id; None for one that stands no more."""
        return self.booked.by_id

    def working_of(self, symbol: str) -> Collection[OrderState]:
        """Return the working orders of a symbol, oldest first."""
        return self._places.of_symbol(symbol)

    def exposures(self) -> dict[tuple[str, str, str], Exposure]:
        """Return what may still fill, by (account, strategy, symbol); orders of unknown outcome count like others.

        Members of a group cancel one another, so the largest stands for all of them on its side.
        """
        found: dict[tuple[str, str, str], Exposure] = {}
        for order, quantity in exposures_of(self.working.values()):
            key = (order.account, order.strategy, order.symbol)
            buys, sells = found.get(key, Exposure())
            found[key] = (
                Exposure(buys + quantity, sells) if order.side is Side.BUY else Exposure(buys, sells + quantity)
            )
        return found

    def intended(self, fact: OrderIntended) -> None:
        """Take in an order that is about to be sent."""
        order = fact.order
        name = order.client_order_id
        if name in self.states:
            raise InvariantError(f"Order {name} is intended a second time; an id belongs to one order.")
        dormant = order.parent is not None
        state = OrderState(
            order, OrderStatus.PENDING_NEW, order.quantity, ZERO if dormant else order.quantity, asked=SUBMIT_ASKED
        )
        state.take_terms(order)
        self._add(state)

    def adopted(self, fact: OrderAdopted) -> None:
        """Take in an order that was found at the venue; one that had ended works again."""
        order = fact.order
        name = order.client_order_id
        if name in self.working:
            raise InvariantError(f"Order {name} is adopted, but it stands in the books and works.")
        known = self.states.get(name)
        state = OrderState(order, OrderStatus.NEW, order.quantity, ZERO, fact.filled_quantity)
        state.venue_order_id = fact.venue_order_id
        if known is not None:
            self._same_owner("Adopted order", name, order, known.order)
            state.filled_quantity += known.filled_quantity
            state.status = known.status
            self.ended.pop(name)
        state.leaves_quantity = order.quantity - state.filled_quantity
        if state.leaves_quantity <= 0:
            raise InvariantError(
                f"Order {name} is adopted for {order.quantity}, but {state.filled_quantity} of it are filled."
            )
        state.take_terms(order)
        self._add(state)
        if known is not None:
            self._advance(state, OrderEvent.FOUND)
        else:
            state.status = self._standing(state)

    def cancel_intended(self, fact: CancelIntended) -> None:
        """Mark a cancel as in flight; one that finds its order ended does nothing."""
        state = self._known(fact)
        if state.status.is_working and Request.CANCEL not in state.asked:
            state.ask(Request.CANCEL)
        self._advance(state, OrderEvent.CANCEL_SENT)

    def replace_intended(self, fact: ReplaceIntended) -> None:
        """Mark a replace as in flight; one that finds its order ended does nothing."""
        state = self._known(fact)
        if state.status.is_working:
            if Request.REPLACE not in state.asked:
                state.ask(Request.REPLACE)
            state.asked_totals += (fact.quantity or ZERO,)
        self._advance(state, OrderEvent.REPLACE_SENT)

    def outcome_lost(self, fact: OutcomeLost) -> None:
        """Take in that nobody knows what became of a request; one that has its answer already is not in doubt."""
        state = self._known(fact)
        if fact.request in state.asked:
            state.ask(fact.request, is_lost=True)
        self._advance(state, OrderEvent.OUTCOME_LOST)

    def accepted(self, fact: OrderAccepted) -> None:
        """Take in that the venue has an order."""
        state = self._known(fact)
        state.venue_order_id = fact.venue_order_id or state.venue_order_id
        state.answer(Request.SUBMIT)
        self._advance(state, OrderEvent.ACCEPTED)

    def triggered(self, fact: OrderTriggered) -> None:
        """Take in that a stop was reached."""
        state = self._known(fact)
        state.is_triggered = True
        state.answer(Request.SUBMIT)
        self._advance(state, OrderEvent.TRIGGERED)

    def replaced(self, fact: OrderReplaced) -> None:
        """Take in the terms that hold from now on.

        They answer a replace, unless their reason is NONE: then nobody asked for them, and the wait goes on.
        """
        state = self._known(fact)
        self._check_open(state, fact.leaves_quantity, fact.kind)
        state.quantity = fact.quantity
        state.leaves_quantity = fact.leaves_quantity
        state.take_terms(fact)
        if fact.reason is not Reason.NONE:
            if Request.REPLACE in state.asked:
                state.answer(Request.SUBMIT)
            self._replace_answered(state)
        if fact.reason is Reason.CORPORATE_ACTION:
            state.asked_totals = ()
        self._advance(state, OrderEvent.REPLACED)

    def cancel_rejected(self, fact: CancelRejected) -> None:
        """Take in that the venue does not cancel an order; that it speaks of it as working proves that it has it."""
        state = self._known(fact)
        state.answer(Request.CANCEL)
        self._refused(state, fact.status, OrderEvent.CANCEL_REFUSED)

    def replace_rejected(self, fact: ReplaceRejected) -> None:
        """Take in that the venue does not replace an order, whose terms stay."""
        state = self._known(fact)
        self._replace_answered(state)
        self._refused(state, fact.status, OrderEvent.REPLACE_REFUSED)

    def filled(self, fact: OrderFilled) -> Order:
        """Take in an execution and return its order; one that comes after a cancel or an expiry is booked too.

        Raises InvariantError if it cannot belong to that order, or was booked before.
        """
        execution = fact.execution
        self.booked.must_be_new(execution)
        state = self._known(fact)
        self._same_owner("Execution", execution.execution_id, execution, state.order)
        self._check_open(state, fact.leaves_quantity, fact.kind)
        self.booked.add(execution)
        state.answer(Request.SUBMIT)
        self._change_filled(state, execution.quantity, fact.leaves_quantity)
        self._advance(state, OrderEvent.PARTLY_FILLED if fact.leaves_quantity else OrderEvent.FILLED)
        return state.order

    def execution_adopted(self, fact: ExecutionAdopted) -> None:
        """Take in an execution of no order of these books, so that it is booked once."""
        execution = fact.execution
        self.booked.must_be_new(execution)
        if execution.client_order_id in self.states:
            raise InvariantError(
                f"Execution {execution.execution_id} is adopted, but its order {execution.client_order_id} stands in "
                f"the books: book it as a fill of that order."
            )
        self.booked.add(execution)

    def corrected(self, fact: ExecutionCorrected) -> None:
        """Take in what an execution was in truth."""
        before, after = fact.corrected, fact.execution
        self.booked.correct(before, after, fact.grounds)
        self._amend(before, after, fact.leaves_quantity, OrderEvent.CORRECTED)

    def busted(self, fact: ExecutionBusted) -> None:
        """Take in that an execution is void."""
        self.booked.bust(fact.busted, fact.grounds)
        self._amend(fact.busted, None, fact.leaves_quantity, OrderEvent.BUSTED)

    def bust_noted(self, fact: BustNoted) -> None:
        """Take in that an execution is void that was never booked."""
        self.booked.note_bust(fact.busted)

    def canceled(self, fact: OrderCanceled) -> None:
        """Take in that the rest of an order was withdrawn."""
        self._advance(self._known(fact), OrderEvent.CANCELED)

    def rejected(self, fact: OrderRejected) -> None:
        """Take in that the venue refused an order, or that it has never arrived."""
        state = self._known(fact)
        if state.filled_quantity:
            raise InvariantError(
                f"Order {fact.client_order_id} is rejected, but {state.filled_quantity} of it are filled."
            )
        self._advance(state, OrderEvent.REJECTED)

    def expired(self, fact: OrderExpired) -> None:
        """Take in that an order's time has run out."""
        self._advance(self._known(fact), OrderEvent.EXPIRED)

    def _known(self, fact: Any) -> OrderState:
        state = self.states.get(fact.client_order_id)
        if state is None:
            raise InvariantError(f"{fact.kind} names the order {fact.client_order_id}, which was never intended.")
        return state

    def _amend(
        self, before: Execution, after: Execution | None, leaves_quantity: Decimal | None, event: OrderEvent
    ) -> None:
        state = self.states.get(before.client_order_id)
        if state is None:
            return
        if after is not None:
            self._same_owner("Corrected execution", before.execution_id, after, before)
        leaves = state.leaves_quantity if leaves_quantity is None else leaves_quantity
        if state.status is not OrderStatus.FILLED:
            self._check_open(state, leaves, event.name)
        self._change_filled(state, (after.quantity if after is not None else ZERO) - before.quantity, leaves)
        if leaves and not state.status.is_working:
            del self.ended[state.order.client_order_id]
            self._add(state)
        self._advance(state, event)

    def _same_owner(self, what: str, name: str, found: Execution | Order, known: Execution | Order) -> None:
        theirs, ours = _owner(found), _owner(known)
        if theirs != ours:
            raise InvariantError(f"{what} {name} is for {theirs}, its order {known.client_order_id} for {ours}.")

    def _check_open(self, state: OrderState, leaves_quantity: Decimal, kind: str) -> None:
        if leaves_quantity and not state.status.is_working:
            raise InvariantError(
                f"{kind} says that {leaves_quantity} of order {state.order.client_order_id} are open, but it is "
                f"{state.status.name} already."
            )

    def _replace_answered(self, state: OrderState) -> None:
        state.answer(Request.REPLACE)
        state.asked_totals = state.asked_totals[1:]

    def _refused(self, state: OrderState, said: OrderStatus | None, event: OrderEvent) -> None:
        if said is not None and said.is_working and said not in (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN):
            state.answer(Request.SUBMIT)
        self._advance(state, event)

    def _change_filled(self, state: OrderState, change: Decimal, leaves_quantity: Decimal) -> None:
        order = state.order
        state.filled_quantity += change
        if state.filled_quantity > state.quantity:
            raise InvariantError(
                f"Order {order.client_order_id} is for {state.quantity}, but {state.filled_quantity} filled."
            )
        state.leaves_quantity = leaves_quantity
        self._places.filled(order, change)

    def _standing(self, state: OrderState) -> OrderStatus:
        return standing(state.asked, triggered=state.is_triggered, partly_filled=state.filled_quantity > 0)

    def _advance(self, state: OrderState, event: OrderEvent) -> None:
        name = state.order.client_order_id
        if name not in self.working:
            check(state.status, event, state.status)
            return
        following = _ENDS.get(event) or self._standing(state)
        if event is OrderEvent.CORRECTED and state.filled_quantity == state.quantity:
            following = OrderStatus.FILLED
        check(state.status, event, following)
        state.status = following
        if not following.is_working:
            self._end(state)

    def _add(self, state: OrderState) -> None:
        order = state.order
        name = order.client_order_id
        self.states[name] = self.working[name] = state
        self._places.add(state)
        if order.parent is not None and order.role is Role.STOP:
            self.stops.setdefault(order.parent, order)

    def _end(self, state: OrderState) -> None:
        order = state.order
        name = order.client_order_id
        state.leaves_quantity = ZERO
        if state.status is not OrderStatus.FILLED:  # which may work again, and then a request may still be on its way
            state.asked, state.asked_totals = NOTHING_ASKED, ()
        del self.working[name]
        self.ended[name] = state.status
        self._places.remove(order)


_owner = attrgetter("client_order_id", "symbol", "side", "strategy", "account")
