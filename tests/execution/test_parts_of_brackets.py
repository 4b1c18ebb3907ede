"""Entries in parts with stop and target of their own, replaces of several orders at once, and what is denied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from execution.by_hand import say
from execution.parents_machine import ParentTrader
from tapeline.domain.order import Order, client_order_id
from tapeline.domain.parent import ParentEnd
from tapeline.domain.times import MINUTE
from tapeline.domain.words import Limit, OrderType, Purpose, Role, Side, TimeInForce
from tapeline.execution.algorithms.schedules import plan_of
from tapeline.ledger.canonical import decode
from tapeline.ledger.order_facts import (
    CancelIntended,
    OrderDenied,
    OrderIntended,
    OrderTriggered,
    ReplaceDenied,
    ReplaceIntended,
)
from tapeline.ledger.parent_facts import ParentOrderIntended, ParentOrderStopped
from tapeline.ledger.parent_orders import ParentState
from tapeline.risk.denial import Denial
from tapeline.simulation.execution_settings import Algorithm, limit, twap

TWO_PARTS = twap(minutes=10, every_minutes=5, jitter=0.0)


@pytest.fixture
def trader() -> ParentTrader:
    trader = ParentTrader()
    trader.ready()
    return trader


def a_bracket(trader: ParentTrader, algorithm: Algorithm = TWO_PARTS, **stop_terms: Any) -> ParentState:
    """Intend to buy ten in parts, with a stop at 95, or of other terms, and a target at 110."""
    at = trader.now
    entry = Order(
        client_order_id("Dip", "A", at, 1, 0), "Dip", "A", Side.BUY, OrderType.MARKET, Decimal(10), at, 1,
        TimeInForce.DAY, role=Role.ENTRY, purpose=Purpose.ENTRY,
    )  # fmt: skip
    leg: dict[str, Any] = {"side": Side.SELL, "parent": entry.client_order_id, "group": entry.client_order_id}
    stop = replace(
        entry, **leg, client_order_id=client_order_id("Dip", "A", at, 2, 0), sequence=2, role=Role.STOP,
        purpose=Purpose.STOP, **(stop_terms or {"order_type": OrderType.STOP, "stop_price": Decimal(95)}),
    )  # fmt: skip
    target = replace(
        entry, **leg, client_order_id=client_order_id("Dip", "A", at, 3, 0), sequence=3, order_type=OrderType.LIMIT,
        limit_price=Decimal(110), role=Role.TARGET, purpose=Purpose.TARGET,
    )  # fmt: skip
    plan = plan_of(algorithm, at, None, None, closes=False, frame_ns=MINUTE)
    terms = algorithm.as_tree(), plan.as_tree(), stop, target, "signal", {"risk": "0.004"}, "instruction"
    trader.record(ParentOrderIntended(entry, algorithm.name, trader.markets.last, *terms))
    return trader.views.parents.states[entry.client_order_id]


def told(trader: ParentTrader, kind: type) -> list[Any]:
    return [fact for fact in map(decode, trader.journal) if isinstance(fact, kind)]


def test_each_part_of_a_bracket_has_a_stop_and_a_target_of_its_own_quantity(trader: ParentTrader) -> None:
    decided = trader.now
    a_bracket(trader)
    trader.settle_for(30)
    trader.work()
    trader.settle_for(300)
    trader.work()

    facts = told(trader, OrderIntended)

    assert [fact.order.client_order_id for fact in facts] == [
        client_order_id("Dip", "A", decided, sequence, attempt) for attempt in (1, 2) for sequence in (1, 2, 3)
    ]
    for part, *legs in (facts[:3], facts[3:]):
        name = part.order.client_order_id
        assert (part.order.quantity, part.order.parent, part.order.order_type) == (5, None, OrderType.MARKET)
        for fact, terms in zip(legs, [(OrderType.STOP, 95, None), (OrderType.LIMIT, None, 110)], strict=True):
            leg = fact.order
            assert (leg.order_type, leg.stop_price, leg.limit_price) == terms
            assert (leg.quantity, leg.parent, leg.group, leg.side) == (5, name, name, Side.SELL)
            assert leg.decision_time_ns == part.order.decision_time_ns
            assert (fact.signal_id, fact.sizing, fact.instruction_id) == ("signal", None, "instruction")
        assert (part.signal_id, part.sizing, part.instruction_id) == ("signal", {"risk": "0.004"}, "instruction")
    assert [fact.order.decision_time_ns for fact in facts[::3]] == [decided + 30 * 10**9, trader.now]


def test_a_stop_that_trails_is_one_of_each_part(trader: ParentTrader) -> None:
    a_bracket(trader, order_type=OrderType.TRAILING_STOP, trail_amount=Decimal(2))
    trader.work()

    (stop,) = [fact.order for fact in told(trader, OrderIntended) if fact.order.role is Role.STOP]
    assert (stop.order_type, stop.trail_amount, stop.stop_price, stop.quantity) == (OrderType.TRAILING_STOP, 2, None, 5)


def test_a_stop_that_was_moved_is_that_of_later_parts(trader: ParentTrader) -> None:
    a_bracket(trader)
    trader.work()
    trader.settle()
    stop = next(fact.order for fact in told(trader, OrderIntended) if fact.order.role is Role.STOP)
    fact = ReplaceIntended(trader.now, stop.client_order_id, stop_price=Decimal(97))
    trader.keeper.replace(trader.record(fact))
    trader.settle_for(300)
    trader.work()

    later = [fact.order for fact in told(trader, OrderIntended)][3:]

    assert [(leg.stop_price, leg.limit_price) for leg in later] == [(None, None), (97, None), (None, 110)]


@pytest.mark.parametrize("leg", [Role.STOP, Role.TARGET])
def test_when_a_stop_or_target_of_a_part_is_reached_nothing_more_is_entered(trader: ParentTrader, leg: Role) -> None:
    """Four of ten are entered and left again; the six that wait at the venue are called back."""
    state = a_bracket(trader, limit(minutes=30, timeout_s=1800))
    trader.work()
    trader.settle()
    part, *legs = [fact.order for fact in told(trader, OrderIntended)]
    trader.fill(part.client_order_id, 4)
    trader.settle()
    trader.fill(next(one.client_order_id for one in legs if one.role is leg), 4)
    trader.settle()
    trader.work_for(2)

    assert state.ended is not None
    assert (state.ended.reason, state.filled_quantity, len(state.children)) == (ParentEnd.EXIT, 4, 1)
    assert trader.status(part.client_order_id) == "CANCELED"
    assert trader.held() == 0
    assert [fact.purpose for fact in told(trader, CancelIntended)] == [Purpose.ENTRY]


def test_a_stop_that_was_triggered_and_has_not_filled_ends_the_entry_too(trader: ParentTrader) -> None:
    state = a_bracket(trader)
    trader.work()
    trader.settle()
    stop = next(fact.order for fact in told(trader, OrderIntended) if fact.order.role is Role.STOP)
    say(trader, OrderTriggered(trader.now, stop.client_order_id))

    assert state.stopped is not None
    assert state.stopped.reason is ParentEnd.EXIT


def test_all_orders_of_a_symbol_are_left_and_those_of_others_go_on(trader: ParentTrader) -> None:
    names = [trader.place_parent(limit(minutes=30, timeout_s=1800), 10, symbol) for symbol in ("A", "B", "A")]
    first, other, second = (trader.views.parents.states[name] for name in names)
    trader.work()
    trader.settle()

    trader.parents.stop_all("A", ParentEnd.CORPORATE_ACTION, trader.now)
    trader.parents.stop_all("A", ParentEnd.CANCELED, trader.now)
    trader.settle()
    trader.work_for(1)

    assert [state.ended is not None and state.ended.reason for state in (first, other, second)] == [
        ParentEnd.CORPORATE_ACTION, False, ParentEnd.CORPORATE_ACTION,
    ]  # fmt: skip
    assert [line.symbol for line in trader.venue.lines.values() if line.works] == ["B"]


def denying(refused: str) -> Callable[[ReplaceIntended, int], Denial | None]:
    def ask(fact: ReplaceIntended, now_ns: int) -> Denial | None:
        assert now_ns == fact.event_time_ns
        return Denial(Limit.COLLAR, 9, 5, "too far") if refused in ("any", fact.client_order_id) else None

    return ask


@pytest.mark.parametrize("refused", [None, 0, 1])
def test_several_orders_are_replaced_all_or_none(trader: ParentTrader, refused: int | None) -> None:
    names = [trader.place(quantity=quantity) for quantity in (10, 20)]
    trader.settle()
    wish = ReplaceIntended(
        trader.now, "parent", limit_price=Decimal(99), purpose=Purpose.ENTRY, signal_id="signal", quantity=Decimal(30)
    )
    trader.parents.denies_replace = denying("" if refused is None else names[refused])

    assert trader.parents.replace_each(names, wish) is (refused is None)
    trader.settle()

    assert [int(trader.venue.lines[name].quantity) for name in names] == ([30, 30] if refused is None else [10, 20])
    assert told(trader, ReplaceDenied) == (
        [] if refused is None else [
            ReplaceDenied(
                wish.event_time_ns, names[refused], "too far.", Limit.COLLAR, Decimal(30), Decimal(99), None,
                Purpose.ENTRY, "signal",
            )
        ]
    )  # fmt: skip


def test_a_stop_that_may_not_be_moved_is_recorded_with_where_it_was_to_stand(trader: ParentTrader) -> None:
    trader.parents.denies_replace = denying("any")

    assert not trader.parents.replace_each(["stop"], ReplaceIntended(trader.now, "parent", stop_price=Decimal(97)))
    assert told(trader, ReplaceDenied) == [
        ReplaceDenied(trader.now, "stop", "too far.", Limit.COLLAR, stop_price=Decimal(97))
    ]


def test_a_part_that_is_denied_is_recorded_with_what_was_wanted(trader: ParentTrader) -> None:
    state = a_bracket(trader)
    trader.is_denied = True
    trader.work()

    (name,) = state.children
    assert told(trader, OrderDenied) == [
        OrderDenied(
            trader.now, name, "Dip", "A", Side.BUY, "5 at MARKET: too many.", Limit.ORDER_RATE, Purpose.ENTRY,
            Decimal(5), "signal",
        )
    ]  # fmt: skip
    assert told(trader, OrderIntended) == []


def test_a_new_price_that_is_denied_leaves_the_part_as_it_is(trader: ParentTrader) -> None:
    name = trader.place_parent(limit(minutes=30), 10)
    trader.work()
    trader.settle()
    trader.parents.denies_replace = denying("any")
    trader.settle_for(60)
    trader.work()

    (child,) = trader.views.parents.states[name].children.values()
    (denied,) = told(trader, ReplaceDenied)
    assert child.times_priced == 1
    assert (denied.client_order_id, denied.limit_price, denied.purpose) == (child.client_order_id, 100, Purpose.ENTRY)
    assert told(trader, ReplaceIntended) == []


def test_a_short_holding_is_bought_back_in_parts_and_no_more_of_it_than_is_held(trader: ParentTrader) -> None:
    sold = trader.place("A", side=Side.SELL, quantity=10)
    trader.settle()
    trader.fill(sold, 10)
    trader.settle()
    name = trader.place_parent(TWO_PARTS, 14, side=Side.BUY, purpose=Purpose.EXIT_RULE)
    for _ in range(12):
        trader.work()
        trader.settle()
        for line in [*trader.venue.lines.values()]:
            if line.works:
                trader.fill(line.name, int(line.leaves))
        trader.settle_for(60)

    assert trader.held() == 0
    assert trader.views.parents.states[name].filled_quantity == 10


def test_a_cancel_of_a_parent_tells_for_what_purpose_also_of_one_that_has_stopped(trader: ParentTrader) -> None:
    state = a_bracket(trader, limit(minutes=30, timeout_s=1800))
    trader.work()
    trader.settle()
    trader.parents.stop_all("A", ParentEnd.CORPORATE_ACTION, trader.now)
    trader.parents.cancel(state, CancelIntended(trader.now, state.name, purpose=Purpose.FLATTEN))
    trader.settle()

    assert told(trader, ParentOrderStopped) == [
        ParentOrderStopped(trader.now, state.name, ParentEnd.CORPORATE_ACTION),
        ParentOrderStopped(trader.now, state.name, ParentEnd.CANCELED, Purpose.FLATTEN),
    ]
    assert state.ended is not None and state.ended.reason is ParentEnd.CORPORATE_ACTION
