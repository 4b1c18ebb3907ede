"""Section 4: the SABR20 score, state, accumulation, risk and reward, grade, and the figures beside them.

Points are given rule by rule through `Points`, which also knows what to do with an unknown input: try the next
alternative (`source`), or give the rule 0 and remember it (`tapeline`, correction 10).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from screener.reference.bars import Reading
from screener.reference.coarse import first_true, stop_price, touched
from screener.reference.logic import (
    UNKNOWN,
    Truth,
    above,
    at_least,
    at_most,
    bars_since,
    below,
    between,
    both,
    count,
    either,
    exactly_above,
    highest,
    known,
    lowest,
)
from screener.reference.profiles import Profile

COMPONENTS = ("setup_strength", "bottom_phase", "accumulation", "trend_momentum", "risk_reward", "volume")
WEIGHTS = dict(zip(COMPONENTS, (30, 22, 18, 18, 10, 2), strict=True))
RAW_MAX = dict(zip(COMPONENTS, (35, 25, 18, 20, 10, 2), strict=True))
STATE_POINTS = {"BottomActive": 7, "BottomSoon": 5, "PreBottom": 3, "PostBottom": 0}


@dataclass
class Points:
    """Gives points rule by rule; `unknown_seen` says that a rule met an unknown input."""

    profile: Profile
    unknown_seen: bool = False

    def rule(self, inputs: list[float], *alternatives: tuple[Truth, float]) -> float:
        """Return the points of one rule: its inputs, then its alternatives in order."""
        if not known(*inputs):
            self.unknown_seen = True
            if self.profile.unknown_gives_zero:
                return 0.0
        return first_true(*alternatives)


@dataclass(frozen=True)
class Score:
    """Section 4 of one symbol; NaN and None are unknown."""

    total: float
    points: dict[str, float]  # scaled to the weights
    raw: dict[str, float]
    state: str | None
    accumulation_phase: str
    accumulation_ratio: float
    grade: str
    rr: float
    stop: float
    target: float
    unknown_seen: bool = field(default=False)


def state(t1: Reading, profile: Profile) -> str | None:
    """Return the state of the bottom; None when an input is unknown."""
    k, d, pos = t1.k, t1.d, t1.pos[0]
    reach = 3 if profile.crossed_within_three else 1
    if not known(pos, *k.last(reach + 1), *d.last(reach + 1)):
        return None
    crossings = [both(at_most(k[i + 1], d[i + 1]), above(k[i], d[i])) for i in range(reach)]
    if profile.crossed_within_three:
        # "from K <= 50": the K below the crossing, one bar before it.
        crossings = [both(crossing, at_most(k[i + 1], 50)) for i, crossing in enumerate(crossings)]
    crossed = either(*crossings)
    oversold = either(at_most(k[0], 25), at_most(d[0], 25))
    if oversold and not crossed:
        return "BottomSoon" if above(k[0], k[1]) else "PreBottom"
    if crossed or between(0.2, pos, 0.5):
        return "BottomActive"
    return "PostBottom" if above(pos, 0.6) else "BottomSoon"


def setup_strength(t1: Reading, t2: Reading, t3: Reading, points: Points) -> float:
    """Return the raw points 0..35 of the setup over the three frames."""
    profile = points.profile
    k, d, h = t1.k, t1.d, t1.h
    at_middle = at_least(t1.close[0], t1.middle[0])
    turn = both(at_most(k[1], 20), at_most(d[1], 20), above(k[0], d[0]))
    bands = [t1.middle[0], *t1.lower.last(5)]
    raw = points.rule([k[0], k[1], d[0], d[1]], (turn, min(max((k[0] - k[1]) / 4, 0.0), 5.0)))
    raw += points.rule([h[0], h[1]], (both(below(h[1], 0), at_least(h[0], 0)), 5), (above(h[0], h[1]), 3))
    raw += points.rule(bands, (both(touched(t1, profile), at_middle), 5), (at_middle, 3))
    h = t2.h
    raw += points.rule([h[0], h[1]], (both(above(h[0], h[1]), above(h[0], 0)), 6), (above(h[0], h[1]), 4))
    raw += points.rule([t2.k[0], t2.d[0]], (both(below(t2.k[0], 70), below(t2.d[0], 70)), 3))
    raw += points.rule([t2.middle[0]], (at_least(t2.close[0], t2.middle[0]), 3))
    h = t3.h
    floor = -1.0 * t3.atr[0] if profile.histogram_by_atr else -0.02 * t3.close[0]
    raw += points.rule([h[0], h[1], floor], (at_least(h[0], h[1]), 4), (above(h[0], floor), 2))
    return raw + points.rule([t3.rsi[0]], (at_least(t3.rsi[0], 45), 4), (at_least(t3.rsi[0], 35), 2))


def bottom_phase(t1: Reading, state_found: str | None, points: Points) -> float:
    """Return the raw points 0..25 of the bottom."""
    low_k, low_rsi = lowest(t1.k.last(10)), lowest(t1.rsi.last(10))
    closes = t1.close.last(11 if points.profile.low_of_eleven else 10)
    since = bars_since(lowest(closes), closes)
    raw = points.rule([low_k], (at_most(low_k, 10), 6), (at_most(low_k, 15), 4), (at_most(low_k, 20), 2))
    raw += points.rule([low_rsi], (at_most(low_rsi, 25), 4), (at_most(low_rsi, 30), 2))
    raw += points.rule([since], (between(1, since, 5), 8), (between(6, since, 10), 4))
    return raw + points.rule([UNKNOWN if state_found is None else 0.0], (True, STATE_POINTS.get(state_found or "", 0)))


def accumulation(t1: Reading, points: Points) -> tuple[float, str, float]:
    """Return the raw points 0..18, the phase and the ratio of accumulation.

    A signal is a condition, and "an unknown condition is not true": it is not counted. Only with this reading, and not
    with "a count over a window with an unknown value is unknown", do the published grades come out, which include rows
    of the first sessions. By correction 10 an unknown signal is an unknown input.
    """
    stoch, strength = t1_signals(t1, "stoch_signal", 50), t1_signals(t1, "rsi_signal", 50)
    all_known, rsi = count(stoch) + count(strength), t1.rsi[0]
    ratio = stoch.count(True) / (strength.count(True) + 0.5)
    if points.profile.unknown_gives_zero and not known(all_known):
        ratio = UNKNOWN
    phases = [
        (both(above(ratio, 5), below(rsi, 45)), "Early", 18),
        (both(between(3, ratio, 5), below(rsi, 50)), "Mid", 14),
        (both(at_least(ratio, 1.5), below(ratio, 3), between(40, rsi, 55)), "Late", 10),
        (both(between(0.8, ratio, 1.5), above(rsi, 50)), "Breakout", 6),
    ]
    if points.profile.strong_ratio_is_late:
        phases.append((both(above(ratio, 5), at_least(rsi, 45)), "Late", 10))
    raw = points.rule([all_known, rsi], *((condition, value) for condition, _, value in phases))
    phase = next((name for condition, name, _ in phases if condition), "Distribution")
    recent = stoch[:10].count(True)
    raw += points.rule([count(stoch[:10])], (at_least(recent, 3), 2), (at_least(recent, 2), 1))
    return min(raw, 18.0), phase, ratio


def t1_signals(t1: Reading, name: str, n: int) -> list[Truth]:
    """Return the newest n signals, three-valued; a bar that does not exist has an unknown signal."""
    column = getattr(t1, name)
    return [column[back] if back <= t1.newest else None for back in range(n)]


def trend_momentum(t1: Reading, points: Points) -> float:
    """Return the raw points 0..20 of trend and momentum."""
    h, sma20 = t1.h, t1.sma20
    gain = t1.rsi[0] - t1.rsi[1]
    rising = above(h[0], h[1])
    above_average = above(t1.close[0], sma20[0])
    raw = points.rule(h.last(3), (both(rising, above(h[1], h[2])), 8), (rising, 5))
    raw += points.rule([gain], (at_least(gain, 5), 6), (at_least(gain, 3), 4), (at_least(gain, 1), 2))
    turned = above(sma20[0], sma20[4])
    return raw + points.rule([sma20[0], sma20[4]], (both(turned, above_average), 6), (above_average, 3))


def risk_reward(t1: Reading, t2: Reading, points: Points) -> tuple[float, float, float, float]:
    """Return the raw points 0..10, RR, stop and target; RR is unknown where the risk is not above 0."""
    close, stop = t1.close[0], stop_price(t1, points.profile)
    target = highest([t1.upper[0], 1.02 * t2.middle[0]])
    risk = close - stop
    if at_most(risk, 0):
        return 0.0, UNKNOWN, stop, target
    rr = (target - close) / risk
    part = 100 * risk / close
    raw = points.rule([rr], (at_least(rr, 3), 7), (at_least(rr, 2.5), 6), (at_least(rr, 2), 5), (at_least(rr, 1.5), 3))
    raw += points.rule([part], (at_most(part, 1.5), 3), (at_most(part, 2.5), 2), (at_most(part, 3.5), 1))
    return raw, rr, stop, target


def volume(t1: Reading, points: Points) -> float:
    """Return the raw points 0..2 of volume; volumes straight from bars are compared exactly."""
    v, usual = t1.volume, t1.volume_mean[0]
    ratio = v[0] / usual if usual != 0 else UNKNOWN
    raw = points.rule([ratio], (at_least(ratio, 1.5), 1.5), (at_least(ratio, 1), 1), (at_least(ratio, 0.7), 0.5))
    return raw + points.rule(v.last(3), (both(exactly_above(v[0], v[1]), exactly_above(v[1], v[2])), 0.5))


def grade(total: float, state_found: str | None, rr: float, unknown_seen: bool, profile: Profile) -> str:
    """Return the grade A+, A, B or C."""
    needed = 70 if profile.a_plus_at_70 else 75
    capped = unknown_seen and profile.unknown_caps_grade
    if not capped and at_least(total, needed) and state_found == "BottomActive" and at_least(rr, 2):
        return "A+"
    if not capped and at_least(total, 65) and state_found in ("BottomActive", "BottomSoon") and at_least(rr, 1.5):
        return "A"
    return "B" if at_least(total, 55) and at_least(rr, 1.2) else "C"


def score(t1: Reading, t2: Reading, t3: Reading, profile: Profile) -> Score:
    """Return the SABR20 score of one symbol; the caller has seen to its 30 T2 bars."""
    points = Points(profile)
    state_found = state(t1, profile)
    accumulated, phase, ratio = accumulation(t1, points)
    rewarded, rr, stop, target = risk_reward(t1, t2, points)
    raw = {
        "setup_strength": setup_strength(t1, t2, t3, points),
        "bottom_phase": bottom_phase(t1, state_found, points),
        "accumulation": accumulated,
        "trend_momentum": trend_momentum(t1, points),
        "risk_reward": rewarded,
        "volume": volume(t1, points),
    }
    scaled = {name: raw[name] / RAW_MAX[name] * WEIGHTS[name] for name in COMPONENTS}
    total = sum(scaled.values())
    found = grade(total, state_found, rr, points.unknown_seen, profile)
    return Score(total, scaled, raw, state_found, phase, ratio, found, rr, stop, target, points.unknown_seen)


def quartile(t2: Reading) -> str | None:
    """Return the quartile Q1..Q4 on T2; None while the first condition that could hold is unknown."""
    rsi, positive = t2.rsi[0], above(t2.h[0], 0)
    if not known(rsi, t2.h[0]):
        return None
    if both(at_least(rsi, 60), positive):
        return "Q1"
    if either(at_least(rsi, 50), positive):
        return "Q2"
    return "Q3" if at_least(rsi, 40) else "Q4"


def bars_since_pivot(t1: Reading) -> float:
    """Return the bars since the lowest low of 20 on T1; 0 is the newest."""
    lows = t1.low.last(20)
    return bars_since(lowest(lows), lows)


def drawdown_pct(t2: Reading) -> float:
    """Return how far the T2 close lies under the highest high of 20, in percent of it."""
    top = highest(t2.high.last(20))
    return 100 * (top - t2.close[0]) / top


def exhaustion(t2: Reading) -> float:
    """Return max(0, RSI - 50) + K / 2 on T2."""
    rsi, k = t2.rsi[0], t2.k[0]
    return max(0.0, rsi - 50) + k / 2 if known(rsi, k) else UNKNOWN
