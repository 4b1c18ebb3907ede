"""The decision tree of the referee against readings in which one condition at a time is broken by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from screener.readings import CONFIRMED, REGIME, a_reading, a_setup, only
from screener.reference import tree
from screener.reference.profiles import SOURCE


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
