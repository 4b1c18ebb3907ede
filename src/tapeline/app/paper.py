"""Paper trading: strategies on a feed in real or compressed time, the simulated venue, a journal, people at the desk.

    trade_on_paper([SwingTrend()], panel, Path("tapeline-work/run-0007/journal.sqlite"), speed=60)

The same engine as a live run: every order goes through gate and order keeper, every fact is durable before anything
leaves. Only the feed and the venue are simulated.
"""

from __future__ import annotations

import gc
import hashlib
import math
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tapeline import __version__
from tapeline.app.replay import code_digest, configuration
from tapeline.app.resumed_settings import SettingChanged, settings_changed
from tapeline.app.taxes import TaxChoice, open_books
from tapeline.brokers.simulated.broker import SimulatedBroker
from tapeline.brokers.simulated.memory import VenueMemory
from tapeline.domain.cash import CashCause
from tapeline.domain.corporate import CorporateAction
from tapeline.domain.errors import DataError, UnknownNameError
from tapeline.domain.money import exact
from tapeline.domain.panel import Panel
from tapeline.domain.times import SECOND
from tapeline.domain.words import Reason
from tapeline.engine.assembly import AnyStrategy, assemble
from tapeline.engine.checkpoint import LEAST_FACTS, Checkpoints
from tapeline.engine.guard import Guard
from tapeline.engine.live import LiveEngine
from tapeline.engine.loop import EventLoop
from tapeline.engine.restart import NOT_NEEDED
from tapeline.engine.warmup_check import check_warmup
from tapeline.execution.settings import KeeperSettings
from tapeline.feeds.digest import panel_digest
from tapeline.feeds.paced import PacedReplay, PacedTime
from tapeline.feeds.replay import Replay
from tapeline.ledger.canonical import encode_tree
from tapeline.ledger.control_facts import RunResumed
from tapeline.ledger.facts import CashMoved, RunEnded, RunStarted
from tapeline.ledger.order_facts import OrderRejected
from tapeline.ledger.replaces import CANCEL_KINDS, KINDS, Cancels
from tapeline.ledger.standing import records_of
from tapeline.ledger.views import without_collector
from tapeline.risk.account_rules import AccountDays, DayTrades, SettledCash
from tapeline.risk.gate import Gate, Market
from tapeline.risk.gate_settings import GateSettings
from tapeline.risk.monitors import Monitors, MonitorSettings
from tapeline.risk.wash_sales import WashSaleCheck
from tapeline.simulation.settings import RunSettings, as_facts
from tapeline.simulation.tables import Tables
from tapeline.simulation.venue import instruments_of
from tapeline.store.checkpoint_file import read_checkpoint, write_checkpoint
from tapeline.store.control_file import ControlFile
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tax.accounts import Account as TaxAccount
from tapeline.tax.engine import TaxEngine
from tapeline.tax.pre_trade import WashSaleLimit

ANSWERED_AFTER_FRAMES = 2.5
"""A venue that trades by bars tells of an order at the end of the next bar; this many frames are no sign of a loss."""


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """What a paper run adds to a backtest's settings.

    gate, monitors : bounds of single orders and of the run; strategy_gates : of single strategies by name
    keeper : settings of the order keeper by name; its time-outs, where they are not given, follow from the bars
    shortable : symbols that can be borrowed, None = all
    wash_sales : what is done about an order that would make a wash sale
    taxpayer : the tables of what the taxpayer's accounts did before the run, None = nothing; the run trades in `main`
    """

    gate: GateSettings = field(default_factory=GateSettings)
    strategy_gates: Mapping[str, GateSettings] = field(default_factory=dict)
    monitors: MonitorSettings = field(default_factory=MonitorSettings)
    keeper: Mapping[str, Any] = field(default_factory=dict)
    shortable: Collection[str] | None = None
    wash_sales: WashSaleLimit = WashSaleLimit.OFF
    taxpayer: TaxChoice | None = None


