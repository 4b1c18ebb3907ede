"""Round trips and prices as the page's script reads them: columns, shortened and counted by differences.

10,000 round trips of 17 columns are 1.3 MB of text, of which deflate leaves a quarter. Prices of 500 symbols over
ten years would be 1.3 million points; each symbol gets a share of PRICE_POINTS_MAX, one half of it for the bars
around its trades, where a reader looks, the other for the whole period.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tapeline.analysis.thinning import thin_line
from tapeline.domain.panel import Floats, Times
from tapeline.domain.times import SECOND
from tapeline.ledger.why_text import bare, joined_by
from tapeline.report.content import Content, PriceLine, Records
from tapeline.report.figures import rounded

PRICE_POINTS_MAX = 400_000
SYMBOL_POINTS_MIN, SYMBOL_POINTS_MAX = 120, 4_000
BARS_AROUND = 12
"""Bars before an entry and after an exit that are drawn in full where there is room."""
PRICE_UNITS = 10_000
"""Prices travel in ten-thousandths, as whole numbers."""


def trip_columns(content: Content) -> dict[str, Any]:
    """Return every round trip's values by column; names of exits, strategies and symbols by number."""
    trips, levels = content.round_trips, content.levels
    exits = sorted(set(content.exit_reasons))
    return {
        "strategies": list(content.strategies),
        "symbols": list(content.symbols),
        "exits": [word.replace("_", " ") for word in exits],
        "strategy": trips["strategy"].tolist(),
        "symbol": trips["symbol"].tolist(),
        "side": trips["side"].tolist(),
        "quantity": rounded(trips["quantity"], 6),
        "entered": (trips["entry_ns"] // SECOND).tolist(),
        "entry": rounded(trips["entry_price"], 4),
        "left": (trips["exit_ns"] // SECOND).tolist(),
        "exit": rounded(trips["exit_price"], 4),
        "why": [exits.index(word) for word in content.exit_reasons],
        "bars": trips["bars_held"].tolist(),
        "commission": rounded(trips["commission"], 2),
        "net": rounded(trips["net_pnl"], 2),
        "mae": rounded(trips["mae"], 2),
        "mfe": rounded(trips["mfe"], 2),
        "r": rounded(trips["r_multiple"], 3),
        "stop": rounded(levels.first_stop, 4),
        "moved": rounded(levels.last_stop, 4),
        "target": rounded(levels.target, 4),
    }


def explanation_rows(content: Content) -> dict[str, Any]:
    """Return the explanations by the number of their round trip: order, size, and the tree as nested lists."""
    return {
        str(place): {"order": found.order_id, "size": found.size, "tree": _root(found.tree)}
        for place, found in sorted(content.explanations.items())
    }


def price_lines(content: Content) -> dict[str, Any]:
    """Return the closes of each traded symbol, thinned: first second and price, then differences."""
    share = PRICE_POINTS_MAX // max(1, len(content.prices))
    most = min(max(share, SYMBOL_POINTS_MIN), SYMBOL_POINTS_MAX)
    found = {}
    for number, name in enumerate(content.symbols):
        if name in content.prices:
            trips = content.round_trips[content.round_trips["symbol"] == number]
            found[str(number)] = _packed(content.prices[name], trips, most)
    return found


def _packed(line: PriceLine, trips: Records, most: int) -> dict[str, list[int]]:
    bars = np.flatnonzero(~np.isnan(line.close))
    times_ns, close = line.times_ns[bars], line.close[bars]
    rows = _rows_to_draw(times_ns, close, trips, most)
    seconds = times_ns[rows] // SECOND
    prices = np.round(close[rows] * PRICE_UNITS).astype(np.int64)
    return {"t": _differences(seconds), "p": _differences(prices)}


def _rows_to_draw(times_ns: Times, close: Floats, trips: Records, most: int) -> Times:
    if len(close) <= most:
        return np.arange(len(close))
    first = np.searchsorted(times_ns, trips["entry_ns"]) - BARS_AROUND
    last = np.searchsorted(times_ns, trips["exit_ns"]) + BARS_AROUND + 1
    steps = np.zeros(len(close) + 1)
    np.add.at(steps, np.maximum(first, 0), 1.0)
    np.add.at(steps, np.minimum(last, len(close)), -1.0)
    near: Floats = np.where(np.cumsum(steps[:-1]) > 0.0, close, np.nan)
    return np.union1d(thin_line(near, most // 2), thin_line(close, most // 2))


def _differences(values: Times) -> list[int]:
    found: list[int] = np.diff(values, prepend=0).tolist()
    return found


def _root(tree: Mapping[str, Any]) -> list[Any]:
    # A rule of six conditions is read as those six, not as one long line above them.
    text, *rest = _branch(tree)
    return [{"&": "all of these", "|": "one of these"}.get(joined_by(tree), text), *rest]


def _branch(tree: Mapping[str, Any]) -> list[Any]:
    children = [_branch(child) for child in tree.get("children", ())]
    return [bare(str(tree.get("text", ""))), tree.get("value"), str(tree.get("detail", "")), children]
