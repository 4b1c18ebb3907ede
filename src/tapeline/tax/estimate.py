"""An estimate of the tax on gains at rates that the taxpayer gives. It is no return.

    Rates(short=Decimal("0.35"), long=Decimal("0.15"), state=Decimal("0.05"), investment=Decimal("0.038"))

Short-term gains are taxed at the marginal rate of other income, long-term ones at theirs; a state's rate and the net
investment income tax (IRC 1411) are added to both. One rate each: brackets, thresholds, other income, credits and the
order of deductions are not looked at, so the true tax is another amount.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from tapeline.domain.errors import ConfigurationError
from tapeline.tax.carryover import Netting
from tapeline.tax.gains import Gain, Term

ZERO = Decimal(0)
CENT = Decimal("0.01")
SIXTY = Decimal("0.6")


@dataclass(frozen=True, slots=True)
class Rates:
    """Marginal rates as fractions: 0.35 is 35 %."""

    short: Decimal
    long: Decimal
    state: Decimal = ZERO
    investment: Decimal = ZERO

    def __post_init__(self) -> None:
        for name in ("short", "long", "state", "investment"):
            value = getattr(self, name)
            if not (value.is_finite() and 0 <= value < 1):
                raise ConfigurationError(f"The {name} rate must lie from 0 to below 1, found {value}; 0.35 is 35 %.")

    def of(self, term: Term) -> Decimal:
        """Return the whole rate on a gain of a term; 60/40 results have their mixture."""
        added = self.state + self.investment
        if term is Term.LONG:
            return self.long + added
        if term is Term.SECTION_1256:
            return self.long * SIXTY + self.short * (1 - SIXTY) + added
        return self.short + added


def tax_on_rows(rows: Iterable[Gain], rates: Rates) -> Decimal:
    """Return the estimate on rows alone, each gain and loss at its term's rate; below zero is tax saved elsewhere."""
    return sum((row.gain * rates.of(row.term) for row in rows), ZERO).quantize(CENT, ROUND_HALF_UP)


def tax_on_year(net: Netting, rates: Rates, ordinary: Decimal = ZERO) -> Decimal:
    """Return the estimate on a year after netting; below zero is what a deducted loss saves on other income.

    ordinary : results of section 475(f) accounts
    """
    short, long = net.short, net.long
    if net.net < 0:
        capital = -net.deducted * rates.of(Term.SHORT)
    else:
        # a loss of one term has reduced the gain of the other
        short, long = (short + min(long, ZERO), max(long, ZERO)) if short > 0 else (ZERO, long + short)
        capital = short * rates.of(Term.SHORT) + long * rates.of(Term.LONG)
    return (capital + ordinary * rates.of(Term.ORDINARY)).quantize(CENT, ROUND_HALF_UP)
