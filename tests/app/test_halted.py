"""What HALTED leaves behind: nothing new is sent, and what is held has its stop, whenever it comes within an exit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tapeline import Market, RuleStrategy, RunSettings, ScaleOut, bars, distance, percent_of_equity
from tapeline.app.paper import trade_on_paper
from tapeline.brokers.simulated.broker import SimulatedBroker
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.errors import StorageError
from tapeline.domain.order import Order
from tapeline.domain.words import OrderType, Purpose
from tapeline.engine.live import LiveEngine
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.order_facts import OrderFilled
from tapeline.ports.control import Latch
from tapeline.risk.monitors import Alarm, Monitors
from tapeline.simulation.execution_settings import Algorithms, limit, twap
from tapeline.store.control_file import ControlFile
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tape.calendars import sessions

MINUTES = 14
PANEL = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=2).panel
TRAVELS = RunSettings(market=Market(latency_s=0.001))
SETTINGS = {
    "plain": TRAVELS,
    "exits worked": replace(TRAVELS, execution=Algorithms(None, twap(minutes=4, every_minutes=2, pricing="limit"))),
    "all worked": replace(TRAVELS, execution=Algorithms(limit(minutes=1), limit(minutes=4))),
}


class Restless(RuleStrategy):
    """In and out with every other bar, from behind a stop far away."""

    bar = bars("1min")
    size = percent_of_equity(10)
    enter_long = bar.close > 0
    exit_long = bar.close > 0
    stop = distance(bar.close * 0.2)
    target = distance(bar.close * 0.4)


class Halves(RuleStrategy):
    """Sells half of it as soon as it holds something."""

    bar = bars("1min")
    size = percent_of_equity(10)
    enter_long = bar.close > 0
    exit_long = bar.close < 0
    stop = distance(bar.close * 0.2)
    target = distance(bar.close * 0.4)
    scale_out = ScaleOut(bar.close > 0, fraction=0.5)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """The orders that were handed to the broker."""
    orders: list[Order] = []
    submit = SimulatedBroker.submit

    def noting(broker: SimulatedBroker, several: Any) -> None:
        orders.extend(several)
        submit(broker, several)

    monkeypatch.setattr(SimulatedBroker, "submit", noting)
    return orders


def in_a_turn(engine: LiveEngine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch halts in the next turn, with what was decided in it not sent yet."""
    alarm = Alarm(TradingState.HALTED, Trigger.DRAWDOWN, "too deep")
    monkeypatch.setattr(Monitors, "see_equity", lambda *_: alarm)


