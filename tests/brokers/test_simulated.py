"""The simulated venue as a broker: the port's contract, and what is its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from bar_tables import bars_of
from brokers.builders import QUIET, T0, Venue, a_bracket, a_limit, an_order, asked
from brokers.contract import BrokerContract
from tapeline import Account, Costs, Market, Panel, PercentCommission, RunSettings, simulate_market
from tapeline.brokers.simulated.broker import SimulatedBroker
from tapeline.domain.corporate import Split, SplitReported
from tapeline.domain.reports import Question
from tapeline.domain.times import MINUTE
from tapeline.domain.words import OrderStatus, Reason, Side, Stage
from tapeline.feeds.replay import Replay
from tapeline.ledger.facts import CashMoved
from tapeline.ledger.order_facts import OrderCanceled, OrderFilled
from tapeline.ports.broker import Broker
from tapeline.ports.market_data import MarketData
from tapeline.tape.calendars import sessions


def a_venue(panel: Panel, settings: RunSettings | None = None) -> Venue:
    """Return a simulated broker and a function that plays its next slice."""
    broker = SimulatedBroker(panel.symbols, panel.frame_ns, panel.sessions, settings or RunSettings())
    slices = Replay(panel).slices()
    return broker, lambda: broker.play(next(slices))


class TestSimulatedBroker(BrokerContract):
    """The contract, held by the simulated venue."""

    def connect(self, panel: Panel) -> Venue:
        return a_venue(panel)


def test_it_has_the_shape_of_the_port() -> None:
    broker: Broker = SimulatedBroker(("A",), MINUTE, None, RunSettings())
    feed: MarketData = SimulatedBroker(("A", "B"), MINUTE, None, RunSettings()).watch(Replay(QUIET))  # type: ignore[assignment]

    assert broker.events() == []
    assert (feed.symbols, feed.frame_ns) == (("A", "B"), MINUTE)


def test_a_watched_feed_hands_on_every_slice_after_the_venue_has_traded_it() -> None:
    broker = SimulatedBroker(QUIET.symbols, QUIET.frame_ns, QUIET.sessions, RunSettings())
    broker.submit([an_order()])
    seen = []

    for now in broker.watch(Replay(QUIET)).slices():
        seen.append((now.end_ns, [fact.kind for fact in broker.events()]))

    assert [end_ns for end_ns, _ in seen] == QUIET.end_ns.tolist()
    assert [kinds for _, kinds in seen] == [["OrderAccepted", "OrderFilled"], [], [], []]


def test_an_order_decided_at_a_bars_end_fills_in_the_next() -> None:
    broker, trade = a_venue(QUIET)
    trade()
    broker.submit([an_order(decision_time_ns=T0 + MINUTE)])
    trade()

    (_, filled) = broker.events()

    assert filled.event_time_ns == T0 + 2 * MINUTE
    assert filled.execution.stage is Stage.OPEN  # type: ignore[attr-defined]


def test_latency_delays_orders_and_cancels() -> None:
    """Half a minute late, an order fills inside the bar; a cancel leaves that bar to the old order."""
    broker, trade = a_venue(QUIET, RunSettings(market=Market(latency_s=30)))
    broker.submit([an_order()])
    trade()

    (_, filled) = broker.events()

    assert filled.execution.stage is Stage.INSIDE  # type: ignore[attr-defined]


def test_commission_comes_with_each_fill() -> None:
    """A thousandth of 10 x 100 is 1.00."""
    broker, trade = a_venue(QUIET, RunSettings(costs=Costs(commission=(PercentCommission(0.001),))))
    broker.submit([an_order()])
    trade()

    (_, filled) = broker.events()

    assert filled.execution.commission == Decimal("1.00")  # type: ignore[attr-defined]


def test_what_the_account_cannot_pay_is_canceled_with_its_reason() -> None:
    """250 pay for two at 100; the other eight are canceled."""
    broker, trade = a_venue(QUIET, RunSettings(account=Account(cash=250)))
    broker.submit([an_order()])
    trade()

    facts: list[Any] = list(broker.events())[1:]

    assert [fact.kind for fact in facts] == [OrderFilled.kind, OrderCanceled.kind]
    assert (facts[0].execution.quantity, facts[0].leaves_quantity) == (2, 8)
    assert facts[1].reason is Reason.INSUFFICIENT_CASH


def test_a_short_sale_in_a_cash_account_is_canceled_with_its_reason() -> None:
    broker, trade = a_venue(QUIET)
    broker.submit([an_order(side=Side.SELL)])
    trade()

    facts: list[Any] = list(broker.events())

    assert (facts[-1].kind, facts[-1].reason) == (OrderCanceled.kind, Reason.SHORT_NOT_ALLOWED)


def test_a_halt_fills_nothing() -> None:
    broker, trade = a_venue(bars_of("A | B\n14:31 - | 50\n14:32 100 0 | 50\n14:33 103 | 50"))
    broker.submit([an_order()])
    trade()
    trade()
    during = [fact.kind for fact in broker.events()]
    trade()

    (filled,) = broker.events()

    assert during == ["OrderAccepted"]
    assert filled.execution.price == 103  # type: ignore[attr-defined]


def test_an_order_on_its_way_is_not_known_yet() -> None:
    """With half a minute of latency the venue knows it when the first bar is over, and not before."""
    broker, trade = a_venue(QUIET, RunSettings(market=Market(latency_s=30)))
    broker.submit([a_limit("90")])

    on_its_way = asked(broker, Question.ORDER, client_order_id="one")
    open_then = asked(broker, Question.OPEN_ORDERS)
    trade()

    assert (on_its_way.order, open_then.orders) == (None, ())
    assert asked(broker, Question.ORDER, client_order_id="one").order.status is OrderStatus.NEW


def test_answers_tell_the_venues_time() -> None:
    broker, trade = a_venue(QUIET)
    trade()
    trade()

    assert asked(broker, Question.CASH).event_time_ns == T0 + 2 * MINUTE


def test_what_is_passed_over_is_known_as_what_was_told() -> None:
    """Of two venues alike one tells what happened and one passes over it: from then on both say the same."""
    panel = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 3)), symbols=1).panel
    (symbol,) = panel.symbols
    opened_ns = int(panel.start_ns[0])
    split = Split(symbol, date(2024, 1, 3), Decimal(3), Decimal(2))
    told, silent = (
        SimulatedBroker(panel.symbols, panel.frame_ns, panel.sessions, RunSettings(), [split]) for _ in range(2)
    )
    slices = list(Replay(panel).slices())
    for broker in (told, silent):
        bracket = [replace(order, symbol=symbol, decision_time_ns=opened_ns) for order in a_bracket("1", "9000")]
        broker.submit([*bracket, an_order("other", symbol=symbol, decision_time_ns=opened_ns)])
        broker.play(slices[0])
        broker.replace("stop", slices[0].end_ns, stop_price=Decimal(2))
    spoken: list[Any] = list(told.events())
    passed = list(silent.pass_over())
    for now in slices[1:-1]:
        for broker in (told, silent):
            broker.play(now)
        spoken += told.events()
        passed += silent.pass_over()

    assert passed == [fact for fact in spoken if isinstance(fact, SplitReported)] != []
    assert {"OrderFilled", "OrderReplaced"} <= {fact.kind for fact in spoken if not isinstance(fact, SplitReported)}
    for broker in (told, silent):
        broker.submit([an_order("late", symbol=symbol, side=Side.SELL, decision_time_ns=slices[-2].end_ns)])
        broker.play(slices[-1])
    assert told.events() == silent.events() != []
    for question, about in (
        (Question.EXECUTIONS, {"since_ns": 0}),
        (Question.ORDER, {"client_order_id": "stop"}),
        (Question.OPEN_ORDERS, {}),
        (Question.POSITIONS, {}),
        (Question.CASH, {}),
    ):
        assert asked(told, question, **about) == asked(silent, question, **about)


def test_positions_and_cash_after_a_split_are_those_of_the_account() -> None:
    """Five become seven and a half, 3 for 2; the half share is paid in cash."""
    panel = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 3)), symbols=1).panel
    (symbol,) = panel.symbols
    split = Split(symbol, date(2024, 1, 3), Decimal(3), Decimal(2))
    broker = SimulatedBroker(panel.symbols, panel.frame_ns, panel.sessions, RunSettings(), [split])
    slices = iter(Replay(panel).slices())
    first = next(slices)
    broker.submit([an_order("held", symbol=symbol, quantity=Decimal(5), decision_time_ns=first.start_ns)])
    broker.play(first)
    for now in slices:
        broker.play(now)

    told: list[Any] = list(broker.events())
    (fill,) = [fact.execution for fact in told if fact.kind == OrderFilled.kind]
    (paid,) = [fact.amount for fact in told if fact.kind == CashMoved.kind]

    assert asked(broker, Question.POSITIONS).quantities == {symbol: 7}
    assert asked(broker, Question.CASH).amount == 100_000 - fill.quantity * fill.price - fill.commission + paid
