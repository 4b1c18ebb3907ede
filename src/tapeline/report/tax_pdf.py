"""Form 8949 and Schedule D as PDF pages of our own layout, eleven rows a page, with the numbers that `why` follows.

It is not the IRS's form and says so on every page. A form of 50,000 rows is 4,546 pages, so words are placed where they
belong (`tax_paper.py`) and the library is not asked to find room for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from tapeline.report.tax_paper import EDGE, HEIGHT, INK, SOFT, WIDTH, Paper, columns_of, money_text, wrapped
from tapeline.report.tax_tables import note_rows
from tapeline.tax.forms.boxes import BOXES, Box, Part
from tapeline.tax.forms.filing import Forms
from tapeline.tax.forms.pages import Page, Totals, pages_of
from tapeline.tax.forms.rows import FormRow
from tapeline.tax.forms.schedule_d import LINE_TEXTS

STATEMENT_ROWS = 17
ROW_HEIGHT = 24.0
PARTS = {
    Part.SHORT: "Part I   Short-term: assets held one year or less",
    Part.LONG: "Part II   Long-term: assets held more than one year",
}
FORM_COLUMNS = columns_of(
    (38, "", "Row", False),
    (178, "(a)", "Description of property", False),
    (64, "(b)", "Date acquired", False),
    (64, "(c)", "Date sold", False),
    (94, "(d)", "Proceeds", True),
    (94, "(e)", "Cost or other basis", True),
    (34, "(f)", "Code", False),
    (80, "(g)", "Adjustment", True),
    (86, "(h)", "Gain or (loss)", True),
)
SCHEDULE_COLUMNS = columns_of(
    (38, "", "Line", False),
    (326, "", "", False),
    (92, "(d)", "Proceeds", True),
    (92, "(e)", "Cost or other basis", True),
    (92, "(g)", "Adjustments", True),
    (92, "(h)", "Gain or (loss)", True),
)


def pdf_bytes(forms: Forms, *, made_on: date, name: str = "", source: str = "") -> bytes:
    """Return the pages of a year: Form 8949, the statement under Exception 2, Schedule D, notes.

    made_on : the day it says it was made; name : of the taxpayer; source : where the executions came from
    Letters beyond Western Europe's are printed as question marks.
    """
    from fpdf import FPDF

    pdf = FPDF("L", "pt", "Letter")
    pdf.set_auto_page_break(False)
    pdf.set_creation_date(datetime.combine(made_on, time(), UTC))
    pdf.set_title(f"Form 8949 and Schedule D, {forms.tax_year}")
    pdf.set_creator("Tapeline")
    paper = Paper(pdf, forms, name, f"made {made_on.isoformat()} from {source}" if source else f"made {made_on}")
    _schedule_page(paper)
    for page in forms.pages:
        _form_page(paper, page, "Form 8949   Sales and other dispositions of capital assets")
    for page in pages_of(forms.statement, STATEMENT_ROWS):
        _form_page(paper, page, "Statement attached to Form 8949, Exception 2", STATEMENT_ROWS)
    _note_pages(paper)
    return paper.bytes()


def _form_page(paper: Paper, page: Page, title: str, rows_a_page: int = 11) -> None:
    box = page.box
    paper.page(title)
    paper.bar(70, PARTS[box.part])
    paper.font("", 9)
    paper.put(WIDTH / 2 - 40, 60, f"copy {page.copy:,} of {page.copies:,} of this part, box {box.letter}")
    top = 168.0
    _boxes(paper, box, 100)
    height = ROW_HEIGHT if rows_a_page <= 11 else ROW_HEIGHT * 11 / rows_a_page
    paper.heading(top - 17, FORM_COLUMNS)
    paper.stripes(top, rows_a_page, height)
    base = top + min(11.0, height - 5)
    paper.font("", 8.5)
    for at, row in enumerate(page.rows):
        _row_line(paper, row, base + at * height)
    if height >= ROW_HEIGHT:
        paper.ink(SOFT)
        paper.font("", 6.5)
        for at, row in enumerate(page.rows):
            paper.put(FORM_COLUMNS[1].left + 4, base + at * height + 9, _origin(row), 560)
        paper.ink(INK)
    bottom = top + rows_a_page * height
    paper.rule(bottom, 1.2)
    paper.font("B", 9)
    paper.put(EDGE + 4, bottom + 14, f"2   Totals of this page: enter on Schedule D, line {box.line}")
    _amounts(paper, bottom + 14, page.totals)
    paper.rule(bottom + 20, 1.2)


def _boxes(paper: Paper, checked: Box, top: float) -> None:
    paper.font("", 7.5)
    half = (WIDTH - 2 * EDGE) / 2
    kinds = {Part.SHORT: "Short-term", Part.LONG: "Long-term"}
    for at, box in enumerate(box for box in BOXES.values() if box.part is checked.part):
        x, y = EDGE + half * (at // 3), top + 14 * (at % 3)
        paper.check_box(x, y - 6, is_checked=box is checked)
        paper.put(x + 13, y, f"({box.letter})  {kinds[box.part]}, {box.sentence}", half - 16)


def _row_line(paper: Paper, row: FormRow, y: float) -> None:
    number, description, acquired, sold, *_, codes, _, _ = FORM_COLUMNS
    paper.put(number.left + 4, y, f"{row.number:,}" if row.number else "")
    paper.put(description.left + 4, y, row.sale.description, description.width - 6)
    paper.put(acquired.left + 4, y, row.acquired_text)
    paper.put(sold.left + 4, y, row.sold_text)
    paper.put(codes.left + 4, y, row.codes)
    _amounts(
        paper,
        y,
        Totals(row.proceeds_cents, row.basis_cents, row.adjustment_cents),
        shows_adjustment=bool(row.codes),
    )


def _amounts(paper: Paper, y: float, totals: Totals, *, shows_adjustment: bool = True) -> None:
    figures = [column for column in FORM_COLUMNS if column.is_figure]
    for column, (letter, cents) in zip(figures, totals.columns.items(), strict=True):
        if letter != "g" or shows_adjustment:
            paper.put_right(column.left + column.width - 5, y, money_text(cents))


def _origin(row: FormRow) -> str:
    """Return whose sale it was, and of which lot: the small print under a row."""
    gains = row.sale.gains
    if not gains:
        return ""
    first = gains[0]
    text = f"account {first.account}, sale {first.close_id} of lot {first.open_id}"
    if len(gains) > 1:
        text = f"account {first.account}, {len(gains)} sales and lots from {first.close_id} on"
    if first.start_day != first.opened_day:
        text += f", held from {first.holding_start:%m/%d/%Y}"
    return f"{text}, no 1099 given" if row.is_assumed else text


def _schedule_page(paper: Paper) -> None:
    forms = paper.forms
    schedule, in_dollars = forms.schedule, forms.choices.in_dollars
    paper.page("Schedule D   Capital gains and losses")
    y = 70.0
    parts: Mapping[str, tuple[str, ...]] = {
        PARTS[Part.SHORT]: ("1a", "1b", "2", "3", "4", "5", "6", "7"),
        PARTS[Part.LONG]: ("8a", "8b", "9", "10", "11", "12", "13", "14", "15"),
        "Part III   Summary": ("16", "21"),
    }
    for title, lines in parts.items():
        paper.bar(y, title, 15)
        if y == 70.0:
            paper.heading(y + 25, SCHEDULE_COLUMNS)
            y += 25
        y += 28
        for line in lines:
            is_sum = line in ("7", "15", "16", "21")
            paper.font("B" if is_sum else "", 8.5)
            paper.put(SCHEDULE_COLUMNS[0].left + 4, y, line)
            paper.put(SCHEDULE_COLUMNS[1].left + 4, y, LINE_TEXTS[line], 320)
            columns = schedule.lines[line].columns if line in schedule.lines else {}
            if line in schedule.amounts and (is_sum or schedule.amounts[line]):
                columns = {"h": schedule.amounts[line]}
            for column in SCHEDULE_COLUMNS[2:]:
                text = money_text(columns.get(column.letter[1:2]), in_dollars=in_dollars)
                paper.put_right(column.left + column.width - 5, y, text)
            paper.rule(y + 3.5, 0.3)
            y += 15
        y -= 5
    y += 12
    for text, cents in (
        ("Short-term loss carried into the next year", schedule.short_carryover_cents),
        ("Long-term loss carried into the next year", schedule.long_carryover_cents),
        ("Form 6781, section 1256 contracts, in lines 4 and 11", forms.section_1256_cents),
        ("Form 4797, section 475(f), not on this schedule", forms.section_475_cents),
    ):
        paper.font("", 8.5)
        paper.put(SCHEDULE_COLUMNS[1].left + 4, y, text)
        last = SCHEDULE_COLUMNS[-1]
        paper.put_right(last.left + last.width - 5, y, money_text(cents, in_dollars=in_dollars))
        y += 13


def _note_pages(paper: Paper) -> None:
    title = f"Notes to the forms of {paper.forms.tax_year}"
    bottom = HEIGHT - 48
    y = bottom
    for about, says in note_rows(paper.forms):
        paper.font("", 8.5)
        lines = wrapped(says, 540, paper.width_of)
        if y + 12 * len(lines) > bottom:
            paper.page(title)
            paper.font("", 8.5)
            y = 84.0
        paper.ink(SOFT)
        paper.put(EDGE, y, about, 180)
        paper.ink(INK)
        for line in lines:
            paper.put(EDGE + 190, y, line)
            y += 12
        y += 3
