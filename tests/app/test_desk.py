"""What people at the desk do to a paper run: pause, resume, halt, flatten, override."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.on_paper import MARGIN, PANEL, TRAVELS, Eager, entries_after, facts, run, told
from tapeline import Limits, backtest
from tapeline.app.paper import PaperSettings
from tapeline.domain.control import TradingState, Trigger
from tapeline.engine.live import LiveEngine
from tapeline.engine.outside_trips import with_outside_trips
from tapeline.ledger.control_facts import Flattened
from tapeline.ledger.facts import CommandGiven, TradingStateChanged
from tapeline.ledger.order_facts import OrderIntended
from tapeline.risk.monitors import MonitorSettings
from tapeline.strategies.moving_average_cross import MovingAverageCross


def test_a_pause_stops_entries_and_lets_exits_go_on(folder: Path) -> None:
    person = told(folder, (100, "pause", "lunch", {}))

    run(folder, on_turn=person)

    (answer,) = person.answers()
    assert answer is not None and answer.done
    assert answer.text.startswith("Trading is REDUCING")
    assert entries_after(folder, 101) == 0
    exits = [fact for fact in facts(folder, OrderIntended.kind) if fact.order.purpose.word == "exit_rule"]
    assert any(fact.order.decision_time_ns > int(PANEL.end_ns[101]) for fact in exits)
    assert person.states[len(PANEL)] is TradingState.REDUCING


def test_back_to_trading_needs_a_reason_and_books_that_were_compared(folder: Path) -> None:
    person = told(folder, (100, "pause", "lunch", {}), (120, "resume", "", {}), (130, "resume", "back from lunch", {}))

    run(folder, on_turn=person)

    paused, without, resumed = person.answers()
    assert paused is not None and without is not None and resumed is not None
    assert (paused.done, without.done, resumed.done) == (True, False, True)
    assert "for a reason only" in without.text
    assert person.states[125] is TradingState.REDUCING
    assert person.states[135] is TradingState.ACTIVE
    assert entries_after(folder, 135) > 0
    commands = facts(folder, CommandGiven.kind)
    assert [(fact.command, fact.who, fact.reason, bool(fact.refusal)) for fact in commands] == [
        ("pause", "anna", "lunch", False),
        ("resume", "anna", "", True),
        ("resume", "anna", "back from lunch", False),
    ]


@pytest.mark.parametrize("stops", [False, True])
def test_after_a_fall_of_equity_a_person_goes_on_from_what_is_left(folder: Path, stops: bool) -> None:
    """Trading comes back, and goes on also where the run is stopped and taken up again."""
    paper = PaperSettings(monitors=MonitorSettings(drawdown=0.0015))
    halted_at: list[int] = []

    def watch(engine: LiveEngine) -> None:
        slices, control = engine.loop.slices, engine.loop.views.control
        if control.state is TradingState.HALTED and not halted_at:
            halted_at.append(slices)
            person.acts[slices + 5] = ("resume", "seen", {})
        person(engine)
        if stops and halted_at and slices == halted_at[0] + 8:
            engine.is_stopped = True

    person = told(folder)
    run(folder, MARGIN, paper=paper, on_turn=watch)
    if stops:
        run(folder, MARGIN, paper=paper, on_turn=person, resume=True)

    (at,) = halted_at
    changes = [(f.state, f.cause) for f in facts(folder, TradingStateChanged.kind)]
    assert changes[:2] == [
        (TradingState.HALTED, Trigger.DRAWDOWN), (TradingState.ACTIVE, Trigger.PERSON),
    ]  # fmt: skip
    assert [person.states[at + n] for n in (6, 7, 8, 9, 10)] == [TradingState.ACTIVE] * 5
    assert entries_after(folder, at + 6) > 0


def test_halted_nothing_is_decided_and_stops_at_the_venue_go_on(folder: Path) -> None:
    person = told(folder, (100, "halt", "looks wrong", {}))

    engine = run(folder, on_turn=person)

    at_ns = int(PANEL.end_ns[101])
    later = [fact.order for fact in facts(folder, OrderIntended.kind) if fact.order.decision_time_ns > at_ns]
    assert later == []
    assert engine.guard.switch.state is TradingState.HALTED


def test_flatten_closes_everything_and_stays_flat(folder: Path) -> None:
    person = told(folder, (100, "flatten", "fire alarm", {}))
    held: dict[int, int] = {}

    def watch(engine: LiveEngine) -> None:
        person(engine)
        held[engine.loop.slices] = sum(bool(position.quantity) for position in engine.loop.views.positions.values())

    engine = run(folder, MARGIN, on_turn=watch)

    assert held[100] > 0
    assert held[104] == 0
    assert not engine.loop.views.orders.working
    assert entries_after(folder, 101) == 0
    (answer,) = person.answers()
    assert answer is not None
    assert f"{held[100]} position{'s' * (held[100] != 1)} closed" in answer.text
    book = engine.loop.desk.book.fixed
    assert not book.states.any()
    assert not book.positions.any()
    assert not any(book.holdings["quantity"].ravel())


def test_what_a_flatten_closed_is_among_the_round_trips_at_the_end(folder: Path) -> None:
    engine = run(folder, MARGIN, on_turn=told(folder, (100, "flatten", "fire alarm", {})))
    loop = engine.loop
    of_book, of_ledger = loop.result().round_trips, loop.views.round_trips

    result = with_outside_trips(loop.result(), loop.views)

    assert len(of_book) < len(of_ledger) == len(result.round_trips)
    made = sum(trip.net_profit for trip in of_ledger)
    assert result.round_trips["net_pnl"].sum() == pytest.approx(float(made), abs=1e-6)
    days = loop.desk.book.fixed.days
    assert days["closed"][0] == pytest.approx(float(made), abs=1e-6)
    assert days["worth"][1:] == pytest.approx(days["closed"][1:])
    again = with_outside_trips(result, loop.views)
    assert np.array_equal(again.round_trips["exit_ns"], result.round_trips["exit_ns"])


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("turns", [1, 2, 3, 4])
def test_a_flatten_outlives_its_process(folder: Path, turns: int) -> None:
    """Killed in one of the turns after it was asked for, and again in the run that takes it up: the third ends flat."""
    person = told(folder, (100, "flatten", "fire alarm", {}))
    held = []

    def die_at(slices: int) -> Callable[[LiveEngine], None]:
        def on_turn(engine: LiveEngine) -> None:
            person(engine)
            if engine.loop.slices >= slices:
                held.append(sum(bool(position.quantity) for position in engine.loop.views.positions.values()))
                raise Killed

        return on_turn

    with pytest.raises(Killed):
        run(folder, MARGIN, on_turn=die_at(100 + turns))
    assert held[0] > 0 or turns > 1
    with pytest.raises(Killed):
        run(folder, MARGIN, resume=True, on_turn=die_at(101 + turns))

    engine = run(folder, MARGIN, resume=True)

    views = engine.loop.views
    assert not views.orders.working
    assert not any(position.quantity for position in views.positions.values())
    assert (engine.flattening, views.control.flatten) == (None, None)
    assert len(facts(folder, Flattened.kind)) == 1
    assert views.control.state is TradingState.HALTED
    assert not engine.loop.desk.book.fixed.positions.any()


def test_trading_does_not_go_on_while_everything_is_being_closed(folder: Path) -> None:
    """A moment after the command closing orders work; some slices later it is done, and the same wish is granted."""
    person = told(
        folder, (100, "flatten", "fire alarm", {}), (101, "resume", "false alarm", {}), (120, "resume", "all clear", {})
    )
    engine = run(folder, MARGIN, on_turn=person)

    _, early, late = person.answers()
    assert early is not None and late is not None
    assert (early.done, late.done) == (False, True)
    assert early.text.startswith("Everything is being closed since a flatten: ")
    assert early.text.endswith("Wait until `tapeline status` says that it is done.")
    assert engine.guard.switch.state is TradingState.ACTIVE
    (done,) = facts(folder, Flattened.kind)
    (flatten, refused, granted) = facts(folder, CommandGiven.kind)
    assert flatten.event_time_ns < refused.event_time_ns < done.event_time_ns < granted.event_time_ns


def test_an_override_holds_for_its_time(folder: Path) -> None:
    """At first nothing may be held; for half an hour a fifth of equity may."""
    nothing = replace(TRAVELS, limits=Limits(gross=1e-6))
    person = told(folder, (100, "override", "try", {"limit": "gross", "value": "0.2", "for_ns": 30 * 60 * 10**9}))

    run(folder, nothing, on_turn=person)

    start, end = int(PANEL.end_ns[100]), int(PANEL.end_ns[131])
    times = [fact.order.decision_time_ns for fact in facts(folder, OrderIntended.kind)]
    entries = [f.order.decision_time_ns for f in facts(folder, OrderIntended.kind) if f.order.purpose.word == "entry"]
    assert times
    assert all(start <= time <= end for time in entries)


def test_answers_say_whose_limit_it_is_and_who_lowered_trading_before(folder: Path) -> None:
    bound = {"limit": "gross", "value": "0.3", "for_ns": 30 * 60 * 10**9, "strategy": "Eager"}
    acts = (
        ("override", "try", bound),
        ("pause", "lunch", {}),
        ("pause", "news", {}),
        ("halt", "", {}),
        ("halt", "", {}),
    )
    person = told(folder, *((100 + at, *act) for at, act in enumerate(acts)))

    run(folder, on_turn=person)

    texts = [answer.text for answer in person.answers() if answer is not None]
    assert texts[0].startswith("The limit gross of Eager is 0.3 until 20")
    assert "already since 20" in texts[2]
    assert texts[2].endswith(", by anna: lunch. Nothing was changed; your reason stands in the journal.")
    assert texts[4].endswith(", by anna: halted by a person. Nothing was changed.")


REFUSED: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "a command that is none": ("halz", "", {}, "Did you mean 'halt'"),
    "a limit that is none": ("override", "x", {"limit": "gros", "value": "1", "for_ns": 1}, "Did you mean 'gross'"),
    "a value that is none": ("override", "x", {"limit": "gross", "value": "much", "for_ns": 1}, "is no number"),
    "a bound of nothing": ("override", "x", {"limit": "gross", "value": "0", "for_ns": 1}, "must be above zero"),
    "no reason": ("override", "", {"limit": "gross", "value": "1", "for_ns": 1}, "for a reason only"),
    "too long": ("override", "x", {"limit": "gross", "value": "1", "for_ns": 10**15}, "asked for 277.8 hours"),
    "no value": ("override", "x", {"limit": "gross", "for_ns": 1}, "needs value"),
    "a strategy that does not run": (
        "override", "x", {"limit": "gross", "value": "1", "for_ns": 1, "strategy": "Eagar"}, "Did you mean 'Eager'",
    ),
    "half a holding": (
        "override", "x", {"limit": "positions", "value": "2.5", "for_ns": 1}, "is a whole number, asked for 2.5",
    ),
    "a bound of single orders": (
        "override", "x", {"limit": "collar", "value": "1", "for_ns": 1}, "table gate of the settings. Limits that can",
    ),
    "up from where it is": ("resume", "x", {}, "is not above that"),
}  # fmt: skip


def test_what_cannot_be_done_is_refused_recorded_and_changes_nothing(folder: Path) -> None:
    acts = [(20 + n, name, reason, given) for n, (name, reason, given, _) in enumerate(REFUSED.values())]
    person = told(folder, *acts)
    expected = backtest([Eager(), MovingAverageCross(frame="5min")], PANEL, TRAVELS)

    engine = run(folder, on_turn=person)

    for answer, (*_, words) in zip(person.answers(), REFUSED.values(), strict=True):
        assert answer is not None
        assert (answer.done, words in answer.text) == (False, True), answer.text
    assert all(fact.refusal for fact in facts(folder, CommandGiven.kind))
    assert engine.loop.result().digest == expected.digest
