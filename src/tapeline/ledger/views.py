"""Views: positions, cash, P&L, orders, equity and round trips, each the sum of the facts and nothing besides.

    views = rebuild(journal)
    views.positions[("main", "Reversal", "AAPL")].realized
    views.cash["main"].amount

The engine feeds the same object fact by fact while it runs. Both give the same canonical bytes, and RunEnded
carries their digest, so whoever rebuilds the views from a journal proves that the books were right.

Conservation, exactly: cash = deposits - sum(signed quantity * price) - commissions + income, over the executions as
they stand after corrections and without those that were busted; income has the differences of cash that a person
accepted. Facts that
contradict the books (an execution booked twice, a split of what nobody holds) raise InvariantError.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from decimal import Decimal, Inexact, getcontext, localcontext, setcontext
from functools import cache
from typing import Any, get_type_hints

from tapeline.domain.adopted import EXTERNAL, HoldingCause
from tapeline.domain.cash import Cash, CashCause
from tapeline.domain.errors import InvariantError
from tapeline.domain.execution import Execution
from tapeline.domain.keeping import Keeps
from tapeline.domain.position import EXACT, ZERO, Position, part_of
from tapeline.ledger.adopted_facts import (
    BreakAccepted,
    CashAdopted,
    ExecutionAdopted,
    ExecutionBusted,
    ExecutionCorrected,
    HoldingChanged,
)
from tapeline.ledger.canonical import amount_text, encode_tree
from tapeline.ledger.control import Control
from tapeline.ledger.control_facts import OrderWarned, RunResumed
from tapeline.ledger.facts import CashMoved, RunEnded, RunStarted, SessionClosed, SignalRaised, SplitApplied
from tapeline.ledger.order_book import OrderBook
from tapeline.ledger.order_facts import (
    OrderAccepted,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    ReplaceDenied,
    ReplaceIntended,
)
from tapeline.ledger.parent_orders import ParentOrders
from tapeline.ledger.position_book import PositionBook
from tapeline.ledger.profits import WHOLE, Profits, values_of
from tapeline.ledger.round_trips import ONE, Key, OpenTrip, RoundTrip
from tapeline.ports.journal import Fact, Journal

PASSED_OVER = (SignalRaised.kind, RunStarted.kind, OrderWarned.kind, RunResumed.kind)
"""Kinds that change no view: `rebuild` does not read them, they are the largest."""


_NOT_IN_THE_DIGEST = frozenset({"accepted", "risk"})
"""What round trips know besides; journals that ended with a digest before that keep theirs."""


class Views(Keeps):
    """The books as they stand after the facts that were applied.

    cash : by account
    orders : working orders with their states, and how the others ended
    parents : orders that are worked in parts
    control : the trading state, gaps, locks and limits that persons set
    marks : the last known price of each symbol: of the last session close, or of a fill since
    profits : what every strategy has made, what came into the accounts and left them, and both at each session close
    """

    KEPT = (
        "cash", "orders", "parents", "control", "marks", "profits", "denied_count", "_book", "_last_split",
    )  # fmt: skip

    def __init__(self) -> None:
        self.cash: dict[str, Cash] = {}
        self.orders = OrderBook()
        self.parents = ParentOrders()
        self.control = Control()
        self.marks: dict[str, Decimal] = {}
        self.profits = Profits()
        self.denied_count = 0
        self._book = PositionBook(self.orders)
        self._last_split: tuple[str, int] | None = None
        self._take_in = self._takers()

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of other books."""
        super().take_state(state)
        self._take_in = self._takers()

    def _takers(self) -> dict[str, Callable[[Any], None]]:
        orders, parents, control = self.orders, self.parents, self.control
        return {
            **dict.fromkeys(PASSED_OVER, _nothing),
            "OrderIntended": self._intended,
            "CancelIntended": orders.cancel_intended,
            "ReplaceIntended": self._replace_intended,
            "OrderDenied": self._denied,
            "ReplaceDenied": self._replace_denied,
            "OrderAccepted": self._accepted,
            "OrderTriggered": orders.triggered,
            "OrderReplaced": orders.replaced,
            "OrderCanceled": orders.canceled,
            "OrderRejected": self._rejected,
            "OrderExpired": orders.expired,
            "OrderFilled": self._filled,
            "ExecutionAdopted": self._execution_adopted,
            "ExecutionCorrected": self._corrected,
            "ExecutionBusted": self._busted,
            "BustNoted": orders.bust_noted,
            "CashAdopted": self._cash_adopted,
            "HoldingChanged": self._holding_changed,
            "AccountDescribed": _nothing,
            "BreakAccepted": self._break_accepted,
            "OutcomeLost": orders.outcome_lost,
            "CancelRejected": orders.cancel_rejected,
            "ReplaceRejected": orders.replace_rejected,
            "OrderAdopted": orders.adopted,
            "CashMoved": self._cash_moved,
            "SplitApplied": self._split,
            "SessionClosed": self._session_closed,
            "RunEnded": self._run_ended,
            "GapOpened": control.gap_opened,
            "GapClosed": control.gap_closed,
            "Reconciled": control.reconciled,
            "SymbolLocked": control.locked,
            "SymbolUnlocked": control.unlocked,
            "TradingStateChanged": control.state_changed,
            "LimitOverridden": control.overridden,
            "CommandGiven": control.commanded,
            "Flattened": control.flattened,
            "ParentOrderIntended": parents.intended,
            "ChildOrderPriced": parents.priced,
            "ParentOrderHurried": parents.hurried,
            "ParentOrderStopped": parents.stopped,
            "ParentOrderEnded": parents.ended,
        }

    def apply(self, fact: Fact) -> None:
        """Take in one fact. Raises InvariantError if it contradicts the books, which are then void."""
        before = getcontext()
        setcontext(EXACT)  # a copy of it, as `localcontext` makes one, takes as long as a small fact
        try:
            self._take_in[fact.kind](fact)
        except Inexact as exc:
            raise _too_long(fact) from exc
        finally:
            setcontext(before)

    def apply_all(self, facts: Iterable[Fact]) -> None:
        """Take in facts in their order."""
        fact: Fact | None = None
        try:
            with localcontext(EXACT):
                for fact in facts:
                    self._take_in[fact.kind](fact)
        except Inexact as exc:
            raise _too_long(fact) from exc

    @property
    def positions(self) -> dict[Key, Position]:
        """What every strategy holds, by (account, strategy, symbol)."""
        return self._book.positions

    @property
    def round_trips(self) -> list[RoundTrip]:
        """Closed round trips, in order of their exits."""
        return self._book.round_trips

    @property
    def open_trips(self) -> dict[Key, OpenTrip]:
        """Round trips on their way, by (account, strategy, symbol)."""
        return self._book.open_trips

    @property
    def moved(self) -> set[Key]:
        """Holdings that changed without a trade, whose round trips do not tell everything."""
        return self._book.moved

    @property
    def equity(self) -> dict[str, list[tuple[int, Decimal]]]:
        """By account, (time, equity) at each session close."""
        return {
            account: [(close.time_ns, close.equity) for close in closes]
            for account, closes in self.profits.closes.items()
        }

    def position(self, strategy: str, symbol: str, account: str = "main") -> Position:
        """Return what a strategy holds of a symbol; flat if it never traded it."""
        found = self.positions.get((account, strategy, symbol))
        return found if found is not None else Position(account, strategy, symbol)

    def quantity(self, symbol: str, account: str = "main", besides: Container[str] = ()) -> Decimal:
        """Return what the account holds of a symbol, over all strategies but those of `besides`."""
        held = self._book.of_symbol(account, symbol)
        with localcontext(EXACT):
            return sum([position.quantity for position in held if position.strategy not in besides], ZERO)

    def cash_amount(self, account: str = "main") -> Decimal:
        """Return the cash of an account; negative is debt."""
        with localcontext(EXACT):
            return self._cash(account).amount

    def equity_now(self, account: str = "main") -> Decimal:
        """Return cash plus positions at the marks. Raises InvariantError if a position has no mark."""
        with localcontext(EXACT):
            held = [position for (of, _, _), position in self.positions.items() if of == account]
            return sum(values_of(held, self.marks).get(account, {}).values(), self._cash(account).amount)

    def as_tree(self) -> dict[str, Any]:
        """Return everything as nested plain values, amounts as texts."""
        with localcontext(EXACT):
            control = self.control.as_tree()
            return {
                # what only a live link brings is left out while there is none of it
                **({"control": control} if control else {}),
                "cash": {
                    account: {**_amounts(cash), "amount": amount_text(cash.amount)}
                    for account, cash in self.cash.items()
                },
                "denied_count": self.denied_count,
                "ended_orders": {name: ended.name for name, ended in self.orders.ended.items()},
                "equity": {
                    account: [[time, amount_text(value)] for time, value in curve]
                    for account, curve in self.equity.items()
                },
                "marks": {symbol: amount_text(mark) for symbol, mark in self.marks.items()},
                **({"parent_orders": self._parents_tree()} if self.parents.states else {}),
                "open_orders": {name: state.as_tree() for name, state in self.orders.working.items()},
                "positions": [_position_tree(self.positions[key]) for key in sorted(self.positions)],
                "round_trips": [_trip_tree(trip) for trip in self.round_trips],
            }

    def to_bytes(self) -> bytes:
        """Return the canonical bytes of the views: equal books are equal bytes."""
        return encode_tree(self.as_tree())

    def digest(self) -> str:
        """Return the SHA-256 of the canonical bytes, as 64 hexadecimal digits."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def _parents_tree(self) -> dict[str, Any]:
        return {name: state.as_tree() for name, state in self.parents.states.items()}

    def _intended(self, fact: OrderIntended) -> None:
        self.orders.intended(fact)
        self.parents.order_intended(fact.order)

    def _replace_intended(self, fact: ReplaceIntended) -> None:
        self.orders.replace_intended(fact)
        self.parents.replace_intended(fact)

    def _accepted(self, fact: OrderAccepted) -> None:
        self.orders.accepted(fact)
        self.parents.accepted(fact.client_order_id)

    def _rejected(self, fact: OrderRejected) -> None:
        self.orders.rejected(fact)
        self.parents.refused(fact)

    def _replace_denied(self, fact: ReplaceDenied) -> None:
        self.denied_count += 1

    def _denied(self, fact: OrderDenied) -> None:
        self.denied_count += 1
        self.parents.refused(fact)

    def _filled(self, fact: OrderFilled) -> None:
        self.orders.filled(fact)
        self.parents.executed(fact.execution)
        self._trade(fact.execution, ONE)

    def _execution_adopted(self, fact: ExecutionAdopted) -> None:
        self.orders.execution_adopted(fact)
        self._trade(fact.execution, fact.multiplier)

    def _trade(self, execution: Execution, multiplier: Decimal) -> None:
        self._pay(execution, multiplier, 1)
        self.marks[execution.symbol] = execution.price if multiplier is ONE else execution.price * multiplier
        self._book.traded(execution, multiplier)

    def _corrected(self, fact: ExecutionCorrected) -> None:
        self.orders.corrected(fact)
        self.parents.executed(fact.execution, fact.corrected)
        self._pay(fact.corrected, fact.multiplier, -1)
        self._pay(fact.execution, fact.multiplier, 1)
        self._book.amended(fact.corrected, fact.execution, fact.multiplier)

    def _busted(self, fact: ExecutionBusted) -> None:
        self.orders.busted(fact)
        self.parents.busted(fact.busted)
        self._pay(fact.busted, fact.multiplier, -1)
        self._book.amended(fact.busted, None, fact.multiplier)

    def _pay(self, execution: Execution, multiplier: Decimal, times: int) -> None:
        cash = self._cash(execution.account)
        bought, commission = execution.signed_quantity * execution.price, execution.commission
        if multiplier is not ONE:
            bought *= multiplier
        if times != 1:
            bought, commission = times * bought, times * commission
        self.cash[execution.account] = Cash(
            cash.account, cash.deposits, cash.traded - bought, cash.commissions + commission, cash.income
        )
        self.profits.booked(execution.account, execution.strategy, -bought - commission)

    def _cash_adopted(self, fact: CashAdopted) -> None:
        if fact.cause in (CashCause.DEPOSIT, CashCause.WITHDRAWAL, CashCause.JOURNALED):
            self._deposited(fact)
        else:
            self._earned(fact.account, WHOLE, fact.amount)

    def _holding_changed(self, fact: HoldingChanged) -> None:
        is_transfer = fact.cause in (HoldingCause.TRANSFER_IN, HoldingCause.TRANSFER_OUT)
        before = self._book.position((fact.account, EXTERNAL, fact.symbol)).cost
        for position in self._book.holding_changed(fact).values():
            if position.quantity:
                self.marks.setdefault(position.symbol, part_of(position.cost, ONE, position.quantity))
            if is_transfer:
                self.profits.transferred(fact.account, EXTERNAL, position.cost - before, fact.event_time_ns)
        self._earned(fact.account, WHOLE if is_transfer else EXTERNAL, fact.cash)

    def _break_accepted(self, fact: BreakAccepted) -> None:
        if fact.symbol is None:
            self._earned(fact.account, WHOLE, fact.difference)
        elif fact.price is not None:
            self.marks[fact.symbol] = fact.price
            self._book.accepted(fact)
        self.control.accept(fact)

    def _cash_moved(self, fact: CashMoved) -> None:
        if fact.cause in (CashCause.DEPOSIT, CashCause.WITHDRAWAL):
            self._deposited(fact)
            return
        is_of_a_holding = fact.strategy is not None and fact.symbol is not None
        self._earned(fact.account, fact.strategy if is_of_a_holding and fact.strategy else WHOLE, fact.amount)
        self._book.received(fact)

    def _deposited(self, fact: CashMoved | CashAdopted) -> None:
        cash = self._cash(fact.account)
        self.cash[fact.account] = replace(cash, deposits=cash.deposits + fact.amount)
        self.profits.flowed(fact.account, fact.amount, fact.event_time_ns)

    def _earned(self, account: str, strategy: str, amount: Decimal) -> None:
        cash = self._cash(account)
        self.cash[account] = replace(cash, income=cash.income + amount)
        self.profits.booked(account, strategy, amount)

    def _split(self, fact: SplitApplied) -> None:
        self._book.split(fact)
        # One fact comes for each holder, and the mark is rescaled once: by the first of them.
        if self._last_split != (fact.symbol, fact.event_time_ns):
            self._last_split = (fact.symbol, fact.event_time_ns)
            self.marks[fact.symbol] = part_of(self.marks[fact.symbol], fact.old_shares, fact.new_shares)

    def _session_closed(self, fact: SessionClosed) -> None:
        self.marks.update(fact.marks)
        cash = {account: of.amount for account, of in self.cash.items()}
        self.profits.closed(fact.event_time_ns, cash, self.positions.values(), self.marks)

    def _run_ended(self, fact: RunEnded) -> None:
        digest = self.digest()
        if fact.views_digest != digest:
            raise InvariantError(
                f"The run ended with views of digest {fact.views_digest}; the same facts give {digest} here."
            )

    def _cash(self, account: str) -> Cash:
        return self.cash.get(account) or Cash(account, ZERO, ZERO, ZERO, ZERO)


def rebuild(journal: Journal) -> Views:
    """Return the views of everything that a journal has committed."""
    views = Views()
    with without_collector():
        views.apply_all(journal.facts(passing_over=PASSED_OVER))
    return views


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep Python's collector away while a journal is read.

    A million facts leave no cycles, but it would look through what stays of them again and again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _too_long(fact: Fact | None) -> InvariantError:
    return InvariantError(f"A sum of the books does not fit {EXACT.prec} digits, at {fact}.")


def _nothing(_: Fact) -> None:
    return


def _amounts(noun: Cash | Position | RoundTrip) -> dict[str, str]:
    of: Any = type(noun)
    return {name: amount_text(getattr(noun, name)) for name in _amount_names(of)}


@cache
def _amount_names(of: Any) -> tuple[str, ...]:
    hints = get_type_hints(of)
    return tuple(f.name for f in fields(of) if hints[f.name] is Decimal and f.name not in _NOT_IN_THE_DIGEST)


def _position_tree(position: Position) -> dict[str, Any]:
    names = {"account": position.account, "strategy": position.strategy, "symbol": position.symbol}
    return {**_amounts(position), **names}


def _trip_tree(trip: RoundTrip) -> dict[str, Any]:
    return {
        **_amounts(trip),
        "account": trip.account,
        "entry_order_ids": list(trip.entry_order_ids),
        "entry_time_ns": trip.entry_time_ns,
        "exit_order_ids": list(trip.exit_order_ids),
        "exit_purpose": trip.exit_purpose.name if trip.exit_purpose is not None else None,
        "exit_time_ns": trip.exit_time_ns,
        "net_profit": amount_text(trip.net_profit),
        "side": trip.side.name,
        "strategy": trip.strategy,
        "symbol": trip.symbol,
    }
