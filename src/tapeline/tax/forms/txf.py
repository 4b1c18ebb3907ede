"""TXF, version 042: the exchange format that tax programs import sales from.

    TD          type, detail
    N321        record number: the box
    C1, L1      copy, line
    P100 sh XYZ
    D01/06/2025  D03/10/2025     acquired, sold; empty when unknown
    $1000.00     $750.00         basis first, then proceeds
    $250.00                      the disallowed wash loss, only where there is one
    ^

The format is of 2011. It has no record for boxes G to L and no field for codes other than W: such rows cannot be told
in it and are left out by name, never put into another box. Records 682 and 718, whole losses washed, are read and not
written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from tapeline.domain.errors import DataError
from tapeline.tax.forms.boxes import BOXES
from tapeline.tax.forms.rows import FormRow, day_text

VERSION = "V042"
TERM_UNKNOWN, WASHED_WHOLE = {673: "A", 715: "B", 716: "C"}, {682: "A", 718: "B"}
BOX_OF_RECORD = {box.txf: box.letter for box in BOXES.values() if box.txf} | TERM_UNKNOWN | WASHED_WHOLE
_LINE_END = "\r\n"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that the format cannot tell, and why."""

    row: FormRow
    reason: str


@dataclass(frozen=True, slots=True)
class TxfRecord:
    """One sale as a file tells it; amounts in cents.

    box : None for a record number that is no sale; acquired, sold : None where the file has no date
    disallowed_cents : None where the file has no amount for it
    """

    number: int
    description: str
    acquired: date | None
    sold: date | None
    basis_cents: int
    proceeds_cents: int
    disallowed_cents: int | None = None

    @property
    def box(self) -> str | None:
        """The box of Form 8949 that the record number stands for."""
        return BOX_OF_RECORD.get(self.number)


def write_txf(rows: Iterable[FormRow], program: str, day: date) -> tuple[str, list[LeftOut]]:
    """Return a file's text and the rows it cannot tell.

    program : what made it, for the header; day : when
    """
    left_out: list[LeftOut] = []
    records = [VERSION, f"A{program}", f"D{day_text(day)}", "^"]
    for row in rows:
        reason = _reason_against(row)
        if reason:
            left_out.append(LeftOut(row, reason))
            continue
        records += ["TD", f"N{row.box.txf}", "C1", "L1", f"P{row.sale.description}"]
        records += [f"D{day_text(row.sale.acquired)}", f"D{row.sold_text}"]
        records += [_amount(row.basis_cents), _amount(row.proceeds_cents)]
        if row.adjustment_cents:
            records.append(_amount(row.adjustment_cents))
        records.append("^")
    return _LINE_END.join([*records, ""]), left_out


def _reason_against(row: FormRow) -> str:
    if row.box.txf is None:
        return f"the format has no record for box {row.box.letter}"
    others = row.codes.replace("W", "")
    if others:
        return f"the format has no field for code {others}"
    description = row.sale.description
    if not (description.isascii() and description.isprintable()):
        return "the description has characters that the format does not know"
    return ""


def _amount(cents: int) -> str:
    sign, cents = ("-", -cents) if cents < 0 else ("", cents)
    return f"${sign}{cents // 100}.{cents % 100:02}"


@dataclass(slots=True)
class _Open:
    """A record while its lines are read."""

    number: int = 0
    description: str = ""
    days: list[date | None] = field(default_factory=list)
    amounts: list[int] = field(default_factory=list)


def read_txf(text: str) -> list[TxfRecord]:
    """Return the sales of a TXF file, of any program. Raises DataError, with the line, where it is none."""
    lines = text.splitlines()
    if not lines or not lines[0].startswith("V"):
        raise DataError(f"This is no TXF file: it begins with {lines[0][:20] if lines else ''!r} and not with V042.")
    body = lines.index("^") + 1 if "^" in lines else len(lines)
    return list(_records(lines, body))


def _records(lines: list[str], first: int) -> Iterator[TxfRecord]:
    record = _Open()
    for number, text in enumerate(lines[first:], first + 1):
        kind, value = text[:1], text[1:].strip()
        try:
            if kind == "^":
                yield _closed(record)
                record = _Open()
            else:
                _read_field(record, kind, value)
        except ValueError as exc:
            raise DataError(
                f"Line {number} of the TXF file, {text!r}, cannot be read: {exc}. Export the file again."
            ) from exc
    if record.number or record.amounts:
        raise DataError("The TXF file ends inside a record: its last line must be ^. Export it again.")


def _read_field(record: _Open, kind: str, value: str) -> None:
    if kind == "N":
        record.number = int(value)
    elif kind == "P":
        record.description = value
    elif kind == "D":
        record.days.append(_day(value))
    elif kind == "$":
        record.amounts.append(_cents(value))
    elif kind not in "TCLX":
        raise ValueError("there is no such field")


def _closed(record: _Open) -> TxfRecord:
    if len(record.days) != 2 or len(record.amounts) not in (2, 3):
        raise ValueError(f"the record has {len(record.days)} dates and {len(record.amounts)} amounts")
    acquired, sold = record.days
    basis, proceeds = record.amounts[:2]
    disallowed = record.amounts[2] if len(record.amounts) == 3 else None
    if disallowed is None and record.number in WASHED_WHOLE:
        disallowed = basis - proceeds
    return TxfRecord(record.number, record.description, acquired, sold, basis, proceeds, disallowed)


def _day(value: str) -> date | None:
    if not value:
        return None
    month, day, year = value.split("/")
    return date(int(year), int(month), int(day))


def _cents(value: str) -> int:
    sign = -1 if value.startswith("-") else 1
    whole, _, part = value.lstrip("-+").replace(",", "").partition(".")
    return sign * (int(whole or 0) * 100 + int(part.ljust(2, "0")[:2] or 0))
