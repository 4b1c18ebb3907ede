"""One order as it stands, and what orders may still fill together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from tapeline.domain.order import Order
from tapeline.domain.position import ZERO
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderStatus, Side
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.order_facts import OrderReplaced

_TERMS = ("limit_price", "stop_price", "trail_amount", "trail_percent")
# Nearly every order is in one of these two, so they are shared: a million orders are kept. Never changed in place.
NOTHING_ASKED: Mapping[Request, bool] = {}
SUBMIT_ASKED: Mapping[Request, bool] = {Request.SUBMIT: False}


@dataclass(slots=True)
class OrderState:
    """An order: its terms as they hold now, its status, and what it has filled.

    filled_quantity : of executions as they are booked now, and of what was done before an adoption
    asked : the requests without an answer, True for one whose outcome is lost
    asked_totals : of the replaces without an answer, oldest first; zero for one that leaves the total as it is
    """

    order: Order
    status: OrderStatus
    quantity: Decimal
    leaves_quantity: Decimal
    filled_quantity: Decimal = ZERO
    is_triggered: bool = False
    venue_order_id: str | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None
    asked: Mapping[Request, bool] = field(default_factory=lambda: NOTHING_ASKED)
    asked_totals: tuple[Decimal, ...] = ()

    @property
    def exposed_quantity(self) -> Decimal:
        """The most that may still fill: what is open, or what a replace without an answer may have made of it."""
        if not self.asked_totals:
            return self.leaves_quantity
        return max(self.leaves_quantity, max(self.asked_totals) - self.filled_quantity)

    def take_terms(self, source: Order | OrderReplaced) -> None:
        """Take over the prices of an order, or of its new terms."""
        self.limit_price, self.stop_price = source.limit_price, source.stop_price
        self.trail_amount, self.trail_percent = source.trail_amount, source.trail_percent

    def ask(self, request: Request, *, is_lost: bool = False) -> None:
        """Note that a request has no answer yet, or that its outcome is lost."""
        self.asked = {**self.asked, request: is_lost}

    def answer(self, request: Request) -> None:
        """Note that a request has its answer, or needs none."""
        if request in self.asked:
            rest = {other: is_lost for other, is_lost in self.asked.items() if other is not request}
            self.asked = rest or NOTHING_ASKED

    def as_tree(self) -> dict[str, Any]:
        """Return it as plain values for the canonical bytes of the views."""
        terms = {name: getattr(self, name) for name in _TERMS}
        return {
            "filled_quantity": amount_text(self.filled_quantity),
            "leaves_quantity": amount_text(self.leaves_quantity),
            "quantity": amount_text(self.quantity),
            "status": self.status.name,
            **{name: None if price is None else amount_text(price) for name, price in terms.items()},
        }


class Exposure(NamedTuple):
    """What working orders may still buy and sell."""

    buys: Decimal = ZERO
    sells: Decimal = ZERO


def exposed_quantity(states: Iterable[OrderState]) -> Decimal:
    """Return the most that orders of one side may still fill together; of a group the largest counts."""
    return sum((quantity for _, quantity in exposures_of(states)), ZERO)


def is_called_back(state: OrderState) -> bool:
    """Return whether a cancel of an order is under way, whatever is known of it."""
    return Request.CANCEL in state.asked


def exposures_of(states: Iterable[OrderState]) -> Iterator[tuple[Order, Decimal]]:
    """Yield each order with what it may still fill beyond what others of its group, on its side, counted before."""
    groups: dict[tuple[str, Side], Decimal] = {}
    for state in states:
        order, quantity = state.order, state.exposed_quantity
        if order.group is not None:
            counted = groups.get((order.group, order.side), ZERO)
            groups[order.group, order.side] = max(counted, quantity)
            quantity = max(ZERO, quantity - counted)
        yield order, quantity
