"""What a run needs compiled: its own indicators, and none of the others of the library."""

from __future__ import annotations

import pytest

from tapeline.app.warm import Way, kernels_for
from tapeline.domain.times import MINUTE
from tapeline.formula import Node, bars, compile_program, ema, rolling_skewness
from tapeline.formula.program import Program
from tapeline.indicators.library import KERNELS


def program_of(*formulas: Node) -> Program:
    outputs = {str(number): formula for number, formula in enumerate(formulas)}
    return compile_program({"t": (None, outputs)}, symbol_count=1, base_frame_ns=MINUTE)


@pytest.mark.parametrize("way", ["event loop", "backtest"])
def test_of_the_indicators_only_those_of_the_program_are_compiled(way: Way) -> None:
    close = bars().close

    wanted = set(kernels_for(program_of(ema(close, 5), rolling_skewness(close, 5)), way))

    names = {name: f"{kernel.advance.__module__}.{kernel.advance.__name__}" for name, kernel in KERNELS.items()}
    assert {name for name, full in names.items() if full in wanted} == {"ema", "rolling_shape"}


def test_without_formulas_the_market_and_the_book_remain() -> None:
    wanted = kernels_for(program_of(bars().close), "backtest")

    assert any(name.startswith("tapeline.simulation.") for name in wanted)
    assert not any(name.startswith("tapeline.indicators.elementwise.arithmetic") for name in wanted)
