"""Losses that could be realized, and when selling and buying is safe."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tapeline.tax.accounts import InstrumentKind, TaxInstrument
from tapeline.tax.events import StockSplit
from tapeline.tax.harvest import Harvest, harvests, last_prices
from tapeline.tax.policies import Policies
from tapeline.tax.what_if import WhatIf
from tax.tables import ACCOUNTS, executions

ON = date(2025, 4, 1)


def harvested(table: str, on: date = ON, instruments: tuple[TaxInstrument, ...] = (), **prices: str) -> list[Harvest]:
    asking = WhatIf(ACCOUNTS, instruments, Policies(), executions(table))
    engine = asking.engine_of("XYZ")
    at = {symbol: Decimal(price) for symbol, price in prices.items()}
    return list(harvests(asking, engine.book, engine.result().open_lots(), at, on))


def test_only_lots_below_their_basis_are_sold_together() -> None:
    table = """
        2024-01-08  buy  b1  10 XYZ @ 20
        2025-01-08  buy  b2  10 XYZ @ 12
        2025-01-09  buy  b3  10 XYZ @ 18
    """

    (found,) = harvested(table, XYZ="15")

    assert (found.quantity, found.loss, found.disallowed, found.allowed) == (20, 80, 0, 80)
    assert [(row.open_id, row.gain, row.term.value) for row in found.rows] == [
        ("b1", -50, "long"),
        ("b3", -30, "short"),
    ]
    assert (found.safe_to_sell, found.safe_to_buy) == (None, date(2025, 5, 2))


def test_purchases_of_the_window_stand_in_the_way_until_they_leave_it() -> None:
    table = """
        2025-01-08  buy  b1  10 XYZ @ 20
        2025-03-10  buy  b2   4 XYZ @ 14  account=second
        2025-03-20  buy  b3   2 XYZ @ 14  account=roth
    """

    (found,) = harvested(table, XYZ="15")

    assert (found.loss, found.disallowed, found.permanent) == (50, 30, 10)
    assert [(one.lot_id, one.amount) for one in found.replaced_by] == [("b2", 20), ("b3", 10)]
    # 20 March + 31 days
    assert found.safe_to_sell == date(2025, 4, 20)
    (then,) = harvested(table, date(2025, 4, 20), XYZ="15")
    assert then.disallowed == 0


def test_what_is_short_at_a_gain_or_in_a_retirement_account_is_no_harvest() -> None:
    table = """
        2025-01-08  buy    b1  10 XYZ @ 10
        2025-01-08  buy    b2  10 XYZ @ 20  account=roth
        2025-01-08  short  h1  10 ABC @ 10
        2025-01-08  buy    b3  10 NONE @ 10
    """

    assert harvested(table, XYZ="15", ABC="50") == []


def test_points_of_a_contract_are_worth_its_multiplier() -> None:
    fund = TaxInstrument("XYZ", InstrumentKind.STOCK, Decimal(10))

    (found,) = harvested("2025-01-08 buy b1 2 XYZ @ 20", instruments=(fund,), XYZ="19")

    assert found.loss == 20


def test_the_last_price_is_in_the_shares_of_today() -> None:
    split = StockSplit(event_id="a1", day=date(2025, 3, 3), symbol="XYZ", new=Decimal(2))
    table = executions("2025-01-08 buy b1 10 XYZ @ 20\n2025-02-03 buy b2 10 XYZ @ 24")

    assert last_prices([split, *table]) == {"XYZ": (Decimal(12), date(2025, 2, 3))}
