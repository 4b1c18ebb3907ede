"""Rows of Form 8949: what the taxpayer computed, held against what the broker reported.

    own:  sold for 4,200, basis 5,100, 900 disallowed         1099-B, basis reported: 4,200, basis 4,600

    (d) 4,200   (e) 4,600   (f) BW   (g) 400   (h) 0          -500 for the basis, +900 for the wash sale

Columns (d) and (e) repeat a 1099 whose basis was reported to the IRS, even where it is wrong: the correction stands
in (g) under its code, so that h = d - e + g is the taxpayer's own result. A basis that was not reported is entered as
it is right. Section 1256 contracts and section 475(f) accounts are never on this form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tapeline.tax.accounts import InstrumentKind, TaxInstrument
from tapeline.tax.forms.boxes import Box, box_of
from tapeline.tax.forms.brokers import BrokerLine
from tapeline.tax.forms.codes import Adjustment
from tapeline.tax.gains import Gain, GainKind, Term

FORM_8949, FORM_6781, FORM_4797 = "8949", "6781", "4797"
VARIOUS, INHERITED = "VARIOUS", "INHERITED"

_FORMS = {Term.SECTION_1256: FORM_6781, Term.ORDINARY: FORM_4797}
_UNITS = {InstrumentKind.STOCK: "sh ", InstrumentKind.FUND_SHARE: "sh ", InstrumentKind.MUTUAL_FUND: "sh "}


@dataclass(frozen=True, slots=True)
class Sale:
    """What the taxpayer's books say of one line: correct figures, in cents.

    description : column (a)
    acquired : column (b); None where `acquired_word` stands in its place
    sold : column (c)
    gains : the rows of the engine that it is the sum of
    """

    description: str
    acquired: date | None
    sold: date | None
    proceeds_cents: int
    cost_cents: int
    disallowed_cents: int
    term: Term
    is_digital: bool = False
    acquired_word: str = ""
    account: str = ""
    symbol: str = ""
    gains: tuple[Gain, ...] = ()


def form_of(term: Term) -> str:
    """Return the form that a sale of this character is reported on."""
    return _FORMS.get(term, FORM_8949)


def sale_of(gains: Sequence[Gain], instrument: TaxInstrument) -> Sale:
    """Return gain rows of one security, day of sale and term as one line.

    Several lots are VARIOUS; the shares of a short sale were acquired when it was closed, and sold when delivered.
    """
    first = gains[0]
    if len(gains) == 1:
        quantity, days = first.quantity, {_acquired_day(first)}
    else:
        quantity = sum((gain.quantity for gain in gains), Decimal(0))
        days = {_acquired_day(gain) for gain in gains}
    word = ""
    if all(gain.inherited for gain in gains):
        word = INHERITED
    elif len(days) > 1:
        word = VARIOUS
    return Sale(
        f"{_quantity_text(quantity)} {_UNITS.get(instrument.kind, '')}{first.symbol}",
        None if word else date.fromordinal(days.pop()),
        date.fromordinal(first.delivered_day),
        sum(gain.proceeds_cents for gain in gains),
        sum(gain.cost_cents for gain in gains),
        sum(gain.adjustment_cents for gain in gains),
        first.term,
        instrument.kind is InstrumentKind.CRYPTO,
        word,
        first.account,
        first.symbol,
        tuple(gains),
    )


def _acquired_day(gain: Gain) -> int:
    return gain.closed_day if gain.kind is GainKind.SHORT_SALE else gain.opened_day


def _quantity_text(quantity: Decimal) -> str:
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(slots=True)
class FormRow:
    """One row: columns (d) to (h) in cents, with the own and the broker's figures they came from.

    number : its place among all rows of the form, from 1; what `tapeline why 8949:NUMBER` follows
    line : what the broker reported, None for nothing
    is_assumed : no 1099 was given, and the broker is taken to have reported the own figures
    remarks : sentences that must go with the row
    """

    sale: Sale
    line: BrokerLine | None
    box: Box
    proceeds_cents: int
    basis_cents: int
    codes: str
    adjustment_cents: int
    is_assumed: bool = False
    remarks: tuple[str, ...] = ()
    number: int = 0

    @property
    def gain_cents(self) -> int:
        """Column (h): d - e + g."""
        return self.proceeds_cents - self.basis_cents + self.adjustment_cents

    @property
    def acquired_text(self) -> str:
        """Column (b)."""
        sale = self.sale
        return sale.acquired_word or day_text(sale.acquired)

    @property
    def sold_text(self) -> str:
        """Column (c)."""
        return day_text(self.sale.sold)

    @property
    def exception_line(self) -> str:
        """The line of Schedule D that may take the row instead, under Exception 1; empty where it must be listed."""
        if self.codes or self.line is None:
            return ""
        special = self.line.is_ordinary or self.line.is_collectible or self.line.is_opportunity_fund
        return "" if special else self.box.exception_line


def day_text(day: date | None) -> str:
    """Return a date as the form prints it, MM/DD/YYYY; empty for none."""
    return "" if day is None else f"{day.month:02}/{day.day:02}/{day.year}"


def form_row(
    sale: Sale, line: BrokerLine | None = None, adjustments: Sequence[Adjustment] = (), *, is_assumed: bool = False
) -> FormRow:
    """Return the row of a short- or long-term sale.

    line : what the broker reported of it, None for nothing; adjustments : codes that the taxpayer gives
    """
    proceeds, basis, change = sale.proceeds_cents, sale.cost_cents, sale.disallowed_cents
    codes = "W" if change else ""
    remarks: tuple[str, ...] = ()
    if line is not None:
        if line.proceeds_cents != proceeds:
            codes += "E"
            change += proceeds - line.proceeds_cents
            proceeds = line.proceeds_cents
        if line.basis_cents is not None and line.basis_cents != basis:
            codes += "B"
            if line.is_basis_reported:
                change += line.basis_cents - basis
                basis = line.basis_cents
        if line.term is not None and line.term is not sale.term:
            codes += "T"
        if line.is_collectible:
            codes += "C"
        if line.market_discount_cents:
            codes += "D"
            change -= line.market_discount_cents
        if line.disallowed_cents > sale.disallowed_cents:
            codes += "" if "W" in codes else "W"
            remarks = (
                f"Attach a statement: the 1099 shows a wash sale loss of {line.disallowed_cents / 100:,.2f}, correct is"
                f" {sale.disallowed_cents / 100:,.2f}.",
            )
    for adjustment in adjustments:
        codes += adjustment.code
        change += adjustment.amount_cents
    if "N" in codes:
        change = basis - proceeds
    box = box_of(
        None if line is None else line.form,
        is_basis_reported=line is not None and line.is_basis_reported,
        is_digital=sale.is_digital,
        term=sale.term,
    )
    if len(codes) > 1:
        codes = "".join(sorted(set(codes)))
    return FormRow(sale, line, box, proceeds, basis, codes, change, is_assumed, remarks)
