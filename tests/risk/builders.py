"""A gate over books that a test writes by facts, with one-word overrides."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ledger.builders import T0
from tapeline.domain.instrument import Instrument
from tapeline.domain.order import Order
from tapeline.domain.words import OrderType, Side, TimeInForce
from tapeline.ledger.canonical import decode, encode
from tapeline.ledger.order_facts import OrderAccepted, OrderIntended
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact
from tapeline.risk.gate import Gate, Market
from tapeline.risk.gate_settings import GateSettings

OPEN = Market(last_price=100.0, priced_ns=T0, bid=99.99, ask=100.01, is_open=True)


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
