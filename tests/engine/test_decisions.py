"""When a rule strategy enters and leaves: true acts, unknown does not, and every order is one bar away.

Expected lines are read off the tables by hand. An order decided at the end of a bar fills at the next bar's open.
"""

from __future__ import annotations

import pytest

from bar_tables import bars_of
from engine.acts import MARGIN, SMALL, Told, ToldBothWays, bar, fills, orders, run, settings_with, sharing
from tapeline import Market, RunSettings, bars, fixed_quantity
from tapeline.domain.errors import ConfigurationError, FormulaError
from tapeline.formula import position


def test_an_entry_fills_at_the_next_open_and_so_does_the_exit() -> None:
    panel = bars_of("""
              A
        14:31 100 101 99 100 111
        14:32 101 102 100 101
        14:33 103 104 102 103 222
        14:34 105 106 104 105
    """)

    result = run(Told(), panel)

    assert fills(result) == ["14:32 open BUY 10 A 101.00 entry", "14:34 open SELL 10 A 105.00 exit_rule"]
    # 10,000 - 10 x 101 + 10 x 105
    assert result.cash == result.final_equity == 10_040.0


def test_an_unknown_entry_waits_until_it_is_known_and_true() -> None:
    """The close two bars ago is unknown in the first two bars and true in the third."""

    class Late(Told):
        enter_long = bar.close.lag(2) > 0

    panel = bars_of("""
              A
        14:31 100
        14:32 100
        14:33 100
        14:34 100
    """)

    assert fills(run(Late(), panel)) == ["14:34 open BUY 10 A 100.00 entry"]


def test_an_unknown_exit_holds() -> None:
    """Bought at the second bar; the exit is unknown up to the fourth and true in the fifth."""

    class LateExit(Told):
        exit_long = bar.close.lag(4) > 0

    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 100
        14:34 100
        14:35 100
        14:36 100
    """)

    assert fills(run(LateExit(), panel)) == [
        "14:32 open BUY 10 A 100.00 entry",
        "14:36 open SELL 10 A 100.00 exit_rule",
    ]


def test_a_symbol_without_a_bar_does_not_enter_however_true_its_slower_frame_is() -> None:
    """A's five-minute bar ends at 14:35 and makes the rule true; its next minute bar is that of 14:37."""

    class SlowRule(Told):
        enter_long = (bars("5min").close > 0) | (bar.close < 0)

    panel = bars_of("""
              A   | B
        14:31 100 | 50
        14:32 100 | 50
        14:33 100 | 50
        14:34 100 | 50
        14:35 -   | 50
        14:36 -   | 50
        14:37 101 | 50
        14:38 102 | 50
    """)

    assert fills(run(SlowRule(), panel)) == [
        "14:36 open BUY 10 B 50.00 entry",
        "14:38 open BUY 10 A 102.00 entry",
    ]


def test_nothing_is_entered_when_both_sides_are_true() -> None:
    panel = bars_of("""
              A
        14:31 100 444
        14:32 100
        14:33 100 333
        14:34 99
    """)

    assert fills(run(ToldBothWays(), panel, MARGIN)) == ["14:34 open SELL 10 A 99.00 entry"]


def test_a_short_is_entered_and_covered() -> None:
    panel = bars_of("""
              A
        14:31 100 333
        14:32 100
        14:33 98 222
        14:34 97
    """)

    result = run(ToldBothWays(), panel, MARGIN)

    assert fills(result) == ["14:32 open SELL 10 A 100.00 entry", "14:34 open BUY 10 A 97.00 exit_rule"]
    assert result.cash == 10_030.0  # 10,000 + 10 x 100 - 10 x 97
    assert result.round_trips["net_pnl"].tolist() == [30.0]


