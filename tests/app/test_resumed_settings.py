"""Which settings of a run that goes on differ, and which of them bind less."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tapeline.app.resumed_settings import settings_changed
from tapeline.simulation.limit_settings import Limits
from tapeline.simulation.settings import as_facts

BEFORE = Limits(gross=1.0, losses_in_row=3, pause_minutes=30, reward_risk=2, open_risk=0.1, assumed_stop=0.1)


@pytest.mark.parametrize(
    ("now", "is_loosened"),
    [
        ({"gross": 1.5}, True),
        ({"gross": None}, True),
        ({"gross": 0.5}, False),
        ({"position": 0.1}, False),
        ({"losses_in_row": 10}, True),
        ({"pause_minutes": 10}, True),
        ({"pause_minutes": None}, False),
        ({"reward_risk": None}, True),
        ({"reward_risk": 3}, False),
        ({"assumed_stop": 0.05}, True),
        ({"assumed_stop": None}, False),
    ],
)
def test_a_limit_that_binds_less_is_told_from_one_that_binds_more(now: dict[str, Any], is_loosened: bool) -> None:
    before, after = ({"settings": {"limits": as_facts(limits)}} for limits in (BEFORE, replace(BEFORE, **now)))

    (change,) = settings_changed(before, after)

    assert (change.name, change.may_loosen) == (f"settings.limits.{next(iter(now))}", is_loosened)


def test_terms_of_a_limit_that_was_not_there_loosen_nothing() -> None:
    changes = settings_changed(*({"settings": {"limits": as_facts(limits)}} for limits in (Limits(), BEFORE)))

    assert len(changes) > 4
    assert not any(change.may_loosen for change in changes)


def test_another_gate_or_watch_asks_and_what_was_not_recorded_does_not() -> None:
    now = {"paper": {"gate": {"stale_s": "60.0"}, "keeper": {"horizon_s": "90.0"}}, "symbols": ["A", "B"]}
    before = {"paper": {"gate": {"stale_s": "30.0"}, "keeper": {}}, "symbols": ["A"]}

    changes = {change.name: (str(change), change.may_loosen) for change in settings_changed(before, now)}

    assert changes == {
        "paper.gate.stale_s": ("paper.gate.stale_s: 30.0 before, 60.0 now", True),
        "paper.keeper.horizon_s": ("paper.keeper.horizon_s: none before, 90.0 now", False),
        "symbols.1": ("symbols.1: none before, B now", False),
    }
    assert [change.name for change in settings_changed({"symbols": ["A", "B"]}, now)] == []
