"""Intraday mean reversion to the session's volume-weighted average price."""

from __future__ import annotations

from tapeline.formula.bars import bars
from tapeline.formula.library import atr, rolling_std, rsi, vwap
from tapeline.formula.parameters import param
from tapeline.strategies.base import RuleStrategy
from tapeline.strategies.rules import SessionWindow, distance, risk_per_stop


class IntradayMeanReversion(RuleStrategy):
    """Fade a stretch of two deviations from VWAP when RSI confirms it; out near VWAP, and flat before the close."""

    stretch = param(2.0, low=0.5, high=6.0)
    relief = param(0.5, low=0.0, high=3.0)
    stop_atr = param(1.5, low=0.2, high=10.0)

    bar = bars("5min")
    gap = bar.close - vwap(bar)
    z = gap / rolling_std(gap, 20)
    momentum = rsi(bar.close, 14)

    enter_long = (z < -stretch) & (momentum < 30)
    exit_long = z > -relief
    enter_short = (z > stretch) & (momentum > 70)
    exit_short = z < relief

    stop = distance(stop_atr * atr(bar, 14))
    rank = abs(z)
    size = risk_per_stop(0.4)
    positions_max = 10
    entry_window = SessionWindow(after_open_minutes=30, before_close_minutes=30)
    flat_before_close_minutes = 10
