"""The parts of a keeper by themselves, over real books: what they record, and what they ask."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.reports import Query, VenueOrder
from tapeline.domain.times import from_iso
from tapeline.domain.words import OrderStatus, OrderType, Side
from tapeline.execution.bookings import Bookings
from tapeline.execution.books import Books
from tapeline.execution.look_ups import LookUps
from tapeline.execution.order_reports import OrderReports
from tapeline.execution.questions import Questions
from tapeline.execution.settings import KeeperSettings
from tapeline.ledger.canonical import decode, encode
from tapeline.ledger.order_facts import CancelIntended, OrderIntended
from tapeline.ledger.order_state import OrderState
from tapeline.ledger.views import Views

T0 = from_iso("2024-01-02T15:00:00Z")
ACCOUNT = "second"
# A question is asked again after 60 seconds or more, so that those at the horizon of 40 are told from them.
SETTINGS = KeeperSettings(
    query_timeout_s=60, query_timeout_s_max=3600, jitter=0, horizon_s=40, compare_every_s=300, overlap_s=900
)


def an_order(name: str = "o1", quantity: int = 10, **terms: Any) -> Order:
    fields: dict[str, Any] = {
        "client_order_id": name, "strategy": "Dip", "symbol": "A", "side": Side.BUY, "order_type": OrderType.MARKET,
        "quantity": Decimal(quantity), "decision_time_ns": T0, "account": ACCOUNT,
    }  # fmt: skip
    return Order(**{**fields, **terms})


def an_execution(number: int | str = 1, quantity: int = 4, **terms: Any) -> Execution:
    """An execution as an adapter tells it: without our names, `number` seconds after the decision."""
    fields: dict[str, Any] = {
        "execution_id": f"E{number}", "client_order_id": "o1", "strategy": "external", "symbol": "A",
        "side": Side.BUY, "quantity": Decimal(quantity), "price": Decimal(100), "commission": Decimal(1),
        "event_time_ns": T0 + 1,
    }  # fmt: skip
    return Execution(**{**fields, **terms})


def found(quantity: int = 10, filled: int = 0, **terms: Any) -> VenueOrder:
    """An order as the venue shows it."""
    fields: dict[str, Any] = {
        "client_order_id": "o1", "venue_order_id": "V1", "symbol": "A", "side": Side.BUY,
        "order_type": OrderType.MARKET, "quantity": Decimal(quantity), "filled_quantity": Decimal(filled),
        "status": OrderStatus.NEW, "event_time_ns": T0 + 5,
    }  # fmt: skip
    return VenueOrder(**{**fields, **terms})


class Bare:
    """Books of one account after some facts, and the parts that keep them.

    told : what was recorded since; sent : cancels that left; missing : sentences about reports that are missing
    """

    def __init__(self, *facts: Any) -> None:
        self.views = Views()
        self.views.apply_all(facts)
        self._before = facts
        self.told: list[Any] = []
        self.sent: list[CancelIntended] = []
        self.missing: list[str] = []
        self.books = Books(self.views, self.record, ACCOUNT)
        self.bookings = Bookings(self.books)
        self.bookings.start()
        self.questions = Questions(SETTINGS, Random(1), first_id=1)
        self.look_ups = LookUps(self.books, self.bookings, self.questions, SETTINGS, self.sent.append)
        self.reports = OrderReports(self.books, self.bookings, self.look_ups, self.missing.append)

    def record(self, fact: Any) -> Any:
        fact = decode(encode(fact))
        self.views.apply(fact)
        self.told.append(fact)
        return fact

    @property
    def facts(self) -> list[Any]:
        """All of them, as they stand in a journal."""
        return [*self._before, *self.told]

    def state(self, name: str = "o1") -> OrderState:
        return self.views.orders.states[name]

    def asked(self) -> list[Query]:
        """What is asked since the last call."""
        return self.questions.leaving()


def intended(*orders: Order) -> list[OrderIntended]:
    return [OrderIntended(order) for order in orders or (an_order(),)]
