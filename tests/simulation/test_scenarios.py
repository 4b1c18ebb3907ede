"""Sentences of the rules for fills that no shared case covers, each as a small table with its answer by hand.

Every scenario is asked of the kernel and of the slow reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conformance import fills_adapter
from simulation import reference_market
from simulation.builders import MARGIN, a_case, ends_of, fills_of, plain

Simulate = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(params=[fills_adapter.simulate, reference_market.simulate], ids=["kernel", "reference"])
def simulate(request: pytest.FixtureRequest) -> Simulate:
    return request.param


class TestClock:
    """Section 1 and the clock of section 2."""

    def test_a_cancel_inside_the_last_bar_comes_after_the_end_of_the_day(self, simulate: Simulate) -> None:
        """It leaves that bar to the old order, and DAY orders expire within the bar's slice."""
        result = simulate(
            a_case(
                "03 20:30 X 100 101 99 100 1000",
                """03 20:30 a: BUY X 10 LIMIT 90 DAY
                   03 20:40 cancel a""",
            )
        )

        assert ends_of(result) == {"a": "EXPIRED"}

    def test_a_cancel_during_a_missing_last_bar_comes_before_the_end_of_the_day(self, simulate: Simulate) -> None:
        """Without a bar only the clock goes on: 20:40 comes before 21:00, with a bar of Y or none."""
        for other in ("03 14:30 Y 50 50 50 50 10", "03 20:30 Y 50 50 50 50 10"):
            result = simulate(
                a_case(
                    f"03 14:30 X 100 101 99 100 1000\n{other}",
                    """03 14:30 a: BUY X 10 LIMIT 90 DAY
                       03 20:40 cancel a""",
                )
            )

            assert ends_of(result) == {"a": "CANCELED requested"}

    def test_bars_outside_every_session_are_no_marks_and_no_references(self, simulate: Simulate) -> None:
        """The bar of 14:00 closes at 50; the trailing stop starts at 100, the first open inside: 98."""
        result = simulate(
            a_case(
                """03 14:00 X 50 50 50 50 1000
                   03 14:30 X 100 100 98.01 99 1000
                   03 15:00 X 99 99 98 98.5 1000""",
                """03 14:00 a: BUY X 10 MARKET_ON_OPEN
                   03 14:30 b: SELL X 10 TRAILING_STOP 2 GTC""",
            )
        )

        assert fills_of(result) == ["a 10 @ 100 open", "b 10 @ 98 inside"]

    def test_without_sessions_the_data_is_one_session(self, simulate: Simulate) -> None:
        """On-open orders fill at the first open, on-close orders at the last close, a day later."""
        result = simulate(
            a_case(
                """03 14:30 X 100 101 99 100 1000
                   04 20:30 X 107 108 106 107.5 1000""",
                """03 14:30 a: BUY X 10 MARKET_ON_OPEN
                   03 15:00 b: SELL X 10 MARKET_ON_CLOSE""",
                sessions="",
            )
        )

        assert fills_of(result) == ["a 10 @ 100 open", "b 10 @ 107.5 close"]

    def test_an_order_for_a_session_that_never_comes_works_on(self, simulate: Simulate) -> None:
        result = simulate(
            a_case(
                "03 14:30 X 100 101 99 100 1000",
                """03 15:00 a: BUY X 10 MARKET_ON_OPEN
                   03 21:00 b: BUY X 10 MARKET_ON_CLOSE
                   03 21:00 c: BUY X 10 LIMIT 90 DAY""",
            )
        )

        assert ends_of(result) == {"a": "WORKING", "b": "WORKING", "c": "WORKING"}

    def test_a_market_order_arriving_inside_a_bar_gets_the_rest_at_the_next_open(self, simulate: Simulate) -> None:
        """Half-way between 100 and 102 is 101; 30 shares of volume now, the other 20 at 105."""
        result = simulate(
            a_case(
                """03 14:30 X 100 103 99 102 30
                   03 15:00 X 105 106 104 105 1000""",
                "03 14:45 a: BUY X 50 MARKET GTC",
            )
        )

        assert fills_of(result) == ["a 30 @ 101 inside", "a 20 @ 105 open"]

    def test_an_immediate_order_arriving_inside_a_bar_ends_with_it(self, simulate: Simulate) -> None:
        """IOC takes the 30 shares, FOK for 31 more than are left takes nothing."""
        result = simulate(
            a_case(
                """03 14:30 X 100 103 99 102 40
                   03 15:00 X 105 106 104 105 1000""",
                """03 14:45 a: BUY X 11 MARKET FOK
                   03 14:45 b: BUY X 50 MARKET IOC
                   03 14:45 c: BUY X 1 MARKET FOK""",
            )
        )

        assert fills_of(result) == ["a 11 @ 101 inside", "b 29 @ 101 inside"]
        assert ends_of(result) == {"a": "FILLED", "b": "CANCELED immediate", "c": "CANCELED immediate"}


