"""Exits in parts: what cannot wait leaves whole, and what is not sent yet stands behind its stop."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from app.worked_orders import PANEL, Patient
from tapeline import (
    Account,
    Limits,
    Market,
    RuleStrategy,
    RunSettings,
    bars,
    distance,
    fixed_quantity,
    limit,
    session,
    twap,
)
from tapeline.app.replay import replay
from tapeline.domain.parent import ParentEnd, Pricing
from tapeline.domain.words import OrderType, Purpose


def test_exits_that_cannot_wait_leave_at_once_and_whole() -> None:
    """1,000 of each symbol are bought in three parts and sold in one before the close."""
    facts = replay([Patient()], PANEL, settings=RunSettings(account=Account(cash=10_000_000)))
    orders = [state.order for state in facts.views.orders.states.values()]
    last = [order for order in orders if order.purpose is Purpose.FLAT_BEFORE_CLOSE]

    assert last
    assert {order.order_type for order in last} == {OrderType.MARKET}
    assert {order.quantity for order in last} == {Decimal(1_000)}
    assert all(state.order.purpose is Purpose.ENTRY for state in facts.views.parents.states.values())
    assert all(order.client_order_id.endswith("-1") for order in last)


class LeavesSlowly(RuleStrategy):
    """Buys in the first half of the session, and takes hours to leave."""

    bar = bars("1min")
    size = fixed_quantity(1_000)
    enter_long = bar.close > 0
    exit_long = bar.close > 0
    execution_exit = twap(minutes=300, every_minutes=100)


def test_a_holding_that_has_lost_what_a_trade_may_lose_does_not_leave_slowly() -> None:
    """A price that falls by a cent a minute; a loss of 0.05% of a million, 500, is reached 50 cents below the entry."""
    rows = 200
    panel = PANEL.rows(0, rows)
    price = np.repeat((100.0 - np.arange(rows) * 0.01)[:, None], 2, axis=1)
    panel = replace(panel, open=price, high=price, low=price, close=price, volume=np.full_like(price, 1e6))

    def first(bound: float | None) -> list[tuple[Decimal, Decimal]]:
        settings = RunSettings(
            account=Account(cash=1_000_000), market=Market(latency_s=0.001), limits=Limits(loss_per_trade=bound)
        )
        views = replay([LeavesSlowly()], panel, settings=settings).views
        state = next(it for it in views.parents.states.values() if it.order.purpose is Purpose.EXIT_RULE)
        return [(fill.execution.quantity, fill.execution.price) for fill in state.fills.values()]

    slow, hurried = first(None), first(0.0005)
    assert [quantity for quantity, _ in slow] == [333, 333]
    assert [quantity for quantity, _ in hurried] == [333, 667]
    assert hurried[0] == slow[0]
    assert slow[0][1] - hurried[1][1] < Decimal("0.80")


class LeavesLate(RuleStrategy):
    """Leaves when five minutes are left, by limits."""

    bar = bars("1min")
    size = fixed_quantity(1_000)
    enter_long = (bar.close > 0) & (session.minutes_since_open < 300)
    exit_long = session.minutes_to_close <= 5
    execution_exit = limit(offset_bps=50, timeout_s=600)


def test_an_exit_of_limits_is_over_before_the_close() -> None:
    """It offers where nobody buys; the rest is called back and sold in the last bar."""
    settings = RunSettings(account=Account(cash=10_000_000), market=Market(latency_s=0.001))
    views = replay([LeavesLate()], PANEL, settings=settings).views

    exits = [state for state in views.parents.states.values() if state.order.purpose is Purpose.EXIT_RULE]
    assert len(exits) == 2
    assert {state.ended.reason for state in exits if state.ended is not None} == {ParentEnd.FILLED}
    assert not any(held.quantity for held in views.positions.values())
    assert any(len(state.children) == 2 for state in exits)


class LeavesBehindAStop(LeavesSlowly):
    """The same, with a stop a dollar below."""

    stop = distance(1.0)


@pytest.mark.parametrize("latency_s", [0.0, 0.001, 90.0], ids=["at once", "travels", "beyond a bar"])
def test_a_worked_exit_has_its_stop_at_the_venue(latency_s: float) -> None:
    """Within one bar the price falls from 99.90 to 90 and comes back: the stop at 99 sells what had not left yet."""
    rows = 60
    panel = PANEL.rows(0, rows)
    price = np.full((rows, 2), 100.0)
    low = price.copy()
    low[30] = 90.0
    panel = replace(panel, open=price, high=price, low=low, close=price, volume=np.full_like(price, 1e6))
    settings = RunSettings(account=Account(cash=1_000_000), market=Market(latency_s=latency_s))

    views = replay([LeavesBehindAStop()], panel, settings=settings).views

    state = next(it for it in views.parents.states.values() if it.order.purpose is Purpose.EXIT_RULE)
    fills = [(int(it.execution.quantity), it.execution.price, it.pricing) for it in state.fills.values()]
    assert fills == [(333, Decimal(100), Pricing.MARKET), (667, Decimal(99), Pricing.STOP)]
    assert state.ended is not None
    assert state.ended.reason is ParentEnd.FILLED
