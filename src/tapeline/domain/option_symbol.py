"""Symbols of listed US options, as the clearing house writes them: root, expiry, right, strike in thousandths.

    AAPL  240119C00150000      padded to six letters of root
    AAPL240119C00150000        without the blanks: the form kept here

Source: OCC, "Options Symbology Initiative", 21-character key (2010).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

_FORM = re.compile(r"([A-Z][A-Z0-9.]{0,5}) *(\d{2})(\d{2})(\d{2})([CP])(\d{8})")

SHARES_A_CONTRACT = Decimal(100)
"""Of a contract that no corporate action has adjusted."""


@dataclass(frozen=True, slots=True)
class OptionTerms:
    """What a symbol tells of an option. right : "C" or "P" """

    underlying: str
    expiry: date
    right: str
    strike: Decimal

    @property
    def symbol(self) -> str:
        """The symbol without blanks."""
        return f"{self.underlying}{self.expiry:%y%m%d}{self.right}{int(self.strike * 1000):08d}"


def option_terms(symbol: str) -> OptionTerms | None:
    """Return the terms that a symbol states, None where it is not that of an option."""
    found = _FORM.fullmatch(symbol.strip())
    if found is None:
        return None
    root, year, month, day, right, strike = found.groups()
    try:
        expiry = date(2000 + int(year), int(month), int(day))
    except ValueError:
        return None
    return OptionTerms(root, expiry, right, Decimal(int(strike)) / 1000)
