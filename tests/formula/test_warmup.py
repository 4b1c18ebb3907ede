"""A formula is unknown for exactly as many bars as it says, when no bar is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from formula.builders import a_calendar, a_market, a_series
from formula.library_examples import EXAMPLES, parts_of
from formula.running import compiled_for, values_of
from tapeline.domain.panel import Panel
from tapeline.formula import Frame, Node, bars, crossed_above, ema, macd, maximum, param, rsi, sma, where

# Two count sessions and not bars, see `test_library`; a crossing may be known earlier, see below, and so may the
# side of a bar whose close is not in the middle of the quotes.
ELSEWHERE = {
    "relative_volume_by_minute", "expected_volume_by_minute", "crossed_above", "crossed_below", "tick_imbalance",
}  # fmt: skip

base = bars()
close = base.close
FORMULAS: dict[str, Node] = {
    str(node): node
    for node in (
        close,
        base.completeness,
        base.typical,
        close.lag(0),
        close.lag(4),
        (close > close.lag(2)).lag(3),
        (close > 1e9).any(5),
        (close > 0).all(5),
        (close > close.lag(1)).count(4),
        close.highest(6),
        close.lowest(6).lag(1),
        (close > 0).bars_since(),
        close.rank(),
        close.lag(2).zscore(),
        close.demean(),
        where(close.lag(3) > 0, close, close.lag(1)),
        (close > 0) & (sma(close, 5) > 0),
        (close > 1e9) | (sma(close, 7) > 1e9),
        macd(close).histogram,
        maximum(sma(close, 3), rsi(sma(close, 4), 3)),
        rsi(close, param(4, name="n")),
        *(node for name in EXAMPLES if name not in ELSEWHERE for node in parts_of(name, base, close, 4).values()),
    )
}


@pytest.fixture(scope="module")
def market() -> Panel:
    panel = a_market(3, calendar=a_calendar(1, half_days=(), hours=6), missing=0.0, rounded=False, quotes=True)
    return replace(panel, series={name: np.nan_to_num(values, nan=20.0) for name, values in panel.series.items()})


@pytest.mark.parametrize("name", FORMULAS)
def test_the_first_known_value_comes_right_after_the_warmup(market: Panel, name: str) -> None:
    node = FORMULAS[name]

    values = values_of(market, node)

    (bars_before,) = node.warmup().values()
    assert np.isnan(values[:bars_before]).all()
    assert np.isfinite(values[bars_before]).all()
    assert compiled_for(market, {"x": node}).warmup["t"]["x"] == {"5min": bars_before}


def test_a_crossing_is_surely_known_after_one_bar_more_than_its_inputs() -> None:
    panel = a_series([5.0, 5.0, 5.0, 5.0])
    crossing = crossed_above(close.lag(2), 1)

    assert crossing.warmup() == {base.frame: 3}
    assert [np.isnan(value) for value in values_of(panel, crossing)[:, 0]] == [True, True, True, False]


def test_warmups_of_several_frames_are_counted_apart() -> None:
    m15, h1 = bars("15min"), bars("1h")
    rule = (sma(m15.close, 20) > ema(h1.close, 5)) & (rsi(h1.close, 14) > 50).on(m15).any(3)

    assert rule.warmup() == {m15.frame: 19, h1.frame: 14}
    program = compiled_for(a_market(1), {"x": rule}, m15)
    assert program.warmup["t"]["x"] == {"15min": 19, "1h": 14}


def test_a_slower_frame_is_known_with_its_first_bar_after_its_warmup() -> None:
    panel = a_market(1, missing=0.0, calendar=a_calendar(3, half_days=()))
    hour = bars("1h")

    found = values_of(panel, sma(hour.close, 4))

    # sessions of 2.5 hours end an hour's bar at 60, 120 and 150 minutes: the fourth ends 60 minutes into day
    # two
    assert sma(hour.close, 4).warmup() == {Frame(3_600_000_000_000): 3}
    first = int(np.argmax(np.isfinite(found[:, 0])))
    assert first == 30 + 12 - 1
