"""What a statement would add to a journal: only what is new, however often and however overlapping it is imported.

An execution is known by its id. One that is our own fill, or came from another broker's format, under another id is
left out too, also if a price or a quantity differs: booking it again would double the position. Corrections and busts
become facts about what stands. What is known and says something else is no matter for an import: `reconcile` shows it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from tapeline.domain.adopted import Grounds, HoldingCause
from tapeline.domain.execution import Execution
from tapeline.domain.times import SECOND
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected, HoldingChanged
from tapeline.ledger.standing import Standing
from tapeline.ports.journal import Fact
from tapeline.statements.matching import identity, match_executions, twin_key
from tapeline.statements.model import Remark, StatedExecution, Statement, day_of
from tapeline.statements.our_books import OurBooks
from tapeline.statements.reconcile_cash import is_like, same_cash
from tapeline.statements.reconcile_trades import corrected_id, find_busted

_AT_CLOSE = (HoldingCause.OPTION_EXERCISE, HoldingCause.OPTION_ASSIGNMENT, HoldingCause.OPTION_EXPIRY)


@dataclass
class Additions:
    """What an import adds and leaves.

    facts : new ones, in order of time; counts : how many by kind
    known : entries that the journal has by their id; alike : those it has under another
    differing : known ones that say something else; remarks : what could not be taken
    """

    facts: list[Fact] = field(default_factory=list)
    known: int = 0
    alike: list[Remark] = field(default_factory=list)
    differing: list[Remark] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        """How many facts there are of each kind."""
        return Counter(fact.kind for fact in self.facts)


def additions(books: OurBooks, statement: Statement, zone: ZoneInfo) -> Additions:
    """Return what a statement adds to books. zone : of the exchange, whose days are trade dates"""
    found = Additions()
    _Executions(books, found, statement, zone).take()
    entry_ids = books.entry_ids
    own_cash = [entry for entry in books.cash if not entry.entry_id]
    for entry in statement.cash:
        if entry.fact.entry_id in entry_ids:
            found.known += 1
        elif twin := same_cash(own_cash, entry, zone):
            own_cash.remove(twin)
            found.alike.append(Remark(entry.where, f"cash of {entry.fact.amount} that was booked on {twin.day}"))
        else:
            found.facts.append(entry.fact)
    _take_changes(books, found, statement, zone, entry_ids)
    found.facts.sort(key=lambda fact: (*_order(fact, zone), fact.event_time_ns))
    return found


class _Executions:
    def __init__(self, books: OurBooks, found: Additions, statement: Statement, zone: ZoneInfo) -> None:
        self.found, self.statement, self.zone = found, statement, zone
        self.used = set(books.used_ids)
        self.standing = {standing.execution_id: standing for standing in books.executions}
        self.names = {(s.execution.account, identity(key)): key for key, s in self.standing.items()}
        self.grounds = Grounds(statement.source)

    def take(self) -> None:
        fresh: list[StatedExecution] = []
        for entry in self.statement.executions:
            execution = entry.fact.execution
            if execution.execution_id in self.used:
                self._known(entry)
            else:
                fresh.append(entry)
        # What this broker told before has his ids, and two equal fills are two. Our own fills have ours.
        broker = self.statement.source.split()[0]
        twins = match_executions(
            [s for s in self.standing.values() if s.grounds is None or s.grounds.source.split()[0] != broker],
            [entry for entry in fresh if entry.corrects is None and self._name(entry.fact.execution) is None],
            self.zone,
        )
        alike = {pair.theirs.fact.execution_id: pair.ours for pair in twins.pairs}
        for entry in fresh:
            execution = entry.fact.execution
            if execution.execution_id in alike:
                ours = alike[execution.execution_id]
                self.names[execution.account, identity(execution.execution_id)] = ours.execution_id
                told = f"{execution.execution_id} stands as {ours.execution_id}"
                if twin_key(ours.execution, self.zone) == twin_key(execution, self.zone):
                    self.found.alike.append(Remark(entry.where, told))
                else:
                    sentence = f"{told} with other terms; `tapeline tax reconcile` shows them"
                    self.found.differing.append(Remark(entry.where, sentence))
            else:
                self._add(entry)
        for bust in self.statement.busts:
            standing = find_busted(self.standing.values(), bust, self.zone)
            if standing is not None:
                fact = ExecutionBusted(bust.event_time_ns, standing.execution, self.grounds, standing.multiplier)
                self.found.facts.append(fact)
                del self.standing[standing.execution_id]
            elif any(identity(key) == identity(bust.execution_id) for key in self.used):
                self.found.known += 1
            else:
                self.found.remarks.append(
                    Remark(bust.where, f"cancels execution {bust.execution_id}, which is not here to take back.")
                )

    def _known(self, entry: StatedExecution) -> None:
        execution = entry.fact.execution
        self.found.known += 1
        standing = self.standing.get(execution.execution_id)
        if standing is not None and not _is_same(standing.execution, execution):
            sentence = f"{execution.execution_id} stands with other terms; `tapeline tax reconcile` shows them"
            self.found.differing.append(Remark(entry.where, sentence))

    def _add(self, entry: StatedExecution) -> None:
        execution = entry.fact.execution
        before = self._before(entry)
        if before is None:
            self.found.facts.append(entry.fact)
            self._stand(Standing(execution, entry.fact.multiplier, entry.fact.origin, entry.fact.grounds))
            return
        if _is_same(before.execution, execution):
            self.found.known += 1
            return
        key = corrected_id(before.execution_id, execution.execution_id, self.used)
        new = replace(
            execution, execution_id=key, strategy=before.execution.strategy,
            client_order_id=before.execution.client_order_id,
        )  # fmt: skip
        fact = ExecutionCorrected(execution.event_time_ns, before.execution, new, self.grounds, entry.fact.multiplier)
        self.found.facts.append(fact)
        del self.standing[before.execution_id]
        self._stand(Standing(new, entry.fact.multiplier, before.origin, self.grounds))

    def _before(self, entry: StatedExecution) -> Standing | None:
        execution = entry.fact.execution
        named = self._name(execution)
        if named is None and entry.corrects is not None:
            named = self.names.get((execution.account, identity(entry.corrects)))
        found = self.standing.get(named) if named is not None else None
        if found is None or found.execution.symbol != execution.symbol:
            return None
        return found

    def _name(self, execution: Execution) -> str | None:
        return self.names.get((execution.account, identity(execution.execution_id)))

    def _stand(self, standing: Standing) -> None:
        self.used.add(standing.execution_id)
        self.standing[standing.execution_id] = standing
        self.names[standing.execution.account, identity(standing.execution_id)] = standing.execution_id


def _take_changes(books: OurBooks, found: Additions, statement: Statement, zone: ZoneInfo, entry_ids: set[str]) -> None:
    own = [change for change in books.changes if not change.entry_id]
    for entry in statement.changes:
        fact = entry.fact
        day = day_of(fact.event_time_ns, zone)
        twin = next((c for c in own if is_like(c, fact) and abs((c.day - day).days) <= 5), None)
        if fact.entry_id in entry_ids:
            found.known += 1
        elif twin is not None:
            own.remove(twin)
            found.alike.append(Remark(entry.where, f"{fact.cause.word} of {fact.symbol} that was booked on {twin.day}"))
        else:
            found.facts.append(fact)


def _is_same(ours: Execution, theirs: Execution) -> bool:
    near = abs(ours.event_time_ns - theirs.event_time_ns) < 60 * SECOND
    return near and (ours.side, ours.quantity, ours.price, ours.commission) == (
        theirs.side, theirs.quantity, theirs.price, theirs.commission,
    )  # fmt: skip


def _order(fact: Fact, zone: ZoneInfo) -> tuple[int, int]:
    # Corporate actions act before the trades of their day, options end after them.
    if isinstance(fact, HoldingChanged):
        return day_of(fact.event_time_ns, zone).toordinal(), 2 if fact.cause in _AT_CLOSE else 0
    return day_of(fact.event_time_ns, zone).toordinal(), 1
