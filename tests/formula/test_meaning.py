"""Compiled programs give what a slow, plain evaluation of the same formula gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formula.builders import a_calendar, a_market, without_rows
from formula.graphs import conditions, frames, numbers
from formula.reference import Reference, frame_rows
from formula.running import collected, compiled_for, values_of
from tapeline.domain.panel import Panel
from tapeline.domain.times import MINUTE, parse_frame
from tapeline.formula import Bars, Node, bars

markets = st.builds(
    a_market,
    st.integers(0, 50),
    calendar=st.builds(a_calendar, ordinal=st.sampled_from((0, 7))),
    missing=st.sampled_from((0.0, 0.2, 0.6)),
)


@settings(max_examples=120)
@given(markets, numbers(exact=True) | conditions(exact=True), frames, st.sampled_from(("tolerant", "exact")))
def test_random_formulas_equal_the_reference(panel: Panel, node: Node, decision: Bars, compare: str) -> None:
    found = values_of(panel, node, decision, compare=compare)

    expected = Reference(panel, exact=compare == "exact").values(node, decision.frame.ns)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("frame", ["5min", "10min", "15min", "30min", "1h", "4h", "1d", "2d", "3d"])
@pytest.mark.parametrize("missing", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("ordinal", [0, 1])
def test_frames_equal_slow_aggregation(frame: str, missing: float, ordinal: int) -> None:
    panel = a_market(3, calendar=a_calendar(7, half_days=(1, 4), ordinal=ordinal), missing=missing)

    found = run_of_bars(panel, bars(frame))

    expected = frame_rows(panel, 0 if frame == "5min" else parse_frame(frame))
    np.testing.assert_array_equal(found["end_ns"], expected.end_ns)
    for place, field in enumerate(FIELDS):
        wanted = [[bar[field] if bar else np.nan for bar in line] for line in expected.bars]
        np.testing.assert_array_equal(found["values"][place], np.array(wanted), err_msg=field)
    np.testing.assert_array_equal(found["exists"], np.where(np.isnan(found["values"][0]), np.nan, 1.0))


def test_without_sessions_frames_are_anchored_at_the_epoch() -> None:
    sessions = a_market(3)
    panel = Panel(**{**vars(sessions), "sessions": None})

    found = run_of_bars(panel, bars("2h"))

    expected = frame_rows(panel, parse_frame("2h"))
    np.testing.assert_array_equal(found["end_ns"], expected.end_ns)
    assert all(end % (120 * MINUTE) == 0 for end in found["end_ns"])
    wanted = [[bar["close"] if bar else np.nan for bar in line] for line in expected.bars]
    np.testing.assert_array_equal(found["values"][3], np.array(wanted))


def test_a_base_bar_outside_every_session_belongs_to_no_frame_bar() -> None:
    panel = a_market(3, missing=0.0)
    shifted = a_calendar()
    later = type(shifted)("TEST", shifted.open_ns + 30 * MINUTE, shifted.close_ns, 0)
    early = Panel(**{**vars(panel), "sessions": later})

    found = run_of_bars(early, bars("30min"))

    first_day = found["end_ns"][found["end_ns"] <= shifted.close_ns[0]]
    assert first_day[0] == later.open_ns[0] + 30 * MINUTE
    assert found["values"][0][0, 0] == panel.open[6, 0]


def test_two_frame_bars_that_end_between_two_rows_are_both_emitted_in_order() -> None:
    full = a_market(0, missing=0.0, symbols=1)
    # rows end at 5, 10, ... minutes; without those of 15, 20 and 25 the row of 30 emits 15 and 30
    panel = without_rows(full, [2, 3, 4])

    run = run_of_bars(panel, bars("15min"))

    opened = int(full.sessions.open_ns[0])  # type: ignore[union-attr]
    assert [(int(end) - opened) // MINUTE for end in run["end_ns"][:3]] == [15, 30, 45]
    assert list(run["decision_row"][:4]) == [-1, -1, 1, -1]
    assert run["values"][3][0, 0] == full.close[1, 0]
    assert run["values"][3][1, 0] == full.close[5, 0]


def test_a_missing_last_row_of_a_frame_bar_delays_it_to_the_next_row() -> None:
    panel = without_rows(a_market(0, missing=0.0, symbols=1), [2])

    run = run_of_bars(panel, bars("15min"))

    assert list(run["decision_row"][:5]) == [-1, -1, 0, -1, 1]


def test_a_slower_frame_is_read_as_of_its_last_ended_bar_also_without_a_base_bar() -> None:
    panel = a_market(5, missing=0.5)

    hour = values_of(panel, bars("1h").close)

    expected = Reference(panel).values(bars("1h").close, 0)
    np.testing.assert_array_equal(hour, expected)
    without_bar = np.isnan(panel.close)
    assert np.isfinite(hour[without_bar]).any()


def test_a_base_formula_is_unknown_in_a_row_without_a_bar_whatever_the_other_operand() -> None:
    panel = a_market(5, missing=0.5)
    hour, base = bars("1h"), bars()
    either = (base.close > 0) | (hour.close > 0)

    found = values_of(panel, either)

    assert np.isnan(found[np.isnan(panel.close)]).all()
    assert (found[~np.isnan(panel.close)] == 1.0).all()


def test_the_base_frame_by_name_is_the_base_frame() -> None:
    panel = a_market(2)
    named, plain = bars("5min"), bars()

    program = compiled_for(panel, {"x": named.close.lag(2), "y": plain.close.lag(2)}, bars("5min"))

    run = collected(program, panel)["t"]
    np.testing.assert_array_equal(run["values"][0], run["values"][1])
    assert program.tables["t"].frame_ns == 0


FIELDS = ("open", "high", "low", "close", "volume", "completeness")


def run_of_bars(panel: Panel, frame: Bars) -> dict[str, np.ndarray]:
    program = compiled_for(panel, {name: getattr(frame, name) for name in FIELDS}, frame)
    return collected(program, panel)["t"]
