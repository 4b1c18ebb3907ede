"""Trading as a whole, as the facts left it: the gap, the locks, the trading state and the limits that persons set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tapeline.domain.control import TradingState
from tapeline.domain.errors import InvariantError
from tapeline.domain.position import ZERO
from tapeline.ledger.adopted_facts import BreakAccepted
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.control_facts import (
    CommandGiven,
    Flattened,
    GapClosed,
    GapOpened,
    LimitOverridden,
    Reconciled,
    SymbolLocked,
    SymbolUnlocked,
    TradingStateChanged,
)

POSITION_BREAK, CASH_BREAK = "POSITION_BREAK", "CASH_BREAK"
"""Findings that a person may accept, as a comparison names them."""

FLATTEN = "flatten"
"""The command that everything be canceled and closed."""


class Control:
    """What the risk gate must know besides positions and orders.

    state : what may be sent; a journal begins ACTIVE
    gap : the gap that is open, else None
    locks : by account and symbol
    overrides : the newest by account, strategy and limit; whether it still holds is asked with a time
    lowered : what made the state what it is, None while it is ACTIVE
    flatten : the command that everything be closed, until it is done or a person lets trading go on; else None
    reconciled_ns : of the last comparison with the broker, None before the first
    findings : what it found, without what a person has accepted since
    accepted : every difference that a person accepted, oldest first
    """

    def __init__(self) -> None:
        self.state = TradingState.ACTIVE
        self.gap: GapOpened | None = None
        self.locks: dict[tuple[str, str], SymbolLocked] = {}
        self.overrides: dict[tuple[str, str | None, str], LimitOverridden] = {}
        self.lowered: TradingStateChanged | None = None
        self.flatten: CommandGiven | None = None
        self.reconciled_ns: int | None = None
        self.findings: Sequence[Mapping[str, Any]] = ()
        self.accepted: list[BreakAccepted] = []

    def gap_opened(self, fact: GapOpened) -> None:
        """Take in that reports may be missing; a second cause leaves the gap as it was opened first."""
        if self.gap is None:
            self.gap = fact

    def gap_closed(self, fact: GapClosed) -> None:
        """Take in that nothing is missing any more."""
        if self.gap is None:
            raise InvariantError(f"A gap is closed at {fact.event_time_ns}, but none was open.")
        self.gap = None

    @property
    def unresolved(self) -> list[str]:
        """What the last comparison left open, as sentences; symbols whose position differs are `locks`."""
        return [_sentence(one) for one in self.findings if one["remedy"] in _LEFT_OPEN]

    def reconciled(self, fact: Reconciled) -> None:
        """Take in that the books were compared; what came of it are facts of their own."""
        self.reconciled_ns, self.findings = fact.event_time_ns, fact.findings

    def accept(self, fact: BreakAccepted) -> None:
        """Take in that a person accepts a difference: it is none any more, and its symbol is not locked by it."""
        self.accepted.append(fact)
        kind, name = (CASH_BREAK, fact.account) if fact.symbol is None else (POSITION_BREAK, fact.symbol)
        self.findings = [one for one in self.findings if (one["finding"], one["name"]) != (kind, name)]
        if fact.symbol is not None:
            self.locks.pop((fact.account, fact.symbol), None)

    def agreed(self, account: str, symbol: str, held: Decimal) -> Decimal:
        """Return how much of what the account holds the broker's books confirm, signed alike: all unless it is locked.

        What executed since the lock was found has changed theirs as it changed ours; a split may have changed ours
        alone, so it never counts beyond what they said.
        """
        lock = self.locks.get((account, symbol))
        if lock is None:
            return held
        if lock.theirs is None:
            return ZERO
        side = 1 if held > 0 else -1
        return side * max(ZERO, min(side * held, side * lock.theirs, side * (lock.theirs + held - lock.ours)))

    def locked(self, fact: SymbolLocked) -> None:
        """Take in a lock; a second one has the newer quantities."""
        self.locks[fact.account, fact.symbol] = fact

    def unlocked(self, fact: SymbolUnlocked) -> None:
        """Take a lock off."""
        if self.locks.pop((fact.account, fact.symbol), None) is None:
            raise InvariantError(f"The lock of {fact.symbol} is taken off, but it had none.")

    def state_changed(self, fact: TradingStateChanged) -> None:
        """Take in what may be sent from now on."""
        self.state = fact.state
        self.lowered = None if fact.state is TradingState.ACTIVE else fact
        if fact.state is not TradingState.HALTED:
            self.flatten = None

    def commanded(self, fact: CommandGiven) -> None:
        """Take in what a person asked for; all but a flatten has its effect by facts of its own."""
        if fact.command == FLATTEN and not fact.refusal:
            self.flatten = fact

    def flattened(self, _: Flattened) -> None:
        """Take in that a flatten is done."""
        self.flatten = None

    def overridden(self, fact: LimitOverridden) -> None:
        """Take in a limit that a person set."""
        self.overrides[fact.account, fact.strategy, fact.limit] = fact

    def as_tree(self) -> dict[str, Any]:
        """Return what was decided as plain values, empty if nothing ever was.

        A flatten is left out: journals that ended with a digest before it was kept have theirs without it.
        """
        tree: dict[str, Any] = {}
        if self.state is not TradingState.ACTIVE:
            tree["state"] = self.state.name
        if self.gap is not None:
            tree["gap"] = [self.gap.event_time_ns, self.gap.cause.name]
        if self.locks:
            tree["locks"] = [
                [account, symbol, amount_text(lock.ours), None if lock.theirs is None else amount_text(lock.theirs)]
                for (account, symbol), lock in sorted(self.locks.items())
            ]
        if self.overrides:
            tree["overrides"] = sorted(
                [o.account, o.strategy or "", o.limit, amount_text(o.value), o.until_ns]
                for o in self.overrides.values()
            )
        if self.reconciled_ns is not None:
            tree["reconciled_ns"] = self.reconciled_ns
        if self.accepted:
            tree["accepted"] = [[one.event_time_ns, one.symbol or one.account] for one in self.accepted]
        if unresolved := self.unresolved:
            tree["unresolved"] = unresolved
        return tree


_LEFT_OPEN = ("ASK", "REPORT")
"""Remedies that change nothing by themselves: a comparison that ends with one of these has not passed."""


def _sentence(finding: Mapping[str, Any]) -> str:
    sides = [f"{whose} {finding[whose]}" for whose in ("ours", "theirs") if finding[whose] is not None]
    return f"{finding['finding']} of {finding['name']} ({', '.join(sides) or finding['text']})"
