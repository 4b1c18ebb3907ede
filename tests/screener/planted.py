"""Price paths with a setup planted in them, and near misses that break exactly one of its conditions.

A path is 45 sessions of 15-minute bars of one symbol. Slow waves carry it, so that the regime and confirmation frames
rise at some times and fall at others; once or three times in each session it is sold off for a few bars and snaps back,
which is what the trigger looks for. A case is a path and one of its T1 closes: up to there the screener sees the path.

    market = paths({case.seed for case in cases})    # {"P0012": [BaseBar, ...], ...}
    for case in cases:
        ... the class of case.symbol at case.at must be case.kind ...

The draws come from `random.Random`, whose sequence is the same on every machine. Which closes are planted setups and
which are near misses was found by `PYTHONPATH=tests python -m screener.planted 500 800`, with the second reading of
the rules as the judge, and is kept in `planted_cases.txt`; the tests certify every case anew.

A path cannot break "not hostile" alone: hostile needs H[0] < H[1] or RSI[0] < RSI[1] below 30 on T3, and the regime
question needs the contrary of both. Its near misses therefore break the regime question too.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from screener.reference import tree
from screener.reference.bars import MINUTE, BaseBar, Reading, Session, Symbol, build_symbol, frame_ends
from screener.reference.coarse import touched
from screener.reference.files import sessions_between
from screener.reference.logic import Truth, above, at_least, at_most, below, between, both, either, negated
from screener.reference.profiles import SOURCE, TAPELINE, Profile

BAR = 15 * MINUTE
FIRST_JUDGED = 28  # from here on every indicator of T3 is known
CALMER = 10_000  # seeds from here on sell off once a session: `source` asks for no swing high in the last 50 T1 bars
CASES = Path(__file__).with_name("planted_cases.txt")  # profile, what is broken, then seed/session/slot
ENOUGH = 20  # planted setups, and near misses of each question, of `tapeline`
A_FEW = 5  # the same of `source`, which finds one planted setup in some 400 paths, and no near miss of some questions
CLASS_OF = {"q1": "C", "q2": "B", "q3": "C", "q4": "C", "q5": "C", "q6": "C", "calm": "rejected"}


@dataclass(frozen=True)
class Case:
    """A path and a moment; `broken` is the one condition that does not hold, None for a planted setup."""

    seed: int
    session: int
    slot: int  # the T1 close, 1 for the first of the session
    broken: str | None
    kind: str  # the class that the rules give

    @property
    def symbol(self) -> str:
        return symbol_of(self.seed)

    @property
    def at(self) -> int:
        """The moment, in UTC nanoseconds."""
        session = sessions()[self.session]
        return min(session.open + self.slot * BAR, session.close)


class _Drop(NamedTuple):
    # Down by `depth` over `fall` bars, up again by `share` of it over `back` bars, and the rest is made up over 8.
    start: int
    fall: int
    back: int
    depth: float
    share: float

    @classmethod
    def drawn(cls, chance: random.Random, first: int) -> _Drop:
        times = chance.randint(first, first + 10), chance.randint(1, 6), chance.randint(1, 3)
        return cls(*times, chance.uniform(0.003, 0.02), chance.uniform(0.4, 1.2))

    def at(self, slot: int) -> float:
        bar = slot - self.start
        if bar < 0:
            return 0.0
        if bar < self.fall:
            return -self.depth * (bar + 1) / self.fall
        if bar < self.fall + self.back:
            return -self.depth + self.depth * self.share * (bar - self.fall + 1) / self.back
        return -self.depth * (1 - self.share) * max(0.0, 1 - (bar - self.fall - self.back) / 8)


def symbol_of(seed: int) -> str:
    """Return the name that a seed's path has."""
    return f"P{seed:05d}"


def stored_cases(profile: Profile) -> list[Case]:
    """Return the planted setups and near misses of a profile that were found and kept."""
    found = []
    for line in CASES.read_text().splitlines():
        name, broken, *places = line.split()
        if name != profile.name:
            continue
        only = None if broken == "planted" else broken
        for place in places:
            seed, session, slot = map(int, place.split("/"))
            found.append(Case(seed, session, slot, only, kind_of(only, profile)))
    return found


@lru_cache
def sessions() -> list[Session]:
    """Return the 45 sessions of every path."""
    return sessions_between(date(2024, 1, 2), date(2024, 3, 6))