def trade_on_paper(
    strategies: Sequence[AnyStrategy],
    data: Panel,
    journal_path: Path,
    settings: RunSettings | None = None,
    paper: PaperSettings | None = None,
    *,
    speed: float = 1.0,
    data_source: str = "a panel in memory",
    corporate_actions: Sequence[CorporateAction] = (),
    groups: Mapping[str, Sequence[Any]] | None = None,
    seed: int = 0,
    resume: bool = False,
    wait_s: float = 0.0,
    on_open: Callable[[Sequence[SettingChanged]], None] | None = None,
    on_turn: Callable[[LiveEngine], None] | None = None,
    checkpoint_facts: int = LEAST_FACTS,
) -> LiveEngine:
    """Run strategies on paper until the bars end or somebody says stop. Returns the engine as it stopped.

    journal_path : a new journal, or with `resume` that of a run that stopped or was killed, which goes on after the
        last bar it knows; commands and status go through the control file beside it
    wait_s : how long to wait for another process that writes the journal, seconds
    on_open : called once the journal is this process's own and before anything is recorded, with what a run that goes
        on is set to otherwise than it was; what it raises ends the run there
    checkpoint_facts : how many facts are worth a checkpoint at the end of a session (`engine/checkpoint.py`)
    speed : how much faster than the computer's clock time runs; infinity = as fast as the work is done
    Raises DataError when there is nothing to run on, the journal holds a run already or none to go on with, or the
    bars are not those it began on; ConfigurationError when what it holds belongs to strategies that are not given;
    InputError and its kinds for a taxpayer's tables that cannot be used.
    """
    settings, paper = settings or RunSettings(), paper or PaperSettings()
    if not len(data):
        raise DataError("There are no bars to trade on. Check period and symbols.")
    assembly = assemble(
        tuple(strategies), symbol_count=len(data.symbols), base_frame_ns=data.frame_ns, settings=settings, groups=groups
    )
    for name in paper.strategy_gates:
        if name not in assembly.names:
            raise UnknownNameError("strategy", name, assembly.names, where="the settings' gate")
    check_warmup(assembly, data)
    new_engine = engine_of_taxpayer(paper.taxpayer)
    with SqliteJournal.writing(journal_path, wait_s=wait_s) as journal, ControlFile.open(journal_path) as control:
        start_ns = _resumes_at(journal, data) if resume else _begins_at(journal, data)
        manifest = {**configuration(assembly.manifest, settings, data, groups or {}), "paper": _as_facts(paper)}
        if on_open is not None:
            on_open(settings_changed(_manifest_of(journal), manifest) if resume else [])
        time = PacedTime(start_ns, speed)
        broker = SimulatedBroker(data.symbols, data.frame_ns, data.sessions, settings, corporate_actions, time)
        feed = PacedReplay(Replay(data), on_slice=broker.play)
        longest_s = ANSWERED_AFTER_FRAMES * int((data.end_ns - data.start_ns).max()) / SECOND
        keeper = KeeperSettings(**{"request_timeout_s": longest_s, "horizon_s": 2 * longest_s, **paper.keeper})
        loop = EventLoop(assembly, feed, broker, journal, clock=time, sessions=data.sessions, keeper=keeper, seed=seed)
        wash_sales = None
        if paper.wash_sales is not WashSaleLimit.OFF:
            zone = (paper.taxpayer or TaxChoice()).zone
            wash_sales = WashSaleCheck(new_engine, paper.wash_sales, loop.record, zone)
            loop.on_fact.append(wash_sales.see)
        cancels = Cancels()
        loop.on_fact.append(cancels.see)
        gate = gate_of(loop, paper, settings, wash_sales)
        # a turn that takes a second takes a minute of a market that runs sixty times as fast
        turn_s = paper.monitors.turn_s * (max(speed, 1.0) if math.isfinite(speed) else 1.0)
        guard = Guard(
            gate,
            Monitors(replace(paper.monitors, turn_s=turn_s)),
            loop.desk,
            loop.views,
            loop.record,
            loop.keeper,
        )
        gate.hold_back_by(lambda symbol: None if loop.keeper.may_risk(symbol) else _in_doubt(loop, symbol))
        versions = (start_ns, __version__, code_digest(), manifest, data_source, panel_digest(data), seed)
        of = _digest_of([*versions[2:4], *versions[5:], [repr(action) for action in corporate_actions]])
        write = partial(write_checkpoint, journal_path, of=of)
        checkpoints = Checkpoints(write, {"venue": broker}, checkpoint_facts)
        engine = LiveEngine(loop, guard, feed, time, control, on_turn=on_turn, checkpoints=checkpoints)
        with ExitStack() as until_the_end:
            with without_collector():
                if resume:
                    history, first = feed.past(start_ns), 1
                    kept = read_checkpoint(journal_path, journal, of)
                    if kept is not None:
                        first = kept.count + 1
                        checkpoints.begin(kept.count)
                        history = engine.put_back(kept.state, history)
                        broker.take_state(kept.state["venue"])
                    later = (record.fact for record in records_of(journal, (*KINDS, *CANCEL_KINDS), first))
                    known = VenueMemory(broker, _never_sent(journal), loop.replaces, cancels, later)
                    engine.resume(journal.facts(passing_over=NOT_NEEDED, first=first), history, known)
                    loop.record(RunResumed(*versions))
                else:
                    loop.record(RunStarted(*versions))
                    loop.record(CashMoved(start_ns, CashCause.DEPOSIT, exact(settings.account.cash)))
                until_the_end.enter_context(_what_is_there_stays())
            engine.run()
        loop.record(RunEnded(time.now_ns(), loop.views.digest(), {"slices": loop.slices}))
        journal.commit()
    return engine


