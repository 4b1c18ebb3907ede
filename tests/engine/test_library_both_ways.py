"""Rules of the indicator library and of quotes trade the same both ways; without quotes both ways refuse them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.builders import simulated_panel
from engine.test_parity import assert_same, both
from tapeline import (
    Panel,
    RuleStrategy,
    RunSettings,
    backtest,
    bars,
    chaikin_money_flow,
    donchian,
    kama,
    mfi,
    parabolic_sar,
    quote_imbalance,
    quoted_spread,
    replay,
    rolling_r_squared,
    supertrend,
    volume_zscore,
)
from tapeline.domain.errors import DataError


class Breakout(RuleStrategy):
    """Buy a close above the channel of the bars before in a straight trend up; leave below the adaptive average."""

    m5, m15 = bars("5min"), bars("15min")

    enter_long = (
        (m5.close > donchian(m5, 12).upper.lag(1))
        & (supertrend(m15, 5, 2).trend == 1)
        & (rolling_r_squared(m5.close, 12) > 0.1)
        & (volume_zscore(m5, 20) > -1)
    )
    exit_long = (m5.close < kama(m5.close, 6)) | (parabolic_sar(m15).trend == -1)
    rank = mfi(m5, 10) + chaikin_money_flow(m5, 10)


class Leaning(RuleStrategy):
    """Hold while more shares are wanted than offered at quotes that lie close together."""

    m5 = bars("5min")

    enter_long = (quote_imbalance(m5) > 0.3) & (quoted_spread(m5, relative=True) < 0.002)
    exit_long = quote_imbalance(m5) < -0.3


def quoted(panel: Panel) -> Panel:
    """Return the panel with quotes around the closes, some wide, some unknown."""
    random, shape = np.random.default_rng(4), panel.close.shape
    half = random.choice([0.0005, 0.0015], shape) * panel.close
    half[random.random(shape) < 0.05] = np.nan
    sizes = [random.integers(1, 9, shape) * 100.0 for _ in range(2)]
    quotes = {"bid": panel.close - half, "ask": panel.close + half, "bid_size": sizes[0], "ask_size": sizes[1]}
    return replace(panel, series=quotes)


def test_rules_of_the_library_trade_the_same_both_ways() -> None:
    compiled, replayed = both([Breakout()], simulated_panel(), RunSettings())

    assert len(compiled.executions) > 20
    assert_same(compiled, replayed.result)


def test_rules_of_quotes_trade_the_same_both_ways() -> None:
    compiled, replayed = both([Leaning(), Breakout()], quoted(simulated_panel()), RunSettings())

    assert len(compiled.executions) > 20
    assert_same(compiled, replayed.result)


def test_without_quotes_both_ways_refuse() -> None:
    panel = simulated_panel()

    with pytest.raises(DataError, match=r"A formula reads series\(\"\w+\"\), which the data does not have"):
        backtest([Leaning()], panel)
    with pytest.raises(DataError, match=r"A formula reads series\(\"\w+\"\), which the data does not have"):
        replay([Leaning()], panel)
