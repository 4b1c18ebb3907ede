"""Section 5, the market's regime at one moment: trend, volatility, breadth, correlation, and what follows from them.

The caller gives the moment of a T2 close. A day's price is that of the last base bar in the session; "completed" are
the sessions that closed by the moment. Readings where the text leaves a choice:
- "the previous session" and "the 20 sessions before" are the symbol's existing ones, as "windows count existing bars";
- rising and falling are beyond 5 % (not at it) of the mean of 5 closes, the newest included; unknown for the proxy;
- correlations are taken pair by pair, over the sessions common to the pair; without 21 of them there is no pair.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import correlation as pearson
from statistics import stdev
from typing import Any

from screener.reference.bars import BaseBar, Frame, Session, in_sessions
from screener.reference.logic import UNKNOWN, above, at_least, below, between, both, known, mean
from screener.reference.profiles import Profile

INDICES = ("SPY", "QQQ", "IWM", "DIA")


@dataclass(frozen=True)
class Days:
    """The base bars of one symbol, by session: what breadth, proxy and correlation read."""

    starts: list[int]
    bars: list[BaseBar]
    opens: list[int]  # of the sessions with a bar
    closes: list[int]  # when those sessions close
    high: list[float]
    low: list[float]
    last: list[float]


def build_days(bars: Sequence[BaseBar], sessions: Sequence[Session]) -> Days:
    """Return the bars that lie in sessions, with high, low and last price of each session."""
    kept, _ = in_sessions(bars, sessions)
    days = Days([bar.start for _, bar in kept], [bar for _, bar in kept], [], [], [], [], [])
    for session, bar in kept:
        if not days.opens or days.opens[-1] != session.open:
            days.opens.append(session.open)
            days.closes.append(session.close)
            for column, value in ((days.high, bar.high), (days.low, bar.low), (days.last, bar.close)):
                column.append(value)
        days.high[-1] = max(days.high[-1], bar.high)
        days.low[-1] = min(days.low[-1], bar.low)
        days.last[-1] = bar.close
    return days


def index_trend(frame: Frame, now: int) -> str | None:
    """Return strong_bull, strong_bear, bull, bear or neutral; None when the index is missing."""
    t3 = frame.at(now)
    close, rsi = t3.close[0], t3.rsi[0]
    sma20, sma50, sma200 = t3.sma20[0], t3.sma50[0], t3.sma200[0]
    if not known(sma50, rsi):
        return None
    if both(above(sma20, sma50), above(sma50, sma200), above(close, 1.02 * sma20), above(rsi, 55)):
        return "strong_bull"
    if both(below(sma20, sma50), below(sma50, sma200), below(close, 0.98 * sma20), below(rsi, 45)):
        return "strong_bear"
    if both(above(close, sma50), above(rsi, 50)):
        return "bull"
    return "bear" if both(below(close, sma50), below(rsi, 50)) else "neutral"


def consensus(trends: Mapping[str, str | None]) -> tuple[str, int]:
    """Return bullish, bearish, mixed or unknown, and the points."""
    found = [trends.get(name) for name in INDICES]
    missing = found.count(None)
    bulls = found.count("bull") + found.count("strong_bull")
    bears = found.count("bear") + found.count("strong_bear")
    if bulls >= 3:
        return "bullish", 30
    points = 0 if bears + missing >= 3 else 15
    if bears >= 3:
        return "bearish", points
    still_possible = bulls + missing >= 3 or bears + missing >= 3
    return ("unknown" if still_possible else "mixed"), points


def percentile(closes: Sequence[float], n: int) -> float:
    """Return 100 * the share of the last n closes strictly below the newest; unknown with fewer."""
    window = closes[-n:]
    return 100 * sum(value < closes[-1] for value in window) / n if len(window) == n else UNKNOWN


def log_returns(prices: Sequence[float]) -> list[float]:
    """Return the logarithms of the ratios of neighbours."""
    return [math.log(new / old) for old, new in pairwise(prices)]


def volatility(vix: Sequence[tuple[int, float]], spy: Days | None, now: int, profile: Profile) -> dict[str, Any]:
    """Return level, bucket, trend and points; vix holds (close of its session, value), oldest first."""
    closes = [value for completed, value in vix if completed <= now]
    proxy = not closes
    level = closes[-1] if closes else _proxy(spy, now) * (1.25 if profile.proxy_raised else 1.0)
    if not known(level):
        return {"level": None, "proxy": True, "bucket": None, "trend": None, "points": 0, "p30": None, "p90": None}
    bucket, points = "extreme", 0
    for limit, name, value in ((40, "high", 5), (30, "elevated", 10), (20, "normal", 20), (15, "low", 25)):
        if below(level, limit):
            bucket, points = name, value
    usual = mean(closes[-5:]) if len(closes) >= 5 else UNKNOWN
    trend = None
    if known(usual):
        trend = "rising" if above(level, 1.05 * usual) else "falling" if below(level, 0.95 * usual) else "steady"
    shares = {f"p{n}": percentile(closes, n) for n in (30, 90)}
    found = {"level": level, "proxy": proxy, "bucket": bucket, "trend": trend, "points": points}
    return found | {name: value if known(value) else None for name, value in shares.items()}


def _proxy(spy: Days | None, now: int) -> float:
    prices = spy.last[: bisect_right(spy.closes, now)][-21:] if spy else []
    return stdev(log_returns(prices)) * 100 * math.sqrt(252) if len(prices) == 21 else UNKNOWN


def ratio(numerator: int, denominator: int) -> float:
    """Return the quotient; x/0 is infinity for x > 0, and 0/0 unknown."""
    if denominator:
        return numerator / denominator
    return math.inf if numerator else UNKNOWN


def breadth(universe: Mapping[str, Days], now: int, session: Session) -> dict[str, Any]:
    """Return advances and declines, new highs and lows, strength and points over a universe."""
    counted = advances = declines = highs = lows = 0
    for days in universe.values():
        day = bisect_left(days.opens, session.open)
        if day == len(days.opens) or days.opens[day] != session.open or day == 0:
            continue
        bars = days.bars[bisect_left(days.starts, session.open) : bisect_left(days.starts, min(now, session.close))]
        if not bars:
            continue
        counted += 1
        advances += bars[-1].close > days.last[day - 1]
        declines += bars[-1].close < days.last[day - 1]
        if day >= 20:
            highs += max(bar.high for bar in bars) > max(days.high[day - 20 : day])
            lows += min(bar.low for bar in bars) < min(days.low[day - 20 : day])
    ad, nhnl = ratio(advances, declines), ratio(highs, lows)
    if not counted:
        strength, points = "unknown", 0
    elif both(above(ad, 2), above(nhnl, 2)):
        strength, points = "strong", 25
    elif both(above(ad, 1.2), above(nhnl, 1)):
        strength, points = "moderate", 15
    else:
        strength, points = ("weak", 8) if above(ad, 0.8) else ("negative", 0)
    return {
        "advances": advances,
        "declines": declines,
        "ad_ratio": None if math.isnan(ad) else "inf" if math.isinf(ad) else ad,
        "new_highs": highs,
        "new_lows": lows,
        "strength": strength,
        "points": points,
    }


def correlation(indices: Mapping[str, Days], now: int) -> tuple[dict[str, Any], int]:
    """Return the mean of the pairwise correlations with its points, and the number of pairs it is made of."""
    found = []
    for one, other in combinations([name for name in INDICES if name in indices], 2):
        prices = [
            dict(zip(days.opens, days.last[: bisect_right(days.closes, now)], strict=False))
            for days in (indices[one], indices[other])
        ]
        common = sorted(prices[0].keys() & prices[1].keys())[-21:]
        returns = [log_returns([of[day] for day in common]) for of in prices]
        if len(common) == 21 and all(max(series) > min(series) for series in returns):
            found.append(pearson(*returns))
    average = mean(found)
    if not known(average):
        return {"mean": None, "points": 0}, 0
    points = 5
    if len(found) == 6:  # all pairs of four: no index is missing
        points = 20 if between(0.5, average, 0.7) else 12 if between(0.3, average, 0.8) else 5
    return {"mean": average, "points": points}, len(found)


def regime(
    frames: Mapping[str, Frame],
    indices: Mapping[str, Days],
    vix: Sequence[tuple[int, float]],
    universe: Mapping[str, Days],
    now: int,
    session: Session,
    profile: Profile,
    funds: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Return the regime at a T2 close.

    frames : T3 of the indices that there are; indices : their days
    universe : days of every symbol that breadth is counted over; funds are left out by correction 11
    """
    trends = {name: index_trend(frames[name], now) if name in frames else None for name in INDICES}
    agreed, trend_points = consensus(trends)
    moved = volatility(vix, indices.get("SPY"), now, profile)
    counted = {name: days for name, days in universe.items() if not (profile.breadth_without_funds and name in funds)}
    wide = breadth(counted, now, session)
    together, pairs = correlation(indices, now)
    favourability = trend_points + moved["points"] + wide["points"] + together["points"]
    side = {"bullish": "BULL", "bearish": "BEAR"}.get(agreed, "NEUTRAL")
    calm = "LOW_VOL" if moved["bucket"] in ("low", "normal") else "HIGH_VOL"
    multiplier, positions = size_and_positions(favourability)
    missing = [name for name in INDICES if trends[name] is None]
    missing += [] if not moved["proxy"] else ["VIX"] if moved["level"] is not None else ["VIX", "volatility"]
    missing += ["breadth"] if wide["strength"] == "unknown" else []
    missing += ["correlation"] if pairs < 6 else []
    return {
        "label": f"{side}_{calm}",
        "favourability": favourability,
        "size_multiplier": multiplier,
        "max_positions": positions,
        "grades_traded": ["A+"] if favourability < 40 else ["A+", "A"],
        "trend": {"consensus": agreed, "points": trend_points},
        "volatility": moved,
        "breadth": wide,
        "correlation": together,
        "missing": missing,
    }


def size_and_positions(favourability: float) -> tuple[float, int]:
    """Return the size multiplier and the number of positions that the favourability allows."""
    for limit, multiplier, positions in ((70, 1.5, 8), (50, 1.0, 5), (30, 0.75, 3)):
        if at_least(favourability, limit):
            return multiplier, positions
    return 0.5, 1
