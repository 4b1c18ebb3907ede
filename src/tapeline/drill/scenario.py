"""What goes wrong when: a seed is a list of episodes, and a list of episodes is all that a shrinker needs.

Every seed allows itself a random part of the kinds of faults only, at random rates (swarm testing: with everything on
at once, faults hide one another, and a system that is restarted every minute never gets far enough to be wrong in
other ways). Each day has a budget of episodes. The last day is quiet: nothing fails any more, all must settle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tapeline.domain.times import DAY, HOUR, MINUTE, SECOND
from tapeline.drill.faults import Fault
from tapeline.drill.virtual_time import Chance

SESSION_OPEN_NS = 14 * HOUR + 30 * MINUTE
SESSION_CLOSE_NS = 21 * HOUR
"""Within each day; every day of a drill is a session, since nothing here depends on a calendar."""
EPISODES_A_DAY = (3, 24)
_KINDS_SHARE = (0.15, 0.6)
"""Of all kinds, the part that a seed allows itself."""

_LENGTH_S = {
    Fault.DISCONNECT: (2, 1_200),
    Fault.CONNECT_REFUSED: (300, 3_600),
    Fault.STALL: (10, 1_800),
    Fault.SWIZZLE: (10, 600),
    Fault.FEED_STALL: (300, 3_600),
    Fault.SYMBOL_HALTED: (60, 3_600),
    Fault.PROCESS_STALL: (1, 300),
    Fault.CLOCK_SKEWED: (60, 3_600),
    Fault.CLOCK_SET_BACK: (60, 3_600),
    Fault.CLOCK_SET_AHEAD: (60, 3_600),
    Fault.DISK_FULL: (1, 600),
    Fault.DISK_LOCKED: (1, 60),
}
_USUAL_LENGTH_S = (30, 3_600)
_RATES = {
    Fault.CRASH_BEFORE_COMMIT: (0.01, 0.1),
    Fault.CRASH_IN_COMMIT: (0.01, 0.1),
    Fault.CRASH_AFTER_COMMIT: (0.01, 0.1),
    Fault.CRASH_WHILE_SENDING: (0.02, 0.2),
    Fault.DISK_FULL: (0.5, 1.0),
    Fault.DISK_LOCKED: (0.2, 1.0),
    Fault.LIQUIDATED: (0.01, 0.1),
    Fault.ORDER_BY_HAND: (0.01, 0.1),
    Fault.EXECUTION_CORRECTED: (0.01, 0.2),
    Fault.EXECUTION_BUSTED: (0.01, 0.2),
    Fault.ORDER_REISSUED: (0.01, 0.2),
}
_USUAL_RATES = (0.02, 0.7)


@dataclass(frozen=True, slots=True)
class Episode:
    """One kind of fault over one stretch of time.

    start_ns : since the drill's begin; length_ns : how long it lasts
    rate : share of the chances that it takes; kinds that simply last ignore it
    number : its place in the list that the seed gave, kept when others are taken out
    """

    fault: Fault
    start_ns: int
    length_ns: int
    rate: float
    number: int

    @property
    def end_ns(self) -> int:
        """When it is over, since the drill's begin."""
        return self.start_ns + self.length_ns


@dataclass(frozen=True, slots=True)
class Scenario:
    """A seed, a number of days and what goes wrong in them.

    days : sessions in which faults may happen; one quiet session follows
    """

    seed: int
    days: int
    episodes: tuple[Episode, ...]

    def with_episodes(self, episodes: tuple[Episode, ...]) -> Scenario:
        """Return the scenario with these episodes only."""
        return replace(self, episodes=episodes)

    def with_days(self, days: int) -> Scenario:
        """Return the scenario cut to fewer days; what would begin later is left out."""
        return replace(self, days=days, episodes=tuple([e for e in self.episodes if e.start_ns < days * DAY]))

    def only(self, numbers: frozenset[int]) -> Scenario:
        """Return the scenario with the episodes of these numbers only."""
        return self.with_episodes(tuple([e for e in self.episodes if e.number in numbers]))


def draw(seed: int, days: int) -> Scenario:
    """Return the scenario of a seed; more days continue it, they do not change those before."""
    chance = Chance(seed, "scenario")
    share = _KINDS_SHARE[0] + chance.share() * (_KINDS_SHARE[1] - _KINDS_SHARE[0])
    kinds = [fault for fault in Fault if chance.hits(share)] or [chance.one_of(list(Fault))]
    episodes: list[Episode] = []
    for day in range(days):
        of_day = Chance(seed, f"scenario/day/{day}")
        for _ in range(of_day.whole(*EPISODES_A_DAY)):
            fault = of_day.one_of(kinds)
            rates = _RATES.get(fault, _USUAL_RATES)
            start = day * DAY + SESSION_OPEN_NS - 10 * MINUTE + of_day.whole(0, 390) * MINUTE
            length = of_day.whole(*_LENGTH_S.get(fault, _USUAL_LENGTH_S)) * SECOND
            length = min(length, day * DAY + SESSION_CLOSE_NS + HOUR - start)
            rate = rates[0] + of_day.share() * (rates[1] - rates[0])
            episodes.append(Episode(fault, start, length, rate, len(episodes)))
    return Scenario(seed, days, tuple(episodes))
