"""Files of the forms: what stands in CSV, workbook and pages, read back without the writers."""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date
from xml.etree import ElementTree

import pytest

from tapeline.report.tax_excel import excel_bytes
from tapeline.report.tax_paper import NOT_THE_FORM, money_text
from tapeline.report.tax_pdf import pdf_bytes
from tapeline.report.tax_tables import tables_of
from tapeline.report.tax_text import csv_text
from tapeline.tax.forms.filing import FilingChoices, Forms, prepare
from tax.form_rows import a_line
from tax.tables import taxed

WASHED = """
    2025-01-06  buy   b1  100 XYZ @ 10
    2025-03-10  sell  s1  100 XYZ @ 7.5
    2025-03-20  buy   b2   40 XYZ @ 8
    2025-04-09  buy   r1   60 XYZ @ 8    account=roth
    2025-05-05  buy   b3   12 ABC @ 1
"""
DAY = date(2026, 2, 1)
NAMESPACE = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


@pytest.fixture(scope="module")
def forms() -> Forms:
    line = a_line(
        750, 1000, disallowed=0, account="main", symbol="XYZ", acquired=date(2025, 1, 6), sold=date(2025, 3, 10),
        line_id="1099.csv line 2",
    )  # fmt: skip
    return prepare(taxed(WASHED), 2025, FilingChoices([line]), as_of=DAY)


def rows_of(forms: Forms, name: str) -> list[dict[str, str]]:
    """Return a table's CSV as a reader sees it."""
    table = next(table for table in tables_of(forms) if table.name == name)
    return list(csv.DictReader(io.StringIO(csv_text(table))))


def page_texts(pdf: bytes) -> list[str]:
    """Return the words of every page, in the order they were put down."""
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        words = re.findall(rb"\((.*?)(?<!\\)\) Tj", zlib.decompress(stream))
        found.append("\n".join(re.sub(r"\\(.)", r"\1", word.decode("latin-1")) for word in words))
    return found


