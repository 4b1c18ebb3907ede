"""Whole dollars: optional, but for all amounts of a return.

Below 50 cents an amount is dropped to the dollar, from 50 cents on it goes up (2.50 becomes 3, a loss of 2.50 a loss
of 3). Where a line is a sum, cents are added and the total is rounded, once. Rows of Form 8949 therefore keep their
cents: rounded row by row, a washed sale of exactly zero would become a gain or a loss of a dollar. For the same
reason the gain of a line is its own total, rounded once, and not what is left of the line's other rounded columns.

    three rows of 10.40 - 9.00 = 1.40     31.20 - 27.00 = 4.20     31 - 27 = 4, and not 3 x (10 - 9) = 3

Source: instructions for Form 1040 (2025), "Rounding Off to Whole Dollars".
"""

from __future__ import annotations


def whole_dollars(cents: int) -> int:
    """Return an amount in cents as whole dollars, half-up away from zero."""
    return -whole_dollars(-cents) if cents < 0 else (cents + 50) // 100
