"""The codes of column (f), and adjustments that only the taxpayer can know.

B, E, T and W come out of comparing own figures with the broker's, and M from adding rows up: they are computed. The
others are facts about the taxpayer (a home sale, a related buyer, small-business stock). They are given with their
amount, whose sign the code decides: a deduction that is taken away is positive, an exclusion negative. Source:
instructions for Form 8949 (2025), "How To Complete Form 8949, Columns (f) and (g)".
"""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.domain.errors import TaxRefusal, UnknownNameError

ANY, ZERO, POSITIVE, NEGATIVE = "any amount", "zero", "an amount above zero", "an amount below zero"


@dataclass(frozen=True, slots=True)
class Code:
    """One code: what it is for, and what its amount in column (g) must be."""

    use: str
    amount: str
    is_computed: bool = False


CODES: dict[str, Code] = {
    "B": Code("basis on the 1099 is wrong", ANY, is_computed=True),
    "C": Code("collectibles", ZERO),
    "D": Code("accrued market discount", NEGATIVE),
    "E": Code("expense or option premium that the 1099 does not show", ANY, is_computed=True),
    "H": Code("exclusion for the sale of a home", NEGATIVE),
    "L": Code("nondeductible loss other than a wash sale", POSITIVE),
    "M": Code("several transactions on one row", ZERO, is_computed=True),
    "N": Code("received as a nominee", ANY),
    "O": Code("other", ANY),
    "P": Code("partnership interest of a foreign seller", ANY),
    "Q": Code("exclusion for qualified small business stock", NEGATIVE),
    "R": Code("gain rolled over", NEGATIVE),
    "S": Code("section 1244 loss beyond the limit", POSITIVE),
    "T": Code("term on the 1099 is wrong", ZERO, is_computed=True),
    "W": Code("wash sale", POSITIVE, is_computed=True),
    "X": Code("DC zone or community assets", NEGATIVE),
    "Y": Code("gain of a qualified opportunity fund recognized", POSITIVE),
    "Z": Code("gain deferred into a qualified opportunity fund", NEGATIVE),
}
"""Every code by its letter."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One code that the taxpayer gives for one row, with its amount in cents.

    For a nominee (N) the amount is left out: it is whatever makes the row's gain zero.
    Raises UnknownNameError for a code that the form has not, TaxRefusal for one that is computed or a wrong sign.
    """

    code: str
    amount_cents: int = 0

    def __post_init__(self) -> None:
        code = CODES.get(self.code)
        if code is None:
            raise UnknownNameError("code", self.code, CODES, where="column (f) of Form 8949")
        if code.is_computed:
            raise TaxRefusal(
                "code_is_computed",
                f"Code {self.code} ({code.use}) is computed from your figures and the 1099's; correct these instead.",
            )
        amount = self.amount_cents
        fits = {ANY: True, ZERO: amount == 0, POSITIVE: amount > 0, NEGATIVE: amount < 0}[code.amount]
        if self.code == "N" and amount:
            fits = False
        if not fits:
            wanted = "no amount, it makes the gain zero" if self.code == "N" else code.amount
            raise TaxRefusal(
                "adjustment_sign",
                f"Code {self.code} ({code.use}) takes {wanted}, found {amount / 100:,.2f}. Correct code or amount.",
            )
