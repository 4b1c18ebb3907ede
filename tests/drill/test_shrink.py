"""The shrinker finds the episodes that a failure needs, and no others; a failure is known by what broke."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tapeline.domain.times import DAY, HOUR
from tapeline.drill.faults import Fault
from tapeline.drill.scenario import Episode, Scenario
from tapeline.drill.shrink import shrink, signature

BROKEN = "2030-01-07T15:00:00Z: Order Dice-ABCD-20300107T150000-0-1 is sent a second time."


def a_long_scenario(days: int, a_day: int) -> Scenario:
    """Return a scenario with that many episodes on each day."""
    episodes = [
        Episode(Fault.REPORT_LOST, day * DAY + 15 * HOUR, HOUR, 0.5, day * a_day + place)
        for day in range(days)
        for place in range(a_day)
    ]
    return Scenario(1, days, tuple(episodes))


@given(st.sets(st.integers(0, 19), max_size=4))
def test_only_the_episodes_that_are_needed_remain(needed: set[int]) -> None:
    def failure_of(scenario: Scenario) -> str | None:
        return BROKEN if needed <= {episode.number for episode in scenario.episodes} else None

    shrunk = shrink(a_long_scenario(5, 4), BROKEN, failure_of)

    assert {episode.number for episode in shrunk.scenario.episodes} == needed
    assert shrunk.scenario.days == max((number // 4 + 1 for number in needed), default=1)
    assert shrunk.failure == BROKEN


def test_another_failure_is_not_taken_for_the_same() -> None:
    """With episode 3 alone something else breaks; the failure that was asked about needs 1 and 3."""

    def failure_of(scenario: Scenario) -> str | None:
        numbers = {episode.number for episode in scenario.episodes}
        if {1, 3} <= numbers:
            return BROKEN
        return "2030-01-07T15:00:00Z: A gap is still open after a quiet session." if 3 in numbers else None

    shrunk = shrink(a_long_scenario(1, 6), BROKEN, failure_of)

    assert {episode.number for episode in shrunk.scenario.episodes} == {1, 3}


def test_it_stops_after_so_many_runs() -> None:
    tried = []

    def failure_of(scenario: Scenario) -> str | None:
        tried.append(scenario)
        return BROKEN

    shrink(a_long_scenario(5, 40), BROKEN, failure_of, runs_max=7)

    assert len(tried) == 7


def test_names_times_and_numbers_do_not_tell_two_failures_apart() -> None:
    other = "2031-02-01T09:00:00.5Z: Order Dice-EFGH-20310201T090000.x1-3-1 is sent a second time."

    assert signature(BROKEN) == signature(other)
    assert signature(BROKEN) != signature("2030-01-07T15:00:00Z: Still locked after a quiet session: ABCD.")
