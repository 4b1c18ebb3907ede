"""What a strategy asked for, taken back into the book from the journal: the book's side of a restart.

The decision kernel writes a wish into the book and hands it out; the journal keeps the wish. Read again, each wish is
written into a book as the kernel wrote it, so that what comes after it meets the book that it would have met.

Not in the journal is how large a part free-form code wants to sell while it waits for the cancels of a scale-out. Such
a one is not gone on with: the holding gets its protection back, whole, and the code may ask again.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from tapeline.domain.order import Order
from tapeline.domain.words import OrderStatus, Purpose, Reason, Role
from tapeline.engine.desk import Desk
from tapeline.engine.settling import BLANK_HOLDING, CLOSING, is_working, leave, protect_anew
from tapeline.ledger.order_facts import CancelIntended, OrderDenied, OrderIntended, ReplaceIntended
from tapeline.ledger.parent_facts import ParentOrderStopped
from tapeline.simulation.limits import assumed_stop_of
from tapeline.simulation.records import ENTERING, EXITING, FLAT, HOLDING, TICKET
from tapeline.simulation.tables import ensure_room

_TICKET_FIELDS = TICKET.names or ()
_CALLING_BACK = frozenset((Purpose.SCALE_OUT, *CLOSING))
_OF_STRATEGIES = frozenset((Purpose.ENTRY, Purpose.STOP, Purpose.TARGET, *_CALLING_BACK))


class Retaking:
    """Writes recorded wishes into the book of a desk that has seen none yet."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._prices: dict[str, float] = {}
        # fields of tables that never move: through a row each takes five times as long
        tables = desk.book.fixed
        self._entries, self._busy = tables.days["entries"], tables.account["busy"]
        self._ticket_count = tables.account["tickets"]

    def ordered(self, fact: OrderIntended) -> bool:
        """Take back an order. Returns False for one that no strategy of the desk asked for."""
        desk, order = self._desk, fact.order
        if order.purpose not in _OF_STRATEGIES or not self._is_ours(order.strategy, order.symbol):
            return False
        ensure_room(desk.book)
        index, column = desk.assembly.names.index(order.strategy), desk.columns[order.symbol]
        number = self._new_ticket(order, index, column)
        if order.purpose is Purpose.ENTRY:
            self._enter(fact, index, column, number)
            return True
        tables = desk.book.fixed
        holding, account = tables.holdings[index, column], tables.account[0]
        if order.purpose is Purpose.STOP:
            if order.group is not None:  # one that HALTED had set again stands alone, and the scale-out goes on
                self._end_scale_out(holding, account, order)
            self._protect(order, holding, number)
        elif order.purpose is Purpose.TARGET:
            self._end_scale_out(holding, account, order)
            holding["target_ticket"] = number
            holding["target_price"] = float(order.limit_price or np.nan)
        elif order.purpose is Purpose.SCALE_OUT:
            holding["scaled"] = 1
            holding["part_ticket"] = number
            self._end_scale_out(holding, account, order)
        else:
            leave(holding, account, order.purpose)
            holding["exit_ticket"] = number
            tables.states[index, column] = EXITING
        return True

    def canceled(self, fact: CancelIntended) -> None:
        """Take back the wish for the end of an order; that of a part's stop or target is of all of them."""
        self._call_back(fact.client_order_id, fact.purpose)

    def stopped(self, fact: ParentOrderStopped) -> None:
        """Take back the wish for the end of an order that is worked in parts."""
        if fact.purpose is not None:
            self._call_back(fact.client_order_id, fact.purpose)

    def _call_back(self, name: str, purpose: Purpose | None) -> None:
        desk = self._desk
        number = desk.tickets.get(desk.owner_of(name))
        if number is None or not is_working(desk.book, number):
            return
        if purpose is Purpose.STOP:
            protect_anew(desk.book, number)
        if purpose not in _CALLING_BACK:
            return
        ticket = desk.book.tickets[number]
        ticket["status"] = OrderStatus.PENDING_CANCEL
        tables = desk.book.fixed
        index, column = int(ticket["strategy"]), int(ticket["symbol"])
        holding = tables.holdings[index, column]
        if tables.states[index, column] == FLAT:
            return
        assert purpose is not None
        if purpose is Purpose.SCALE_OUT:
            holding["scaled"] = 1
            holding["part"] = float(tables.strategies[index]["scale_out_fraction"])
        leave(holding, tables.account[0], purpose)

    def replaced(self, fact: ReplaceIntended) -> None:
        """Take back the wish for another stop."""
        desk = self._desk
        number = desk.tickets.get(desk.owner_of(fact.client_order_id))
        if number is None or fact.stop_price is None or fact.purpose is not Purpose.STOP:
            return
        ticket = desk.book.tickets[number]
        ticket["stop_price"] = float(fact.stop_price)
        holding = desk.book.fixed.holdings[ticket["strategy"], ticket["symbol"]]
        if holding["stop_ticket"] == number:
            holding["stop_price"] = float(fact.stop_price)

    def denied(self, fact: OrderDenied) -> None:
        """Take back an order that the gate refused; what sizing refused never was one."""
        desk = self._desk
        if not self._is_ours(fact.strategy, fact.symbol) or fact.purpose not in _OF_STRATEGIES:
            return
        index, column = desk.assembly.names.index(fact.strategy), desk.columns[fact.symbol]
        tables = desk.book.fixed
        if fact.purpose is Purpose.ENTRY:
            if fact.sizing is not None and fact.sizing["quantity"] > 0.0:
                self._count_entry(index)
        elif fact.purpose in CLOSING and tables.states[index, column] in (ENTERING, HOLDING):
            leave(tables.holdings[index, column], tables.account[0], fact.purpose)

    def _is_ours(self, strategy: str, symbol: str) -> bool:
        return strategy in self._desk.assembly.names and symbol in self._desk.columns

    def _new_ticket(self, order: Order, index: int, column: int) -> int:
        desk = self._desk
        number = desk.intents.enlist(order.client_order_id)
        terms = {
            "strategy": index,
            "symbol": column,
            "purpose": order.purpose,
            "side": order.side,
            "order_type": order.order_type,
            "time_in_force": order.time_in_force,
            "status": OrderStatus.PENDING_NEW,
            "reason": Reason.NONE,
            "role": order.role,
            "sequence": order.sequence,
            "parent": -1 if order.parent is None else desk.tickets.get(order.parent, -1),
            "decided_ns": order.decision_time_ns,
            "quantity": order.quantity,
            "filled": 0.0,
            "limit_price": _number(order.limit_price),
            "stop_price": _number(order.stop_price),
            "trail": _number(order.trail_amount),
        }
        # the whole row at once: field by field it takes five times as long
        desk.book.tickets[number] = tuple([terms[name] for name in _TICKET_FIELDS])
        self._ticket_count[0] = number + 1
        return number

    def _enter(self, fact: OrderIntended, index: int, column: int, number: int) -> None:
        order, tables = fact.order, self._desk.book.fixed
        price = float(fact.sizing["price"]) if fact.sizing is not None else float(tables.prices[column])
        self._prices[order.client_order_id] = price
        self._count_entry(index)
        tables.holdings[index, column] = BLANK_HOLDING
        holding = tables.holdings[index, column]
        notional = float(order.quantity) * price
        holding["entry_ticket"], holding["side"] = number, order.side
        holding["pending_notional"] = notional
        holding["pending_risk"] = notional * assumed_stop_of(self._desk.book, 1 + index)
        self._busy[0] += tables.states[index, column] == FLAT
        tables.states[index, column] = ENTERING

    def _protect(self, order: Order, holding: Any, number: int) -> None:
        holding["stop_ticket"] = number
        if order.stop_price is not None:
            holding["stop_price"] = float(order.stop_price)
        if order.role is not Role.STOP or order.parent is None:
            return
        if order.stop_price is not None:
            holding["initial_stop"] = holding["stop_price"]
            risk = holding["side"] * (self._prices[order.parent] - holding["stop_price"])
        else:
            risk = holding["trail"] = float(order.trail_amount or np.nan)
        holding["pending_risk"] = float(order.quantity) * risk

    def _count_entry(self, index: int) -> None:
        self._entries[0] += 1
        self._entries[1 + index] += 1

    def _end_scale_out(self, holding: Any, account: Any, order: Order) -> None:
        if order.parent is None and holding["leaving"] == Purpose.SCALE_OUT:
            holding["leaving"] = 0
            account["leaving"] -= 1


def _number(price: Decimal | None) -> float:
    return np.nan if price is None else float(price)
