"""Statements and journals: read one, add what is new, compare both, and book what a person accepts.

report = import_statement(StatementChoice(Path("2025.xml"), "flex"), Path("books.sqlite"))
found = reconcile_statement(StatementChoice(Path("2025.xml"), "flex"), Path("books.sqlite"))
accept(Path("books.sqlite"), found, ["3f2a91c0"], reason="broker's letter of 3 May", who="ann")
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tapeline.app.tax_journal import read_accounts
from tapeline.app.taxes import TaxChoice, open_books
from tapeline.domain.adopted import Grounds
from tapeline.domain.errors import ConfigurationError, InputError, UnknownNameError
from tapeline.domain.option_symbol import option_terms
from tapeline.feeds.clock import SystemClock
from tapeline.ledger.adopted_facts import AccountDescribed, CashAdopted, HoldingChanged
from tapeline.ledger.facts import CashMoved, SplitApplied
from tapeline.ledger.standing import KINDS, records_of
from tapeline.ports.clock import Clock
from tapeline.ports.journal import Fact, Journal
from tapeline.ports.web import Web
from tapeline.statements.alpaca import read_alpaca, statement_of
from tapeline.statements.alpaca_client import LIVE, PAPER, AlpacaKeys, fetch_activities
from tapeline.statements.discrepancy import Discrepancy
from tapeline.statements.flex import read_flex
from tapeline.statements.importing import Additions, additions
from tapeline.statements.model import NEW_YORK, Statement, day_ns, day_of
from tapeline.statements.our_books import OurBooks, our_books
from tapeline.statements.reconcile import reconcile
from tapeline.statements.reconcile_tax import TaxRows
from tapeline.statements.table import read_mapping, read_table
from tapeline.statements.web import HttpWeb
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tax.accounts import AccountKind


@dataclass(frozen=True, slots=True)
class Outside:
    """What asking a broker's API needs of the world: servers, the present, and a way to wait for seconds."""

    web: Callable[[], Web] = HttpWeb
    clock: Clock = field(default_factory=SystemClock)
    pause: Callable[[float], None] = time.sleep


FORMATS = ("flex", "alpaca", "csv")
KEY_NAMES = ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY")
_ABOUT_BOOKS = (*KINDS, CashMoved.kind, CashAdopted.kind, HoldingChanged.kind, SplitApplied.kind)


OUTSIDE = Outside()


@dataclass(frozen=True, slots=True)
class StatementChoice:
    """Which statement, in the words of the command line.

    path : of a file; None asks Alpaca's API for the days from `first` to `last`, both included
    format : flex, alpaca or csv; mapping : TOML file that says what a CSV's columns mean
    accounts : NAME for the only account, or BROKERS=NAME; zone : of the exchange, and of times that name none
    kind : what its accounts are to the law: taxable, ira or mtm475f; empty leaves what the journal knows
    """

    path: Path | None
    format: str
    accounts: tuple[str, ...] = ()
    mapping: Path | None = None
    zone: str = NEW_YORK
    first: str = ""
    last: str = ""
    is_paper: bool = False
    kind: str = ""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. head : of the journal afterwards, to be kept elsewhere"""

    statement: Statement
    additions: Additions
    head: str
    count: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What stands between a journal and a statement. note : why the tax figures were not compared, if so"""

    statement: Statement
    found: list[Discrepancy]
    note: str = ""


def read_statement(choice: StatementChoice, outside: Outside = OUTSIDE) -> Statement:
    """Return the statement of a choice, with the journal's names for its accounts."""
    if choice.format not in FORMATS:
        raise UnknownNameError("format", choice.format, FORMATS, where="--format")
    zone_of(choice.zone)
    if choice.path is None:
        return _named(_from_api(choice, outside), choice.accounts)
    if choice.format == "flex":
        return _named(read_flex(choice.path, choice.zone), choice.accounts)
    if choice.format == "alpaca":
        return _named(read_alpaca(choice.path, zone=choice.zone), choice.accounts)
    mapping = read_mapping(choice.mapping) if choice.mapping is not None else None
    return _named(read_table(choice.path, mapping), choice.accounts)


def import_statement(choice: StatementChoice, journal_path: Path, outside: Outside = OUTSIDE) -> ImportReport:
    """Add what is new in a statement to a journal, which is begun if it does not exist. One commit, whole or not.

    Raises InputError for a statement that cannot be used and StorageError for a journal that cannot be written; then
    nothing is added.
    """
    statement, zone = read_statement(choice, outside), zone_of(choice.zone)
    kinds = [kind.value for kind in AccountKind]
    if choice.kind and choice.kind not in kinds:
        raise UnknownNameError("kind of account", choice.kind, kinds, where="--kind")
    with SqliteJournal.writing(journal_path) as journal:
        found = additions(our_books(_facts(journal), zone), statement, zone)
        known = read_accounts(journal)
        for account in statement.accounts if choice.kind else ():
            if account not in known or known[account].kind.value != choice.kind:
                time_ns = day_ns(statement.first, zone) if statement.first is not None else 0
                described = AccountDescribed(time_ns, account, choice.kind, Grounds(statement.source))
                found.facts.insert(0, described)
        for fact in found.facts:
            journal.append(fact)
        journal.commit()
        head = journal.head()
        return ImportReport(statement, found, head.text, head.count)


