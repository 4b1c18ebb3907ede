"""What accepting a difference books, and to whom."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.accepting import PRICE, SYMBOL, a_finding, accept, accepting, broken, desk_with, exit_of, hold, sent
from ledger.builders import T0, a_deposit
from tapeline.domain.adopted import EXTERNAL
from tapeline.domain.errors import InputError
from tapeline.execution.acceptance import accepted_sentence
from tapeline.ledger.adopted_facts import BreakAccepted
from tapeline.ledger.control_facts import Reconciled


@given(
    held=st.fixed_dictionaries({name: st.integers(-200, 200) for name in ("Dip", "Trend", EXTERNAL)}),
    theirs=st.none() | st.integers(-300, 300),
)
def test_ours_is_theirs_and_no_strategy_is_made_larger_or_turned_round(
    held: dict[str, int], theirs: int | None
) -> None:
    """The account holds what the venue said, its cash is as before, and what was gained or lost is the difference."""
    desk = desk_with(**held)
    views = desk.views
    if sum(held.values()) == (theirs or 0):
        return
    broken(desk, theirs)
    cash, equity = views.cash_amount(), views.equity_now() if views.marks else Decimal(0)

    accepting(desk)[0].accept(
        SYMBOL, None if theirs is None else str(theirs), who="anna", reason="asked them", now_ns=T0 + 1
    )

    assert views.quantity(SYMBOL) == (theirs or 0)
    for strategy in ("Dip", "Trend"):
        before, after = held[strategy], views.position(strategy, SYMBOL).quantity
        assert abs(after) <= abs(before) and after * before >= 0
    assert views.cash_amount() == cash
    difference = (theirs or 0) - sum(held.values())
    assert views.equity_now() == equity + difference * PRICE
    profit = sum(p.net_realized + p.unrealized(PRICE) for p in views.positions.values())
    trips = sum(trip.net_profit for trip in views.round_trips)
    opened = sum(trip.net_with(trip.held * PRICE) for trip in views.open_trips.values())
    assert profit == trips + opened == difference * PRICE
    assert not views.control.locks and not views.control.findings


@pytest.mark.parametrize(
    ("held", "theirs", "changes"),
    [
        ({"Dip": 100, EXTERNAL: 50}, 80, {EXTERNAL: -50, "Dip": -20}),
        ({"Dip": 100}, 130, {EXTERNAL: 30}),
        ({"Trend": 30, "Dip": 30, "Art": 30}, 20, {"Art": -30, "Dip": -30, "Trend": -10}),
        ({"Dip": 100}, -20, {"Dip": -100, EXTERNAL: -20}),
        ({"Dip": -100, EXTERNAL: -5}, None, {"Dip": 100, EXTERNAL: 5}),
        ({"Dip": 100, "Trend": -50}, 80, {EXTERNAL: 30}),
        ({"Dip": 100, "Trend": -50}, 20, {"Dip": -30}),
        ({"Dip": "1", "Trend": "-0.5"}, "1", {EXTERNAL: Decimal("0.5")}),
        ({"Dip": "0.75", EXTERNAL: "0.5"}, "0.5", {EXTERNAL: Decimal("-0.5"), "Dip": Decimal("-0.25")}),
    ],
)
def test_what_is_missing_is_taken_from_what_nobody_asked_for_and_then_by_name_and_more_is_external(
    held: dict[str, int | str], theirs: int | str | None, changes: dict[str, Any]
) -> None:
    fact, _ = accept(desk_with(**held), theirs)

    assert fact.changes == changes


def test_each_account_is_by_itself() -> None:
    desk = desk_with(Dip=100)
    hold(desk, "second", Dip=40)
    stop = exit_of(desk, "stop", 40, account="second")

    fact, keeper = accept(desk, 10, "second")

    assert fact == BreakAccepted(
        T0 + 1, Decimal(40), Decimal(10), "anna", "asked them", SYMBOL, {"Dip": Decimal(-30)}, PRICE, "second"
    )
    assert (desk.views.quantity(SYMBOL, "second"), desk.views.quantity(SYMBOL)) == (10, 100)
    assert sent(keeper) == {stop: 10}


def test_cash_is_what_the_venue_says_after_a_person_has_accepted_it() -> None:
    """Booked as income of -1.25, by whom, when and why; other accounts and what is held stay as they were."""
    desk = desk_with(Dip=10)
    desk.record(a_deposit(10_000))
    desk.record(replace(a_deposit(10_000), account="second"))
    desk.record(
        Reconciled(T0, [a_finding("second", "10000", "9998.75", "CASH_BREAK"), a_finding("main", 1, 2, "CASH_BREAK")])
    )
    acceptance, _ = accepting(desk, None, "second")

    fact = acceptance.accept("cash", "9998.75", who="anna", reason="a fee", now_ns=T0 + 1)

    assert fact == BreakAccepted(T0 + 1, Decimal(10_000), Decimal("9998.75"), "anna", "a fee", account="second")
    assert (desk.views.cash_amount("second"), desk.views.cash_amount()) == (Decimal("9998.75"), 9_000)
    assert [finding["name"] for finding in desk.views.control.findings] == ["main"]
    with pytest.raises(InputError, match=r"There is no difference of cash any more: cash was accepted .* instead of"):
        acceptance.accept("cash", "9998.75", who="anna", reason="a fee", now_ns=T0 + 2)


def test_a_symbol_without_a_price_here_is_valued_at_the_one_that_the_person_gives() -> None:
    desk = desk_with(Dip=10)
    broken(desk, 4)

    fact = accepting(desk, None)[0].accept(
        SYMBOL, "4", who="anna", reason="asked them", now_ns=T0 + 1, price=Decimal(95)
    )

    assert fact.price == 95


def test_what_was_accepted_is_told_with_both_values_the_second_the_person_and_the_reason() -> None:
    fact = BreakAccepted(T0 + 999_999_999, Decimal(10_000), Decimal("9998.75"), "anna", "a fee of theirs")

    assert accepted_sentence(fact) == (
        "cash was accepted at the broker's 9998.75 instead of 10000 at 2024-01-02T15:00:00Z by anna: a fee of theirs"
    )


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"changes": {"Dip": Decimal(-5)}}, "the difference is -6, and -5 of it is booked"),
        ({"price": None}, "price must be an exact number"),
        ({"reason": " "}, "reason"),
    ],
)
def test_a_fact_that_does_not_add_up_is_refused(changes: dict[str, Any], match: str) -> None:
    whole = {"changes": {"Dip": Decimal(-6)}, "price": PRICE, "symbol": SYMBOL, "who": "anna", "reason": "asked them"}
    with pytest.raises(InputError, match=match):
        BreakAccepted(T0, Decimal(10), Decimal(4), **{**whole, **changes})  # type: ignore[arg-type]  # fields by name
