"""Corporate actions: what changes a position or its cash without a trade."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
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


@dataclass(frozen=True, slots=True)
class SplitReported:
    """A broker's word that a split has happened to everything the account holds and has working in a symbol."""

    kind: ClassVar[str] = "SplitReported"
    schema: ClassVar[int] = 1
    event_time_ns: int
    symbol: str
    new_shares: Decimal
    old_shares: Decimal
