"""The border between exact amounts and the kernels' float64.

Journal, ledger and tax compute with Decimal; kernels compute with float64 and round by one rule: prices to
the tick, commissions half-up to the cent, quantities to the instrument's step. A kernel's result after that
rounding is the float64 nearest to a short decimal, so `exact` recovers that decimal by its shortest
representation, and `approximate(exact(x)) == x` holds for every finite x.
"""

from __future__ import annotations

import math
from decimal import Decimal

from tapeline.domain.errors import InvariantError


def exact(value: float) -> Decimal:
    """Return the shortest decimal whose nearest float64 is `value`. Raises InvariantError for NaN or infinity."""
    if not math.isfinite(value):
        raise InvariantError(f"An amount of {value} reached the books; amounts are finite numbers.")
    text = repr(float(value))
    return plain(Decimal(text))


def plain(amount: Decimal) -> Decimal:
    """Return the amount without exponent and trailing zeros: one number, one text."""
    reduced = amount.normalize()
    return reduced.quantize(Decimal(1)) if reduced.as_tuple().exponent > 0 else reduced  # type: ignore[operator]


def approximate(amount: Decimal) -> float:
    """Return the float64 nearest to an exact amount."""
    return float(amount)


def text(amount: Decimal) -> str:
    """Return the amount as digits, without exponent."""
    return format(amount, "f")
