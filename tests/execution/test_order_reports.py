"""What is told about orders, report by report: what is recorded of it, and what is asked because of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from execution.bare import ACCOUNT, T0, Bare, an_execution, an_order, intended
from tapeline.domain.adopted import NOT_SHOWN, Grounds
from tapeline.domain.execution import Execution
from tapeline.domain.reports import OrderEnded, Request
from tapeline.domain.words import OrderStatus, OrderType, Reason, Role, Side
from tapeline.ledger.adopted_facts import BustNoted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
    OutcomeLost,
    ReplaceIntended,
    ReplaceRejected,
)

NOW = T0 + 100
ACCEPTED = OrderAccepted(T0, "o1", "V1")
CANCELED = OrderCanceled(T0 + 9, "o1")
NEVER_ARRIVED = (OutcomeLost(T0, "o1", Request.SUBMIT), OrderRejected(T0, "o1", Reason.NEVER_ARRIVED))


def ours(number: int | str = 1, quantity: int = 4, **terms: Any) -> Any:
    return an_execution(number, quantity, strategy="Dip", account=ACCOUNT, **terms)


def take(desk: Bare, *facts: Any) -> list[str | None]:
    """Let these be told; return the names of the orders that are asked for."""
    for fact in facts:
        desk.reports.take(fact, NOW)
    return [query.client_order_id for query in desk.asked()]


def standing(desk: Bare) -> list[Execution]:
    return [one for one in desk.views.orders.executions.values() if one is not None]


# What is recorded -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ((), ACCEPTED),
        ((ACCEPTED,), replace(ACCEPTED, venue_order_id="V2")),
        ((ACCEPTED,), OrderTriggered(T0 + 9, "o1")),
        ((ACCEPTED,), OrderReplaced(T0 + 9, "o1", Decimal(8), Decimal(8))),
        ((ACCEPTED,), CANCELED),
        ((ACCEPTED,), OrderExpired(T0 + 9, "o1")),
        ((), OrderRejected(T0 + 9, "o1", Reason.NONE, "not today")),
        ((CancelIntended(T0, "o1"),), CancelRejected(T0 + 9, "o1", OrderStatus.NEW, "busy")),
        ((ReplaceIntended(T0, "o1"),), ReplaceRejected(T0 + 9, "o1", OrderStatus.NEW, "busy")),
    ],
)
def test_news_are_recorded_once_and_leave_no_question(before: tuple[Any, ...], told: Any) -> None:
    desk = Bare(*intended(an_order(order_type=OrderType.STOP, stop_price=Decimal(9))), *before)

    asked = take(desk, told, told)

    assert (desk.told, asked, desk.missing) == ([told], [], [])


def test_an_acceptance_without_the_number_that_is_known_tells_nothing() -> None:
    desk = Bare(*intended(), ACCEPTED)

    assert take(desk, OrderAccepted(T0 + 9, "o1")) == []
    assert desk.told == []


@pytest.mark.parametrize("status", [None, OrderStatus.CANCELED])
def test_a_refusal_that_says_that_the_order_does_not_work_lets_it_be_asked_for(status: OrderStatus | None) -> None:
    desk = Bare(*intended(), ACCEPTED, CancelIntended(T0, "o1"))

    assert take(desk, CancelRejected(T0 + 9, "o1", status)) == ["o1"]


def test_a_refusal_that_is_told_again_after_a_comparison_answers_no_later_request() -> None:
    desk = Bare(*intended(), ACCEPTED, ReplaceIntended(T0, "o1"))
    refusal = ReplaceRejected(T0 + 9, "o1", OrderStatus.NEW)
    take(desk, refusal)
    desk.reports.forget()
    desk.record(ReplaceIntended(T0 + 10, "o1"))

    assert take(desk, refusal) == []
    assert desk.state().status is OrderStatus.PENDING_REPLACE


def test_a_refusal_of_an_order_that_has_filled_lets_it_be_asked_for() -> None:
    desk = Bare(*intended(), OrderFilled(ours(), Decimal(6)))

    assert take(desk, OrderRejected(T0 + 9, "o1")) == ["o1"]
    assert desk.told == []


# Orders that ended, and those that nobody knows ---------------------------------------------------------------------


@pytest.mark.parametrize("told", [ACCEPTED, OrderTriggered(T0, "o1"), CANCELED, OrderExpired(T0, "o1")])
def test_a_report_about_an_order_that_ended_is_nothing_and_about_one_that_never_arrived_a_question(told: Any) -> None:
    ended, never_arrived = Bare(*intended(), CANCELED), Bare(*intended(), *NEVER_ARRIVED)

    assert (take(ended, told), take(never_arrived, told)) == ([], ["o1"])
    assert ended.told == never_arrived.told == []


@pytest.mark.parametrize("told", [OrderRejected(T0, "o1"), CancelRejected(T0, "o1"), ReplaceRejected(T0, "o1")])
def test_a_refusal_of_what_never_arrived_is_what_was_to_be_expected(told: Any) -> None:
    assert take(Bare(*intended(), *NEVER_ARRIVED), told) == []


def test_an_order_that_nobody_knows_is_asked_for_and_a_report_is_missing() -> None:
    desk = Bare()

    assert take(desk, OrderCanceled(T0, "V-9")) == ["V-9"]
    assert desk.missing == ["OrderCanceled names the order V-9, which nobody here knows."]


@pytest.mark.parametrize(
    ("told", "recorded"),
    [
        (OrderEnded(T0 + 9, "o1", OrderStatus.CANCELED, Decimal(4), Reason.EXIT), OrderCanceled(
            T0 + 9, "o1", Reason.EXIT
        )),
        (OrderEnded(T0 + 9, "o1", OrderStatus.EXPIRED, Decimal(4)), OrderExpired(T0 + 9, "o1")),
    ],
)  # fmt: skip
def test_an_end_whose_executions_are_booked_is_recorded_once(told: OrderEnded, recorded: Any) -> None:
    desk = Bare(*intended(), OrderFilled(ours(), Decimal(6)))

    for _ in range(2):
        desk.reports.take_end(told, NOW)

    assert (desk.told, desk.asked(), desk.missing) == ([recorded], [], [])


def test_an_end_after_more_than_is_booked_waits_for_the_rest() -> None:
    desk = Bare(*intended(), OrderFilled(ours(), Decimal(6)))

    desk.reports.take_end(OrderEnded(T0 + 9, "o1", OrderStatus.CANCELED, Decimal(5)), NOW)

    assert desk.missing == ["Order o1 ended with 5 filled, by our sum 4."]
    assert ([query.client_order_id for query in desk.asked()], desk.told) == (["o1"], [])
    assert desk.state().status.is_working


@pytest.mark.parametrize("status", [OrderStatus.CANCELED, OrderStatus.EXPIRED])
def test_the_end_of_an_order_that_nobody_knows_lets_it_be_asked_for(status: OrderStatus) -> None:
    desk = Bare()

    desk.reports.take_end(OrderEnded(T0 + 9, "V-9", status, Decimal(5)), NOW)

    assert [query.client_order_id for query in desk.asked()] == ["V-9"]


@pytest.mark.parametrize(
    ("terms", "quantity", "leaves", "is_missing"),
    [
        ({"group": "pair"}, 10, 4, True),
        ({"group": "pair"}, 10, 10, False),
        ({"group": "pair"}, 8, 4, False),
        ({}, 10, 4, False),
    ],
)
def test_terms_of_a_member_that_leave_less_than_our_sum_show_that_an_execution_is_missing(
    terms: dict[str, Any], quantity: int, leaves: int, is_missing: bool
) -> None:
    """What a stop or target works for is made smaller, with the same total, by what its sibling fills."""
    desk = Bare(*intended(an_order(**terms)), ACCEPTED)

    assert take(desk, OrderReplaced(T0 + 9, "o1", Decimal(quantity), Decimal(leaves), reason=Reason.NONE)) == []

    sentence = "New terms of order o1 leave 4 of it open, by our sum 10 are: an execution is missing."
    assert desk.missing == [sentence] * is_missing


# Executions -----------------------------------------------------------------------------------------------------


def test_an_execution_that_fits_no_order_waits_until_its_order_was_asked_for() -> None:
    desk = Bare(*intended())

    assert take(desk, OrderFilled(an_execution(1, 12), Decimal(0))) == ["o1"]
    assert desk.missing == ["Execution E1 of 12 A does not fit order o1 as it is known here."]
    assert (desk.told, desk.look_ups.is_waiting) == ([], True)


def test_a_fill_of_a_stop_waits_while_executions_of_its_entry_do() -> None:
    """Only the entry's quantity tells what the stop may leave; both orders are asked for."""
    entry, stop = an_order(), an_order("o2", side=Side.SELL, parent="o1", group="o1", role=Role.TARGET)
    desk = Bare(*intended(entry, stop))
    sold = an_execution(2, 4, client_order_id="o2", side=Side.SELL)

    asked = take(desk, OrderFilled(an_execution(1, 12), Decimal(0)), OrderFilled(sold, Decimal(6)))

    assert (asked, desk.told) == (["o1", "o2"], [])


