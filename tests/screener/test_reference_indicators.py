"""The referee's indicators against TA-Lib, and where TA-Lib has no answer of its own, against the rules' words."""

from __future__ import annotations

import random

import numpy as np
import pytest
import talib

from screener.reference import indicators
from screener.reference.logic import UNKNOWN

RELATIVE = 1e-9  # both sides round in another order


def a_walk(seed: int, length: int = 400) -> tuple[list[float], list[float], list[float]]:
    """Return high, low and close of a random walk in cents, with a stretch in which nothing moves."""
    chance = random.Random(seed)
    close = [50.0]
    for i in range(length - 1):
        step = 0.0 if 150 <= i < 170 else round(chance.gauss(0, 0.4), 2)
        close.append(round(max(close[-1] + step, 1.0), 2))
    high = [round(value + chance.random(), 2) for value in close]
    low = [round(value - chance.random() / 2, 2) for value in close]
    return high, low, close


def assert_same(ours: list[float], theirs: np.ndarray) -> None:
    assert np.array_equal(np.isnan(ours), np.isnan(theirs)), "both sides must know the same bars"
    np.testing.assert_allclose(ours, theirs, rtol=RELATIVE, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_bands_strength_histogram_and_range_equal_talib(seed: int) -> None:
    high, low, close = a_walk(seed)
    prices = np.array(close)

    for ours, theirs in zip(indicators.bollinger(close), talib.BBANDS(prices, 20, 2, 2)[::-1], strict=True):
        assert_same(ours, theirs)
    for ours, theirs in zip(indicators.macd(close), talib.MACD(prices, 12, 26, 9), strict=True):
        assert_same(ours, theirs)
    assert_same(indicators.rsi(close), talib.RSI(prices, 14))
    assert_same(indicators.atr(high, low, close), talib.ATR(np.array(high), np.array(low), prices, 14))
    for length in (20, 50, 200):
        assert_same(indicators.sma(close, length), talib.SMA(prices, length))


@pytest.mark.parametrize("seed", range(5))
def test_stochastic_of_rsi_equals_talib_put_together_from_its_parts(seed: int) -> None:
    _, _, close = a_walk(seed)
    raw, their_k = talib.STOCHRSI(np.array(close), 14, 14, 3, 0)
    # TA-Lib starts all of its outputs together: D is one more average over the K it knows.
    their_d = np.full(len(close), np.nan)
    known = ~np.isnan(their_k)
    their_d[known] = talib.SMA(their_k[known], 3)

    k, d = indicators.stoch_rsi(indicators.rsi(close))

    assert_same(k, their_k)
    assert_same(d, their_d)
    assert not np.isnan(raw[known]).any()


def test_each_indicator_becomes_known_at_its_bar() -> None:
    high, low, close = a_walk(9)
    k, d = indicators.stoch_rsi(indicators.rsi(close))
    first = {
        "bands": (indicators.bollinger(close)[1], 20),
        "rsi": (indicators.rsi(close), 15),
        "k": (k, 30),
        "d": (d, 32),
        "line": (indicators.macd(close)[0], 34),
        "h": (indicators.macd(close)[2], 34),
        "atr": (indicators.atr(high, low, close), 15),
    }

    for name, (values, bar) in first.items():
        assert np.isnan(values[: bar - 1]).all() and not np.isnan(values[bar - 1]), name


def test_values_do_not_depend_on_what_comes_later() -> None:
    high, low, close = a_walk(3, 260)
    short = 215

    for make in (indicators.rsi, lambda x: indicators.macd(x)[2], lambda x: indicators.stoch_rsi(indicators.rsi(x))[1]):
        np.testing.assert_array_equal(make(close)[:short], make(close[:short]))
    np.testing.assert_array_equal(
        indicators.atr(high, low, close)[:short], indicators.atr(high[:short], low[:short], close[:short])
    )


def test_prices_that_never_move_have_the_values_that_the_rules_name() -> None:
    close = [10.0] * 60
    lower, _, upper = indicators.bollinger(close)

    assert indicators.rsi(close)[-1] == 0.0
    assert np.isnan(indicators.rsi(close, flat=UNKNOWN)[-1])
    assert indicators.stoch_rsi(indicators.rsi(close))[0][-1] == 0.0
    assert np.isnan(indicators.position_in_bands(close, lower, upper)[-1])
    assert indicators.macd(close)[2][-1] == 0.0


def test_position_in_the_bands_is_0_at_the_lower_and_1_at_the_upper() -> None:
    assert indicators.position_in_bands([9.0, 11.0, 10.5], [9.0] * 3, [11.0] * 3) == [0.0, 1.0, 0.75]


def test_the_mean_of_a_slot_reads_bars_of_the_same_time_of_day_only() -> None:
    volumes = [float(value) for day in range(3) for value in (10 + day, 500 + day)]

    found = indicators.same_slot_mean(volumes, [60, 120] * 3, length=2)

    assert np.isnan(found[:2]).all()
    assert found[2:] == [10.5, 500.5, 11.5, 501.5]
