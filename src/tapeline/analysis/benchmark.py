"""Buying and holding: the least that a strategy has to beat.

The money is divided equally among the symbols and each share buys at the open of its symbol's first bar; until then
it waits as cash. Nothing is traded afterwards, so weights drift with the prices. There are no costs and no
dividends. Two symbols, one that doubles and one that stays: 1.0 becomes 1.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tapeline.domain.corporate import CorporateAction, Split
from tapeline.domain.panel import Floats, Panel
from tapeline.domain.times import date_to_ns

Ratios = Mapping[int, float]
"""Splits of one symbol: the first row that trades after it -> new shares for an old one."""


LEAP = 1.8
"""A split of two for one halves a price; other moves by such a factor between two bars are rare."""


def leaping(close: Floats, splits: Mapping[int, Ratios] | None = None) -> int:
    """Return how many symbols have a close that is LEAP times the one before, or the reverse: splits nobody reported?

    close, splits : as in `buy_and_hold`
    """
    count = 0
    for column in range(close.shape[1]):
        bars = np.flatnonzero(~np.isnan(close[:, column]))
        worth = close[bars, column] * shares_of_one(len(close), (splits or {}).get(column, {}))[bars]
        steps = np.abs(np.diff(np.log(worth)))
        count += bool((steps >= np.log(LEAP)).any())
    return count


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
            shares = shares_of_one(rows, (splits or {}).get(column, {}))
            first_price = float(open_[bars[0], column]) * shares[bars[0]]
            worth = np.concatenate(([1.0], close[bars, column] * shares[bars] / first_price))
            total += worth[np.searchsorted(bars, np.arange(rows), side="right")]
            held += 1
    return total / held if held else np.full(rows, np.nan)


def split_ratios(actions: Iterable[CorporateAction], panel: Panel) -> dict[int, Ratios]:
    """Return the splits of a panel's symbols by column; an action holds from the first session on or after its date."""
    found: dict[int, dict[int, float]] = {}
    for action in actions:
        if isinstance(action, Split) and action.symbol in panel.symbols:
            row = int(np.searchsorted(panel.start_ns, date_to_ns(action.ex)))
            found.setdefault(panel.column(action.symbol), {})[row] = float(action.new / action.old)
    return dict(found)


def shares_of_one(rows: int, ratios: Ratios) -> Floats:
    """Return what one share of the first row has become at each row: float64 [T]."""
    shares = np.ones(rows)
    for row, ratio in ratios.items():
        shares[row:] *= ratio
    return shares
