"""The tables of a year's forms as an Excel workbook: one sheet each, with totals that Excel computes again."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tapeline.report.tax_tables import Kind, TaxTable, tables_of
from tapeline.tax.forms.filing import Forms

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

SHEET_ROWS_MAX = 1_048_576 - 2
SUMMED = frozenset({"form-8949", "form-8949-pages"})
TITLES = {
    "form-8949": "Form 8949",
    "form-8949-pages": "Form 8949 pages",
    "schedule-d": "Schedule D",
    "wash-sales": "Wash sales",
    "pending-losses": "Pending losses",
    "open-lots": "Open lots",
    "other-forms": "Other forms",
    "reconciliation": "Reconciliation",
    "notes": "Notes",
}
_NUMBERS = {
    Kind.MONEY: "#,##0.00;(#,##0.00)",
    Kind.PER_SHARE: "#,##0.00########",
    Kind.QUANTITY: "#,##0.############",
    Kind.DATE: "mm/dd/yyyy",
    Kind.COUNT: "0",
}


def excel_bytes(forms: Forms) -> bytes:
    """Return the workbook.

    Amounts become float64, as everything in Excel: exact in cents up to 90 trillion dollars.
    """
    import xlsxwriter

    file = io.BytesIO()
    # without constant_memory 50,000 rows take half a gigabyte; rows are written from the top down anyway
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties({"title": f"Form 8949 and Schedule D, {forms.tax_year}", "comments": forms.disclaimer})
        formats = {kind: book.add_format({"num_format": number}) for kind, number in _NUMBERS.items()}
        formats[Kind.TEXT] = book.add_format()
        head = book.add_format(
            {"bold": True, "font_color": "#ffffff", "bg_color": "#1c3f60", "text_wrap": True, "valign": "top"}
        )
        total = book.add_format({"bold": True, "top": 1, "num_format": _NUMBERS[Kind.MONEY]})
        for table in tables_of(forms):
            _write(book.add_worksheet(TITLES[table.name]), table, formats, head, total)
    return file.getvalue()


def _write(sheet: Worksheet, table: TaxTable, formats: Mapping[Kind, Format], head: Format, total: Format) -> None:
    columns = table.columns
    sheet.freeze_panes(1, 4 if table.name == "form-8949" else 0)
    sheet.set_row(0, 32)
    for at, column in enumerate(columns):
        sheet.set_column(at, at, column.width)
        sheet.write_string(0, at, column.name.replace("_", " "), head)
    writers = [(at, column.kind, formats[column.kind]) for at, column in enumerate(columns)]
    sums = [0] * len(columns)
    number = 0
    for number, row in enumerate(table.make_rows(), 1):
        for (at, kind, style), cell in zip(writers, row, strict=True):
            if cell is None or cell == "":
                continue
            if kind is Kind.MONEY:
                sums[at] += cell
                sheet.write_number(number, at, cell / 100, style)
            elif kind is Kind.TEXT or isinstance(cell, str):
                sheet.write_string(number, at, cell)
            elif kind is Kind.DATE:
                sheet.write_datetime(number, at, cell, style)
            else:
                sheet.write_number(number, at, float(cell), style)
    sheet.autofilter(0, 0, max(number, 1), len(columns) - 1)
    if table.name in SUMMED and number:
        _write_sums(sheet, table, number, sums, total)


def _write_sums(sheet: Worksheet, table: TaxTable, rows: int, sums: list[Any], style: Format) -> None:
    from xlsxwriter.utility import xl_col_to_name

    for at, column in enumerate(table.columns):
        if column.kind is Kind.MONEY:
            letter = xl_col_to_name(at)
            sheet.write_formula(rows + 1, at, f"=SUM({letter}2:{letter}{rows + 1})", style, sums[at] / 100)
