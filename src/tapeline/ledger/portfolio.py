"""The portfolio of an account: what is held, what it made, what is at stake, from the views of a journal alone.

    portfolio = portfolio_of(views, "main", sectors={"AAPL": "Technology"})
    portfolio.holdings[0].unrealized
    portfolio.exposure.net, portfolio.sectors["Technology"].gross, portfolio.strategies["Dip"].net

    net of a strategy = realized + unrealized - commissions + income
    equity = cash + market value = inflow - outflow + sum of the nets, exactly

An account's exposure counts each symbol once, for what all strategies hold of it together: long 100 of one and short
40 of another are long 60. A strategy's exposure counts its own holdings. A symbol whose price is not known counts at
its cost and is named in `unmarked`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from tapeline.domain.position import EXACT, ZERO, Position
from tapeline.ledger.profits import WHOLE, Close
from tapeline.ledger.round_trips import Lot
from tapeline.ledger.views import Views

NO_SECTOR = "unknown"


@dataclass(frozen=True, slots=True)
class Holding:
    """What one strategy holds of one symbol.

    mark : the last known price of a unit, None where there is none
    market_value : signed; at cost without a mark
    lots : oldest first; None where something changed without a trade, see `tapeline tax lots`
    net : what its round trip has made so far, None as for lots; risk : what it stood to lose at its first stop
    """

    position: Position
    mark: Decimal | None
    market_value: Decimal
    lots: tuple[Lot, ...] | None
    net: Decimal | None
    risk: Decimal | None

    @property
    def unrealized(self) -> Decimal:
        """P&L that closing at the mark would realize; zero without one."""
        return EXACT.subtract(self.market_value, self.position.cost)

    @property
    def r_multiple(self) -> float | None:
        """What it made so far over what it stood to lose."""
        return None if self.risk is None or self.net is None else float(self.net) / float(self.risk)


@dataclass(frozen=True, slots=True)
class Sums:
    """P&L with its parts; commissions are paid if above zero."""

    realized: Decimal = ZERO
    unrealized: Decimal = ZERO
    commissions: Decimal = ZERO
    income: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        """What was made."""
        with localcontext(EXACT):
            return self.realized + self.unrealized - self.commissions + self.income


@dataclass(frozen=True, slots=True)
class Exposure:
    """Market value of what is long and of what is short, both unsigned."""

    long: Decimal = ZERO
    short: Decimal = ZERO

    @property
    def gross(self) -> Decimal:
        """Longs and shorts together."""
        return EXACT.add(self.long, self.short)

    @property
    def net(self) -> Decimal:
        """Longs less shorts."""
        return EXACT.subtract(self.long, self.short)


@dataclass(frozen=True, slots=True)
class BetaExposure:
    """Sum of market value times beta, in money of the index; symbols without a beta are named and not in it."""

    net: float
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """An account now.

    now : equity, flows and profits by strategy
    holdings : what is not flat, by strategy and symbol
    strategies : by name; WHOLE is what belongs to the account as a whole
    sectors : by name, those without one under NO_SECTOR; empty if no sectors were given
    beta : None if no betas were given
    unmarked : symbols without a known price
    """

    account: str
    now: Close
    cash: Decimal
    holdings: tuple[Holding, ...]
    strategies: Mapping[str, Sums]
    exposure: Exposure
    by_strategy: Mapping[str, Exposure]
    sectors: Mapping[str, Exposure]
    beta: BetaExposure | None
    unmarked: tuple[str, ...]

    @property
    def sums(self) -> Sums:
        """Of the whole account."""
        return add(self.strategies.values())


def portfolio_of(
    views: Views,
    account: str = "main",
    *,
    time_ns: int = 0,
    sectors: Mapping[str, str] | None = None,
    betas: Mapping[str, float] | None = None,
) -> Portfolio:
    """Return the portfolio of an account.

    time_ns : of the present; sectors, betas : by symbol, from outside; a beta that is NaN is unknown
    """
    with localcontext(EXACT):
        positions = [position for key, position in sorted(views.positions.items()) if key[0] == account]
        holdings = tuple([_holding(views, position) for position in positions if position.quantity])
        values: dict[str, dict[str, Decimal]] = {}
        by_symbol: dict[str, Decimal] = {}
        for holding in holdings:
            name, symbol, value = holding.position.strategy, holding.position.symbol, holding.market_value
            values.setdefault(name, {})[symbol] = value
            by_symbol[symbol] = by_symbol.get(symbol, ZERO) + value
        now = views.profits.now(
            account, views.cash_amount(account), {name: sum(of.values(), ZERO) for name, of in values.items()}, time_ns
        )
        unrealized = {(holding.position.strategy, holding.position.symbol): holding.unrealized for holding in holdings}
        strategies: dict[str, list[Sums]] = {name: [] for name in now.profits}
        for position in positions:
            open_pnl = unrealized.get((position.strategy, position.symbol), ZERO)
            strategies.setdefault(position.strategy, []).append(
                Sums(position.realized, open_pnl, position.commissions, position.income)
            )
        if WHOLE in strategies:
            strategies[WHOLE].append(Sums(income=now.profits[WHOLE]))
        return Portfolio(
            account,
            now,
            views.cash_amount(account),
            holdings,
            {name: add(of) for name, of in strategies.items()},
            exposure_of(by_symbol.values()),
            {name: exposure_of(of.values()) for name, of in values.items()},
            _by_sector(by_symbol, sectors),
            _beta_weighted(by_symbol, betas),
            tuple(sorted({holding.position.symbol for holding in holdings if holding.mark is None})),
        )


def exposure_of(values: Iterable[Decimal]) -> Exposure:
    """Return the exposure of signed market values."""
    known = list(values)
    with localcontext(EXACT):
        return Exposure(sum([v for v in known if v > 0], ZERO), -sum([v for v in known if v < 0], ZERO))


def add(parts: Iterable[Sums]) -> Sums:
    """Return the sum of sums."""
    realized = unrealized = commissions = income = ZERO
    with localcontext(EXACT):
        for part in parts:
            realized += part.realized
            unrealized += part.unrealized
            commissions += part.commissions
            income += part.income
    return Sums(realized, unrealized, commissions, income)


def mark_of(views: Views, symbol: str) -> Decimal | None:
    """Return the last known price; what came from outside at no cost has none until a close tells it."""
    mark = views.marks.get(symbol)
    return mark if mark is not None and mark > 0 else None


def market_value(position: Position, mark: Decimal | None) -> Decimal:
    """Return the signed value of a position; its cost without a mark."""
    return position.cost if mark is None else EXACT.multiply(position.quantity, mark)


def _holding(views: Views, position: Position) -> Holding:
    key = position.account, position.strategy, position.symbol
    mark = mark_of(views, position.symbol)
    trip = None if key in views.moved else views.open_trips.get(key)
    value = market_value(position, mark)
    return Holding(
        position,
        mark,
        value,
        None if trip is None else tuple(trip.lots),
        None if trip is None else trip.net_with(value),
        None if trip is None else trip.risk,
    )


def _by_sector(by_symbol: Mapping[str, Decimal], sectors: Mapping[str, str] | None) -> dict[str, Exposure]:
    if sectors is None:
        return {}
    values: dict[str, list[Decimal]] = {}
    for symbol, value in by_symbol.items():
        values.setdefault(sectors.get(symbol, NO_SECTOR), []).append(value)
    return {name: exposure_of(of) for name, of in sorted(values.items())}


def _beta_weighted(by_symbol: Mapping[str, Decimal], betas: Mapping[str, float] | None) -> BetaExposure | None:
    if betas is None:
        return None
    held = {symbol: float(value) for symbol, value in by_symbol.items() if value}
    known = {symbol: betas[symbol] for symbol in held if math.isfinite(betas.get(symbol, math.nan))}
    net = math.fsum(held[symbol] * beta for symbol, beta in known.items())
    return BetaExposure(net, tuple(sorted(held.keys() - known.keys())))
