"""Pages of eleven rows, one box each, with their totals; summary rows of Exception 2."""

from __future__ import annotations

from datetime import date

from tapeline.tax.forms.boxes import BrokerForm
from tapeline.tax.forms.pages import numbered, pages_of, summarized, totals_of
from tapeline.tax.forms.rows import FormRow, form_row
from tapeline.tax.gains import Term
from tax.form_rows import a_line, a_sale, columns


def rows_of(box: str, count: int, **words: object) -> list[FormRow]:
    form = BrokerForm.DIGITAL_ASSETS if box in "GJ" else BrokerForm.SECURITIES
    term = Term.LONG if box in "DJ" else Term.SHORT
    return [
        form_row(a_sale(n + 1, 1, term=term, **words), a_line(n + 1, 1, term=term, form=form)) for n in range(count)
    ]


def test_a_page_has_one_box_and_at_most_eleven_rows_and_copies_count_by_part() -> None:
    rows = numbered([*rows_of("D", 12), *rows_of("G", 1), *rows_of("A", 23)])

    pages = pages_of(rows)

    assert [(page.box.letter, page.copy, page.copies, len(page.rows)) for page in pages] == [
        ("A", 1, 4, 11), ("A", 2, 4, 11), ("A", 3, 4, 1), ("G", 4, 4, 1), ("D", 1, 2, 11), ("D", 2, 2, 1),
    ]  # fmt: skip
    assert [row.number for page in pages for row in page.rows] == list(range(1, 37))


def test_every_page_has_the_sums_of_its_own_rows_on_line_2() -> None:
    first, second = pages_of(numbered(rows_of("A", 13)))

    # proceeds 1 to 11 are 66, 12 and 13 are 25; basis 1 each
    assert first.totals.columns == {"d": 6600, "e": 1100, "g": 0, "h": 5500}
    assert second.totals.columns == {"d": 2500, "e": 200, "g": 0, "h": 2300}
    assert (first.totals + second.totals) == totals_of(rows_of("A", 13))


def test_rows_of_a_box_stand_in_the_order_of_their_sale() -> None:
    days = [date(2025, 5, 1), date(2025, 2, 1), None, date(2025, 2, 1)]

    rows = numbered(form_row(a_sale(n, 1, sold=day)) for n, day in enumerate(days))

    assert [row.proceeds_cents // 100 for row in rows] == [1, 3, 0, 2]


def test_exception_2_is_one_row_a_box_and_account_with_code_m_beside_the_others() -> None:
    washed = form_row(a_sale(750, 1000, 250), a_line(750, 1000))
    other = form_row(a_sale(10, 4, account="second"), a_line(10, 4))

    found = list(summarized([*rows_of("A", 2), washed, other]))

    assert [columns(row) for row in found] == [("A", 753, 1002, "MW", 250, 1), ("A", 10, 4, "M", 0, 6)]
    assert [row.sale.description for row in found] == [
        "see attached statement (main)",
        "see attached statement (second)",
    ]
    assert {(row.acquired_text, row.sold_text, row.exception_line) for row in found} == {("", "", "")}
