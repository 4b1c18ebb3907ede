"""Oscillators: where the price stands in its recent range, and how fast it moves. See `library`.

`flat` names what an oscillator shows where its range or its movement is nothing at all; the default is TA-Lib's.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tapeline.formula.bars import Bars
from tapeline.formula.library import (
    ema,
    highest,
    lowest,
    minimum,
    rolling_argmax,
    rolling_argmin,
    rolling_sum,
    sma,
    stochastic,
    where,
)
from tapeline.formula.library_statistics import rolling_mean_deviation, sign
from tapeline.formula.naming import check_number, named
from tapeline.formula.node import Node, Operand, as_node
from tapeline.formula.operations import Setting, bars_setting

_FLATS = {"zero": 0.0, "middle": 50.0, "unknown": math.nan}


def _flat_number(flat: Operand | str, middle: float, name: str) -> Operand:
    if isinstance(flat, str):
        Setting("flat", choices=_FLATS).check(flat, where=name)
        return {"zero": 0.0, "middle": middle, "unknown": math.nan}[flat]
    return flat


class SlowStochastic(NamedTuple):
    """Smoothed stochastic; 0 to 100."""

    k: Node
    d: Node


def slow_stochastic(
    frame: Bars, length: Operand = 14, k: Operand = 3, d: Operand = 3, *, flat: Operand | str = "zero"
) -> SlowStochastic:
    """Return %K, the mean of the last k raw stochastics of `length` bars, and %D, the mean of the last d %K.

    flat : value of a raw stochastic whose range is at most 1e-9: "zero" as TA-Lib, "middle" (50), "unknown", a number
    Warm-up: length + k - 2 for %K, d - 1 more for %D. Source: Lane (1984), Lane's Stochastics.
    """
    slow = sma(stochastic(frame, length, flat=flat), k)
    inputs, shown = (frame.high, frame.low, frame.close), (length, k, d)
    return SlowStochastic(
        named(slow, "slow_stochastic", "k", inputs, shown),
        named(sma(slow, d), "slow_stochastic", "d", inputs, shown),
    )


def williams_r(frame: Bars, length: Operand = 14, *, flat: Operand | str = "zero") -> Node:
    """Return Williams' %R: how far the close is below the highest high of `length` bars, -100 at the lowest low to 0.

    flat : value where the highest high is the lowest low: "zero" as TA-Lib, "middle" (-50), "unknown", or a number
    Warm-up: length - 1. Source: Williams (1979), How I Made One Million Dollars Last Year Trading Commodities.
    """
    top, bottom = highest(frame.high, length), lowest(frame.low, length)
    place = -100 * ((top - frame.close) / (top - bottom))
    value = where(top > bottom, place, _flat_number(flat, -50.0, "williams_r"))
    return named(value, "williams_r", "", (frame.high, frame.low, frame.close), (length,))


class Ppo(NamedTuple):
    """Percentage price oscillator, in per cent; histogram = line - signal."""

    line: Node
    signal: Node
    histogram: Node


def ppo(series: Node, fast: Operand = 12, slow: Operand = 26, signal: Operand = 9) -> Ppo:
    """Return the difference of a fast and a slow EMA in per cent of the slow one, its EMA, and their difference.

    Each average is seeded by the mean of its own first values, unlike in `macd`.
    Warm-up: slow - 1 for the line, signal - 1 more for the others.
    Source: Appel (2005), Technical Analysis: Power Tools for Active Investors.
    """
    series = as_node(series)
    base = ema(series, slow)
    line = 100 * ((ema(series, fast) - base) / base)
    average = ema(line, signal)
    parts = zip(Ppo._fields, (line, average, line - average), strict=True)
    return Ppo(*(named(node, "ppo", part, (series,), (fast, slow, signal)) for part, node in parts))


def cci(frame: Bars, length: Operand = 20, *, flat: Operand | str = "zero") -> Node:
    """Return the commodity channel index: the typical price's distance from its mean in mean deviations, over 0.015.

    Most values lie within -100 to 100.
    flat : value where all typical prices of the window are equal: "zero" (also "middle") as TA-Lib, "unknown", or a
        number
    Warm-up: length - 1.
    Source: Lambert (1980), Commodity Channel Index, Commodities 9(10).
    """
    deviation = rolling_mean_deviation(frame.typical, length)
    index = (frame.typical - sma(frame.typical, length)) / (0.015 * deviation)
    value = where(sign(deviation) > 0, index, _flat_number(flat, 0.0, "cci"))
    return named(value, "cci", "", (frame.high, frame.low, frame.close), (length,))


def mfi(frame: Bars, length: Operand = 14, *, flat: Operand | str = "zero") -> Node:
    """Return the money flow index: the share of typical price x volume on rising bars in that of all moves, 0 to 100.

    flat : value where no money moved the price: "zero" as TA-Lib, "middle" (50), "unknown", or a number
    Warm-up: length. Source: Quong and Soudack (1989), Volume-Weighted RSI: Money Flow, Technical Analysis of Stocks
    and Commodities 7(3).
    """
    # Compared with the tolerance of formulas, as TA-Lib compares: equal sums of three prices differ by their rounding.
    flow, before = frame.typical * frame.volume, frame.typical.lag(1)
    rising = rolling_sum(where(frame.typical > before, flow, 0), length)
    moved = rising + rolling_sum(where(frame.typical < before, flow, 0), length)
    value = where(sign(moved) > 0, 100 * (rising / moved), _flat_number(flat, 50.0, "mfi"))
    return named(value, "mfi", "", (frame.high, frame.low, frame.close, frame.volume), (length,))


class Aroon(NamedTuple):
    """How new the extremes are: up and down from 0 to 100, oscillator = up - down."""

    up: Node
    down: Node
    oscillator: Node


def aroon(frame: Bars, length: Operand = 14) -> Aroon:
    """Return 100 * (length - bars since the highest high) / length, the same of the lowest low, and their difference.

    The extremes are of the last length + 1 bars; of equal ones the newest counts. Warm-up: length.
    Source: Chande (1995), A Time Price Oscillator, Technical Analysis of Stocks and Commodities 13(9).
    """
    check_number(length, bars_setting(), where="aroon")
    bars = as_node(length)
    up = 100 * (bars - rolling_argmax(frame.high, bars + 1)) / bars
    down = 100 * (bars - rolling_argmin(frame.low, bars + 1)) / bars
    parts = zip(Aroon._fields, (up, down, up - down), strict=True)
    return Aroon(*(named(node, "aroon", part, (frame.high, frame.low), (length,)) for part, node in parts))


def efficiency_ratio(series: Node, length: Operand = 10, *, flat: Operand | str = "zero") -> Node:
    """Return how straight the way was: |change over `length` bars| / sum of |changes|, 0 to 1. Warm-up: length.

    flat : value where nothing changed: "zero", "unknown", or a number
    Source: Kaufman (1995), Smarter Trading.
    """
    series = as_node(series)
    way = rolling_sum(abs(series - series.lag(1)), length)
    ratio = minimum(abs(series - series.lag(length)) / way, 1)
    value = where(sign(way) > 0, ratio, _flat_number(flat, 0.5, "efficiency_ratio"))
    return named(value, "efficiency_ratio", "", (series,), (length,))
