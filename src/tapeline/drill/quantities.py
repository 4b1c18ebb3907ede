"""For how much an order of the engine may leave, by the durable facts alone.

an exit    for no more than its strategy holds, with the exits that work besides and are not called back
a part     of an order that is worked in parts: with what the others filled or may fill, no more than was wanted
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from tapeline.domain.order import Order
from tapeline.domain.words import Purpose, Side
from tapeline.drill.accountant import ZERO, Accountant

Place = tuple[str, str]


class Quantities:
    """Reads durable facts one by one.

    accountant : has read the same facts
    """

    def __init__(self, accountant: Accountant) -> None:
        self._accountant = accountant
        self._exits: dict[tuple[Place, Side], list[Order]] = defaultdict(list)
        self._total: dict[str, Decimal] = {}
        self._asked_for: dict[str, Decimal] = {}
        self._called_back: set[str] = set()
        self._wanted: dict[str, Decimal] = {}
        self._parent_of: dict[str, str] = {}
        self._parts: dict[str, list[Order]] = defaultdict(list)

    def read(self, fact: Any) -> None:
        """Take in a fact that has just become durable."""
        kind = fact.kind
        if kind == "OrderIntended":
            order = fact.order
            if order.purpose is not Purpose.ENTRY:
                self._exits[_place(order), order.side].append(order)
            if order.client_order_id in self._parent_of:
                self._parts[self._parent_of[order.client_order_id]].append(order)
        elif kind == "ReplaceIntended" and fact.quantity is not None:
            self._asked_for[fact.client_order_id] = fact.quantity
        elif kind in ("OrderReplaced", "ReplaceRejected"):
            self._asked_for.pop(fact.client_order_id, None)
            if kind == "OrderReplaced":
                self._total[fact.client_order_id] = fact.quantity
        elif kind == "CancelIntended":
            self._called_back.add(fact.client_order_id)
        elif kind == "CancelRejected":
            self._called_back.discard(fact.client_order_id)
        elif kind == "ParentOrderIntended":
            self._wanted[fact.order.client_order_id] = fact.order.quantity
        elif kind == "ChildOrderPriced":
            self._parent_of[fact.client_order_id] = fact.parent_order_id

    def sent(self, order: Order) -> str | None:
        """Check an order at the moment at which it leaves. Returns the sentence of what is broken, else None."""
        return self._as_part(order) or self._as_exit(order)

    def _as_exit(self, order: Order) -> str | None:
        if order.purpose in (Purpose.ENTRY, Purpose.FLATTEN) or order.parent is not None:
            return None
        held, leaving = self._accountant.positions[_place(order)], self._leaving_with(order)
        if order.quantity + leaving <= -held * int(order.side):
            return None
        return (
            f"Exit {order.client_order_id} of {order.side.name} {order.quantity} {order.symbol} is sent while "
            f"{order.strategy} holds {held}, of which {leaving} are leaving."
        )

    def _as_part(self, order: Order) -> str | None:
        parent = self._parent_of.get(order.client_order_id)
        if parent is None:
            return None
        filled, ended = self._accountant.filled, self._accountant.ended
        done = ZERO
        for part in self._parts[parent]:
            name = part.client_order_id
            done += filled[name] if name in ended else self._total_of(part)
        if done <= self._wanted[parent]:
            return None
        return f"With part {order.client_order_id} {done} are done or on their way, {self._wanted[parent]} were wanted."

    def _total_of(self, order: Order) -> Decimal:
        """Return how large an order is, or may become by a replace that is not answered."""
        total = self._total.get(order.client_order_id, order.quantity)
        return max(total, self._asked_for.get(order.client_order_id, total))

    def _leaving_with(self, order: Order) -> Decimal:
        """Return how much else leaves the same holding: exits that work and are not called back, a group once.

        What one member of a group fills is taken from the others, whether or not the report of their end has come.
        """
        filled, ended = self._accountant.filled, self._accountant.ended
        wholes, done = dict[str, Decimal](), defaultdict[str, Decimal](Decimal)
        for other in self._exits[_place(order), order.side]:
            name = other.client_order_id
            if other == order or (other.group is not None and other.group == order.group):
                continue
            group = other.group or name
            done[group] += filled[name]
            if name not in ended and name not in self._called_back:
                # a child works for what its entry has filled
                total = self._total_of(other)
                whole = total if other.parent is None else min(total, filled[other.parent])
                wholes[group] = max(wholes.get(group, ZERO), whole)
        return sum((max(ZERO, whole - done[group]) for group, whole in wholes.items()), ZERO)


def _place(thing: Any) -> Place:
    return thing.strategy, thing.symbol
