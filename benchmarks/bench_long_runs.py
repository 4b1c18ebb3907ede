"""What a long live run costs: its restart, and what it has in memory.

    .venv/bin/python benchmarks/bench_long_runs.py [restart] [resume] [idle] [soak] [repeat]

Prints one JSON line for each part. Journals are kept in memory where they can, since a month of turns is not to wait
for a disk. What is about memory is measured in a process of its own: name one part at a time.
"""

from __future__ import annotations

import contextlib
import gc
import math
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench_live import SYMBOLS, T0, Restless, an_order, filled, tell, turns_of
from tapeline import Account, Market, RunSettings, backtest
from tapeline.app.paper import PaperSettings, trade_on_paper
from tapeline.domain.cash import CashCause
from tapeline.domain.panel import Panel
from tapeline.domain.reports import Query, Question
from tapeline.domain.times import SECOND
from tapeline.domain.words import Side
from tapeline.engine.live import LiveEngine
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.facts import CashMoved
from tapeline.ledger.order_facts import OrderAccepted, OrderIntended
from tapeline.ledger.views import rebuild
from tapeline.ports.journal import Fact
from tapeline.risk.gate_settings import GateSettings
from tapeline.store.checkpoint_file import checkpoint_path
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.strategies.moving_average_cross import MovingAverageCross
from tapeline.tape.calendars import sessions

RESTART_RECORDS = 1_000_000
RESUME_SESSIONS = 31
"""Of 50 symbols in and out with nearly every bar: a million records."""


def journal_of(path: Path, records: int) -> None:
    """Write a journal of orders, each accepted and filled."""
    draw = random.Random(7)
    with SqliteJournal.writing(path) as journal:
        journal.append(CashMoved(T0, CashCause.DEPOSIT, Decimal(10**9)))
        number = 0
        while journal.head().count < records:
            number += 1
            side = Side.BUY if draw.random() < 0.5 else Side.SELL
            order = an_order(draw.choice(SYMBOLS), number, side=side)
            facts: list[Fact] = [
                OrderIntended(order),
                OrderAccepted(order.decision_time_ns, order.client_order_id),
                filled(order, number, order.decision_time_ns + SECOND),
            ]
            for fact in facts:
                journal.append(fact)
            if number % 10_000 == 0:
                journal.commit()
        journal.commit()


def restart() -> None:
    """The books of a journal of a million records."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        journal_of(path, RESTART_RECORDS)
        with SqliteJournal.reading(path) as journal:
            started = time.perf_counter()
            views = rebuild(journal)
            seconds = time.perf_counter() - started
    tell("restart", seconds=seconds, records=RESTART_RECORDS, positions=len(views.positions), target_s=10)


class KilledError(Exception):
    """What stands for the end of a process between two turns."""


@cache
def bars_of_fifty(count: int) -> Panel:
    """Return the minutes of 50 symbols over so many sessions."""
    days = sessions("XNYS", date(2024, 1, 2), date(2024, 3, 1))
    return simulate_market(7, sessions=days, symbols=50).panel.rows(0, count * 390)


def trade_until(slices: int, path: Path, count: int, *, resume: bool) -> None:
    """Trade so many sessions of 50 symbols on paper, and kill the run after so many slices."""
    panel = bars_of_fifty(count)
    settings = RunSettings(account=Account(1e9), market=Market(latency_s=0.001))
    paper = PaperSettings(GateSettings(orders_per_second=10**6, orders_per_minute=10**6))

    def on_turn(engine: LiveEngine) -> None:
        if engine.loop.slices >= slices:
            raise KilledError

    with contextlib.suppress(KilledError):
        trade_on_paper([Restless()], panel, path, settings, paper, speed=math.inf, resume=resume, on_turn=on_turn)


def resumed(path: Path, count: int) -> tuple[float, float]:
    """Go on with a run that was killed; returns the seconds and those of the processor to the end of a turn."""
    gc.collect()
    started, started_cpu = time.perf_counter(), time.process_time()
    trade_until(0, path, count, resume=True)
    return time.perf_counter() - started, time.process_time() - started_cpu


def killed_and_resumed(count: int, folder: str) -> tuple[int, float, float]:
    """Kill a run over so many sessions before its last minute and go on with it; returns its records, too."""
    path = Path(folder) / f"journal-{count}"
    trade_until(count * 390 - 1, path, count, resume=False)
    with SqliteJournal.reading(path) as journal:
        records = journal.head().count
    return records, *resumed(path, count)


def resume() -> None:
    """A killed run of a million records goes on: books, book, formulas and venue; from its checkpoint, and without."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        killed_and_resumed(1, folder)  # what a process does once: kernels and patterns
        records, *took = killed_and_resumed(RESUME_SESSIONS, folder)
        path = Path(folder) / f"journal-{RESUME_SESSIONS}"
        checkpoint_path(path).unlink()
        whole = resumed(path, RESUME_SESSIONS)
    tell(
        "resume", seconds=took[0], processor_s=took[1], whole_journal_s=whole[0], whole_journal_processor_s=whole[1],
        records=records, target_s=10,
    )  # fmt: skip


