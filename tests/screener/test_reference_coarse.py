"""The coarse screen, hand-over and watchlist of the referee against tables worked out by hand from the rules."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from screener.readings import a_reading, only
from screener.reference.coarse import Coarse, coarse, hand_over, preliminary_score
from screener.reference.profiles import SOURCE, SWITCHES, TAPELINE
from screener.reference.watchlist import best_first, flags, watchlist, watchlist_all


def a_coarse_pass(**changed):
    """Return a T2 reading for which a, b, c, d and v are all true."""
    usual = {"pos": 0.5, "k": [40, 30, 20], "h": [-0.1, -0.2, -0.3], "rsi": [45, 44], "volume": 800, "lower": 90}
    return a_reading(**(usual | changed))


def test_the_coarse_screen_passes_when_all_conditions_hold() -> None:
    one = coarse(a_coarse_pass(), SOURCE)

    assert (one.a, one.b, one.c, one.d, one.v, one.passed) == (True,) * 6


@pytest.mark.parametrize(
    ("letter", "changed"),
    [
        ("a", {"pos": 0.61}),
        ("b", {"k": [40, 40, 20]}),
        ("b", {"k": [65, 30, 20]}),
        ("b", {"k": [40, 30, 26]}),
        ("c", {"h": [-0.1, -0.2, -0.1]}),
        ("c", {"h": [1.0, -0.2, -0.3]}),
        ("d", {"rsi": [45, 46]}),
        ("d", {"rsi": [66, 60]}),
        ("v", {"volume": 799}),
    ],
)
def test_each_condition_of_the_coarse_screen_fails_alone(letter: str, changed: dict) -> None:
    one = coarse(a_coarse_pass(**changed), SOURCE)

    assert [name for name in "abcdv" if getattr(one, name) is not True] == [letter]
    assert one.passed is (letter != "v")  # three of a..d are enough, v is always needed


def test_a_close_within_two_percent_of_its_own_lower_band_is_a_touch_for_five_bars() -> None:
    lower = [90, 90, 90, 90, 98.04, 90]  # 1.02 * 98.04 = 100.0008

    assert coarse(a_coarse_pass(pos=0.9, lower=lower), SOURCE).a is True
    assert coarse(a_coarse_pass(pos=0.9, lower=[90, *lower]), SOURCE).a is False
    # Correction 3: 98.04 + 0.1 * (105 - 98.04) = 98.736 is below the close of 100.
    assert coarse(a_coarse_pass(pos=0.9, lower=lower), only("touch_within_bands")).a is False


def test_fewer_than_30_bars_leave_everything_of_the_coarse_screen_unknown() -> None:
    one = coarse(a_coarse_pass(bars=29), SOURCE)

    assert (one.a, one.b, one.c, one.d, one.v, one.passed) == (None,) * 6
    assert math.isnan(one.score)
    assert coarse(a_coarse_pass(bars=30), SOURCE).passed is True


def test_volume_may_be_compared_with_the_same_time_of_day() -> None:
    quiet = a_coarse_pass(volume=300, volume_mean=1000, volume_mean_of_slot=375)

    assert coarse(quiet, SOURCE).v is False
    assert coarse(quiet, only("volume_by_time_of_day")).v is True


def test_the_histogram_may_be_held_against_the_range() -> None:
    steep = a_coarse_pass(h=[0.6, 0.5, 0.4], atr=1)

    assert coarse(steep, SOURCE).c is True  # below 0.01 * 100
    assert coarse(steep, only("histogram_by_atr")).c is False  # not below 0.5 * 1


@pytest.mark.parametrize(
    ("points", "changed"),
    [
        (0, {}),
        (15, {"k": [35, 35, 10]}),
        (10, {"k": [35, 35, 20]}),
        (5, {"k": [35, 35, 30]}),
        (15, {"k": [60, 50]}),
        (10, {"k": [55, 50]}),
        (5, {"k": [52, 50]}),
        (20, {"h": [3, 2, 1]}),
        (10, {"h": [3, 2, 2]}),
        (20, {"h": [3, 0, 1]}),  # 10 for the rise, 10 for the crossing
        (10, {"rsi": 30}),
        (5, {"rsi": 55}),
        (15, {"rsi": [50, 49]}),
        (20, {"rsi": [50, 47]}),
        (20, {"pos": 0.4}),
        (15, {"pos": 0.5}),
        (10, {"pos": 0.1}),
        (0, {"pos": None, "k": None, "h": None, "rsi": None}),
    ],
)
def test_points_of_the_preliminary_score(points: int, changed: dict) -> None:
    nothing = {"k": 50, "h": 0, "rsi": 70, "pos": 0.9}

    assert preliminary_score(a_reading(**(nothing | changed))) == points


def test_the_hundred_best_are_handed_over_ties_by_symbol() -> None:
    fit = Coarse(True, True, True, True, True, True, 60.0)
    candidates = {f"S{i:03d}": fit for i in range(120, 0, -1)}
    candidates |= {"BEST": replace(fit, score=80.0), "LOW": replace(fit, score=55.0), "NOT": replace(fit, passed=None)}

    handed_over = hand_over(candidates)

    assert handed_over[:2] == ["BEST", "S001"]
    assert len(handed_over) == 100
    assert not {"LOW", "NOT"} & set(handed_over)


def a_row(symbol: str, total: float = 70.0, grade: str = "A", kind: str | None = None) -> dict:
    return {"symbol": symbol, "sabr20": {"total": total}, "grade": grade, "tree": {"class": kind}}


def test_the_watchlist_has_good_grades_handed_over_and_not_rejected_best_first() -> None:
    rows = [
        a_row("DDDD", 66), a_row("CCCC", 80), a_row("BBBB", 70), a_row("AAAA", 70 + 1e-9), a_row("NOPE", 90, "B"),
        a_row("HOST", 90, "A+", "rejected"), a_row("LOST", 90, "A+"),
    ]  # fmt: skip
    handed_over = ["AAAA", "BBBB", "CCCC", "DDDD", "HOST", "NOPE"]

    assert watchlist(rows, handed_over, SOURCE) == ["CCCC", "AAAA", "BBBB", "DDDD"]
    assert watchlist(rows, handed_over, TAPELINE) == ["LOST", "CCCC", "AAAA", "BBBB", "DDDD"]
    assert watchlist_all(rows) == ["HOST", "LOST", "CCCC", "AAAA", "BBBB", "DDDD"]
    assert len(best_first([a_row(f"S{i}") for i in range(30)])) == 20


def test_flags_of_a_run() -> None:
    assert flags(100, 1, 3, 3, 4) == []
    assert flags(100, 0, 3, 4, 4, seconds=61) == ["slow", "few_passed", "incomplete"]
    assert flags(100, 21, 0, 0, 0) == ["many_passed"]


def test_the_two_profiles_differ_in_every_switch() -> None:
    assert not any(getattr(SOURCE, switch) for switch in SWITCHES)
    assert all(getattr(TAPELINE, switch) for switch in SWITCHES)
