"""Intervals of means of dependent observations: as wide as they must be, the same every time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tapeline.analysis.bootstrap import clustered_mean
from tapeline.domain.errors import ConfigurationError


def test_independent_clusters_of_one_give_the_usual_standard_error() -> None:
    values = np.random.default_rng(1).normal(0.3, 2.0, 400)

    found = clustered_mean(values, np.arange(400))

    error = values.std(ddof=1) / math.sqrt(400)  # of the mean; the interval reaches 1.96 of it to both sides
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.08)
    assert (found.observations, found.clusters) == (400, 400)


def test_copies_of_a_session_are_no_new_facts() -> None:
    each = np.random.default_rng(2).normal(0.0, 1.0, 60)
    once = clustered_mean(each, np.arange(60))

    copied = clustered_mean(np.repeat(each, 50), np.repeat(np.arange(60), 50))

    assert (copied.low, copied.high) == (pytest.approx(once.low), pytest.approx(once.high))
    naive = clustered_mean(np.repeat(each, 50), np.arange(3000))
    assert naive.high - naive.low < 0.2 * (copied.high - copied.low)


def test_blocks_keep_what_neighbouring_sessions_share() -> None:
    steps = np.random.default_rng(3).normal(0.0, 1.0, 300)
    shared = np.convolve(steps, np.ones(5) / 5, mode="valid")  # five sessions in a row have four fifths in common

    alone, blocks = (clustered_mean(shared, np.arange(len(shared)), block=block) for block in (1, 10))

    assert blocks.high - blocks.low > 1.5 * (alone.high - alone.low)


def test_a_difference_is_drawn_together_so_that_what_both_share_falls_out() -> None:
    market = np.random.default_rng(4).normal(0.0, 1.0, 80)
    cluster = np.arange(80)

    own, excess = clustered_mean(market + 0.1, cluster), clustered_mean(market + 0.1, cluster, less=(market, cluster))

    assert excess.mean == pytest.approx(0.1)
    assert (excess.low, excess.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert own.high - own.low > 0.3


def test_too_little_is_unknown_and_nonsense_refused() -> None:
    nothing = clustered_mean(np.empty(0), np.empty(0, dtype=np.int64))
    single = clustered_mean(np.array([1.0, 2.0]), np.array([3, 3]))

    assert math.isnan(nothing.mean) and nothing.clusters == 0
    assert single.mean == 1.5 and math.isnan(single.low) and math.isnan(single.high)
    for wrong in ({"block": 0}, {"confidence": 1.0}):
        with pytest.raises(ConfigurationError):
            clustered_mean(np.array([1.0]), np.array([0]), **wrong)
    assert clustered_mean(np.arange(9.0), np.arange(9)) == clustered_mean(np.arange(9.0), np.arange(9))
