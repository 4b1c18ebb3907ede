"""Wash sales: section 4 of the rules and the order of section 5."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tapeline.tax.accounts import Account, AccountKind, InstrumentKind, Owner, Right, TaxInstrument
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import StockSplit, SymbolChange, TransferIn
from tapeline.tax.result import TaxResult
from tax.tables import ACCOUNTS, executions, lines, lots, rows, rules, taxed

LOSS = """
2025-01-06  buy   b1  100 XYZ @ 20
2025-04-01  sell  s1  100 XYZ @ 15  time=10:00
"""
CALL = TaxInstrument(
    "XYZ250620C20",
    InstrumentKind.OPTION,
    Decimal(100),
    Right.CALL,
    "XYZ",
    Decimal(20),
    date(2025, 6, 20),
)


def disallowed(result: TaxResult) -> list[Decimal]:
    return [row.adjustment for row in result.rows]


@pytest.mark.parametrize(
    ("day", "amount"),
    [("2025-03-01", 0), ("2025-03-02", 500), ("2025-04-01", 500), ("2025-05-01", 500), ("2025-05-02", 0)],
)
def test_the_window_is_61_days_with_the_day_of_sale(day: str, amount: int) -> None:
    table = LOSS + f"{day} buy b2 100 XYZ @ 16 time=14:00 account=second"

    assert disallowed(taxed(table))[0] == amount


def test_a_purchase_in_the_morning_of_the_sale_replaces_what_was_sold_at_noon() -> None:
    result = taxed("""
        2024-10-01  buy   b1  100 XYZ @ 50
        2025-01-15  buy   b2  100 XYZ @ 40  time=09:45
        2025-01-15  sell  s1  100 XYZ @ 41  time=12:00
    """)

    assert rows(result) == "s1 b1 100 4100.00 - 5000.00 + 900.00 = 0.00 short"
    assert lots(result) == "b2 XYZ 100 4900.00 2025-01-15 from 2024-10-01"


def test_only_replaced_shares_are_disallowed_and_the_lot_splits() -> None:
    part = taxed(LOSS + "2025-04-10 buy b2 40 XYZ @ 16")
    more = taxed(LOSS + "2025-04-10 buy b2 250 XYZ @ 16")

    assert rows(part) == "s1 b1 100 1500.00 - 2000.00 + 200.00 = -300.00 short"
    assert lots(more) == lines("""
        b2 XYZ 100 2100.00 2025-04-10 from 2025-01-15
        b2 XYZ 150 2400.00 2025-04-10
    """)


def test_a_disallowance_names_loss_replacement_shares_amount_and_rule() -> None:
    (one,) = taxed(LOSS + "2025-04-10 buy b2 40 XYZ @ 16").disallowances

    assert (one.row.close_id, one.row.open_id) == ("s1", "b1")
    assert (one.account, one.symbol, one.lot_id) == ("main", "XYZ", "b2")
    assert (one.quantity, one.amount, one.rule) == (Decimal(40), Decimal("200.00"), "IRC 1091(a), (d)")
    assert (one.holding_start_before, one.holding_start_after) == (date(2025, 4, 10), date(2025, 1, 15))
    assert not one.is_permanent


def test_shares_of_the_same_order_replace_nothing_of_themselves() -> None:
    kept_half = taxed("2015-06-01 buy b1 200 XYZ @ 50\n2015-06-12 sell s1 100 XYZ @ 40")
    two_fills = taxed("""
        2015-01-02  buy   b1  1000 XYZ @ 11  order=o1
        2015-01-02  buy   b2  1000 XYZ @  9  order=o1
        2015-01-06  sell  s1  1000 XYZ @ 10
    """)
    two_orders = taxed("""
        2015-01-02  buy   b1  1000 XYZ @ 11
        2015-01-02  buy   b2  1000 XYZ @  9
        2015-01-06  sell  s1  1000 XYZ @ 10
    """)

    assert disallowed(kept_half) == [0]
    assert disallowed(two_fills) == [0]
    assert disallowed(two_orders) == [1000]


def test_shares_sold_in_one_order_do_not_replace_each_other() -> None:
    table = """
        2024-11-04  buy   b1  100 XYZ @ 20
        2025-03-24  buy   b2   50 XYZ @ 18
        2025-04-01  sell  s1  100 XYZ @ 15  time=10:00:00
        2025-04-01  sell  s2   50 XYZ @ 15  time=10:00:01
    """

    assert disallowed(taxed(table)) == [250, 0]
    assert disallowed(taxed(table.replace("@ 15 ", "@ 15 order=x1 "))) == [0, 0]


def test_earlier_losses_come_first_and_inside_one_sale_the_earlier_acquired() -> None:
    two_sales = taxed("""
        2025-01-06  buy   b1  100 XYZ @ 20
        2025-04-01  sell  s1   50 XYZ @ 15
        2025-04-02  sell  s2   50 XYZ @ 10
        2025-04-10  buy   b2   50 XYZ @ 12
    """)
    one_sale = taxed("""
        2025-01-06  buy   b1  100 XYZ @ 50
        2025-02-03  buy   b2  100 XYZ @ 60
        2025-05-05  sell  s1  200 XYZ @ 40
        2025-05-12  buy   b3  100 XYZ @ 41
    """)

    assert disallowed(two_sales) == [250, 0]
    assert disallowed(one_sale) == [1000, 0]


def test_earlier_purchases_replace_first_those_before_the_sale_included() -> None:
    result = taxed("""
        2025-01-06  buy   b1   50 XYZ @ 40
        2025-03-10  buy   b2   50 XYZ @ 36
        2025-03-20  buy   b3   50 XYZ @ 37
        2025-04-01  sell  s1   50 XYZ @ 35  lots=b1:50
        2025-04-02  buy   b4   50 XYZ @ 35
    """)

    assert [one.lot_id for one in result.disallowances] == ["b2"]


def test_a_share_replaces_once_also_after_a_split_and_a_new_name() -> None:
    table = """
        2025-03-01  buy   b1  1 OLD @ 10
        2025-03-02  buy   b2  1 OLD @ 20
        2025-03-03  sell  s1  1 OLD @ 10  lots=b2:1
        2025-03-06  buy   b3  2 NEW @ 20
        2025-03-07  sell  s2  2 NEW @ 10  lots=b3:2
    """
    split = StockSplit(event_id="a1", day=date(2025, 3, 4), symbol="OLD", new=Decimal(2))
    rename = SymbolChange(event_id="a2", day=date(2025, 3, 5), symbol="OLD", new_symbol="NEW")

    # b1 has taken up the loss of s1; its two new shares take up nothing of s2
    assert disallowed(taxed(table, split, rename)) == [10, 0]


def test_gain_slices_are_not_netted_against_loss_slices() -> None:
    result = taxed("""
        2019-03-01  buy   b1  100 XYZ @ 158
        2019-06-03  buy   b2  100 XYZ @ 100
        2019-09-03  buy   b3  100 XYZ @ 95
        2024-12-27  sell  s1  300 XYZ @ 125
        2025-01-10  buy   b4  250 XYZ @ 125
    """)

    assert [row.gain for row in result.rows] == [0, 2500, 3000]


def test_a_chain_is_followed_and_everything_comes_back_at_its_end() -> None:
    result = taxed("""
        2025-01-06  buy   b1  100 XYZ @ 40
        2025-02-03  sell  s1  100 XYZ @ 35
        2025-02-10  buy   b2  100 XYZ @ 30
        2025-02-24  sell  s2  100 XYZ @ 32
        2025-03-03  buy   b3  100 XYZ @ 33
        2025-06-02  sell  s3  100 XYZ @ 30
    """)

    # b2 has a basis of 35, so its sale at 32 is a loss of 3; b3 has one of 36
    assert disallowed(result) == [500, 300, 0]
    assert sum(row.gain for row in result.rows) == -500 + 200 - 300


def test_every_account_of_the_taxpayer_counts() -> None:
    result = taxed(LOSS + "2025-04-10 buy b2 100 XYZ @ 16 account=second")

    assert lots(result) == "b2 XYZ 100 2100.00 2025-04-10 from 2025-01-15"


def test_a_purchase_in_a_retirement_account_loses_the_loss_for_good_in_the_same_queue() -> None:
    result = taxed(
        LOSS
        + """
        2025-04-10  buy  i1  60 XYZ @ 16  account=roth
        2025-04-11  buy  b2  60 XYZ @ 16
        """
    )

    assert result.permanently_disallowed == 300
    assert result.carried == 200
    assert [one.rule for one in result.disallowances] == ["Rev. Rul. 2008-5", "IRC 1091(a), (d)"]
    assert "i1 XYZ 60 960.00 2025-04-10" in lots(result)


def test_a_loss_inside_a_retirement_account_is_none() -> None:
    result = taxed("""
        2025-01-06  buy   i1  100 XYZ @ 20  account=roth
        2025-04-01  sell  si  100 XYZ @ 15  account=roth
        2025-04-10  buy   b1  100 XYZ @ 16
    """)

    assert result.rows == []
    assert lots(result) == "b1 XYZ 100 1600.00 2025-04-10"


@pytest.mark.parametrize(
    ("how", "amount"), [("purchase", 500), ("drip", 500), ("vest", 500), ("gift", 0), ("inheritance", 0)]
)
def test_only_purchases_and_taxable_exchanges_replace(how: str, amount: int) -> None:
    assert disallowed(taxed(LOSS + f"2025-04-10 buy b2 100 XYZ @ 16 how={how}")) == [amount]


def test_a_lot_transferred_in_was_bought_and_replaces() -> None:
    outside = TransferIn(
        event_id="t1",
        day=date(2025, 6, 2),
        account="main",
        symbol="XYZ",
        quantity=Decimal(100),
        basis=Decimal(1600),
        acquired=date(2025, 4, 10),
    )

    assert disallowed(taxed(LOSS, outside)) == [500]


def test_a_call_is_a_contract_to_acquire_its_shares_and_exercising_it_is_no_second_bite() -> None:
    table = (
        LOSS
        + """
        2025-04-10  buy   c1    1 XYZ250620C20 @ 2
        2025-04-20  buy   b2  100 XYZ @ 14
        2025-05-05  sell  s2  100 XYZ @ 10
        """
    )

    result = taxed(table, instruments=[CALL])

    # the call takes the 500 of s1; the loss of s2 finds it used, and no other replacement
    assert disallowed(result) == [500, 0]
    assert "c1 XYZ250620C20 1 700.00 2025-04-10 from 2025-01-15" in lots(result)


def test_half_a_contract_covers_half_its_shares() -> None:
    table = "2025-01-06 buy b1 50 XYZ @ 20\n2025-04-01 sell s1 50 XYZ @ 15\n2025-04-10 buy c1 1 XYZ250620C20 @ 2"

    assert lots(taxed(table, instruments=[CALL])) == lines("""
        c1 XYZ250620C20 0.5 350.00 2025-04-10 from 2025-01-15
        c1 XYZ250620C20 0.5 100.00 2025-04-10
    """)


def test_the_same_contract_bought_back_is_a_wash_sale_and_the_stock_is_not() -> None:
    option_loss = "2025-01-06 buy c1 1 XYZ250620C20 @ 5\n2025-03-03 sell s1 1 XYZ250620C20 @ 2\n"

    same = taxed(option_loss + "2025-03-07 buy c2 1 XYZ250620C20 @ 2.50", instruments=[CALL])
    stock = taxed(option_loss + "2025-03-07 buy b1 100 XYZ @ 18", instruments=[CALL])

    assert disallowed(same) == [300]
    assert disallowed(stock) == [0]
    assert rules(stock) == ["option_to_stock"]


def test_identity_follows_the_security_through_a_change_of_symbol() -> None:
    rename = SymbolChange(event_id="a1", day=date(2025, 4, 7), symbol="XYZ", new_symbol="NEW")

    result = taxed(LOSS + "2025-04-10 buy b2 100 NEW @ 16", rename)

    assert disallowed(result) == [500]


def test_other_symbols_are_identical_only_if_declared() -> None:
    table = LOSS + "2025-04-10 buy b2 100 ABC @ 16"

    assert disallowed(taxed(table)) == [0]
    assert disallowed(taxed(table, identical_groups=(frozenset({"XYZ", "ABC"}),))) == [500]


def test_a_split_rescales_the_open_loss() -> None:
    split = StockSplit(event_id="a1", day=date(2025, 4, 7), symbol="XYZ", new=Decimal(2))

    result = taxed(LOSS + "2025-04-10 buy b2 100 XYZ @ 8", split)

    # 5 a share is 2.50 a new share, for 100 of 200
    assert disallowed(result) == [250]
    assert lots(result) == "b2 XYZ 100 1050.00 2025-04-10 from 2025-01-15"


def test_a_january_purchase_reopens_december_and_says_so() -> None:
    engine = TaxEngine(ACCOUNTS)
    engine.apply(executions("2025-03-03 buy b1 100 XYZ @ 30\n2025-12-31 sell s1 100 XYZ @ 22"))
    result = engine.result()
    (pending,) = result.pending_losses()

    applied = engine.apply(executions("2026-01-30 buy b2 100 XYZ @ 23"))

    assert (pending.amount, pending.last_day) == (Decimal("800.00"), date(2026, 1, 30))
    assert [(row.close_id, row.tax_year, row.gain) for row in applied.adjusted_rows] == [("s1", 2025, 0)]
    assert result.is_provisional(2025, date(2026, 1, 30))
    assert not result.is_provisional(2025, date(2026, 1, 31))


@pytest.mark.parametrize(
    ("account", "instrument"),
    [
        ("main", TaxInstrument("XYZ", InstrumentKind.CRYPTO)),
        ("main", TaxInstrument("XYZ", InstrumentKind.SECTION_1256)),
        ("trader", TaxInstrument("XYZ")),
    ],
)
def test_digital_assets_futures_and_traders_accounts_are_exempt(account: str, instrument: TaxInstrument) -> None:
    table = f"""
        2025-01-06  buy   b1  100 XYZ @ 20  account={account}
        2025-04-01  sell  s1  100 XYZ @ 15  account={account}
        2025-04-10  buy   b2  100 XYZ @ 16  account={account}
    """

    assert disallowed(taxed(table, instruments=[instrument])) == [0]


def test_a_dated_switch_puts_digital_assets_under_the_rules() -> None:
    table = LOSS + "2025-04-10 buy b2 100 XYZ @ 16"
    coin = TaxInstrument("XYZ", InstrumentKind.CRYPTO)

    def with_switch(day: date) -> list[Decimal]:
        return disallowed(taxed(table, instruments=[coin], digital_assets_wash_from=day))

    assert with_switch(date(2025, 4, 1)) == [500]
    assert with_switch(date(2025, 4, 2)) == [0]


def test_a_spouses_purchase_takes_the_loss_into_its_basis_or_loses_it_by_policy() -> None:
    accounts = [Account("main"), Account("spouse", AccountKind.TAXABLE, Owner.SPOUSE)]
    table = LOSS + "2025-04-10 buy b2 100 XYZ @ 16 account=spouse"

    carried = taxed(table, accounts=accounts)
    lost = taxed(table, accounts=accounts, spouse_basis_carries=False)

    assert lots(carried) == "b2 XYZ 100 2100.00 2025-04-10 from 2025-01-15"
    assert lots(lost) == "b2 XYZ 100 1600.00 2025-04-10"
    assert lost.permanently_disallowed == 500
