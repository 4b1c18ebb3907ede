"""A command is part of the turn that obeys it: a kill leaves both or neither, and it is done and answered once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tapeline import Account, Market, RuleStrategy, RunSettings, bars, distance, ema, percent_of_equity
from tapeline.app.paper import trade_on_paper
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.errors import StorageError
from tapeline.engine.live import LiveEngine
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.control_facts import CommandGiven, TradingStateChanged
from tapeline.ledger.order_facts import OrderFilled, OrderIntended
from tapeline.ports.control import Latch
from tapeline.store.control_file import CommandAnswer, ControlFile
from tapeline.store.latch import read_latch
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tape.calendars import sessions

HOUR = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=3).panel.rows(0, 50)
SETTINGS = RunSettings(
    account=Account(kind="margin", leverage=2.0, short_allowed=True), market=Market(latency_s=0.001, participation=0.05)
)


class EveryMinute(RuleStrategy):
    """Decides something at nearly every bar, so that one that is missed is seen."""

    bar = bars("1min")
    size = percent_of_equity(20)
    enter_long = bar.close > ema(bar.close, 2)
    exit_long = bar.close < ema(bar.close, 2)
    enter_short = bar.close < ema(bar.close, 3)
    exit_short = bar.close > ema(bar.close, 3)
    stop = distance(bar.close * 0.01)


class Killed(BaseException):
    """The process is gone."""


class Killer:
    """Ends the process before or after its commit of a number; 0 = never."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int = 0, *, after: bool = True) -> None:
        self.commits = 0
        commit = SqliteJournal.commit

        def killing(journal: SqliteJournal) -> None:
            self.commits += 1
            if self.commits == at and not after:
                raise Killed
            commit(journal)
            if self.commits == at:
                raise Killed

        monkeypatch.setattr(SqliteJournal, "commit", killing)


GROSS = {"limit": "gross", "value": "0.3", "for_ns": 20 * 60 * 10**9}
ACTS = (
    *((at, "override", GROSS) for at in (5, 7, 10, 13, 16)),
    (18, "reconcile", {}),
    (24, "pause", {}),
    (31, "latch", {}),
)
GIVEN = [name for _, name, _ in ACTS if name != "latch"]


class Person:
    """Asks for one thing after the other, each once, whatever becomes of the process.

    acts : after how many slices, what, and with which arguments; as soon as a slice is what the run waits for
    """

    def __init__(self, path: Path, acts: Sequence[tuple[int, str, dict[str, Any]]] = ACTS) -> None:
        self.path, self.acts = path, acts
        self.numbers: list[int] = []
        self._done = 0

    def __call__(self, engine: LiveEngine) -> None:
        timer_ns, slice_ns = engine.loop.keeper.next_time_ns, engine.data.next_ns
        if slice_ns is None or (timer_ns is not None and timer_ns <= slice_ns):
            return
        if self._done < len(self.acts) and engine.loop.slices >= self.acts[self._done][0]:
            _, name, arguments = self.acts[self._done]
            self._done += 1
            with ControlFile.open(self.path) as desk:
                if name == "latch":
                    desk.set_latch(Latch(Trigger.LOOP_STALLED, "watchdog", "no sign of life", 7))
                else:
                    given_ns = engine.loop.clock.now_ns()
                    self.numbers.append(
                        desk.give(name, who="anna", reason="drill", now_ns=given_ns, arguments=arguments)
                    )

    def answers(self) -> list[CommandAnswer | None]:
        with ControlFile.open(self.path) as desk:
            return [desk.answer_of(number) for number in self.numbers]


def trade(path: Path, person: Person, **options: Any) -> LiveEngine:
    return trade_on_paper([EveryMinute()], HOUR, path, SETTINGS, speed=math.inf, on_turn=person, **options)


def facts(path: Path, kind: str) -> list[Any]:
    with SqliteJournal.reading(path) as journal:
        return [record.fact for record in journal.read(kind=kind)]


def decided(path: Path) -> list[Any]:
    return [fact.order for fact in facts(path, OrderIntended.kind)]


def executed(path: Path) -> list[Any]:
    return [fact.execution for fact in facts(path, OrderFilled.kind)]


