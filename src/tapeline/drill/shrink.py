"""From a seed that fails to the shortest scenario that still does, in the same way.

Delta debugging (Zeller and Hildebrandt, 2002, Simplifying and Isolating Failure-Inducing Input): first days are cut off
the end, then episodes are left out in ever smaller groups, as long as the same check breaks. Failures are the same if
their sentences are, names and numbers aside.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tapeline.drill.scenario import Scenario

RUNS_MAX = 300

_NAMES = re.compile(r"\b[\w.~-]*\d[\w.:~-]*\b|\b[A-Z]{4}\b")
_LISTS = re.compile(r"(#[^.;]*)")


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The shortest scenario that was found.

    scenario : with its seed, days and the episodes that are needed; failure : the sentence it ends with
    runs : how many scenarios were tried
    """

    scenario: Scenario
    failure: str
    runs: int


def signature(failure: str) -> str:
    """Return what a failure says without the names and numbers of its case."""
    sentence = failure.partition(": ")[2] or failure
    return _LISTS.split(_NAMES.sub("#", sentence))[0].strip()


def shrink(
    scenario: Scenario, failure: str, failure_of: Callable[[Scenario], str | None], runs_max: int = RUNS_MAX
) -> Shrunk:
    """Return the shortest scenario whose failure has the signature of the given one.

    failure_of : runs a scenario and returns its failure
    """
    wanted = signature(failure)
    runs = 0
    best, sentence = scenario, failure

    def fails(candidate: Scenario) -> bool:
        nonlocal runs, best, sentence
        if runs >= runs_max:
            return False
        runs += 1
        found = failure_of(candidate)
        if found is None or signature(found) != wanted:
            return False
        best, sentence = candidate, found
        return True

    for days in range(1, scenario.days):
        if fails(scenario.with_days(days)):
            break
    numbers = [episode.number for episode in best.episodes]
    parts = 2
    while numbers:
        size = max(1, len(numbers) // parts)
        for start in range(0, len(numbers), size):
            rest = numbers[:start] + numbers[start + size :]
            if fails(best.only(frozenset(rest))):
                numbers = rest
                parts = max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(numbers), parts * 2)
    return Shrunk(best, sentence, runs)
