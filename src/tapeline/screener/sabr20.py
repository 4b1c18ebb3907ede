"""The SABR20 score: setup, bottom phase, accumulation, trend, risk and reward, volume; 0 to 100."""

from __future__ import annotations

from typing import NamedTuple

from tapeline.formula import Node, highest, lowest, maximum, minimum, rolling_argmin, sma, where
from tapeline.screener.points import Points, is_true, seen
from tapeline.screener.reading import Readings
from tapeline.screener.settings import Steps
from tapeline.screener.tree import score_stop

STATES = ("", "PreBottom", "BottomSoon", "BottomActive", "PostBottom")
PRE, SOON, ACTIVE, POST = 1, 2, 3, 4
PHASES = ("Early", "Mid", "Late", "Breakout", "Distribution")
GRADES = ("C", "B", "A", "A+")
QUARTILES = ("", "Q1", "Q2", "Q3", "Q4")
WITHOUT_SCORE = ("quartile", "bars_since_pivot", "drawdown_pct", "exhaustion")
"""What is told of symbols with too short a history as well."""

UNKNOWN = float("nan")


class Score(NamedTuple):
    """Raw points, the total of the weighted ones, and what goes with them; names as numbers of their lists."""

    setup_strength: Node
    bottom_phase: Node
    accumulation: Node
    trend_momentum: Node
    risk_reward: Node
    volume: Node
    total: Node
    state: Node
    phase: Node
    ratio: Node
    grade: Node
    rr: Node
    stop: Node
    target: Node
    quartile: Node
    bars_since_pivot: Node
    drawdown_pct: Node
    exhaustion: Node


def score_formulas(readings: Readings) -> Score:
    """Return the formulas of the score; grade and points are unknown below the shortest history."""
    numbers, switches = readings.settings.score, readings.settings.switches
    points = Points(switches.strict_unknown)
    t1, t2 = readings.trigger, readings.confirmation
    state = _state(readings).latest()
    stop, target = score_stop(readings).latest(), maximum(
        t1.band.upper.latest(), numbers.target_middle * t2.band.middle.latest()
    )  # fmt: skip
    close = t1.close.latest()
    risk = close - stop
    rr = where(risk > 0, (target - close) / risk, UNKNOWN)
    phase, accumulation, ratio = _accumulation(readings, points)
    raw = {
        "setup": _setup(readings, points),
        "bottom": _bottom(readings, points, state),
        "accumulation": accumulation,
        "trend": _trend(readings, points),
        "risk": where(
            is_true(risk > 0),
            points.at_least(rr, numbers.reward_points) + points.at_most(100 * risk / close, numbers.risk_points),
            0,
        ),
        "volume": _volume(readings, points),
    }
    total = None
    for name, node in raw.items():
        weighted = node / getattr(numbers, f"{name}_raw") * getattr(numbers, f"{name}_weight")
        total = weighted if total is None else total + weighted
    assert total is not None
    strength, h = t2.rsi, t2.histogram
    best, good, weak = numbers.quartile_rsi
    quartile = Points(strict=False).first(
        ((strength >= best) & (h > 0), 1), ((strength >= good) | (h > 0), 2), (strength >= weak, 3), otherwise=4
    )
    peak = highest(t2.high, numbers.pivot_bars)
    found = Score(
        raw["setup"],
        raw["bottom"],
        raw["accumulation"],
        raw["trend"],
        raw["risk"],
        raw["volume"],
        total,
        state,
        phase,
        ratio,
        _grade(readings, points, total, state, rr),
        rr,
        stop,
        target,
        where(strength.known() & h.known(), quartile, UNKNOWN).latest(),
        rolling_argmin(t1.low, numbers.pivot_bars).latest(),
        (100 * (peak - t2.close) / peak).latest(),
        (maximum(strength - numbers.exhaustion_rsi, 0) + t2.k / 2).latest(),
    )
    scored = {
        name: where(readings.is_long_enough, node, UNKNOWN)
        for name, node in found._asdict().items()
        if name not in WITHOUT_SCORE
    }
    return found._replace(**scored)


