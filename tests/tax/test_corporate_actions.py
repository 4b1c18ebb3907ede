"""Corporate actions and year-end marks: sections 8 and 9 of the rules."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import InstrumentKind, TaxInstrument
from tapeline.tax.events import (
    CashMerger,
    MarkToMarket,
    ReturnOfCapital,
    SpinOff,
    StockMerger,
    StockSplit,
    SymbolChange,
    Worthless,
)
from tapeline.tax.policies import FractionFrom
from tax.tables import lines, lots, rows, rules, taxed

TWO_LOTS = """
2023-03-01  buy  b1  15 XYZ @ 30
2024-02-01  buy  b2  10 XYZ @ 33
"""
DAY = date(2024, 5, 1)
D = Decimal


def split(new: int, old: int, **words) -> StockSplit:  # type: ignore[no-untyped-def]
    return StockSplit(event_id="a1", day=DAY, symbol="XYZ", new=D(new), old=D(old), **words)


def merger(new: int, old: int, **words) -> StockMerger:  # type: ignore[no-untyped-def]
    return StockMerger(event_id="a1", day=DAY, symbol="XYZ", new_symbol="ACQ", new=D(new), old=D(old), **words)


def test_a_split_keeps_total_basis_and_dates() -> None:
    assert lots(taxed(TWO_LOTS, split(10, 1))) == lines("""
        b1 XYZ 150 450.00 2023-03-01
        b2 XYZ 100 330.00 2024-02-01
    """)


def test_an_action_comes_before_the_first_trade_of_its_day() -> None:
    result = taxed(TWO_LOTS + "2024-05-01 sell s1 200 XYZ @ 4 time=09:30", split(10, 1))

    assert [row.quantity for row in result.rows] == [150, 50]


def test_the_fraction_of_the_position_is_sold_from_the_earliest_lot_or_by_policy_the_latest() -> None:
    paid = split(3, 2, cash_in_lieu={"main": D("11.00")})

    assert rows(taxed(TWO_LOTS, paid)) == "a1 b1 0.5 11.00 - 10.00 + 0.00 = 1.00 long"
    latest = taxed(TWO_LOTS, paid, fraction_from=FractionFrom.LATEST)
    assert rows(latest) == "a1 b2 0.5 11.00 - 11.00 + 0.00 = 0.00 short"


def test_thirds_of_lots_add_up_to_whole_shares() -> None:
    # 10 and 20 old shares are 3 1/3 and 6 2/3 new ones: together 10, with nothing to pay in cash
    table = "2024-01-08 buy b1 10 XYZ @ 3\n2024-01-09 buy b2 20 XYZ @ 3\n2024-06-03 sell s1 10 XYZ @ 10"

    result = taxed(table, split(1, 3))

    assert lots(result) == ""
    assert sum(row.cost for row in result.rows) == 90


def test_cash_for_a_fraction_that_is_not_there_is_refused() -> None:
    with pytest.raises(TaxRefusal, match="cash_in_lieu_without_fraction"):
        taxed(TWO_LOTS, split(2, 1, cash_in_lieu={"main": D(11)}))


def test_a_stock_dividend_replaces_nothing() -> None:
    table = "2025-01-06 buy b1 200 XYZ @ 21\n2025-04-01 sell s1 100 XYZ @ 15"
    dividend = StockSplit(event_id="a1", day=date(2025, 4, 15), symbol="XYZ", new=D(105), old=D(100))

    result = taxed(table, dividend)

    assert rows(result) == "s1 b1 100 1500.00 - 2100.00 + 0.00 = -600.00 short"
    assert lots(result) == "b1 XYZ 105 2100.00 2025-01-06"


def spin_off(fraction: str | None = "0.2", **words) -> SpinOff:  # type: ignore[no-untyped-def]
    return SpinOff(
        event_id="a1",
        day=DAY,
        symbol="XYZ",
        new_symbol="NEW",
        new=D(1),
        old=D(5),
        basis_fraction_new=None if fraction is None else D(fraction),
        **words,
    )


def test_a_spin_off_divides_the_basis_of_every_lot_and_keeps_dates() -> None:
    assert lots(taxed(TWO_LOTS, spin_off())) == lines("""
        b1 NEW  3  90.00 2023-03-01
        b2 NEW  2  66.00 2024-02-01
        b1 XYZ 15 360.00 2023-03-01
        b2 XYZ 10 264.00 2024-02-01
    """)


def test_shares_of_a_spin_off_replace_nothing() -> None:
    # b2 was bought in April; its children of May are no purchase of NEW
    table = """
        2023-03-01  buy   n1  2 NEW @ 90
        2024-04-20  buy   b2  10 XYZ @ 33
        2024-05-10  sell  s1  2 NEW @ 10  lots=n1:2
    """

    assert rows(taxed(table, spin_off())) == "s1 n1 2 20.00 - 180.00 + 0.00 = -160.00 long"


def test_a_spin_off_without_its_basis_fraction_is_refused() -> None:
    with pytest.raises(TaxRefusal, match="missing_basis_allocation"):
        taxed(TWO_LOTS, spin_off(None))


def test_a_stock_merger_carries_basis_and_dates_over() -> None:
    assert lots(taxed(TWO_LOTS, merger(2, 5))) == lines("""
        b1 ACQ 6 450.00 2023-03-01
        b2 ACQ 4 330.00 2024-02-01
    """)


def test_cash_beside_stock_is_gain_up_to_itself_lot_by_lot_and_never_a_loss() -> None:
    table = "2018-02-05 buy b1 100 XYZ @ 50\n2018-03-05 buy b2 100 XYZ @ 70"
    boot = StockMerger(
        event_id="a1",
        day=date(2018, 12, 3),
        symbol="XYZ",
        new_symbol="ACQ",
        new=D(1),
        old=D(1),
        cash_per_share=D(8),
        fair_value_new=D(47),
    )

    result = taxed(table, boot)

    assert rows(result) == lines("""
        a1 b1 100 800.00 - 300.00 + 0.00 = 500.00 short
        a1 b2 100 800.00 - 800.00 + 0.00 =   0.00 short
    """)
    assert lots(result) == lines("""
        b1 ACQ 100 4700.00 2018-02-05
        b2 ACQ 100 6200.00 2018-03-05
    """)


def test_the_acquirers_stock_is_not_identical_to_the_targets_unless_the_policy_says_so() -> None:
    table = """
        2024-01-08  buy   b1  50 XYZ @ 30
        2024-04-20  sell  s1  50 XYZ @ 20
        2024-05-10  buy   b2  20 ACQ @ 55
    """

    assert rows(taxed(table, merger(2, 5))).endswith("+ 0.00 = -500.00 short")
    assert rules(taxed(table, merger(2, 5))) == ["successor"]
    # 500 over 20 new shares
    assert taxed(table, merger(2, 5), successor_is_identical=True).rows[0].adjustment == 500


def test_a_cash_merger_sells_every_lot_and_its_losses_are_under_the_wash_rules() -> None:
    cash = CashMerger(event_id="a1", day=DAY, symbol="XYZ", cash_per_share=D(32))
    table = TWO_LOTS + "2024-04-30 buy b3 4 ABC @ 20"

    result = taxed(table, cash, identical_groups=(frozenset({"XYZ", "ABC"}),))

    assert rows(result) == lines("""
        a1 b1 15 480.00 - 450.00 + 0.00 = 30.00 long
        a1 b2 10 320.00 - 330.00 + 4.00 = -6.00 short
    """)


def test_a_worthless_security_is_sold_for_nothing_on_the_last_day_of_the_year() -> None:
    def worthless(day: date) -> Worthless:
        return Worthless(event_id="a1", day=day, symbol="XYZ", at_close=True)

    assert [row.gain for row in taxed(TWO_LOTS, worthless(date(2024, 12, 31))).rows] == [-450, -330]
    with pytest.raises(TaxRefusal, match="worthless_on_last_day"):
        taxed(TWO_LOTS, worthless(date(2024, 6, 3)))


def test_a_return_of_capital_reduces_each_lot_and_is_gain_beyond_its_basis() -> None:
    paid = ReturnOfCapital(event_id="a1", day=DAY, symbol="XYZ", per_share=D(31))

    result = taxed(TWO_LOTS, paid)

    assert rows(result) == "a1 b1 15 15.00 - 0.00 + 0.00 = 15.00 long"
    assert lots(result) == "b1 XYZ 15 0.00 2023-03-01\nb2 XYZ 10 20.00 2024-02-01"


def test_a_new_symbol_is_the_same_security() -> None:
    rename = SymbolChange(event_id="a1", day=DAY, symbol="XYZ", new_symbol="NEW")

    result = taxed(TWO_LOTS + "2024-06-03 sell s1 15 NEW @ 40", rename)

    assert rows(result) == "s1 b1 15 600.00 - 450.00 + 0.00 = 150.00 long"


def test_a_section_1256_contract_is_marked_and_goes_on_from_the_mark() -> None:
    future = TaxInstrument("ESH6", InstrumentKind.SECTION_1256, D(50))
    table = "2025-11-03 buy f1 1 ESH6 @ 5000\n2026-02-02 sell s1 1 ESH6 @ 5080"
    mark = MarkToMarket(event_id="y1", day=date(2025, 12, 31), symbol="ESH6", price=D(5100))

    result = taxed(table, mark, instruments=[future])

    assert rows(result) == lines("""
        y1 f1 1 255000.00 - 250000.00 + 0.00 =  5000.00 60/40
        s1 f1 1 254000.00 - 255000.00 + 0.00 = -1000.00 60/40
    """)
    assert result.flags == []
    assert rules(taxed(table, instruments=[future])) == ["section_1256_mark_missing"]


def test_a_written_section_1256_contract_is_marked_the_other_way_round() -> None:
    future = TaxInstrument("ESH6", InstrumentKind.SECTION_1256, D(50))
    table = "2025-11-03 short f1 1 ESH6 @ 5000\n2026-02-02 cover c1 1 ESH6 @ 5080"
    mark = MarkToMarket(event_id="y1", day=date(2025, 12, 31), symbol="ESH6", price=D(5100))

    assert [row.gain for row in taxed(table, mark, instruments=[future]).rows] == [-5000, 1000]


def test_a_traders_account_is_ordinary_and_marked_and_other_accounts_are_not() -> None:
    table = """
        2025-11-03  buy   b1  100 XYZ @ 50  account=trader
        2025-12-10  sell  s1  100 XYZ @ 45  account=trader  time=10:00
        2025-12-10  buy   b2  100 XYZ @ 45  account=trader  time=10:05
        2025-12-10  buy   b3  100 XYZ @ 45
    """
    mark = MarkToMarket(event_id="y1", day=date(2025, 12, 31), symbol="XYZ", price=D(47))

    result = taxed(table, mark)

    assert rows(result) == lines("""
        s1 b1 100 4500.00 - 5000.00 + 0.00 = -500.00 ordinary
        y1 b2 100 4700.00 - 4500.00 + 0.00 =  200.00 ordinary
    """)
    assert lots(result) == "b3 XYZ 100 4500.00 2025-12-10\nb2 XYZ 100 4700.00 2025-12-10"
