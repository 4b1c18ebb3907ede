"""Tables of a year's forms as CSV for a person's spreadsheet, and as a tree for a program."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date
from typing import Any

from tapeline.report.tax_tables import Kind, TaxTable


def csv_text(table: TaxTable) -> str:
    """Return a table as CSV: dates as the form prints them, money with two decimals, quantities as they are."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    texts = [_TEXTS[column.kind] for column in table.columns]
    writer.writerows(
        ["" if cell is None else text(cell) for cell, text in zip(row, texts, strict=True)] for row in table.make_rows()
    )
    return file.getvalue()


def tree_of(table: TaxTable) -> list[dict[str, str | int | None]]:
    """Return a table for a program: amounts and quantities as texts, dates in ISO form, None where a cell is empty."""
    shapes = [(column.name, column.kind, _TEXTS[column.kind]) for column in table.columns]
    return [
        {
            name: cell
            if cell is None or kind is Kind.COUNT
            else cell.isoformat()
            if isinstance(cell, date)
            else text(cell)
            for (name, kind, text), cell in zip(shapes, row, strict=True)
        }
        for row in table.make_rows()
    ]


def _money_text(cents: int) -> str:
    sign, cents = ("-", -cents) if cents < 0 else ("", cents)
    return f"{sign}{cents // 100}.{cents % 100:02}"


def _date_text(day: date | str) -> str:
    return day if isinstance(day, str) else f"{day.month:02}/{day.day:02}/{day.year}"


_TEXTS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: str,
    Kind.MONEY: _money_text,
    Kind.PER_SHARE: lambda value: f"{value:f}",
    Kind.QUANTITY: lambda value: f"{value:f}",
    Kind.DATE: _date_text,
    Kind.COUNT: str,
}
