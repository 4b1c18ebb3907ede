"""Cash: what an account has, and why it moved other than by trading."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum


class CashCause(IntEnum):
    """Why cash moved without an execution. BORROW to FRACTION_PAID have the values of `EventKind`.

    What a broker's statement knows besides begins at FEE. PAYMENT_IN_LIEU is what a borrower of shares pays instead of
    a dividend, ADJUSTMENT what a reconciliation booked.
    """

    DEPOSIT = 1
    WITHDRAWAL = 2
    BORROW = 20
    INTEREST = 21
    DIVIDEND = 22
    FRACTION_PAID = 24
    FEE = 40
    TAX_WITHHELD = 41
    PAYMENT_IN_LIEU = 42
    JOURNALED = 43
    ADJUSTMENT = 44


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
