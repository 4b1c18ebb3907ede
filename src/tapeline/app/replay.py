"""A replay: strategies, data, the simulated venue and a journal, wired together and run to the end.

    run = replay([MovingAverageCross()], read_bars("bars.parquet").panel, "run.journal")
    print(run.result.metrics["net_profit"], run.journal_head)

This is the only place where the event loop meets the simulated broker.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapeline import __version__
from tapeline.brokers.simulated.broker import SimulatedBroker
from tapeline.domain.cash import CashCause
from tapeline.domain.corporate import CorporateAction
from tapeline.domain.errors import DataError
from tapeline.domain.money import exact
from tapeline.domain.panel import Panel
from tapeline.domain.slice import Slice
from tapeline.engine.assembly import AnyStrategy, assemble
from tapeline.engine.inputs import Inputs
from tapeline.engine.loop import EventLoop
from tapeline.engine.result import Result
from tapeline.engine.warmup_check import check_warmup
from tapeline.feeds.clock import ClockedFeed, VirtualClock
from tapeline.feeds.digest import panel_digest
from tapeline.feeds.replay import Replay
from tapeline.formula.program import Program
from tapeline.indicators.code_cache import PACKAGE
from tapeline.ledger.facts import CashMoved, RunEnded, RunStarted
from tapeline.ledger.views import Views
from tapeline.simulation.settings import RunSettings, as_facts
from tapeline.store.sqlite_journal import SqliteJournal

REPLAY_BATCH_SLICES = 390
"""Slices per commit of a replay: a session of minutes, at most this much is repeated after a crash."""


@dataclass(frozen=True, eq=False)
class FinishedReplay:
    """What a replay leaves: the result, the exact books, and the end of its journal's chain."""

    result: Result
    views: Views
    journal_head: str
    fact_count: int


def replay(
    strategies: Sequence[AnyStrategy],
    data: Panel,
    journal_path: str | Path = ":memory:",
    settings: RunSettings | None = None,
    *,
    data_source: str = "a panel in memory",
    corporate_actions: Sequence[CorporateAction] = (),
    groups: Mapping[str, Sequence[Any]] | None = None,
    seed: int = 0,
    batch_slices: int = REPLAY_BATCH_SLICES,
    on_slice: Callable[[Slice, EventLoop], None] | None = None,
) -> FinishedReplay:
    """Run strategies through the event loop on the simulated venue, every fact journaled.

    journal_path : a new journal's file, or ":memory:"; groups : as of `backtest`
    data_source : how the manifest names the data
    on_slice : called after each slice with it and the loop
    Raises DataError when there is nothing to run on or the journal already holds a run.
    """
    settings = settings or RunSettings()
    if not len(data):
        raise DataError("There are no bars to replay. Check period and symbols.")
    assembly = assemble(
        tuple(strategies), symbol_count=len(data.symbols), base_frame_ns=data.frame_ns, settings=settings, groups=groups
    )
    check_warmup(assembly, data)
    broker = SimulatedBroker(data.symbols, data.frame_ns, data.sessions, settings, corporate_actions)
    with SqliteJournal.writing(journal_path) as journal:
        if journal.head().count:
            raise DataError(
                f"Journal {journal_path} already holds {journal.head().count} records; a replay begins a"
                " new one. Name another file."
            )
        start_ns = int(data.start_ns[0])
        clock = VirtualClock(start_ns)
        feed = broker.watch(ClockedFeed(Replay(data), clock))
        loop = EventLoop(
            assembly,
            feed,
            broker,
            journal,
            clock=clock,
            sessions=data.sessions,
            batch_slices=batch_slices,
            on_slice=on_slice,
        )
        loop.record(
            RunStarted(
                start_ns,
                __version__,
                code_digest(),
                configuration(assembly.manifest, settings, data, groups or {}),
                data_source,
                panel_digest(data),
                seed,
            )
        )
        loop.record(CashMoved(start_ns, CashCause.DEPOSIT, exact(settings.account.cash)))
        loop.run(feed.slices())
        inputs = Inputs(assembly.strategies, data, settings, corporate_actions, groups)
        result = dataclasses.replace(loop.result(), inputs=inputs)
        loop.record(RunEnded(clock.now_ns(), loop.views.digest(), {"digest": result.digest, "slices": loop.slices}))
        journal.commit()
        head = journal.head()
    return FinishedReplay(result, loop.views, head.text, head.count)


def check_run(
    strategies: Sequence[AnyStrategy],
    data: Panel,
    settings: RunSettings,
    groups: Mapping[str, Sequence[Any]] | None = None,
) -> Program:
    """Raise what a run of these would be refused for, before kernels are compiled or files written.

    Returns the program of their formulas, which tells the kernels that the run needs.
    """
    assembly = assemble(
        tuple(strategies), symbol_count=len(data.symbols), base_frame_ns=data.frame_ns, settings=settings, groups=groups
    )
    check_warmup(assembly, data)
    return assembly.program


def code_digest() -> str:
    """Return the SHA-256 over every source file of the package, names and bytes in order of their names."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def configuration(
    strategies: list[dict[str, Any]], settings: RunSettings, data: Panel, groups: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """Return what was set, defaults included, as the manifest holds it."""
    return {
        **({"groups": {name: list(labels) for name, labels in groups.items()}} if groups else {}),
        "calendar": data.sessions.name if data.sessions is not None else None,
        "frame_ns": data.frame_ns,
        "settings": as_facts(settings),
        "strategies": strategies,
        "symbols": list(data.symbols),
    }
