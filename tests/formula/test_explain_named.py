"""Formulas that are made of each other are explained one by one: what was asked, what decided, what was summed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formula.builders import a_series
from formula.running import compiled_for
from tapeline.formula import Explanation, Node, bars, highest, minimum, where
from tapeline.formula.explain_named import CHOICE, KNOWN, SUM, explain_named

close = bars().close


def explained(formulas: dict[str, Node], prices: list[float]) -> dict[str, Explanation]:
    panel = a_series(prices)
    program = compiled_for(panel, formulas)
    program.advance(panel)
    return explain_named(program, "t", list(formulas), len(prices) - 1, 0)


def lines(one: Explanation, name: str) -> list[str]:
    return one.render(name).splitlines()


def test_an_output_stands_in_another_with_its_name_and_value_alone() -> None:
    rising = close > close.lag(1)
    high = (close > 5).latest()

    found = explained({"rising": rising, "high": high, "both": rising & high}, [4.0, 6.0])

    assert lines(found["both"], "both") == ["both = true", "  rising = true", "  high = true"]
    assert lines(found["high"], "high") == ["high = true", "  (close > 5) = true   [6]"]


def test_of_alternatives_only_those_are_told_that_were_asked() -> None:
    points = where(close > 9, 7, where(close > 5, close * 2, where(close > 2, 1, 0)))

    found = explained({"points": points}, [6.0])["points"]

    assert (found.text, found.value) == (CHOICE, 12.0)
    assert [(child.text, child.value) for child in found.children] == [
        ("(close > 9)", 0.0), ("(close > 5)", 1.0), ("(close * 2)", 12.0),
    ]  # fmt: skip


@pytest.mark.parametrize(("lenient", "value", "asked"), [(True, 1.0, 2), (False, 0.0, 1)])
def test_an_unknown_condition_is_passed_over_or_ends_the_search(lenient: bool, value: float, asked: int) -> None:
    unknown, known = close > close.lag(3), close > 2
    rest = where(where(known.known(), known, 0), 1, 0)
    strict = where(unknown.known(), where(unknown, 5, rest), 0)
    points = where(where(unknown.known(), unknown, 0), 5, rest) if lenient else strict

    found = explained({"points": points}, [4.0])["points"]

    assert found.value == value
    assert [child.truth for child in found.children] == [None, True][:asked]


def test_sums_show_their_parts_and_lags_the_bar_they_look_at() -> None:
    found = explained({"sum": close + close.lag(2) + highest(close, 2) + 3}, [1.0, 2.0, 5.0])["sum"]

    assert (found.text, found.value) == (SUM, 14.0)
    assert [(child.text, child.value) for child in found.children] == [
        ("close", 5.0), ("close.lag(2)", 1.0), ("close.highest(2)", 5.0),
    ]  # fmt: skip
    assert [(inner.text, inner.value) for inner in found.children[1].children] == [("close", 1.0)]


def test_whether_all_is_known_tells_what_is_not() -> None:
    parts = [close.lag(bars_back).known() for bars_back in (0, 1, 4)]

    found = explained({"known": parts[0] & parts[1] & parts[2]}, [1.0, 2.0])["known"]

    assert (found.text, found.truth) == (KNOWN, False)
    assert [child.text for child in found.children] == ["close.lag(4).known()"]


def test_of_many_joined_conditions_those_are_told_that_decide() -> None:
    several = close > 100
    for bound in range(1, 10):
        several = several | (close > bound)

    found = explained({"some": several, "none": several & (close < 0)}, [3.5])

    assert [child.text for child in found["some"].children] == ["(close > 1)", "(close > 2)", "(close > 3)"]
    assert found["some"].text == "any of 10"


def test_a_guard_is_told_only_where_it_holds_something_back() -> None:
    def guarded(bars_back: int) -> Node:
        return where(close.lag(bars_back).known(), minimum(close, bars_back), math.nan)

    found = explained({"short": guarded(5), "long": guarded(1)}, [1.0, 4.0])

    assert found["long"].text == "minimum(close, 1)" and found["long"].value == 1.0
    assert math.isnan(found["short"].value)
    assert [(child.text, child.truth) for child in found["short"].children] == [("close.lag(5).known()", False)]


def _all(one: Explanation) -> Iterator[Explanation]:
    yield one
    for child in one.children:
        yield from _all(child)


@given(st.lists(st.floats(1, 20).map(lambda price: round(price, 1)), min_size=1, max_size=8))
def test_what_is_told_adds_up(prices: list[float]) -> None:
    change = close - close.lag(1)
    steps = where(change > 1, 4, where(change > 0, close, 0)) + where(close > highest(close, 3).lag(1), 2, change)

    found = explained({"steps": steps, "close": close}, prices)["steps"]

    for one in _all(found):
        if one.text == SUM:
            assert math.isclose(one.value, math.fsum(child.value for child in one.children)) or math.isnan(one.value)
        if one.text == CHOICE:
            *before, last = one.children
            assert not any(child.truth for child in before if child.is_condition) or before[-1].truth is True
            if not last.is_condition:
                assert last.value == one.value or math.isnan(one.value)
