"""The keeper of parent orders: asks their algorithms what to do, and carries it out through the order keeper.

    work(now)      each slice: wishes of the algorithms -> gate -> facts of parts -> order keeper
    settle(now)    after reports: orders of which no part works any more have ended
    protect(now)   in each turn while trading is HALTED: stops take over what the parts of exits do not work for

Everything is read from the views of the journal: a new keeper on them goes on where the old one stopped. When trading
is lowered all entries end; when it becomes HALTED the parts of exits are called back, and only their stops work until
it is raised, for all that is left. In a gap no entry sends a part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from tapeline.domain.control import TradingState
from tapeline.domain.order import Order, client_order_id
from tapeline.domain.parent import ParentEnd, Pricing
from tapeline.domain.position import ZERO
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderType, Purpose, Role, Side
from tapeline.execution.algorithms.pricing import MarketNow
from tapeline.execution.algorithms.schedules import Plan
from tapeline.execution.algorithms.working import (
    CallBack,
    Reprice,
    Resize,
    Send,
    Stop,
    Wish,
    Work,
    algorithm_of_state,
    protection,
    wishes,
    working_children,
)
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.ledger.order_facts import CancelIntended, OrderDenied, OrderIntended, ReplaceDenied, ReplaceIntended
from tapeline.ledger.parent_facts import ChildOrderPriced, ParentOrderEnded, ParentOrderHurried, ParentOrderStopped
from tapeline.ledger.parent_orders import ParentState, reason_of, with_stop
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact
from tapeline.risk.denial import Denial
from tapeline.simulation.execution_settings import Algorithm


class Markets(Protocol):
    """The markets that algorithms see; parents are named by their client order ids."""

    def begin(self, parent: str, symbol: str, from_ns: int) -> None:
        """Count the volume for a parent order from a moment on; nothing if it is counted already."""

    def now(self, parent: str) -> MarketNow:
        """Return the market of a parent order that was begun."""
        ...

    def price(self, parent: str) -> Decimal:
        """Return the last price of its symbol."""
        ...

    def traded(self, parent: str) -> tuple[Decimal, Decimal | None]:
        """Return the volume since it began and the average price of it, None without any."""
        ...

    def end(self, parent: str) -> None:
        """Forget a parent order."""


class ParentKeeper:
    """The parent orders of one account.

    record : journals a fact and returns it; seed : of the jitter of waiting times
    denies, denies_replace : asked before a part leaves or is changed, None = it may
    is_urgent : asked of exits, True = the window of this one is over now, and stays so
    """

    def __init__(
        self, views: Views, record: Callable[[Fact], Any], keeper: OrderKeeper, markets: Markets, seed: int
    ) -> None:
        self.denies: Callable[[Order, int], Denial | None] = lambda order, now_ns: None
        self.denies_replace: Callable[[ReplaceIntended, int], Denial | None] = lambda fact, now_ns: None
        self.is_urgent: Callable[[Order], bool] = lambda order: False
        self._views, self._record, self._keeper = views, record, keeper
        self._markets, self._seed = markets, seed
        self._settings: dict[str, tuple[Algorithm, Plan]] = {}

    def work(self, now_ns: int) -> None:
        """Let the algorithms act on the slice that has ended now."""
        trading = self._views.control.state
        if trading is not TradingState.ACTIVE:  # what was decided, or came to be known, since it was lowered
            self.obey_state(now_ns)
        for state in [*self._views.parents.open.values()]:
            enters = state.order.purpose is Purpose.ENTRY
            may_send = self._keeper.may_risk(state.order.symbol) if enters else trading is not TradingState.HALTED
            if state.stopped is None and not may_send:
                continue
            work = self._work_of(state, None if enters else self._held(state.order), now_ns)
            if not enters:
                work = self._hurry(work)
            for wish in wishes(work):
                self._grant(wish, work)

    def protect(self, now_ns: int) -> None:
        """Let each exit that rests wait behind its stop, whole; for no more than the account holds on balance."""
        for state in [*self._views.parents.open.values()]:
            order = state.order
            if order.purpose is not Purpose.ENTRY and state.stopped is None:
                on_balance = self._views.quantity(order.symbol, order.account) * -order.side
                work = self._work_of(state, max(min(self._held(order), on_balance), ZERO), now_ns)
                for wish in protection(work):
                    self._grant(wish, work)

    def cancel(self, state: ParentState, fact: CancelIntended) -> None:
        """Send nothing more for a parent order, and call back what works, as a cancel of its name asks."""
        if state.ended is None:
            self._stop(state, ParentEnd.CANCELED, fact.event_time_ns, fact.purpose)
        self.cancel_each([child.client_order_id for child, _ in self.working(state)], fact)

    def cancel_each(self, names: Sequence[str], fact: CancelIntended) -> None:
        """Call back orders as a cancel asks that names their owner."""
        for name in names:
            self._keeper.cancel(self._record(replace(fact, client_order_id=name)))

    def replace_each(self, names: Sequence[str], fact: ReplaceIntended) -> bool:
        """Replace orders as a replace asks that names their owner; all or none. Returns whether they are."""
        facts = [replace(fact, client_order_id=name) for name in names]
        for each in facts:
            if (denial := self.denies_replace(each, fact.event_time_ns)) is not None:
                self._record(denied_replace(each, denial))
                return False
        for each in facts:
            self._keeper.replace(self._record(each))
        return True

    def obey_state(self, now_ns: int) -> None:
        """Do what a lower trading state asks.

        Nothing more is sent that enters; it takes a new decision to go on when trading is raised. HALTED calls back the
        parts of exits too, which go on when it is raised to REDUCING or ACTIVE. `protect` has their stops take over.
        """
        is_halted = self._views.control.state is TradingState.HALTED
        for state in [*self._views.parents.open.values()]:
            if state.order.purpose is Purpose.ENTRY:
                self._stop(state, ParentEnd.TRADING_STATE, now_ns)
            elif is_halted:
                names = [
                    child.client_order_id
                    for child, part in self.working(state)
                    if child.priced.pricing is not Pricing.STOP and Request.CANCEL not in part.asked
                ]
                self.cancel_each(names, CancelIntended(now_ns, state.name, purpose=state.order.purpose))

    def stop_all(self, symbol: str, reason: ParentEnd, now_ns: int) -> None:
        """Send nothing more for a symbol, and call back what works."""
        for state in [*self._views.parents.open.values()]:
            if state.order.symbol == symbol and state.stopped is None:
                self._leave(state, reason, now_ns)

    def settle(self, now_ns: int) -> None:
        """End the parent orders of which no part works any more.

        One of which a stop or target was reached is left: nothing more of it is entered.
        """
        for state in [*self._views.parents.open.values()]:
            if state.stopped is None and self._has_left(state):
                self._leave(state, ParentEnd.EXIT, now_ns)
            is_over = state.stopped is not None or state.filled_quantity >= state.order.quantity
            if is_over and not self.working(state):
                self._begin_market(state, self._settings_of(state)[1])
                volume, average = self._markets.traded(state.name)
                price = self._markets.price(state.name)
                self._record(ParentOrderEnded(now_ns, state.name, reason_of(state), price, volume, average))
                self._markets.end(state.name)
                del self._settings[state.name]

    def working(self, state: ParentState) -> list[Any]:
        """Return the parts of a parent order that may still fill, with their states."""
        return working_children(state, self._views.orders)

    def _work_of(self, state: ParentState, held: Decimal | None, now_ns: int) -> Work:
        algorithm, plan = self._settings_of(state)
        self._begin_market(state, plan)
        market = self._markets.now(state.name)
        return Work(state, algorithm, plan, self._views.orders, market, now_ns, self._seed, held)

    def _hurry(self, work: Work) -> Work:
        """Return the work of an exit with its window over, if it is urgent or has been before."""
        state, plan, now_ns = work.parent, work.plan, work.now_ns
        if state.hurried is None and state.stopped is None and now_ns < plan.end_ns:
            text = _LOST if self.is_urgent(state.order) else _STOPPED if work.is_stop_reached else ""
            if text:
                self._record(ParentOrderHurried(now_ns, state.name, text))
        if state.hurried is None:
            return work
        return replace(work, plan=replace(plan, start_ns=min(plan.start_ns, now_ns), end_ns=min(plan.end_ns, now_ns)))

    def _grant(self, wish: Wish, work: Work) -> None:
        state, now_ns = work.parent, work.now_ns
        purpose = state.order.purpose
        if isinstance(wish, Send):
            self._send(wish, work)
        elif isinstance(wish, Reprice):
            name = wish.client_order_id
            fact = ReplaceIntended(now_ns, name, limit_price=wish.limit_price, purpose=purpose)
            self._replace(fact, lambda: self._price(name, wish.pricing, work))
        elif isinstance(wish, Resize):
            name = wish.client_order_id
            total = self._views.orders.states[name].filled_quantity + wish.leaves_quantity
            self._replace(ReplaceIntended(now_ns, name, quantity=total, purpose=purpose))
        elif isinstance(wish, CallBack):
            self._keeper.cancel(self._record(CancelIntended(now_ns, wish.client_order_id, purpose=purpose)))
        elif isinstance(wish, Stop):
            self._stop(state, wish.reason, now_ns)

    def _replace(self, fact: ReplaceIntended, before: Callable[[], None] = lambda: None) -> None:
        denial = self.denies_replace(fact, fact.event_time_ns)
        if denial is not None:
            self._record(denied_replace(fact, denial))
            return
        before()
        self._keeper.replace(self._record(fact))

    def _send(self, wish: Send, work: Work) -> None:
        state, now_ns = work.parent, work.now_ns
        intended, attempt = state.intended, len(state.children) + 1
        part = replace(
            state.order,
            client_order_id=_name_of(state.order, attempt),
            order_type=OrderType.MARKET if wish.limit_price is None else OrderType.LIMIT,
            limit_price=wish.limit_price,
            quantity=wish.quantity,
            decision_time_ns=now_ns,
        )
        if wish.pricing is Pricing.STOP:
            part = replace(part, order_type=OrderType.STOP, stop_price=state.stop_price)
        self._price(part.client_order_id, wish.pricing, work)
        denial = self.denies(part, now_ns)
        if denial is not None:
            self._record(denied_order(part, denial, intended.signal_id))
            return
        orders = [part, *[_leg_of(leg, part, attempt, state) for leg in intended.bracket]]
        recorded = [
            self._record(
                OrderIntended(
                    order, intended.signal_id, intended.sizing if order is part else None, intended.instruction_id
                )
            )
            for order in orders
        ]
        self._keeper.submit([fact.order for fact in recorded])

    def _price(self, child: str, pricing: Pricing, work: Work) -> None:
        market = work.market
        self._record(ChildOrderPriced(work.now_ns, child, work.parent.name, pricing, market.price, market.half_spread))

    def _stop(self, state: ParentState, reason: ParentEnd, now_ns: int, purpose: Purpose | None = None) -> None:
        if state.stopped is None or purpose is not None:
            self._record(ParentOrderStopped(now_ns, state.name, reason, purpose))

    def _leave(self, state: ParentState, reason: ParentEnd, now_ns: int) -> None:
        self._stop(state, reason, now_ns)
        names = [child.client_order_id for child, _ in self.working(state)]
        self.cancel_each(names, CancelIntended(now_ns, state.name, purpose=state.order.purpose))

    def _settings_of(self, state: ParentState) -> tuple[Algorithm, Plan]:
        if state.name not in self._settings:
            self._settings[state.name] = algorithm_of_state(state)
        return self._settings[state.name]

    def _begin_market(self, state: ParentState, plan: Plan) -> None:
        self._markets.begin(state.name, state.order.symbol, plan.start_ns)

    def _has_left(self, state: ParentState) -> bool:
        states = self._views.orders.states
        legs = (states[name] for names in state.legs.values() for name in names)
        return any(leg.filled_quantity or leg.is_triggered for leg in legs)

    def _held(self, order: Order) -> Decimal:
        held = self._views.position(order.strategy, order.symbol, order.account).quantity
        return max(held if order.side is Side.SELL else -held, ZERO)


_LOST = "what it closes has lost what one trade may lose"
_STOPPED = "the stop of what it closes was reached"


def _name_of(order: Order, attempt: int) -> str:
    """Return the name of a part: that of the decision, with the number of the part as its attempt."""
    return client_order_id(order.strategy, order.symbol, order.decision_time_ns, order.sequence, attempt)


def _leg_of(leg: Order, part: Order, attempt: int, state: ParentState) -> Order:
    """Return the stop or target of a part."""
    return replace(
        with_stop(leg, state) if leg.role is Role.STOP else leg,
        client_order_id=_name_of(leg, attempt),
        quantity=part.quantity,
        decision_time_ns=part.decision_time_ns,
        parent=part.client_order_id,
        group=part.client_order_id,
    )


def denied_replace(fact: ReplaceIntended, denial: Denial) -> ReplaceDenied:
    """Return the denial of a replace."""
    return ReplaceDenied(
        fact.event_time_ns, fact.client_order_id, f"{denial.text}.", denial.limit, fact.quantity, fact.limit_price,
        fact.stop_price, fact.purpose, fact.signal_id,
    )  # fmt: skip


def denied_order(part: Order, denial: Denial, signal_id: str | None) -> OrderDenied:
    """Return the denial of an order."""
    return OrderDenied(
        part.decision_time_ns,
        part.client_order_id,
        part.strategy,
        part.symbol,
        part.side,
        f"{part.quantity} at {part.order_type.name}: {denial.text}.",
        limit=denial.limit,
        purpose=part.purpose,
        wanted_quantity=part.quantity,
        signal_id=signal_id,
        account=part.account,
    )
