"""Prices on the tick, quantities on the step, cash without drift.

A price is computed as a whole number of ticks, then divided by the ticks per unit: 10003 / 100 is the float64
nearest to 100.03, while 10003 * 0.01 is not. Two prices closer than a millionth of a tick are equal, so
rounding first moves a price by that much towards the other side: 100.00000000000001 rounded up to 0.01 is
100.00.

Cash is a whole number plus a fraction that is rounded to 1e-12 after every change. What an execution adds is
split the same way, from whole ticks times whole steps: nothing is lost however many executions there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled

TICK_NUDGE = 1e-6  # of a tick: prices closer than this are equal
ROUNDING_NUDGE = 1e-9  # of the unit: a float64 just below a half counts as the half
PRICE_MAX = 1e12  # beyond every price, and its ticks are still a whole number of 64 bits
QUANTITY_MAX = 1e10  # as large for quantities: a wish for more is one for as much as the limits leave
CASH_GRID = 1e12
CASH_TOLERANCE = 1e-9  # far below any amount that can be owed, far above the error of a sum


@compiled()
def ticks_below(price: float, symbol: Any) -> int:
    return int(np.floor(price * symbol.tick_denominator / symbol.tick_numerator + TICK_NUDGE))


@compiled()
def ticks_above(price: float, symbol: Any) -> int:
    return int(np.ceil(price * symbol.tick_denominator / symbol.tick_numerator - TICK_NUDGE))


@compiled()
def price_of(ticks: int, symbol: Any) -> float:
    """Return the float64 nearest to a number of ticks."""
    return float(ticks * symbol.tick_numerator) / float(symbol.tick_denominator)


@compiled()
def round_price(price: float, up: bool, symbol: Any) -> float:
    """Return a price on the tick, rounded up or down; NaN stays NaN."""
    if np.isnan(price):
        return price
    return price_of(ticks_above(price, symbol) if up else ticks_below(price, symbol), symbol)


@compiled()
def is_no_price(price: float, symbol: Any) -> bool:
    """Return whether no order can stand at a price: below one tick, or beyond all prices. NaN asks for none: False."""
    return bool(price < symbol.tick or price > PRICE_MAX)


@compiled()
def fill_price(price: float, side: int, symbol: Any) -> float:
    """Return the price an execution gets: on the tick, rounded against the trader, at least one tick."""
    ticks = ticks_above(price, symbol) if side > 0 else ticks_below(price, symbol)
    return price_of(max(ticks, 1), symbol)


@compiled()
def steps_in(quantity: float, symbol: Any) -> int:
    """Return how many whole steps fit into a quantity of zero or more."""
    steps = quantity * symbol.step_denominator / symbol.step_numerator
    return int(np.floor(steps * (1.0 + 1e-14) + ROUNDING_NUDGE))


@compiled()
def wish_of(quantity: float) -> float:
    """Return what a wish for a quantity comes to: zero if it is not above zero or unknown, `QUANTITY_MAX` at most."""
    return min(quantity, QUANTITY_MAX) if quantity > 0.0 else 0.0


@compiled()
def quantity_of(steps: int, symbol: Any) -> float:
    """Return the float64 nearest to a number of steps."""
    return float(steps * symbol.step_numerator) / float(symbol.step_denominator)


@compiled()
def on_step(quantity: float, symbol: Any) -> float:
    """Return the multiple of the step that a sum of such multiples means, free of the sum's error."""
    if symbol.step_denominator == 1:
        return float(np.rint(quantity))
    return float(np.rint(quantity * symbol.step_denominator) / symbol.step_denominator)


@compiled()
def half_up_cents(amount: float) -> float:
    """Round half-up, away from zero, to the cent."""
    cents = float(np.floor(abs(amount) * 100.0 + 0.5 + ROUNDING_NUDGE)) / 100.0
    return cents if amount >= 0.0 else -cents


@compiled()
def nearest_decimal(amount: float) -> float:
    """Return the float64 nearest to what a product means: at most 14 digits and 12 decimals."""
    scale = CASH_GRID
    while abs(amount) * scale > 1e14 and scale > 1.0:
        scale /= 10.0
    return float(np.rint(amount * scale)) / scale


@compiled()
def notional_parts(price: float, quantity: float, symbol: Any) -> tuple[float, float]:
    """Return price * quantity as a whole number and a fraction; exact for amounts as they are kept here."""
    price_units = int(np.rint(price * symbol.tick_denominator))
    quantity_units = int(np.rint(quantity * symbol.step_denominator))
    shares = quantity_units // symbol.step_denominator
    rest = quantity_units - shares * symbol.step_denominator
    units = price_units * shares
    whole = units // symbol.tick_denominator
    fraction = float(units - whole * symbol.tick_denominator) / float(symbol.tick_denominator)
    if rest > 0:
        units = price_units * rest
        scale = symbol.tick_denominator * symbol.step_denominator
        more = units // scale
        whole += more
        fraction += float(units - more * scale) / float(scale)
    return float(whole), fraction


@compiled()
def cash_of(state: Any) -> float:
    """Return the cash as one float64."""
    return float(state.cash_whole + state.cash_fraction)


@compiled()
def add_cash(state: Any, whole: float, fraction: float) -> None:
    """Add whole units and a fraction, both of either sign."""
    total = np.rint((state.cash_fraction + fraction) * CASH_GRID) / CASH_GRID
    carry = np.floor(total)
    state.cash_whole += whole + carry
    state.cash_fraction = np.rint((total - carry) * CASH_GRID) / CASH_GRID


@compiled()
def add_amount(state: Any, amount: float) -> None:
    """Add an amount of either sign that is a short decimal."""
    whole = np.floor(amount)
    add_cash(state, whole, amount - whole)
