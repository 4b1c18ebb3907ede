"""High-water marks and drawdowns of an account and its strategies, and the portfolio as plain values.

    return of a period = profit / (equity before it + inflow during it)
    path               = product of (1 + return), 1 at the first deposit; periods end at session closes and now
    depth              = path / highest path so far - 1
    high water         = equity + (highest profit so far - profit now), the equity at which the profit is where it was

Profit is equity less inflow plus outflow, so that a deposit makes no high and a withdrawal no drawdown. A strategy has
no equity of its own: its returns are its profit over the capital of the account, and those of all strategies add up to
that of the account.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import pairwise
from statistics import fmean, median
from typing import Any

import numpy as np

from tapeline.analysis.drawdown import deepest_drawdown, drawdown_path, drawdowns, longest_drawdown
from tapeline.analysis.returns import NAN, returns_on_capital, wealth_path
from tapeline.domain.position import EXACT, ZERO
from tapeline.domain.times import SECOND, to_iso
from tapeline.ledger.attribution import Part, Piece
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.portfolio import BetaExposure, Exposure, Holding, Portfolio, Sums
from tapeline.ledger.profits import WHOLE, Close, Profits

R_BOUNDS = (-1, 0, 1, 2)


@dataclass(frozen=True, slots=True)
class HighWater:
    """Where the profit stands against its highest.

    equity : at which it would stand there again; None for a strategy, which has none
    below : what is missing, zero or above; since_ns : when it was highest
    depth : of the path now, zero or negative; deepest : so far; NaN where there was no capital to make it with
    longest : closes of the longest time below a high; longest_from_ns, longest_to_ns : when, to None if it lasts
    """

    equity: Decimal | None
    below: Decimal
    since_ns: int
    depth: float
    deepest: float
    longest: int
    longest_from_ns: int | None
    longest_to_ns: int | None


def high_water_of(profits: Profits, now: Close, account: str = "main", strategy: str | None = None) -> HighWater:
    """Return the high-water mark of an account, or of one of its strategies."""
    closes = [close for close in profits.closes.get(account, ()) if close.time_ns < now.time_ns]
    first = profits.began_ns.get(account, closes[0].time_ns if closes else now.time_ns)
    began = Close(min(first, *[close.time_ns for close in [*closes[:1], now]]), ZERO, ZERO, ZERO, {})
    points = [began, *closes, now]
    with localcontext(EXACT):
        made = [_profit(point, strategy) for point in points]
        gains = np.array([float(after - before) for before, after in pairwise(made)])
        capital = np.array([float(a.equity + b.inflow - a.inflow) for a, b in pairwise(points)])
        highest = max(made)
        below = highest - made[-1]
    path = wealth_path(returns_on_capital(gains, capital))
    is_known = bool(np.isfinite(path).all())
    falls = drawdowns(path) if is_known else []
    longest = longest_drawdown(path) if is_known else None
    deepest = deepest_drawdown(path) if is_known else None
    still = next((fall for fall in falls if fall.recovery is None), None)
    high = still.peak if still is not None else len(made) - 1 - made[::-1].index(highest)
    return HighWater(
        EXACT.add(now.equity, below) if strategy is None else None,
        below,
        points[high].time_ns,
        float(drawdown_path(path)[-1]),
        NAN if not is_known else 0.0 if deepest is None else deepest.depth,
        0 if longest is None else longest.length,
        None if longest is None else points[longest.peak].time_ns,
        None if longest is None or longest.recovery is None else points[longest.recovery].time_ns,
    )


def portfolio_tree(profits: Profits, portfolio: Portfolio, pieces: Iterable[Piece]) -> dict[str, Any]:
    """Return a portfolio as plain values: amounts as exact texts, shares of one as numbers, unknown as None.

    profits : of the views it was made from; pieces : of its P&L
    """
    now, equity, account = portfolio.now, portfolio.now.equity, portfolio.account
    by_strategy: dict[str, list[Piece]] = {}
    for piece in pieces:
        by_strategy.setdefault(piece.strategy, []).append(piece)
    return {
        "account": account,
        "time": _time(now.time_ns),
        "equity": amount_text(equity),
        "cash": amount_text(portfolio.cash),
        "inflow": amount_text(now.inflow),
        "outflow": amount_text(now.outflow),
        "profit": _sums(portfolio.sums),
        "high_water": high_water_tree(high_water_of(profits, now, account)),
        "exposure": exposure_tree(portfolio.exposure, equity),
        "beta": None if portfolio.beta is None else _beta(portfolio.beta, equity),
        "sectors": {name: exposure_tree(of, equity) for name, of in portfolio.sectors.items()},
        "strategies": {
            name: {
                "profit": _sums(sums),
                "exposure": exposure_tree(portfolio.by_strategy.get(name, Exposure()), equity),
                "high_water": high_water_tree(high_water_of(profits, now, account, name)),
                "r_multiples": r_multiples_tree(by_strategy.get(name, ())),
            }
            for name, sums in portfolio.strategies.items()
            if name != WHOLE
        },
        "of_the_account": _sums(portfolio.strategies.get(WHOLE, Sums())),
        "holdings": [_holding(holding) for holding in portfolio.holdings],
        "unmarked": list(portfolio.unmarked),
    }


def parts_tree(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return the parts of an attribution as plain values."""
    return [
        {"label": part.label, "profit": amount_text(part.profit), "round_trips": part.round_trips} for part in parts
    ]


