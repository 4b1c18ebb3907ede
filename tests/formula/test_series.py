"""Series beside the bars: read as they stand at the end of a row, the same in every way of running."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bar_tables import bars_of
from formula.builders import a_market
from formula.running import assert_same, collected, compiled_for, values_of
from tapeline import (
    Panel,
    RuleStrategy,
    Stream,
    backtest,
    backtest_each,
    bars,
    compute,
    explain,
    replay,
    series,
    sma,
    sweep,
)
from tapeline.domain.errors import DataError, FormulaError
from tapeline.domain.panel import Floats
from tapeline.feeds.digest import panel_digest
from tapeline.feeds.replay import Replay
from tapeline.formula import Bars
from tapeline.formula.frame import Frame
from tapeline.formula.rebase import rebase

MEMBER = series("member")
M15 = bars("15min")


def with_members(panel: Panel, seed: int = 3) -> Panel:
    """Return a panel with a series of random numbers, some of them unknown, also where there are bars."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 3, panel.close.shape).astype(np.float64)
    values[random.random(values.shape) < 0.1] = np.nan
    return panel.with_series("member", values)


MARKET = with_members(a_market(5))


def where_there_are_bars(panel: Panel) -> Floats:
    return np.where(np.isnan(panel.close), np.nan, panel.series["member"])


def test_a_series_is_read_as_it_stands_where_there_is_a_bar() -> None:
    found = compute({"member": MEMBER, "twice": MEMBER * 2, "in": MEMBER == 1}, MARKET)

    expected = where_there_are_bars(MARKET)
    np.testing.assert_array_equal(found["member"], expected)
    np.testing.assert_array_equal(found["twice"], 2 * expected)
    np.testing.assert_array_equal(found["in"], np.where(np.isnan(expected), np.nan, expected == 1))


def test_a_slower_frame_reads_what_stands_at_its_ends() -> None:
    """Of the last existing bar that had ended by then, as every value that is read on another frame."""
    panel = MARKET
    found = values_of(panel, MEMBER.on(M15), M15)
    ends = collected(compiled_for(panel, {"x": MEMBER.on(M15)}, M15), panel)["t"]["end_ns"]

    assert len(ends) > 10
    for row, end_ns in enumerate(ends):
        for column in range(3):
            seen = np.flatnonzero((panel.end_ns <= end_ns) & ~np.isnan(panel.close[:, column]))
            exists = seen.size and panel.end_ns[seen[-1]] > end_ns - 15 * 60_000_000_000
            if exists:
                np.testing.assert_equal(found[row, column], panel.series["member"][seen[-1], column])


@pytest.mark.parametrize("decision", [None, M15], ids=["base", "15min"])
def test_cuts_change_no_bit(decision: Bars | None) -> None:
    formulas = {"average": sma(MEMBER, 3), "above": MEMBER.on(M15) > MEMBER.on(M15).lag(1), "plain": MEMBER}
    program = compiled_for(MARKET, formulas, decision)

    whole = collected(program, MARKET)

    assert_same(whole, collected(program, MARKET, range(len(MARKET))))
    assert_same(whole, collected(program, MARKET, (5, 6, 30)))


def test_threads_and_streams_give_the_same_numbers() -> None:
    wide = with_members(a_market(6, symbols=140))
    formula = {"x": sma(MEMBER, 2) + bars().close}
    stream = Stream(formula, symbols=140, frame="5min")

    at_once = compute(formula, wide, threads=1)["x"]
    rows = np.concatenate([stream.advance(wide.rows(t, t + 1))["x"].copy() for t in range(len(wide))])

    assert compute(formula, wide, threads=2)["x"].tobytes() == at_once.tobytes()
    assert rows.tobytes() == at_once.tobytes()


