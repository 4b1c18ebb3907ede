"""A strategy that raises in a paper run: the run goes on reducing, and nothing of the half-made decision leaves."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tapeline import Market, RuleStrategy, RunSettings, Strategy, backtest, bars, distance, ema, percent_of_equity
from tapeline.app.paper import trade_on_paper
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.errors import UnknownNameError
from tapeline.domain.words import OrderStatus, Purpose
from tapeline.engine.live import LiveEngine
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.facts import TradingStateChanged
from tapeline.ledger.order_facts import CancelIntended, OrderDenied, OrderIntended
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tape.calendars import sessions

DAY = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=3).panel
SETTINGS = RunSettings(market=Market(latency_s=0.001))
FAILS_NS, LEAVES_NS = int(DAY.end_ns[99]), int(DAY.end_ns[149])


class Eager(RuleStrategy):
    """Often in the market, with stops."""

    bar = bars("5min")
    size = percent_of_equity(20)
    enter_long = bar.close > ema(bar.close, 3)
    exit_long = bar.close < ema(bar.close, 8)
    stop = distance(bar.close * 0.01)


class Mistaken(Strategy):
    """Holds one symbol; at a slice it closes that, enters another, and then names a symbol that does not exist."""

    bar = bars("1min")
    close = bar.close
    size = percent_of_equity(10)

    def on_slice(self, now: Any) -> None:
        if now.time_ns == int(DAY.end_ns[49]):
            now.enter(0, stop=now.close * 0.5)
        if now.time_ns == FAILS_NS:
            now.exit(0)
            now.enter(1, stop=now.close * 0.5)
            now.enter("NOPE")
        if now.time_ns == LEAVES_NS:
            now.exit(0)


def trade(folder: Path, **options: Any) -> LiveEngine:
    return trade_on_paper([Eager(), Mistaken()], DAY, folder / "journal", SETTINGS, speed=math.inf, **options)


def facts(folder: Path, kind: str) -> list[Any]:
    with SqliteJournal.reading(folder / "journal") as journal:
        return [record.fact for record in journal.read(kind=kind)]


def test_a_strategy_that_raises_lowers_the_state_and_the_run_goes_on(folder: Path) -> None:
    engine = trade(folder)

    (changed,) = facts(folder, TradingStateChanged.kind)
    assert (changed.state, changed.cause) == (TradingState.REDUCING, Trigger.STRATEGY_FAILED)
    assert all(word in changed.text for word in ("Mistaken", "UnknownNameError", "NOPE", "test_failing_strategy.py"))
    assert engine.loop.slices == len(DAY)
    orders = [fact.order for fact in facts(folder, OrderIntended.kind)]
    assert any(
        o.strategy == "Eager" and o.purpose is Purpose.EXIT_RULE and o.decision_time_ns > FAILS_NS for o in orders
    )


def test_nothing_of_the_slice_in_which_it_raised_leaves_and_its_holding_can_be_closed_later(folder: Path) -> None:
    engine = trade(folder)

    orders = [fact.order for fact in facts(folder, OrderIntended.kind) if fact.order.strategy == "Mistaken"]
    assert orders[0].purpose is Purpose.ENTRY
    assert not [o for o in orders if o.decision_time_ns == FAILS_NS]
    assert not [f for f in facts(folder, OrderDenied.kind) if f.strategy == "Mistaken"]
    stop = next(o for o in orders if o.purpose is Purpose.STOP).client_order_id
    assert [f.event_time_ns for f in facts(folder, CancelIntended.kind) if f.client_order_id == stop] == [LEAVES_NS]
    assert engine.loop.views.orders.ended[stop] is OrderStatus.CANCELED
    (trip,) = [trip for trip in engine.loop.views.round_trips if trip.strategy == "Mistaken"]
    assert trip.exit_time_ns > LEAVES_NS


def test_a_run_in_which_a_strategy_raised_goes_on_after_a_stop(folder: Path) -> None:
    def on_turn(engine: LiveEngine) -> None:
        engine.is_stopped = engine.loop.slices == 120

    trade(folder, on_turn=on_turn)
    engine = trade(folder, resume=True)

    assert engine.loop.slices == len(DAY)
    assert len(facts(folder, TradingStateChanged.kind)) == 1
    assert [trip.strategy for trip in engine.loop.views.round_trips].count("Mistaken") == 1


def test_under_a_pause_a_failure_is_recorded_too(folder: Path) -> None:
    def on_turn(engine: LiveEngine) -> None:
        if engine.loop.slices == 80:
            engine.guard.lower(TradingState.REDUCING, Trigger.PERSON, "lunch", engine.loop.clock.now_ns(), who="anna")

    trade(folder, on_turn=on_turn)

    changes = [(fact.state, fact.cause) for fact in facts(folder, TradingStateChanged.kind)]
    assert changes == [(TradingState.REDUCING, Trigger.PERSON), (TradingState.REDUCING, Trigger.STRATEGY_FAILED)]


def test_a_backtest_ends_with_the_exception() -> None:
    with pytest.raises(UnknownNameError, match="NOPE"):
        backtest([Mistaken()], DAY, SETTINGS)
