"""Parameters are named by their class, bounded, and replaced before anything is computed."""

from __future__ import annotations

import numpy as np
import pytest

from formula.builders import a_market
from formula.running import compiled_for, values_of
from tapeline.domain.errors import ConfigurationError, FormulaError, UnknownNameError
from tapeline.formula import bars, bound_node, compile_program, crossed_above, ema, param, parameters_of, sma

close = bars().close


class Cross:
    fast = param(3, low=2, high=50)
    slow = param(8, low=2, high=50)
    band = param(1.5, low=1.0, high=2.0)

    enter = crossed_above(ema(close, fast), ema(close, slow)) & (close < band * sma(close, fast * 2))


def test_a_parameter_is_named_by_its_class_attribute() -> None:
    assert str(Cross.enter).startswith("(crossed_above(ema(close, fast), ema(close, slow))")
    assert list(parameters_of([Cross.enter])) == ["fast", "slow", "band"]


def test_a_name_is_given_once() -> None:
    fast = param(3).with_name("fast")

    with pytest.raises(FormulaError, match="already has a name"):
        fast.with_name("slow")
    assert fast.with_name("fast") is fast


def test_binding_gives_the_node_one_would_have_written_with_numbers() -> None:
    written = crossed_above(ema(close, 5), ema(close, 8)) & (close < 1.5 * sma(close, 10))

    assert bound_node(Cross.enter, fast=5) is written


def test_a_program_takes_overrides() -> None:
    panel = a_market(1)

    found = values_of(panel, ema(close, Cross.fast), parameters={"fast": 7})

    np.testing.assert_array_equal(found, values_of(panel, ema(close, 7)))


def test_wrong_values_and_names_are_refused() -> None:
    panel = a_market(1)

    with pytest.raises(UnknownNameError, match="Did you mean 'fast'"):
        compiled_for(panel, {"x": Cross.enter}, parameters={"fats": 7})
    with pytest.raises(ConfigurationError, match="Parameter fast must be 2 to 50, not 51"):
        compiled_for(panel, {"x": Cross.enter}, parameters={"fast": 51})
    with pytest.raises(ConfigurationError, match="whole number"):
        compiled_for(panel, {"x": Cross.enter}, parameters={"fast": 5.5})
    with pytest.raises(ConfigurationError, match="must be 2 to 5, not 7"):
        param(7, low=2, high=5)
    with pytest.raises(FormulaError, match="at least 1"):
        sma(close, param(0, low=0, high=5))
    with pytest.raises(FormulaError, match="at least 1"):
        bound_node(sma(close, param(1, low=0, high=5, name="n")), n=0)


def test_two_different_parameters_of_one_name_are_refused() -> None:
    rule = ema(close, param(3, name="n")) > ema(close, param(4, name="n"))

    with pytest.raises(FormulaError, match="Two different parameters are named 'n'"):
        compiled_for(a_market(1), {"x": rule})


def test_an_unnamed_parameter_cannot_be_run() -> None:
    with pytest.raises(FormulaError, match="has no name yet"):
        compiled_for(a_market(1), {"x": ema(close, param(3))})


def test_a_sweep_computes_what_its_sets_share_once() -> None:
    sets = [(fast, slow) for fast in range(2, 12) for slow in range(20, 30)]
    tables = {f"{f}-{s}": (None, {"enter": bound_node(Cross.enter, fast=f, slow=s)}) for f, s in sets}

    program = compile_program(tables, symbol_count=3, base_frame_ns=a_market(1).frame_ns)

    averages = 10 + 10 + 10  # fast, slow, and the mean of twice the fast length
    per_fast = 2  # 1.5 * mean, close < ...
    per_set = 2  # crossing, and
    assert len(program.lowering.instructions) == averages + 10 * per_fast + 100 * per_set
    panel = a_market(2)
    program.advance(panel)
    for fast, slow in sets[::17]:
        single = values_of(panel, Cross.enter, parameters={"fast": fast, "slow": slow})
        np.testing.assert_array_equal(program.tables[f"{fast}-{slow}"].values[0], single)


def test_a_comparison_with_a_parameter_is_told_as_it_was_written() -> None:
    close, level = bars().close, param(30, name="level")

    assert [str(f) for f in (close > level, close >= level, close < level, close <= level)] == [
        "(close > level)", "(close >= level)", "(close < level)", "(close <= level)",
    ]  # fmt: skip
    assert str(level < param(40, name="high")) == "(level < high)"
