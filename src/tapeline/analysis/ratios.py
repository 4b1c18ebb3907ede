"""Ratios of reward to risk, of one track record and against a benchmark.

Rates are per period and undefined is NaN, as `returns` states; annual values are for display only.
Wherever a spread stands in the denominator it is the sample's (ddof 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tapeline.analysis.drawdown import max_drawdown
from tapeline.analysis.returns import (
    NAN,
    ROUNDING,
    annual_volatility,
    cagr,
    compounded,
    has_spread,
    is_usable,
    standard_deviation,
)
from tapeline.domain.errors import DataError
from tapeline.domain.panel import Floats


def sharpe_ratio(returns: Floats, *, periods_per_year: float = 1.0, risk_free: float = 0.0) -> float:
    """Return mean over standard deviation of the excess returns, times the root of the periods in a year.

    The root holds for uncorrelated returns only; see `confidence.annualisation_factor` for others.
    Source: Sharpe (1994), The Sharpe Ratio, Journal of Portfolio Management 21(1).
    """
    excess = returns - risk_free
    if not has_spread(excess):
        return NAN
    return float(excess.mean()) / standard_deviation(excess) * math.sqrt(periods_per_year)


def downside_deviation(returns: Floats, *, minimum_acceptable: float = 0.0, periods_per_year: float = 1.0) -> float:
    """Return the root mean square of the shortfalls, over ALL observations; NaN without any.

    Dividing by the number of losses, or taking their standard deviation, is another statistic: on eight
    returns of 17, 15, 23, -5, 12, 9, 13, -4 % it makes the Sortino ratio 3.2 times too large.
    Source: Sortino and van der Meer (1991), Downside Risk, Journal of Portfolio Management 17(4).
    """
    if not is_usable(returns, 1):
        return NAN
    shortfall = _shortfall(returns, minimum_acceptable)
    return math.sqrt(float(np.mean(shortfall**2)) * periods_per_year)


def sortino_ratio(returns: Floats, *, minimum_acceptable: float = 0.0, periods_per_year: float = 1.0) -> float:
    """Return the mean above the minimum acceptable return over the downside deviation.

    NaN below two observations and without a shortfall.
    Source: Rollinger and Hoffman, Sortino: A 'Sharper' Ratio, Red Rock Capital.
    """
    if not is_usable(returns, 2):
        return NAN
    downside = downside_deviation(returns, minimum_acceptable=minimum_acceptable)
    if downside == 0.0:
        return NAN
    return (float(returns.mean()) - minimum_acceptable) / downside * math.sqrt(periods_per_year)


def omega_ratio(returns: Floats, *, threshold: float = 0.0) -> float:
    """Return the sum of gains above a threshold per period over the sum of shortfalls below it.

    NaN below two observations and without a shortfall. At threshold 0 it is the Bernardo-Ledoit ratio.
    Source: Keating and Shadwick (2002), A Universal Performance Measure; Bacon (2008).
    """
    if not is_usable(returns, 2):
        return NAN
    shortfall = -float(_shortfall(returns, threshold).sum())
    gain = float(np.maximum(returns - threshold, 0.0).sum())
    return gain / shortfall if shortfall > 0.0 else NAN


def calmar_ratio(returns: Floats, *, periods_per_year: float) -> float:
    """Return the compound annual growth rate over the size of the maximum drawdown.

    NaN below two observations and without a drawdown.
    Source: Young (1991), Calmar Ratio: A Smoother Tool, Futures 20(1).
    """
    if not is_usable(returns, 2):
        return NAN
    depth = max_drawdown(returns)
    return cagr(returns, periods_per_year=periods_per_year) / -depth if depth < -ROUNDING else NAN


@dataclass(frozen=True)
class Regression:
    """Alpha per period and beta of a line through excess returns on the benchmark's excess returns."""

    alpha: float
    beta: float

    def alpha_annual(self, periods_per_year: float) -> float:
        """Return alpha times the periods in a year, the arithmetic form that adds up over periods."""
        return self.alpha * periods_per_year

    def alpha_compound(self, periods_per_year: float) -> float:
        """Return alpha compounded over a year, the form that empyrical reports."""
        return compounded(periods_per_year * math.log1p(self.alpha)) if self.alpha > -1.0 else NAN


def regress_on_benchmark(returns: Floats, benchmark: Floats, *, risk_free: float = 0.0) -> Regression:
    """Return alpha and beta by ordinary least squares with an intercept.

    Both NaN below two observations and where the benchmark has no spread.
    Raises DataError if the two differ in length.
    Source: Jensen (1968), The Performance of Mutual Funds, Journal of Finance 23(2).
    """
    _check_lengths(returns, benchmark)
    if not is_usable(returns, 2) or not has_spread(benchmark):
        return Regression(alpha=NAN, beta=NAN)
    excess, market = returns - risk_free, benchmark - risk_free
    deviations = market - market.mean()
    beta = float(np.dot(deviations, excess - excess.mean()) / np.dot(deviations, deviations))
    return Regression(alpha=float(excess.mean() - beta * market.mean()), beta=beta)


def tracking_error(returns: Floats, benchmark: Floats, *, periods_per_year: float = 1.0) -> float:
    """Return the annual volatility of the difference to the benchmark; NaN below two observations.

    Raises DataError if the two differ in length.
    """
    _check_lengths(returns, benchmark)
    return annual_volatility(returns - benchmark, periods_per_year=periods_per_year)


def information_ratio(returns: Floats, benchmark: Floats, *, periods_per_year: float = 1.0) -> float:
    """Return the annual Sharpe ratio of the difference to the benchmark; NaN where that has no spread.

    Raises DataError if the two differ in length.
    Source: Goodwin (1998), The Information Ratio, Financial Analysts Journal 54(4). Other libraries do not
    annualise it; at one period per year this function does not either.
    """
    _check_lengths(returns, benchmark)
    return sharpe_ratio(returns - benchmark, periods_per_year=periods_per_year)


def _shortfall(returns: Floats, threshold: float) -> Floats:
    below = np.minimum(returns - threshold, 0.0)
    # A return equal to the threshold but for its own rounding is no shortfall.
    return np.where(below < -ROUNDING, below, 0.0)


def _check_lengths(returns: Floats, benchmark: Floats) -> None:
    if len(returns) != len(benchmark):
        raise DataError(
            f"Returns and benchmark must cover the same periods; found {len(returns)} and {len(benchmark)}."
        )
