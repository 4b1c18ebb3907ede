"""Dispositions: slices of lots become gain rows, and their losses go to the wash-sale rules.

All slices of one order leave the inventory before its losses look for a replacement, so shares sold together never
replace each other. Gain slices are never netted against loss slices.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from tapeline.tax.amounts import Number, divided, per_share
from tapeline.tax.gains import Gain, GainKind, Term
from tapeline.tax.holding_period import is_long_term, settlement_date
from tapeline.tax.lots import Lot, Position, Treatment
from tapeline.tax.relief import Slice
from tapeline.tax.securities import OpenLoss, Security, SoldSlice
from tapeline.tax.wash_sales import WashSales

Rows = dict[tuple[str, int, Term], Gain]
"""The rows of one disposition by lot, holding start and term: slices with equal keys are added."""

_TERMS = {Treatment.SECTION_1256: Term.SECTION_1256, Treatment.ORDINARY: Term.ORDINARY}


class Disposition:
    """One sale: the losses that wait until all its slices are out of the inventory.

    waits_for : executions of the order still to come on its day
    """

    __slots__ = ("losses", "security", "side_is_short", "waits_for")

    def __init__(self, security: Security, *, side_is_short: bool = False, waits_for: int = 1) -> None:
        self.security, self.side_is_short, self.waits_for = security, side_is_short, waits_for
        self.losses: list[OpenLoss] = []


class Dispositions:
    """Writes rows. `rows` is append-only; a row's disallowed loss may still grow."""

    def __init__(self, wash_sales: WashSales) -> None:
        self.wash_sales = wash_sales
        self.rows: list[Gain] = []
        self._keeps_sold = not wash_sales.policies.replacement_must_be_held
        self._joined_options = wash_sales.policies.options_identical_to_stock

    def sell(
        self,
        position: Position,
        slices: list[Slice],
        price: int,
        close_id: str,
        day: int,
        disposition: Disposition,
        *,
        rows: Rows | None = None,
        kind: GainKind = GainKind.SALE,
    ) -> None:
        """Write the rows of long slices sold at a net price per share."""
        treatment, security = position.treatment, position.security
        if treatment is Treatment.NOT_REPORTED:
            for lot, quantity in slices:
                if lot.eligible and not lot.used:
                    security.note_sold(lot)
                    if self._keeps_sold:
                        security.sold_slices.append(SoldSlice(lot, quantity, None))
            return
        fixed_term = _TERMS.get(treatment)
        if rows is None and len(slices) > 1:
            rows = {}
        account, symbol = position.account.name, position.symbol
        year = year_of(day)
        washes = day >= position.washes_from
        for lot, quantity in slices:
            start = lot.holding_start if lot.opening is None else day  # IRC 1233(b)(2): its own sale is the start
            if fixed_term is not None:
                term = fixed_term
            else:
                term = Term.LONG if lot.inherited or is_long_term(start, day) else Term.SHORT
            basis = lot.basis
            row = None if rows is None else rows.get((lot.id, start, term))
            if row is None:
                row = Gain(
                    account,
                    symbol,
                    lot.id,
                    close_id,
                    lot.acquired,
                    start,
                    day,
                    quantity,
                    quantity * price,
                    quantity * basis,
                    term,
                    year,
                    kind,
                )
                if lot.inherited:
                    row.inherited = True
                self.rows.append(row)
                if rows is not None:
                    rows[lot.id, start, term] = row
            else:
                row.quantity_units += quantity
                row.proceeds_units += quantity * price
                row.cost_units += quantity * basis
            if basis > price and washes:
                disposition.losses.append(self._loss(position, row, day, quantity, basis - price, lot, start))
            if lot.eligible and not lot.used:
                security.note_sold(lot)
                if self._keeps_sold:
                    security.sold_slices.append(SoldSlice(lot, quantity, row))

    def security_of_losses(self, position: Position) -> Security:
        """Return where a position's losses look for replacements: its security, or the stock it is declared to be."""
        if position.symbol in self._joined_options and position.underlying is not None:
            return position.underlying
        return position.security

    def _loss(
        self, position: Position, row: Gain, day: int, quantity: Number, loss: int, lot: Lot, start: int
    ) -> OpenLoss:
        if position.symbol in self._joined_options and position.underlying is not None:
            factor = position.multiplier
            return OpenLoss(row, day, quantity * factor, per_share(loss, factor), lot, start, position.symbol)
        return OpenLoss(row, day, quantity, loss, lot, start)

    def close_short(
        self,
        position: Position,
        slices: list[Slice],
        price: int,
        close_id: str,
        day: int,
        settlement: date | None,
        disposition: Disposition,
        *,
        rows: Rows | None = None,
        kind: GainKind = GainKind.SHORT_SALE,
    ) -> None:
        """Write the rows of short slices closed at a cost per share; a deferred loss raises that cost.

        The loss is long-term for as many shares as were identical, owned and held over a year at the short sale, IRC
        1233(d); it belongs to the year of delivery, a gain to the year of the trade (Rev. Rul. 2002-44).
        """
        fixed_term = _TERMS.get(position.treatment)
        rows = {} if rows is None else rows
        washes = day >= position.washes_from
        for lot, quantity in slices:
            cost = price + lot.deferred
            loss = cost - lot.basis
            if fixed_term is not None:
                pieces = [(quantity, fixed_term)]
            else:
                long_term = min(lot.long_term, quantity)
                lot.long_term -= long_term
                pieces = [(long_term, Term.LONG if loss > 0 else Term.SHORT), (quantity - long_term, Term.SHORT)]
            trade_date = date.fromordinal(day)
            delivered = trade_date
            if loss > 0 and fixed_term is None:
                delivered = settlement or settlement_date(trade_date)
            for piece, term in pieces:
                if not piece:
                    continue
                row = rows.get((lot.id, lot.acquired, term))
                if row is None:
                    row = rows[lot.id, lot.acquired, term] = Gain(
                        position.account.name,
                        position.symbol,
                        lot.id,
                        close_id,
                        lot.acquired,
                        lot.acquired,
                        day,
                        0,
                        0,
                        0,
                        term,
                        delivered.year,
                        kind,
                    )
                    row.delivered_day = delivered.toordinal()
                    self.rows.append(row)
                row.quantity_units += piece
                row.proceeds_units += piece * lot.basis
                row.cost_units += piece * cost
                if loss > 0 and washes:
                    disposition.losses.append(OpenLoss(row, day, piece, loss, lot, lot.acquired))

    def settle(self, disposition: Disposition) -> None:
        """Hand the losses of a complete disposition to the wash-sale rules."""
        if not disposition.losses:
            return
        security = disposition.security
        self.wash_sales.settle(
            disposition.losses, security, security.short if disposition.side_is_short else security.long
        )


@lru_cache(maxsize=1 << 16)
def year_of(day: int) -> int:
    """Return the calendar year of a day."""
    return date.fromordinal(day).year


def of_contract(price: int, multiplier: Number) -> int:
    """Return a price per share of a contract as a price per contract."""
    return price if multiplier == 1 else int(price * multiplier)


def of_share(price: int, multiplier: Number) -> Number:
    """Return a price per contract as a price per share."""
    return divided(price, multiplier)
