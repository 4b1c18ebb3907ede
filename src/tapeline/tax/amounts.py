"""Exact amounts as whole numbers: fast enough for a million executions, and the same in every order of sums.

    quantity     1 share     = 10^12 units; a ratio such as 1 for 3 leaves a Fraction of units, so nothing is lost
    per share    1 dollar    = 10^20 units
    amount       1 dollar    = 10^32 units = quantity x per share, a product without rounding

Lots keep what one share costs, not what the lot costs: a part of a lot is then a multiplication, parts add up to
their whole, and equal bases per share are equal numbers. The one rounding is `per_share`, where a total is spread over
shares: at most half a unit, 5e-21 dollars a share. At the edge an amount becomes cents, half-up; what lies within 10^-9
dollars of half a cent is taken for half a cent, so a tie in exact arithmetic is a tie here.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import lru_cache

Number = int | Fraction
"""A whole number of units, or a fraction of them after a ratio that does not divide evenly."""

QUANTITY_DIGITS, PRICE_DIGITS = 12, 20
SHARE = 10**QUANTITY_DIGITS
DOLLAR_PER_SHARE = 10**PRICE_DIGITS
CENT = 10 ** (QUANTITY_DIGITS + PRICE_DIGITS - 2)
NEGLIGIBLE = CENT // 10**7

_EXACT = Context(prec=120)


def _scaled(value: Decimal, digits: int) -> Number:
    numerator, denominator = value.as_integer_ratio()
    return divided(numerator * 10**digits, denominator)


@lru_cache(maxsize=1 << 16)
def to_quantity(value: Decimal) -> Number:
    """Return shares or contracts in units."""
    return _scaled(value, QUANTITY_DIGITS)


@lru_cache(maxsize=1 << 16)
def to_price(value: Decimal) -> int:
    """Return dollars per share in units, half-up at twenty decimals."""
    return nearest(_scaled(value, PRICE_DIGITS))


@lru_cache(maxsize=1 << 12)
def to_amount(value: Decimal) -> Number:
    """Return dollars in units of amounts."""
    return _scaled(value, QUANTITY_DIGITS + PRICE_DIGITS)


def per_share(amount: Number, quantity: Number) -> int:
    """Return an amount spread over a quantity, half-up at the last unit."""
    if type(amount) is int and type(quantity) is int:
        return (2 * amount + quantity) // (2 * quantity)
    return nearest(Fraction(amount) / quantity)


def divided(value: Number, by: Number) -> Number:
    """Return value / by exactly: a whole number where it is one."""
    if type(value) is int and type(by) is int:
        whole, rest = divmod(value, by)
        return whole if not rest else Fraction(value, by)
    return simplest(Fraction(value) / by)


def times(value: Number, ratio: Fraction) -> Number:
    """Return value x ratio exactly: a whole number where it is one."""
    return simplest(value * ratio)


def nearest(value: Number) -> int:
    """Return the nearest whole number of units, halves upward."""
    return value if type(value) is int else (2 * value + 1) // 2


def simplest(value: Fraction) -> Number:
    """Return a whole fraction as an int."""
    return value.numerator if value.denominator == 1 else value


def cents(amount: Number) -> int:
    """Return an amount in whole cents, half-up (away from zero)."""
    if amount < 0:
        return -cents(-amount)
    return int((amount + CENT // 2 + NEGLIGIBLE) // CENT)


def dollars(whole_cents: int) -> Decimal:
    """Return cents as dollars with two decimals."""
    return Decimal(whole_cents).scaleb(-2)


def to_cents(amount: Decimal) -> int:
    """Return dollars as whole cents, half-up (away from zero)."""
    return int(amount.scaleb(2).to_integral_value(ROUND_HALF_UP))


def share_price(units: int) -> Decimal:
    """Return dollars per share as a decimal, at ten decimals at most."""
    value = Decimal(units).scaleb(-PRICE_DIGITS, _EXACT).quantize(Decimal("1e-10"), ROUND_HALF_UP)
    return max(value.normalize(_EXACT), value.quantize(Decimal("0.01"), ROUND_HALF_UP), key=_decimals)


def _decimals(value: Decimal) -> int:
    return -int(value.as_tuple().exponent)


def shares(quantity: Number) -> Decimal:
    """Return a quantity as a decimal, at twelve decimals where it has no end."""
    value = Decimal(nearest(quantity)).scaleb(-QUANTITY_DIGITS, _EXACT)
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize(_EXACT)
