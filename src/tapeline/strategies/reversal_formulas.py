"""What the reversal reads besides the setups: stops, sizes, and every condition that manages a trade."""

from __future__ import annotations

import math

from tapeline.formula.library import crossed_above, crossed_below, sma, where
from tapeline.formula.library_statistics import cumulative_sum, last_nonzero
from tapeline.formula.node import Node
from tapeline.screener.points import is_true
from tapeline.screener.reading import FrameReading
from tapeline.screener.screen import Rules
from tapeline.screener.strategy_settings import StrategySettings, TradeType
from tapeline.screener.tree import stop_price


def management_formulas(rules: Rules, numbers: StrategySettings) -> dict[str, Node]:
    """Return the formulas by name, each as of the newest bar of its frame.

    bars, managed_bars, confirmations : how many bars have ended of the trigger frame, of the one that a trade is
        managed on, and of the confirmation frame
    higher_low : the price of a swing low that shows now and lies above the one before, else unknown
    the others : conditions and prices of the rules
    """
    t1, t2 = rules.readings.trigger, rules.readings.confirmation
    managed = t2 if numbers.trade_type == TradeType.SWING else t1
    near = t2.band.upper - numbers.near_upper * (t2.band.upper - t2.band.lower)
    return {
        "close": t1.close.latest(),
        "stop": stop_price(rules.readings).latest(),
        "is_volatile": (t1.atr > numbers.volatile_atr * sma(t1.atr, numbers.volatile_bars)).latest(),
        "again": _again(t1, numbers).latest() & rules.tree.q1,
        "bars": _count(t1),
        "managed_bars": _count(managed),
        "confirmations": _count(t2),
        "oscillator_exit": (crossed_below(managed.k, numbers.exit_k) & _falls(managed, numbers.exit_falls)).latest(),
        "second_target": crossed_above(managed.rsi, numbers.second_rsi).latest()
        | (t1.high.latest() >= t2.band.upper.latest()),
        "higher_low": _higher_low(managed, numbers.low_side).latest(),
        "near_upper": (t2.high >= near).latest(),
        "above_upper": (t2.close > t2.band.upper).latest(),
        "under_middle": (t2.close < t2.band.middle).latest(),
        "runner_ends": _falls(t2, numbers.runner_falls).latest(),
    }


def _again(x: FrameReading, numbers: StrategySettings) -> Node:
    lowest_k = x.k.lowest(numbers.again_k_bars)
    low, high = numbers.again_k
    near = (x.low <= numbers.again_middle * x.band.middle) & (x.close >= x.band.middle)
    return near & (lowest_k >= low) & (lowest_k <= high) & (x.k > x.k.lag(1)) & (x.histogram > 0)


def _count(x: FrameReading) -> Node:
    return cumulative_sum(where(x.close.known(), 1, 0)).latest()


def _falls(x: FrameReading, bars: int) -> Node:
    return (x.histogram < x.histogram.lag(1)).all(bars)


def _higher_low(x: FrameReading, side: int) -> Node:
    pivot = x.low.lag(side)
    others = [x.low.lag(back) for back in range(2 * side + 1) if back != side]
    is_low = pivot < others[0]
    for other in others[1:]:
        is_low = is_low & (pivot < other)
    is_low = is_true(is_low)
    before = last_nonzero(where(is_low, pivot, 0)).lag(1)
    return where(is_low & (before > 0) & (pivot > before), pivot, math.nan)
