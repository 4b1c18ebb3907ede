"""Confidence in a Sharpe ratio: the published examples and the limits of the formulas."""

import math

import numpy as np
import pytest

from tapeline.analysis.confidence import (
    SharpeEstimate,
    annualisation_factor,
    annualisation_factor_ar1,
    sharpe_ratio_ar1,
)
from tapeline.analysis.ratios import sharpe_ratio
from tapeline.domain.errors import ConfigurationError


def test_probability_of_the_paper_with_normal_returns():
    assert SharpeEstimate(0.458, 24).probability_above(0.0) == pytest.approx(0.982, abs=5e-4)


def test_probability_of_the_paper_with_the_real_moments():
    estimate = SharpeEstimate(0.458, 24, skewness=-2.448, kurtosis=10.164)

    assert estimate.probability_above(0.0) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(
    ("sharpe", "skewness", "kurtosis", "error", "years"),
    [(0.7079, -0.225, 2.957, 0.1028, 0.7152), (0.8183, -1.4455, 7.0497, 0.1550, 1.1593)],
)
def test_standard_error_and_record_length_of_the_two_funds_of_the_paper(sharpe, skewness, kurtosis, error, years):
    estimate = SharpeEstimate(sharpe, 134, skewness, kurtosis)

    assert estimate.standard_error() == pytest.approx(error, abs=5e-5)
    assert estimate.min_track_record_length(0.0) / 12 == pytest.approx(years, abs=5e-5)


@pytest.mark.parametrize(("per_year", "years"), [(250, 2.73), (52, 2.83), (12, 3.24)])
def test_record_length_to_tell_sharpe_two_from_one(per_year, years):
    root = math.sqrt(per_year)

    length = SharpeEstimate(2 / root, 0).min_track_record_length(1 / root)

    assert length / per_year == pytest.approx(years, abs=5e-3)


def test_the_probability_at_the_needed_record_length_is_the_confidence():
    shape = {"skewness": -0.72, "kurtosis": 5.78}
    needed = SharpeEstimate(0.2, 0, **shape).min_track_record_length(0.05, confidence=0.99)

    probability = SharpeEstimate(0.2, round(needed), **shape).probability_above(0.05)

    assert probability == pytest.approx(0.99, abs=1e-3)


def test_no_record_is_long_enough_for_a_ratio_that_is_not_above_the_benchmark():
    assert math.isnan(SharpeEstimate(0.1, 100).min_track_record_length(0.1))
    assert math.isnan(SharpeEstimate(-0.1, 100).min_track_record_length(0.0))


def test_impossible_moments_say_nothing():
    estimate = SharpeEstimate(1.0, 24, skewness=5.0, kurtosis=3.0)

    assert math.isnan(estimate.standard_error())
    assert math.isnan(estimate.probability_above(0.0))
    assert math.isnan(estimate.min_track_record_length(0.0))


@pytest.mark.parametrize("returns", [[], [0.01], [0.01, 0.01, 0.01]])
def test_nothing_is_known_without_a_sharpe_ratio(returns):
    estimate = SharpeEstimate.of(np.array(returns))

    assert math.isnan(estimate.probability_above(0.0))
    assert math.isnan(estimate.min_track_record_length(0.0))


@pytest.mark.parametrize("confidence", [0.0, 0.49, 1.0, 95.0])
def test_a_confidence_that_is_none_is_refused(confidence):
    with pytest.raises(ConfigurationError, match=r"outside 0\.5 to 1"):
        SharpeEstimate(0.5, 24).min_track_record_length(0.0, confidence=confidence)


def test_uncorrelated_returns_annualise_by_the_root():
    assert annualisation_factor(np.zeros(251), 252) == pytest.approx(math.sqrt(252))
    assert annualisation_factor(np.zeros(0), 252) == pytest.approx(math.sqrt(252))


def test_annualisation_of_two_periods_by_hand():
    # 2 / sqrt(2 + 2 x 1 x 0.5)
    assert annualisation_factor(np.array([0.5, 0.9]), 2) == pytest.approx(2 / math.sqrt(3))


@pytest.mark.parametrize(("rho", "periods"), [(0.2, 12), (-0.1, 252), (0.9, 5)])
def test_the_factor_is_that_of_the_sum_of_correlated_returns(rho, periods):
    # The variance of a sum is the sum of the correlation matrix, whose element (i, j) is rho^|i - j|.
    place = np.arange(periods)
    matrix = rho ** np.abs(place[:, None] - place[None, :]).astype(float)

    assert annualisation_factor_ar1(rho, periods) == pytest.approx(periods / math.sqrt(matrix.sum()))


def test_autocorrelations_that_leave_no_variance_give_no_factor():
    assert math.isnan(annualisation_factor(np.array([-1.0, -1.0, -1.0]), 4))


def test_the_adjusted_sharpe_ratio_is_lower_for_returns_in_runs():
    returns = np.array([0.02, 0.02, 0.02, -0.01, -0.01, -0.01, 0.02, 0.02, 0.02, -0.01, -0.01])

    assert sharpe_ratio_ar1(returns, periods_per_year=252) < sharpe_ratio(returns, periods_per_year=252)
