"""The check before orders that no strategy asked for: `flatten` sends nothing that overshoots, and not all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from execution.by_hand import with_position
from execution.running import Trader
from ledger.builders import T0
from risk.builders import Desk, an_order
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order, client_order_id
from tapeline.domain.position import ZERO
from tapeline.domain.times import SECOND
from tapeline.domain.words import Limit, OrderStatus, Purpose, Reason, Side, TimeInForce
from tapeline.execution.flatten import Flattening
from tapeline.execution.messages import Cancel, Submit
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.settings import PERFECT
from tapeline.ledger.canonical import decode
from tapeline.ledger.control_facts import Flattened, SymbolLocked, TradingStateChanged
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
)
from tapeline.ports.journal import Fact
from tapeline.risk.denial import Denial


def holding(*symbols: str, **settings: float) -> Desk:
    """Return a halted desk that holds ten of each symbol."""
    desk = Desk(**settings)
    for symbol in symbols:
        order = an_order(f"entry-{symbol}", symbol=symbol)
        desk.work(order)
        execution = Execution(
            f"E-{symbol}", order.client_order_id, "Dip", symbol, Side.BUY, Decimal(10), Decimal(100), Decimal(0), T0
        )
        desk.record(OrderFilled(execution, Decimal(0)))
    desk.record(TradingStateChanged(T0, TradingState.HALTED, Trigger.PERSON, "anna", "news"))
    return desk


def a_keeper(desk: Desk, record: Callable[[Fact], Any]) -> OrderKeeper:
    """Return a keeper before a venue that loses nothing."""
    return OrderKeeper(desk.views, record, PERFECT, random=Random(0))


def leaving(keeper: OrderKeeper) -> list[Order]:
    return [order for message in keeper.outbox(T0) if isinstance(message, Submit) for order in message.orders]


def closing(quantity: int, side: Side = Side.SELL) -> Order:
    return an_order("close", quantity=Decimal(quantity), side=side, purpose=Purpose.FLATTEN)


def test_a_closing_order_leaves_while_trading_is_halted_and_for_a_symbol_of_no_strategy() -> None:
    desk = holding("ABCD", "FOREIGN")

    assert desk.gate.ask_flatten(closing(10), T0) is None
    assert desk.gate.ask_flatten(an_order("other", symbol="FOREIGN", side=Side.SELL), T0) is None


def test_a_closing_order_that_would_overshoot_is_denied_with_both_numbers() -> None:
    desk = holding("ABCD")
    more, wrong_side = desk.gate.ask_flatten(closing(11), T0), desk.gate.ask_flatten(closing(10, Side.BUY), T0)

    assert more is not None
    assert (more.limit, more.found, more.bound) == (Limit.POSITION, 11.0, 10.0)
    assert more.text == "10 ABCD are held; closing 11 by a SELL would overshoot"
    assert wrong_side is not None


def test_what_the_rate_has_no_room_for_goes_with_a_later_turn_and_nothing_is_denied() -> None:
    desk = holding("A", "B", "C", orders_per_second=2)
    recorded: list[Fact] = []

    def record(fact: Fact) -> Fact:
        recorded.append(fact)
        desk.record(fact)
        return fact

    keeper = a_keeper(desk, record)
    flattening = Flattening(desk.views, record, keeper, desk.gate.ask_flatten)
    flattening.advance(T0 + SECOND)
    assert [order.symbol for order in leaving(keeper)] == ["A", "B"]
    flattening.advance(T0 + SECOND + SECOND // 2)
    assert leaving(keeper) == []
    assert not flattening.advance(T0 + 2 * SECOND)
    assert [order.symbol for order in leaving(keeper)] == ["C"]
    assert not any(isinstance(fact, OrderDenied) for fact in recorded)


def test_what_is_denied_is_recorded_and_asked_again_later() -> None:
    desk = holding("ABCD")
    answers = [Denial(Limit.POSITION, 11.0, 10.0, "10 are held"), None]
    recorded: list[Fact] = []

    def record(fact: Fact) -> Fact:
        recorded.append(fact)
        desk.record(fact)
        return fact

    keeper = a_keeper(desk, record)
    flattening = Flattening(desk.views, record, keeper, lambda order, now_ns: answers.pop(0))
    flattening.advance(T0 + SECOND)
    assert leaving(keeper) == []
    (denied,) = recorded
    assert isinstance(denied, OrderDenied)
    assert (denied.purpose, denied.limit, denied.reason) == (Purpose.FLATTEN, Limit.POSITION, "10 are held.")
    flattening.advance(T0 + 6 * SECOND)
    assert [order.quantity for order in leaving(keeper)] == [Decimal(10)]


def recording(desk: Desk) -> tuple[list[Any], Callable[[Fact], Any]]:
    recorded: list[Any] = []

    def record(fact: Fact) -> Any:
        recorded.append(desk.record(fact))
        return recorded[-1]

    return recorded, record


def a_stop(desk: Desk, symbol: str, **terms: Any) -> str:
    name = f"stop-{symbol}"
    desk.work(an_order(name, symbol=symbol, side=Side.SELL, purpose=Purpose.STOP, **terms))
    return name


def test_nothing_is_closed_before_what_works_in_its_symbol_has_ended_and_other_symbols_do_not_wait() -> None:
    desk = holding("A", "B")
    stop = a_stop(desk, "A")
    recorded, record = recording(desk)
    keeper = a_keeper(desk, record)
    flattening = Flattening(desk.views, record, keeper, lambda order, now_ns: None)
    now = T0 + SECOND

    flattening.advance(now)
    messages = keeper.outbox(now)

    assert [type(message) for message in messages] == [Cancel, Submit]
    assert recorded[0] == CancelIntended(now, stop, 1, Purpose.FLATTEN)
    assert [fact.order.symbol for fact in recorded[1:]] == ["B"]
    desk.record(OrderCanceled(now, stop, Reason.REQUESTED))
    flattening.advance(now + 1)
    assert [order.symbol for order in leaving(keeper)] == ["A"]


def test_a_cancel_is_asked_for_again_five_seconds_after_it_was_refused_and_never_while_it_is_under_way() -> None:
    desk = holding("A", "B")
    stops = [a_stop(desk, "A"), a_stop(desk, "B")]
    recorded, record = recording(desk)
    flattening = Flattening(desk.views, record, a_keeper(desk, record), lambda order, now_ns: None)
    now = T0 + SECOND

    flattening.advance(now)
    flattening.advance(now + 60 * SECOND)
    assert [(fact.client_order_id, fact.sequence) for fact in recorded] == [(stops[0], 1), (stops[1], 2)]

    now += 61 * SECOND
    desk.record(CancelRejected(now, stops[0], OrderStatus.NEW))
    flattening.advance(now)
    assert len(recorded) == 3
    desk.record(CancelRejected(now, stops[0], OrderStatus.NEW))
    flattening.advance(now + 5 * SECOND - 1)
    assert len(recorded) == 3
    flattening.advance(now + 5 * SECOND)
    assert recorded[3] == CancelIntended(now + 5 * SECOND, stops[0], 4, Purpose.FLATTEN)


def test_a_closing_order_that_was_denied_rests_five_seconds_and_others_do_not_wait_for_it() -> None:
    """Of another account, with all that the desk must know of it."""
    desk = holding("B")
    hold_in(desk, "first", 1)
    stop = a_stop(desk, "B")
    recorded, record = recording(desk)
    asked: list[Order] = []

    def deny(order: Order, now_ns: int) -> Denial | None:
        asked.append(order)
        return Denial(Limit.POSITION, 11.0, 10.0, "nothing is held") if order.symbol == "ABCD" else None

    keeper = OrderKeeper(desk.views, record, PERFECT, random=Random(0), account="first")
    flattening = Flattening(desk.views, record, keeper, deny)
    now = T0 + 60 * SECOND
    flattening.advance(now)
    (order,) = asked
    assert (order.side, order.quantity, order.decision_time_ns, order.time_in_force, order.account) == (
        Side.SELL, 1, now, TimeInForce.GTC, "first",
    )  # fmt: skip
    assert recorded[-1] == OrderDenied(
        now, order.client_order_id, "Dip", "ABCD", Side.SELL, "nothing is held.", Limit.POSITION, Purpose.FLATTEN,
        Decimal(1), account="first",
    )  # fmt: skip

    desk.record(OrderCanceled(now, stop, Reason.REQUESTED))
    flattening.advance(now + 5 * SECOND - 1)
    assert [order.symbol for order in asked] == ["ABCD", "B"]
    flattening.advance(now + 5 * SECOND)
    assert [order.symbol for order in asked] == ["ABCD", "B", "ABCD"]
    assert len({order.client_order_id for order in asked}) == len({order.sequence for order in asked}) == 3


def hold_in(desk: Desk, account: str, quantity: int) -> None:
    side = Side.BUY if quantity > 0 else Side.SELL
    desk.work(an_order(f"entry-{account}", account=account, side=side, quantity=Decimal(abs(quantity))))
    execution = Execution(
        f"E-{account}", f"entry-{account}", "Dip", "ABCD", side, Decimal(abs(quantity)), Decimal(9), ZERO, T0,
        account=account,
    )  # fmt: skip
    desk.record(OrderFilled(execution, Decimal(0)))


def test_accounts_are_closed_each_by_what_it_holds() -> None:
    desk = holding("ABCD")
    hold_in(desk, "second", -10)
    keeper = a_keeper(desk, desk.record)

    Flattening(desk.views, desk.record, keeper, lambda order, now_ns: None).advance(T0 + SECOND)

    assert {(order.account, order.side, int(order.quantity)) for order in leaving(keeper)} == {
        ("main", Side.SELL, 10), ("second", Side.BUY, 10),
    }  # fmt: skip


def test_a_closing_order_has_an_id_of_its_own_where_the_strategy_has_ordered_in_the_same_second() -> None:
    """Ids tell seconds: what the strategy sent in this one, or a flatten before a restart, keeps its name."""
    desk = holding()
    now = T0 + SECOND
    taken = [client_order_id("Dip", "ABCD", now, number) for number in (1, 2)]
    for name in taken:
        desk.work(an_order(name))
        execution = Execution(f"E-{name}", name, "Dip", "ABCD", Side.BUY, Decimal(10), Decimal(9), ZERO, T0)
        desk.record(OrderFilled(execution, Decimal(0)))
    keeper = a_keeper(desk, desk.record)

    Flattening(desk.views, desk.record, keeper, lambda order, now_ns: None).advance(now)

    (order,) = leaving(keeper)
    assert order.client_order_id not in taken
    assert order.quantity == 20


@given(st.dictionaries(st.sampled_from("ABCDE"), st.integers(-300, 300).filter(bool), max_size=5))
@example({"A": 1})
@example({"A": -1, "B": 2})
def test_together_the_closing_orders_are_what_the_account_holds_all_on_one_side(held: dict[str, int]) -> None:
    """Whatever five strategies hold of a symbol, long and short."""
    desk = Desk()
    for strategy, quantity in held.items():
        side = Side.BUY if quantity > 0 else Side.SELL
        desk.work(replace(an_order(f"of-{strategy}", quantity=Decimal(abs(quantity)), side=side), strategy=strategy))
        execution = Execution(
            f"E-{strategy}",
            f"of-{strategy}",
            strategy,
            "ABCD",
            side,
            Decimal(abs(quantity)),
            Decimal(9),
            ZERO,
            T0,
        )
        desk.record(OrderFilled(execution, Decimal(0)))
    keeper = a_keeper(desk, desk.record)
    is_flat = Flattening(desk.views, desk.record, keeper, lambda order, now_ns: None).advance(T0 + SECOND)
    sent = leaving(keeper)

    total = sum(held.values())
    assert sum(int(order.side) * int(order.quantity) for order in sent) == -total
    assert len({order.side for order in sent}) <= 1
    assert all(order.quantity <= abs(held[order.strategy]) for order in sent)
    assert is_flat is (total == 0)


def flattened(trader: Trader) -> Flattening:
    return Flattening(trader.views, trader.record, trader.keeper, lambda order, now_ns: None)


def test_flat_by_our_books_alone_is_not_done() -> None:
    """The venue holds ten that no execution explains: it is done when a comparison begun after the close agrees."""
    trader = with_position(Trader().ready())
    flattening = flattened(trader)
    assert not flattening.advance(trader.now)
    trader.settle()
    (close,) = trader.views.orders.working
    trader.fill(close, 10)
    trader.settle()
    trader.venue.positions["A"] += 10
    assert not trader.held() and not trader.views.orders.working

    assert not flattening.advance(trader.now)
    trader.settle_for(5)
    assert trader.views.control.locks
    assert not flattening.advance(trader.now)

    trader.venue.positions["A"] -= 10
    trader.settle_for(310)
    assert not trader.views.control.locks
    assert flattening.advance(trader.now)
    assert decode(trader.journal[-1]) == Flattened(trader.now)


def test_what_a_comparison_after_the_close_finds_is_closed_too() -> None:
    """An order of somebody else filled meanwhile: it is adopted, closed, and the books are compared once more."""
    trader = Trader().ready()
    flattening = flattened(trader)
    compared = len([fact for fact in trader.recorded if fact.kind == "Reconciled"])
    assert not flattening.advance(trader.now)
    trader.venue.place_by_hand("theirs", "A", Side.BUY, 10, "100")
    trader.venue.fill("theirs", trader.now, Decimal(10), Decimal(100))  # nobody is told
    trader.settle_for(5)
    assert trader.held() == 10

    assert not flattening.advance(trader.now)
    trader.settle()
    (close,) = trader.views.orders.working
    trader.fill(close, 10)
    trader.settle()
    assert not flattening.advance(trader.now)
    trader.settle_for(5)

    assert flattening.advance(trader.now)
    assert len([fact for fact in trader.recorded if fact.kind == "Reconciled"]) >= compared + 2
    trader.assert_settled()


def test_a_gap_puts_off_the_end() -> None:
    trader = Trader().ready()
    flattening = flattened(trader)
    assert not flattening.advance(trader.now)
    trader.link.lose(letters_arrive=False)
    trader.turn()
    assert not flattening.advance(trader.now)
    trader.link.restore()
    trader.settle_for(5)
    assert not flattening.advance(trader.now)  # it is asked once more, now that nothing can be missing
    trader.settle_for(5)

    assert flattening.advance(trader.now)


def locked(desk: Desk, ours: int, theirs: int | None) -> SymbolLocked:
    there = None if theirs is None else Decimal(theirs)
    return desk.record(SymbolLocked(T0 + 1, "ABCD", Decimal(ours), there))


@pytest.mark.parametrize(
    ("theirs", "sold"), [(4, [4]), (25, [10]), (0, []), (-7, []), (None, [])], ids=lambda value: f"{value}"
)
def test_of_a_locked_symbol_only_what_both_books_hold_is_closed(theirs: int | None, sold: list[int]) -> None:
    """Ten by ours. What the venue holds beyond that, or on the other side, is nobody's to close until it clears."""
    desk = holding("ABCD")
    locked(desk, 10, theirs)
    keeper = a_keeper(desk, desk.record)
    flattening = Flattening(desk.views, desk.record, keeper, desk.gate.ask_flatten)

    assert not flattening.advance(T0 + SECOND)

    assert [int(order.quantity) for order in leaving(keeper)] == sold
    denial = desk.gate.ask_flatten(closing(10), T0 + SECOND)
    assert denial is None if theirs == 25 else denial is not None and "of 10 by the venue's books too" in denial.text


