"""The comparison of two books: what holds for any two."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from execution.two_books import (
    TOLERANCE,
    a_state,
    an_execution,
    compared,
    our_books,
    taken_in,
    their_books,
    theirs_of,
)
from tapeline.domain.words import OrderStatus, Side
from tapeline.execution.reconciliation import (
    FindingKind,
    OurBooks,
    Remedy,
    TheirBooks,
    compare,
)

NAMES = ["o1", "o2", "o3", "o4"]
amounts = st.integers(1, 9)


@st.composite
def two_books(draw: st.DrawFn) -> tuple[OurBooks, TheirBooks]:
    """Books whose every part is drawn by itself, so that anything may differ."""
    states = {
        name: a_state(name, draw(amounts) + 9, draw(st.integers(0, 8)))
        for name in draw(st.sets(st.sampled_from(NAMES)))
    }
    ended = draw(st.sets(st.sampled_from(NAMES))) - states.keys()
    listed = [
        theirs_of(
            states.get(name) or a_state(name),
            quantity=Decimal(draw(amounts) + 9),
            filled_quantity=Decimal(draw(st.integers(0, 8))),
            limit_price=Decimal(draw(amounts)),
            status=draw(st.sampled_from([OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELED])),
        )
        for name in draw(st.sets(st.sampled_from([*NAMES, "hand"])))
    ]
    executions = [
        an_execution(
            number, draw(amounts), client_order_id=draw(st.sampled_from([*NAMES, "hand"])), symbol=symbol, side=side
        )
        for number in range(1, 7)
        for symbol in [draw(st.sampled_from("AB"))]
        for side in [draw(st.sampled_from(list(Side)))]
    ]
    booked = draw(st.lists(st.sampled_from(executions), unique=True))
    told = draw(st.lists(st.sampled_from(executions), unique=True))
    altered = draw(st.sets(st.sampled_from(executions)))
    booked = [
        replace(one, quantity=Decimal(draw(amounts)), price=Decimal(draw(amounts))) if one in altered else one
        for one in booked
    ]
    quantities = draw(st.dictionaries(st.sampled_from("ABC"), amounts.map(Decimal)))
    # what the venue holds if its executions are right, or anything
    explained = {**quantities}
    for sign, ones in ((1, told), (-1, booked)):
        for one in ones:
            explained[one.symbol] = explained.get(one.symbol, Decimal(0)) + sign * one.signed_quantity
    ours = our_books(
        *states.values(),
        ended=ended,
        booked=booked,
        quantities=quantities,
        cash=Decimal(draw(st.integers(900, 1100))),
        locked=draw(st.sets(st.sampled_from("ABC"))),
        unsettled=draw(st.sets(st.sampled_from(NAMES))),
    )
    holds = draw(st.one_of(st.just(explained), st.dictionaries(st.sampled_from("ABC"), amounts.map(Decimal))))
    return ours, their_books(*listed, executions=told, quantities=holds)


def after_defaults(ours: OurBooks, theirs: TheirBooks) -> OurBooks:
    """Return our books after somebody did what is safe by default, written out by hand.

    Asking for an order gives the venue's own line of it: its terms and fills if it works, its end if it does not.
    """
    ours, _ = taken_in(ours, theirs.executions)
    findings = compare(ours, theirs, TOLERANCE)
    working, ended, locked = {**ours.working}, set(ours.ended), set(ours.locked)
    quantities, cash = {**ours.quantities}, ours.cash
    gone = {one.name for one in findings if one.kind is FindingKind.EXECUTION_VANISHED}
    void = [one for one in ours.booked if one.execution_id in gone]
    for one in void:
        quantities[one.symbol] = quantities.get(one.symbol, Decimal(0)) - one.signed_quantity
        cash += one.signed_quantity * one.price + one.commission
        if (state := working.get(one.client_order_id)) is not None:
            working[one.client_order_id] = replace(state, filled_quantity=state.filled_quantity - one.quantity)
    listed = {order.client_order_id: order for order in theirs.orders if order.status.is_working}
    told = {one.execution_id: one for one in theirs.executions}
    differing = {one.name for one in findings if one.kind is FindingKind.EXECUTION_DIFFERS}
    asked = {one.name for one in findings if one.remedy in (Remedy.ASK, Remedy.ADOPT)}
    for one in ours.booked:
        if one.execution_id in differing:
            true = told[one.execution_id]
            quantities[one.symbol] = quantities.get(one.symbol, Decimal(0)) + true.signed_quantity - one.signed_quantity
            cash += one.signed_quantity * one.price + one.commission
            cash -= true.signed_quantity * true.price + true.commission
            asked |= {one.client_order_id} - ours.unsettled
    for name in asked:
        if name in listed or name in working:
            working.pop(name, None)
            if name in listed:
                state = a_state(name, int(listed[name].quantity), int(listed[name].filled_quantity))
                working[name] = replace(state, limit_price=listed[name].limit_price)
                ended.discard(name)
            else:
                ended.add(name)
    for finding in findings:
        name = finding.name
        if finding.remedy is Remedy.LOCK:
            locked.add(name)
        elif finding.remedy is Remedy.UNLOCK:
            locked.discard(name)
    booked = [told[one.execution_id] if one.execution_id in differing else one for one in ours.booked]
    booked = [one for one in booked if one not in void]
    return replace(ours, working=working, ended=ended, booked=booked, quantities=quantities, cash=cash, locked=locked)


@given(two_books())
def test_after_the_defaults_nothing_is_found_but_what_was_only_reported_or_locked(
    books: tuple[OurBooks, TheirBooks],
) -> None:
    ours, theirs = books
    before = compared(ours, theirs)

    after = compared(after_defaults(ours, theirs), theirs)

    lasting = (FindingKind.POSITION_BREAK, FindingKind.CASH_BREAK)
    assert [one for one in after if one.kind not in lasting] == []
    assert {one.numbers for one in after if one.kind in lasting} <= {one.numbers for one in before}


@given(two_books(), st.randoms(use_true_random=False))
def test_the_order_in_which_anything_is_listed_does_not_matter(
    books: tuple[OurBooks, TheirBooks], random: Random
) -> None:
    ours, theirs = books

    def shuffled(things: Any) -> list[Any]:
        mixed = list(things)
        random.shuffle(mixed)
        return mixed

    mixed_ours = replace(
        ours,
        working=dict(shuffled(ours.working.items())),
        booked=shuffled(ours.booked),
        quantities=dict(shuffled(ours.quantities.items())),
    )
    mixed = replace(
        theirs,
        orders=shuffled(theirs.orders),
        executions=shuffled([*theirs.executions, *theirs.executions]),
        quantities=dict(shuffled(theirs.quantities.items())),
    )

    assert [one.numbers for one in compared(mixed_ours, mixed)] == [one.numbers for one in compared(ours, theirs)]


@given(two_books())
def test_a_missing_order_is_not_ended_and_no_position_changes_but_by_an_execution_that_list_and_position_lack(
    books: tuple[OurBooks, TheirBooks],
) -> None:
    """A missing order is asked for, a missing position locks. The venue must lack an execution twice to be believed."""
    ours, _ = taken_in(books[0], books[1].executions)
    theirs = books[1]
    findings = compare(ours, theirs, TOLERANCE)
    remedies = {(one.kind, one.name): one.remedy for one in findings}
    listed = {order.client_order_id for order in theirs.orders if order.status.is_working}

    restated = {one.name for one in findings if one.remedy is Remedy.CORRECT}
    named = {one.client_order_id for one in ours.booked if one.execution_id in restated}
    for name in ours.working.keys() - listed - ours.unsettled - named:
        assert remedies[FindingKind.ORDER_MISSING, name] is Remedy.ASK
    for (kind, _), remedy in remedies.items():
        assert (kind is FindingKind.POSITION_BREAK) == (remedy is Remedy.LOCK)
        assert (kind is FindingKind.EXECUTION_VANISHED) == (remedy is Remedy.BUST)
        assert (kind is FindingKind.EXECUTION_DIFFERS) == (remedy is Remedy.CORRECT)
        assert remedy is not Remedy.BOOK
    void = {one.name for one in findings if one.remedy is Remedy.BUST}
    assert void.isdisjoint(one.execution_id for one in theirs.executions)
    true = {one.execution_id: one for one in theirs.executions}
    for symbol in {one.symbol for one in ours.booked if one.execution_id in void}:
        more = sum(
            true[one.execution_id].signed_quantity - one.signed_quantity
            for one in ours.booked
            if one.execution_id in restated and one.symbol == symbol
        )
        lost = sum(one.signed_quantity for one in ours.booked if one.execution_id in void and one.symbol == symbol)
        assert ours.quantities.get(symbol, 0) + more - lost == theirs.quantities.get(symbol, 0)