def between_turns(engine: LiveEngine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person halts when what was decided has left."""
    with ControlFile.open(path) as desk:
        desk.give("halt", who="anna", reason="lunch", now_ns=1)


def by_latch(engine: LiveEngine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From outside, at the next look before a message."""
    halted, looks = ControlFile.halted, count(1)

    def look(desk: ControlFile) -> Latch | None:
        if next(looks) == 2:
            desk.set_latch(Latch(Trigger.LOOP_STALLED, "watchdog of anna", "no sign of life", 7))
        return halted(desk)

    monkeypatch.setattr(ControlFile, "halted", look)


def by_a_full_disk(engine: LiveEngine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next turn cannot be made durable, those after it can."""
    journal = engine.loop.journal
    commit, tries = journal.commit, count(1)

    def failing() -> None:
        if next(tries) == 2:
            raise StorageError("the disk is full")
        commit()

    monkeypatch.setattr(journal, "commit", failing)


HOW = [in_a_turn, between_turns, by_latch, by_a_full_disk]


def _halt(engine: LiveEngine, before: list[int], at: int, act: Callable[[LiveEngine], None], sent: list[Order]) -> None:
    """Act after a slice, and note how many orders were sent when it had its effect."""
    if engine.loop.slices == at and not before:
        before.append(0)
        act(engine)
    if engine.guard.switch.state is TradingState.HALTED and len(before) == 1:
        before.append(len(sent))


def unprotected(engine: LiveEngine) -> dict[str, Decimal]:
    """Return what is held of each symbol and stands behind no stop; with a minus, stops for more than is held."""
    views = engine.loop.views
    found = {}
    for position in views.positions.values():
        working = views.orders.working_of(position.symbol)
        stops = [state for state in working if state.order.order_type is OrderType.STOP]
        bare = position.quantity - sum((state.exposed_quantity for state in stops), Decimal(0))
        if bare:
            found[position.symbol] = bare
    return found


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("strategy", [Restless, Halves])
@pytest.mark.parametrize("how", HOW)
def test_at_whatever_moment_halted_comes_what_is_held_has_its_stop_and_nothing_else_leaves(
    folder: Path,
    sent: list[Order],
    how: Callable[[LiveEngine, Path, pytest.MonkeyPatch], None],
    strategy: type[RuleStrategy],
    settings: RunSettings,
) -> None:
    held = 0
    for place in range(3, 7):
        here = folder / f"{place}"
        before: list[int] = []
        sent.clear()

        with pytest.MonkeyPatch.context() as patches:
            halt = partial(
                _halt, before=before, at=place, act=lambda engine, p=patches, h=here: how(engine, h, p), sent=sent
            )
            engine = trade_on_paper([strategy()], PANEL.rows(0, MINUTES), here, settings, speed=math.inf, on_turn=halt)

        assert engine.guard.switch.state is TradingState.HALTED
        assert unprotected(engine) == {}
        late = sent[before[1] :]
        assert all(order.order_type is OrderType.STOP and order.purpose is not Purpose.ENTRY for order in late)
        held += sum(position.quantity > 0 for position in engine.loop.views.positions.values())
    assert held > 0


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("strategy", [Restless, Halves])
@pytest.mark.parametrize("is_restarted", [False, True], ids=["on", "restarted"])
def test_what_halted_held_up_goes_on_when_a_person_resumes(
    folder: Path, strategy: type[RuleStrategy], settings: RunSettings, is_restarted: bool
) -> None:
    """Also where it ended while it was HALTED: what was to be sold is sold then."""
    wishes: dict[int, dict[int, str]] = {}
    for place in range(1, 5):
        here, panel = folder / f"{place}", PANEL.rows(0, 24)

        def people(engine: LiveEngine, at: int = place, path: Path = here) -> None:
            asked = wishes.setdefault(at, {at: "halt", at + 2: "end" if is_restarted else "", at + 4: "resume"})
            wish = asked.pop(engine.loop.slices, "")
            engine.is_stopped |= wish == "end"
            if wish in ("halt", "resume"):
                with ControlFile.open(path) as desk:
                    desk.give(wish, who="anna", reason="lunch", now_ns=1)

        engine = trade_on_paper([strategy()], panel, here, settings, speed=math.inf, on_turn=people)
        if is_restarted:
            assert engine.guard.switch.state is TradingState.HALTED
            assert unprotected(engine) == {}
            engine = trade_on_paper([strategy()], panel, here, settings, speed=math.inf, on_turn=people, resume=True)

        assert engine.guard.switch.state is TradingState.ACTIVE
        with SqliteJournal.reading(here) as journal:
            facts = [record.fact for record in journal.read()]
        raised = max(number for number, fact in enumerate(facts) if fact.kind == "TradingStateChanged")
        states = engine.loop.views.orders.states
        filled = {
            (states[fact.client_order_id].order.purpose, fact.symbol)
            for fact in facts[raised if strategy is Restless else 0 :]
            if isinstance(fact, OrderFilled)
        }
        leaving = Purpose.EXIT_RULE if strategy is Restless else Purpose.SCALE_OUT
        assert filled >= {(leaving, symbol) for symbol in engine.loop.symbols}
        if strategy is Halves:
            assert unprotected(engine) == {}
