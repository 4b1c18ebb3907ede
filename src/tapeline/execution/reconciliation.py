"""Comparison of two books, ours and the venue's: what differs, in numbers, and what is safe to do about it.

    ours: ABCD 300, working Dip-ABCD-...-1 (100, 40 filled)      theirs: ABCD 320, nothing works; execution E7 of 20

    EXECUTION_MISSING  E7         ours 0,   theirs 20    BOOK      it is of an order of ours
    ORDER_MISSING      Dip-...-1  ours 100, theirs none  ASK       a list that does not show it proves nothing

Executions are taken in first, as they come; then the rest is compared. So the position is no finding: 300 and the 20 of
E7 are what the venue says. Four rules:

1. An execution is known by its id. Whatever the venue has executed is booked, whoever asked for it, and as it lists it:
   a report that came with another quantity or price is corrected.
2. An order that a list does not show is asked for by name. Nothing is ended or deleted because it is missing.
3. A position that is missing is not flat: ours stays as it is. What executions do not explain locks the symbol, until
   both books say the same again; no execution is invented that would explain it.
   One thing may be concluded from a list that lacks an execution of ours: if the position, too, is what it was without
   it, the venue has taken it back.
4. Cash that differs by more than a tolerance is reported. Fees and interest come late and are no reason to trade.

The result depends on the two books only, not on the order in which anything was listed or answered; after the defaults
are done, the same comparison finds nothing but what was only reported.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import IntEnum
from typing import Any

from tapeline.domain.execution import Execution
from tapeline.domain.execution_id import version_of
from tapeline.domain.position import ZERO
from tapeline.domain.reports import VenueOrder
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.order_state import OrderState

TERMS = ("quantity", "limit_price", "stop_price", "trail_amount", "trail_percent")


class FindingKind(IntEnum):
    """What can differ."""

    EXECUTION_MISSING = 1
    EXECUTION_EXTERNAL = 2
    ORDER_EXTERNAL = 3
    ORDER_REVIVED = 4
    ORDER_MISSING = 5
    ORDER_FILLED_DIFFERS = 6
    ORDER_TERMS_DIFFER = 7
    POSITION_BREAK = 8
    POSITION_AGREES = 9
    CASH_BREAK = 10
    EXECUTION_VANISHED = 11
    EXECUTION_DIFFERS = 12


class Remedy(IntEnum):
    """What is safe to do about a finding without asking anybody."""

    BOOK = 1
    ADOPT = 2
    ASK = 3
    LOCK = 4
    UNLOCK = 5
    REPORT = 6
    BUST = 7
    CORRECT = 8


REMEDIES = {
    FindingKind.EXECUTION_MISSING: Remedy.BOOK,
    FindingKind.EXECUTION_EXTERNAL: Remedy.ADOPT,
    FindingKind.ORDER_EXTERNAL: Remedy.ADOPT,
    FindingKind.ORDER_REVIVED: Remedy.ASK,
    FindingKind.ORDER_MISSING: Remedy.ASK,
    FindingKind.ORDER_FILLED_DIFFERS: Remedy.ASK,
    FindingKind.ORDER_TERMS_DIFFER: Remedy.ASK,
    FindingKind.POSITION_BREAK: Remedy.LOCK,
    FindingKind.POSITION_AGREES: Remedy.UNLOCK,
    FindingKind.CASH_BREAK: Remedy.REPORT,
    FindingKind.EXECUTION_VANISHED: Remedy.BUST,
    FindingKind.EXECUTION_DIFFERS: Remedy.CORRECT,
}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One difference.

    name : the execution's id, the client order id, the symbol or the account
    ours, theirs : the quantities or amounts; None where a book has none
    text : what else tells the two apart
    """

    kind: FindingKind
    name: str
    ours: Decimal | None = field(compare=False)
    theirs: Decimal | None = field(compare=False)
    text: str = field(default="", compare=False)

    @property
    def remedy(self) -> Remedy:
        """What is safe to do by default."""
        return REMEDIES[self.kind]

    @property
    def numbers(self) -> tuple[FindingKind, str, Decimal | None, Decimal | None, str]:
        """Everything it says, to tell whether a later comparison found the same again."""
        return self.kind, self.name, self.ours, self.theirs, self.text

    def as_tree(self) -> dict[str, Any]:
        """Return it as plain values for the journal."""
        return {
            "finding": self.kind.name,
            "name": self.name,
            "ours": None if self.ours is None else amount_text(self.ours),
            "remedy": self.remedy.name,
            "text": self.text,
            "theirs": None if self.theirs is None else amount_text(self.theirs),
        }


@dataclass(frozen=True, slots=True)
class OurBooks:
    """What we believe.

    working : our working orders by client order id; ended : the names of those that ended
    booked : the executions that their list must show
    unsettled : orders with a request that has no answer yet; what a list shows of them proves nothing
    quantities : of the account by symbol, over all strategies; locked : the symbols that are locked
    """

    account: str
    working: Mapping[str, OrderState]
    ended: AbstractSet[str]
    booked: Sequence[Execution]
    quantities: Mapping[str, Decimal]
    cash: Decimal
    locked: AbstractSet[str] = frozenset()
    unsettled: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TheirBooks:
    """What the venue answered; its executions under the names that they have here."""

    orders: Sequence[VenueOrder]
    executions: Sequence[Execution]
    quantities: Mapping[str, Decimal]
    cash: Decimal


