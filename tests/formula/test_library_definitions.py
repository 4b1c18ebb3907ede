"""The indicators that are combinations of others, against their published definitions in plain NumPy.

Those that TA-Lib has are compared with it in `indicators/test_talib.py`, kernels with their own references there.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import talib

from formula.builders import a_calendar, a_market, a_series
from formula.running import column_of, values_of
from tapeline.domain.errors import FormulaError
from tapeline.domain.panel import Panel
from tapeline.formula import (
    Node,
    adaptive_average,
    aroon,
    bars,
    bound_node,
    cci,
    chaikin_money_flow,
    chaikin_oscillator,
    donchian,
    efficiency_ratio,
    exp,
    expected_volume_by_minute,
    fractional_difference,
    heikin_ashi,
    hma,
    ichimoku,
    kama,
    keltner,
    log,
    mfi,
    money_flow_volume,
    parabolic_sar,
    param,
    ppo,
    rolling_beta,
    rolling_correlation,
    rolling_slope,
    sign,
    slow_stochastic,
    sqrt,
    supertrend,
    volume_zscore,
    where,
    williams_r,
    yang_zhang_volatility,
)

B = bars()
C = B.close
NAN = math.nan


@pytest.fixture(scope="module")
def market() -> Panel:
    return a_market(8, symbols=2, missing=0.0, rounded=False, calendar=a_calendar(10, half_days=()))


def windows(values: np.ndarray, length: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(values, length)


def fields(panel: Panel) -> tuple[np.ndarray, ...]:
    return tuple(getattr(panel, name)[:, 1].copy() for name in ("open", "high", "low", "close", "volume"))


def assert_column(panel: Panel, node: Node, expected: np.ndarray) -> None:
    """Require the second symbol's values; what is expected may leave out the warm-up."""
    found = values_of(panel, node)[:, 1]
    padded = np.full(len(found), NAN)
    padded[len(found) - len(expected) :] = expected
    np.testing.assert_allclose(found, padded, rtol=1e-9, atol=1e-9)


def weighted(values: np.ndarray, length: int) -> np.ndarray:
    weights = np.arange(1.0, length + 1)
    return windows(values, length) @ weights / weights.sum()


