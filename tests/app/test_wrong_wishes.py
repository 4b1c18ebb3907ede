"""Strategies that ask for what cannot be: denied or passed over with a sentence, and the run goes on."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from tapeline import Account, Market, RuleStrategy, RunSettings, Strategy, backtest, bars, ema
from tapeline.app.paper import trade_on_paper
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.words import Limit
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.control_facts import TradingStateChanged
from tapeline.ledger.facts import RunEnded
from tapeline.ledger.order_facts import OrderDenied, OrderIntended, ReplaceIntended
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tape.calendars import sessions

DAY = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=3).panel
MARGIN = Account(cash=100_000, kind="margin", leverage=2, short_allowed=True)
SETTINGS = RunSettings(account=MARGIN, market=Market(latency_s=0.001))
LONG, SHORT, FREE = range(3)

NO_PRICE: dict[str, dict[str, Any]] = {
    "a limit of zero": {"limit": 0.0},
    "a limit below zero": {"limit": -1.0},
    "a limit below a tick": {"limit": 0.004},
    "a limit without end": {"limit": math.inf},
    "a limit of more ticks than can be counted": {"limit": 1e17},
    "a target without end": {"target": math.inf},
    "a target of more ticks than can be counted": {"target": 1e300},
    "a trail without end": {"trail": math.inf},
    "a trail below zero": {"trail": -1.0},
    "a stop below zero": {"stop": -3.0},
    "a stop of zero": {"stop": 0.0},
    "the stop of a short without end": {"side": -1, "stop": math.inf},
    "a quantity without end, and a stop that is unknown": {"quantity": math.inf, "stop": math.nan},
}
NO_QUANTITY: dict[str, dict[str, Any]] = {
    "nothing": {"quantity": 0},
    "less than nothing": {"quantity": -5},
    "an unknown quantity": {"quantity": math.nan},
    "less than one share": {"quantity": 0.7},
}
CHANGES: dict[str, Callable[[Any], None]] = {
    "the stop of a short below zero": lambda now: now.set_stop(SHORT, -4.0),
    "the stop of a short at zero": lambda now: now.set_stop(SHORT, 0.0),
    "the stop of a short at no number": lambda now: now.set_stop(SHORT, -math.inf),
    "the stop of a long without end": lambda now: now.set_stop(LONG, math.inf),
    "a part of more than all": lambda now: now.scale_out(LONG, 7.0),
    "a part without end": lambda now: now.scale_out(LONG, math.inf),
    "an unknown part": lambda now: now.scale_out(LONG, math.nan),
}
WISHES: dict[str, Callable[[Any], None]] = {
    **{
        name: (lambda now, asked=asked: now.enter(FREE, **{"quantity": 1, **asked}))
        for name, asked in (NO_PRICE | NO_QUANTITY).items()
    },
    "a refusal of no quantity": lambda now: now.refuse(FREE, math.nan),
    "a refusal of a quantity without end": lambda now: now.refuse(FREE, math.inf),
    **CHANGES,
}
FIRST, BEGINS = 20, 10


class Wishful(Strategy):
    """A long and a short with stops; then one wrong wish after the other, each in a slice of its own."""

    bar = bars("1min")
    close = bar.close

    def on_slice(self, now: Any) -> None:
        at = int((now.time_ns - int(DAY.end_ns[0])) // 60_000_000_000)
        if at == BEGINS:
            now.enter(LONG, quantity=4, stop=now.close * 0.9)
            now.enter(SHORT, side=-1, quantity=4, stop=now.close * 1.1)
        if 0 <= at - FIRST < len(WISHES):
            [*WISHES.values()][at - FIRST](now)


class PartWithoutPrice(Strategy):
    """Sells a part of a long, and asks for a stop of the rest that is no price."""

    close = bars("1min").close

    def on_slice(self, now: Any) -> None:
        at = int((now.time_ns - int(DAY.end_ns[0])) // 60_000_000_000)
        if at == BEGINS:
            now.enter(LONG, quantity=4, stop=now.close * 0.9)
        if at == FIRST:
            now.scale_out(LONG, 0.5, stop=math.inf)


class Below(RuleStrategy):
    """Moves the stops of shorts to where no price is."""

    bar = bars("5min")
    enter_short = bar.close < ema(bar.close, 5)
    exit_short = bar.close > ema(bar.close, 30)
    stop = bar.close * 1.05
    move_stop = bar.close - bar.close * 3


class Endless(Strategy):
    """As much as the limits leave."""

    close = bars("1min").close

    def on_slice(self, now: Any) -> None:
        if now.time_ns == int(DAY.end_ns[BEGINS]):
            now.enter(FREE, quantity=math.inf)


class Secretive(Strategy):
    """Tells the journal what it cannot hold."""

    close = bars("1min").close

    def on_slice(self, now: Any) -> None:
        if now.time_ns == int(DAY.end_ns[BEGINS]):
            now.enter(FREE, quantity=1)
            now.tell(FREE, {"why": object()})  # type: ignore[dict-item]  # what is tested


def facts(folder: Path, kind: str) -> list[Any]:
    with SqliteJournal.reading(folder / "journal") as journal:
        return [record.fact for record in journal.read(kind=kind)]


def trade(folder: Path, strategy: Strategy | RuleStrategy) -> Any:
    return trade_on_paper([strategy], DAY, folder / "journal", SETTINGS, speed=math.inf)


def test_a_wish_for_what_cannot_be_is_denied_and_the_run_goes_on(folder: Path) -> None:
    engine = trade(folder, Wishful())

    assert engine.guard.switch.state is TradingState.ACTIVE
    assert len(facts(folder, RunEnded.kind)) == 1
    denied = facts(folder, OrderDenied.kind)
    limits = [Limit.NO_STOP] * len(NO_PRICE) + [Limit.BELOW_ONE_STEP] * len(NO_QUANTITY) + [Limit.OWN_RULE] * 2
    assert [fact.limit for fact in denied] == limits
    assert "no price" in denied[0].reason
    # the two entries with their stops are all that ever left
    assert len(facts(folder, OrderIntended.kind)) == 4
    assert facts(folder, ReplaceIntended.kind) == []
    assert backtest(Wishful(), DAY, SETTINGS).digest == engine.loop.result().digest


def test_a_rule_that_moves_a_stop_to_no_price_leaves_it(folder: Path) -> None:
    engine = trade(folder, Below())

    assert engine.guard.switch.state is TradingState.ACTIVE
    assert len(facts(folder, OrderIntended.kind)) > 4
    assert facts(folder, ReplaceIntended.kind) == []


def test_the_rest_of_a_part_keeps_its_stop_where_the_new_one_is_no_price(folder: Path) -> None:
    trade(folder, PartWithoutPrice())

    stops = [fact.order for fact in facts(folder, OrderIntended.kind) if fact.order.stop_price is not None]
    assert [(stop.quantity, stop.stop_price) for stop in stops] == [(4, stops[0].stop_price), (2, stops[0].stop_price)]


def test_a_quantity_without_end_is_as_much_as_the_limits_leave(folder: Path) -> None:
    settings = RunSettings(account=Account(cash=10_000))
    assert backtest(Endless(), DAY, settings).orders["quantity"].tolist() == [
        math.floor(10_000 / float(DAY.close[BEGINS, FREE]))
    ]

    engine = trade(folder, Endless())  # a margin account without limits: what the venue's buying power leaves

    assert engine.has_ended


def test_a_note_that_no_journal_can_hold_lowers_the_state_and_the_run_goes_on(folder: Path) -> None:
    engine = trade(folder, Secretive())

    (changed,) = facts(folder, TradingStateChanged.kind)
    assert (changed.state, changed.cause) == (TradingState.REDUCING, Trigger.STRATEGY_FAILED)
    assert "a note is a text with a truth, a number or a text; found 'why' with object" in changed.text
    assert facts(folder, OrderIntended.kind) == []
    assert engine.has_ended