def test_killed_after_any_commit_of_a_run_with_commands_it_trades_what_it_would_have_traded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Order for order: the slice that was due when a command or a latch came is acted on in the commit that has it."""
    whole = folder / "whole"
    with monkeypatch.context() as patch:
        killer = Killer(patch)
        trade(whole, Person(whole))
    commits, orders, fills = killer.commits, decided(whole), executed(whole)
    decided_ns = {order.decision_time_ns for order in orders}
    assert sum(f.event_time_ns in decided_ns for f in facts(whole, CommandGiven.kind)) >= 3, "with slices that were due"
    assert len(orders) > 20 and len(fills) > 20 and commits > 40

    for at in range(1, commits - 1):  # the last one is of the end
        path = folder / f"killed-{at}"
        person = Person(path)
        with monkeypatch.context() as patch, pytest.raises(Killed):
            Killer(patch, at)
            trade(path, person)
        engine = trade(path, person, resume=True)

        assert decided(path) == orders, f"killed after commit {at}"
        assert executed(path) == fills, f"killed after commit {at}"
        assert [f.command for f in facts(path, CommandGiven.kind)] == GIVEN
        assert [answer is not None and answer.done for answer in person.answers()] == [True] * len(GIVEN)
        assert engine.guard.switch.state is TradingState.HALTED and read_latch(path) is None


def test_killed_before_any_commit_no_command_is_lost_or_done_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What risks nothing is done by the next process, and the rest refused, as things may stand otherwise."""
    with monkeypatch.context() as patch:
        killer = Killer(patch)
        trade(folder / "whole", Person(folder / "whole"))

    refused = 0
    for at in range(2, killer.commits - 1):
        path = folder / f"killed-{at}"
        person = Person(path)
        with monkeypatch.context() as patch, pytest.raises(Killed):
            Killer(patch, at, after=False)
            trade(path, person)
        engine = trade(path, person, resume=True)

        given, answers = facts(path, CommandGiven.kind), person.answers()
        assert [f.command for f in given] == GIVEN, f"killed before commit {at}"
        assert [answer is not None and answer.done for answer in answers] == [not fact.refusal for fact in given]
        late = [answer.text for answer in answers if answer is not None and not answer.done]
        assert all("before this process began" in text and "Give it again" in text for text in late)
        refused += len(late)
        assert not given[-1].refusal
        assert [f.state for f in facts(path, TradingStateChanged.kind)] == [TradingState.REDUCING, TradingState.HALTED]
        assert engine.guard.switch.state is TradingState.HALTED and read_latch(path) is None
    assert refused == len(GIVEN) - 1


def test_a_command_whose_turn_cannot_be_made_durable_is_answered_when_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is done once, nobody is told before, and the answer says that trading was HALTED meanwhile."""
    path, commit, tries = folder / "journal", SqliteJournal.commit, 0
    person = Person(path, [(12, "override", GROSS)])
    before: list[list[CommandAnswer | None]] = []

    def full(journal: SqliteJournal) -> None:
        nonlocal tries
        tries += bool(person.numbers)
        if 1 <= tries <= 3:
            before.append(person.answers())
            raise StorageError("the disk is full")
        commit(journal)

    monkeypatch.setattr(SqliteJournal, "commit", full)
    engine = trade(path, person)

    assert before == [[None]] * 3
    (answer,) = person.answers()
    assert answer is not None and answer.done
    assert answer.text.startswith("The limit gross of the account is 0.3 until")
    assert answer.text.endswith("It was not durable at once, and trading is HALTED for that: the disk is full")
    assert [f.command for f in facts(path, CommandGiven.kind)] == ["override"]
    assert engine.guard.switch.state is TradingState.HALTED


def test_a_command_that_never_became_durable_waits_for_the_next_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, commit = folder / "journal", SqliteJournal.commit
    person = Person(path, [(12, "halt", {})])

    def full(journal: SqliteJournal) -> None:
        if person.numbers:
            raise StorageError("the disk is full")
        commit(journal)

    with monkeypatch.context() as patch, pytest.raises(StorageError, match="full"):
        patch.setattr(SqliteJournal, "commit", full)
        trade(path, person)
    assert person.answers() == [None] and not facts(path, CommandGiven.kind)

    engine = trade(path, person, resume=True)

    (answer,), (given,) = person.answers(), facts(path, CommandGiven.kind)
    assert answer is not None and answer.done and not given.refusal
    assert engine.guard.switch.state is TradingState.HALTED
