"""Cutting the same rows into chunks changes nothing, and neither does the future."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formula.builders import PRICES, a_calendar, a_market
from formula.graphs import FRAMES, conditions, frames, numbers
from formula.library_examples import EXAMPLES, functions_of_the_face, parts_of
from formula.running import assert_same, collected, compiled_for, values_of
from tapeline.domain.panel import Panel
from tapeline.formula import Bars, Node, bars, compile_program, session, sma

GROUPS = {"sector": [0, 1, 0]}
markets = st.builds(a_market, st.integers(0, 50), missing=st.sampled_from((0.0, 0.2, 0.6)), quotes=st.just(True))
cuts = st.lists(st.integers(1, 80), max_size=12)


@settings(max_examples=120)
@given(markets, numbers(), conditions(), frames, cuts)
def test_random_cuts_change_no_bit(panel: Panel, number: Node, condition: Node, decision: Bars, at: list[int]) -> None:
    program = compile_program(
        {"slow": (decision, {"n": number, "c": condition}), "base": (None, {"n": number, "c": condition})},
        symbol_count=3,
        base_frame_ns=panel.frame_ns,
        groups=GROUPS,
    )

    whole = collected(program, panel)

    assert_same(whole, collected(program, panel, at))


@settings(max_examples=15)
@given(markets, numbers(), conditions(), frames)
def test_single_rows_change_no_bit(panel: Panel, number: Node, condition: Node, decision: Bars) -> None:
    program = compiled_for(panel, {"n": number, "c": condition}, decision, groups=GROUPS)

    assert_same(collected(program, panel), collected(program, panel, range(len(panel))))


@settings(max_examples=80)
@given(markets, numbers(), conditions(), frames, st.integers(1, 80), st.integers(0, 99))
def test_the_past_does_not_change_when_the_future_is_shuffled(
    panel: Panel, number: Node, condition: Node, decision: Bars, cut: int, seed: int
) -> None:
    cut = min(cut, len(panel) - 1)
    formulas = {"n": number, "c": condition}
    program = compiled_for(panel, formulas, decision, groups=GROUPS)

    past = collected(program, panel.rows(0, cut))["t"]

    for future in (shuffled_after(panel, cut, seed), gapped_at(panel, cut)):
        full = collected(program, future)["t"]
        rows = len(past["end_ns"])
        np.testing.assert_array_equal(full["values"][:, :rows], past["values"])
        np.testing.assert_array_equal(full["end_ns"][:rows], past["end_ns"])
        np.testing.assert_array_equal(full["decision_row"][:cut], past["decision_row"])


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_indicator_on_every_frame_ignores_the_future_and_the_cuts(name: str, frame: str) -> None:
    panel = a_market(11, calendar=a_calendar(6), missing=0.25, quotes=True)
    program = compiled_for(panel, parts_of(name, bars(frame), bars(frame).close, 2))
    whole = collected(program, panel)
    cut = len(panel) // 2

    assert_same(whole, collected(program, panel, range(0, len(panel), 7)))
    changed = collected(program, gapped_at(shuffled_after(panel, cut, 1), cut))
    np.testing.assert_array_equal(changed["t"]["values"][:, :cut], whole["t"]["values"][:, :cut])


def test_every_function_of_the_library_has_an_example() -> None:
    assert set(functions_of_the_face()) == set(EXAMPLES)


def test_states_do_not_grow_with_the_number_of_bars() -> None:
    hour = bars("1h")
    formulas = {"x": (sma(hour.close, 5) > bars().close.lag(3)).any(4), "y": hour.close.rank()}
    sizes = []
    for days in (2, 40):
        panel = a_market(1, calendar=a_calendar(days))
        program = compiled_for(panel, formulas)
        collected(program, panel)
        sizes.append(program.state_cells)

    assert sizes[0] == sizes[1]


def test_a_chunk_without_rows_is_a_chunk() -> None:
    panel = a_market(1)
    program = compiled_for(panel, {"x": sma(bars("15min").close, 2), "s": session.minutes_to_close})
    whole = collected(program, panel)

    program.reset()
    for first in range(len(panel)):
        program.advance(panel.rows(first, first))
        assert program.tables["t"].values.shape == (2, 0, 3)
        program.advance(panel.rows(first, first + 1))

    np.testing.assert_array_equal(program.tables["t"].values[:, 0], whole["t"]["values"][:, -1])


def test_read_only_input_is_accepted() -> None:
    panel = a_market(1)
    for name in ("start_ns", "end_ns", *PRICES):
        getattr(panel, name).flags.writeable = False

    assert np.isfinite(values_of(panel, sma(bars("15min").close, 2))).any()


def shuffled_after(panel: Panel, cut: int, seed: int) -> Panel:
    order = np.random.default_rng(seed).permutation(np.arange(cut, len(panel)))
    fields, series = copied_fields(panel)
    for name, values in fields.items():
        values[cut:] = getattr(panel, name)[order] * 1.5
    for name, values in series.items():
        values[cut:] = panel.series[name][order] * 1.5
    return replace(panel, **fields, series=series)


def gapped_at(panel: Panel, cut: int) -> Panel:
    fields, series = copied_fields(panel)
    for values in (*fields.values(), *series.values()):
        values[cut : cut + 4] = np.nan
    return replace(panel, **fields, series=series)


def copied_fields(panel: Panel) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    fields = {name: getattr(panel, name).copy() for name in PRICES}
    return fields, {name: values.copy() for name, values in panel.series.items()}
