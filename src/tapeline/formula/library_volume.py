"""Indicators of volume: which way it pushes, and how much of it is usual. See `library`."""

from __future__ import annotations

import math

from tapeline.domain.errors import FormulaError
from tapeline.domain.times import MINUTE
from tapeline.formula.bars import Bars
from tapeline.formula.library import ema, rolling_sum, rolling_zscore, where
from tapeline.formula.library_statistics import cumulative_sum
from tapeline.formula.naming import named
from tapeline.formula.node import Node, Operand, as_node, make
from tapeline.formula.operations import Setting, bars_setting, indicator

_EXPECTED = indicator(
    "expected_volume_by_minute",
    bars_setting("sessions"),
    Setting("bar_minutes", low=0.0),
    bars_setting("slots"),
    kernel="relative_volume_by_minute",
    kernel_output=1,
)


def money_flow_volume(frame: Bars) -> Node:
    """Return the volume times the close's place in the bar's range, -1 at the low to 1 at the high. Shares.

    0 for a bar without a range, as TA-Lib counts it. Warm-up: none.
    """
    place = ((frame.close - frame.low) - (frame.high - frame.close)) / (frame.high - frame.low)
    value = where(frame.high > frame.low, place * frame.volume, 0)
    return named(value, "money_flow_volume", "", _inputs(frame), ())


def accumulation_distribution(frame: Bars) -> Node:
    """Return the sum of money flow volume since the first bar, the A/D line. Shares. Warm-up: none.

    Source: Chaikin, after Williams (1972), The Secret of Selecting Stocks for Immediate and Substantial Gains.
    """
    return named(cumulative_sum(money_flow_volume(frame)), "accumulation_distribution", "", _inputs(frame), ())


def chaikin_oscillator(frame: Bars, fast: Operand = 3, slow: Operand = 10) -> Node:
    """Return the difference of a fast and a slow EMA of the A/D line. Shares.

    Both averages begin with the first bar's value, as TA-Lib has it. Warm-up: slow - 1, fast being the shorter.
    Source: Chaikin, in Achelis (2001), Technical Analysis from A to Z.
    """
    line = accumulation_distribution(frame)
    difference = ema(line, fast, seed="first") - ema(line, slow, seed="first")
    earlier = line.lag(as_node(slow) - 1)
    # known as soon as the slow average has seen `slow` bars
    value = where(earlier == earlier, difference, math.nan)
    return named(value, "chaikin_oscillator", "", _inputs(frame), (fast, slow))


def chaikin_money_flow(frame: Bars, length: Operand = 20) -> Node:
    """Return the money flow volume of the last `length` bars over their volume, -1 to 1; unknown without volume.

    Warm-up: length - 1. Source: Chaikin, in Achelis (2001), Technical Analysis from A to Z.
    """
    flow = rolling_sum(money_flow_volume(frame), length) / rolling_sum(frame.volume, length)
    return named(flow, "chaikin_money_flow", "", _inputs(frame), (length,))


def volume_zscore(frame: Bars, length: Operand = 20, *, ddof: int = 0, flat: str = "unknown") -> Node:
    """Return how many deviations the volume is from the mean of the last `length` bars, itself included.

    flat : "unknown" or "zero", the result where all volumes are equal. Warm-up: length - 1.
    """
    score = rolling_zscore(frame.volume, length, ddof=ddof, flat=flat)
    return named(score, "volume_zscore", "", (frame.volume,), (length,))


def expected_volume_by_minute(frame: Bars, sessions: Operand = 20, *, session_minutes: float = 390) -> Node:
    """Return the mean volume at the same minute of the last `sessions` sessions, the present one excluded. Shares.

    The profile of a session's volume, minute by minute, as it is known before the session; `relative_volume_by_minute`
    divides by it.
    session_minutes : length of a full session; minutes beyond it are not followed
    Warm-up: `sessions` sessions.
    """
    if not frame.frame.ns:
        raise FormulaError('expected_volume_by_minute needs to know the bar\'s length: name it, bars("5min").')
    bar_minutes = frame.frame.ns / MINUTE
    return make(_EXPECTED, (frame.volume,), (sessions, bar_minutes, math.ceil(session_minutes / bar_minutes)))


def _inputs(frame: Bars) -> tuple[Node, ...]:
    return frame.high, frame.low, frame.close, frame.volume
