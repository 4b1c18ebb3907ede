"""Looking back: worked examples, unknown bars (U) among true (T) and false (F) ones; `-` = no bar."""

from __future__ import annotations

import numpy as np
import pytest

from indicators.builders import run, series
from tapeline.indicators.library import KERNELS

WORDS = {"T": 1.0, "F": 0.0, "U": np.nan, "-": np.nan}


def look_back(name: str, bars: str, *parameters: float) -> str:
    """Return the outputs for the bars of one symbol, in the same letters; numbers as digits."""
    letters = bars.split()
    exists = np.array([[np.nan if letter == "-" else 1.0] for letter in letters])
    conditions = np.array([[WORDS[letter]] for letter in letters])
    ((*out,),) = run(KERNELS[name], (exists, conditions), parameters)
    shown = []
    for letter, (value,) in zip(letters, out, strict=True):
        number = "U" if np.isnan(value) else f"{value:.0f}"
        truth = {"1": "T", "0": "F"}.get(number, number) if name in ("any", "all", "lag") else number
        shown.append("-" if letter == "-" else truth)
        assert letter != "-" or np.isnan(value)
    return " ".join(shown)


@pytest.mark.parametrize(
    ("name", "bars", "expected"),
    [
        # one true bar decides, also before three bars exist; bars before the first are unknown
        ("any", "F F F T F F F", "U U F T T T F"),
        ("any", "T F F F", "T T T F"),
        ("any", "F U F F F T U", "U U U U F T T"),
        ("any", "T - F - - F F", "T - T - - T F"),
        ("all", "T T T F T T T", "U U T F F F T"),
        ("all", "F T T T", "F F F T"),
        ("all", "T U T T T F U", "U U U U T F F"),
        ("count_true", "T F T T U F T T T", "U U 2 2 U U U 2 3"),
        ("count_true", "T - F - T - T", "U - U - 2 - 2"),
        ("lag", "T F U - F T T T", "U U U - T F U F"),
    ],
)
def test_over_three_bars(name: str, bars: str, expected: str) -> None:
    assert look_back(name, bars, 3.0) == expected


def test_bars_since_counts_from_the_last_true_bar() -> None:
    assert look_back("bars_since", "F T F F T - F U F T F") == "U 0 1 2 0 - 1 U U 0 1"


def test_lag_of_nothing_is_the_value_itself() -> None:
    assert look_back("lag", "T F U - T", 0.0) == "T F U - T"


def test_rate_of_change_is_in_per_cent_of_the_earlier_value() -> None:
    (change,) = series(KERNELS["rate_of_change"], [8.0, 10.0, 6.0, np.nan, 0.0, 5.0, 1.0], parameters=(2,))

    # 6 of 8 = -25 %; 0 of 6 = -100 %; the value two bars before the sixth is unknown, before the seventh it
    # is 0
    np.testing.assert_array_equal(change, [np.nan, np.nan, -25.0, np.nan, -100.0, np.nan, np.nan])


def test_of_equal_extremes_the_newest_counts() -> None:
    (since_low,) = series(KERNELS["rolling_argmin"], [2.0, 1.0, 1.0, 3.0, 4.0, 1.0], parameters=(3,))
    (since_high,) = series(KERNELS["rolling_argmax"], [4.0, 1.0, 4.0, 3.0, 4.0, 1.0], parameters=(3,))

    np.testing.assert_array_equal(since_low, [np.nan, np.nan, 0, 1, 2, 0])
    np.testing.assert_array_equal(since_high, [np.nan, np.nan, 0, 1, 0, 1])
