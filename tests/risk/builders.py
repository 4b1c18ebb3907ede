"""A gate over books that a test writes by facts, with one-word overrides."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ledger.builders import T0
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.execution import Execution
from tapeline.domain.instrument import Instrument
from tapeline.domain.order import Order
from tapeline.domain.words import OrderType, Purpose, Reason, Side, TimeInForce
from tapeline.ledger.canonical import decode, encode
from tapeline.ledger.control_facts import TradingStateChanged
from tapeline.ledger.order_facts import OrderAccepted, OrderCanceled, OrderFilled, OrderIntended
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact
from tapeline.risk.gate import Gate, Market
from tapeline.risk.gate_settings import GateSettings

OPEN = Market(last_price=100.0, priced_ns=T0, bid=99.99, ask=100.01, is_open=True)
SELL = {"side": Side.SELL}


def an_order(name: str = "one", **terms: Any) -> Order:
    """Return a market order to buy ten ABCD."""
    known: dict[str, Any] = {
        "client_order_id": name,
        "strategy": "Dip",
        "symbol": "ABCD",
        "side": Side.BUY,
        "order_type": OrderType.MARKET,
        "quantity": Decimal(10),
        "decision_time_ns": T0,
        "time_in_force": TimeInForce.DAY,
    }
    return Order(**{**known, **terms})


def a_limit(price: str, name: str = "one", **terms: Any) -> Order:
    """Return a limit order, else like `an_order`."""
    return an_order(name, order_type=OrderType.LIMIT, limit_price=Decimal(price), **terms)


def a_stop(price: str, name: str = "stop", **terms: Any) -> Order:
    return an_order(name, order_type=OrderType.STOP, stop_price=Decimal(price), **terms)


def trailing(amount: str, name: str = "trail", **terms: Any) -> Order:
    return an_order(name, order_type=OrderType.TRAILING_STOP, trail_amount=Decimal(amount), **terms)


def an_exit(name: str, quantity: int = 10, purpose: Purpose = Purpose.EXIT_RULE, **terms: Any) -> Order:
    return an_order(name, **{**SELL, "quantity": Decimal(quantity), "purpose": purpose, **terms})


class Desk:
    """Views, what is held, the market of every symbol, and the gate that reads them."""

    def __init__(self, market: Market = OPEN, held: float = 0.0, **settings: Any) -> None:
        options = {
            name: settings.pop(name)
            for name in ("settled_cash", "day_trades_made", "equity", "shortable", "of_strategies")
            if name in settings
        }
        given = dict(settings)
        if "settled_cash" in options:
            given["settled_cash"] = True
        self.views, self.market, self.held = Views(), market, held
        self.gate = Gate(
            GateSettings(**given),
            self.views,
            {"ABCD": Instrument("ABCD")},
            lambda symbol: self.held,
            lambda symbol: self.market,
            settled_cash=options.get("settled_cash"),
            of_strategies=options.get("of_strategies"),
            day_trades=options.get("day_trades_made"),
            equity=lambda: options.get("equity", 0.0),
            shortable=options.get("shortable"),
        )

    def record(self, fact: Fact) -> Any:
        """Apply a fact to the books as it is read back from a journal's bytes."""
        fact = decode(encode(fact))
        self.views.apply(fact)
        return fact

    def work(self, order: Order) -> None:
        """Let an order work at the venue."""
        self.record(OrderIntended(order))
        self.record(OrderAccepted(T0, order.client_order_id))

    def ask(self, order: Order, at_ns: int = T0) -> str | None:
        """Return the limit that denies an order, None if it may leave."""
        denial = self.gate.ask(order, at_ns)
        return None if denial is None else denial.limit.word


def lower(desk: Desk, state: TradingState) -> None:
    desk.record(TradingStateChanged(T0, state, Trigger.PERSON, "anna", "news"))


def holds(desk: Desk, quantity: int, strategy: str = "Dip") -> None:
    """Let a strategy hold shares, by its own books and the account's."""
    side = Side.BUY if quantity > 0 else Side.SELL
    order = an_order(f"entry-{strategy}", side=side, quantity=Decimal(abs(quantity)), strategy=strategy)
    desk.work(order)
    fill(desk, order.client_order_id)


def fill(desk: Desk, name: str) -> None:
    """Fill what an order has open, and cancel the members of its group that have nothing open any more."""
    state = desk.views.orders.working[name]
    order, quantity = state.order, state.leaves_quantity
    execution = Execution(
        f"E-{name}", name, order.strategy, order.symbol, order.side, quantity, Decimal(100), Decimal(0), T0
    )
    desk.record(OrderFilled(execution, Decimal(0)))
    desk.held += float(execution.signed_quantity)
    for other, member in [*desk.views.orders.working.items()]:
        if member.order.group is not None and not member.leaves_quantity:
            desk.record(OrderCanceled(T0, other, Reason.ONE_CANCELS_OTHER))
