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
"""Days of dice, or of the engine, from which those must have met every kind of fault; fewer cannot be asked to."""


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
class Met:
    """What the worlds of one kind of system met."""

    days: int = 0
    tally: Tally = field(default_factory=Tally)

    @property
    def untested(self) -> list[Fault]:
        """Return the kinds of faults that changed nothing, if there were enough days to meet all."""
        return self.tally.untested() if self.days >= DAYS_FOR_EVERY_FAULT else []


@dataclass(slots=True)
class Campaign:
    """The sums over all seeds, and faults and days apart for dice and engine: one says nothing of the other."""

    seeds: int = 0
    records: int = 0
    executions: int = 0
    submits: int = 0
    starts: int = 0
    checks: int = 0
    dice: Met = field(default_factory=Met)
    engine: Met = field(default_factory=Met)
    failures: list[Failure] = field(default_factory=list)

    @property
    def days(self) -> int:
        """Return the days with faults of all seeds."""
        return self.dice.days + self.engine.days

    @property
    def passed(self) -> bool:
        """Whether nothing broke, and dice and engine each met every kind of fault if they had the days for it."""
        return not (self.failures or self.dice.untested or self.engine.untested)

    def add(self, outcome: Outcome) -> None:
        """Take in what became of a seed."""
        self.seeds += 1
        met = self.engine if system_of(outcome.scenario.seed) is LiveSystem else self.dice
        met.days += outcome.scenario.days
        met.tally.add(outcome.tally)
        self.records += outcome.records
        self.executions += outcome.executions
        self.submits += outcome.submits
        self.starts += outcome.starts
        self.checks += outcome.checks

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
            **{name: _met_as_tree(met) for name, met in (("dice", self.dice), ("engine", self.engine))},
            "failures": [
                {
                    "seed": failure.outcome.scenario.seed,
                    "failure": failure.outcome.failure,
                    "ends_with": None if failure.shrunk is None else failure.shrunk.failure,
                    "command": failure.command,
                    "episodes": [] if failure.shrunk is None else episodes_of(failure.shrunk.scenario),
                }
                for failure in self.failures
            ],
        }


def _met_as_tree(met: Met) -> dict[str, Any]:
    return {
        "days": met.days,
        "faults": {
            fault.name.lower(): {"injected": met.tally.injected[fault], "changed_the_course": met.tally.changed[fault]}
            for fault in Fault
        },
        "untested_faults": [fault.name.lower() for fault in met.untested],
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
    Raises InputError for counts below one, and for episodes that a seed does not have.
    """
    for name, value in (("seeds", seeds), ("days", days)):
        if value < 1:
            raise InputError(f"A simulation of {value} {name} was asked for; 1 or more are possible.")
    campaign = Campaign()
    for seed in range(first_seed, first_seed + seeds):
        scenario = draw(seed, days)
        if episodes is not None:
            unknown = sorted(episodes - {episode.number for episode in scenario.episodes})
            if unknown:
                raise InputError(
                    f"Seed {seed} of {days} days has no episode {unknown[0]}: its {len(scenario.episodes)} are numbered"
                    " from 0. A line that showed a failure fits the program and the days that it came from."
                )
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