def reconcile_statement(
    choice: StatementChoice, journal_path: Path, methods: tuple[str, ...] = (), outside: Outside = OUTSIDE
) -> Reconciliation:
    """Return the differences between a journal and a statement; nothing is written."""
    statement, zone = read_statement(choice, outside), zone_of(choice.zone)
    with SqliteJournal.reading(journal_path) as journal:
        books = our_books(_facts(journal), zone)
    rows, note = None, ""
    if statement.wash_figures or statement.lots:
        try:
            rows = _tax_rows(journal_path, choice.zone, methods)
        except InputError as exc:
            note = f"The broker's lots and wash sales were not compared, because ours cannot be computed: {exc}"
    return Reconciliation(statement, reconcile(books, statement, zone, rows), note)


def accept(
    journal_path: Path, found: Reconciliation, keys: Iterable[str], *, reason: str, who: str, zone: str = NEW_YORK
) -> list[Discrepancy]:
    """Book the suggested entries of differences, each with the reason and who decided; return what was booked.

    Raises InputError for a key that is none, a difference without a suggestion, and a reason or name that is empty.
    """
    if not reason.strip() or not who.strip():
        raise InputError("An entry that corrects the books needs a reason and a name. Give --reason and --who.")
    by_key = {one.key: one for one in found.found}
    chosen = []
    for key in dict.fromkeys(keys):
        if key not in by_key:
            raise UnknownNameError("difference", key, by_key, where="the reconciliation; it may be settled already")
        if not by_key[key].suggestion:
            raise InputError(f"Difference {key} has no suggested entry: {by_key[key].sentence}")
        chosen.append(by_key[key])
    with SqliteJournal.writing(journal_path) as journal:
        _check_still_open(our_books(_facts(journal), zone_of(zone)), found, chosen, zone)
        for one in chosen:
            for fact in one.suggestion:
                grounds: Grounds = getattr(fact, "grounds")  # noqa: B009 - every suggested fact has them
                journal.append(replace(fact, grounds=replace(grounds, reason=reason, who=who)))  # type: ignore[type-var]
        journal.commit()
    return chosen


def zone_of(name: str) -> ZoneInfo:
    """Return a zone by its name. Raises ConfigurationError for one that is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise ConfigurationError(f"Zone {name!r} is not known. Write one such as America/New_York.") from exc


def _check_still_open(books: OurBooks, found: Reconciliation, chosen: list[Discrepancy], zone: str) -> None:
    # Somebody may have booked between the look and the decision.
    still = {one.key for one in reconcile(books, found.statement, zone_of(zone))}
    for one in chosen:
        if one.key not in still:
            raise InputError(f"Difference {one.key} is settled: the journal changed since. Reconcile again.")


def _facts(journal: Journal) -> Iterable[Fact]:
    return (record.fact for record in records_of(journal, _ABOUT_BOOKS))


def _named(statement: Statement, accounts: tuple[str, ...]) -> Statement:
    names: dict[str, str] = {}
    for words in accounts:
        theirs, equals, ours = words.rpartition("=")
        if not ours.strip() or (equals and not theirs.strip()):
            raise ConfigurationError(f"--account {words!r}: write NAME, or BROKERS=NAME such as U1234567=main.")
        names[theirs] = ours
    return statement.in_accounts(names) if names else statement


def _from_api(choice: StatementChoice, outside: Outside) -> Statement:
    if choice.format != "alpaca":
        raise InputError(f"--format {choice.format} needs a file. Only alpaca can be asked over the network.")
    keys = AlpacaKeys(*(os.environ.get(name, "") for name in KEY_NAMES))
    today = day_of(outside.clock.now_ns(), zone_of(choice.zone))
    first, last = (_day(written, name) for written, name in ((choice.first, "--from"), (choice.last, "--to")))
    last = last or today
    first = first or last - timedelta(days=365)
    base = PAPER if choice.is_paper else LIVE
    activities = fetch_activities(outside.web(), keys, first, last, outside.pause, base)
    statement = statement_of(activities, "alpaca", choice.zone)
    statement.covers(first, last)
    return statement


def _day(written: str, name: str) -> date | None:
    try:
        return date.fromisoformat(written) if written else None
    except ValueError as exc:
        raise InputError(f"{name} {written!r} is no date. Write it like 2025-01-31.") from exc


def _tax_rows(journal_path: Path, zone: str, methods: tuple[str, ...]) -> TaxRows:
    books = open_books(TaxChoice(journal=journal_path, methods=methods, zone=zone))
    retirement = {name for name, account in books.accounts.items() if account.kind is AccountKind.RETIREMENT}
    result = books.result

    def is_option(symbol: str) -> bool:
        return option_terms(symbol) is not None

    return TaxRows(list(result.rows), list(result.disallowances), is_option, frozenset(retirement))
