"""Three-valued logic and tolerant comparison: section 0 of the rules, nothing else.

A number is unknown when it is NaN; a truth value is True, False or None (unknown). Computed values are equal when
|a - b| <= 1e-9 * max(1, |a|, |b|). Prices and volumes as they come from bars use the `exactly` functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Truth = bool | None
UNKNOWN = math.nan
TOLERANCE = 1e-9


def known(*values: float) -> bool:
    """Return whether every value is known."""
    return not any(map(math.isnan, values))


def same(a: float, b: float) -> bool:
    """Return whether two known computed values count as equal; equal infinities do."""
    return a == b or abs(a - b) <= TOLERANCE * max(1.0, abs(a), abs(b)) < math.inf


def above(a: float, b: float) -> Truth:
    """Return a > b for computed values; does not hold on equal."""
    return (a > b and not same(a, b)) if known(a, b) else None


def at_least(a: float, b: float) -> Truth:
    """Return a >= b for computed values; holds on equal."""
    return (a > b or same(a, b)) if known(a, b) else None


def below(a: float, b: float) -> Truth:
    """Return a < b for computed values; does not hold on equal."""
    return above(b, a)


def at_most(a: float, b: float) -> Truth:
    """Return a <= b for computed values; holds on equal."""
    return at_least(b, a)


def between(low: float, value: float, high: float) -> Truth:
    """Return low <= value <= high for computed values."""
    return both(at_least(value, low), at_most(value, high))


def exactly_above(a: float, b: float) -> Truth:
    """Return a > b for prices or volumes straight from bars."""
    return a > b if known(a, b) else None


def both(*truths: Truth) -> Truth:
    """Return Kleene's and: false if one is false, else unknown if one is unknown."""
    if False in truths:
        return False
    return None if None in truths else True


def either(*truths: Truth) -> Truth:
    """Return Kleene's or: true if one is true, else unknown if one is unknown."""
    if True in truths:
        return True
    return None if None in truths else False


def negated(truth: Truth) -> Truth:
    """Return Kleene's not."""
    return None if truth is None else not truth


def at_least_true(needed: int, truths: Sequence[Truth]) -> Truth:
    """Return whether at least `needed` are true; unknown while the unknown ones can still decide it."""
    if truths.count(True) >= needed:
        return True
    return None if truths.count(True) + truths.count(None) >= needed else False


def lowest(values: Sequence[float]) -> float:
    """Return the minimum; unknown if one value is."""
    return min(values) if known(*values) else UNKNOWN


def highest(values: Sequence[float]) -> float:
    """Return the maximum; unknown if one value is."""
    return max(values) if known(*values) else UNKNOWN


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean; unknown if one value is, or if there is none."""
    return math.fsum(values) / len(values) if values else UNKNOWN  # a sum with NaN is NaN


def count(truths: Iterable[Truth]) -> float:
    """Return how many are true; unknown if one is unknown."""
    found = list(truths)
    return UNKNOWN if None in found else float(found.count(True))


def bars_since(wanted: float, newest_first: Sequence[float]) -> float:
    """Return the number of bars since the newest bar that has the wanted value; unknown if that is unknown."""
    return float(newest_first.index(wanted)) if known(wanted) else UNKNOWN
