"""Lots and relief: section 2 of the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import Account, AccountKind, InstrumentKind, Method, TaxInstrument
from tapeline.tax.events import LotChoice, StandingOrder, Transfer, TransferIn
from tapeline.tax.lots import Lot
from tax.tables import ACCOUNTS, lines, lots, rows, rules, taxed

THREE_LOTS = """
2024-01-05  buy   b1  100 XYZ @ 10  commission=5
2024-02-05  buy   b2  100 XYZ @ 14
2024-03-05  buy   b3  100 XYZ @ 12
"""
ONE_SALE = THREE_LOTS + "2024-08-05  sell  s1  150 XYZ @ 13"


def by(method: Method) -> list[Account]:
    return [replace(account, method=method) for account in ACCOUNTS]


def test_commissions_and_fees_are_in_basis_and_proceeds() -> None:
    result = taxed("""
        2025-01-06  buy   b1  10 XYZ @ 100     commission=1  fees=0.20
        2025-03-10  sell  s1  10 XYZ @ 100.15  commission=1  fees=0.05
    """)

    assert rows(result) == "s1 b1 10 1000.45 - 1001.20 + 0.00 = -0.75 short"


@pytest.mark.parametrize(
    ("method", "first", "second"),
    [
        (Method.FIFO, "s1 b1 100 1300.00 - 1005.00 + 0.00 = 295.00", "s1 b2 50 650.00 - 700.00 + 0.00 = -50.00"),
        (Method.LIFO, "s1 b3 100 1300.00 - 1200.00 + 0.00 = 100.00", "s1 b2 50 650.00 - 700.00 + 0.00 = -50.00"),
        (Method.HIFO, "s1 b2 100 1300.00 - 1400.00 + 0.00 = -100.00", "s1 b3 50 650.00 - 600.00 + 0.00 = 50.00"),
        (Method.SPECIFIC, "s1 b1 100 1300.00 - 1005.00 + 0.00 = 295.00", "s1 b2 50 650.00 - 700.00 + 0.00 = -50.00"),
    ],
)
def test_a_method_chooses_the_lots_of_a_sale(method: Method, first: str, second: str) -> None:
    assert rows(taxed(ONE_SALE, accounts=by(method))) == f"{first} short\n{second} short"


def test_an_identification_names_the_lots_and_the_rest_goes_by_the_method() -> None:
    result = taxed(ONE_SALE + "  lots=b3:30,b2:20")

    assert [(row.open_id, row.quantity) for row in result.rows] == [("b3", 30), ("b2", 20), ("b1", 100)]


@pytest.mark.parametrize(("day", "charged"), [("2024-08-06", "b3"), ("2024-08-07", "b1")])
def test_an_identification_after_settlement_is_none(day: str, charged: str) -> None:
    result = taxed(THREE_LOTS + f"2024-08-05 sell s1 50 XYZ @ 13 lots=b3:50 identified={day}")

    assert result.rows[0].open_id == charged
    assert rules(result) == (["identification_after_settlement"] if charged == "b1" else [])


def test_a_standing_order_holds_from_its_day_on() -> None:
    table = THREE_LOTS + "2024-08-05 sell s1 50 XYZ @ 13\n2024-08-06 sell s2 50 XYZ @ 13"

    result = taxed(table, StandingOrder(event_id="o1", day=date(2024, 8, 6), account="main", method=Method.LIFO))

    assert [row.open_id for row in result.rows] == ["b1", "b3"]


def test_methods_run_account_by_account() -> None:
    result = taxed("""
        2023-01-04  buy   b1  100 XYZ @ 10
        2024-02-05  buy   b2  100 XYZ @ 12  account=second
        2024-06-03  sell  s1   50 XYZ @ 15  account=second
    """)

    assert [row.open_id for row in result.rows] == ["b2"]


def test_the_highest_basis_counts_losses_carried_into_it_and_ties_go_to_the_earliest() -> None:
    # b2 cost 41 and carries 10, so it goes before b3 at 48; b4 and b5 tie at 45
    result = taxed(
        """
        2025-01-06  buy   b1  100 XYZ @ 50
        2025-02-03  sell  s1  100 XYZ @ 40
        2025-02-10  buy   b2  100 XYZ @ 41
        2025-06-02  buy   b3  100 XYZ @ 48
        2025-06-03  buy   b4  100 XYZ @ 45
        2025-06-04  buy   b5  100 XYZ @ 45
        2025-07-07  sell  s2  250 XYZ @ 55
        """,
        accounts=by(Method.HIFO),
    )

    assert [row.open_id for row in result.rows[1:]] == ["b2", "b3", "b4"]


def test_average_basis_is_total_over_shares_and_dates_are_first_in_first_out() -> None:
    fund = TaxInstrument("FUND", InstrumentKind.MUTUAL_FUND)

    result = taxed(
        """
        2022-03-01  buy   b1  100 FUND @ 10
        2024-05-01  buy   b2   50 FUND @ 16
        2024-09-03  sell  s1  120 FUND @ 15
        """,
        accounts=by(Method.AVERAGE),
        instruments=[fund],
    )

    # 1,800 over 150 shares is 12 a share
    assert rows(result) == lines("""
        s1 b1 100 1500.00 - 1200.00 + 0.00 = 300.00 long
        s1 b2  20  300.00 -  240.00 + 0.00 =  60.00 short
    """)
    assert lots(result) == "b2 FUND 30 360.00 2024-05-01"


def test_average_basis_of_stock_is_refused_unless_it_is_in_a_reinvestment_plan() -> None:
    with pytest.raises(TaxRefusal, match="average_cost_not_allowed"):
        taxed(ONE_SALE, accounts=by(Method.AVERAGE))
    plan = TaxInstrument("XYZ", in_reinvestment_plan=True)
    # 3,605 over 300 shares, times 150
    assert sum(row.cost for row in taxed(ONE_SALE, accounts=by(Method.AVERAGE), instruments=[plan]).rows) == Decimal(
        "1802.50"
    )


def test_fractions_of_shares_are_exact() -> None:
    result = taxed("""
        2024-03-04  buy   b1  0.25  XYZ @ 200
        2024-04-01  buy   b2  0.125 XYZ @ 240
        2024-10-01  sell  s1  0.3   XYZ @ 250
    """)

    assert rows(result) == lines("""
        s1 b1 0.25 62.50 - 50.00 + 0.00 = 12.50 short
        s1 b2 0.05 12.50 - 12.00 + 0.00 =  0.50 short
    """)
    assert lots(result) == "b2 XYZ 0.075 18.00 2024-04-01"


def test_a_row_foots_in_cents_and_a_washed_row_is_zero() -> None:
    # a share costs 10.003333... and sells at 9.996666...: each third is rounded, the row still adds up
    result = taxed("""
        2025-01-06  buy   b1  3 XYZ @ 10  commission=0.01
        2025-04-01  sell  s1  1 XYZ @ 10  commission=0.005
        2025-04-02  buy   b2  1 XYZ @ 10  account=second
        2025-07-01  sell  s2  1 XYZ @ 9.9949
    """)

    for row in result.rows:
        assert row.gain == row.proceeds - row.cost + row.adjustment
    washed = result.rows[0]
    assert washed.code == "W"
    assert washed.gain == 0


def test_half_a_cent_is_rounded_up_also_when_it_was_put_together_from_thirds() -> None:
    # 0.025 dollars in three parts of one lot is a cost of 0.025 again: 0.03, not 0.02
    result = taxed("""
        2025-01-06  buy   b1  3 XYZ @ 0  commission=0.025
        2025-02-03  sell  s1  3 XYZ @ 1
    """)

    assert result.rows[0].cost == Decimal("0.03")


def test_a_transfer_moves_lots_with_basis_dates_and_used_marks() -> None:
    table = """
        2025-01-06  buy   b1  100 XYZ @ 20
        2025-04-01  sell  s1   40 XYZ @ 15
        2025-04-10  buy   b2   40 XYZ @ 16
        2025-05-20  sell  s2   20 XYZ @ 10  account=second  lots=b1:20
    """
    moved = Transfer(
        event_id="t1",
        day=date(2025, 4, 20),
        symbol="XYZ",
        quantity=Decimal(80),
        account="main",
        to_account="second",
        lots=(LotChoice("b1", Decimal(40)), LotChoice("b2", Decimal(40))),
    )

    result = taxed(table, moved)

    # the 40 of b2 have replaced the 40 sold in April; a loss in May finds them in its window, and used
    assert [row.adjustment for row in result.rows] == [Decimal("200.00"), Decimal("0.00")]
    assert lots(result) == lines("""
        b1 XYZ 20 400.00 2025-01-06
        b1 XYZ 20 400.00 2025-01-06
        b2 XYZ 40 840.00 2025-04-10 from 2025-01-15
    """)


def test_a_lot_from_outside_keeps_basis_and_dates_and_goes_first_when_it_is_the_earliest() -> None:
    outside = TransferIn(
        event_id="t1",
        day=date(2025, 3, 3),
        account="main",
        symbol="XYZ",
        quantity=Decimal(10),
        basis=Decimal(50),
        acquired=date(2020, 1, 2),
    )

    result = taxed("2025-01-06 buy b1 10 XYZ @ 20\n2025-06-02 sell s1 10 XYZ @ 30", outside)

    assert rows(result) == "s1 t1 10 300.00 - 50.00 + 0.00 = 250.00 long"


def test_a_distribution_from_a_retirement_account_is_no_transfer() -> None:
    moved = Transfer(
        event_id="t1", day=date(2025, 2, 3), symbol="XYZ", quantity=Decimal(5), account="roth", to_account="main"
    )

    with pytest.raises(TaxRefusal, match="distribution_is_an_acquisition"):
        taxed("2025-01-06 buy b1 10 XYZ @ 20 account=roth", moved)


def test_digital_assets_are_relieved_in_the_account_they_lie_in() -> None:
    coin = TaxInstrument("BTC", InstrumentKind.CRYPTO)

    result = taxed(
        """
        2025-01-06  buy   b1  1 BTC @ 60000
        2025-02-06  buy   b2  1 BTC @ 70000  account=second
        2025-04-01  sell  s1  1 BTC @ 65000  account=second
        """,
        instruments=[coin],
    )

    assert rows(result) == "s1 b2 1 65000.00 - 70000.00 + 0.00 = -5000.00 short"


def test_retirement_accounts_report_nothing() -> None:
    accounts = [Account("roth", AccountKind.RETIREMENT)]

    result = taxed(
        "2025-01-06 buy b1 10 XYZ @ 20 account=roth\n2025-02-06 sell s1 4 XYZ @ 30 account=roth", accounts=accounts
    )

    assert result.rows == []
    assert lots(result) == "b1 XYZ 6 120.00 2025-01-06"


def test_parts_of_parts_keep_their_order() -> None:
    lot = Lot("b1", 1, 739000, 1, 100, 1, 739000)

    first = lot.cut(40)
    middle = lot.cut(30)
    beginning = first.cut(10)
    second = first.cut(10)

    in_order = [beginning, second, first, middle, lot]
    assert sorted((lot, middle, first, second, beginning), key=lambda part: part.place) == in_order
    assert [part.quantity for part in in_order] == [10, 10, 20, 30, 30]
