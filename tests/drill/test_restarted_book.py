"""At any moment of a world full of faults, a restart through the whole journal finds the book of the live run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tapeline.domain.words import OrderStatus
from tapeline.drill.live_system import LiveSystem
from tapeline.drill.scenario import draw
from tapeline.drill.system import Surroundings
from tapeline.drill.virtual_time import Chance
from tapeline.drill.world import World
from tapeline.engine.live import LiveEngine

_TICKETS = ("entry_ticket", "stop_ticket", "target_ticket", "exit_ticket", "part_ticket")
_LEVELS = ("stop_price", "initial_stop", "target_price", "trail")


class Mirrored(LiveSystem):
    """A live run that is compared, in quiet turns, with what a process would find that began now."""

    EVERY = 20
    begins_nothing: pytest.MonkeyPatch
    compared: int
    differences: list[str]

    def __init__(self, around: Surroundings) -> None:
        self._around, self._quiet_turns = around, 0
        super().__init__(around)

    def turn(self) -> None:
        count = self._around.journal.head().count
        super().turn()
        # what the last turn recorded after its reports the book takes in with the next ones
        is_quiet = self.is_durable and self._around.journal.head().count == count
        self._quiet_turns += is_quiet
        if is_quiet and self._quiet_turns % self.EVERY == 0:
            type(self).compared += 1
            self._compare()

    def _compare(self) -> None:
        ours, theirs = book_of(self), book_of(self._began_now())
        type(self).differences += [
            f"{self.clock.now_ns()}: {name} {ours.get(name)}, restarted {theirs.get(name)}"
            for name in sorted(ours.keys() | theirs.keys())
            if ours.get(name) != theirs.get(name)
        ]

    def _began_now(self) -> LiveSystem:
        seen = [*self._data._given]
        around = replace(self._around, kept=[], dice=Chance(1, "mirror"), history=seen, clocks=_Running(self.clock))
        with self.begins_nothing.context() as patch:
            patch.setattr(LiveEngine, "start", lambda _: None)
            return LiveSystem(around)


class _Running:
    """The clock of the process that runs already."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock

    def new_process(self, _: int) -> Any:
        return self._clock


def book_of(system: LiveSystem) -> dict[str, Any]:
    """Return what works in a book, and what is held of what and behind which orders, by the names of the orders."""
    loop = system.engine.loop
    desk, tables = loop.desk, loop.desk.book.fixed
    names = desk.intents.order_ids
    found: dict[str, Any] = {}
    for name, number in desk.tickets.items():
        ticket = desk.book.tickets[number]
        if ticket["status"] < OrderStatus.FILLED and name in loop.views.orders.states:
            is_called_back = bool(ticket["status"] == OrderStatus.PENDING_CANCEL)
            found[name] = (*_known(ticket, ("quantity", "filled", "stop_price")), is_called_back)
    for place in np.ndindex(tables.states.shape):
        holding = tables.holdings[place]
        numbers = [int(holding[role]) for role in _TICKETS]
        found[str(place)] = (
            int(tables.states[place]),
            float(holding["quantity"]),
            int(holding["side"]),
            _known(holding, _LEVELS),
            [names[number] if number >= 0 else None for number in numbers],
        )
    found["foreign"], found["outside"] = tables.foreign.tolist(), tables.outside.tolist()
    return found


def _known(row: Any, names: tuple[str, ...]) -> list[float]:
    return [float(row[name]) for name in names if not np.isnan(row[name])]


@pytest.mark.parametrize("seed", [750020, 750040])
def test_a_restart_finds_what_works_and_what_is_held_as_the_live_run_has_it(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    class Here(Mirrored):
        begins_nothing, compared, differences = monkeypatch, 0, []

    outcome = World(draw(seed, 2), Here).run()

    assert outcome.failure is None
    assert Here.compared > 40
    assert Here.differences == []