def compare(ours: OurBooks, theirs: TheirBooks, cash_tolerance: Decimal) -> list[Finding]:
    """Return what differs, in order of kind and name.

    Executions that we missed are in our books already (`missing_executions`). Those that it lists with other numbers
    count as listed, and those that the venue has taken back are counted out, before orders, positions and cash are
    compared: what they explain is no finding of its own.
    cash_tolerance : in the account's currency; a difference up to it is none
    """
    differing = differing_executions(ours.booked, theirs.executions)
    ours = as_listed(ours, differing)
    vanished = vanished_executions(ours.booked, theirs.executions, ours.quantities, theirs.quantities)
    vanished = sorted([*vanished, *balanced_executions(ours, theirs, vanished, cash_tolerance)], key=_when)
    findings = [differing_finding(before, listed) for before, listed in differing]
    findings += [vanished_finding(execution) for execution in vanished]
    findings += order_findings(ours, theirs.orders, vanished)
    findings += position_findings(ours, theirs.quantities, vanished)
    findings += cash_findings(ours, theirs.cash, vanished, cash_tolerance)
    return sorted(findings)


def missing_executions(booked: Container[str], executions: Iterable[Execution]) -> list[Execution]:
    """Return the executions whose ids are not booked, each once, in order of time and id."""
    found = {one.execution_id: one for one in executions if one.execution_id not in booked}
    return sorted(found.values(), key=_when)


def differing_executions(booked: Iterable[Execution], listed: Iterable[Execution]) -> list[tuple[Execution, Execution]]:
    """Return the executions that are booked with another quantity or price than the venue lists, each with the listed.

    An id that a list shows with several numbers proves nothing, and another symbol or side is not a matter of numbers:
    there positions and cash tell what differs.
    """
    shown: dict[str, dict[tuple[Decimal, Decimal], Execution]] = {}
    for one in listed:
        shown.setdefault(one.execution_id, {})[one.quantity, one.price] = one
    differing = []
    for ours in booked:
        versions = shown.get(ours.execution_id, {})
        if len(versions) == 1 and (ours.quantity, ours.price) not in versions:
            (theirs,) = versions.values()
            if (ours.symbol, ours.side) == (theirs.symbol, theirs.side):
                differing.append((ours, theirs))
    return differing


def as_listed(ours: OurBooks, differing: Sequence[tuple[Execution, Execution]]) -> OurBooks:
    """Return our books as they are once these executions stand as listed; their orders are asked for after that."""
    if not differing:
        return ours
    instead = {before.execution_id: listed for before, listed in differing}
    quantities, cash = dict(ours.quantities), ours.cash
    for before, listed in differing:
        change = listed.signed_quantity - before.signed_quantity
        quantities[before.symbol] = quantities.get(before.symbol, ZERO) + change
        cash += _paid(before) - _paid(listed)
    return replace(
        ours,
        booked=[instead.get(one.execution_id, one) for one in ours.booked],
        quantities=quantities,
        cash=cash,
        unsettled={*ours.unsettled, *(before.client_order_id for before, _ in differing)},
    )


def vanished_executions(
    booked: Iterable[Execution],
    listed: Iterable[Execution],
    ours: Mapping[str, Decimal],
    theirs: Mapping[str, Decimal],
) -> list[Execution]:
    """Return the executions that we have booked and the venue has taken back without a word that reached us.

    booked : those of ours that its list must show; ours, theirs : the quantities by symbol
    That a list does not show an execution proves nothing by itself. It is believed where, without what the list lacks,
    the position is what the venue says, and with it is not: two books of the venue then say the same.
    """
    vanished = []
    for symbol, executions in _lacking(booked, listed).items():
        signed = _signed(executions)
        if signed and ours.get(symbol, ZERO) - signed == theirs.get(symbol, ZERO):
            vanished += executions
    return sorted(vanished, key=_when)


def balanced_executions(
    ours: OurBooks, theirs: TheirBooks, vanished: Sequence[Execution], cash_tolerance: Decimal
) -> list[Execution]:
    """Return what the venue has taken back beside `vanished` and no position tells, as it comes to no shares.

    There the cash is the second witness: it is what the venue says without all of these, and with them it is not.
    """
    balanced = [
        one
        for symbol, executions in _lacking(ours.booked, theirs.executions).items()
        if not _signed(executions) and ours.quantities.get(symbol, ZERO) == theirs.quantities.get(symbol, ZERO)
        for one in executions
    ]
    is_told = cash_findings(ours, theirs.cash, vanished, cash_tolerance)
    explains = not cash_findings(ours, theirs.cash, [*vanished, *balanced], cash_tolerance)
    return balanced if is_told and explains else []


