"""Short sales: section 6 of the rules."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.events import StockSplit
from tax.tables import lines, lots, rows, rules, taxed

SHORT_LOSS = """
2025-03-03  short  h1  100 XYZ @ 50
2025-03-20  cover  c1  100 XYZ @ 55
"""


def test_a_short_sale_covered_by_purchase_is_short_term_however_long_it_was_open() -> None:
    result = taxed("""
        2024-01-08  short  h1  100 XYZ @ 50  commission=1
        2025-03-10  cover  c1  100 XYZ @ 40  commission=2
    """)

    assert rows(result) == "c1 h1 100 4999.00 - 4002.00 + 0.00 = 997.00 short"
    assert result.rows[0].open_date == date(2024, 1, 8)


def test_another_short_sale_carries_a_disallowed_loss_until_it_is_closed() -> None:
    table = SHORT_LOSS + "2025-03-25 short h2 100 XYZ @ 54"

    still_open = taxed(table)
    closed = taxed(table + "\n2025-05-12 cover c2 100 XYZ @ 48")

    assert rows(still_open) == "c1 h1 100 5000.00 - 5500.00 + 500.00 = 0.00 short"
    assert lots(still_open) == "h2 XYZ short 100 5400.00 - 500.00 2025-03-25"
    assert rows(closed).endswith("c2 h2 100 5400.00 - 5300.00 + 0.00 = 100.00 short")


@pytest.mark.parametrize(
    ("day", "amount"), [("2025-02-17", 0), ("2025-02-18", 500), ("2025-04-19", 500), ("2025-04-20", 0)]
)
def test_the_window_lies_around_the_closing(day: str, amount: int) -> None:
    # h1 was opened within 30 days of its closing, but it is the one that is closed
    table = SHORT_LOSS + f"{day} short h2 100 XYZ @ 54 account=second"

    assert taxed(table).rows[0].adjustment == amount


def test_part_of_a_short_loss_is_carried_share_for_share_and_a_split_rescales_it() -> None:
    split = StockSplit(event_id="a1", day=date(2025, 3, 24), symbol="XYZ", new=Decimal(2))

    result = taxed(SHORT_LOSS + "2025-03-25 short h2 60 XYZ @ 27", split)

    # 500 over 200 new shares is 2.50 each
    assert rows(result) == "c1 h1 100 5000.00 - 5500.00 + 150.00 = -350.00 short"
    assert lots(result) == "h2 XYZ short 60 1620.00 - 150.00 2025-03-25"


def test_a_purchase_does_not_wash_a_short_loss_and_a_long_sale_is_flagged() -> None:
    bought = taxed(SHORT_LOSS + "2025-03-25 buy b1 100 XYZ @ 54")
    sold = taxed("2025-01-06 buy b1 9 XYZ @ 60\n" + SHORT_LOSS + "2025-03-25 sell s1 9 XYZ @ 60")

    assert bought.rows[0].adjustment == sold.rows[0].adjustment == 0
    assert rules(sold) == ["long_sale_washes_short_loss"]


def test_by_policy_a_long_sale_before_or_after_disallows_a_short_loss_for_good() -> None:
    table = """
        2025-01-06  buy    b1  30 XYZ @ 60
        2025-03-03  short  h1  100 XYZ @ 50
        2025-03-10  sell   s1  10 XYZ @ 60
        2025-03-20  cover  c1  100 XYZ @ 55
        2025-03-25  sell   s2  20 XYZ @ 60
    """

    result = taxed(table, long_sale_washes_short_loss=True)

    assert result.permanently_disallowed == 150
    assert [one.rule for one in result.disallowances] == ["IRC 1091(e)(1), policy long_sale_washes_short_loss"] * 2


def test_stock_held_over_a_year_makes_the_short_loss_long_term_up_to_its_quantity() -> None:
    result = taxed("""
        2022-05-02  buy    b1   60 XYZ @ 60
        2024-01-08  short  h1  100 XYZ @ 50  account=second
        2024-02-05  cover  c1  100 XYZ @ 55  account=second
    """)

    assert rows(result) == lines("""
        c1 h1 60 3000.00 - 3300.00 + 0.00 = -300.00 long
        c1 h1 40 2000.00 - 2200.00 + 0.00 = -200.00 short
    """)


def test_stock_held_a_year_or_less_begins_anew_when_the_short_sale_is_closed() -> None:
    result = taxed("""
        2024-01-10  buy    b1  100 XYZ @ 60
        2024-01-11  buy    b2  100 XYZ @ 60
        2024-06-03  short  h1  150 XYZ @ 50  account=second
        2024-07-15  cover  c1  150 XYZ @ 45  account=second
    """)

    # in order of acquisition, up to the quantity shorted
    assert lots(result) == lines("""
        b1 XYZ 100 6000.00 2024-01-10 from 2024-07-15
        b2 XYZ 50 3000.00 2024-01-11 from 2024-07-15
        b2 XYZ 50 3000.00 2024-01-11
    """)


def test_stock_bought_while_the_short_sale_is_open_begins_anew_too_or_on_its_own_sale() -> None:
    table = """
        2024-06-03  short  h1  150 XYZ @ 50  account=second
        2024-06-10  buy    b1  100 XYZ @ 60
        2024-06-11  buy    b2  100 XYZ @ 60
        2025-06-30  sell   s1  100 XYZ @ 70
        2025-07-15  cover  c1  150 XYZ @ 45  account=second
    """

    result = taxed(table)

    sold = result.rows[0]
    assert (sold.holding_start, sold.term.value) == (date(2025, 6, 30), "short")
    assert "b2 XYZ 50 3000.00 2024-06-11 from 2025-07-15" in lots(result)


def test_shorting_appreciated_stock_is_refused_or_flagged_by_policy() -> None:
    table = "2024-01-10 buy b1 100 XYZ @ 20\n2024-06-03 short h1 100 XYZ @ 50 account=second"

    with pytest.raises(TaxRefusal, match="constructive_sale_1259"):
        taxed(table)
    assert rules(taxed(table, refuse_constructive_sales=False)) == ["constructive_sale_1259"]


@pytest.mark.parametrize(("price", "year"), [(33, 2026), (27, 2025)])
def test_a_loss_belongs_to_the_year_of_delivery_and_a_gain_to_that_of_the_trade(price: int, year: int) -> None:
    table = f"2025-11-03 short h1 100 XYZ @ 30\n2025-12-31 cover c1 100 XYZ @ {price}"

    assert taxed(table + " settles=2026-01-02").rows[0].tax_year == year
    assert taxed(table).rows[0].tax_year == year


def test_a_purchase_to_cover_replaces_a_long_loss_by_policy_only() -> None:
    table = """
        2025-01-06  buy    b1  100 XYZ @ 50
        2025-03-03  sell   s1  100 XYZ @ 44
        2025-03-05  short  h1  100 XYZ @ 45  account=second
        2025-03-10  cover  c1  100 XYZ @ 43  account=second
    """

    default, counted = taxed(table), taxed(table, cover_counts=True)

    assert [row.gain for row in default.rows] == [-600, 200]
    assert rules(default) == ["cover"]
    # the 600 raise the cost of closing
    assert [row.gain for row in counted.rows] == [0, -400]


def test_a_short_sale_in_a_retirement_account_is_refused() -> None:
    with pytest.raises(TaxRefusal, match="short_in_retirement_account"):
        taxed("2025-01-06 short h1 1 XYZ @ 50 account=roth")
