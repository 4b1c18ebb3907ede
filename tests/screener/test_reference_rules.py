"""The referee's points, states, grades and classes against tables worked out by hand from the rules' words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from screener.readings import a_reading
from screener.reference import score, tree
from screener.reference.coarse import Coarse, coarse, hand_over, preliminary_score, stop_price
from screener.reference.profiles import SOURCE, SWITCHES, TAPELINE
from screener.reference.watchlist import best_first, flags, watchlist, watchlist_all

NAN = math.nan


def only(switch: str):
    """Return `source` with one correction."""
    return replace(SOURCE, **{switch: True})


# Coarse screen


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


# Tree


def a_setup(**changed):
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


def judged(t1=None, t2=None, t3=None, profile=SOURCE):
    return tree.tree(t1 or a_setup(), t2 or a_reading(**CONFIRMED), t3 or a_reading(**REGIME), profile)


def test_the_whole_setup_is_class_a_plus_and_nothing_is_unknown() -> None:
    found = judged()

    assert (found.q1, found.q2, found.q3, found.q4, found.q5, found.q6, found.trigger) == (True,) * 7
    assert (found.hostile, found.overhead_clear, found.confirmation, found.kind) == (False, True, "yes", "A+")


@pytest.mark.parametrize(
    ("member", "changed"),
    [
        ("q3", {"close": [99.9, 95]}),  # under the middle
        ("q3", {"lower": 90}),  # 1.02 * 90 = 91.8: no touch
        ("q4", {"k": [30, 21]}),
        ("q4", {"d": [20, 21]}),
        ("q4", {"d": [31, 18]}),
        ("q4", {"k": [24, 15]}),
        ("q5", {"h": [-0.1, -0.2, -0.2]}),
        ("q5", {"h": [0.1, 0.0, -0.3]}),
        ("q5", {"h": [-0.3, -0.2, -0.3]}),
        ("q6", {"rsi": [34, 35]}),
        ("q6", {"rsi": [61, 35]}),
        ("q6", {"rsi": [29, 28]}),
    ],
)
def test_each_member_of_the_trigger_fails_alone_and_leaves_class_c(member: str, changed: dict) -> None:
    found = judged(t1=a_setup(**changed))

    assert [name for name in ("q3", "q4", "q5", "q6") if not getattr(found, name)] == [member]
    assert (found.trigger, found.kind) == (False, "C")


@pytest.mark.parametrize(
    "changed", [{"h": [0.1, 0.2]}, {"rsi": [34, 35]}, {"close": [100, 100]}], ids=["histogram", "strength", "low"]
)
def test_each_part_of_the_regime_question_fails_alone(changed: dict) -> None:
    found = judged(t3=a_reading(**(REGIME | changed)))

    assert (found.q1, found.kind) == (False, "C")


def test_the_regime_compares_with_the_nineteen_closes_before() -> None:
    assert tree.regime_ok(a_reading(**(REGIME | {"close": [99, *[100] * 18, 98, 90]}))) is True
    assert tree.regime_ok(a_reading(**(REGIME | {"close": [99, *[100] * 19, 98]}))) is False


def test_hostile_rejects_whatever_else_holds() -> None:
    falling = a_reading(h=[-3, -2, -1], close=[101, 100])
    weak = a_reading(h=[0.2, 0.1], rsi=[29, 30], close=[101, 100])

    assert judged(t3=falling).kind == judged(t3=weak).kind == "rejected"
    # |H| of -1 is not above the mean of 20 that includes it: (1 + 19 * 2) / 20.
    assert tree.is_hostile(a_reading(h=[-1, -0.9, *[2] * 18])) is False


@pytest.mark.parametrize("changed", [{"h": [0.1, 0.1]}, {"k": 80}, {"d": 80}, {"close": 98.9}])
def test_two_parts_of_the_confirmation_are_marginal_and_make_class_b(changed: dict) -> None:
    found = judged(t2=a_reading(**(CONFIRMED | changed)))

    assert (found.confirmation, found.q2, found.kind) == ("marginal", False, "B")


def test_one_part_of_the_confirmation_is_none() -> None:
    found = judged(t2=a_reading(h=0, k=80))

    assert (found.confirmation, found.kind) == ("no", "C")


def test_regime_and_confirmation_without_trigger_are_class_c_and_without_either_none() -> None:
    assert judged(t1=a_reading()).kind == "C"
    assert judged(t1=a_reading(), t2=a_reading(h=0)).kind is None


def test_a_swing_high_within_one_and_a_half_r_stands_overhead() -> None:
    # Stop 93, close 100: 1.5 R reaches up to 110.5.
    at = {"near": 104, "edge": 110.5, "far": 110.6, "under": 100}
    found = {name: judged(t1=a_setup(high=[99, 99, 99, value, 99])).overhead_clear for name, value in at.items()}

    assert found == {"near": False, "edge": False, "far": True, "under": True}
    assert judged(t1=a_setup(high=[99, 99, 99, 104, 99])).kind == "C"
    assert judged(t1=a_setup(high=[99, 99, 99, 104, 104, 99])).overhead_clear is True  # two equal highs swing nowhere
    assert judged(t1=a_setup(high=[*[99] * 49, 104, 99])).overhead_clear is False
    assert judged(t1=a_setup(high=[*[99] * 50, 104, 99])).overhead_clear is True


def test_overhead_is_unknown_where_the_stop_is_not_below_the_close() -> None:
    found = judged(t1=a_setup(close=[100, 95], low=100, lower=101))

    assert (found.overhead_clear, found.kind) == (None, "C")


def test_unknown_never_acts() -> None:
    found = judged(t1=a_setup(d=[20, None]))

    assert (found.q4, found.trigger, found.kind) == (None, None, "C")  # C by regime and confirmation
    assert judged(t1=a_setup(d=[25, None], k=[24, 15])).q4 is False


def test_overhead_may_be_looked_for_on_the_regime_frame_and_makes_class_a() -> None:
    near_on_t1 = a_setup(high=[99, 99, 99, 104, 99])
    near_on_t3 = a_reading(**REGIME, high=[99, 99, 99, 104, 99])

    assert judged(t1=near_on_t1, profile=only("overhead_on_t3")).kind == "A+"
    assert judged(t3=near_on_t3, profile=only("overhead_on_t3")).kind == "C"
    assert judged(t3=near_on_t3, profile=replace(only("overhead_on_t3"), class_a=True)).kind == "A"


def test_the_oversold_bar_may_be_five_bars_old() -> None:
    older = a_setup(k=[30, 25, 25, 25, 25, 15], d=[20, 21, 21, 21, 21, 20, 20])

    assert tree.q4(older, SOURCE) is False
    assert tree.q4(older, only("oversold_within_five")) is True
    assert tree.q4(a_setup(k=[30, *[25] * 5, 15]), only("oversold_within_five")) is False


def test_optional_members_of_the_trigger() -> None:
    assert tree.optional_member("first_green", a_reading(h=[0.1, 0.0])) is True
    assert tree.optional_member("first_green", a_reading(h=[0.1, 0.05])) is False
    assert tree.optional_member("lines_converge", a_reading(line=[1, 1], signal=[1.5, 2])) is True
    assert tree.optional_member("lines_converge", a_reading(line=[1, 1], signal=[2, 1.5])) is False
    assert tree.optional_member("bandwidth", a_reading(upper=[105, 104, 105])) is True
    assert tree.optional_member("bandwidth", a_reading(upper=[105, 105.5, 105])) is False
    with pytest.raises(ValueError, match="No optional member 'width'"):
        tree.optional_member("width", a_reading())


def test_variants_are_recorded() -> None:
    early = tree.variants(a_reading(h=[-1, -2, -3, -4]), a_reading(h=0.1, rsi=45))
    late = tree.variants(a_reading(h=0.1), a_reading(h=0.1, rsi=45))

    assert early == {"aggressive": True, "conservative": False}
    assert late == {"aggressive": False, "conservative": True}


# Score


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
        ("C", 80, "BottomActive", NAN),
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


# Watchlist


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
