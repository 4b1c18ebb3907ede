"""What the engine has computed: rows, open lots, what was disallowed and why, flags, and the policies in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tapeline.tax.accounts import Method
from tapeline.tax.amounts import Number, cents, dollars, shares
from tapeline.tax.flags import Flag
from tapeline.tax.gains import Gain
from tapeline.tax.holding_period import last_short_term_day
from tapeline.tax.lots import Lot, Position, Treatment
from tapeline.tax.marks import MARK_MISSING, lacks_mark
from tapeline.tax.wash_sales import Disallowance

if TYPE_CHECKING:
    from tapeline.tax.book import Book

DISCLAIMER = "Computed by the rules and policies named here. This is no tax advice; check it with a tax adviser."


@dataclass(frozen=True, slots=True)
class OpenLot:
    """Shares still held, or still short, of one acquisition and one holding start.

    cost_basis : with carried losses; zero for a short position
    proceeds, deferred_loss : of a short position
    long_term_from : the first day on which a sale is long-term; None where no day is: short positions, lots whose
        holding begins anew when a short sale is closed, and what is not taxed by terms
    """

    account: str
    symbol: str
    open_id: str
    acquired: date
    holding_start: date
    quantity: Decimal
    is_short: bool
    cost_basis: Decimal
    proceeds: Decimal
    deferred_loss: Decimal
    long_term_from: date | None = None


@dataclass(frozen=True, slots=True)
class PendingLoss:
    """Shares sold at a loss that a purchase until `last_day` would still make a wash sale."""

    row: Gain
    quantity: Decimal
    amount: Decimal
    last_day: date


class TaxResult:
    """A view of the engine's state.

    rows : every gain row, in the order of disposition
    disallowances : every disallowed loss with its replacement and rule, in the order found
    """

    def __init__(self, book: Book, closed_day: int) -> None:
        self._book, self._closed_day = book, closed_day
        self.rows: list[Gain] = book.dispositions.rows
        self.disallowances: list[Disallowance] = book.wash_sales.disallowances
        self.disclaimer = DISCLAIMER

    @property
    def policies(self) -> Mapping[str, str]:
        """The policies in force, by name: they belong on every page made from this."""
        return self._book.policies.as_text()

    @property
    def methods(self) -> Mapping[str, str]:
        """The method of lot relief in force by account."""
        return {account: method.value for account, method in self._book.methods.items()}

    @property
    def flags(self) -> list[Flag]:
        """Where a rule may matter that was not applied."""
        found = self._book.flags.all()
        known = {(flag.rule, flag.symbol) for flag in found}
        year = date.fromordinal(max(1, self._closed_day)).year
        for position in self._book.all_positions():
            # what was closed without its mark has been flagged; this is what is still open
            if (MARK_MISSING, position.symbol) not in known and lacks_mark(position, position, year):
                assert position.first is not None
                found.append(Flag(MARK_MISSING, position.symbol, position.first.id, 1))
                known.add((MARK_MISSING, position.symbol))
        return sorted(found, key=lambda flag: (flag.rule, flag.symbol))

    def gains(self, tax_year: int) -> list[Gain]:
        """Return the rows of one tax year."""
        return [row for row in self.rows if row.tax_year == tax_year]

    @property
    def permanently_disallowed(self) -> Decimal:
        """Losses for which no basis anywhere was increased."""
        return dollars(cents(self._book.wash_sales.permanent))

    @property
    def carried(self) -> Decimal:
        """Disallowed losses that went into the basis of replacements, since the beginning."""
        return dollars(cents(self._book.wash_sales.carried))

    def open_lots(self) -> list[OpenLot]:
        """Return what is held and short, one entry for each account, symbol, acquisition and holding start."""
        found: list[OpenLot] = []
        for position in self._book.all_positions():
            is_average = self._book.method(position) is Method.AVERAGE and position.instrument.allows_average_basis
            if is_average and not position.is_short:
                position.spread()
            together: dict[tuple[str, int], list[Lot]] = {}
            for lot in position:
                start = lot.acquired if position.is_short else lot.holding_start
                together.setdefault((lot.id, start), []).append(lot)
            found += [_open_lot(position, start, lots) for (_, start), lots in together.items()]
        return found

    def pending_losses(self, as_of: date | None = None) -> list[PendingLoss]:
        """Return the losses whose window is still open on a day, by default the last one applied."""
        day = self._closed_day if as_of is None else as_of.toordinal()
        securities = {id(position.security): position.security for position in self._every_position()}
        return [
            PendingLoss(
                loss.row,
                shares(loss.quantity),
                dollars(cents(loss.quantity * loss.per_share)),
                date.fromordinal(loss.last_day),
            )
            for security in securities.values()
            for side in (security.long, security.short)
            for loss in side.losses
            if loss.last_day >= day
        ]

    def _every_position(self) -> list[Position]:
        return [*self._book.long.values(), *self._book.short.values()]

    @staticmethod
    def is_provisional(tax_year: int, as_of: date) -> bool:
        """Return whether a purchase may still change a year: until 30 January of the next has passed."""
        return as_of <= date(tax_year + 1, 1, 30)


def _open_lot(position: Position, start: int, lots: list[Lot]) -> OpenLot:
    quantity: Number = sum(lot.quantity for lot in lots)
    amount = sum(lot.quantity * lot.basis for lot in lots)
    deferred = sum(lot.quantity * lot.deferred for lot in lots)
    return OpenLot(
        position.account.name,
        position.symbol,
        lots[0].id,
        date.fromordinal(lots[0].acquired),
        date.fromordinal(start),
        shares(quantity),
        position.is_short,
        dollars(0 if position.is_short else cents(amount)),
        dollars(cents(amount) if position.is_short else 0),
        dollars(cents(deferred)),
        _long_term_from(position, start, lots),
    )


def _long_term_from(position: Position, start: int, lots: list[Lot]) -> date | None:
    if position.is_short or position.treatment is not Treatment.CAPITAL or any(lot.opening for lot in lots):
        return None
    if lots[0].inherited:
        return date.fromordinal(lots[0].acquired)
    return date.fromordinal(last_short_term_day(start) + 1)
