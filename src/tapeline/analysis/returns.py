"""Returns of an equity curve and their moments: the ground of every measure in this package.

Ground rules, stated here once and kept by every function of the package:

- Returns are simple and per period (0.01 = one per cent), float64 of shape (n,), oldest first.
- Rates to compare with (risk-free, minimum acceptable, threshold) are per period too; a yearly rate handed
  to a daily measure is the commonest way to a wrong ratio.
- Undefined is NaN: never 0, never infinity. An optimiser ranks infinity first and cannot tell it from skill.
- A NaN or infinite return makes the measure NaN. Nothing is dropped or filled.
- A series whose greatest and least value agree has no spread. The test is on these two, not on the standard
  deviation: ten returns of 0.01 have a computed deviation of 1.8e-18, and so a "Sharpe ratio" of 8.7e16.
  A return is a quotient minus one and carries the rounding of that quotient, so two returns closer than
  ROUNDING count as equal; a curve that grows by exactly one per cent a day is otherwise never recognised.
"""

from __future__ import annotations

import math

import numpy as np

from tapeline.domain.errors import DataError
from tapeline.domain.panel import Floats, Times
from tapeline.domain.times import DAY, to_iso

NAN = math.nan

# Four units in the last place of 1.0: one each for the quotients and the subtractions behind two returns.
ROUNDING = 4 * float(np.finfo(np.float64).eps)


def is_usable(values: Floats, at_least: int) -> bool:
    """Return whether there are enough observations and all of them are finite."""
    return len(values) >= at_least and bool(np.isfinite(values).all())


def has_spread(values: Floats) -> bool:
    """Return whether at least two finite observations exist that differ by more than their own rounding."""
    return is_usable(values, 2) and float(values.max() - values.min()) > ROUNDING


def simple_returns(equity: Floats, *, start: float) -> Floats:
    """Return the simple returns of an equity curve that stood at `start` before its first value.

    equity : float64 of shape (n,), currency, oldest first
    Returns shape (n,); NaN after a value at or below zero, since nothing can be earned on a debt.
    """
    before = np.concatenate(([start], equity[:-1])) if len(equity) else equity
    above_zero = before > 0.0
    return np.where(above_zero, equity / np.where(above_zero, before, 1.0) - 1.0, NAN)


def session_last_rows(times_ns: Times, values: Floats, *, session: Times | None = None, what: str = "equity") -> Times:
    """Return the position of the last row of each session, oldest first.

    times_ns, values : int64 and float64 of shape (T,), times increasing, values finite
    session : int64 (T,), the session of each row, never falling; None = the UTC date. A row at midnight
        belongs to the date that it ends, because bars are labelled by their end.
    what : name of the values in a message
    Raises DataError if lengths differ, times do not increase, a value is not finite or sessions fall.
    """
    key = (times_ns - 1) // DAY if session is None else session
    if not len(times_ns) == len(values) == len(key):
        raise DataError(
            f"A curve of {what} needs one time and one session for each value; found {len(times_ns)} times, "
            f"{len(values)} values and {len(key)} sessions."
        )
    if len(values) and not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values)))
        raise DataError(f"Row {row} of {what}, {to_iso(times_ns[row])}, is {values[row]}. Give every row a value.")
    if bool((np.diff(times_ns) <= 0).any()):
        row = int(np.argmax(np.diff(times_ns) <= 0)) + 1
        raise DataError(f"Times of {what} must increase; row {row}, {to_iso(times_ns[row])}, does not.")
    if bool((np.diff(key) < 0).any()):
        row = int(np.argmax(np.diff(key) < 0)) + 1
        raise DataError(f"Sessions of {what} must not fall; row {row} goes back to session {key[row]}.")
    return np.append(np.flatnonzero(np.diff(key)), len(key) - 1)[: len(key)]


def wealth_path(returns: Floats) -> Floats:
    """Return the growth of one unit: shape (n + 1,), starting at 1.0 before the first return.

    All NaN when a return is not finite or below -1: a debt does not compound.
    """
    if not is_usable(returns, 0) or bool((returns < -1.0).any()):
        return np.full(len(returns) + 1, NAN)
    return np.concatenate(([1.0], np.cumprod(1.0 + returns)))