def path(seed: int) -> list[BaseBar]:
    """Return a path's bars of 15 minutes, prices in cents around 100."""
    chance = random.Random(seed)
    waves = [
        (chance.uniform(*size), chance.uniform(*period), chance.uniform(0, math.tau))
        for size, period in (((0.02, 0.1), (200, 1200)), ((0.003, 0.03), (40, 300)))
    ]
    noise = chance.uniform(0.0002, 0.001)
    bars: list[BaseBar] = []
    wander, place = 0.0, 0
    for session in sessions():
        drops = [_Drop.drawn(chance, first) for first in ((2, 9, 15) if seed < CALMER else (9,))]
        for slot in range((session.close - session.open) // BAR):
            wander = 0.9 * wander + chance.gauss(0, noise)
            slow = sum(size * math.sin(math.tau * place / period + phase) for size, period, phase in waves)
            sold = sum(drop.at(slot) for drop in drops)
            close = round(100 * math.exp(slow + wander + sold), 2)
            first = bars[-1].close if bars else close
            reach = 100 * chance.uniform(0, noise)
            high = round(max(first, close) + reach * chance.random(), 2)
            low = round(min(first, close) - reach * chance.random(), 2)
            begin = session.open + slot * BAR
            bars.append(BaseBar(begin, first, high, low, close, float(chance.randint(500, 5000))))
            place += 1
    return bars


def paths(seeds: Iterable[int]) -> dict[str, list[BaseBar]]:
    """Return the paths of some seeds by symbol."""
    return {symbol_of(seed): path(seed) for seed in sorted(set(seeds))}


def conditions(t1: Reading, t2: Reading, t3: Reading, profile: Profile) -> dict[str, Truth]:
    """Return the single conditions of class A+; the name up to the point is the question they belong to."""
    backs = range(1, 6) if profile.oversold_within_five else range(1, 2)
    histogram, oscillator, middle = tree.confirmation_parts(t2)
    return {
        "q1": tree.regime_ok(t3),
        "q2.histogram": histogram,
        "q2.oscillator": oscillator,
        "q2.middle": middle,
        "q3.touch": touched(t1, profile),
        "q3.middle": at_least(t1.close[0], t1.middle[0]),
        "q4.oversold": either(*(both(at_most(t1.k[i], 20), at_most(t1.d[i], 20)) for i in backs)),
        "q4.cross": above(t1.k[0], t1.d[0]),
        "q4.level": at_least(t1.k[0], 25),
        "q5.before": below(t1.h[2], t1.h[1]),
        "q5.below": below(t1.h[1], 0),
        "q5.now": at_least(t1.h[0], t1.h[1]),
        "q6.rising": at_least(t1.rsi[0], t1.rsi[1]),
        "q6.range": between(30, t1.rsi[0], 60),
        "clear": negated(tree.overhead(t1, t3, profile)),
        "calm": negated(tree.is_hostile(t3)),
    }


def what_breaks(symbol: Symbol, now: int, profile: Profile) -> tuple[str, ...] | None:
    """Return the conditions that are false at a moment; None where one is unknown."""
    found = conditions(symbol.t1.at(now), symbol.t2.at(now), symbol.t3.at(now), profile)
    return None if None in found.values() else tuple(name for name, truth in found.items() if not truth)


def kind_of(broken: str | None, profile: Profile) -> str:
    """Return the class that the rules give a planted setup, or a near miss that breaks one condition."""
    if broken is None:
        return "A+"
    if broken == "clear":
        return "A" if profile.class_a else "C"
    return CLASS_OF[broken.split(".")[0]]


def search(seeds: Iterable[int], profile: Profile) -> Iterator[Case]:
    """Yield every planted setup and near miss of some seeds, in the order of time."""
    for seed in seeds:
        symbol = build_symbol(symbol_of(seed), path(seed), sessions(), profile=profile)
        for place, session in enumerate(sessions()[FIRST_JUDGED:], FIRST_JUDGED):
            for slot, now in enumerate(frame_ends(session, BAR), 1):
                t1 = symbol.t1.at(now)
                questions = tree.q3(t1, profile), tree.q4(t1, profile), tree.q5(t1), tree.q6(t1)
                if questions.count(True) < 3:
                    continue
                broken = what_breaks(symbol, now, profile)
                if broken == ("q1", "calm"):
                    broken = ("calm",)
                if broken is not None and len(broken) <= 1:
                    only = broken[0] if broken else None
                    yield Case(seed, place, slot, only, kind_of(only, profile))


def question_of(broken: str | None) -> str:
    """Return the question that a condition belongs to, or `planted`."""
    return broken.split(".")[0] if broken else "planted"


def choose(found: list[Case], most: int) -> list[Case]:
    """Return at most `most` cases of each question, by turns of its conditions, from as few paths as that allows."""
    used: Counter[int] = Counter(case.seed for case in found)
    chosen: list[Case] = []
    for question in sorted({question_of(case.broken) for case in found}):
        parts: dict[str | None, list[Case]] = {}
        for case in sorted(found, key=lambda case: -used[case.seed]):
            if question_of(case.broken) == question:
                parts.setdefault(case.broken, []).append(case)
        turns = [case for turn in zip_longest(*parts.values()) for case in turn if case is not None][:most]
        used.update(case.seed for case in turns for _ in range(100))  # a path that is needed anyway comes first
        chosen += turns
    return chosen


def table(profile: Profile, cases: list[Case]) -> str:
    """Return the lines that `stored_cases` reads."""
    lines: dict[str, list[str]] = {}
    for case in sorted(cases, key=lambda case: (case.broken or "", case.seed, case.session, case.slot)):
        lines.setdefault(case.broken or "planted", []).append(f"{case.seed}/{case.session}/{case.slot}")
    return "".join(f"{profile.name} {broken} {' '.join(places)}\n" for broken, places in lines.items())


if __name__ == "__main__":
    many, calmer = int(sys.argv[1]), int(sys.argv[2])
    seeds = {TAPELINE: range(many), SOURCE: range(CALMER, CALMER + calmer)}
    most = {TAPELINE: ENOUGH, SOURCE: A_FEW}
    found = {profile: choose(list(search(of, profile)), most[profile]) for profile, of in seeds.items()}
    CASES.write_text("".join(table(profile, cases) for profile, cases in found.items()))
