"""The order keeper, one trouble after the other: what a link can do to an order, and what must come of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from execution import bare
from execution.by_hand import a_working_order, fills, say
from execution.running import SETTINGS, Trader
from tapeline.domain.adopted import Grounds
from tapeline.domain.cash import CashCause
from tapeline.domain.reports import EXTERNAL
from tapeline.domain.words import OrderStatus, Purpose, Role, Side
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.facts import CashMoved
from tapeline.ledger.order_facts import (
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderReplaced,
)
from tapeline.ledger.views import Views

# Without faults -------------------------------------------------------------------------------------------------


def test_an_order_goes_from_intent_to_fill_with_the_facts_of_the_venue(trader: Trader) -> None:
    before = len(trader.recorded)
    name = trader.place(quantity=10)
    trader.settle()
    trader.fill(name, 4)
    trader.fill(name, 6)
    trader.settle()

    assert trader.kinds()[before:] == ["OrderAccepted", "OrderFilled", "OrderFilled"]
    assert (trader.status(name), trader.held()) == ("FILLED", 10)
    trader.assert_settled()


def test_an_execution_is_completed_with_the_strategy_of_its_order(trader: Trader) -> None:
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 10)
    assert fill.execution.strategy == EXTERNAL

    (booked,) = say(trader, fill)

    assert (booked.execution.strategy, booked.execution.account) == ("Dip", "main")
    assert trader.views.position("Dip", "A").quantity == 10


# Twice, late, out of order --------------------------------------------------------------------------------------


def test_an_execution_is_booked_once_whatever_road_it_comes(trader: Trader) -> None:
    """By the stream, by the stream again, and by the answer to the comparison's question."""
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 4)

    say(trader, fill, fill)
    trader.settle_for(400)

    assert (trader.held(), trader.kinds().count("OrderFilled")) == (4, 1)


def test_every_other_report_told_again_is_recorded_once(trader: Trader) -> None:
    name = a_working_order(trader)
    trader.replace(name, 8, "99")
    trader.settle()
    trader.cancel(name)
    trader.settle()
    before = len(trader.recorded)
    now = trader.now

    say(
        trader,
        OrderAccepted(now, name, "V0"),
        OrderReplaced(now, name, Decimal(8), Decimal(8), Decimal(99)),
        OrderCanceled(now, name),
        CancelRejected(now, name, OrderStatus.CANCELED),
    )

    assert trader.recorded[before:] == []


def test_what_is_told_beside_orders_is_recorded_as_it_is(trader: Trader) -> None:
    cash = trader.views.cash_amount()
    paid = CashMoved(trader.now, CashCause.DIVIDEND, Decimal(5), "A")

    assert say(trader, paid) == [paid]
    assert trader.views.cash_amount() == cash + 5


def test_an_acceptance_after_a_fill_changes_nothing(trader: Trader) -> None:
    name = trader.place(quantity=10)
    trader.turn()
    trader.link.let_out()
    accepted = trader.link.inward.pop()
    (fill,) = fills(trader, name, 4)

    say(trader, fill, accepted)

    assert (trader.status(name), trader.held()) == ("PARTIALLY_FILLED", 4)


def test_a_cancel_after_a_fill_ends_the_rest(trader: Trader) -> None:
    name = a_working_order(trader)
    trader.cancel(name)
    trader.turn()
    trader.fill(name, 4)
    trader.settle()

    assert (trader.status(name), trader.held()) == ("CANCELED", 4)


def test_an_end_is_not_believed_before_what_has_filled_is_booked(trader: Trader) -> None:
    """The venue filled 4 and canceled the rest; the fill was lost on its way: until it is found, all 10 are counted."""
    name = a_working_order(trader)
    trader.cancel(name)
    trader.turn()
    fills(trader, name, 4)
    trader.link.let_out()

    trader.link.let_in()
    recorded = trader.turn()

    assert [fact.kind for fact in recorded] == ["GapOpened"]
    assert (trader.status(name), trader.held()) == ("PENDING_CANCEL", 0)
    assert trader.views.orders.exposures()["main", "Dip", "A"].buys == 10
    trader.settle_for(5)
    assert (trader.status(name), trader.held()) == ("CANCELED", 4)
    trader.assert_settled()


def test_a_fill_that_comes_after_its_cancel_is_booked(trader: Trader) -> None:
    """The venue filled 4 and canceled the rest; the cancel was faster, and did not say how much had filled."""
    name = a_working_order(trader)
    trader.cancel(name)
    trader.turn()
    (fill,) = fills(trader, name, 4)
    trader.link.let_out()
    trader.link.inward.clear()
    say(trader, OrderCanceled(trader.now, name))
    assert (trader.status(name), trader.held()) == ("CANCELED", 0)

    say(trader, fill)

    assert (trader.status(name), trader.held()) == ("CANCELED", 4)
    trader.settle_for(5)
    trader.assert_settled()


