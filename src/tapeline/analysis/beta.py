"""Beta: how much a symbol moved with an index, per unit that the index moved.

    beta = cov(r, m) / var(m)      over simple returns from one session's close to the next

of the last `window` sessions, those only in which both have a return: a session without a bar leaves two returns
unknown, and nothing is filled in. Too few of them are no beta but NaN, as is an index that does not move.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tapeline.analysis.benchmark import Ratios, shares_of_one
from tapeline.analysis.ratios import regress_on_benchmark
from tapeline.analysis.returns import NAN
from tapeline.domain.errors import ConfigurationError
from tapeline.domain.panel import Floats, Panel
from tapeline.domain.times import DAY

WINDOW, AT_LEAST = 252, 60
"""Sessions of a year; a quarter of a year is the least that says anything."""


def betas(closes: Floats, index: int, *, window: int = WINDOW, at_least: int = AT_LEAST) -> Floats:
    """Return the beta of each symbol: float64 [N], NaN where there are too few returns.

    closes : float64 [S, N], the last price of each session, splits taken out, NaN = no bar; index : column of the index
    Raises ConfigurationError for a window below `at_least`, or less than three returns asked for.
    """
    if not 3 <= at_least <= window:
        raise ConfigurationError(
            f"A beta over {window} sessions with at least {at_least} returns: ask for 3 or more, and no fewer sessions."
        )
    returns = (closes[1:] / closes[:-1] - 1.0)[-window:]
    market = returns[:, index]
    found = np.full(closes.shape[1], NAN)
    for column in range(closes.shape[1]):
        known = ~np.isnan(returns[:, column]) & ~np.isnan(market)
        own, of_index = returns[known, column], market[known]
        if len(own) >= at_least:
            found[column] = regress_on_benchmark(own, of_index).beta
    return found


def session_closes(panel: Panel, splits: Mapping[int, Ratios], until_ns: int) -> Floats:
    """Return the last price in each session that ended by then, in shares of the first row: float64 [S, N].

    splits : by column; a panel without a calendar has a session for each UTC date. NaN = no bar in that session.
    """
    rows = int(np.searchsorted(panel.end_ns, until_ns, side="right"))
    known = panel.rows(0, rows)
    session = known.start_ns // DAY if known.sessions is None else known.sessions.index_of(known.start_ns)
    inside = session >= 0
    worth = known.close.copy()
    for column, ratios in splits.items():
        worth[:, column] *= shares_of_one(rows, {row: ratio for row, ratio in ratios.items() if row < rows})
    worth, session = worth[inside], session[inside]
    # a session of the calendar without any bar is a gap, a date without one is a weekend
    named, place = np.unique(session, return_inverse=True)
    if known.sessions is not None and len(named):
        place = session - named[0]
    closes = np.full((int(place[-1]) + 1 if len(place) else 0, worth.shape[1]), NAN)
    for row, at in enumerate(place.tolist()):
        closes[at] = np.where(np.isnan(worth[row]), closes[at], worth[row])
    return closes
