"""Execution algorithms in paper runs: as in the backtest, over restarts, and with people who stop them."""

from __future__ import annotations

import math
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.worked_orders import ALGORITHMS, PANEL, Eager, worked
from tapeline import twap
from tapeline.app.paper import trade_on_paper
from tapeline.app.replay import replay
from tapeline.domain.parent import ParentEnd
from tapeline.domain.words import Purpose
from tapeline.engine.live import LiveEngine
from tapeline.engine.status import status_of
from tapeline.ledger.views import rebuild
from tapeline.simulation.execution_settings import Algorithm
from tapeline.store.control_file import ControlFile
from tapeline.store.sqlite_journal import SqliteJournal


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_a_paper_run_works_orders_as_the_backtest_does_hash_for_hash(folder: Path, algorithm: Algorithm) -> None:
    """Through gate, order keeper and comparisons, against the replay that believes its venue: the same executions."""
    settings = worked(algorithm)
    finished = replay([Eager()], PANEL, ":memory:", settings)

    engine = trade_on_paper([Eager()], PANEL, folder / "journal", settings, speed=math.inf)

    assert len(finished.result.executions) > 100
    assert list(engine.loop.result().execution_lines()) == list(finished.result.execution_lines())
    assert engine.loop.result().digest == finished.result.digest
    with SqliteJournal.reading(folder / "journal") as journal:
        assert rebuild(journal).to_bytes() == engine.loop.views.to_bytes()


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_a_run_that_is_killed_again_and_again_goes_on_with_its_parent_orders(
    folder: Path, algorithm: Algorithm
) -> None:
    """Killed after turns of all kinds, with parts at work: it sends the same parts as the run that nothing hit."""
    panel, settings = PANEL.rows(0, 150), worked(algorithm)
    whole = trade_on_paper([Eager()], panel, folder / "whole", settings, speed=math.inf)
    turns = [7, 1, 9, 2, 12, 17, 3, 21]

    def run(*, resume: bool) -> LiveEngine:
        left = turns.pop(0) if turns else -1

        def on_turn(engine: LiveEngine) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        return trade_on_paper(
            [Eager()], panel, folder / "killed", settings, speed=math.inf, resume=resume, on_turn=on_turn
        )

    engine = None
    for attempt in range(len(turns) + 1):
        with suppress(Killed):
            engine = run(resume=attempt > 0)

    assert engine is not None
    expected, found = whole.loop.views, engine.loop.views
    assert len(expected.orders.executions) > 50
    assert [*found.orders.executions.values()] == [*expected.orders.executions.values()]
    assert found.as_tree()["parent_orders"] == expected.as_tree()["parent_orders"]
    assert found.as_tree()["positions"] == expected.as_tree()["positions"]
    assert list(engine.loop.result().execution_lines()) == list(whole.loop.result().execution_lines())


def test_the_quotes_of_the_newest_slice_are_known_after_a_restart(folder: Path) -> None:
    """The middle stands a dollar above the last price; an order may end before another slice comes."""
    panel = PANEL.rows(0, 50)
    quoted = panel.with_series("bid", panel.close + 0.99).with_series("ask", panel.close + 1.01)
    settings = worked(twap(minutes=20, every_minutes=2))
    seen: list[tuple[Decimal, float]] = []

    def end_process(engine: LiveEngine) -> None:
        loop = engine.loop
        if loop.slices < 20:
            return
        for state in loop.views.parents.open.values():
            column = panel.symbols.index(state.order.symbol)
            loop.parents.watch.begin(state.name, state.order.symbol, state.order.decision_time_ns)
            seen.append((loop.parents.watch.price(state.name), float(panel.close[loop.slices - 1, column]) + 1.0))
        raise Killed

    for is_resumed in (False, True):
        with pytest.raises(Killed):
            trade_on_paper(
                [Eager()], quoted, folder / "j", settings, speed=math.inf, resume=is_resumed, on_turn=end_process
            )
        assert seen
        assert [float(price) for price, _ in seen] == pytest.approx([middle for _, middle in seen], abs=1e-9)
        seen.clear()


