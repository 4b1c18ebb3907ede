"""Two books to compare, as the tests of the comparison make them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.reports import VenueOrder
from tapeline.domain.words import OrderStatus, OrderType, Side, TimeInForce
from tapeline.execution.reconciliation import (
    Finding,
    OurBooks,
    TheirBooks,
    compare,
    execution_finding,
    missing_executions,
)
from tapeline.ledger.order_state import OrderState

T0 = 1_704_207_600_000_000_000
TOLERANCE = Decimal(1)


def a_state(name: str = "o1", quantity: int = 100, filled: int = 0, **changes: Any) -> OrderState:
    fields: dict[str, Any] = {
        "client_order_id": name, "strategy": "Dip", "symbol": "A", "side": Side.BUY, "order_type": OrderType.LIMIT,
        "quantity": Decimal(quantity), "decision_time_ns": T0, "limit_price": Decimal(10),
    }  # fmt: skip
    order = Order(**{**fields, **changes})
    return OrderState(
        order, OrderStatus.NEW, order.quantity, order.quantity - filled, Decimal(filled), limit_price=order.limit_price
    )


def theirs_of(state: OrderState, **changes: Any) -> VenueOrder:
    order = state.order
    fields: dict[str, Any] = {
        "client_order_id": order.client_order_id, "venue_order_id": "V1", "symbol": order.symbol, "side": order.side,
        "order_type": order.order_type, "quantity": state.quantity, "filled_quantity": state.filled_quantity,
        "status": OrderStatus.NEW, "event_time_ns": T0, "time_in_force": TimeInForce.DAY,
        "limit_price": state.limit_price,
    }  # fmt: skip
    return VenueOrder(**{**fields, **changes})


def an_execution(number: int = 1, quantity: int = 20, **changes: Any) -> Execution:
    fields: dict[str, Any] = {
        "execution_id": f"E{number}", "client_order_id": "o1", "strategy": "external", "symbol": "A", "side": Side.BUY,
        "quantity": Decimal(quantity), "price": Decimal(10), "commission": Decimal("0.5"), "event_time_ns": T0 + number,
    }  # fmt: skip
    return Execution(**{**fields, **changes})


def our_books(*states: OrderState, **changes: Any) -> OurBooks:
    fields: dict[str, Any] = {
        "account": "main", "working": {state.order.client_order_id: state for state in states}, "ended": frozenset(),
        "booked": (), "quantities": {}, "cash": Decimal(1000),
    }  # fmt: skip
    return OurBooks(**{**fields, **changes})


def their_books(*orders: VenueOrder, **changes: Any) -> TheirBooks:
    fields: dict[str, Any] = {"orders": orders, "executions": (), "quantities": {}, "cash": Decimal(1000)}
    return TheirBooks(**{**fields, **changes})


def taken_in(ours: OurBooks, executions: Iterable[Execution]) -> tuple[OurBooks, list[Finding]]:
    """Return our books after what we missed was booked, written out by hand, and what was found."""
    working, findings = {**ours.working}, []
    quantities, cash, booked = {**ours.quantities}, ours.cash, [*ours.booked]
    for one in missing_executions({one.execution_id for one in booked}, executions):
        findings.append(execution_finding({*working, *ours.ended}, one))
        booked.append(one)
        quantities[one.symbol] = quantities.get(one.symbol, Decimal(0)) + one.signed_quantity
        cash -= one.signed_quantity * one.price + one.commission
        if (state := working.get(one.client_order_id)) is not None:
            working[one.client_order_id] = replace(state, filled_quantity=state.filled_quantity + one.quantity)
    return replace(ours, working=working, booked=booked, quantities=quantities, cash=cash), sorted(findings)


def compared(ours: OurBooks, theirs: TheirBooks) -> list[Finding]:
    """Return what is found in one round: executions are taken in as they come, then everything is compared."""
    ours, findings = taken_in(ours, theirs.executions)
    return [*findings, *compare(ours, theirs, TOLERANCE)]


def found(ours: OurBooks, theirs: TheirBooks) -> list[tuple[str, str, Decimal | None, Decimal | None, str]]:
    return [(one.kind.name, one.name, one.ours, one.theirs, one.remedy.name) for one in compared(ours, theirs)]
