"""Every status meets every event: the table of the code, the one of the document, and what facts can reach."""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.ledger.builders import T0, an_execution, an_order

from tapeline.domain.adopted import Grounds
from tapeline.domain.errors import InvariantError
from tapeline.domain.execution import Execution
from tapeline.domain.order_states import TRANSITIONS, OrderEvent
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderStatus, Reason
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_book import OrderBook
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

DOCUMENT = Path(__file__).parents[2] / "docs" / "order-life.md"
NAME = "Dip-ABCD-1"
GROUNDS = Grounds("venue")
ZERO = Decimal(0)

Move = tuple[OrderEvent, Callable[[OrderBook], object]]
Table = dict[tuple[OrderStatus, OrderEvent], set[OrderStatus]]


def documented() -> Table:
    """Return the table of the document; a pair that it refuses has no statuses."""
    table: Table = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 4 or not re.fullmatch(r"[A-Z_]+(, [A-Z_]+)*", cells[0]):
            continue
        for event in cells[0].split(", "):
            for status in cells[1].split(", "):
                pair = (OrderStatus[status], OrderEvent[event])
                assert pair not in table, f"{status} and {event} stand in the document twice."
                after = {"same": [status], "refused": []}.get(cells[2]) or cells[2].split(", ")
                table[pair] = set() if cells[2] == "refused" else {OrderStatus[name] for name in after}
    return table


def test_the_document_explains_every_pair_of_status_and_event_as_the_code_decides_it() -> None:
    decided = {
        (status, event): set(TRANSITIONS[status].get(event, ())) for status in OrderStatus for event in OrderEvent
    }

    assert documented() == decided


def newest(book: OrderBook) -> Execution | None:
    return next((booked for booked in reversed(book.executions.values()) if booked is not None), None)


def moves(book: OrderBook) -> Iterator[Move]:
    """Yield everything that a fact can say of the order now, sensible or not."""
    state = book.states[NAME]
    works, open_now = state.status.is_working, state.quantity - state.filled_quantity
    event = OrderEvent
    yield event.ACCEPTED, lambda book: book.accepted(OrderAccepted(T0, NAME, "V"))
    yield event.TRIGGERED, lambda book: book.triggered(OrderTriggered(T0, NAME))
    for quantity in range(1, int(open_now) + 1):
        fill = an_execution(execution_id=f"E-{len(book.executions)}", quantity=Decimal(quantity))
        leaves = open_now - quantity if works else ZERO
        yield (
            event.PARTLY_FILLED if leaves else event.FILLED,
            lambda book, fill=fill, leaves=leaves: book.filled(OrderFilled(fill, leaves)),
        )
        if not works:
            yield event.PARTLY_FILLED, lambda book, fill=fill: book.filled(OrderFilled(fill, ZERO))
    yield event.CANCEL_SENT, lambda book: book.cancel_intended(CancelIntended(T0, NAME))
    yield event.REPLACE_SENT, lambda book: book.replace_intended(ReplaceIntended(T0, NAME, quantity=Decimal(3)))
    for said in (None, OrderStatus.NEW, OrderStatus.FILLED):
        yield event.CANCEL_REFUSED, lambda book, said=said: book.cancel_rejected(CancelRejected(T0, NAME, said))
        yield event.REPLACE_REFUSED, lambda book, said=said: book.replace_rejected(ReplaceRejected(T0, NAME, said))
    yield event.CANCELED, lambda book: book.canceled(OrderCanceled(T0, NAME))
    yield event.EXPIRED, lambda book: book.expired(OrderExpired(T0, NAME))
    yield event.REJECTED, lambda book: book.rejected(OrderRejected(T0, NAME))
    for reason in (Reason.NONE, Reason.REQUESTED, Reason.CORPORATE_ACTION):
        leaves = 3 - state.filled_quantity if works else ZERO
        terms = OrderReplaced(T0, NAME, Decimal(3), leaves, reason=reason)
        yield event.REPLACED, lambda book, terms=terms: book.replaced(terms)
    for request in Request:
        yield event.OUTCOME_LOST, lambda book, request=request: book.outcome_lost(OutcomeLost(T0, NAME, request))
    for done in (ZERO, Decimal(1)):
        adoption = OrderAdopted(T0, an_order(quantity=state.quantity), "V", done)
        yield event.FOUND, lambda book, adoption=adoption: book.adopted(adoption)
    yield from amendments(book, works, open_now)


def amendments(book: OrderBook, works: bool, open_now: Decimal) -> Iterator[Move]:
    booked = newest(book) or an_execution(execution_id="nothing")
    for quantity in range(4):
        leaves = open_now + booked.quantity - quantity
        if quantity == booked.quantity or leaves < 0:
            continue
        for told in {leaves} if works else {leaves, ZERO}:
            if not quantity:
                bust = ExecutionBusted(T0, booked, GROUNDS, leaves_quantity=told)
                yield OrderEvent.BUSTED, lambda book, bust=bust: book.busted(bust)
                continue
            anew = replace(booked, execution_id=f"{booked.execution_id}~{quantity}", quantity=Decimal(quantity))
            correction = ExecutionCorrected(T0, booked, anew, GROUNDS, leaves_quantity=told)
            yield OrderEvent.CORRECTED, lambda book, correction=correction: book.corrected(correction)


def everything_reached() -> Table:
    """Return what follows in practice, from all states that an order for two, or three, can be brought into."""
    found: Table = defaultdict(set)
    start = OrderBook()
    start.intended(OrderIntended(an_order(quantity=Decimal(2))))
    to_do, seen = [start], set()
    while to_do:
        book = to_do.pop()
        before = book.states[NAME].status
        for event, move in moves(book):
            tried = copy.deepcopy(book)
            try:
                move(tried)
            except InvariantError:
                found.setdefault((before, event), set())
                continue
            state, booked = tried.states[NAME], newest(tried)
            found[before, event].add(state.status)
            assert (NAME in tried.working) == state.status.is_working
            assert tried.ended.get(NAME) == (None if state.status.is_working else state.status)
            assert state.leaves_quantity == (state.quantity - state.filled_quantity if state.status.is_working else 0)
            key = (
                state.status, state.quantity, state.filled_quantity, state.is_triggered,
                tuple(sorted(state.asked.items())), booked.quantity if booked is not None else 0,
            )  # fmt: skip
            if key not in seen and len(tried.executions) < 5:
                seen.add(key)
                to_do.append(tried)
    return found


def test_facts_reach_exactly_what_the_table_has() -> None:
    reached = everything_reached()

    for status in OrderStatus:
        if status is OrderStatus.DENIED:  # no order is ever denied: a denial is a fact without one
            continue
        for event in OrderEvent:
            assert reached.get((status, event), set()) == set(TRANSITIONS[status].get(event, ())), (status, event)


@pytest.mark.parametrize("status", [status for status in OrderStatus if not status.is_working])
def test_no_report_but_a_bust_a_correction_or_an_adoption_brings_an_ended_order_back(status: OrderStatus) -> None:
    back = {event for event, after in TRANSITIONS[status].items() if any(s.is_working for s in after)}

    assert back <= {OrderEvent.BUSTED, OrderEvent.CORRECTED, OrderEvent.FOUND}
