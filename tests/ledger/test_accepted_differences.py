"""A difference that a person accepts, as the books take it in: counted by hand, and again after an execution changed.

It is booked as if traded at the broker's price, and the money as income: 30 of 100 bought at 10.00 are gone at 12.00,
so they realized 60.00 and took 360.00, which is the 300.00 that they cost.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.ledger.builders import T0, a_deposit, an_execution, traded

from tapeline.domain.adopted import EXTERNAL, Grounds
from tapeline.domain.words import Side
from tapeline.ledger.adopted_facts import BreakAccepted, ExecutionAdopted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import OrderFilled
from tapeline.ledger.round_trips import OpenTrip
from tapeline.ledger.views import WHOLE, Views
from tapeline.ports.journal import Fact

GROUNDS = Grounds("venue")
BOUGHT = "BUY 100 ABCD at 10.00 costs 0"


def views_of(*facts: Fact) -> Views:
    views = Views()
    views.apply_all(facts)
    return views


def accepted(ours: int, theirs: int, changes: dict[str, int], price: int = 12, account: str = "main") -> BreakAccepted:
    exact = {strategy: Decimal(change) for strategy, change in changes.items()}
    return BreakAccepted(
        T0 + 9, Decimal(ours), Decimal(theirs), "anna", "asked them", "ABCD", exact, Decimal(price), account
    )


def open_trip(views: Views, strategy: str, account: str = "main") -> OpenTrip:
    return views.open_trips[account, strategy, "ABCD"]


def test_what_is_gone_is_a_loss_of_what_it_cost_and_the_rest_goes_on() -> None:
    views = views_of(a_deposit(), *traded(BOUGHT), accepted(100, 70, {"Dip": -30}))
    position, trip = views.position("Dip", "ABCD"), open_trip(views, "Dip")

    assert (position.quantity, position.cost, position.realized, position.income) == (70, 700, 60, -360)
    assert (trip.held, trip.exit_notional, trip.income, trip.accepted) == (70, 360, -360, -360)
    assert (views.cash_amount(), views.marks["ABCD"]) == (99_000, 12)


def test_a_round_trip_that_ends_so_says_what_of_its_result_was_accepted() -> None:
    """Twice, at 12.00 and at 11.00: 40 and 60 of 100."""
    views = views_of(
        *traded(BOUGHT), accepted(100, 60, {"Dip": -40}), accepted(60, 0, {"Dip": -60}, price=11),
    )  # fmt: skip
    (trip,) = views.round_trips

    assert (trip.exit_average_price, trip.gross_profit) == (Decimal("11.4"), 140)
    assert (trip.income, trip.accepted, trip.net_profit) == (-1140, -1140, -1000)
    assert (trip.exit_time_ns, trip.exit_purpose) == (T0 + 9, None)


def test_what_is_found_is_a_gain_of_what_it_is_worth_and_so_is_a_short_that_is_gone() -> None:
    views = views_of(accepted(0, 30, {EXTERNAL: 30}))
    position, trip = views.position(EXTERNAL, "ABCD"), open_trip(views, EXTERNAL)
    assert (position.quantity, position.cost, position.income) == (30, 360, 360)
    assert (trip.side, trip.entered, trip.entry_notional, trip.accepted) == (Side.BUY, 30, 360, 360)

    views = views_of(*traded("SELL 40 ABCD at 10.00 costs 0"), accepted(-40, -39, {"Dip": 1}))
    position, trip = views.position("Dip", "ABCD"), open_trip(views, "Dip")
    assert (position.quantity, position.cost, position.realized, position.income) == (-39, -390, -2, 12)
    assert (trip.side, trip.held, trip.accepted) == (Side.SELL, -39, 12)


def test_a_holding_that_turns_round_ends_one_trip_with_its_part_and_begins_the_next_with_the_rest() -> None:
    views = views_of(*traded("BUY 50 ABCD at 10.00 costs 0", EXTERNAL), accepted(50, -20, {EXTERNAL: -70}))
    (closed,), began = views.round_trips, open_trip(views, EXTERNAL)

    assert (closed.quantity, closed.gross_profit, closed.accepted) == (50, 100, -600)
    assert (began.side, began.held, began.entry_notional, began.accepted) == (Side.SELL, -20, 240, -240)


def test_each_account_has_its_own() -> None:
    there = ExecutionAdopted(an_execution(client_order_id="other", account="second"), GROUNDS)
    views = views_of(*traded(BOUGHT), there, accepted(100, 0, {"Dip": -100}, account="second"))

    assert [(trip.account, trip.accepted) for trip in views.round_trips] == [("second", -1200)]
    assert open_trip(views, "Dip").held == 100


def test_cash_that_is_accepted_is_income_of_the_account_as_a_whole() -> None:
    views = views_of(a_deposit(), BreakAccepted(T0, Decimal(100_000), Decimal(99_990), "anna", "a fee"))

    assert (views.cash_amount(), views.cash["main"].income) == (99_990, -10)
    assert views.profits.paid == {"main": {WHOLE: -10}}


def test_an_execution_that_is_amended_before_it_leaves_it_accepted() -> None:
    """Two strategies of 100 at 10.00, of each 30 gone at 12.00; one bought at 9.00 in truth, then not at all."""
    mine, theirs = [*traded(BOUGHT)], [*traded(BOUGHT, "Trend")]
    (bought,) = [fact.execution for fact in mine if isinstance(fact, OrderFilled)]
    right = replace(bought, execution_id="right", price=Decimal(9))
    difference = accepted(200, 140, {"Dip": -30, "Trend": -30})
    views = views_of(*mine, *theirs, difference, ExecutionCorrected(T0, bought, right, GROUNDS))
    position, trip = views.position("Dip", "ABCD"), open_trip(views, "Dip")
    other = views.position("Trend", "ABCD"), open_trip(views, "Trend")

    assert (position.quantity, position.cost, position.realized, position.income) == (70, 630, 90, -360)
    assert (trip.held, trip.entry_notional, trip.accepted) == (70, 900, -360)
    assert other[0].quantity == 70 and (other[1].held, other[1].accepted) == (70, -360)

    views.apply(ExecutionBusted(T0, right, GROUNDS))
    position, trip = views.position("Dip", "ABCD"), open_trip(views, "Dip")
    assert (position.quantity, position.cost, position.income) == (-30, -360, -360)
    assert (trip.side, trip.held, trip.accepted) == (Side.SELL, -30, -360)
    assert (views.position("Trend", "ABCD"), open_trip(views, "Trend")) == other
    assert views.round_trips == []