def test_a_fill_that_leaves_less_than_our_sum_shows_that_others_are_missing() -> None:
    desk = Bare(*intended())

    take(desk, OrderFilled(an_execution(), Decimal(1)))

    assert desk.told == [OrderFilled(ours(), Decimal(6))]
    assert desk.missing == ["Execution E1 leaves 1 of order o1: by our books another report is missing."]


def test_a_newer_version_is_a_correction_whatever_road_it_comes() -> None:
    """As a fill, in a list of executions, and as a correction with grounds of its own."""
    desks = [Bare(*intended(), OrderFilled(ours(), Decimal(6))) for _ in range(3)]
    newer = an_execution("1~2", 3)

    take(desks[0], OrderFilled(newer, Decimal(7)))
    desks[1].reports.execute(newer, NOW)
    take(desks[2], ExecutionCorrected(T0 + 9, an_execution(), newer, Grounds("desk", "typing error")))

    told = ExecutionCorrected(NOW, ours(), ours("1~2", 3), Grounds("venue"), leaves_quantity=Decimal(7))
    assert desks[0].told == [replace(told, event_time_ns=newer.event_time_ns)]
    assert desks[1].told == [told]
    assert desks[2].told == [replace(told, event_time_ns=T0 + 9, grounds=Grounds("desk", "typing error"))]
    assert [desk.missing for desk in desks] == [[], [], []]


