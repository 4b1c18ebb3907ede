"""Reports that came with other numbers than the venue lists: what it lists is booked instead, once, and stays so."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution.by_hand import a_working_order, an_exit, fills, say, with_position
from execution.running import SETTINGS, Trader
from tapeline.domain.adopted import RESTATED, Grounds
from tapeline.domain.execution import Execution
from tapeline.domain.execution_id import version_of
from tapeline.domain.times import SECOND
from tapeline.domain.words import OrderStatus
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import OrderCanceled, OrderFilled

GROUNDS = Grounds("venue")


def altered(fact: OrderFilled, quantity: int, price: str = "100", leaves: int | None = None) -> OrderFilled:
    """Return a report as it arrives with other numbers."""
    execution = replace(fact.execution, quantity=Decimal(quantity), price=Decimal(price))
    return OrderFilled(execution, fact.leaves_quantity if leaves is None else Decimal(leaves))


def standing(trader: Trader) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    return _numbers(one for one in trader.views.orders.executions.values() if one is not None)


def _numbers(executions: object) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    ones: list[Execution] = list(executions)  # type: ignore[call-overload]  # any iterable of executions
    return sorted((version_of(one.execution_id)[0], one.quantity, one.price, one.commission) for one in ones)


def assert_the_books_are_the_venue_s(trader: Trader, *, compared: bool = True) -> None:
    """compared : whether a comparison since the last correction has found nothing"""
    assert standing(trader) == _numbers(trader.venue.executions)
    assert {s: q for s in "AB" if (q := trader.held(s))} == {s: q for s, q in trader.venue.positions.items() if q}
    assert trader.views.cash_amount() == trader.venue.cash
    working = trader.views.orders.working
    assert {
        name: (state.quantity, state.filled_quantity, state.leaves_quantity) for name, state in working.items()
    } == {line.name: (line.quantity, line.filled, line.leaves) for line in trader.venue.lines.values() if line.works}
    assert not trader.views.control.locks
    assert trader.views.control.gap is None
    if compared:
        assert trader.recorded[-1].kind == "Reconciled"
        assert trader.recorded[-1].findings == []


@pytest.mark.parametrize(("quantity", "price"), [(7, "100"), (4, "100.01"), (2, "99")])
@pytest.mark.parametrize("starts_anew", ["never", "before", "after"])
def test_what_was_reported_with_other_numbers_is_corrected_once(
    trader: Trader, quantity: int, price: str, starts_anew: str
) -> None:
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 4)
    say(trader, altered(fill, quantity, price))
    trader.link.now += SECOND
    if starts_anew == "before":
        trader.stop()
        trader.start()

    trader.settle_for(310)
    if starts_anew == "after":
        trader.stop()
        trader.start()
        trader.settle_for(5)

    (corrected,) = [fact for fact in trader.recorded if fact.kind == "ExecutionCorrected"]
    assert (corrected.corrected.execution_id, corrected.execution_id, corrected.grounds) == ("E0", "E0~01", RESTATED)
    assert (corrected.execution.strategy, corrected.leaves_quantity) == ("Dip", 6)
    told = [one for fact in trader.recorded if fact.kind == "Reconciled" for one in fact.findings]
    assert [(one["finding"], one["ours"], one["theirs"], one["remedy"]) for one in told] == [
        ("EXECUTION_DIFFERS", str(quantity), "4", "CORRECT")
    ]
    trader.settle_for(310)
    assert_the_books_are_the_venue_s(trader)
    assert trader.kinds().count("ExecutionCorrected") == 1
    assert not {"SymbolLocked", "OrderReplaced", "CancelIntended"} & set(trader.kinds())


def a_restated_fill(trader: Trader, *, starts_anew: bool) -> OrderFilled:
    """Bought 4, told as 7, and corrected."""
    (fill,) = fills(trader, a_working_order(trader), 4)
    say(trader, altered(fill, 7))
    trader.link.now += SECOND
    trader.settle_for(310)
    assert trader.held() == 4
    if starts_anew:
        trader.stop()
        trader.start()
        trader.settle_for(5)
    return fill


@pytest.mark.parametrize("starts_anew", [False, True])
def test_the_report_told_again_in_either_form_changes_nothing(trader: Trader, starts_anew: bool) -> None:
    fill = a_restated_fill(trader, starts_anew=starts_anew)
    before = len(trader.journal)

    say(trader, fill, altered(fill, 7))

    assert len(trader.journal) == before


@pytest.mark.parametrize("starts_anew", [False, True])
def test_the_venue_s_correction_and_bust_find_what_was_restated(trader: Trader, starts_anew: bool) -> None:
    fill = a_restated_fill(trader, starts_anew=starts_anew)
    true = replace(fill.execution, execution_id="E0~2", quantity=Decimal(3))

    say(trader, ExecutionCorrected(trader.now, fill.execution, true, GROUNDS))
    assert (trader.held(), standing(trader)) == (3, [("E0", 3, 100, Decimal("0.35"))])

    say(trader, ExecutionBusted(trader.now, true, GROUNDS))
    assert (trader.held(), standing(trader)) == (0, [])
    if starts_anew:
        trader.stop()
        trader.start()
    say(trader, fill)
    trader.venue.executions.clear()
    assert (trader.held(), standing(trader)) == (0, [])


def test_a_correction_told_with_other_numbers_is_corrected_itself(trader: Trader) -> None:
    """4 at 100, then corrected to 4 at 98, which arrives as 96: the venue lists E0~2 at 98."""
    (fill,) = fills(trader, a_working_order(trader), 4)
    say(trader, fill)
    true = replace(fill.execution, execution_id="E0~2", price=Decimal(98))
    trader.venue.executions, trader.venue.cash = [true], trader.venue.cash + 8
    say(trader, ExecutionCorrected(trader.now, fill.execution, replace(true, price=Decimal(96)), GROUNDS))
    trader.link.now += SECOND

    trader.settle_for(620)

    assert trader.kinds().count("ExecutionCorrected") == 2
    assert_the_books_are_the_venue_s(trader)


def test_an_order_that_a_report_wrongly_filled_works_again_and_is_not_canceled(trader: Trader) -> None:
    """4 of 10 were bought, told as 10 with nothing left."""
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 4)
    say(trader, altered(fill, 10, leaves=0))
    assert trader.status(name) == "FILLED"
    trader.link.now += SECOND

    trader.settle_for(310)
    assert (trader.status(name), trader.views.orders.working[name].leaves_quantity) == ("PARTIALLY_FILLED", 6)
    trader.fill(name, 6)
    trader.settle_for(620)

    assert trader.status(name) == "FILLED"
    assert "CancelIntended" not in trader.kinds()
    assert_the_books_are_the_venue_s(trader)


def test_an_order_that_was_filled_and_told_as_filled_in_part_ends(trader: Trader) -> None:
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 10)
    say(trader, altered(fill, 4, leaves=6))
    trader.link.now += SECOND

    trader.settle_for(620)

    assert trader.status(name) == "FILLED"
    assert_the_books_are_the_venue_s(trader)


def test_a_sale_that_was_told_with_too_much_leaves_the_rest_held(trader: Trader) -> None:
    with_position(trader)
    name = an_exit(trader)
    trader.settle()
    (fill,) = fills(trader, name, 3)
    say(trader, altered(fill, 10, "90", leaves=0))
    assert trader.held() == 0
    trader.link.now += SECOND

    trader.settle_for(620)

    assert trader.held() == 7
    assert_the_books_are_the_venue_s(trader)


def test_what_was_too_much_makes_room_for_what_was_too_little(trader: Trader) -> None:
    """4 and 6 of 10 were bought, told as 2 and 8: the 8 are corrected first, and the order is never made larger."""
    name = a_working_order(trader)
    first, second = fills(trader, name, 4, 6)
    say(trader, altered(first, 2, leaves=8), altered(second, 8, leaves=0))
    trader.link.now += SECOND

    trader.settle_for(620)

    corrected = [fact.corrected.execution_id for fact in trader.recorded if fact.kind == "ExecutionCorrected"]
    assert corrected == ["E1", "E0"]
    assert "OrderReplaced" not in trader.kinds()
    assert_the_books_are_the_venue_s(trader)


def test_a_correction_to_more_than_was_ordered_makes_the_order_as_large(trader: Trader) -> None:
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 4)
    say(trader, fill)
    true = replace(fill.execution, execution_id="E0~2", quantity=Decimal(12))

    say(trader, ExecutionCorrected(trader.now, fill.execution, true, GROUNDS))

    state = trader.views.orders.states[name]
    assert (state.quantity, state.filled_quantity, state.leaves_quantity, trader.held()) == (12, 12, 0, 12)
    assert trader.status(name) == "FILLED"


def test_numbers_that_only_the_last_round_has_seen_correct_nothing() -> None:
    """Three rounds at most; the cash is another one in each, and in the third the list has another price."""
    trader = Trader(replace(SETTINGS, rounds_max=3)).ready()
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 4)
    say(trader, fill)
    rounds = trader.rounds
    trader.link.now += SECOND
    trader.keeper.compare(trader.now)
    trader.turn()

    while trader.kinds()[-1] != "Reconciled":
        trader.venue.cash += 5
        if trader.rounds - rounds == 3:
            trader.venue.executions[0] = replace(fill.execution, price=Decimal(99))
        trader.link.pass_all()
        trader.turn()
        trader.link.now += SECOND
        trader.turn()

    (found,) = [one for one in trader.recorded[-1].findings if one["finding"] == "EXECUTION_DIFFERS"]
    assert (found["name"], found["remedy"]) == ("E0", "REPORT")
    assert standing(trader) == [("E0", 4, 100, Decimal("0.35"))]
    trader.settle_for(310)
    assert standing(trader) == [("E0", 4, 99, Decimal("0.35"))]


def test_an_order_that_ended_here_and_is_listed_as_open_is_asked_for_after_the_correction(trader: Trader) -> None:
    """4 were bought, told as 7, and a cancel was told that never was."""
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 4)
    say(trader, altered(fill, 7), OrderCanceled(trader.now, name))
    trader.link.now += SECOND
    assert trader.status(name) == "CANCELED"

    trader.settle_for(310)

    assert trader.status(name) == "CANCELED"
    assert trader.venue.lines[name].status is OrderStatus.CANCELED
    trader.settle_for(310)
    assert_the_books_are_the_venue_s(trader)


def test_an_order_that_a_report_made_larger_is_as_large_as_the_venue_says_at_once(trader: Trader) -> None:
    name = a_working_order(trader)
    (fill,) = fills(trader, name, 4)
    say(trader, altered(fill, 12, leaves=0))
    trader.link.now += SECOND

    trader.settle_for(10)

    assert_the_books_are_the_venue_s(trader, compared=False)


@pytest.mark.parametrize("starts_anew", [False, True])
def test_what_is_listed_otherwise_again_is_corrected_again(trader: Trader, starts_anew: bool) -> None:
    fill = a_restated_fill(trader, starts_anew=starts_anew)
    trader.venue.executions = [replace(fill.execution, price=Decimal(98))]
    trader.venue.cash += 8

    trader.settle_for(620)

    assert_the_books_are_the_venue_s(trader)
    assert trader.views.orders.executions["E0~001"] is not None


@pytest.mark.parametrize("starts_anew", [False, True])
def test_what_was_restated_is_taken_out_and_booked_again_as_any_other(trader: Trader, starts_anew: bool) -> None:
    name = a_restated_fill(trader, starts_anew=starts_anew).client_order_id
    (execution,) = trader.venue.executions
    for times in (-1, 1):
        trader.venue.executions = [execution] if times > 0 else []
        trader.venue.lines[name].filled += times * execution.quantity
        trader.venue.positions["A"] += times * execution.signed_quantity
        trader.venue.cash -= times * (execution.signed_quantity * execution.price + execution.commission)
        trader.settle_for(620)
        assert_the_books_are_the_venue_s(trader)


numbers = st.tuples(st.integers(1, 14), st.integers(90, 110), st.integers(0, 10))


@settings(max_examples=150, deadline=None)
@given(
    true=st.lists(st.tuples(st.integers(1, 4), st.integers(95, 105)), min_size=1, max_size=4),
    told=st.lists(st.none() | numbers, min_size=4, max_size=4),
    is_canceled=st.booleans(),
    is_started_anew=st.booleans(),
    waits_s=st.sampled_from([0, 1, 400]),
)
def test_whatever_readable_numbers_reports_carry_the_books_are_the_venue_s_after_comparisons(
    true: list[tuple[int, int]],
    told: list[tuple[int, int, int] | None],
    is_canceled: bool,
    is_started_anew: bool,
    waits_s: int,
) -> None:
    trader = Trader().ready()
    name = a_working_order(trader)
    for (quantity, price), other in zip(true, told, strict=False):
        quantity = min(quantity, int(trader.venue.lines[name].leaves))
        if not quantity:
            break
        (fill,) = trader.venue.fill(name, trader.now, Decimal(quantity), Decimal(price))
        trader.link.say([fill if other is None else altered(fill, other[0], str(other[1]), other[2])])
        trader.settle_for(waits_s)
        trader.link.now += SECOND
    if is_canceled and trader.venue.lines[name].works:
        trader.wishes.add(name)
        trader.link.say(trader.venue.cancel(name, trader.now))
    trader.settle()
    if is_started_anew:
        trader.stop()
        trader.start()

    trader.settle_for(1300)

    assert_the_books_are_the_venue_s(trader)
    assert all(count == 1 for count in trader.venue.submits.values())
