"""Netting a year's gains and losses, and what of a loss goes into the next year.

Schedule D nets short-term against long-term results, each with what was carried in. Of a net loss up to 3,000 (1,500
married filing separately) is deducted from other income, IRC 1211(b); the rest is carried forward and keeps its
character, IRC 1212(b), by the Capital Loss Carryover Worksheet of the instructions for Schedule D:

    short -5,000, long +1,000     net -4,000: 3,000 deducted, 1,000 carried as short-term
    short +1,000, long -5,000     net -4,000: 3,000 deducted, 1,000 carried as long-term
    short -2,000, long -4,000     net -6,000: 3,000 deducted, short-term first; 3,000 carried as long-term

The worksheet looks at taxable income too: who had less of it than the deduction carries more. Amounts are dollars:
losses below zero, carry-overs above.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tapeline.domain.errors import ConfigurationError

ZERO = Decimal(0)
LOSS_LIMIT = Decimal(3000)
LOSS_LIMIT_SEPARATE = Decimal(1500)


@dataclass(frozen=True, slots=True)
class Carryover:
    """Losses carried from one year into the next, as amounts above zero."""

    short: Decimal = ZERO
    long: Decimal = ZERO

    def __post_init__(self) -> None:
        for name, amount in (("short", self.short), ("long", self.long)):
            if not (amount.is_finite() and amount >= 0):
                raise ConfigurationError(
                    f"A {name}-term loss carried over is given as an amount above zero, found {amount}."
                )


@dataclass(frozen=True, slots=True)
class Netting:
    """A year's result after netting.

    short, long : net results with what was carried in, Schedule D lines 7 and 15
    net : both together, line 16
    deducted : of a net loss, what is taken off other income, line 21 as an amount above zero
    carryover : into the next year
    """

    short: Decimal
    long: Decimal
    net: Decimal
    deducted: Decimal
    carryover: Carryover


def net_year(
    short: Decimal,
    long: Decimal,
    carried_in: Carryover | None = None,
    *,
    limit: Decimal = LOSS_LIMIT,
    taxable_income: Decimal | None = None,
) -> Netting:
    """Net a year's short-term and long-term results.

    limit : of the deduction from other income
    taxable_income : Form 1040 line 15, negative where deductions exceed income; None = enough for the deduction
    """
    carried_in = carried_in or Carryover()
    short, long = short - carried_in.short, long - carried_in.long
    net = short + long
    if net >= 0:
        return Netting(short, long, net, ZERO, Carryover())
    deducted = min(-net, limit)
    # worksheet lines 1 to 4: a deduction that found no income to reduce is not used up
    used = deducted if taxable_income is None else min(deducted, max(ZERO, taxable_income + deducted))
    # lines 5 to 8, then 9 to 13: what is used up reduces the short-term loss first
    short_left = max(ZERO, -short - used - max(ZERO, long))
    used_on_long = max(ZERO, used - max(ZERO, -short))
    long_left = max(ZERO, -long - used_on_long - max(ZERO, short))
    return Netting(short, long, net, deducted, Carryover(short_left, long_left))
