"""Strategies that walk the roads of an order's life on prices that wander: both sides, brackets, trails, parts, stops.

Each holds at most SHARES of a symbol, long or short.
"""

from __future__ import annotations

from typing import Any

from tapeline.formula.bars import bars
from tapeline.formula.library import ema
from tapeline.strategies.base import RuleStrategy, Strategy
from tapeline.strategies.rules import ScaleOut, distance, fixed_quantity

SHARES = 200


class Swings(RuleStrategy):
    """Both ways with the short average, in a bracket, half sold on the way."""

    bar = bars()
    size = fixed_quantity(SHARES)
    enter_long = bar.close > ema(bar.close, 3)
    exit_long = bar.close < ema(bar.close, 9)
    enter_short = bar.close < ema(bar.close, 5)
    exit_short = bar.close > ema(bar.close, 7)
    stop = distance(bar.close * 0.006)
    target = distance(bar.close * 0.008)
    scale_out = ScaleOut(bar.close > ema(bar.close, 2), 0.5)


class Trails(RuleStrategy):
    """Against the short average, with a trailing stop alone."""

    bar = bars()
    size = fixed_quantity(SHARES)
    enter_long = bar.close < ema(bar.close, 4)
    exit_long = bar.close > ema(bar.close, 12)
    trail = bar.close * 0.005


class ByHand(Strategy):
    """Free-form code: limit entries, stops moved by hand, parts sold, from the slice alone."""

    bar = bars()
    close = bar.close
    slow = ema(bar.close, 6)
    size = fixed_quantity(SHARES)

    def on_slice(self, now: Any) -> None:
        """Buy below the average, tighten above it."""
        now.enter(
            now.close < now.slow * 0.999, stop=now.close * 0.99, target=now.close * 1.01, limit=now.close * 1.0005
        )
        now.set_stop(now.close > now.slow, now.close * 0.994)
        now.scale_out(now.close > now.slow * 1.002, 0.3, stop=now.close * 0.996, keep_target=False)
        now.exit(now.close > now.slow * 1.004)


def new_strategies() -> list[RuleStrategy | Strategy]:
    """Return the strategies of one process."""
    return [Swings(), Trails(), ByHand()]
