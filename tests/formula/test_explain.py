"""Explanations show the conditions of a formula with the numbers they saw, whatever the chunks."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formula.builders import a_market, a_series
from formula.running import compiled_for, values_of
from tapeline.domain.errors import FormulaError, UnknownNameError
from tapeline.formula import (
    POSITION_FIELDS,
    Explanation,
    atr,
    bars,
    bollinger,
    crossed_above,
    ema,
    param,
    position,
    rsi,
    session,
    sma,
)

close = bars().close


def test_an_entry_is_shown_as_its_conditions_with_numbers() -> None:
    panel = a_series([10.0, 10.0, 10.0, 10.0, 9.0, 8.0, 9.5, 11.0])
    rule = crossed_above(sma(close, 2), sma(close, 4)) & (rsi(close, 3) < 30)
    program = compiled_for(panel, {"enter_long": rule})
    program.advance(panel)

    # sma 2: (9.5 + 11) / 2, before (8 + 9.5) / 2; sma 4: (9 + 8 + 9.5 + 11) / 4, before (10 + 9 + 8 + 9.5) /
    # 4
    assert program.explain("t", "enter_long", 7, 0).render("enter_long").splitlines()[:2] == [
        "enter_long = false",
        "  crossed_above(sma(close, 2), sma(close, 4)) = true   [10.25 > 9.375, before 8.75 < 9.125]",
    ]
    assert "(rsi(close, 3) < 30) = false   [" in program.explain("t", "enter_long", 7, 0).render()


def test_parameters_are_shown_with_name_and_number() -> None:
    fast = param(2, low=1, high=9, name="fast")
    program = compiled_for(a_series([1.0] * 5), {"x": ema(close, fast) >= 1}, parameters={"fast": 3})
    program.advance(a_series([1.0] * 5))

    assert program.explain("t", "x", 4, 0).render() == "(ema(close, fast=3) >= 1) = true   [1]"


def test_unknown_conditions_and_windows_are_told() -> None:
    panel = a_series([1.0, 3.0, 1.0, 1.0])
    rule = (close > 2).any(3) & (close > close.lag(9))
    program = compiled_for(panel, {"x": rule})
    program.advance(panel)

    assert program.explain("t", "x", 3, 0).render("x").splitlines() == [
        "x = unknown",
        "  (close > 2).any(3) = true   [now false]",
        "    (close > 2) = false   [1]",
        "  (close > close.lag(9)) = unknown   [1, unknown]",
    ]


def test_numbers_are_explained_by_what_they_are_made_of() -> None:
    panel = a_series([10.0, 10.0], high=[11.0, 12.0], low=[9.0, 9.0])
    program = compiled_for(panel, {"stop": close - 1.5 * atr(bars(), 1)})
    program.advance(panel)

    tree = program.explain("t", "stop", 1, 0)

    assert tree.value == 10 - 1.5 * 3
    assert [(child.text, child.value) for child in tree.children] == [
        ("close", 10.0),
        ("(1.5 * atr(bars, 1))", 4.5),
    ]
    assert tree.truth is None
    assert json.loads(json.dumps(tree.as_dict()))["children"][0] == {"text": "close", "value": 10.0}


def test_unknown_numbers_become_null_in_plain_data() -> None:
    program = compiled_for(a_series([1.0]), {"x": sma(close, 2) > 0})
    program.advance(a_series([1.0]))

    plain = program.explain("t", "x", 0, 0).as_dict()

    assert plain["value"] is None
    assert plain["children"][0]["value"] is None
    assert "NaN" not in json.dumps(plain)


def test_a_position_is_explained_with_its_fields() -> None:
    panel = a_series([1.0, 2.0])
    rule = (position.unrealized_r >= 2) | (position.bars_held >= 3) & (close > 1)
    program = compiled_for(panel, {"exit": rule})
    program.advance(panel)
    fields = np.full(len(POSITION_FIELDS), math.nan)
    fields[POSITION_FIELDS.index("unrealized_r")] = 0.5
    fields[POSITION_FIELDS.index("bars_held")] = 3.0

    assert program.explain("t", "exit", 1, 0, fields).render("exit").splitlines() == [
        "exit = true",
        "  (position.unrealized_r >= 2) = false   [0.5]",
        "  ((position.bars_held >= 3) & (close > 1)) = true",
        "    (position.bars_held >= 3) = true   [3]",
        "    (close > 1) = true   [2]",
    ]
    assert program.explain("t", "exit", 1, 0).truth is None


def test_what_is_not_there_cannot_be_explained() -> None:
    program = compiled_for(a_series([1.0]), {"enter": close > 1})

    with pytest.raises(FormulaError, match="0 rows"):
        program.explain("t", "enter", 0, 0)
    program.advance(a_series([1.0]))
    with pytest.raises(FormulaError, match="Row 1, column 0"):
        program.explain("t", "enter", 1, 0)
    with pytest.raises(UnknownNameError, match="Did you mean 'enter'"):
        program.explain("t", "entry", 0, 0)
    with pytest.raises(UnknownNameError, match="table"):
        program.explain("u", "enter", 0, 0)


M15, H1 = bars("15min"), bars("1h")
RULES = {
    "mixed": (M15.close > sma(H1.close, 2)) & crossed_above(ema(M15.close, 2), ema(M15.close, 4)),
    "slow": crossed_above(H1.close, H1.open) | (H1.close > bollinger(H1.close, 3).middle).any(2),
    "clock": (session.minutes_to_close > 30) & (close.on(M15) >= H1.high.lag(1)),
    "nested": (sma(H1.close.on(M15), 2) > M15.close) | (close.rank() > 0.4),
}


def nodes_of(tree: Explanation) -> list[tuple[str, float, str]]:
    return [(tree.text, tree.value, tree.detail)] + [entry for child in tree.children for entry in nodes_of(child)]


def assert_within(one: Explanation, full: Explanation) -> None:
    """Require equal numbers where both show any: what an older bar saw may be left out."""
    np.testing.assert_equal(one.value, full.value)
    if one.children:
        assert one.detail == full.detail
        for child, full_child in zip(one.children, full.children, strict=True):
            assert_within(child, full_child)


@settings(max_examples=12)
@given(st.integers(0, 30), st.sampled_from((0.0, 0.3, 0.6)), st.sampled_from(("", "15min")))
def test_explanations_do_not_depend_on_the_chunks(seed: int, missing: float, frame: str) -> None:
    panel = a_market(seed, missing=missing)
    decision = bars(frame)
    whole = compiled_for(panel, RULES, decision)
    whole.advance(panel)
    single = compiled_for(panel, RULES, decision)
    seen = 0

    for first in range(len(panel)):
        single.advance(panel.rows(first, first + 1))
        for row in range(len(single.tables["t"].end_ns) if first % 4 == 0 or frame else 0):
            for name in RULES:
                for column in (0, 2):
                    one = single.explain("t", name, row, column)
                    full = whole.explain("t", name, seen + row, column)
                    if missing == 0.0:
                        np.testing.assert_equal(nodes_of(one), nodes_of(full))
                    else:
                        assert_within(one, full)
        seen += len(single.tables["t"].end_ns)


def test_the_numbers_shown_are_those_of_the_formulas_themselves() -> None:
    panel = a_market(4, missing=0.2)
    program = compiled_for(panel, RULES, M15)
    program.advance(panel)
    average = values_of(panel, sma(H1.close, 2), M15)
    hour_open = values_of(panel, H1.open, M15)

    for row in range(len(average)):
        shown = {text: value for text, value, _ in nodes_of(program.explain("t", "mixed", row, 1))}
        np.testing.assert_equal(shown["sma(close[1h], 2)"], average[row, 1])
        slow = {text: value for text, value, _ in nodes_of(program.explain("t", "slow", row, 1))}
        if "open[1h]" in slow:
            np.testing.assert_equal(slow["open[1h]"], hour_open[row, 1])
