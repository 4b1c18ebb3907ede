"""Betas against numpy's covariance, and prices of sessions out of bars."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from tapeline.analysis.beta import betas, session_closes
from tapeline.domain.errors import ConfigurationError
from tapeline.domain.panel import Floats, Panel, Sessions
from tapeline.domain.times import DAY, HOUR
from tapeline.feeds.simulated import simulate_market
from tapeline.tape.calendars import sessions


def prices(returns: Floats) -> Floats:
    return np.vstack([np.ones(returns.shape[1]), np.cumprod(1 + returns, axis=0)])


def test_a_beta_is_the_covariance_with_the_index_over_its_variance() -> None:
    random = np.random.default_rng(5)
    market = random.normal(0, 0.01, 300)
    own = 0.7 * market + random.normal(0, 0.02, 300)
    returns = np.column_stack([market, own])

    found = betas(prices(returns), 0)

    matrix = np.cov(returns[-252:].T)
    assert found == pytest.approx([1.0, matrix[0, 1] / matrix[0, 0]])


def test_only_sessions_in_which_both_have_a_return_count() -> None:
    random = np.random.default_rng(6)
    returns = random.normal(0, 0.01, (100, 2))
    closes = prices(returns)
    closes[[30, 61], 1] = np.nan  # each takes two returns away
    both = np.setdiff1d(np.arange(100), [29, 30, 60, 61])

    found = betas(closes, 0, at_least=96)

    matrix = np.cov(returns[both].T)
    assert found[1] == pytest.approx(matrix[0, 1] / matrix[0, 0])
    assert np.isnan(betas(closes, 0, at_least=97)[1])


def test_an_index_that_does_not_move_has_no_beta() -> None:
    closes = np.column_stack([np.full(80, 100.0), np.linspace(100, 120, 80)])

    assert np.isnan(betas(closes, 0)).all()


def test_too_small_a_window_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="3 or more"):
        betas(np.ones((10, 1)), 0, window=5, at_least=6)


def test_the_close_of_a_session_is_its_last_bar_and_later_bars_do_not_count() -> None:
    calendar = sessions("XNYS", date(2024, 1, 2), date(2024, 1, 4))
    panel = simulate_market(3, sessions=calendar, symbols=2).panel
    close = panel.close.copy()
    close[-1, 1] = np.nan
    panel = Panel(panel.symbols, panel.frame_ns, panel.start_ns, panel.end_ns, panel.open, panel.high, panel.low, close,
                  panel.volume, panel.sessions)  # fmt: skip
    ends = [int(np.searchsorted(panel.end_ns, close_ns)) for close_ns in calendar.close_ns]

    whole = session_closes(panel, {}, int(panel.end_ns[-1]))
    early = session_closes(panel, {}, int(panel.end_ns[ends[1]]))

    assert whole[:, 0].tolist() == close[ends, 0].tolist()
    assert whole[2, 1] == close[~np.isnan(close[:, 1]), 1][-1]
    assert early.tolist() == whole[:2].tolist()


def test_a_split_is_taken_out_and_a_session_without_a_bar_is_a_gap() -> None:
    open_ns = np.arange(4, dtype=np.int64) * DAY + 14 * HOUR
    calendar = Sessions("ours", open_ns, open_ns + 6 * HOUR)
    traded = [0, 1, 3]  # the third session has no bar at all
    close = np.array([[10.0], [12.0], [6.5]])
    panel = Panel(("AAA",), DAY, open_ns[traded], open_ns[traded] + 6 * HOUR, close, close, close, close,
                  np.ones((3, 1)), calendar)  # fmt: skip

    closes = session_closes(panel, {0: {2: 2.0}}, 9 * DAY)

    assert closes[:, 0].tolist()[:2] == [10.0, 12.0]
    assert np.isnan(closes[2, 0])
    assert closes[3, 0] == 13.0
    assert session_closes(panel, {}, 0).shape == (0, 1)
