"""Splits and dividends reach what a strategy holds, counts and protects; orders and fills are in raw prices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from bar_tables import bars_of
from engine.acts import Told, bar, fills, run
from engine.test_brackets import Bracketed, HalfOut
from tapeline import CashDividend, Split, fixed_quantity, position

EX = date(2018, 1, 4)
SPLIT = Split("A", EX, Decimal(2))
DIVIDEND = CashDividend("A", EX, Decimal("0.50"))

NIGHT = bars_of(
    """
          A
    2018-01-03
    20:58 100 111
    20:59 100
    21:00 101
    2018-01-04
    14:31 50
    14:32 51
    14:33 48
    14:34 48
    """,
    calendar="XNYS",
)
"""Ten are bought at 100 on the third; on the fourth two new shares stand for an old one."""


def test_a_split_overnight_doubles_the_holding_and_halves_its_stop() -> None:
    """The stop of 98 is one of 49 for twenty shares; 14:33's open of 48 has passed it."""
    result = run(Bracketed(), NIGHT, corporate_actions=[SPLIT])

    assert fills(result)[1:] == ["14:33 open SELL 20 A 48.00 stop"]
    (trip,) = result.round_trips
    # 20 x (48 - 50); the risk was 10 x 2 = 20; the best price was 51, or 101 before the split
    assert (trip["quantity"], trip["entry_price"], trip["net_pnl"]) == (20.0, 50.0, -40.0)
    assert (trip["r_multiple"], trip["mfe"], trip["mae"]) == (-2.0, 20.0, -40.0)
    assert result.equity.tolist() == [10_000, 10_000, 10_010, 10_000, 10_020, 9_960, 9_960]


def test_a_dividend_is_paid_in_cash_for_the_shares_before_the_split() -> None:
    """Ten at 0.50; it is financing, not a gain of the round trip."""
    result = run(Bracketed(), NIGHT, corporate_actions=[DIVIDEND, SPLIT])

    assert result.financing == 5.0
    assert result.cash == 10_000 - 1_000 + 5 + 960
    assert result.round_trips["net_pnl"].tolist() == [-40.0]


@pytest.mark.parametrize(
    ("rule", "time"),
    [
        (position.unrealized_r >= 1, "14:33"),  # 51 is one above 50, and one was at risk
        # 101 of before the split is 50.50
        ((position.highest_since_entry > 50.75) & (bar.close < 60), "14:33"),
        (position.stop_price < 50, "14:32"),  # 98 is 49 from the first bar on
        (position.entry_price == 50, "14:32"),
        (position.quantity == 20, "14:32"),
    ],
    ids=["risk", "high", "stop", "entry price", "quantity"],
)
def test_the_position_is_counted_in_new_shares_after_a_split(rule: object, time: str) -> None:
    strategy = type("Timed", (Bracketed,), {"exit_long": rule})()

    sold = fills(run(strategy, NIGHT, corporate_actions=[SPLIT]))[1]

    assert sold.startswith(f"{time} open SELL 20 A")


def test_a_scale_out_after_a_split_protects_the_rest_at_the_split_level() -> None:
    """51 is one risk above 50: ten of twenty go at 14:33's open, 48; the other ten by their new stop of 49, at once."""
    result = run(HalfOut(), NIGHT, corporate_actions=[SPLIT])

    assert fills(result)[1:] == ["14:33 open SELL 10 A 48.00 scale_out", "14:33 open SELL 10 A 48.00 stop"]


def test_a_ratio_that_was_rounded_costs_no_share() -> None:
    """Nine at 0.333333333333 are three for the market, the book and the ledger alike: 2.999999999997 is no fraction."""

    class Nine(Told):
        exit_long = None
        size = fixed_quantity(9)

    result = run(Nine(), NIGHT, corporate_actions=[Split("A", EX, Decimal("0.333333333333"))])

    assert result.positions.tolist() == [3.0]
    assert result.financing == 0.0


def test_an_odd_share_is_paid_out_when_shares_are_merged() -> None:
    """Ten at one for three are three and a third; the third is paid at 300, which is the mark of 100 times three."""

    class Held(Told):
        exit_long = None

    panel = bars_of(
        """
              A
        2018-01-03
        20:58 100 111
        20:59 100
        21:00 100
        2018-01-04
        14:31 300
        """,
        calendar="XNYS",
    )

    result = run(Held(), panel, corporate_actions=[Split("A", EX, Decimal(1), Decimal(3))])

    assert result.positions.tolist() == [3.0]
    assert result.financing == 100.0
    assert result.final_equity == 10_000.0
