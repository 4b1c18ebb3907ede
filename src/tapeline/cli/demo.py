"""`tapeline demo`: a newcomer's first look at the whole chain, from bars to ledger, on one account."""

from __future__ import annotations

import inspect
import time
from pathlib import Path

from tapeline.app.data_choice import DataChoice
from tapeline.app.replay import FinishedReplay, check_run, replay
from tapeline.app.run_files import JOURNAL, RESULT, run_folder
from tapeline.cli.console import SIMULATED, console, prepare_kernels, show_text, trading_progress
from tapeline.cli.summary import picture_of, summary_of
from tapeline.cli.trade import best_round_trip, trade_lines
from tapeline.report.amounts import CURRENCY, money, plural, signed
from tapeline.simulation.limit_settings import Limits
from tapeline.simulation.settings import (
    Account,
    Costs,
    Market,
    PerShareCommission,
    RunSettings,
    SaleFees,
    Slippage,
)
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.whole_file import write_whole
from tapeline.strategies.intraday_mean_reversion import IntradayMeanReversion
from tapeline.strategies.moving_average_cross import MovingAverageCross
from tapeline.strategies.swing_trend import SwingTrend

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


def run_demo(choice: DataChoice, work: Path) -> None:
    """Load or simulate bars, replay three strategies through the event loop, and show what came of it."""
    reading = choice.read()
    strategies = [MovingAverageCross(frame="15min"), IntradayMeanReversion(), SwingTrend()]
    for sentence in reading.report.sentences():
        show_text(sentence)
    show_text("Three strategies share one account of " + f"{money(SETTINGS.account.cash)} {CURRENCY}:")
    for strategy in strategies:
        rule = (inspect.getdoc(strategy) or "").splitlines()[0]
        show_text(f"  {strategy.name}: {rule}")
    program = check_run(strategies, reading.panel, SETTINGS)
    prepare_kernels(program, "event loop")
    began = time.perf_counter()
    with run_folder(work) as folder:
        with trading_progress(len(reading.panel)) as report:
            finished = replay(
                strategies,
                reading.panel,
                folder / JOURNAL,
                SETTINGS,
                data_source=reading.report.source,
                seed=choice.seed if choice.is_simulated else 0,
                on_slice=report,
            )
        took_s = time.perf_counter() - began
        write_whole(folder / RESULT, finished.result.to_json())
    _show(finished, choice, folder, took_s)


def _show(finished: FinishedReplay, choice: DataChoice, folder: Path, took_s: float) -> None:
    result = finished.result
    console.print()
    console.print(summary_of(result, console.width))
    if choice.is_simulated:
        show_text(SIMULATED)
        console.print()
    console.print(picture_of(result, console))
    console.print()
    trip = best_round_trip(result)
    if trip is None:
        show_text("No round trip was closed, so there is none to explain.")
    else:
        console.print("The best trade, explained from the journal: ", style="bold", end="")
        with SqliteJournal.reading(folder / JOURNAL) as journal:
            for line in trade_lines(result, trip, journal, console.width):
                console.print(line, markup=False, soft_wrap=True)
    console.print()
    show_text(
        f"{plural(len(result.times_ns), 'slice')}, {plural(finished.fact_count, 'fact')}, {took_s:.1f} s. "
        f"The ledger, summed from the facts: cash {money(float(finished.views.cash_amount()))} {CURRENCY},"
        f" profit {signed(float(finished.views.equity_now()) - result.starting_cash)} {CURRENCY}."
    )
    show_text(f"Files: {folder / JOURNAL}, {folder / RESULT}")
    show_text(f"Head of the journal: {finished.journal_head}")
    console.print()
    show_text("Next:  ./tapeline why SYMBOL@TIME     what was decided then, and why")
    show_text("       ./tapeline journal verify      that no record was altered")
    show_text("       ./tapeline demo --data FILE    the same on your own bars")
