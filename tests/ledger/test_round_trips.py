"""Round trips from flat to flat, checked by hand."""

from __future__ import annotations

from decimal import Decimal

from tests.ledger.builders import MINUTE, T0, traded

from tapeline.domain.cash import CashCause
from tapeline.domain.words import Purpose, Side
from tapeline.ledger.facts import CashMoved, SplitApplied
from tapeline.ledger.round_trips import RoundTrip
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact


def trips_of(*facts: Fact) -> list[RoundTrip]:
    views = Views()
    views.apply_all(facts)
    return views.round_trips


def test_scaling_in_and_out_is_one_round_trip() -> None:
    # in: 100 * 10.00 + 100 * 10.20 = 2,020.00, average 10.10
    # out: 150 * 10.50 + 50 * 10.40 = 2,095.00, average 10.475; gross 75.00, net 75.00 - 4.00 = 71.00
    (trip,) = trips_of(
        *traded(
            """
            BUY  100 ABCD at 10.00 costs 1.00
            BUY  100 ABCD at 10.20 costs 1.00
            SELL 150 ABCD at 10.50 costs 1.00 for scale_out
            SELL  50 ABCD at 10.40 costs 1.00 for stop
            """
        )
    )

    assert (trip.side, trip.quantity) == (Side.BUY, 200)
    assert (trip.entry_average_price, trip.exit_average_price) == (Decimal("10.10"), Decimal("10.475"))
    assert (trip.gross_profit, trip.commissions, trip.net_profit) == (
        Decimal("75.00"),
        Decimal("4.00"),
        Decimal("71.00"),
    )
    assert (trip.entry_time_ns, trip.exit_time_ns) == (T0 + MINUTE, T0 + 4 * MINUTE)
    assert trip.exit_purpose is Purpose.STOP
    assert trip.entry_order_ids == ("Dip-ABCD-1", "Dip-ABCD-2")
    assert trip.exit_order_ids == ("Dip-ABCD-3", "Dip-ABCD-4")


def test_a_trade_that_crosses_zero_ends_one_round_trip_and_begins_the_next() -> None:
    # sold 150 with 3.00 of commission: 100 close the long (2.00), 50 open a short (1.00)
    # long: 100 * (12 - 10) = 200.00, costs 1.00 + 2.00; short: 50 * (12 - 11) = 50.00, costs 1.00 + 0.50
    long, short = trips_of(
        *traded(
            """
            BUY  100 ABCD at 10.00 costs 1.00
            SELL 150 ABCD at 12.00 costs 3.00
            BUY   50 ABCD at 11.00 costs 0.50 for target
            """
        )
    )

    assert (long.side, long.gross_profit, long.commissions) == (Side.BUY, 200, 3)
    assert (short.side, short.gross_profit, short.commissions) == (
        Side.SELL,
        Decimal("50.00"),
        Decimal("1.50"),
    )
    assert short.entry_order_ids == ("Dip-ABCD-2",)
    assert short.exit_purpose is Purpose.TARGET


def test_an_open_position_is_no_round_trip_yet() -> None:
    assert trips_of(*traded("BUY 100 ABCD at 10.00 costs 1.00")) == []


def test_dividends_and_borrow_fees_are_income_of_the_round_trip_they_fall_into() -> None:
    # bought 100 at 10.00, dividend 25.00, sold at 9.80: gross -20.00, net -20.00 + 25.00 = 5.00
    facts = [*traded("BUY 100 ABCD at 10.00 costs 0\nSELL 100 ABCD at 9.80 costs 0 for exit_rule")]
    (trip,) = trips_of(*facts[:3], CashMoved(T0, CashCause.DIVIDEND, Decimal("25.00"), "ABCD", "Dip"), *facts[3:])

    assert (trip.gross_profit, trip.income, trip.net_profit) == (
        Decimal("-20.00"),
        Decimal("25.00"),
        Decimal("5.00"),
    )


