"""What is told about orders, made fit for the books: once, in our names, and whatever overtook it.

    told again, or overtaken by the order's end      nothing is recorded
    about an order nobody here knows                 asked for by name; a gap opens
    an end after more has filled than is booked      asked for by name; a gap opens: it is recorded after them
    a refusal that says the order ended              recorded, and asked for by name: its end did not reach us
    an execution                                     booked once by its id (`bookings.py`)

A report never raises: what fits nothing is a question, not a fault of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapeline.domain.adopted import NOT_SHOWN
from tapeline.domain.execution import Execution
from tapeline.domain.reports import OrderEnded, Request
from tapeline.domain.words import OrderStatus
from tapeline.execution.bookings import ANSWERED, Bookings, is_alone
from tapeline.execution.books import Books
from tapeline.execution.look_ups import LookUps
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import (
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
    ReplaceRejected,
)
from tapeline.ledger.order_state import OrderState

Missing = Callable[[str], None]
"""Called with a sentence when a report shows that others are missing."""


class OrderReports:
    """The facts that a venue tells about orders."""

    def __init__(self, books: Books, bookings: Bookings, look_ups: LookUps, missing: Missing) -> None:
        self._books, self._bookings, self._look_ups, self._missing = books, bookings, look_ups, missing
        self._refused_ns: dict[tuple[str, Request], int] = {}
        self._executions: dict[str, Callable[[Any, int], None]] = {
            OrderFilled.kind: self._filled,
            ExecutionCorrected.kind: self._corrected,
            ExecutionBusted.kind: lambda fact, _: self._bookings.bust(fact),
        }
        self._takers: dict[str, Callable[[Any, OrderState], bool]] = {
            OrderAccepted.kind: self._accepted,
            OrderTriggered.kind: self._triggered,
            OrderReplaced.kind: self._replaced,
            OrderCanceled.kind: self._ended,
            OrderExpired.kind: self._ended,
            OrderRejected.kind: self._rejected,
            CancelRejected.kind: self._cancel_rejected,
            ReplaceRejected.kind: self._replace_rejected,
        }

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of facts that are taken here."""
        return frozenset({*self._takers, *self._executions})

    def take(self, fact: Any, now_ns: int) -> None:
        """Take one fact as it was told."""
        if fact.kind in self._executions:
            self._executions[fact.kind](fact, now_ns)
            return
        name = fact.client_order_id
        state = self._books.states.get(name)
        if state is None:
            self._missing(f"{fact.kind} names the order {name}, which nobody here knows.")
            self._look_ups.begin(name, now_ns)
            return
        taker = self._takers.get(fact.kind)
        if state.status.is_working and taker is not None:
            if taker(fact, state):
                self._look_ups.begin(name, now_ns)
        elif state.status is OrderStatus.REJECTED and fact.kind not in (OrderRejected.kind, *_REFUSALS):
            # taken for never arrived, and yet the venue speaks of it
            self._look_ups.begin(name, now_ns)

    def take_end(self, told: OrderEnded, now_ns: int) -> None:
        """Take the end of an order; what it still counts for stays counted as long as executions of it are missing."""
        name = told.client_order_id
        state = self._books.states.get(name)
        if state is not None and state.status.is_working and told.filled_quantity > state.filled_quantity:
            self._missing(f"Order {name} ended with {told.filled_quantity} filled, by our sum {state.filled_quantity}.")
            self._look_ups.begin(name, now_ns)
        elif told.status is OrderStatus.EXPIRED:
            self.take(OrderExpired(told.event_time_ns, name), now_ns)
        else:
            self.take(OrderCanceled(told.event_time_ns, name, told.reason), now_ns)

    def execute(self, execution: Execution, now_ns: int) -> None:
        """Book an execution that came without a report of its order, unless it is booked."""
        execution = self._bookings.named(execution)
        if self._bookings.is_booked(execution) or self._bookings.correct(execution, ANSWERED, now_ns):
            return
        if self._bookings.fits(execution):
            self._bookings.book(execution)
        else:
            self._look_ups.hold(execution, now_ns)

    def _corrected(self, fact: ExecutionCorrected, now_ns: int) -> None:
        execution = fact.execution
        if not self._bookings.is_booked(execution) and not self._bookings.correct(
            execution, fact.grounds, fact.event_time_ns
        ):
            self._missing(f"Execution {fact.corrected.execution_id} was corrected, and is not booked here.")
            self.execute(execution, now_ns)

    def _filled(self, fact: OrderFilled, now_ns: int) -> None:
        execution = fact.execution
        if self._bookings.is_booked(execution):
            if not self._bookings.is_booked(self._bookings.named(execution)):
                # told again or told at last: what the venue lists decides
                self._missing(f"Execution {execution.execution_id} was taken out and is reported again.")
            return
        if self._bookings.correct(execution, ANSWERED, fact.event_time_ns):
            return
        if self._is_behind(execution):
            self._look_ups.hold(execution, now_ns)
        elif not self._bookings.fits(execution, fact.leaves_quantity):
            self._missing(
                f"Execution {execution.execution_id} of {execution.quantity} {execution.symbol} does not fit "
                f"order {execution.client_order_id} as it is known here."
            )
            self._look_ups.hold(execution, now_ns)
        elif self._bookings.book(execution, fact.leaves_quantity):
            self._missing(
                f"Execution {execution.execution_id} leaves {fact.leaves_quantity} of order {fact.client_order_id}: "
                f"by our books another report is missing."
            )

    def _is_behind(self, execution: Execution) -> bool:
        """Whether others wait for its order, or for the entry that it works for: what it leaves is not known yet."""
        state = self._books.states.get(execution.client_order_id)
        parent = None if state is None else state.order.parent
        return any(name is not None and self._look_ups.holds(name) for name in (execution.client_order_id, parent))

    def forget(self) -> None:
        """Forget when requests about orders were refused that do not work any more."""
        working = self._books.working
        self._refused_ns = {key: time_ns for key, time_ns in self._refused_ns.items() if key[0] in working}

    def take_back(self, execution: Execution, now_ns: int) -> None:
        """Take an execution out that the venue does not show any more, though no report has busted it."""
        self._bookings.bust(ExecutionBusted(now_ns, execution, NOT_SHOWN))

    # Each returns whether the order is to be asked for by name ----------------------------------------------

    def _accepted(self, fact: OrderAccepted, state: OrderState) -> bool:
        is_known = fact.venue_order_id in (None, state.venue_order_id)
        if Request.SUBMIT in state.asked or not is_known:
            self._books.record(fact)
        return False

    def _triggered(self, fact: OrderTriggered, state: OrderState) -> bool:
        if not state.is_triggered:
            self._books.record(fact)
        return False

    def _replaced(self, fact: OrderReplaced, state: OrderState) -> bool:
        if not is_alone(state) and fact.quantity == state.quantity and fact.leaves_quantity < state.leaves_quantity:
            self._missing(
                f"New terms of order {fact.client_order_id} leave {fact.leaves_quantity} of it open, by our sum "
                f"{state.leaves_quantity} are: an execution is missing."
            )
        self._bookings.replaced(fact)
        return False

    def _ended(self, fact: OrderCanceled | OrderExpired, state: OrderState) -> bool:
        self._books.record(fact)
        return False

    def _rejected(self, fact: OrderRejected, state: OrderState) -> bool:
        if state.filled_quantity:
            return True  # it was not refused when it filled
        self._books.record(fact)
        return False

    def _cancel_rejected(self, fact: CancelRejected, state: OrderState) -> bool:
        return self._refused(fact, Request.CANCEL, state)

    def _replace_rejected(self, fact: ReplaceRejected, state: OrderState) -> bool:
        return self._refused(fact, Request.REPLACE, state)

    def _refused(self, fact: CancelRejected | ReplaceRejected, request: Request, state: OrderState) -> bool:
        key = (fact.client_order_id, request)
        # a refusal told twice would answer the next request
        if request not in state.asked or fact.event_time_ns <= self._refused_ns.get(key, -1):
            return False
        self._refused_ns[key] = fact.event_time_ns
        self._books.record(fact)
        return fact.status is None or not fact.status.is_working


_REFUSALS = (CancelRejected.kind, ReplaceRejected.kind)