class TestTypes:
    """Section 3."""

    def test_ioc_stop_that_the_open_does_not_trigger_is_canceled(self, simulate: Simulate) -> None:
        """The high of 103 would trigger it, but IOC lives in step 1b only."""
        result = simulate(a_case("03 14:30 X 100 103 99 102 1000", "03 14:30 a: BUY X 10 STOP 101 IOC"))

        assert ends_of(result) == {"a": "CANCELED immediate"}

    def test_ioc_that_sees_no_bar_expires_with_the_day(self, simulate: Simulate) -> None:
        result = simulate(
            a_case(
                """03 14:30 X 100 103 99 102 1000
                   04 14:30 X 100 103 99 102 1000""",
                "03 15:00 a: BUY X 10 MARKET IOC",
                sessions="03 14:30-21:00,04 14:30-21:00",
            )
        )

        assert ends_of(result) == {"a": "EXPIRED"}

    def test_a_stop_limit_triggered_inside_beyond_its_limit_rests_until_the_next_bar(self, simulate: Simulate) -> None:
        """SELL 99 / 99.50: triggered by the low of 98; its high of 101 does not count, 99.51 does."""
        result = simulate(
            a_case(
                """03 14:30 X 100 101 99.6 100 1000
                   03 15:00 X 100 101 98 99.2 1000
                   03 15:30 X 99.2 99.51 99 99.3 1000""",
                """03 14:30 a: BUY X 10 MARKET DAY
                   03 15:00 b: SELL X 10 STOP_LIMIT 99.50 99 DAY""",
            )
        )

        assert fills_of(result) == ["a 10 @ 100 open", "b 10 @ 99.5 inside"]

    def test_trailing_stop_arriving_inside_the_first_bar_starts_at_the_next_open(self, simulate: Simulate) -> None:
        """No bar has ended by 14:40: the reference is 104, the open of 15:00, and the level 106."""
        result = simulate(
            a_case(
                """03 14:30 X 100 103 99 100 1000
                   03 15:00 X 104 105.99 103.5 104 1000
                   03 15:30 X 104 105.5 104 105 1000""",
                "03 14:40 a: BUY X 10 TRAILING_STOP 2 GTC",
            )
        )

        # the low of 103.50 moves the level to 105.50, which the next bar's high reaches
        assert fills_of(result) == ["a 10 @ 105.5 inside"]

    def test_a_replaced_trailing_percent_keeps_the_extreme(self, simulate: Simulate) -> None:
        """Extreme 110; 10 % of it would be 99.00, 2 % is 107.80."""
        result = simulate(
            a_case(
                """03 14:30 X 100 110 100 108 1000
                   03 15:00 X 108 109 107.5 108 1000""",
                """03 14:30 a: BUY X 10 MARKET DAY
                   03 14:30 b: SELL X 10 TRAILING_STOP 10% GTC
                   03 15:00 replace b trail_percent=2""",
            )
        )

        assert fills_of(result) == ["a 10 @ 100 open", "b 10 @ 107.8 inside"]

    def test_gtd_ends_before_a_later_cancel_inside_the_same_bar(self, simulate: Simulate) -> None:
        """Both act after the bar, in the order of the clock: 14:35, then 14:40."""
        result = simulate(
            a_case(
                "03 14:30 X 100 101 99 100 1000",
                """03 14:30 a: BUY X 10 LIMIT 90 GTD expire=03T14:35
                   03 14:40 cancel a""",
            )
        )

        assert ends_of(result) == {"a": "EXPIRED"}


