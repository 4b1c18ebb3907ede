"""What the engine may expect of every venue about its orders: what becomes of them, and what it reports."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bar_tables import bars_of
from brokers.builders import QUIET, T0, OnVenue, a_bracket, a_limit, an_order, kinds, of_order
from tapeline.domain.errors import InputError
from tapeline.domain.times import MINUTE
from tapeline.domain.words import OrderType, Reason, Side, TimeInForce
from tapeline.ledger.order_facts import OrderAccepted, OrderCanceled, OrderFilled, OrderReplaced, OrderTriggered


class OrdersContract(OnVenue):
    """What is sent, called back and replaced, and the facts that follow."""

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
