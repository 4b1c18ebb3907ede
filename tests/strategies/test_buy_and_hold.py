"""Buying and holding: equal shares, bought once, kept; checked by hand arithmetic."""

from __future__ import annotations

from pathlib import Path

from bar_tables import bars_of
from engine.acts import denials, fills, run, settings_with
from tapeline import BuyAndHold, Market

THREE = bars_of("""
          A   | B  | C
    14:31 100 | 50 | -
    14:32 102 | 50 | -
    14:33 110 | 49 | 20
    14:34 120 | 40 | 21
    14:35 130 | 30 | 22
""")


def test_every_symbol_gets_an_equal_share_at_its_first_bar_and_is_kept() -> None:
    """10,000 by three with a quarter percent kept is 3,325: 33 A at 100 and 66 B at 50. What they leave, 10,000 - 33 x
    102 - 66 x 50 = 3,334, is a little less than C's share by then; it buys 158 at the open of 21.
    """
    result = run(BuyAndHold(), THREE)

    assert fills(result) == [
        "14:32 open BUY 33 A 102.00 entry",
        "14:32 open BUY 66 B 50.00 entry",
        "14:34 open BUY 158 C 21.00 entry",
    ]
    assert result.positions.tolist() == [33.0, 66.0, 158.0]


def test_an_open_above_the_close_is_paid_from_the_reserve() -> None:
    """All of 10,000 buys 100 at a close of 100; the open is 102, and the cash pays for 98."""
    alone = bars_of("""
              A
        14:31 100
        14:32 102
        14:33 103
    """)

    assert fills(run(BuyAndHold(reserve=0), alone)) == ["14:32 open BUY 98 A 102.00 entry"]
    assert fills(run(BuyAndHold(reserve=3), alone)) == ["14:32 open BUY 97 A 102.00 entry"]


def test_what_its_share_cannot_pay_for_is_left_out_without_a_word(tmp_path: Path) -> None:
    dear = bars_of("""
              A    | B
        14:31 6000 | 50
        14:32 6000 | 50
        14:33 6000 | 50
    """)

    result = run(BuyAndHold(), dear)

    assert fills(result) == ["14:32 open BUY 99 B 50.00 entry"]
    assert denials(BuyAndHold(), dear, tmp_path) == []


def test_parts_of_a_share_are_bought_where_the_market_has_them() -> None:
    dear = bars_of("""
              A    | B
        14:31 6000 | 50
        14:32 6000 | 50
    """)

    result = run(BuyAndHold(), dear, settings_with(market=Market(quantity_step=0.01)))

    assert result.positions.tolist() == [0.83, 99.75]


def test_a_symbol_that_does_not_trade_when_it_should_be_bought_is_bought_later() -> None:
    halted = bars_of("""
              A   | B
        14:31 100 | 50
        14:32 -   | 50
        14:33 100 | 50
        14:34 101 | 50
    """)

    result = run(BuyAndHold(), halted)

    assert fills(result)[-1] == "14:33 open BUY 49 A 100.00 entry"