def test_a_split_rescales_a_round_trip_and_its_fraction_counts_as_an_exit() -> None:
    # 100 at 3.00 (300.00) become 12.5; half a share is paid with 12.40, 12 are sold at 26.00 (312.00)
    # gross 12.40 + 312.00 - 300.00 = 24.40; per share in at 24.00, out at 324.40 / 12.5 = 25.952
    facts = [*traded("BUY 100 ABCD at 3.00 costs 0\nSELL 12 ABCD at 26.00 costs 0 for exit_rule")]
    (trip,) = trips_of(
        *facts[:3],
        SplitApplied(T0 + MINUTE, "ABCD", "Dip", Decimal(1), Decimal(8), Decimal(100), Decimal(12)),
        CashMoved(T0 + MINUTE, CashCause.FRACTION_PAID, Decimal("12.40"), "ABCD", "Dip"),
        *facts[3:],
    )

    assert (trip.quantity, trip.entry_average_price) == (Decimal("12.5"), Decimal("24"))
    assert (trip.exit_average_price, trip.gross_profit) == (Decimal("25.952"), Decimal("24.40"))


def test_a_reverse_split_that_leaves_nothing_ends_the_round_trip_with_its_cash() -> None:
    # 3 at 3.00, 1 for 8: 0.375 of a share, paid with 9.10: gross 0.10, and no order made it flat
    (trip,) = trips_of(
        *traded("BUY 3 ABCD at 3.00 costs 0"),
        SplitApplied(T0 + 9 * MINUTE, "ABCD", "Dip", Decimal(1), Decimal(8), Decimal(3), Decimal(0)),
        CashMoved(T0 + 9 * MINUTE, CashCause.FRACTION_PAID, Decimal("9.10"), "ABCD", "Dip"),
    )

    assert (trip.gross_profit, trip.exit_purpose, trip.exit_time_ns) == (
        Decimal("0.10"),
        None,
        T0 + 9 * MINUTE,
    )


def test_every_dividend_of_a_round_trip_counts() -> None:
    facts = [*traded("BUY 100 ABCD at 10.00 costs 0\nSELL 100 ABCD at 9.80 costs 0")]
    paid = [CashMoved(T0, CashCause.DIVIDEND, Decimal(amount), "ABCD", "Dip") for amount in (25, 30)]

    (trip,) = trips_of(*facts[:3], *paid, *facts[3:])

    assert trip.income == 55


def test_cash_for_a_fraction_comes_on_top_of_what_was_sold_before() -> None:
    # 11 at 3.00 (33.00); 8 sold at 4.00 (32.00); 3 become 0.375 of a share, paid with 9.10: 41.10 - 33.00
    (trip,) = trips_of(
        *traded("BUY 11 ABCD at 3.00 costs 0\nSELL 8 ABCD at 4.00 costs 0"),
        SplitApplied(T0 + 9 * MINUTE, "ABCD", "Dip", Decimal(1), Decimal(8), Decimal(3), Decimal(0)),
        CashMoved(T0 + 9 * MINUTE, CashCause.FRACTION_PAID, Decimal("9.10"), "ABCD", "Dip"),
    )

    assert trip.gross_profit == Decimal("8.10")


def test_a_position_that_a_split_cut_off_without_cash_ended_with_the_split() -> None:
    facts = [*traded("BUY 3 ABCD at 3.00 costs 0\nBUY 5 ABCD at 24.00 costs 0")]

    (trip,) = trips_of(
        *facts[:3],
        SplitApplied(T0 + 90 * MINUTE, "ABCD", "Dip", Decimal(1), Decimal(8), Decimal(3), Decimal(0)),
        *facts[3:],
    )

    assert (trip.exit_time_ns, trip.gross_profit, trip.entry_order_ids) == (T0 + 90 * MINUTE, -9, ("Dip-ABCD-1",))
