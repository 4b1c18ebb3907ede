"""The coarse screen: cheap conditions on the confirmation frame, and a score that ranks who passed."""

from __future__ import annotations

import math
from typing import NamedTuple

from tapeline.formula import Node, expected_volume_by_minute, sma, where
from tapeline.screener.points import Points, is_true
from tapeline.screener.reading import FrameReading, Readings


class Coarse(NamedTuple):
    """Conditions of the screen, whether they suffice, and the preliminary score; unknown below the shortest history."""

    a: Node
    b: Node
    c: Node
    d: Node
    v: Node
    passed: Node
    score: Node


def coarse_screen(readings: Readings) -> Coarse:
    """Return the formulas of the coarse screen."""
    settings, numbers = readings.settings, readings.settings.coarse
    x = readings.confirmation
    k, d, h, strength = x.k, x.d, x.histogram, x.rsi
    low_band = (x.position <= numbers.position_max) | x.touched_lower
    was_low = ((k <= numbers.stochastic_low) | (d <= numbers.stochastic_low)).any(numbers.stochastic_bars)
    turned_up = was_low & (k > k.lag(1)) & (k < numbers.stochastic_max)
    if settings.switches.histogram_by_atr:
        bounded = h < numbers.histogram_max_atr * x.atr
    else:
        bounded = h < numbers.histogram_max * x.close
    momentum = (h.lag(2) <= h.lag(1)) & (h.lag(1) <= h) & bounded
    in_range = (strength >= numbers.rsi_low) & (strength <= numbers.rsi_high) & (strength >= strength.lag(1))
    volume = x.volume >= numbers.volume_ratio_min * usual_volume(x, readings)
    conditions = (low_band, turned_up, momentum, in_range)
    count = sum((where(is_true(condition), 1, 0) for condition in conditions[1:]), where(is_true(low_band), 1, 0))
    possible = sum(
        (where(condition.known(), condition, 1) for condition in conditions[1:]),
        where(low_band.known(), low_band, 1),
    )
    # at least three of four: certain, impossible, or open
    enough = where(count >= numbers.conditions_min, 1, where(possible < numbers.conditions_min, 0, math.nan))
    found = (*conditions, volume, volume & (enough == 1), _score(readings))
    return Coarse(*(where(readings.is_long_enough, node.latest(), math.nan) for node in found))


def usual_volume(x: FrameReading, readings: Readings) -> Node:
    """Return the mean volume to compare with, the newest bar included."""
    length = readings.settings.indicators.volume_length
    if not readings.settings.switches.volume_same_time:
        return sma(x.volume, length)
    before = expected_volume_by_minute(x.bars, length - 1)
    return ((length - 1) * before + x.volume) / length


def _score(readings: Readings) -> Node:
    numbers, x = readings.settings.coarse, readings.confirmation
    points = Points(strict=False)
    k, h, strength, position = x.k, x.histogram, x.rsi, x.position
    inner, outer, best = numbers.rsi_inner, numbers.rsi_outer, numbers.position_best
    return (
        points.at_most(k.lowest(numbers.stochastic_bars), numbers.k_low_points)
        + points.at_least(k - k.lag(1), numbers.k_rise_points)
        + points.first(
            ((h > h.lag(1)) & (h.lag(1) > h.lag(2)), numbers.histogram_two_rises_points),
            (h > h.lag(1), numbers.histogram_rise_points),
        )
        + points.first(((h.lag(1) <= 0) & (h > 0), numbers.histogram_turn_points))
        + points.first(
            ((strength >= inner[0]) & (strength <= inner[1]), numbers.rsi_inner_points),
            ((strength >= outer[0]) & (strength <= outer[1]), numbers.rsi_outer_points),
        )
        + points.at_least(strength - strength.lag(1), numbers.rsi_rise_points)
        + points.first(
            ((position >= best[0]) & (position <= best[1]), numbers.position_best_points),
            ((position > best[1]) & (position <= numbers.position_high), numbers.position_high_points),
            (position < best[0], numbers.position_low_points),
        )
    )
