"""Drawdowns: how far an equity curve falls below its highest value so far, when, and for how long.

The path starts with the capital BEFORE the first return, so a loss on the first day is a drawdown:
returns of -10 %, +2 % give a maximum of -10 %, not 0. Depths are negative fractions of the peak.
A drawdown begins at a peak, has its trough at the lowest value before the curve stands at the peak again,
and is open (no recovery) when it never does. On a tie the earliest trough counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tapeline.analysis.returns import NAN, is_usable, wealth_path
from tapeline.domain.panel import Floats


@dataclass(frozen=True)
class Drawdown:
    """One fall from a peak, as positions in the path it was found in.

    depth : lowest value / peak value - 1; negative
    peak, trough : position of the last moment at the peak, and of the lowest value
    recovery : position of the first value at or above the peak; None while it is still under water
    end : recovery, or the last position of the path
    """

    depth: float
    peak: int
    trough: int
    recovery: int | None
    end: int

    @property
    def fall(self) -> int:
        """Periods from the peak to the trough."""
        return self.trough - self.peak

    @property
    def length(self) -> int:
        """Periods from the peak to the recovery, or to the end of the path."""
        return self.end - self.peak


def drawdown_path(path: Floats) -> Floats:
    """Return the depth below the highest value so far: shape of the path, zero or negative.

    path : float64 of shape (n,), wealth or equity, oldest first, starting with the initial capital
    NaN as long as the highest value so far is not above zero, and everywhere when a value is not finite.
    """
    if not is_usable(path, 0):
        return np.full(len(path), NAN)
    peak = np.maximum.accumulate(path)
    above_zero = peak > 0.0
    return np.where(above_zero, path / np.where(above_zero, peak, 1.0) - 1.0, NAN)


def drawdowns(path: Floats) -> list[Drawdown]:
    """Return every drawdown of a path in order of time; their spans do not overlap."""
    depth = drawdown_path(path)
    under_water = np.concatenate(([False], depth < 0.0, [False]))
    edges = np.flatnonzero(np.diff(under_water))
    found = []
    for first, after in zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True):
        trough = first + int(np.argmin(depth[first:after]))
        recovered = after < len(path)
        found.append(
            Drawdown(
                depth=float(depth[trough]),
                peak=first - 1,
                trough=trough,
                recovery=after if recovered else None,
                end=after if recovered else len(path) - 1,
            )
        )
    return found


def deepest_drawdown(path: Floats) -> Drawdown | None:
    """Return the deepest drawdown, the earliest on a tie; None where the path never falls."""
    return min(drawdowns(path), key=lambda one: one.depth, default=None)


def longest_drawdown(path: Floats) -> Drawdown | None:
    """Return the drawdown that lasted longest, open ones included; None where the path never falls."""
    return max(drawdowns(path), key=lambda one: one.length, default=None)


def max_drawdown(returns: Floats) -> float:
    """Return the deepest fall of the compounded returns, zero or negative; NaN without observations."""
    if len(returns) == 0:
        return NAN
    return float(drawdown_path(wealth_path(returns)).min())


def max_drawdown_of(path: Floats) -> float:
    """Return the deepest fall of an equity path, zero or negative; NaN below two values.

    Deeper than -1 where the equity turns into a debt.
    """
    return float(drawdown_path(path).min()) if len(path) > 1 else NAN