def cells(book: bytes, sheet: int) -> Iterator[list[str]]:
    """Yield the rows of a sheet as the texts of their cells."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        tree = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{sheet}.xml"))
    for row in tree.iterfind(".//x:row", NAMESPACE):
        yield ["".join(cell.itertext()) for cell in row.iterfind("x:c", NAMESPACE)]


def test_a_row_stands_in_the_table_with_own_and_brokers_figures(forms: Forms) -> None:
    (row,) = rows_of(forms, "form-8949")

    assert row == {
        "row": "1", "part": "I", "box": "A", "a_description": "100 sh XYZ", "b_acquired": "01/06/2025",
        "c_sold": "03/10/2025", "d_proceeds": "750.00", "e_basis": "1000.00", "f_codes": "W", "g_adjustment": "250.00",
        "h_gain": "0.00", "schedule_d_line": "1b", "may_skip_to_line": "", "account": "main", "symbol": "XYZ",
        "holding_start": "01/06/2025", "own_proceeds": "750.00", "own_basis": "1000.00", "own_disallowed": "250.00",
        "broker_form": "1099-B", "broker_proceeds": "750.00", "broker_basis": "1000.00", "broker_disallowed": "0.00",
        "broker_term": "short", "broker_line": "1099.csv line 2", "sales": "s1", "lots": "b1",
    }  # fmt: skip


def test_the_audit_names_loss_replacement_rule_and_what_it_did_to_basis_and_holding(forms: Forms) -> None:
    carried, lost = rows_of(forms, "wash-sales")

    assert carried == {
        "loss_account": "main", "loss_symbol": "XYZ", "sale": "s1", "lot": "b1", "sold": "03/10/2025", "shares": "40",
        "disallowed": "100.00", "replaced_in_account": "main", "replaced_by_symbol": "XYZ", "replaced_by_lot": "b2",
        "basis_per_share_before": "8.00", "basis_per_share_after": "10.50", "holding_start_before": "03/20/2025",
        "holding_start_after": "01/16/2025",  # 63 days, from 6 January to 10 March, before 20 March
        "is_permanent": "no", "rule": "IRC 1091(a), (d)",
    }  # fmt: skip
    assert (lost["disallowed"], lost["is_permanent"], lost["rule"]) == ("150.00", "yes", "Rev. Rul. 2008-5")


def test_open_lots_are_next_years_opening_state(forms: Forms) -> None:
    found = {row["lot"]: (row["shares"], row["basis"], row["holding_start"]) for row in rows_of(forms, "open-lots")}

    assert found == {
        "b2": ("40", "420.00", "01/16/2025"),
        "b3": ("12", "12.00", "05/05/2025"),
        "r1": ("60", "480.00", "04/09/2025"),
    }


def test_schedule_d_is_there_both_ways_and_notes_say_policies_and_that_it_is_no_advice(forms: Forms) -> None:
    ways = {row["way"] for row in rows_of(forms, "schedule-d")}
    notes = {row["about"]: row["says"] for row in rows_of(forms, "notes")}

    assert ways == {"every row listed (chosen)", "Exception 1 used"}
    assert "no tax advice" in notes["disclaimer"]
    assert (notes["method of account main"], notes["policy prior_lot_counts"]) == ("FIFO", "yes")


def test_the_workbook_has_every_table_and_sums_that_excel_computes_again(forms: Forms) -> None:
    book = excel_bytes(forms)

    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        names = re.findall(r'<sheet name="([^"]+)"', archive.read("xl/workbook.xml").decode())
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert names == ["Form 8949", "Form 8949 pages", "Schedule D", "Wash sales", "Pending losses", "Open lots",
                     "Other forms", "Reconciliation", "Notes"]  # fmt: skip
    assert re.search(r"<f>SUM\(G2:G2\)</f><v>750(\.0)?</v>", sheet)
    head, row, _ = list(cells(book, 1))
    assert head[:4] == ["row", "part", "box", "a description"]
    assert row[:4] == ["1", "I", "A", "100 sh XYZ"]
    assert row[6:11] == ["750", "1000", "W", "250", "0"]


def test_pages_are_schedule_form_and_notes_and_each_says_what_it_is_not(forms: Forms) -> None:
    schedule, form, *notes = page_texts(pdf_bytes(forms, made_on=DAY, name="Jane Doe", source="trades.csv"))

    assert schedule.startswith("Schedule D") and form.startswith("Form 8949") and notes[0].startswith("Notes")
    for page in (schedule, form, *notes):
        assert NOT_THE_FORM in page and "Jane Doe" in page and "made 2026-02-01 from trades.csv" in page
    assert (
        "\n".join(["1", "100 sh XYZ", "01/06/2025", "03/10/2025", "W", "750.00", "1,000.00", "250.00", "0.00"]) in form
    )
    assert "account main, sale s1 of lot b1" in form
    assert "2   Totals of this page: enter on Schedule D, line 1b\n750.00\n1,000.00\n250.00\n0.00" in form
    assert "1b\nShort-term, Form 8949 boxes A and G\n750.00\n1,000.00\n250.00\n0.00" in schedule


def test_a_row_without_code_leaves_its_columns_f_and_g_empty() -> None:
    made = prepare(taxed("2025-01-06 buy b1 10 XYZ @ 10\n2025-02-06 sell s1 10 XYZ @ 8"), 2025, as_of=DAY)

    _, form, *_ = page_texts(pdf_bytes(made, made_on=DAY))

    assert "10 sh XYZ\n01/06/2025\n02/06/2025\n80.00\n100.00\n(20.00)" in form


def test_a_provisional_year_says_so_on_every_page() -> None:
    made = prepare(taxed("2025-01-06 buy b1 10 XYZ @ 10\n2025-12-16 sell s1 10 XYZ @ 8"), 2025, as_of=date(2026, 1, 5))

    assert all("PROVISIONAL" in page for page in page_texts(pdf_bytes(made, made_on=DAY)))


def test_under_exception_2_the_form_has_summary_rows_and_the_statement_all_of_them() -> None:
    table = "\n".join(
        f"2025-01-{day:02} buy b{day} 1 XYZ @ 10\n2025-02-{day:02} sell s{day} 1 XYZ @ 12" for day in range(1, 21)
    )
    made = prepare(taxed(table), 2025, FilingChoices(use_exception_2=True), as_of=DAY)

    _, form, first, second, *_ = page_texts(pdf_bytes(made, made_on=DAY))

    assert "see attached statement (main)" in form and "\nM\n240.00\n200.00\n0.00\n40.00" in form
    assert first.startswith("Statement attached to Form 8949") and second.startswith("Statement attached")
    assert first.count("1 sh XYZ") == 17 and second.count("1 sh XYZ") == 3


def test_what_does_not_fit_is_cut_and_what_is_not_western_is_marked() -> None:
    table = f"2025-01-06 buy b1 1 {'W' * 60} @ 10\n2025-02-06 sell s1 1 {'W' * 60} @ 12"
    table += "\n2025-01-06 buy b2 1 Ж€ @ 10\n2025-02-06 sell s2 1 Ж€ @ 12"

    _, form, *_ = page_texts(pdf_bytes(prepare(taxed(table), 2025, as_of=DAY), made_on=DAY))

    assert re.search(r"\n1 sh W{10,25}\.\.\.\n", form)
    assert "1 sh ??" in form


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "0.00"), (-1, "(0.01)"), (123_456_789, "1,234,567.89"), (-100_000, "(1,000.00)")]
)
def test_amounts_are_printed_as_forms_have_them(cents: int, text: str) -> None:
    assert money_text(cents) == text


def test_whole_dollars_are_printed_without_cents() -> None:
    assert [money_text(cents, in_dollars=True) for cents in (249, 250, -250, -49)] == ["2", "3", "(3)", "0"]


def test_the_same_forms_give_the_same_pages_byte_for_byte(forms: Forms) -> None:
    assert pdf_bytes(forms, made_on=DAY) == pdf_bytes(forms, made_on=DAY)