def test_the_state_of_a_run_shows_what_is_not_sent_yet(folder: Path) -> None:
    seen: list[dict[str, Any]] = []

    def on_turn(engine: LiveEngine) -> None:
        seen.extend(status_of(engine)["worked"])
        engine.is_stopped = len(seen) > 50

    trade_on_paper([Eager()], PANEL, folder / "j", worked(twap(minutes=20, every_minutes=2)), speed=math.inf,
                   on_turn=on_turn)  # fmt: skip

    parts = ("filled_quantity", "working_quantity", "unsent_quantity")
    for row in seen:
        assert sum(Decimal(row[name]) for name in parts) == Decimal(row["quantity"])
    for name in parts:
        assert any(Decimal(row[name]) for row in seen), name


@pytest.mark.parametrize("act", ["flatten", "pause"])
def test_people_stop_what_is_being_worked(folder: Path, act: str) -> None:
    """Flatten calls back every part and closes each position once; a pause ends entries and lets exits go on."""
    told: list[int] = []

    def on_turn(engine: LiveEngine) -> None:
        opened = engine.loop.views.parents.open.values()
        entering = sum(state.order.purpose is Purpose.ENTRY and bool(state.filled_quantity) for state in opened)
        if entering and engine.loop.slices > 40 and not told:
            told.append(engine.loop.slices)
            with ControlFile.open(folder / "journal") as desk:
                now_ns = engine.loop.clock.now_ns()
                desk.give(act, who="anna", reason="fire", now_ns=now_ns, arguments={})
        assert all(held.quantity >= 0 for held in engine.loop.views.positions.values())

    settings = worked(twap(minutes=20, every_minutes=2))
    engine = trade_on_paper([Eager()], PANEL.rows(0, 90), folder / "journal", settings, speed=math.inf, on_turn=on_turn)

    views = engine.loop.views
    entries = [state for state in views.parents.states.values() if state.order.purpose is Purpose.ENTRY]
    reasons = [state.ended.reason for state in entries if state.ended is not None]
    assert ParentEnd.TRADING_STATE in reasons
    acted_ns = int(PANEL.end_ns[told[0] + 1])
    late = [state.order for state in views.orders.states.values() if state.order.decision_time_ns > acted_ns]
    assert not [order for order in late if order.purpose is Purpose.ENTRY]
    if act == "flatten":
        assert not any(held.quantity for held in views.positions.values())
        assert not views.orders.working


@pytest.mark.parametrize("act", ["pause", "halt"])
def test_trading_lowered_and_raised_between_two_slices_ends_entries(folder: Path, act: str) -> None:
    """No slice sees the lower state; what was decided before it is over all the same."""
    known: dict[str, int] = {}

    def on_turn(engine: LiveEngine) -> None:
        opened = [it for it in engine.loop.views.parents.open.values() if it.order.purpose is Purpose.ENTRY]
        if not known and any(it.stopped is None and it.filled_quantity for it in opened):
            known.update((it.name, len(it.children)) for it in opened)
            with ControlFile.open(folder / "journal") as desk:
                for name in (act, "resume"):
                    desk.give(name, who="anna", reason="drill", now_ns=engine.loop.clock.now_ns(), arguments={})

    settings = worked(twap(minutes=20, every_minutes=2))
    engine = trade_on_paper([Eager()], PANEL.rows(0, 60), folder / "journal", settings, speed=math.inf, on_turn=on_turn)

    states = engine.loop.views.parents.states
    assert known
    assert {name: len(states[name].children) for name in known} == known
    assert {ended.reason for name in known if (ended := states[name].ended)} == {ParentEnd.TRADING_STATE}
    assert any(state.filled_quantity for name, state in states.items() if name not in known)