def test_leaves_are_our_own_sum_and_a_missing_fill_is_asked_for(trader: Trader) -> None:
    """The second fill says that nothing is left; by our sum 4 are, since the first one was lost."""
    name = a_working_order(trader)
    _, second = fills(trader, name, 4, 6)

    (booked, gap) = say(trader, second)

    assert booked.leaves_quantity == 4
    assert (gap.kind, gap.cause.name) == ("GapOpened", "REPORT_MISSING")
    assert trader.status(name) == "PARTIALLY_FILLED"
    trader.settle_for(5)
    assert (trader.status(name), trader.held()) == ("FILLED", 10)
    trader.assert_settled()


def test_fills_in_the_wrong_order_end_the_order_once(trader: Trader) -> None:
    name = a_working_order(trader)
    first, second = fills(trader, name, 4, 6)

    say(trader, second, first)
    trader.settle_for(5)

    assert (trader.status(name), trader.held()) == ("FILLED", 10)
    trader.assert_settled()


def test_fills_beyond_the_known_quantity_wait_for_the_terms_of_the_order(trader: Trader) -> None:
    """Replaced from 10 to 15 without our hearing of it; then all 15 fill."""
    name = a_working_order(trader)
    trader.replace(name, 15)
    trader.turn()
    trader.link.let_out()
    trader.link.inward.clear()
    first, second = fills(trader, name, 12, 3)

    say(trader, first, second)
    trader.settle_for(5)

    assert (trader.status(name), trader.held()) == ("FILLED", 15)
    trader.assert_settled()


def test_terms_of_an_older_replace_do_not_come_back(trader: Trader) -> None:
    name = a_working_order(trader)
    now = trader.now
    older = OrderReplaced(now - 1, name, Decimal(8), Decimal(8), Decimal(98))
    newer = OrderReplaced(now, name, Decimal(7), Decimal(7), Decimal(97))

    say(trader, newer, older)

    assert trader.views.orders.working[name].limit_price == 97


def test_the_later_terms_of_an_order_hold_with_what_it_has_filled(trader: Trader) -> None:
    """A replace to 8 reports 8 open, as of before the fill of 3 that we have booked: 5 are."""
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 3)
    trader.replace(name, 8)

    say(trader, fill, OrderReplaced(trader.now, name, Decimal(8), Decimal(8), Decimal(100)))

    state = trader.views.orders.working[name]
    assert (state.quantity, state.leaves_quantity) == (8, 5)


def test_a_refusal_of_an_order_that_has_filled_is_not_believed(trader: Trader) -> None:
    name = trader.place(quantity=10)
    trader.turn()
    trader.link.let_out()
    trader.link.inward.clear()
    (fill,) = fills(trader, name, 4)

    say(trader, fill, OrderRejected(trader.now, name))
    trader.settle_for(5)

    assert (trader.status(name), trader.held()) == ("PARTIALLY_FILLED", 4)
    trader.assert_settled()


# What others do -------------------------------------------------------------------------------------------------


def test_an_order_that_somebody_else_sent_is_adopted_as_external(trader: Trader) -> None:
    trader.venue.place_by_hand("hand-1", "B", Side.SELL, 7, "50")
    trader.settle_for(400)

    state = trader.views.orders.working["hand-1"]
    assert (state.order.strategy, state.order.side, state.quantity) == (EXTERNAL, Side.SELL, 7)
    trader.assert_settled()


def test_an_execution_of_an_order_nobody_knows_is_adopted_with_its_order(trader: Trader) -> None:
    trader.venue.place_by_hand("hand-1", "B", Side.SELL, 7, "50")
    trader.fill("hand-1", 3, "50")

    trader.settle_for(5)

    assert trader.views.position(EXTERNAL, "B").quantity == -3
    assert trader.status("hand-1") == "PARTIALLY_FILLED"
    trader.assert_settled()


def test_an_execution_whose_order_the_venue_does_not_show_is_booked_all_the_same(trader: Trader) -> None:
    """A liquidation by the broker: an execution without an order that could be asked for."""
    trader.venue.place_by_hand("margin-call", "B", Side.BUY, 5, "50")
    trader.fill("margin-call", 5, "50")
    del trader.venue.lines["margin-call"]

    trader.settle_for(60)

    assert trader.views.position(EXTERNAL, "B").quantity == 5
    trader.assert_settled()


# Corrections ----------------------------------------------------------------------------------------------------


def test_a_correction_replaces_what_it_corrects_under_our_names_and_once(trader: Trader) -> None:
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 4)
    say(trader, fill)
    wrong = fill.execution
    right = replace(wrong, execution_id=f"{wrong.execution_id}~2", price=Decimal(99))
    correction = ExecutionCorrected(trader.now, wrong, right, Grounds("venue"))

    say(trader, correction, correction, fill)

    assert trader.held() == 4
    assert trader.views.cash_amount() == 100_000 - 4 * 99 - Decimal("0.35")