def exposure_tree(exposure: Exposure, equity: Decimal) -> dict[str, Any]:
    """Return an exposure in money and as shares of equity."""
    sides = {name: getattr(exposure, name) for name in ("long", "short", "gross", "net")}
    shares = {f"{name}_share": share_of(amount, equity) for name, amount in sides.items()}
    return {**{name: amount_text(amount) for name, amount in sides.items()}, **shares}


def share_of(amount: Decimal | float, equity: Decimal) -> float | None:
    """Return an amount over equity; None where that is not above zero."""
    return float(amount) / float(equity) if equity > 0 else None


def high_water_tree(high: HighWater) -> dict[str, Any]:
    """Return a high-water mark as plain values."""
    return {
        "equity": None if high.equity is None else amount_text(high.equity),
        "below": amount_text(high.below),
        "since": _time(high.since_ns),
        "depth": _known(high.depth),
        "deepest": _known(high.deepest),
        "longest_closes": high.longest,
        "longest_from": None if high.longest_from_ns is None else _time(high.longest_from_ns),
        "longest_to": None if high.longest_to_ns is None else _time(high.longest_to_ns),
    }


def r_multiples_tree(pieces: Iterable[Piece]) -> dict[str, Any]:
    """Return the distribution of R multiples over closed round trips; those without a stop are counted apart."""
    closed = [piece for piece in pieces if piece.side is not None and not piece.is_open]
    found = [piece.r_multiple for piece in closed if piece.r_multiple is not None]
    edges = [-math.inf, *R_BOUNDS, math.inf]
    return {
        "round_trips": len(closed),
        "with_stop": len(found),
        "mean": fmean(found) if found else None,
        "median": median(found) if found else None,
        "worst": min(found, default=None),
        "best": max(found, default=None),
        "bounds": list(R_BOUNDS),
        "counts": [sum(low <= r < high for r in found) for low, high in pairwise(edges)],
    }


def _profit(point: Close, strategy: str | None) -> Decimal:
    return sum(point.profits.values(), ZERO) if strategy is None else point.profits.get(strategy, ZERO)


def _sums(sums: Sums) -> dict[str, str]:
    names = ("net", "realized", "unrealized", "commissions", "income")
    return {name: amount_text(getattr(sums, name)) for name in names}


def _beta(beta: BetaExposure, equity: Decimal) -> dict[str, Any]:
    return {"net": beta.net, "net_share": share_of(beta.net, equity), "unknown": list(beta.unknown)}


def _holding(holding: Holding) -> dict[str, Any]:
    position, lots = holding.position, holding.lots
    return {
        "strategy": position.strategy,
        "symbol": position.symbol,
        "quantity": amount_text(position.quantity),
        "average_price": amount_text(position.average_price or ZERO),
        "mark": None if holding.mark is None else amount_text(holding.mark),
        "market_value": amount_text(holding.market_value),
        "unrealized": None if holding.mark is None else amount_text(holding.unrealized),
        "realized": amount_text(position.realized),
        "commissions": amount_text(position.commissions),
        "income": amount_text(position.income),
        "risk": None if holding.risk is None else amount_text(holding.risk),
        "r_multiple": holding.r_multiple,
        "lots": None
        if lots is None
        else [
            {
                "execution_id": lot.execution_id,
                "acquired": _time(lot.acquired_ns),
                "quantity": amount_text(lot.quantity),
                "cost": amount_text(lot.cost),
            }
            for lot in lots
        ],
    }


def _time(time_ns: int) -> str:
    return to_iso(time_ns // SECOND * SECOND)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