def memory_mb(process: int | str = "self") -> float:
    """Return what a process has in memory now."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1_024


def idle() -> None:
    """A `tapeline paper` process that waits for its next minute, by symbols: five sessions of bars behind it."""
    for symbols, target in ((500, 500), (2_000, 2_000)):
        with tempfile.TemporaryDirectory() as folder:
            panel = simulate_market(
                7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 8)), symbols=symbols
            ).panel
            path = Path(folder) / "bars.parquet"
            rows, columns = np.nonzero(~np.isnan(panel.close))
            table = {"ts": panel.start_ns[rows], "symbol": np.array(panel.symbols)[columns]}
            fields = {name: getattr(panel, name)[rows, columns] for name in ("open", "high", "low", "close", "volume")}
            moments = pl.col("ts").cast(pl.Datetime("ns", "UTC"))
            pl.DataFrame({**table, **fields}).with_columns(moments).write_parquet(path)
            command = [sys.executable, "-m", "tapeline.cli", "paper", "intraday-mean-reversion", "--speed", "real"]
            process = subprocess.Popen(
                [*command, "--data", str(path), "--work", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                while not [*Path(folder).rglob("*control*")]:
                    time.sleep(1.0)
                    assert process.poll() is None, "the run has ended"
                time.sleep(75.0)  # the first minute is behind it
                tell("idle", symbols=symbols, megabytes=round(memory_mb(process.pid)), target_mb=target)
            finally:
                process.send_signal(signal.SIGINT)
                process.wait()


def soak() -> None:
    """A month of minutes on paper: memory at the end of each session, and the venue's books against the ledger's."""
    sizes: list[float] = []
    drifts = 0
    last_session = -1

    def watch(engine: LiveEngine) -> None:
        nonlocal drifts, last_session
        loop: Any = engine.loop
        session = loop.session
        if session == last_session:
            return
        last_session = session
        gc.collect()
        sizes.append(memory_mb())
        theirs = loop.broker._register.answer(Query(0, Question.POSITIONS), loop.clock.now_ns()).quantities
        ours = {symbol: loop.views.quantity(symbol) for symbol in loop.symbols}
        drifts += {symbol: held for symbol, held in ours.items() if held} != {
            symbol: held for symbol, held in theirs.items() if held
        }
        cash = loop.broker._register.answer(Query(0, Question.CASH), loop.clock.now_ns()).amount
        drifts += abs(cash - loop.views.cash_amount()) >= Decimal("0.005")

    days = sessions("XNYS", date(2024, 1, 2), date(2024, 2, 13))
    panel = simulate_market(7, sessions=days, symbols=5).panel
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        engine = turns_of(Restless(), panel, folder, watch)
    tell(
        "soak", sessions=len(sizes), orders=len(engine.loop.views.orders.states), day_2_mb=sizes[2], last_mb=sizes[-1],
        most_mb=max(sizes), drifts=drifts, findings=len(engine.loop.views.control.locks), target="no growth, no drift",
    )  # fmt: skip


def repeat() -> None:
    """A thousand backtests in one process: what stays of them."""
    panel = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 3)), symbols=5).panel
    sizes = {}
    for number in range(1, 1_001):
        backtest([MovingAverageCross(frame="5min")], panel, RunSettings())
        if number in (5, 100, 1_000):
            gc.collect()
            sizes[f"after_{number}_mb"] = memory_mb()
    tell("repeat", **sizes, target="no growth")


PARTS = {
    "restart": restart,
    "resume": resume,
    "idle": idle,
    "soak": soak,
    "repeat": repeat,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()