def _setup(readings: Readings, points: Points) -> Node:
    numbers, switches = readings.settings.score, readings.settings.switches
    oversold = readings.settings.tree.oversold
    t1, t2, t3 = readings.trigger, readings.confirmation, readings.regime
    k, d, h = t1.k, t1.d, t1.histogram
    rise = minimum(maximum((k - k.lag(1)) / numbers.k_rise_divisor, 0), numbers.k_rise_max)
    on_trigger = (
        points.first(((k.lag(1) <= oversold) & (d.lag(1) <= oversold) & (k > d), rise))
        + points.first(
            ((h.lag(1) < 0) & (h >= 0), numbers.turn_points), (h > h.lag(1), numbers.rise_points)
        )
        + points.first(
            (t1.touched_lower & (t1.close >= t1.band.middle), numbers.touch_points),
            (t1.close >= t1.band.middle, numbers.middle_points),
        )
    )  # fmt: skip
    h2 = t2.histogram
    on_confirmation = (
        points.first(
            ((h2 > h2.lag(1)) & (h2 > 0), numbers.confirmation_positive_points),
            (h2 > h2.lag(1), numbers.confirmation_rise_points),
        )
        + points.first(
            (
                (t2.k < numbers.confirmation_stochastic) & (t2.d < numbers.confirmation_stochastic),
                numbers.confirmation_stochastic_points,
            )
        )
        + points.first((t2.close >= t2.band.middle, numbers.confirmation_middle_points))
    )
    h3 = t3.histogram
    floor = numbers.regime_floor_atr * t3.atr if switches.histogram_by_atr else numbers.regime_floor * t3.close
    on_regime = points.first(
        (h3 >= h3.lag(1), numbers.regime_rise_points), (h3 > floor, numbers.regime_floor_points)
    ) + points.at_least(t3.rsi, numbers.regime_rsi_points)
    return on_trigger.latest() + on_confirmation.latest() + on_regime.latest()


def _bottom(readings: Readings, points: Points, state: Node) -> Node:
    numbers, t1 = readings.settings.score, readings.trigger
    wide = readings.settings.switches.late_accumulation
    age = rolling_argmin(t1.close, numbers.low_close_bars_wide if wide else numbers.low_close_bars)
    since_low = points.first(*_ages(age, numbers.low_age_points))
    lows = (
        points.at_most(lowest(t1.k, numbers.low_bars), numbers.k_low_points)
        + points.at_most(lowest(t1.rsi, numbers.low_bars), numbers.rsi_low_points)
        + since_low
    )
    by_state = points.first(
        (state == ACTIVE, numbers.active_points),
        (state == SOON, numbers.soon_points),
        (state == PRE, numbers.pre_points),
    )
    return lows.latest() + by_state


def _ages(age: Node, steps: Steps) -> list[tuple[Node, float]]:
    alternatives, low = [], 1.0
    for bound, worth in steps:
        alternatives.append(((age >= low) & (age <= bound), worth))
        low = bound + 1
    return alternatives


def _state(readings: Readings) -> Node:
    numbers, x = readings.settings.score, readings.trigger
    k, d = x.k, x.d
    oversold = (k <= numbers.state_oversold) | (d <= numbers.state_oversold)
    crossed = (k.lag(1) <= d.lag(1)) & (k > d)
    if readings.settings.switches.crossed_recently:
        crossed = (crossed & (k.lag(1) <= numbers.state_cross_k)).any(numbers.state_cross_bars)
    low, high = numbers.state_active
    active = crossed | ((x.position >= low) & (x.position <= high))
    later = where(active, ACTIVE, where(x.position > numbers.state_post, POST, SOON))
    state = where(oversold & ~crossed, where(k > k.lag(1), SOON, PRE), later)
    all_known = crossed.known() & (k.lag(1) + d.lag(1) + k + d + x.position).known()
    return where(all_known, state, UNKNOWN)


