"""Ratios: published values, hand arithmetic, and values that must be undefined."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tapeline.analysis.ratios import (
    calmar_ratio,
    downside_deviation,
    information_ratio,
    omega_ratio,
    regress_on_benchmark,
    sharpe_ratio,
    sortino_ratio,
    tracking_error,
)
from tapeline.domain.errors import DataError

# Rollinger and Hoffman, Red Rock Capital: eight yearly returns.
RED_ROCK = np.array([0.17, 0.15, 0.23, -0.05, 0.12, 0.09, 0.13, -0.04])

RETURNS = arrays(np.float64, st.integers(5, 60), elements=st.floats(-0.25, 0.25, width=32))


def test_sortino_ratio_of_the_red_rock_paper():
    assert downside_deviation(RED_ROCK) == pytest.approx(0.0226, abs=5e-5)
    assert sortino_ratio(RED_ROCK) == pytest.approx(4.417, abs=5e-4)


def test_sharpe_ratio_by_hand():
    # Mean 0.02, deviations -0.01 0 0.01, sample standard deviation 0.01.
    returns = np.array([0.01, 0.02, 0.03])

    assert sharpe_ratio(returns) == pytest.approx(2.0)
    assert sharpe_ratio(returns, periods_per_year=4) == pytest.approx(4.0)
    assert sharpe_ratio(returns, risk_free=0.01) == pytest.approx(1.0)


def test_omega_ratio_by_hand():
    # Gains 0.03, shortfalls 0.02; at threshold 0.01: gains 0.02, shortfalls 0.01 + 0.03.
    returns = np.array([0.03, -0.02, 0.0])

    assert omega_ratio(returns) == pytest.approx(1.5)
    assert omega_ratio(returns, threshold=0.01) == pytest.approx(0.5)


def test_calmar_ratio_by_hand():
    # Wealth 0.9, 1.08: 8 % in two half years, drawdown 10 %.
    assert calmar_ratio(np.array([-0.1, 0.2]), periods_per_year=2) == pytest.approx(0.8)


@pytest.mark.parametrize("constant", [0.01, 0.0, -0.02])
def test_ratios_of_equal_returns_are_undefined(constant):
    returns = np.full(10, constant)

    assert math.isnan(sharpe_ratio(returns, periods_per_year=252))
    assert math.isnan(information_ratio(returns, np.full(10, 0.005)))


def test_an_account_that_grows_evenly_has_no_sharpe_ratio_in_spite_of_rounding():
    equity = 100.0 * 1.001 ** np.arange(300)
    returns = equity[1:] / equity[:-1] - 1.0

    assert returns.max() > returns.min()
    assert math.isnan(sharpe_ratio(returns, periods_per_year=252))


def test_a_constant_lead_over_the_benchmark_has_no_information_ratio_in_spite_of_rounding():
    benchmark = np.array([0.011, -0.023, 0.0071, 0.013, -0.0017])

    assert math.isnan(information_ratio(benchmark + 0.001, benchmark))
    assert tracking_error(benchmark + 0.001, benchmark) == 0.0


def test_without_a_shortfall_or_drawdown_nothing_is_divided():
    returns = np.array([0.01, 0.02, 0.0])

    assert math.isnan(sortino_ratio(returns))
    assert math.isnan(omega_ratio(returns))
    assert math.isnan(calmar_ratio(returns, periods_per_year=252))
    assert downside_deviation(returns) == 0.0


@pytest.mark.parametrize("size", [0, 1])
def test_fewer_than_two_returns_have_no_ratio(size):
    returns = np.full(size, -0.02)

    found = [sharpe_ratio(returns), sortino_ratio(returns), omega_ratio(returns)]
    found += [calmar_ratio(returns, periods_per_year=252), regress_on_benchmark(returns, returns).beta]

    assert all(math.isnan(value) for value in found)


def test_alpha_and_beta_of_an_exact_line():
    benchmark = np.array([0.01, -0.02, 0.03, 0.005])

    line = regress_on_benchmark(0.001 + 1.5 * benchmark, benchmark)

    assert line.beta == pytest.approx(1.5)
    assert line.alpha == pytest.approx(0.001)
    assert line.alpha_annual(252) == pytest.approx(0.252)
    assert line.alpha_compound(252) == pytest.approx(1.001**252 - 1.0)


def test_a_benchmark_that_stands_still_has_no_beta():
    line = regress_on_benchmark(np.array([0.01, -0.02, 0.03]), np.full(3, 0.002))

    assert math.isnan(line.beta)
    assert math.isnan(line.alpha)
    assert math.isnan(line.alpha_compound(252))


def test_a_benchmark_of_another_length_is_refused():
    with pytest.raises(DataError, match="found 3 and 2"):
        information_ratio(np.zeros(3), np.zeros(2))


@given(RETURNS, st.floats(0.1, 10.0))
def test_ratios_do_not_depend_on_the_size_of_the_bets(returns, factor):
    assume(np.ptp(returns) > 1e-6)
    assume(returns.min() < -1e-6)

    assert sharpe_ratio(returns * factor) == pytest.approx(sharpe_ratio(returns), rel=1e-9, abs=1e-12)
    assert sortino_ratio(returns * factor) == pytest.approx(sortino_ratio(returns), rel=1e-9, abs=1e-12)
    assert omega_ratio(returns * factor) == pytest.approx(omega_ratio(returns), rel=1e-9, abs=1e-12)


@given(RETURNS)
def test_no_ratio_is_ever_infinite(returns):
    found = [sharpe_ratio(returns, periods_per_year=252), sortino_ratio(returns), omega_ratio(returns)]
    found += [calmar_ratio(returns, periods_per_year=252)]

    assert not any(math.isinf(value) for value in found)


@given(RETURNS)
def test_a_record_is_its_own_line_of_slope_one(returns):
    assume(np.ptp(returns) > 1e-6)

    line = regress_on_benchmark(returns, returns)

    assert line.beta == pytest.approx(1.0)
    assert line.alpha == pytest.approx(0.0, abs=1e-12)
