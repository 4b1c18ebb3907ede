"""Lines of Form 1099-B and 1099-DA, and the taxpayer's own adjustments, from CSV tables.

    form,account,symbol,sold,acquired,proceeds,basis,wash_sale,basis_reported,term
    1099-B,main,XYZ,2025-03-10,2025-01-06,750.00,1000.00,250.00,yes,short

A header may name a column by its box instead, as the form itself does: 1b acquired, 1c sold, 1d proceeds, 1e basis
and so on for a 1099-B; 1d acquired, 1e sold, 1f proceeds, 1g basis for a 1099-DA. A column that is neither is
refused, never skipped: brokers' headers differ, and one that was overlooked is a figure that is missing on the
return."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from tapeline.domain.errors import DataError, TaxRefusal, UnknownNameError
from tapeline.feeds.table_row import TableRow
from tapeline.tax.amounts import to_cents
from tapeline.tax.forms.boxes import BrokerForm
from tapeline.tax.forms.brokers import BrokerLine
from tapeline.tax.forms.codes import Adjustment
from tapeline.tax.gains import Term

NEEDED = ("symbol", "sold", "proceeds", "basis_reported")
LINE_COLUMNS = (
    *NEEDED, "form", "account", "acquired", "basis", "market_discount", "wash_sale", "term", "ordinary", "collectible",
    "opportunity_fund", "description",
)  # fmt: skip
BOXES = {
    BrokerForm.SECURITIES: {
        "1a": "description", "1b": "acquired", "1c": "sold", "1d": "proceeds", "1e": "basis", "1f": "market_discount",
        "1g": "wash_sale", "2": "term", "12": "basis_reported",
    },
    BrokerForm.DIGITAL_ASSETS: {
        "1a": "symbol", "1b": "description", "1d": "acquired", "1e": "sold", "1f": "proceeds", "1g": "basis",
        "1h": "market_discount", "1i": "wash_sale", "2": "basis_reported", "6": "term",
    },
}  # fmt: skip
"""What the boxes of each form are called here."""
ADJUSTMENT_COLUMNS = ("sale", "lot", "code", "amount")
ZERO = Decimal(0)
_ZONE = ZoneInfo("UTC")  # the tables have dates only


def read_broker_forms(path: Path) -> list[BrokerLine]:
    """Return the lines of a table, named by their numbers in the file.

    Raises UnknownNameError for a file or column that is not known, DataError or TaxRefusal, with the line, for a row
    that cannot be taken as it is.
    """
    names = {*LINE_COLUMNS, *(box for boxes in BOXES.values() for box in boxes)}
    return [_line(row, number) for row, number in _rows(path, names)]


def read_adjustments(path: Path) -> dict[tuple[str, str], list[Adjustment]]:
    """Return the taxpayer's codes by the ids of sale and lot; an empty lot is the only one of its sale."""
    given: dict[tuple[str, str], list[Adjustment]] = {}
    for row, _ in _rows(path, set(ADJUSTMENT_COLUMNS)):
        amount = to_cents(row.number("amount", ZERO))
        try:
            adjustment = Adjustment(row.needed("code").upper(), amount)
        except TaxRefusal as refusal:
            raise TaxRefusal(refusal.rule, f"{row.where}: {refusal.sentence}") from refusal
        given.setdefault((row.needed("sale"), row.text("lot")), []).append(adjustment)
    return given


def _rows(path: Path, known: set[str]) -> Iterator[tuple[TableRow, int]]:
    if not path.is_file():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UnknownNameError("file", path.name, beside, where=f"folder {path.parent.resolve()}")
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file)
        names = [name.strip().lower() for name in next(lines, [])]
        for name in names:
            if name not in known:
                raise UnknownNameError("column", name, known, where=str(path))
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"{path} line {lines.line_num}"
            if len(cells) != len(names):
                raise DataError(f"{where}: it has {len(cells)} cells where the header has {len(names)}. Mend the row.")
            yield TableRow(_by_our_names(dict(zip(names, cells, strict=True)), where), where, _ZONE), lines.line_num


def _by_our_names(cells: dict[str, str], where: str) -> dict[str, str]:
    if "sale" in cells:
        return cells
    form = cells.get("form", "").strip() or BrokerForm.SECURITIES.value
    if form not in {known.value for known in BrokerForm}:
        raise DataError(f"{where}: form {form!r} is neither 1099-B nor 1099-DA. Correct it.")
    boxes = BOXES[BrokerForm(form)]
    found: dict[str, str] = {"form": form}
    for name, cell in cells.items():
        ours = boxes.get(name, name)
        if ours not in LINE_COLUMNS:
            raise DataError(f"{where}: a {form} has no box {name}. Correct the header, or the form of this line.")
        if cell.strip() and found.get(ours, cell) != cell:
            raise DataError(f"{where}: {ours} stands there twice, once as box {name}. Keep one.")
        found[ours] = cell
    return found


def _line(row: TableRow, number: int) -> BrokerLine:
    for name in NEEDED:
        row.needed(name)

    def cents(name: str) -> int:
        return to_cents(row.number(name, ZERO))

    term = row.choice("term", Term) if row.text("term") else None
    try:
        return BrokerLine(
            BrokerForm(row.text("form")),
            cents("proceeds"),
            to_cents(row.number("basis")) if row.text("basis") else None,
            row.truth("basis_reported", default=False),
            term,
            cents("wash_sale"),
            cents("market_discount"),
            row.truth("ordinary", default=False),
            row.truth("collectible", default=False),
            row.truth("opportunity_fund", default=False),
            row.text("account") or "main",
            row.text("symbol"),
            row.day("acquired"),
            row.day("sold"),
            f"line {number}",
        )
    except TaxRefusal as refusal:
        raise TaxRefusal(refusal.rule, f"{row.where}: {refusal.sentence}") from refusal
