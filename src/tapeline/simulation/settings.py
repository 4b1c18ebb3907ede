"""What a run assumes about account, costs, market and limits: plain values, checked once.

Everything here is configuration that belongs to a result's identity: it goes into the manifest as `as_facts()`
writes it, and equal settings give equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from tapeline.domain.errors import ConfigurationError, UnknownNameError
from tapeline.domain.times import from_iso
from tapeline.simulation.execution_settings import Algorithms
from tapeline.simulation.limit_settings import Limits

FIRST_NS = -(2**63)


def _positive(owner: str, **values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise ConfigurationError(f"{owner}: {name} must be above zero, found {value}.")


def _not_negative(owner: str, **values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            raise ConfigurationError(f"{owner}: {name} must not be negative, found {value}.")


def _one_of(kind: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UnknownNameError(kind, str(value), known)


@dataclass(frozen=True, slots=True)
class Account:
    """The account at the start of a run.

    cash : in the account's currency; leverage : buying power over equity, of a margin account
    short_allowed : only margin accounts may sell short
    """

    cash: float = 100_000.0
    kind: Literal["cash", "margin"] = "cash"
    leverage: float = 1.0
    short_allowed: bool = False

    def __post_init__(self) -> None:
        _one_of("account kind", self.kind, ("cash", "margin"))
        _positive("Account", cash=self.cash, leverage=self.leverage)
        if self.kind == "cash" and (self.short_allowed or self.leverage != 1.0):
            raise ConfigurationError(
                "A cash account has no leverage and cannot sell short. Use kind='margin', or leave both out."
            )


@dataclass(frozen=True, slots=True)
class PercentCommission:
    """rate : share of the notional, 0.001 = 0.1 %."""

    rate: float

    def __post_init__(self) -> None:
        _not_negative("PercentCommission", rate=self.rate)


@dataclass(frozen=True, slots=True)
class PerShareCommission:
    """rate : currency per share; minimum : per order; maximum_pct : percent of the notional, the maximum winning."""

    rate: float
    minimum: float = 0.0
    maximum_pct: float = math.inf

    def __post_init__(self) -> None:
        _not_negative("PerShareCommission", rate=self.rate, minimum=self.minimum)
        if not self.maximum_pct > 0:
            raise ConfigurationError(f"PerShareCommission: maximum_pct must be above zero, found {self.maximum_pct}.")


@dataclass(frozen=True, slots=True)
class SaleFees:
    """Regulatory fees on sales from a UTC date on: per notional, and per share with a cap per execution."""

    first_date: str
    per_notional: float
    per_share: float
    per_share_cap: float

    def __post_init__(self) -> None:
        _not_negative(
            "SaleFees", per_notional=self.per_notional, per_share=self.per_share, per_share_cap=self.per_share_cap
        )


@dataclass(frozen=True, slots=True)
class Slippage:
    """What a market order pays beyond the price, per share.

    bps : basis points of the price (model "bps"); spread : the whole spread in currency (model "spread")
    k, bars : multiple of the mean true range of the last bars (model "volatility")
    k, initial_sigma : k * sigma * sqrt(quantity / volume) * price (model "impact")
    """

    model: Literal["none", "bps", "spread", "volatility", "impact"] = "none"
    bps: float = 0.0
    spread: float = 0.0
    k: float = 0.0
    bars: int = 14
    initial_sigma: float = 0.02

    def __post_init__(self) -> None:
        _one_of("slippage model", self.model, ("none", "bps", "spread", "volatility", "impact"))
        _not_negative("Slippage", bps=self.bps, spread=self.spread, k=self.k, initial_sigma=self.initial_sigma)
        if self.bars < 1:
            raise ConfigurationError(f"Slippage: bars must be at least 1, found {self.bars}.")


@dataclass(frozen=True, slots=True)
class Costs:
    """Commissions, slippage, and the yearly rates of borrowed shares and borrowed cash (0.036 = 3.6 %)."""

    commission: tuple[PercentCommission | PerShareCommission | SaleFees, ...] = ()
    slippage: Slippage = field(default_factory=Slippage)
    borrow_rate: float = 0.0
    interest_rate: float = 0.0

    def __post_init__(self) -> None:
        _not_negative("Costs", borrow_rate=self.borrow_rate, interest_rate=self.interest_rate)

    @property
    def buying_rate(self) -> float:
        """What a share costs above its price when bought, as a fraction, where it is proportional to the price."""
        rate = sum(part.rate for part in self.commission if isinstance(part, PercentCommission))
        return rate + (self.slippage.bps / 10_000 if self.slippage.model == "bps" else 0.0)


@dataclass(frozen=True, slots=True)
class Market:
    """How the simulated market fills; the defaults err against the trader.

    tick_size, quantity_step : of every instrument of the run; participation : share of a bar's volume, up to 1
    limit_fill : "through" (a limit must be traded through) or "touch"
    inside_first : which of a bracket's children a bar that reaches both fills, "stop" or "limit"
    commission_rounding : "cent" or "none"; latency_s : from decision to market
    """

    tick_size: float = 0.01
    quantity_step: float = 1.0
    participation: float = 1.0
    limit_fill: Literal["through", "touch"] = "through"
    inside_first: Literal["stop", "limit"] = "stop"
    commission_rounding: Literal["cent", "none"] = "cent"
    latency_s: float = 0.0

    def __post_init__(self) -> None:
        _positive("Market", tick_size=self.tick_size, quantity_step=self.quantity_step)
        _not_negative("Market", latency_s=self.latency_s)
        _one_of("limit_fill", self.limit_fill, ("through", "touch"))
        _one_of("inside_first", self.inside_first, ("stop", "limit"))
        _one_of("commission_rounding", self.commission_rounding, ("cent", "none"))
        if not 0.0 < self.participation <= 1.0:
            raise ConfigurationError(f"Market: participation must lie above 0 and up to 1, found {self.participation}.")


@dataclass(frozen=True, slots=True)
class RunSettings:
    """All assumptions of a run.

    limits : of the account; strategy_limits : of single strategies by name, each bound in place of what they declare
    execution : how orders of strategies are worked that do not declare it themselves
    strategy_execution : of single strategies by name, in place of what they declare
    compare : "tolerant" (1e-9) or "exact" comparison of computed values
    trade_from : ISO time or date; slices that end before it only warm formulas up. Empty = trade from the start
    """

    account: Account = field(default_factory=Account)
    costs: Costs = field(default_factory=Costs)
    market: Market = field(default_factory=Market)
    limits: Limits = field(default_factory=Limits)
    strategy_limits: Mapping[str, Limits] = field(default_factory=dict)
    execution: Algorithms = field(default_factory=Algorithms)
    strategy_execution: Mapping[str, Algorithms] = field(default_factory=dict)
    compare: Literal["tolerant", "exact"] = "tolerant"
    trade_from: str = ""

    def __post_init__(self) -> None:
        _one_of("compare", self.compare, ("tolerant", "exact"))
        if self.trade_from:
            from_iso(self.trade_from)

    def limits_of(self, strategy: str, declared: Limits | None) -> Limits | None:
        """Return the bounds of a strategy by name: those given here, over those that it declares; None without any."""
        given = self.strategy_limits.get(strategy)
        return declared if given is None else given.over(declared)

    @property
    def trade_from_ns(self) -> int:
        """The first moment at which strategies may decide, UTC nanoseconds."""
        return from_iso(self.trade_from) if self.trade_from else FIRST_NS


def as_facts(value: Any) -> Any:
    """Return settings as nested plain values, for the manifest; infinities become None."""
    if is_dataclass(value) and not isinstance(value, type):
        facts = {f.name: as_facts(getattr(value, f.name)) for f in fields(value)}
        return {"type": type(value).__name__, **facts}
    if isinstance(value, (tuple, list)):
        return [as_facts(item) for item in value]
    if isinstance(value, Mapping):
        return {name: as_facts(item) for name, item in sorted(value.items())}
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    return value
