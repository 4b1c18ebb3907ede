"""What a live link can do to an order: lost outcomes, late fills, corrections, adoption; every sum beside its test."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.builders import T0, a_fill, a_stop, a_target, an_execution, an_order

from tapeline.domain.adopted import Grounds
from tapeline.domain.errors import InputError, InvariantError
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order, client_order_id
from tapeline.domain.reports import EXTERNAL, Request
from tapeline.domain.words import OrderStatus, OrderType, Reason, Role, Side
from tapeline.ledger.adopted_facts import ExecutionAdopted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.execution_book import ExecutionBook
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
    OutcomeLost,
    ReplaceIntended,
    ReplaceRejected,
)
from tapeline.ledger.order_state import Exposure
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact

NAME = "Dip-ABCD-1"
KEY = ("main", "Dip", "ABCD")
GROUNDS = Grounds("venue")


def books_of(*facts: Fact) -> Views:
    views = Views()
    views.apply_all(facts)
    return views


def sent(**terms: object) -> list[Fact]:
    return [OrderIntended(an_order(**terms)), OrderAccepted(T0, NAME, "V-1")]


def exposure(*facts: Fact) -> Exposure:
    return books_of(*facts).orders.exposures().get(KEY, Exposure())


def busted(execution: Execution, leaves: int | None = None) -> ExecutionBusted:
    return ExecutionBusted(T0, execution, GROUNDS, leaves_quantity=None if leaves is None else Decimal(leaves))


def corrected(execution: Execution, leaves: int | None = None, **changes: object) -> ExecutionCorrected:
    anew = replace(execution, execution_id=f"{execution.execution_id}~2", **changes)
    return ExecutionCorrected(T0, execution, anew, GROUNDS, leaves_quantity=None if leaves is None else Decimal(leaves))


# What is unknown --------------------------------------------------------------------------------------------


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


def test_members_of_a_group_count_once_on_their_side() -> None:
    """A stop and a target over what the entry has filled sell it once: 60, beside the 40 that it may still buy."""
    bracket: list[Order] = [an_order(role=Role.ENTRY), a_stop(), a_target()]

    found = exposure(*[OrderIntended(order) for order in bracket], a_fill(40, quantity=Decimal(60)))

    assert found == Exposure(buys=Decimal(40), sells=Decimal(60))


def test_working_orders_are_told_by_symbol_the_oldest_first() -> None:
    orders = [an_order(client_order_id=name, symbol=symbol) for name, symbol in (("1", "B"), ("2", "A"), ("3", "B"))]
    book = books_of(*[OrderIntended(order) for order in orders]).orders

    assert [state.order.client_order_id for state in book.working_of("B")] == ["1", "3"]
    assert list(book.working_of("C")) == []


def test_exposures_are_told_by_account_strategy_and_symbol() -> None:
    orders = [
        an_order(client_order_id="1"), an_order(client_order_id="2", strategy="Fade", side=Side.SELL),
        an_order(client_order_id="3", symbol="WXYZ"), an_order(client_order_id="4", account="second"),
        an_order(client_order_id="5", side=Side.SELL, quantity=Decimal(3)),
        an_order(client_order_id="6", quantity=Decimal(7)),
    ]  # fmt: skip

    assert books_of(*[OrderIntended(order) for order in orders]).orders.exposures() == {
        ("main", "Dip", "ABCD"): Exposure(Decimal(107), Decimal(3)),
        ("main", "Fade", "ABCD"): Exposure(sells=Decimal(100)),
        ("main", "Dip", "WXYZ"): Exposure(Decimal(100)),
        ("second", "Dip", "ABCD"): Exposure(Decimal(100)),
    }


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


def test_new_terms_that_leave_something_open_of_an_ended_order_are_refused() -> None:
    terms = OrderReplaced(T0, NAME, Decimal(150), Decimal(50))

    with pytest.raises(InvariantError, match="OrderReplaced says that 50 of order Dip-ABCD-1 are open, but it is CANC"):
        books_of(*sent(), OrderCanceled(T0, NAME), terms)


# Fills after the end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [OrderCanceled, OrderExpired])
def test_a_fill_that_crossed_the_end_is_booked_and_the_order_stays_ended(end: type) -> None:
    books = books_of(*sent(), CancelIntended(T0, NAME), end(T0, NAME), a_fill(0, quantity=Decimal(30)))
    state = books.orders.states[NAME]

    assert books.position("Dip", "ABCD").quantity == 30
    assert (state.filled_quantity, state.leaves_quantity) == (30, 0)
    assert NAME in books.orders.ended
    assert NAME not in books.orders.working


def test_a_fill_after_the_end_that_says_that_something_is_open_is_refused() -> None:
    with pytest.raises(InvariantError, match="OrderFilled says that 70 of order Dip-ABCD-1 are open, but it is CANCEL"):
        books_of(*sent(), OrderCanceled(T0, NAME), a_fill(70, quantity=Decimal(30)))


def test_a_fill_after_the_end_of_an_entry_lets_its_children_work_for_it() -> None:
    entry = an_order(role=Role.ENTRY)
    books = books_of(
        *[OrderIntended(order) for order in (entry, a_stop(), a_target())],
        OrderCanceled(T0, NAME), a_fill(0, quantity=Decimal(30)),
    )  # fmt: skip

    assert [books.orders.working[f"Dip-ABCD-{number}"].leaves_quantity for number in (2, 3)] == [30, 30]


def sale(number: int, leaves: int, quantity: int) -> OrderFilled:
    """A sale of a member of the bracket."""
    return a_fill(
        leaves, execution_id=f"E-s{number}", client_order_id=f"Dip-ABCD-{number}", side=Side.SELL,
        quantity=Decimal(quantity),
    )  # fmt: skip


def test_a_member_that_ended_takes_no_part_any_more_and_the_others_go_on() -> None:
    """Entry, stop and two targets. One target is canceled after 60 of 100: 40 more are for the others alone."""
    second = a_target(client_order_id="Dip-ABCD-4", sequence=4)
    books = books_of(
        *[OrderIntended(order) for order in (an_order(role=Role.ENTRY), a_stop(), a_target(), second)],
        a_fill(40, quantity=Decimal(60)), OrderCanceled(T0, "Dip-ABCD-3"),
        a_fill(0, execution_id="E-2", quantity=Decimal(40)), sale(4, 70, 30),
    )  # fmt: skip
    states = [books.orders.states[f"Dip-ABCD-{number}"] for number in (2, 3, 4)]

    assert [state.leaves_quantity for state in states] == [70, 0, 70]
    assert books.orders.exposures()[KEY] == Exposure(sells=Decimal(70))


def test_a_sale_that_crossed_the_end_of_a_whole_group_is_booked() -> None:
    books = books_of(
        *[OrderIntended(order) for order in (an_order(role=Role.ENTRY), a_stop(), a_target())], a_fill(),
        OrderCanceled(T0, "Dip-ABCD-2"), OrderCanceled(T0, "Dip-ABCD-3"), sale(3, 0, 30),
    )  # fmt: skip

    assert books.position("Dip", "ABCD").quantity == 70
    assert books.orders.exposures() == {}


def test_the_books_write_a_working_order_with_its_terms_as_they_hold_now() -> None:
    stop = an_order(order_type=OrderType.STOP_LIMIT, limit_price=Decimal("9.90"), stop_price=Decimal("10.00"))
    replaced = OrderReplaced(T0, NAME, Decimal(90), Decimal(60), Decimal("9.80"), Decimal("9.95"))
    books = books_of(OrderIntended(stop), a_fill(70, quantity=Decimal(30)), replaced)

    assert books.as_tree()["open_orders"] == {
        NAME: {
            "filled_quantity": "30", "leaves_quantity": "60", "limit_price": "9.8", "quantity": "90",
            "status": "PARTIALLY_FILLED", "stop_price": "9.95", "trail_amount": None, "trail_percent": None,
        }
    }  # fmt: skip


def test_an_execution_is_booked_once_whatever_order_it_names() -> None:
    other = an_order(client_order_id="Dip-ABCD-9")

    with pytest.raises(InvariantError, match="Execution E-1 is booked a second time"):
        books_of(*sent(), a_fill(), OrderIntended(other), a_fill(client_order_id="Dip-ABCD-9"))


def test_an_order_with_fills_was_not_rejected() -> None:
    with pytest.raises(InvariantError, match="Order Dip-ABCD-1 is rejected, but 30 of it are filled"):
        books_of(*sent(), CancelIntended(T0, NAME), a_fill(70, quantity=Decimal(30)), OrderRejected(T0, NAME))


# Corrections and busts --------------------------------------------------------------------------------------


def test_a_corrected_quantity_changes_what_is_filled_and_open() -> None:
    """60 of 100 were 50: 50 are open."""
    fill = a_fill(40, quantity=Decimal(60))
    state = books_of(*sent(), fill, corrected(fill.execution, 50, quantity=Decimal(50))).orders.working[NAME]

    assert (state.filled_quantity, state.leaves_quantity, state.status) == (50, 50, OrderStatus.PARTIALLY_FILLED)


def test_a_bust_of_all_that_filled_leaves_the_order_as_it_was_before() -> None:
    fill = a_fill(40, quantity=Decimal(60))
    state = books_of(*sent(), fill, busted(fill.execution, 100)).orders.working[NAME]

    assert (state.filled_quantity, state.leaves_quantity, state.status) == (0, 100, OrderStatus.NEW)


def test_a_filled_order_works_again_when_the_venue_says_that_something_is_open() -> None:
    books = books_of(*sent(), a_fill(), busted(an_execution(), 100))

    assert books.orders.working[NAME].status is OrderStatus.NEW
    assert NAME not in books.orders.ended
    assert books.orders.exposures()[KEY].buys == 100


def test_a_filled_order_whose_fill_is_busted_for_good_stays_ended_and_may_fill_again() -> None:
    books = books_of(*sent(), a_fill(), busted(an_execution(), 0), a_fill(execution_id="E-2"))

    assert books.orders.ended[NAME] is OrderStatus.FILLED
    assert books.orders.states[NAME].filled_quantity == 100


def test_a_canceled_order_stays_canceled_through_a_bust_and_a_new_execution() -> None:
    """FIX 5.0 SP2, order state changes, J.1.b.

    5,000 of 10,000 fill, the rest is canceled; the 5,000 are busted and 4,000 executed instead: canceled, nothing open.
    """
    fill = a_fill(5000, quantity=Decimal(5000), price=Decimal(50))
    anew = a_fill(0, execution_id="F", quantity=Decimal(4000), price=Decimal(51))
    books = books_of(
        *sent(quantity=Decimal(10_000)), fill, CancelIntended(T0, NAME), OrderCanceled(T0, NAME),
        busted(fill.execution, 0), anew,
    )  # fmt: skip
    state = books.orders.states[NAME]

    assert (state.status, state.filled_quantity, state.leaves_quantity) == (OrderStatus.CANCELED, 4000, 0)
    assert books.position("Dip", "ABCD").cost == 4000 * 51


def test_a_statement_that_does_not_know_the_order_leaves_what_is_open_of_it() -> None:
    fill = a_fill(40, quantity=Decimal(60))
    state = books_of(*sent(), fill, corrected(fill.execution, price=Decimal(9))).orders.working[NAME]

    assert (state.filled_quantity, state.leaves_quantity) == (60, 40)


def test_children_and_siblings_follow_a_bust() -> None:
    """The entry filled 100 and the stop 40 of it; the 40 are busted, then 70 of the entry."""
    entry = [a_fill(30, quantity=Decimal(70)), a_fill(0, execution_id="E-2", quantity=Decimal(30))]
    sold = a_fill(60, execution_id="E-3", client_order_id="Dip-ABCD-2", side=Side.SELL, quantity=Decimal(40))
    books = books_of(
        *[OrderIntended(order) for order in (an_order(role=Role.ENTRY), a_stop(), a_target())], *entry, sold
    )
    target = books.orders.working["Dip-ABCD-3"]

    after_sale = target.leaves_quantity
    books.apply(busted(sold.execution, 100))
    after_bust = target.leaves_quantity
    books.apply(busted(entry[0].execution, 0))

    assert (after_sale, after_bust, target.leaves_quantity) == (60, 100, 30)


def test_how_an_execution_stands_is_told_through_all_its_corrections() -> None:
    book = OrderBook()
    book.intended(OrderIntended(an_order()))
    book.filled(a_fill())
    first = corrected(an_execution(), price=Decimal(11))
    book.corrected(first)
    second = corrected(first.execution, price=Decimal(12))
    book.corrected(second)

    assert book.booked.standing("E-1") == book.booked.standing("E-1~2") == second.execution
    book.busted(busted(second.execution))
    assert book.booked.standing("E-1") is None
    assert book.booked.standing("never") is None


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ([busted(an_execution())], "stands, but it was never booked"),
        ([a_fill(), busted(an_execution()), busted(an_execution())], "stands, but it was corrected or busted before"),
        ([a_fill(), busted(an_execution(price=Decimal(9)))], "stands, but it stands as Execution"),
        ([a_fill(), corrected(an_execution()), a_fill(execution_id="E-1~2")], "E-1~2 is booked a second time"),
        ([a_fill(), corrected(an_execution(), side=Side.SELL)], "Corrected execution E-1 is for .*SELL"),
        ([a_fill(), corrected(an_execution(), quantity=Decimal(101))], "is for 100, but 101 filled"),
        ([a_fill(60, quantity=Decimal(40)), OrderCanceled(T0, NAME),
          busted(an_execution(quantity=Decimal(40)), 100)], "BUSTED says that 100 .* it is CANCELED already"),
    ],
)  # fmt: skip
def test_corrections_that_fit_nothing_are_refused(facts: list[Fact], sentence: str) -> None:
    with pytest.raises(InvariantError, match=sentence):
        books_of(*sent(), *facts)


# Adoption ---------------------------------------------------------------------------------------------------


def an_external_order(**terms: object) -> Order:
    return an_order(client_order_id="x-77", strategy=EXTERNAL, **terms)


def test_an_order_found_at_the_venue_works_counts_and_fills_like_others() -> None:
    found = OrderAdopted(T0, an_external_order(), "V-77")
    fill = a_fill(70, client_order_id="x-77", strategy=EXTERNAL, quantity=Decimal(30))
    books = books_of(found, fill)
    state = books.orders.working["x-77"]

    assert (state.status, state.venue_order_id, state.leaves_quantity) == (OrderStatus.PARTIALLY_FILLED, "V-77", 70)
    assert books.orders.exposures()[("main", EXTERNAL, "ABCD")] == Exposure(Decimal(70))
    assert books.position(EXTERNAL, "ABCD").quantity == 30


def test_what_was_done_before_an_adoption_is_not_open_and_not_held() -> None:
    books = books_of(OrderAdopted(T0, an_external_order(), filled_quantity=Decimal(60)))

    assert books.orders.working["x-77"].leaves_quantity == 40
    assert books.position(EXTERNAL, "ABCD").is_flat


def test_one_share_that_is_left_is_enough_to_be_found_at_work() -> None:
    books = books_of(OrderAdopted(T0, an_external_order(), filled_quantity=Decimal(99)))

    assert books.orders.working["x-77"].leaves_quantity == 1


def test_an_order_taken_for_lost_that_arrives_after_all_works_again() -> None:
    """30 of it had crossed our conclusion; its limit is that of the venue."""
    order = an_order(order_type=OrderType.LIMIT, limit_price=Decimal(9))
    gone = [OrderIntended(an_order()), OutcomeLost(T0, NAME, Request.SUBMIT), OrderRejected(T0, NAME)]
    books = books_of(*gone, OrderAdopted(T0, order, "V-1"), a_fill(70, quantity=Decimal(30)))
    state = books.orders.working[NAME]

    assert (state.status, state.leaves_quantity, state.limit_price) == (OrderStatus.PARTIALLY_FILLED, 70, 9)
    assert NAME not in books.orders.ended


def test_what_a_canceled_order_had_filled_counts_when_it_is_found_at_work() -> None:
    books = books_of(
        *sent(), a_fill(70, quantity=Decimal(30)), OrderCanceled(T0, NAME), OrderAdopted(T0, an_order(), "V-1")
    )

    assert (books.orders.working[NAME].filled_quantity, books.orders.working[NAME].leaves_quantity) == (30, 70)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ([*sent(), OrderAdopted(T0, an_order())], "is adopted, but it stands in the books and works"),
        ([*sent(), OrderCanceled(T0, NAME), OrderAdopted(T0, an_order(symbol="WXYZ"))],
         "Adopted order Dip-ABCD-1 is for .*WXYZ"),
        ([*sent(), a_fill(40, quantity=Decimal(60)), OrderCanceled(T0, NAME),
          OrderAdopted(T0, an_order(), None, Decimal(40))], "adopted for 100, but 100 of it are filled"),
        ([*sent(), ExecutionAdopted(an_execution(), GROUNDS)], "book it as a fill of that order"),
    ],
)  # fmt: skip
def test_adoptions_that_fit_nothing_are_refused(facts: list[Fact], sentence: str) -> None:
    with pytest.raises(InvariantError, match=sentence):
        books_of(*facts)


def test_an_order_that_is_done_cannot_be_adopted_as_working() -> None:
    with pytest.raises(InputError, match="100 of 100 are filled, so it does not work any more"):
        OrderAdopted(T0, an_order(), filled_quantity=Decimal(100))


# Sent anew --------------------------------------------------------------------------------------------------


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


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=12), st.integers(0, 9), st.integers(0, 9))
def test_executions_of_a_stretch_of_time_are_those_that_stand(
    made: list[tuple[int, bool]], first_ns: int, last_ns: int
) -> None:
    book = ExecutionBook()
    for number, (time_ns, stands) in enumerate(made):
        execution = an_execution(execution_id=f"E-{number}", event_time_ns=time_ns)
        book.add(execution)
        if not stands:
            book.bust(execution, Grounds("venue"))

    standing = [execution for execution in book.by_id.values() if execution is not None]
    inside = sorted(
        (e for e in standing if first_ns <= e.event_time_ns <= last_ns), key=lambda e: (e.event_time_ns, e.execution_id)
    )
    assert list(book.between(first_ns, last_ns)) == inside
