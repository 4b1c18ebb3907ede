"""Rows that nobody reads may be passed over: what is read afterwards is the same, to the bit and to the word."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapeline.formula.program as program_module
from formula.builders import a_market, a_series
from formula.graphs import conditions, frames, numbers
from formula.running import collected, compiled_for
from formula.test_explain import RULES, assert_within, nodes_of
from tapeline.domain.errors import FormulaError
from tapeline.domain.panel import Panel
from tapeline.formula import Bars, Node, Program, bars, compile_program, ema, sma, where
from tapeline.formula.call_list import CallList
from tapeline.formula.lowering import Instruction

GROUPS = {"sector": [0, 1, 0]}
markets = st.builds(a_market, st.integers(0, 50), missing=st.sampled_from((0.0, 0.2, 0.6, 0.9)), quotes=st.just(True))
cuts = st.lists(st.integers(1, 80), min_size=1, max_size=12)


def read_in_part(program: Program, panel: Panel, at: list[int], choice: int) -> dict[str, dict[int, np.ndarray]]:
    """Advance over some chunks and pass over the others; return the values of what was read by the rows' ends."""
    program.reset()
    edges = [0, *sorted({cut for cut in at if 0 < cut < len(panel)}), len(panel)]
    found: dict[str, dict[int, np.ndarray]] = {name: {} for name in program.tables}
    for number, (first, last) in enumerate(pairwise(edges)):
        if choice >> number & 1:
            program.pass_over(panel.rows(first, last))
            continue
        program.advance(panel.rows(first, last))
        for name, table in program.tables.items():
            for row, end_ns in enumerate(table.end_ns.tolist()):
                found[name][end_ns] = table.values[:, row].copy()
    return found


@settings(max_examples=120)
@given(markets, numbers(), conditions(), frames, cuts, st.integers(1, 2**13 - 1))
def test_what_is_read_after_rows_that_were_not_is_the_same(
    panel: Panel, number: Node, condition: Node, decision: Bars, at: list[int], choice: int
) -> None:
    program = compile_program(
        {
            "slow": (decision, {"n": number, "c": condition, "newest": where(condition, number, 0).latest()}),
            "base": (None, {"n": number, "c": condition}),
        },
        symbol_count=3,
        base_frame_ns=panel.frame_ns,
        groups=GROUPS,
    )
    whole = collected(program, panel)

    found = read_in_part(program, panel, at, choice)

    for name, rows in found.items():
        for end_ns, values in rows.items():
            row = int(np.searchsorted(whole[name]["end_ns"], end_ns))
            np.testing.assert_array_equal(values, whole[name]["values"][:, row])


@settings(max_examples=12)
@given(st.integers(0, 30), st.sampled_from((0.0, 0.3, 0.8)), st.sampled_from(("", "15min")), st.integers(1, 70))
def test_explanations_are_the_same_after_rows_that_nobody_read(seed: int, missing: float, frame: str, cut: int) -> None:
    panel = a_market(seed, missing=missing)
    cut = min(cut, len(panel) - 1)
    whole, late = (compiled_for(panel, RULES, bars(frame)) for _ in range(2))
    whole.advance(panel)

    late.pass_over(panel.rows(0, cut))
    late.advance(panel.rows(cut, len(panel)))

    seen = len(whole.tables["t"].end_ns) - len(late.tables["t"].end_ns)
    for row in range(len(late.tables["t"].end_ns)):
        for name in RULES:
            for column in (0, 2):
                one = late.explain("t", name, row, column)
                full = whole.explain("t", name, seen + row, column)
                if missing == 0.0:
                    np.testing.assert_equal(nodes_of(one), nodes_of(full))
                else:
                    assert_within(one, full)


def values_after_silence() -> list[float]:
    """The last bar, 4.0, lies in the rows that are passed over; 4 > 3 and 10 x 4 = 40 are still what it says."""
    panel = a_series([1.0, 2.0, 3.0, 4.0, np.nan, np.nan])
    close = bars().close
    program = compiled_for(panel, {"rose": (close > close.lag(1)).latest(), "ten": (10 * close).latest()})

    program.pass_over(panel.rows(0, 5))
    program.advance(panel.rows(5, 6))

    return program.tables["t"].values[:, 0, 0].tolist()  # type: ignore[no-any-return]


def test_the_newest_value_of_a_symbol_that_fell_silent_survives_rows_that_nobody_read() -> None:
    assert values_after_silence() == [1.0, 40.0]


def test_without_catching_up_the_newest_value_would_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_module, "catch_up_calls", lambda late: CallList())

    assert np.isnan(values_after_silence()).all()


def test_only_steps_with_a_memory_and_what_they_are_made_of_run_for_rows_that_nobody_reads() -> None:
    hour = bars("1h")
    rule = (ema(hour.close - hour.open, 3) > sma(hour.close, 2)) & (hour.high > 2 * hour.low)
    panel = a_market(1)
    program = compiled_for(panel, {"x": rule.latest()}, bars("15min"))

    running = [entry for entry in program.lowering.instructions if not entry.is_deferred]

    assert sorted(name_of(entry) for entry in running) == ["advance_ema", "advance_sma", "arithmetic"]


def name_of(entry: Instruction) -> str:
    return str(entry.function.__name__)


def test_rows_that_were_passed_over_have_ends_but_no_values() -> None:
    panel = a_market(1, missing=0.0)
    program = compiled_for(panel, {"x": bars("15min").close}, bars("15min"))

    program.pass_over(panel.rows(0, 7))

    table = program.tables["t"]
    assert table.values.shape == (1, 0, 3)
    np.testing.assert_array_equal(table.end_ns, panel.end_ns[[2, 5]])
    np.testing.assert_array_equal(table.exists, np.ones((2, 3)))
    with pytest.raises(FormulaError, match="0 rows"):
        program.explain("t", "x", 0, 0)
