"""Every planted bug is caught: a drill that cannot fail would prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drill import planted_engine
from drill.builders import a_scenario
from drill.planted import BUGS, Bug
from tapeline.drill.live_system import LiveSystem
from tapeline.drill.system import AnySystem, System
from tapeline.drill.world import World

SEEDS = 8
HALVES_OF_ENGINE = 6


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.plant.__name__)
def test_a_planted_bug_is_caught(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    look_for(bug, monkeypatch, System)


@pytest.mark.parametrize("bug", planted_engine.BUGS, ids=lambda bug: bug.plant.__name__)
def test_a_bug_planted_in_the_engine_is_caught(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    look_for(bug, monkeypatch, LiveSystem, halves=HALVES_OF_ENGINE)


def look_for(bug: Bug, monkeypatch: pytest.MonkeyPatch, system: type[AnySystem], **terms: Any) -> None:
    def plant(owner: type, name: str, function: Callable[..., Any]) -> None:
        assert hasattr(owner, name), f"{owner.__name__} has no {name} to be spoilt any more"
        monkeypatch.setattr(owner, name, function)

    bug.plant(plant)
    failures = []
    for seed in range(1, SEEDS + 1):
        failure = World(a_scenario(*bug.weather, seed=seed, rate=bug.rate, **terms), system).run().failure
        if failure is not None:
            failures.append(failure)
            break

    assert failures, f"{bug.plant.__name__} went unnoticed through {SEEDS} seeds"
    assert bug.sentence in failures[0]
