"""A person accepts what the broker says and no execution explains: from then on both books say the same."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tapeline import Account, Market, RuleStrategy, RunSettings, bars, distance, ema, percent_of_equity
from tapeline.app.paper import trade_on_paper
from tapeline.brokers.simulated.answers import Register
from tapeline.domain.adopted import EXTERNAL
from tapeline.domain.control import TradingState
from tapeline.domain.reports import CashAnswered, PositionsAnswered, Query
from tapeline.engine.live import LiveEngine
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.adopted_facts import BreakAccepted
from tapeline.ledger.facts import CommandGiven
from tapeline.ledger.order_facts import OrderIntended
from tapeline.ledger.views import Views, rebuild
from tapeline.store.control_file import CommandAnswer, ControlFile
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tape.calendars import sessions

PANEL = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=3).panel
SETTINGS = RunSettings(account=Account(kind="margin", leverage=2.0, short_allowed=True), market=Market(latency_s=0.001))
BREAKS_AT, ACCEPTED_AT = 60, 75


class Holds(RuleStrategy):
    """Enters once and stays, with stops far away."""

    bar = bars("5min")
    size = percent_of_equity(20)
    enter_long = bar.close > ema(bar.close, 3)
    stop = distance(bar.close * 0.2)


class Venue:
    """What the broker's books say otherwise than its executions tell."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.quantities: dict[str, Decimal] = {}
        self.cash = Decimal(0)
        positions, cash = Register._positions_answered, Register._cash_answered

        def positions_answered(register: Register, query: Query, now_ns: int) -> PositionsAnswered:
            answer = positions(register, query, now_ns)
            assert isinstance(answer, PositionsAnswered)
            names = answer.quantities.keys() | self.quantities.keys()
            held = {n: answer.quantities.get(n, Decimal(0)) + self.quantities.get(n, Decimal(0)) for n in names}
            return replace(answer, quantities={name: quantity for name, quantity in held.items() if quantity})

        def cash_answered(register: Register, query: Query, now_ns: int) -> CashAnswered:
            answer = cash(register, query, now_ns)
            assert isinstance(answer, CashAnswered)
            return replace(answer, amount=answer.amount + self.cash)

        monkeypatch.setattr(Register, "_positions_answered", positions_answered)
        monkeypatch.setattr(Register, "_cash_answered", cash_answered)


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Venue:
    return Venue(monkeypatch)


class Person:
    """Gives commands at given slices and keeps their answers."""

    def __init__(self, folder: Path) -> None:
        self.journal = folder / "journal"
        self.numbers: list[int] = []
        self.acts: dict[int, list[Any]] = {}
        self.ends_at = 0

    def at(self, slices: int, *acts: Any) -> Person:
        self.acts.setdefault(slices, []).extend(acts)
        return self

    def __call__(self, engine: LiveEngine) -> None:
        for act in self.acts.pop(engine.loop.slices, ()):
            if callable(act):
                act(engine)
                continue
            name, reason, arguments = act
            with ControlFile.open(self.journal) as desk:
                now_ns = engine.loop.clock.now_ns()
                self.numbers.append(desk.give(name, who="anna", reason=reason, now_ns=now_ns, arguments=arguments))
        engine.is_stopped = engine.is_stopped or engine.loop.slices == self.ends_at

    def answers(self) -> list[CommandAnswer]:
        with ControlFile.open(self.journal) as desk:
            found = [desk.answer_of(number) for number in self.numbers]
        assert all(answer is not None for answer in found)
        return found  # type: ignore[return-value]  # of the kind that was asked for


def run(folder: Path, on_turn: Person, **options: Any) -> LiveEngine:
    return trade_on_paper([Holds()], PANEL, folder / "journal", SETTINGS, speed=math.inf, on_turn=on_turn, **options)


def books(folder: Path) -> Views:
    with SqliteJournal.reading(folder / "journal") as journal:
        return rebuild(journal)


def facts(folder: Path, kind: str) -> list[Any]:
    with SqliteJournal.reading(folder / "journal") as journal:
        return [record.fact for record in journal.read(kind=kind)]


