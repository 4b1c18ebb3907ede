"""Volume: worked examples by hand."""

from __future__ import annotations

import numpy as np

from indicators.builders import Array, run, series
from tapeline.indicators.library import KERNELS


def vwap(prices: list[float], volumes: list[float], sessions: list[float]) -> list[Array]:
    """Return vwap and deviation for bars whose high, low and close are one price."""
    price, volume, session = (np.array(values)[:, None] for values in (prices, volumes, sessions))
    kernel = KERNELS["session_vwap"]
    return [out[:, 0] for out in run(kernel, (np.ones_like(price), price, price, price, volume, session), ())]


def test_session_vwap_begins_anew_with_each_session() -> None:
    average, deviation = vwap([10.0, 13.0, 20.0, 21.0], [200.0, 100.0, 50.0, 50.0], [1.0, 1.0, 2.0, 2.0])

    # (2000 + 1300) / 300 = 11; ((2 * 1 + 1 * 4) / 3) ** 0.5 = 2 ** 0.5
    np.testing.assert_allclose(average, [10, 11, 20, 20.5], rtol=1e-15)
    np.testing.assert_allclose(deviation, [0, 2**0.5, 0, 0.5], rtol=1e-15)


def test_session_vwap_without_sessions_is_one_session() -> None:
    average, _ = vwap([10.0, 13.0, 20.0], [100.0, 100.0, 100.0], [np.nan] * 3)

    np.testing.assert_allclose(average, [10, 11.5, 43 / 3], rtol=1e-15)


def test_session_vwap_is_unknown_until_something_is_traded() -> None:
    average, deviation = vwap([10.0, 11.0, 12.0], [0.0, 100.0, 0.0], [1.0, 1.0, 1.0])

    np.testing.assert_array_equal(average, [np.nan, 11, 11])
    np.testing.assert_array_equal(deviation, [np.nan, 0, 0])


def test_session_vwap_of_one_price_is_that_price() -> None:
    average, deviation = vwap([0.1] * 50, [3.0, 7.0] * 25, [1.0] * 50)

    assert np.all(average == (0.1 + 0.1 + 0.1) / 3) and np.all(deviation == 0)


def test_obv_adds_rises_and_subtracts_falls() -> None:
    (balance,) = series(KERNELS["obv"], [5.0, 6.0, 6.0, 4.0, np.nan, 5.0], [10.0, 20.0, 30.0, 40.0, 50.0, 60.0])

    np.testing.assert_array_equal(balance, [10, 30, 30, -10, np.nan, 50])


def test_relative_volume_counts_the_bar_itself() -> None:
    (ratio,) = series(KERNELS["relative_volume"], [100.0, 200.0, 0.0, 0.0, 0.0], parameters=(3,))

    # 0 / 100; 0 / (200 / 3); 0 / 0
    np.testing.assert_array_equal(ratio, [np.nan, np.nan, 0, 0, np.nan])


def test_relative_volume_by_minute_compares_with_the_sessions_before() -> None:
    """Two sessions back, bars of 5 minutes, two in a session; session 3 has no first bar."""
    minutes = [5.0, 10.0, 5.0, 10.0, 10.0, 5.0, 10.0, 20.0]
    sessions = [1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 4.0]
    volumes = [100.0, 10.0, 300.0, 30.0, 40.0, 500.0, 70.0, 1.0]
    clocks = [np.array(clock)[:, None] for clock in (sessions, minutes)]
    volume = np.array(volumes)[:, None]
    kernel = KERNELS["relative_volume_by_minute"]

    ratio, expected = run(kernel, (np.ones_like(volume), volume, *clocks), (2, 5, 2))

    # 40 / ((10 + 30) / 2); 500 / ((100 + 300) / 2); 70 / ((30 + 40) / 2); minute 20 is outside the two slots
    np.testing.assert_array_equal(ratio[:, 0], [np.nan] * 4 + [2, 2.5, 2, np.nan])
    np.testing.assert_array_equal(expected[:, 0], [np.nan] * 4 + [20, 200, 35, np.nan])
