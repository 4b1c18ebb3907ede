"""A venue for some bars, orders for it with one-word overrides, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from bar_tables import bars_of
from tapeline import Panel
from tapeline.domain.order import Order
from tapeline.domain.reports import Query, Question
from tapeline.domain.times import from_iso
from tapeline.domain.words import OrderType, Purpose, Role, Side
from tapeline.ports.broker import Broker

T0 = from_iso("2018-01-02T14:30:00Z")
"""When the first bar of every table here begins."""

Venue = tuple[Broker, Callable[[], None]]

QUIET = bars_of("""
          A             | B
    14:31 100           | 50
    14:32 100 101 99 100 | 50
    14:33 100           | 50
    14:34 100           | 50
""")


def an_order(name: str = "one", **terms: Any) -> Order:
    """Return a market order to buy ten A, decided when the first bar begins."""
    known = {
        "client_order_id": name,
        "strategy": "Contract",
        "symbol": "A",
        "side": Side.BUY,
        "order_type": OrderType.MARKET,
        "quantity": Decimal(10),
        "decision_time_ns": T0,
    }
    return Order(**{**known, **terms})


def a_limit(price: str, name: str = "one", **terms: Any) -> Order:
    """Return a limit order, else like `an_order`."""
    return an_order(name, order_type=OrderType.LIMIT, limit_price=Decimal(price), **terms)


def a_bracket(stop: str = "98", target: str = "104") -> list[Order]:
    """Return an entry with a stop and a target."""
    child = {"side": Side.SELL, "parent": "entry", "group": "entry"}
    return [
        an_order("entry", role=Role.ENTRY),
        an_order(
            "stop", order_type=OrderType.STOP, stop_price=Decimal(stop), role=Role.STOP, sequence=1,
            purpose=Purpose.STOP, **child,
        ),
        a_limit(target, "target", role=Role.TARGET, sequence=2, purpose=Purpose.TARGET, **child),
    ]  # fmt: skip


def asked(broker: Broker, question: Question, query_id: int = 1, **about: Any) -> Any:
    """Ask, and return the answer; everything that comes before it is lost to the test."""
    broker.ask(Query(query_id, question, **about))
    reports = list(broker.events())
    assert reports[-1].query_id == query_id
    return reports[-1]


def of_order(facts: Sequence[Any], name: str) -> list[Any]:
    """Return the facts about one order, in order."""
    return [fact for fact in facts if fact.client_order_id == name]


def kinds(facts: Sequence[Any]) -> list[str]:
    """Return the kinds of facts, in order."""
    return [fact.kind for fact in facts]


class OnVenue:
    """Tests of a broker with a venue behind it."""

    def connect(self, panel: Panel) -> Venue:
        """Return a broker whose venue trades these bars, and a function that trades the next one."""
        raise NotImplementedError

    def reconnect(self, broker: Broker) -> Broker:
        """Return the broker that a new process would have for the same account; a venue in this process is its own."""
        return broker
