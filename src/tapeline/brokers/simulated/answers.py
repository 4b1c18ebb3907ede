"""What the simulated venue answers when it is asked: from its orders, its log and its account, all exact.

An order is known once it has arrived, however it ended. Executions are those that were reported, under the same ids.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np

from tapeline.domain.execution import Execution
from tapeline.domain.keeping import Keeps
from tapeline.domain.money import exact
from tapeline.domain.order import Order
from tapeline.domain.reports import (
    Answer,
    CashAnswered,
    ExecutionsAnswered,
    OpenOrdersAnswered,
    OrderAnswered,
    PositionsAnswered,
    Query,
    Question,
    VenueOrder,
)
from tapeline.domain.words import EventKind, OrderStatus, Side, Stage, TimeInForce
from tapeline.simulation.building import cash_amount
from tapeline.simulation.market import CANCEL, REPLACE, Market


class Register(Keeps):
    """The orders that a venue was sent, by the market's numbers.

    orders, numbers : what was sent, and its number by client order id
    totals : the quantity of a bracket's child after a replace; its row in the market counts what it works for now
    fills : how many executions of an order were reported
    """

    KEPT = ("orders", "numbers", "totals", "fills")

    def __init__(self, symbols: tuple[str, ...], market: Market, latency_ns: int) -> None:
        self.symbols, self.market, self._latency_ns = symbols, market, latency_ns
        self.orders: list[Order] = []
        self.numbers: dict[str, int] = {}
        self.totals: dict[int, Decimal] = {}
        self.fills: dict[int, int] = {}
        self._answers: dict[Question, Callable[[Query, int], Answer]] = {
            Question.ORDER: self._order_answered,
            Question.OPEN_ORDERS: self._open_orders_answered,
            Question.EXECUTIONS: self._executions_answered,
            Question.POSITIONS: self._positions_answered,
            Question.CASH: self._cash_answered,
        }

    def answer(self, query: Query, now_ns: int) -> Answer:
        """Return the answer as of now, which is after everything that was reported."""
        return self._answers[query.question](query, now_ns)

    def execution(self, event: Any, count: int) -> Execution:
        """Return the execution of a FILL in the market's log, the count-th of its order."""
        order = self.orders[int(event["order"])]
        return Execution(
            execution_id=f"{order.client_order_id}/{count}",
            client_order_id=order.client_order_id,
            strategy=order.strategy,
            symbol=order.symbol,
            side=order.side,
            quantity=exact(float(event["quantity"])),
            price=exact(float(event["price"])),
            commission=exact(float(event["commission"])),
            event_time_ns=time_of(event),
            stage=Stage(int(event["stage"])),
            account=order.account,
        )

    def _order_answered(self, query: Query, now_ns: int) -> Answer:
        assert query.client_order_id is not None
        number = self.numbers.get(query.client_order_id)
        order = self._venue_order(number, now_ns) if number is not None and self._has_arrived(number, now_ns) else None
        return OrderAnswered(now_ns, query.query_id, query.client_order_id, order)

    def _open_orders_answered(self, query: Query, now_ns: int) -> Answer:
        status = self.market.orders["status"]
        numbers = [int(n) for n in np.flatnonzero(status < OrderStatus.FILLED) if self._has_arrived(int(n), now_ns)]
        return OpenOrdersAnswered(
            now_ns, query.query_id, tuple(self._venue_order(number, now_ns) for number in numbers)
        )

    def _executions_answered(self, query: Query, now_ns: int) -> Answer:
        assert query.since_ns is not None
        events = self.market.events
        counts: dict[int, int] = {}
        found = []
        for index in np.flatnonzero(events["kind"] == EventKind.FILL)[::-1]:
            event = events[index]
            if time_of(event) < query.since_ns:
                break
            number = int(event["order"])
            count = counts.get(number, self.fills[number])
            found.append(self.execution(event, count))
            counts[number] = count - 1
        return ExecutionsAnswered(now_ns, query.query_id, query.since_ns, tuple(reversed(found)))

    def _positions_answered(self, query: Query, now_ns: int) -> Answer:
        positions = self.market.positions
        held = {self.symbols[column]: exact(float(positions[column])) for column in np.flatnonzero(positions)}
        return PositionsAnswered(now_ns, query.query_id, held)

    def _cash_answered(self, query: Query, now_ns: int) -> Answer:
        return CashAnswered(now_ns, query.query_id, cash_amount(self.market))

    def _has_arrived(self, number: int, now_ns: int) -> bool:
        if self.market.orders[number]["status"] != OrderStatus.PENDING_NEW:
            return True
        return self.orders[number].decision_time_ns + self._latency_ns < now_ns

    def _status(self, number: int, now_ns: int) -> OrderStatus:
        # what has arrived waits for the market, over a night if need be
        status = max(OrderStatus(int(self.market.orders[number]["status"])), OrderStatus.NEW)
        if not status.is_working:
            return status
        tables = self.market.tables
        waiting = tables.waiting[int(tables.state[0]["waiting_first"]) : int(tables.state[0]["waiting_end"])]
        kinds = waiting["kind"][(waiting["order"] == number) & (waiting["arrival_ns"] <= now_ns)]
        if CANCEL in kinds:
            return OrderStatus.PENDING_CANCEL
        return OrderStatus.PENDING_REPLACE if REPLACE in kinds else status

    def _venue_order(self, number: int, now_ns: int) -> VenueOrder:
        row, order = self.market.orders[number], self.orders[number]
        total = exact(float(row["quantity"]))
        return VenueOrder(
            client_order_id=order.client_order_id,
            venue_order_id=venue_name(number),
            symbol=order.symbol,
            side=Side(int(row["side"])),
            order_type=order.order_type,
            quantity=total if order.parent is None else self.totals.get(number, order.quantity),
            filled_quantity=exact(float(row["filled"])),
            status=self._status(number, now_ns),
            event_time_ns=int(row["ended_ns"]) or int(row["accepted_ns"]) or order.decision_time_ns,
            time_in_force=TimeInForce(int(row["time_in_force"])),
            limit_price=amount_of(row["limit_price"]),
            stop_price=amount_of(row["stop_price"]),
            trail_amount=amount_of(row["trail_amount"]),
            trail_percent=amount_of(row["trail_percent"]),
        )


def venue_name(number: int) -> str:
    """Return the venue's own name of an order."""
    return f"V{number}"


def time_of(event: Any) -> int:
    """Return when an event of the market's log happened: for one inside a bar, the bar's end."""
    return int(event["bar_end_ns"]) or int(event["time_ns"])


def amount_of(value: Any) -> Decimal | None:
    """Return a price of the market exactly; None for NaN, which is no price."""
    return None if np.isnan(value) else exact(float(value))
