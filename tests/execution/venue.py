"""A venue as a bookkeeper would draw it, and a link to it that does everything a link can do.

The venue knows orders, executions, positions and cash, each in the plainest form; it shares no code with what is
tested. What it tells waits on the link until a test lets it through: late, twice, out of order, or never.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.reports import (
    EXTERNAL,
    CashAnswered,
    ExecutionsAnswered,
    LinkLost,
    LinkRestored,
    OpenOrdersAnswered,
    OrderAnswered,
    OrderEnded,
    PositionsAnswered,
    Query,
    Question,
    Request,
    RequestFailed,
    VenueOrder,
)
from tapeline.domain.times import SECOND
from tapeline.domain.words import OrderStatus, OrderType, Reason, Side, TimeInForce
from tapeline.ledger.order_facts import (
    CancelRejected,
    OrderAccepted,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    ReplaceRejected,
)

ZERO = Decimal(0)
COMMISSION = Decimal("0.35")


@dataclass
class Line:
    """One order in the venue's book."""

    name: str
    number: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    filled: Decimal = ZERO
    status: OrderStatus = OrderStatus.NEW

    @property
    def works(self) -> bool:
        return self.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled if self.works else ZERO


class Venue:
    """One account. Every act takes the time and returns what the venue says about it."""

    def __init__(self, cash: Decimal = Decimal(100_000)) -> None:
        self.lines: dict[str, Line] = {}
        self.executions: list[Execution] = []
        self.positions: dict[str, Decimal] = {}
        self.cash = cash
        self.submits: dict[str, int] = {}
        self.refuses_next = False
        self.hidden: set[str] = set()
        """Orders that it lists and does not know when they are asked for by name."""

    def submit(self, orders: Sequence[Order], now: int) -> list[Any]:
        said: list[Any] = []
        for order in orders:
            name = order.client_order_id
            self.submits[name] = self.submits.get(name, 0) + 1
            if name in self.lines:
                continue
            self.lines[name] = line = Line(
                name, f"V{len(self.lines)}", order.symbol, order.side, order.order_type, order.quantity,
                order.limit_price, order.stop_price, order.time_in_force,
            )  # fmt: skip
            if self.refuses_next:
                line.status = OrderStatus.REJECTED
                said.append(OrderRejected(now, name, Reason.NONE, "not today"))
            else:
                said.append(OrderAccepted(now, name, line.number))
        self.refuses_next = False
        return said

    def cancel(self, name: str, now: int) -> list[Any]:
        line = self.lines.get(name)
        if line is None:
            return [CancelRejected(now, name, None, "unknown order")]
        if not line.works:
            return [CancelRejected(now, name, line.status, "too late")]
        line.status = OrderStatus.CANCELED
        return [OrderEnded(now, name, line.status, line.filled)]

    def replace(self, name: str, now: int, quantity: Decimal | None, limit_price: Decimal | None) -> list[Any]:
        line = self.lines.get(name)
        if line is None:
            return [ReplaceRejected(now, name, None, "unknown order")]
        if not line.works or (quantity is not None and quantity <= line.filled):
            return [ReplaceRejected(now, name, line.status, "too late")]
        line.quantity = quantity if quantity is not None else line.quantity
        line.limit_price = limit_price if limit_price is not None else line.limit_price
        return [OrderReplaced(now, name, line.quantity, line.leaves, line.limit_price, line.stop_price)]

    def fill(self, name: str, now: int, quantity: Decimal, price: Decimal) -> list[Any]:
        line = self.lines[name]
        line.filled += quantity
        line.status = OrderStatus.FILLED if line.filled == line.quantity else OrderStatus.PARTIALLY_FILLED
        # the adapter does not know whose order it is: a name of ours it may not invent
        execution = Execution(
            f"E{len(self.executions)}", name, EXTERNAL, line.symbol, line.side, quantity, price, COMMISSION, now
        )
        self.executions.append(execution)
        self.positions[line.symbol] = self.positions.get(line.symbol, ZERO) + execution.signed_quantity
        self.cash -= execution.signed_quantity * price + COMMISSION
        return [OrderFilled(execution, line.leaves)]

    def expire(self, name: str, now: int) -> list[Any]:
        line = self.lines[name]
        line.status = OrderStatus.EXPIRED
        return [OrderEnded(now, name, line.status, line.filled)]

    def place_by_hand(self, name: str, symbol: str, side: Side, quantity: int, price: str) -> None:
        """Somebody else trades the account; nothing is said about it."""
        self.lines[name] = Line(
            name, f"V{len(self.lines)}", symbol, side, OrderType.LIMIT, Decimal(quantity), Decimal(price), None,
            TimeInForce.DAY,
        )  # fmt: skip

    def answer(self, query: Query, now: int) -> Any:
        if query.question is Question.ORDER:
            line = self.lines.get(query.client_order_id or "")
            found = None if line is None or line.name in self.hidden else self._shown(line, now)
            return OrderAnswered(now, query.query_id, query.client_order_id or "", found)
        if query.question is Question.OPEN_ORDERS:
            shown = [self._shown(line, now) for line in self.lines.values() if line.works]
            return OpenOrdersAnswered(now, query.query_id, tuple(shown))
        if query.question is Question.EXECUTIONS:
            since = query.since_ns or 0
            found = [execution for execution in self.executions if execution.event_time_ns >= since]
            return ExecutionsAnswered(now, query.query_id, since, tuple(found))
        if query.question is Question.POSITIONS:
            held = {symbol: quantity for symbol, quantity in self.positions.items() if quantity}
            return PositionsAnswered(now, query.query_id, held)
        return CashAnswered(now, query.query_id, self.cash)

    def _shown(self, line: Line, now: int) -> VenueOrder:
        return VenueOrder(
            line.name, line.number, line.symbol, line.side, line.order_type, line.quantity, line.filled, line.status,
            now, line.time_in_force, line.limit_price, line.stop_price,
        )  # fmt: skip


