"""A formula is unknown for exactly as many bars as it says, when no bar is missing."""

from __future__ import annotations

import numpy as np
import pytest

from formula.builders import a_calendar, a_market, a_series
from formula.running import compiled_for, values_of
from tapeline.domain.panel import Panel
from tapeline.formula import (
    Frame,
    Node,
    adx,
    atr,
    bars,
    bollinger,
    crossed_above,
    ema,
    macd,
    maximum,
    obv,
    param,
    realized_volatility,
    relative_volume,
    roc,
    rolling_argmax,
    rolling_argmin,
    rolling_mean,
    rolling_std,
    rolling_sum,
    rolling_zscore,
    rsi,
    sma,
    stoch_rsi,
    stochastic,
    true_range,
    vwap,
    where,
    wilder,
)

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
        sma(close, 5),
        ema(close, 5),
        ema(close, 5, seed="first"),
        wilder(close, 5),
        rolling_sum(close, 3),
        rolling_mean(close, 3),
        rolling_std(close, 4),
        rolling_argmin(close, 4),
        rolling_argmax(close, 4),
        rolling_zscore(close, 4),
        bollinger(close, 6).percent_b,
        bollinger(close, 6).bandwidth,
        rsi(close, 5),
        stochastic(base, 5),
        stoch_rsi(close, 5, 4, 3, 2).k,
        stoch_rsi(close, 5, 4, 3, 2).d,
        macd(close, 3, 6, 4).line,
        macd(close).histogram,
        roc(close, 3),
        true_range(base),
        atr(base, 5),
        adx(base, 5).adx,
        adx(base, 5).minus_di,
        obv(base),
        vwap(base),
        relative_volume(base, 5),
        realized_volatility(close, 5),
        maximum(sma(close, 3), rsi(sma(close, 4), 3)),
        rsi(close, param(4, name="n")),
    )
}


@pytest.fixture(scope="module")
def market() -> Panel:
    return a_market(3, calendar=a_calendar(1, half_days=(), hours=6), missing=0.0, rounded=False)


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
