"""A broker's statement in neutral form: the facts it would add to a journal, and the totals it should agree with.

Executions, cash and changes of holdings are facts already, with the broker's own keys, so a statement that is imported
twice is known by them. Everything says where it stands in its file. What a reader does not know is a remark, never
dropped in silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from tapeline.domain.errors import DataError, UnknownNameError
from tapeline.domain.execution import Execution
from tapeline.ledger.adopted_facts import CashAdopted, ExecutionAdopted, HoldingChanged

NEW_YORK = "America/New_York"

FactType = TypeVar("FactType", CashAdopted, HoldingChanged)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StatedExecution:
    """An execution of a statement.

    corrects : id of the execution that it replaces, None for one of its own
    has_clock : whether the statement tells the time of day
    """

    fact: ExecutionAdopted
    where: str
    corrects: str | None = None
    has_clock: bool = True


@dataclass(frozen=True, slots=True)
class StatedBust:
    """A word that an execution did not happen after all.

    like : what the statement tells of it, by which it is found where its id is one that only the broker uses
    """

    execution_id: str
    account: str
    event_time_ns: int
    where: str
    like: Execution | None = None


@dataclass(frozen=True, slots=True)
class Stated(Generic[FactType]):
    """A cash entry or a change of a holding, and where it stands."""

    fact: FactType
    where: str


@dataclass(frozen=True, slots=True)
class EndPosition:
    """What an account holds at the end of a day; short is below zero. cost_basis : over all of it, if told"""

    account: str
    symbol: str
    quantity: Decimal
    day: date
    where: str
    cost_basis: Decimal | None = None


@dataclass(frozen=True, slots=True)
class EndCash:
    """The cash of an account at the end of a day."""

    account: str
    amount: Decimal
    day: date
    where: str


@dataclass(frozen=True, slots=True)
class ClosedLot:
    """A lot that the broker says was closed: shares, dates, what it cost, and what closing it made."""

    account: str
    symbol: str
    quantity: Decimal
    opened: date | None
    closed: date
    cost: Decimal
    gain: Decimal
    where: str


@dataclass(frozen=True, slots=True)
class WashFigure:
    """A loss that the broker disallowed, above zero, on the day of the sale."""

    account: str
    symbol: str
    day: date
    disallowed: Decimal
    where: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Something of the file that was not taken, where it stands and why."""

    where: str
    sentence: str


@dataclass
class Statement:
    """Everything a statement says.

    first, last : the days it covers, both included
    fees_apart : whether fees are entries of cash, and no execution tells its own
    """

    source: str
    first: date | None = None
    last: date | None = None
    fees_apart: bool = False
    executions: list[StatedExecution] = field(default_factory=list)
    busts: list[StatedBust] = field(default_factory=list)
    cash: list[Stated[CashAdopted]] = field(default_factory=list)
    changes: list[Stated[HoldingChanged]] = field(default_factory=list)
    positions: list[EndPosition] = field(default_factory=list)
    balances: list[EndCash] = field(default_factory=list)
    lots: list[ClosedLot] = field(default_factory=list)
    wash_figures: list[WashFigure] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def accounts(self) -> list[str]:
        """The accounts it is about, sorted."""
        return sorted(
            {e.fact.execution.account for e in self.executions}
            | {c.fact.account for c in self.cash}
            | {c.fact.account for c in self.changes}
            | {p.account for p in self.positions}
            | {b.account for b in self.balances}
            | {b.account for b in self.busts}
            | {lot.account for lot in self.lots}
            | {w.account for w in self.wash_figures}
        )

    def standing(self) -> list[StatedExecution]:
        """Return the executions that stand by its own word: none that it busts or corrects."""
        gone = {bust.execution_id for bust in self.busts} | {e.corrects for e in self.executions}
        return [entry for entry in self.executions if entry.fact.execution_id not in gone]

    def covers(self, first: date, last: date) -> None:
        """Note that the statement covers these days too."""
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)

    def remark(self, where: str, sentence: str) -> None:
        """Note something that was not taken."""
        self.remarks.append(Remark(where, sentence))

    def in_accounts(self, names: Mapping[str, str]) -> Statement:
        """Return the statement with the journal's names for its accounts; "" names the only one.

        Raises UnknownNameError for an account that it does not have.
        """
        known = self.accounts
        only = names.get("")
        if only is not None and len(known) > 1:
            raise DataError(
                f"The statement has the accounts {', '.join(known)}; one name is not enough. Write --account "
                f"{known[0]}=NAME for each."
            )
        for name in names:
            if name and name not in known:
                raise UnknownNameError("account", name, known, where="the statement")

        def named(account: str) -> str:
            return only if only is not None else names.get(account, account)

        return replace(
            self,
            executions=[
                replace(
                    e,
                    fact=replace(e.fact, execution=replace(e.fact.execution, account=named(e.fact.execution.account))),
                )
                for e in self.executions
            ],
            busts=[
                replace(b, account=named(b.account), like=b.like and replace(b.like, account=named(b.like.account)))
                for b in self.busts
            ],
            cash=[replace(c, fact=replace(c.fact, account=named(c.fact.account))) for c in self.cash],
            changes=[replace(c, fact=replace(c.fact, account=named(c.fact.account))) for c in self.changes],
            positions=[replace(p, account=named(p.account)) for p in self.positions],
            balances=[replace(b, account=named(b.account)) for b in self.balances],
            lots=[replace(lot, account=named(lot.account)) for lot in self.lots],
            wash_figures=[replace(w, account=named(w.account)) for w in self.wash_figures],
        )


