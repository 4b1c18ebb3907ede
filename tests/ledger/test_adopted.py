"""What others report: adopted executions, corrections, busts and changes of holdings, each checked by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.builders import MINUTE, T0, a_deposit, a_fill, an_order

from tapeline.domain.adopted import EXTERNAL, Grounds, HoldingCause
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import InputError, InvariantError
from tapeline.domain.execution import Execution
from tapeline.domain.words import OrderStatus, Side
from tapeline.ledger.adopted_facts import (
    CashAdopted,
    ExecutionAdopted,
    ExecutionBusted,
    ExecutionCorrected,
    HoldingChanged,
)
from tapeline.ledger.order_facts import OrderAccepted, OrderIntended
from tapeline.ledger.standing import standing_executions
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact
from tapeline.store.sqlite_journal import SqliteJournal

GROUNDS = Grounds("flex U1")
H = Decimal(100)


def an_execution(number: int, side: Side, quantity: int, price: str, fee: str = "0", **changes: Any) -> Execution:
    fields: dict[str, Any] = {
        "execution_id": f"b{number}", "client_order_id": f"o{number}", "strategy": EXTERNAL, "symbol": "ABCD",
        "side": side, "quantity": Decimal(quantity), "price": Decimal(price), "commission": Decimal(fee),
        "event_time_ns": T0 + number * MINUTE,
    }  # fmt: skip
    return Execution(**{**fields, **changes})


def views_of(*facts: Fact) -> Views:
    views = Views()
    views.apply_all(facts)
    return views


def test_an_adopted_execution_is_booked_and_needs_no_order() -> None:
    views = views_of(a_deposit(), ExecutionAdopted(an_execution(1, Side.BUY, 100, "10.00", "1.00"), GROUNDS))

    assert views.position(EXTERNAL, "ABCD").cost == 1000
    assert views.cash_amount() == Decimal(100_000) - 1001


def test_an_option_is_booked_by_contract() -> None:
    """Two contracts over 100 shares at 1.25 cost 250.00."""
    fact = ExecutionAdopted(an_execution(1, Side.BUY, 2, "1.25"), GROUNDS, Decimal(100))
    views = views_of(a_deposit(), fact)

    assert (views.position(EXTERNAL, "ABCD").cost, views.cash_amount()) == (250, Decimal(99_750))
    assert views.marks["ABCD"] == 125


def test_a_corrected_price_changes_cash_and_the_profit_of_a_closed_round_trip() -> None:
    """In at 10.00, out at 11.00: 100.00. It was 11.10: 110.00, and the cash is 10.00 more."""
    bought, sold = an_execution(1, Side.BUY, 100, "10"), an_execution(2, Side.SELL, 100, "11")
    right = replace(sold, execution_id="b2~2", price=Decimal("11.1"), commission=Decimal(1))
    views = views_of(
        a_deposit(), ExecutionAdopted(bought, GROUNDS), ExecutionAdopted(sold, GROUNDS),
        ExecutionCorrected(T0, sold, right, GROUNDS),
    )  # fmt: skip
    position, (trip,) = views.position(EXTERNAL, "ABCD"), views.round_trips

    assert (position.quantity, position.cost, position.realized, position.commissions) == (0, 0, 110, 1)
    assert (trip.gross_profit, trip.exit_average_price, trip.net_profit) == (110, Decimal("11.1"), 109)
    assert views.cash_amount() == 100_109


def test_a_busted_purchase_leaves_the_other_as_if_it_had_been_alone() -> None:
    """100 at 10 and 100 at 12; the first did not happen: 100 that cost 1,200."""
    first, second = an_execution(1, Side.BUY, 100, "10", "1"), an_execution(2, Side.BUY, 100, "12", "1")
    views = views_of(
        a_deposit(), ExecutionAdopted(first, GROUNDS), ExecutionAdopted(second, GROUNDS),
        ExecutionBusted(T0, first, GROUNDS), ExecutionAdopted(an_execution(3, Side.SELL, 100, "13"), GROUNDS),
    )  # fmt: skip
    position, (trip,) = views.position(EXTERNAL, "ABCD"), views.round_trips

    assert (position.quantity, position.realized, position.commissions) == (0, 100, 1)
    assert (trip.quantity, trip.entry_average_price, trip.gross_profit) == (100, 12, 100)


def test_a_bust_reopens_what_its_order_had_filled_while_it_works() -> None:
    order = an_order(quantity=Decimal(100))
    half = a_fill(Decimal(50), quantity=Decimal(50), execution_id="x1", client_order_id=order.client_order_id)
    bust = ExecutionBusted(T0, half.execution, GROUNDS, leaves_quantity=Decimal(100))
    views = views_of(a_deposit(), OrderIntended(order), OrderAccepted(T0, order.client_order_id), half, bust)
    state = views.orders.working[order.client_order_id]

    assert (state.filled_quantity, state.leaves_quantity) == (0, 100)
    assert state.status is OrderStatus.NEW


def test_an_execution_that_its_order_never_had_cannot_be_amended() -> None:
    order = an_order()
    stranger = an_execution(9, Side.BUY, 1, "5", client_order_id=order.client_order_id)

    with pytest.raises(InvariantError, match="was never booked"):
        views_of(OrderIntended(order), ExecutionBusted(T0, stranger, GROUNDS))


@given(st.data())
def test_amended_books_are_those_of_the_history_as_it_was(data: st.DataObject) -> None:
    """Quantity, cash, commissions, and profit of both kinds together, whatever came between."""
    drawn = data.draw(
        st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 9), st.integers(1, 30)), min_size=1, max_size=8)
    )
    history = [an_execution(n, side, quantity, f"{price}", "0.5") for n, (side, quantity, price) in enumerate(drawn)]
    amends: list[Fact] = []
    truth: list[Execution] = []
    for execution in history:
        what = data.draw(st.sampled_from(["stands", "stands", "busted", "corrected"]))
        if what == "busted":
            amends.append(ExecutionBusted(T0, execution, GROUNDS))
        elif what == "corrected":
            right = replace(
                execution, execution_id=execution.execution_id + "~2", side=data.draw(st.sampled_from(Side)),
                quantity=Decimal(data.draw(st.integers(1, 9))), price=Decimal(data.draw(st.integers(1, 30))),
            )  # fmt: skip
            amends.append(ExecutionCorrected(T0, execution, right, GROUNDS))
            truth.append(right)
        else:
            truth.append(execution)
    facts = [*[ExecutionAdopted(e, GROUNDS) for e in history], *data.draw(st.permutations(amends))]

    books, expected = views_of(*facts), views_of(*[ExecutionAdopted(e, GROUNDS) for e in truth])
    ours, theirs = books.position(EXTERNAL, "ABCD"), expected.position(EXTERNAL, "ABCD")
    assert (ours.quantity, ours.commissions) == (theirs.quantity, theirs.commissions)
    assert abs(ours.realized - ours.cost - theirs.realized + theirs.cost) == 0
    assert books.cash_amount() == expected.cash_amount()
    assert [s.execution for s in standing_executions(facts)] == truth


def test_what_does_not_stand_cannot_be_taken_down_again() -> None:
    bought = an_execution(1, Side.BUY, 100, "10")
    facts = [ExecutionAdopted(bought, GROUNDS), *[ExecutionBusted(T0, bought, GROUNDS)] * 2]

    with pytest.raises(InvariantError, match="no version of that id stands"):
        standing_executions(facts)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"price": Decimal(9)}, "one of its own"),
        ({"execution_id": "n", "symbol": "X"}, "Bust the one"),
    ],
)
def test_a_correction_that_is_none_is_refused(changes: dict[str, Any], match: str) -> None:
    bought = an_execution(1, Side.BUY, 100, "10")

    with pytest.raises(InputError, match=match):
        ExecutionCorrected(T0, bought, replace(bought, **changes), GROUNDS)


def test_a_journal_takes_a_correction_once(tmp_path: Any) -> None:
    bought = an_execution(1, Side.BUY, 100, "10")
    fact = ExecutionCorrected(T0, bought, replace(bought, execution_id="b1~2"), GROUNDS)
    with SqliteJournal.writing(tmp_path / "j.sqlite") as journal:
        for repeated in (ExecutionAdopted(bought, GROUNDS), fact):
            journal.append(repeated)
        journal.commit()
        journal.append(fact)
        with pytest.raises(InvariantError, match="booked twice"):
            journal.commit()


def a_change(cause: HoldingCause, quantity: str, **changes: Any) -> HoldingChanged:
    return HoldingChanged(T0, "e1", cause, "ABCD", Decimal(quantity), GROUNDS, **changes)


@pytest.mark.parametrize(
    ("change", "left", "new"),
    [
        (a_change(HoldingCause.SPLIT, "100"), (200, 1000, 0), None),
        (a_change(HoldingCause.SYMBOL_CHANGE, "-100", new_symbol="N", new_quantity=H), (0, 0, 0), (100, 1000)),
        (a_change(HoldingCause.SPIN_OFF, "0", new_symbol="N", new_quantity=Decimal(10)), (100, 1000, 0), (10, 0)),
        (
            a_change(
                HoldingCause.SPIN_OFF, "0", new_symbol="N", new_quantity=Decimal(10), basis_fraction=Decimal("0.2")
            ),
            (100, 800, 0),
            (10, 200),
        ),
        (a_change(HoldingCause.CASH_MERGER, "-100", cash=Decimal(1500)), (0, 0, 500), None),
        (a_change(HoldingCause.OPTION_EXPIRY, "-25"), (75, 750, -250), None),
        (a_change(HoldingCause.RETURN_OF_CAPITAL, "0", cash=Decimal(50)), (100, 950, 0), None),
        (a_change(HoldingCause.TRANSFER_IN, "10", basis=Decimal(70)), (110, 1070, 0), None),
        (a_change(HoldingCause.TRANSFER_OUT, "-40"), (60, 600, 0), None),
        (a_change(HoldingCause.SPLIT, "50", cash=Decimal(5)), (150, 1000, 5), None),
        (
            a_change(HoldingCause.STOCK_MERGER, "-100", new_symbol="N", new_quantity=Decimal(50), cash=Decimal(200)),
            (0, 0, 200),
            (50, 1000),
        ),
    ],
    ids=lambda it: f"{it.cause.word} {it.basis_fraction} {it.cash}" if isinstance(it, HoldingChanged) else "",
)  # fmt: skip
def test_changes_of_a_holding_of_100_that_cost_1000(
    change: HoldingChanged, left: tuple[int, int, int], new: tuple[int, int] | None
) -> None:
    views = views_of(ExecutionAdopted(an_execution(1, Side.BUY, 100, "10"), GROUNDS), change)
    position, other = views.position(EXTERNAL, "ABCD"), views.position(EXTERNAL, "N")

    assert (position.quantity, position.cost, position.realized) == left
    assert (other.quantity, other.cost) == (new or (0, 0))
    assert views.cash_amount() == change.cash - 1000


@pytest.mark.parametrize(
    ("side", "held", "change", "cash", "left"),
    [
        (Side.BUY, 1, "-1", "0", (0, 0, -10)),
        (Side.SELL, 1, "1", "-15", (0, 0, -5)),
        (Side.BUY, 3, "-3", "36", (0, 0, 6)),
    ],
)
def test_what_ends_takes_its_cost_along_to_the_last_share(
    side: Side, held: int, change: str, cash: str, left: tuple[int, int, int]
) -> None:
    """Each had cost, or brought, 10."""
    ended = a_change(HoldingCause.CASH_MERGER, change, cash=Decimal(cash))
    position = views_of(ExecutionAdopted(an_execution(1, side, held, "10"), GROUNDS), ended).position(EXTERNAL, "ABCD")

    assert (position.quantity, position.cost, position.realized) == left


def test_what_the_books_never_held_leaves_without_a_cost() -> None:
    position = views_of(a_change(HoldingCause.TRANSFER_OUT, "-40")).position(EXTERNAL, "ABCD")

    assert (position.quantity, position.cost, position.realized) == (-40, 0, 0)


def test_shares_of_a_merger_come_to_those_that_are_held_already() -> None:
    """10 that cost 50, and 20 more that cost 1,000 as other shares."""
    views = views_of(
        ExecutionAdopted(an_execution(1, Side.BUY, 100, "10"), GROUNDS),
        ExecutionAdopted(an_execution(2, Side.BUY, 10, "5", symbol="N"), GROUNDS),
        a_change(HoldingCause.STOCK_MERGER, "-100", new_symbol="N", new_quantity=Decimal(20)),
    )

    assert (views.position(EXTERNAL, "N").quantity, views.position(EXTERNAL, "N").cost) == (30, 1050)


def test_cash_of_a_statement_is_income_or_a_deposit() -> None:
    views = views_of(
        CashAdopted(T0, "c1", CashCause.DEPOSIT, Decimal(500), GROUNDS),
        CashAdopted(T0, "c2", CashCause.DIVIDEND, Decimal(24), GROUNDS, "ABCD"),
        CashAdopted(T0, "c3", CashCause.TAX_WITHHELD, Decimal("-3.6"), GROUNDS, "ABCD"),
    )

    assert (views.cash["main"].deposits, views.cash["main"].income) == (500, Decimal("20.4"))


def test_a_busted_part_of_a_short_leaves_the_rest_of_its_round_trip() -> None:
    """100 sold at 20, 50 at 21 that did not happen, 100 bought at 18: 200.00 on 100."""
    first, second = an_execution(1, Side.SELL, 100, "20"), an_execution(2, Side.SELL, 50, "21")
    views = views_of(
        ExecutionAdopted(first, GROUNDS), ExecutionAdopted(second, GROUNDS), ExecutionBusted(T0, second, GROUNDS),
        ExecutionAdopted(an_execution(3, Side.BUY, 100, "18"), GROUNDS),
    )  # fmt: skip
    (trip,) = views.round_trips

    assert (trip.side, trip.quantity, trip.entry_average_price, trip.gross_profit) == (Side.SELL, 100, 20, 200)


def test_what_was_sold_opens_a_short_when_the_purchase_did_not_happen() -> None:
    """100 bought at 10, 50 sold at 11; without the purchase 50 were sold short at 11, and bought back at 10: 50.00."""
    bought = an_execution(1, Side.BUY, 100, "10")
    views = views_of(
        ExecutionAdopted(bought, GROUNDS), ExecutionAdopted(an_execution(2, Side.SELL, 50, "11"), GROUNDS),
        ExecutionBusted(T0, bought, GROUNDS), ExecutionAdopted(an_execution(3, Side.BUY, 50, "10"), GROUNDS),
    )  # fmt: skip
    (trip,) = views.round_trips

    assert (trip.side, trip.quantity, trip.gross_profit) == (Side.SELL, 50, 50)
    assert views.position(EXTERNAL, "ABCD").realized == 50


def test_a_correction_stands_in_the_place_of_what_it_corrects() -> None:
    first, second = (an_execution(n, Side.BUY, 1, "10", event_time_ns=T0) for n in (1, 2))
    right = replace(first, execution_id="b1~2", price=Decimal(11))
    facts: list[Fact] = [
        ExecutionAdopted(first, GROUNDS), ExecutionAdopted(second, GROUNDS),
        ExecutionCorrected(T0, first, right, GROUNDS),
    ]  # fmt: skip

    assert [standing.execution_id for standing in standing_executions(facts)] == ["b1~2", "b2"]
