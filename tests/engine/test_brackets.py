"""Stops, targets and trails of a rule strategy; what moves them, and what takes a part off.

Prices of orders leave on the tick, rounded as the market would: limits away from filling, triggers away from the
market. So 98.995 is 98.99 for a sell stop (further down) and for a buy limit (less eager), 101.005 is 101.01 for a
buy stop and for a sell limit.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bar_tables import bars_of
from engine.acts import MARGIN, Told, ToldBothWays, bar, denials, fills, orders, run, settings_with, sharing
from tapeline import Market, RuleStrategy, ScaleOut, bars, distance, fixed_quantity, position, where
from tapeline.domain.errors import ConfigurationError

UNKNOWN = where(bar.close.lag(2) > 0, 1, 1)
"""One, and unknown in the first two bars."""


class Bracketed(Told):
    """Ten shares between 98 and 104, seen from 100."""

    stop = distance(2)
    target = distance(4)


def test_a_stop_that_is_reached_sells_at_its_price_and_cancels_the_target() -> None:
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100 101 99 100
        14:33 99 99 97 98.50
    """)

    result = run(Bracketed(), panel)

    assert fills(result) == ["14:32 open BUY 10 A 100.00 entry", "14:33 inside SELL 10 A 98.00 stop"]
    assert orders(result) == [
        "14:31 BUY MARKET 10 A FILLED",
        "14:31 SELL STOP 10 A 98 FILLED",
        "14:31 SELL LIMIT 10 A 104 CANCELED one_cancels_other",
    ]
    assert result.round_trips["r_multiple"].tolist() == [-1.0]  # 20 lost, 10 x 2 were at risk


def test_a_stop_that_the_open_has_passed_sells_at_the_open() -> None:
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 95
    """)

    assert fills(run(Bracketed(), panel))[1] == "14:33 open SELL 10 A 95.00 stop"


def test_a_target_must_be_traded_through() -> None:
    """104.00 is touched at 14:33 and traded through by one tick at 14:34."""
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 103 104 103 103
        14:34 103 104.01 103 103
    """)

    result = run(Bracketed(), panel)

    assert fills(result)[1] == "14:34 inside SELL 10 A 104.00 target"
    assert orders(result)[1] == "14:31 SELL STOP 10 A 98 CANCELED one_cancels_other"


def test_a_stop_works_in_the_bar_that_filled_the_entry() -> None:
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100 101 97 99
    """)

    assert fills(run(Bracketed(), panel))[1] == "14:32 inside SELL 10 A 98.00 stop"


def test_distances_lie_on_the_proper_side_of_a_short() -> None:
    """From 100, the stop of a short is at 102 and its target at 96."""

    class Short(ToldBothWays):
        stop = distance(2)
        target = distance(4)

    panel = bars_of("""
              A
        14:31 100 333
        14:32 100
        14:33 100 100 95.99 97
    """)

    result = run(Short(), panel, MARGIN)

    assert orders(result) == [
        "14:31 SELL MARKET 10 A FILLED",
        "14:31 BUY STOP 10 A 102 CANCELED one_cancels_other",
        "14:31 BUY LIMIT 10 A 96 FILLED",
    ]
    assert fills(result)[1] == "14:33 inside BUY 10 A 96.00 target"
    assert result.round_trips["r_multiple"].tolist() == [2.0]  # 40 won, 10 x 2 were at risk


@pytest.mark.parametrize(
    ("signal", "stop", "target"), [(111, "98.99", "101.01"), (333, "101.01", "98.99")], ids=["long", "short"]
)
def test_prices_are_rounded_to_the_tick_against_the_strategy(signal: int, stop: str, target: str) -> None:
    class Fine(ToldBothWays):
        stop = distance(1.005)
        target = distance(1.005)

    panel = bars_of(f"""
              A
        14:31 100 {signal}
        14:32 100
    """)

    stop_line, target_line = orders(run(Fine(), panel, MARGIN))[1:]

    assert f" {stop} " in stop_line
    assert f" {target} " in target_line


def test_a_stop_and_a_target_can_be_prices() -> None:
    class Prices(Told):
        stop = bar.low
        target = bar.high + 1

    panel = bars_of("""
              A
        14:31 100 103 99 100 111
        14:32 100
    """)

    assert orders(run(Prices(), panel))[1:] == ["14:31 SELL STOP 10 A 99 NEW", "14:31 SELL LIMIT 10 A 104 NEW"]


def test_an_exit_cancels_the_children_and_closes() -> None:
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 101 222
        14:34 101 101 90 95
    """)

    result = run(Bracketed(), panel)

    # The open of 14:34 closes; the fall to 90 behind it finds no stop any more.
    assert fills(result)[1:] == ["14:34 open SELL 10 A 101.00 exit_rule"]
    assert orders(result)[1:] == [
        "14:31 SELL STOP 10 A 98 CANCELED requested",
        "14:31 SELL LIMIT 10 A 104 CANCELED requested",
        "14:33 SELL MARKET 10 A FILLED",
    ]


