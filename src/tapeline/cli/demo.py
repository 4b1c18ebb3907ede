"""`tapeline demo`: a newcomer's first look at the whole chain, from bars to ledger, on one account."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import numpy as np

from tapeline.app.load import DataChoice, new_run_folder
from tapeline.app.replay import FinishedReplay, replay
from tapeline.cli.console import console, money, prepare_kernels, signed, slice_progress
from tapeline.cli.summary import picture_of, summary_of
from tapeline.domain.slice import Slice
from tapeline.domain.times import to_iso
from tapeline.engine.loop import EventLoop
from tapeline.feeds.calendars import sessions
from tapeline.feeds.reading import Reading
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.why import explain_order
from tapeline.ledger.why_text import render
from tapeline.simulation.settings import (
    Account,
    Costs,
    Limits,
    Market,
    PerShareCommission,
    RunSettings,
    SaleFees,
    Slippage,
)
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.strategies.intraday_mean_reversion import IntradayMeanReversion
from tapeline.strategies.moving_average_cross import MovingAverageCross
from tapeline.strategies.swing_trend import SwingTrend

SIMULATED_SYMBOLS = 24
SIMULATED_FIRST, SIMULATED_LAST = date(2024, 1, 2), date(2024, 2, 14)
REPORT_EVERY_SLICES = 97

SETTINGS = RunSettings(
    account=Account(cash=100_000.0, kind="margin", leverage=2.0, short_allowed=True),
    costs=Costs(
        # Interactive Brokers' fixed pricing and the SEC and FINRA fees on sales, as of 2024
        commission=(
            PerShareCommission(rate=0.005, minimum=1.0, maximum_pct=1.0),
            SaleFees("2018-01-01", per_notional=0.0000278, per_share=0.000166, per_share_cap=8.30),
        ),
        slippage=Slippage(model="bps", bps=1.0),
    ),
    market=Market(participation=0.1),
    limits=Limits(position=0.1, gross=1.5, positions=20),
)


def run_demo(choice: DataChoice, seed: int, work: Path) -> None:
    """Load or simulate bars, replay three strategies through the event loop, and show what came of it."""
    folder = new_run_folder(work)
    prepare_kernels()
    began = time.perf_counter()
    reading = choice.read() if choice.path is not None else _simulated(seed)
    for sentence in reading.report.sentences():
        console.print(sentence)
    strategies = [MovingAverageCross(frame="15min"), IntradayMeanReversion(), SwingTrend()]
    for strategy in strategies:
        console.print(f"[bold]{strategy.name}[/]: {(strategy.__doc__ or '').strip().splitlines()[0]}")
    journal_path = folder / "journal.sqlite"
    panel = reading.panel
    with slice_progress(len(panel), "Trading") as progress:
        task = progress.task_ids[0]

        def report(now: Slice, loop: EventLoop) -> None:
            if loop.slices % REPORT_EVERY_SLICES == 0 or loop.slices == len(panel):
                account = loop.desk.book.tables.account[0]
                figures = (
                    f"{to_iso(now.end_ns)[:10]}  equity {money(float(account['equity']))}"
                    f"  holdings {int(account['busy'])}  orders {int(account['tickets']):,}"
                )
                progress.update(task, completed=loop.slices, figures=figures)

        finished = replay(
            strategies,
            panel,
            journal_path,
            SETTINGS,
            data_source=str(choice.path) if choice.path is not None else reading.report.source,
            seed=seed if choice.path is None else 0,
            on_slice=report,
        )
    took_s = time.perf_counter() - began
    result = finished.result
    (folder / "result.json").write_text(result.to_json())
    console.print()
    console.print(summary_of(result))
    if choice.path is None:
        console.print("[dim]The market was simulated: this says nothing about any strategy's worth.[/]")
    console.print()
    console.print(picture_of(result, console))
    console.print()
    _explain_one(finished, journal_path)
    console.print(
        f"\n{len(panel):,} slices, {finished.fact_count:,} facts in {took_s:.1f} s."
        f" Ledger: cash {money(float(finished.views.cash_amount()))},"
        f" {signed(result.final_equity - result.starting_cash)} in all."
    )
    console.print(f"Journal: {journal_path}, head {finished.journal_head[:16]}.")
    console.print(
        "Next: [bold]./tapeline why SYMBOL@TIME[/] for any decision, [bold]./tapeline journal verify[/] for the"
        " chain, [bold]./tapeline demo --data FILE[/] for your own bars."
    )


def _simulated(seed: int) -> Reading:
    calendar = sessions("XNYS", SIMULATED_FIRST, SIMULATED_LAST)
    return simulate_market(seed, sessions=calendar, symbols=SIMULATED_SYMBOLS)


def _explain_one(finished: FinishedReplay, journal_path: Path) -> None:
    result = finished.result
    if not len(result.round_trips):
        console.print("No round trip was closed, so there is none to explain.")
        return
    trip = result.round_trips[int(np.argmax(result.round_trips["net_pnl"]))]
    order_id = result.order_id(int(trip["entry_ticket"]))
    console.print(
        f"[bold]Why did it trade {result.symbols[trip['symbol']]}?[/] The best round trip made"
        f" {signed(float(trip['net_pnl']))}; its entry was {order_id}."
    )
    with SqliteJournal.reading(journal_path) as journal:
        console.print(render(explain_order(journal, order_id)), markup=False)


