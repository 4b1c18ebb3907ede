"""A year's tax forms from a taxpayer's books, and the files they are written to.

    books = open_books(TaxChoice(trades=(Path("trades.csv"),), year=2025))
    forms = make_forms(books, FormsChoice())
    write_forms(forms, Path("forms-2025"), made_on=date.today(), source="trades.csv")

Every file is made in memory first and is then there whole or not at all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import Path

from tapeline import __version__
from tapeline.app.taxes import TaxBooks
from tapeline.domain.errors import InputError, StorageError, UnknownNameError
from tapeline.feeds.broker_forms import read_adjustments, read_broker_forms
from tapeline.report.tax_excel import excel_bytes
from tapeline.report.tax_pdf import pdf_bytes
from tapeline.report.tax_tables import tables_of
from tapeline.report.tax_text import csv_text
from tapeline.store.whole_file import write_whole
from tapeline.tax.amounts import to_cents
from tapeline.tax.carryover import Carryover
from tapeline.tax.events import day_of
from tapeline.tax.forms.filing import FilingChoices, Forms, prepare
from tapeline.tax.forms.schedule_d import FromElsewhere
from tapeline.tax.forms.txf import LeftOut, write_txf
from tapeline.tax.result import OpenLot

LINES = {
    "4": "short_forms_cents",
    "5": "short_partnership_cents",
    "11": "long_forms_cents",
    "12": "long_partnership_cents",
    "13": "distributions_cents",
}
"""The lines of Schedule D that come from other papers."""


class Format(Enum):
    """What files can be written."""

    CSV = "csv"
    EXCEL = "excel"
    TXF = "txf"
    PDF = "pdf"


@dataclass(frozen=True, slots=True)
class FormsChoice:
    """How a year is reported, in the words of the command line.

    broker_forms, adjustments : CSV tables, see `feeds/broker_forms.py`
    unreported : accounts that no 1099 comes from
    lines : of Schedule D from other papers, such as 13=120.50
    carried : losses of the year before, lines 6 and 14
    """

    broker_forms: tuple[Path, ...] = ()
    adjustments: Path | None = None
    unreported: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    taxable_income: str = ""
    carried: Carryover | None = None
    is_separate: bool = False
    use_exception_1: bool = False
    use_exception_2: bool = False
    in_dollars: bool = False


def make_forms(books: TaxBooks, choice: FormsChoice | None = None) -> Forms:
    """Return the forms of the books' year and accounts.

    Raises InputError and its kinds for tables, lines or accounts that cannot be used.
    """
    choice = choice or FormsChoice()
    for account in choice.unreported:
        if account not in books.accounts:
            raise UnknownNameError("account", account, books.accounts, where="--no-1099")
    lines = tuple(line for path in choice.broker_forms for line in read_broker_forms(path))
    for line in lines:
        if line.account not in books.accounts:
            raise UnknownNameError("account", line.account, books.accounts, where=line.line_id)
    return prepare(
        books.result,
        books.year,
        FilingChoices(
            tuple(line for line in lines if books.is_asked(line.account)),
            choice.unreported,
            read_adjustments(choice.adjustments) if choice.adjustments else {},
            (books.account,) if books.account else (),
            _from_elsewhere(choice),
            choice.use_exception_1,
            choice.use_exception_2,
            choice.in_dollars,
        ),
        instruments=books.instruments,
        open_lots=_open_lots(books),
        as_of=books.as_of,
    )


def _open_lots(books: TaxBooks) -> list[OpenLot]:
    """Return what was open at the year's end, before anything of the next year."""
    year_end = date(books.year, 12, 31)
    events = [event for event in books.events if day_of(event) <= year_end]
    if len(events) == len(books.events):
        return books.result.open_lots()
    engine = books.new_engine()
    engine.apply(events)
    return engine.result().open_lots()


def _from_elsewhere(choice: FormsChoice) -> FromElsewhere:
    carried = choice.carried or Carryover()
    found = FromElsewhere(
        short_carryover_cents=to_cents(carried.short),
        long_carryover_cents=to_cents(carried.long),
        is_separate=choice.is_separate,
    )
    if choice.taxable_income:
        found = replace(found, taxable_income_cents=_cents(choice.taxable_income, "--taxable-income"))
    for written in choice.lines:
        line, _, amount = written.partition("=")
        if line.strip() not in LINES:
            raise UnknownNameError("line", line.strip(), LINES, where="--line, lines of Schedule D from other papers")
        amounts: Mapping[str, int] = {LINES[line.strip()]: _cents(amount, f"--line {line}")}
        found = replace(found, **amounts)  # type: ignore[arg-type]  # every name is that of an amount
    return found


def _cents(written: str, where: str) -> int:
    try:
        value = Decimal(written.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise InputError(f"{where}: {written!r} is no amount. Write it like 1234.56.")
    return to_cents(value)


@dataclass(frozen=True, slots=True)
class WrittenForms:
    """What was written.

    files : in the order written; left_out : rows that a TXF file cannot tell, listed in one of the files
    """

    files: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]


def write_forms(
    forms: Forms,
    folder: Path,
    formats: tuple[Format, ...] = tuple(Format),
    *,
    made_on: date,
    name: str = "",
    source: str = "",
) -> WrittenForms:
    """Write the files of a year into a folder, which is made if it is not there.

    made_on : the day of making, for headers; name : of the taxpayer; source : where the executions came from
    Raises StorageError where a file cannot be written.
    """
    left_out: tuple[LeftOut, ...] = ()
    contents: dict[str, bytes] = {}
    if Format.CSV in formats:
        contents |= {f"{table.name}.csv": csv_text(table).encode() for table in tables_of(forms)}
    if Format.EXCEL in formats:
        contents[f"tax-forms-{forms.tax_year}.xlsx"] = excel_bytes(forms)
    if Format.TXF in formats:
        text, found = write_txf(forms.rows, f"Tapeline {__version__}", made_on)
        left_out = tuple(found)
        contents[f"form-8949-{forms.tax_year}.txf"] = text.encode("ascii")
        contents["not-in-txf.csv"] = _left_out_text(left_out).encode()
    if Format.PDF in formats:
        contents[f"tax-forms-{forms.tax_year}.pdf"] = pdf_bytes(forms, made_on=made_on, name=name, source=source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StorageError(f"Folder {folder} cannot be made: {exc.strerror}. Name another one with --out.") from exc
    for file, content in contents.items():
        write_whole(folder / file, content)
    return WrittenForms(tuple(folder / file for file in contents), left_out)


def _left_out_text(left_out: tuple[LeftOut, ...]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("row", "box", "description", "reason"))
    for left in left_out:
        writer.writerow((left.row.number, left.row.box.letter, left.row.sale.description, left.reason))
    return file.getvalue()