@pytest.mark.parametrize("length", [2, 3, 4, 8, 9, 15, 16, 17])
def test_hulls_average_is_made_of_three_weighted_ones(market: Panel, length: int) -> None:
    close = fields(market)[3]
    half = weighted(close, length // 2)[length - length // 2 :]

    expected = weighted(2 * half - weighted(close, length), math.isqrt(length))

    assert_column(market, hma(C, length), expected)
    assert_column(market, bound_node(hma(C, param(5, low=2, name="n")), n=length), expected)


def test_hulls_average_needs_two_bars() -> None:
    with pytest.raises(FormulaError, match="length of hma must be at least 2"):
        hma(C, 1)
    with pytest.raises(FormulaError, match="length of hma must be a number or made of parameters"):
        hma(C, C)


def test_channels(market: Panel) -> None:
    _, high, low, close, _ = fields(market)
    top, bottom = windows(high, 7).max(axis=1), windows(low, 7).min(axis=1)
    middle, reach = talib.EMA(close, 9), 1.5 * talib.ATR(high, low, close, 5)

    assert_column(market, donchian(B, 7).upper, top)
    assert_column(market, donchian(B, 7).lower, bottom)
    assert_column(market, donchian(B, 7).middle, (top + bottom) / 2)
    for node, expected in zip(keltner(B, 9, 1.5, atr_length=5), (middle + reach, middle, middle - reach), strict=True):
        assert_column(market, node, expected)


def test_a_donchian_line_compares_exactly() -> None:
    """It is one of the prices, so a close at the line is not above it by a tolerance."""
    assert donchian(B, 3).upper.is_selection


def test_the_cloud_at_a_bar_was_made_before_it(market: Panel) -> None:
    _, high, low, _, _ = fields(market)

    def middle(length: int) -> np.ndarray:
        found = (windows(high, length).max(axis=1) + windows(low, length).min(axis=1)) / 2
        return np.concatenate([np.full(length - 1, NAN), found])

    lines = ichimoku(B, 3, 6, 11, displacement=4)

    assert_column(market, lines.conversion, middle(3))
    assert_column(market, lines.base, middle(6))
    assert_column(market, lines.leading_a, ((middle(3) + middle(6)) / 2)[:-4])
    assert_column(market, lines.leading_b, middle(11)[:-4])


def test_supertrend_by_hand() -> None:
    """Ranges of 2 and an average range of 2, so the bands are 2 from the middle; the trend begins down."""
    close = [10.0, 10.0, 11.0, 13.5, 13.0, 12.0, 10.0]
    panel = a_series(close, high=[c + 1 for c in close], low=[c - 1 for c in close])
    # true ranges of 2, 2, 3.5, 2, 2, 3 after the first; averages of length 1 are these themselves
    line, trend = supertrend(B, 1, 1)

    # upper bands: -, 12, 12 (13 is above), 12 (17 is above); 13.5 crosses it, so the lower one takes over:
    # 8, 9, 10 rising with the price; 13 - 2 = 11 rises, 12 - 2 = 10 does not; 10 is below 11, so the upper one again,
    # which has come down from 15 and 14 to 13
    assert column_of(panel, line) == [None, 12.0, 12.0, 10.0, 11.0, 11.0, 13.0]
    assert column_of(panel, trend) == [None, -1.0, -1.0, 1.0, 1.0, 1.0, -1.0]


def test_parabolic_stop_by_hand() -> None:
    panel = a_series([1.0] * 4, high=[10.0, 11.0, 12.0, 11.5], low=[9.0, 10.0, 11.0, 8.0])
    stop, trend = parabolic_sar(B, 0.1, 0.2)

    # 9; 9 + 0.1 * (11 - 9) = 9.2; the new high 12 makes it 0.2, 9.2 + 0.2 * (12 - 9.2) = 9.76, touched by the low of 8:
    # the stop goes to the extreme, 12
    assert column_of(panel, stop) == pytest.approx([None, 9.0, 9.2, 12.0])
    assert column_of(panel, trend) == [None, 1.0, 1.0, -1.0]
    assert column_of(panel, parabolic_sar(B, 0.1, 0.2, seed="down").trend)[1] == 1.0  # 11 is above a stop of 10


def test_smoothed_bars_by_hand() -> None:
    panel = a_series([12.0, 14.0], open=[10.0, 12.0], high=[13.0, 15.0], low=[9.0, 11.0])

    found = [column_of(panel, node) for node in heikin_ashi(B)]

    # open (10 + 12) / 2 = 11, then (11 + 11) / 2; close (10 + 13 + 9 + 12) / 4 = 11, then 52 / 4 = 13
    assert found == [[11.0, 11.0], [13.0, 15.0], [9.0, 11.0], [11.0, 13.0]]


def test_oscillators(market: Panel) -> None:
    _, high, low, close, _ = fields(market)
    k, d = talib.STOCH(high, low, close, 5, 3, 0, 2, 0)
    line = talib.PPO(close, 4, 9, 1)
    way, net = windows(abs(np.diff(close)), 5).sum(axis=1), abs(close[5:] - close[:-5])

    np.testing.assert_allclose(values_of(market, slow_stochastic(B, 5, 3, 2).k)[7:, 1], k[7:], rtol=1e-9)
    assert_column(market, slow_stochastic(B, 5, 3, 2).d, d)
    assert_column(market, ppo(C, 4, 9, 3).line, line)
    signal = talib.EMA(line[8:], 3)
    assert_column(market, ppo(C, 4, 9, 3).signal, signal)
    assert_column(market, ppo(C, 4, 9, 3).histogram, line[8:] - signal)
    assert_column(market, efficiency_ratio(C, 5), net / way)


def test_volume(market: Panel) -> None:
    _, high, low, close, volume = fields(market)
    flow = ((close - low) - (high - close)) / (high - low) * volume
    mean, deviation = windows(volume, 6).mean(axis=1), windows(volume, 6).std(axis=1)

    assert_column(market, money_flow_volume(B), flow)
    assert_column(market, chaikin_money_flow(B, 6), windows(flow, 6).sum(axis=1) / windows(volume, 6).sum(axis=1))
    assert_column(market, volume_zscore(B, 6), (volume[5:] - mean) / deviation)
    assert_column(market, chaikin_oscillator(B, 3, 10), talib.ADOSC(high, low, close, volume, 3, 10))


def test_expected_volume_is_the_mean_of_the_same_minute_of_the_sessions_before() -> None:
    panel = a_market(8, symbols=1, missing=0.0, calendar=a_calendar(4, half_days=(), hours=1))
    volume = panel.volume[:, 0].reshape(4, 12)

    found = values_of(panel, expected_volume_by_minute(bars("5min"), 2, session_minutes=60))[:, 0].reshape(4, 12)

    assert np.isnan(found[:2]).all()
    np.testing.assert_allclose(found[2], volume[:2].mean(axis=0))
    np.testing.assert_allclose(found[3], volume[1:3].mean(axis=0))
    with pytest.raises(FormulaError, match="bar's length"):
        expected_volume_by_minute(bars())


def test_conventions_for_flat_stretches_are_named() -> None:
    panel = a_series([5.0] * 6)

    def last(node: Node) -> float | None:
        return column_of(panel, node)[-1]

    assert [last(williams_r(B, 3, flat=flat)) for flat in ("zero", "middle", "unknown", -7)] == [0, -50, None, -7]
    assert [last(cci(B, 3, flat=flat)) for flat in ("zero", "unknown", 3)] == [0, None, 3]
    assert [last(mfi(B, 3, flat=flat)) for flat in ("zero", "middle", "unknown")] == [0, 50, None]
    assert [last(efficiency_ratio(C, 3, flat=flat)) for flat in ("zero", "unknown", 1)] == [0, None, 1]
    assert [last(rolling_correlation(C, B.volume, 3, flat=flat)) for flat in ("unknown", "zero")] == [None, 0]
    assert [last(rolling_beta(C, B.volume, 3, flat=flat)) for flat in ("unknown", "zero")] == [None, 0]
    assert last(rolling_slope(C, 3)) == 0.0
    assert last(money_flow_volume(B)) == 0.0
    assert [last(line) for line in aroon(B, 3)] == [100, 100, 0]
    with pytest.raises(FormulaError, match=r"flat.*quick"):
        kama(C, 3, flat="quick")


def test_a_flat_stretch_moves_kama_at_the_pace_that_is_asked_for() -> None:
    panel = a_series([1.0, 2.0, 2.0, 2.0])
    fast, slow = (2 / 3) ** 2, (2 / 31) ** 2

    # begins at 2, the value before the first known weight; so it is at 2 whatever the pace; then from 1:
    assert column_of(panel, kama(C, 2)) == [None, None, 2.0, 2.0]
    jump = a_series([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    straight = 1 + fast  # one change in two bars, all of it in one direction
    later = straight + fast * (2 - straight)
    assert column_of(jump, kama(C, 2))[3:] == pytest.approx([straight, later, later + fast * (2 - later)])
    assert column_of(jump, kama(C, 2, flat="slow"))[3:] == pytest.approx([straight, later, later + slow * (2 - later)])


def test_an_average_begins_where_it_is_asked_to() -> None:
    panel = a_series([1.0, 3.0, 4.0])
    weight = where(C > 2, 0.5, NAN)

    assert column_of(panel, adaptive_average(C, weight)) == [None, 2.0, 3.0]
    assert column_of(panel, adaptive_average(C, weight, seed="value")) == [None, 3.0, 3.5]
    assert column_of(panel, kama(C, 1, seed="value"))[1] == 3.0


def test_beta_to_the_mean_of_all_symbols(market: Panel) -> None:
    changes = np.diff(market.close, axis=0) / market.close[:-1]
    returns = C / C.lag(1) - 1
    everything = changes.mean(axis=1)

    expected = [
        np.cov(changes[t - 9 : t + 1, 1], everything[t - 9 : t + 1])[0, 1] / everything[t - 9 : t + 1].var(ddof=1)
        for t in range(9, len(changes))
    ]

    assert_column(market, rolling_beta(returns, returns - returns.demean(), 10), np.array(expected))


def test_functions_of_one_number() -> None:
    panel = a_series([4.0, 0.0, -4.0])

    assert column_of(panel, log(C)) == [math.log(4), None, None]
    assert column_of(panel, sqrt(C)) == [2.0, 0.0, None]
    assert column_of(panel, exp(C)) == pytest.approx([math.exp(4), 1.0, math.exp(-4)])
    assert column_of(panel, sign(C)) == [1.0, 0.0, -1.0]
    assert column_of(panel, sign(C * 1e-12)) == [1.0, 0.0, -1.0]


def test_numbers_out_of_bounds_are_refused() -> None:
    with pytest.raises(FormulaError, match="length of yang_zhang_volatility must be at least 2"):
        yang_zhang_volatility(B, 1)
    with pytest.raises(FormulaError, match="threshold of fractional_difference must be"):
        fractional_difference(C, 0.4, threshold=0)
    with pytest.raises(FormulaError, match="length of rolling_slope must be at least 2"):
        rolling_slope(C, 1)
    with pytest.raises(FormulaError, match="length of aroon counts bars and must be whole"):
        aroon(B, 2.5)


def test_what_is_correlated_is_written_out() -> None:
    assert str(rolling_correlation(C, B.volume, 5)) == "rolling_correlation(close, volume, 5)"
    assert str(rolling_beta(C, B.open, 5, flat="zero")) == "rolling_beta(close, open, 5, zero)"
