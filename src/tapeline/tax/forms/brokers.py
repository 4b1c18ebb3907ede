"""What a broker reports of a sale on Form 1099-B or 1099-DA, and what must be reported at all.

    1099-B         1099-DA        field
    1a             1a-1c          description; code, name and units of a digital asset
    1b, 1c         1d, 1e         acquired (blank if various or unknown), sold; for a short sale delivered to close
    1d, 1e         1f, 1g         proceeds, basis with wash losses carried into it
    1f, 1g         1h, 1i         accrued market discount, wash sale loss disallowed
    2              6              short, long, ordinary
    5, 12          9, 2           noncovered; basis reported to the IRS

Section 1256 contracts stand in boxes 8 to 11 of a 1099-B; 11, the aggregate, goes to Form 6781 and never to Form 8949.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import InstrumentKind, TaxInstrument
from tapeline.tax.forms.boxes import BrokerForm
from tapeline.tax.gains import Term

COVERED_FROM = {
    InstrumentKind.STOCK: date(2011, 1, 1),
    InstrumentKind.FUND_SHARE: date(2012, 1, 1),
    InstrumentKind.MUTUAL_FUND: date(2012, 1, 1),
    InstrumentKind.OPTION: date(2014, 1, 1),
    InstrumentKind.CRYPTO: date(2026, 1, 1),
}
"""Acquired from this day on, a broker reports its basis. Funds and reinvestment plans follow stock by a year."""


@dataclass(frozen=True, slots=True)
class BrokerLine:
    """One line of a 1099, amounts in cents.

    basis_cents : None where the form shows none
    acquired : None for various or unknown
    term : box 2 (6); None where the broker does not know it, checkbox code X (Y)
    market_discount_cents, disallowed_cents : boxes 1f and 1g (1h and 1i)
    is_collectible, is_opportunity_fund : box 3
    line_id : what the line is called in messages, such as its number in a file
    """

    form: BrokerForm
    proceeds_cents: int
    basis_cents: int | None
    is_basis_reported: bool
    term: Term | None
    disallowed_cents: int = 0
    market_discount_cents: int = 0
    is_ordinary: bool = False
    is_collectible: bool = False
    is_opportunity_fund: bool = False
    account: str = ""
    symbol: str = ""
    acquired: date | None = None
    sold: date | None = None
    line_id: str = ""

    def __post_init__(self) -> None:
        name = f"A line of a {self.form.value}"
        if self.is_basis_reported and self.basis_cents is None:
            raise TaxRefusal(
                "reported_basis_missing",
                f"{name} says that basis was reported to the IRS and shows none; enter the basis it shows, or that"
                " it was not reported.",
            )
        if self.disallowed_cents < 0 or self.market_discount_cents < 0:
            raise TaxRefusal(
                "amounts_of_a_1099",
                f"{name} has a wash sale loss or market discount below zero; both are printed as positive amounts.",
            )


def form_for(instrument: TaxInstrument) -> BrokerForm:
    """Return the form that a broker reports an instrument's sales on, as a rule."""
    is_digital = instrument.kind is InstrumentKind.CRYPTO
    return BrokerForm.DIGITAL_ASSETS if is_digital else BrokerForm.SECURITIES


def is_covered(instrument: TaxInstrument, acquired: date) -> bool:
    """Return whether a broker must report the basis of what was bought with it on a day.

    Digital assets count as held in custody by that broker since they were acquired.
    Source: IRC 6045(g), Reg. 1.6045-1(a)(15).
    """
    kind = instrument.kind
    if instrument.in_reinvestment_plan:
        kind = InstrumentKind.MUTUAL_FUND
    first = COVERED_FROM.get(kind)
    return first is not None and acquired >= first
