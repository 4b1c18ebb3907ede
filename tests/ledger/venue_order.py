"""One order at a venue, written plainly, and a reader of its reports that hands the ledger what may be recorded.

The venue shares no code with the ledger: it counts what it does and reports each act with what it then has of the
order. The reader is the least that stands between a link and a journal: an execution is recorded once, a report that is
older than what is known changes no terms, what has ended ends no second time. Reports may reach it in any order, twice,
or not at all; what a look at the venue shows brings the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tests.ledger.builders import T0, an_execution, an_order

from tapeline.domain.adopted import Grounds
from tapeline.domain.execution import Execution
from tapeline.domain.words import OrderStatus, Reason
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import (
    CancelRejected,
    OrderAccepted,
    OrderAdopted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    ReplaceRejected,
)
from tapeline.ledger.order_state import OrderState
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact

NAME = "Dip-ABCD-1"
ENDS = {"canceled": OrderCanceled, "expired": OrderExpired, "rejected": OrderRejected}


@dataclass(frozen=True)
class Report:
    """What the venue did, and what it then had: total, filled, open, and whether the order worked."""

    number: int
    what: str
    total: int
    filled: int
    open: int
    end: str | None
    execution_id: str | None = None
    quantity: int = 0
    price: int = 0


@dataclass
class Venue:
    """An order as the venue has it; `end` is None while it works, `known` once it has arrived."""

    total: int = 0
    filled: int = 0
    open: int = 0
    end: str | None = None
    known: bool = False
    executions: dict[str, tuple[int, int]] = field(default_factory=dict)
    acts: int = 0

    def arrive(self, request: str, quantity: int) -> Report:
        """Take in a request: "submit", "cancel", or "replace" by a total."""
        if request == "submit":
            self.known, self.total, self.open = True, quantity, quantity
            return self.report("accepted")
        if not self.works:
            return self.report(f"{request} refused")
        if request == "cancel":
            return self.finish("canceled")
        self.total, self.open = max(quantity, self.filled), max(quantity - self.filled, 0)
        return self.report("replaced") if self.open else self.finish("canceled")

    def finish(self, end: str) -> Report:
        """End it without filling the rest."""
        self.open, self.end = 0, end
        return self.report(end)

    def fill(self, quantity: int, price: int) -> Report:
        """Execute a part or all of what is open."""
        name = f"E{len(self.executions) + 1}"
        self.executions[name] = (quantity, price)
        self.filled, self.open = self.filled + quantity, self.open - quantity
        self.end = None if self.open else "filled"
        return self.report("filled", name, quantity, price)

    def bust(self, name: str, reopens: bool) -> Report:
        """Declare an execution void; one of an order that is filled may be open again."""
        quantity, _ = self.executions[name]
        self.executions[name] = (0, 0)
        self.filled -= quantity
        if self.works or (reopens and self.end == "filled"):
            self.open, self.end = self.total - self.filled, None
        return self.report("busted", name)

    def correct(self, name: str, price: int) -> Report:
        """Declare that an execution had another price."""
        quantity, _ = self.executions[name]
        self.executions[name] = (quantity, price)
        return self.report("corrected", name, quantity, price)

    @property
    def works(self) -> bool:
        """Whether something may still fill."""
        return self.known and self.end is None

    def report(self, what: str, name: str | None = None, quantity: int = 0, price: int = 0) -> Report:
        """Report an act."""
        self.acts += 1
        return Report(self.acts, what, self.total, self.filled, self.open, self.end, name, quantity, price)


class Reader:
    """Turns reports into facts and applies them; keeps what was recorded, for the sums of the test."""

    def __init__(self, views: Views) -> None:
        self.views = views
        self.newest = Report(0, "nothing", 0, 0, 0, None)
        self.facts: list[Fact] = []
        self.held_back: list[Report] = []
        self.seen: set[int] = set()

    @property
    def state(self) -> OrderState:
        """The order as the ledger has it."""
        return self.views.orders.states[NAME]

    def record(self, fact: Fact) -> None:
        """Apply a fact."""
        self.facts.append(fact)
        self.views.apply(fact)

    def read(self, report: Report) -> None:
        """Record what is new in a report; an amendment of what is not booked yet is held back."""
        if report.number in self.seen and report.execution_id is None:
            return
        self.seen.add(report.number)
        if report.number > self.newest.number:
            self.newest = report
        self._learn(report)
        waiting, self.held_back = self.held_back, []
        for held in waiting:
            self._learn(held)
        self._find()

    def look(self, venue: Venue) -> None:
        """Ask the venue for the order and its executions, and record what is missing."""
        if not venue.known:
            if self.state.status.is_working:
                self.record(OrderRejected(T0, NAME, Reason.NEVER_ARRIVED))
            return
        self.newest = venue.report("told")
        self._find()
        if self.state.status is OrderStatus.REJECTED:
            return
        if self.state.status.is_working:
            self.record(OrderAccepted(T0, NAME))
            self._take_terms()
        for name, (quantity, price) in venue.executions.items():
            if name not in self.views.orders.executions and quantity:
                self._fill(name, quantity, price)
            elif name in self.views.orders.executions:
                self._amend(name, quantity, price)
        self._take_terms()
        self._settle()

    def _learn(self, report: Report) -> None:
        if report.what.endswith("refused"):
            refusal = CancelRejected if report.what.startswith("cancel") else ReplaceRejected
            self.record(refusal(T0, NAME))
            return
        if self.state.status is OrderStatus.REJECTED:
            self._find()
        if report.what in ("busted", "corrected"):
            assert report.execution_id is not None
            if report.execution_id in self.views.orders.executions:
                self._amend(report.execution_id, report.quantity, report.price)
            else:
                self.held_back.append(report)
        elif report.what == "filled":
            assert report.execution_id is not None
            self._fill(report.execution_id, report.quantity, report.price)
        elif report.what == "accepted" and self.state.status is not OrderStatus.REJECTED:
            self.record(OrderAccepted(T0, NAME, "V"))
        elif report.what == "replaced" and self.state.status.is_working:
            self._take_terms(Reason.REQUESTED)
        elif report.what in ENDS and self.state.status.is_working:
            self.record(ENDS[report.what](T0, NAME))

    def _find(self) -> None:
        # what was given up, or was filled and is open again, and works after all
        gone = self.state.status is OrderStatus.REJECTED and self.newest.end != "rejected"
        if gone or (self.newest.open and not self.state.status.is_working):
            total = max(Decimal(self.newest.total), self.newest.filled + Decimal(1), self.state.filled_quantity + 1)
            self.record(OrderAdopted(T0, an_order(quantity=total), "V"))

    def _take_terms(self, reason: Reason = Reason.NONE, at_least: Decimal = Decimal(0)) -> None:
        total = max(Decimal(self.newest.total), self.state.filled_quantity, at_least)
        if total != self.state.quantity or reason is not Reason.NONE:
            leaves = total - self.state.filled_quantity if self.state.status.is_working else Decimal(0)
            self.record(OrderReplaced(T0, NAME, total, leaves, reason=reason))

    def _fill(self, name: str, quantity: int, price: int) -> None:
        if name in self.views.orders.executions:
            return
        after = self.state.filled_quantity + quantity
        if after > self.state.quantity or (after == self.state.quantity and self.newest.total > after):
            self._take_terms(at_least=after)
        leaves = self.state.quantity - after if self.state.status.is_working else Decimal(0)
        execution = an_execution(
            execution_id=name, quantity=Decimal(quantity), price=Decimal(price), commission=Decimal(0)
        )
        self.record(OrderFilled(execution, leaves))

    def _amend(self, name: str, quantity: int, price: int) -> None:
        before = self.views.orders.booked.standing(name)
        if before is None or (before.quantity, before.price) == (quantity, price):
            return
        change = quantity - before.quantity
        leaves = self.state.quantity - self.state.filled_quantity - change
        if not self.state.status.is_working and not (self.newest.open and self.state.status is OrderStatus.FILLED):
            leaves = Decimal(0)
        if not quantity:
            self.record(ExecutionBusted(T0, before, Grounds("venue"), leaves_quantity=leaves))
            return
        anew = replace(before, execution_id=f"{before.execution_id}~", quantity=Decimal(quantity), price=Decimal(price))
        self.record(ExecutionCorrected(T0, before, anew, Grounds("venue"), leaves_quantity=leaves))

    def _settle(self) -> None:
        # at rest: what the venue says last about the end holds
        if self.newest.open:
            return
        if self.state.status.is_working:
            self.record(ENDS.get(self.newest.end or "", OrderCanceled)(T0, NAME))


def standing(facts: list[Fact]) -> Iterator[Execution]:
    """Yield what the facts leave standing, by an independent count."""
    executions: dict[str, Execution] = {}
    for fact in facts:
        if isinstance(fact, OrderFilled):
            executions[fact.execution.execution_id] = fact.execution
        elif isinstance(fact, ExecutionCorrected):
            executions.pop(fact.corrected.execution_id)
            executions[fact.execution.execution_id] = fact.execution
        elif isinstance(fact, ExecutionBusted):
            executions.pop(fact.busted.execution_id)
    yield from executions.values()
