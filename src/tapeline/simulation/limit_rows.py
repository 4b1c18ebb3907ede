"""Bounds as the kernels read them: one row for the account, one for each strategy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tapeline.domain.times import MINUTE, SECOND
from tapeline.simulation.limit_settings import Limits
from tapeline.simulation.records import LIMITS
from tapeline.simulation.settings import RunSettings

UNBOUNDED = np.iinfo(np.int64).max
UNTIL_NEXT_SESSION = -1

_SHARES = (
    "position", "gross", "net", "risk_per_trade", "short", "sector", "open_risk",
    "loss_per_trade", "loss_per_day", "drawdown_per_day",
)  # fmt: skip
_COUNTS = ("positions", "trades_per_day", "losses_in_row")
_NEED_EVERY_ROW = ("loss_per_trade", "loss_per_day", "drawdown_per_day", "losses_in_row", "trades_per_day", "stale_s")


def limit_rows(settings: RunSettings, of_strategies: Sequence[Limits | None]) -> npt.NDArray[Any]:
    """Return LIMITS [1 + S]: the account's bounds, then those of each strategy."""
    given = [settings.limits, *(limits or Limits() for limits in of_strategies)]
    rows = np.zeros(len(given), dtype=LIMITS)
    for row, limits in zip(rows, given, strict=True):
        write_limits(row, limits)
    account = rows[0]
    account["cash_account"] = settings.account.kind == "cash"
    account["patient"] = settings.market.latency_s > 0.0
    account["short_allowed"] = settings.account.short_allowed
    rows["watches_rows"] = any(getattr(limits, name) is not None for limits in given for name in _NEED_EVERY_ROW)
    rows["cost_rate"] = settings.costs.buying_rate
    return rows


def write_limits(row: Any, limits: Limits) -> None:
    """Write one set of bounds into a row."""
    for name in _SHARES:
        value = getattr(limits, name)
        row[f"{name}_max"] = np.nan if value is None else value
    for name in _COUNTS:
        value = getattr(limits, name)
        row[f"{name}_max"] = UNBOUNDED if value is None else value
    row["assumed_stop"] = np.nan if limits.assumed_stop is None else limits.assumed_stop
    row["reward_risk_min"] = np.nan if limits.reward_risk is None else limits.reward_risk
    row["stale_ns"] = UNBOUNDED if limits.stale_s is None else round(limits.stale_s * SECOND)
    row["pause_ns"] = UNTIL_NEXT_SESSION if limits.pause_minutes is None else round(limits.pause_minutes * MINUTE)
