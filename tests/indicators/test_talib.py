"""Our indicators against TA-Lib, on real prices and on the series that break indicators.

The tolerance of each pair, and its reason, stands beside it in `benchmarks/talib_table.py`; all are
relative to the scale of the values, and both sides must know the same bars.
"""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.talib_table import PACKS, PAIRS, Array, Market, Pair, compare, load

from shared import shared_path

ALL_PAIRS = pytest.mark.parametrize("pair", PAIRS, ids=[pair.label for pair in PAIRS])


def a_market_of(close: Array) -> Market:
    """Return a market with the closes given, a column for each symbol, in bars of a range of 0.5."""
    market = {"open": close, "high": close + 0.25, "low": close - 0.25, "close": close}
    market["volume"] = np.full_like(close, 100.0)
    market["exists"] = np.ones_like(close)
    return {name: np.ascontiguousarray(panel) for name, panel in market.items()}


@pytest.fixture(scope="module", params=PACKS)
def pack(request: pytest.FixtureRequest) -> Market:
    file, time, symbols = PACKS[request.param]
    return load(shared_path(file), time, symbols, rows_max=6000)


@ALL_PAIRS
def test_equals_talib_on_real_prices_with_missing_bars(pair: Pair, pack: Market) -> None:
    found = compare(pair, pack)

    assert found.values > 0
    assert found.one_sided == 0
    assert found.relative <= pair.tolerance


def test_the_packs_have_missing_bars() -> None:
    file, time, symbols = PACKS["thin"]

    market = load(shared_path(file), time, symbols)

    assert np.mean(np.isnan(market["exists"])) > 0.1


@ALL_PAIRS
def test_equals_talib_on_flat_prices(pair: Pair) -> None:
    """Flat from the start, flat later on, and flat after a jump; with and without a range inside the bars."""
    walk = 50 + np.cumsum(np.tile([1.0, -0.5, 0.25, -1.0, 0.5], 20))
    flat = np.full(100, 37.5)
    columns = [flat, np.r_[walk[:60], np.full(40, walk[59])], np.r_[flat[:50], 4 * flat[50:]]]
    market = a_market_of(np.stack(columns, axis=1))
    without_range = {**market, "high": market["close"], "low": market["close"]}

    for found in (compare(pair, market), compare(pair, without_range)):
        assert found.one_sided == 0
        assert found.relative <= pair.tolerance


@ALL_PAIRS
@pytest.mark.parametrize("bars", [1, 2, 13, 14, 15, 20, 27, 28, 33, 34, 35])
def test_equals_talib_on_series_about_as_long_as_the_warm_up(pair: Pair, bars: int) -> None:
    close = 50 + np.cumsum(np.tile([1.0, -0.5, 0.25, -1.0, 0.5], 20))[:bars, None]

    found = compare(pair, a_market_of(close))

    assert found.one_sided == 0
    assert found.relative <= pair.tolerance
