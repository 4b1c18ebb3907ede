"""Gain rows: one for each disposition, lot, holding start and term; what Form 8949 is filled from.

Money is rounded only here, half-up to the cent, and a row foots in cents: gain = proceeds - cost + adjustment. A loss
that is disallowed in full shows zero, never a cent of gain or loss from rounding its three figures apart.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum

from tapeline.tax.amounts import NEGLIGIBLE, Number, cents, dollars, shares


class Term(Enum):
    """The character of a row."""

    SHORT = "short"
    LONG = "long"
    SECTION_1256 = "60/40"
    ORDINARY = "ordinary"

    # members are equal only to themselves; Enum would hash their names, in Python, for every slice of a sale
    __hash__ = object.__hash__


class GainKind(Enum):
    """What made a row."""

    SALE = "sale"
    SHORT_SALE = "short sale"
    OPTION_EXPIRY = "option expiry"
    CASH_IN_LIEU = "cash in lieu"
    MERGER = "merger"
    BOOT = "boot"
    RETURN_OF_CAPITAL = "return of capital"
    WORTHLESS = "worthless"
    YEAR_END_MARK = "year-end mark"


class Gain:
    """One row. Later purchases may disallow more of its loss; everything else stays.

    open_id, close_id : of the executions or events that acquired and disposed of the shares
    delivered_day : the day shares sold short were delivered, for a loss its settlement; else the day of the disposition
    inherited : the shares were, which a form tells in place of a date
    Units of quantity and amounts are those of `amounts`; the properties are for people and forms.
    """

    __slots__ = (
        "account",
        "close_id",
        "closed_day",
        "cost_units",
        "delivered_day",
        "disallowed_units",
        "inherited",
        "kind",
        "open_id",
        "opened_day",
        "proceeds_units",
        "quantity_units",
        "start_day",
        "symbol",
        "tax_year",
        "term",
    )

    def __init__(
        self,
        account: str,
        symbol: str,
        open_id: str,
        close_id: str,
        opened_day: int,
        start_day: int,
        closed_day: int,
        quantity: Number,
        proceeds: Number,
        cost: Number,
        term: Term,
        tax_year: int,
        kind: GainKind,
    ) -> None:
        self.account, self.symbol, self.open_id, self.close_id = account, symbol, open_id, close_id
        self.opened_day, self.start_day, self.closed_day = opened_day, start_day, closed_day
        self.quantity_units, self.proceeds_units, self.cost_units = quantity, proceeds, cost
        self.disallowed_units: Number = 0
        self.delivered_day, self.inherited = closed_day, False
        self.term, self.tax_year, self.kind = term, tax_year, kind

    @property
    def key(self) -> tuple[str, str, str, int, Term]:
        """What makes it one row: account, disposition, lot, holding start, term."""
        return self.account, self.close_id, self.open_id, self.start_day, self.term

    @property
    def open_date(self) -> date:
        """The actual acquisition date; the day it was opened for a short sale."""
        return date.fromordinal(self.opened_day)

    @property
    def holding_start(self) -> date:
        """The day from which the term counts."""
        return date.fromordinal(self.start_day)

    @property
    def close_date(self) -> date:
        """The trade date of the disposition."""
        return date.fromordinal(self.closed_day)

    @property
    def quantity(self) -> Decimal:
        """Shares or contracts."""
        return shares(self.quantity_units)

    @property
    def proceeds(self) -> Decimal:
        """Proceeds net of commissions and fees, column (d)."""
        return dollars(self.proceeds_cents)

    @property
    def cost(self) -> Decimal:
        """Basis with commissions, fees and losses carried into it, column (e)."""
        return dollars(self.cost_cents)

    @property
    def adjustment(self) -> Decimal:
        """The disallowed loss, positive, column (g)."""
        return dollars(self.adjustment_cents)

    @property
    def gain(self) -> Decimal:
        """Reported gain or loss, column (h)."""
        return dollars(self.proceeds_cents - self.cost_cents + self.adjustment_cents)

    @property
    def code(self) -> str:
        """W where a loss is disallowed, column (f)."""
        return "W" if self.disallowed_units else ""

    @property
    def proceeds_cents(self) -> int:
        """Proceeds in whole cents."""
        return cents(self.proceeds_units)

    @property
    def cost_cents(self) -> int:
        """Basis in whole cents."""
        return cents(self.cost_units)

    @property
    def adjustment_cents(self) -> int:
        """The disallowed loss in whole cents; what is disallowed in full leaves nothing."""
        disallowed = self.disallowed_units
        if not disallowed:
            return 0
        loss = self.cost_units - self.proceeds_units
        loss_cents = cents(self.cost_units) - cents(self.proceeds_units)
        if abs(loss - disallowed) <= NEGLIGIBLE:
            return loss_cents
        return min(cents(disallowed), loss_cents) if loss > disallowed else cents(disallowed)
