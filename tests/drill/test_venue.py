"""The venue of the drill: its books, and what it does to orders. Prices are in cents, as it keeps them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drill.builders import DEPOSIT, VenueAtWork, a_bracket, a_limit, an_order
from tapeline.domain.reports import Query, Question
from tapeline.domain.words import OrderStatus, OrderType, Reason, Role, Side, TimeInForce


def test_a_market_order_is_accepted_and_filled_at_the_present_price() -> None:
    """Ten at 100.00 with the least fee of 1.00: cash falls by 1,001.00."""
    work = VenueAtWork(price=10_000)

    work.venue.submit([an_order()])

    fill = work.told[1]
    assert work.kinds() == ["OrderAccepted", "OrderFilled"]
    assert (fill.execution.price, fill.execution.quantity, fill.leaves_quantity) == (100, 10, 0)
    assert work.venue.account.cash == DEPOSIT - 10_010_000
    assert work.venue.account.held() == {"ABCD": Decimal(10)}


def test_fees_are_half_a_cent_a_share_from_two_hundred_shares_on() -> None:
    """300 at 100.00: 30,000.00 and 1.50."""
    work = VenueAtWork(price=10_000)

    work.venue.submit([an_order(quantity=Decimal(300))])

    assert work.venue.account.cash == DEPOSIT - 300_015_000


def test_a_limit_waits_for_its_price_and_never_trades_beyond_it() -> None:
    work = VenueAtWork(price=10_000)
    work.venue.submit([a_limit("99.50")])
    work.at(9_951)
    waited = work.kinds()
    work.at(9_940)

    assert waited == ["OrderAccepted"]
    assert work.told[0].execution.price == Decimal("99.40")


@pytest.mark.parametrize(
    ("side", "stop", "before", "beyond"), [(Side.SELL, "99", 9_901, 9_890), (Side.BUY, "101", 10_099, 10_110)]
)
def test_a_stop_is_triggered_by_its_price_and_then_fills(side: Side, stop: str, before: int, beyond: int) -> None:
    work = VenueAtWork(price=10_000)
    work.venue.submit([an_order(side=side, order_type=OrderType.STOP, stop_price=Decimal(stop))])
    work.at(before)
    waited = work.kinds()
    work.at(beyond)

    assert waited == ["OrderAccepted"]
    assert work.kinds() == ["OrderTriggered", "OrderFilled"]


def test_a_trailing_stop_follows_the_best_price_and_does_not_go_back() -> None:
    """Trailing a sale by 1.00: after a high of 102.00 it lies at 101.00, which 101.50 does not reach."""
    work = VenueAtWork(price=10_000)
    work.venue.submit([an_order(side=Side.SELL, order_type=OrderType.TRAILING_STOP, trail_amount=Decimal(1))])
    for price in (10_200, 10_150):
        work.at(price)
    waited = work.kinds()
    work.at(10_100)

    assert waited == ["OrderAccepted"]
    assert work.kinds() == ["OrderTriggered", "OrderFilled"]


def test_an_order_for_at_once_that_cannot_trade_is_withdrawn() -> None:
    work = VenueAtWork(price=10_000)

    work.venue.submit([a_limit("99", time_in_force=TimeInForce.IOC)])

    assert work.told[-1].reason is Reason.IMMEDIATE


def test_a_day_order_ends_with_the_session_and_one_without_end_does_not() -> None:
    work = VenueAtWork(price=10_000)
    work.venue.submit([a_limit("90", "day")])
    work.venue.submit([a_limit("90", "long", time_in_force=TimeInForce.GTC)])

    work.venue.close()

    assert work.venue.orders["day"].status is OrderStatus.EXPIRED
    assert [order.name for order in work.venue.working()] == ["long"]


def test_children_are_held_until_their_entry_has_filled_and_one_cancels_the_other() -> None:
    work = VenueAtWork(price=10_000)
    work.venue.submit(a_bracket(a_limit("99", "entry", role=Role.ENTRY), "98", "104"))
    waiting = [order.name for order in work.venue.working() if order.held]
    work.at(9_890)
    woken = [order.name for order in work.venue.working() if not order.held]
    work.at(9_750)

    assert waiting == woken == ["stop", "target"]
    assert work.venue.account.held() == {}
    assert work.venue.orders["target"].status is OrderStatus.CANCELED
    assert work.told[-1].reason is Reason.ONE_CANCELS_OTHER


def test_children_of_an_entry_that_filled_nothing_end_with_it() -> None:
    work = VenueAtWork(price=10_000)
    work.venue.submit(a_bracket(a_limit("99", "entry", role=Role.ENTRY), "98", "104"))
    work.kinds()

    work.venue.cancel("entry")

    assert [(fact.client_order_id, fact.reason) for fact in work.told] == [
        ("entry", Reason.REQUESTED),
        ("stop", Reason.NO_ENTRY),
        ("target", Reason.NO_ENTRY),
    ]


def test_a_name_is_taken_once() -> None:
    work = VenueAtWork()

    assert work.venue.submit([an_order()])
    assert not work.venue.submit([an_order()])
    assert work.venue.account.held() == {"ABCD": Decimal(10)}


def test_what_comes_too_late_is_refused_with_what_the_order_is() -> None:
    work = VenueAtWork()
    work.venue.submit([an_order()])
    work.kinds()

    work.venue.cancel("one")
    work.venue.replace("one", {"quantity": Decimal(5)})
    work.venue.cancel("nobody")

    assert [(fact.kind, fact.status) for fact in work.told] == [
        ("CancelRejected", OrderStatus.FILLED),
        ("ReplaceRejected", OrderStatus.FILLED),
        ("CancelRejected", None),
    ]


def test_a_correction_and_a_bust_undo_exactly_what_was_booked() -> None:
    """Ten at 100.00 become ten at 99.00, 10.00 less paid; then nothing, and the account is as it was."""
    work = VenueAtWork(price=10_000)
    work.venue.submit([an_order()])
    execution = work.venue.account.executions["E1"]

    work.venue.correct(execution, 9_900)
    corrected = work.venue.account.cash
    work.venue.bust(execution)

    assert corrected == DEPOSIT - 9_910_000
    assert work.venue.account.cash == DEPOSIT
    assert work.venue.account.held() == {}
    assert work.venue.account.since(0) == ()


def test_after_a_restart_names_are_given_again() -> None:
    work = VenueAtWork(price=10_000)
    work.venue.submit([a_limit("90", "first")])

    work.venue.restart(back=5)
    work.venue.submit([a_limit("90", "second")])

    assert work.venue.orders["first"].venue_order_id == work.venue.orders["second"].venue_order_id == "V1"
    assert work.venue.names_again == 1


def test_a_halted_symbol_does_not_trade() -> None:
    work = VenueAtWork(price=10_000)
    work.market.quotes["ABCD"].halted = True

    work.venue.submit([an_order()])

    assert work.kinds() == ["OrderAccepted"]


def test_questions_are_answered_as_things_stand() -> None:
    work = VenueAtWork(price=10_000)
    work.venue.submit([an_order()])
    work.venue.submit([a_limit("90", "rests")])
    venue = work.venue

    known = venue.answer(Query(1, Question.ORDER, client_order_id="one"))
    unknown = venue.answer(Query(2, Question.ORDER, client_order_id="nobody"))
    works = venue.answer(Query(3, Question.OPEN_ORDERS))
    executed = venue.answer(Query(4, Question.EXECUTIONS, since_ns=0))
    later = venue.answer(Query(5, Question.EXECUTIONS, since_ns=work.time.now_ns + 1))
    held = venue.answer(Query(6, Question.POSITIONS))
    cash = venue.answer(Query(7, Question.CASH))

    assert known.order.status is OrderStatus.FILLED
    assert unknown.order is None
    assert [order.client_order_id for order in works.orders] == ["rests"]
    assert [execution.execution_id for execution in executed.executions] == ["E1"]
    assert later.executions == ()
    assert held.quantities == {"ABCD": Decimal(10)}
    assert cash.amount == Decimal(998_999)
