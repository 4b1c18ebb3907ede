"""The comparison of two books: worked examples."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from execution.two_books import (
    T0,
    TOLERANCE,
    a_state,
    an_execution,
    compared,
    found,
    our_books,
    their_books,
    theirs_of,
)
from tapeline.domain.execution import Execution
from tapeline.domain.words import OrderStatus, Side
from tapeline.execution.reconciliation import (
    FindingKind,
    Remedy,
    compare,
    differing_executions,
    execution_finding,
    vanished_executions,
    vanished_finding,
)


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
