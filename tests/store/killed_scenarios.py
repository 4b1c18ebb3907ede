"""What is killed at every step: the store by itself, and a whole live run."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any

from store.disk_steps import Steps
from store.killed import Left, Say, books_are_whole, keep_books
from tapeline import Market, RuleStrategy, RunSettings, bars, distance, percent_of_equity
from tapeline.app.paper import trade_on_paper
from tapeline.brokers.simulated.broker import SimulatedBroker
from tapeline.domain.control import Trigger
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.facts import CancelIntended, CommandGiven, OrderIntended, TradingStateChanged
from tapeline.ledger.views import rebuild
from tapeline.ports.control import Latch
from tapeline.store.control_file import ControlFile
from tapeline.store.latch import read_latch
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.verification import verify
from tapeline.tape.calendars import sessions

SLICES = 8
PANEL = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=2).panel.rows(
    0, SLICES
)
TRAVELS = RunSettings(market=Market(latency_s=0.001))


class Restless(RuleStrategy):
    """In the market at every other bar, with a stop."""

    bar = bars("1min")
    size = percent_of_equity(10)
    enter_long = bar.close > 0
    exit_long = bar.close > 0
    stop = distance(bar.close * 0.05)


def trade(folder: Path, say: Say, steps: Steps) -> None:
    """Trade some minutes on paper, with a command and a latch on the way; say what leaves, before it does."""
    path = folder / "journal"

    def on_turn(engine: Any) -> None:
        committed = engine.loop.journal._committed.count
        say(f"committed {committed}")
        if engine.loop.slices == 3 and not acted:
            acted.append("override")
            given = {"limit": "gross", "value": "0.9", "for_ns": 10**12}
            with ControlFile.open(path) as desk:
                desk.give("override", who="anna", reason="news", now_ns=1, arguments=given)
        if engine.loop.slices == 6 and len(acted) == 1:
            acted.append("latch")
            with ControlFile.open(path) as desk:
                desk.set_latch(Latch(Trigger.LOOP_STALLED, "watchdog", "no sign of life", 7))
            say("latched")

    acted: list[str] = []
    _told[:] = [say]
    try:
        trade_on_paper([Restless()], PANEL, path, TRAVELS, speed=math.inf, on_turn=on_turn)
    finally:
        say("ended")


_told: list[Say] = []
_submit, _cancel = SimulatedBroker.submit, SimulatedBroker.cancel


def _submitted(broker: SimulatedBroker, orders: Any) -> None:
    for order in orders:
        _told[0](f"submitted {order.client_order_id}")
    _submit(broker, orders)


def _canceled(broker: SimulatedBroker, name: str, time_ns: int) -> None:
    _told[0](f"canceled {name}")
    _cancel(broker, name, time_ns)


SimulatedBroker.submit, SimulatedBroker.cancel = _submitted, _canceled  # type: ignore[method-assign]


def run_is_whole(left: Left) -> str:
    """Return what is wrong with what a killed run left: whatever was sent stands in the journal."""
    path = left.folder / "journal"
    with SqliteJournal.writing(path) as journal:
        count = journal.head().count
        intended = {r.fact.order.client_order_id for r in journal.read(kind=OrderIntended.kind)}  # type: ignore[attr-defined]
        canceled = {r.fact.client_order_id for r in journal.read(kind=CancelIntended.kind)}  # type: ignore[attr-defined]
        halted = [r.fact.text for r in journal.read(kind=TradingStateChanged.kind)]  # type: ignore[attr-defined]
        overridden = list(journal.read(kind=CommandGiven.kind))
        rebuild(journal).to_bytes()
    verification = verify(path)
    if not verification.is_sound:
        return str(verification.fault)
    committed = max((int(line.split()[1]) for line in left.said if line.startswith("committed")), default=0)
    if count < committed:
        return f"{committed} facts were committed, {count} are there"
    for word, known in (("submitted", intended), ("canceled", canceled)):
        lost = {line.split()[1] for line in left.said if line.startswith(word)} - known
        if lost:
            return f"{word} and not in the journal: {lost}"
    if _twice(left):
        return f"sent twice: {_twice(left)}"
    if left.times("latched") and not halted and read_latch(path) is None:
        return "the latch is gone, and the journal knows nothing of it"
    if len(overridden) > 1:
        return "a command was obeyed twice"
    if left.has_ended and "ended" not in left.said:
        return f"it ended by itself: {left.said[-1:]}"
    return ""


def _twice(left: Left) -> set[str]:
    sent = [line for line in left.said if line.startswith("submitted")]
    return {line for line in sent if sent.count(line) > 1}


SCENARIOS = {"books": (keep_books, books_are_whole), "live": (trade, run_is_whole)}
