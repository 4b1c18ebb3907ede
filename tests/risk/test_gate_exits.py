"""What the gate takes for an exit: together they close what their strategy holds, once, and never turn it round."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.builders import T0
from risk.builders import SELL, Desk, a_limit, a_stop, an_exit, an_order, fill, holds, lower
from tapeline.domain.control import TradingState
from tapeline.domain.order import Order
from tapeline.domain.reports import Request
from tapeline.domain.times import SECOND
from tapeline.domain.words import Purpose, Reason, Side
from tapeline.ledger.order_facts import CancelIntended, OrderCanceled, OrderIntended, OutcomeLost


@pytest.mark.parametrize(
    ("held", "order", "reduces"),
    [
        (10.0, an_order(**SELL), True),
        (10.0, an_order(quantity=Decimal(11), **SELL), False),
        (10.0, an_order(), False),
        (-10.0, an_order(), True),
        (0.0, an_order(**SELL), False),
    ],
)
def test_what_makes_a_position_smaller_is_a_reduction(held: float, order: Order, reduces: bool) -> None:
    assert Desk(held=held).gate.is_reduction(order) is reduces


def test_two_exits_that_together_cross_zero_are_not_both_reductions() -> None:
    desk = Desk(held=10.0)
    desk.work(an_order("first", quantity=Decimal(6), **SELL))

    assert desk.gate.is_reduction(an_order("second", quantity=Decimal(4), **SELL))
    assert not desk.gate.is_reduction(an_order("second", quantity=Decimal(5), **SELL))


def test_an_exit_of_unknown_outcome_counts_as_if_it_worked() -> None:
    desk = Desk(held=10.0)
    desk.work(an_order("first", quantity=Decimal(6), **SELL))
    desk.record(OutcomeLost(T0, "first", Request.CANCEL, "no answer"))

    assert not desk.gate.is_reduction(an_order("second", quantity=Decimal(5), **SELL))


def test_stop_and_target_of_one_group_count_once() -> None:
    desk = Desk(held=10.0)
    desk.work(a_stop("95", "stop", group="pair", **SELL))
    desk.work(a_limit("105", "target", group="pair", **SELL))

    assert not desk.gate.is_reduction(an_order("exit", quantity=Decimal(1), **SELL))
    desk.held = 15.0
    assert desk.gate.is_reduction(an_order("exit", quantity=Decimal(5), **SELL))


def test_one_holding_is_closed_once() -> None:
    """Ten are held by Dip, ten by another: a second exit of Dip would sell what the other holds."""
    desk = Desk()
    holds(desk, 10)
    holds(desk, -10, "Other")
    lower(desk, TradingState.REDUCING)

    assert desk.ask(an_exit("first")) is None
    desk.record(OrderIntended(an_exit("first")))
    assert desk.ask(an_exit("second"), T0 + 9 * SECOND) == "trading_state"
    desk.record(OutcomeLost(T0, "first", Request.SUBMIT, ""))
    assert desk.ask(an_exit("third", 1), T0 + 9 * SECOND) == "trading_state"


def test_no_exit_is_for_more_than_its_strategy_holds_and_does_not_leave_already() -> None:
    """Also while trading is ACTIVE, and also where the account holds enough of other strategies."""
    desk = Desk(repeat_s=0.001)
    holds(desk, 10)
    holds(desk, 90, "Other")

    denial = desk.gate.ask(an_exit("eleven", 11), T0)
    assert denial is not None
    assert (denial.limit.word, denial.found, denial.bound) == ("position", 11.0, 10.0)
    assert denial.text == "Dip holds 10 ABCD to close by a SELL, and 0 of it leave already; 11 would overshoot"
    assert desk.ask(an_exit("opens", side=Side.BUY)) == "position"
    for name, purpose in (("stop", Purpose.STOP), ("target", Purpose.TARGET)):
        pair = an_exit(name, 6, purpose, group="pair")
        assert desk.ask(pair) is None
        desk.work(pair)
    assert desk.ask(an_exit("five", 5)) == "position"
    assert desk.ask(an_exit("four", 4)) is None
    assert desk.ask(an_exit("others", 90, strategy="Other")) is None


def test_what_replaces_a_stop_that_is_called_back_is_an_exit() -> None:
    desk = Desk()
    holds(desk, 10)
    holds(desk, -10, "Other")
    lower(desk, TradingState.REDUCING)
    for name in ("stop", "target"):
        desk.work(an_exit(name, purpose=Purpose.STOP, group="pair"))
    assert desk.ask(an_exit("close")) == "trading_state"

    for name in ("stop", "target"):
        desk.record(CancelIntended(T0, name, purpose=Purpose.EXIT_RULE))
    assert desk.ask(an_exit("close"), T0 + 9 * SECOND) is None


def test_a_pair_takes_its_part_once() -> None:
    """Six by a pair of which one cancels the other: four are left to sell."""
    desk = Desk()
    holds(desk, 10)
    holds(desk, -10, "Other")
    lower(desk, TradingState.REDUCING)
    for name, purpose in (("stop", Purpose.STOP), ("target", Purpose.TARGET)):
        pair = an_exit(name, 6, purpose, group="pair")
        assert desk.ask(pair) is None
        desk.work(pair)

    assert desk.ask(an_exit("five", 5)) == "trading_state"
    assert desk.ask(an_exit("four", 4)) is None


WISHES = st.tuples(
    st.sampled_from([Side.BUY, Side.SELL]),
    st.integers(1, 12),
    st.sampled_from([Purpose.ENTRY, Purpose.EXIT_RULE, Purpose.STOP]),
    st.sampled_from([None, None, "pair", "other pair"]),
    st.sampled_from(["works", "fills", "works after the others were called back"]),
)


@pytest.mark.parametrize("state", [TradingState.ACTIVE, TradingState.REDUCING])
@given(st.lists(WISHES, min_size=1, max_size=30), st.integers(-20, 20).filter(bool), st.randoms(use_true_random=False))
def test_no_sequence_of_fills_of_exits_or_of_anything_while_reducing_makes_a_position_larger(
    state: TradingState, wishes: list[tuple[Side, int, Purpose, str | None, str]], held: int, random: Random
) -> None:
    """Entries and exits, single and in groups: whatever passes is filled at once or later, in any order.

    What is called back ends before anything else fills: an exit that follows a cancel counts on that.
    """
    if state is TradingState.ACTIVE:
        wishes = [wish for wish in wishes if wish[2] is not Purpose.ENTRY]
    desk = Desk(orders_per_second=1_000, orders_per_minute=10_000, repeat_s=0.001)
    holds(desk, held)
    holds(desk, 100 if held > 0 else -100, "Other")
    if state is not TradingState.ACTIVE:
        lower(desk, state)

    def check() -> None:
        now = int(desk.views.position("Dip", "ABCD").quantity)
        assert now * held >= 0
        assert abs(now) <= abs(held)

    for number, (side, quantity, purpose, group, then) in enumerate(wishes):
        called_back = [*desk.views.orders.working] if "after" in then else []
        for name in called_back:
            desk.record(CancelIntended(T0, name, purpose=purpose))
        terms: dict[str, Any] = {"side": side, "quantity": Decimal(quantity), "purpose": purpose, "group": group}
        order = an_order(f"o{number}", **terms)
        if desk.ask(order, T0 + number * SECOND) is None:
            desk.work(order)
        for name in called_back:
            desk.record(OrderCanceled(T0, name, Reason.REQUESTED))
        if then == "fills" and order.client_order_id in desk.views.orders.working:
            fill(desk, order.client_order_id)
            check()
    while working := [*desk.views.orders.working]:
        fill(desk, random.choice(working))
        check()
