"""The Sharpe ratio over a moving window of sessions, with its error: has the edge lasted, or was it luck?

Over 126 sessions the standard error of an annual Sharpe ratio is about 1.4, so a line alone suggests changes that
are noise. Each value therefore comes with its own standard error (Lo 2002, Mertens 2002), from the same window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tapeline.analysis.confidence import SharpeEstimate
from tapeline.analysis.returns import NAN
from tapeline.domain.errors import ConfigurationError
from tapeline.domain.panel import Floats

WINDOWS = (252, 126, 63, 21)
"""Sessions of a year, half a year, a quarter and a month."""


@dataclass(frozen=True, eq=False)
class RollingSharpe:
    """Annual Sharpe ratio of the `window` sessions up to and with each one, and its standard error.

    sharpe, standard_error : float64 [n]; NaN before the first full window and where undefined
    """

    window: int
    sharpe: Floats
    standard_error: Floats


def window_for(sessions: int) -> int | None:
    """Return the longest of WINDOWS that fits twice into a record, None if the shortest does not."""
    return next((window for window in WINDOWS if 2 * window <= sessions), None)


def rolling_sharpe(returns: Floats, window: int, *, periods_per_year: float = 252) -> RollingSharpe:
    """Return the Sharpe ratio of every full window of session returns.

    returns : float64 of shape (n,), oldest first
    Raises ConfigurationError for a window below two sessions.
    """
    if window < 2:
        raise ConfigurationError(f"A window of {window} sessions has no spread. Take at least 2; usual are {WINDOWS}.")
    sharpe, error = np.full((2, len(returns)), NAN)
    root = math.sqrt(periods_per_year)
    for last in range(window, len(returns) + 1):
        estimate = SharpeEstimate.of(returns[last - window : last])
        sharpe[last - 1] = estimate.sharpe * root
        error[last - 1] = estimate.standard_error() * root
    return RollingSharpe(window, sharpe, error)
