"""Every planted bug is caught: a drill that cannot fail would prove nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from drill import planted_engine
from drill.builders import a_scenario
from drill.planted import BUGS, Bug
from tapeline.drill.live_system import LiveSystem
from tapeline.drill.system import AnySystem, System
from tapeline.drill.world import World

SEEDS = range(1, 9)
SEEDS_OF_ALGORITHMS = (20, 10, 30)
"""Each works orders in another way, and all otherwise than those of `SEEDS`."""
HALVES_OF_ENGINE = 6


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.plant.__name__)
def test_a_planted_bug_is_caught(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    look_for(bug, monkeypatch, System)


@pytest.mark.parametrize("bug", planted_engine.BUGS, ids=lambda bug: bug.plant.__name__)
def test_a_bug_planted_in_the_engine_is_caught(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    look_for(bug, monkeypatch, LiveSystem, (*SEEDS_OF_ALGORITHMS, *SEEDS), halves=HALVES_OF_ENGINE)


@pytest.mark.parametrize("seed", SEEDS_OF_ALGORITHMS)
@pytest.mark.parametrize("bug", planted_engine.OF_WORKED_ORDERS, ids=lambda bug: bug.plant.__name__)
def test_a_bug_of_worked_orders_is_caught_however_they_are_worked(
    bug: Bug, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_for(bug, monkeypatch, LiveSystem, [seed], halves=HALVES_OF_ENGINE)


def look_for(
    bug: Bug, monkeypatch: pytest.MonkeyPatch, system: type[AnySystem], seeds: Sequence[int] = SEEDS, **terms: Any
) -> None:
    def plant(owner: type, name: str, function: Callable[..., Any]) -> None:
        assert hasattr(owner, name), f"{owner.__name__} has no {name} to be spoilt any more"
        monkeypatch.setattr(owner, name, function)

    bug.plant(plant)
    failures = []
    for seed in seeds:
        failure = World(a_scenario(*bug.weather, seed=seed, rate=bug.rate, **terms), system).run().failure
        if failure is not None:
            failures.append(failure)
            break

    assert failures, f"{bug.plant.__name__} went unnoticed through seeds {[*seeds]}"
    assert bug.sentence in failures[0]
