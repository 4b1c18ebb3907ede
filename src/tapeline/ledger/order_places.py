"""The place of a working order among others: its symbol, its group, and the entry it is a child of.

A child works for what its entry has filled, and the members of a group are reduced by what one of them fills.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from tapeline.domain.order import Order
from tapeline.domain.position import ZERO
from tapeline.ledger.order_state import OrderState

_Index = dict[str, dict[str, OrderState]]


class OrderPlaces:
    """The working orders of each symbol, of each group, and of each entry; of one, the oldest first."""

    def __init__(self) -> None:
        self._of_symbol: _Index = {}
        self._of_group: _Index = {}
        self._of_entry: _Index = {}

    def of_symbol(self, symbol: str) -> Collection[OrderState]:
        """Return the working orders of a symbol, oldest first."""
        return self._of_symbol.get(symbol, {}).values()

    def add(self, state: OrderState) -> None:
        """Take in an order that works."""
        order = state.order
        name = order.client_order_id
        of_symbol = self._of_symbol.get(order.symbol)
        if of_symbol is None:
            of_symbol = self._of_symbol[order.symbol] = {}
        of_symbol[name] = state
        if order.group is not None:
            self._of_group.setdefault(order.group, {})[name] = state
        if order.parent is not None:
            self._of_entry.setdefault(order.parent, {})[name] = state

    def remove(self, order: Order) -> None:
        """Let go of an order that has ended."""
        name = order.client_order_id
        del self._of_symbol[order.symbol][name]
        if order.group is not None:
            _leave(self._of_group, order.group, name)
        if order.parent is not None:
            _leave(self._of_entry, order.parent, name)

    def filled(self, order: Order, change: Decimal) -> None:
        """Let children and the other members of the group follow what has filled of an order; less is negative."""
        name = order.client_order_id
        if name in self._of_entry:
            for child in self._of_entry[name].values():
                child.leaves_quantity = max(ZERO, child.leaves_quantity + change)
        if order.group in self._of_group:
            for other, member in self._of_group[order.group].items():
                if other != name:
                    member.leaves_quantity = max(ZERO, member.leaves_quantity - change)


def _leave(index: _Index, key: str, name: str) -> None:
    members = index[key]
    del members[name]
    if not members:
        del index[key]
