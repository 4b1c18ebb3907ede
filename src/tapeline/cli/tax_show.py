"""What `tapeline tax` shows of books: tables for a person, a tree for a program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tapeline.app.taxes import TaxBooks, TaxChoice, open_books
from tapeline.cli.console import console, show_text
from tapeline.cli.tax_options import (
    amount,
    head_of,
    is_wide,
    new_table,
    print_foot,
    print_json,
    print_table,
    quantity,
    what_disallows,
)
from tapeline.cli.text_table import TextTable
from tapeline.tax.carryover import LOSS_LIMIT, LOSS_LIMIT_SEPARATE, Carryover, Netting
from tapeline.tax.estimate import Rates, tax_on_year
from tapeline.tax.gains import Gain, Term
from tapeline.tax.result import PendingLoss
from tapeline.tax.views import Total, netting, provisional, totals

TERMS = {
    Term.SHORT: "short-term",
    Term.LONG: "long-term",
    Term.SECTION_1256: "60/40 (section 1256)",
    Term.ORDINARY: "ordinary (section 475(f))",
}


@dataclass(frozen=True, slots=True)
class YearEnd:
    """What a year's netting and estimate need beside its rows."""

    carried_in: Carryover
    is_separate: bool
    rates: Rates | None


def show_gains(choice: TaxChoice, year_end: YearEnd, *, whole: bool, as_json: bool) -> None:
    """Print a year's gain rows, their totals by term, the netting, and an estimate of the tax where rates are given."""
    books = open_books(choice)
    rows = books.gains()
    pending = provisional(books.result, books.as_of)
    found = totals(rows)
    limit = LOSS_LIMIT_SEPARATE if year_end.is_separate else LOSS_LIMIT
    # one account alone has no netting: a year is that of the taxpayer
    net = None if books.account else netting(found, year_end.carried_in, limit=limit)
    tax = None if net is None or year_end.rates is None else _year_tax(net, found, year_end.rates)
    if as_json:
        print_json(
            {
                **head_of(books),
                "rows": [gain_tree(row, pending.get(id(row))) for row in rows],
                "totals": [total_tree(total) for total in found],
                "netting": None if net is None else _netting_tree(net),
                "estimated_tax": tax,
            }
        )
        return
    if rows:
        print_table(_rows_table(books, rows, pending), whole=whole)
        console.print()
        print_table(_totals_table(found))
        console.print()
    else:
        show_text(f"No gain or loss was realized in {books.year}{_in_account(books)}.")
    for line in (*_provisional_lines(books, rows, pending), *_netting_lines(books, net)):
        show_text(line)
    if tax is not None:
        show_text(
            f"Estimated tax on the year: {amount(tax)} at the rates given; no return, brackets are not looked at."
        )
    print_foot(books)


def _year_tax(net: Netting, found: list[Total], rates: Rates) -> Decimal:
    ordinary = next((total.gain for total in found if total.term is Term.ORDINARY), Decimal(0))
    return tax_on_year(net, rates, ordinary)


def gain_tree(row: Gain, pending: PendingLoss | None) -> dict[str, Any]:
    """Return a row for a program; `provisional` says what a later purchase may still disallow."""
    return {
        "account": row.account,
        "symbol": row.symbol,
        "open_id": row.open_id,
        "close_id": row.close_id,
        "kind": row.kind.value,
        "quantity": row.quantity,
        "acquired": row.open_date,
        "holding_start": row.holding_start,
        "sold": row.close_date,
        "proceeds": row.proceeds,
        "cost": row.cost,
        "code": row.code,
        "adjustment": row.adjustment,
        "gain": row.gain,
        "term": row.term.value,
        "tax_year": row.tax_year,
        "provisional": None
        if pending is None
        else {"quantity": pending.quantity, "amount": pending.amount, "until": pending.last_day},
    }


def total_tree(total: Total) -> dict[str, Any]:
    """Return a total for a program."""
    return {
        "term": total.term.value,
        "rows": total.rows,
        "proceeds": total.proceeds,
        "cost": total.cost,
        "adjustment": total.adjustment,
        "gain": total.gain,
    }


def _netting_tree(net: Netting) -> dict[str, Any]:
    return {
        "short": net.short,
        "long": net.long,
        "net": net.net,
        "deducted": net.deducted,
        "carryover_short": net.carryover.short,
        "carryover_long": net.carryover.long,
    }


def _rows_table(books: TaxBooks, rows: list[Gain], pending: dict[int, PendingLoss]) -> TextTable:
    wide = is_wide()
    names = ["sold", "symbol", "quantity", "acquired", "disallowed", "gain", "term", ""]
    if wide:
        names[4:4] = ["proceeds", "cost"]
    table = new_table(f"Gains and losses of {books.year} in USD{_in_account(books)}", names)
    for row in rows:
        table.add_row(
            str(row.close_date),
            row.symbol,
            quantity(row.quantity),
            str(row.open_date),
            *([amount(row.proceeds), amount(row.cost)] if wide else []),
            amount(row.adjustment) if row.adjustment else "",
            amount(row.gain),
            row.term.value,
            ("W" if row.code else "") + ("~" if id(row) in pending else ""),
        )
    return table


def _totals_table(found: list[Total]) -> TextTable:
    table = new_table("Totals", ["", "rows", "proceeds", "cost", "disallowed", "gain"])
    for total in found:
        figures = (total.proceeds, total.cost, total.adjustment, total.gain)
        table.add_row(TERMS[total.term], f"{total.rows:,}", *map(amount, figures))
    return table


def _provisional_lines(books: TaxBooks, rows: list[Gain], pending: dict[int, PendingLoss]) -> Iterator[str]:
    if any(row.code for row in rows):
        yield "W: a wash sale; the disallowed loss is in the basis of its replacement, or lost (`tapeline tax wash`)."
    if any(row.close_date.year != books.year for row in rows):
        yield f"A loss on a short sale belongs to the year of its delivery, so {books.year} has some closed before it."
    open_rows = [pending[id(row)] for row in rows if id(row) in pending]
    if open_rows:
        most = amount(sum((loss.amount for loss in open_rows), start=Decimal(0)))
        what, last = what_disallows(loss.row for loss in open_rows), max(loss.last_day for loss in open_rows)
        yield (
            f"~: provisional. Trades are known up to {books.as_of}; {what} until {last} can still disallow up to"
            f" {most} of these losses."
        )


def _netting_lines(books: TaxBooks, net: Netting | None) -> Iterator[str]:
    if net is None:
        return
    sums = f"Net: short-term {amount(net.short)}, long-term {amount(net.long)}, together {amount(net.net)}"
    carried = net.carryover
    if net.net >= 0:
        yield f"{sums}."
    elif carried.short or carried.long:
        yield (
            f"{sums}: {amount(net.deducted)} can be deducted from other income, into {books.year + 1} go"
            f" {amount(carried.short)} short-term and {amount(carried.long)} long-term."
        )
    else:
        yield f"{sums}: all of it can be deducted from other income, nothing is left for {books.year + 1}."


def _in_account(books: TaxBooks) -> str:
    return f", account {books.account}" if books.account else ""