def test_a_closing_order_that_a_lock_makes_too_large_is_called_back() -> None:
    desk = holding("ABCD")
    keeper = a_keeper(desk, desk.record)
    flattening = Flattening(desk.views, desk.record, keeper, desk.gate.ask_flatten)
    flattening.advance(T0 + SECOND)
    (order,) = leaving(keeper)
    desk.record(OrderAccepted(T0 + SECOND, order.client_order_id))
    flattening.advance(T0 + 2 * SECOND)
    assert keeper.outbox(T0) == []

    locked(desk, 10, 4)
    flattening.advance(T0 + 3 * SECOND)
    assert [type(message) for message in keeper.outbox(T0)] == [Cancel]

    desk.record(OrderCanceled(T0 + 4 * SECOND, order.client_order_id, Reason.REQUESTED))
    flattening.advance(T0 + 10 * SECOND)
    assert [order.quantity for order in leaving(keeper)] == [Decimal(4)]


@given(
    st.integers(-20, 20).filter(bool),
    st.one_of(st.none(), st.integers(-20, 20)),
    st.lists(st.integers(1, 20), max_size=8),
)
def test_whatever_a_lock_says_the_venues_position_is_only_made_smaller(
    ours: int, theirs: int | None, fills: list[int]
) -> None:
    """Closing orders are filled in pieces, at the venue as in the books, and its position is counted apart."""
    desk = Desk(orders_per_second=1_000, orders_per_minute=10_000)
    entry = an_order("entry", quantity=Decimal(abs(ours)), side=Side.BUY if ours > 0 else Side.SELL)
    desk.work(entry)
    fill(desk, entry, abs(ours), "E-0")
    if theirs != ours:
        locked(desk, ours, theirs)
    there = theirs or 0
    keeper = a_keeper(desk, desk.record)
    flattening = Flattening(desk.views, desk.record, keeper, desk.gate.ask_flatten)
    closed = 0
    for number, quantity in enumerate(fills, start=1):
        flattening.advance(T0 + number * 10 * SECOND)
        leaving(keeper)
        for state in [*desk.views.orders.working.values()]:
            part = min(quantity, int(state.leaves_quantity))
            fill(desk, state.order, part, f"E-{number}", left=int(state.leaves_quantity) - part)
            closed += part
            before, there = there, there + int(state.order.side) * part
            assert abs(there) < abs(before) and there * before >= 0
    both = min(abs(ours), abs(theirs)) if theirs is not None and theirs * ours > 0 else 0
    assert closed <= both
    if fills and min(fills) == 20:
        assert closed == both


def fill(desk: Desk, order: Order, quantity: int, name: str, left: int = 0) -> None:
    execution = Execution(
        name, order.client_order_id, "Dip", "ABCD", order.side, Decimal(quantity), Decimal(100), ZERO, T0
    )
    desk.record(OrderFilled(execution, Decimal(left)))
