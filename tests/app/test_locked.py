"""A strategy leaves a symbol that is locked: for what the broker confirms, and behind its stop until then."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.test_acceptance import PANEL, RECONCILE, SETTINGS, SYMBOL, Person, Venue, facts, sets, venue
from tapeline import RunSettings, Strategy, bars, percent_of_equity
from tapeline.app.paper import trade_on_paper
from tapeline.domain.control import Trigger
from tapeline.domain.words import Limit, Purpose, Reason
from tapeline.engine.live import LiveEngine
from tapeline.ledger.control_facts import SymbolLocked, TradingStateChanged
from tapeline.ledger.order_facts import CancelRejected, OrderDenied, OrderFilled
from tapeline.ledger.views import Views
from tapeline.simulation.execution_settings import Algorithms, twap

__all__ = ["venue"]

WORKED = replace(SETTINGS, execution=Algorithms(None, twap(minutes=4, every_minutes=2)))
IN_PARTS = replace(SETTINGS, execution=Algorithms(twap(minutes=6, every_minutes=2), None))
ENTERS_AT, BREAKS_AT, LEAVES_AT, LOOKS_AT, AGREES_AT, ENDS_AT = 40, 60, 70, 76, 80, 95


class Once(Strategy):
    """Enters one symbol with a stop and a target far away, and asks for its exit, or that of a half, once."""

    bar = bars("1min")
    close = bar.close
    size = percent_of_equity(20)
    sells_half = False

    def on_slice(self, now: Any) -> None:
        if now.time_ns == int(PANEL.end_ns[ENTERS_AT]):
            now.enter(SYMBOL, stop=now.close * 0.5, target=now.close * 2)
        if now.time_ns == int(PANEL.end_ns[LEAVES_AT]):
            if self.sells_half:
                now.scale_out(SYMBOL, fraction=0.5)
            else:
                now.exit(SYMBOL)


class OnceHalf(Once):
    """Sells a half."""

    sells_half = True


@pytest.mark.parametrize("is_restarted", [False, True], ids=["on", "restarted"])
@pytest.mark.parametrize(
    ("strategy", "settings", "share", "first", "stops"),
    [
        (Once, SETTINGS, "-0.4", "0.6", "0"),
        (Once, WORKED, "-0.4", "0.6", "0"),
        (Once, SETTINGS, "-1", "0", "1"),
        (OnceHalf, SETTINGS, "-0.2", "0", "1"),
        (Once, IN_PARTS, "-0.4", "0.6", "0"),
        (Once, IN_PARTS, "-1", "0", "1"),
        (OnceHalf, IN_PARTS, "-0.2", "0", "1"),
    ],
    ids=[
        "a part is confirmed",
        "a part is confirmed, and worked",
        "nothing is confirmed",
        "a part is sold",
        "entered in parts, a part is confirmed",
        "entered in parts, nothing is confirmed",
        "entered in parts, a part is sold",
    ],
)
def test_an_exit_leaves_for_what_is_confirmed_and_one_that_cannot_follow_takes_no_stop_away(
    folder: Path,
    venue: Venue,
    strategy: type[Once],
    settings: RunSettings,
    share: str,
    first: str,
    stops: str,
    is_restarted: bool,
) -> None:
    """When the broker's books agree again, the rest follows, in a process that began meanwhile too."""
    seen: dict[str, Any] = {}

    def look(engine: LiveEngine) -> None:
        views: Views = engine.loop.views
        seen["locked"] = set(views.control.locks)
        seen["held"] = views.quantity(SYMBOL)
        seen["stops"] = sum(
            (s.leaves_quantity for s in views.orders.working_of(SYMBOL) if s.order.purpose is Purpose.STOP), Decimal(0)
        )

    def note(engine: LiveEngine) -> None:
        seen["whole"] = engine.loop.views.quantity(SYMBOL)

    def agree(engine: LiveEngine) -> None:
        venue.quantities.clear()

    person = Person(folder).at(BREAKS_AT, note, sets(venue, SYMBOL, Decimal(share)), RECONCILE).at(LOOKS_AT, look)
    person.at(AGREES_AT, agree, RECONCILE)
    person.ends_at = LOOKS_AT if is_restarted else ENDS_AT

    def run(**options: Any) -> LiveEngine:
        return trade_on_paper(
            [strategy()], PANEL, folder / "journal", settings, speed=math.inf, on_turn=person, **options
        )

    engine = run()
    if is_restarted:
        person.ends_at = ENDS_AT
        engine = run(resume=True)

    whole = seen["whole"]
    part = (whole * Decimal(first)).to_integral_value()
    assert seen["locked"] == {("main", SYMBOL)} and not engine.loop.views.control.locks
    assert (seen["held"], seen["stops"]) == (whole - part, whole * Decimal(stops))
    out = sum(fact.execution.quantity for fact in facts(folder, OrderFilled.kind) if fact.execution.side < 0)
    # the journal does not have how large a part free-form code wants to sell: after a restart it may ask again
    assert out == (whole if strategy is Once else 0 if is_restarted else whole // 2)
    refused = facts(folder, CancelRejected.kind)
    assert {fact.reason for fact in refused} <= {Reason.NEVER_ARRIVED} and bool(refused) is not bool(part)
    assert {fact.limit for fact in facts(folder, OrderDenied.kind)} <= {Limit.DOUBT}
    causes = {fact.cause for fact in facts(folder, TradingStateChanged.kind)}
    assert Trigger.BROKER_ERRORS not in causes, "what was barred here is no error of the broker"


@pytest.mark.parametrize("is_restarted", [False, True], ids=["on", "restarted"])
def test_a_stop_that_was_set_for_what_was_confirmed_is_set_for_all_when_the_lock_is_off(
    folder: Path, venue: Venue, is_restarted: bool
) -> None:
    """The lock comes when the stop has been called back for a part to be sold, and the rest gets another."""
    seen: dict[int, list[Decimal]] = {}

    def lock(engine: LiveEngine) -> None:
        held = engine.loop.views.quantity(SYMBOL)
        venue.quantities[SYMBOL] = -(held * Decimal("0.2")).to_integral_value()
        engine.loop.record(
            SymbolLocked(engine.loop.clock.now_ns(), SYMBOL, held, held + venue.quantities[SYMBOL], "main")
        )

    def look(engine: LiveEngine) -> None:
        views = engine.loop.views
        stops = [s for s in views.orders.working_of(SYMBOL) if s.order.purpose is Purpose.STOP]
        seen[engine.loop.slices] = [views.quantity(SYMBOL), *(state.leaves_quantity for state in stops)]

    def agree(engine: LiveEngine) -> None:
        venue.quantities.clear()

    person = Person(folder).at(LEAVES_AT + 1, lock).at(LOOKS_AT, look).at(AGREES_AT, agree, RECONCILE)
    person.at(ENDS_AT - 1, look)
    person.ends_at = LOOKS_AT + 1 if is_restarted else ENDS_AT
    options: dict[str, Any] = {"speed": math.inf, "on_turn": person}
    trade_on_paper([OnceHalf()], PANEL, folder / "journal", SETTINGS, **options)
    if is_restarted:
        person.ends_at = ENDS_AT
        trade_on_paper([OnceHalf()], PANEL, folder / "journal", SETTINGS, **options, resume=True)

    (held, *before), (still_held, *after) = seen[LOOKS_AT], seen[ENDS_AT - 1]
    assert held == still_held > 0 and 0 < sum(before) < held
    assert after == [held]
