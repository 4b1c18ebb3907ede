"""The library's functions, against TA-Lib and plain NumPy, through the whole program."""

from __future__ import annotations

import math

import numpy as np
import pytest
import talib

from formula.builders import a_calendar, a_market, a_series
from formula.running import column_of, compiled_for, values_of
from tapeline.domain.errors import FormulaError
from tapeline.domain.panel import Panel
from tapeline.formula import (
    Node,
    adx,
    atr,
    bars,
    bollinger,
    ema,
    macd,
    obv,
    realized_volatility,
    relative_volume,
    relative_volume_by_minute,
    roc,
    rolling_argmax,
    rolling_argmin,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_std,
    rolling_sum,
    rolling_zscore,
    rsi,
    sma,
    stoch_rsi,
    stochastic,
    true_range,
    vwap,
    wilder,
)

B = bars()
C = B.close


@pytest.fixture(scope="module")
def market() -> Panel:
    return a_market(8, symbols=2, missing=0.0, rounded=False, calendar=a_calendar(10, half_days=()))


def windows(values: np.ndarray, length: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(values, length)


def assert_column(panel: Panel, node: Node, expected: np.ndarray) -> None:
    found = values_of(panel, node)[:, 1]
    padded = np.full(len(found), math.nan)
    padded[len(found) - len(expected) :] = expected
    np.testing.assert_allclose(found, padded, rtol=1e-9, atol=1e-9)


def test_against_talib(market: Panel) -> None:
    high, low, close, volume = (getattr(market, name)[:, 1].copy() for name in ("high", "low", "close", "volume"))
    line, signal, histogram = talib.MACD(close, 12, 26, 9)
    bands = talib.BBANDS(close, 20, 2, 2)
    lines = macd(C)

    assert_column(market, sma(C, 20), talib.SMA(close, 20))
    assert_column(market, rolling_mean(C, 20), talib.SMA(close, 20))
    assert_column(market, ema(C, 20), talib.EMA(close, 20))
    assert_column(market, rsi(C, 14), talib.RSI(close, 14))
    assert_column(market, roc(C, 5), talib.ROC(close, 5))
    assert_column(market, true_range(B), talib.TRANGE(high, low, close))
    assert_column(market, atr(B, 14), talib.ATR(high, low, close, 14))
    assert_column(market, adx(B, 14).adx, talib.ADX(high, low, close, 14))
    assert_column(market, adx(B, 14).plus_di, talib.PLUS_DI(high, low, close, 14))
    assert_column(market, adx(B, 14).minus_di, talib.MINUS_DI(high, low, close, 14))
    assert_column(market, obv(B), talib.OBV(close, volume))
    assert_column(market, rolling_std(C, 20), talib.STDDEV(close, 20))
    assert_column(market, rolling_min(C, 7), talib.MIN(close, 7))
    assert_column(market, rolling_max(C, 7), talib.MAX(close, 7))
    assert_column(market, rolling_sum(C, 7), talib.SUM(close, 7))
    for node, expected in zip(lines, (line, signal, histogram), strict=True):
        assert np.isnan(expected[:33]).all()
        assert_column(market, node, expected)
    for node, expected in zip(bollinger(C, 20, 2)[:3], bands, strict=True):
        assert_column(market, node, expected)
    fast_k, _ = talib.STOCHF(high, low, close, 14, 1)
    assert_column(market, stochastic(B, 14), fast_k[13:])


def test_against_their_definitions(market: Panel) -> None:
    close, volume = market.close[:, 1], market.volume[:, 1]
    mean, deviation = windows(close, 5).mean(axis=1), windows(close, 5).std(axis=1)
    band = bollinger(C, 5, 2)

    assert_column(market, rolling_zscore(C, 5), (close[4:] - mean) / deviation)
    assert_column(market, rolling_std(C, 5, ddof=1), windows(close, 5).std(axis=1, ddof=1))
    assert_column(market, band.bandwidth, 4 * deviation / mean)
    assert_column(market, band.percent_b, (close[4:] - mean + 2 * deviation) / (4 * deviation))
    assert_column(market, rolling_argmin(C, 6), 5.0 - windows(close, 6).argmin(axis=1))
    assert_column(market, rolling_argmax(C, 6), 5.0 - windows(close, 6).argmax(axis=1))
    assert_column(market, relative_volume(B, 5), volume[4:] / windows(volume, 5).mean(axis=1))
    returns = windows(np.diff(np.log(close)), 5)
    assert_column(market, realized_volatility(C, 5), returns.std(axis=1, ddof=1) * math.sqrt(252))
    assert_column(market, realized_volatility(C, 5, ddof=0, periods_per_year=1), returns.std(axis=1))


def test_stochastic_rsi_is_the_rsi_in_its_own_range(market: Panel) -> None:
    strength = talib.RSI(market.close[:, 1].copy(), 5)[5:]
    low, high = windows(strength, 4).min(axis=1), windows(strength, 4).max(axis=1)
    raw = np.where(high - low <= 1e-9, 0.0, 100 * (strength[3:] - low) / np.maximum(high - low, 1e-9))
    k, d = stoch_rsi(C, 5, 4, 3, 2)

    assert_column(market, k, windows(raw, 3).mean(axis=1))
    assert_column(market, d, windows(windows(raw, 3).mean(axis=1), 2).mean(axis=1))


def test_wilders_average_has_weight_one_over_length() -> None:
    # mean of 1, 2, 6 is 3; then 3 + (9 - 3) / 3 = 5
    assert column_of(a_series([1.0, 2.0, 6.0, 9.0]), wilder(C, 3)) == [None, None, 3.0, 5.0]


def test_an_average_can_start_from_the_first_value() -> None:
    # weight 2 / (3 + 1): 1, 1.5, 3.75
    assert column_of(a_series([1.0, 2.0, 6.0]), ema(C, 3, seed="first")) == [1.0, 1.5, 3.75]


def test_conventions_for_flat_stretches_are_named() -> None:
    panel = a_series([5.0] * 4)

    assert column_of(panel, rsi(C, 2))[-1] == 0.0
    assert column_of(panel, rsi(C, 2, flat="middle"))[-1] == 50.0
    assert column_of(panel, rsi(C, 2, flat="unknown"))[-1] is None
    assert column_of(panel, rsi(C, 2, flat=100))[-1] == 100.0
    assert column_of(panel, rolling_zscore(C, 2))[-1] is None
    assert column_of(panel, rolling_zscore(C, 2, flat="zero"))[-1] == 0.0
    assert column_of(panel, bollinger(C, 2).percent_b)[-1] is None
    assert column_of(panel, bollinger(C, 2).bandwidth)[-1] == 0.0


def test_vwap_begins_anew_with_each_session() -> None:
    panel = a_market(8, symbols=1, missing=0.0, calendar=a_calendar(2, half_days=()))
    typical = (panel.high + panel.low + panel.close)[:, 0] / 3
    volume = panel.volume[:, 0]

    found = values_of(panel, vwap(B))[:, 0]

    half = len(panel) // 2
    for part in (slice(0, half), slice(half, None)):
        expected = np.cumsum(typical[part] * volume[part]) / np.cumsum(volume[part])
        np.testing.assert_allclose(found[part], expected, rtol=1e-12)


def test_vwap_of_a_slower_frame_follows_that_frames_sessions() -> None:
    panel = a_market(8, symbols=1, missing=0.0, calendar=a_calendar(2, half_days=()))
    m15 = bars("15min")
    program = compiled_for(panel, {"v": vwap(m15), "t": m15.typical, "n": m15.volume}, m15)
    program.advance(panel)
    (found, typical, volume) = program.tables["t"].values[:, :, 0]

    half = len(found) // 2
    for part in (slice(0, half), slice(half, None)):
        expected = np.cumsum(typical[part] * volume[part]) / np.cumsum(volume[part])
        np.testing.assert_allclose(found[part], expected, rtol=1e-12)


def test_relative_volume_by_minute_compares_with_the_same_minute_before() -> None:
    panel = a_market(8, symbols=1, missing=0.0, calendar=a_calendar(4, half_days=(), hours=1))
    volume = panel.volume[:, 0].reshape(4, 12)

    found = values_of(panel, relative_volume_by_minute(bars("5min"), 2, session_minutes=60))[:, 0].reshape(4, 12)

    assert np.isnan(found[:2]).all()
    np.testing.assert_allclose(found[2], volume[2] / volume[:2].mean(axis=0))
    np.testing.assert_allclose(found[3], volume[3] / volume[1:3].mean(axis=0))
    with pytest.raises(FormulaError, match="bar's length"):
        relative_volume_by_minute(bars())


def test_indicators_that_share_a_window_share_its_computation() -> None:
    band = bollinger(C, 20, 2)

    program = compiled_for(a_series([1.0]), {"a": band.upper, "b": band.lower, "c": rolling_std(C, 20)})

    # one pass over the window, 2 * deviation, + and -
    assert len(program.lowering.instructions) == 4
