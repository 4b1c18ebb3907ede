"""The check before orders that no strategy asked for: `flatten` sends nothing that overshoots, and not all at once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ledger.builders import T0
from risk.builders import Desk, an_order
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.position import ZERO
from tapeline.domain.times import SECOND
from tapeline.domain.words import Limit, Purpose, Side
from tapeline.execution.flatten import Flattening
from tapeline.ledger.control_facts import TradingStateChanged
from tapeline.ledger.facts import OrderDenied, OrderFilled
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
    sent: list[str] = []
    recorded: list[Fact] = []

    def record(fact: Fact) -> Fact:
        recorded.append(fact)
        desk.record(fact)
        return fact

    flattening = Flattening(
        desk.views, record, lambda orders: sent.extend(o.symbol for o in orders), lambda _: None, desk.gate.ask_flatten
    )
    flattening.advance(T0 + SECOND)
    assert sent == ["A", "B"]
    flattening.advance(T0 + SECOND + SECOND // 2)
    assert sent == ["A", "B"]
    assert not flattening.advance(T0 + 2 * SECOND)
    assert sent == ["A", "B", "C"]
    assert not any(isinstance(fact, OrderDenied) for fact in recorded)


def test_what_is_denied_is_recorded_and_asked_again_later() -> None:
    desk = holding("ABCD")
    answers = [Denial(Limit.POSITION, 11.0, 10.0, "10 are held"), None]
    sent: list[Order] = []
    recorded: list[Fact] = []

    def record(fact: Fact) -> Fact:
        recorded.append(fact)
        desk.record(fact)
        return fact

    flattening = Flattening(desk.views, record, sent.extend, lambda _: None, lambda order, now_ns: answers.pop(0))
    flattening.advance(T0 + SECOND)
    assert not sent
    (denied,) = recorded
    assert isinstance(denied, OrderDenied)
    assert (denied.purpose, denied.limit, denied.reason) == (Purpose.FLATTEN, Limit.POSITION, "10 are held.")
    flattening.advance(T0 + 6 * SECOND)
    assert [order.quantity for order in sent] == [Decimal(10)]


@given(st.dictionaries(st.sampled_from("ABCDE"), st.integers(-300, 300).filter(bool), max_size=5))
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
    sent: list[Order] = []

    def record(fact: Fact) -> Fact:
        desk.record(fact)
        return fact

    flattening = Flattening(desk.views, record, sent.extend, lambda _: None, lambda order, now_ns: None)
    is_flat = flattening.advance(T0 + SECOND)

    total = sum(held.values())
    assert sum(int(order.side) * int(order.quantity) for order in sent) == -total
    assert len({order.side for order in sent}) <= 1
    assert all(order.quantity <= abs(held[order.strategy]) for order in sent)
    assert is_flat is (total == 0)
