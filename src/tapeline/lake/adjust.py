"""Prices adjusted for the splits that were known at a moment, and never for a later one.

A 4-for-1 split with the ex-date 2020-08-31: seen from 2020-09-01, the close of 2020-08-28 at 499.23 is 124.8075 and its
volume four times as many shares; seen from 2020-08-30 it is 499.23 still.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import numpy as np

from tapeline.domain.corporate import CorporateAction, Split
from tapeline.domain.panel import Panel, Sessions
from tapeline.domain.times import date_to_ns


def adjusted(panel: Panel, actions: Iterable[CorporateAction], at_ns: int, sessions: Sessions | None) -> Panel:
    """Return a panel whose prices and volumes are in the shares of a moment.

    actions : splits count from the open of the first session on or after their ex-date, if that is not after `at_ns`;
        dividends are left alone
    sessions : the calendar's; None counts from midnight UTC of the ex-date
    """
    ratios = np.ones((len(panel), len(panel.symbols)))
    for action in actions:
        if isinstance(action, Split):
            effective_ns = _effective_ns(action, sessions)
            if effective_ns <= at_ns:
                before = int(np.searchsorted(panel.start_ns, effective_ns))
                ratios[:before, panel.column(action.symbol)] *= float(Decimal(action.old) / action.new)
    if bool((ratios == 1.0).all()):
        return panel
    return replace(
        panel,
        open=panel.open * ratios,
        high=panel.high * ratios,
        low=panel.low * ratios,
        close=panel.close * ratios,
        volume=panel.volume / ratios,
    )


def _effective_ns(split: Split, sessions: Sessions | None) -> int:
    day_ns = date_to_ns(split.ex)
    if sessions is None:
        return day_ns
    index = int(np.searchsorted(sessions.days, day_ns // 86_400_000_000_000))
    return int(sessions.open_ns[index]) if index < len(sessions) else day_ns
