"""Sales and 1099 lines in dollars, for the tests of forms."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from tapeline.tax.forms.boxes import BrokerForm
from tapeline.tax.forms.brokers import BrokerLine
from tapeline.tax.forms.rows import FormRow, Sale
from tapeline.tax.gains import Term


def cents(dollars: str | float) -> int:
    """Return dollars as cents."""
    return int(Decimal(str(dollars)) * 100)


def a_sale(
    proceeds: str | float = 1500,
    cost: str | float = 1000,
    disallowed: str | float = 0,
    term: Term = Term.SHORT,
    **words: Any,
) -> Sale:
    """Return own figures of a sale."""
    facts: dict[str, Any] = {
        "description": "100 sh XYZ",
        "acquired": date(2025, 1, 6),
        "sold": date(2025, 3, 10),
        "account": "main",
        "symbol": "XYZ",
        **words,
    }
    return Sale(
        proceeds_cents=cents(proceeds), cost_cents=cents(cost), disallowed_cents=cents(disallowed), term=term, **facts
    )


def a_line(
    proceeds: str | float = 1500,
    basis: str | float | None = 1000,
    *,
    reported: bool = True,
    term: Term | None = Term.SHORT,
    disallowed: str | float = 0,
    form: BrokerForm = BrokerForm.SECURITIES,
    **words: Any,
) -> BrokerLine:
    """Return a line of a 1099."""
    return BrokerLine(
        form,
        cents(proceeds),
        None if basis is None else cents(basis),
        reported,
        term,
        cents(disallowed),
        **words,
    )


def columns(row: FormRow) -> tuple[str, float, float, str, float, float]:
    """Return box, d, e, f, g and h in dollars."""
    amounts = (row.proceeds_cents, row.basis_cents, row.adjustment_cents, row.gain_cents)
    d, e, g, h = (value / 100 for value in amounts)
    return row.box.letter, d, e, row.codes, g, h
