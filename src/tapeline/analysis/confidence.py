"""How far a Sharpe ratio can be believed: standard error, probability, length of record, autocorrelation.

An estimate from n returns errs by about one over the root of n, more when losses have a fat tail. A Sharpe
ratio of 0.458 per month over 24 months beats zero with probability 0.982 if returns are normal, but with
0.913 at the skewness -2.448 and kurtosis 10.164 that the record really has (Bailey and Lopez de Prado 2012).

All Sharpe ratios here are PER PERIOD, and n counts those periods: the same code fed an annual ratio
calls a record of two years certain (0.9996 instead of 0.858 on the 24 months of Bacon 2008).
Returns must be close to uncorrelated; `annualisation_factor` tells what correlation does to the annual value.
Of the two published variances this is the one of 2012, evaluated at the estimate; the revision of 2025
evaluates it under the null hypothesis and must never be mixed with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from tapeline.analysis.ratios import sharpe_ratio
from tapeline.analysis.returns import NAN, autocorrelation, kurtosis, skewness
from tapeline.domain.errors import ConfigurationError
from tapeline.domain.panel import Floats

_NORMAL = NormalDist()


@dataclass(frozen=True)
class SharpeEstimate:
    """A Sharpe ratio per period with what is needed to judge it.

    sharpe : per period, ddof 1
    observations : number of periods
    skewness, kurtosis : population moments of the returns; a normal distribution has 0 and 3
    """

    sharpe: float
    observations: int
    skewness: float = 0.0
    kurtosis: float = 3.0

    @classmethod
    def of(cls, returns: Floats, *, risk_free: float = 0.0) -> SharpeEstimate:
        """Return the estimate from returns per period."""
        return cls(
            sharpe=sharpe_ratio(returns, risk_free=risk_free),
            observations=len(returns),
            skewness=skewness(returns),
            kurtosis=kurtosis(returns),
        )

    def standard_error(self) -> float:
        """Return the standard error per period; NaN below two observations or for impossible moments.

        Source: Lo (2002), Mertens (2002), Opdyke (2007): sqrt((1 - g3 SR + (g4 - 1)/4 SR^2) / (n - 1)).
        """
        if self.observations < 2:
            return NAN
        return math.sqrt(self._unit_variance() / (self.observations - 1))

    def probability_above(self, benchmark: float = 0.0) -> float:
        """Return the probabilistic Sharpe ratio: the probability that the true one exceeds a benchmark.

        benchmark : a Sharpe ratio per period
        Source: Bailey and Lopez de Prado (2012), The Sharpe Ratio Efficient Frontier, Journal of Risk 15(2).
        """
        error = self.standard_error()
        return _NORMAL.cdf((self.sharpe - benchmark) / error) if not math.isnan(error) else NAN

    def min_track_record_length(self, benchmark: float = 0.0, *, confidence: float = 0.95) -> float:
        """Return how many observations this Sharpe ratio needs to beat a benchmark with a confidence.

        NaN where the ratio is not above the benchmark: no record is then long enough.
        Raises ConfigurationError unless 0.5 <= confidence < 1.
        Source: as `probability_above`.
        """
        if not 0.5 <= confidence < 1.0:
            raise ConfigurationError(
                f"Confidence {confidence} is outside 0.5 to 1 (1 excluded). Usual values are 0.95 and 0.99."
            )
        if not self.sharpe > benchmark:
            return NAN
        quantile = _NORMAL.inv_cdf(confidence)
        return 1.0 + self._unit_variance() * (quantile / (self.sharpe - benchmark)) ** 2

    def _unit_variance(self) -> float:
        # Moments that no sample can have, or rounded ones, can make this negative: then nothing is known.
        value = 1.0 - self.skewness * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2
        return value if value > 0.0 else NAN


def annualisation_factor(autocorrelations: Floats, periods: int) -> float:
    """Return by what a Sharpe ratio per period is multiplied to give that of `periods` periods together.

    autocorrelations : shape (m,) of lags 1 to m; lags beyond count as zero, from `periods` on unused
    The root of `periods` without autocorrelation; smaller where returns trend, larger where they revert.
    NaN where the lags together leave no variance.
    Source: Lo (2002), The Statistics of Sharpe Ratios, Financial Analysts Journal 58(4):
    eta(q) = q / sqrt(q + 2 sum_{k=1}^{q-1} (q - k) rho_k).
    """
    used = autocorrelations[: max(periods - 1, 0)]
    weights = periods - np.arange(1, len(used) + 1)
    variance = periods + 2.0 * float(np.dot(weights, used))
    return periods / math.sqrt(variance) if variance > 0.0 else NAN


def annualisation_factor_ar1(first_autocorrelation: float, periods: int) -> float:
    """Return the factor for an autoregression of order one, whose lag k correlates by rho^k.

    Source: Lo (2002), same place.
    """
    return annualisation_factor(first_autocorrelation ** np.arange(1.0, periods), periods)


def sharpe_ratio_ar1(returns: Floats, *, periods_per_year: int, risk_free: float = 0.0) -> float:
    """Return the annual Sharpe ratio with the autocorrelation of adjacent periods taken into account.

    One lag is estimated and the rest follows from it: the 251 lags of daily returns cannot be estimated
    from a record of usual length.
    """
    factor = annualisation_factor_ar1(autocorrelation(returns, 1), periods_per_year)
    return sharpe_ratio(returns, risk_free=risk_free) * factor
