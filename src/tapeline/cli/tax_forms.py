"""`tapeline tax forms`: Form 8949 and Schedule D of a year, as files and as a summary."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapeline.cli.tax_options import (
    AccountName,
    AsJson,
    AsOf,
    Carried,
    JournalFile,
    Methods,
    PolicyWords,
    Separate,
    Trades,
    Year,
    carried_of,
    choice_of,
)

if TYPE_CHECKING:  # --help needs neither the engine nor its writers
    from tapeline.app.tax_forms import FormsChoice, WrittenForms
    from tapeline.app.taxes import TaxBooks
    from tapeline.tax.forms.filing import Forms

_FILES, _FILING = "Files", "Filing"
NOTES_SHOWN = 12

Out = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for the files; none are written without it.", rich_help_panel=_FILES),
]
Csv = Annotated[
    bool, typer.Option("--csv", help="Tables; with --out all four are written by default.", rich_help_panel=_FILES)
]
Excel = Annotated[bool, typer.Option("--excel", help="One workbook.", rich_help_panel=_FILES)]
Txf = Annotated[bool, typer.Option("--txf", help="For tax programs.", rich_help_panel=_FILES)]
Pdf = Annotated[bool, typer.Option("--pdf", help="Pages to print.", rich_help_panel=_FILES)]
Name = Annotated[str, typer.Option("--name", help="Of the taxpayer, for the pages.", rich_help_panel=_FILES)]
BrokerForms = Annotated[
    list[Path] | None,
    typer.Option("--1099", help="CSV table of 1099-B or 1099-DA lines; repeatable.", rich_help_panel=_FILING),
]
Adjustments = Annotated[
    Path | None,
    typer.Option(
        "--adjustments", help="CSV table of codes you give: sale, lot, code, amount.", rich_help_panel=_FILING
    ),
]
Unreported = Annotated[
    list[str] | None,
    typer.Option("--no-1099", help="An account that no 1099 comes from; repeatable.", rich_help_panel=_FILING),
]
Lines = Annotated[
    list[str] | None,
    typer.Option("--line", help="A line of Schedule D from other papers, such as 13=120.50.", rich_help_panel=_FILING),
]
Income = Annotated[
    str, typer.Option("--taxable-income", help="For the carry-over; below zero if so.", rich_help_panel=_FILING)
]
Exception1 = Annotated[
    bool, typer.Option("--exception-1", help="Rows that need not be listed go to Schedule D.", rich_help_panel=_FILING)
]
Exception2 = Annotated[
    bool, typer.Option("--exception-2", help="One row a box and account, with a statement.", rich_help_panel=_FILING)
]
Dollars = Annotated[bool, typer.Option("--whole-dollars", help="Round totals of Schedule D.", rich_help_panel=_FILING)]


def forms(
    trades: Trades = None,
    journal: JournalFile = None,
    year: Year = 0,
    account: AccountName = "",
    method: Methods = None,
    policy: PolicyWords = None,
    as_of: AsOf = "",
    out: Out = None,
    csv: Csv = False,
    excel: Excel = False,
    txf: Txf = False,
    pdf: Pdf = False,
    name: Name = "",
    broker_forms: BrokerForms = None,
    adjustments: Adjustments = None,
    unreported: Unreported = None,
    line: Lines = None,
    taxable_income: Income = "",
    carried: Carried = "",
    separate: Separate = False,
    exception_1: Exception1 = False,
    exception_2: Exception2 = False,
    whole_dollars: Dollars = False,
    as_json: AsJson = False,
) -> None:
    """Fill Form 8949 and Schedule D: boxes, codes, pages and totals, to the cent. No tax advice."""
    from tapeline.app.tax_forms import Format, FormsChoice, make_forms, write_forms
    from tapeline.app.taxes import open_books

    books = open_books(choice_of(trades, journal, year, account, method, policy, as_of))
    choice = FormsChoice(
        tuple(broker_forms or ()),
        adjustments,
        tuple(unreported or ()),
        tuple(line or ()),
        taxable_income,
        carried_of(carried),
        separate,
        exception_1,
        exception_2,
        whole_dollars,
    )
    made = make_forms(books, choice)
    written = None
    if out is not None:
        wanted = zip(Format, (csv, excel, txf, pdf), strict=True)
        formats = tuple(kind for kind, is_wanted in wanted if is_wanted) or tuple(Format)
        today = datetime.now(UTC).astimezone().date()
        written = write_forms(made, out, formats, made_on=today, name=name, source=", ".join(books.source))
    if as_json:
        _print_tree(books, made, choice, written)
    else:
        _print_summary(books, made, written)


def _print_tree(books: TaxBooks, made: Forms, choice: FormsChoice, written: WrittenForms | None) -> None:
    from tapeline.cli.tax_options import head_of, print_json
    from tapeline.report.tax_tables import tables_of
    from tapeline.report.tax_text import tree_of

    tree: dict[str, Any] = head_of(books)
    tree["is_in_whole_dollars"] = choice.in_dollars
    tree |= {table.name.replace("-", "_"): tree_of(table) for table in tables_of(made) if table.name != "notes"}
    tree["notes"] = made.notes
    tree["files"] = [] if written is None else [str(path) for path in written.files]
    tree["not_in_txf"] = (
        [] if written is None else [{"row": left.row.number, "reason": left.reason} for left in written.left_out]
    )
    print_json(tree)


def _print_summary(books: TaxBooks, made: Forms, written: WrittenForms | None) -> None:
    from tapeline.cli.console import show_text
    from tapeline.cli.tax_options import foot_lines, new_table, print_table
    from tapeline.report.amounts import plural
    from tapeline.tax.forms.schedule_d import LINE_TEXTS

    in_dollars = made.choices.in_dollars
    table = new_table(f"Schedule D of {made.tax_year} in USD", ["line", "", "proceeds", "cost", "adjusted", "gain"])
    for name, text in LINE_TEXTS.items():
        columns: dict[str, int] = {}
        if name in made.schedule.lines:
            columns = made.schedule.lines[name].columns
        elif made.schedule.amounts.get(name) or name in ("7", "15", "16"):
            columns = {"h": made.schedule.amounts[name]}
        if columns:
            table.add_row(name, text, *(_figure(columns.get(column), in_dollars) for column in "degh"))
    print_table(table)
    show_text(f"Form 8949: {plural(len(made.rows), 'row')} on {plural(len(made.pages), 'page')}.")
    schedule = made.schedule
    if schedule.short_carryover_cents or schedule.long_carryover_cents:
        show_text(
            f"Carried into {made.tax_year + 1}: {_figure(schedule.short_carryover_cents)} short-term and"
            f" {_figure(schedule.long_carryover_cents)} long-term."
        )
    for title, cents in (
        ("Form 6781 (section 1256)", made.section_1256_cents),
        ("Form 4797 (section 475(f))", made.section_475_cents),
    ):
        if cents:
            show_text(f"{title}: {_figure(cents)}.")
    own = len(made.notes) - len(made.flags)
    for note in made.notes[: min(own, NOTES_SHOWN)]:
        show_text(f"Note: {note}")
    if written is not None:
        for path in written.files:
            show_text(f"  {path}")
        if written.left_out:
            count = plural(len(written.left_out), "row")
            show_text(f"{count} cannot be told in TXF and must be entered by hand: see not-in-txf.csv.")
    for sentence in ("", *foot_lines(books)):
        show_text(sentence)


def _figure(cents: int | None, in_dollars: bool = False) -> str:
    from tapeline.cli.tax_options import amount
    from tapeline.tax.amounts import dollars
    from tapeline.tax.forms.rounding import whole_dollars

    if cents is None:
        return ""
    return f"{whole_dollars(cents):,}" if in_dollars else amount(dollars(cents))
