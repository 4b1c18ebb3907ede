"""What `tapeline portfolio` works on: the portfolios of a journal's accounts, with sectors and betas where asked for.

    books = open_portfolio(PortfolioChoice(journal=Path("run.sqlite"), groups=Path("sectors.parquet")))
    books.portfolios[0].exposure.net
    books.parts(books.portfolios[0], "sector")

Everything is from the journal, finished or still written; a run that goes on gives its prices. Sectors come
from a file of groups, betas from bars that had ended by the journal's last record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tapeline.analysis.benchmark import split_ratios
from tapeline.analysis.beta import AT_LEAST, WINDOW, betas, session_closes
from tapeline.app.data_choice import DataChoice
from tapeline.app.run_files import newest_journal
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.domain.signal import Action
from tapeline.feeds.groups import read_groups
from tapeline.ledger.attribution import BY, Part, Piece, attribute, by_month, pieces_of
from tapeline.ledger.order_facts import OrderIntended
from tapeline.ledger.portfolio import Portfolio, portfolio_of
from tapeline.ledger.views import Views, rebuild
from tapeline.ports.journal import Journal
from tapeline.store.control_file import ENDING, ControlFile
from tapeline.store.sqlite_file import WriterLock
from tapeline.store.sqlite_journal import SqliteJournal

MONTH, SECTOR, SIGNAL = "month", "sector", "signal"
WAYS = (*BY, MONTH)


@dataclass(frozen=True, slots=True)
class PortfolioChoice:
    """What is asked about.

    journal : None = the newest run's below `work`; account : empty = all
    by : one of WAYS, empty = no attribution
    groups : file with a column `sector`
    bars, index : bars that betas are computed from, against the symbol `index`, over `window` sessions
    """

    journal: Path | None = None
    work: Path = Path("tapeline-work")
    account: str = ""
    by: str = ""
    groups: Path | None = None
    bars: DataChoice | None = None
    index: str = ""
    window: int = WINDOW


@dataclass(frozen=True)
class PortfolioBooks:
    """The portfolios that were asked for, with what they were made of.

    pieces : of each account's P&L, by account
    sources : sentences about where sectors and betas are from
    signals : what the signal of an entry is called, by order id; only if asked for
    shown_ns : when a run that goes on has shown the prices that hold here, None for those of the journal
    """

    path: Path
    views: Views
    portfolios: tuple[Portfolio, ...]
    pieces: Mapping[str, list[Piece]]
    sectors: Mapping[str, str] | None
    signals: Mapping[str, str]
    sources: tuple[str, ...]
    shown_ns: int | None

    def parts(self, portfolio: Portfolio, by: str) -> list[Part]:
        """Return what the P&L of an account is made of."""
        if by == MONTH:
            return by_month(self.views.profits.closes.get(portfolio.account, ()), portfolio.now)
        return attribute(self.pieces[portfolio.account], by, sectors=self.sectors, signals=self.signals)


def open_portfolio(choice: PortfolioChoice) -> PortfolioBooks:
    """Return what a journal says about its accounts. Raises InputError for what it does not have."""
    _check(choice)
    path = choice.journal or newest_journal(choice.work, begin="tapeline paper")
    with SqliteJournal.reading(path) as journal:
        views = rebuild(journal)
        time_ns = _last_time(journal, views)
        signals = _signals(journal, views) if choice.by == SIGNAL else {}
    shown_ns = _take_marks(path, views)
    time_ns = max(time_ns, shown_ns or 0)
    accounts = sorted({*views.cash, *(key[0] for key in views.positions)})
    if not accounts:
        raise InputError(f"Journal {path} has neither cash nor an execution yet; there is no portfolio.")
    if choice.account and choice.account not in accounts:
        raise UnknownNameError("account", choice.account, accounts, where="the journal")
    symbols = sorted({key[2] for key in views.positions})
    sectors, sources = None, []
    if choice.groups is not None:
        sectors = _sectors(choice.groups, symbols)
        sources.append(f"Sectors from {choice.groups}.")
    found = None
    if choice.bars is not None:
        found, sentence = _betas(choice.bars, choice.index, choice.window, time_ns)
        sources.append(sentence)
    wanted = [choice.account] if choice.account else accounts
    portfolios = [portfolio_of(views, name, time_ns=time_ns, sectors=sectors, betas=found) for name in wanted]
    pieces = {name: pieces_of(views, name, time_ns) for name in wanted}
    return PortfolioBooks(path, views, tuple(portfolios), pieces, sectors, signals, tuple(sources), shown_ns)


def _check(choice: PortfolioChoice) -> None:
    if choice.by and choice.by not in WAYS:
        raise UnknownNameError("way to attribute", choice.by, WAYS, where="--by")
    if choice.by == SECTOR and choice.groups is None:
        raise InputError("--by sector needs to know the sectors. Give --groups a file with symbol and sector.")
    if (choice.bars is None) != (not choice.index):
        raise InputError("Betas need both: bars, by --data or --lake, and --index, the symbol to measure against.")


def _last_time(journal: Journal, views: Views) -> int:
    last = next(journal.read(first=journal.head().count), None)
    closes = [of[-1].time_ns for of in views.profits.closes.values()]
    return max([0 if last is None else last.fact.event_time_ns, *closes])


def _take_marks(path: Path, views: Views) -> int | None:
    """Take the marks that a run which goes on has shown last; the journal knows those of closes and fills alone."""
    if not (Path(f"{path}{ENDING}").exists() and WriterLock.is_held(path)):
        return None
    with ControlFile.open(path) as desk:
        status = desk.status()
    if status is None or any(of and of[-1].time_ns > status.written_ns for of in views.profits.closes.values()):
        return None
    executions = views.orders.executions.values()
    newer = {one.symbol for one in executions if one is not None and one.event_time_ns > status.written_ns}
    for row in status.body["positions"]:
        if row["mark"] is not None and row["symbol"] not in newer:
            views.marks[row["symbol"]] = Decimal(row["mark"])
    return status.written_ns


def _signals(journal: Journal, views: Views) -> dict[str, str]:
    entries = {trip.entry_order_ids[0] for trip in views.round_trips}
    entries |= {next(iter(trip.entry_order_ids)) for trip in views.open_trips.values()}
    words = {action.word: action.word.replace("_", " ") for action in Action}
    found = {}
    for record in journal.read(kind=OrderIntended.kind):
        fact = record.fact
        if isinstance(fact, OrderIntended) and fact.signal_id is not None and fact.client_order_id in entries:
            action = fact.signal_id.rsplit("/", 2)[1]
            found[fact.client_order_id] = f"{fact.order.strategy} {words.get(action, action)}"
    return found


def _sectors(path: Path, symbols: list[str]) -> dict[str, str]:
    groups = read_groups(path, symbols)
    if SECTOR not in groups:
        raise UnknownNameError("column", SECTOR, groups, where=str(path))
    return {symbol: name for symbol, name in zip(symbols, groups[SECTOR], strict=True) if name is not None}


def _betas(bars: DataChoice, index: str, window: int, until_ns: int) -> tuple[dict[str, float], str]:
    reading, actions = bars.read_with_actions()
    panel = reading.panel
    closes = session_closes(panel, split_ratios(actions, panel), until_ns)
    at_least = min(AT_LEAST, window)
    found = betas(closes, panel.column(index), window=window, at_least=at_least)
    sentence = (
        f"Betas against {index} over the {min(window, max(0, len(closes) - 1))} sessions before, at least {at_least},"
        f" from {reading.report.source}."
    )
    return dict(zip(panel.symbols, found.tolist(), strict=True)), sentence
