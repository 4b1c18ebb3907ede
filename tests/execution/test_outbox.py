"""What waited while a gap was open, by itself: of which account's holdings it is, and what ended meanwhile."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from execution.bare import ACCOUNT, T0, Bare, an_execution, an_order, intended
from tapeline.domain.order import Order
from tapeline.domain.words import Purpose, Reason, Side
from tapeline.execution.messages import Cancel, Replace, Submit
from tapeline.execution.outbox import Outbox
from tapeline.ledger.control_facts import SymbolLocked
from tapeline.ledger.order_facts import (
    CancelIntended,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    ReplaceIntended,
    ReplaceRejected,
)

NOW = T0 + 9


def holding() -> Bare:
    """Ten are held in this account, and nothing in the other."""
    return Bare(*intended(), OrderFilled(an_execution(1, 10, strategy="Dip", account=ACCOUNT), Decimal(0)))


def waiting(desk: Bare, order: Order) -> Outbox:
    desk.record(*intended(order))
    outbox = Outbox(desk.books)
    outbox.add(Submit((order,)))
    return outbox


@pytest.mark.parametrize(("locked_at", "fits"), [(None, True), (6, True), (5, False)])
def test_an_exit_that_waited_fits_what_its_account_holds_and_of_a_locked_symbol_what_is_confirmed(
    locked_at: int | None, fits: bool
) -> None:
    desk = holding()
    if locked_at is not None:
        desk.record(SymbolLocked(T0, "A", Decimal(10), Decimal(locked_at), ACCOUNT))
    outbox = waiting(desk, an_order("exit", 6, side=Side.SELL, purpose=Purpose.EXIT_RULE))

    outbox.end_unfit(NOW)

    assert [message.orders[0].client_order_id for message in outbox.take() if isinstance(message, Submit)] == (
        ["exit"] if fits else []
    )


def test_what_the_same_strategy_holds_in_another_account_is_none_of_it() -> None:
    desk = Bare(*intended(an_order(account="main")))
    desk.record(OrderFilled(an_execution(1, 10, strategy="Dip", account="main"), Decimal(0)))
    outbox = waiting(desk, an_order("exit", 6, side=Side.SELL, purpose=Purpose.EXIT_RULE))

    outbox.end_unfit(NOW)

    assert outbox.take() == []
    assert desk.told[-1].client_order_id == "exit"


def test_cancels_and_replaces_of_what_ended_meanwhile_are_let_go_and_others_leave() -> None:
    desk = Bare(*intended(an_order(), an_order("o2")), OrderAccepted(T0, "o1"), OrderAccepted(T0, "o2"))
    outbox = Outbox(desk.books)
    kept = []
    for name in ("o1", "o2"):
        kept = [
            Cancel(desk.record(CancelIntended(T0, name))),
            Replace(desk.record(ReplaceIntended(T0, name, limit_price=Decimal(9)))),
        ]
        for message in kept:
            outbox.add(message)
    desk.record(OrderCanceled(T0, "o1"))

    outbox.end_unfit(NOW)

    assert outbox.take() == kept


def test_when_a_replace_is_answered_the_newest_of_its_order_that_waited_is_asked_for_anew() -> None:
    """Nothing waited for the first order, and two for the second; the third has no answer yet."""
    names = ("o1", "o2", "o3")
    desk = Bare(*intended(*map(an_order, names)), *[OrderAccepted(T0, name) for name in names])
    outbox = Outbox(desk.books)
    for name in names:
        outbox.note_replace(name)
    waiting = [ReplaceIntended(T0 + n, "o2", limit_price=Decimal(n)) for n in (7, 8)]
    other = Replace(desk.record(ReplaceIntended(T0, "o3", limit_price=Decimal(7))))
    for message in (*map(Replace, waiting), other):
        outbox.add(message)
    desk.told.clear()

    outbox.answer_replaces(NOW)

    refused = ReplaceRejected(
        NOW, "o2", None, "It waited for the answer to an earlier one; the newest that waited is sent anew.",
        Reason.NEVER_ARRIVED,
    )  # fmt: skip
    anew = replace(waiting[1], event_time_ns=NOW)
    assert desk.told == [refused, refused, anew]
    assert outbox.take() == [Replace(anew)]
