"""Returns, moments and the ground rules of undefined values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tapeline.analysis.returns import (
    annual_volatility,
    autocorrelation,
    cagr,
    hit_rate,
    kurtosis,
    mean,
    session_last_rows,
    simple_returns,
    skewness,
    standard_deviation,
    tail_ratio,
    wealth_path,
)
from tapeline.domain.errors import DataError
from tapeline.domain.times import DAY, HOUR, from_iso

RETURNS = arrays(np.float64, st.integers(5, 60), elements=st.floats(-0.25, 0.25, width=32))


def test_returns_are_over_the_value_before_and_the_first_over_the_start():
    equity = np.array([110.0, 99.0, 99.0])

    found = simple_returns(equity, start=100.0)

    np.testing.assert_allclose(found, [0.10, -0.10, 0.0], atol=1e-15)


def test_nothing_can_be_earned_on_a_debt():
    found = simple_returns(np.array([100.0, -5.0, 20.0, 22.0]), start=100.0)

    assert found[1] == pytest.approx(-1.05)
    assert math.isnan(found[2])
    assert found[3] == pytest.approx(0.10)


def test_wealth_starts_at_one_before_the_first_return():
    np.testing.assert_allclose(wealth_path(np.array([0.1, -0.5])), [1.0, 1.1, 0.55])


def test_a_return_below_minus_one_does_not_compound():
    assert np.isnan(wealth_path(np.array([0.1, -1.5, -1.5]))).all()


def test_growth_of_ten_per_cent_in_half_a_year_is_21_per_cent_a_year():
    # 1.1 ^ (12 / 6) - 1
    returns = np.array([0.1, 0.0, 0.0, 0.0, 0.0, 0.0])

    assert cagr(returns, periods_per_year=12) == pytest.approx(0.21)


def test_growth_of_a_ruined_account_is_minus_one():
    assert cagr(np.array([0.5, -1.0, 0.1]), periods_per_year=252) == -1.0


def test_growth_that_no_number_holds_is_undefined():
    assert math.isnan(cagr(np.array([1e6]), periods_per_year=98_280))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_an_unknown_return_makes_every_measure_unknown(bad):
    returns = np.array([0.01, bad, -0.02, 0.03])

    found = [mean(returns), standard_deviation(returns), skewness(returns), kurtosis(returns)]
    found += [hit_rate(returns), tail_ratio(returns), autocorrelation(returns, 1)]
    found += [annual_volatility(returns, periods_per_year=252), cagr(returns, periods_per_year=252)]

    assert all(math.isnan(value) for value in found)


def test_nothing_is_known_of_no_returns():
    none = np.zeros(0)

    found = [mean(none), standard_deviation(none), skewness(none), hit_rate(none), tail_ratio(none)]

    assert all(math.isnan(value) for value in [*found, cagr(none, periods_per_year=252)])


def test_moments_of_equal_returns_are_undefined_although_their_deviation_rounds_to_more_than_zero():
    returns = np.full(10, 0.01)

    assert standard_deviation(returns) == 0.0
    assert math.isnan(skewness(returns))
    assert math.isnan(kurtosis(returns))


def test_kurtosis_counts_from_three_for_a_normal_distribution():
    # Two values at equal distance from the mean have the least possible kurtosis, 1.
    assert kurtosis(np.array([-0.01, 0.01, -0.01, 0.01])) == pytest.approx(1.0)


def test_autocorrelation_of_an_alternating_series():
    # Deviations +1 -1 +1 -1: three products of -1 over four squares.
    assert autocorrelation(np.array([0.01, -0.01, 0.01, -0.01]), 1) == pytest.approx(-0.75)


def test_autocorrelation_beyond_the_series_is_undefined():
    assert math.isnan(autocorrelation(np.array([0.01, -0.01]), 2))


def test_tail_ratio_interpolates_between_order_statistics():
    # 0..100 in steps of one per cent, shifted by -20: the 95 % quantile is 0.75, the 5 % quantile -0.15.
    returns = np.arange(101) / 100.0 - 0.20

    assert tail_ratio(returns) == pytest.approx(5.0)


@given(RETURNS)
def test_moments_do_not_depend_on_the_order(returns):
    turned = returns[::-1].copy()

    for measure in (mean, standard_deviation, skewness, kurtosis, tail_ratio, hit_rate):
        assert measure(turned) == pytest.approx(measure(returns), rel=1e-9, abs=1e-12, nan_ok=True)


@given(RETURNS, st.floats(0.1, 10.0))
def test_shape_does_not_depend_on_the_scale(returns, factor):
    if np.ptp(returns) < 1e-6:
        return

    assert skewness(returns * factor) == pytest.approx(skewness(returns), rel=1e-6, abs=1e-6)
    assert kurtosis(returns * factor) == pytest.approx(kurtosis(returns), rel=1e-6)


def test_the_last_row_of_each_date_is_found():
    day = from_iso("2018-02-16")
    times = day + np.array([15 * HOUR, 21 * HOUR, DAY + 15 * HOUR, 3 * DAY + 15 * HOUR])

    assert session_last_rows(times, np.ones(4)).tolist() == [1, 2, 3]


def test_a_row_at_midnight_belongs_to_the_date_that_it_ends():
    day = from_iso("2018-02-16")
    times = day + np.array([12 * HOUR, 24 * HOUR, 25 * HOUR])

    assert session_last_rows(times, np.ones(3)).tolist() == [1, 2]


def test_sessions_that_are_given_win_over_dates():
    # A session of futures runs over midnight.
    times = from_iso("2018-02-16") + np.array([23 * HOUR, 26 * HOUR, 47 * HOUR])

    assert session_last_rows(times, np.ones(3), session=np.array([7, 7, 8])).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("times", "values", "session", "sentence"),
    [
        ([1, 2], [1.0], None, "2 times, 1 values"),
        ([1, 2], [1.0, math.nan], None, "Row 1 of equity, 1970-01-01"),
        ([2, 2], [1.0, 1.0], None, "must increase; row 1"),
        ([1, 2], [1.0, 1.0], [5, 4], "row 1 goes back to session 4"),
    ],
)
def test_a_curve_that_is_none_is_refused_with_its_row(times, values, session, sentence):
    given_session = None if session is None else np.array(session)

    with pytest.raises(DataError, match=sentence):
        session_last_rows(np.array(times), np.array(values), session=given_session)
