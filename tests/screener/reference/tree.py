"""Section 3, the decision tree over three frames, and the variants that are recorded with it."""

from __future__ import annotations

from dataclasses import dataclass

from screener.reference.bars import Reading
from screener.reference.coarse import stop_price, touched
from screener.reference.logic import (
    Truth,
    above,
    at_least,
    at_most,
    below,
    between,
    both,
    either,
    exactly_above,
    known,
    lowest,
    mean,
    negated,
)
from screener.reference.profiles import Profile

OPTIONAL_MEMBERS = ("bandwidth", "first_green", "lines_converge")


@dataclass(frozen=True)
class Tree:
    """The tree's answers; None is unknown, except `kind`, where it is "no class"."""

    q1: Truth
    hostile: Truth
    confirmation: str
    q2: Truth
    q3: Truth
    q4: Truth
    q5: Truth
    q6: Truth
    trigger: Truth
    overhead_clear: Truth
    kind: str | None


def regime_ok(t3: Reading) -> Truth:
    """Return Q1."""
    h, rsi = t3.h, t3.rsi
    # Closes are prices straight from bars: compared exactly. close[1..19] are the 19 bars before the newest.
    above_lowest = exactly_above(t3.close[0], lowest(t3.close.last(20)[1:]))
    return both(at_least(h[0], h[1]), either(at_least(rsi[0], 35), at_least(rsi[0], rsi[1])), above_lowest)


def is_hostile(t3: Reading) -> Truth:
    """Return whether the regime frame still falls hard."""
    h, rsi = t3.h, t3.rsi
    usual = mean([abs(value) for value in h.last(20)])
    falling = both(below(h[0], 0), below(h[0], h[1]), above(abs(h[0]), usual))
    return either(falling, both(below(rsi[0], 30), below(rsi[0], rsi[1])))


def confirmation_parts(t2: Reading) -> list[Truth]:
    """Return the three parts of Q2."""
    return [
        above(t2.h[0], t2.h[1]),
        both(below(t2.k[0], 80), below(t2.d[0], 80)),
        at_least(t2.close[0], 0.99 * t2.middle[0]),
    ]


def confirmation(parts: list[Truth]) -> str:
    """Return yes, marginal or no. Only true acts: a part that is unknown is not one of the true ones."""
    return {3: "yes", 2: "marginal"}.get(parts.count(True), "no")


def q3(t1: Reading, profile: Profile) -> Truth:
    """Return whether price touched the lower band and is back at the middle."""
    return both(touched(t1, profile), at_least(t1.close[0], t1.middle[0]))


def q4(t1: Reading, profile: Profile) -> Truth:
    """Return whether StochRSI turned up out of the oversold zone."""
    k, d = t1.k, t1.d
    backs = range(1, 6) if profile.oversold_within_five else range(1, 2)
    oversold = either(*(both(at_most(k[i], 20), at_most(d[i], 20)) for i in backs))
    return both(oversold, above(k[0], d[0]), at_least(k[0], 25))


def q5(t1: Reading) -> Truth:
    """Return whether the histogram rises from below zero."""
    h = t1.h
    return both(below(h[2], h[1]), below(h[1], 0), at_least(h[0], h[1]))


def q6(t1: Reading) -> Truth:
    """Return whether RSI rises in the lower half."""
    return both(at_least(t1.rsi[0], t1.rsi[1]), between(30, t1.rsi[0], 60))


def optional_member(name: str, t1: Reading) -> Truth:
    """Return one of the trigger's optional members, off by default."""
    if name == "first_green":
        return both(at_most(t1.h[1], 0), above(t1.h[0], 0))
    if name == "lines_converge":
        return below(abs(t1.line[0] - t1.signal[0]), abs(t1.line[1] - t1.signal[1]))
    if name == "bandwidth":
        width = [
            (up - low) / mid
            for up, low, mid in zip(t1.upper.last(21), t1.lower.last(21), t1.middle.last(21), strict=True)
        ]
        return both(above(width[0], width[1]), below(width[1], mean(width[1:])))
    raise ValueError(f"No optional member {name!r}; there are {', '.join(OPTIONAL_MEMBERS)}.")


def overhead(t1: Reading, t3: Reading, profile: Profile) -> Truth:
    """Return whether a swing high stands within 1.5 R above the close; unknown where R is not above 0."""
    close = t1.close[0]
    risk = close - stop_price(t1, profile)
    if not known(risk) or at_most(risk, 0):
        return None
    high, last = (t3.high, 19) if profile.overhead_on_t3 else (t1.high, 49)
    found = []
    for pivot in range(2, last + 1):
        neighbours = (high[pivot - 2], high[pivot - 1], high[pivot + 1], high[pivot + 2])
        swing = both(*(exactly_above(high[pivot], neighbour) for neighbour in neighbours))
        in_the_way = both(exactly_above(high[pivot], close), at_most(high[pivot], close + 1.5 * risk))
        found.append(both(swing, in_the_way))
    return either(*found)


def classify(
    hostile: Truth, q1: Truth, parts: list[Truth], trigger: Truth, overhead_found: Truth, profile: Profile
) -> str | None:
    """Return the first class that matches; only true acts."""
    setup = both(q1, both(*parts), trigger)
    if hostile:
        return "rejected"
    if setup and overhead_found is False:
        return "A+"
    if setup and overhead_found and profile.class_a:
        return "A"
    if q1 and trigger and confirmation(parts) == "marginal":
        return "B"
    if trigger or both(q1, *parts):
        return "C"
    return None


def tree(t1: Reading, t2: Reading, t3: Reading, profile: Profile, optional: tuple[str, ...] = ()) -> Tree:
    """Return the whole tree of one symbol at the moment of the three readings."""
    q1, hostile, parts = regime_ok(t3), is_hostile(t3), confirmation_parts(t2)
    answers = (q3(t1, profile), q4(t1, profile), q5(t1), q6(t1))
    trigger = both(*answers, *(optional_member(name, t1) for name in optional))
    overhead_found = overhead(t1, t3, profile)
    kind = classify(hostile, q1, parts, trigger, overhead_found, profile)
    return Tree(q1, hostile, confirmation(parts), both(*parts), *answers, trigger, negated(overhead_found), kind)


def variants(t1: Reading, t2: Reading) -> dict[str, Truth]:
    """Return the recorded variants of the entry: aggressive (half size) and conservative."""
    h = t1.h
    aggressive = both(below(h[0], 0), above(h[0], h[1]), above(h[1], h[2]), above(h[2], h[3]))
    conservative = both(above(h[0], 0), above(t2.h[0], 0), at_least(t2.rsi[0], 45))
    return {"aggressive": aggressive, "conservative": conservative}
