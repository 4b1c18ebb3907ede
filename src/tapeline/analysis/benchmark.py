"""Buying and holding: the least that a strategy has to beat.

The money is divided equally among the symbols and each share buys at the open of its symbol's first bar; until then
it waits as cash. Nothing is traded afterwards, so weights drift with the prices. There are no costs and no
dividends. Two symbols, one that doubles and one that stays: 1.0 becomes 1.5.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tapeline.domain.panel import Floats

Ratios = Mapping[int, float]
"""Splits of one symbol: the first row that trades after it -> new shares for an old one."""


def buy_and_hold(open_: Floats, close: Floats, splits: Mapping[int, Ratios] | None = None) -> Floats:
    """Return the worth of one unit of currency at each row: float64 [T].

    open_, close : float64 [T, N], raw prices, NaN = no bar; a row without a bar keeps the last close
    splits : by column; a price after a split of two for one counts twice
    NaN everywhere without a single bar: there was nothing to buy.
    """
    rows, symbols = close.shape
    total = np.zeros(rows)
    held = 0
    for column in range(symbols):
        bars = np.flatnonzero(~np.isnan(close[:, column]))
        if len(bars):
            shares = np.ones(rows)
            for row, ratio in (splits or {}).get(column, {}).items():
                shares[row:] *= ratio
            first_price = float(open_[bars[0], column]) * shares[bars[0]]
            worth = np.concatenate(([1.0], close[bars, column] * shares[bars] / first_price))
            total += worth[np.searchsorted(bars, np.arange(rows), side="right")]
            held += 1
    return total / held if held else np.full(rows, np.nan)
