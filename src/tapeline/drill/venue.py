"""The simulated venue: it takes orders, trades them against the market, and keeps books of its own.

It is honest: what it says was so when it said it. What it does by itself, a broker does as well: it refuses orders,
fills in parts, corrects and takes back executions, gives orders other names, restarts with its counters rolled back,
takes orders from other screens, and closes positions. What becomes of its words is the link's matter.

    single order    fills at the price of its arrival if it can, or at a later step; DAY orders end with the session
    bracket         its children are held until the entry has ended, then work for what it has filled, and an
                    execution of one takes as much from the other
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from tapeline.domain.adopted import Grounds
from tapeline.domain.order import Order
from tapeline.domain.reports import (
    Answer,
    CashAnswered,
    ExecutionsAnswered,
    OpenOrdersAnswered,
    OrderAnswered,
    OrderEnded,
    PositionsAnswered,
    Query,
    Question,
)
from tapeline.domain.words import OrderStatus, OrderType, Reason, Role, Side, TimeInForce
from tapeline.drill.market import Market
from tapeline.drill.venue_account import VenueAccount, VenueExecution
from tapeline.drill.venue_order import RestingOrder
from tapeline.drill.virtual_time import Chance, VirtualTime
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import (
    CancelRejected,
    OrderAccepted,
    OrderFilled,
    OrderRejected,
    OrderTriggered,
    ReplaceRejected,
)

BY_HAND, BY_BROKER = "hand", "broker"
GROUNDS = Grounds("venue")
_WHOLE_RATE = 0.5
"""Share of the executions that take all that is open."""
_AUCTIONS = frozenset(
    {OrderType.MARKET_ON_OPEN, OrderType.LIMIT_ON_OPEN, OrderType.MARKET_ON_CLOSE, OrderType.LIMIT_ON_CLOSE}
)


class Venue:
    """One account at the venue.

    tell : takes each report at the moment at which the venue makes it
    orders : every order it ever took, by client order id
    fills_whole : whether each execution takes all that is open; else parts are drawn
    names_again : how often a name was given that had been given before
    """

    def __init__(self, seed: int, time: VirtualTime, market: Market, deposit: int, tell: Callable[[Any], None]) -> None:
        self.time, self.market, self.tell = time, market, tell
        self.account = VenueAccount(deposit)
        self.orders: dict[str, RestingOrder] = {}
        self.is_open = False
        self.fills_whole = False
        self.names_again = 0
        self._working: dict[str, list[RestingOrder]] = {symbol: [] for symbol in market.quotes}
        self._chance = Chance(seed, "venue")
        self._next_name = 1
        self._last_name = 0
        self._strangers = 0

    # What it is asked for ---------------------------------------------------------------------------------------

    def submit(self, orders: Sequence[Order], refuse: bool = False) -> bool:
        """Take orders that belong together. Returns False if it knows their name already, and then does nothing.

        refuse : turn them down, as for a reason that only the venue knows
        """
        if orders[0].client_order_id in self.orders:
            return False
        taken = [RestingOrder.of(order, self._name(), self.time.now_ns) for order in orders]
        for resting in taken:
            self.orders[resting.name] = resting
        wrong = "refused" if refuse else self._wrong_with(orders)
        for resting in taken:
            if wrong:
                resting.status = OrderStatus.REJECTED
                self.tell(OrderRejected(self.time.now_ns, resting.name, Reason.NONE, wrong))
            else:
                self._working[resting.symbol].append(resting)
                self.tell(OrderAccepted(self.time.now_ns, resting.name, resting.venue_order_id))
        if not wrong:
            self._match(taken[0])
        return True

    def cancel(self, name: str) -> None:
        """End a working order, or say why not."""
        resting = self.orders.get(name)
        if resting is None or not resting.status.is_working:
            status = None if resting is None else resting.status
            self.tell(CancelRejected(self.time.now_ns, name, status, "too late to cancel"))
            return
        self._end(resting, OrderStatus.CANCELED, Reason.REQUESTED)

    def replace(self, name: str, terms: dict[str, Any]) -> None:
        """Give a working order new terms, or say why not."""
        resting = self.orders.get(name)
        total = terms.get("quantity")
        if resting is None or not resting.status.is_working or (total is not None and total <= resting.filled):
            status = None if resting is None else resting.status
            self.tell(ReplaceRejected(self.time.now_ns, name, status, "too late to replace"))
            return
        resting.change(terms)
        self.tell(resting.as_replaced(self.time.now_ns))
        self._match(resting)

    def answer(self, query: Query) -> Answer:
        """Answer a question as things stand now."""
        now = self.time.now_ns
        if query.question is Question.ORDER:
            assert query.client_order_id is not None
            found = self.orders.get(query.client_order_id)
            shown = None if found is None else found.as_venue_order(now)
            return OrderAnswered(now, query.query_id, query.client_order_id, shown)
        if query.question is Question.EXECUTIONS:
            assert query.since_ns is not None
            return ExecutionsAnswered(now, query.query_id, query.since_ns, self.account.since(query.since_ns))
        if query.question is Question.OPEN_ORDERS:
            return OpenOrdersAnswered(now, query.query_id, tuple([o.as_venue_order(now) for o in self.working()]))
        if query.question is Question.POSITIONS:
            return PositionsAnswered(now, query.query_id, self.account.held())
        return CashAnswered(now, query.query_id, self.account.cash_amount)

    def working(self) -> Iterator[RestingOrder]:
        """Yield every order that works, in the order in which they came, symbol by symbol."""
        for orders in self._working.values():
            yield from orders

    # What time brings -------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Trade what can be traded at the market's present prices."""
        for orders in self._working.values():
            for resting in tuple(orders):
                if resting.status.is_working:
                    self._match(resting)

    def close(self) -> None:
        """End the session and the orders that live no longer than it."""
        self.is_open = False
        for resting in tuple(self.working()):
            if resting.status.is_working and resting.time_in_force is TimeInForce.DAY:
                self._end(resting, OrderStatus.EXPIRED, Reason.NONE)

    # What it does by itself -------------------------------------------------------------------------------------

    def restart(self, back: int) -> None:
        """Come up again with the counter of its order names rolled back."""
        self._next_name = max(1, self._next_name - back)

    def reissue(self, resting: RestingOrder) -> None:
        """Give a working order another name."""
        resting.venue_order_id = self._name()
        self.tell(OrderAccepted(self.time.now_ns, resting.name, resting.venue_order_id))

    def correct(self, execution: VenueExecution, price: int) -> None:
        """Give an execution another price."""
        before = execution.as_execution()
        self.account.correct(execution, price)
        now_ns, leaves = self.time.now_ns, self._open_of(execution)
        self.tell(ExecutionCorrected(now_ns, before, execution.as_execution(), GROUNDS, leaves_quantity=leaves))

    def bust(self, execution: VenueExecution) -> None:
        """Take an execution back; its order, if it works, is open for as much again."""
        self.account.bust(execution)
        self.orders[execution.client_order_id].filled -= execution.quantity
        now_ns, leaves = self.time.now_ns, self._open_of(execution)
        self.tell(ExecutionBusted(now_ns, execution.as_execution(), GROUNDS, leaves_quantity=leaves))

    def can_bust(self, execution: VenueExecution) -> bool:
        """Return whether an execution can be taken back without another order hanging on it."""
        order = self.orders[execution.client_order_id]
        return order.role is Role.SINGLE and order.group is None

    def order_by(self, whom: str, symbol: str, side: Side, quantity: int, limit: int | None) -> RestingOrder:
        """Take an order that did not come over the port; the adapter names it after the venue's own name."""
        self._strangers += 1
        order_type = OrderType.MARKET if limit is None else OrderType.LIMIT
        name = f"{whom}-{self._strangers}"
        now = self.time.now_ns
        resting = RestingOrder(name, self._name(), symbol, side, order_type, quantity, now, limit=limit)
        self.orders[name] = resting
        self._working[symbol].append(resting)
        self.tell(OrderAccepted(now, name, resting.venue_order_id))
        self._match(resting)
        return resting

    # Within -----------------------------------------------------------------------------------------------------

    def _name(self) -> str:
        name = f"V{self._next_name}"
        self.names_again += self._next_name <= self._last_name
        self._last_name = max(self._last_name, self._next_name)
        self._next_name += 1
        return name

    def _open_of(self, execution: VenueExecution) -> Decimal | None:
        resting = self.orders[execution.client_order_id]
        return Decimal(resting.leaves) if resting.status.is_working else None

    def _wrong_with(self, orders: Sequence[Order]) -> str:
        for order in orders:
            if order.symbol not in self._working:
                return f"no such symbol: {order.symbol}"
            if order.order_type in _AUCTIONS:
                return "there are no auctions here"
            if order.quantity != order.quantity.to_integral_value():
                return "whole shares only"
        return ""

    def _match(self, resting: RestingOrder) -> None:
        """Trade an order at the present price if its terms allow it."""
        quote = self.market.quotes[resting.symbol]
        if not self.is_open or quote.halted or resting.held:
            return
        was_triggered = resting.triggered
        reached = resting.reaches(quote.last)
        if resting.triggered and not was_triggered:
            self.tell(OrderTriggered(self.time.now_ns, resting.name))
        if not (reached and resting.trades_at(quote.last)):
            if resting.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
                self._end(resting, OrderStatus.CANCELED, Reason.IMMEDIATE)
            return
        part = resting.leaves
        in_parts = not self.fills_whole and resting.time_in_force is not TimeInForce.FOK
        if in_parts and not self._chance.hits(_WHOLE_RATE):
            part = self._chance.whole(1, part)
        self._execute(resting, part, quote.last)
        if resting.time_in_force is TimeInForce.IOC and resting.status.is_working:
            self._end(resting, OrderStatus.CANCELED, Reason.IMMEDIATE)

    def _execute(self, resting: RestingOrder, quantity: int, price: int) -> None:
        made = self.account.execute(resting.name, resting.symbol, resting.side, quantity, price, self.time.now_ns)
        resting.filled += quantity
        resting.cover -= quantity
        leaves = resting.leaves
        self.tell(OrderFilled(made.as_execution(), Decimal(leaves)))
        if not leaves:
            resting.status = OrderStatus.FILLED
            self._gone(resting)
        for sibling in self._siblings(resting):
            sibling.cover -= quantity
            if sibling.leaves <= 0:
                self._end(sibling, OrderStatus.CANCELED, Reason.ONE_CANCELS_OTHER)

    def _end(self, resting: RestingOrder, status: OrderStatus, reason: Reason) -> None:
        resting.status = status
        self.tell(OrderEnded(self.time.now_ns, resting.name, status, Decimal(resting.filled), reason))
        self._gone(resting)

    def _gone(self, resting: RestingOrder) -> None:
        """Take an ended order out; the children of an entry wake up, or end with it."""
        self._working[resting.symbol].remove(resting)
        for child in tuple(self._working[resting.symbol]):
            if child.parent != resting.name:
                continue
            child.held = False
            child.cover = resting.filled
            if not resting.filled:
                self._end(child, OrderStatus.CANCELED, Reason.NO_ENTRY)

    def _siblings(self, resting: RestingOrder) -> list[RestingOrder]:
        if resting.group is None:
            return []
        return [o for o in self._working[resting.symbol] if o.group == resting.group and o is not resting]
