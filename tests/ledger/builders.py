"""Valid facts with one-word overrides, and tables of executions as an accountant writes them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from tapeline.domain.bar import Bar
from tapeline.domain.cash import CashCause
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.signal import Action, Signal
from tapeline.domain.times import from_iso
from tapeline.domain.words import OrderType, Purpose, Role, Side, TimeInForce
from tapeline.ledger.facts import CashMoved, RunStarted, SessionClosed, SignalRaised
from tapeline.ledger.order_facts import OrderAccepted, OrderFilled, OrderIntended
from tapeline.ports.journal import Fact

T0 = from_iso("2024-01-02T15:00:00Z")
MINUTE = 60_000_000_000


def a_run(**changes: Any) -> RunStarted:
    fields = {
        "event_time_ns": T0,
        "code_version": "0.1.0",
        "code_digest": "c0de" * 16,
        "configuration": {"cash": 100_000.0, "strategies": ["Dip"]},
        "data_source": "/data/bars.parquet",
        "data_digest": "da7a" * 16,
        "seed": 7,
    }
    return RunStarted(**{**fields, **changes})


def a_signal(**changes: Any) -> SignalRaised:
    tree = {
        "text": "(close < band.lower)",
        "value": True,
        "detail": "9.98 < 10.02",
        "children": [{"text": "close", "value": 9.98}, {"text": "band.lower", "value": 10.02}],
    }
    fields = {
        "strategy": "Dip", "symbol": "ABCD", "time_ns": T0, "action": Action.ENTER_LONG,
        "explanation": tree, "version": "5ba1", "rank": 0.5,
    }  # fmt: skip
    return SignalRaised(Signal(**{**fields, **changes}), a_bar(symbol=changes.get("symbol", "ABCD")))


def a_bar(**changes: Any) -> Bar:
    fields = {
        "symbol": "ABCD", "start_ns": T0 - MINUTE, "end_ns": T0, "open": Decimal("10.1"),
        "high": Decimal("10.2"), "low": Decimal("9.95"), "close": Decimal("9.98"), "volume": Decimal(12_000),
    }  # fmt: skip
    return Bar(**{**fields, **changes})


def an_order(**changes: Any) -> Order:
    fields = {
        "client_order_id": "Dip-ABCD-1",
        "strategy": "Dip",
        "symbol": "ABCD",
        "side": Side.BUY,
        "order_type": OrderType.MARKET,
        "quantity": Decimal(100),
        "decision_time_ns": T0,
    }
    return Order(**{**fields, **changes})


def a_stop(**changes: Any) -> Order:
    fields = {
        "client_order_id": "Dip-ABCD-2", "side": Side.SELL, "order_type": OrderType.STOP,
        "stop_price": Decimal("9.5"), "role": Role.STOP, "purpose": Purpose.STOP,
        "parent": "Dip-ABCD-1", "group": "Dip-ABCD-1",
    }  # fmt: skip
    return an_order(**{**fields, **changes})


def a_target(**changes: Any) -> Order:
    fields = {
        "client_order_id": "Dip-ABCD-3", "side": Side.SELL, "order_type": OrderType.LIMIT,
        "limit_price": Decimal(11), "role": Role.TARGET, "purpose": Purpose.TARGET,
        "parent": "Dip-ABCD-1", "group": "Dip-ABCD-1",
    }  # fmt: skip
    return an_order(**{**fields, **changes})


def an_execution(**changes: Any) -> Execution:
    fields = {
        "execution_id": "E-1",
        "client_order_id": "Dip-ABCD-1",
        "strategy": "Dip",
        "symbol": "ABCD",
        "side": Side.BUY,
        "quantity": Decimal(100),
        "price": Decimal("10.00"),
        "commission": Decimal("1.00"),
        "event_time_ns": T0 + MINUTE,
    }
    return Execution(**{**fields, **changes})


def a_fill(leaves: Any = 0, **changes: Any) -> OrderFilled:
    return OrderFilled(an_execution(**changes), Decimal(leaves))


def a_deposit(amount: Any = 100_000) -> CashMoved:
    return CashMoved(T0, CashCause.DEPOSIT, Decimal(amount))


def traded(table: str, strategy: str = "Dip", first: int = 1) -> Iterator[Fact]:
    """Yield the facts of a table of rows `BUY 100 ABCD at 10.00 costs 1.00 [for exit_rule]`.

    Each row is an order of its own that fills whole, a minute after the row before; `first` is the number
    of the first row and with it of its order. A row
    `CLOSE ABCD 10.50 ...` is the end of a session with the marks of what is held.
    """
    for number, row in enumerate(filter(str.strip, table.splitlines()), start=first):
        words = row.split()
        time = T0 + number * MINUTE
        if words[0] == "CLOSE":
            marks = {symbol: Decimal(mark) for symbol, mark in zip(words[1::2], words[2::2], strict=True)}
            yield SessionClosed(time, marks)
            continue
        side, quantity, symbol, _, price, _, commission = words[:7]
        purpose = Purpose[words[8].upper()] if len(words) > 8 else Purpose.ENTRY
        name = f"{strategy}-{symbol}-{number}"
        order = an_order(
            client_order_id=name, strategy=strategy, symbol=symbol, side=Side[side],
            quantity=Decimal(quantity), decision_time_ns=time, purpose=purpose,
            time_in_force=TimeInForce.DAY,
        )  # fmt: skip
        yield OrderIntended(order)
        yield OrderAccepted(time, name)
        yield a_fill(
            execution_id=f"E-{name}", client_order_id=name, strategy=strategy, symbol=symbol,
            side=Side[side], quantity=Decimal(quantity), price=Decimal(price),
            commission=Decimal(commission), event_time_ns=time,
        )  # fmt: skip
