"""Section 2, the coarse screen on T2, and the touch and stop that other sections share."""

from __future__ import annotations

from dataclasses import dataclass

from screener.reference.bars import Reading
from screener.reference.logic import (
    UNKNOWN,
    Truth,
    above,
    at_least,
    at_least_true,
    at_most,
    below,
    between,
    both,
    either,
    known,
    lowest,
)
from screener.reference.profiles import Profile

BARS_NEEDED = 30


@dataclass(frozen=True)
class Coarse:
    """The conditions of the coarse screen; None and NaN are unknown."""

    a: Truth
    b: Truth
    c: Truth
    d: Truth
    v: Truth
    passed: Truth
    score: float


def touched(frame: Reading, profile: Profile) -> Truth:
    """Return whether one of the last 5 closes touched its own lower band."""
    return either(*(_touch(frame, back, profile) for back in range(5)))


def _touch(frame: Reading, back: int, profile: Profile) -> Truth:
    lower, upper = frame.lower[back], frame.upper[back]
    line = lower + 0.1 * (upper - lower) if profile.touch_within_bands else 1.02 * lower
    return at_most(frame.close[back], line)


def stop_price(t1: Reading, profile: Profile) -> float:
    """Return the stop that R, RR and risk are measured from: section 4's, or section 6's by correction 7."""
    low = lowest(t1.low.last(10))
    if not profile.one_stop:
        return lowest([low, t1.lower[0]])
    close, atr = t1.close[0], t1.atr[0]
    stop = lowest([close - 1.5 * atr, 0.995 * low, t1.lower[0]])
    # Widened when closer than 0.8 ATR. With 1.5 ATR among the three that cannot happen; the rule is kept as written.
    return lowest([stop, close - 0.8 * atr])


def coarse(t2: Reading, profile: Profile) -> Coarse:
    """Return the coarse screen of one symbol."""
    if len(t2) < BARS_NEEDED:
        return Coarse(None, None, None, None, None, None, UNKNOWN)
    k, d, h, rsi = t2.k, t2.d, t2.h, t2.rsi
    a = either(at_most(t2.pos[0], 0.6), touched(t2, profile))
    oversold = either(*(either(at_most(k[i], 25), at_most(d[i], 25)) for i in range(5)))
    b = both(oversold, above(k[0], k[1]), below(k[0], 65))
    limit = 0.5 * t2.atr[0] if profile.histogram_by_atr else 0.01 * t2.close[0]
    c = both(at_most(h[2], h[1]), at_most(h[1], h[0]), below(h[0], limit))
    strength = both(between(25, rsi[0], 65), at_least(rsi[0], rsi[1]))
    usual = t2.volume_mean_of_slot[0] if profile.volume_by_time_of_day else t2.volume_mean[0]
    v = at_least(t2.volume[0], 0.8 * usual)
    passed = both(v, at_least_true(3, [a, b, c, strength]))
    return Coarse(a, b, c, strength, v, passed, preliminary_score(t2))


def preliminary_score(t2: Reading) -> float:
    """Return the preliminary score, 0..95: unknown parts give 0."""
    k, h, rsi, pos = t2.k, t2.h, t2.rsi, t2.pos[0]
    low_k = lowest(k.last(5))
    rise, gain = k[0] - k[1], rsi[0] - rsi[1]
    return float(
        first_true((at_most(low_k, 10), 15), (at_most(low_k, 20), 10), (at_most(low_k, 30), 5))
        + first_true((at_least(rise, 10), 15), (at_least(rise, 5), 10), (at_least(rise, 2), 5))
        + first_true((both(above(h[0], h[1]), above(h[1], h[2])), 20), (above(h[0], h[1]), 10))
        + first_true((both(at_most(h[1], 0), above(h[0], 0)), 10))
        + first_true((between(30, rsi[0], 50), 10), (between(25, rsi[0], 55), 5))
        + first_true((at_least(gain, 3), 10), (at_least(gain, 1), 5))
        + first_true(
            (between(0.2, pos, 0.4), 20),
            (both(above(pos, 0.4), at_most(pos, 0.5)), 15),
            (below(pos, 0.2), 10),
        )
    )


def first_true(*alternatives: tuple[Truth, float]) -> float:
    """Return the points of the first alternative whose condition is true, else 0."""
    return next((points for condition, points in alternatives if condition is True), 0.0)


def hand_over(candidates: dict[str, Coarse], most: int = 100) -> list[str]:
    """Return the symbols handed over: passed and score >= 60, best first, ties by symbol, at most `most`."""
    fit = [
        (-one.score, symbol)
        for symbol, one in candidates.items()
        if one.passed is True and known(one.score) and at_least(one.score, 60) is True
    ]
    return [symbol for _, symbol in sorted(fit)][:most]
