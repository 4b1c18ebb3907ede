"""A live run that another process has taken over, that was latched, or that cannot write: it sends nothing any more."""

from __future__ import annotations

import math
import sqlite3
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tapeline import Market, RuleStrategy, RunSettings, bars, distance, percent_of_equity
from tapeline.app.paper import trade_on_paper
from tapeline.brokers.simulated.broker import SimulatedBroker
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.errors import LeaseLostError, StorageError
from tapeline.domain.order import Order
from tapeline.domain.reports import EXTERNAL
from tapeline.domain.words import OrderType, Purpose, Reason, Side, TimeInForce
from tapeline.engine.live import LiveEngine
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.facts import CommandGiven, TradingStateChanged
from tapeline.ledger.order_facts import CancelIntended, OrderAdopted, OrderIntended, OrderRejected
from tapeline.ledger.views import rebuild
from tapeline.ports.control import Latch
from tapeline.risk.monitors import Alarm, Monitors
from tapeline.store.control_file import ControlFile
from tapeline.store.latch import set_latch
from tapeline.store.lease import Holder
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.store.verification import verify
from tapeline.tape.calendars import sessions

MINUTES = 24
PANEL = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=2).panel
TRAVELS = RunSettings(market=Market(latency_s=0.001))
LATCH = Latch(Trigger.LOOP_STALLED, "watchdog of anna", "no sign of life for 30 s", 7)


class Restless(RuleStrategy):
    """In and out with every other bar."""

    bar = bars("1min")
    size = percent_of_equity(10)
    enter_long = bar.close > 0
    exit_long = bar.close > 0
    stop = distance(bar.close * 0.05)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The client order ids that were handed to the broker, in order."""
    names: list[str] = []
    submit = SimulatedBroker.submit

    def noting(broker: SimulatedBroker, orders: Any) -> None:
        names.extend(order.client_order_id for order in orders)
        submit(broker, orders)

    monkeypatch.setattr(SimulatedBroker, "submit", noting)
    return names


def run(folder: Path, minutes: int = MINUTES, **options: Any) -> LiveEngine:
    return trade_on_paper(
        [Restless()], PANEL.rows(0, minutes), folder / "journal", TRAVELS, speed=math.inf, **options
    )  # fmt: skip


def facts(folder: Path, kind: str) -> list[Any]:
    with SqliteJournal.reading(folder / "journal") as journal:
        return [record.fact for record in journal.read(kind=kind)]


def set_again(folder: Path) -> set[str]:
    """Return the stops that stand alone: strategies send theirs with an entry, or with a target."""
    orders = [fact.order for fact in facts(folder, OrderIntended.kind)]
    return {it.client_order_id for it in orders if it.order_type is OrderType.STOP and not (it.parent or it.group)}


def test_a_run_whose_journal_another_process_took_over_ends_and_sends_nothing(folder: Path, sent: list[str]) -> None:
    others: list[SqliteJournal] = []
    before: list[int] = []

    def take_over(engine: LiveEngine) -> None:
        if engine.loop.slices == 10 and not others:
            Path(f"{folder / 'journal'}.writer").unlink()
            others.append(SqliteJournal.writing(folder / "journal"))
            with ControlFile.open(folder / "journal") as desk:
                desk.give("halt", who="anna", reason="for the new one", now_ns=1)
            before.extend([len(sent), others[0].head().count])

    with pytest.raises(LeaseLostError, match="may not write it any more"):
        run(folder, on_turn=take_over)

    assert before[0] > 0
    assert [len(sent), others[0].head().count] == before
    with ControlFile.open(folder / "journal") as desk:
        assert [command.reason for command in desk.commands()] == ["for the new one"]
        status = desk.status()
    assert status is not None and not status.body["has_ended"]
    others[0].close()
    assert verify(folder / "journal").is_sound


def test_a_run_that_is_paused_between_two_messages_sends_none_after_another_took_over(
    folder: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before every message: there the other process opens the journal, and the rest of the batch stays."""
    looks, place = 0, 0
    at_message: list[int] = []
    others: list[SqliteJournal] = []
    counts: list[int] = []
    see_lease, submit = SqliteJournal.see_lease, SimulatedBroker.submit

    def look(journal: SqliteJournal) -> None:
        nonlocal looks
        looks += 1
        if looks == place:
            Path(f"{journal.path}.writer").unlink()
            others.append(SqliteJournal.writing(journal.path))
            counts.append(len(sent))
        see_lease(journal)

    def noting(broker: SimulatedBroker, orders: Any) -> None:
        at_message.append(looks)
        submit(broker, orders)

    monkeypatch.setattr(SqliteJournal, "see_lease", look)
    monkeypatch.setattr(SimulatedBroker, "submit", noting)
    (folder / "free").mkdir()
    run(folder / "free")
    assert len(at_message) == len(set(at_message)) > 10, "asked before each message, anew"
    for place in at_message[::4]:
        looks = 0
        here = folder / str(place)
        here.mkdir()
        sent.clear(), counts.clear(), others.clear()

        with pytest.raises(LeaseLostError, match="may not write it any more"):
            run(here)

        assert counts == [len(sent)], "something was sent after another process took over"
        others[0].close()
        assert verify(here / "journal").is_sound


