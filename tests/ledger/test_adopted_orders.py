"""Orders that are found at work at the venue: of others, and of ours that were taken for ended."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.ledger.builders import T0, a_fill, an_execution, an_order
from tests.ledger.one_order import GROUNDS, NAME, books_of, sent

from tapeline.domain.errors import InputError, InvariantError
from tapeline.domain.order import Order
from tapeline.domain.reports import EXTERNAL, Request
from tapeline.domain.words import OrderStatus, OrderType
from tapeline.ledger.adopted_facts import ExecutionAdopted
from tapeline.ledger.order_facts import OrderAdopted, OrderCanceled, OrderIntended, OrderRejected, OutcomeLost
from tapeline.ledger.order_state import Exposure
from tapeline.ports.journal import Fact


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
