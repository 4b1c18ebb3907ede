"""Parent orders whose course is changed: urgent exits, a lower trading state, locks, other accounts, restarts."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal

import pytest

from execution.parents_by_hand import closing, fill_all, fill_parts, parts, ready, state_of, told, working
from execution.parents_machine import ALGORITHMS
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.execution import Execution
from tapeline.domain.order import client_order_id
from tapeline.domain.parent import ParentEnd
from tapeline.domain.times import HOUR, SECOND
from tapeline.domain.words import Limit, OrderType, Purpose, Side
from tapeline.execution.algorithms.schedules import plan_from
from tapeline.execution.parent_keeper import ParentKeeper
from tapeline.ledger.canonical import decode
from tapeline.ledger.control_facts import SymbolLocked, TradingStateChanged
from tapeline.ledger.order_facts import CancelIntended, OrderDenied, OrderFilled, OrderIntended
from tapeline.ledger.parent_facts import ParentOrderHurried
from tapeline.risk.denial import Denial
from tapeline.simulation.execution_settings import Algorithm, adaptive, limit, market, twap


@pytest.mark.parametrize("algorithm", [twap(minutes=60, every_minutes=30), adaptive(minutes=60), limit(timeout_s=600)])
def test_an_urgent_exit_calls_its_limits_back_and_sends_the_rest_at_once(algorithm: Algorithm) -> None:
    trader = ready()
    name = closing(trader, algorithm)
    trader.work()
    trader.settle()
    trader.parents.is_urgent = lambda order: order.client_order_id == name
    trader.work_for(2)
    (*_, newest) = parts(trader, name)
    fill_all(trader)
    trader.work_for(1)

    assert newest[1:] == ("MARKET", None)
    assert trader.held() == 0
    assert state_of(trader, name).ended is not None
    (hurried,) = told(trader, ParentOrderHurried)
    assert hurried.text == "what it closes has lost what one trade may lose"


def test_an_exit_that_is_over_or_stopped_is_not_hurried() -> None:
    """Its window of four minutes has just ended, or it was called back and its part has not ended yet."""
    for stops in (False, True):
        trader = ready()
        name = closing(trader, twap(minutes=4, every_minutes=4, pricing="limit"))
        trader.work()
        trader.settle()
        if stops:
            trader.parents.cancel(state_of(trader, name), CancelIntended(trader.now, name))
        else:
            trader.link.now = plan_from(state_of(trader, name).intended.plan).end_ns
        trader.parents.is_urgent = lambda order: True
        trader.parents.work(trader.now)

        assert told(trader, ParentOrderHurried) == []


def test_an_exit_that_becomes_urgent_before_its_time_begins_then() -> None:
    trader = ready()
    name = closing(trader, twap(minutes=4, every_minutes=4))
    intended = state_of(trader, name).intended
    later = replace(
        intended,
        order=replace(intended.order, client_order_id=client_order_id("Dip", "A", trader.now, 99, 0)),
        plan=replace(plan_from(intended.plan), start_ns=trader.now + HOUR, end_ns=trader.now + 2 * HOUR).as_tree(),
    )
    trader.parents.cancel(state_of(trader, name), CancelIntended(trader.now, name))
    trader.record(later)
    trader.work_for(2)
    assert parts(trader, later.client_order_id) == []

    trader.parents.is_urgent = lambda order: True
    trader.work_for(1)

    assert parts(trader, later.client_order_id) == [(10, "MARKET", None)]


def test_an_entry_of_a_locked_symbol_waits_and_holds_up_nothing_else() -> None:
    trader = ready()
    entry = trader.place_parent(twap(minutes=30, every_minutes=10), 10, "B")
    leaving = closing(trader, twap(minutes=30, every_minutes=10))
    other = trader.place_parent(twap(minutes=30, every_minutes=10), 12, "A")
    trader.record(SymbolLocked(trader.now, "B", Decimal(0), Decimal(3)))
    trader.work()

    assert [len(state_of(trader, name).children) for name in (entry, leaving, other)] == [0, 1, 1]


def test_a_keeper_that_nobody_gave_a_gate_lets_parts_leave() -> None:
    trader = ready()
    trader.parents = ParentKeeper(trader.views, trader.record, trader.keeper, trader.markets, 1)
    name = trader.place_parent(twap(minutes=10, every_minutes=5), 10)
    trader.work()

    assert parts(trader, name) == [(5, "MARKET", None)]


def test_the_seed_alone_makes_the_waits_after_refusals_longer_at_random() -> None:
    def waits(seed: int) -> list[int]:
        trader = ready()
        trader.parents = ParentKeeper(trader.views, trader.record, trader.keeper, trader.markets, seed)
        trader.parents.denies = lambda order, now_ns: Denial(Limit.ORDER_RATE, 1, 1, "too many")
        name = trader.place_parent(twap(minutes=60, every_minutes=60), 10)
        times = []
        for _ in range(500):
            trader.work()
            if len(state_of(trader, name).children) > len(times):
                times.append(trader.now)
            trader.link.now += SECOND
        return [(later - earlier) // SECOND for earlier, later in itertools.pairwise(times)]

    first, second = waits(1), waits(2)

    assert first == waits(1) != second
    for found in (first, second):
        assert 60 <= found[0] < found[1] / 1.5


def test_halted_sets_no_stop_anew_for_an_exit_that_was_called_back() -> None:
    """The cancel of its stop is answered, and that of the part that works beside it is not."""
    trader = ready()
    name = closing(trader, twap(minutes=60, every_minutes=30, pricing="limit"), stop="95")
    trader.work()
    trader.settle()
    (part, stop), count = working(trader), len(told(trader, OrderIntended))
    trader.parents.cancel(state_of(trader, name), CancelIntended(trader.now, name))
    trader.turn()
    trader.link.let_out([letter.name for letter in trader.link.outward].index(stop[0]))
    trader.link.arrived += trader.link.inward
    trader.link.inward.clear()
    trader.turn()
    assert (trader.status(stop[0]), trader.status(part[0])) == ("CANCELED", "PENDING_CANCEL")

    trader.set_trading(TradingState.HALTED)
    trader.turn()

    assert len(told(trader, OrderIntended)) == count


def test_halted_bars_the_cancel_of_the_stop_of_an_exit_and_not_that_of_a_part() -> None:
    trader = ready()
    closing(trader, twap(minutes=60, every_minutes=30, pricing="limit"), stop="95")
    trader.work()
    trader.settle()
    part, stop = (name for name, _ in working(trader))
    for name in (part, stop):
        trader.keeper.cancel(trader.record(CancelIntended(trader.now, name, purpose=Purpose.EXIT_RULE)))

    trader.keeper.withhold(TradingState.HALTED, trader.now, "a person")

    assert [message.fact.client_order_id for message in trader.keeper.outbox(trader.now)] == [part]


@pytest.mark.parametrize("state", [TradingState.ACTIVE, TradingState.HALTED])
def test_what_is_held_in_another_account_is_neither_sold_nor_protected(state: TradingState) -> None:
    """Ten are held in the second account, and four in the main one."""
    trader = ready()
    for account, quantity in (("main", 4), ("second", 10)):
        name = trader.place("A", quantity=quantity, account=account)
        execution = Execution(
            f"E-{account}", name, "Dip", "A", Side.BUY, Decimal(quantity), Decimal(100), Decimal(0), trader.now,
            account=account,
        )  # fmt: skip
        trader.record(OrderFilled(execution, Decimal(0)))
    trader.record(TradingStateChanged(trader.now, state, Trigger.PERSON, "anna", "drill"))
    leaving = trader.place_parent(
        market(minutes=10), 40, stop="95", side=Side.SELL, purpose=Purpose.EXIT_RULE, account="second"
    )
    trader.is_denied = True
    trader.parents.work(trader.now)
    denied = [(fact.account, fact.purpose, int(fact.wanted_quantity)) for fact in told(trader, OrderDenied)]
    trader.is_denied = False
    trader.link.now += HOUR

    is_halted = state is TradingState.HALTED
    if is_halted:
        trader.parents.protect(trader.now)
    else:
        trader.parents.work(trader.now)

    sent = [fact.order for fact in told(trader, OrderIntended) if fact.order.side is Side.SELL]
    assert [(order.account, int(order.quantity)) for order in sent] == [("second", 10)]
    assert denied == ([] if is_halted else [("second", Purpose.EXIT_RULE, 10)])
    assert leaving in trader.views.parents.open


def test_an_entry_ends_when_trading_is_lowered_and_an_exit_goes_on() -> None:
    trader = ready()
    bought = trader.place("A", quantity=10)
    trader.settle()
    trader.fill(bought, 10)
    trader.settle()
    entry = trader.place_parent(twap(minutes=10, every_minutes=5), 10, "B")
    leaving = trader.place_parent(twap(minutes=10, every_minutes=5), 10, "A", side=Side.SELL, purpose=Purpose.EXIT_RULE)
    trader.work()
    trader.settle()
    trader.set_trading(TradingState.REDUCING)
    for _ in range(6):
        trader.work_for(1)
        for line in [*trader.venue.lines.values()]:
            if line.works and line.symbol == "A":
                trader.fill(line.name, int(line.leaves))
    trader.work_for(1)

    ended = state_of(trader, entry).ended
    assert ended is not None
    assert ended.reason is ParentEnd.TRADING_STATE
    assert state_of(trader, leaving).filled_quantity == 10


@pytest.mark.parametrize("is_restarted", [False, True], ids=["on", "restarted"])
def test_halted_calls_the_parts_of_an_exit_back_and_reducing_goes_on(is_restarted: bool) -> None:
    """Until it is raised no part leaves, and the stop takes over what was called back."""
    trader = ready()
    name = closing(trader, twap(minutes=60, every_minutes=30, pricing="limit"), stop="95")
    trader.work()
    trader.settle()
    before = working(trader)
    trader.set_trading(TradingState.HALTED)
    called_back = decode(trader.journal[-1])
    assert (called_back.event_time_ns, called_back.purpose) == (trader.now, Purpose.EXIT_RULE)
    trader.settle()
    if is_restarted:
        trader.stop()
        trader.start()
    trader.work_for(90)  # beyond its time
    halted = working(trader)
    assert len(state_of(trader, name).children) == 2
    trader.set_trading(TradingState.REDUCING)
    for _ in range(4):
        trader.work_for(1)
        fill_parts(trader, name)

    assert [quantity for _, quantity in before] == [5, 5]
    assert halted == [(before[1][0], 10)]
    assert trader.held() == 0
    assert state_of(trader, name).filled_quantity == 10


def test_halted_sets_a_stop_for_an_exit_that_had_let_go_of_all_of_it() -> None:
    """One part of ten works; called back, they wait behind the stop, and behind less of it where less is held."""
    trader = ready()
    name = closing(trader, limit(minutes=60, timeout_s=3600), stop="95")
    trader.work()
    trader.settle()
    (part,) = working(trader)
    trader.set_trading(TradingState.HALTED)
    trader.settle_for(10)
    (stop,) = working(trader)
    state = trader.views.orders.states[stop[0]]
    trader.fill(stop[0], 4)
    trader.settle_for(600)
    trader.work_for(90)

    assert (part[1], stop[1], trader.held()) == (10, 10, 6)
    assert (state.order.order_type, state.stop_price) == (OrderType.STOP, Decimal(95))
    assert working(trader) == [(stop[0], 6)]
    trader.set_trading(TradingState.ACTIVE)
    for _ in range(4):
        trader.work_for(1)
        fill_parts(trader, name)
    trader.work_for(1)
    assert trader.held() == 0
    assert state_of(trader, name).ended is not None


@pytest.mark.parametrize("stop", [None, "95"])
def test_halted_sets_no_stop_for_what_had_none_or_is_held_against_others(stop: str | None) -> None:
    trader = ready()
    closing(trader, limit(minutes=60, timeout_s=3600), stop=stop)
    trader.work()
    trader.settle()
    if stop is not None:
        against = trader.place("A", Side.SELL, quantity=10, strategy="Other")
        trader.settle()
        trader.fill(against, 10)
    trader.set_trading(TradingState.HALTED)
    trader.settle_for(600)

    assert trader.views.position("Dip", "A").quantity == 10
    assert working(trader) == []


def test_an_exit_sells_no_more_than_is_held() -> None:
    """Somebody else's order closed a part of the position meanwhile."""
    trader = ready()
    bought = trader.place("A", quantity=10)
    trader.settle()
    trader.fill(bought, 10)
    trader.settle()
    name = trader.place_parent(twap(minutes=4, every_minutes=2), 10, side=Side.SELL, purpose=Purpose.EXIT_RULE)
    other = trader.place("A", Side.SELL, 8, purpose=Purpose.STOP)
    trader.settle()
    trader.fill(other, 8)
    trader.settle()
    for _ in range(6):
        trader.work()
        trader.settle()
        fill_all(trader)
        trader.settle_for(60)

    state = state_of(trader, name)
    assert trader.held() == 0
    assert state.filled_quantity == 2
    assert state.ended is not None
    assert state.ended.reason is ParentEnd.NOTHING_HELD