def test_a_latch_that_is_set_before_any_message_keeps_it_and_all_later_ones_back(
    folder: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every look before a message: there the latch is set, and from there on nothing is sent."""
    looks = 0
    latch_at: int | None = None
    before_messages: list[int] = []
    at_latch: list[int] = []
    halted, submit = ControlFile.halted, SimulatedBroker.submit

    def look(desk: ControlFile) -> Latch | None:
        nonlocal looks
        looks += 1
        if looks == latch_at:
            desk.set_latch(LATCH)
            at_latch.append(len(sent))
        return halted(desk)

    def noting(broker: SimulatedBroker, orders: Any) -> None:
        before_messages.append(looks)
        submit(broker, orders)

    monkeypatch.setattr(ControlFile, "halted", look)
    monkeypatch.setattr(SimulatedBroker, "submit", noting)
    (folder / "free").mkdir()
    run(folder / "free")
    places = [*dict.fromkeys(before_messages)][:-4:3]  # after the last turn nothing is taken into the journal
    assert len(places) > 3

    for place in places:
        looks, latch_at = 0, place
        here = folder / str(place)
        here.mkdir()
        sent.clear(), at_latch.clear()

        engine = run(here)

        assert at_latch and set(sent[at_latch[0] :]) <= set_again(here), "something was sent after the latch"
        changed = [(c.state, c.cause, c.who, c.text) for c in facts(here, TradingStateChanged.kind)]
        assert changed == [(TradingState.HALTED, Trigger.LOOP_STALLED, LATCH.who, LATCH.why)]
        kept_back = {fact.order.client_order_id for fact in facts(here, OrderIntended.kind)} - set(sent)
        ended = {f.client_order_id for f in facts(here, OrderRejected.kind) if f.reason is Reason.NEVER_ARRIVED}
        assert kept_back and kept_back == ended
        assert not any(state.order.purpose.word == "entry" for state in engine.loop.views.orders.working.values())
        with ControlFile.open(here / "journal") as desk:
            assert halted(desk) is None, "the journal knows HALTED, so the latch has done its work"
        with SqliteJournal.reading(here / "journal") as journal:
            assert rebuild(journal).to_bytes() == engine.loop.views.to_bytes()


def test_what_was_decided_while_the_disk_was_full_is_never_sent(folder: Path, sent: list[str]) -> None:
    """Trading is HALTED, also when there is room again; the orders of those turns end as never sent."""
    counts: dict[str, int] = {}

    def fill_and_free(engine: LiveEngine) -> None:
        connection = engine.loop.journal.connection  # type: ignore[attr-defined]
        if engine.loop.slices == 10 and not counts:
            counts["full"] = len(sent)
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")
        if engine.loop.slices == 16 and "free" not in counts:
            counts["free"] = len(sent)
            connection.execute("PRAGMA max_page_count = 1000000")

    engine = run(folder, on_turn=fill_and_free)

    assert engine.guard.switch.state is TradingState.HALTED
    assert 0 < counts["full"] <= counts["free"] == len(sent)
    (changed,) = facts(folder, TradingStateChanged.kind)
    assert changed.cause is Trigger.JOURNAL_FAILURE
    assert "the disk is full" in changed.text
    ended = {f.client_order_id for f in facts(folder, OrderRejected.kind) if f.reason is Reason.NEVER_ARRIVED}
    intended = {fact.order.client_order_id for fact in facts(folder, OrderIntended.kind)}
    assert intended - set(sent) == ended
    assert verify(folder / "journal").is_sound


@pytest.mark.parametrize("verb", ["commands", "publish", "answer"])
def test_a_desk_that_is_out_of_order_halts_and_does_not_end_the_run(
    folder: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    counts: list[int] = []

    def fails(*_: Any, **__: Any) -> None:
        raise StorageError("Control file: disk I/O error.") from sqlite3.OperationalError("disk I/O error")

    def break_it(engine: LiveEngine) -> None:
        if engine.loop.slices == 10 and not counts:
            counts.append(len(sent))
            monkeypatch.setattr(ControlFile, verb, fails)
            with ControlFile.open(folder / "journal") as desk:
                desk.give("override", who="anna", reason="", now_ns=1)

    engine = run(folder, on_turn=break_it)

    assert engine.loop.slices == MINUTES
    assert engine.guard.switch.state is TradingState.HALTED
    assert counts[0] > 0
    (changed,) = facts(folder, TradingStateChanged.kind)
    assert "Control file" in changed.text


def test_a_restart_with_the_computers_clock_an_hour_earlier_changes_nothing(
    folder: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No order id comes again, no event is earlier than those before it, no timer waits for the hour to pass."""

    def stop(engine: LiveEngine) -> None:
        engine.is_stopped = engine.loop.slices == 10

    (folder / "whole").mkdir()
    (folder / "parts").mkdir()
    run(folder / "whole")
    whole = list(sent)
    sent.clear()
    run(folder / "parts", on_turn=stop)
    stopped_at = len(facts(folder / "parts", OrderIntended.kind))
    real_ns, real_s = time.time_ns, time.time
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() - 3_600 * 10**9)
    monkeypatch.setattr(time, "time", lambda: real_s() - 3_600)

    run(folder / "parts", resume=True)

    orders = [fact.order for fact in facts(folder / "parts", OrderIntended.kind)]
    names = [order.client_order_id for order in orders]
    assert 0 < stopped_at < len(names) == len(set(names))
    assert names == [fact.order.client_order_id for fact in facts(folder / "whole", OrderIntended.kind)]
    assert set(sent) == set(whole)
    with SqliteJournal.reading(folder / "parts" / "journal") as journal:
        times = [record.fact.event_time_ns for record in journal.read(kind=OrderIntended.kind)]
    assert times == sorted(times)


