"""What a strategy may declare besides formulas: sizes, distances, scale-outs and session windows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from tapeline.domain.errors import ConfigurationError
from tapeline.formula.node import Node, as_node


class SizeKind(IntEnum):
    """How a quantity is found; the values are those of the decision kernel."""

    FIXED = 0
    PERCENT_OF_EQUITY = 1
    RISK_PER_STOP = 2
    VOLATILITY_TARGET = 3


@dataclass(frozen=True, slots=True, eq=False)
class Size:
    """A way to find the quantity of an entry; build one with the functions below."""

    kind: SizeKind
    value: Node
    volatility: Node | None = None


def fixed_quantity(quantity: Node | float) -> Size:
    """Buy the same quantity each time, or what a formula says."""
    return Size(SizeKind.FIXED, as_node(quantity))


def percent_of_equity(percent: Node | float) -> Size:
    """Buy for a share of equity: 10 means 10 % of equity at the decision's price, costs included."""
    return Size(SizeKind.PERCENT_OF_EQUITY, as_node(percent))


def risk_per_stop(percent: Node | float) -> Size:
    """Lose this percent of equity if the stop fills at its price; needs `stop` or `trail`."""
    return Size(SizeKind.RISK_PER_STOP, as_node(percent))


def volatility_target(percent: Node | float, volatility: Node) -> Size:
    """Hold so much that the position moves by this percent of equity a year.

    volatility : a formula of the yearly volatility as a fraction (0.2 = 20 %), such as realized_volatility
    """
    return Size(SizeKind.VOLATILITY_TARGET, as_node(percent), volatility)


@dataclass(frozen=True, slots=True, eq=False)
class Distance:
    """A stop or target that lies so far from the decision's price, on the proper side of it."""

    value: Node


def distance(value: Node | float) -> Distance:
    """Place a stop or a target this far (in currency) from the price at the decision, for either side."""
    return Distance(as_node(value))


@dataclass(frozen=True, slots=True, eq=False)
class ScaleOut:
    """Sell a fraction of the holding, once, when a condition becomes true; the rest gets a new bracket."""

    when: Node
    fraction: float

    def __post_init__(self) -> None:
        if not 0.0 < self.fraction < 1.0:
            raise ConfigurationError(f"ScaleOut: fraction must lie between 0 and 1, found {self.fraction}.")


@dataclass(frozen=True, slots=True)
class SessionWindow:
    """When in a session entries are allowed: from so many minutes after the open to so many before the close."""

    after_open_minutes: float = 0.0
    before_close_minutes: float = 0.0

    def __post_init__(self) -> None:
        if self.after_open_minutes < 0 or self.before_close_minutes < 0:
            raise ConfigurationError("SessionWindow: minutes must not be negative.")
