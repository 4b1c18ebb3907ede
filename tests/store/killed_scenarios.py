"""What is killed at every step: the store by itself, and a whole live run."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from store.disk_steps import Steps
from store.killed import Left, Say, books_are_whole, keep_books, refused
from tapeline import Market, RuleStrategy, RunSettings, bars, distance, percent_of_equity
from tapeline.app.paper import trade_on_paper
from tapeline.brokers.simulated.broker import SimulatedBroker
from tapeline.domain.control import Trigger
from tapeline.domain.errors import StorageError
from tapeline.domain.words import OrderType
from tapeline.engine.live import LiveEngine
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.facts import CommandGiven, RunEnded, TradingStateChanged
from tapeline.ledger.order_facts import CancelIntended, OrderFilled, OrderIntended
from tapeline.ledger.views import rebuild
from tapeline.ports.control import Latch
from tapeline.store import sqlite_file
from tapeline.store.control_file import ControlFile
from tapeline.store.latch import read_latch
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.verification import verify
from tapeline.tape.calendars import sessions

SLICES = 5
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


def trade_undisturbed(folder: Path, say: Say, steps: Steps) -> None:
    """Trade some minutes on paper, and nothing else."""
    _told[:] = [say]
    _trade(folder)
    say("ended")


def _trade(folder: Path, **options: Any) -> None:
    trade_on_paper([Restless()], PANEL, folder / "journal", TRAVELS, speed=math.inf, **options)


def run_goes_on(left: Left) -> str:
    """Return what a run that was killed does otherwise than one that was not, when it is taken up again."""
    if found := run_is_whole(left):
        return found
    _told[:] = [lambda _: None]
    with SqliteJournal.writing(left.folder / "journal") as journal:
        has_begun = journal.head().count > 0
        has_ended = any(journal.read(kind=RunEnded.kind))
    if not has_ended:
        _trade(left.folder, resume=has_begun)
    if not _expected:
        with TemporaryDirectory() as folder:
            _trade(Path(folder))
            _expected.extend(_outcome(Path(folder)))
    if _outcome(left.folder) != _expected:
        return f"it trades {_outcome(left.folder)}, without a stop {_expected}"
    return "" if verify(left.folder / "journal").is_sound else "the chain is broken"


_expected: list[Any] = []


def _outcome(folder: Path) -> list[Any]:
    with SqliteJournal.reading(folder / "journal") as journal:
        fills = [record.fact.execution for record in journal.read(kind=OrderFilled.kind)]  # type: ignore[attr-defined]
        orders = [record.fact.order for record in journal.read(kind=OrderIntended.kind)]  # type: ignore[attr-defined]
        views = rebuild(journal)
    cash = {name: str(account.amount) for name, account in views.cash.items()}
    return [fills, orders, cash]


def trade(folder: Path, say: Say, steps: Steps) -> None:
    """Trade some minutes on paper, with a command and a latch on the way; say what leaves, before it does."""
    path = folder / "journal"

    def on_turn(engine: Any) -> None:
        committed = engine.loop.journal._committed.count
        say(f"committed {committed}")
        if engine.loop.slices == 2 and not acted:
            acted.append("override")
            given = {"limit": "gross", "value": "0.9", "for_ns": 10**12}
            with ControlFile.open(path) as desk:
                desk.give("override", who="anna", reason="news", now_ns=1, arguments=given)
        if engine.loop.slices == 4 and len(acted) == 1:
            acted.append("latch")
            with ControlFile.open(path) as desk:
                desk.set_latch(Latch(Trigger.LOOP_STALLED, "watchdog", "no sign of life", 7))
            say("latched")

    acted: list[str] = []
    _told[:] = [say]
    try:
        _trade(folder, on_turn=on_turn)
    finally:
        say("ended")


_told: list[Say] = []
_submit, _cancel = SimulatedBroker.submit, SimulatedBroker.cancel
_storage_failed = LiveEngine._storage_failed


def _submitted(broker: SimulatedBroker, orders: Any) -> None:
    for order in orders:
        _told[0](f"submitted {order.client_order_id}")
    _submit(broker, orders)


def _canceled(broker: SimulatedBroker, name: str, time_ns: int) -> None:
    _told[0](f"canceled {name}")
    _cancel(broker, name, time_ns)


def _failed(engine: LiveEngine, exc: StorageError, now_ns: int) -> None:
    _told[0]("not-durable")
    _storage_failed(engine, exc, now_ns)


SimulatedBroker.submit, SimulatedBroker.cancel = _submitted, _canceled  # type: ignore[method-assign]
LiveEngine._storage_failed = _failed  # type: ignore[method-assign]


def run_is_whole(left: Left) -> str:
    """Return what is wrong with what a killed run left: whatever was sent stands in the journal."""
    path = left.folder / "journal"
    with SqliteJournal.writing(path) as journal:
        count = journal.head().count
        orders = [r.fact.order for r in journal.read(kind=OrderIntended.kind)]  # type: ignore[attr-defined]
        intended = {order.client_order_id: order for order in orders}
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
    for word, known in (("submitted", intended.keys()), ("canceled", canceled)):
        lost = {line.split()[1] for line in left.said if line.startswith(word)} - known
        if lost:
            return f"{word} and not in the journal: {lost}"
    if _twice(left):
        return f"sent twice: {_twice(left)}"
    if "not-durable" in left.said:
        after = [
            line.split()[1] for line in left.said[left.said.index("not-durable") :] if line.startswith("submitted")
        ]
        if any(intended[name].order_type is not OrderType.STOP for name in after):
            return "more than a stop was sent after a turn that was not durable"
        if left.has_ended and not halted and not refused(left):
            return "trading was not halted where a turn was not durable"
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


def trade_carelessly(folder: Path, say: Say, steps: Steps) -> None:
    """Trade with a planted fault: what is decided is sent before it is durable."""
    commit = LiveEngine._commit

    def send_first(engine: LiveEngine, now_ns: int) -> bool:
        engine.loop.send()
        return commit(engine, now_ns)

    LiveEngine._commit = send_first  # type: ignore[method-assign]
    try:
        trade_undisturbed(folder, say, steps)
    finally:
        LiveEngine._commit = commit  # type: ignore[method-assign]


def keep_books_on_any_log(folder: Path, say: Say, steps: Steps) -> None:
    """Keep books with a planted fault, in this process for good: a log is built on as it is found."""
    sqlite_file._keep_log = lambda *_: None
    keep_books(folder, say, steps)


def books_are_whole_or_refused(left: Left) -> str:
    """Return what is wrong, a sentence also where the journal cannot be opened."""
    try:
        return books_are_whole(left)
    except StorageError as exc:
        return str(exc)


SCENARIOS = {
    "any log": (keep_books_on_any_log, books_are_whole_or_refused),
    "careless": (trade_carelessly, run_is_whole),
    "books": (keep_books, books_are_whole),
    "live": (trade, run_is_whole),
    "restart": (trade_undisturbed, run_goes_on),
}