def test_a_restart_of_a_run_that_died_latched_is_halted(folder: Path, sent: list[str]) -> None:
    """The watchdog set the latch on what was left; the next start takes it into the journal before anything else."""

    def stop(engine: LiveEngine) -> None:
        engine.is_stopped = engine.loop.slices == 10

    run(folder, on_turn=stop)
    before = list(sent)
    set_latch(folder / "journal", LATCH)

    engine = run(folder, resume=True)

    assert set(sent) == set(before) and before, "the simulated venue is told again what it knew, and nothing else"
    assert engine.guard.switch.state is TradingState.HALTED
    (changed,) = facts(folder, TradingStateChanged.kind)
    assert (changed.who, changed.text) == (LATCH.who, LATCH.why)


def test_a_second_run_over_a_journal_is_refused_before_anything_or_waits(folder: Path) -> None:
    with SqliteJournal.writing(folder / "journal", holder=Holder(4711, "trader", 1_700_000_000 * 10**9)):
        before = sorted(path.name for path in folder.iterdir())

        with pytest.raises(StorageError, match=r"process 4711 on trader, since 2023-11-14T22:13:20Z\. Stop that run"):
            run(folder, resume=True)
        with pytest.raises(StorageError, match=r"also after a wait of 0\.2 s"):
            run(folder, resume=True, wait_s=0.2)

        assert sorted(path.name for path in folder.iterdir()) == before


