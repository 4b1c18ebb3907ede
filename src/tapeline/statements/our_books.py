"""Our side of a reconciliation: what a journal says about executions, cash and holdings, in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from tapeline.domain.adopted import HoldingCause
from tapeline.domain.cash import CashCause
from tapeline.ledger.adopted_facts import CashAdopted, ExecutionAdopted, ExecutionCorrected, HoldingChanged
from tapeline.ledger.facts import CashMoved, SplitApplied
from tapeline.ledger.order_facts import OrderFilled
from tapeline.ledger.standing import Standing, standing_executions
from tapeline.ports.journal import Fact
from tapeline.statements.model import day_of

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class OurCash:
    """One entry of cash. entry_id : empty for what the engine booked itself"""

    entry_id: str
    account: str
    cause: CashCause
    amount: Decimal
    day: date
    symbol: str | None


@dataclass(frozen=True, slots=True)
class OurChange:
    """One change of a holding; a split that the engine applied is one too, summed over its strategies."""

    entry_id: str
    account: str
    cause: HoldingCause
    day: date
    symbol: str
    quantity: Decimal
    new_symbol: str | None
    new_quantity: Decimal
    cash: Decimal


@dataclass
class OurBooks:
    """What stands in a journal. used_ids : every execution id it has given away, also of what stands no more"""

    executions: list[Standing] = field(default_factory=list)
    cash: list[OurCash] = field(default_factory=list)
    changes: list[OurChange] = field(default_factory=list)
    used_ids: frozenset[str] = frozenset()

    @cached_property
    def entry_ids(self) -> set[str]:
        """The ids of entries of cash and of changes."""
        return {entry.entry_id for entry in self.cash} | {change.entry_id for change in self.changes}


def our_books(facts: Iterable[Fact], zone: ZoneInfo) -> OurBooks:
    """Return what facts say, in the order of a journal. zone : of the exchange, whose days are meant"""
    books = OurBooks()
    about_executions, ids = [], set()
    splits: dict[tuple[int, str, str], Decimal] = {}
    for fact in facts:
        if isinstance(fact, CashMoved):
            day = day_of(fact.event_time_ns, zone)
            books.cash.append(OurCash("", fact.account, fact.cause, fact.amount, day, fact.symbol))
        elif isinstance(fact, CashAdopted):
            day = day_of(fact.event_time_ns, zone)
            books.cash.append(OurCash(fact.entry_id, fact.account, fact.cause, fact.amount, day, fact.symbol))
        elif isinstance(fact, HoldingChanged):
            change = OurChange(
                fact.entry_id, fact.account, fact.cause, day_of(fact.event_time_ns, zone), fact.symbol,
                fact.quantity, fact.new_symbol, fact.new_quantity, fact.cash,
            )  # fmt: skip
            books.changes.append(change)
        elif isinstance(fact, SplitApplied):
            key = fact.event_time_ns, fact.account, fact.symbol
            splits[key] = splits.get(key, ZERO) + fact.quantity_after - fact.quantity_before
        else:
            if isinstance(fact, OrderFilled | ExecutionAdopted | ExecutionCorrected):
                ids.add(fact.execution_id)
            about_executions.append(fact)
    for (time_ns, account, symbol), quantity in splits.items():
        day = day_of(time_ns, zone)
        books.changes.append(OurChange("", account, HoldingCause.SPLIT, day, symbol, quantity, None, ZERO, ZERO))
    books.executions = standing_executions(about_executions)
    books.used_ids = frozenset(ids)
    return books
