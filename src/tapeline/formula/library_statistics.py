"""Statistics of windows, lines through them, and the functions of one number they are made of. See `library`.

A statistic that divides by a spread is unknown where the window does not spread: 0 / 0 is no number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tapeline.formula import operations as op
from tapeline.formula.library import rolling_std
from tapeline.formula.naming import named
from tapeline.formula.node import Node, Operand, as_node, make
from tapeline.formula.operations import Setting, bars_setting, indicator
from tapeline.indicators.memory import fractional_weights

_LENGTH, _LINE_LENGTH = bars_setting(), bars_setting(low=2)
_DDOF = Setting("ddof", low=0, high=1, whole=True, default=1.0)


def _difference_vector(settings: Sequence[float]) -> tuple[float, float]:
    order, threshold = settings
    return order, float(len(fractional_weights(order, threshold)))


_SLOPE = indicator("rolling_slope", _LINE_LENGTH, kernel="rolling_line")
_FITTED = indicator("linear_regression", _LINE_LENGTH, kernel="rolling_line", kernel_output=1)
_R_SQUARED = indicator("rolling_r_squared", _LINE_LENGTH, kernel="rolling_line", kernel_output=2)
_FLAT = Setting("flat", default="unknown", choices={"unknown": math.nan, "zero": 0.0})
_COVARIANCE = indicator(
    "rolling_covariance",
    _LENGTH,
    _DDOF,
    kernel="rolling_pair",
    vector=lambda settings: (*settings, math.nan),
    any_series=True,
)
_CORRELATION = indicator(
    "rolling_correlation",
    _LINE_LENGTH,
    _FLAT,
    kernel="rolling_pair",
    vector=lambda settings: (settings[0], 0.0, settings[1]),
    kernel_output=1,
    any_series=True,
)
_BETA = indicator(
    "rolling_beta",
    _LINE_LENGTH,
    _FLAT,
    kernel="rolling_pair",
    vector=lambda settings: (settings[0], 0.0, settings[1]),
    kernel_output=2,
    any_series=True,
)
_SKEWNESS = indicator("rolling_skewness", _LINE_LENGTH, kernel="rolling_shape")
_KURTOSIS = indicator("rolling_kurtosis", _LINE_LENGTH, kernel="rolling_shape", kernel_output=1)
_MEAN_DEVIATION = indicator("rolling_mean_deviation", _LENGTH, kernel="mean_deviation")
_QUANTILE = indicator("rolling_quantile", _LENGTH, Setting("share", low=0.0, high=1.0))
_ROLLING_RANK = indicator("rolling_rank", _LENGTH)
_CUMULATIVE_SUM = indicator("cumulative_sum")
_LAST_NONZERO = indicator("last_nonzero")
_FRACTIONAL_DIFFERENCE = indicator(
    "fractional_difference",
    Setting("order", low=0.0, high=2.0),
    Setting("threshold", low=1e-5, high=1.0, default=1e-3),
    vector=_difference_vector,
)


def log(series: Operand) -> Node:
    """Return the natural logarithm; unknown where the value is not above 0."""
    return make(op.LOG, (as_node(series),))


def exp(series: Operand) -> Node:
    """Return e to the power of the value."""
    return make(op.EXP, (as_node(series),))


def sqrt(series: Operand) -> Node:
    """Return the square root; unknown where the value is below 0."""
    return make(op.SQRT, (as_node(series),))


def sign(series: Operand) -> Node:
    """Return 1 above 0, -1 below and 0 at exactly 0, without the tolerance of comparisons."""
    return make(op.SIGN, (as_node(series),))


def rolling_variance(series: Node, length: Operand, *, ddof: int = 0) -> Node:
    """Return the variance of the last `length` values. Unit of the series squared. Warm-up: length - 1.

    ddof : 0 population, 1 sample (unknown for length 1). Equal values give exactly 0.
    """
    series = as_node(series)
    deviation = rolling_std(series, length, ddof=ddof)
    return named(deviation * deviation, "rolling_variance", "", (series,), (length, ddof) if ddof else (length,))


def rolling_mean_deviation(series: Node, length: Operand) -> Node:
    """Return the mean distance of the last `length` values from their mean. Unit of the series. Warm-up: length - 1."""
    return make(_MEAN_DEVIATION, (as_node(series),), (length,))


def rolling_skewness(series: Node, length: Operand) -> Node:
    """Return the asymmetry of the last `length` values, m3 / m2^1.5 of the population: 0 is symmetric.

    Without unit; above 0 where the long tail is upward. Unknown where all values are equal. Warm-up: length - 1.
    Source: Joanes and Gill (1998), Comparing Measures of Sample Skewness and Kurtosis, their g1.
    """
    return make(_SKEWNESS, (as_node(series),), (length,))


def rolling_kurtosis(series: Node, length: Operand) -> Node:
    """Return the weight of the tails of the last `length` values, m4 / m2^2 of the population: 3 is normal.

    Without unit. Unknown where all values are equal. Warm-up: length - 1.
    Source: Joanes and Gill (1998), Comparing Measures of Sample Skewness and Kurtosis, their g2 with 3 added.
    """
    return make(_KURTOSIS, (as_node(series),), (length,))


def rolling_quantile(series: Node, length: Operand, share: Operand = 0.5) -> Node:
    """Return the value below which a share of the last `length` values lies; 0.5 is the median. Warm-up: length - 1.

    Unit of the series; between two values by a straight line.
    Source: Hyndman and Fan (1996), Sample Quantiles in Statistical Packages, type 7.
    """
    return make(_QUANTILE, (as_node(series),), (length, share))


def rolling_rank(series: Node, length: Operand) -> Node:
    """Return the newest value's place among the last `length`, 0 lowest to 1 highest. Warm-up: length - 1.

    Equal values share the mean of their places; of one value the place is 0.5. As `series.rank()` among symbols.
    """
    return make(_ROLLING_RANK, (as_node(series),), (length,))


def rolling_covariance(series: Node, other: Node, length: Operand, *, ddof: int = 1) -> Node:
    """Return the covariance of the last `length` values of two series, in the product of their units.

    ddof : 1 sample (unknown for length 1), 0 population. Warm-up: length - 1.
    """
    return make(_COVARIANCE, (as_node(series), as_node(other)), (length, ddof))


def rolling_correlation(series: Node, other: Node, length: Operand, *, flat: str = "unknown") -> Node:
    """Return Pearson's correlation of the last `length` values of two series, -1 to 1. Warm-up: length - 1.

    Of the values as they are: for the correlation of returns give returns.
    flat : "unknown", or "zero" as TA-Lib, the result where one of the two stays equal
    Source: Pearson (1895), Note on Regression and Inheritance in the Case of Two Parents.
    """
    return make(_CORRELATION, (as_node(series), as_node(other)), (length, flat))


def rolling_beta(series: Node, benchmark: Node, length: Operand, *, flat: str = "unknown") -> Node:
    """Return how many units the series moves with one unit of the benchmark: covariance / benchmark's variance.

    Of the values as they are: for the beta of a share give returns of both. The benchmark is a series of the same
    symbol; the mean of all symbols of the data, each weighing the same, is `returns - returns.demean()`.
    flat : "unknown", or "zero" as TA-Lib, the result where the benchmark stays equal
    Warm-up: length - 1. Source: Sharpe (1964), Capital Asset Prices.
    """
    return make(_BETA, (as_node(series), as_node(benchmark)), (length, flat))


def rolling_slope(series: Node, length: Operand) -> Node:
    """Return the slope of the straight line through the last `length` values, in units of the series per bar.

    Least squares, length at least 2; equal values give exactly 0. Warm-up: length - 1.
    """
    return make(_SLOPE, (as_node(series),), (length,))


def rolling_r_squared(series: Node, length: Operand) -> Node:
    """Return the share of the variance that the straight line through the last `length` values explains, 0 to 1.

    Unknown where all values are equal. Warm-up: length - 1.
    """
    return make(_R_SQUARED, (as_node(series),), (length,))


def linear_regression(series: Node, length: Operand) -> Node:
    """Return the straight line through the last `length` values, at the newest bar. Unit of the series.

    Least squares, length at least 2. Warm-up: length - 1.
    """
    return make(_FITTED, (as_node(series),), (length,))


def cumulative_sum(series: Node) -> Node:
    """Return the sum of all values since the first, unknown ones passed over. Unit of the series. Warm-up: none."""
    return make(_CUMULATIVE_SUM, (as_node(series),))


def last_nonzero(series: Node) -> Node:
    """Return the last value that was not 0; 0 while there was none. Unit of the series. Warm-up: none."""
    return make(_LAST_NONZERO, (as_node(series),))


def fractional_difference(series: Node, order: Operand, *, threshold: float = 1e-3) -> Node:
    """Return the series differenced by a fraction of an order, over a fixed width. Unit of the series.

    order : 0 is the series itself, 1 its change; in between it forgets slowly. Choose it on training data only.
    threshold : weights from the first below it on are left out, so it sets the width
    Warm-up: the number of weights less one, 54 for an order of 0.4.
    Source: Hosking (1981), Fractional Differencing; fixed width by Lopez de Prado (2018), Advances in Financial
    Machine Learning, section 5.5.
    """
    return make(_FRACTIONAL_DIFFERENCE, (as_node(series),), (order, threshold))
