"""What the tax commands work on: the events of a taxpayer from tables or from a journal, taken by the engine.

    books = open_books(TaxChoice(trades=(Path("trades.csv"),), methods=("main=HIFO",)))
    books.year                  the year asked for, else that of the last event
    books.gains()               its rows, of one account if one was asked for
    books.engine                every account, however few are shown: wash sales reach over all of them

Events are known up to `as_of`, by default the last day that has one. What a purchase after it would change is called
provisional, because nothing here can know that there was none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from enum import Enum
from functools import cached_property
from pathlib import Path

from tapeline.app.adopted_events import option_instruments
from tapeline.app.run_files import newest_journal
from tapeline.app.tax_journal import read_accounts, read_journal
from tapeline.domain.errors import ConfigurationError, DataError, InputError, UnknownNameError
from tapeline.feeds.tax_tables import TaxTable, read_tax_table
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tax.accounts import Account, Method, TaxInstrument
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Event, Trade, day_of
from tapeline.tax.gains import Gain
from tapeline.tax.policies import Policies
from tapeline.tax.result import TaxResult
from tapeline.tax.what_if import WhatIf

ZONE = "America/New_York"


@dataclass(frozen=True, slots=True)
class TaxChoice:
    """What the tax commands are asked about.

    trades : tables of trades; without any the journal, without that the newest run's below `work`
    year : 0 = that of the last event; account : empty = all
    methods : FIFO, LIFO, HIFO, SPECID or AVERAGE for every account, or account=METHOD
    policies : name=value, see `tax/policies.py`
    as_of : the day up to which events are taken and known to be complete; empty = that of the last one
    """

    trades: tuple[Path, ...] = ()
    journal: Path | None = None
    work: Path = Path("tapeline-work")
    year: int = 0
    account: str = ""
    methods: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    as_of: str = ""
    zone: str = ZONE


@dataclass(frozen=True)
class TaxBooks:
    """A taxpayer's events, and how to compute from them.

    source : the files they came from
    """

    events: list[Event]
    accounts: Mapping[str, Account]
    instruments: Mapping[str, TaxInstrument]
    policies: Policies
    source: tuple[str, ...]
    year: int
    as_of: date
    account: str = ""

    def new_engine(self) -> TaxEngine:
        """Return an engine that knows accounts, instruments and policies, and has taken nothing."""
        return TaxEngine(self.accounts.values(), self.instruments.values(), self.policies)

    @cached_property
    def engine(self) -> TaxEngine:
        """The engine with every event taken. Raises TaxRefusal for events that cannot be taxed as they are."""
        engine = self.new_engine()
        engine.apply(self.events)
        return engine

    @cached_property
    def result(self) -> TaxResult:
        """What it computed."""
        return self.engine.result(self.as_of)

    @cached_property
    def what_if(self) -> WhatIf:
        """The events arranged for trades that were not made."""
        return WhatIf(self.accounts.values(), self.instruments.values(), self.policies, self.events)

    def day_of(self, written: str) -> date:
        """Return the day of a trade that was not made; by default the last day known. Raises InputError for none."""
        try:
            return date.fromisoformat(written) if written else self.as_of
        except ValueError as exc:
            raise InputError(f"--on {written!r} is no date. Write it like 2025-12-15.") from exc

    def is_asked(self, account: str) -> bool:
        """Return whether an account is among those asked for."""
        return not self.account or account == self.account

    def gains(self) -> list[Gain]:
        """Return the rows of the year and accounts asked for, in the order of disposition."""
        return [row for row in self.result.gains(self.year) if self.is_asked(row.account)]

    @property
    def is_provisional(self) -> bool:
        """Whether a purchase after the last known day may still change the year."""
        return self.result.is_provisional(self.year, self.as_of)


def open_books(choice: TaxChoice) -> TaxBooks:
    """Read what was chosen and return its books; the engine runs when its result is asked for.

    Raises InputError and its kinds for tables, accounts, methods or policies that cannot be used.
    """
    if choice.trades:
        table, source = _read_tables(choice), tuple(str(path) for path in choice.trades)
    else:
        path = choice.journal or newest_journal(choice.work)
        with SqliteJournal.reading(path) as journal:
            events, instruments = read_journal(journal, choice.zone)
            described = read_accounts(journal)
        table, source = TaxTable(events, described, instruments), (str(path),)
        for event in table.events:
            if isinstance(event, Trade):
                table.accounts.setdefault(event.account, Account(event.account))
    accounts = _with_methods(table.accounts, choice.methods)
    if choice.account and choice.account not in accounts:
        raise UnknownNameError("account", choice.account, accounts, where=", ".join(source))
    events, as_of = _until(table.events, choice.as_of)
    return TaxBooks(
        events,
        accounts,
        table.instruments,
        policies_of(choice.policies),
        source,
        choice.year or max(map(day_of, events)).year,
        as_of,
        choice.account,
    )


def _read_tables(choice: TaxChoice) -> TaxTable:
    whole = TaxTable()
    for path in choice.trades:
        table = read_tax_table(path, choice.zone)
        whole.events += table.events
        for name, account in table.accounts.items():
            known = whole.accounts.get(name)
            # a table that says nothing about an account has it as a plain one
            if known is not None and known != account and Account(name) not in (known, account):
                raise DataError(f"{path} describes account {name} otherwise than a table before it. Describe it alike.")
            if known is None or known == Account(name):
                whole.accounts[name] = account
        for symbol, instrument in table.instruments.items():
            if whole.instruments.setdefault(symbol, instrument) != instrument:
                raise DataError(f"{path} describes {symbol} otherwise than a table before it. Describe it alike.")
    symbols = {symbol for event in whole.events if (symbol := getattr(event, "symbol", ""))}
    whole.instruments.update(option_instruments(sorted(symbols - whole.instruments.keys()), {}))
    return whole


def _until(events: list[Event], written: str) -> tuple[list[Event], date]:
    """Return the events up to a day, and that day; by default all, and that of the last one."""
    last = max(map(day_of, events))
    if not written:
        return events, last
    try:
        day = date.fromisoformat(written)
    except ValueError as exc:
        raise InputError(f"--as-of {written!r} is no date. Write it like 2026-02-15.") from exc
    known = events if day >= last else [event for event in events if day_of(event) <= day]
    if not known:
        raise InputError(f"--as-of {day} lies before the first event, of {min(map(day_of, events))}. Name a later day.")
    return known, day


def _with_methods(accounts: Mapping[str, Account], written: tuple[str, ...]) -> dict[str, Account]:
    """Return the accounts with their methods; one for every account first, then those by name."""
    chosen = dict(accounts)
    for words in sorted(written, key=lambda word: "=" in word):
        name, _, method = words.rpartition("=")
        if method.upper() not in {known.value for known in Method}:
            raise UnknownNameError("method", method, [known.value for known in Method], where="--method")
        if name and name not in chosen:
            raise UnknownNameError("account", name, chosen, where="--method")
        for account in [name] if name else list(chosen):
            chosen[account] = replace(chosen[account], method=Method(method.upper()))
    return chosen


def policies_of(written: tuple[str, ...]) -> Policies:
    """Return the policies with some set, as name=value. Raises InputError for one that is none."""
    defaults = Policies()
    known = {field.name: getattr(defaults, field.name) for field in fields(Policies)}
    values: dict[str, object] = {}
    for words in written:
        name, _, value = (part.strip() for part in words.partition("="))
        if name not in known:
            raise UnknownNameError("policy", name, known, where="--policy")
        values[name] = _policy(name, value, known[name])
    return Policies(**values)  # type: ignore[arg-type]  # each was read by the kind of its default


def _policy(name: str, value: str, default: object) -> object:
    if isinstance(default, bool):
        if value not in ("yes", "no"):
            raise ConfigurationError(f"--policy {name} must be yes or no, found {value!r}.")
        return value == "yes"
    if isinstance(default, Enum):
        kinds = {str(kind.value): kind for kind in type(default)}
        if value not in kinds:
            raise UnknownNameError(name, value, kinds, where="--policy")
        return kinds[value]
    if isinstance(default, frozenset):
        return frozenset(value.replace(",", " ").split())
    if isinstance(default, tuple):
        return tuple(frozenset(group.replace("=", " ").split()) for group in value.split(";") if group.strip())
    if value == "never":
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as exc:
        raise ConfigurationError(
            f"--policy {name} must be a date such as 2026-07-01, or never; found {value!r}."
        ) from exc
