"""Runs whose orders execution algorithms work, over a simulated day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from tapeline import (
    Account,
    Algorithms,
    Market,
    RuleStrategy,
    RunSettings,
    ScaleOut,
    adaptive,
    bars,
    distance,
    ema,
    fixed_quantity,
    limit,
    participation,
    percent_of_equity,
    position,
    twap,
)
from tapeline.feeds.simulated import simulate_market
from tapeline.simulation.execution_settings import Algorithm
from tapeline.tape.calendars import sessions

PANEL = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=2).panel
# orders travel in a live run, so the backtest to compare with has some latency as well; parts fill in parts
TRAVELS = RunSettings(
    account=Account(kind="margin", leverage=2.0, short_allowed=True),
    market=Market(latency_s=0.001, participation=0.02),
)
ALGORITHMS = [
    limit(),
    twap(minutes=20, every_minutes=2),
    participation(rate=0.05),
    adaptive(minutes=15, every_minutes=3, leftover="abandon"),
]


class Eager(RuleStrategy):
    """Often in the market, with everything that a bracket can do."""

    bar = bars("5min")
    size = percent_of_equity(20)
    enter_long = bar.close > ema(bar.close, 3)
    exit_long = bar.close < ema(bar.close, 8)
    stop = distance(bar.close * 0.004)
    target = distance(bar.close * 0.008)
    move_stop = position.entry_price
    scale_out = ScaleOut(position.unrealized_r >= 1, fraction=0.5)


class Patient(RuleStrategy):
    """Buys once, early, and is flat before the close; declares how its orders are worked."""

    bar = bars("1min")
    size = fixed_quantity(1_000)
    enter_long = bar.close > 0
    flat_before_close_minutes = 10
    execution = twap(minutes=30, every_minutes=10)
    execution_exit = twap(minutes=30, every_minutes=10)


def worked(algorithm: Algorithm, leaving: Algorithm | None = None, settings: RunSettings = TRAVELS) -> RunSettings:
    return replace(settings, execution=Algorithms(algorithm, leaving or algorithm))