def test_what_was_decided_in_the_turn_in_which_a_watch_halts_is_never_sent(
    folder: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the turn of any slice: from there on no order is sent, and none that was not sent is called back."""
    counts: list[int] = []
    see_equity = Monitors.see_equity

    def alarm(monitors: Monitors, equity: float, session: int) -> Alarm | None:
        looks.append(equity)
        if len(looks) < look:
            return see_equity(monitors, equity, session)
        counts.append(len(sent))
        return Alarm(TradingState.HALTED, Trigger.DRAWDOWN, "too deep")

    monkeypatch.setattr(Monitors, "see_equity", alarm)
    unsent = 0
    for look in (5, 10, 11, 12, 13):
        looks: list[float] = []
        here = folder / str(look)
        here.mkdir()
        sent.clear(), counts.clear()

        engine = run(here)

        assert set(sent[counts[0] :]) <= set_again(here), "something was sent after the halt"
        assert engine.guard.switch.state is TradingState.HALTED
        kept_back = {fact.order.client_order_id for fact in facts(here, OrderIntended.kind)} - set(sent)
        ended = {f.client_order_id: f.text for f in facts(here, OrderRejected.kind) if f.client_order_id in kept_back}
        assert ended == dict.fromkeys(kept_back, "It was not sent yet when trading became HALTED: too deep")
        assert not kept_back & {fact.client_order_id for fact in facts(here, CancelIntended.kind)}
        unsent += len(kept_back)
    assert unsent > 0


def test_orders_of_others_are_left_alone_when_trading_is_lowered(folder: Path) -> None:
    """A stop placed by hand has no purpose that we know; it is no entry of ours."""
    before: set[str] = set()

    def place(engine: LiveEngine) -> None:
        if engine.loop.slices == 10 and not before:
            loop, now_ns = engine.loop, engine.loop.clock.now_ns()
            stop = Order(
                "by-hand", EXTERNAL, loop.symbols[0], Side.SELL, OrderType.STOP, Decimal(5), now_ns,
                time_in_force=TimeInForce.GTC, stop_price=Decimal(1),
            )  # fmt: skip
            loop.record(OrderAdopted(now_ns, stop))
            before.update(n for n, s in loop.views.orders.working.items() if s.order.purpose is Purpose.ENTRY)
            engine.guard.lower(TradingState.REDUCING, Trigger.PERSON, "lunch", now_ns)

    run(folder, minutes=12, on_turn=place)

    assert "by-hand" in before
    called_back = {f.client_order_id for f in facts(folder, CancelIntended.kind) if f.purpose is Purpose.ENTRY}
    assert "by-hand" not in called_back


def test_of_what_waits_from_before_the_process_began_only_what_risks_nothing_is_obeyed(folder: Path) -> None:
    def stop(engine: LiveEngine) -> None:
        engine.is_stopped = engine.loop.slices == 10

    run(folder, on_turn=stop)
    given = [
        ("resume", {}), ("override", {"limit": "gross", "value": "0.2", "for_ns": 60 * 10**9}), ("stop", {}),
        ("pause", {}), ("resume", {}), ("flatten", {}), ("halt", {}),
    ]  # fmt: skip
    with ControlFile.open(folder / "journal") as desk:
        numbers = [desk.give(name, who="anna", reason="so", now_ns=10**18, arguments=of) for name, of in given]

    engine = run(folder, resume=True)

    with ControlFile.open(folder / "journal") as desk:
        answers = [answer for number in numbers if (answer := desk.answer_of(number)) is not None]
    assert [answer.done for answer in answers] == [False, False, False, True, False, True, True]
    assert "resume was given at 2001-09-09T01:46:40Z, before this process began" in answers[0].text
    told = [(fact.command, bool(fact.refusal)) for fact in facts(folder, CommandGiven.kind)]
    assert told == [(name, name not in ("pause", "flatten", "halt")) for name, _ in given]
    assert engine.loop.slices == MINUTES and not engine.loop.views.control.overrides
    assert engine.guard.switch.state is TradingState.HALTED
    assert not any(position.quantity for position in engine.loop.views.positions.values())
