"""The desk: between the book, which knows numbers, and the journal, which knows names and exact amounts.

Out: an intent of the decision kernel becomes an order with its derived id, a cancel, a replace or a denial.
In: a fact that came back from the journal becomes an event of the book, under the ticket it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any

import numpy as np

from tapeline.domain.cash import CashCause
from tapeline.domain.corporate import SplitReported
from tapeline.domain.errors import InvariantError
from tapeline.domain.instrument import Instrument
from tapeline.domain.keeping import Keeps
from tapeline.domain.money import exact
from tapeline.domain.order import Order, client_order_id
from tapeline.domain.words import (
    EventKind,
    Limit,
    OrderType,
    Purpose,
    Reason,
    Role,
    Side,
    Stage,
    TimeInForce,
)
from tapeline.engine.assembly import Assembly
from tapeline.engine.denials import denial_sentence
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
    CancelIntended,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderTriggered,
    ReplaceIntended,
)
from tapeline.ledger.order_state import exposed_quantity
from tapeline.ledger.views import Views
from tapeline.risk.denial import Denial
from tapeline.simulation.amounts import ROUNDING_NUDGE
from tapeline.simulation.book import apply_event
from tapeline.simulation.records import FLAT
from tapeline.simulation.tables import state_of, with_state

_ACCOUNT = "main"
_OF_THE_BOOK = (CashCause.BORROW, CashCause.INTEREST, CashCause.DIVIDEND, CashCause.FRACTION_PAID)
_TOGETHER = (Purpose.EXIT_RULE, Purpose.FLAT_BEFORE_CLOSE, Purpose.SCALE_OUT, Purpose.LOSS_LIMIT)


class Desk(Keeps):
    """One account's book with the names of its orders.

    told, owner_of : what a fact means to the book, None for nothing, and which of its orders an order belongs to: here
        orders that are worked in parts become one
    follows_ledger : whether the book takes over what fills come to in the ledger, as they may cross what was decided
        since; in a replay a difference would be a fault of ours, which the comparison at the session's end must find
    """

    KEPT = ("order_ids", "tickets")
    follows_ledger = False

    def __init__(self, assembly: Assembly, symbols: tuple[str, ...]) -> None:
        self.assembly, self.symbols = assembly, symbols
        self.columns = {symbol: column for column, symbol in enumerate(symbols)}
        self.book = assembly.new_book(symbols)
        self.order_ids: list[str] = []
        self.tickets: dict[str, int] = {}
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
        return {**super().state(), "book": state_of(self.book)}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of another desk of the same settings; its book is another object from now on."""
        super().take_state({name: state[name] for name in self.KEPT})
        self.book = with_state(self.book, state["book"])

    def order_of(self, intent: Any, attempt: int = 1) -> Order:
        """Return the order that a submit intent asks for, and remember its id. attempt : 0 if it is worked in parts"""
        strategy, symbol = self.assembly.names[intent["strategy"]], self.symbols[intent["symbol"]]
        name = client_order_id(strategy, symbol, int(intent["decided_ns"]), int(intent["sequence"]), attempt)
        if int(intent["ticket"]) != len(self.order_ids):
            raise InvariantError(f"Order {name} has ticket {intent['ticket']}; the next one is {len(self.order_ids)}.")
        self.enlist(name)
        parent = self._id(intent["parent"])
        return Order(
            client_order_id=name,
            strategy=strategy,
            symbol=symbol,
            side=Side(int(intent["side"])),
            order_type=OrderType(int(intent["order_type"])),
            quantity=exact(float(intent["quantity"])),
            decision_time_ns=int(intent["decided_ns"]),
            sequence=int(intent["sequence"]),
            time_in_force=TimeInForce(int(intent["time_in_force"])),
            limit_price=_price(intent["limit_price"]),
            stop_price=_price(intent["stop_price"]),
            trail_amount=_price(intent["trail"]),
            purpose=Purpose(int(intent["purpose"])),
            role=Role(int(intent["role"])),
            parent=parent,
            group=parent or self._id(intent["group"]),
        )

    def resize(self, order: Order) -> None:
        """Take over the quantity of an order that was made smaller before it leaves."""
        self.book.tickets[self.tickets[order.client_order_id]]["quantity"] = float(order.quantity)

    def enlist(self, name: str) -> int:
        """Remember an order's id under the number of its ticket, which is returned."""
        self.tickets[name] = len(self.order_ids)
        self.order_ids.append(name)
        return self.tickets[name]

    def cancel_of(self, intent: Any, signal_id: str | None) -> CancelIntended:
        """Return the cancel that an intent asks for."""
        return CancelIntended(
            int(intent["decided_ns"]),
            self.order_ids[intent["ticket"]],
            int(intent["sequence"]),
            Purpose(int(intent["purpose"])),
            signal_id,
            self.instruction_of(intent),
        )

    def replace_of(self, intent: Any, signal_id: str | None) -> ReplaceIntended:
        """Return the replace that an intent asks for."""
        return ReplaceIntended(
            int(intent["decided_ns"]),
            self.order_ids[intent["ticket"]],
            int(intent["sequence"]),
            stop_price=_price(intent["stop_price"]),
            purpose=Purpose(int(intent["purpose"])),
            signal_id=signal_id,
        )

    def denial_of(self, intent: Any, signal_id: str | None) -> OrderDenied:
        """Return the denial of a wish, with the limit that refused it."""
        strategy, symbol = self.assembly.names[intent["strategy"]], self.symbols[intent["symbol"]]
        limit = Limit(int(intent["limit"]))
        wanted = float(intent["wanted"])
        return OrderDenied(
            int(intent["decided_ns"]),
            client_order_id(strategy, symbol, int(intent["decided_ns"]), int(intent["sequence"])),
            strategy,
            symbol,
            Side(int(intent["side"])),
            f"Wanted {wanted:,.4f} at {intent['price']:,.4f} with equity {intent['equity']:,.2f}; "
            f"{denial_sentence(limit, float(intent['limit_value']), float(intent['limit_bound']))}.",
            limit=limit,
            wanted_quantity=exact(wanted),
            signal_id=signal_id,
            sizing=self.sizing_of(intent),
        )

    def refusal_of(self, intent: Any, order: Order, denial: Denial, signal_id: str | None) -> OrderDenied:
        """Return the denial of an order that the gate does not let leave."""
        return OrderDenied(
            order.decision_time_ns,
            order.client_order_id,
            order.strategy,
            order.symbol,
            order.side,
            f"{order.quantity} at {order.order_type.name}: {denial.text}.",
            limit=denial.limit,
            purpose=order.purpose,
            wanted_quantity=order.quantity,
            signal_id=signal_id,
            sizing=self.sizing_of(intent),
            account=order.account,
        )

    def refuse(self, intent: Any, session: int) -> None:
        """Let the book take in that an order which it asked for did not leave."""
        self._apply(
            EventKind.REJECTED, int(intent["ticket"]), -1, 0.0, 0.0, 0.0, 0.0,
            int(intent["decided_ns"]), Stage.CLOCK, Reason.NONE, session,
        )  # fmt: skip

    def sizing_of(self, intent: Any) -> dict[str, Any] | None:
        """Return what the quantity of an entry was computed from; None for other orders."""
        if intent["purpose"] != Purpose.ENTRY:
            return None
        sizing = {
            "equity": float(intent["equity"]),
            "limit": Limit(int(intent["limit"])).word,
            "price": float(intent["price"]),
            "quantity": float(intent["quantity"]),
            "wanted": float(intent["wanted"]),
        }
        if not np.isnan(intent["limit_value"]):
            sizing |= {"limit_bound": float(intent["limit_bound"]), "limit_value": float(intent["limit_value"])}
        return sizing

    def instruction_of(self, intent: Any) -> str | None:
        """Return the name that instructions share which are one act, such as closing a holding with its bracket."""
        alone = intent["parent"] < 0 and intent["group"] < 0 and intent["purpose"] not in _TOGETHER
        if alone or intent["parent"] >= 0:
            return None
        strategy, symbol = self.assembly.names[intent["strategy"]], self.symbols[intent["symbol"]]
        return f"{strategy}/{symbol}/{int(intent['decided_ns'])}"

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
        settle_symbols(self.book, self.assembly.names, self.columns, unsettled, views, others)
        for symbol in unlocked:
            self._protect_whole(symbol, views)
        for number, name in doubtful:
            settle_ticket(self.book, number, views, name)
        for number in amended:
            if is_working(self.book, number):
                settle_exit(self.book, number)
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
                if (state.order.strategy, state.order.account) == (strategy, _ACCOUNT)
                and state.order.purpose is not Purpose.ENTRY
            )
            if closing < abs(views.position(strategy, symbol, _ACCOUNT).quantity):
                protect_holding(self.book, index, column)

    def splits_of(self, report: SplitReported, views: Views) -> list[SplitApplied]:
        """Return what a split does to each holding; the account is cut to the symbol's step as one.

        Those of the book come first, in its order, as it cuts them so; then what others hold in the ledger.
        """
        held = {
            strategy: position.quantity
            for (account, strategy, symbol), position in sorted(views.positions.items())
            if symbol == report.symbol and account == _ACCOUNT and strategy not in self.assembly.names
        }
        step = Instrument(report.symbol).quantity_step
        column = self.columns.get(report.symbol)
        if column is not None:
            tables = self.book.fixed
            step = exact(float(tables.symbols[column]["step"]))
            of_book = tables.holdings["quantity"][:, column].tolist()
            held = {**{name: exact(of) for name, of in zip(self.assembly.names, of_book, strict=True)}, **held}
        facts = []
        before = after = Decimal(0)
        for strategy, quantity in held.items():
            if quantity:
                before += quantity
                total = _whole_steps(before * report.new_shares / report.old_shares / step) * step
                facts.append(
                    SplitApplied(
                        report.event_time_ns,
                        report.symbol,
                        strategy,
                        report.new_shares,
                        report.old_shares,
                        quantity,
                        total - after,
                    )
                )
                after = total
        return facts

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

    def _has_foreign(self, name: str | None) -> bool:
        return name is not None and bool(self.book.fixed.account[0]["foreign"])

    def _id(self, number: Any) -> str | None:
        return None if number < 0 else self.order_ids[number]

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


def _price(value: Any) -> Decimal | None:
    return None if np.isnan(value) else exact(float(value))


def _whole_steps(steps: Decimal) -> Decimal:
    """Return the steps cut toward zero as the kernels cut them: within a rounding of a whole step it is that one."""
    nudge = Decimal(ROUNDING_NUDGE).copy_sign(steps)
    return (steps + nudge).to_integral_value(ROUND_DOWN)
