"""Exits after an execution was busted, corrected or late: never for more than is held, and nothing else touched."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from ledger.builders import T0
from risk.builders import Desk, an_order
from tapeline.domain.adopted import EXTERNAL, Grounds
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.parent import Pricing
from tapeline.domain.words import OrderType, Purpose, Reason, Side
from tapeline.execution.fitting import Fitting
from tapeline.execution.messages import Cancel, Message, Replace
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.settings import PERFECT
from tapeline.ledger.adopted_facts import BreakAccepted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import (
    CancelIntended,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderReplaced,
    ReplaceIntended,
)
from tapeline.ledger.parent_facts import ChildOrderPriced, ParentOrderIntended
from tapeline.ports.journal import Fact

PRICE, GROUNDS, NOW = Decimal(100), Grounds("venue"), T0 + 7


class Floor:
    """A strategy that bought six and four, and what becomes of its exits; called_back : as the fitting told it."""

    def __init__(self, strategy: str = "Dip") -> None:
        self.desk, self.strategy = Desk(), strategy
        self.keeper = OrderKeeper(self.desk.views, self.desk.record, PERFECT, random=Random(0))
        self.called_back: list[str] = []
        self.fitting = Fitting(["Dip"], self.desk.views, self.desk.record, self.keeper, self.called_back.append)
        self.six, self.four = self.bought("six", 6), self.bought("four", 4)

    def bought(self, name: str, quantity: int) -> Execution:
        order = an_order(name, strategy=self.strategy, quantity=Decimal(quantity))
        self.desk.work(order)
        return self.filled(order, quantity)

    def filled(self, order: Order, quantity: int, left: int = 0) -> Execution:
        name = order.client_order_id
        execution = Execution(
            f"E-{name}", name, order.strategy, "ABCD", order.side, Decimal(quantity), PRICE, Decimal(0), T0
        )
        self.desk.record(OrderFilled(execution, Decimal(left)))
        return execution

    def exit(self, name: str, quantity: int, purpose: Purpose = Purpose.STOP, **terms: Any) -> Order:
        """Let an exit work."""
        known: dict[str, Any] = {"strategy": self.strategy, "side": Side.SELL, "quantity": Decimal(quantity)}
        if purpose is Purpose.STOP:
            known |= {"order_type": OrderType.STOP, "stop_price": Decimal(90)}
        order = an_order(name, **{**known, "purpose": purpose, **terms})
        self.desk.work(order)
        return order

    def fit(self, *facts: Fact) -> list[Message]:
        """Take facts in and fit the exits; return what leaves."""
        self.fitting.fit([self.desk.record(fact) for fact in facts], NOW)
        return self.keeper.outbox(NOW)

    def bust(self, execution: Execution) -> ExecutionBusted:
        return ExecutionBusted(T0, execution, GROUNDS, leaves_quantity=Decimal(0))


def replaced(name: str, quantity: int, purpose: Purpose = Purpose.STOP) -> Replace:
    return Replace(ReplaceIntended(NOW, name, quantity=Decimal(quantity), purpose=purpose))


def canceled(name: str) -> Cancel:
    return Cancel(CancelIntended(NOW, name, purpose=Purpose.STOP))


def test_after_a_bust_the_stop_is_for_what_is_left() -> None:
    floor = Floor()
    floor.exit("stop", 10)

    assert floor.fit(floor.bust(floor.four)) == [replaced("stop", 6)]
    assert floor.called_back == []


def test_a_pair_is_called_back_whole_and_set_anew() -> None:
    floor = Floor()
    floor.exit("stop", 10, group="pair")
    floor.exit("target", 10, Purpose.TARGET, group="pair")

    assert floor.fit(floor.bust(floor.four)) == [canceled("stop"), canceled("target")]
    assert floor.called_back == ["stop", "target"]


@pytest.mark.parametrize(("quantity", "leaving"), [(1, [replaced("stop", 7)]), (4, [])])
def test_after_a_correction_the_stop_is_for_no_more_than_was_bought_in_truth(
    quantity: int, leaving: list[Message]
) -> None:
    floor = Floor()
    floor.exit("stop", 10)
    right = replace(floor.four, execution_id="right", quantity=Decimal(quantity))

    assert floor.fit(ExecutionCorrected(T0, floor.four, right, GROUNDS, leaves_quantity=Decimal(0))) == leaving


@pytest.mark.parametrize("end", [OrderCanceled(T0, "sale", Reason.REQUESTED), OrderExpired(T0, "sale")])
def test_after_a_fill_of_an_exit_that_was_taken_for_ended_the_stop_is_for_what_is_left(end: Fact) -> None:
    floor = Floor()
    sale = floor.exit("sale", 6, Purpose.EXIT_RULE)
    floor.desk.record(end)
    floor.exit("stop", 10)
    late = Execution("E-late", "sale", "Dip", "ABCD", sale.side, Decimal(3), PRICE, Decimal(0), T0)

    assert floor.fit(OrderFilled(late, Decimal(0))) == [replaced("stop", 7)]


def test_a_fill_that_was_waited_for_is_the_strategy_s_own_business() -> None:
    """Its book makes the stop smaller, or ends it, by itself."""
    floor = Floor()
    floor.exit("sale", 6, Purpose.EXIT_RULE)
    floor.exit("stop", 10)
    part, rest = [
        Execution(f"E-{n}", "sale", "Dip", "ABCD", Side.SELL, Decimal(3), PRICE, Decimal(0), T0) for n in (1, 2)
    ]

    assert floor.fit(OrderFilled(part, Decimal(3))) == []
    assert floor.fit(OrderFilled(rest, Decimal(0))) == []


@pytest.mark.parametrize("strategy", [EXTERNAL, "Elsewhere"])
def test_orders_of_others_are_left_alone(strategy: str) -> None:
    floor = Floor(strategy)
    floor.exit("stop", 10)
    gone = BreakAccepted(T0, Decimal(6), Decimal(5), "anna", "asked", "ABCD", {strategy: Decimal(-1)}, PRICE)

    assert floor.fit(floor.bust(floor.four)) == []
    assert floor.fit(gone) == []


def test_cash_that_is_accepted_changes_no_exit() -> None:
    floor = Floor()
    floor.exit("stop", 10)

    assert floor.fit(BreakAccepted(T0, Decimal(2), Decimal(1), "anna", "a fee")) == []


def test_a_part_of_an_order_that_is_worked_in_parts_is_called_back_and_its_algorithm_goes_on() -> None:
    """The strategy is not told that its exit is over: the parts that follow are for what is left."""
    floor = Floor()
    whole = an_order("whole", strategy="Dip", side=Side.SELL, purpose=Purpose.EXIT_RULE)
    floor.desk.record(ParentOrderIntended(whole, "twap", PRICE))
    floor.desk.record(ChildOrderPriced(T0, "part", "whole", Pricing.MARKET, PRICE, Decimal(0)))
    floor.exit("part", 4, Purpose.EXIT_RULE)
    floor.exit("stop", 6)

    assert floor.fit(floor.bust(floor.four)) == [canceled("part")]
    assert floor.called_back == []


def test_an_exit_that_is_being_made_smaller_counts_as_what_it_will_be() -> None:
    """Ten, of which two have filled; it is to be eight, seven, then six in all: four, which is what is left."""
    floor = Floor()
    stop = floor.exit("stop", 10)
    floor.filled(stop, 2, left=8)
    for total in (8, 7, 6):
        floor.desk.record(ReplaceIntended(T0, "stop", quantity=Decimal(total)))

    assert floor.fit(floor.bust(floor.four)) == []


def test_an_exit_that_was_made_smaller_and_is_too_large_again_is_made_smaller_again() -> None:
    floor = Floor()
    floor.exit("stop", 10)
    floor.desk.record(ReplaceIntended(T0, "stop", quantity=Decimal(8)))
    floor.desk.record(
        OrderReplaced(T0, "stop", Decimal(8), Decimal(8), stop_price=Decimal(90), reason=Reason.REQUESTED)
    )

    assert floor.fit(floor.bust(floor.four)) == [replaced("stop", 6)]


def test_an_exit_that_is_being_moved_is_made_smaller_all_the_same() -> None:
    """A replace of its price leaves its quantity as it is."""
    floor = Floor()
    floor.exit("stop", 10)
    floor.desk.record(ReplaceIntended(T0, "stop", stop_price=Decimal(95)))

    assert floor.fit(floor.bust(floor.four)) == [replaced("stop", 6)]
