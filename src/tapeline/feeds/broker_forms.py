"""Lines of Form 1099-B and 1099-DA, and the taxpayer's own adjustments, from CSV tables.

    form,account,symbol,sold,acquired,proceeds,basis,wash_sale,basis_reported,term
    1099-B,main,XYZ,2025-03-10,2025-01-06,750.00,1000.00,250.00,yes,short

A header may name a column by its box instead, as the form itself does: 1b acquired, 1c sold, 1d proceeds, 1e basis
and so on for a 1099-B; 1d acquired, 1e sold, 1f proceeds, 1g basis for a 1099-DA. A column that is neither is
refused, never skipped: brokers' headers differ, and one that was overlooked is a figure that is missing on the
return."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from tapeline.domain.errors import TaxRefusal
from tapeline.feeds.table_row import TableRow, read_rows
from tapeline.tax.amounts import to_cents
from tapeline.tax.forms.boxes import BrokerForm
from tapeline.tax.forms.brokers import BrokerLine
from tapeline.tax.forms.codes import Adjustment
from tapeline.tax.gains import Term

NEEDED = ("symbol", "sold", "proceeds", "basis_reported")
LINE_COLUMNS = (
    *NEEDED, "form", "account", "acquired", "basis", "market_discount", "wash_sale", "term", "ordinary", "collectible",
    "opportunity_fund", "noncovered", "loss_not_allowed", "withheld", "net_proceeds", "description",
)  # fmt: skip
BOXES = {
    BrokerForm.SECURITIES: {
        "1a": "description", "1b": "acquired", "1c": "sold", "1d": "proceeds", "1e": "basis", "1f": "market_discount",
        "1g": "wash_sale", "2": "term", "4": "withheld", "5": "noncovered", "6": "net_proceeds",
        "7": "loss_not_allowed", "12": "basis_reported",
    },
    BrokerForm.DIGITAL_ASSETS: {
        "1a": "symbol", "1b": "description", "1d": "acquired", "1e": "sold", "1f": "proceeds", "1g": "basis",
        "1h": "market_discount", "1i": "wash_sale", "2": "basis_reported", "6": "term", "9": "noncovered",
    },
}  # fmt: skip
"""What the boxes of each form are called here. Boxes 8 to 11, section 1256 contracts, are no sales: see Form 6781."""
ADJUSTMENT_COLUMNS = ("sale", "lot", "code", "amount")
ZERO = Decimal(0)
_ZONE = ZoneInfo("UTC")  # the tables have dates only


def read_broker_forms(path: Path) -> list[BrokerLine]:
    """Return the lines of a table, each named by its place in the file.

    Raises UnknownNameError for a file or column that is not known, DataError or TaxRefusal, with the line, for a row
    that cannot be taken as it is.
    """
    known = (*LINE_COLUMNS, *sorted({box for boxes in BOXES.values() for box in boxes}))
    return [_line(_by_our_names(row)) for row in read_rows(path, (), known, _ZONE)]


def read_adjustments(path: Path) -> dict[tuple[str, str], list[Adjustment]]:
    """Return the taxpayer's codes by the ids of sale and lot; an empty lot is the only one of its sale."""
    given: dict[tuple[str, str], list[Adjustment]] = {}
    for row in read_rows(path, ("sale", "code"), ADJUSTMENT_COLUMNS, _ZONE):
        with _told_where(row):
            adjustment = Adjustment(row.needed("code").upper(), to_cents(row.number("amount", ZERO)))
        given.setdefault((row.needed("sale"), row.text("lot")), []).append(adjustment)
    return given


@contextmanager
def _told_where(row: TableRow) -> Iterator[None]:
    try:
        yield
    except TaxRefusal as refusal:
        raise TaxRefusal(refusal.rule, f"{row.where}: {refusal.sentence}") from refusal


def _by_our_names(row: TableRow) -> TableRow:
    form = row.choice("form", BrokerForm, BrokerForm.SECURITIES)
    boxes = BOXES[form]
    cells = {name: row.text(name) for name in LINE_COLUMNS}
    for box in {box for known in BOXES.values() for box in known}:
        cell = row.text(box)
        if not cell:
            continue
        if box not in boxes:
            raise row.fault(f"a {form.value} has no box {box}. Correct the header, or the form of this line.")
        name = boxes[box]
        if cells[name] and cells[name] != cell:
            raise row.fault(f"{name} stands there twice, as {cells[name]!r} and as box {box}. Keep one.")
        cells[name] = cell
    cells["form"] = form.value
    return TableRow(cells, row.where, _ZONE)


def _line(row: TableRow) -> BrokerLine:
    for name in NEEDED:
        if not row.text(name):
            raise row.fault(f"column {name!r}, or its box, is empty; every line of a 1099 needs it.")

    def cents(name: str) -> int:
        return to_cents(row.number(name, ZERO))

    is_reported = row.truth("basis_reported", default=False)
    if is_reported and row.truth("noncovered", default=False):
        raise row.fault("a noncovered security has no basis that was reported to the IRS. Correct one of the two.")
    if row.truth("loss_not_allowed", default=False):
        raise TaxRefusal(
            "loss_not_allowed",
            f"{row.where}: box 7 says that a loss is not allowed after a change in control; no rule here computes that."
            " Leave the line out and report it by hand.",
        )
    with _told_where(row):
        return BrokerLine(
            row.choice("form", BrokerForm),
            cents("proceeds"),
            to_cents(row.number("basis")) if row.text("basis") else None,
            is_reported,
            row.choice("term", Term) if row.text("term") else None,
            cents("wash_sale"),
            cents("market_discount"),
            row.truth("ordinary", default=False),
            row.truth("collectible", default=False),
            row.truth("opportunity_fund", default=False),
            row.text("account") or "main",
            row.text("symbol"),
            row.day("acquired"),
            row.day("sold"),
            row.where,
        )