def _lacking(booked: Iterable[Execution], listed: Iterable[Execution]) -> dict[str, list[Execution]]:
    """Return by symbol what is booked and not listed, under whatever version."""
    shown = {version_of(one.execution_id)[0] for one in listed}
    lacking: dict[str, list[Execution]] = {}
    for one in booked:
        if version_of(one.execution_id)[0] not in shown:
            lacking.setdefault(one.symbol, []).append(one)
    return lacking


def _signed(executions: Iterable[Execution]) -> Decimal:
    return sum((one.signed_quantity for one in executions), ZERO)


def _paid(execution: Execution) -> Decimal:
    return execution.signed_quantity * execution.price + execution.commission


def _when(execution: Execution) -> tuple[int, str]:
    return execution.event_time_ns, execution.execution_id


def vanished_finding(execution: Execution) -> Finding:
    """Return the finding of an execution that the venue has taken back."""
    what = f"{execution.side.name} {execution.symbol} at {execution.price}, order {execution.client_order_id}"
    return Finding(FindingKind.EXECUTION_VANISHED, execution.execution_id, execution.quantity, None, what)


def differing_finding(before: Execution, listed: Execution) -> Finding:
    """Return the finding of an execution that is booked with other numbers than the venue lists."""
    what = f"{before.side.name} {before.symbol} at {before.price}, listed at {listed.price}, "
    what += f"order {before.client_order_id}"
    return Finding(FindingKind.EXECUTION_DIFFERS, before.execution_id, before.quantity, listed.quantity, what)


def order_findings(ours: OurBooks, orders: Iterable[VenueOrder], vanished: Sequence[Execution]) -> list[Finding]:
    """Return what differs between our working orders and those that the venue lists as open."""
    listed = {order.client_order_id: order for order in orders if order.status.is_working}
    taken: dict[str, Decimal] = {}
    for execution in vanished:
        taken[execution.client_order_id] = taken.get(execution.client_order_id, ZERO) + execution.quantity
    findings = []
    for name, order in listed.items():
        if name in ours.unsettled:
            continue
        state = ours.working.get(name)
        if state is None:
            revived = name in ours.ended
            kind = FindingKind.ORDER_REVIVED if revived else FindingKind.ORDER_EXTERNAL
            findings.append(Finding(kind, name, None, order.quantity, f"{order.side.name} {order.symbol}"))
            continue
        filled = state.filled_quantity - taken.get(name, ZERO)
        if filled != order.filled_quantity:
            findings.append(Finding(FindingKind.ORDER_FILLED_DIFFERS, name, filled, order.filled_quantity))
        if changed := terms_that_differ(state, order):
            findings.append(
                Finding(FindingKind.ORDER_TERMS_DIFFER, name, state.quantity, order.quantity, ", ".join(changed))
            )
    for name, state in ours.working.items():
        if name not in listed and name not in ours.unsettled:
            findings.append(Finding(FindingKind.ORDER_MISSING, name, state.quantity, None, state.status.name))
    return findings


def terms_that_differ(state: OrderState, order: VenueOrder) -> list[str]:
    """Return the names of the terms that the venue has otherwise; what a child works for is the venue's to say."""
    is_alone = state.order.parent is None and state.order.group is None
    names = TERMS if is_alone else TERMS[1:]
    return [name for name in names if getattr(state, name) != getattr(order, name)]


def position_findings(
    ours: OurBooks, quantities: Mapping[str, Decimal], vanished: Sequence[Execution]
) -> list[Finding]:
    """Return the symbols whose quantity the executions do not explain, and the locked ones that agree again."""
    expected = dict(ours.quantities)
    for execution in vanished:
        expected[execution.symbol] = expected.get(execution.symbol, ZERO) - execution.signed_quantity
    findings = []
    for symbol in expected.keys() | quantities.keys() | ours.locked:
        have, theirs = expected.get(symbol, ZERO), quantities.get(symbol)
        if have != (theirs or ZERO):
            findings.append(Finding(FindingKind.POSITION_BREAK, symbol, have, theirs))
        elif symbol in ours.locked:
            findings.append(Finding(FindingKind.POSITION_AGREES, symbol, have, theirs))
    return findings


def cash_findings(
    ours: OurBooks, cash: Decimal, vanished: Sequence[Execution], cash_tolerance: Decimal
) -> list[Finding]:
    """Return the account if its cash differs by more than the tolerance."""
    paid = sum(map(_paid, vanished), ZERO)
    expected = ours.cash + paid
    if abs(expected - cash) <= cash_tolerance:
        return []
    return [Finding(FindingKind.CASH_BREAK, ours.account, expected, cash, f"{cash - expected:+f}")]


def execution_finding(orders: Container[str], execution: Execution) -> Finding:
    """Return what it means that an execution is not booked. orders : the names of all that we know"""
    is_known = execution.client_order_id in orders
    kind = FindingKind.EXECUTION_MISSING if is_known else FindingKind.EXECUTION_EXTERNAL
    what = f"{execution.side.name} {execution.symbol} at {execution.price}, order {execution.client_order_id}"
    return Finding(kind, execution.execution_id, None, execution.quantity, what)