@contextmanager
def _what_is_there_stays() -> Iterator[None]:
    # Programs, kernels and the books so far: the collector would look through them in the middle of a slice.
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _begins_at(journal: SqliteJournal, data: Panel) -> int:
    count = journal.head().count
    if count:
        raise DataError(
            f"Journal {journal.path} already holds {count} records; a paper run begins a new one. Name another file, or"
            " go on with this one by --resume."
        )
    return int(data.start_ns[0])


def _resumes_at(journal: SqliteJournal, data: Panel) -> int:
    """Return the time of the newest fact: every slice up to it was worked off, as a turn is committed whole."""
    newest_ns = journal.newest_ns()
    started = next(journal.read(kind=RunStarted.kind), None)
    if newest_ns is None or started is None or not isinstance(started.fact, RunStarted):
        raise DataError(f"Journal {journal.path} holds no run; there is nothing to go on with.")
    if started.fact.data_digest != panel_digest(data):
        raise DataError(
            f"The run of journal {journal.path} began on other bars ({started.fact.data_source}); a paper run goes on"
            " on the bars it began on. Give the same symbols, period and source."
        )
    return max(newest_ns, int(data.start_ns[0]))


def _manifest_of(journal: SqliteJournal) -> Mapping[str, Any]:
    """Return how the run was set by the process before."""
    found: Mapping[str, Any] = {}
    for kind in (RunStarted.kind, RunResumed.kind):
        for record in journal.read(kind=kind):
            if isinstance(record.fact, (RunStarted, RunResumed)):
                found = record.fact.configuration
    return found


def _as_facts(paper: PaperSettings) -> dict[str, Any]:
    return {
        "gate": as_facts(paper.gate),
        "strategy_gates": as_facts(paper.strategy_gates),
        "monitors": as_facts(paper.monitors),
        "keeper": as_facts(paper.keeper),
        "shortable": None if paper.shortable is None else sorted(paper.shortable),
        "wash_sales": paper.wash_sales.value,
    }


