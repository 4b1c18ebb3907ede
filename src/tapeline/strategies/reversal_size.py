"""How much a reversal entry buys, with the reason for each cut and for a refusal.

Example, 100,000 of equity, entry 100, stop 98, 1 % at risk: floor(1,000 / 2) = 500 shares. A regime with the multiplier
0.75 leaves 375, a volatile symbol three quarters of that, and 20 % of equity is 200 shares at 100: 200 are bought.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tapeline.screener.strategy_settings import StrategySettings

TOLERANCE = 1e-9
"""Relative, and absolute below 1, as for comparisons of formulas."""


@dataclass(frozen=True)
class Size:
    """A quantity, and how it came about.

    quantity : in whole steps, 0 where the entry is refused; wanted : before cuts
    cuts : rule -> the quantity that it left, in order; refusal : the rule that refused, empty for none
    """

    quantity: float
    wanted: float
    cuts: dict[str, float] = field(default_factory=dict)
    refusal: str = ""


def reaches(value: float, bound: float) -> bool:
    """Return whether a computed value is above or equal to a bound, as formulas compare; unknown does not."""
    return value >= bound - TOLERANCE * max(1.0, abs(value), abs(bound))


def size_of_entry(
    numbers: StrategySettings,
    *,
    equity: float,
    price: float,
    stop: float,
    target: float,
    step: float,
    factors: dict[str, float],
    open_risk: float,
) -> Size:
    """Return the quantity of an entry at a price, or why there is none.

    price, stop, target : in currency; step : the smallest quantity
    factors : what multiplies the size, by the name of the rule, in order; open_risk : of all that is held, in currency
    """
    risk = price - stop
    if not (risk > 0.0 and equity > 0.0) or math.isnan(target) or any(math.isnan(value) for value in factors.values()):
        return Size(0.0, 0.0, refusal="unknown")
    wanted = _whole(numbers.risk_per_trade * equity / risk, step)
    if not reaches((target - price) / risk, numbers.reward_min):
        return Size(0.0, wanted, refusal="reward")
    quantity, cuts = wanted, {}
    for rule, factor in factors.items():
        quantity *= factor
        if factor != 1.0:
            cuts[rule] = quantity
    bounds = {
        "risk per trade": numbers.risk_per_trade_max * equity / risk,
        "notional": numbers.notional_max * equity / price,
        "open risk": max(numbers.open_risk_max * equity - open_risk, 0.0) / risk,
    }
    for rule, bound in bounds.items():
        if bound < quantity * (1.0 - TOLERANCE):
            quantity = cuts[rule] = bound
    quantity = _whole(quantity, step)
    refusal = "" if quantity > 0.0 else (list(cuts) or ["risk per trade"])[-1]
    return Size(quantity, wanted, cuts, refusal)


def _whole(quantity: float, step: float) -> float:
    return math.floor(quantity / step * (1.0 + TOLERANCE)) * step
