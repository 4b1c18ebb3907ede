"""The points, states and grades of the referee against tables worked out by hand from the rules."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from screener.readings import CONFIRMED, REGIME, a_reading, a_setup, only
from screener.reference import score
from screener.reference.coarse import stop_price
from screener.reference.profiles import SOURCE, TAPELINE


def points_of(component, *readings, profile=SOURCE):
    return component(*readings, score.Points(profile))


# Nothing of the setup: every alternative of the three frames is false.
BARE = (
    {"close": 99, "lower": 90},
    {"k": 90, "close": 99},
    {"h": [-3, -2], "rsi": 30},
)


@pytest.mark.parametrize(
    ("points", "frame", "changed"),
    [
        (0, 0, {}),
        (5, 0, {"k": [45, 15], "d": [20, 20]}),  # 30 / 4 = 7.5, capped
        (2.5, 0, {"k": [25, 15], "d": [20, 20]}),
        (0, 0, {"k": [25, 15], "d": [20, 21]}),
        (5, 0, {"h": [0, -1]}),
        (3, 0, {"h": [-0.5, -1]}),
        (3, 0, {"close": 100}),
        (5, 0, {"close": 100, "lower": 98.1}),
        (0, 0, {"lower": 98.1}),
        (6, 1, {"h": [2, 1]}),
        (4, 1, {"h": [-1, -2]}),
        (0, 1, {"k": 70}),
        (3, 1, {"k": 69.9}),
        (3, 1, {"close": 100}),
        (4, 2, {"h": [-2, -2]}),
        (2, 2, {"h": [-1.9, -1.8]}),  # above -0.02 * 100
        (4, 2, {"rsi": 45}),
        (2, 2, {"rsi": 35}),
    ],
)
def test_points_of_setup_strength(points: float, frame: int, changed: dict) -> None:
    frames = [a_reading(**(columns | changed if place == frame else columns)) for place, columns in enumerate(BARE)]

    assert points_of(score.setup_strength, *frames) == pytest.approx(points)


def test_the_regime_rule_may_be_held_against_the_range() -> None:
    frames = [a_reading(**columns) for columns in BARE[:2]]
    falling = a_reading(h=[-1.9, -1.8], rsi=30, atr=1.5)

    assert points_of(score.setup_strength, *frames, falling, profile=only("histogram_by_atr")) == 0


@pytest.mark.parametrize(
    ("points", "state", "changed"),
    [
        (0, "PostBottom", {}),
        (6, "PostBottom", {"k": [50, 10]}),
        (4, "PostBottom", {"k": [50] * 9 + [15]}),
        (2, "PostBottom", {"k": 20}),
        (0, "PostBottom", {"k": [50] * 10 + [1]}),
        (4, "PostBottom", {"rsi": 25}),
        (2, "PostBottom", {"rsi": 30}),
        (8, "PostBottom", {"close": [100, 99, 99, 100]}),  # on a tie the newest is the lowest
        (8, "PostBottom", {"close": [100] * 5 + [99, 100]}),
        (4, "PostBottom", {"close": [100] * 6 + [99, 100]}),
        (4, "PostBottom", {"close": [100] * 9 + [99, 100]}),
        (0, "PostBottom", {"close": [100] * 10 + [99, 100]}),
        (7, "BottomActive", {}),
        (5, "BottomSoon", {}),
        (3, "PreBottom", {}),
        (0, None, {}),
    ],
)
def test_points_of_the_bottom_phase(points: float, state: str | None, changed: dict) -> None:
    assert score.bottom_phase(a_reading(**changed), state, score.Points(SOURCE)) == points


def test_a_low_ten_bars_ago_counts_with_a_window_of_eleven() -> None:
    ten_ago = a_reading(close=[100] * 10 + [99, 100])

    assert score.bottom_phase(ten_ago, "PostBottom", score.Points(only("low_of_eleven"))) == 4


@pytest.mark.parametrize(
    ("state", "changed"),
    [
        ("BottomSoon", {"k": [20, 15], "d": [10, 10]}),  # oversold, rising, no crossing from below
        ("PreBottom", {"k": [15, 20], "d": [30, 30]}),
        ("BottomSoon", {"k": [20, 15], "d": [30, 30]}),
        ("BottomActive", {"k": [20, 15], "d": [18, 18], "pos": 0.9}),  # crossed
        ("BottomActive", {"pos": 0.2}),
        ("BottomActive", {"pos": 0.5}),
        ("PostBottom", {"pos": 0.61}),
        ("BottomSoon", {"pos": 0.6}),
        ("BottomSoon", {"pos": 0.19}),
        (None, {"pos": None, "k": [15, 20]}),
        (None, {"k": [15, None]}),
    ],
)
def test_states_of_the_bottom(state: str | None, changed: dict) -> None:
    assert score.state(a_reading(**changed), SOURCE) == state


def test_a_crossing_may_be_three_bars_old_if_it_came_from_50_or_less() -> None:
    three_old = {"k": [60, 60, 60, 50], "d": [55, 55, 55, 55], "pos": 0.9}
    four_old = {"k": [60, 60, 60, 60, 50], "d": 55, "pos": 0.9}
    profile = only("crossed_within_three")

    assert score.state(a_reading(**three_old), SOURCE) == "PostBottom"
    assert score.state(a_reading(**three_old), profile) == "BottomActive"
    assert score.state(a_reading(**four_old), profile) == "PostBottom"
    assert score.state(a_reading(**(three_old | {"k": [60, 60, 60, 51]})), profile) == "PostBottom"


@pytest.mark.parametrize(
    ("stoch", "strength", "rsi", "raw", "phase"),
    [
        (3, 0, 44, 18, "Early"),  # 3 / 0.5 = 6
        (3, 0, 45, 0, "Distribution"),
        (2, 0, 49, 14, "Mid"),  # 4
        (6, 1, 49, 14, "Mid"),  # 4
        (2, 0, 50, 0, "Distribution"),
        (1, 0, 40, 10, "Late"),  # 2
        (1, 0, 39, 0, "Distribution"),
        (2, 1, 51, 6, "Breakout"),  # 1.333
        (2, 1, 50, 0, "Distribution"),
        (0, 0, 51, 0, "Distribution"),
    ],
)
def test_points_and_phases_of_accumulation(stoch: int, strength: int, rsi: float, raw: float, phase: str) -> None:
    # The signals stand between x[20] and x[49], so that the bonus for the newest ten stays out.
    stoch_signal = [False] * 20 + [True] * stoch + [False]
    rsi_signal = [False] * 20 + [True] * strength + [False]
    t1 = a_reading(stoch_signal=stoch_signal, rsi_signal=rsi_signal, rsi=rsi)

    assert score.accumulation(t1, score.Points(SOURCE)) == (raw, phase, stoch / (strength + 0.5))


def test_fresh_signals_give_a_bonus_up_to_the_cap() -> None:
    def found(fresh: int, rsi: float) -> float:
        t1 = a_reading(stoch_signal=[True] * fresh + [False], rsi=rsi)
        return score.accumulation(t1, score.Points(SOURCE))[0]

    assert [found(1, 60), found(2, 60), found(3, 60)] == [0, 1, 2]
    assert found(2, 40) == 15  # Mid and 1
    assert found(3, 40) == 18  # Early and 2, capped


def test_signals_outside_of_the_fifty_bars_do_not_count() -> None:
    outside = a_reading(stoch_signal=[False] * 50 + [True, False], rsi=44)

    assert score.accumulation(outside, score.Points(SOURCE)) == (0, "Distribution", 0)


def test_an_unknown_signal_is_not_counted_or_by_correction_leaves_the_ratio_unknown() -> None:
    unknown = a_reading(stoch_signal=[False] * 20 + [True] * 2 + [None], rsi=44)

    assert score.accumulation(unknown, score.Points(SOURCE)) == (14, "Mid", 4)
    raw, phase, ratio = score.accumulation(unknown, score.Points(only("unknown_gives_zero")))
    assert (raw, phase) == (0, "Distribution") and math.isnan(ratio)


def test_a_strong_ratio_with_a_higher_rsi_may_count_as_late() -> None:
    t1 = a_reading(stoch_signal=[False] * 20 + [True] * 3 + [False], rsi=45)

    assert score.accumulation(t1, score.Points(only("strong_ratio_is_late")))[:2] == (10, "Late")


@pytest.mark.parametrize(
    ("points", "changed"),
    [
        (0, {}),
        (8, {"h": [3, 2, 1]}),
        (5, {"h": [3, 2, 2]}),
        (6, {"rsi": [55, 50]}),
        (4, {"rsi": [53, 50]}),
        (2, {"rsi": [51, 50]}),
        (3, {"close": 101}),
        (6, {"close": 101, "sma20": [100, 100, 100, 100, 99]}),
        (0, {"sma20": [100, 100, 100, 100, 99]}),
    ],
)
def test_points_of_trend_and_momentum(points: float, changed: dict) -> None:
    assert score.trend_momentum(a_reading(**changed), score.Points(SOURCE)) == points


@pytest.mark.parametrize(
    ("points", "rr", "changed"),
    [
        # Stop 99; the risk is 1 % of the price: 3 points.
        (10, 3.0, {"upper": 103}),
        (9, 2.5, {"upper": 102.5}),
        (8, 2.0, {"upper": 101}),  # the target is at least 1.02 * 100
        # Stop 98, 97, 96: 2, 1 and 0 points for the risk.
        (9, 3.0, {"low": 98, "lower": 98, "upper": 106}),
        (4, 1.5, {"low": 97, "lower": 97, "upper": 104.5}),
        (0, 1.25, {"low": 96, "lower": 96, "upper": 105}),
    ],
)
def test_points_of_risk_and_reward(points: float, rr: float, changed: dict) -> None:
    t1 = a_reading(**({"low": 99, "lower": 99} | changed))

    raw, found, stop, target = score.risk_reward(t1, a_reading(), score.Points(SOURCE))

    assert (raw, stop) == (points, t1.low[0])
    assert found == pytest.approx(rr)
    assert target == max(t1.upper[0], 102.0)


def test_no_risk_no_points_and_no_ratio() -> None:
    raw, rr, _, _ = score.risk_reward(a_reading(low=100, lower=101), a_reading(), score.Points(SOURCE))

    assert raw == 0 and math.isnan(rr)


def test_the_one_stop_is_the_lowest_of_three() -> None:
    profile = only("one_stop")

    assert stop_price(a_reading(low=99, lower=99, atr=2), profile) == 97  # 100 - 1.5 * 2
    assert stop_price(a_reading(low=96, lower=99, atr=2), profile) == pytest.approx(95.52)  # 0.995 * 96
    assert stop_price(a_reading(low=99, lower=94, atr=2), profile) == 94
    assert stop_price(a_reading(low=99, lower=97), SOURCE) == 97


@pytest.mark.parametrize(
    ("points", "volumes"),
    [(0, [699, 699]), (0.5, [700, 700]), (1, [1000, 1000]), (1.5, [1500, 1500]), (2, [1500, 2, 1]), (0.5, [3, 2, 1])],
)
def test_points_of_volume(points: float, volumes: list[float]) -> None:
    assert score.volume(a_reading(volume=volumes), score.Points(SOURCE)) == points


@pytest.mark.parametrize(
    ("expected", "total", "state", "rr"),
    [
        ("A+", 75, "BottomActive", 2),
        ("A", 74.9, "BottomActive", 2),
        ("A", 75, "BottomSoon", 2),
        ("A", 75, "BottomActive", 1.9),
        ("B", 75, "BottomActive", 1.4),
        ("B", 80, "PostBottom", 3),
        ("B", 64.9, "BottomActive", 2),
        ("C", 54.9, "BottomActive", 3),
        ("C", 80, "BottomActive", 1.1),
        ("C", 80, "BottomActive", math.nan),
        ("B", 80, None, 3),
    ],
)
def test_grades(expected: str, total: float, state: str | None, rr: float) -> None:
    assert score.grade(total, state, rr, False, SOURCE) == expected


def test_grades_of_the_corrected_profile() -> None:
    assert score.grade(70, "BottomActive", 2, False, TAPELINE) == "A+"
    assert score.grade(90, "BottomActive", 3, True, TAPELINE) == "B"
    assert score.grade(90, "BottomActive", 3, True, SOURCE) == "A+"


def test_the_total_is_the_sum_of_the_components_in_their_weights() -> None:
    # T1 5 + 3 + 5, T2 6 + 3 + 3, T3 4 + 4 = 33 of 35; bottom 4 + 0 + 8 + 7 of 25; no signals; 8 + 6 + 6 of 20;
    # stop 93, target 120: RR 20 / 7 = 2.857 for 6, risk 7 % for 0; volume 1.5 of 2.
    t1 = a_setup(k=[45, 15], volume=[1500, 1500], sma20=[99, 99, 99, 99, 98], upper=120)

    found = score.score(t1, a_reading(**CONFIRMED), a_reading(**REGIME), SOURCE)

    assert found.raw == {
        "setup_strength": 33.0,
        "bottom_phase": 19.0,
        "accumulation": 0.0,
        "trend_momentum": 20.0,
        "risk_reward": 6.0,
        "volume": 1.5,
    }
    assert found.total == pytest.approx(33 / 35 * 30 + 19 / 25 * 22 + 20 / 20 * 18 + 6 + 1.5)
    assert (found.state, found.grade) == ("BottomActive", "A")  # 70.5


def test_an_unknown_input_falls_back_to_the_cheaper_alternative_or_gives_nothing() -> None:
    t1 = a_reading(h=[3, 2, None])  # whether it rose three times is unknown
    strict = score.Points(replace(SOURCE, unknown_gives_zero=True))
    lenient = score.Points(SOURCE)

    assert score.trend_momentum(t1, lenient) == 5
    assert score.trend_momentum(t1, strict) == 0
    assert lenient.unknown_seen and strict.unknown_seen


def test_figures_beside_the_score() -> None:
    assert [score.quartile(a_reading(rsi=rsi, h=h)) for rsi, h in ((60, 1), (60, 0), (45, 1), (40, 0), (39, 0))] == [
        "Q1",
        "Q2",
        "Q2",
        "Q3",
        "Q4",
    ]
    assert score.quartile(a_reading(rsi=None)) is None
    assert score.bars_since_pivot(a_reading(low=[99, 98, 98, 99])) == 1
    assert score.drawdown_pct(a_reading(high=[101, 125, 101])) == 20
    assert score.exhaustion(a_reading(rsi=70, k=80)) == 60
    assert score.exhaustion(a_reading(rsi=30, k=80)) == 40
