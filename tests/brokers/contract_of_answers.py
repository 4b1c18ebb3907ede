"""What the engine may expect of every venue that it asks: answers agree with what was reported."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bar_tables import bars_of
from brokers.builders import QUIET, T0, OnVenue, a_bracket, a_limit, an_order, asked, kinds, of_order
from tapeline.domain.position import ZERO
from tapeline.domain.reports import (
    CashAnswered,
    ExecutionsAnswered,
    OpenOrdersAnswered,
    OrderAnswered,
    PositionsAnswered,
    Query,
    Question,
    VenueOrder,
)
from tapeline.domain.times import MINUTE
from tapeline.domain.words import OrderStatus, OrderType, Side, TimeInForce
from tapeline.ledger.order_facts import OrderAccepted, OrderCanceled, OrderFilled


class AnswersContract(OnVenue):
    """Questions, and what their answers know."""

    def test_an_answer_stands_behind_everything_that_it_knows(self) -> None:
        """The fill that an answer shows was reported before it, so who books in order never sees a stranger."""
        broker, trade = self.connect(QUIET)
        broker.submit([an_order()])
        trade()
        broker.ask(Query(7, Question.POSITIONS))
        trade()
        broker.submit([an_order("two", decision_time_ns=T0 + 2 * MINUTE)])
        trade()

        reports: list[Any] = list(broker.events())

        assert [type(report).__name__ for report in reports] == [
            OrderAccepted.kind, OrderFilled.kind, PositionsAnswered.__name__, OrderAccepted.kind, OrderFilled.kind,
        ]  # fmt: skip
        assert (reports[2].query_id, reports[2].quantities) == (7, {"A": 10})
        assert list(broker.events()) == []

    def test_an_order_is_told_by_its_id_as_it_stands(self) -> None:
        """Four of ten fill at 100, then the total becomes eight with a limit of 101."""
        broker, trade = self.connect(bars_of("A\n14:31 100 4\n14:32 - \n14:33 -"))
        broker.submit([a_limit("102", time_in_force=TimeInForce.DAY)])
        trade()
        broker.replace("one", T0 + MINUTE, quantity=Decimal(8), limit_price=Decimal(101))
        trade()

        order: VenueOrder = asked(broker, Question.ORDER, client_order_id="one").order

        assert (order.client_order_id, order.symbol, order.side) == ("one", "A", Side.BUY)
        assert (order.order_type, order.time_in_force) == (OrderType.LIMIT, TimeInForce.DAY)
        assert (order.quantity, order.filled_quantity, order.leaves_quantity) == (8, 4, 4)
        assert (order.status, order.limit_price) == (OrderStatus.PARTIALLY_FILLED, 101)

    def test_the_venues_name_of_an_order_is_that_of_its_acceptance(self) -> None:
        broker, trade = self.connect(QUIET)
        broker.submit([a_limit("90")])
        trade()
        (accepted,) = broker.events()

        answer: OrderAnswered = asked(broker, Question.ORDER, client_order_id="one")

        assert answer.order is not None
        assert answer.order.venue_order_id == accepted.venue_order_id  # type: ignore[union-attr]

    def test_an_order_that_has_ended_is_told_with_its_end(self) -> None:
        broker, trade = self.connect(QUIET)
        broker.submit([an_order("filled")])
        broker.submit([a_limit("90", "canceled")])
        trade()
        broker.cancel("canceled", T0 + MINUTE)
        trade()

        filled: VenueOrder = asked(broker, Question.ORDER, client_order_id="filled").order
        canceled: VenueOrder = asked(broker, Question.ORDER, client_order_id="canceled").order

        assert (filled.status, filled.filled_quantity, filled.leaves_quantity) == (OrderStatus.FILLED, 10, 0)
        assert (canceled.status, canceled.filled_quantity, canceled.leaves_quantity) == (OrderStatus.CANCELED, 0, 0)

    def test_an_order_that_the_venue_does_not_know_is_told_as_none(self) -> None:
        broker, trade = self.connect(QUIET)
        trade()

        answer: OrderAnswered = asked(broker, Question.ORDER, client_order_id="nobody")

        assert (answer.client_order_id, answer.order) == ("nobody", None)

    def test_open_orders_are_those_that_work(self) -> None:
        broker, trade = self.connect(QUIET)
        broker.submit([an_order("filled")])
        broker.submit([a_limit("90", "resting")])
        broker.submit([a_limit("40", "canceled", symbol="B")])
        trade()
        broker.cancel("canceled", T0 + MINUTE)
        trade()

        answer: OpenOrdersAnswered = asked(broker, Question.OPEN_ORDERS)

        (resting,) = answer.orders
        assert resting == asked(broker, Question.ORDER, client_order_id="resting").order
        assert resting.status is OrderStatus.NEW

    def test_executions_since_a_time_are_those_that_were_reported_then(self) -> None:
        """Parts fill at the ends of three minutes; asked from the second on, that moment is included."""
        broker, trade = self.connect(bars_of("A\n14:31 100 4\n14:32 101 4\n14:33 102 4"))
        broker.submit([an_order()])
        for _ in range(3):
            trade()
        reported: list[Any] = [fact.execution for fact in broker.events() if fact.kind == OrderFilled.kind]  # type: ignore[union-attr]

        every: ExecutionsAnswered = asked(broker, Question.EXECUTIONS, since_ns=0)
        later: ExecutionsAnswered = asked(broker, Question.EXECUTIONS, since_ns=T0 + 2 * MINUTE)
        none: ExecutionsAnswered = asked(broker, Question.EXECUTIONS, since_ns=T0 + 3 * MINUTE + 1)

        assert list(every.executions) == reported
        assert list(later.executions) == reported[1:]
        assert (later.since_ns, none.executions) == (T0 + 2 * MINUTE, ())

    def test_positions_are_the_sum_of_executions_and_flat_ones_are_left_out(self) -> None:
        broker, trade = self.connect(QUIET)
        broker.submit([an_order("one"), an_order("two", symbol="B", quantity=Decimal(3))])
        trade()
        broker.submit([an_order("three", side=Side.SELL, decision_time_ns=T0 + MINUTE)])
        trade()

        answer: PositionsAnswered = asked(broker, Question.POSITIONS)
        executions: ExecutionsAnswered = asked(broker, Question.EXECUTIONS, since_ns=0)

        held: dict[str, Decimal] = {}
        for execution in executions.executions:
            held[execution.symbol] = held.get(execution.symbol, ZERO) + execution.signed_quantity
        assert answer.quantities == {"B": 3} == {symbol: quantity for symbol, quantity in held.items() if quantity}

    def test_cash_changes_by_what_was_traded_and_paid_exactly(self) -> None:
        """Ten at 100.10 and their commission, from whatever the account began with."""
        broker, trade = self.connect(bars_of("A\n14:31 100.10\n14:32 100.10"))
        before: CashAnswered = asked(broker, Question.CASH)
        broker.submit([an_order()])
        trade()

        after: CashAnswered = asked(broker, Question.CASH)

        (execution,) = asked(broker, Question.EXECUTIONS, since_ns=0).executions
        assert before.amount - after.amount == Decimal("1001.0") + execution.commission

    @pytest.mark.parametrize("question", Question)
    def test_asked_twice_with_nothing_in_between_the_answer_is_the_same(self, question: Question) -> None:
        broker, trade = self.connect(QUIET)
        broker.submit([an_order("one"), a_limit("90", "two")])
        trade()
        about: dict[str, Any] = {}
        if question is Question.ORDER:
            about["client_order_id"] = "two"
        if question is Question.EXECUTIONS:
            about["since_ns"] = T0

        first, second = asked(broker, question, 1, **about), asked(broker, question, 2, **about)

        assert replace(second, query_id=1) == first

    def test_after_a_restart_the_answers_are_the_same_and_orders_are_known_by_their_ids(self) -> None:
        broker, trade = self.connect(QUIET)
        broker.submit([an_order("one"), a_limit("90", "two")])
        trade()
        broker.events()
        questions: list[tuple[Question, dict[str, Any]]] = [
            (Question.ORDER, {"client_order_id": "two"}), (Question.OPEN_ORDERS, {}), (Question.POSITIONS, {}),
            (Question.EXECUTIONS, {"since_ns": 0}), (Question.CASH, {}),
        ]  # fmt: skip
        before = [asked(broker, question, **about) for question, about in questions]

        again = self.reconnect(broker)

        assert [asked(again, question, **about) for question, about in questions] == before
        again.cancel("two", T0 + MINUTE)
        trade()
        assert kinds(of_order(again.events(), "two")) == [OrderCanceled.kind]

    def test_questions_change_nothing(self) -> None:
        """The facts of a venue that is asked all the time are those of one that is never asked."""
        told = []
        for curious in (False, True):
            broker, trade = self.connect(bars_of("A\n14:31 100 4\n14:32 99 99 97 98\n14:33 110"))
            facts: list[Any] = []
            broker.submit(a_bracket())
            for _ in range(3):
                trade()
                if curious:
                    broker.ask(Query(1, Question.OPEN_ORDERS))
                    broker.ask(Query(2, Question.EXECUTIONS, since_ns=0))
                facts += [report for report in broker.events() if hasattr(report, "kind")]
            told.append(facts)

        assert told[0] == told[1] != []

    def test_what_is_asked_agrees_with_what_was_told(self) -> None:
        """Sums of the facts against the answers, while a bracket lives and dies."""
        broker, trade = self.connect(bars_of("A\n14:31 100 4\n14:32 100 6\n14:33 97 97 97 97 5\n14:34 97 97 97 97 50"))
        broker.submit(a_bracket())
        facts: list[Any] = []
        for _ in range(4):
            trade()
            facts += list(broker.events())
            ended = {fact.client_order_id for fact in facts if fact.kind == OrderCanceled.kind}
            filled = dict.fromkeys(("entry", "stop", "target"), ZERO)
            for fact in facts:
                if fact.kind == OrderFilled.kind:
                    filled[fact.client_order_id] += fact.execution.quantity
            open_orders = {order.client_order_id: order for order in asked(broker, Question.OPEN_ORDERS).orders}
            for name in ("entry", "stop", "target"):
                order: VenueOrder = asked(broker, Question.ORDER, client_order_id=name).order
                assert order.filled_quantity == filled[name]
                assert (name in open_orders) == order.status.is_working
                assert order.status.is_working == (name not in ended and filled[name] < 10)
            assert asked(broker, Question.POSITIONS).quantities.get("A", 0) == filled["entry"] - filled["stop"]
