"""How fast a live run is, by parts and as a whole; restarts and memory are in `bench_long_runs.py`.

    .venv/bin/python benchmarks/bench_live.py [gate] [limits] [slice] [order] [orders] [messages] [portfolio] [drill]

Prints one JSON line for each part. The working folder is of the disk whose syncs are waited for.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from tapeline import Account, Limits, Market, RuleStrategy, RunSettings, bars, distance, fixed_quantity
from tapeline.app.paper import PaperSettings, trade_on_paper
from tapeline.app.precompile import ensure_kernels
from tapeline.app.warm import kernels_for
from tapeline.domain.cash import CashCause
from tapeline.domain.execution import Execution
from tapeline.domain.instrument import Instrument
from tapeline.domain.order import Order, client_order_id
from tapeline.domain.panel import Panel
from tapeline.domain.slice import Slice
from tapeline.domain.times import MINUTE, SECOND, from_iso
from tapeline.domain.words import OrderType, Side, TimeInForce
from tapeline.engine.assembly import assemble
from tapeline.engine.live import LiveEngine
from tapeline.feeds.aggregation import Aggregator
from tapeline.feeds.simulated import simulate_market
from tapeline.indicators.messages import MESSAGE, TRADE
from tapeline.ledger.attribution import attribute, pieces_of
from tapeline.ledger.canonical import decode
from tapeline.ledger.facts import CashMoved
from tapeline.ledger.order_facts import OrderAccepted, OrderFilled, OrderIntended
from tapeline.ledger.portfolio import portfolio_of
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact
from tapeline.risk.gate import Gate
from tapeline.risk.gate import Market as SymbolMarket
from tapeline.risk.gate_settings import GateSettings
from tapeline.simulation.sizing import SIZE_FIXED, enter
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.strategies.moving_average_cross import MovingAverageCross
from tapeline.tape.calendars import sessions

SYMBOLS = tuple(f"S{number:04d}" for number in range(1_000))
T0 = from_iso("2024-01-02T15:00:00Z")
POSITIONS = WORKING = 500


def tell(name: str, **figures: Any) -> None:
    """Print one line."""
    rounded = {key: round(value, 6) if isinstance(value, float) else value for key, value in figures.items()}
    print(json.dumps({"benchmark": name, **rounded}), flush=True)


def an_order(symbol: str, number: int, **terms: Any) -> Order:
    """Return a limit order to buy ten."""
    known: dict[str, Any] = {
        "client_order_id": client_order_id("Bench", symbol, T0 + number * SECOND, number % 1_000_000),
        "strategy": "Bench",
        "symbol": symbol,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "limit_price": Decimal("99.50"),
        "quantity": Decimal(10),
        "decision_time_ns": T0 + number * SECOND,
        "time_in_force": TimeInForce.DAY,
    }
    return Order(**{**known, **terms})


def filled(order: Order, number: int, time_ns: int) -> OrderFilled:
    """Return the whole of an order as one execution."""
    execution = Execution(
        f"E{number}", order.client_order_id, order.strategy, order.symbol, order.side, order.quantity,
        Decimal("99.50"), Decimal("0.35"), time_ns,
    )  # fmt: skip
    return OrderFilled(execution, Decimal(0))


def gate() -> None:
    """The questions of single orders, with 500 positions and 500 working orders."""
    views = Views()
    views.apply(CashMoved(T0, CashCause.DEPOSIT, Decimal(10_000_000)))
    for number in range(POSITIONS + WORKING):
        order = an_order(SYMBOLS[number % POSITIONS], number)
        views.apply(OrderIntended(order))
        views.apply(OrderAccepted(T0, order.client_order_id))
        if number < POSITIONS:
            views.apply(filled(order, number, T0))
    market = SymbolMarket(100.0, T0, 99.99, 100.01, is_open=True)
    settings = GateSettings(orders_per_second=10**9, orders_per_minute=10**9, order_notional=1e9, day_trades=10**9)
    found = Gate(
        settings, views, {symbol: Instrument(symbol) for symbol in SYMBOLS}, lambda symbol: 10.0, lambda symbol: market,
        settled_cash=lambda: Decimal(10**9), day_trades=lambda: 0, shortable=frozenset(SYMBOLS),
    )  # fmt: skip
    took = []
    for number in range(20_000):
        quantity = Decimal(10 + number)  # never the order of a moment ago
        order = an_order(SYMBOLS[number % POSITIONS], 5_000 + number, quantity=quantity)
        now_ns = T0 + number * SECOND // 100
        started = time.perf_counter_ns()
        denial = found.ask(order, now_ns)
        took.append(time.perf_counter_ns() - started)
        assert denial is None, denial
    took.sort()
    tell("gate", median_us=took[len(took) // 2] / 1e3, p99_us=took[len(took) * 99 // 100] / 1e3, target_us=50)


class Idle(RuleStrategy):
    """Entered by the benchmark alone."""

    enter_long = bars("1min").close < 0
    stop = distance(1)
    size = fixed_quantity(1)


def limits() -> None:
    """The questions of size: sums over 500 positions and 500 working entries, every limit set."""
    every = Limits(
        position=1.0, gross=100.0, net=100.0, short=100.0, sector=100.0, open_risk=100.0, risk_per_trade=1.0,
        positions=10_000, trades_per_day=10**9, loss_per_day=0.9, drawdown_per_day=0.9, losses_in_row=10**6,
        reward_risk=0.1, stale_s=1e9, loss_per_trade=0.9,
    )  # fmt: skip
    run = RunSettings(account=Account(1e9, "margin", 100.0, short_allowed=True), limits=every)
    groups = {"sector": [str(number % 11) for number in range(len(SYMBOLS))]}
    count = len(SYMBOLS)
    assembly = assemble([Idle()], symbol_count=count, base_frame_ns=MINUTE, settings=run, groups=groups)
    book = assembly.new_book(SYMBOLS)
    tables = book.fixed
    tables.account[0]["equity"] = 1e9
    tables.days["start"] = tables.days["high"] = tables.days["worth"] = 1e9
    tables.prices[:] = tables.marks[:] = 100.0
    tables.priced_ns[:] = T0
    nan = float("nan")
    took = []
    for number in range(count):
        tables.account[0]["intents"] = 0
        started = time.perf_counter_ns()
        enter(book, 0, number, 1, SIZE_FIXED, 10.0, nan, 99.0, 103.0, nan, nan, T0)
        took.append(time.perf_counter_ns() - started)
        if number % 2:  # every second entry is filled and becomes a position
            holding = tables.holdings[0, number]
            holding["quantity"], holding["entry_price"], holding["pending_notional"] = 10.0, 100.0, 0.0
            tables.positions[number] = 10.0
            tables.states[0, number] = 2
    assert tables.account[0]["busy"] == count
    last = sorted(took[-200:])
    tell("limits", median_us=median(last) / 1e3, p99_us=last[-2] / 1e3, target_us=50)


def messages() -> None:
    """Trades of 2,000 symbols over a session, in batches of a hundred, to slices."""
    calendar = sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2))
    count, total, batch = 2_000, 2_000_000, 100
    draw = np.random.default_rng(7)
    rows = np.zeros(total, dtype=MESSAGE)
    rows["kind"], rows["b"] = TRADE, 100.0
    rows["column"] = draw.integers(0, count, total)
    rows["time_ns"] = int(calendar.open_ns[0]) + np.sort(draw.integers(0, 390 * MINUTE, total))
    rows["a"] = draw.uniform(10.0, 20.0, total)
    aggregator = Aggregator(tuple(f"S{number}" for number in range(count)), MINUTE, calendar)
    aggregator.open(int(calendar.open_ns[0]))
    aggregator.take(rows[:0])
    slices, started = 0, time.perf_counter()
    for first in range(0, total, batch):
        aggregator.take(rows[first : first + batch])
        slices += sum(1 for _ in aggregator.ended(int(rows["time_ns"][min(first + batch, total) - 1])))
    tell("messages", per_second=round(total / (time.perf_counter() - started)), slices=slices, target=200_000)


def portfolio() -> None:
    """The portfolio of 500 holdings, sectors and betas known, and what 50,000 round trips made by exit."""
    views = Views()
    views.apply(CashMoved(T0, CashCause.DEPOSIT, Decimal(10**9)))
    number = 0
    for number in range(100 * len(SYMBOLS) + POSITIONS):
        side = Side.BUY if number // len(SYMBOLS) % 2 == 0 else Side.SELL
        order = an_order(SYMBOLS[number % len(SYMBOLS)], number, side=side)
        views.apply_all([OrderIntended(order), filled(order, number, order.decision_time_ns)])
    now_ns = T0 + number * SECOND
    sectors = {name: str(place % 11) for place, name in enumerate(SYMBOLS)}
    betas = {name: place / len(SYMBOLS) for place, name in enumerate(SYMBOLS)}
    took, summed = [], []
    for _ in range(20):
        started = time.perf_counter()
        found = portfolio_of(views, time_ns=now_ns, sectors=sectors, betas=betas)
        took.append(time.perf_counter() - started)
        started = time.perf_counter()
        attribute(pieces_of(views, "main", now_ns), "exit")
        summed.append(time.perf_counter() - started)
    assert len(found.holdings) == POSITIONS
    tell(
        "portfolio",
        median_ms=median(took) * 1e3,
        attribution_ms=median(summed) * 1e3,
        round_trips=len(views.round_trips),
        target_ms=50,
    )


class Restless(RuleStrategy):
    """Enters whenever the minute rose and leaves whenever it fell: an order in nearly every slice."""

    bar = bars("1min")
    enter_long = bar.close > bar.open
    exit_long = bar.close < bar.open
    size = fixed_quantity(10)


def turns_of(strategy: RuleStrategy, panel: Panel, folder: str, on_turn: Callable[[LiveEngine], None]) -> LiveEngine:
    """Run a strategy on paper as fast as the work is done, without limits."""
    settings = RunSettings(account=Account(1e9), market=Market(latency_s=0.001))
    known = assemble([strategy], symbol_count=1, base_frame_ns=panel.frame_ns, settings=settings)
    ensure_kernels(wanted=kernels_for(known.program, "event loop"))  # as the command does before a run
    quick = GateSettings(orders_per_second=10**6, orders_per_minute=10**6)
    return trade_on_paper(
        [strategy], panel, Path(folder) / "journal", settings, PaperSettings(quick), speed=math.inf, on_turn=on_turn
    )


def from_slice_to_broker(strategy: RuleStrategy, symbols: int, slices: int) -> tuple[list[float], list[int]]:
    """Return seconds from a slice to its orders' arrival at the broker, everything durable, and the orders of each."""
    took: list[float] = []
    counts: list[int] = []
    began = 0.0
    before = 0

    def watch(engine: LiveEngine) -> None:
        if took or counts or getattr(engine.loop, "is_watched", False):
            return
        loop: Any = engine.loop
        loop.is_watched = True
        step, send = loop.step, loop.send

        def timed_step(now: Slice) -> None:
            nonlocal began, before
            began, before = time.perf_counter(), len(loop.views.orders.states)
            step(now)

        def timed_send(**options: Any) -> None:
            nonlocal began
            send(**options)
            intents = len(loop.views.orders.states) - before
            if began and intents:
                took.append(time.perf_counter() - began)
                counts.append(intents)
            began = 0.0

        loop.step, loop.send = timed_step, timed_send

    day = date(2024, 1, 2)
    panel = simulate_market(7, sessions=sessions("XNYS", day, day), symbols=symbols).panel.rows(0, slices)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        turns_of(strategy, panel, folder, watch)
    return took, counts