def test_a_holding_is_not_added_to_and_not_turned_around() -> None:
    """True again while it is held, and true for the other side: neither acts before the exit."""
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100 111
        14:33 100 333
        14:34 100
    """)

    result = run(ToldBothWays(), panel, MARGIN)

    assert fills(result) == ["14:32 open BUY 10 A 100.00 entry"]
    assert result.positions.tolist() == [10.0]


def test_a_strategy_enters_anew_in_the_bar_that_closed_its_holding() -> None:
    """Sold at the open of 14:34, it is flat at that bar's close, where it wants in again."""
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 102 222
        14:34 103 111
        14:35 104
    """)

    result = run(Told(), panel)

    assert fills(result) == [
        "14:32 open BUY 10 A 100.00 entry",
        "14:34 open SELL 10 A 103.00 exit_rule",
        "14:35 open BUY 10 A 104.00 entry",
    ]
    assert len(result.round_trips) == 1


def test_an_entry_that_is_true_while_the_exit_is_on_its_way_does_nothing() -> None:
    class Torn(Told):
        enter_long = bar.close > 0

    panel = bars_of("""
              A   | B
        14:31 100 | 50
        14:32 100 | 50 222
        14:33 -   | 50
        14:34 -   | 50
    """)

    result = run(Torn(), panel)

    # B is sold at 14:33's open and wants in again at its close; A is bought once, at 14:32.
    assert fills(result) == [
        "14:32 open BUY 10 A 100.00 entry",
        "14:32 open BUY 10 B 50.00 entry",
        "14:33 open SELL 10 B 50.00 exit_rule",
        "14:34 open BUY 10 B 50.00 entry",
    ]


def test_an_exit_waits_for_the_next_bar_that_trades() -> None:
    """The exit of 14:32 finds no bar at 14:33 and none with volume at 14:34; it fills at 14:35's open."""
    panel = bars_of("""
              A      | B
        14:31 100 111 | 50
        14:32 100 222 | 50
        14:33 -       | 50
        14:34 90 0    | 50
        14:35 95      | 50
    """)

    assert fills(run(Told(), panel)) == [
        "14:32 open BUY 10 A 100.00 entry",
        "14:35 open SELL 10 A 95.00 exit_rule",
    ]


def test_an_entry_that_expires_unfilled_leaves_the_strategy_flat() -> None:
    """Wanted at 20:58 New York's last minutes; A trades no more that day, and is bought the next, when told again."""
    panel = bars_of(
        """
              A       | B
        2018-01-03
        20:57 100     | 50
        20:58 100 111 | 50
        20:59 -       | 50
        21:00 -       | 50
        2018-01-04
        14:31 90      | 50
        14:32 91 111  | 50
        14:33 92      | 50
        """,
        calendar="XNYS",
    )

    result = run(Told(), panel)

    assert orders(result) == ["20:58 BUY MARKET 10 A EXPIRED", "14:32 BUY MARKET 10 A FILLED"]
    assert fills(result) == ["14:33 open BUY 10 A 92.00 entry"]


def test_an_entry_filled_in_parts_is_one_holding_at_the_average_price() -> None:
    """A tenth of a bar's volume: 10 at 100, 10 at 101, the last 5 at 102, on average 2,520 / 25 = 100.80."""

    class TwentyFive(Told):
        size = fixed_quantity(25)

    panel = bars_of("""
              A
        14:31 100 111
        14:32 100 100
        14:33 101 100
        14:34 102 100
        14:35 103 222
        14:36 104 500
    """)

    result = run(TwentyFive(), panel, sharing(0.1))

    assert fills(result) == [
        "14:32 open BUY 10 A 100.00 entry",
        "14:33 open BUY 10 A 101.00 entry",
        "14:34 open BUY 5 A 102.00 entry",
        "14:36 open SELL 25 A 104.00 exit_rule",
    ]
    (trip,) = result.round_trips
    assert trip["entry_price"] == pytest.approx(100.80, abs=1e-12)
    assert trip["net_pnl"] == pytest.approx(80.0, abs=1e-9)  # 25 x 104 - 2,520


def test_an_exit_calls_back_what_the_entry_has_not_filled_yet() -> None:
    """Sixteen of twenty-five are bought when it is told out: the other nine are canceled and sixteen sold."""

    class TwentyFive(Told):
        size = fixed_quantity(25)

    panel = bars_of("""
              A
        14:31 100 111
        14:32 100 100
        14:33 101 222
        14:34 101 500
    """)

    result = run(TwentyFive(), panel, sharing(0.05))

    # 0.05 x 100 = 5 at 14:32; 0.05 x 222 = 11 at 14:33; sold at 14:34, where 0.05 x 500 = 25 could trade
    assert fills(result) == [
        "14:32 open BUY 5 A 100.00 entry",
        "14:33 open BUY 11 A 101.00 entry",
        "14:34 open SELL 16 A 101.00 exit_rule",
    ]
    assert orders(result)[0] == "14:31 BUY MARKET 25 A CANCELED requested"


