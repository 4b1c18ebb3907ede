"""Frames written by hand: a reading whose columns are given newest first, as the rules are written."""

from __future__ import annotations

from dataclasses import replace

from screener.reference.bars import Frame, Reading
from screener.reference.logic import UNKNOWN
from screener.reference.profiles import SOURCE, Profile

USUAL = {
    "open": 100.0, "high": 101.0, "low": 99.0, "close": 100.0, "volume": 1000.0,
    "lower": 95.0, "middle": 100.0, "upper": 105.0, "pos": 0.55,
    "rsi": 50.0, "k": 50.0, "d": 50.0, "line": 0.0, "signal": 0.0, "h": 0.0, "atr": 1.0,
    "sma20": 100.0, "sma50": 100.0, "sma200": 100.0,
    "volume_mean": 1000.0, "volume_mean_of_slot": 1000.0, "stoch_signal": False, "rsi_signal": False,
}  # fmt: skip


def a_reading(bars: int = 60, **columns: float | list | None) -> Reading:
    """Return a reading of a frame; a column is a constant, or newest first, its last value going on into the past."""
    unknown_names = columns.keys() - USUAL.keys()
    assert not unknown_names, f"no such column: {', '.join(sorted(unknown_names))}"
    frame = Frame(0, end=list(range(bars)), slot=[0] * bars)
    for name, usual in USUAL.items():
        given = columns.get(name, usual)
        newest_first = given if isinstance(given, list) else [given]
        newest_first = [UNKNOWN if value is None and name[-6:] != "signal" else value for value in newest_first]
        newest_first += [newest_first[-1]] * (bars - len(newest_first))
        frame.columns[name] = newest_first[:bars][::-1]
    return Reading(frame, bars - 1)


def only(switch: str) -> Profile:
    """Return `source` with one correction."""
    return replace(SOURCE, **{switch: True})


def a_setup(**changed: float | list | None) -> Reading:
    """Return a T1 reading for which the whole trigger is true and nothing stands overhead."""
    usual = {
        "close": [100, 95, 94],
        "lower": 96,
        "k": [30, 15],
        "d": [20, 18],
        "h": [-0.1, -0.2, -0.3],
        "rsi": [45, 35],
        "low": 93,
        "high": 101,
    }
    return a_reading(**(usual | changed))


REGIME = {"h": [0.2, 0.1], "rsi": 50, "close": [101, 100]}
CONFIRMED = {"h": [0.2, 0.1], "k": 50, "d": 50}
