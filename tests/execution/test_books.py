"""Books as they were when an answer was given: of one account, without what was executed after it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from execution.bare import ACCOUNT, T0, Bare, an_execution, an_order, intended
from tapeline.domain.reports import Request
from tapeline.domain.words import Side
from tapeline.ledger.order_facts import OrderFilled, OutcomeLost


def filled(number: int, quantity: int, seconds: int, account: str = ACCOUNT, **terms: Any) -> OrderFilled:
    """Filled so many seconds after the beginning, at 100 and with a commission of 1."""
    known: dict[str, Any] = {"strategy": "Dip", "account": account, "event_time_ns": T0 + seconds}
    return OrderFilled(an_execution(number, quantity, **{**known, **terms}), Decimal(10 - quantity))


@pytest.fixture
def desk() -> Bare:
    """Four A bought in the fifth second, four B sold in the seventh; in the other account four A in the seventh."""
    orders = an_order(), an_order("o2", symbol="B", side=Side.SELL), an_order("o3", account="main")
    desk = Bare(*intended(*orders))
    desk.books.watch()
    desk.books.record(filled(1, 4, 5))
    desk.books.record(filled(2, 4, 7, client_order_id="o2", symbol="B", side=Side.SELL))
    desk.books.record(filled(3, 4, 7, "main", client_order_id="o3"))
    return desk


@pytest.mark.parametrize(
    ("until", "held", "cash"),
    [
        (None, {"A": 4, "B": -4}, -2),
        (7, {"A": 4, "B": -4}, -2),
        (6, {"A": 4, "B": 0}, -401),
        (5, {"A": 4, "B": 0}, -401),
        (4, {"A": 0, "B": 0}, 0),
    ],
)
def test_what_was_executed_after_an_answer_is_not_in_the_books_that_it_is_held_against(
    desk: Bare, until: int | None, held: dict[str, int], cash: int
) -> None:
    """400 and 1 of commission were paid, then 400 received less 1."""
    until_ns = None if until is None else T0 + until

    assert desk.books.quantities(until_ns) == held
    assert desk.books.cash(until_ns) == cash


def test_what_has_been_closed_since_was_held_when_the_answer_was_given(desk: Bare) -> None:
    desk.books.record(*intended(an_order("o4", 4, side=Side.SELL)))
    desk.books.record(filled(4, 4, 9, client_order_id="o4", side=Side.SELL))

    assert desk.books.quantities() == {"B": -4}
    assert desk.books.quantities(T0 + 8) == {"A": 4, "B": -4}


def test_what_was_executed_before_an_answer_was_asked_for_is_in_every_answer(desk: Bare) -> None:
    desk.books.watch()

    assert (desk.books.quantities(T0), desk.books.cash(T0)) == ({"A": 4, "B": -4}, -2)


def test_a_request_is_lost_once_and_only_while_it_is_waited_for() -> None:
    desk = Bare(*intended())
    books = desk.books

    lost = [books.lose("o1", request, "no answer", T0 + 9) for request in (Request.CANCEL, Request.SUBMIT)]
    lost += [books.lose(name, Request.SUBMIT, "once more", T0 + 9) for name in ("o1", "o9")]

    assert lost == [False, True, False, False]
    assert desk.told == [OutcomeLost(T0 + 9, "o1", Request.SUBMIT, "no answer")]