class TestBrackets:
    """Section 4."""

    ENTRY_BAR = "03 14:30 X 100 101 99 100 1000"

    def test_target_takes_only_what_the_entry_filled_before_its_limit_fill_of_the_bar(self, simulate: Simulate) -> None:
        """40 filled in bar 1; bar 2 fills 60 more at the limit of 98 and trades through 105: the target
        sells 40.

        The rest of the target waits; bar 3 opens at 106 and sells the other 60 there.
        """
        result = simulate(
            a_case(
                """03 14:30 X 98 99 97.5 98 40
                   03 15:00 X 100 106 97 105 1000
                   03 15:30 X 106 107 105 106 1000""",
                """03 14:30 e: BUY X 100 LIMIT 98 GTC
                   03 14:30 s: SELL X - STOP 90 GTC parent=e role=stop
                   03 14:30 t: SELL X - LIMIT 105 GTC parent=e role=target""",
            )
        )

        assert fills_of(result) == [
            "e 40 @ 98 open",
            "e 60 @ 98 inside",
            "t 40 @ 105 inside",
            "t 60 @ 106 open",
        ]
        assert ends_of(result)["s"] == "CANCELED one_cancels_other"

    def test_target_ignores_a_stop_fill_of_the_entry_when_the_range_reaches_the_stop(self, simulate: Simulate) -> None:
        """inside_first = limit lets the target go first, but a stop entry's fill inside is not for it."""
        result = simulate(
            a_case(
                "03 14:30 X 100 112 94 109 1000",
                """03 14:30 e: BUY X 10 STOP 102 GTC
                   03 14:30 s: SELL X - STOP 95 GTC parent=e role=stop
                   03 14:30 t: SELL X - LIMIT 110 GTC parent=e role=target""",
                settings={"inside_first": "limit"},
            )
        )

        assert fills_of(result) == ["e 10 @ 102 inside", "s 10 @ 95 inside"]

    def test_stop_limit_child_rests_when_the_entry_price_is_beyond_its_limit(self, simulate: Simulate) -> None:
        """Bought at 90; stop 95, limit 93: the worse price is 90, so it rests until 93.01 trades."""
        result = simulate(
            a_case(
                """03 14:30 X 90 94 89 92 1000
                   03 15:00 X 92 93.01 91 92 1000""",
                """03 14:30 e: BUY X 10 MARKET GTC
                   03 14:30 s: SELL X - STOP_LIMIT 93 95 GTC parent=e role=stop""",
            )
        )

        assert fills_of(result) == ["e 10 @ 90 open", "s 10 @ 93 inside"]

    def test_a_child_acts_at_a_later_open_for_all_that_the_entry_has_filled_there(self, simulate: Simulate) -> None:
        """Bar 2 opens at 94: the entry fills 60 more there, then the stop sells all 100 at that open."""
        result = simulate(
            a_case(
                """03 14:30 X 98 99 97 98 40
                   03 15:00 X 94 95 93 94 1000""",
                """03 14:30 e: BUY X 100 LIMIT 98 GTC
                   03 14:30 s: SELL X - STOP 95 GTC parent=e role=stop""",
            )
        )

        assert fills_of(result) == ["e 40 @ 98 open", "e 60 @ 94 open", "s 100 @ 94 open"]
        assert ends_of(result) == {"e": "FILLED", "s": "FILLED"}

    def test_children_of_an_incomplete_entry_act_after_it(self, simulate: Simulate) -> None:
        """Bar 2 has 60 shares: the entry's limit of 98 takes them in 2b although the stop, in 2d, is reached
        too.

        The stop has triggered, so nothing is left to enter, and all 100 are sold at the next open.
        """
        result = simulate(
            a_case(
                """03 14:30 X 98 99 97.5 98 40
                   03 15:00 X 99 100 94 96 60
                   03 15:30 X 96 97 95 96 1000""",
                """03 14:30 e: BUY X 120 LIMIT 98 GTC
                   03 14:30 s: SELL X - STOP 95 GTC parent=e role=stop""",
            )
        )

        assert fills_of(result) == ["e 40 @ 98 open", "e 60 @ 98 inside", "s 100 @ 96 open"]
        assert ends_of(result) == {"e": "CANCELED exit", "s": "FILLED"}

    def test_an_entry_that_is_too_late_takes_its_children_along(self, simulate: Simulate) -> None:
        result = simulate(
            a_case(
                "03 20:30 X 100 101 99 100 1000",
                """03 20:40 e: BUY X 10 MARKET_ON_CLOSE
                   03 20:40 s: SELL X - STOP 95 GTC parent=e role=stop""",
            )
        )

        assert ends_of(result) == {"e": "REJECTED too_late", "s": "CANCELED no_entry"}

    def test_replacing_a_dormant_child_leaves_it_dormant(self, simulate: Simulate) -> None:
        """The stop of 95 becomes 97 before the entry fills at 98; the low of 96.50 sells at 97."""
        result = simulate(
            a_case(
                """03 14:30 X 100 101 99 100 1000
                   03 15:00 X 100 101 96.5 97 1000""",
                """03 14:30 e: BUY X 10 LIMIT 98 GTC
                   03 14:30 s: SELL X - STOP 95 GTC parent=e role=stop
                   03 15:00 replace s stop_price=97""",
            )
        )

        assert fills_of(result) == ["e 10 @ 98 inside", "s 10 @ 97 inside"]

    def test_a_group_reduces_a_member_that_is_still_on_its_way(self, simulate: Simulate) -> None:
        """b is decided at 15:00 and arrives at 16:00; a fills 4 of its 10 at 15:00, so b buys the other 6."""
        result = simulate(
            a_case(
                """03 15:00 X 100 101 99 100 4
                   03 15:30 X 100 101 99 100 1000
                   03 16:00 X 100 101 99 100 1000""",
                """03 14:59 a: BUY X 4 MARKET DAY oca=g
                   03 15:00 b: BUY X 10 MARKET DAY oca=g latency=3600""",
            )
        )

        assert fills_of(result) == ["a 4 @ 100 open", "b 6 @ 100 open"]

    def test_an_entry_that_its_group_cancels_takes_its_children_along(self, simulate: Simulate) -> None:
        """Breakout both ways: the long bracket fills at 101, the short one and its stop are gone."""
        result = simulate(
            a_case(
                "03 14:30 X 100 101.5 99.5 101 1000",
                """03 14:30 u: BUY X 10 STOP 101 GTC oca=g
                   03 14:30 v: SELL X - STOP 98 GTC parent=u role=stop
                   03 14:30 d: SELL X 10 STOP 99 GTC oca=g
                   03 14:30 w: BUY X - STOP 103 GTC parent=d role=stop""",
                account=MARGIN,
            )
        )

        assert ends_of(result) == {
            "u": "FILLED",
            "v": "WORKING",
            "d": "CANCELED one_cancels_other",
            "w": "CANCELED no_entry",
        }


