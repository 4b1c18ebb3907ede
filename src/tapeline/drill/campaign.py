"""Many seeds in a row: what held, what broke and how to see it again, and which faults were never met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tapeline.domain.errors import InputError
from tapeline.domain.times import DAY, MINUTE, SECOND
from tapeline.drill.faults import Fault, Tally
from tapeline.drill.live_system import LiveSystem
from tapeline.drill.scenario import Scenario, draw
from tapeline.drill.shrink import Shrunk, shrink
from tapeline.drill.system import AnySystem, System
from tapeline.drill.world import Outcome, World

ENGINE_EVERY = 10
"""Seeds that this number divides have the whole engine with its strategies in place of the dice, which walk more roads
in less time."""
DAYS_FOR_EVERY_FAULT = 200
"""Days from which a run must have met every kind of fault; a shorter one cannot be asked to."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A seed that broke something, and the shortest scenario that still does."""

    outcome: Outcome
    shrunk: Shrunk | None

    @property
    def command(self) -> str:
        """The one line that shows it again."""
        scenario = self.shrunk.scenario if self.shrunk is not None else self.outcome.scenario
        line = f"tapeline simulate --first-seed {scenario.seed} --seeds 1 --days {scenario.days}"
        if self.shrunk is not None:
            line += f" --episodes {','.join(str(e.number) for e in scenario.episodes) or 'none'}"
        return line


@dataclass(slots=True)
class Campaign:
    """The sums over all seeds."""

    seeds: int = 0
    days: int = 0
    records: int = 0
    executions: int = 0
    submits: int = 0
    starts: int = 0
    checks: int = 0
    tally: Tally = field(default_factory=Tally)
    failures: list[Failure] = field(default_factory=list)

    @property
    def untested(self) -> list[Fault]:
        """Return the kinds of faults that changed nothing, if the run was long enough to meet all."""
        return self.tally.untested() if self.days >= DAYS_FOR_EVERY_FAULT else []

    @property
    def passed(self) -> bool:
        """Whether nothing broke and every kind of fault was met."""
        return not self.failures and not self.untested

    def add(self, outcome: Outcome) -> None:
        """Take in what became of a seed."""
        self.seeds += 1
        self.days += outcome.scenario.days
        self.records += outcome.records
        self.executions += outcome.executions
        self.submits += outcome.submits
        self.starts += outcome.starts
        self.checks += outcome.checks
        self.tally.add(outcome.tally)

    def as_tree(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {
            "seeds": self.seeds,
            "days": self.days,
            "records": self.records,
            "executions": self.executions,
            "orders": self.submits,
            "process_starts": self.starts,
            "checks": self.checks,
            "passed": self.passed,
            "faults": {
                fault.name.lower(): {
                    "injected": self.tally.injected[fault],
                    "changed_the_course": self.tally.changed[fault],
                }
                for fault in Fault
            },
            "untested_faults": [fault.name.lower() for fault in self.untested],
            "failures": [
                {
                    "seed": failure.outcome.scenario.seed,
                    "failure": failure.outcome.failure,
                    "command": failure.command,
                    "episodes": [] if failure.shrunk is None else episodes_of(failure.shrunk.scenario),
                }
                for failure in self.failures
            ],
        }


def run_campaign(
    first_seed: int,
    seeds: int,
    days: int,
    *,
    episodes: frozenset[int] | None = None,
    shrinks: bool = True,
    on_seed: Callable[[Campaign], None] | None = None,
) -> Campaign:
    """Run seeds one after the other and shrink what fails.

    episodes : run these episodes of each seed only, as a reproducing command says
    on_seed : called after each seed, for progress
    Raises InputError for counts below one.
    """
    for name, value in (("seeds", seeds), ("days", days)):
        if value < 1:
            raise InputError(f"A simulation of {value} {name} was asked for; 1 or more are possible.")
    campaign = Campaign()
    for seed in range(first_seed, first_seed + seeds):
        scenario = draw(seed, days)
        if episodes is not None:
            scenario = scenario.only(episodes)
        outcome = World(scenario, system_of(seed)).run()
        campaign.add(outcome)
        if outcome.failure is not None:
            shrunk = shrink(scenario, outcome.failure, failure_of) if shrinks else None
            campaign.failures.append(Failure(outcome, shrunk))
        if on_seed is not None:
            on_seed(campaign)
    return campaign


def failure_of(scenario: Scenario) -> str | None:
    """Run a scenario and return what broke."""
    return World(scenario, system_of(scenario.seed)).run().failure


def system_of(seed: int) -> type[AnySystem]:
    """Return what trades in the world of a seed."""
    return System if seed % ENGINE_EVERY else LiveSystem


def episodes_of(scenario: Scenario) -> list[str]:
    """Return the episodes of a scenario as lines that a person can read."""
    lines = []
    for episode in scenario.episodes:
        day, minute = episode.start_ns // DAY + 1, episode.start_ns % DAY // MINUTE
        lines.append(
            f"{episode.number}: {episode.fault.value}; day {day}, {minute // 60:02d}:{minute % 60:02d} UTC for "
            f"{episode.length_ns // SECOND} s, rate {episode.rate:.2f}"
        )
    return lines
