"""The smallest loop around a keeper: turns, a journal that is a list of bytes, and a stop at any moment."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from execution.venue import Link, Venue
from tapeline.domain.cash import CashCause
from tapeline.domain.order import Order, client_order_id
from tapeline.domain.reports import EXTERNAL, Query, Question, Request
from tapeline.domain.times import SECOND, from_iso
from tapeline.domain.words import OrderStatus, OrderType, Purpose, Side, TimeInForce
from tapeline.execution.messages import Ask, Cancel
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.settings import KeeperSettings
from tapeline.ledger.canonical import decode, encode
from tapeline.ledger.facts import CashMoved
from tapeline.ledger.order_facts import CancelIntended, OrderIntended, ReplaceIntended
from tapeline.ledger.views import Views

T0 = from_iso("2024-01-02T15:00:00Z")
SETTINGS = KeeperSettings(
    request_timeout_s=10, query_timeout_s=5, query_timeout_s_max=60, horizon_s=60, compare_every_s=300, overlap_s=900
)


class Trader:
    """A keeper with its journal, its venue and the hand that asks for orders."""

    def __init__(self, settings: KeeperSettings = SETTINGS, keeper_type: type[OrderKeeper] = OrderKeeper) -> None:
        self.settings, self.keeper_type = settings, keeper_type
        self.venue = Venue()
        self.link = Link(self.venue, now=T0)
        self.journal: list[bytes] = []
        self.views = Views()
        self.count = 0
        self.starts = 0
        self.recorded: list[Any] = []
        self.rounds = 0
        self.wishes: set[str] = set()
        self.record(CashMoved(T0, CashCause.DEPOSIT, self.venue.cash))
        self.keeper = self.new_keeper()

    @property
    def now(self) -> int:
        return self.link.now

    def record(self, fact: Any) -> Any:
        assert 0 < fact.event_time_ns <= self.now, f"{fact} is of the future, or of no time"
        assert isinstance(getattr(fact, "text", ""), str), f"{fact} has no words"
        body = encode(fact)
        self.journal.append(body)
        fact = decode(body)
        self.views.apply(fact)
        return fact

    def new_keeper(self) -> OrderKeeper:
        self.starts += 1
        return self.keeper_type(
            self.views, self.record, self.settings, random=Random(self.starts), now_ns=self.link.now
        )

    # Turns --------------------------------------------------------------------------------------------------

    def start(self) -> list[Any]:
        recorded = self.keeper.start(self.now)
        self.send()
        self.recorded += recorded
        return recorded

    def turn(self) -> list[Any]:
        recorded = self.keeper.take(self.link.events(), self.now)
        recorded += self.keeper.on_time(self.now)
        self.send()
        self.recorded += recorded
        return recorded

    def send(self) -> None:
        for message in self.keeper.outbox(self.now):
            if self.views.control.gap is not None:
                assert isinstance(message, Ask | Cancel), "something was risked, or closed blindly, in a gap"
            message.send(self.link)
            if isinstance(message, Ask) and message.query.question is Question.POSITIONS:
                self.rounds += 1

    def wait(self, seconds: float) -> list[Any]:
        """Let time pass, with a turn whenever the keeper wants one."""
        end = self.now + int(seconds * SECOND)
        recorded = []
        while (due := self.keeper.next_time_ns) is not None and due <= end:
            self.link.now = max(due, self.now)
            recorded += self.turn()
        self.link.now = end
        return recorded + self.turn()

    def settle(self, turns: int = 40) -> list[Any]:
        """Let everything under way arrive, in order, as long as something is."""
        recorded = []
        for _ in range(turns):
            recorded += self.turn()
            if not (self.link.outward or self.link.inward or self.link.arrived):
                break
            self.link.pass_all()
        return recorded

    def settle_for(self, seconds: float) -> list[Any]:
        """Let time pass on a link without faults."""
        end = self.now + int(seconds * SECOND)
        recorded = self.settle()
        while self.now < end:
            due = self.keeper.next_time_ns
            self.link.now = end if due is None else min(end, max(due, self.now + SECOND // 1000))
            recorded += self.settle()
        return recorded

    def ready(self) -> Trader:
        """Start, and let the first comparison come to its end."""
        self.start()
        self.settle_for(5)
        assert self.views.control.gap is None
        return self

    def stop(self) -> None:
        """End the process here: what is not in the journal is gone, and so is what was under way to it."""
        self.views = Views()
        for body in self.journal:
            self.views.apply(decode(body))
        self.link.inward.clear()
        self.link.arrived.clear()
        self.keeper = self.new_keeper()

    # Wishes -------------------------------------------------------------------------------------------------

    def place(
        self, symbol: str = "A", side: Side = Side.BUY, quantity: int = 10, price: str = "100", **terms: Any
    ) -> str:
        """Intend an order and hand it to the keeper; return its name."""
        self.count += 1
        known = {
            "client_order_id": client_order_id("Dip", symbol, self.now, self.count),
            "strategy": "Dip", "symbol": symbol, "side": side, "order_type": OrderType.LIMIT,
            "quantity": Decimal(quantity), "decision_time_ns": self.now, "sequence": self.count,
            "time_in_force": TimeInForce.DAY, "limit_price": Decimal(price), "purpose": Purpose.ENTRY,
        }  # fmt: skip
        order = Order(**{**known, **terms})
        intended = self.record(OrderIntended(order))
        self.keeper.submit([intended.order])
        return order.client_order_id

    def cancel(self, name: str, purpose: Purpose = Purpose.EXIT_RULE) -> None:
        self.wishes.add(name)
        self.keeper.cancel(self.record(CancelIntended(self.now, name, purpose=purpose)))

    def replace(self, name: str, quantity: int | None = None, price: str | None = None) -> None:
        fact = ReplaceIntended(
            self.now, name,
            quantity=None if quantity is None else Decimal(quantity),
            limit_price=None if price is None else Decimal(price),
        )  # fmt: skip
        self.keeper.replace(self.record(fact))

    # What the venue does by itself --------------------------------------------------------------------------

    def fill(self, name: str, quantity: int, price: str = "100") -> None:
        self.link.say(self.venue.fill(name, self.now, Decimal(quantity), Decimal(price)))

    # What must hold -----------------------------------------------------------------------------------------

    def status(self, name: str) -> str:
        return self.views.orders.states[name].status.name

    def held(self, symbol: str = "A") -> Decimal:
        return self.views.quantity(symbol)

    def questions_under_way(self) -> list[Query]:
        """The questions that left and have not arrived yet."""
        return [letter.query for letter in self.link.outward if letter.query is not None]

    def kinds(self) -> list[str]:
        return [fact.kind for fact in self.recorded]

    def assert_never_wrong(self) -> None:
        """What must hold at every moment, whatever the link did."""
        theirs = {execution.execution_id: execution for execution in self.venue.executions}
        for name, ours in self.views.orders.executions.items():
            assert ours is not None
            assert (ours.quantity, ours.price, ours.side) == (
                theirs[name].quantity, theirs[name].price, theirs[name].side,
            )  # fmt: skip
        assert all(count == 1 for count in self.venue.submits.values()), "an order was sent twice"
        for line in self.venue.lines.values():
            state = self.views.orders.states.get(line.name)
            if state is not None and line.works:
                assert state.status.is_working, f"{line.name} works and is taken for {state.status.name}"
            if line.name in self.venue.submits and line.status is OrderStatus.CANCELED:
                assert line.name in self.wishes, f"{line.name} was canceled, and nobody wished it"

    def assert_worst_is_counted(self) -> None:
        """What is booked and what is counted as exposure cover every position that our orders can still lead to.

        Orders that somebody else placed, and nobody here has heard of, cannot be counted.
        """
        states = self.views.orders.states
        for symbol in "AB":
            held, counted = self.held(symbol), {Side.BUY: Decimal(0), Side.SELL: Decimal(0)}
            for (_, _, of), exposure in self.views.orders.exposures().items():
                if of == symbol:
                    counted[Side.BUY] += exposure.buys
                    counted[Side.SELL] += exposure.sells
            known = [one for one in self.venue.executions if one.symbol == symbol and one.client_order_id in states]
            theirs = sum((one.signed_quantity for one in known), Decimal(0))
            worst = {Side.BUY: theirs, Side.SELL: -theirs}
            for name, state in states.items():
                if state.order.symbol == symbol:
                    worst[state.order.side] += self._may_still_fill(name)
            assert held + counted[Side.BUY] >= worst[Side.BUY], f"{symbol} may be bought beyond what is counted"
            assert counted[Side.SELL] - held >= worst[Side.SELL], f"{symbol} may be sold beyond what is counted"

    def _may_still_fill(self, name: str) -> Decimal:
        line = self.venue.lines.get(name)
        letters = [letter for letter in self.link.outward if letter.name == name]
        if line is None:
            is_coming = any(letter.request is Request.SUBMIT for letter in letters)
            total, filled = self.views.orders.states[name].order.quantity if is_coming else Decimal(0), Decimal(0)
        else:
            total, filled = line.quantity if line.works else line.filled, line.filled
        if total > filled:
            total = max([total, *[letter.total for letter in letters if letter.total is not None]])
        return total - filled

    def assert_settled(self) -> None:
        """What must hold once everything came to rest: two books that say the same."""
        self.assert_never_wrong()
        orders = self.views.orders
        assert self.views.control.gap is None
        assert set(orders.executions) == {execution.execution_id for execution in self.venue.executions}
        held = {symbol: quantity for symbol in "ABC" if (quantity := self.held(symbol))}
        assert held == {symbol: quantity for symbol, quantity in self.venue.positions.items() if quantity}
        assert self.views.cash_amount() == self.venue.cash
        ours = {
            name: (state.quantity, state.filled_quantity, state.limit_price, bool(state.asked))
            for name, state in orders.working.items()
        }
        theirs = {
            line.name: (line.quantity, line.filled, line.limit_price, False)
            for line in self.venue.lines.values()
            if line.works
        }
        assert ours == theirs
        assert not self.views.control.locks
        for name, status in orders.ended.items():
            if orders.states[name].order.strategy == EXTERNAL:
                continue  # of an order of somebody else that was over at once, only its executions are told
            line = self.venue.lines.get(name)
            if line is not None and line.status is OrderStatus.FILLED and line.quantity < orders.states[name].quantity:
                # a replace to less was done and its answer lost: by our terms the rest was withdrawn
                assert status in (OrderStatus.FILLED, OrderStatus.CANCELED)
                continue
            assert status is (OrderStatus.REJECTED if line is None else line.status), name
