"""The kernel against the slow reference, on random scripts; and what must hold for any script."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance import fills_adapter
from simulation import reference_market
from simulation.builders import a_case
from simulation.random_scripts import random_case
from simulation.reference_orders import moment
from tapeline.domain.words import EventKind, OrderStatus
from tapeline.simulation.building import cash_amount

SCRIPTS = st.randoms(use_true_random=False)


def same(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result with its numbers as numbers and its times as moments."""
    return {
        "executions": [
            (
                e["order"], moment(e["bar_end"]), e["stage"],
                *(Decimal(e[name]) for name in ("quantity", "price", "commission")),
            )
            for e in result["executions"]
        ],
        "orders": {
            name: (order["status"], order["reason"], Decimal(order["filled"]))
            for name, order in result["orders"].items()
        },
        "cash": Decimal(result["cash"]),
        "positions": {symbol: Decimal(quantity) for symbol, quantity in result["positions"].items()},
    }  # fmt: skip


@settings(max_examples=400)
@given(SCRIPTS)
def test_kernel_and_reference_agree_on_random_scripts(random: Random) -> None:
    case = random_case(random)

    assert same(fills_adapter.simulate(case)) == same(reference_market.simulate(case))


@pytest.mark.parametrize("seed", range(40))
def test_kernel_and_reference_agree_on_the_same_scripts_every_time(seed: int) -> None:
    case = random_case(Random(seed))

    assert same(fills_adapter.simulate(case)) == same(reference_market.simulate(case))


def test_impact_uses_the_deviation_of_twenty_session_returns_across_a_split() -> None:
    """Sessions of one bar, 31 of them; X misses three, splits 2:1 in the middle; orders before and after."""
    random = Random(20)
    days = [f"{day:02d}" for day in range(1, 32)]
    bars, orders = [], []
    for day in days:
        price = random.randint(90, 110) / (1 if int(day) < 16 else 2)
        if day not in ("05", "11", "12"):
            bars.append(f"{day} 14:30 X {price} {price + 2} {price - 2} {price + random.choice([-1, 0.5, 1])} 5000")
        orders.append(f"{day} 14:30 o{day}: {random.choice(['BUY', 'BUY', 'SELL'])} X 50 MARKET DAY")
    case = a_case(
        "\n".join(bars),
        "\n".join(orders),
        sessions=",".join(f"{day} 14:30-15:00" for day in days),
        costs={"slippage": {"model": "impact", "k": "0.7", "initial_sigma": "0.5"}},
        corporate_actions=[{"symbol": "X", "kind": "split", "ex": "2025-03-16", "new": "2", "old": "1"}],
    )

    result = fills_adapter.simulate(case)

    assert same(result) == same(reference_market.simulate(case))
    # the first trades pay for the given sigma of 0.5, the last ones for their own of about 0.1
    assert len(result["executions"]) > 20


@settings(max_examples=150)
@given(SCRIPTS)
def test_cash_and_shares_are_conserved_and_the_log_tells_it_all(random: Random) -> None:
    case = random_case(random)
    market, numbers = fills_adapter.play(case)
    tick = {s: Fraction(f["tick"]) for s, f in case["instruments"].items()}
    symbols = list(tick)

    cash = Fraction(case["account"]["cash"])
    positions = [Fraction(0) for _ in symbols]
    filled = dict.fromkeys(numbers.values(), Fraction(0))
    status = dict.fromkeys(numbers.values(), OrderStatus.PENDING_NEW)
    ends = {
        EventKind.CANCELED: OrderStatus.CANCELED,
        EventKind.EXPIRED: OrderStatus.EXPIRED,
        EventKind.REJECTED: OrderStatus.REJECTED,
    }
    for event in market.events:
        kind, number, symbol = EventKind(event["kind"]), int(event["order"]), int(event["symbol"])
        if kind == EventKind.FILL:
            quantity, price = Fraction(repr(float(event["quantity"]))), Fraction(repr(float(event["price"])))
            assert price % tick[symbols[symbol]] == 0
            cash -= int(event["side"]) * quantity * price + Fraction(repr(float(event["commission"])))
            positions[symbol] += int(event["side"]) * quantity
            filled[number] += quantity
            status[number] = OrderStatus.FILLED if event["leaves"] == 0 else OrderStatus.PARTIALLY_FILLED
        elif kind == EventKind.SPLIT:
            kept = abs(positions[symbol]) * Fraction(float(event["amount"])).limit_denominator(1000)
            step = Fraction(
                case["instruments"][symbols[symbol]].get("fractional", case["instruments"][symbols[symbol]]["lot"])
            )
            positions[symbol] = (1 if positions[symbol] >= 0 else -1) * (kept // step) * step
        elif kind >= EventKind.BORROW:
            cash += Fraction(repr(float(event["amount"])))
        elif kind in ends:
            status[number] = ends[kind]

    assert Fraction(cash_amount(market)) == cash
    assert [Fraction(repr(float(p))) for p in market.positions] == positions
    for number, order in enumerate(market.orders):
        assert Fraction(repr(float(order["filled"]))) == filled[number]
        working = order["status"] < OrderStatus.FILLED
        assert working == (status[number] < OrderStatus.FILLED)
        assert working or order["status"] == status[number]
    assert np.all(np.diff(market.events["time_ns"][market.events["bar_end_ns"] == 0]) >= 0)
