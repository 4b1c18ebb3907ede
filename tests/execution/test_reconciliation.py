"""The comparison of two books: worked examples, and what holds for any two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.reports import VenueOrder
from tapeline.domain.words import OrderStatus, OrderType, Side, TimeInForce
from tapeline.execution.reconciliation import (
    Finding,
    FindingKind,
    OurBooks,
    Remedy,
    TheirBooks,
    compare,
    differing_executions,
    execution_finding,
    missing_executions,
    vanished_executions,
    vanished_finding,
)
from tapeline.ledger.order_state import OrderState

T0 = 1_704_207_600_000_000_000
TOLERANCE = Decimal(1)


def a_state(name: str = "o1", quantity: int = 100, filled: int = 0, **changes: Any) -> OrderState:
    fields: dict[str, Any] = {
        "client_order_id": name, "strategy": "Dip", "symbol": "A", "side": Side.BUY, "order_type": OrderType.LIMIT,
        "quantity": Decimal(quantity), "decision_time_ns": T0, "limit_price": Decimal(10),
    }  # fmt: skip
    order = Order(**{**fields, **changes})
    return OrderState(
        order, OrderStatus.NEW, order.quantity, order.quantity - filled, Decimal(filled), limit_price=order.limit_price
    )


def theirs_of(state: OrderState, **changes: Any) -> VenueOrder:
    order = state.order
    fields: dict[str, Any] = {
        "client_order_id": order.client_order_id, "venue_order_id": "V1", "symbol": order.symbol, "side": order.side,
        "order_type": order.order_type, "quantity": state.quantity, "filled_quantity": state.filled_quantity,
        "status": OrderStatus.NEW, "event_time_ns": T0, "time_in_force": TimeInForce.DAY,
        "limit_price": state.limit_price,
    }  # fmt: skip
    return VenueOrder(**{**fields, **changes})


def an_execution(number: int = 1, quantity: int = 20, **changes: Any) -> Execution:
    fields: dict[str, Any] = {
        "execution_id": f"E{number}", "client_order_id": "o1", "strategy": "external", "symbol": "A", "side": Side.BUY,
        "quantity": Decimal(quantity), "price": Decimal(10), "commission": Decimal("0.5"), "event_time_ns": T0 + number,
    }  # fmt: skip
    return Execution(**{**fields, **changes})


def our_books(*states: OrderState, **changes: Any) -> OurBooks:
    fields: dict[str, Any] = {
        "account": "main", "working": {state.order.client_order_id: state for state in states}, "ended": frozenset(),
        "booked": (), "quantities": {}, "cash": Decimal(1000),
    }  # fmt: skip
    return OurBooks(**{**fields, **changes})


def their_books(*orders: VenueOrder, **changes: Any) -> TheirBooks:
    fields: dict[str, Any] = {"orders": orders, "executions": (), "quantities": {}, "cash": Decimal(1000)}
    return TheirBooks(**{**fields, **changes})


def taken_in(ours: OurBooks, executions: Iterable[Execution]) -> tuple[OurBooks, list[Finding]]:
    """Return our books after what we missed was booked, written out by hand, and what was found."""
    working, findings = {**ours.working}, []
    quantities, cash, booked = {**ours.quantities}, ours.cash, [*ours.booked]
    for one in missing_executions({one.execution_id for one in booked}, executions):
        findings.append(execution_finding({*working, *ours.ended}, one))
        booked.append(one)
        quantities[one.symbol] = quantities.get(one.symbol, Decimal(0)) + one.signed_quantity
        cash -= one.signed_quantity * one.price + one.commission
        if (state := working.get(one.client_order_id)) is not None:
            working[one.client_order_id] = replace(state, filled_quantity=state.filled_quantity + one.quantity)
    return replace(ours, working=working, booked=booked, quantities=quantities, cash=cash), sorted(findings)


def compared(ours: OurBooks, theirs: TheirBooks) -> list[Finding]:
    """Return what is found in one round: executions are taken in as they come, then everything is compared."""
    ours, findings = taken_in(ours, theirs.executions)
    return [*findings, *compare(ours, theirs, TOLERANCE)]


def found(ours: OurBooks, theirs: TheirBooks) -> list[tuple[str, str, Decimal | None, Decimal | None, str]]:
    return [(one.kind.name, one.name, one.ours, one.theirs, one.remedy.name) for one in compared(ours, theirs)]


# Examples -------------------------------------------------------------------------------------------------------


def test_equal_books_differ_in_nothing() -> None:
    state = a_state(filled=40)

    assert found(our_books(state, quantities={"A": 40}), their_books(theirs_of(state), quantities={"A": 40})) == []


def test_the_example_of_the_module() -> None:
    """Ours 300 and an order of which 40 are filled; theirs 320, nothing works, and E7 of 20 that we do not have."""
    state = a_state(filled=40)
    ours = our_books(state, quantities={"A": Decimal(300)})
    missing = an_execution(7)
    theirs = their_books(executions=[missing], quantities={"A": Decimal(320)}, cash=Decimal("799.5"))

    assert found(ours, theirs) == [
        ("EXECUTION_MISSING", "E7", None, 20, "BOOK"),
        ("ORDER_MISSING", "o1", 100, None, "ASK"),
    ]


def test_what_missing_executions_explain_is_no_finding_of_its_own() -> None:
    """Filled 40 there and 20 here: the execution of 20 is the difference, in the order, the position and the cash."""
    state = a_state(filled=20)
    theirs = their_books(
        theirs_of(state, filled_quantity=Decimal(40)),
        executions=[an_execution(1), an_execution(2)],
        quantities={"A": Decimal(40)},
        cash=Decimal("799.5"),
    )

    assert found(our_books(state, quantities={"A": Decimal(20)}, booked=[an_execution(1)]), theirs) == [
        ("EXECUTION_MISSING", "E2", None, 20, "BOOK")
    ]


def test_orders_and_executions_that_nobody_here_knows_are_adopted() -> None:
    foreign = theirs_of(a_state("hand"))
    theirs = their_books(
        foreign, executions=[an_execution(3, client_order_id="x")], quantities={"A": Decimal(20)}, cash=Decimal("799.5")
    )

    assert found(our_books(), theirs) == [
        ("EXECUTION_EXTERNAL", "E3", None, 20, "ADOPT"),
        ("ORDER_EXTERNAL", "hand", None, 100, "ADOPT"),
    ]


def test_an_order_that_ended_here_and_works_there_is_asked_for() -> None:
    assert found(our_books(ended={"o1"}), their_books(theirs_of(a_state()))) == [
        ("ORDER_REVIVED", "o1", None, 100, "ASK")
    ]


def test_a_listed_order_that_has_ended_is_as_good_as_none() -> None:
    state = a_state()

    assert found(our_books(state), their_books(theirs_of(state, status=OrderStatus.CANCELED))) == [
        ("ORDER_MISSING", "o1", 100, None, "ASK")
    ]


@pytest.mark.parametrize(
    ("term", "value"), [("quantity", Decimal(90)), ("limit_price", Decimal(11)), ("stop_price", 1)]
)
def test_other_terms_are_named(term: str, value: Any) -> None:
    state = a_state()

    (finding,) = compare(our_books(state), their_books(theirs_of(state, **{term: value})), TOLERANCE)

    assert (finding.kind, finding.text, finding.remedy) == (FindingKind.ORDER_TERMS_DIFFER, term, Remedy.ASK)


def test_the_quantity_of_a_member_of_a_group_is_the_venue_s_to_say() -> None:
    state = a_state(group="g")

    assert found(our_books(state), their_books(theirs_of(state, quantity=Decimal(60)))) == []
    (finding,) = compare(our_books(state), their_books(theirs_of(state, limit_price=Decimal(11))), TOLERANCE)
    assert finding.text == "limit_price"


def test_each_finding_tells_both_sides_in_numbers_and_what_tells_them_apart() -> None:
    """o1 has other terms there, o2 more fills than 10 and 5 explain, o3 is not listed, hand is not ours."""
    ours = our_books(
        a_state(stop_price=None), a_state("o2", filled=20), a_state("o3"),
        quantities={"A": Decimal(5), "B": Decimal(1)}, locked={"A"},
    )  # fmt: skip
    theirs = their_books(
        theirs_of(a_state(), quantity=Decimal(90), limit_price=Decimal(9)),
        theirs_of(a_state("o2"), filled_quantity=Decimal(40)),
        theirs_of(a_state("hand", 7, side=Side.SELL)),
        executions=[an_execution(1, 10, client_order_id="o2"), an_execution(2, 5, client_order_id="o2")],
        quantities={"A": Decimal(20), "B": Decimal(2)}, cash=Decimal(849),
    )  # fmt: skip

    findings = compared(ours, theirs)

    assert [(one.kind.name, *one.numbers[1:]) for one in findings] == [
        ("EXECUTION_MISSING", "E1", None, 10, "BUY A at 10, order o2"),
        ("EXECUTION_MISSING", "E2", None, 5, "BUY A at 10, order o2"),
        ("ORDER_EXTERNAL", "hand", None, 7, "SELL A"),
        ("ORDER_MISSING", "o3", 100, None, "NEW"),
        ("ORDER_FILLED_DIFFERS", "o2", 35, 40, ""),
        ("ORDER_TERMS_DIFFER", "o1", 100, 90, "quantity, limit_price"),
        ("POSITION_BREAK", "B", 1, 2, ""),
        ("POSITION_AGREES", "A", 20, 20, ""),
    ]


def test_an_order_with_a_request_under_way_is_left_alone() -> None:
    state = a_state()

    assert found(our_books(state, unsettled={"o1"}), their_books()) == []


def test_a_position_is_compared_by_symbol_and_missing_is_not_flat() -> None:
    ours = our_books(quantities={"A": Decimal(5), "B": Decimal(-3)}, locked={"C", "D"})
    theirs = their_books(quantities={"A": Decimal(5), "D": Decimal(1)})

    assert found(ours, theirs) == [
        ("POSITION_BREAK", "B", -3, None, "LOCK"),
        ("POSITION_BREAK", "D", 0, 1, "LOCK"),
        ("POSITION_AGREES", "C", 0, None, "UNLOCK"),
    ]


@pytest.mark.parametrize(("cash", "is_found"), [("1001.00", False), ("999.00", False), ("1001.01", True), ("-4", True)])
def test_cash_is_compared_within_a_tolerance(cash: str, is_found: bool) -> None:
    findings = found(our_books(), their_books(cash=Decimal(cash)))

    assert findings == ([("CASH_BREAK", "main", 1000, Decimal(cash), "REPORT")] if is_found else [])


def test_an_execution_that_neither_list_nor_position_has_was_taken_back() -> None:
    """We hold 30 of E1 and E2; the venue lists E1 alone and holds 20, so the 10 of E2 are void."""
    booked = [an_execution(1, 20), an_execution(2, 10)]

    vanished = vanished_executions(booked, booked[:1], {"A": Decimal(30)}, {"A": Decimal(20)})

    assert vanished == booked[1:]
    assert vanished_finding(vanished[0]).remedy is Remedy.BUST


def test_what_was_taken_back_explains_the_order_the_position_and_the_cash() -> None:
    """We have 30 of o1 and paid 301 for them; the venue has 20 and gave back what the 10 of E2 had cost."""
    state = a_state(filled=30)
    booked = [an_execution(1, 20), an_execution(2, 10)]
    ours = our_books(state, booked=booked, quantities={"A": Decimal(30)}, cash=Decimal(699))
    theirs = their_books(
        theirs_of(state, filled_quantity=Decimal(20)), executions=booked[:1], quantities={"A": Decimal(20)},
        cash=Decimal("799.5"),
    )  # fmt: skip

    assert found(ours, theirs) == [("EXECUTION_VANISHED", "E2", 10, None, "BUST")]

    nothing = their_books(theirs_of(state, filled_quantity=Decimal(0)))
    assert [(kind, name) for kind, name, *_ in found(ours, nothing)] == [
        ("EXECUTION_VANISHED", "E1"), ("EXECUTION_VANISHED", "E2")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cash", "expected"),
    [
        (
            Decimal(1020),
            [("EXECUTION_VANISHED", "E1", 20, None, "BUST"), ("EXECUTION_VANISHED", "E2", 20, None, "BUST")],
        ),
        (Decimal(1000), []),
        (Decimal(1010), [("CASH_BREAK", "main", 1000, 1010, "REPORT")]),
    ],
    ids=["the cash is without both", "the cash is ours", "the cash is a third one"],
)
def test_what_was_taken_back_and_comes_to_no_shares_is_told_by_the_cash(cash: Decimal, expected: list[Any]) -> None:
    """We bought 20 at 10 and sold them at 9.10, for a fee of 1 each; the venue lists neither and holds nothing."""
    bought = replace(an_execution(1, 20), commission=Decimal(1))
    sold = replace(an_execution(2, 20, side=Side.SELL), price=Decimal("9.10"), commission=Decimal(1))

    assert found(our_books(booked=[bought, sold]), their_books(cash=cash)) == expected


def test_the_cash_tells_of_what_comes_to_no_shares_where_both_hold_the_same_besides_and_of_nothing_else() -> None:
    """Bought 20 at 10 for 1, sold at 9.10 for 1: 20 of cash. Without the sale it is 201, and the position tells."""
    bought = replace(an_execution(1, 20), commission=Decimal(1))
    sold = replace(an_execution(2, 20, side=Side.SELL), price=Decimal("9.10"), commission=Decimal(1))

    def of(booked: list[Execution], ours: int, theirs: int, cash: int) -> list[str]:
        held = [{"quantities": {"A": Decimal(quantity)}} for quantity in (ours, theirs)]
        books = our_books(booked=booked, **held[0]), their_books(cash=Decimal(cash), **held[1])
        return [kind for kind, *_ in found(*books)]

    assert of([bought, sold], 5, 5, 1020) == ["EXECUTION_VANISHED", "EXECUTION_VANISHED"]
    assert of([bought, sold], 5, 6, 1020) == ["POSITION_BREAK", "CASH_BREAK"]
    assert of([bought], 20, 20, 1201) == ["CASH_BREAK"]


@pytest.mark.parametrize(
    ("listed", "theirs"),
    [((), 30), ((1,), 30), ((1,), 25), ((1, 2), 20)],
    ids=["a list that lacks everything", "the position has it", "the position is a third one", "the list has it"],
)
def test_one_of_both_alone_proves_nothing(listed: tuple[int, ...], theirs: int) -> None:
    booked = [an_execution(1, 20), an_execution(2, 10)]
    shown = [one for number, one in enumerate(booked, 1) if number in listed]

    assert vanished_executions(booked, shown, {"A": Decimal(30)}, {"A": Decimal(theirs)}) == []


def test_a_corrected_execution_is_listed_under_its_new_version() -> None:
    booked = [an_execution(1, 20)]
    corrected = replace(booked[0], execution_id="E1~2", price=Decimal(11))

    assert vanished_executions(booked, [corrected], {"A": Decimal(20)}, {}) == []


def test_a_corrected_execution_that_is_listed_was_not_taken_back() -> None:
    booked = [an_execution(execution_id="E1~2")]

    assert vanished_executions(booked, booked, {"A": Decimal(20)}, {}) == []


def test_an_execution_with_other_numbers_than_are_listed_explains_the_order_the_position_and_the_cash() -> None:
    """Booked as 30 at 11 and filled by that; the venue lists 20 at 10 under its id, and all its books say so."""
    state = a_state(quantity=30, filled=30)
    booked = an_execution(1, 30, price=Decimal(11), commission=Decimal(1))
    ours = our_books(ended={"o1"}, booked=[booked], quantities={"A": Decimal(30)}, cash=Decimal(669), locked={"A"})
    theirs = their_books(
        theirs_of(state, filled_quantity=Decimal(20)), executions=[an_execution(1)], quantities={"A": Decimal(20)},
        cash=Decimal("799.5"),
    )  # fmt: skip

    agrees, differing = compare(ours, theirs, Decimal(0))

    assert differing.as_tree() == {
        "finding": "EXECUTION_DIFFERS", "name": "E1", "ours": "30", "remedy": "CORRECT",
        "text": "BUY A at 11, listed at 10, order o1", "theirs": "20",
    }  # fmt: skip
    assert (agrees.kind, agrees.ours) == (FindingKind.POSITION_AGREES, 20)


@pytest.mark.parametrize("terms", [{"quantity": Decimal(21)}, {"price": Decimal("10.01")}])
def test_another_quantity_and_another_price_make_an_execution_differ(terms: dict[str, Any]) -> None:
    ours, listed = an_execution(1, **terms), an_execution(1)

    assert differing_executions([ours, an_execution(2)], [an_execution(2), listed]) == [(ours, listed)]


@pytest.mark.parametrize(
    "listed",
    [
        [],
        [an_execution(1, commission=Decimal(9), event_time_ns=T0, strategy="external")],
        [an_execution(1, 5, symbol="B")],
        [an_execution(1, 5, side=Side.SELL)],
        [an_execution(1, 5), an_execution(1, 6)],
        [an_execution(1, 5, execution_id="E1~2")],
    ],
    ids=["not listed", "fee and time alone", "symbol", "side", "a list that contradicts itself", "another version"],
)
def test_what_is_no_matter_of_numbers_does_not_differ_by_them(listed: list[Execution]) -> None:
    assert differing_executions([an_execution(1)], listed) == []


def test_an_execution_of_another_symbol_than_is_listed_stays_a_break() -> None:
    theirs = their_books(executions=[an_execution(1, symbol="B")], quantities={"B": Decimal(20)}, cash=Decimal("799.5"))
    ours = our_books(booked=[an_execution(1)], quantities={"A": Decimal(20)}, cash=Decimal("799.5"))

    assert [(one.kind.name, one.name) for one in compare(ours, theirs, TOLERANCE)] == [
        ("POSITION_BREAK", "A"), ("POSITION_BREAK", "B"),
    ]  # fmt: skip


def test_what_was_taken_back_is_told_of_every_symbol_in_order_of_time() -> None:
    """B is sold and flat with us; taken back it is bought back at the venue, which does not show A at all."""
    first, second = an_execution(1), an_execution(2, symbol="B")
    third = an_execution(3, side=Side.SELL, symbol="B", quantity=5)

    vanished = vanished_executions(
        [third, second, first, an_execution(4, 5, symbol="C")],
        [second, an_execution(4, 5, symbol="C")], {"A": Decimal(20)}, {"B": Decimal(5)},
    )  # fmt: skip

    assert vanished == [first, third]


def test_an_execution_that_is_missing_is_told_with_its_price_and_its_order() -> None:
    finding = execution_finding({"o1"}, an_execution(7))

    assert finding.text == "BUY A at 10, order o1"


def test_a_finding_is_written_as_plain_values() -> None:
    (finding,) = compare(our_books(), their_books(cash=Decimal("900.50")), TOLERANCE)

    assert finding.as_tree() == {
        "finding": "CASH_BREAK", "name": "main", "ours": "1000", "remedy": "REPORT", "text": "-99.50",
        "theirs": "900.5",
    }  # fmt: skip


# Any two books --------------------------------------------------------------------------------------------------

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
