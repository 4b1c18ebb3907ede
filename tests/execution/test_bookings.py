"""Executions and found orders into the books, case by case: whose they are, what they leave, what is told again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from execution.bare import ACCOUNT, T0, Bare, an_execution, an_order, found, intended
from tapeline.domain.adopted import Grounds
from tapeline.domain.execution_id import name_of, newest_versions
from tapeline.domain.reports import EXTERNAL
from tapeline.domain.words import OrderStatus, OrderType, Purpose, Reason, Role, Side, TimeInForce
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import (
    OrderAccepted,
    OrderAdopted,
    OrderCanceled,
    OrderFilled,
    OrderReplaced,
    ReplaceIntended,
)

GROUNDS = Grounds("venue")


def a_fill(number: int | str = 1, quantity: int = 4, leaves: int = 6, **terms: Any) -> OrderFilled:
    ours = {"strategy": "Dip", "account": ACCOUNT}
    return OrderFilled(an_execution(number, quantity, **{**ours, **terms}), Decimal(leaves))


def a_bracket(filled: int = 4) -> list[Any]:
    """An entry of 10 of which some filled, and a target of 10 that works for it."""
    entry = an_order("entry", role=Role.ENTRY)
    target = an_order(
        "target", side=Side.SELL, order_type=OrderType.LIMIT, limit_price=Decimal(110), role=Role.TARGET,
        purpose=Purpose.TARGET, parent="entry", group="entry",
    )  # fmt: skip
    return [*intended(entry, target), a_fill("0", filled, 10 - filled, client_order_id="entry")]


def of_target(number: int | str, quantity: int, seconds: int = 1) -> Any:
    return an_execution(
        number, quantity, client_order_id="target", side=Side.SELL, event_time_ns=T0 + seconds * 1_000_000_000
    )


# Whose it is ----------------------------------------------------------------------------------------------------


def test_an_execution_is_booked_under_the_strategy_and_the_account_of_its_order() -> None:
    desk = Bare(*intended())

    shows_others_missing = desk.bookings.book(an_execution(), Decimal(6))

    assert desk.told == [a_fill()]
    assert not shows_others_missing


def test_a_correction_that_names_nobody_is_booked_for_whom_the_execution_was() -> None:
    desk = Bare(*intended(), a_fill())
    told = an_execution("1~2", 3, client_order_id="unknown", account="unknown")

    assert desk.bookings.correct(told, GROUNDS, T0 + 9)

    before, after = a_fill().execution, a_fill("1~2", 3).execution
    assert desk.told == [ExecutionCorrected(T0 + 9, before, after, GROUNDS, leaves_quantity=Decimal(7))]


def test_what_is_of_another_symbol_or_side_is_no_correction() -> None:
    desk = Bare(*intended(), a_fill())

    assert not desk.bookings.correct(an_execution("1~2", symbol="B"), GROUNDS, T0)
    assert not desk.bookings.correct(an_execution("1~2", side=Side.SELL), GROUNDS, T0)
    assert desk.told == []


def test_a_second_correction_finds_the_first_where_the_execution_itself_never_came() -> None:
    desk = Bare(*intended(), a_fill("1~2"))

    assert desk.bookings.correct(an_execution("1~3", 3), GROUNDS, T0 + 9)

    assert desk.told[0].corrected == a_fill("1~2").execution


def test_a_correction_says_what_is_open_of_an_order_that_works_alone_and_of_no_other() -> None:
    """4 of 10 were 3: 7 are open. What a canceled order or a member of a group leaves is not ours to say."""
    alone = Bare(*intended(), a_fill())
    ended = Bare(*intended(), a_fill(), OrderCanceled(T0 + 2, "o1"))
    member = Bare(*intended(an_order(group="g"), an_order("o2", group="g")), a_fill())

    for desk in (alone, ended, member):
        desk.bookings.correct(an_execution("1~2", 3), GROUNDS, T0 + 9)
        desk.bookings.bust(ExecutionBusted(T0 + 10, an_execution("1~2", 3), GROUNDS))

    assert [[fact.leaves_quantity for fact in desk.told] for desk in (alone, ended, member)] == [
        [7, 10], [None, None], [None, None]
    ]  # fmt: skip


@pytest.mark.parametrize(("end", "leaves"), [((), 6), ((OrderCanceled(T0, "o1"),), 0)])
def test_an_order_of_which_more_was_executed_than_ordered_is_made_as_large_with_its_terms(
    end: tuple[Any, ...], leaves: int
) -> None:
    """4 of 10 are booked and were 11: nobody asked for the new total, so that a replace under way still waits."""
    order = an_order(order_type=OrderType.STOP_LIMIT, limit_price=Decimal(101), stop_price=Decimal(100))
    desk = Bare(*intended(order), a_fill(), *end)

    desk.bookings.correct(an_execution("1~2", 11), GROUNDS, T0 + 9)

    made_larger, corrected = desk.told
    assert made_larger == OrderReplaced(
        T0 + 9, "o1", Decimal(11), Decimal(leaves), Decimal(101), Decimal(100), reason=Reason.NONE
    )
    assert isinstance(corrected, ExecutionCorrected)


def test_an_execution_that_was_taken_out_is_known_after_a_start() -> None:
    desk = Bare(*intended(), a_fill(), ExecutionBusted(T0 + 9, a_fill().execution, GROUNDS))

    assert desk.bookings.is_booked(an_execution())


def test_only_the_newest_version_of_an_execution_counts_whatever_its_id_is_made_of() -> None:
    named = [an_execution(number) for number in ("7", "7~2", "7~10", "7~3", "8", "9~x", "A~B", "A~B~2")]
    bare_numbers = [an_execution(execution_id=number) for number in ("7", "8")]

    for executions in (named, named[::-1]):
        left = {one.execution_id for one in newest_versions(executions)}
        assert left == {"E7~10", "E8", "E9~x", "EA~B~2"}
    assert newest_versions(bare_numbers) == bare_numbers


def test_an_execution_that_the_venue_calls_as_we_call_a_correction_is_another_one() -> None:
    desk = Bare(*intended(), a_fill())
    theirs = an_execution(execution_id=name_of("E1~2"))
    correction = an_execution(execution_id=name_of("E1", 2))
    assert not desk.bookings.is_booked(theirs)

    desk.bookings.book(theirs)
    assert [desk.bookings.is_booked(one) for one in (an_execution(), theirs, correction)] == [True, True, False]

    desk.bookings.correct(correction, GROUNDS, T0 + 9)
    standing = desk.views.orders.executions
    assert (standing["E1"], standing[theirs.execution_id] is not None) == (None, True)
    assert desk.bookings.is_booked(theirs)


# What fits ------------------------------------------------------------------------------------------------------


def test_an_execution_fits_its_order_if_it_is_of_its_symbol_and_side_and_not_more_than_is_left() -> None:
    fits = Bare(*intended(), a_fill()).bookings.fits

    assert fits(an_execution(2, 5))
    assert not fits(an_execution(2, 7))
    assert not fits(an_execution(2, 5, symbol="B"))
    assert not fits(an_execution(2, 5, side=Side.SELL))
    assert not fits(an_execution(2, 5, client_order_id="unknown"))


def test_the_end_of_an_order_is_believed_where_its_report_says_so_and_no_larger_total_was_asked_for() -> None:
    desk = Bare(*intended(), a_fill())

    assert desk.bookings.fits(an_execution(2, 6), Decimal(0))
    assert not desk.bookings.fits(an_execution(2, 6))
    assert not desk.bookings.fits(an_execution(2, 6), Decimal(5))
    desk.record(ReplaceIntended(T0, "o1", quantity=Decimal(10)))
    assert desk.bookings.fits(an_execution(2, 6), Decimal(0))
    desk.record(ReplaceIntended(T0, "o1", quantity=Decimal(15)))
    assert not desk.bookings.fits(an_execution(2, 6), Decimal(0))


def test_a_child_fits_what_its_entry_has_filled_unless_its_report_says_how_it_stands() -> None:
    """It works for 4 of its 10: by our sum 3 leave 1, and 4 leave nothing, as 9 do. Its report knows better."""
    fits = Bare(*a_bracket()).bookings.fits

    assert fits(of_target(1, 3))
    assert not fits(of_target(1, 4))
    assert not fits(of_target(1, 9))
    assert fits(of_target(1, 4), Decimal(0))
    assert fits(of_target(1, 9), Decimal(0))
    assert fits(of_target(1, 10))
    assert not fits(of_target(1, 11))


def test_a_report_that_a_newer_one_has_overtaken_does_not_say_how_a_child_stands() -> None:
    """2 sold at the ninth second leave 2. What is told of the fifth and the seventh is in that sum already."""
    desk = Bare(*a_bracket())

    for number, seconds, claimed in ((1, 9, 2), (2, 5, 0), (3, 7, 0), (4, 9, 1)):
        desk.bookings.book(of_target(number, 1, seconds), Decimal(claimed))

    assert [fact.leaves_quantity for fact in desk.told] == [2, 2, 2, 1]


def test_what_was_overtaken_is_known_after_a_start_and_after_a_comparison() -> None:
    desk = Bare(*a_bracket(), OrderFilled(
        replace(of_target(1, 2, seconds=9), strategy="Dip", account=ACCOUNT), Decimal(2)
    ))  # fmt: skip
    desk.bookings.forget()

    desk.bookings.book(of_target(2, 1, seconds=5), Decimal(0))

    assert desk.told[-1].leaves_quantity == 2


# What it leaves -------------------------------------------------------------------------------------------------


def test_an_execution_that_came_without_its_report_takes_its_quantity_from_what_a_child_works_for() -> None:
    desk = Bare(*a_bracket())

    desk.bookings.book(of_target(1, 3))
    desk.bookings.book(of_target(2, 3))

    assert [fact.leaves_quantity for fact in desk.told] == [1, 0]


@pytest.mark.parametrize(("claimed", "is_short"), [(3, False), (2, True), (4, True), (None, False)])
def test_a_report_of_a_child_that_leaves_another_quantity_than_ours_shows_an_execution_missing(
    claimed: int | None, is_short: bool
) -> None:
    """One of the 4 it works for is sold: 3 are left by our sum; more where a fill of its entry is missing."""
    desk = Bare(*a_bracket())

    assert desk.bookings.book(of_target(1, 1), None if claimed is None else Decimal(claimed)) is is_short


@pytest.mark.parametrize(
    ("end", "is_short"),
    [((), True), ((OrderCanceled(T0, "entry"),), False), ((a_fill("9", 6, 0, client_order_id="entry"),), True)],
)
def test_a_child_that_has_nothing_left_while_its_entry_works_here_shows_that_something_is_missing(
    end: tuple[Any, ...], is_short: bool
) -> None:
    """The 4 that it works for may be 4 of 10, of which it has sold 6: two executions are missing, and our sum fits."""
    desk = Bare(*a_bracket(), *end)

    assert desk.bookings.book(of_target(1, 4), Decimal(0)) is is_short


def test_a_report_that_comes_late_shows_nothing_missing() -> None:
    overtaken, ended = Bare(*a_bracket()), Bare(*a_bracket(), OrderCanceled(T0, "target"))
    overtaken.bookings.book(of_target(1, 1, seconds=9), Decimal(3))

    assert not overtaken.bookings.book(of_target(2, 1, seconds=5), Decimal(0))
    assert not ended.bookings.book(of_target(1, 1), Decimal(0))


def test_executions_that_waited_leave_what_the_venue_says_of_their_order_in_the_end() -> None:
    """7 of 10 are done, the last two being 4 and 3, older than what was booked before them."""
    desk = Bare(*a_bracket(9), OrderFilled(
        replace(of_target(0, 1, seconds=9), execution_id="E9", strategy="Dip", account=ACCOUNT), Decimal(8)
    ))  # fmt: skip
    waiting = [of_target(1, 4, seconds=5), of_target(2, 3, seconds=6)]

    desk.bookings.book_all(waiting, found(10, 8, client_order_id="target", side=Side.SELL))

    assert [fact.leaves_quantity for fact in desk.told] == [5, 2]


def test_executions_that_waited_leave_nothing_of_an_order_that_is_filled_with_less_than_its_total() -> None:
    desk = Bare(*a_bracket(9))
    waiting = [of_target(1, 4, seconds=5), of_target(2, 3, seconds=6)]

    desk.bookings.book_all(waiting, found(10, 7, client_order_id="target", side=Side.SELL, status=OrderStatus.FILLED))

    assert [fact.leaves_quantity for fact in desk.told] == [3, 0]


def test_what_is_missing_of_a_child_stays_open_until_it_comes() -> None:
    """9 of 9 are done at the venue, 4 and 3 waited here: 2 are missing, and older than both."""
    desk = Bare(*a_bracket(9))
    waiting = [of_target(1, 4, seconds=5), of_target(2, 3, seconds=6)]

    desk.bookings.book_all(waiting, found(10, 9, client_order_id="target", side=Side.SELL, status=OrderStatus.FILLED))
    assert desk.views.orders.states["target"].status.is_working
    desk.bookings.book(of_target(3, 2))

    assert [fact.leaves_quantity for fact in desk.told] == [5, 2, 0]
    assert desk.views.orders.states["target"].status is OrderStatus.FILLED


# Orders that are found ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order_type", "terms"),
    [
        (OrderType.MARKET, {}),
        (OrderType.LIMIT, {"limit_price": Decimal(90)}),
        (OrderType.STOP, {"stop_price": Decimal(80)}),
        (OrderType.TRAILING_STOP, {"trail_amount": Decimal(2)}),
        (OrderType.TRAILING_STOP, {"trail_percent": Decimal(3)}),
        (OrderType.LIMIT_ON_CLOSE, {"limit_price": Decimal(90), "time_in_force": TimeInForce.AUCTION}),
        (OrderType.MARKET, {"time_in_force": TimeInForce.GTC}),
    ],
)
def test_an_order_of_somebody_else_is_adopted_with_its_terms(order_type: OrderType, terms: dict[str, Any]) -> None:
    desk = Bare()
    terms = {"time_in_force": TimeInForce.DAY, **terms}

    desk.bookings.adopt(found(order_type=order_type, **terms), (), T0 + 9)

    adopted = an_order(strategy=EXTERNAL, order_type=order_type, decision_time_ns=T0 + 5, **terms)
    assert desk.told == [OrderAdopted(T0 + 9, adopted, "V1")]


def test_an_order_whose_end_is_not_told_counts_until_it_is_canceled() -> None:
    desk = Bare()

    limit: dict[str, Any] = {"order_type": OrderType.LIMIT, "limit_price": Decimal(90)}

    desk.bookings.adopt(found(time_in_force=TimeInForce.GTD, **limit), (), T0 + 9)

    assert desk.told[0].order == an_order(
        strategy=EXTERNAL, decision_time_ns=T0 + 5, time_in_force=TimeInForce.GTC, **limit
    )


def test_an_order_with_terms_that_ours_cannot_express_counts_with_its_side_and_quantity() -> None:
    desk = Bare()

    desk.bookings.adopt(found(7, order_type=OrderType.STOP, limit_price=Decimal(1)), (), T0 + 9)

    adopted = an_order(quantity=7, strategy=EXTERNAL, decision_time_ns=T0 + 5)
    assert desk.told == [OrderAdopted(T0 + 9, adopted, "V1")]


@pytest.mark.parametrize(("venue_says", "adopted"), [(12, 12), (5, 7)])
def test_an_order_that_works_again_is_as_large_as_the_venue_says_or_as_its_executions_need(
    venue_says: int, adopted: int
) -> None:
    """4 of 10 were filled when it was canceled, and 3 more are to be booked."""
    desk = Bare(*intended(), a_fill(), OrderCanceled(T0 + 2, "o1"))

    desk.bookings.adopt(found(venue_says), [an_execution(2, 3)], T0 + 9)

    assert [fact.order for fact in desk.told] == [an_order(quantity=adopted)]


def test_an_order_of_which_nothing_is_left_is_not_adopted() -> None:
    desk = Bare(*intended(), a_fill(), OrderCanceled(T0 + 2, "o1"))

    desk.bookings.adopt(found(4), (), T0 + 9)

    assert desk.told == []


def test_an_execution_whose_order_nobody_shows_is_booked_with_an_order_of_its_own() -> None:
    desk = Bare()
    execution = an_execution(client_order_id="V-9")

    desk.bookings.adopt_executions([execution], T0 + 9)

    order = an_order("V-9", 4, strategy=EXTERNAL, decision_time_ns=T0 + 1)
    assert desk.told == [
        OrderAdopted(T0 + 9, order), OrderFilled(replace(execution, account=ACCOUNT), Decimal(0))
    ]  # fmt: skip


def test_an_execution_under_the_name_of_an_order_of_ours_that_was_not_meant_is_booked_under_another() -> None:
    desk = Bare(*intended())
    long = "Z" * 50

    desk.bookings.adopt_executions([an_execution("9", symbol="B"), an_execution(long, symbol="B")], T0 + 9)

    names = [fact.client_order_id for fact in desk.told]
    assert names == ["external~E9", "external~E9", long[:48], long[:48]]
    assert desk.views.position(EXTERNAL, "B", ACCOUNT).quantity == 8
    assert desk.state().filled_quantity == 0


# Terms ----------------------------------------------------------------------------------------------------------


def test_terms_are_taken_over_whole() -> None:
    """Nobody here asked for them, until somebody does."""
    desk = Bare(*intended())
    prices = {
        "limit_price": Decimal(1), "stop_price": Decimal(2), "trail_amount": Decimal(3), "trail_percent": Decimal(4)
    }  # fmt: skip
    shown = found(12, time_in_force=TimeInForce.GTC, **prices)

    desk.bookings.take_terms(shown, T0 + 9)
    desk.record(ReplaceIntended(T0 + 9, "o1", quantity=Decimal(13)))
    desk.bookings.take_terms(replace(shown, quantity=Decimal(13)), T0 + 10)

    taken = OrderReplaced(
        T0 + 9, "o1", Decimal(12), Decimal(12), **prices, time_in_force=TimeInForce.GTC, reason=Reason.NONE
    )
    asked_for = {"event_time_ns": T0 + 10, "quantity": Decimal(13), "leaves_quantity": Decimal(13)}
    assert desk.told[0] == taken
    assert desk.told[2] == replace(taken, **asked_for, reason=Reason.REQUESTED)


def test_the_total_of_a_member_of_a_group_stays_ours() -> None:
    desk = Bare(*intended(an_order(group="g")))

    desk.bookings.take_terms(found(6, limit_price=Decimal(1)), T0 + 9)

    assert (desk.told[0].quantity, desk.told[0].limit_price) == (10, 1)


def test_terms_are_recorded_once_and_older_ones_never() -> None:
    desk = Bare(*intended(), OrderAccepted(T0, "o1"))
    terms = OrderReplaced(T0 + 9, "o1", Decimal(8), Decimal(8))

    desk.bookings.replaced(terms)
    desk.bookings.replaced(terms)
    desk.bookings.replaced(replace(terms, event_time_ns=T0 + 10))
    desk.bookings.replaced(replace(terms, event_time_ns=T0 + 8, quantity=Decimal(7)))
    desk.bookings.forget()
    desk.bookings.replaced(replace(terms, event_time_ns=T0 + 8, quantity=Decimal(7)))

    assert desk.told == [terms]


def test_terms_that_stay_answer_a_replace_but_not_by_a_report_that_came_before() -> None:
    desk = Bare(*intended())
    terms = OrderReplaced(T0 + 9, "o1", Decimal(8), Decimal(8))
    desk.bookings.replaced(terms)
    desk.record(ReplaceIntended(T0 + 9, "o1", quantity=Decimal(8)))

    desk.bookings.replaced(terms)
    assert desk.state().asked
    desk.bookings.replaced(replace(terms, event_time_ns=T0 + 10))

    assert desk.told[-1] == replace(terms, event_time_ns=T0 + 10)
    assert len(desk.told) == 3


@pytest.mark.parametrize("is_asked", [False, True])
def test_terms_that_are_told_twice_change_nothing_after_others_of_the_same_moment(is_asked: bool) -> None:
    """Venues tell seconds: 8, then 9, then 8 once more, which overtook nothing and answers nobody."""
    desk = Bare(*intended())
    eight = OrderReplaced(T0 + 9, "o1", Decimal(8), Decimal(8))
    desk.bookings.replaced(eight)
    desk.bookings.replaced(replace(eight, quantity=Decimal(9), leaves_quantity=Decimal(9)))
    if is_asked:
        desk.record(ReplaceIntended(T0 + 9, "o1", quantity=Decimal(8)))

    desk.bookings.replaced(eight)

    assert desk.state().quantity == 9
    assert bool(desk.state().asked_totals) is is_asked


def test_terms_are_never_less_than_what_has_filled() -> None:
    desk = Bare(*intended(), a_fill())

    desk.bookings.replaced(OrderReplaced(T0 + 9, "o1", Decimal(3), Decimal(3)))

    assert [(fact.quantity, fact.leaves_quantity) for fact in desk.told] == [(4, 0)]


def test_room_is_made_for_executions_that_waited_and_for_what_is_open_beside_them() -> None:
    """4 of 10 are booked. 8 waited: 12 in all. Where the venue, after 4 that waited, leaves 8: 16 in all."""
    filled, working = Bare(*intended(), a_fill()), Bare(*intended(), a_fill())

    filled.bookings.make_room(found(10, 10, status=OrderStatus.FILLED), [an_execution(2, 8)], T0 + 9)
    working.bookings.make_room(found(10, 2), [an_execution(2, 4)], T0 + 9)

    assert [(fact.quantity, fact.leaves_quantity) for fact in filled.told] == [(12, 8)]
    assert [(fact.quantity, fact.leaves_quantity) for fact in working.told] == [(16, 12)]


def test_room_in_an_order_that_ended_leaves_nothing_open_of_it() -> None:
    desk = Bare(*intended(), a_fill(), OrderCanceled(T0 + 2, "o1"))

    desk.bookings.make_room(found(10, 10, status=OrderStatus.FILLED), [an_execution(2, 8)], T0 + 9)

    assert [(fact.quantity, fact.leaves_quantity) for fact in desk.told] == [(12, 0)]


def test_no_room_is_made_where_there_is_enough() -> None:
    desk = Bare(*intended(), a_fill())

    desk.bookings.make_room(found(10, 10, status=OrderStatus.FILLED, limit_price=Decimal(1)), [an_execution(2, 6)], T0)
    desk.bookings.make_room(found(12, 4), (), T0)

    assert desk.told == []