def test_a_correction_of_what_is_not_booked_is_booked_as_it_stands_and_a_report_is_missing() -> None:
    desk = Bare(*intended())
    correction = ExecutionCorrected(T0 + 9, an_execution(), an_execution("1~2", 3), Grounds("venue"))

    asked = take(desk, correction, correction, OrderFilled(an_execution(), Decimal(6)))

    assert desk.told == [OrderFilled(ours("1~2", 3), Decimal(7))]
    assert desk.missing == ["Execution E1 was corrected, and is not booked here."]
    assert asked == []


def test_a_correction_that_fits_no_order_waits_for_its_order() -> None:
    desk = Bare()
    correction = ExecutionCorrected(T0 + 9, an_execution(), an_execution("1~2", 3), Grounds("venue"))

    assert take(desk, correction) == ["o1"]
    assert desk.look_ups.is_waiting


def test_what_was_taken_out_because_it_was_not_shown_comes_back_when_it_is_listed_as_often_as_that_happens() -> None:
    desk = Bare(*intended(), OrderFilled(ours(), Decimal(6)))

    for _ in range(2):
        desk.reports.take_back(standing(desk)[0], NOW)
        assert standing(desk) == []
        desk = Bare(*desk.facts)  # a start in between
        desk.reports.execute(an_execution(), NOW)
        desk.reports.execute(an_execution(), NOW)

    out = ExecutionBusted(NOW, ours(), NOT_SHOWN, leaves_quantity=Decimal(10))
    assert desk.facts[2:] == [
        out, OrderFilled(ours("1~01"), Decimal(6)), replace(out, busted=ours("1~01")),
        OrderFilled(ours("1~001"), Decimal(6)),
    ]  # fmt: skip
    assert desk.state().filled_quantity == 4
    assert desk.missing == []


