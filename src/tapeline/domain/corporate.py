"""Corporate actions: what changes a position or its cash without a trade."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from tapeline.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Split:
    """A split: `old` shares become `new` ones at the open of the first session on or after `ex`."""

    symbol: str
    ex: date
    new: Decimal
    old: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if not (self.new.is_finite() and self.old.is_finite() and self.new > 0 and self.old > 0):
            raise ConfigurationError(
                f"Split of {self.symbol} on {self.ex}: {self.new} for {self.old} is no ratio of amounts above zero."
            )


@dataclass(frozen=True, slots=True)
class CashDividend:
    """A dividend of `amount` per share held at the open of the first session on or after `ex`; shorts pay
    it."""

    symbol: str
    ex: date
    amount: Decimal

    def __post_init__(self) -> None:
        if not (self.amount.is_finite() and self.amount > 0):
            raise ConfigurationError(f"Dividend of {self.symbol} on {self.ex} must be above zero, found {self.amount}.")


CorporateAction = Split | CashDividend

ROUNDED_DIGITS, OLD_SHARES_MAX = 6, 50


def split_by_ratio(symbol: str, ex: date, ratio: Decimal) -> Split:
    """Return the split that a table means by new shares per old one.

    A ratio that had to be rounded, such as 0.333333333333, is one for three; any other is taken as it stands.
    Raises ConfigurationError for one that is not above zero.
    """
    digits = -int(ratio.as_tuple().exponent) if ratio.is_finite() else 0
    if digits >= ROUNDED_DIGITS:
        meant = Fraction(ratio).limit_denominator(OLD_SHARES_MAX)
        if abs(meant - Fraction(ratio)) <= Fraction(1, 2 * 10**digits):
            return Split(symbol, ex, new=Decimal(meant.numerator), old=Decimal(meant.denominator))
    return Split(symbol, ex, new=ratio)


@dataclass(frozen=True, slots=True)
class SplitReported:
    """A broker's word that a split has happened to everything the account holds and has working in a symbol."""

    kind: ClassVar[str] = "SplitReported"
    schema: ClassVar[int] = 1
    event_time_ns: int
    symbol: str
    new_shares: Decimal
    old_shares: Decimal
