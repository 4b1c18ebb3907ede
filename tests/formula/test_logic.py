"""Three-valued logic, comparisons, and when two numbers count as equal."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from formula.builders import a_market, a_series
from formula.running import column_of, values_of
from tapeline.domain.panel import Panel
from tapeline.formula import Node, bars, crossed_above, crossed_below, maximum, minimum, where
from tapeline.indicators import elementwise as element

TRUE, FALSE, UNKNOWN = 1.0, 0.0, None
STATES = (TRUE, FALSE, UNKNOWN)

# Kleene (1952), Introduction to Metamathematics, section 64.
AND = {
    (TRUE, TRUE): TRUE,
    (TRUE, FALSE): FALSE,
    (TRUE, UNKNOWN): UNKNOWN,
    (FALSE, FALSE): FALSE,
    (FALSE, UNKNOWN): FALSE,
    (UNKNOWN, UNKNOWN): UNKNOWN,
}
OR = {
    (TRUE, TRUE): TRUE,
    (TRUE, FALSE): TRUE,
    (TRUE, UNKNOWN): TRUE,
    (FALSE, FALSE): FALSE,
    (FALSE, UNKNOWN): UNKNOWN,
    (UNKNOWN, UNKNOWN): UNKNOWN,
}


def truth_series(states: list[tuple[float | None, float | None]]) -> tuple[Panel, Node, Node]:
    # 12 and 8 become true and false, 10 becomes 0/0 on an existing bar: unknown.
    code = {TRUE: 12.0, FALSE: 8.0, UNKNOWN: 10.0}
    panel = a_series([code[a] for a, _ in states], open=[code[b] for _, b in states])

    def condition(price: Node) -> Node:
        sign = (price - 10) / abs(price - 10)
        return sign > 0

    return panel, condition(bars().close), condition(bars().open)


def test_and_or_not_follow_kleenes_tables() -> None:
    states = list(itertools.product(STATES, STATES))
    panel, a, b = truth_series(states)

    assert column_of(panel, a & b) == [AND.get(pair, AND.get(pair[::-1])) for pair in states]
    assert column_of(panel, a | b) == [OR.get(pair, OR.get(pair[::-1])) for pair in states]
    assert column_of(panel, ~a) == [UNKNOWN if x is None else 1.0 - x for x, _ in states]


def test_where_is_unknown_when_its_condition_is() -> None:
    panel, a, _ = truth_series([(TRUE, TRUE), (FALSE, TRUE), (UNKNOWN, TRUE)])

    assert column_of(panel, where(a, 1, 2)) == [1.0, 2.0, None]
    assert column_of(panel, where(a, math.nan, 2)) == [None, 2.0, None]


def test_any_and_all_equal_the_disjunction_and_conjunction_of_lags() -> None:
    random = np.random.default_rng(5)
    states = [(STATES[i], TRUE) for i in random.integers(0, 3, 60)]
    panel, a, _ = truth_series(states)

    assert column_of(panel, a.any(3)) == column_of(panel, a | a.lag(1) | a.lag(2))
    assert column_of(panel, a.all(3)) == column_of(panel, a & a.lag(1) & a.lag(2))


def test_a_crossing_equals_its_definition_on_bars_with_gaps_and_unknowns() -> None:
    panel = a_market(4, missing=0.3, symbols=9)
    a, b = bars().close, bars().close.lag(2)

    for x, y in ((a, b), (a, b * 1.0)):
        np.testing.assert_array_equal(
            values_of(panel, crossed_above(x, y)), values_of(panel, (x > y) & (x <= y).lag(1))
        )
        np.testing.assert_array_equal(
            values_of(panel, crossed_below(x, y)), values_of(panel, (x < y) & (x >= y).lag(1))
        )


def test_a_crossing_is_true_only_in_its_bar() -> None:
    panel = a_series([1.0, 3.0, 3.0, 2.0, 1.0, 3.0])

    assert column_of(panel, crossed_above(bars().close, 2)) == [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    assert column_of(panel, crossed_below(bars().close, 2)) == [None, 0.0, 0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("a", "b", "tolerance", "expected"),
    [
        (1.0, 1.0 + 9e-10, 1e-9, 1.0),
        (1.0, 1.0 + 2e-9, 1e-9, 0.0),
        (1.0, 1.0 + 9e-10, 0.0, 0.0),
        (1e6, 1e6 + 9e-4, 1e-9, 1.0),
        (1e6, 1e6 + 2e-3, 1e-9, 0.0),
        (0.0, 9e-10, 1e-9, 1.0),
        (-1e6, 1e6, 1e-9, 0.0),
        (math.inf, math.inf, 1e-9, 1.0),
        (math.inf, 1e300, 1e-9, 0.0),
        (-math.inf, math.inf, 1e-9, 0.0),
    ],
)
def test_equality_is_relative_above_one_and_absolute_below(
    a: float, b: float, tolerance: float, expected: float
) -> None:
    equal = element.apply(element.EQUAL, a, b, 0.0, tolerance)

    assert equal == expected
    assert element.apply(element.GREATER_EQUAL, a, b, 0.0, tolerance) == max(equal, float(a >= b))
    assert element.apply(element.LESS, a, b, 0.0, tolerance) == min(1.0 - equal, float(a < b))


def test_computed_numbers_compare_with_tolerance_and_bar_fields_exactly() -> None:
    close, opened = bars().close, bars().open
    panel = a_series([20.0 + 1e-12], open=[20.0])

    assert column_of(panel, close > opened) == [1.0]
    assert column_of(panel, close.highest(1) > opened.lag(0)) == [1.0]
    assert column_of(panel, close * 1 > opened) == [0.0]
    assert column_of(panel, close > 20) == [0.0]
    assert column_of(panel, close > 20, compare="exact") == [1.0]
    assert column_of(panel, where(close > opened, close, opened) > opened) == [0.0]


def test_division_by_zero_is_infinite_and_zero_by_zero_unknown() -> None:
    panel = a_series([1.0, -1.0, 0.0], open=[0.0, 0.0, 0.0])

    assert column_of(panel, bars().close / bars().open) == [math.inf, -math.inf, None]


def test_minimum_and_maximum_are_unknown_if_one_value_is() -> None:
    panel = a_series([1.0, 5.0])
    late = bars().close.lag(1)

    assert column_of(panel, minimum(bars().close, 3, late)) == [None, 1.0]
    assert column_of(panel, maximum(bars().close, 3, late)) == [None, 5.0]