def test_a_strategy_on_a_slower_frame_reads_a_series_at_its_ends() -> None:
    frame = Frame(M15.frame.ns)

    moved = rebase([MEMBER, MEMBER.on(bars("1h")), MEMBER.lag(1)], frame)

    assert moved[MEMBER] is MEMBER.on(M15)
    assert moved[MEMBER.on(bars("1h"))] is MEMBER.on(bars("1h"))
    assert moved[MEMBER.lag(1)] is MEMBER.on(M15).lag(1)


def test_it_is_explained_by_its_name() -> None:
    row = int(np.flatnonzero(~np.isnan(where_there_are_bars(MARKET)[:, 0]))[3])
    value = MARKET.series["member"][row, 0]

    found = explain(MEMBER >= 0, MARKET, "S0", int(MARKET.end_ns[row]))

    assert found.render() == f'(series("member") >= 0) = true   [{value:g}]'


class Members(RuleStrategy):
    """Hold what is a member."""

    enter_long = MEMBER == 1
    exit_long = MEMBER != 1


TABLE = bars_of("""
          A   | B
    14:31 100 | 50
    14:32 101 | 51
    14:33 102 | 52
    14:34 103 | 53
""").with_series("member", np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, np.nan]]))


def test_a_strategy_trades_by_it_the_same_both_ways() -> None:
    compiled = backtest(Members(), TABLE)
    looped = replay([Members()], TABLE, ":memory:").result

    bought = [(compiled.symbols[row["symbol"]], int(row["side"]), float(row["price"])) for row in compiled.executions]
    assert bought == [("A", 1, 101.0), ("B", 1, 52.0), ("A", -1, 103.0)]
    assert looped.digest == compiled.digest


REFUSED: dict[str, Callable[[Panel], object]] = {
    "backtest": lambda panel: backtest(Members(), panel),
    "backtest_each": lambda panel: backtest_each(Members(), panel),
    "sweep": lambda panel: sweep(Members, panel, [{}]),
    "replay": lambda panel: replay([Members()], panel),
    "compute": lambda panel: compute({"x": MEMBER}, panel),
    "explain": lambda panel: explain(MEMBER, panel, "A", "2018-01-02T14:33:00Z"),
}


@pytest.mark.parametrize("way", REFUSED)
def test_data_without_the_series_is_refused_in_a_sentence(way: str) -> None:
    with pytest.raises(DataError, match=r'series\("member"\), which the data does not have: it has bars alone'):
        REFUSED[way](replace(TABLE, series={}))
    with pytest.raises(DataError, match="it has ask, bid"):
        REFUSED[way](replace(TABLE, series={"bid": TABLE.close, "ask": TABLE.close}))


def test_values_of_another_shape_and_names_that_are_none_are_refused() -> None:
    with pytest.raises(DataError, match=r"Series member is float64 of shape \(3, 2\), but 4 times and 2 symbols"):
        TABLE.with_series("member", np.zeros((3, 2)))
    with pytest.raises(FormulaError, match="takes the name of a series"):
        series("")


def test_a_slice_holds_the_series_of_its_moment_and_leads_to_no_other() -> None:
    for row, now in enumerate(Replay(TABLE).slices()):
        (values,) = now.series.values()
        np.testing.assert_array_equal(values, TABLE.series["member"][row : row + 1])
        assert values.base is None
        assert not values.flags.writeable


def test_a_digest_covers_series_and_stays_what_it_was_without_them() -> None:
    """The one without was found by the code from before there were series."""
    bare = replace(TABLE, series={})
    assert panel_digest(bare) == "dc9141c6639c2e7807266506836e1bae7182afe003327f2406c6f4f1c57899ad"
    other = TABLE.with_series("member", np.zeros((4, 2)))

    assert len({panel_digest(one) for one in (bare, TABLE, other, bare.with_series("x", TABLE.series["member"]))}) == 4


def test_columns_cut_the_series_with_the_bars() -> None:
    right = TABLE.columns(1, 2)

    np.testing.assert_array_equal(right.series["member"], TABLE.series["member"][:, 1:])
