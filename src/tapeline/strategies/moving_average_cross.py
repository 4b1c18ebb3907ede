"""The moving-average cross: the rule every platform is compared by."""

from __future__ import annotations

from tapeline.formula.bars import bars
from tapeline.formula.library import crossed_above, crossed_below, ema
from tapeline.formula.parameters import param
from tapeline.strategies.base import RuleStrategy
from tapeline.strategies.rules import percent_of_equity


class MovingAverageCross(RuleStrategy):
    """Buy when the fast average crosses above the slow one, sell when it crosses below."""

    fast_bars = param(20, low=1, high=1000)
    slow_bars = param(50, low=2, high=5000)

    bar = bars()
    fast, slow = ema(bar.close, fast_bars), ema(bar.close, slow_bars)

    enter_long = crossed_above(fast, slow)
    exit_long = crossed_below(fast, slow)

    rank = fast / slow
    size = percent_of_equity(10)
