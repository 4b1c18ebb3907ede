"""Swing trend following: pullbacks inside an established rise."""

from __future__ import annotations

from tapeline.formula import position
from tapeline.formula.bars import bars
from tapeline.formula.library import adx, atr, ema
from tapeline.formula.parameters import param
from tapeline.strategies.base import RuleStrategy
from tapeline.strategies.rules import risk_per_stop


class SwingTrend(RuleStrategy):
    """In a strong rise, buy the bar that leaves a pullback to the average; trail by three ATR, ten days at most."""

    trail_atr = param(3.0, low=0.5, high=10.0)
    strength_low = param(20, low=0, high=60)

    bar = bars("1h")
    fast, slow = ema(bar.close, 20), ema(bar.close, 50)
    strength = adx(bar, 14).adx

    rising = (fast > slow) & (strength > strength_low)
    pulled_back = (bar.low <= fast).any(3)
    resumed = (bar.close > fast) & (bar.close > bar.high.lag(1))

    enter_long = rising & pulled_back & resumed
    exit_long = position.sessions_held >= 10
    trail = trail_atr * atr(bar, 14)
    rank = strength
    size = risk_per_stop(0.5)
    positions_max = 10
