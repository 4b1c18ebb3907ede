"""Drawdowns: depth, time, length and recovery."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tapeline.analysis.drawdown import (
    deepest_drawdown,
    drawdown_path,
    drawdowns,
    longest_drawdown,
    max_drawdown,
    max_drawdown_of,
)

PATHS = arrays(np.float64, st.integers(1, 80), elements=st.floats(1.0, 1000.0, width=32))


def test_a_loss_on_the_first_day_is_a_drawdown():
    assert max_drawdown(np.array([-0.10, 0.02, 0.03, -0.01])) == pytest.approx(-0.10)


def test_a_rising_account_has_a_drawdown_of_zero_and_none_to_name():
    assert max_drawdown(np.array([0.01, 0.0, 0.02])) == 0.0
    assert deepest_drawdown(np.array([1.0, 1.0, 2.0])) is None
    assert longest_drawdown(np.array([1.0])) is None


def test_ruin_is_a_drawdown_of_one():
    assert max_drawdown(np.array([0.5, -1.0, 0.1])) == -1.0


def test_a_debt_is_deeper_than_ruin():
    assert max_drawdown_of(np.array([100.0, 50.0, -20.0])) == pytest.approx(-1.2)


def test_nothing_is_known_of_no_returns():
    assert math.isnan(max_drawdown(np.zeros(0)))
    assert math.isnan(max_drawdown_of(np.array([100.0])))
    assert drawdowns(np.zeros(0)) == []


def test_an_unknown_value_makes_the_depth_unknown():
    assert math.isnan(max_drawdown(np.array([0.01, math.nan])))
    assert drawdowns(np.array([1.0, math.nan, 0.5])) == []


def test_two_drawdowns_with_their_peaks_troughs_and_recoveries():
    # position          0      1      2     3     4      5      6      7
    path = np.array([100.0, 110.0, 99.0, 88.0, 110.0, 120.0, 108.0, 114.0])

    first, second = drawdowns(path)

    assert (first.peak, first.trough, first.recovery, first.end) == (1, 3, 4, 4)
    assert first.depth == pytest.approx(-0.20)
    assert (first.fall, first.length) == (2, 3)
    assert (second.peak, second.trough, second.recovery, second.end) == (5, 6, None, 7)
    assert second.depth == pytest.approx(-0.10)
    assert (second.fall, second.length) == (1, 2)


def test_deepest_and_longest_may_differ():
    path = np.array([100.0, 80.0, 101.0, 100.0, 100.5, 100.2, 102.0])

    assert deepest_drawdown(path).peak == 0
    assert longest_drawdown(path).peak == 2


def test_a_drawdown_begins_at_the_last_moment_at_the_peak():
    assert drawdowns(np.array([100.0, 100.0, 100.0, 90.0]))[0].peak == 2


@given(PATHS, st.floats(0.01, 100.0))
def test_depth_does_not_depend_on_the_currency(path, factor):
    np.testing.assert_allclose(drawdown_path(path * factor), drawdown_path(path), rtol=1e-9, atol=1e-12)


@given(PATHS)
def test_depth_is_the_worst_of_all_pairs(path):
    worst = min(later / earlier - 1.0 for i, earlier in enumerate(path) for later in path[i:])

    assert min(drawdown_path(path)) == pytest.approx(worst, abs=1e-12)


@given(PATHS)
def test_drawdowns_cover_exactly_the_time_under_water(path):
    under_water = set(np.flatnonzero(drawdown_path(path) < 0.0).tolist())

    covered: list[int] = []
    for one in drawdowns(path):
        covered += range(one.peak + 1, one.end if one.recovery is not None else one.end + 1)
        assert one.peak < one.trough <= one.end
        assert one.depth == min(drawdown_path(path)[one.peak : one.end + 1])

    assert sorted(covered) == sorted(under_water)
