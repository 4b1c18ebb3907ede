"""The table of an order's life, and what an order stands at: ends are final, working orders can end."""

from __future__ import annotations

import pytest

from tapeline.domain.errors import InvariantError
from tapeline.domain.order_states import TRANSITIONS, OrderEvent, check, standing
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderStatus


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({Request.SUBMIT: False}, OrderStatus.PENDING_NEW),
        ({Request.SUBMIT: False, Request.REPLACE: False}, OrderStatus.PENDING_REPLACE),
        ({Request.CANCEL: False, Request.REPLACE: False}, OrderStatus.PENDING_CANCEL),
        ({Request.SUBMIT: True}, OrderStatus.UNKNOWN),
        ({Request.CANCEL: False, Request.REPLACE: True}, OrderStatus.UNKNOWN),
        ({}, OrderStatus.PARTIALLY_FILLED),
    ],
)
def test_what_is_asked_without_an_answer_comes_before_what_has_filled(
    asked: dict[Request, bool], status: OrderStatus
) -> None:
    assert standing(asked, triggered=True, partly_filled=True) is status


def test_without_requests_a_stop_that_was_reached_is_triggered_until_something_fills() -> None:
    assert standing({}, triggered=False, partly_filled=False) is OrderStatus.NEW
    assert standing({}, triggered=True, partly_filled=False) is OrderStatus.TRIGGERED


def test_an_order_that_we_denied_ourselves_was_never_sent_and_nothing_can_be_said_of_it() -> None:
    assert TRANSITIONS[OrderStatus.DENIED] == {}
    assert all(OrderStatus.DENIED not in after for events in TRANSITIONS.values() for after in events.values())


def test_every_status_stands_in_the_table_and_every_working_one_can_end() -> None:
    assert set(TRANSITIONS) == set(OrderStatus)
    for status in OrderStatus:
        if status.is_working:
            ends = {after for following in TRANSITIONS[status].values() for after in following}
            assert {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED} <= ends


@pytest.mark.parametrize("status", [status for status in OrderStatus if not status.is_working])
def test_an_order_that_has_ended_stays_so_or_works_again_but_never_ends_in_another_way(status: OrderStatus) -> None:
    for event, following in TRANSITIONS[status].items():
        reopens = event in (OrderEvent.FOUND, OrderEvent.BUSTED, OrderEvent.CORRECTED)
        assert all(after is status or (reopens and after.is_working) for after in following)


def test_what_the_table_does_not_have_is_refused_with_what_it_has() -> None:
    with pytest.raises(InvariantError, match="order that is DENIED cannot be met by ACCEPTED; possible: nothing"):
        check(OrderStatus.DENIED, OrderEvent.ACCEPTED, OrderStatus.NEW)
    with pytest.raises(InvariantError, match=r"After ACCEPTED an order that was NEW is NEW; found TRIGGERED\."):
        check(OrderStatus.NEW, OrderEvent.ACCEPTED, OrderStatus.TRIGGERED)


def test_what_was_possible_is_told_beside_what_was_found() -> None:
    with pytest.raises(InvariantError, match=r"possible: CANCEL_SENT, REPLACE_SENT, .*, FOUND\.$"):
        check(OrderStatus.REJECTED, OrderEvent.ACCEPTED, OrderStatus.NEW)
    with pytest.raises(InvariantError, match="was PARTIALLY_FILLED is PARTIALLY_FILLED or FILLED; found NEW"):
        check(OrderStatus.PARTIALLY_FILLED, OrderEvent.CORRECTED, OrderStatus.NEW)
