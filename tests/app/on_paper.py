"""A paper run over a simulated day, and a person who gives it commands."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from tapeline import (
    Account,
    Market,
    RuleStrategy,
    RunSettings,
    bars,
    distance,
    ema,
    percent_of_equity,
)
from tapeline.app.paper import trade_on_paper
from tapeline.domain.control import TradingState
from tapeline.engine.live import LiveEngine
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.order_facts import OrderIntended
from tapeline.store.control_file import CommandAnswer, ControlFile
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.strategies.moving_average_cross import MovingAverageCross
from tapeline.tape.calendars import sessions

PANEL = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=3).panel

# orders travel in a live run, so the backtest to compare with has some latency as well
TRAVELS = RunSettings(market=Market(latency_s=0.001))
MARGIN = replace(TRAVELS, account=Account(kind="margin", leverage=2.0, short_allowed=True))


class Eager(RuleStrategy):
    """Often in the market, with stops and targets."""

    bar = bars("5min")
    size = percent_of_equity(20)
    enter_long = bar.close > ema(bar.close, 3)
    exit_long = bar.close < ema(bar.close, 8)
    stop = distance(bar.close * 0.01)
    target = distance(bar.close * 0.02)


def run(folder: Path, settings: RunSettings = TRAVELS, **options: Any) -> LiveEngine:
    strategies = [Eager(), MovingAverageCross(frame="5min")]
    return trade_on_paper(strategies, PANEL, folder / "journal", settings, speed=math.inf, **options)


def facts(folder: Path, kind: str = "") -> list[Any]:
    with SqliteJournal.reading(folder / "journal") as journal:
        return [record.fact for record in journal.read(kind=kind or None)]


class Person:
    """Somebody who gives commands at given slices, through the file beside the journal."""

    def __init__(self, folder: Path, acts: dict[int, tuple[str, str, dict[str, Any]]]) -> None:
        self.journal, self.acts, self.numbers = folder / "journal", acts, list[int]()
        self.states: dict[int, TradingState] = {}
        self.looks: dict[int, Any] = {}

    def __call__(self, engine: LiveEngine) -> None:
        slices = engine.loop.slices
        self.states[slices] = engine.guard.switch.state
        act = self.acts.pop(slices, None)
        if act is not None:
            name, reason, arguments = act
            with ControlFile.open(self.journal) as desk:
                now_ns = engine.loop.clock.now_ns()
                self.numbers.append(desk.give(name, who="anna", reason=reason, now_ns=now_ns, arguments=arguments))

    def answers(self) -> list[CommandAnswer | None]:
        with ControlFile.open(self.journal) as desk:
            return [desk.answer_of(number) for number in self.numbers]


def told(folder: Path, *acts: tuple[int, str, str, dict[str, Any]]) -> Person:
    return Person(folder, {slices: (name, reason, arguments) for slices, name, reason, arguments in acts})


def entries_after(folder: Path, slices: int) -> int:
    at_ns = int(PANEL.end_ns[slices - 1])
    intended = [fact.order for fact in facts(folder, OrderIntended.kind)]
    return sum(order.purpose.word == "entry" and order.decision_time_ns > at_ns for order in intended)
