"""Schedule D: lines, other papers, the limit of a loss, carry-overs, whole dollars. Amounts by hand."""

from __future__ import annotations

import pytest

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.forms.boxes import BrokerForm
from tapeline.tax.forms.rounding import whole_dollars
from tapeline.tax.forms.rows import FormRow, form_row
from tapeline.tax.forms.schedule_d import FromElsewhere, schedule_d
from tapeline.tax.gains import Term
from tax.form_rows import a_line, a_sale


def a_loss(dollars: float, term: Term = Term.SHORT) -> FormRow:
    return form_row(a_sale(0, dollars, term=term))


def test_every_line_carries_its_columns_and_boxes_share_lines() -> None:
    rows = [
        form_row(a_sale(1000, 900), a_line(1000, 900)),
        form_row(a_sale(500, 450), a_line(500, 450, form=BrokerForm.DIGITAL_ASSETS)),
        form_row(a_sale(300, 400, 100), a_line(300, 400)),
        form_row(a_sale(70, 50), a_line(70, None, reported=False)),
        form_row(a_sale(10, 20)),
        form_row(a_sale(8, 4, is_digital=True)),
        form_row(a_sale(2000, 1000, term=Term.LONG), a_line(2000, 1000, term=Term.LONG)),
    ]

    listed = schedule_d(rows)
    excepted = schedule_d(rows, use_exception_1=True)

    assert {line: [c / 100 for c in t.columns.values()] for line, t in listed.lines.items()} == {
        "1b": [1800, 1750, 100, 150], "2": [70, 50, 0, 20], "3": [18, 24, 0, -6], "8b": [2000, 1000, 0, 1000],
    }  # fmt: skip
    assert {line: [c / 100 for c in t.columns.values()] for line, t in excepted.lines.items()} == {
        "1a": [1500, 1350, 0, 150], "1b": [300, 400, 100, 0], "2": [70, 50, 0, 20], "3": [18, 24, 0, -6],
        "8a": [2000, 1000, 0, 1000],
    }  # fmt: skip
    for schedule in (listed, excepted):
        assert [schedule.amounts[line] for line in ("7", "15", "16", "21")] == [16400, 100000, 116400, 0]


def test_lines_of_other_papers_are_netted_with_the_sales() -> None:
    elsewhere = FromElsewhere(
        section_1256_cents=1001, short_forms_cents=200, long_forms_cents=300, short_partnership_cents=-50,
        long_partnership_cents=70, short_carryover_cents=40, long_carryover_cents=1000, distributions_cents=5,
    )  # fmt: skip

    amounts = schedule_d([], elsewhere).amounts

    # 40 % of 10.01 is 4.004, so 4.00; 60 % is the rest, 6.01
    assert amounts == {
        "4": 600, "5": -50, "6": -40, "7": 510, "11": 901, "12": 70, "13": 5, "14": -1000, "15": -24, "16": 486,
        "21": 0,
    }  # fmt: skip


def test_a_section_1256_loss_is_divided_without_losing_a_cent() -> None:
    amounts = schedule_d([], FromElsewhere(section_1256_cents=-7)).amounts

    assert (amounts["4"], amounts["11"], amounts["16"]) == (-3, -4, -7)


@pytest.mark.parametrize(
    ("short", "long", "separate", "allowed", "carried"),
    [
        (-2000, 0, False, -2000, (0, 0)),
        (-5000, 1000, False, -3000, (1000, 0)),
        (1000, -5000, False, -3000, (0, 1000)),
        (-2000, -4000, False, -3000, (0, 3000)),
        (-2000, -4000, True, -1500, (500, 4000)),
        (5000, -1000, False, 0, (0, 0)),
    ],
)
def test_a_loss_is_allowed_up_to_the_limit_and_the_rest_is_carried_by_term(
    short: int, long: int, separate: bool, allowed: int, carried: tuple[int, int]
) -> None:
    rows = [
        form_row(a_sale(max(short, 0), max(-short, 0))),
        form_row(a_sale(max(long, 0), max(-long, 0), term=Term.LONG)),
    ]

    found = schedule_d(rows, FromElsewhere(is_separate=separate))

    assert found.amounts["21"] == allowed * 100
    assert (found.short_carryover_cents, found.long_carryover_cents) == (carried[0] * 100, carried[1] * 100)


def test_a_loss_that_found_no_income_is_carried_too() -> None:
    found = schedule_d([a_loss(2000)], FromElsewhere(taxable_income_cents=-50_000))

    # worksheet: 1 -500, 2 2,000, 3 1,500, 4 1,500, 5 2,000, 7 1,500, 8 500
    assert (found.amounts["21"], found.short_carryover_cents) == (-200_000, 50_000)


def test_a_carried_loss_is_given_without_sign() -> None:
    with pytest.raises(TaxRefusal) as refusal:
        FromElsewhere(short_carryover_cents=-1)

    assert refusal.value.rule == "carryover_is_positive"


@pytest.mark.parametrize(
    ("cents", "dollars"), [(249, 2), (250, 3), (299, 3), (-249, -2), (-250, -3), (49, 0), (-49, 0)]
)
def test_half_a_dollar_goes_up_and_less_is_dropped(cents: int, dollars: int) -> None:
    assert whole_dollars(cents) == dollars


def test_cents_are_added_before_a_total_is_rounded_once() -> None:
    rows = [form_row(a_sale("10.40", 9), a_line("10.40", 9)) for _ in range(3)]

    found = schedule_d(rows)

    assert found.in_dollars == {"1b": {"d": 31, "e": 27, "g": 0, "h": 4}}
    assert found.amounts_in_dollars["7"] == 4


def test_washed_rows_of_zero_are_zero_in_whole_dollars() -> None:
    rows = [form_row(a_sale("100.50", "200.40", "99.90"), a_line("100.50", "200.40"))]

    assert schedule_d(rows).in_dollars["1b"]["h"] == 0