@pytest.mark.parametrize("starts_between", [False, True])
def test_corrections_and_the_venue_s_bust_find_what_came_back(starts_between: bool) -> None:
    desk = Bare(*intended(), OrderFilled(ours(), Decimal(6)))
    bust = ExecutionBusted(T0 + 9, an_execution(), Grounds("venue"))
    steps: list[tuple[Callable[[Bare], Any], Any]] = [
        (lambda desk: desk.reports.take_back(ours(), NOW), None),
        (lambda desk: desk.reports.execute(an_execution(), NOW), ours("1~01")),
        (lambda desk: desk.reports.execute(an_execution("1~2", 3), NOW), ours("1~2", 3)),
        (lambda desk: desk.reports.take_back(ours("1~2", 3), NOW), None),
        (lambda desk: desk.reports.execute(an_execution(), NOW), None),
        (lambda desk: desk.reports.execute(an_execution("1~2", 3), NOW), ours("1~02", 3)),
        (lambda desk: desk.reports.execute(an_execution("1~3", 2), NOW), ours("1~3", 2)),
        (lambda desk: desk.reports.take(bust, NOW), None),
        *[
            (lambda desk, number=number: desk.reports.execute(an_execution(number), NOW), None)
            for number in ("1", "1~2", "1~3", "1~4")
        ],
    ]

    for step, left in steps:
        step(desk)
        assert standing(desk) == ([] if left is None else [left])
        if starts_between:
            desk = Bare(*desk.facts)


def test_the_venue_s_word_bars_what_was_taken_out_before_also_after_a_start() -> None:
    desk = Bare(*intended(), OrderFilled(ours(), Decimal(6)))
    desk.reports.take_back(ours(), NOW)

    for _ in range(2):
        take(desk, ExecutionBusted(T0 + 9, an_execution(), Grounds("venue")))
        desk = Bare(*desk.facts)
        desk.reports.execute(an_execution(), NOW)
        desk.reports.execute(an_execution("1~2"), NOW)

    assert [fact.kind for fact in desk.facts[2:]] == ["ExecutionBusted", "BustNoted"]


def test_a_bust_that_comes_before_its_execution_is_kept_over_a_start() -> None:
    desk = Bare(*intended())
    bust = ExecutionBusted(T0 + 9, an_execution(), Grounds("venue"))

    take(desk, bust, bust)
    desk = Bare(*desk.facts)
    take(desk, bust, OrderFilled(an_execution(), Decimal(6)), OrderFilled(an_execution("1~2"), Decimal(6)))
    desk.reports.execute(an_execution(), NOW)

    assert desk.facts[1:] == [BustNoted(T0 + 9, an_execution(), Grounds("venue"))]
    assert desk.state().filled_quantity == 0


def test_a_fill_that_is_reported_again_after_it_was_taken_out_asks_for_a_comparison() -> None:
    """A report may be a copy from before; the venue's list is not."""
    desk = Bare(*intended(), OrderFilled(ours(), Decimal(6)))
    desk.reports.take_back(ours(), NOW)
    told = len(desk.told)

    take(desk, OrderFilled(an_execution(), Decimal(6)))

    assert len(desk.told) == told
    assert desk.missing == ["Execution E1 was taken out and is reported again."]