class Keys:
    """Names for entries that have none: made of what they say, and counted where two say the same.

    The same file, and any other that holds the same entries of the same day, gives the same names.
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def name(self, *parts: object) -> str:
        """Return the key of an entry."""
        words = "|".join(str(part) for part in parts)
        self._seen[words] += 1
        return words if self._seen[words] == 1 else f"{words}|{self._seen[words]}"


def is_amount(value: Decimal) -> bool:
    """Return whether a number is one that accounts have: finite, below 10^18, with at most 20 decimals.

    Others are no amounts but attacks or damage: 1e999999999 is a text of a gigabyte once it is written out.
    """
    return value.is_finite() and value.adjusted() < 18 and int(value.as_tuple().exponent) >= -20


def moment_ns(local: datetime) -> int:
    """Return a moment that knows its zone as UTC nanoseconds."""
    delta = local - _EPOCH
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1_000


def day_ns(day: date, zone: ZoneInfo) -> int:
    """Return midnight of a day in a zone, by which entries without a clock are filed."""
    return moment_ns(datetime.combine(day, time(), zone))


def day_of(time_ns: int, zone: ZoneInfo) -> date:
    """Return the day of a moment in a zone."""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).astimezone(zone).date()


def unique(statement: Statement) -> Statement:
    """Return a statement in which every execution and entry stands once.

    Rows that repeat another to the letter are left out with a remark. Raises DataError for two that share an id and
    say different things.
    """
    kept = replace(
        statement,
        executions=_once(statement, statement.executions),
        cash=_once(statement, statement.cash),
        changes=_once(statement, statement.changes),
    )
    kept.executions.sort(key=lambda e: e.fact.event_time_ns)
    return kept


_Entry = TypeVar("_Entry", StatedExecution, Stated[CashAdopted], Stated[HoldingChanged])


def _once(statement: Statement, entries: list[_Entry]) -> list[_Entry]:
    found: dict[str, _Entry] = {}
    for entry in entries:
        fact = entry.fact
        key = fact.execution_id if isinstance(fact, ExecutionAdopted) else fact.entry_id
        before = found.setdefault(key, entry)
        if before is entry:
            continue
        if before.fact != fact:
            raise DataError(
                f"{entry.where} has the id {key} of {before.where} and says something else. Mend one of them, or import"
                " them one file after the other if the second is a correction."
            )
        statement.remark(entry.where, f"repeats {before.where} to the letter and was left out.")
    return list(found.values())
