"""Volatility from whole bars, which say more than closes alone. See `library`.

Each is annualised: the root of the variance per bar times `periods_per_year`, the number of bars in a year, 252 for
daily ones; 0.2 = 20 % a year. The variance is the mean over the last `length` bars, so bars without movement give 0.
All but Yang and Zhang's, and Garman and Klass's with its overnight term, see only what happens inside the bars and are
too low where prices jump between them. Prices that are not above 0 are unknown.
"""

from __future__ import annotations

import math

from tapeline.formula.bars import Bars
from tapeline.formula.library import atr, maximum, sma
from tapeline.formula.library_statistics import log, rolling_variance, sqrt
from tapeline.formula.naming import check_number, named
from tapeline.formula.node import Node, Operand, as_node
from tapeline.formula.operations import bars_setting


def natr(frame: Bars, length: Operand = 14) -> Node:
    """Return the average true range in per cent of the close. Warm-up: length.

    Source: Forman (2006), Cross-Market Evaluations with Normalized Average True Range, Technical Analysis of Stocks and
    Commodities, May 2006.
    """
    return named(100 * (atr(frame, length) / frame.close), "natr", "", _inputs(frame)[1:], (length,))


def parkinson_volatility(frame: Bars, length: Operand = 20, *, periods_per_year: float = 252) -> Node:
    """Return the volatility from high and low. Without unit. Warm-up: length - 1.

    Variance: mean of ln(high / low)^2 / (4 ln 2). Takes the price for a walk without drift and without gaps.
    Source: Parkinson (1980), The Extreme Value Method for Estimating the Variance of the Rate of Return.
    """
    reach = log(frame.high / frame.low)
    variance = sma(reach * reach, length) / (4 * math.log(2))
    return _annual(variance, "parkinson_volatility", frame, length, periods_per_year)


def garman_klass_volatility(
    frame: Bars, length: Operand = 20, *, overnight: bool = False, periods_per_year: float = 252
) -> Node:
    """Return the volatility from open, high, low and close. Without unit. Warm-up: length - 1, one more with overnight.

    Variance: mean of ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2. Takes the price for a walk without drift.
    overnight : whether the square of ln(open / close before) is added, for prices that jump between bars
    Source: Garman and Klass (1980), On the Estimation of Security Price Volatilities from Historical Data; with the
    overnight term Yang and Zhang (2000).
    """
    reach, move = log(frame.high / frame.low), log(frame.close / frame.open)
    inside = sma(reach * reach / 2 - (2 * math.log(2) - 1) * (move * move), length)
    if overnight:
        jump = log(frame.open / frame.close.lag(1))
        inside = inside + sma(jump * jump, length)
    name = "garman_klass_yang_zhang_volatility" if overnight else "garman_klass_volatility"
    return _annual(inside, name, frame, length, periods_per_year)


def rogers_satchell_volatility(frame: Bars, length: Operand = 20, *, periods_per_year: float = 252) -> Node:
    """Return the volatility from open, high, low and close, whatever the drift. Without unit. Warm-up: length - 1.

    Variance: mean of ln(high / close) ln(high / open) + ln(low / close) ln(low / open).
    Source: Rogers and Satchell (1991), Estimating Variance from High, Low and Closing Prices.
    """
    return _annual(_rogers_satchell(frame, length), "rogers_satchell_volatility", frame, length, periods_per_year)


def yang_zhang_volatility(frame: Bars, length: Operand = 20, *, periods_per_year: float = 252) -> Node:
    """Return the volatility from whole bars and the jumps between them, whatever the drift. Without unit.

    Variance: that of ln(open / close before), plus k times that of ln(close / open), both the sample's, plus (1 - k)
    times Rogers and Satchell's, k = 0.34 / (1.34 + (length + 1) / (length - 1)). Length at least 2. Warm-up: length.
    Source: Yang and Zhang (2000), Drift-Independent Volatility Estimation Based on High, Low, Open and Close Prices.
    """
    check_number(length, bars_setting(low=2), where="yang_zhang_volatility")
    bars = as_node(length)
    k = 0.34 / (1.34 + (bars + 1) / (bars - 1))
    between = rolling_variance(log(frame.open / frame.close.lag(1)), length, ddof=1)
    inside = rolling_variance(log(frame.close / frame.open), length, ddof=1)
    variance = between + k * inside + (1 - k) * _rogers_satchell(frame, length)
    return _annual(variance, "yang_zhang_volatility", frame, length, periods_per_year)


def _rogers_satchell(frame: Bars, length: Operand) -> Node:
    above = log(frame.high / frame.close) * log(frame.high / frame.open)
    below = log(frame.low / frame.close) * log(frame.low / frame.open)
    return sma(above + below, length)


def _annual(variance: Node, name: str, frame: Bars, length: Operand, periods_per_year: float) -> Node:
    # No variance is below 0 but by rounding.
    volatility = sqrt(maximum(variance, 0) * periods_per_year)
    return named(volatility, name, "", _inputs(frame), (length,))


def _inputs(frame: Bars) -> tuple[Node, ...]:
    return frame.open, frame.high, frame.low, frame.close
