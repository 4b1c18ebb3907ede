"""The market's regime: trend of the indices, volatility, breadth, correlation; how much to risk in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from tapeline.domain.panel import Floats
from tapeline.formula import Node, sma, where
from tapeline.screener.funds import FUNDS
from tapeline.screener.points import Points, is_true
from tapeline.screener.reading import Readings
from tapeline.screener.sessions import SessionBars

STRONG_BULL, BULL, NEUTRAL, BEAR, STRONG_BEAR = 2, 1, 0, -1, -2


@dataclass(frozen=True)
class RegimeSettings:
    """The numbers of the regime.

    funds : symbols that breadth leaves out, beside the indices
    """

    indices: tuple[str, ...] = ("SPY", "QQQ", "IWM", "DIA")
    funds: tuple[str, ...] = FUNDS
    strong_bull: float = 1.02
    strong_bear: float = 0.98
    strong_bull_rsi: float = 55.0
    strong_bear_rsi: float = 45.0
    middle_rsi: float = 50.0
    consensus_min: int = 3
    bullish_points: float = 30.0
    open_points: float = 15.0
    volatility_steps: tuple[tuple[float, str, float], ...] = (
        (15.0, "low", 25.0), (20.0, "normal", 20.0), (30.0, "elevated", 10.0), (40.0, "high", 5.0),
    )  # fmt: skip
    volatility_move: float = 0.05
    volatility_mean_closes: int = 5
    percentile_closes: tuple[int, ...] = (30, 90)
    proxy_returns: int = 20
    proxy_sessions_per_year: float = 252.0
    proxy_scale: float = 1.25
    breadth_sessions: int = 20
    strong_breadth: tuple[float, float] = (2.0, 2.0)
    moderate_breadth: tuple[float, float] = (1.2, 1.0)
    weak_breadth: float = 0.8
    breadth_points: tuple[float, float, float, float] = (25.0, 15.0, 8.0, 0.0)
    correlation_returns: int = 20
    correlation_inner: tuple[float, float] = (0.5, 0.7)
    correlation_outer: tuple[float, float] = (0.3, 0.8)
    correlation_points: tuple[float, float, float] = (20.0, 12.0, 5.0)
    sizes: tuple[tuple[float, float, int], ...] = ((70.0, 1.5, 8), (50.0, 1.0, 5), (30.0, 0.75, 3))
    size_otherwise: tuple[float, int] = (0.5, 1)
    only_a_plus_below: float = 40.0


def index_trend(readings: Readings, numbers: RegimeSettings) -> Node:
    """Return the trend of a symbol on the regime frame, STRONG_BULL to STRONG_BEAR; unknown if it is missing."""
    x, lengths = readings.regime, readings.settings.indicators
    short, middle, long = x.sma, sma(x.close, lengths.sma_middle), sma(x.close, lengths.sma_long)
    trend = Points(strict=False).first(
        (
            (short > middle)
            & (middle > long)
            & (x.close > numbers.strong_bull * short)
            & (x.rsi > numbers.strong_bull_rsi),
            STRONG_BULL,
        ),
        (
            (short < middle)
            & (middle < long)
            & (x.close < numbers.strong_bear * short)
            & (x.rsi < numbers.strong_bear_rsi),
            STRONG_BEAR,
        ),
        ((x.close > middle) & (x.rsi > numbers.middle_rsi), BULL),
        ((x.close < middle) & (x.rsi < numbers.middle_rsi), BEAR),
        otherwise=NEUTRAL,
    )  # fmt: skip
    return where(is_true(middle.known() & x.rsi.known()), trend, math.nan).latest()


@dataclass(frozen=True)
class Regime:
    """The regime at a close of the confirmation frame.

    missing : names of the inputs that were not there
    """

    label: str
    favourability: float
    size_multiplier: float
    max_positions: int
    trend: dict[str, Any]
    volatility: dict[str, Any]
    breadth: dict[str, Any]
    correlation: dict[str, Any]
    only_a_plus: bool
    missing: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "label": self.label,
            "favourability": self.favourability,
            "size_multiplier": self.size_multiplier,
            "max_positions": self.max_positions,
            "grades_traded": ["A+"] if self.only_a_plus else ["A+", "A"],
            "trend": self.trend,
            "volatility": self.volatility,
            "breadth": self.breadth,
            "correlation": self.correlation,
            "missing": list(self.missing),
        }

    def recommendations(self) -> list[str]:
        """Return what the regime means for today, in sentences."""
        lines = [
            f"Risk {self.size_multiplier:g} times the usual size, in at most {self.max_positions} position"
            f"{'' if self.max_positions == 1 else 's'}."
        ]
        if self.only_a_plus:
            lines.append("Take grade A+ only: little speaks for longs.")
        if self.volatility["trend"] == "rising":
            lines.append("Volatility is rising: expect wider stops.")
        if self.breadth["strength"] == "negative":
            lines.append("Most of the universe falls: a rise is carried by few.")
        if self.missing:
            lines.append(f"Not known, and given no points: {', '.join(self.missing)}.")
        return lines


def market_regime(
    symbols: tuple[str, ...],
    trends: Floats,
    days: SessionBars,
    vix_closes: Floats | None,
    numbers: RegimeSettings,
    *,
    proxy_scaled: bool,
    funds_left_out: bool,
) -> Regime:
    """Return the regime.

    trends : float64 [N], `index_trend` of every symbol
    days : sessions up to the close that is judged; vix_closes : closes of completed sessions, oldest first
    """
    columns = {symbol: column for column, symbol in enumerate(symbols)}
    indices = [columns[name] for name in numbers.indices if name in columns]
    missing = [name for name in numbers.indices if name not in columns or math.isnan(trends[columns[name]])]
    trend = _consensus(trends, indices, numbers)
    spy = columns.get(numbers.indices[0])
    volatility = _volatility(days, spy, vix_closes, numbers, numbers.proxy_scale if proxy_scaled else 1.0)
    if volatility["proxy"]:
        missing += ["VIX"] if volatility["level"] is not None else ["VIX", "volatility"]
    left_out = {columns[name] for name in (*numbers.funds, *numbers.indices) if name in columns}
    counted = [column for column in range(len(symbols)) if not (funds_left_out and column in left_out)]
    breadth = _breadth(days, counted, numbers)
    correlation = _correlation(days, indices, numbers)
    missing += ["breadth"] if breadth["strength"] == "unknown" else []
    pairs = correlation.pop("pairs", 0)
    missing += ["correlation"] if pairs < len(numbers.indices) * (len(numbers.indices) - 1) // 2 else []
    favourability = sum(part["points"] for part in (trend, volatility, breadth, correlation))
    direction = {"bullish": "BULL", "bearish": "BEAR"}.get(trend["consensus"], "NEUTRAL")
    calm = volatility["bucket"] in ("low", "normal")
    size, positions = next(
        ((size, count) for bound, size, count in numbers.sizes if favourability >= bound), numbers.size_otherwise
    )
    return Regime(
        f"{direction}_{'LOW' if calm else 'HIGH'}_VOL",
        favourability,
        size,
        positions,
        trend,
        volatility,
        breadth,
        correlation,
        favourability < numbers.only_a_plus_below,
        tuple(missing),
    )


def _consensus(trends: Floats, indices: list[int], numbers: RegimeSettings) -> dict[str, Any]:
    found = trends[indices]
    bulls, bears = int((found >= BULL).sum()), int((found <= BEAR).sum())
    unknown = len(numbers.indices) - int((~np.isnan(found)).sum())
    need = numbers.consensus_min
    if bulls >= need:
        consensus = "bullish"
    elif bears >= need:
        consensus = "bearish"
    else:
        consensus = "mixed" if max(bulls, bears) + unknown < need else "unknown"
    if consensus == "bullish":
        points = numbers.bullish_points
    else:
        points = 0.0 if bears + unknown >= need else numbers.open_points
    return {"consensus": consensus, "points": points}


def _volatility(
    days: SessionBars, spy: int | None, vix: Floats | None, numbers: RegimeSettings, scale: float
) -> dict[str, Any]:
    closes = vix[~np.isnan(vix)] if vix is not None else np.empty(0)
    proxy = len(closes) == 0
    level = _proxy_level(days, spy, numbers) * scale if proxy else float(closes[-1])
    shares = {f"p{count}": _percentile(closes, count) for count in numbers.percentile_closes}
    if math.isnan(level):
        return {"level": None, "proxy": proxy, "bucket": None, "trend": None, "points": 0.0, **shares}
    bucket, points = next(
        ((name, points) for bound, name, points in numbers.volatility_steps if level < bound), ("extreme", 0.0)
    )
    trend = None
    if len(closes) >= numbers.volatility_mean_closes:
        usual, move = float(closes[-numbers.volatility_mean_closes :].mean()), numbers.volatility_move
        trend = "rising" if level > usual * (1 + move) else "falling" if level < usual * (1 - move) else "steady"
    return {"level": level, "proxy": proxy, "bucket": bucket, "trend": trend, "points": points, **shares}


def _percentile(closes: Floats, count: int) -> float | None:
    return 100 * float((closes[-count:] < closes[-1]).mean()) if len(closes) >= count else None


def _proxy_level(days: SessionBars, spy: int | None, numbers: RegimeSettings) -> float:
    if spy is None:
        return math.nan
    closes = days.completed(days.last)[:, spy]
    returns = np.diff(np.log(closes[~np.isnan(closes)]))[-numbers.proxy_returns :]
    if len(returns) < numbers.proxy_returns:
        return math.nan
    return float(returns.std(ddof=1)) * 100 * math.sqrt(numbers.proxy_sessions_per_year)


def _breadth(days: SessionBars, counted: list[int], numbers: RegimeSettings) -> dict[str, Any]:
    """Count over existing sessions: the one before is the last in which the symbol traded."""
    last, high, low = (values[:, counted] for values in (days.last, days.high, days.low))
    existing = ~np.isnan(last[:-1])
    back = np.cumsum(existing[::-1], axis=0)[
        ::-1
    ]  # the newest existing session is the first, the one before the second
    judged = ~np.isnan(last[-1]) & existing.any(axis=0)
    before = np.where(existing & (back == 1), last[:-1], -np.inf).max(axis=0, initial=-np.inf)
    window = existing & (back <= numbers.breadth_sessions)
    full = judged & (existing.sum(axis=0) >= numbers.breadth_sessions)
    highest = np.where(window, high[:-1], -np.inf).max(axis=0, initial=-np.inf)
    lowest = np.where(window, low[:-1], np.inf).min(axis=0, initial=np.inf)
    trading = int(judged.sum())
    advances, declines = (int((judged & one).sum()) for one in (last[-1] > before, last[-1] < before))
    new_highs, new_lows = (int((full & one).sum()) for one in (high[-1] > highest, low[-1] < lowest))
    ad_ratio, nh_ratio = _ratio(advances, declines), _ratio(new_highs, new_lows)
    strong, moderate = numbers.strong_breadth, numbers.moderate_breadth
    if not trading:
        strength, points = "unknown", 0.0
    elif ad_ratio > strong[0] and nh_ratio > strong[1]:
        strength, points = "strong", numbers.breadth_points[0]
    elif ad_ratio > moderate[0] and nh_ratio > moderate[1]:
        strength, points = "moderate", numbers.breadth_points[1]
    elif ad_ratio > numbers.weak_breadth:
        strength, points = "weak", numbers.breadth_points[2]
    else:
        strength, points = "negative", numbers.breadth_points[3]
    return {
        "advances": advances,
        "declines": declines,
        "ad_ratio": ad_ratio,
        "new_highs": new_highs,
        "new_lows": new_lows,
        "strength": strength,
        "points": points,
    }


def _ratio(above: int, below: int) -> float:
    return above / below if below else (math.inf if above else math.nan)


def _correlation(days: SessionBars, indices: list[int], numbers: RegimeSettings) -> dict[str, Any]:
    """Return the mean over the pairs of indices, each over the sessions that both have completed."""
    closes = days.completed(days.last)
    found = []
    for one, other in combinations(indices, 2):
        both = closes[:, [one, other]]
        both = both[~np.isnan(both).any(axis=1)]
        returns = np.diff(np.log(both), axis=0)[-numbers.correlation_returns :]
        if len(returns) == numbers.correlation_returns and (np.ptp(returns, axis=0) > 0).all():
            found.append(float(np.corrcoef(returns.T)[0, 1]))
    high, middle, low = numbers.correlation_points
    if not found:
        return {"mean": None, "points": 0.0}
    mean = float(np.mean(found))
    inner, outer = numbers.correlation_inner, numbers.correlation_outer
    if len(found) < len(numbers.indices) * (len(numbers.indices) - 1) // 2:
        points = low
    else:
        points = high if inner[0] <= mean <= inner[1] else middle if outer[0] <= mean <= outer[1] else low
    return {"mean": mean, "points": points, "pairs": len(found)}
