"""Executions that were corrected or busted: which stand, what is filled and open, and what may work again."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.builders import T0, a_fill, a_stop, a_target, an_execution, an_order
from tests.ledger.one_order import KEY, NAME, books_of, busted, corrected, sent

from tapeline.domain.adopted import Grounds
from tapeline.domain.errors import InvariantError
from tapeline.domain.words import OrderStatus, Role, Side
from tapeline.ledger.execution_book import ExecutionBook
from tapeline.ledger.order_book import OrderBook
from tapeline.ledger.order_facts import CancelIntended, OrderCanceled, OrderIntended
from tapeline.ports.journal import Fact


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
