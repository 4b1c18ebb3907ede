"""The guard follows executions as they come, and judges orders by what they would disallow."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tapeline.domain.execution import Execution
from tapeline.domain.times import from_iso
from tapeline.domain.words import Side
from tapeline.tax.accounts import Account, AccountKind
from tapeline.tax.engine import TaxEngine
from tapeline.tax.guard import WashSaleGuard
from tapeline.tax.pre_trade import WashSaleLimit
from tax.tables import executions

ACCOUNTS = (Account("main"), Account("roth", AccountKind.RETIREMENT))


def execution(side: Side, quantity: int, price: int, moment: str, account: str = "main", order: str = "") -> Execution:
    return Execution(
        execution_id=f"{moment}{account}{quantity}",
        client_order_id=order or f"o{moment}",
        strategy="s",
        symbol="XYZ",
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        commission=Decimal(0),
        event_time_ns=from_iso(moment),
        account=account,
    )


def a_guard(limit: WashSaleLimit = WashSaleLimit.REFUSE_PERMANENT, before: str = "") -> WashSaleGuard:
    engine = TaxEngine(ACCOUNTS)
    engine.apply(executions(before))
    return WashSaleGuard(engine, limit)


def test_a_loss_of_this_morning_is_known_at_noon() -> None:
    guard = a_guard()
    guard.book(execution(Side.BUY, 100, 20, "2025-04-01T14:00:00Z"))
    guard.book(execution(Side.SELL, 60, 15, "2025-04-01T15:00:00Z", order="exit"))
    guard.book(execution(Side.SELL, 40, 15, "2025-04-01T15:00:00Z", order="exit"))

    again = guard.judge(execution(Side.BUY, 50, 16, "2025-04-01T16:00:00Z"))
    lost = guard.judge(execution(Side.BUY, 50, 16, "2025-04-01T16:00:00Z", "roth"))
    later = guard.judge(execution(Side.BUY, 50, 16, "2025-05-02T16:00:00Z", "roth"))

    assert again.is_allowed and [one.amount for one in again.found] == [250]
    assert not lost.is_allowed and "250.00 of it for good" in lost.sentence
    assert later.is_allowed and later.sentence == ""


@pytest.mark.parametrize("limit", WashSaleLimit)
def test_the_limit_says_what_is_allowed(limit: WashSaleLimit) -> None:
    guard = a_guard(limit, "2025-03-03 buy b1 100 XYZ @ 20\n2025-04-01 sell s1 100 XYZ @ 15")

    verdict = guard.judge(execution(Side.BUY, 10, 16, "2025-04-10T15:00:00Z"))

    assert verdict.is_allowed == (limit is not WashSaleLimit.REFUSE)
    assert bool(verdict.found) == (limit is not WashSaleLimit.OFF)


def test_what_was_held_before_tells_sales_from_short_sales() -> None:
    guard = a_guard(before="2025-01-06 buy b1 10 XYZ @ 20\n2025-03-20 buy b2 5 XYZ @ 16 account=roth")

    verdict = guard.judge(execution(Side.SELL, 25, 15, "2025-04-01T15:00:00Z"))

    # ten are sold, fifteen are sold short, and the loss of five is replaced in the retirement account
    (found,) = verdict.found
    assert (found.quantity, found.amount, found.permanent) == (5, 25, 25)
    assert not verdict.is_allowed


def test_a_split_is_taken_in() -> None:
    guard = a_guard(before="2025-01-06 buy b1 10 XYZ @ 20")
    guard.split("XYZ", date(2025, 4, 1), Decimal(2), Decimal(1), "a1")
    guard.book(execution(Side.SELL, 20, 8, "2025-04-01T15:00:00Z"))

    verdict = guard.judge(execution(Side.BUY, 20, 8, "2025-04-01T16:00:00Z"))

    assert [(one.quantity, one.amount) for one in verdict.found] == [(20, 40)]