def slice_() -> None:
    """A slice of 2,000 symbols, through rules, limits, gate, journal and outbox, where it leads to an order."""
    took, counts = from_slice_to_broker(MovingAverageCross(frame="1min"), 2_000, 150)
    took.sort()
    tell(
        "slice", median_ms=median(took) * 1e3, p99_ms=took[len(took) * 99 // 100] * 1e3, slices=len(took),
        orders_median=median(counts), orders_most=max(counts), target_ms=100,
    )  # fmt: skip


def order() -> None:
    """One order: from the slice that decides it over its durable intent to the broker; beside it the disk by itself."""
    took, _ = from_slice_to_broker(Restless(), 1, 390)
    took.sort()
    syncs = []
    with tempfile.TemporaryFile(dir=".") as file:
        for _ in range(len(took)):
            file.write(bytes(4_096))
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            syncs.append(time.perf_counter() - started)
    syncs.sort()
    at = len(took) * 99 // 100
    tell(
        "order", median_ms=median(took) * 1e3, p99_ms=took[at] * 1e3, orders=len(took), target_ms=10,
        disk_median_ms=median(syncs) * 1e3, disk_p99_ms=syncs[at] * 1e3,
    )  # fmt: skip


def orders() -> None:
    """Orders with all their facts, journaled and committed together in hundreds."""
    total, group, instruments = 20_000, 100, {symbol: Instrument(symbol) for symbol in SYMBOLS}
    views = Views()
    market = SymbolMarket(100.0, T0, 99.99, 100.01, is_open=True)
    settings = GateSettings(orders_per_second=10**9, orders_per_minute=10**9, stale_s=1e9)
    with tempfile.TemporaryDirectory(dir=".") as folder, SqliteJournal.writing(Path(folder) / "journal") as journal:

        def record(fact: Fact) -> None:
            views.apply(decode(journal.append(fact)))

        record(CashMoved(T0, CashCause.DEPOSIT, Decimal(10**9)))
        found = Gate(settings, views, instruments, lambda symbol: 0.0, lambda symbol: market)
        started = time.perf_counter()
        for first in range(0, total, group):
            batch = [an_order(SYMBOLS[number % len(SYMBOLS)], number) for number in range(first, first + group)]
            for one in batch:
                assert found.ask(one, T0 + first * SECOND) is None
                record(OrderIntended(one))
            journal.commit()
            for number, one in enumerate(batch, first):
                record(OrderAccepted(T0, one.client_order_id))
                record(filled(one, number, T0 + number * SECOND))
            journal.commit()
        seconds = time.perf_counter() - started
    tell("orders", per_second=round(total / seconds), target=1_000)


def drill() -> None:
    """Days of the simulation of the whole, five symbols, on one core."""
    from tapeline.drill.campaign import run_campaign

    started, seeds, days = time.process_time(), 20, 5
    outcome = run_campaign(70_001, seeds, days)
    minutes = (time.process_time() - started) / 60
    tell("drill", days_per_minute=round(seeds * days / minutes), failures=len(outcome.failures), target=200)


PARTS = {
    "gate": gate,
    "limits": limits,
    "slice": slice_,
    "order": order,
    "orders": orders,
    "messages": messages,
    "portfolio": portfolio,
    "drill": drill,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()
