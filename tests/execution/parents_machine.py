"""Parent orders under everything that can happen to orders: the rules of `machine.py`, with algorithms at work.

The market is a price that a rule moves, at which nothing fills by itself: what fills, and when, is drawn as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from execution.machine import Troubles
from execution.running import SETTINGS, Trader
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.order import Order, client_order_id
from tapeline.domain.reports import Request
from tapeline.domain.times import MINUTE
from tapeline.domain.words import Limit, OrderType, Purpose, Side, TimeInForce
from tapeline.execution.algorithms.pricing import MarketNow
from tapeline.execution.algorithms.schedules import plan_of
from tapeline.execution.parent_keeper import ParentKeeper
from tapeline.ledger.control_facts import TradingStateChanged
from tapeline.ledger.order_facts import CancelIntended
from tapeline.ledger.parent_facts import ParentOrderIntended
from tapeline.risk.denial import Denial
from tapeline.simulation.execution_settings import Algorithm, adaptive, limit, market, participation, twap

ALGORITHMS: list[Algorithm] = [
    market(minutes=10),
    limit(minutes=10),
    limit(minutes=10, leftover="abandon", accept=0.5),
    twap(minutes=8, every_minutes=2),
    twap(minutes=8, every_minutes=2, pricing="limit", leftover="abandon"),
    participation(rate=0.5, minutes=10),
    adaptive(minutes=8, every_minutes=2),
]
SEED = 7


class PlainMarkets:
    """A price that a test sets, and a volume that grows with time."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now, self.last = now, Decimal(100)
        self._from: dict[str, int] = {}

    def begin(self, parent: str, symbol: str, from_ns: int) -> None:
        assert f"-{symbol}-" in parent, f"the market of {symbol} is begun for {parent}"
        self._from.setdefault(parent, from_ns)

    def now(self, parent: str) -> MarketNow:
        volume = self.traded(parent)[0]
        return MarketNow(self.last, Decimal("0.02"), Decimal("0.1"), 60.0, volume, Decimal("0.01"), Decimal(1))

    def price(self, parent: str) -> Decimal:
        assert parent in self._from, f"{parent} was never begun"
        return self.last

    def traded(self, parent: str) -> tuple[Decimal, Decimal | None]:
        minutes = max(self._now() - self._from[parent], 0) // MINUTE
        return Decimal(3 * minutes), self.last if minutes else None

    def end(self, parent: str) -> None:
        del self._from[parent]


class ParentTrader(Trader):
    """A trader whose orders may be worked in parts."""

    keeper_of_parents: type[ParentKeeper] = ParentKeeper

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.is_denied = False
        self.parts_when_lowered: dict[str, int] = {}
        self.markets = PlainMarkets(lambda: self.now)
        self.parents = self._new_parents()

    def _new_parents(self) -> ParentKeeper:
        made = self.keeper_of_parents(self.views, self.record, self.keeper, self.markets, SEED)
        made.denies = self._denial_of
        return made

    def _denial_of(self, order: Order, now_ns: int) -> Denial | None:
        assert now_ns == order.decision_time_ns == self.now, f"{order.client_order_id} is asked for at another time"
        return Denial(Limit.ORDER_RATE, 1, 1, "too many") if self.is_denied else None

    def record(self, fact: Any) -> Any:
        if isinstance(fact, CancelIntended):
            self.wishes.add(fact.client_order_id)
        return super().record(fact)

    def turn(self) -> list[Any]:
        recorded = super().turn()
        self.parents.settle(self.now)
        if self.views.control.state is TradingState.HALTED and self.keeper.is_sure:
            self.parents.protect(self.now)
        return recorded

    def stop(self) -> None:
        super().stop()
        self.markets = PlainMarkets(lambda: self.now)
        self.parents = self._new_parents()

    def work(self) -> None:
        """A slice has ended: the algorithms act, and what they wish leaves."""
        self.parents.work(self.now)
        self.parents.settle(self.now)
        self.turn()

    def work_for(self, minutes: int) -> None:
        """Let minutes pass on a link without faults, with a slice at the end of each."""
        for _ in range(minutes):
            self.settle_for(60)
            self.work()
        self.settle_for(5)

    def place_parent(
        self, algorithm: Algorithm, quantity: int, symbol: str = "A", stop: str | None = None, **terms: Any
    ) -> str:
        """Intend a parent order; return its name. stop : behind which an exit waits"""
        self.count += 1
        known = {
            "client_order_id": client_order_id("Dip", symbol, self.now, self.count, attempt=0),
            "strategy": "Dip", "symbol": symbol, "side": Side.BUY, "order_type": OrderType.MARKET,
            "quantity": Decimal(quantity), "decision_time_ns": self.now, "sequence": self.count,
            "time_in_force": TimeInForce.DAY, "purpose": Purpose.ENTRY,
        }  # fmt: skip
        order = Order(**{**known, **terms})
        plan = plan_of(algorithm, self.now, None, None, closes=order.purpose is not Purpose.ENTRY, frame_ns=MINUTE)
        behind = None if stop is None else replace(order, order_type=OrderType.STOP, stop_price=Decimal(stop))
        self.record(
            ParentOrderIntended(order, algorithm.name, self.markets.last, algorithm.as_tree(), plan.as_tree(), behind)
        )
        return order.client_order_id

    def set_trading(self, state: TradingState) -> None:
        """Lower or raise the trading state, between two slices."""
        is_lowered = state > self.views.control.state
        self.record(TradingStateChanged(self.now, state, Trigger.PERSON, "anna", "drill"))
        if is_lowered:
            self.parents.obey_state(self.now)
            for parent in self.views.parents.open.values():
                if parent.order.purpose is Purpose.ENTRY:
                    self.parts_when_lowered.setdefault(parent.name, len(parent.children))

    def assert_never_wrong(self) -> None:
        super().assert_never_wrong()
        for parent in self.views.parents.states.values():
            count = self.parts_when_lowered.get(parent.name, len(parent.children))
            assert len(parent.children) == count, "an entry goes on that was ended as trading was lowered"
            children = [self.views.orders.states[name] for name in parent.children if name in self.views.orders.states]
            exposed = sum((child.exposed_quantity for child in children if child.status.is_working), Decimal(0))
            booked = sum((child.filled_quantity for child in children), Decimal(0))
            assert booked == parent.filled_quantity
            assert booked + exposed <= parent.order.quantity, "done, working and in doubt are more than was wanted"
            lines = [line for name in parent.children if (line := self.venue.lines.get(name)) is not None]
            reached = sum((line.filled + line.leaves for line in lines), Decimal(0))
            on_the_way = sum(
                (
                    self.views.orders.states[letter.name].quantity
                    for letter in self.link.outward
                    if letter.request is Request.SUBMIT
                    and letter.name in parent.children
                    and letter.name not in self.venue.lines
                ),
                Decimal(0),
            )
            assert reached + on_the_way <= parent.order.quantity, "the venue may fill more than was wanted"