def test_a_trail_follows_the_highest_price_and_never_loosens() -> None:
    """Two below the highest high so far: 98 from the entry's 100, 103 from the 105 of 14:33; 14:34 goes below it."""

    class Trailed(Told):
        trail = 2 + bar.close * 0

    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 101 105 101 104
        14:34 104 104 102 103
    """)

    result = run(Trailed(), panel)

    assert orders(result)[1] == "14:31 SELL TRAILING_STOP 10 A 2 FILLED"
    assert fills(result)[1] == "14:34 inside SELL 10 A 103.00 stop"
    assert result.round_trips["r_multiple"].tolist() == [1.5]  # 3 won of the 2 at risk


@pytest.mark.parametrize("name", ["stop", "target", "trail"])
@pytest.mark.parametrize("kind", ["price", "distance"])
def test_a_protection_that_is_declared_and_unknown_denies(name: str, kind: str, tmp_path: Path) -> None:
    """Unknown in the first two bars: told in the first, it is denied; told in the third, it enters."""
    level = {"stop": 98, "target": 104, "trail": 2}[name] * UNKNOWN
    declared = distance(UNKNOWN) if kind == "distance" and name != "trail" else level
    strategy = type("Protected", (Told,), {name: declared})()
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 100 111
        14:34 100
    """)

    assert fills(run(strategy, panel)) == ["14:34 open BUY 10 A 100.00 entry"]
    assert denials(strategy, panel, tmp_path) == ["14:31 A no_stop"]


@pytest.mark.parametrize(
    ("signal", "level"), [(111, bar.close + 1), (111, bar.close * 1), (333, bar.close - 1)], ids=["long", "at", "short"]
)
def test_a_stop_on_the_wrong_side_denies(signal: int, level: object, tmp_path: Path) -> None:
    """A long stop must lie below the price, a short one above it."""
    strategy = type("Wrong", (ToldBothWays,), {"stop": level})()
    panel = bars_of(f"""
              A
        14:31 100 {signal}
        14:32 100
    """)

    assert fills(run(strategy, panel, MARGIN)) == []
    assert denials(strategy, panel, tmp_path, MARGIN) == ["14:31 A no_stop"]


def test_a_bracket_has_one_stop() -> None:
    class Two(Told):
        stop = distance(1)
        trail = bar.close * 0 + 1

    with pytest.raises(ConfigurationError, match="declares stop and trail; a bracket has one stop"):
        Two()


def test_a_stop_is_only_ever_tightened() -> None:
    """Two below the close: 98 at first, 99 at 14:33, and 98.50 would be looser at 14:34."""

    class Moved(Told):
        stop = distance(2)
        move_stop = bar.close - 2

    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 101
        14:34 100.50
        14:35 100 100 98 98.50
    """)

    result = run(Moved(), panel)

    assert fills(result)[1] == "14:35 inside SELL 10 A 99.00 stop"
    assert result.round_trips["r_multiple"].tolist() == [-0.5]  # the risk stays that of the first stop


def test_a_short_stop_is_tightened_downwards() -> None:
    class Moved(ToldBothWays):
        stop = distance(2)
        move_stop = bar.close + 2

    panel = bars_of("""
              A
        14:31 100 333
        14:32 100
        14:33 99
        14:34 99.50
        14:35 100 102 100 101
    """)

    assert fills(run(Moved(), panel, MARGIN))[1] == "14:35 inside BUY 10 A 101.00 stop"


class HalfOut(RuleStrategy):
    """Ten shares; half of them off at a gain of one risk, the rest between the old stop and target."""

    enter_long = bar.volume == 111
    stop = distance(2)
    target = distance(6)
    scale_out = ScaleOut(position.unrealized_r >= 1, fraction=0.5)
    size = fixed_quantity(10)


def test_a_scale_out_sells_once_and_protects_the_rest_by_a_new_pair() -> None:
    """102 is one risk above 100: five go at 14:34's open; the rule stays true and does nothing more."""
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 102
        14:34 103
        14:35 103
        14:36 99 99 97 98
    """)

    result = run(HalfOut(), panel)

    assert fills(result) == [
        "14:32 open BUY 10 A 100.00 entry",
        "14:34 open SELL 5 A 103.00 scale_out",
        "14:36 inside SELL 5 A 98.00 stop",
    ]
    assert orders(result) == [
        "14:31 BUY MARKET 10 A FILLED",
        "14:31 SELL STOP 10 A 98 CANCELED requested",
        "14:31 SELL LIMIT 10 A 106 CANCELED requested",
        "14:33 SELL MARKET 5 A FILLED",
        "14:33 SELL STOP 5 A 98 FILLED",
        "14:33 SELL LIMIT 5 A 106 CANCELED one_cancels_other",
    ]
    (trip,) = result.round_trips
    # one round trip: 5 x 3 - 5 x 2; out at (5 x 103 + 5 x 98) / 10
    assert (trip["net_pnl"], trip["exit_price"], trip["quantity"]) == (5.0, 100.5, 10.0)
    assert trip["r_multiple"] == 0.25


def test_a_scale_out_of_one_share_leaves_it_whole() -> None:
    class One(HalfOut):
        size = fixed_quantity(1)

    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 102
        14:34 102
    """)

    assert len(orders(run(One(), panel))) == 3


