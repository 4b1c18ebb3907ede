"""Own rows against the brokers' 1099s: every line and every sale is matched or explained."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import InstrumentKind, TaxInstrument
from tapeline.tax.forms.boxes import BrokerForm
from tapeline.tax.forms.brokers import BrokerLine
from tapeline.tax.forms.codes import Adjustment
from tapeline.tax.forms.filing import FilingChoices, Forms, prepare
from tapeline.tax.gains import Term
from tax.form_rows import a_line, columns
from tax.tables import taxed

TWO_LOTS = """
    2024-01-05  buy   b1  100 XYZ @ 20
    2025-01-06  buy   b2  100 XYZ @ 25
    2025-03-10  sell  s1  150 XYZ @ 15
"""
FIRST, SECOND, SOLD = date(2024, 1, 5), date(2025, 1, 6), date(2025, 3, 10)


def xyz(proceeds: float, basis: float | None, acquired: date | None, name: str = "1", **words: Any) -> BrokerLine:
    facts: dict[str, Any] = {"account": "main", "symbol": "XYZ", "sold": SOLD, "term": None, **words}
    return a_line(proceeds, basis, acquired=acquired, line_id=name, **facts)


def filed(table: str, *lines: BrokerLine, **choices: Any) -> Forms:
    return prepare(taxed(table), 2025, FilingChoices(lines, **choices))


def test_lines_are_found_by_their_days_and_differences_get_their_codes() -> None:
    forms = filed(TWO_LOTS, xyz(750, 1250, SECOND, "1"), xyz(1500, 2100, FIRST, "2", term=Term.SHORT))

    assert [columns(row) for row in forms.rows] == [
        ("A", 750, 1250, "", 0, -500),
        ("D", 1500, 2100, "BT", 100, -500),
    ]
    assert [(f.lines, f.sentence, f.is_open) for f in forms.findings] == [
        (("2",), "B: basis on the 1099 is wrong; T: term on the 1099 is wrong", False),
        (("1",), "the figures agree", False),
    ]


def test_what_the_broker_splits_is_added_before_it_is_compared() -> None:
    # a partly washed lot: 40 shares on a line of their own
    table = "2025-01-06 buy b1 100 XYZ @ 20\n2025-03-10 sell s1 100 XYZ @ 15\n2025-03-20 buy b2 40 XYZ @ 16"
    lines = [xyz(600, 800, SECOND, "1", disallowed=200), xyz(900, 1200, SECOND, "2")]

    forms = filed(table, *lines)

    assert [columns(row) for row in forms.rows] == [("A", 1500, 2000, "W", 200, -300)]
    assert forms.rows[0].exception_line == ""


def test_a_line_without_day_of_acquisition_takes_what_is_left_of_the_day_by_quantity() -> None:
    forms = filed(TWO_LOTS, xyz(2250, None, None, reported=False))

    # 100 of 150 shares are long-term, 50 short-term
    assert [columns(row) for row in forms.rows] == [("B", 750, 1250, "", 0, -500), ("E", 1500, 2000, "", 0, -500)]


def test_a_line_that_prints_the_adjusted_day_of_a_washed_lot_is_still_found() -> None:
    forms = filed(
        "2025-01-06 buy b1 100 XYZ @ 20\n2025-03-10 sell s1 100 XYZ @ 25",
        xyz(2500, 2000, date(2024, 12, 1)),
    )

    assert [columns(row) for row in forms.rows] == [("A", 2500, 2000, "", 0, 500)]


def test_lines_of_two_terms_for_shares_of_one_tell_that_a_term_is_wrong() -> None:
    table = "2024-01-05 buy b1 100 XYZ @ 20\n2025-03-10 sell s1 100 XYZ @ 25"
    lines = [xyz(1000, 800, FIRST, "1", term=Term.SHORT), xyz(1500, 1200, FIRST, "2", term=Term.LONG)]

    assert [columns(row) for row in filed(table, *lines).rows] == [("D", 2500, 2000, "T", 0, 500)]


def test_lines_of_two_boxes_for_one_sale_are_said_to_be() -> None:
    table = "2025-01-06 buy b1 100 XYZ @ 20\n2025-03-10 sell s1 100 XYZ @ 25"
    lines = [xyz(1000, 800, None, "1"), xyz(1500, 1200, None, "2", reported=False)]

    forms = filed(table, *lines)

    assert [columns(row) for row in forms.rows] == [("B", 2500, 2000, "", 0, 500)]
    assert "the lines belong into different boxes" in forms.findings[0].sentence


def test_divided_figures_add_up_to_the_cent() -> None:
    table = TWO_LOTS.replace("150 XYZ", "103 XYZ")

    forms = filed(table, xyz(1545.01, 2075.02, None, disallowed=0.03))

    lines = [row.line for row in forms.rows]
    assert [line.proceeds_cents for line in lines] == [4501, 150_000]
    assert sum(line.basis_cents for line in lines) == 207_502
    assert sum(line.disallowed_cents for line in lines) == 3


def test_a_line_without_a_sale_is_on_no_form_and_a_sale_without_a_line_was_not_reported() -> None:
    forms = filed(TWO_LOTS, xyz(1500, 2000, FIRST, "1"), xyz(5, 4, FIRST, "9", symbol="QQQ"))

    assert [row.box.letter for row in forms.rows] == ["C", "D"]
    assert [(f.symbol, f.lines, len(f.rows)) for f in forms.findings if f.is_open] == [
        ("QQQ", ("9",), 0),
        ("XYZ", (), 1),
    ]
    assert "2 entries of the reconciliation lack their other side." in forms.notes


def test_an_account_without_1099_is_taken_at_its_own_figures_and_the_output_says_so() -> None:
    forms = filed(TWO_LOTS)

    assert [(row.box.letter, row.is_assumed) for row in forms.rows] == [("A", True), ("D", True)]
    assert any(note.startswith("2 of 2 rows have no 1099 beside them") for note in forms.notes)
    assert [row.box.letter for row in filed(TWO_LOTS, unreported=("main",)).rows] == ["C", "F"]


def test_a_1099_for_digital_assets_says_nothing_of_the_stock_in_the_account() -> None:
    bitcoin = TaxInstrument("BTC", InstrumentKind.CRYPTO)
    table = f"{TWO_LOTS.strip()}\n2025-02-03 buy c1 1 BTC @ 50000\n2025-04-01 sell c2 1 BTC @ 40000"
    result = taxed(table, instruments=[bitcoin])
    line = a_line(
        40000, None, reported=False, form=BrokerForm.DIGITAL_ASSETS, account="main", symbol="BTC",
        sold=date(2025, 4, 1), acquired=date(2025, 2, 3),
    )  # fmt: skip

    with_line = prepare(result, 2025, FilingChoices([line]), instruments={"BTC": bitcoin})
    without = prepare(result, 2025, instruments={"BTC": bitcoin})

    assert [row.box.letter for row in with_line.rows] == ["A", "H", "D"]
    assert [row.box.letter for row in without.rows] == ["A", "H", "D"]  # bought before 2026: not covered


def test_the_taxpayers_codes_go_to_the_row_that_their_ids_name() -> None:
    given = {("s1", "b2"): [Adjustment("L", 50_000)]}

    assert [columns(row) for row in filed(TWO_LOTS, adjustments=given).rows] == [
        ("A", 750, 1250, "L", 500, 0),
        ("D", 1500, 2000, "", 0, -500),
    ]


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        (("s9", ""), "adjustment_without_row"),
        (("s1", "b9"), "adjustment_without_row"),
        (("s1", ""), "adjustment_of_one_row"),
    ],
)
def test_codes_that_name_no_row_or_several_are_refused(key: tuple[str, str], rule: str) -> None:
    with pytest.raises(TaxRefusal) as refusal:
        filed(TWO_LOTS, adjustments={key: [Adjustment("O", 1)]})

    assert refusal.value.rule == rule
