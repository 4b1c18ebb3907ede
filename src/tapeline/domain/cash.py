"""Cash: what an account has, and why it moved other than by trading."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum


class CashCause(IntEnum):
    """Why cash moved without an execution. From BORROW on the values are those of `EventKind`."""

    DEPOSIT = 1
    WITHDRAWAL = 2
    BORROW = 20
    INTEREST = 21
    DIVIDEND = 22
    FRACTION_PAID = 24


@dataclass(frozen=True, slots=True)
class Cash:
    """The cash of one account, with the sums that made it.

    amount = deposits + traded - commissions + income, where traded is sales less purchases and income is
    dividends and fractions paid less borrow fees and interest.
    """

    account: str
    deposits: Decimal
    traded: Decimal
    commissions: Decimal
    income: Decimal

    @property
    def amount(self) -> Decimal:
        """What the account has now; negative is debt."""
        return self.deposits + self.traded - self.commissions + self.income
