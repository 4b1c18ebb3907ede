"""What becomes of what was decided and has not left when the run is held up, trading lowered or a symbol locked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from execution.by_hand import a_working_order
from execution.running import Trader
from tapeline.domain.control import GapCause, TradingState
from tapeline.domain.times import SECOND
from tapeline.domain.words import Purpose, Reason, Side, TimeInForce
from tapeline.execution.messages import Ask
from tapeline.ledger.canonical import decode
from tapeline.ledger.control_facts import GapOpened
from tapeline.ledger.order_facts import CancelIntended, CancelRejected, ReplaceIntended, ReplaceRejected

WHY = "no sign of life"


def interrupt(trader: Trader) -> None:
    trader.keeper.interrupt(trader.now, WHY)
    trader.turn()


def test_an_entry_that_waits_ends_as_never_sent_and_a_gap_opens(trader: Trader) -> None:
    name = trader.place()

    interrupt(trader)

    (rejected,) = [fact for fact in trader.recorded if fact.kind == "OrderRejected"]
    assert (rejected.client_order_id, rejected.reason, rejected.text) == (name, Reason.NEVER_ARRIVED, WHY)
    assert trader.views.control.gap.cause is GapCause.STALLED
    trader.settle_for(120)
    assert trader.venue.submits == {}
    assert trader.views.control.gap is None


def test_an_exit_that_waits_is_not_sent_either(trader: Trader) -> None:
    held = a_working_order(trader)
    trader.fill(held, 10)
    trader.settle()
    name = trader.place(side=Side.SELL, purpose=Purpose.EXIT_RULE)

    interrupt(trader)
    trader.settle_for(120)

    assert trader.status(name) == "REJECTED"
    assert set(trader.venue.submits) == {held}


def test_a_replace_that_waits_counts_as_refused_and_a_cancel_goes_on(trader: Trader) -> None:
    first, second = a_working_order(trader), a_working_order(trader)
    trader.replace(first, quantity=20)
    trader.cancel(second)

    interrupt(trader)
    trader.settle_for(120)

    assert trader.kinds().count("ReplaceRejected") == 1
    assert (trader.status(first), trader.views.orders.states[first].quantity) == ("NEW", 10)
    assert trader.status(second) == "CANCELED"


@pytest.mark.parametrize("how", ["interrupt", "withhold"])
@pytest.mark.parametrize(
    "purpose", [Purpose.EXIT_RULE, Purpose.SCALE_OUT, Purpose.LOSS_LIMIT, Purpose.FLAT_BEFORE_CLOSE]
)
def test_the_cancel_by_which_an_exit_begins_is_barred_with_the_exit(trader: Trader, how: str, purpose: Purpose) -> None:
    """The stop works on; of `flatten`, of an order that the venue made work again, and of an entry cancels go on."""
    held, entry = a_working_order(trader), a_working_order(trader)
    trader.fill(held, 10)
    trader.settle()
    stops = [trader.place(side=Side.SELL, quantity=n, purpose=Purpose.STOP) for n in (5, 3, 2)]
    trader.settle()
    for name, why in zip([*stops, entry], [purpose, Purpose.FLATTEN, None, purpose], strict=True):
        trader.keeper.cancel(trader.record(CancelIntended(trader.now, name, purpose=why)))

    if how == "interrupt":
        trader.keeper.interrupt(trader.now, WHY)
    else:
        trader.keeper.withhold(TradingState.HALTED, trader.now, WHY)
    trader.turn()
    trader.settle_for(120)

    assert [trader.status(name) for name in (*stops, entry)] == ["NEW", "CANCELED", "CANCELED", "CANCELED"]
    refused = [fact for fact in trader.recorded if fact.kind == "CancelRejected"]
    assert refused == [CancelRejected(refused[0].event_time_ns, stops[0], None, WHY, Reason.NEVER_ARRIVED)]
    again = trader.record(CancelIntended(trader.now, stops[0], purpose=purpose))
    trader.keeper.cancel(again)
    trader.settle()
    assert trader.status(stops[0]) == "CANCELED"


def test_while_reducing_an_exit_begins(trader: Trader) -> None:
    held = a_working_order(trader)
    trader.fill(held, 10)
    trader.settle()
    stop = trader.place(side=Side.SELL, purpose=Purpose.STOP)
    trader.settle()
    trader.keeper.cancel(trader.record(CancelIntended(trader.now, stop, purpose=Purpose.EXIT_RULE)))

    trader.keeper.withhold(TradingState.REDUCING, trader.now, WHY)
    trader.settle()

    assert trader.status(stop) == "CANCELED"


def test_what_was_handed_out_and_not_sent_is_kept_back_and_timed_no_more(trader: Trader) -> None:
    name = a_working_order(trader)
    waiting = trader.place()
    trader.replace(name, quantity=20)
    trader.keeper.compare(trader.now)
    leaving = trader.keeper.outbox(trader.now)
    assert any(isinstance(message, Ask) for message in leaving) and len(leaving) > 2

    trader.keeper.keep_back(leaving)
    told = trader.keeper.on_time(trader.now + 30 * SECOND)

    assert [fact for fact in told if fact.kind == "OutcomeLost"] == [], "what never left cannot be lost"
    trader.settle_for(120)
    assert trader.venue.submits[waiting] == 1
    assert trader.views.orders.states[name].quantity == 20


def test_what_is_kept_back_ends_when_the_run_is_halted(trader: Trader) -> None:
    waiting = trader.place()
    trader.keeper.keep_back(trader.keeper.outbox(trader.now))

    interrupt(trader)
    trader.settle_for(120)

    assert trader.status(waiting) == "REJECTED"
    assert trader.venue.submits == {}


@pytest.mark.parametrize(
    ("state", "leaving"),
    [
        (TradingState.ACTIVE, {"entry", "exit", "flatten", "replace", "cancel"}),
        (TradingState.REDUCING, {"exit", "flatten", "cancel"}),
        (TradingState.HALTED, {"flatten", "cancel"}),
    ],
)
def test_what_a_lower_state_bars_and_waits_is_never_sent(
    trader: Trader, state: TradingState, leaving: set[str]
) -> None:
    held, changed, canceled = a_working_order(trader), a_working_order(trader), a_working_order(trader)
    trader.fill(held, 10)
    trader.settle()
    names = {
        "entry": trader.place(),
        "exit": trader.place(side=Side.SELL, quantity=4, purpose=Purpose.EXIT_RULE),
        "flatten": trader.place(side=Side.SELL, quantity=6, purpose=Purpose.FLATTEN),
    }
    trader.replace(changed, quantity=20)
    trader.cancel(canceled)
    before = len(trader.recorded)

    trader.keeper.withhold(state, trader.now, WHY)
    trader.settle()

    sent = {what for what, name in names.items() if name in trader.venue.submits}
    sent |= {"replace"} if trader.views.orders.states[changed].quantity == 20 else set()
    sent |= {"cancel"} if trader.status(canceled) == "CANCELED" else set()
    assert sent == leaving
    ended = {f.client_order_id: f.text for f in trader.recorded[before:] if f.kind == "OrderRejected"}
    assert ended == {name: WHY for what, name in names.items() if what not in leaving}
    assert ("ReplaceRejected" in trader.kinds()[before:]) is ("replace" not in leaving)
    assert trader.views.control.gap is None


def test_an_entry_of_a_symbol_that_is_locked_before_it_leaves_is_never_sent(trader: Trader) -> None:
    """In each turn an entry and an exit of the symbol wait; the turn in which it is locked lets the exit leave only."""
    held = a_working_order(trader, 100)
    trader.fill(held, 100)
    trader.settle()
    trader.venue.positions["A"] = Decimal(37)
    trader.keeper.compare(trader.now)

    while not trader.views.control.locks:
        trader.link.now += SECOND
        entry = trader.place(price="90")
        leaving = trader.place(side=Side.SELL, quantity=1, price="110", purpose=Purpose.EXIT_RULE)
        other = trader.place(symbol="B", price="90")
        trader.turn()
        trader.link.pass_all()

    assert trader.status(entry) == "REJECTED" and entry not in trader.venue.submits
    assert {leaving, other} <= trader.venue.submits.keys()


@pytest.mark.parametrize(
    ("terms", "leaves"),
    [
        ({"quantity": Decimal(4)}, True),
        ({"quantity": Decimal(10)}, False),
        ({"quantity": Decimal(12)}, False),
        ({"limit_price": Decimal(99)}, False),
        ({"quantity": Decimal(4), "limit_price": Decimal(99)}, False),
        ({"quantity": Decimal(4), "time_in_force": TimeInForce.GTC}, False),
    ],
)
@pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
def test_of_replaces_only_one_that_does_nothing_but_make_an_order_smaller_is_never_barred(
    trader: Trader, state: TradingState, terms: dict[str, Any], leaves: bool
) -> None:
    name = a_working_order(trader, 10)
    trader.keeper.replace(trader.record(ReplaceIntended(trader.now, name, **terms)))

    trader.link.now += SECOND
    trader.keeper.withhold(state, trader.now, WHY)

    (told,) = [fact for fact in map(decode, trader.journal[-1:]) if fact.kind == "ReplaceRejected"] or [None]
    assert told == (None if leaves else ReplaceRejected(trader.now, name, None, WHY, Reason.NEVER_ARRIVED))
    assert bool(trader.keeper.outbox(trader.now)) is leaves


def test_what_ends_unsent_ends_at_the_time_at_which_the_run_is_held_up(trader: Trader) -> None:
    name = trader.place()
    trader.link.now += 7 * SECOND

    trader.keeper.interrupt(trader.now, WHY)

    rejected, gap = [decode(body) for body in trader.journal[-2:]]
    assert (rejected.client_order_id, rejected.event_time_ns) == (name, trader.now)
    assert gap == GapOpened(trader.now, GapCause.STALLED, WHY)


def test_what_is_kept_back_leaves_before_what_was_decided_after_it(trader: Trader) -> None:
    first = trader.place()
    leaving = trader.keeper.outbox(trader.now)
    second = trader.place()

    trader.keeper.keep_back(leaving)
    trader.settle()

    assert list(trader.venue.submits) == [first, second]
