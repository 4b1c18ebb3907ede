"""The decision tree: is the regime right, does the middle frame confirm, does the trigger fire, is the way free."""

from __future__ import annotations

from typing import NamedTuple

from tapeline.formula import Node, lowest, minimum, sma, where
from tapeline.formula.library_trend import any_between
from tapeline.screener.points import is_true
from tapeline.screener.reading import FrameReading, Readings

CLASSES = ("", "rejected", "A+", "A", "B", "C")
CONFIRMATIONS = ("no", "marginal", "yes")


class Tree(NamedTuple):
    """The questions of the tree, each true, false or unknown; class and confirmation as numbers of their names."""

    q1: Node
    q2: Node
    q3: Node
    q4: Node
    q5: Node
    q6: Node
    hostile: Node
    confirmation: Node
    trigger: Node
    overhead_clear: Node
    setup_class: Node
    aggressive: Node
    conservative: Node


def stop_price(readings: Readings) -> Node:
    """Return the strategy's stop for an entry at the close: below band, lows and noise, never closer than 0.8 ATR."""
    numbers, x = readings.settings.stop, readings.trigger
    price = minimum(x.close - numbers.atr * x.atr, numbers.low_factor * lowest(x.low, numbers.low_bars), x.band.lower)
    return minimum(price, x.close - numbers.atr_min * x.atr)


def score_stop(readings: Readings) -> Node:
    """Return the stop that reward and risk are measured with."""
    x = readings.trigger
    if readings.settings.switches.one_stop:
        return stop_price(readings)
    return minimum(lowest(x.low, readings.settings.score.stop_bars), x.band.lower)


def decision_tree(readings: Readings) -> Tree:
    """Return the formulas of the tree."""
    settings, numbers = readings.settings, readings.settings.tree
    t1, t2, t3 = readings.trigger, readings.confirmation, readings.regime

    h3, rsi3 = t3.histogram, t3.rsi
    regime = (
        (h3 >= h3.lag(1))
        & ((rsi3 >= numbers.regime_rsi) | (rsi3 >= rsi3.lag(1)))
        & (t3.close > t3.close.lag(1).lowest(numbers.regime_low_bars - 1))
    )
    falling = (h3 < 0) & (h3 < h3.lag(1)) & (abs(h3) > sma(abs(h3), numbers.hostile_histogram_bars))
    hostile = falling | ((rsi3 < numbers.hostile_rsi) & (rsi3 < rsi3.lag(1)))

    h2 = t2.histogram
    parts = (
        h2 > h2.lag(1),
        (t2.k < numbers.confirmation_stochastic) & (t2.d < numbers.confirmation_stochastic),
        t2.close >= numbers.confirmation_middle * t2.band.middle,
    )
    met = where(is_true(parts[0]), 1, 0) + where(is_true(parts[1]), 1, 0) + where(is_true(parts[2]), 1, 0)
    confirmation = where(met >= 3, 2, where(met >= 2, 1, 0))

    h, k, d = t1.histogram, t1.k, t1.d
    q3 = t1.touched_lower & (t1.close >= t1.band.middle)
    oversold = (k <= numbers.oversold) & (d <= numbers.oversold)
    was_oversold = oversold.lag(1)
    if settings.switches.oversold_recently:
        was_oversold = oversold.lag(1).any(numbers.oversold_bars)
    q4 = was_oversold & (k > d) & (k >= numbers.trigger_k)
    q5 = (h.lag(2) < h.lag(1)) & (h.lag(1) < 0) & (h >= h.lag(1))
    q6 = (t1.rsi >= t1.rsi.lag(1)) & (t1.rsi >= numbers.trigger_rsi_low) & (t1.rsi <= numbers.trigger_rsi_high)
    trigger = q3 & q4 & q5 & q6
    for wanted, member in (
        (numbers.require_squeeze, _squeeze(t1, numbers.squeeze_bars)),
        (numbers.require_first_green, (h.lag(1) <= 0) & (h > 0)),
        (numbers.require_line_closing, _gap(t1) < _gap(t1).lag(1)),
    ):
        trigger = trigger & member if wanted else trigger

    regime, hostile, trigger = regime.latest(), hostile.latest(), trigger.latest()
    above = overhead(readings)
    q2 = (parts[0] & parts[1] & parts[2]).latest()
    right = regime & q2 & trigger
    weaker = where(is_true(regime & trigger & (confirmation == 1).latest()), 4, where(
        is_true(trigger | (regime & q2)), 5, 0))  # fmt: skip
    with_overhead = where(is_true(right & above), 3, weaker) if settings.switches.class_a else weaker
    setup_class = where(is_true(hostile), 1, where(is_true(right & ~above), 2, with_overhead))
    return Tree(
        regime,
        q2,
        q3.latest(),
        q4.latest(),
        q5.latest(),
        q6.latest(),
        hostile,
        where(confirmation.latest().known(), confirmation.latest(), 0),  # before the first bar nothing is confirmed
        trigger,
        ~above,
        setup_class,
        aggressive=((h < 0) & (h > h.lag(1)) & (h.lag(1) > h.lag(2)) & (h.lag(2) > h.lag(3))).latest(),
        conservative=(h > 0).latest() & (h2 > 0).latest() & (t2.rsi >= numbers.conservative_rsi).latest(),
    )


def overhead(readings: Readings) -> Node:
    """Return whether a swing high lies above the close within reach of 1.5 R; unknown without a risk above zero."""
    settings, numbers, t1 = readings.settings, readings.settings.tree, readings.trigger
    risk = t1.close - score_stop(readings)
    reach = where(risk > 0, t1.close + numbers.overhead_r * risk, float("nan"))
    side = numbers.pivot_side
    if not settings.switches.overhead_on_regime:
        level = where(_is_swing_high(t1, side), t1.high.lag(side), 0)
        return any_between(level, t1.close, reach, numbers.pivot_bars - side).latest()
    x, close, reach = readings.regime, t1.close.latest(), reach.latest()
    pivot = _is_swing_high(x, side)
    found = None
    for back in range(numbers.pivot_bars_regime - side):
        high = x.high.lag(back + side).latest()
        here = pivot.lag(back).latest() & (high > close) & (high <= reach)
        found = here if found is None else found | here
    assert found is not None
    return found


def _is_swing_high(x: FrameReading, side: int) -> Node:
    """Return whether the bar `side` bars ago is above its neighbours on both sides."""
    pivot = x.high.lag(side)
    others = [x.high.lag(back) for back in range(2 * side + 1) if back != side]
    result = pivot > others[0]
    for other in others[1:]:
        result = result & (pivot > other)
    return result


def _squeeze(x: FrameReading, length: int) -> Node:
    width = x.band.upper - x.band.lower
    bandwidth = width / x.band.middle
    return (bandwidth > bandwidth.lag(1)) & (bandwidth.lag(1) < sma(bandwidth, length).lag(1))


def _gap(x: FrameReading) -> Node:
    return abs(x.macd.line - x.macd.signal)
