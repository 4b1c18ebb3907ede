"""The rolling Sharpe ratio and its error are those of each window by itself."""

import math
import statistics

import numpy as np
import pytest

from tapeline.analysis.rolling import rolling_sharpe, window_for
from tapeline.domain.errors import ConfigurationError


def test_a_window_of_three_by_hand():
    # 1, 3, 2 %: mean 2 %, deviation 1 %, Sharpe 2 a period; skewness 0, kurtosis 3 x (1 + 1) / (1 + 1)^2 = 1.5;
    # standard error sqrt((1 + 0.5 / 4 x 4) / 2) = sqrt(0.75). Four periods a year double both.
    found = rolling_sharpe(np.array([0.01, 0.03, 0.02]), 3, periods_per_year=4)

    assert np.isnan(found.sharpe[:2]).all()
    assert np.isnan(found.standard_error[:2]).all()
    assert found.sharpe[2] == pytest.approx(4.0, rel=1e-12)
    assert found.standard_error[2] == pytest.approx(2 * math.sqrt(0.75), rel=1e-12)


def test_every_window_stands_for_itself():
    returns = np.random.default_rng(5).normal(0.001, 0.01, 90)

    found = rolling_sharpe(returns, 21)

    for last in range(20, 90):
        window = returns[last - 20 : last + 1].tolist()
        expected = statistics.fmean(window) / statistics.stdev(window) * math.sqrt(252)
        assert found.sharpe[last] == pytest.approx(expected, rel=1e-9)


def test_a_later_return_changes_no_earlier_window():
    returns = np.random.default_rng(6).normal(0.001, 0.01, 60)
    other = returns.copy()
    other[40:] *= -7

    one, two = rolling_sharpe(returns, 21), rolling_sharpe(other, 21)

    assert one.sharpe[:40].tobytes() == two.sharpe[:40].tobytes()
    assert one.sharpe[40] != two.sharpe[40]


def test_a_window_without_spread_is_unknown():
    found = rolling_sharpe(np.full(30, 0.01), 21)

    assert np.isnan(found.sharpe).all()


@pytest.mark.parametrize(
    ("sessions", "window"), [(41, None), (42, 21), (125, 21), (126, 63), (252, 126), (503, 126), (504, 252)]
)
def test_the_window_fits_twice_into_the_record(sessions, window):
    assert window_for(sessions) == window


def test_a_window_of_one_session_is_refused():
    with pytest.raises(ConfigurationError, match="A window of 1 sessions has no spread"):
        rolling_sharpe(np.zeros(5), 1)
