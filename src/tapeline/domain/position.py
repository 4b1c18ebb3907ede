"""Positions: what one strategy holds of one symbol, at average cost, in exact amounts.

A position keeps what its shares cost, not their average price, so that no cent is lost to a division:

    buy  100 at 10.00    quantity 100   cost 1,000.00
    buy  200 at 10.10    quantity 300   cost 3,020.00   (average 10.0666...)
    sell 100 at 11.00    takes 1,006.66666667 of the cost: realized 93.33333333, cost 2,013.33333333
    sell 200 at 11.00    takes the rest:                   realized 280.00 in all = 3,300.00 - 3,020.00

A share of a cost is rounded half-up at eight decimals and the rest stays with the position; a position that
becomes flat takes all of it, so realized P&L over a round trip is exact. A short has negative quantity and
cost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import (
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)

EXACT = Context(prec=60, rounding=ROUND_HALF_UP, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Arithmetic of the books: a sum or product that does not fit 60 digits is an error, never a rounding."""

SHARE_OF_COST = Decimal("0.00000001")
ZERO = Decimal(0)

_add, _subtract, _multiply = EXACT.add, EXACT.subtract, EXACT.multiply
_ROUNDING = Context(prec=60, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow])


def part_of(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return amount * part / whole, half-up at eight decimals; all of it if part is the whole."""
    if part == whole:
        return amount
    share = _ROUNDING.divide(EXACT.multiply(amount, part), whole)
    return _ROUNDING.quantize(share, SHARE_OF_COST)


@dataclass(frozen=True, slots=True)
class Position:
    """What one strategy holds of one symbol in one account, and what it has made.

    quantity : negative is short
    cost : what the quantity cost without commissions; for a short the negative of what its sale brought
    realized : P&L of what was closed, fractions paid in cash included, before commissions and income
    commissions : of all executions
    income : dividends less borrow fees
    """

    account: str
    strategy: str
    symbol: str
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO
    commissions: Decimal = ZERO
    income: Decimal = ZERO

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held."""
        return not self.quantity

    @property
    def average_price(self) -> Decimal | None:
        """What a share cost on average, half-up at eight decimals; None when flat."""
        return part_of(self.cost, Decimal(1), self.quantity) if self.quantity else None

    @property
    def net_realized(self) -> Decimal:
        """Realized P&L after commissions, with income."""
        return self.realized - self.commissions + self.income

    def unrealized(self, mark: Decimal) -> Decimal:
        """Return the P&L that closing at `mark` would realize, before commissions."""
        return self.quantity * mark - self.cost

    def traded(self, signed_quantity: Decimal, price: Decimal, commission: Decimal) -> Position:
        """Return the position after an execution; one that crosses zero closes first, then opens."""
        # Said in full and in methods of the context: `replace` and entering a context take three times as long, and
        # this is done for every execution of a journal.
        quantity, cost, realized = self.quantity, self.cost, self.realized
        closed = closing_part(quantity, signed_quantity)
        opened = signed_quantity
        if closed:
            # `closed` has the sign of the trade; what it takes of the cost has the sign of the position.
            removed = part_of(cost, closed.copy_negate(), quantity)
            opened = _subtract(signed_quantity, closed)
            cost = _subtract(cost, removed)
            realized = _subtract(_subtract(realized, _multiply(closed, price)), removed)
        if opened:
            cost = _add(cost, _multiply(opened, price))
        return Position(
            self.account,
            self.strategy,
            self.symbol,
            _add(quantity, signed_quantity),
            cost,
            realized,
            _add(self.commissions, commission),
            self.income,
        )

    def split(self, new_shares: Decimal, old_shares: Decimal, quantity_after: Decimal) -> Position:
        """Return the position after a split; the cost of a fraction that was cut off is realized as a loss.

        The cash that is paid for the fraction makes it good, see `paid_for_fraction`.
        """
        with localcontext(EXACT):
            whole = self.quantity * new_shares
            cut = whole - quantity_after * old_shares
            removed = part_of(self.cost, cut, whole) if cut else ZERO
            return replace(self, quantity=quantity_after, cost=self.cost - removed, realized=self.realized - removed)

    def paid_for_fraction(self, amount: Decimal) -> Position:
        """Return the position after the cash for a fraction that a split cut off; shorts pay."""
        with localcontext(EXACT):
            return replace(self, realized=self.realized + amount)

    def received(self, amount: Decimal) -> Position:
        """Return the position after cash that it brought or cost: a dividend, a borrow fee."""
        with localcontext(EXACT):
            return replace(self, income=self.income + amount)


def closing_part(quantity: Decimal, signed_quantity: Decimal) -> Decimal:
    """Return how much of a trade closes a position, with the sign of the trade; zero if it only opens."""
    if not quantity or quantity.is_signed() == signed_quantity.is_signed():
        return ZERO
    return signed_quantity if signed_quantity.copy_abs() <= quantity.copy_abs() else quantity.copy_negate()
