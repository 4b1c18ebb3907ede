"""Orders that algorithms work in parts: one order to the strategies' book, its parts to the order keeper.

    the book's order     ->  ParentOrderIntended, with algorithm and plan
    fills of the parts   ->  fills of the book's order
    all parts ended      ->  the end of the book's order

To the book the stop and the target of such an order are one order each as well: every part has its own at the venue, of
its own quantity, and what happens to them happens to the book's one. What is called back or moved goes to all.

Nothing is kept that views and book do not have, so a new object on them goes on where the old one stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tapeline.domain.keeping import Keeps
from tapeline.domain.money import exact
from tapeline.domain.order import Order
from tapeline.domain.panel import Sessions
from tapeline.domain.parent import ParentEnd
from tapeline.domain.position import ZERO
from tapeline.domain.slice import Slice
from tapeline.domain.times import MINUTE
from tapeline.domain.words import OrderStatus, OrderType, Purpose, Reason, Role
from tapeline.engine.desk import Desk
from tapeline.engine.market_watch import MarketWatch
from tapeline.engine.protection import stop_price_of
from tapeline.engine.settling import is_working, settle_stop
from tapeline.execution.algorithms.schedules import plan_of
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.parent_keeper import ParentKeeper
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    ReplaceIntended,
)
from tapeline.ledger.parent_facts import ParentOrderIntended
from tapeline.ledger.parent_orders import ParentState, reason_of
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact
from tapeline.ports.market_data import Tape
from tapeline.simulation.execution_settings import Algorithm, Algorithms
from tapeline.simulation.limits import has_lost_too_much
from tapeline.simulation.records import ENTERING, FLAT
from tapeline.simulation.venue import instruments_of

WORKED_EXITS = (Purpose.EXIT_RULE, Purpose.SCALE_OUT)
"""Exits that may take their time; all others leave at once, whole."""

_REASONS = {
    ParentEnd.CANCELED: Reason.REQUESTED,
    ParentEnd.EXIT: Reason.EXIT,
    ParentEnd.CORPORATE_ACTION: Reason.CORPORATE_ACTION,
    ParentEnd.WINDOW: Reason.TOO_LATE,
    ParentEnd.NO_WINDOW: Reason.TOO_LATE,
}
_AMENDING = (ExecutionBusted.kind, ExecutionCorrected.kind)
_PASSED_OVER = frozenset(
    {"OrderTriggered", "OrderReplaced", "OrderCanceled", "OrderRejected", "OrderExpired", "OutcomeLost"}
    | {"CancelRejected", "ReplaceRejected"}
)


class Parents(Keeps):
    """The orders of one book that are worked in parts.

    keeper : carries out what their algorithms wish; watch : what they see of the market
    """

    KEPT = ("_following", "_bracketed")

    def __init__(
        self,
        desk: Desk,
        views: Views,
        record: Callable[[Fact], Any],
        orders: OrderKeeper,
        tape: Tape,
        sessions: Sessions | None,
        seed: int,
    ) -> None:
        self._desk, self._views, self._record = desk, views, record
        self._tape, self._sessions = tape, sessions
        assembly = desk.assembly
        self._algorithms: list[Algorithms] = assembly.algorithms
        self._flat_ns = [round((it.flat_before_close_minutes or 0) * MINUTE) for it in assembly.strategies]
        settings = assembly.settings
        instruments = tuple(instruments_of(desk.symbols, settings))
        self._ticks = {it.symbol: it.tick_size for it in instruments}
        self.watch = MarketWatch(tape, desk.book.fixed.prices, instruments, settings.costs.slippage)
        self.keeper = ParentKeeper(views, record, orders, self.watch, seed)
        self.keeper.is_urgent = self._is_urgent
        self._pending: list[tuple[Order, Any, str | None]] = []
        self._bracketed: dict[str, tuple[ParentState, Role]] = {}
        self._following: dict[str, ParentState] = {}

    # From the book -------------------------------------------------------------------------------------------

    def takes(self, intent: Any) -> bool:
        """Return whether a submit intent is worked by an algorithm, or belongs to the bracket of one that is."""
        if intent["parent"] >= 0:
            entry = self._desk.intents.order_ids[intent["parent"]]
            return any(order.client_order_id == entry for order, _, _ in self._pending)
        return self._algorithm_for(intent) is not None

    def collect(self, order: Order, intent: Any, signal_id: str | None) -> None:
        """Take an order that will be worked; those of its bracket follow it."""
        if order.parent is None:
            self.begin()
        self._pending.append((order, intent.copy(), signal_id))

    def begin(self) -> None:
        """Record the order that was collected, if there is one."""
        if not self._pending:
            return
        (order, intent, signal_id), *legs = self._pending
        self._pending = []
        of_role = {leg.role: leg for leg, _, _ in legs}
        algorithm = self._algorithm_for(intent)
        assert algorithm is not None
        closes = order.purpose is not Purpose.ENTRY
        stop = of_role.get(Role.STOP)
        if closes:  # what leaves a position leaves all of it
            algorithm = replace(algorithm, accept=1.0, leftover="cross")
            stop = self._stop_of(order, intent)
        plan = plan_of(
            algorithm,
            order.decision_time_ns,
            self._sessions,
            self._tape.history(order.symbol) if algorithm.schedule == "vwap" else None,
            closes=closes,
            frame_ns=self._tape.frame_ns,
            flat_before_close_ns=self._flat_ns[intent["strategy"]],
            has_stop=closes and stop is not None,
        )
        self._record(
            ParentOrderIntended(
                order,
                algorithm.name,
                exact(float(intent["price"])),
                algorithm.as_tree(),
                plan.as_tree(),
                stop,
                of_role.get(Role.TARGET),
                signal_id,
                self._desk.intents.sizing_of(intent),
                self._desk.intents.instruction_of(intent),
            )
        )
        self.remember(self._views.parents.states[order.client_order_id])

    def remember(self, state: ParentState) -> None:
        """Know a parent order of the views, with the stop and target of its bracket."""
        self._following[state.name] = state
        for leg in state.intended.bracket:
            self._bracketed[leg.client_order_id] = state, leg.role

    def owner_of(self, name: str) -> str:
        """Return the book's order that an order is a part of, or a part's stop or target; else the order itself."""
        state = self._views.parents.of_child(name)
        if state is not None:
            return state.name
        leg = self._views.parents.of_leg(name)
        return name if leg is None else _leg_name(*leg)

    def owns(self, name: str) -> bool:
        """Return whether an order of the book is worked in parts, or is the stop or target of one that is."""
        return name in self._views.parents.states or name in self._bracketed

    def cancel(self, fact: CancelIntended) -> bool:
        """Call back an order of the book that is worked: all of its parts, and nothing more is sent.

        Returns whether it is one.
        """
        state = self._views.parents.states.get(fact.client_order_id)
        if state is not None:
            self.keeper.cancel(state, fact)
        return state is not None

    def names_at_venue(self, name: str) -> list[str]:
        """Return what works at the venue of an order of the book: itself, or the stops or targets of all parts."""
        return self._working_legs(name) if name in self._bracketed else [name]

    def replace(self, fact: ReplaceIntended) -> None:
        """Move the stop of an order that is owned: those of all its parts, or none where one is denied."""
        if not self.keeper.replace_each(self._working_legs(fact.client_order_id), fact):
            state, _ = self._bracketed[fact.client_order_id]
            settle_stop(self._desk.book, self._desk.tickets[fact.client_order_id], state.stop_price)

    def work(self, now: Slice) -> None:
        """Let the algorithms act on a slice."""
        self.watch.see(now)
        if self._views.parents.open:
            self.keeper.work(now.end_ns)

    # To the book ---------------------------------------------------------------------------------------------

    def told(self, fact: Any) -> Any | None:
        """Return what a fact means to the book: of a part, what happened to the book's order; None for nothing."""
        name, parents = getattr(fact, "client_order_id", None), self._views.parents
        if name is None or not parents.states:
            return fact
        if fact.kind in _AMENDING and (amended := parents.of_child(name)) is not None:
            self.remember(amended)  # one that has ended may have a part at work again
        owner = self.owner_of(name)
        number = self._desk.tickets.get(owner, -1)
        if owner == name or number < 0:
            return fact
        if (
            fact.kind == CancelRejected.kind
            and parents.of_leg(name) is not None
            and is_working(self._desk.book, number)
        ):
            self._desk.book.tickets[number]["status"] = OrderStatus.NEW  # so that it can be asked for again
        if fact.kind in _PASSED_OVER:
            return None
        ticket = self._desk.book.tickets[number]
        if fact.kind == OrderAccepted.kind:
            return replace(fact, client_order_id=owner) if ticket["status"] == OrderStatus.PENDING_NEW else None
        if fact.kind != OrderFilled.kind:
            return fact
        if not is_working(self._desk.book, number):
            return fact
        state = parents.of_child(name)
        if state is not None and state.order.purpose is Purpose.ENTRY:
            self._reopen(state, number)
        quantity = fact.execution.quantity
        leaves = max(exact(float(ticket["quantity"])) - exact(float(ticket["filled"])) - quantity, ZERO)
        return replace(fact, execution=replace(fact.execution, client_order_id=owner), leaves_quantity=leaves)

    def ends(self, now_ns: int) -> list[OrderCanceled]:
        """Return what the book is told of orders that have no part at work any more.

        To be called when everything that was reported is in the views and in the book.
        """
        told: list[OrderCanceled] = []
        working = self._views.orders.working
        for state in [*self._following.values()]:
            if state.ended is None or self.keeper.working(state):
                continue
            told += self._end_of(state.name, now_ns, _REASONS.get(reason_of(state), Reason.NONE))
            if any(name in working for legs in state.legs.values() for name in legs):
                continue
            del self._following[state.name]
            reason = Reason.ONE_CANCELS_OTHER if state.filled_quantity else Reason.NO_ENTRY
            for leg in state.intended.bracket:
                told += self._end_of(leg.client_order_id, now_ns, reason)
        return told

    # Looking things up ---------------------------------------------------------------------------------------

    def _algorithm_for(self, intent: Any) -> Algorithm | None:
        purpose, chosen = Purpose(int(intent["purpose"])), self._algorithms[int(intent["strategy"])]
        if purpose is Purpose.ENTRY:
            return chosen.entry
        return chosen.exit if purpose in WORKED_EXITS else None

    def _stop_of(self, order: Order, intent: Any) -> Order | None:
        """Return the stop behind which an exit waits: where that of its holding stood, on the tick."""
        holding = self._desk.book.fixed.holdings[intent["strategy"], intent["symbol"]]
        price = stop_price_of(holding, order.side, self._ticks[order.symbol])
        if price is None:
            return None
        return replace(order, order_type=OrderType.STOP, limit_price=None, stop_price=price)

    def _is_urgent(self, order: Order) -> bool:
        """Return whether what an exit closes has lost what one trade may lose."""
        book = self._desk.book
        if np.isnan(book.fixed.limits["loss_per_trade_max"]).all():
            return False
        place = self._desk.assembly.names.index(order.strategy), self._desk.columns[order.symbol]
        return bool(has_lost_too_much(book, *place))

    def _working_legs(self, name: str) -> list[str]:
        state, role = self._bracketed[name]
        return [leg for leg in state.legs.get(role, ()) if leg in self._views.orders.working]

    def _end_of(self, name: str, now_ns: int, reason: Reason) -> list[OrderCanceled]:
        number = self._desk.tickets.get(name, -1)
        ends = number >= 0 and is_working(self._desk.book, number)
        return [OrderCanceled(now_ns, name, reason)] if ends else []

    def _reopen(self, state: ParentState, number: int) -> None:
        """Let a holding enter again that was flat, when a part fills after those before it were stopped out."""
        book = self._desk.book
        tables = book.fixed
        place = self._desk.assembly.names.index(state.order.strategy), self._desk.columns[state.order.symbol]
        if tables.states[place] != FLAT:
            return
        holding = tables.holdings[place]
        tables.states[place] = ENTERING
        tables.account[0]["busy"] += 1
        holding["entry_ticket"], holding["side"] = number, int(state.order.side)
        for name, leg in (("stop", state.intended.stop), ("target", state.intended.target)):
            if leg is None or not is_working(book, ticket := self._desk.tickets[leg.client_order_id]):
                continue
            row = book.tickets[ticket]
            holding[f"{name}_ticket"] = ticket
            holding[f"{name}_price"] = row["stop_price" if name == "stop" else "limit_price"]
            if name == "stop":
                holding["initial_stop"], holding["trail"] = row["stop_price"], row["trail"]


def _leg_name(state: ParentState, role: Role) -> str:
    leg = state.intended.stop if role is Role.STOP else state.intended.target
    assert leg is not None
    return leg.client_order_id