def accept(name: str, folder: Path, reason: str = "called the broker", **more: Any) -> Any:
    """Return an act that accepts what the last comparison found, as the person is shown it."""

    def act(engine: LiveEngine) -> None:
        control = engine.loop.views.control
        kind = "CASH_BREAK" if name == "cash" else "POSITION_BREAK"
        theirs = next((f["theirs"] for f in control.findings if f["finding"] == kind), None)
        with ControlFile.open(folder / "journal") as desk:
            arguments = {"name": name, "theirs": theirs, **more}
            assert isinstance(engine.on_turn, Person)
            now_ns = engine.loop.clock.now_ns()
            engine.on_turn.numbers.append(
                desk.give("accept", who="anna", reason=reason, now_ns=now_ns, arguments=arguments)
            )

    return act


def sets(venue: Venue, symbol: str, share: Decimal | int) -> Any:
    """Return an act after which the broker holds more of a symbol, by a share of ours or by a number."""

    def act(engine: LiveEngine) -> None:
        held = engine.loop.views.quantity(symbol)
        assert held > 0
        venue.quantities[symbol] = (held * share).to_integral_value() if isinstance(share, Decimal) else Decimal(share)

    return act


RECONCILE = ("reconcile", "", {})
SYMBOL = PANEL.symbols[0]


@pytest.mark.parametrize("share", [Decimal("-0.5"), Decimal(-1), Decimal("0.25"), Decimal("-1.5")])
def test_a_position_is_what_the_broker_says_after_a_person_has_accepted_it(
    folder: Path, venue: Venue, share: Decimal
) -> None:
    """The symbol unlocks, trading goes back, and cash and positions keep their value, after a restart as before."""
    person = Person(folder).at(BREAKS_AT, ("pause", "odd", {}), sets(venue, SYMBOL, share), RECONCILE)
    person.at(ACCEPTED_AT, ("resume", "on we go", {}), accept(SYMBOL, folder))
    person.at(ACCEPTED_AT + 2, RECONCILE).at(ACCEPTED_AT + 12, ("resume", "on we go", {}))
    seen: dict[str, Any] = {}

    def look(engine: LiveEngine) -> None:
        views = engine.loop.views
        seen["before"] = views.quantity(SYMBOL), views.cash_amount(), set(views.control.locks)
        (seen["stop"],) = [s.stop_price for s in views.orders.working_of(SYMBOL)]

    def look_again(engine: LiveEngine) -> None:
        views, tables = engine.loop.views, engine.loop.desk.book.fixed
        seen["after"] = views.quantity(SYMBOL), views.cash_amount(), set(views.control.locks)
        seen["holdings"] = {s: p.quantity for (_, s, of), p in views.positions.items() if of == SYMBOL}
        seen["book"] = float(tables.positions[0]), float(tables.holdings["quantity"][0, 0])
        seen["exits"] = [s.leaves_quantity for s in views.orders.working_of(SYMBOL)]

    def look_at_stop(engine: LiveEngine) -> None:
        seen["stops"] = [(s.leaves_quantity, s.stop_price) for s in engine.loop.views.orders.working_of(SYMBOL)]

    person.acts[ACCEPTED_AT].insert(0, look)
    person.at(ACCEPTED_AT + 4, look_again).at(ACCEPTED_AT + 14, look_at_stop)
    person.ends_at = 200
    engine = run(folder, person)

    paused, _, refused, accepted, _, resumed = person.answers()
    assert (paused.done, refused.done, accepted.done, resumed.done) == (True, False, True, True), resumed.text
    assert "reconcile --accept" in refused.text
    (held, cash, locks), (after, cash_after, locks_after) = seen["before"], seen["after"]
    change = (held * share).to_integral_value()
    assert locks == {("main", SYMBOL)} and not locks_after
    assert (after, cash_after) == (held + change, cash)
    kept = max(Decimal(0), held + min(change, Decimal(0)))
    assert seen["holdings"].get("Holds") == kept
    assert seen["holdings"].get(EXTERNAL, Decimal(0)) == held + change - kept
    assert seen["book"] == (float(after), float(kept))
    assert all(leaves <= kept for leaves in seen["exits"])
    if kept:
        assert seen["stops"] == [(kept, seen["stop"])], "what is left has the stop of the whole"
    assert engine.guard.switch.state is TradingState.ACTIVE

    (fact,) = facts(folder, BreakAccepted.kind)
    assert (fact.who, fact.reason, fact.ours, fact.theirs) == ("anna", "called the broker", held, held + change)
    (command,) = [one for one in facts(folder, CommandGiven.kind) if one.command == "accept"]
    assert (command.who, command.refusal) == ("anna", "")

    person.ends_at = 260
    went_on = run(folder, person, resume=True)
    views = went_on.loop.views
    assert not views.control.locks and not views.control.unresolved
    assert [one.symbol for one in views.control.accepted] == [SYMBOL]
    assert books(folder).digest() == views.digest()
    profits = views.profits.now("main", views.cash_amount(), {}, 0).profits
    made = sum((p.net_realized - p.cost for p in views.positions.values()), Decimal(0))
    assert sum(profits.values(), Decimal(0)) == made