@pytest.mark.parametrize("closes", [False, True], ids=["entry", "exit"])
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: f"{algorithm.name}-{algorithm.leftover}")
def test_a_restart_goes_on_as_if_nothing_had_been(algorithm: Algorithm, closes: bool) -> None:
    """The same minutes with and without a stop after each of them send the same parts at the same prices."""

    def run(*, stops: bool) -> tuple[list[tuple[int, str, str | None]], str]:
        trader = ready()
        name = closing(trader, algorithm, stop="95") if closes else trader.place_parent(algorithm, 24)
        for minute in range(14):
            trader.work()
            trader.settle_for(10)
            if stops:
                trader.stop()
                trader.start()
            trader.settle_for(20)
            for line in [*trader.venue.lines.values()] if minute % 2 else ():
                if line.works:
                    trader.fill(line.name, min(2, int(line.leaves)))
            trader.settle_for(30)
        state = state_of(trader, name)
        return parts(trader, name), state.ended.reason.name if state.ended is not None else ""

    assert run(stops=True) == run(stops=False)


def test_a_cancel_of_the_parent_reaches_every_part_and_a_fill_that_crosses_it_is_booked() -> None:
    trader = ready()
    name = trader.place_parent(twap(minutes=10, every_minutes=5), 10)
    trader.work()
    trader.settle()
    (line,) = [line for line in trader.venue.lines.values() if line.works]
    state = state_of(trader, name)
    trader.parents.cancel(state, CancelIntended(trader.now, name, purpose=Purpose.EXIT_RULE))
    trader.turn()
    trader.fill(line.name, 3)  # before the cancel arrives
    assert state.ended is None
    trader.settle()
    trader.work_for(1)

    assert state.ended is not None
    assert (state.ended.reason, state.filled_quantity) == (ParentEnd.CANCELED, 3)
    assert len(state.children) == 1
