"""Bars of a slower frame and the measures of the shipped rules, made with plain NumPy and TA-Lib.

Nothing here comes from the formulas or kernels that it is used to check.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import talib

from tapeline import Panel
from tapeline.domain.times import MINUTE

Floats = npt.NDArray[np.float64]


@dataclass
class FrameBars:
    """The bars of one symbol on a frame, oldest first; `end_ns` is when the frame's bar ended."""

    end_ns: npt.NDArray[np.int64]
    session: npt.NDArray[np.int64]
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def row(self, time_ns: int) -> int:
        """Return the bar that ended at a time; fail if none did."""
        place = int(np.searchsorted(self.end_ns, time_ns))
        assert self.end_ns[place] == time_ns
        return place


def frame_bars(panel: Panel, symbol: str, minutes: int) -> FrameBars:
    """Return a symbol's bars of so many minutes, counted from the open of each session."""
    sessions, column = panel.sessions, panel.column(symbol)
    assert sessions is not None
    rows = np.flatnonzero(~np.isnan(panel.close[:, column]))
    session = np.searchsorted(sessions.open_ns, panel.start_ns[rows], side="right") - 1
    frame = (panel.end_ns[rows] - sessions.open_ns[session] - 1) // (minutes * MINUTE)
    key = session * 10_000 + frame
    first = np.flatnonzero(np.diff(key, prepend=-1))
    last = np.append(first[1:], len(rows)) - 1
    ends = sessions.open_ns[session] + (frame + 1) * minutes * MINUTE
    high, low, volume = (values[rows, column] for values in (panel.high, panel.low, panel.volume))
    return FrameBars(
        np.minimum(ends, sessions.close_ns[session])[first],
        session[first],
        np.maximum.reduceat(high, first),
        np.minimum.reduceat(low, first),
        panel.close[rows, column][last],
        np.add.reduceat(volume, first),
    )


def vwap(bars: FrameBars) -> Floats:
    """Return the average typical price of each session so far, weighted by volume."""
    typical = (bars.high + bars.low + bars.close) / 3
    found = np.empty(len(typical))
    for session in np.unique(bars.session):
        of = bars.session == session
        found[of] = np.cumsum(typical[of] * bars.volume[of]) / np.cumsum(bars.volume[of])
    return found


def stretch(bars: FrameBars, length: int) -> Floats:
    """Return the distance to the VWAP over its own deviation of `length` bars."""
    gap = bars.close - vwap(bars)
    windows = np.lib.stride_tricks.sliding_window_view(gap, length)
    return gap / np.append(np.full(length - 1, np.nan), windows.std(axis=1))


def average_true_range(bars: FrameBars) -> Floats:
    """Return Wilder's average of 14 bars."""
    found: Floats = talib.ATR(bars.high, bars.low, bars.close, 14)
    return found


def strength(bars: FrameBars) -> Floats:
    """Return the average directional index of 14 bars."""
    found: Floats = talib.ADX(bars.high, bars.low, bars.close, 14)
    return found


def average(values: Floats, length: int) -> Floats:
    """Return the exponential average."""
    found: Floats = talib.EMA(values, length)
    return found


def relative_strength(values: Floats) -> Floats:
    """Return the relative strength index of 14 bars."""
    found: Floats = talib.RSI(values, 14)
    return found