def test_a_stop_may_be_moved_after_a_scale_out() -> None:
    class ToEntry(HalfOut):
        move_stop = position.entry_price * 1

    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 102
        14:34 102
        14:35 101 101 99 99
    """)

    result = run(ToEntry(), panel)

    # 14:32: the stop goes to the entry's 100 at once; the new pair of 14:33 takes it over
    assert orders(result)[4] == "14:33 SELL STOP 5 A 100 FILLED"
    assert fills(result)[2] == "14:35 inside SELL 5 A 100.00 stop"


def test_children_work_for_what_the_entry_has_filled() -> None:
    """Five of ten are bought when the stop is reached: five are sold, the other five never bought."""
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100 100
        14:33 99 99 97 98 100
        14:34 98
    """)

    result = run(Bracketed(), panel, sharing(0.05))

    # 14:33: the entry buys 5 more at the open's 99 before the stop acts, which shares the bar's five: nothing is left
    # for the stop; triggered, it is a market order for the next open.
    assert fills(result) == [
        "14:32 open BUY 5 A 100.00 entry",
        "14:33 open BUY 5 A 99.00 entry",
        "14:34 open SELL 10 A 98.00 stop",
    ]


def test_one_symbols_bracket_knows_nothing_of_anothers() -> None:
    panel = bars_of("""
              A       | B
        14:31 100 111 | 50 111
        14:32 100     | 50
        14:33 97      | 50
        14:34 97      | 54.50
    """)

    result = run(Bracketed(), panel)

    assert fills(result)[2:] == ["14:33 open SELL 10 A 97.00 stop", "14:34 open SELL 10 B 54.50 target"]


def test_slower_frames_decide_while_orders_fill_on_the_base_frame() -> None:
    """Told by the five minutes that end at 14:35, the bracket works minute by minute."""

    class Slow(Told):
        frame = "5min"
        enter_long = bars("5min").high >= 101
        exit_long = None
        stop = distance(2)

    panel = bars_of("""
              A
        14:31 100
        14:32 101
        14:33 100
        14:34 100
        14:35 100
        14:36 100
        14:37 100 100 97 98
    """)

    assert fills(run(Slow(), panel)) == ["14:36 open BUY 10 A 100.00 entry", "14:37 inside SELL 10 A 98.00 stop"]


LATE = settings_with(market=Market(latency_s=30))


def test_with_latency_the_closing_order_follows_when_the_bracket_has_ended() -> None:
    """Told out at 14:33: the cancels arrive inside 14:34, the closing order is sent at its end and fills inside 14:35.

    There, half of the way from 102 up to 104, the worse price for the seller is the open.
    """
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 101 222
        14:34 101
        14:35 102 104 102 104
    """)

    result = run(Bracketed(), panel, LATE)

    assert fills(result) == ["14:32 inside BUY 10 A 100.00 entry", "14:35 inside SELL 10 A 102.00 exit_rule"]
    assert orders(result)[3] == "14:34 SELL MARKET 10 A FILLED"


def test_a_stop_that_fills_while_its_cancel_is_under_way_is_the_exit() -> None:
    """Nothing is sold twice: the stop leaves nothing for a closing order, which is never sent."""
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 101 222
        14:34 101 101 97 98
        14:35 98
        14:36 98
    """)

    result = run(Bracketed(), panel, LATE)

    assert fills(result)[1:] == ["14:34 inside SELL 10 A 98.00 stop"]
    assert len(result.orders) == 3
    assert result.positions.tolist() == [0.0]


def test_with_latency_a_scale_out_waits_for_its_cancels_too() -> None:
    """One risk is gained at 14:33; five are sold inside 14:35, and the new pair protects the other five."""
    panel = bars_of("""
              A
        14:31 100 111
        14:32 100
        14:33 102
        14:34 102
        14:35 103
        14:36 97
    """)

    result = run(HalfOut(), panel, LATE)

    assert fills(result)[1:] == ["14:35 inside SELL 5 A 103.00 scale_out", "14:36 open SELL 5 A 97.00 stop"]


def test_an_entry_that_is_called_back_before_it_fills_leaves_nothing() -> None:
    """No bar fills it before the session's last minutes call it back."""

    class Flat(Bracketed):
        flat_before_close_minutes = 2

    panel = bars_of(
        """
              A       | B
        2018-01-03
        20:57 100 111 | 50
        20:58 -       | 50
        20:59 -       | 50
        21:00 100     | 50
        """,
        calendar="XNYS",
    )

    result = run(Flat(), panel)

    assert orders(result) == [
        "20:57 BUY MARKET 10 A CANCELED requested",
        "20:57 SELL STOP 10 A 98 CANCELED no_entry",
        "20:57 SELL LIMIT 10 A 104 CANCELED no_entry",
    ]
    assert fills(result) == []
