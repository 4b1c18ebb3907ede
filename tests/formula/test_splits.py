"""Formulas see history in the shares of their time: after a split in the new ones, before it in the old."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from formula.builders import FIRST_DAY, a_calendar, a_market
from formula.graphs import conditions, numbers
from tapeline import Panel, RuleStrategy, Split, backtest, bars, compute, ema
from tapeline.app.replay import replay
from tapeline.domain.times import ns_to_date
from tapeline.formula import Node
from tapeline.formula.node import ordered

PRICES = ("open", "high", "low", "close")
DAYS = 6
MARKET = a_market(3, calendar=a_calendar(DAYS, half_days=(1, 4)), quotes=True)


def a_split(session: int, new: int, old: int, symbol: str = "S1") -> Split:
    """Return a split at a session of the market, counted from 0."""
    return Split(symbol, ns_to_date(FIRST_DAY) + timedelta(days=session), Decimal(new), Decimal(old))


def first_row(panel: Panel, session: int) -> int:
    assert panel.sessions is not None
    return int(np.searchsorted(panel.start_ns, panel.sessions.open_ns[session]))


def with_history(panel: Panel, *splits: tuple[int, float]) -> Panel:
    """Return the panel with everything of S1 before each session in the shares of after it."""
    fields = {name: getattr(panel, name).copy() for name in (*PRICES, "volume")}
    factor = np.ones(len(panel))
    for session, ratio in splits:
        factor[: first_row(panel, session)] *= ratio
    for name in PRICES:
        fields[name][:, 1] = fields[name][:, 1] / factor
    fields["volume"][:, 1] = fields["volume"][:, 1] * factor
    series = {name: values.copy() for name, values in panel.series.items()}
    for name, values in series.items():
        values[:, 1] = values[:, 1] * factor if name.endswith("_size") else values[:, 1] / factor
    return replace(panel, **fields, series=series)


def mixes(formula: Node) -> bool:
    return any(node.operation.kind == "cross_section" for node in ordered([formula]))


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    return found.tobytes() == expected.tobytes()


@settings(max_examples=60)
@given(
    st.one_of(numbers(), conditions()).filter(lambda node: not mixes(node)),
    st.integers(1, DAYS - 1),
    st.sampled_from([(2, 1), (3, 2), (1, 10), (7, 3)]),
)
def test_after_a_split_a_formula_has_the_values_of_a_history_in_new_shares(
    formula: Node, session: int, ratio: tuple[int, int]
) -> None:
    found = compute({"x": formula}, MARKET, corporate_actions=[a_split(session, *ratio)])["x"]

    before = compute({"x": formula}, MARKET)["x"]
    after = compute({"x": formula}, with_history(MARKET, (session, ratio[0] / ratio[1])))["x"]
    row = first_row(MARKET, session)
    assert same(found[:row], before[:row])
    assert same(found[row:], after[row:])
    assert same(found[:, [0, 2]], before[:, [0, 2]])


def test_two_splits_of_one_symbol_add_up() -> None:
    formula = ema(bars("15min").close, 5)

    found = compute({"x": formula}, MARKET, corporate_actions=[a_split(4, 3, 1), a_split(2, 2, 1)])["x"]

    late, middle = first_row(MARKET, 4), first_row(MARKET, 2)
    assert same(found[late:], compute({"x": formula}, with_history(MARKET, (2, 2.0), (4, 3.0)))["x"][late:])
    assert same(found[middle:late], compute({"x": formula}, with_history(MARKET, (2, 2.0)))["x"][middle:late])


def test_what_depends_on_other_symbols_too_keeps_its_past() -> None:
    """The mean of the ranks of three days ago is what it was; only ranks from the split on see new prices."""
    formula = ema(bars().close.rank(), 4)

    found = compute({"x": formula}, MARKET, corporate_actions=[a_split(3, 2, 1)])["x"]

    assert same(found, compute({"x": formula}, MARKET)["x"])


def test_a_split_after_the_data_or_at_their_first_session_changes_nothing() -> None:
    formula = ema(bars().close, 4)
    apart = [a_split(0, 2, 1), Split("S1", date(2030, 1, 1), Decimal(2))]

    assert same(compute({"x": formula}, MARKET, corporate_actions=apart)["x"], compute({"x": formula}, MARKET)["x"])


class AboveItsMean(RuleStrategy):
    """In while the close is above its mean of twenty bars; a split in raw prices would look like a fall."""

    enter_long = bars().close > ema(bars().close, 20)
    exit_long = bars().close < ema(bars().close, 20)


def test_both_ways_decide_on_adjusted_prices_and_a_split_alone_causes_no_exit() -> None:
    rising = a_market(5, symbols=2, calendar=a_calendar(DAYS), missing=0.0)
    climb = np.linspace(100.0, 160.0, len(rising))[:, None] * np.ones((1, 2))
    split_row = first_row(rising, 3)
    traded = climb.copy()
    traded[split_row:, 1] /= 2.0
    panel = replace(rising, open=traded, high=traded + 0.5, low=traded - 0.5, close=traded)
    actions = [a_split(3, 2, 1)]

    compiled = backtest(AboveItsMean, panel, corporate_actions=actions)
    replayed = replay([AboveItsMean()], panel, corporate_actions=actions).result

    assert compiled.digest == replayed.digest
    assert compiled.equity.tobytes() == replayed.equity.tobytes()
    assert len(compiled.executions) == 2  # both bought once and never sold
    unadjusted = backtest(AboveItsMean, panel)
    assert len(unadjusted.executions) > 2
