"""What comes before a difference is accepted: whatever may still explain it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from execution.accepting import PRICE, SYMBOL, a_finding, accept, accepting, broken, desk_with
from execution.running import SETTINGS
from ledger.builders import T0, a_deposit
from risk.builders import Desk, an_order
from tapeline.domain.adopted import EXTERNAL
from tapeline.domain.control import GapCause
from tapeline.domain.errors import InputError
from tapeline.domain.execution import Execution
from tapeline.domain.parent import ParentEnd
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderType, Purpose, Reason, Side
from tapeline.execution.settings import KeeperSettings
from tapeline.ledger.control_facts import GapOpened, Reconciled
from tapeline.ledger.order_facts import (
    CancelIntended,
    OrderAccepted,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderTriggered,
    OutcomeLost,
)
from tapeline.ledger.parent_facts import ParentOrderEnded, ParentOrderIntended, ParentOrderStopped
from tapeline.ports.journal import Fact


def test_cash_that_has_moved_since_the_comparison_is_compared_again() -> None:
    desk = desk_with()
    desk.record(a_deposit(10_000))
    desk.record(Reconciled(T0, [a_finding("main", "10000", "9998.75", "CASH_BREAK")]))
    desk.record(a_deposit(5))

    with pytest.raises(InputError) as raised:
        accepting(desk)[0].accept("cash", "9998.75", who="anna", reason="a fee", now_ns=T0 + 1)

    assert str(raised.value) == (
        "Our books had 10000 of cash when they were compared and have 10005 now: something has happened since that may"
        " explain it. Compare them again with `tapeline reconcile`."
    )


def refusal(desk: Desk, shown: str | None = "4", **options: Any) -> str:
    before = desk.views.quantity(SYMBOL)
    with pytest.raises(InputError) as raised:
        accepting(desk, **options)[0].accept(SYMBOL, shown, who="anna", reason="asked them", now_ns=T0 + 1)
    assert desk.views.quantity(SYMBOL) == before and not desk.views.control.accepted
    return str(raised.value)


def test_what_may_still_explain_the_difference_comes_first() -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)
    assert "--price" in refusal(desk, price=None)

    desk.work(an_order("entry-again", strategy="Dip"))
    assert refusal(desk) == (
        "The entry entry-again works and may still change what is held of ABCD. `tapeline pause` calls entries back;"
        " then compare again and accept."
    )


COMPARED = (
    "The books are just being compared, or a gap is open: what is missing may still come. Try again in a moment;"
    " `tapeline status` shows when."
)


def test_nothing_is_accepted_in_a_gap_or_while_the_books_are_compared() -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)
    acceptance, keeper = accepting(desk, settings=KeeperSettings())
    keeper.compare(T0)
    with pytest.raises(InputError) as raised:
        acceptance.accept(SYMBOL, "4", who="anna", reason="asked them", now_ns=T0 + 1)
    assert str(raised.value) == COMPARED

    desk.record(GapOpened(T0, GapCause.LINK_LOST, "socket closed"))
    assert refusal(desk) == COMPARED


def test_nothing_is_accepted_while_an_order_in_parts_is_worked_in_the_symbol() -> None:
    """One of another symbol, and one that has ended, explain nothing."""
    desk = desk_with(Dip=10)
    parent = an_order("parent", strategy="Dip", side=Side.SELL, purpose=Purpose.EXIT_RULE)
    desk.record(ParentOrderIntended(replace(parent, client_order_id="other", symbol="WXYZ"), "twap", PRICE))
    desk.record(ParentOrderIntended(parent, "twap", PRICE))
    broken(desk, 4)
    assert refusal(desk) == (
        "The order parent is being worked in parts and may still change what is held of ABCD. Wait until it has ended,"
        " compare again and accept."
    )

    desk.record(ParentOrderStopped(T0, "parent", ParentEnd.WINDOW))
    desk.record(ParentOrderEnded(T0, "parent", ParentEnd.WINDOW, PRICE, Decimal(0)))
    accept(desk, 4)

    assert desk.views.quantity(SYMBOL) == 4


def test_what_the_person_was_shown_must_be_what_the_last_comparison_found() -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)
    assert refusal(desk, None) == (
        "The broker's value of ABCD was shown as none, and the last comparison found 4. Look at it again with"
        " `tapeline reconcile`."
    )
    broken(desk, None)
    assert "was shown as 4, and the last comparison found none." in refusal(desk, "4")


def test_a_difference_that_was_not_found_is_none_and_those_that_were_are_named() -> None:
    desk = desk_with(Dip=10)
    nothing = "The last comparison with the broker's books found no difference of ABCD. "
    assert refusal(desk) == nothing + "It left none that could be accepted."

    desk.record(
        Reconciled(T0, [
            a_finding("main", 1, 2, "CASH_BREAK"), a_finding("o7", None, None, "MISSING_AT_BROKER"),
            a_finding("WXYZ", 1, 2),
        ])
    )  # fmt: skip
    assert refusal(desk) == nothing + "It found these: cash, WXYZ."


@pytest.mark.parametrize("reason", ["", "  "])
def test_nothing_is_accepted_without_a_reason(reason: str) -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)

    with pytest.raises(InputError, match=r"A difference of ABCD is accepted for a reason only. Give one with --reason"):
        accepting(desk)[0].accept(SYMBOL, "4", who="anna", reason=reason, now_ns=T0 + 1)


def a_stop(desk: Desk) -> None:
    desk.work(
        an_order(
            "stop",
            strategy="Dip",
            side=Side.SELL,
            order_type=OrderType.STOP,
            stop_price=Decimal(90),
            purpose=Purpose.STOP,
        )
    )


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        (OrderTriggered(T0, "stop"), "was triggered"),
        (OutcomeLost(T0, "stop", Request.CANCEL, "no answer"), "has a request whose outcome is not known"),
    ],
)
def test_an_exit_of_the_strategy_that_may_have_filled_comes_first(fact: Fact, why: str) -> None:
    """Accepted at none, its late fill of ten would turn the strategy round."""
    desk = desk_with(Dip=10)
    a_stop(desk)
    if isinstance(fact, OutcomeLost):
        desk.record(CancelIntended(T0, "stop"))
    desk.record(fact)
    broken(desk, None)

    assert refusal(desk, None) == (
        f"The order stop {why}: it may have filled, and its report may be late. Wait for it, compare again with"
        " `tapeline reconcile`, and accept what is left then."
    )


@pytest.mark.parametrize("finding", ["ORDER_MISSING", "ORDER_FILLED_DIFFERS", "ORDER_REVIVED"])
def test_an_order_that_differs_from_the_venue_s_comes_first(finding: str) -> None:
    desk = desk_with(Dip=10, Trend=1)
    a_stop(desk)
    broken(desk, 4)
    found = {"finding": finding, "name": "stop", "ours": "10", "theirs": None, "remedy": "ASK", "text": ""}
    desk.record(Reconciled(T0, [*desk.views.control.findings, found]))

    assert refusal(desk) == (
        "What became of the order stop is not sure, and it may explain the difference of ABCD. Compare again with"
        " `tapeline reconcile`, and accept what is left then."
    )


@pytest.mark.parametrize(("name", "explains"), [("elsewhere", False), ("unheard of", True)])
def test_an_order_of_another_symbol_explains_nothing_and_one_that_nobody_here_knows_may(
    name: str, explains: bool
) -> None:
    desk = desk_with(Dip=10)
    desk.work(an_order("elsewhere", strategy="Dip", symbol="WXYZ"))
    broken(desk, 4)
    differs = a_finding(name, 10, None, "ORDER_MISSING")
    desk.record(Reconciled(T0, [*desk.views.control.findings, differs]))

    if explains:
        assert f"What became of the order {name} is not sure" in refusal(desk)
    else:
        accepting(desk)[0].accept(SYMBOL, "4", who="anna", reason="asked them", now_ns=T0 + 1)
        assert desk.views.quantity(SYMBOL) == 4


def test_an_order_that_is_asked_for_by_name_comes_first() -> None:
    """It was taken for never arrived, and the venue speaks of it after all."""
    desk = desk_with(Dip=10)
    sale = an_order("sale", strategy="Dip", side=Side.SELL, quantity=Decimal(6), purpose=Purpose.EXIT_RULE)
    desk.record(OrderIntended(sale))
    desk.record(OrderRejected(T0, "sale", Reason.NEVER_ARRIVED))
    broken(desk, 4)
    acceptance, keeper = accepting(desk, settings=SETTINGS)
    keeper.take([OrderAccepted(T0, "sale")], T0)

    with pytest.raises(InputError, match="What became of the order sale is not sure"):
        acceptance.accept(SYMBOL, "4", who="anna", reason="asked them", now_ns=T0 + 1)


def test_an_order_of_others_is_canceled_where_it_came_from() -> None:
    """`pause` leaves it alone, so it does not help."""
    desk = desk_with(Dip=10)
    broken(desk, 4)
    desk.work(an_order("theirs", strategy=EXTERNAL, side=Side.SELL))

    assert refusal(desk) == (
        "The order theirs works, which nobody here asked for, and may still change what is held of ABCD. Cancel it at"
        " the broker or wait until it has ended; then compare again and accept."
    )


def test_what_executed_since_it_was_shown_may_explain_it() -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)
    sale = an_order("sale", strategy="Dip", side=Side.SELL, quantity=Decimal(6), purpose=Purpose.EXIT_RULE)
    desk.work(sale)
    execution = Execution("E-late", "sale", "Dip", SYMBOL, Side.SELL, Decimal(6), PRICE, Decimal(0), T0)
    desk.record(OrderFilled(execution, Decimal(0)))

    assert "something has happened" in refusal(desk)


def test_it_is_booked_once() -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)
    acceptance, _ = accepting(desk)
    acceptance.accept(SYMBOL, "4", who="anna", reason="asked them", now_ns=T0 + 1)

    with pytest.raises(
        InputError, match="There is no difference of ABCD any more: ABCD was accepted at the broker's 4"
    ):
        acceptance.accept(SYMBOL, "4", who="ben", reason="me too", now_ns=T0 + 2)
    assert desk.views.quantity(SYMBOL) == 4