class TestQuantity:
    """Section 5."""

    def test_buys_and_sells_share_one_volume(self, simulate: Simulate) -> None:
        """10 and 15 shares of 20: the sale gets 10 and waits for the rest."""
        result = simulate(
            a_case(
                """03 14:30 X 100 101 99 100 1000
                   03 15:00 X 100 101 99 100 20
                   03 15:30 X 100 101 99 100 1000""",
                """03 14:30 a: BUY X 100 MARKET DAY
                   03 15:00 b: BUY X 10 MARKET DAY
                   03 15:00 c: SELL X 15 MARKET DAY""",
            )
        )

        assert fills_of(result)[1:] == ["b 10 @ 100 open", "c 10 @ 100 open", "c 5 @ 100 open"]

    def test_fok_that_would_open_a_short_in_part_is_canceled_whole(self, simulate: Simulate) -> None:
        result = simulate(
            a_case(
                """03 14:30 X 100 101 99 100 1000
                   03 15:00 X 100 101 99 100 1000""",
                """03 14:30 a: BUY X 10 MARKET DAY
                   03 15:00 b: SELL X 11 MARKET FOK""",
            )
        )

        assert ends_of(result)["b"] == "CANCELED immediate"

    def test_crossing_zero_pays_the_minimum_of_the_order_once(self, simulate: Simulate) -> None:
        """Per share 0.005, at least 1.00: closing 10 pays 1.00, opening 5 more pays nothing on top."""
        result = simulate(
            a_case(
                """03 14:30 X 100 101 99 100 1000
                   03 15:00 X 100 101 99 100 1000""",
                """03 14:30 a: BUY X 10 MARKET DAY
                   03 15:00 b: SELL X 15 MARKET DAY""",
                account=MARGIN,
                costs={"commission": [{"model": "per_share", "rate": "0.005", "minimum": "1"}]},
            )
        )

        assert fills_of(result) == ["a 10 @ 100 open costs 1", "b 10 @ 100 open costs 1", "b 5 @ 100 open"]

    def test_buying_power_counts_what_the_closing_part_frees(self, simulate: Simulate) -> None:
        """Leverage 1, short 100 at 100. Of BUY 250 at 100, 100 close; 10,000 then open 100 of the rest."""
        result = simulate(
            a_case(
                """03 14:30 X 100 101 99 100 1000
                   03 15:00 X 100 101 99 100 1000""",
                """03 14:30 a: SELL X 100 MARKET DAY
                   03 15:00 b: BUY X 250 MARKET DAY""",
                account=MARGIN | {"cash": "10000", "leverage": "1"},
            )
        )

        assert fills_of(result) == ["a 100 @ 100 open", "b 100 @ 100 open", "b 100 @ 100 open"]
        assert ends_of(result)["b"] == "CANCELED insufficient_buying_power"

    def test_a_position_counts_at_its_last_fill_before_its_first_close(self, simulate: Simulate) -> None:
        """X counts at 100, its fill at the open of its first bar: 20,000 - 10,000 pays 200 of Y at 50."""
        result = simulate(
            a_case(
                """03 14:30 X 100 130 100 130 1000
                   03 14:30 Y 60 61 49 60 1000""",
                """03 14:30 x: BUY X 100 MARKET DAY
                   03 14:30 y: BUY Y 250 LIMIT 50 DAY""",
                account=MARGIN | {"cash": "10000"},
            )
        )

        assert fills_of(result) == ["x 100 @ 100 open", "y 200 @ 50 inside"]