def test_slices_before_the_start_of_trading_only_warm_up() -> None:
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 101 111
        14:34 102
    """)

    result = run(Told(), panel, settings_with(trade_from="2018-01-02T14:33:00Z"))

    assert fills(result) == ["14:34 open BUY 10 A 102.00 entry"]


def test_latency_lets_the_next_open_pass() -> None:
    """Thirty seconds late, a market order fills inside the bar at the worse of its open and its middle.

    Half of the way from 100 to 102 is 101 for the buyer; from 102 down to 101 it is 101.50 for the seller.
    """
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100 102 100 102 222
        14:33 102 102 101 101
    """)

    result = run(Told(), panel, settings_with(market=Market(latency_s=30)))

    # at the close of 14:32 the entry has filled and the strategy is told out
    assert fills(result) == ["14:32 inside BUY 10 A 101.00 entry", "14:33 inside SELL 10 A 101.50 exit_rule"]


def test_two_strategies_hold_the_same_symbol_each_for_itself() -> None:
    """The second buys twenty and leaves earlier; the account holds the sum."""

    class Twenty(Told):
        size = fixed_quantity(20)
        exit_long = bar.close >= 103

    panel = bars_of("""
              A
        14:31 100 111
        14:32 101
        14:33 103
        14:34 104
        14:35 105 222
        14:36 106
    """)

    result = run([Told(), Twenty()], panel)

    assert fills(result) == [
        "14:32 open BUY 10 A 101.00 entry",
        "14:32 open BUY 20 A 101.00 entry",
        "14:34 open SELL 20 A 104.00 exit_rule",
        "14:36 open SELL 10 A 106.00 exit_rule",
    ]
    assert result.round_trips["net_pnl"].tolist() == [60.0, 50.0]  # 20 x 3, 10 x 5
    assert result.long_exposure.tolist() == [0.0, 3030.0, 3090.0, 1040.0, 1050.0, 0.0]


def test_strategies_on_opposite_sides_of_one_symbol_net_in_the_account() -> None:
    class Short(Told):
        enter_long = None
        enter_short = bar.volume == 111
        exit_short = bar.volume == 222
        size = fixed_quantity(4)

    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 102
    """)

    result = run([Told(), Short()], panel, MARGIN)

    assert fills(result) == ["14:32 open BUY 10 A 100.00 entry", "14:32 open SELL 4 A 100.00 entry"]
    assert result.positions.tolist() == [6.0]
    assert result.final_equity == 10_012.0  # 10,000 + 6 x 2


def test_a_cash_account_ignores_the_short_side() -> None:
    panel = bars_of("""
              A
        14:31 100 333
        14:32 100 111
        14:33 100
    """)

    assert fills(run(ToldBothWays(), panel, SMALL)) == ["14:33 open BUY 10 A 100.00 entry"]


def test_a_strategy_that_only_sells_short_is_refused_by_a_cash_account() -> None:
    class OnlyShort(Told):
        enter_long = None
        enter_short = bar.volume == 333

    with pytest.raises(ConfigurationError, match=r"OnlyShort only sells short.*Use a margin account"):
        run(OnlyShort(), bars_of("A\n14:31 100"), RunSettings())


@pytest.mark.parametrize("name", ["enter_long", "enter_short", "stop", "target", "trail", "rank", "size"])
def test_the_position_cannot_stand_in_what_is_decided_before_there_is_one(name: str) -> None:
    formula = position.entry_price * 1
    rule = fixed_quantity(formula) if name == "size" else formula > 0 if name.startswith("enter") else formula
    wrong = type("Wrong", (Told,), {name: rule})

    with pytest.raises(FormulaError, match=rf"Wrong: {name} reads the position"):
        run(wrong(), bars_of("A\n14:31 100\n14:32 100"))
