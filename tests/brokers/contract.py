"""The contract of the broker port: what the engine may expect of every venue.

A venue's own test module subclasses `BrokerContract` and gives `connect`: a broker for some bars, and a function that
lets the venue trade the next of them.

    class TestSimulatedBroker(BrokerContract):
        def connect(self, panel): ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bar_tables import bars_of
from tapeline import Panel
from tapeline.domain.errors import InputError
from tapeline.domain.order import Order
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
from tapeline.domain.times import MINUTE, from_iso
from tapeline.domain.words import OrderStatus, OrderType, Purpose, Reason, Role, Side, TimeInForce
from tapeline.ledger.order_facts import OrderAccepted, OrderCanceled, OrderFilled, OrderReplaced, OrderTriggered
from tapeline.ports.broker import Broker

T0 = from_iso("2018-01-02T14:30:00Z")
"""When the first bar of every table here begins."""

Venue = tuple[Broker, Callable[[], None]]

QUIET = bars_of("""
          A             | B
    14:31 100           | 50
    14:32 100 101 99 100 | 50
    14:33 100           | 50
    14:34 100           | 50
""")


def an_order(name: str = "one", **terms: Any) -> Order:
    """Return a market order to buy ten A, decided when the first bar begins."""
    known = {
        "client_order_id": name,
        "strategy": "Contract",
        "symbol": "A",
        "side": Side.BUY,
        "order_type": OrderType.MARKET,
        "quantity": Decimal(10),
        "decision_time_ns": T0,
    }
    return Order(**{**known, **terms})


def a_limit(price: str, name: str = "one", **terms: Any) -> Order:
    """Return a limit order, else like `an_order`."""
    return an_order(name, order_type=OrderType.LIMIT, limit_price=Decimal(price), **terms)


def a_bracket(stop: str = "98", target: str = "104") -> list[Order]:
    """Return an entry with a stop and a target."""
    child = {"side": Side.SELL, "parent": "entry", "group": "entry"}
    return [
        an_order("entry", role=Role.ENTRY),
        an_order(
            "stop", order_type=OrderType.STOP, stop_price=Decimal(stop), role=Role.STOP, sequence=1,
            purpose=Purpose.STOP, **child,
        ),
        a_limit(target, "target", role=Role.TARGET, sequence=2, purpose=Purpose.TARGET, **child),
    ]  # fmt: skip


def asked(broker: Broker, question: Question, query_id: int = 1, **about: Any) -> Any:
    """Ask, and return the answer; everything that comes before it is lost to the test."""
    broker.ask(Query(query_id, question, **about))
    reports = list(broker.events())
    assert reports[-1].query_id == query_id
    return reports[-1]


def of_order(facts: Sequence[Any], name: str) -> list[Any]:
    """Return the facts about one order, in order."""
    return [fact for fact in facts if fact.client_order_id == name]


def kinds(facts: Sequence[Any]) -> list[str]:
    """Return the kinds of facts, in order."""
    return [fact.kind for fact in facts]


class BrokerContract:
    """Tests that every broker must pass."""

    def connect(self, panel: Panel) -> Venue:
        """Return a broker whose venue trades these bars, and a function that trades the next one."""
        raise NotImplementedError

    def reconnect(self, broker: Broker) -> Broker:
        """Return the broker that a new process would have for the same account; a venue in this process is its own."""
        return broker

    def test_nothing_has_happened_before_anything_is_sent(self) -> None:
        broker, trade = self.connect(QUIET)
        trade()

        assert list(broker.events()) == []

    def test_a_market_order_is_accepted_and_filled_once(self) -> None:
        broker, trade = self.connect(QUIET)
        broker.submit([an_order()])

        trade()
        facts = list(broker.events())

        assert kinds(facts) == [OrderAccepted.kind, OrderFilled.kind]
        execution = facts[1].execution
        assert (execution.symbol, execution.side, execution.strategy) == ("A", Side.BUY, "Contract")
        assert (execution.quantity, execution.price, facts[1].leaves_quantity) == (10, 100, 0)
        assert execution.event_time_ns == T0 + MINUTE

    def test_each_fact_is_handed_out_once(self) -> None:
        broker, trade = self.connect(QUIET)
        broker.submit([an_order()])
        trade()

        first, second = list(broker.events()), list(broker.events())
        trade()

        assert len(first) == 2
        assert second == list(broker.events()) == []

    def test_facts_come_in_the_order_of_time_and_name_our_orders(self) -> None:
        broker, trade = self.connect(QUIET)
        broker.submit([an_order("one")])
        broker.submit([a_limit("49", "two", symbol="B", side=Side.BUY)])
        trade()
        broker.submit([an_order("three", side=Side.SELL, decision_time_ns=T0 + MINUTE)])
        broker.cancel("two", T0 + MINUTE)
        trade()

        facts: list[Any] = list(broker.events())

        assert {fact.client_order_id for fact in facts} == {"one", "two", "three"}
        assert [fact.event_time_ns for fact in facts] == sorted(fact.event_time_ns for fact in facts)

    def test_amounts_are_exact(self) -> None:
        """A tenth and a hundredth of a cent's neighbours: float64 has neither 100.1 nor 0.07."""
        broker, trade = self.connect(bars_of("A\n14:31 100.10"))
        broker.submit([an_order(quantity=Decimal(3))])
        trade()

        (_, filled) = broker.events()

        assert filled.execution.price == Decimal("100.10")  # type: ignore[attr-defined]
        assert filled.execution.quantity == Decimal(3)  # type: ignore[attr-defined]

    def test_an_id_is_used_once(self) -> None:
        broker, _ = self.connect(QUIET)
        broker.submit([an_order("one")])

        with pytest.raises(InputError, match="Order one was sent before; an id is used once"):
            broker.submit([an_order("one", symbol="B")])
        with pytest.raises(InputError, match="an id is used once"):
            broker.submit([an_order("two"), an_order("two")])

    def test_a_symbol_that_the_venue_does_not_trade_is_refused(self) -> None:
        broker, _ = self.connect(QUIET)

        with pytest.raises(InputError, match="does not trade C"):
            broker.submit([an_order(symbol="C")])

    def test_orders_that_belong_together_are_sent_all_or_none(self) -> None:
        broker, trade = self.connect(QUIET)

        with pytest.raises(InputError):
            broker.submit([an_order("one"), an_order("two", symbol="C")])
        trade()

        assert list(broker.events()) == []
        broker.submit([an_order("one", decision_time_ns=T0 + MINUTE)])  # its id was not used

    def test_a_child_names_an_entry_that_is_known(self) -> None:
        broker, _ = self.connect(QUIET)

        with pytest.raises(InputError, match=r"stop.*entry"):
            broker.submit(a_bracket()[1:])

    @pytest.mark.parametrize("verb", ["cancel", "replace"])
    def test_an_id_that_is_unknown_is_refused(self, verb: str) -> None:
        broker, _ = self.connect(QUIET)

        with pytest.raises(InputError, match="Order nobody is not known"):
            getattr(broker, verb)("nobody", T0)

    def test_a_cancel_ends_a_working_order(self) -> None:
        broker, trade = self.connect(QUIET)
        broker.submit([a_limit("90")])
        trade()
        broker.cancel("one", T0 + MINUTE)
        trade()

        facts: list[Any] = list(broker.events())

        assert kinds(facts) == [OrderAccepted.kind, OrderCanceled.kind]
        assert facts[1].reason is Reason.REQUESTED

    def test_a_cancel_of_an_ended_order_does_nothing(self) -> None:
        broker, trade = self.connect(QUIET)
        broker.submit([an_order()])
        trade()
        broker.cancel("one", T0 + MINUTE)
        trade()

        assert kinds(broker.events()) == [OrderAccepted.kind, OrderFilled.kind]

    def test_a_replace_changes_the_terms_it_names_and_leaves_the_others(self) -> None:
        """At 90 it rests; at 99.50 the second bar's low of 99 fills it."""
        broker, trade = self.connect(QUIET)
        broker.submit([a_limit("90", time_in_force=TimeInForce.DAY)])
        trade()
        broker.replace("one", T0 + MINUTE, limit_price=Decimal("99.5"))
        trade()

        facts: list[Any] = list(broker.events())

        assert kinds(facts) == [OrderAccepted.kind, OrderReplaced.kind, OrderFilled.kind]
        replaced = facts[1]
        assert (replaced.quantity, replaced.limit_price, replaced.stop_price) == (10, Decimal("99.5"), None)
        assert replaced.time_in_force is TimeInForce.DAY
        assert facts[2].execution.price == Decimal("99.5")

    def test_a_replace_of_the_quantity_is_of_the_total(self) -> None:
        """Five of ten are filled when the total becomes seven: two are left."""
        broker, trade = self.connect(bars_of("A\n14:31 100 5\n14:32 100 1\n14:33 100"))
        broker.submit([an_order()])
        trade()
        broker.replace("one", T0 + MINUTE, quantity=Decimal(7))
        trade()
        trade()

        facts: list[Any] = list(broker.events())

        fills = [(fact.execution.quantity, fact.leaves_quantity) for fact in facts if fact.kind == OrderFilled.kind]
        (replaced,) = [fact for fact in facts if fact.kind == OrderReplaced.kind]
        assert (replaced.quantity, replaced.leaves_quantity) == (7, 2)
        assert fills == [(5, 5), (1, 1), (1, 0)]

    def test_a_total_at_what_is_filled_ends_the_order(self) -> None:
        broker, trade = self.connect(bars_of("A\n14:31 100 5\n14:32 100 5"))
        broker.submit([an_order()])
        trade()
        broker.replace("one", T0 + MINUTE, quantity=Decimal(5))
        trade()

        facts: list[Any] = list(broker.events())

        assert kinds(facts) == [OrderAccepted.kind, OrderFilled.kind, OrderCanceled.kind]
        assert facts[-1].reason is Reason.REQUESTED

    def test_an_order_filled_in_parts_reports_each_part_under_its_own_key(self) -> None:
        broker, trade = self.connect(bars_of("A\n14:31 100 4\n14:32 101 4\n14:33 102 4"))
        broker.submit([an_order()])
        for _ in range(3):
            trade()

        fills: list[Any] = [fact for fact in broker.events() if fact.kind == OrderFilled.kind]

        assert [(fill.execution.quantity, fill.leaves_quantity) for fill in fills] == [(4, 6), (4, 2), (2, 0)]
        assert [fill.execution.price for fill in fills] == [100, 101, 102]
        assert len({fill.execution.execution_id for fill in fills}) == 3

    def test_children_wait_for_their_entry_and_cancel_one_another(self) -> None:
        broker, trade = self.connect(bars_of("A\n14:31 100\n14:32 99 99 97 98\n14:33 110"))
        broker.submit(a_bracket())

        trade()
        after_entry: list[Any] = list(broker.events())
        trade()
        trade()
        later: list[Any] = list(broker.events())

        assert kinds(of_order(after_entry, "entry")) == [OrderAccepted.kind, OrderFilled.kind]
        for name in ("stop", "target"):
            assert OrderFilled.kind not in kinds(of_order(after_entry, name))
        assert kinds(of_order(later, "stop")) == [OrderTriggered.kind, OrderFilled.kind]
        assert of_order(later, "stop")[1].execution.price == 98
        (canceled,) = of_order(later, "target")
        assert (canceled.kind, canceled.reason) == (OrderCanceled.kind, Reason.ONE_CANCELS_OTHER)

    def test_children_of_an_entry_that_is_canceled_end_with_it(self) -> None:
        broker, trade = self.connect(QUIET)
        entry, *children = a_bracket("80", "95")
        broker.submit([replace(entry, order_type=OrderType.LIMIT, limit_price=Decimal(90)), *children])
        trade()
        broker.cancel("entry", T0 + MINUTE)
        trade()

        facts: list[Any] = [fact for fact in broker.events() if fact.kind == OrderCanceled.kind]

        assert [(fact.client_order_id, fact.reason) for fact in facts] == [
            ("entry", Reason.REQUESTED),
            ("stop", Reason.NO_ENTRY),
            ("target", Reason.NO_ENTRY),
        ]

    def test_every_order_ends_once(self) -> None:
        """Whatever is sent after the end of an order, there is no second end, nor anything after it."""
        broker, trade = self.connect(bars_of("A\n14:31 100\n14:32 99 99 97 98\n14:33 110\n14:34 110"))
        broker.submit(a_bracket())
        trade()
        trade()
        for name in ("entry", "stop", "target"):
            broker.cancel(name, T0 + 2 * MINUTE)
            broker.replace(name, T0 + 2 * MINUTE, quantity=Decimal(20))
        trade()
        trade()

        facts: list[Any] = list(broker.events())

        for name in ("entry", "stop", "target"):
            ends = [
                fact.kind == OrderCanceled.kind or (fact.kind == OrderFilled.kind and fact.leaves_quantity == 0)
                for fact in of_order(facts, name)
            ]
            assert ends.count(True) == 1
            assert ends[-1]

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
