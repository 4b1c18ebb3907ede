"""Corrected and busted executions: the books are what they would be had it been so from the beginning."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.builders import MINUTE, T0, a_deposit, traded
from tests.ledger.facts_at_random import trading

from tapeline.domain.adopted import EXTERNAL, Grounds, HoldingCause
from tapeline.domain.cash import CashCause
from tapeline.domain.execution import Execution
from tapeline.domain.words import Purpose, Side
from tapeline.ledger.adopted_facts import ExecutionAdopted, ExecutionBusted, ExecutionCorrected, HoldingChanged
from tapeline.ledger.facts import CashMoved, SessionClosed, SplitApplied
from tapeline.ledger.order_facts import OrderFilled
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact

GROUNDS = Grounds("venue")


def views_of(*facts: Fact) -> Views:
    views = Views()
    views.apply_all(facts)
    return views


def fills(facts: list[Fact]) -> list[Execution]:
    return [fact.execution for fact in facts if isinstance(fact, OrderFilled)]


def bust(execution: Execution) -> ExecutionBusted:
    return ExecutionBusted(T0, execution, GROUNDS)


def correct(execution: Execution, **changes: object) -> ExecutionCorrected:
    return ExecutionCorrected(
        T0, execution, replace(execution, execution_id=execution.execution_id + "~2", **changes), GROUNDS
    )


def test_a_busted_purchase_changes_what_a_sale_has_realized_and_where_the_round_trip_ended() -> None:
    """100 at 10 and 100 at 11, 100 sold at 12: at an average of 10.50 the sale made 150, and 100 are held.

    Without the second the sale made 200 and nothing is held; commissions 1.00 and 1.00 are left.
    """
    facts = list(
        traded(
            """
            BUY  100 ABCD at 10.00 costs 1.00
            BUY  100 ABCD at 11.00 costs 1.00
            SELL 100 ABCD at 12.00 costs 1.00 for target
            """
        )
    )
    views = views_of(a_deposit(), *facts)
    before = views.position("Dip", "ABCD")
    open_before = list(views.round_trips)

    views.apply(bust(fills(facts)[1]))
    position, (trip,) = views.position("Dip", "ABCD"), views.round_trips

    assert (before.quantity, before.cost, before.realized, open_before) == (100, 1050, 150, [])
    assert (position.quantity, position.cost, position.realized, position.commissions) == (0, 0, 200, 2)
    assert (trip.gross_profit, trip.commissions, trip.exit_purpose) == (200, 2, Purpose.TARGET)
    assert (trip.entry_time_ns, trip.exit_time_ns) == (T0 + MINUTE, T0 + 3 * MINUTE)
    assert views.cash_amount() == 100_000 - 1001 + 1199


def test_a_busted_purchase_that_was_all_of_it_leaves_nothing_of_its_round_trip() -> None:
    facts = [*traded("BUY 100 ABCD at 10.00 costs 0\nBUY 50 ABCD at 11.00 costs 0\nSELL 50 ABCD at 12.00 costs 0")]
    views = views_of(*facts[:3], bust(fills(facts)[0]), *facts[3:])

    (trip,) = views.round_trips

    assert (trip.quantity, trip.entry_order_ids) == (50, ("Dip-ABCD-2",))


def test_a_busted_exit_opens_its_round_trip_again_and_the_next_one_goes_on_from_there() -> None:
    """In at 10, out at 12, in again at 11: two trips. Without the exit it is one of 200 at 10.50."""
    facts = list(
        traded(
            """
            BUY  100 ABCD at 10.00 costs 0
            SELL 100 ABCD at 12.00 costs 0
            BUY  100 ABCD at 11.00 costs 0
            """
        )
    )
    views = views_of(*facts, bust(fills(facts)[1]))
    views.apply_all(traded("SELL 200 ABCD at 12.00 costs 0", first=9))
    (trip,) = views.round_trips

    assert (trip.quantity, trip.entry_average_price, trip.gross_profit) == (200, Decimal("10.5"), 300)
    assert trip.entry_order_ids == ("Dip-ABCD-1", "Dip-ABCD-3")


def test_a_bust_of_the_opening_leaves_what_followed_as_the_other_side() -> None:
    """Bought 100 at 10 and sold them at 12; the purchase did not happen: 100 are short at 12."""
    facts = list(traded("BUY 100 ABCD at 10.00 costs 0\nSELL 100 ABCD at 12.00 costs 0"))
    views = views_of(*facts, bust(fills(facts)[0]))
    position = views.position("Dip", "ABCD")

    assert (position.quantity, position.cost, position.realized) == (-100, -1200, 0)
    assert views.round_trips == []


def test_other_holdings_and_the_order_of_round_trips_stay() -> None:
    facts = [
        *traded("BUY 1 ABCD at 10 costs 0\nSELL 1 ABCD at 11 costs 0"),
        *traded("BUY 1 WXYZ at 10 costs 0\nSELL 1 WXYZ at 12 costs 0", first=3),
        *traded("BUY 1 ABCD at 10 costs 0\nSELL 1 ABCD at 13 costs 0", first=5),
    ]
    views = views_of(*facts)
    views.apply(correct(fills(facts)[0], price=Decimal(9)))

    assert [(trip.symbol, trip.gross_profit) for trip in views.round_trips] == [("ABCD", 2), ("WXYZ", 2), ("ABCD", 3)]


def test_a_dividend_stays_as_it_was_paid() -> None:
    facts = list(traded("BUY 100 ABCD at 10.00 costs 0\nBUY 100 ABCD at 10.00 costs 0"))
    paid = CashMoved(T0, CashCause.DIVIDEND, Decimal(22), "ABCD", "Dip")

    assert views_of(*facts, paid, bust(fills(facts)[0])).position("Dip", "ABCD").income == 22


def test_what_a_bust_takes_away_before_a_split_is_split_with_it() -> None:
    """200, 2 for 1: 400. Without one of the two purchases of 100 at 10: 200 that cost 1,000."""
    facts = list(traded("BUY 100 ABCD at 10.00 costs 0\nBUY 100 ABCD at 10.00 costs 0"))
    split = SplitApplied(T0, "ABCD", "Dip", Decimal(2), Decimal(1), Decimal(200), Decimal(400))
    position = views_of(*facts, split, bust(fills(facts)[1])).position("Dip", "ABCD")

    assert (position.quantity, position.cost) == (200, 1000)


def test_marks_and_past_equity_stay_what_was_known_then() -> None:
    facts = [a_deposit(), *traded("BUY 100 ABCD at 10.00 costs 0\nCLOSE ABCD 11.00")]
    views = views_of(*facts)
    equity, marks = list(views.equity["main"]), dict(views.marks)

    views.apply(bust(fills(facts)[0]))

    assert (views.equity["main"], views.marks) == (equity, marks) == ([(T0 + 2 * MINUTE, 100_100)], {"ABCD": 11})
    assert views.equity_now() == 100_000


def test_a_purchase_corrected_after_a_merger_corrects_what_the_new_shares_cost() -> None:
    """100 at 10 become 50 of another company, which then cost 1,000; it was 100 at 9: they cost 900."""
    bought = Execution("b1", "o1", EXTERNAL, "ABCD", Side.BUY, Decimal(100), Decimal(10), Decimal(0), T0)
    merger = HoldingChanged(
        T0, "e1", HoldingCause.STOCK_MERGER, "ABCD", Decimal(-100), GROUNDS, new_symbol="N", new_quantity=Decimal(50)
    )
    views = views_of(ExecutionAdopted(bought, GROUNDS), merger)
    before = views.position(EXTERNAL, "N").cost

    views.apply(correct(bought, price=Decimal(9)))

    assert (before, views.position(EXTERNAL, "N").cost, views.position(EXTERNAL, "N").quantity) == (1000, 900, 50)


@given(trading(), st.data())
def test_amended_books_are_those_of_the_history_as_it_was(drawn: list[Fact], data: st.DataObject) -> None:
    """Positions, cash and round trips, digit for digit; amended in any order, wherever in the stream it comes."""
    facts = [fact for fact in drawn if not isinstance(fact, SplitApplied | SessionClosed)]
    facts = [fact for fact in facts if not (isinstance(fact, CashMoved) and fact.cause is CashCause.FRACTION_PAID)]
    truth: list[Fact] = []
    amendments: list[Fact] = []
    for fact in facts:
        what = data.draw(st.sampled_from(["stands", "stands", "busted", "corrected"]))
        if what == "stands" or not isinstance(fact, OrderFilled):
            truth.append(fact)
        elif what == "busted":
            amendments.append(bust(fact.execution))
        else:
            quantity = Decimal(data.draw(st.integers(1, int(fact.execution.quantity))))
            price, commission = Decimal(data.draw(st.integers(1, 90))), Decimal(data.draw(st.integers(0, 3)))
            amendment = correct(fact.execution, quantity=quantity, price=price, commission=commission)
            amendments.append(amendment)
            truth.append(OrderFilled(amendment.execution, fact.leaves_quantity))

    books, expected = views_of(*facts, *data.draw(st.permutations(amendments))), views_of(*truth)

    held = {key: position for key, position in books.positions.items() if key in expected.positions}
    assert held == expected.positions
    assert all(books.positions[key].is_flat for key in books.positions.keys() - expected.positions.keys())
    assert books.cash == expected.cash
    assert books.round_trips == expected.round_trips
