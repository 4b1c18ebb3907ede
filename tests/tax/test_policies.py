"""Open questions: section 12 of the rules. Each has a name, a default and an alternative, printed with every result."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

from tapeline.tax.policies import Policies
from tax.tables import lots, rows, rules, taxed

PRIOR_LOT = """
2011-01-03  buy   b1  100 XYZ @ 40
2011-01-18  buy   b2  100 XYZ @ 42
2011-01-31  sell  s1  100 XYZ @ 39  lots=b2:100
"""
SOLD_BEFORE = """
2025-01-06  buy   b1  100 XYZ @ 50
2025-03-03  buy   b2   60 XYZ @ 40
2025-03-10  sell  s1   60 XYZ @ 42  lots=b2:60
2025-03-17  sell  s2  100 XYZ @ 38  lots=b1:100
"""


def test_every_policy_is_printed_with_the_result_and_it_is_no_tax_advice() -> None:
    result = taxed(PRIOR_LOT, digital_assets_wash_from=date(2027, 1, 1), identical_groups=(frozenset({"A", "B"}),))

    assert set(result.policies) == {field.name for field in fields(Policies)}
    assert result.policies["prior_lot_counts"] == "yes"
    assert result.policies["identical_groups"] == "A = B"
    assert result.policies["digital_assets_wash_from"] == "2027-01-01"
    assert result.methods["main"] == "FIFO"
    assert "no tax advice" in result.disclaimer


def test_shares_older_than_those_sold_count_or_not() -> None:
    assert taxed(PRIOR_LOT).rows[0].adjustment == 300
    assert rules(taxed(PRIOR_LOT)) == ["prior_lot"]
    assert taxed(PRIOR_LOT, prior_lot_counts=False).rows[0].adjustment == 0


def test_shares_sold_before_the_loss_do_not_count_or_take_it_into_their_own_sale() -> None:
    default = taxed(SOLD_BEFORE)
    literal = taxed(SOLD_BEFORE, replacement_must_be_held=False)

    assert [row.gain for row in default.rows] == [120, -1200]
    assert rules(default) == ["sold_before"]
    # 12 a share on 60 shares go into what b2 had cost
    assert rows(literal) == (
        "s1 b2 60 2520.00 - 3120.00 + 0.00 = -600.00 short\ns2 b1 100 3800.00 - 5000.00 + 720.00 = -480.00 short"
    )


def test_shares_of_a_retirement_account_sold_before_lose_the_loss_under_the_literal_policy() -> None:
    table = SOLD_BEFORE.replace("XYZ @ 40", "XYZ @ 40 account=roth").replace("XYZ @ 42", "XYZ @ 42 account=roth")

    assert taxed(table).permanently_disallowed == 0
    assert taxed(table, replacement_must_be_held=False).permanently_disallowed == 720


def test_days_on_which_both_were_held_count_twice_or_once() -> None:
    table = "2025-01-06 buy b1 1 XYZ @ 40\n2025-03-10 buy b2 1 XYZ @ 30\n2025-03-20 sell s1 1 XYZ @ 30 lots=b1:1"

    # b1 was held 73 days, 10 of them beside b2
    assert lots(taxed(table)).endswith("from 2024-12-27")
    assert lots(taxed(table, tack_overlap_once=True)).endswith("from 2025-01-06")


def test_sales_of_one_day_are_sequential_or_one_disposition() -> None:
    table = """
        2014-09-15  buy   b1  10 XYZ @ 200
        2014-09-25  buy   b2  10 XYZ @ 190
        2014-10-06  sell  s1  10 XYZ @ 180
        2014-10-06  sell  s2  10 XYZ @ 180
    """

    sequential, together = taxed(table), taxed(table, same_day_sales_are_one=True)

    assert [row.gain for row in sequential.rows] == [0, -300]
    assert [row.gain for row in together.rows] == [-200, -100]


def test_a_purchase_in_a_traders_account_replaces_by_policy_only() -> None:
    table = """
        2025-01-06  buy   b1  100 XYZ @ 20
        2025-04-01  sell  s1  100 XYZ @ 15
        2025-04-10  buy   t1  100 XYZ @ 16  account=trader
    """

    default = taxed(table)

    assert default.rows[0].adjustment == 0
    assert rules(default) == ["mark_to_market_account_replaces"]
    assert taxed(table, mark_to_market_account_replaces=True).rows[0].adjustment == 500
