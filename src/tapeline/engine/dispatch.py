"""What a decision asks for, carried out: each intent becomes a fact of the journal, and leaves by the order keeper.

On its way an order may be made smaller, worked in parts, or denied by the guard of a live run; a denial is recorded,
and the book takes it in within the same decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tapeline.domain.order import Order
from tapeline.domain.slice import Slice
from tapeline.domain.words import IntentKind, Reason
from tapeline.engine.desk import Desk
from tapeline.engine.guard import Guard
from tapeline.engine.parents import Parents
from tapeline.engine.reasons import Reasons
from tapeline.engine.settling import is_working, settle_stop
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.parent_keeper import denied_replace
from tapeline.ledger.order_facts import CancelIntended, CancelRejected, OrderDenied, OrderIntended, ReplaceIntended
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact


class Dispatch:
    """The way of intents from one book to the outbox. record : journals a fact and returns it"""

    def __init__(
        self,
        desk: Desk,
        views: Views,
        record: Callable[[Fact], Any],
        keeper: OrderKeeper,
        parents: Parents,
        reasons: Reasons,
        now_ns: Callable[[], int],
    ) -> None:
        self._desk, self._intents, self._views, self._record = desk, desk.intents, views, record
        self._keeper, self._parents, self._reasons, self._now_ns = keeper, parents, reasons, now_ns
        self._guard: Guard | None = None
        self._bracket: list[Order] = []
        self._handlers: dict[IntentKind, Callable[[Any, Slice], None]] = {
            IntentKind.SUBMIT: self._submit,
            IntentKind.CANCEL: self._cancel,
            IntentKind.REPLACE: self._replace,
            IntentKind.DENIED: self._deny,
        }

    def carry_out(self, intents: Any, now: Slice, guard: Guard | None) -> None:
        """Carry out the intents of a slice in their order. guard : of a live run, None in a replay"""
        self._guard = guard
        for intent in intents:
            self._handlers[IntentKind(int(intent["kind"]))](intent, now)
        self._flush()

    def _submit(self, intent: Any, now: Slice) -> None:
        signal_id = self._reasons.signal(intent, now, self._desk, self._record)
        is_worked = self._parents.takes(intent)
        order, denial = self._intents.order_of(intent, attempt=0 if is_worked else 1), None
        if self._guard is not None:
            order = self._guard.fitted(order)
            self._desk.resize(order)
        if is_worked:
            self._parents.collect(order, intent, signal_id)
            return
        if self._guard is not None:
            denial = self._guard.denies(order, self._now_ns())
        if denial is not None:
            if order.parent is None:
                self._flush()
                self._record(self._intents.refusal_of(intent, order, denial, signal_id))
            self._desk.refuse(intent, now.session)
            return
        recorded: OrderIntended = self._record(
            OrderIntended(order, signal_id, self._intents.sizing_of(intent), self._intents.instruction_of(intent))
        )
        if self._bracket and not _belong_together(self._bracket[0], recorded.order):
            self._flush()
        self._bracket.append(recorded.order)

    def _cancel(self, intent: Any, now: Slice) -> None:
        if not is_working(self._desk.book, int(intent["ticket"])):
            return  # the gate refused the order within the same decision
        self._flush()
        signal_id = self._reasons.signal(intent, now, self._desk, self._record)
        fact = self._intents.cancel_of(intent, signal_id)
        if self._parents.cancel(fact):
            return
        for name in self._parents.names_at_venue(fact.client_order_id):
            recorded: CancelIntended = self._record(replace(fact, client_order_id=name))
            text = self._guard.bars_cancel(recorded) if self._guard is not None else None
            if text is None:
                self._keeper.cancel(recorded)
                continue
            refusal = CancelRejected(self._now_ns(), name, None, text, Reason.NEVER_ARRIVED)
            self._desk.book_reports([self._record(refusal)], now.session, self._views)

    def _replace(self, intent: Any, now: Slice) -> None:
        self._flush()
        signal_id = self._reasons.signal(intent, now, self._desk, self._record)
        fact = self._intents.replace_of(intent, signal_id)
        if self._parents.owns(fact.client_order_id):
            self._parents.replace(fact)
            return
        denial = self._guard.denies_replace(fact, self._now_ns()) if self._guard is not None else None
        if denial is not None:
            self._record(denied_replace(fact, denial))
            number = self._desk.tickets[fact.client_order_id]
            settle_stop(self._desk.book, number, self._views.orders.states[fact.client_order_id].stop_price)
            return
        recorded: ReplaceIntended = self._record(fact)
        self._keeper.replace(recorded)

    def _deny(self, intent: Any, now: Slice) -> None:
        signal_id = self._reasons.signal(intent, now, self._desk, self._record)
        denied: OrderDenied = self._intents.denial_of(intent, signal_id)
        self._record(denied)

    def _flush(self) -> None:
        """Hand on the orders that belong together, in their order."""
        if self._bracket:
            self._keeper.submit(self._bracket)
            self._bracket = []
        self._parents.begin()


def _belong_together(first: Order, other: Order) -> bool:
    """Return whether an order is a child of an entry, or the second of a pair of which one cancels the other."""
    return other.parent == first.client_order_id or (other.group is not None and other.group == first.group)
