"""Formulas of a position: cell programs give what the same operations give in panels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from formula.builders import a_market, a_series
from formula.graphs import COMPARISONS
from formula.running import compiled_for, values_of
from tapeline.formula import POSITION_FIELDS, Node, Table, bars, maximum, minimum, param, position, sma, where
from tapeline.indicators.cells import evaluate_cell


def fields_of(**values: float) -> np.ndarray:
    return np.array([values.get(name, math.nan) for name in POSITION_FIELDS])


def evaluated(table: Table, output: str, row: int, column: int, fields: np.ndarray) -> float:
    first, last = table.cell_programs[output]
    stack = np.full(table.stack_size, math.nan)
    return float(evaluate_cell(table.code, first, last, table.constants, table.values, row, column, fields, stack))


@st.composite
def formulas_of(draw: DrawFn, leaves: tuple[Node, ...]) -> Node:
    """Draw a condition over leaves, by operations of one moment."""

    def number(depth: int) -> Node:
        if depth == 0:
            return draw(st.sampled_from(leaves))
        a, b = number(depth - 1), number(depth - 1)
        makers = (
            lambda: a + b,
            lambda: a - 2 * b,
            lambda: a * b,
            lambda: a / b,
            lambda: minimum(a, b),
            lambda: maximum(-a, abs(b)),
            lambda: where(condition(0), a, b),
        )
        return draw(st.sampled_from(makers))()

    def condition(depth: int) -> Node:
        if depth == 0:
            return draw(st.sampled_from(COMPARISONS[:6]))(number(draw(st.integers(0, 1))), number(0))
        a, b = condition(depth - 1), condition(depth - 1)
        return draw(st.sampled_from((lambda: a & b, lambda: a | b, lambda: ~a)))()

    return condition(draw(st.integers(0, 3)))


PAIRED = (bars().open, bars().high, bars().close)
STANDING_IN = {"open": position.entry_price, "high": position.highest_since_entry}


def with_position(node: Node) -> Node:
    """Return the formula with open and high read from the position instead of the bar."""
    from tapeline.formula.node import make

    if node.operation.name == "field":
        return STANDING_IN.get(node.parameters[0], node * 1.0)
    inputs = tuple(with_position(child) for child in node.inputs)
    return make(node.operation, inputs, node.parameters, node.output)


def computed(node: Node) -> Node:
    """Return the formula with bar fields multiplied by 1, so that they compare with tolerance as fields of
    a position do."""
    from tapeline.formula.node import make

    if node.operation.name == "field":
        return node * 1.0
    return make(node.operation, tuple(computed(child) for child in node.inputs), node.parameters, node.output)


@settings(max_examples=100)
@given(formulas_of(PAIRED), st.sampled_from(("tolerant", "exact")))
def test_cell_programs_equal_panels(node: Node, compare: str) -> None:
    panel = a_market(3, missing=0.0)
    in_cells = with_position(node)
    expected = values_of(panel, computed(node), compare=compare)
    # a condition without open and high has nothing of a position in it
    program = compiled_for(panel, {"x": in_cells | (position.quantity > 0)}, compare=compare)
    program.advance(panel)

    for row in range(0, len(panel), 5):
        for column in range(3):
            fields = fields_of(
                entry_price=panel.open[row, column], highest_since_entry=panel.high[row, column], quantity=0.0
            )
            found = evaluated(program.tables["t"], "x", row, column, fields)
            np.testing.assert_equal(found, expected[row, column])


def test_parts_without_the_position_become_rows_of_the_table() -> None:
    panel = a_series([1.0, 2.0, 3.0, 4.0])
    close = bars().close
    rule = (position.unrealized_r >= 2) | (close > sma(close, 2)) & (position.bars_held >= sma(close, 2))

    program = compiled_for(panel, {"exit": rule, "enter": close > 2, "stop": position.stop_price})

    table = program.tables["t"]
    assert table.rows == {"enter": 0}
    assert set(table.cell_programs) == {"exit", "stop"}
    assert table.values.shape[0] == 3  # enter, close > mean, mean
    program.advance(panel)
    held = fields_of(unrealized_r=0.0, bars_held=3.0, stop_price=0.9)
    assert [evaluated(table, "exit", row, 0, held) for row in range(1, 4)] == [1.0, 1.0, 0.0]
    assert math.isnan(evaluated(table, "exit", 0, 0, held))
    assert evaluated(table, "exit", 0, 0, fields_of(unrealized_r=2.0)) == 1.0
    assert evaluated(table, "stop", 0, 0, held) == 0.9


def test_without_a_position_a_rule_is_unknown_not_false() -> None:
    panel = a_series([1.0])
    program = compiled_for(panel, {"exit": position.bars_held >= 3})
    program.advance(panel)

    assert math.isnan(evaluated(program.tables["t"], "exit", 0, 0, fields_of(quantity=0.0)))


@pytest.mark.parametrize(("compare", "expected"), [("tolerant", 1.0), ("exact", 0.0)])
def test_cells_compare_as_the_run_does(compare: str, expected: float) -> None:
    panel = a_series([1.0])
    program = compiled_for(panel, {"exit": position.unrealized_r >= 2}, compare=compare)
    program.advance(panel)

    assert evaluated(program.tables["t"], "exit", 0, 0, fields_of(unrealized_r=2 - 1e-12)) == expected


def test_parameters_are_constants_of_cell_programs() -> None:
    panel = a_series([1.0])
    rule = position.bars_held >= param(16, low=1, high=99, name="patience") * 2
    program = compiled_for(panel, {"exit": rule}, parameters={"patience": 4})

    assert list(program.tables["t"].constants) == [8.0]


def test_leaves_of_cells_are_read_as_of_the_decision_row() -> None:
    panel = a_market(2)
    rule = bars("1h").close - position.entry_price
    program = compiled_for(panel, {"gain": rule}, bars("15min"))
    program.advance(panel)
    expected = values_of(panel, bars("1h").close, bars("15min"))

    table = program.tables["t"]
    for row in range(len(table.end_ns)):
        found = evaluated(table, "gain", row, 1, fields_of(entry_price=1.0))
        np.testing.assert_equal(found, expected[row, 1] - 1.0)
