"""Every planted bug is caught: a drill that cannot fail would prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drill.builders import a_scenario
from drill.planted import BUGS, Bug
from tapeline.drill.world import World

SEEDS = 8


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.plant.__name__)
def test_a_planted_bug_is_caught(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    def plant(owner: type, name: str, function: Callable[..., Any]) -> None:
        assert hasattr(owner, name), f"{owner.__name__} has no {name} to be spoilt any more"
        monkeypatch.setattr(owner, name, function)

    bug.plant(plant)
    failures = []
    for seed in range(1, SEEDS + 1):
        failure = World(a_scenario(*bug.weather, seed=seed, rate=bug.rate)).run().failure
        if failure is not None:
            failures.append(failure)
            break

    assert failures, f"{bug.plant.__name__} went unnoticed through {SEEDS} seeds"
    assert bug.sentence in failures[0]