def returns_on_capital(gains: Floats, capital: Floats) -> Floats:
    """Return what was made in each period over what there was to make it with: shape (n,).

    gains : float64 of shape (n,), profit of each period, without what came in or went out
    capital : float64 of shape (n,), equity before the period plus what came in during it
    So a deposit counts from the beginning of its period and a withdrawal from its end, and neither is a return.
    Nothing made is 0 whatever the capital; else NaN where that is not above zero.
    """
    above_zero = capital > 0.0
    found = np.where(above_zero, gains / np.where(above_zero, capital, 1.0), NAN)
    return np.where(gains == 0.0, 0.0, found)


def mean(returns: Floats) -> float:
    """Return the arithmetic mean; NaN without observations."""
    return float(returns.mean()) if is_usable(returns, 1) else NAN


def standard_deviation(returns: Floats, *, ddof: int = 1) -> float:
    """Return the standard deviation; NaN below two observations, 0 when all are equal."""
    if not is_usable(returns, 2):
        return NAN
    return float(returns.std(ddof=ddof)) if has_spread(returns) else 0.0


def annual_volatility(returns: Floats, *, periods_per_year: float) -> float:
    """Return the standard deviation (ddof 1) times the root of the periods in a year."""
    return standard_deviation(returns) * math.sqrt(periods_per_year)


def skewness(returns: Floats) -> float:
    """Return the population skewness g1 = m3 / m2^1.5; NaN without spread.

    The bias-corrected form of pandas is another statistic; the probabilistic Sharpe ratio takes this one.
    """
    if not has_spread(returns):
        return NAN
    deviations = returns - returns.mean()
    return float(np.mean(deviations**3) / np.mean(deviations**2) ** 1.5)


def kurtosis(returns: Floats) -> float:
    """Return the population kurtosis b2 = m4 / m2^2, where a normal distribution has 3; NaN without spread.

    scipy and pandas return the excess over 3 by default.
    """
    if not has_spread(returns):
        return NAN
    squares = (returns - returns.mean()) ** 2
    return float(np.mean(squares**2) / np.mean(squares) ** 2)


def autocorrelation(returns: Floats, lag: int) -> float:
    """Return the sample autocorrelation at a lag of at least 1; NaN without spread or when lag >= n.

    Source: Box and Jenkins (1976): lagged products over the sum of squares, both about the full mean.
    """
    if not has_spread(returns) or not 1 <= lag < len(returns):
        return NAN
    deviations = returns - returns.mean()
    return float(np.dot(deviations[lag:], deviations[:-lag]) / np.dot(deviations, deviations))


def cagr(returns: Floats, *, periods_per_year: float) -> float:
    """Return the compound annual growth rate W_n^(P/n) - 1; NaN without observations.

    A short record is extrapolated as the definition says: one day of +1 % grows to +1,127 % a year.
    NaN where that does not fit a float64.
    """
    if not is_usable(returns, 1):
        return NAN
    final = float(wealth_path(returns)[-1])
    if final == 0.0:
        return -1.0
    return compounded(math.log(final) * periods_per_year / len(returns)) if final > 0.0 else NAN


def compounded(log_growth: float) -> float:
    """Return the simple return of a log growth; NaN where it does not fit a float64."""
    # exp(709) is about the largest float64.
    return math.expm1(log_growth) if log_growth < 709.0 else NAN


def hit_rate(returns: Floats, *, threshold: float = 0.0) -> float:
    """Return the share of observations above a threshold per period; NaN without observations."""
    return float(np.mean(returns > threshold)) if is_usable(returns, 1) else NAN


def tail_ratio(returns: Floats, *, upper: float = 0.95, lower: float = 0.05) -> float:
    """Return the size of the upper quantile over that of the lower one; NaN where the lower one is 0.

    Quantiles interpolate linearly between order statistics (Hyndman and Fan 1996, type 7).
    """
    if not is_usable(returns, 2):
        return NAN
    high, low = np.quantile(returns, [upper, lower], method="linear")
    return abs(float(high)) / abs(float(low)) if abs(float(low)) > ROUNDING else NAN