class ParentTroubles(Troubles):
    """The troubles of `machine.py`, with parent orders."""

    trader: ParentTrader

    def new_trader(self) -> ParentTrader:
        return ParentTrader()

    @precondition(lambda self: len(self.trader.views.parents.open) < 3)
    @rule(algorithm=st.sampled_from(ALGORITHMS), quantity=st.integers(1, 40), symbol=st.sampled_from("AB"))
    def a_parent_order(self, algorithm: Algorithm, quantity: int, symbol: str) -> None:
        self.trader.place_parent(algorithm, quantity, symbol)
        self.trader.work()

    @precondition(lambda self: any(p.quantity > 0 for p in self.trader.views.positions.values()))
    @rule(
        algorithm=st.sampled_from(ALGORITHMS), symbol=st.sampled_from("AB"), stop=st.sampled_from([None, "99.80", "95"])
    )
    def a_parent_that_closes(self, algorithm: Algorithm, symbol: str, stop: str | None) -> None:
        held = int(self.trader.views.position("Dip", symbol).quantity)
        if held > 0:
            self.trader.place_parent(algorithm, held, symbol, stop, side=Side.SELL, purpose=Purpose.EXIT_RULE)

    @precondition(lambda self: self.trader.views.parents.open)
    @rule(at=st.integers(0, 9))
    def a_parent_is_called_back(self, at: int) -> None:
        states = [*self.trader.views.parents.open.values()]
        state = states[at % len(states)]
        self.trader.parents.cancel(state, CancelIntended(self.trader.now, state.name, purpose=Purpose.EXIT_RULE))

    @rule(move=st.sampled_from(["-0.30", "-0.05", "0", "0.05", "0.30"]))
    def a_minute_ends(self, move: str) -> None:
        self.trader.markets.last += Decimal(move)
        self.link.expire_letters(self.trader.now + MINUTE, SETTINGS.horizon_s)
        self.trader.wait(60)
        self.trader.work()

    @rule()
    def parts_are_denied_or_not(self) -> None:
        self.trader.is_denied = not self.trader.is_denied

    @rule(state=st.sampled_from(TradingState))
    def trading_is_lowered_or_raised(self, state: TradingState) -> None:
        if state is not self.trader.views.control.state:
            self.trader.set_trading(state)

    def teardown(self) -> None:
        """A quiet time: everything that works fills, and every parent order ends."""
        trader = self.trader
        trader.assert_never_wrong()
        if not self.link.is_up:
            self.link.restore()
        trader.is_denied = False
        if trader.views.control.state is not TradingState.ACTIVE:
            trader.set_trading(TradingState.ACTIVE)
        trader.settle_for(300)
        for _ in range(60):
            if not trader.views.parents.open:
                break
            for line in [*trader.venue.lines.values()]:
                if line.works and line.name in trader.views.orders.working:
                    trader.fill(line.name, int(line.leaves))
            trader.work_for(1)
        assert not trader.views.parents.open, "a parent order never ends"
        super().teardown()