class TestNights:
    """Section 6: debits and corporate actions at a session's open."""

    TWO_DAYS = "03 14:30-21:00,04 14:30-21:00"

    def test_interest_is_owed_on_cash_after_borrow(self, simulate: Simulate) -> None:
        """100 + 90 - 200 is -10; borrow 0.36 / 360 * 90 = 0.09; interest 36 / 360 * 10.09 = 1.009, 1.01."""
        result = simulate(
            a_case(
                """03 14:30 X 9 9 9 9 1000
                   03 14:30 Y 20 20 20 20 1000
                   04 14:30 X 9 9 9 9 1000""",
                """03 14:30 x: SELL X 10 MARKET DAY
                   03 14:30 y: BUY Y 10 MARKET DAY""",
                sessions=self.TWO_DAYS,
                account=MARGIN | {"cash": "100", "leverage": "4"},
                costs={"borrow": "0.36", "interest": "36"},
            )
        )

        assert plain(result["cash"]) == "-11.1"

    def test_dividend_goes_by_the_position_before_a_split_of_the_same_day(self, simulate: Simulate) -> None:
        """10 shares at 0.50 are 5.00; the split 2:1 follows."""
        result = simulate(
            a_case(
                """03 14:30 X 100 101 99 100 1000
                   04 14:30 X 50 51 49 50 1000""",
                "03 14:30 a: BUY X 10 MARKET DAY",
                sessions=self.TWO_DAYS,
                corporate_actions=[
                    {"symbol": "X", "kind": "split", "ex": "2025-03-04", "new": "2", "old": "1"},
                    {"symbol": "X", "kind": "dividend", "ex": "2025-03-04", "amount": "0.5"},
                ],
            )
        )

        assert plain(result["cash"]) == "99005"
        assert plain(result["positions"]["X"]) == "20"

    def test_split_reaches_orders_in_flight_and_voids_their_replaces(self, simulate: Simulate) -> None:
        """a, decided on the first day, becomes 20 at 45; its replace to 80 in flight does nothing. b,
        decided at the open of the ex-date, is already in new shares."""
        result = simulate(
            a_case(
                """03 14:30 X 100 101 99 100 1000
                   04 15:00 X 50 51 44 50 1000""",
                """03 20:50 a: BUY X 10 LIMIT 90 GTC latency=64800
                   03 20:55 replace a latency=64800 limit_price=80
                   04 14:30 b: BUY X 10 LIMIT 46 GTC""",
                sessions=self.TWO_DAYS,
                corporate_actions=[{"symbol": "X", "kind": "split", "ex": "2025-03-04", "new": "2", "old": "1"}],
            )
        )

        assert sorted(fills_of(result)) == ["a 20 @ 45 inside", "b 10 @ 46 inside"]

    def test_reverse_split_of_a_short_pays_for_the_fraction_and_cancels_what_is_left_of_nothing(
        self, simulate: Simulate
    ) -> None:
        """-25 become -2; half a share costs 0.5 * 4.00 * 10 = 20.00. An order for 9 becomes 0 and ends."""
        result = simulate(
            a_case(
                """03 14:30 X 4 4 4 4 1000
                   04 14:30 X 40 41 39 40 1000""",
                """03 14:30 a: SELL X 25 MARKET DAY
                   03 15:00 b: BUY X 9 LIMIT 3 GTC""",
                sessions=self.TWO_DAYS,
                account=MARGIN,
                corporate_actions=[{"symbol": "X", "kind": "split", "ex": "2025-03-04", "new": "1", "old": "10"}],
            )
        )

        assert plain(result["cash"]) == "100080"
        assert plain(result["positions"]["X"]) == "-2"
        assert ends_of(result)["b"] == "CANCELED corporate_action"

    def test_split_of_a_working_bracket_scales_levels_and_what_its_children_work_for(self, simulate: Simulate) -> None:
        """Stop 95 for 10 becomes 47.50 for 20; a trail of 4 from the fill at 100 has the same level, 48."""
        for stop, level in (("STOP 95", "47.5"), ("TRAILING_STOP 4", "48")):
            result = simulate(
                a_case(
                    """03 14:30 X 100 100 99 100 1000
                       04 14:30 X 49 49 47 48 1000""",
                    f"""03 14:30 e: BUY X 10 MARKET DAY
                        03 14:30 s: SELL X - {stop} GTC parent=e role=stop""",
                    sessions=self.TWO_DAYS,
                    corporate_actions=[{"symbol": "X", "kind": "split", "ex": "2025-03-04", "new": "2", "old": "1"}],
                )
            )

            assert fills_of(result) == ["e 10 @ 100 open", f"s 20 @ {level} inside"]

    def test_corporate_action_on_a_holiday_happens_at_the_next_session(self, simulate: Simulate) -> None:
        """Ex on Saturday the 8th: paid at the open of Monday the 10th, and not again on the 11th."""
        result = simulate(
            a_case(
                """07 14:30 X 100 101 99 100 1000
                   10 14:30 X 100 101 99 100 1000
                   11 14:30 X 100 101 99 100 1000""",
                "07 14:30 a: BUY X 10 MARKET DAY",
                sessions="07 14:30-21:00,10 14:30-21:00,11 14:30-21:00",
                corporate_actions=[{"symbol": "X", "kind": "dividend", "ex": "2025-03-08", "amount": "0.255"}],
            )
        )

        assert plain(result["cash"]) == "99002.55"