def test_a_correction_that_was_missed_is_taken_from_the_list_of_executions(trader: Trader) -> None:
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 4)
    say(trader, fill)
    wrong = trader.venue.executions.pop()
    trader.venue.executions.append(replace(wrong, execution_id=f"{wrong.execution_id}~2", quantity=Decimal(3)))
    trader.venue.positions["A"], trader.venue.lines[name].filled = Decimal(3), Decimal(3)
    trader.venue.cash += 100

    trader.settle_for(400)

    assert (trader.held(), trader.views.orders.working[name].leaves_quantity) == (3, 7)
    assert trader.views.cash_amount() == trader.venue.cash


def test_an_older_version_that_comes_late_is_not_booked(trader: Trader) -> None:
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 4)
    newer = replace(fill.execution, execution_id=f"{fill.execution.execution_id}~2", quantity=Decimal(3))

    say(trader, OrderFilled(newer, Decimal(7)), fill)

    assert trader.held() == 3


def test_a_bust_takes_an_execution_out_also_before_it_came(trader: Trader) -> None:
    name = a_working_order(trader)
    first, second = fills(trader, name, 4, 2)

    say(trader, first, ExecutionBusted(trader.now, first.execution, Grounds("venue")))
    say(trader, ExecutionBusted(trader.now, second.execution, Grounds("venue")), second, first)

    assert trader.held() == 0
    assert trader.views.orders.working[name].leaves_quantity == 10


# Brackets -------------------------------------------------------------------------------------------------------


def a_bracket(trader: Trader) -> tuple[str, str]:
    """Intend an entry with a target, and hand both to the keeper."""
    name = trader.place(role=Role.ENTRY)
    entry = trader.views.orders.working[name].order
    child = replace(
        entry, client_order_id=f"{name}-t", side=Side.SELL, role=Role.TARGET, parent=name, group=name,
        purpose=Purpose.TARGET,
    )  # fmt: skip
    trader.keeper.outbox(trader.now)
    trader.record(OrderIntended(child))
    trader.keeper.submit([entry, child])
    return name, child.client_order_id


def test_a_child_is_not_ended_by_a_sum_that_lacks_fills_of_its_entry(trader: Trader) -> None:
    """Told: 4 of the entry. Executed: 6 more of it, listed late, and 7 of the target, which works for 3 more."""
    name, target = a_bracket(trader)
    trader.settle()
    say(trader, *fills(trader, name, 4))
    fills(trader, name, 6)
    late = trader.venue.executions.pop()
    fills(trader, target, 7)
    trader.venue.executions[-1] = replace(trader.venue.executions[-1], execution_id="E2")

    trader.settle_for(310)
    assert trader.status(target) == "PARTIALLY_FILLED"
    trader.venue.executions.append(late)
    trader.settle_for(700)

    trader.assert_settled()


def test_a_fill_of_a_child_that_leaves_less_than_ours_shows_another_one_missing(trader: Trader) -> None:
    """Executed: the entry, 4 of the target, 6 of the target; the report of the 4 was lost."""
    name, target = a_bracket(trader)
    trader.settle()
    say(trader, *fills(trader, name, 10))
    _, second = fills(trader, target, 4, 6)

    (booked, gap) = say(trader, second)

    assert (booked.leaves_quantity, gap.kind, gap.cause.name) == (0, "GapOpened", "REPORT_MISSING")
    trader.settle_for(5)
    assert trader.held() == 0
    trader.assert_settled()


def test_children_of_an_entry_that_failed_are_in_doubt_with_it(trader: Trader) -> None:
    name, child = a_bracket(trader)
    trader.turn()
    trader.link.fail(0, after=True)
    trader.link.inward.clear()

    trader.turn()
    assert {trader.status(name), trader.status(child)} == {"UNKNOWN"}
    trader.settle_for(5)

    assert {trader.status(name), trader.status(child)} == {"NEW"}


@pytest.mark.parametrize("rebuilt_first", [True, False])
def test_a_keeper_knows_the_versions_in_books_that_were_rebuilt_after_it_was_made(rebuilt_first: bool) -> None:
    """The first version never came; the third, told after the start, corrects the second."""
    before = [*bare.intended(), OrderFilled(bare.an_execution("1~2", strategy="Dip", account=bare.ACCOUNT), Decimal(6))]
    views, told = Views(), list[Any]()

    def record(fact: Any) -> Any:
        views.apply(fact)
        told.append(fact)
        return fact

    if rebuilt_first:
        views.apply_all(before)
    keeper = OrderKeeper(views, record, SETTINGS, random=Random(1), account=bare.ACCOUNT)
    if not rebuilt_first:
        views.apply_all(before)
    keeper.start(bare.T0)

    keeper.take([OrderFilled(bare.an_execution("1~3", price=Decimal(99)), Decimal(6))], bare.T0)

    assert [fact.kind for fact in told] == ["GapOpened", "ExecutionCorrected"]
    assert views.position("Dip", "A", bare.ACCOUNT).quantity == 4
