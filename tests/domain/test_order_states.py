"""The order state machine: ends are final, working orders can end, refusals say what the order is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.domain.errors import InvariantError
from tapeline.domain.order_states import TRANSITIONS, OrderEvent, apply, resting_status
from tapeline.domain.words import OrderStatus

RESTING = (OrderStatus.NEW, OrderStatus.TRIGGERED, OrderStatus.PARTIALLY_FILLED)


def walk(*events: OrderEvent, reported: OrderStatus | None = None) -> OrderStatus:
    status = OrderStatus.PENDING_NEW
    for event in events:
        status = apply(status, event, reported)
    return status


def test_a_stop_order_goes_from_pending_to_filled() -> None:
    E = OrderEvent  # noqa: N806  (a table of its own)

    assert walk(E.ACCEPTED) is OrderStatus.NEW
    assert walk(E.ACCEPTED, E.TRIGGERED) is OrderStatus.TRIGGERED
    assert walk(E.ACCEPTED, E.TRIGGERED, E.PARTLY_FILLED) is OrderStatus.PARTIALLY_FILLED
    assert walk(E.ACCEPTED, E.TRIGGERED, E.PARTLY_FILLED, E.FILLED) is OrderStatus.FILLED


def test_a_fill_that_overtakes_the_acceptance_is_kept() -> None:
    assert walk(OrderEvent.PARTLY_FILLED, OrderEvent.ACCEPTED) is OrderStatus.PARTIALLY_FILLED


def test_a_partial_fill_leaves_a_cancel_in_flight() -> None:
    events = (OrderEvent.ACCEPTED, OrderEvent.CANCEL_SENT, OrderEvent.PARTLY_FILLED)

    assert walk(*events) is OrderStatus.PENDING_CANCEL
    assert walk(*events, OrderEvent.CANCELED) is OrderStatus.CANCELED
    assert walk(*events, OrderEvent.FILLED) is OrderStatus.FILLED


def test_a_refused_cancel_returns_to_the_status_that_the_venue_reports() -> None:
    for status in RESTING:
        assert apply(OrderStatus.PENDING_CANCEL, OrderEvent.CANCEL_REFUSED, status) is status


def test_a_refusal_that_does_not_say_what_the_order_is_stops_us() -> None:
    with pytest.raises(InvariantError, match="the report says nothing"):
        apply(OrderStatus.PENDING_CANCEL, OrderEvent.CANCEL_REFUSED)


def test_an_unknown_outcome_is_working_until_a_report_resolves_it() -> None:
    unknown = walk(OrderEvent.OUTCOME_LOST)

    assert unknown is OrderStatus.UNKNOWN
    assert unknown.is_working
    assert apply(unknown, OrderEvent.REJECTED) is OrderStatus.REJECTED
    assert apply(unknown, OrderEvent.ACCEPTED, OrderStatus.NEW) is OrderStatus.NEW


def test_denial_is_possible_before_sending_only() -> None:
    able = [status for status, events in TRANSITIONS.items() if OrderEvent.DENIED in events]

    assert able == [OrderStatus.PENDING_NEW]


@pytest.mark.parametrize("status", [status for status in OrderStatus if not status.is_working])
@pytest.mark.parametrize("event", OrderEvent)
def test_nothing_happens_to_an_order_that_has_ended(status: OrderStatus, event: OrderEvent) -> None:
    with pytest.raises(InvariantError, match="it has ended"):
        apply(status, event)


def test_every_status_stands_in_the_table_and_every_working_one_can_end() -> None:
    assert set(TRANSITIONS) == set(OrderStatus)
    for status in OrderStatus:
        ends = {after for following in TRANSITIONS[status].values() for after in following}
        assert any(not after.is_working for after in ends) == status.is_working


@given(st.lists(st.tuples(st.sampled_from(OrderEvent), st.sampled_from(RESTING)), max_size=30))
def test_any_stream_of_events_moves_along_the_table_or_is_refused(
    stream: list[tuple[OrderEvent, OrderStatus]],
) -> None:
    """Once filled in part an order is never NEW again, and a final status is the last one."""
    status = OrderStatus.PENDING_NEW
    filled = False
    triggered = False
    for event, _ in stream:
        was = status
        resting = resting_status(triggered=triggered, partly_filled=filled)
        if event not in TRANSITIONS[status]:
            with pytest.raises(InvariantError):
                apply(status, event, resting)
            continue
        status = apply(status, event, resting)
        filled = filled or event is OrderEvent.PARTLY_FILLED
        triggered = triggered or event is OrderEvent.TRIGGERED
        assert was.is_working
        assert status in TRANSITIONS[was][event]
        assert not (filled and status in (OrderStatus.NEW, OrderStatus.PENDING_NEW))
