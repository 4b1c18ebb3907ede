"""Section 1, the universe of a day: who is kept and why not, tiers, volatility buckets, and what is known of each.

Readings where the text leaves a choice: a rank is (place - 1) / (n - 1) from the smallest value, equal values share the
mean of their places, a single value has 0.5, and an unknown value has 0.5 whatever it is of; ranks are taken among the
members that are kept. Terciles are the quantiles 1/3 and 2/3 with linear interpolation, a value on a boundary belongs
below it. The blackout's days are sessions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from screener.reference.logic import UNKNOWN, at_least, at_most, known

EXCLUDED_EXCHANGES = ("PINK", "OTC")


@dataclass(frozen=True)
class Member:
    """What is known of a candidate in the morning; NaN and None are unknown."""

    symbol: str
    price: float = UNKNOWN  # last close, in dollars
    volume_mean: float = UNKNOWN  # shares, 20 days
    dollar_volume_mean: float = UNKNOWN  # dollars, 20 days
    volatility: float = UNKNOWN  # realised, 20 days
    spread: float = UNKNOWN  # median, as a share of the price
    market_cap: float = UNKNOWN  # dollars
    exchange: str | None = None


def reason_to_drop(member: Member) -> str | None:
    """Return why a candidate is not kept; None if it is. Unknown price or volume is not "ok"."""
    if not (known(member.price) and 1 <= member.price <= 500):
        return "price"
    if not at_least(member.volume_mean, 500_000):
        return "volume"
    if known(member.market_cap) and not at_least(member.market_cap, 100e6):
        return "market cap"
    if known(member.spread) and not at_most(member.spread, 0.005):
        return "spread"
    return "exchange" if member.exchange in EXCLUDED_EXCHANGES else None


def ranks(values: Mapping[str, float]) -> dict[str, float]:
    """Return ranks 0..1 from the smallest value to the largest."""
    present = sorted(value for value in values.values() if known(value))
    found = {}
    for symbol, value in values.items():
        if not known(value) or len(present) == 1:
            found[symbol] = 0.5
            continue
        before, equal = sum(other < value for other in present), present.count(value)
        found[symbol] = (before + (equal - 1) / 2) / (len(present) - 1)
    return found


def liquidity_scores(kept: Sequence[Member]) -> dict[str, float]:
    """Return the liquidity score 0..1 of each member that is kept."""
    present = [member.volatility for member in kept if known(member.volatility)]
    middle = float(np.median(present)) if present else UNKNOWN
    traded = ranks({member.symbol: member.dollar_volume_mean for member in kept})
    narrow = ranks({member.symbol: -member.spread for member in kept})
    usual = ranks({member.symbol: -abs(member.volatility - middle) for member in kept})
    return {name: 0.6 * traded[name] + 0.25 * narrow[name] + 0.15 * usual[name] for name in traded}


def tiers(scores: Mapping[str, float], core: int = 200, extended: int = 800) -> dict[str, str | None]:
    """Return Core for the most liquid, Extended for the next, None for the rest; ties by symbol."""
    order = sorted(scores, key=lambda symbol: (-scores[symbol], symbol))
    names = ["Core"] * core + ["Extended"] * extended
    return {symbol: names[place] if place < len(names) else None for place, symbol in enumerate(order)}


def volatility_buckets(kept: Sequence[Member]) -> dict[str, str | None]:
    """Return low, medium or high by terciles of the realised volatility; None where it is unknown."""
    present = [member.volatility for member in kept if known(member.volatility)]
    if not present:
        return dict.fromkeys(member.symbol for member in kept)
    first, second = (float(np.quantile(present, share)) for share in (1 / 3, 2 / 3))
    return {
        member.symbol: None
        if not known(member.volatility)
        else "low"
        if at_most(member.volatility, first)
        else "medium"
        if at_most(member.volatility, second)
        else "high"
        for member in kept
    }


def in_blackout(day: date, earnings: Sequence[date] | None, sessions: Sequence[date]) -> bool | None:
    """Return whether a session lies from 2 sessions before to 1 after an earnings date; None if no date is known."""
    if earnings is None:
        return None
    place = sessions.index(day)
    for when in earnings:
        at = next((i for i, session in enumerate(sessions) if session >= when), None)
        if at is not None and at - 2 <= place <= at + 1:
            return True
    return False


def realised_volatility(closes: Sequence[float]) -> float:
    """Return the sample deviation of the last 20 daily log returns; unknown with fewer than 21 closes."""
    if len(closes) < 21:
        return UNKNOWN
    return float(np.std(np.diff(np.log(np.asarray(closes[-21:]))), ddof=1))


def universe(candidates: Sequence[Member], yesterday: Sequence[str] = ()) -> dict[str, Any]:
    """Return the day's universe: members with tier, bucket and score, the dropped with reasons, the change."""
    judged = [(member, reason_to_drop(member)) for member in candidates]
    kept = [member for member, reason in judged if reason is None]
    scores = liquidity_scores(kept)
    tier, bucket = tiers(scores), volatility_buckets(kept)
    names = sorted(member.symbol for member in kept)
    return {
        "members": {name: {"tier": tier[name], "bucket": bucket[name], "score": scores[name]} for name in names},
        "dropped": [{"symbol": member.symbol, "reason": reason} for member, reason in judged if reason is not None],
        "entered": sorted(set(names) - set(yesterday)),
        "left": sorted(set(yesterday) - set(names)),
    }