@dataclass
class Letter:
    """A request or question on its way to the venue."""

    left_ns: int
    name: str
    act: Callable[[Venue, int], list[Any]]
    request: Request | None
    query: Query | None = None
    total: Decimal | None = None


@dataclass
class Link:
    """The broker port between a keeper and a venue. Nothing passes unless a test says so."""

    venue: Venue
    now: int = 0
    is_up: bool = True
    outward: list[Letter] = field(default_factory=list)
    inward: list[Any] = field(default_factory=list)
    arrived: list[Any] = field(default_factory=list)

    # The broker port ----------------------------------------------------------------------------------------

    def submit(self, orders: Sequence[Order]) -> None:
        sent = tuple(orders)
        self._leave(sent[0].client_order_id, lambda venue, now: venue.submit(sent, now), Request.SUBMIT)

    def cancel(self, client_order_id: str, decision_time_ns: int) -> None:
        self._leave(client_order_id, lambda venue, now: venue.cancel(client_order_id, now), Request.CANCEL)

    def replace(self, client_order_id: str, decision_time_ns: int, **terms: Any) -> None:
        quantity, price = terms["quantity"], terms["limit_price"]
        self._leave(
            client_order_id,
            lambda venue, now: venue.replace(client_order_id, now, quantity, price),
            Request.REPLACE,
            total=quantity,
        )

    def ask(self, query: Query) -> None:
        self._leave("", lambda venue, now: [venue.answer(query, now)], None, query)

    def events(self) -> list[Any]:
        arrived, self.arrived = self.arrived, []
        return arrived

    # What a test does ---------------------------------------------------------------------------------------

    def let_out(self, at: int = 0) -> None:
        """The letter reaches the venue; what it says waits on its way back."""
        self.inward += self.outward.pop(at).act(self.venue, self.now)

    def let_in(self, at: int = 0) -> None:
        """What the venue said arrives."""
        self.arrived.append(self.inward.pop(at))

    def fail(self, at: int, *, after: bool) -> None:
        """The adapter gives up on a request, after it arrived or without."""
        letter = self.outward.pop(at)
        if after:
            self.inward += letter.act(self.venue, self.now)
        if letter.request is not None:
            self.arrived.append(RequestFailed(self.now, letter.request, letter.name, "no answer"))

    def lose(self, *, letters_arrive: bool) -> None:
        """The link goes down: what the venue said is lost; letters under way arrive, or do not."""
        letters, self.outward = self.outward, []
        for letter in letters if letters_arrive else ():
            letter.act(self.venue, self.now)
        self.inward.clear()
        self.is_up = False
        self.arrived.append(LinkLost(self.now, "socket closed"))

    def restore(self) -> None:
        self.is_up = True
        self.arrived.append(LinkRestored(self.now))

    def say(self, said: list[Any]) -> None:
        """The venue says something by itself; without a link nobody hears it."""
        if self.is_up:
            self.inward += said

    def expire_letters(self, now: int, horizon_s: float) -> None:
        """What left longer ago than the horizon arrives before the time moves on: later than that nothing does."""
        late = [letter for letter in self.outward if letter.left_ns + horizon_s * SECOND < now]
        for letter in late:
            self.let_out(self.outward.index(letter))

    def pass_all(self) -> None:
        """Everything under way arrives, in order."""
        while self.outward:
            self.let_out()
        while self.inward:
            self.let_in()

    def _leave(
        self,
        name: str,
        act: Callable[[Venue, int], list[Any]],
        request: Request | None,
        query: Query | None = None,
        total: Decimal | None = None,
    ) -> None:
        assert self.is_up, "a message was sent without a link"
        self.outward.append(Letter(self.now, name, act, request, query, total))
