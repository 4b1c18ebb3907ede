"""The desk: between the book, which knows numbers, and the journal, which knows names and exact amounts.

Out: an intent of the decision kernel becomes an order with its derived id, a cancel, a replace or a denial
(`intents.py`). In: a fact that came back from the journal becomes an event of the book, under the ticket it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from tapeline.domain.cash import CashCause
from tapeline.domain.corporate import SplitReported
from tapeline.domain.keeping import Keeps
from tapeline.domain.money import exact
from tapeline.domain.order import Order
from tapeline.domain.words import (
    EventKind,
    Purpose,
    Reason,
    Stage,
)
from tapeline.engine.assembly import Assembly
from tapeline.engine.intents import Intents
from tapeline.engine.settling import (
    is_working,
    protect_anew,
    protect_holding,
    settle_cash,
    settle_elsewhere,
    settle_exit,
    settle_filled,
    settle_foreign,
    settle_outside,
    settle_quantity,
    settle_symbols,
    settle_ticket,
    works_against,
)
from tapeline.ledger.adopted_facts import BreakAccepted, CashAdopted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.control_facts import SymbolUnlocked
from tapeline.ledger.facts import CashMoved, SplitApplied
from tapeline.ledger.order_facts import (
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
)
from tapeline.ledger.order_state import exposed_quantity
from tapeline.ledger.views import Views
from tapeline.simulation.book import apply_event
from tapeline.simulation.records import FLAT
from tapeline.simulation.tables import state_of, with_state

ACCOUNT = "main"
_OF_THE_BOOK = (CashCause.BORROW, CashCause.INTEREST, CashCause.DIVIDEND, CashCause.FRACTION_PAID)


class Desk(Keeps):
    """One account's book with the names of its orders.

    told, owner_of : what a fact means to the book, None for nothing, and which of its orders an order belongs to: here
        orders that are worked in parts become one
    follows_ledger : whether the book takes over what fills come to in the ledger, as they may cross what was decided
        since; in a replay a difference would be a fault of ours, which the comparison at the session's end must find
    """

    follows_ledger = False

    def __init__(self, assembly: Assembly, symbols: tuple[str, ...]) -> None:
        self.assembly, self.symbols = assembly, symbols
        self.columns = {symbol: column for column, symbol in enumerate(symbols)}
        self.book = assembly.new_book(symbols)
        self.intents = Intents(assembly, symbols)
        self.told: Callable[[Any], Any | None] = lambda fact: fact
        self.owner_of: Callable[[str], str] = lambda name: name
        self._takers: dict[str, Callable[[Any, int], None]] = {
            OrderAccepted.kind: lambda fact, session: self._event(EventKind.ACCEPTED, fact, session),
            OrderTriggered.kind: lambda fact, session: self._event(EventKind.TRIGGERED, fact, session),
            OrderReplaced.kind: self._replaced,
            OrderCanceled.kind: lambda fact, session: self._event(EventKind.CANCELED, fact, session, fact.reason),
            OrderRejected.kind: lambda fact, session: self._event(EventKind.REJECTED, fact, session, fact.reason),
            OrderExpired.kind: lambda fact, session: self._event(EventKind.EXPIRED, fact, session),
            OrderFilled.kind: self._filled,
            CashMoved.kind: self._cash_moved,
        }

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: the book and the names of its tickets."""
        return {"intents": self.intents.state(), "book": state_of(self.book)}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of another desk of the same settings; its book is another object from now on."""
        self.intents.take_state(state["intents"])
        self.book = with_state(self.book, state["book"])

    @property
    def tickets(self) -> dict[str, int]:
        """The number of each order's ticket."""
        return self.intents.tickets

    def resize(self, order: Order) -> None:
        """Take over the quantity of an order that was made smaller before it leaves."""
        self.book.tickets[self.tickets[order.client_order_id]]["quantity"] = float(order.quantity)

    def refuse(self, intent: Any, session: int) -> None:
        """Let the book take in that an order which it asked for did not leave."""
        self._apply(
            EventKind.REJECTED, int(intent["ticket"]), -1, 0.0, 0.0, 0.0, 0.0,
            int(intent["decided_ns"]), Stage.CLOCK, Reason.NONE, session,
        )  # fmt: skip

    def book_reports(self, facts: Sequence[Any], session: int, views: Views) -> None:
        """Let the book take in facts that came from the broker, or were concluded from what it said.

        views : the ledger, which has taken in all of them already
        """
        unsettled: dict[str, int] = {}
        others: set[tuple[str, str]] = set()
        doubtful: list[tuple[int, str]] = []
        amended: list[int] = []
        unlocked: list[str] = []
        has_foreign = has_other_cash = False
        for reported in facts:
            fact = self.told(reported)
            if fact is None:
                continue
            kind, name = fact.kind, getattr(fact, "client_order_id", None)
            number = self.tickets.get(name, -1) if name is not None else -1
            works = number >= 0 and is_working(self.book, number)
            taker = self._takers.get(kind)
            if taker is not None and (name is None or works):
                if works and kind == OrderFilled.kind and works_against(self.book, number):
                    others.add((fact.execution.strategy, fact.symbol))
                taker(fact, session)
                if self.follows_ledger and kind == OrderFilled.kind:
                    unsettled[fact.symbol] = fact.event_time_ns
                # what counts beside the book's own orders changes with each of them
                has_foreign |= self.follows_ledger and (
                    kind == OrderReplaced.kind
                    or self._has_foreign(name)
                    or (kind == OrderFilled.kind and self._is_flat_beside_an_entry(number, views))
                )
                has_other_cash |= kind == CashMoved.kind and fact.cause not in _OF_THE_BOOK
                continue
            symbol = getattr(fact, "symbol", None)
            if symbol in self.columns:
                unsettled[symbol] = fact.event_time_ns
                others.update((owner, str(symbol)) for owner in _owners_of(fact))
            else:
                # what is traded elsewhere in the account is paid from the same cash
                has_other_cash |= symbol is not None or kind in (CashAdopted.kind, BreakAccepted.kind)
            if works:
                doubtful.append((number, str(name)))
            if isinstance(fact, ExecutionBusted | ExecutionCorrected):
                amended += self._amended(fact, views)
            if isinstance(fact, SymbolUnlocked) and symbol in self.columns:
                unlocked.append(symbol)
            has_foreign |= name is not None or isinstance(fact, BreakAccepted)
        # only now: the ledger is as far as the last of them
        if has_other_cash:
            settle_cash(self.book, views)
        settle_symbols(self.book, self.assembly.names, self.columns, unsettled, views, others, session)
        for symbol in unlocked:
            self._protect_whole(symbol, views)
        for number, name in doubtful:
            settle_ticket(self.book, number, views, name)
        for number in amended:
            if is_working(self.book, number):
                settle_exit(self.book, number)
        has_foreign |= self.follows_ledger and any(self._has_turned(symbol) for symbol in unsettled)
        if has_foreign:
            if self.follows_ledger:
                self._settle_quantities(views)
            settle_foreign(self.book, self.columns, views, self._quantity_at_work)
        if has_foreign or has_other_cash:
            settle_elsewhere(self.book, self.columns, views)

    def _amended(self, fact: ExecutionBusted | ExecutionCorrected, views: Views) -> list[int]:
        """Take over what an order has filled now, and return its ticket; fills after it count on from there."""
        name = self.owner_of(fact.client_order_id)
        if name not in self.tickets:
            return []
        number, parent = self.tickets[name], views.parents.states.get(name)
        if isinstance(fact, ExecutionBusted):
            change = -fact.busted.quantity
        else:
            change = fact.execution.quantity - fact.corrected.quantity
        working = views.orders.working
        if parent is None:
            works = name in working
        else:
            works = parent.ended is None or any(child in working for child in parent.children)
        settle_filled(self.book, number, change, works=works)
        return [number]

    def protect_anew(self, name: str) -> None:
        """Let the book take in that an exit for more than is held is called back, stop and target as one."""
        number = self.tickets.get(self.owner_of(name), -1)
        if number >= 0 and is_working(self.book, number):
            protect_anew(self.book, number)

    def _protect_whole(self, symbol: str, views: Views) -> None:
        """Let each holding of which what works closes less than all, as less was confirmed, get its stop anew."""
        column = self.columns[symbol]
        for index, strategy in enumerate(self.assembly.names):
            closing = exposed_quantity(
                state
                for state in views.orders.working_of(symbol)
                if (state.order.strategy, state.order.account) == (strategy, ACCOUNT)
                and state.order.purpose is not Purpose.ENTRY
            )
            if closing < abs(views.position(strategy, symbol, ACCOUNT).quantity):
                protect_holding(self.book, index, column)

    def book_split(self, report: SplitReported, session: int) -> None:
        """Let the book take in a split; one of a symbol that is not the run's changes nothing in it."""
        if report.symbol in self.columns:
            ratio = float(report.new_shares / report.old_shares)
            self._apply(
                EventKind.SPLIT, -1, self.columns[report.symbol], 0.0, 0.0, 0.0,
                ratio, report.event_time_ns, Stage.CLOCK, Reason.NONE, session,
            )  # fmt: skip

    def settle_split(self, fact: SplitApplied, views: Views) -> None:
        """Let the book take in what a split, which it has booked, made of shares that no strategy of it holds."""
        if fact.strategy not in self.assembly.names and fact.symbol in self.columns:
            settle_outside(self.book, self.assembly.names, self.columns[fact.symbol], fact.symbol, views)

    def cash(self) -> float:
        """Return the account's cash as the book has it."""
        return float(self.book.fixed.account[0]["cash"])

    def holdings(self) -> dict[tuple[str, str], Decimal]:
        """Return what each strategy holds of each symbol as the book has it, flat ones left out."""
        quantity = self.book.fixed.holdings["quantity"]
        return {
            (self.assembly.names[index], self.symbols[column]): exact(float(quantity[index, column]))
            for index, column in zip(*np.nonzero(quantity), strict=True)
        }

    def marks(self) -> dict[str, Decimal]:
        """Return the marks of everything held."""
        tables = self.book.fixed
        return {self.symbols[column]: exact(float(tables.marks[column])) for column in np.flatnonzero(tables.positions)}

    def _settle_quantities(self, views: Views) -> None:
        """Let each entry at work be as large as it is, or as a replace without an answer may have made it."""
        for name, state in views.orders.working.items():
            number = self.tickets.get(name, -1)
            if state.order.purpose is not Purpose.ENTRY or number < 0 or not is_working(self.book, number):
                continue
            quantity = max(state.quantity, *state.asked_totals) if state.asked_totals else state.quantity
            if float(quantity) != self.book.tickets[number]["quantity"]:
                settle_quantity(self.book, number, quantity)

    def _quantity_at_work(self, order: Order) -> Decimal | None:
        owner = self.owner_of(order.client_order_id)
        number = self.tickets.get(owner, -1)
        if number < 0 or not is_working(self.book, number):
            return None
        if order.purpose is Purpose.ENTRY and not self._is_of_holding(number):
            return None
        return exact(float(self.book.tickets[number]["quantity"])) if owner == order.client_order_id else order.quantity

    def _is_of_holding(self, number: int) -> bool:
        """Return whether an entry is that of the holding in its place, which is over when the holding is closed."""
        ticket = self.book.tickets[number]
        return bool(self.book.fixed.holdings[ticket["strategy"], ticket["symbol"]]["entry_ticket"] == number)

    def _is_flat_beside_an_entry(self, number: int, views: Views) -> bool:
        """Return whether a holding is closed, or was, whose entry works on: what is open of it counts by itself."""
        ticket = self.book.tickets[number]
        if self.book.fixed.states[ticket["strategy"], ticket["symbol"]] != FLAT:
            return False
        strategy, symbol = self.assembly.names[ticket["strategy"]], self.symbols[ticket["symbol"]]
        working = views.orders.working_of(symbol)
        return any(it.order.purpose is Purpose.ENTRY and it.order.strategy == strategy for it in working)

    def _has_turned(self, symbol: str) -> bool:
        """Return whether a holding is on the other side than the entry that works on for it."""
        numbers = self.book.fixed.holdings["entry_ticket"][:, self.columns[symbol]].tolist()
        return any(n >= 0 and is_working(self.book, n) and works_against(self.book, n) for n in numbers)

    def _has_foreign(self, name: str | None) -> bool:
        return name is not None and bool(self.book.fixed.account[0]["foreign"])

    def _event(self, kind: EventKind, fact: Any, session: int, reason: Reason = Reason.NONE) -> None:
        number = self.tickets[fact.client_order_id]
        stage = getattr(fact, "stage", Stage.CLOCK)
        self._apply(kind, number, -1, 0.0, 0.0, 0.0, 0.0, fact.event_time_ns, stage, reason, session)

    def _replaced(self, fact: OrderReplaced, session: int) -> None:
        number = self.tickets[fact.client_order_id]
        if self.follows_ledger:
            settle_quantity(self.book, number, fact.quantity)
            return
        self._apply(
            EventKind.REPLACED, number, -1, float(fact.quantity), 0.0, 0.0, 0.0,
            fact.event_time_ns, Stage.CLOCK, fact.reason, session,
        )  # fmt: skip

    def _filled(self, fact: OrderFilled, session: int) -> None:
        execution = fact.execution
        self._apply(
            EventKind.FILL, self.tickets[execution.client_order_id], self.columns[execution.symbol],
            float(execution.quantity), float(fact.leaves_quantity), float(execution.price),
            float(execution.commission), execution.event_time_ns, execution.stage, Reason.NONE, session,
        )  # fmt: skip

    def _cash_moved(self, fact: CashMoved, session: int) -> None:
        if fact.cause in _OF_THE_BOOK:
            self._apply(
                EventKind(fact.cause.value), -1, self.columns.get(fact.symbol or "", -1), 0.0, 0.0, 0.0,
                float(fact.amount), fact.event_time_ns, Stage.CLOCK, Reason.NONE, session,
            )  # fmt: skip

    def _apply(
        self, kind: EventKind, number: int, symbol: int, quantity: float, leaves: float, price: float,
        amount: float, time_ns: int, stage: Stage, reason: Reason, session: int,
    ) -> None:  # fmt: skip
        apply_event(
            self.book, int(kind), number, symbol, quantity, leaves, price, amount,
            time_ns, int(stage), int(reason), session,
        )  # fmt: skip


def _owners_of(fact: Any) -> Collection[str]:
    """Return the strategies whose result a fact changes that is no plain event of the book."""
    if isinstance(fact, BreakAccepted):
        return fact.changes
    if isinstance(fact, ExecutionBusted):
        return (fact.busted.strategy,)
    return (fact.execution.strategy,) if isinstance(fact, OrderFilled | ExecutionCorrected) else ()
