"""Out of the book: what its intents ask for, with the names and exact amounts that the journal knows.

An intent of the decision kernel becomes an order with its derived id, a cancel, a replace or a denial.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from tapeline.domain.errors import InvariantError
from tapeline.domain.keeping import Keeps
from tapeline.domain.money import exact
from tapeline.domain.order import Order, client_order_id
from tapeline.domain.words import Limit, OrderType, Purpose, Role, Side, TimeInForce
from tapeline.engine.assembly import Assembly
from tapeline.engine.denials import denial_sentence
from tapeline.ledger.order_facts import CancelIntended, OrderDenied, ReplaceIntended
from tapeline.risk.denial import Denial

_TOGETHER = (Purpose.EXIT_RULE, Purpose.FLAT_BEFORE_CLOSE, Purpose.SCALE_OUT, Purpose.LOSS_LIMIT)


class Intents(Keeps):
    """The intents of one book, and the ids of the orders that came of them.

    order_ids, tickets : the id of each ticket by its number, and the number by the id
    """

    KEPT = ("order_ids", "tickets")

    def __init__(self, assembly: Assembly, symbols: tuple[str, ...]) -> None:
        self.assembly, self.symbols = assembly, symbols
        self.order_ids: list[str] = []
        self.tickets: dict[str, int] = {}

    def order_of(self, intent: Any, attempt: int = 1) -> Order:
        """Return the order that a submit intent asks for, and remember its id. attempt : 0 if it is worked in parts"""
        strategy, symbol = self.assembly.names[intent["strategy"]], self.symbols[intent["symbol"]]
        name = client_order_id(strategy, symbol, int(intent["decided_ns"]), int(intent["sequence"]), attempt)
        if int(intent["ticket"]) != len(self.order_ids):
            raise InvariantError(f"Order {name} has ticket {intent['ticket']}; the next one is {len(self.order_ids)}.")
        self.enlist(name)
        parent = self._id(intent["parent"])
        return Order(
            client_order_id=name,
            strategy=strategy,
            symbol=symbol,
            side=Side(int(intent["side"])),
            order_type=OrderType(int(intent["order_type"])),
            quantity=exact(float(intent["quantity"])),
            decision_time_ns=int(intent["decided_ns"]),
            sequence=int(intent["sequence"]),
            time_in_force=TimeInForce(int(intent["time_in_force"])),
            limit_price=_price(intent["limit_price"]),
            stop_price=_price(intent["stop_price"]),
            trail_amount=_price(intent["trail"]),
            purpose=Purpose(int(intent["purpose"])),
            role=Role(int(intent["role"])),
            parent=parent,
            group=parent or self._id(intent["group"]),
        )

    def enlist(self, name: str) -> int:
        """Remember an order's id under the number of its ticket, which is returned."""
        self.tickets[name] = len(self.order_ids)
        self.order_ids.append(name)
        return self.tickets[name]

    def cancel_of(self, intent: Any, signal_id: str | None) -> CancelIntended:
        """Return the cancel that an intent asks for."""
        return CancelIntended(
            int(intent["decided_ns"]),
            self.order_ids[intent["ticket"]],
            int(intent["sequence"]),
            Purpose(int(intent["purpose"])),
            signal_id,
            self.instruction_of(intent),
        )

    def replace_of(self, intent: Any, signal_id: str | None) -> ReplaceIntended:
        """Return the replace that an intent asks for."""
        return ReplaceIntended(
            int(intent["decided_ns"]),
            self.order_ids[intent["ticket"]],
            int(intent["sequence"]),
            stop_price=_price(intent["stop_price"]),
            purpose=Purpose(int(intent["purpose"])),
            signal_id=signal_id,
        )

    def denial_of(self, intent: Any, signal_id: str | None) -> OrderDenied:
        """Return the denial of a wish, with the limit that refused it."""
        strategy, symbol = self.assembly.names[intent["strategy"]], self.symbols[intent["symbol"]]
        limit = Limit(int(intent["limit"]))
        wanted = float(intent["wanted"])
        return OrderDenied(
            int(intent["decided_ns"]),
            client_order_id(strategy, symbol, int(intent["decided_ns"]), int(intent["sequence"])),
            strategy,
            symbol,
            Side(int(intent["side"])),
            f"Wanted {wanted:,.4f} at {intent['price']:,.4f} with equity {intent['equity']:,.2f}; "
            f"{denial_sentence(limit, float(intent['limit_value']), float(intent['limit_bound']))}.",
            limit=limit,
            wanted_quantity=exact(wanted),
            signal_id=signal_id,
            sizing=self.sizing_of(intent),
        )

    def refusal_of(self, intent: Any, order: Order, denial: Denial, signal_id: str | None) -> OrderDenied:
        """Return the denial of an order that the gate does not let leave."""
        return OrderDenied(
            order.decision_time_ns,
            order.client_order_id,
            order.strategy,
            order.symbol,
            order.side,
            f"{order.quantity} at {order.order_type.name}: {denial.text}.",
            limit=denial.limit,
            purpose=order.purpose,
            wanted_quantity=order.quantity,
            signal_id=signal_id,
            sizing=self.sizing_of(intent),
            account=order.account,
        )

    def sizing_of(self, intent: Any) -> dict[str, Any] | None:
        """Return what the quantity of an entry was computed from; None for other orders."""
        if intent["purpose"] != Purpose.ENTRY:
            return None
        sizing = {
            "equity": float(intent["equity"]),
            "limit": Limit(int(intent["limit"])).word,
            "price": float(intent["price"]),
            "quantity": float(intent["quantity"]),
            "wanted": float(intent["wanted"]),
        }
        if not np.isnan(intent["limit_value"]):
            sizing |= {"limit_bound": float(intent["limit_bound"]), "limit_value": float(intent["limit_value"])}
        return sizing

    def instruction_of(self, intent: Any) -> str | None:
        """Return the name that instructions share which are one act, such as closing a holding with its bracket."""
        alone = intent["parent"] < 0 and intent["group"] < 0 and intent["purpose"] not in _TOGETHER
        if alone or intent["parent"] >= 0:
            return None
        strategy, symbol = self.assembly.names[intent["strategy"]], self.symbols[intent["symbol"]]
        return f"{strategy}/{symbol}/{int(intent['decided_ns'])}"

    def _id(self, number: Any) -> str | None:
        return None if number < 0 else self.order_ids[number]


def _price(value: Any) -> Decimal | None:
    return None if np.isnan(value) else exact(float(value))