def _never_sent(journal: SqliteJournal) -> set[str]:
    """Return the ids of orders that the books ended because they never arrived."""
    rejections = (record.fact for record in journal.read(kind=OrderRejected.kind))
    return {
        fact.client_order_id
        for fact in rejections
        if isinstance(fact, OrderRejected) and fact.reason is Reason.NEVER_ARRIVED
    }


def _digest_of(versions: list[Any]) -> str:
    """Return the SHA-256 of what a checkpoint rests on besides its journal: code, settings, bars, Python's own."""
    means = {"versions": versions, "python": sys.version, "numpy": np.__version__}
    return hashlib.sha256(encode_tree(means)).hexdigest()


def engine_of_taxpayer(choice: TaxChoice | None) -> Callable[[], TaxEngine]:
    """Return what makes a tax engine that knows account `main` and what stands in a taxpayer's tables."""
    if choice is None:
        return lambda: TaxEngine([TaxAccount("main")])
    books = open_books(choice)
    books = replace(books, accounts={"main": TaxAccount("main"), **books.accounts})

    def new_engine() -> TaxEngine:
        engine = books.new_engine()
        engine.apply(books.events)
        return engine

    return new_engine


def gate_of(
    loop: EventLoop, paper: PaperSettings, settings: RunSettings, wash_sales: WashSaleCheck | None = None
) -> Gate:
    """Return the gate of a loop, which follows its facts from now on."""
    bounds = [paper.gate, *paper.strategy_gates.values()]
    tables, columns, clock = loop.desk.book.fixed, loop.desk.columns, loop.clock
    days = AccountDays(loop.sessions)
    cash = trades = None
    if settings.account.kind == "cash" and any(bound.settled_cash for bound in bounds):
        cash = SettledCash(
            loop.views,
            days,
            lambda symbol: float(
                tables.prices[columns[symbol]] if symbol in columns else loop.views.marks.get(symbol, 0)
            ),
        )
        loop.on_fact.append(cash.see)
    if any(bound.day_trades is not None for bound in bounds):
        trades = DayTrades(loop.views, days)
        loop.on_fact.append(trades.see)
    return Gate(
        paper.gate,
        loop.views,
        {instrument.symbol: instrument for instrument in instruments_of(loop.symbols, settings)},
        lambda symbol: float(tables.positions[columns[symbol]]),
        lambda symbol: market_of(loop, tables, symbol),
        of_strategies=paper.strategy_gates,
        settled_cash=None if cash is None else lambda: cash.amount(clock.now_ns()),
        day_trades=None if trades is None else lambda: trades.count(clock.now_ns()),
        equity=lambda: float(tables.account[0]["equity"]),
        shortable=None if paper.shortable is None else frozenset(paper.shortable),
        wash_sales=wash_sales,
    )


def market_of(loop: EventLoop, tables: Tables, symbol: str) -> Market:
    """Return what a loop, whose book has these tables, knows of a symbol's market now.

    Quotes are the series `bid` and `ask` of the feed, a halt is a series `halted` that is not zero; where the feed has
    none of them, there are none.
    """
    column = loop.desk.columns[symbol]
    sessions, now_ns = loop.sessions, loop.clock.now_ns()
    is_open = True
    if sessions is not None:
        # an order that is decided at a bar's end works from the next bar on
        index = int(np.searchsorted(sessions.open_ns, now_ns, side="right")) - 1
        is_open = index >= 0 and now_ns < int(sessions.close_ns[index])

    def newest(name: str) -> float:
        values = loop.series.get(name)
        return math.nan if values is None else float(values[0, column])

    is_halted = newest("halted") > 0
    return Market(
        float(tables.prices[column]), int(tables.priced_ns[column]), newest("bid"), newest("ask"), is_open, is_halted
    )


def _in_doubt(loop: EventLoop, symbol: str) -> str:
    gap = loop.views.control.gap
    if gap is not None:
        return f"a gap is open ({gap.cause.name}): reports may be missing, and nothing new is risked"
    return f"{symbol} is locked: the broker's position is not explained by executions"
