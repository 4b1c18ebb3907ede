"""The program's own behaviour: tables, session clocks, resetting, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from formula.builders import a_calendar, a_market, a_series
from formula.running import assert_same, collected, compiled_for, values_of
from tapeline.domain.errors import DataError
from tapeline.domain.times import MINUTE
from tapeline.formula import bars, compile_program, session, sma
from tapeline.tape.calendars import sessions

close = bars().close


def test_session_clocks_follow_half_days_and_need_no_bar() -> None:
    panel = a_market(3, missing=0.6, calendar=a_calendar(2, half_days=(1,)))
    assert panel.sessions is not None

    since = values_of(panel, session.minutes_since_open)
    to_close = values_of(panel, session.minutes_to_close)
    is_last = values_of(panel, session.is_last_bar)

    for row in range(len(panel)):
        day = 0 if panel.end_ns[row] <= panel.sessions.close_ns[0] else 1
        assert (since[row] == (panel.end_ns[row] - panel.sessions.open_ns[day]) / MINUTE).all()
        assert (to_close[row] == (panel.sessions.close_ns[day] - panel.end_ns[row]) / MINUTE).all()
        assert (is_last[row] == float(panel.end_ns[row] == panel.sessions.close_ns[day])).all()


def test_session_clocks_on_a_slower_frame_are_those_of_its_ends() -> None:
    panel = a_market(3, missing=0.0, calendar=a_calendar(1, half_days=()))

    found = values_of(panel, session.minutes_to_close, bars("1h"))

    assert list(found[:, 0]) == [90.0, 30.0, 0.0]


def test_the_month_changes_with_its_first_session_wherever_the_data_begins() -> None:
    """Sessions of New York around the turns of 2019 and 2020; 1 January is none of them."""
    calendar = sessions("XNYS", date(2019, 12, 27), date(2020, 3, 3))
    panel = a_market(1, calendar=calendar, base="1d", missing=0.0)
    days = [date(1970, 1, 1) + timedelta(days=int(day)) for day in calendar.days]
    turns = session.month.on(bars("1d")) != session.month.on(bars("1d")).lag(1)

    month = values_of(panel, session.month)[:, 0]
    turned = values_of(panel, turns)[:, 0]

    assert month.tolist() == [12 * (day.year - 1970) + day.month - 1 for day in days]
    assert [days[row] for row in np.flatnonzero(turned == 1.0)] == [
        date(2020, 1, 2),
        date(2020, 2, 3),
        date(2020, 3, 2),
    ]
    assert np.isnan(turned[0])
    assert values_of(panel.rows(5, len(panel)), turns)[1:, 0].tolist() == turned[6:].tolist()


def test_without_sessions_their_clock_is_unknown() -> None:
    panel = a_series([1.0, 2.0])

    assert np.isnan(values_of(panel, session.minutes_since_open)).all()
    assert np.isnan(values_of(panel, session.month)).all()


def test_a_decision_row_belongs_to_the_base_row_that_made_it_readable() -> None:
    panel = a_market(0, missing=0.0, symbols=1, calendar=a_calendar(1, half_days=()))
    program = compiled_for(panel, {"x": close}, bars("15min"))
    run = collected(program, panel)["t"]

    for row, decision in enumerate(run["decision_row"]):
        ended = np.flatnonzero(run["end_ns"] == panel.end_ns[row])
        assert decision == (ended[0] if len(ended) else -1)


def test_tables_of_several_frames_live_side_by_side() -> None:
    panel = a_market(4)
    rule = bars("1h").close > sma(bars("15min").close, 3)
    tables = {name: (bars(name) if name else None, {"x": rule}) for name in ("", "15min", "1h")}
    program = compile_program(tables, symbol_count=3, base_frame_ns=panel.frame_ns)
    program.advance(panel)

    for name, table in program.tables.items():
        expected = values_of(panel, rule, bars(name))
        np.testing.assert_array_equal(table.values[0], expected)
        assert table.values.flags.c_contiguous
        assert table.exists.shape == table.values.shape[1:]


def test_an_output_asked_for_twice_is_given_twice() -> None:
    panel = a_market(4)
    average = sma(close, 3)
    program = compile_program(
        {
            "a": (None, {"x": average, "y": average, "close": close, "five": average * 0 + 5}),
            "b": (None, {"x": average}),
        },
        symbol_count=3,
        base_frame_ns=panel.frame_ns,
    )
    program.advance(panel)

    a, b = program.tables["a"], program.tables["b"]
    np.testing.assert_array_equal(a.values[a.rows["x"]], a.values[a.rows["y"]])
    np.testing.assert_array_equal(a.values[a.rows["x"]], b.values[b.rows["x"]])
    np.testing.assert_array_equal(a.values[a.rows["close"]], panel.close)


def test_a_formula_of_thousands_of_nodes_is_no_problem() -> None:
    panel = a_series([1.0] * 12)
    total = close
    for step in range(3000):
        total = total + close.lag(step % 10)

    assert values_of(panel, total)[-1, 0] == 3001.0


def test_resetting_forgets_everything() -> None:
    panel = a_market(6)
    formulas = {"x": (sma(bars("1h").close, 2) > close.lag(3)).any(5), "y": close.on(bars("15min"))}
    program = compiled_for(panel, formulas, bars("15min"))

    first = collected(program, panel.rows(0, 50))
    collected(program, panel, range(0, 80, 3))

    assert_same(first, collected(program, panel.rows(0, 50)))


def test_the_calendar_may_grow_and_lose_its_past_while_the_program_runs() -> None:
    whole = a_market(6, calendar=a_calendar(6))
    assert whole.sessions is not None
    known = whole.sessions.cut(0, 3)
    clock = session.minutes_to_close.on(bars("2d"))
    program = compiled_for(whole, {"x": bars("2d").close, "y": bars("1h").close, "clock": clock})
    cut = int(np.searchsorted(whole.end_ns, known.close_ns[-1], side="right"))
    expected = collected(program, whole)["t"]["values"]

    program.reset()
    program.advance(replace(whole.rows(0, cut), sessions=known))
    head = program.tables["t"].values.copy()
    program.advance(replace(whole.rows(cut, len(whole)), sessions=whole.sessions.cut(2, 6)))

    np.testing.assert_array_equal(np.concatenate([head, program.tables["t"].values], axis=1), expected)


def test_chunks_that_do_not_fit_are_refused() -> None:
    panel = a_market(1)
    program = compiled_for(panel, {"x": close})
    program.advance(panel.rows(0, 10))

    with pytest.raises(DataError, match="does not come after"):
        program.advance(panel.rows(9, 12))
    with pytest.raises(DataError, match="3 symbols, but the chunk has 2"):
        program.advance(a_market(1, symbols=2))
    with pytest.raises(DataError, match="bars of 5min, but the chunk has bars of 10min"):
        program.advance(a_market(1, base="10min"))
    program.advance(panel.rows(10, 12))


def test_a_chunk_is_small_enough_for_the_cache() -> None:
    few, many = (compile_program({"t": (None, {"x": close})}, symbol_count=n, base_frame_ns=MINUTE) for n in (1, 500))

    assert few.chunk_rows == 32_768
    assert many.chunk_rows == 65
