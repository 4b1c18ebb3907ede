"""Requests without an answer yet, or for good: what becomes of the order, and what counts as exposure meanwhile."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.ledger.builders import T0, a_fill, an_execution, an_order
from tests.ledger.one_order import KEY, NAME, books_of, exposure, sent

from tapeline.domain.errors import InvariantError
from tapeline.domain.order import client_order_id
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderStatus, Reason
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderReplaced,
    OutcomeLost,
    ReplaceIntended,
    ReplaceRejected,
)
from tapeline.ledger.order_state import Exposure


def test_a_submit_without_outcome_is_unknown_and_counts_as_exposure() -> None:
    facts = [OrderIntended(an_order()), OutcomeLost(T0, NAME, Request.SUBMIT, "timed out")]

    assert books_of(*facts).orders.working[NAME].status is OrderStatus.UNKNOWN
    assert exposure(*facts) == Exposure(buys=Decimal(100))


def test_an_order_that_never_arrived_ends_and_exposes_nothing() -> None:
    facts = [
        OrderIntended(an_order()), OutcomeLost(T0, NAME, Request.SUBMIT), OrderRejected(T0, NAME, Reason.NEVER_ARRIVED)
    ]  # fmt: skip

    assert books_of(*facts).orders.ended == {NAME: OrderStatus.REJECTED}
    assert exposure(*facts) == Exposure()


def test_a_late_acceptance_is_no_answer_to_a_lost_cancel_and_a_refusal_is() -> None:
    books = books_of(OrderIntended(an_order()), CancelIntended(T0, NAME), OutcomeLost(T0, NAME, Request.CANCEL))
    state = books.orders.working[NAME]

    books.apply(OrderAccepted(T0, NAME, "V-1"))
    after_acceptance = state.status
    books.apply(CancelRejected(T0, NAME, OrderStatus.NEW))

    assert (after_acceptance, state.status) == (OrderStatus.UNKNOWN, OrderStatus.NEW)


def test_a_request_that_has_its_answer_is_not_in_doubt_when_its_time_runs_out() -> None:
    """The acceptance came on the stream before the request itself timed out."""
    books = books_of(*sent(), OutcomeLost(T0, NAME, Request.SUBMIT))

    assert books.orders.working[NAME].status is OrderStatus.NEW


def test_a_replace_that_may_have_happened_counts_with_the_larger_total() -> None:
    """100 with 30 filled, asked for 150 or for 50: 120 may still fill, or 70."""
    before = [*sent(), a_fill(70, quantity=Decimal(30))]
    larger, smaller = (ReplaceIntended(T0, NAME, quantity=Decimal(total)) for total in (150, 50))
    lost = OutcomeLost(T0, NAME, Request.REPLACE)

    assert exposure(*before, larger).buys == exposure(*before, larger, lost).buys == 120
    assert exposure(*before, smaller, lost).buys == 70
    assert exposure(*before, larger, lost, ReplaceRejected(T0, NAME)).buys == 70
    assert exposure(*before, larger, OrderReplaced(T0, NAME, Decimal(150), Decimal(120))).buys == 120


def test_a_total_that_was_asked_for_later_counts_until_it_has_its_own_answer() -> None:
    """Asked for 150, then for 120, then for 160: answered in that order."""
    asked = [ReplaceIntended(T0, NAME, quantity=Decimal(total)) for total in (150, 120, 160)]
    answers = [OrderReplaced(T0, NAME, Decimal(total), Decimal(total)) for total in (150, 120, 160)]

    buys = [exposure(*sent(), *asked, *answers[:count]).buys for count in range(4)]

    assert buys == [160, 160, 160, 160]
    assert exposure(*sent(), *asked[:2], *answers[:1]).buys == 150
    assert exposure(*sent(), *asked[:2], *answers[:2]).buys == 120


def test_terms_that_nobody_asked_for_are_no_answer_to_a_replace() -> None:
    asked = ReplaceIntended(T0, NAME, quantity=Decimal(150))
    found = OrderReplaced(T0, NAME, Decimal(120), Decimal(120), reason=Reason.NONE)
    books = books_of(*sent(), asked, found)

    assert books.orders.working[NAME].status is OrderStatus.PENDING_REPLACE
    assert books.orders.exposures()[KEY].buys == 150


def test_a_split_takes_the_place_of_a_replace_on_its_way() -> None:
    asked = ReplaceIntended(T0, NAME, quantity=Decimal(150))
    split = OrderReplaced(T0, NAME, Decimal(10), Decimal(10), reason=Reason.CORPORATE_ACTION)
    books = books_of(*sent(), asked, split)

    assert books.orders.working[NAME].status is OrderStatus.NEW
    assert books.orders.working[NAME].asked_totals == ()
    assert books.orders.exposures()[KEY].buys == 10


def test_what_is_asked_waits_and_is_not_lost_before_its_time_runs_out() -> None:
    asked = [CancelIntended(T0, NAME), ReplaceIntended(T0, NAME)]

    assert books_of(*sent(), *asked).orders.states[NAME].asked == {Request.CANCEL: False, Request.REPLACE: False}


def test_a_request_that_is_asked_for_again_is_as_much_in_doubt_as_before() -> None:
    lost = [CancelIntended(T0, NAME), OutcomeLost(T0, NAME, Request.CANCEL)]
    state = books_of(*sent(), *lost, CancelIntended(T0 + 1, NAME)).orders.states[NAME]

    assert (state.status, state.asked) == (OrderStatus.UNKNOWN, {Request.CANCEL: True})


def test_nothing_is_waited_for_of_an_order_that_ended() -> None:
    wishes = [CancelIntended(T0, NAME), ReplaceIntended(T0, NAME, quantity=Decimal(50))]
    filled, canceled = books_of(*sent(), a_fill(), *wishes), books_of(*sent(), OrderCanceled(T0, NAME), *wishes)

    for state in (filled.orders.states[NAME], canceled.orders.states[NAME]):
        assert (state.asked, state.asked_totals) == ({}, ())


def test_a_replace_that_was_done_proves_that_the_submit_arrived_and_new_terms_alone_do_not() -> None:
    """Terms of an order on its way change by a split before it has arrived."""
    intent, asked = OrderIntended(an_order()), ReplaceIntended(T0, NAME, quantity=Decimal(50))
    terms = OrderReplaced(T0, NAME, Decimal(50), Decimal(50))

    done = books_of(intent, asked, terms).orders.working[NAME]
    alone = books_of(intent, replace(terms, reason=Reason.CORPORATE_ACTION)).orders.working[NAME]

    assert (done.status, alone.status) == (OrderStatus.NEW, OrderStatus.PENDING_NEW)


def test_an_order_that_never_arrived_is_sent_anew_as_another_order() -> None:
    """The next attempt of the same decision: derived again it is the same id, and both orders stand in the books."""
    first, second = (client_order_id("Dip", "ABCD", T0, 0, attempt) for attempt in (1, 2))
    books = books_of(
        OrderIntended(an_order(client_order_id=first)), OutcomeLost(T0, first, Request.SUBMIT),
        OrderRejected(T0, first, Reason.NEVER_ARRIVED), OrderIntended(an_order(client_order_id=second)),
        OrderFilled(an_execution(client_order_id=second), Decimal(0)),
    )  # fmt: skip

    assert first != second == client_order_id("Dip", "ABCD", T0, 0, 2)
    assert books.orders.ended == {first: OrderStatus.REJECTED, second: OrderStatus.FILLED}
    with pytest.raises(InvariantError, match="is intended a second time"):
        books.apply(OrderIntended(an_order(client_order_id=first)))
