"""Exits are fitted to what is held, where it became another quantity without a fill that the book waited for.

    held 100, stop and target of 100; 40 of the entry are busted, or a person accepts that 60 are there
        -> both are called back; when they have ended, stop and target of 60 stand where the old ones stood
    held 100, an exit of 100 works; 40 are busted
        -> the exit is replaced by one of 60
    held 100, a part of 30 is being sold before a stop of 70; 40 are busted
        -> the part is called back, and a stop of 60 stands where the old one stood

What is left belongs to stops with their groups first, then to targets, then to everything else, as it was asked for.
While trading is HALTED no target is set; the stop of what is left is (`engine/protection.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from decimal import Decimal
from typing import Any

from tapeline.domain.order import Order
from tapeline.domain.position import ZERO
from tapeline.domain.words import OrderStatus, Purpose
from tapeline.execution.bookings import is_alone
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.ledger.adopted_facts import BreakAccepted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import CancelIntended, OrderFilled, ReplaceIntended
from tapeline.ledger.order_state import OrderState, exposed_quantity, is_called_back
from tapeline.ledger.views import Views

_RANKS, _OTHERS = {Purpose.STOP: 0, Purpose.TARGET: 1}, 2
_NO_EXITS = (Purpose.ENTRY, Purpose.FLATTEN)
_LATE = (OrderStatus.CANCELED, OrderStatus.EXPIRED)


class Fitting:
    """Fits the exits of strategies to what they hold.

    names : of the strategies; record : journals a fact and returns it
    called_back : told of each order that is called back, so that what is left gets protection anew
    """

    def __init__(
        self,
        names: Collection[str],
        views: Views,
        record: Callable[[Any], Any],
        keeper: OrderKeeper,
        called_back: Callable[[str], None],
    ) -> None:
        self._names, self._views, self._record, self._keeper = names, views, record, keeper
        self._called_back = called_back

    def fit(self, facts: Iterable[Any], now_ns: int) -> None:
        """Let no exit go on for more than its strategy holds after facts, which views and book have taken in."""
        for strategy, symbol in sorted({place for fact in facts for place in self._places(fact)}):
            exits = [
                state
                for state in self._views.orders.working_of(symbol)
                if state.order.strategy == strategy
                and state.order.account == self._keeper.account
                and state.order.purpose not in _NO_EXITS
                and not is_called_back(state)
            ]
            for side in sorted({state.order.side for state in exits}):
                self._fit_side([state for state in exits if state.order.side is side], now_ns)

    def _fit_side(self, exits: list[OrderState], now_ns: int) -> None:
        order = exits[0].order
        room = max(self._views.position(order.strategy, order.symbol, order.account).quantity * -order.side, ZERO)
        if exposed_quantity(exits) <= room:
            return
        for together in sorted(_groups_of(exits), key=_rank):
            works = max(_works(state) for state in together)
            first = together[0]
            if works <= room:
                room -= works
            elif room and is_alone(first):
                name, total = first.order.client_order_id, first.filled_quantity + room
                replacing = ReplaceIntended(now_ns, name, quantity=total, purpose=first.order.purpose)
                self._keeper.replace(self._record(replacing))
                room = ZERO
            else:
                for state in together:
                    self._call_back(state.order, now_ns)
                if _rank(together) < _OTHERS:
                    room = ZERO  # it is set anew, for all that is left

    def _call_back(self, order: Order, now_ns: int) -> None:
        name = order.client_order_id
        self._keeper.cancel(self._record(CancelIntended(now_ns, name, purpose=Purpose.STOP)))
        if self._views.parents.of_child(name) is None:  # a part is its algorithm's business
            self._called_back(name)

    def _places(self, fact: Any) -> list[tuple[str, str]]:
        """Return which holdings a fact may have changed while exits worked for them."""
        if isinstance(fact, BreakAccepted):
            return [(name, fact.symbol) for name in fact.changes if name in self._names and fact.symbol is not None]
        if isinstance(fact, ExecutionBusted):
            execution = fact.busted
        elif isinstance(fact, ExecutionCorrected) or (
            isinstance(fact, OrderFilled) and self._views.orders.ended.get(fact.client_order_id) in _LATE
        ):
            execution = fact.execution
        else:
            return []
        return [(execution.strategy, execution.symbol)] if execution.strategy in self._names else []


def _groups_of(exits: Iterable[OrderState]) -> list[list[OrderState]]:
    """Return the exits as they were asked for; those that cancel one another stand together."""
    groups: dict[str, list[OrderState]] = {}
    for state in exits:
        groups.setdefault(state.order.group or state.order.client_order_id, []).append(state)
    return [*groups.values()]


def _rank(together: Iterable[OrderState]) -> int:
    return min(_RANKS.get(state.order.purpose, _OTHERS) for state in together)


def _works(state: OrderState) -> Decimal:
    # one that is being made smaller already counts as what it will be; zero is a replace that leaves the total as it is
    totals = [total for total in state.asked_totals if total]
    return totals[-1] - state.filled_quantity if totals else state.exposed_quantity