def test_cash_is_what_the_broker_says_and_the_difference_is_income(folder: Path, venue: Venue) -> None:
    def charge(engine: LiveEngine) -> None:
        venue.cash = Decimal("-12.34")

    person = Person(folder).at(BREAKS_AT, ("pause", "odd", {}), charge, RECONCILE)
    person.at(ACCEPTED_AT, accept("cash", folder), RECONCILE).at(ACCEPTED_AT + 2, accept("cash", folder))
    person.at(ACCEPTED_AT + 10, ("resume", "on we go", {}))
    person.ends_at = 120

    engine = run(folder, person)

    _, _, accepted, _, again, resumed = person.answers()
    assert accepted.done and not again.done and resumed.done
    assert "There is no difference of cash any more" in again.text or "just being compared" in again.text
    views = engine.loop.views
    assert views.cash["main"].income == Decimal("-12.34")
    assert engine.loop.desk.cash() == pytest.approx(float(views.cash_amount()), abs=0.005)
    assert len(facts(folder, BreakAccepted.kind)) == 1


def test_what_does_not_stand_or_has_changed_is_refused_and_nothing_is_booked(folder: Path, venue: Venue) -> None:
    def shown_otherwise(engine: LiveEngine) -> None:
        give("accept", "sure", {"name": SYMBOL, "theirs": "7"})(engine)

    def give(*act: Any) -> Any:
        return lambda engine: person.at(engine.loop.slices, act)(engine)

    person = Person(folder).at(50, accept(SYMBOL, folder)).at(BREAKS_AT, ("pause", "odd", {}))
    person.at(BREAKS_AT, sets(venue, SYMBOL, -5), RECONCILE)
    person.at(ACCEPTED_AT, shown_otherwise, accept(SYMBOL, folder, reason=" "), accept("cash", folder))
    person.ends_at = 90

    engine = run(folder, person)

    none, _, _, other, without, cash = person.answers()
    assert not any(answer.done for answer in (none, other, without, cash))
    assert "found no difference of" in none.text
    assert "was shown as 7" in other.text
    assert "for a reason only" in without.text
    assert f"It found these: {SYMBOL}." in cash.text
    assert facts(folder, BreakAccepted.kind) == []
    assert engine.loop.views.control.locks


def test_after_a_break_is_accepted_flatten_closes_what_the_broker_has(folder: Path, venue: Venue) -> None:
    person = Person(folder).at(BREAKS_AT, ("pause", "odd", {}), sets(venue, SYMBOL, -5), RECONCILE)
    person.at(ACCEPTED_AT, accept(SYMBOL, folder)).at(ACCEPTED_AT + 4, ("flatten", "enough", {}))
    person.ends_at = 120

    engine = run(folder, person)

    assert engine.flattening is None and not any(p.quantity for p in engine.loop.views.positions.values())
    (fact,) = facts(folder, BreakAccepted.kind)
    closing = [f.order for f in facts(folder, OrderIntended.kind) if f.order.purpose.word == "flatten"]
    assert sum(order.quantity for order in closing if order.symbol == SYMBOL) == fact.theirs