def _accumulation(readings: Readings, points: Points) -> tuple[Node, Node, Node]:
    numbers, x = readings.settings.accumulation, readings.trigger
    k, d, strength = x.k, x.d, x.rsi
    low = numbers.stochastic_low
    stochastic = (k.lag(1) <= low) & (d.lag(1) <= low) & (k.lag(1) <= d.lag(1)) & (k > d) & (k > k.lag(1))
    turns = seen(stochastic, numbers.bars)
    rsi_turns = seen((strength.lag(1) <= numbers.rsi_low) & (strength > numbers.rsi_low), numbers.bars)
    ratio = turns / (rsi_turns + numbers.prior)
    late_low, late_high = numbers.late_rsi
    late = (
        (ratio >= numbers.late_ratio) & (ratio < numbers.mid_ratio) & (strength >= late_low) & (strength <= late_high)
    )
    if readings.settings.switches.late_accumulation:
        late = late | ((ratio > numbers.early_ratio) & (strength >= numbers.early_rsi))
    conditions = (
        ((ratio > numbers.early_ratio) & (strength < numbers.early_rsi), numbers.early_points),
        (
            (ratio >= numbers.mid_ratio) & (ratio <= numbers.early_ratio) & (strength < numbers.mid_rsi),
            numbers.mid_points,
        ),
        (late, numbers.late_points),
        (
            (ratio >= numbers.breakout_ratio) & (ratio <= numbers.late_ratio) & (strength > numbers.breakout_rsi),
            numbers.breakout_points,
        ),
    )
    phase = Points(strict=False).first(
        *((condition, number) for number, (condition, _) in enumerate(conditions)), otherwise=len(conditions)
    )
    recent = points.at_least(seen(stochastic, numbers.recent_bars), numbers.recent_points)
    raw = minimum(points.first(*conditions) + recent, numbers.points_max)
    return phase.latest(), raw.latest(), ratio.latest()


def _trend(readings: Readings, points: Points) -> Node:
    numbers, x = readings.settings.score, readings.trigger
    h = x.histogram
    raw = (
        points.first(
            ((h > h.lag(1)) & (h.lag(1) > h.lag(2)), numbers.two_rises_points),
            (h > h.lag(1), numbers.one_rise_points),
        )
        + points.at_least(x.rsi - x.rsi.lag(1), numbers.rsi_rise_points)
        + points.first(
            ((x.sma > x.sma.lag(numbers.sma_rise_bars)) & (x.close > x.sma), numbers.sma_rise_points),
            (x.close > x.sma, numbers.sma_above_points),
        )
    )
    return raw.latest()


def _volume(readings: Readings, points: Points) -> Node:
    numbers, x = readings.settings.score, readings.trigger
    usual = sma(x.volume, readings.settings.indicators.volume_length)
    rising = (x.volume > x.volume.lag(1)) & (x.volume.lag(1) > x.volume.lag(2))
    raw = points.at_least(x.volume / usual, numbers.volume_points) + points.first(
        (rising, numbers.volume_rising_points)
    )
    return raw.latest()


def _grade(readings: Readings, points: Points, total: Node, state: Node, rr: Node) -> Node:
    numbers, switches = readings.settings.score, readings.settings.switches
    best = numbers.grade_a_plus_low if switches.a_plus_lower else numbers.grade_a_plus
    a_plus = (total >= best) & (state == ACTIVE) & (rr >= numbers.grade_a_plus_reward)
    a = (total >= numbers.grade_a) & ((state == ACTIVE) | (state == SOON)) & (rr >= numbers.grade_a_reward)
    b = (total >= numbers.grade_b) & (rr >= numbers.grade_b_reward)
    grade = Points(strict=False).first((a_plus, 3), (a, 2), (b, 1))
    return where(points.all_known(), grade, minimum(grade, 1)) if switches.strict_unknown else grade
