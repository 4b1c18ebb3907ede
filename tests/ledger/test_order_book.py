"""What the books tell of orders: what works, what it may still fill, and fills that crossed an end."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.ledger.builders import T0, a_fill, a_stop, a_target, an_order
from tests.ledger.one_order import KEY, NAME, books_of, exposure, sent

from tapeline.domain.errors import InvariantError
from tapeline.domain.order import Order
from tapeline.domain.words import OrderType, Role, Side
from tapeline.ledger.order_facts import (
    CancelIntended,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderReplaced,
)
from tapeline.ledger.order_state import Exposure


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


def test_new_terms_that_leave_something_open_of_an_ended_order_are_refused() -> None:
    terms = OrderReplaced(T0, NAME, Decimal(150), Decimal(50))

    with pytest.raises(InvariantError, match="OrderReplaced says that 50 of order Dip-ABCD-1 are open, but it is CANC"):
        books_of(*sent(), OrderCanceled(T0, NAME), terms)


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


@pytest.mark.parametrize("target_first", [False, True])
def test_the_stop_of_an_entry_is_known_by_the_entry_whatever_else_hangs_on_it(target_first: bool) -> None:
    """The first one, which tells what the entry risks; neither its target nor a stop that came later."""
    target, stop = a_target(), a_stop()
    legs = [target, stop] if target_first else [stop, target]
    later = a_stop(client_order_id="Dip-ABCD-4", stop_price=Decimal(9))
    alone = an_order(client_order_id="Dip-ABCD-5", side=Side.SELL, order_type=OrderType.STOP, stop_price=Decimal(9))
    book = books_of(*sent(), *map(OrderIntended, [*legs, later, alone])).orders

    assert book.stops == {NAME: stop}
