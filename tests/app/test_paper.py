"""Paper trading: the live engine on a replayed feed and the simulated venue, with people at the desk."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from tapeline import (
    Account,
    Algorithms,
    Limits,
    Market,
    RuleStrategy,
    RunSettings,
    backtest,
    bars,
    distance,
    ema,
    percent_of_equity,
    twap,
)
from tapeline.app.paper import PaperSettings, market_of, trade_on_paper
from tapeline.app.taxes import TaxChoice
from tapeline.domain.cash import CashCause
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.errors import ConfigurationError, DataError, UnknownNameError
from tapeline.domain.reports import Request
from tapeline.domain.times import SECOND
from tapeline.domain.words import Limit, OrderStatus, Purpose, Reason, Side
from tapeline.engine.live import LiveEngine
from tapeline.engine.outside_trips import with_outside_trips
from tapeline.feeds.paced import PacedTime
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.control_facts import Flattened, Reconciled
from tapeline.ledger.facts import CashMoved, CommandGiven, OrderWarned, RunEnded, TradingStateChanged
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderAdopted,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderReplaced,
    OutcomeLost,
    ReplaceIntended,
    ReplaceRejected,
)
from tapeline.ledger.views import rebuild
from tapeline.ledger.why import explain
from tapeline.ledger.why_text import render
from tapeline.ports.control import Latch
from tapeline.risk.gate_settings import GateSettings
from tapeline.risk.monitors import Monitors, MonitorSettings
from tapeline.store.control_file import CommandAnswer, ControlFile
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.strategies.moving_average_cross import MovingAverageCross
from tapeline.tape.calendars import sessions
from tapeline.tax.pre_trade import WashSaleLimit

PANEL = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=3).panel

# orders travel in a live run, so the backtest to compare with has some latency as well
TRAVELS = RunSettings(market=Market(latency_s=0.001))
MARGIN = replace(TRAVELS, account=Account(kind="margin", leverage=2.0, short_allowed=True))


class Eager(RuleStrategy):
    """Often in the market, with stops and targets."""

    bar = bars("5min")
    size = percent_of_equity(20)
    enter_long = bar.close > ema(bar.close, 3)
    exit_long = bar.close < ema(bar.close, 8)
    stop = distance(bar.close * 0.01)
    target = distance(bar.close * 0.02)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: every turn waits for the disk, which is not what is tested here."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


def run(folder: Path, settings: RunSettings = TRAVELS, **options: Any) -> LiveEngine:
    strategies = [Eager(), MovingAverageCross(frame="5min")]
    return trade_on_paper(strategies, PANEL, folder / "journal", settings, speed=math.inf, **options)


def facts(folder: Path, kind: str = "") -> list[Any]:
    with SqliteJournal.reading(folder / "journal") as journal:
        return [record.fact for record in journal.read(kind=kind or None)]


def test_a_live_run_trades_what_the_backtest_trades(folder: Path) -> None:
    """Through gate, order keeper, comparisons with the venue and a commit for each turn: the same, hash for hash."""
    expected = backtest([Eager(), MovingAverageCross(frame="5min")], PANEL, TRAVELS)

    engine = run(folder)

    assert len(expected.executions) > 20
    assert list(engine.loop.result().execution_lines()) == list(expected.execution_lines())
    assert engine.loop.result().digest == expected.digest


def test_the_journal_gives_the_books_back(folder: Path) -> None:
    engine = run(folder)

    with SqliteJournal.reading(folder / "journal") as journal:
        again = rebuild(journal)
    assert again.to_bytes() == engine.loop.views.to_bytes()
    (ended,) = facts(folder, RunEnded.kind)
    assert ended.summary["slices"] == len(PANEL)


def test_what_is_there_at_the_start_is_not_looked_through_in_the_middle_of_a_slice(folder: Path) -> None:
    """By Python's collector, which takes a tenth of a second for it."""
    frozen = []

    run(folder, on_turn=lambda engine: frozen.append(gc.get_freeze_count()))

    assert min(frozen) > 10_000
    assert gc.get_freeze_count() == 0


def test_under_warn_wash_sales_are_told_and_the_run_trades_as_ever(folder: Path) -> None:
    expected = backtest([Eager(), MovingAverageCross(frame="5min")], PANEL, TRAVELS)

    engine = run(folder, paper=PaperSettings(wash_sales=WashSaleLimit.WARN))

    assert engine.loop.result().digest == expected.digest
    sent = {fact.order.client_order_id for fact in facts(folder, OrderIntended.kind)}
    warnings = facts(folder, OrderWarned.kind)
    assert warnings and {fact.client_order_id for fact in warnings} <= sent
    assert all("IRC 1091" in fact.reason for fact in warnings)
    with SqliteJournal.reading(folder / "journal") as journal:
        told = render(explain(journal, warnings[0].client_order_id))
    assert f"OrderWarned: {warnings[0].reason}" in told


def test_under_refuse_no_entry_replaces_a_loss(folder: Path) -> None:
    """Within one day nothing leaves the window: a symbol that was sold at a loss is not bought again."""
    run(folder, paper=PaperSettings(wash_sales=WashSaleLimit.REFUSE))

    refused = [fact for fact in facts(folder, OrderDenied.kind) if fact.limit is Limit.WASH_SALE]
    assert refused and all("disallowed" in fact.reason for fact in refused)
    first = min(fact.event_time_ns for fact in refused)
    again = {fact.symbol for fact in refused if fact.event_time_ns == first}
    orders = [fact.order for fact in facts(folder, OrderIntended.kind)]
    assert not [o for o in orders if o.symbol in again and o.purpose is Purpose.ENTRY and o.decision_time_ns > first]
    with SqliteJournal.reading(folder / "journal") as journal:
        assert rebuild(journal).positions


def test_what_the_taxpayer_did_before_is_in_the_check(folder: Path) -> None:
    table = folder / "before.csv"
    table.write_text(
        "id,time,account,account_type,side,symbol,quantity,price\n"
        + "".join(
            f"b{n},2023-12-01,other,,BUY,{name},1000,900\ns{n},2023-12-20,other,,SELL,{name},1000,1\n"
            for n, name in enumerate(PANEL.symbols)
        )
        + "r,2023-12-01,main,ira,BUY,ELSE,1,1\n"
    )
    paper = PaperSettings(wash_sales=WashSaleLimit.REFUSE_PERMANENT, taxpayer=TaxChoice(trades=(table,)))

    run(folder, paper=paper)

    assert facts(folder, OrderIntended.kind) == []
    refused = [fact.reason for fact in facts(folder, OrderDenied.kind) if fact.limit is Limit.WASH_SALE]
    assert refused and all("for good (Rev. Rul. 2008-5)" in reason for reason in refused)


class Person:
    """Somebody who gives commands at given slices, through the file beside the journal."""

    def __init__(self, folder: Path, acts: dict[int, tuple[str, str, dict[str, Any]]]) -> None:
        self.journal, self.acts, self.numbers = folder / "journal", acts, list[int]()
        self.states: dict[int, TradingState] = {}
        self.looks: dict[int, Any] = {}

    def __call__(self, engine: LiveEngine) -> None:
        slices = engine.loop.slices
        self.states[slices] = engine.guard.switch.state
        act = self.acts.pop(slices, None)
        if act is not None:
            name, reason, arguments = act
            with ControlFile.open(self.journal) as desk:
                now_ns = engine.loop.clock.now_ns()
                self.numbers.append(desk.give(name, who="anna", reason=reason, now_ns=now_ns, arguments=arguments))

    def answers(self) -> list[CommandAnswer | None]:
        with ControlFile.open(self.journal) as desk:
            return [desk.answer_of(number) for number in self.numbers]


def told(folder: Path, *acts: tuple[int, str, str, dict[str, Any]]) -> Person:
    return Person(folder, {slices: (name, reason, arguments) for slices, name, reason, arguments in acts})


def entries_after(folder: Path, slices: int) -> int:
    at_ns = int(PANEL.end_ns[slices - 1])
    intended = [fact.order for fact in facts(folder, OrderIntended.kind)]
    return sum(order.purpose.word == "entry" and order.decision_time_ns > at_ns for order in intended)


def test_a_pause_stops_entries_and_lets_exits_go_on(folder: Path) -> None:
    person = told(folder, (100, "pause", "lunch", {}))

    run(folder, on_turn=person)

    (answer,) = person.answers()
    assert answer is not None and answer.done
    assert answer.text.startswith("Trading is REDUCING")
    assert entries_after(folder, 101) == 0
    exits = [fact for fact in facts(folder, OrderIntended.kind) if fact.order.purpose.word == "exit_rule"]
    assert any(fact.order.decision_time_ns > int(PANEL.end_ns[101]) for fact in exits)
    assert person.states[len(PANEL)] is TradingState.REDUCING


def test_back_to_trading_needs_a_reason_and_books_that_were_compared(folder: Path) -> None:
    person = told(folder, (100, "pause", "lunch", {}), (120, "resume", "", {}), (130, "resume", "back from lunch", {}))

    run(folder, on_turn=person)

    paused, without, resumed = person.answers()
    assert paused is not None and without is not None and resumed is not None
    assert (paused.done, without.done, resumed.done) == (True, False, True)
    assert "for a reason only" in without.text
    assert person.states[125] is TradingState.REDUCING
    assert person.states[135] is TradingState.ACTIVE
    assert entries_after(folder, 135) > 0
    commands = facts(folder, CommandGiven.kind)
    assert [(fact.command, fact.who, fact.reason, bool(fact.refusal)) for fact in commands] == [
        ("pause", "anna", "lunch", False),
        ("resume", "anna", "", True),
        ("resume", "anna", "back from lunch", False),
    ]


@pytest.mark.parametrize("stops", [False, True])
def test_after_a_fall_of_equity_a_person_goes_on_from_what_is_left(folder: Path, stops: bool) -> None:
    """Trading comes back, and goes on also where the run is stopped and taken up again."""
    paper = PaperSettings(monitors=MonitorSettings(drawdown=0.0015))
    halted_at: list[int] = []

    def watch(engine: LiveEngine) -> None:
        slices, control = engine.loop.slices, engine.loop.views.control
        if control.state is TradingState.HALTED and not halted_at:
            halted_at.append(slices)
            person.acts[slices + 5] = ("resume", "seen", {})
        person(engine)
        if stops and halted_at and slices == halted_at[0] + 8:
            engine.is_stopped = True

    person = told(folder)
    run(folder, MARGIN, paper=paper, on_turn=watch)
    if stops:
        run(folder, MARGIN, paper=paper, on_turn=person, resume=True)

    (at,) = halted_at
    changes = [(f.state, f.cause) for f in facts(folder, TradingStateChanged.kind)]
    assert changes[:2] == [
        (TradingState.HALTED, Trigger.DRAWDOWN), (TradingState.ACTIVE, Trigger.PERSON),
    ]  # fmt: skip
    assert [person.states[at + n] for n in (6, 7, 8, 9, 10)] == [TradingState.ACTIVE] * 5
    assert entries_after(folder, at + 6) > 0


def test_halted_nothing_is_decided_and_stops_at_the_venue_go_on(folder: Path) -> None:
    person = told(folder, (100, "halt", "looks wrong", {}))

    engine = run(folder, on_turn=person)

    at_ns = int(PANEL.end_ns[101])
    later = [fact.order for fact in facts(folder, OrderIntended.kind) if fact.order.decision_time_ns > at_ns]
    assert later == []
    assert engine.guard.switch.state is TradingState.HALTED


def test_flatten_closes_everything_and_stays_flat(folder: Path) -> None:
    person = told(folder, (100, "flatten", "fire alarm", {}))
    held: dict[int, int] = {}

    def watch(engine: LiveEngine) -> None:
        person(engine)
        held[engine.loop.slices] = sum(bool(position.quantity) for position in engine.loop.views.positions.values())

    engine = run(folder, MARGIN, on_turn=watch)

    assert held[100] > 0
    assert held[104] == 0
    assert not engine.loop.views.orders.working
    assert entries_after(folder, 101) == 0
    (answer,) = person.answers()
    assert answer is not None
    assert f"{held[100]} position{'s' * (held[100] != 1)} closed" in answer.text
    book = engine.loop.desk.book.fixed
    assert not book.states.any()
    assert not book.positions.any()
    assert not any(book.holdings["quantity"].ravel())


def test_what_a_flatten_closed_is_among_the_round_trips_at_the_end(folder: Path) -> None:
    engine = run(folder, MARGIN, on_turn=told(folder, (100, "flatten", "fire alarm", {})))
    loop = engine.loop
    of_book, of_ledger = loop.result().round_trips, loop.views.round_trips

    result = with_outside_trips(loop.result(), loop.views)

    assert len(of_book) < len(of_ledger) == len(result.round_trips)
    made = sum(trip.net_profit for trip in of_ledger)
    assert result.round_trips["net_pnl"].sum() == pytest.approx(float(made), abs=1e-6)
    days = loop.desk.book.fixed.days
    assert days["closed"][0] == pytest.approx(float(made), abs=1e-6)
    assert days["worth"][1:] == pytest.approx(days["closed"][1:])
    again = with_outside_trips(result, loop.views)
    assert np.array_equal(again.round_trips["exit_ns"], result.round_trips["exit_ns"])


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("turns", [1, 2, 3, 4])
def test_a_flatten_outlives_its_process(folder: Path, turns: int) -> None:
    """Killed in one of the turns after it was asked for, and again in the run that takes it up: the third ends flat."""
    person = told(folder, (100, "flatten", "fire alarm", {}))
    held = []

    def die_at(slices: int) -> Callable[[LiveEngine], None]:
        def on_turn(engine: LiveEngine) -> None:
            person(engine)
            if engine.loop.slices >= slices:
                held.append(sum(bool(position.quantity) for position in engine.loop.views.positions.values()))
                raise Killed

        return on_turn

    with pytest.raises(Killed):
        run(folder, MARGIN, on_turn=die_at(100 + turns))
    assert held[0] > 0 or turns > 1
    with pytest.raises(Killed):
        run(folder, MARGIN, resume=True, on_turn=die_at(101 + turns))

    engine = run(folder, MARGIN, resume=True)

    views = engine.loop.views
    assert not views.orders.working
    assert not any(position.quantity for position in views.positions.values())
    assert (engine.flattening, views.control.flatten) == (None, None)
    assert len(facts(folder, Flattened.kind)) == 1
    assert views.control.state is TradingState.HALTED
    assert not engine.loop.desk.book.fixed.positions.any()


def test_trading_does_not_go_on_while_everything_is_being_closed(folder: Path) -> None:
    """A moment after the command closing orders work; some slices later it is done, and the same wish is granted."""
    person = told(
        folder, (100, "flatten", "fire alarm", {}), (101, "resume", "false alarm", {}), (120, "resume", "all clear", {})
    )
    engine = run(folder, MARGIN, on_turn=person)

    _, early, late = person.answers()
    assert early is not None and late is not None
    assert (early.done, late.done) == (False, True)
    assert early.text.startswith("Everything is being closed since a flatten: ")
    assert early.text.endswith("Wait until `tapeline status` says that it is done.")
    assert engine.guard.switch.state is TradingState.ACTIVE
    (done,) = facts(folder, Flattened.kind)
    (flatten, refused, granted) = facts(folder, CommandGiven.kind)
    assert flatten.event_time_ns < refused.event_time_ns < done.event_time_ns < granted.event_time_ns


def test_an_override_holds_for_its_time(folder: Path) -> None:
    """At first nothing may be held; for half an hour a fifth of equity may."""
    nothing = replace(TRAVELS, limits=Limits(gross=1e-6))
    person = told(folder, (100, "override", "try", {"limit": "gross", "value": "0.2", "for_ns": 30 * 60 * 10**9}))

    run(folder, nothing, on_turn=person)

    start, end = int(PANEL.end_ns[100]), int(PANEL.end_ns[131])
    times = [fact.order.decision_time_ns for fact in facts(folder, OrderIntended.kind)]
    entries = [f.order.decision_time_ns for f in facts(folder, OrderIntended.kind) if f.order.purpose.word == "entry"]
    assert times
    assert all(start <= time <= end for time in entries)


def test_answers_say_whose_limit_it_is_and_who_lowered_trading_before(folder: Path) -> None:
    bound = {"limit": "gross", "value": "0.3", "for_ns": 30 * 60 * 10**9, "strategy": "Eager"}
    acts = (
        ("override", "try", bound),
        ("pause", "lunch", {}),
        ("pause", "news", {}),
        ("halt", "", {}),
        ("halt", "", {}),
    )
    person = told(folder, *((100 + at, *act) for at, act in enumerate(acts)))

    run(folder, on_turn=person)

    texts = [answer.text for answer in person.answers() if answer is not None]
    assert texts[0].startswith("The limit gross of Eager is 0.3 until 20")
    assert "already since 20" in texts[2]
    assert texts[2].endswith(", by anna: lunch. Nothing was changed; your reason stands in the journal.")
    assert texts[4].endswith(", by anna: halted by a person. Nothing was changed.")


REFUSED: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "a command that is none": ("halz", "", {}, "Did you mean 'halt'"),
    "a limit that is none": ("override", "x", {"limit": "gros", "value": "1", "for_ns": 1}, "Did you mean 'gross'"),
    "a value that is none": ("override", "x", {"limit": "gross", "value": "much", "for_ns": 1}, "is no number"),
    "a bound of nothing": ("override", "x", {"limit": "gross", "value": "0", "for_ns": 1}, "must be above zero"),
    "no reason": ("override", "", {"limit": "gross", "value": "1", "for_ns": 1}, "for a reason only"),
    "too long": ("override", "x", {"limit": "gross", "value": "1", "for_ns": 10**15}, "asked for 277.8 hours"),
    "no value": ("override", "x", {"limit": "gross", "for_ns": 1}, "needs value"),
    "a strategy that does not run": (
        "override", "x", {"limit": "gross", "value": "1", "for_ns": 1, "strategy": "Eagar"}, "Did you mean 'Eager'",
    ),
    "half a holding": (
        "override", "x", {"limit": "positions", "value": "2.5", "for_ns": 1}, "is a whole number, asked for 2.5",
    ),
    "a bound of single orders": (
        "override", "x", {"limit": "collar", "value": "1", "for_ns": 1}, "table gate of the settings. Limits that can",
    ),
    "up from where it is": ("resume", "x", {}, "is not above that"),
}  # fmt: skip


def test_the_order_keeper_is_set_by_name_and_the_rest_follows_from_the_bars(folder: Path) -> None:
    engine = run(folder, paper=PaperSettings(keeper={"compare_every_s": 600.0, "horizon_s": 900.0}))

    settings = engine.loop.keeper.settings
    assert (settings.compare_every_s, settings.horizon_s, settings.request_timeout_s) == (600.0, 900.0, 150.0)
    compared = [fact.event_time_ns for fact in facts(folder, Reconciled.kind)]
    assert len(compared) > 20 and all(later - one >= 600 * SECOND for one, later in pairwise(compared))


def test_what_cannot_be_done_is_refused_recorded_and_changes_nothing(folder: Path) -> None:
    acts = [(20 + n, name, reason, given) for n, (name, reason, given, _) in enumerate(REFUSED.values())]
    person = told(folder, *acts)
    expected = backtest([Eager(), MovingAverageCross(frame="5min")], PANEL, TRAVELS)

    engine = run(folder, on_turn=person)

    for answer, (*_, words) in zip(person.answers(), REFUSED.values(), strict=True):
        assert answer is not None
        assert (answer.done, words in answer.text) == (False, True), answer.text
    assert all(fact.refusal for fact in facts(folder, CommandGiven.kind))
    assert engine.loop.result().digest == expected.digest


def test_the_latch_halts_what_a_watchdog_or_a_person_found_hung(folder: Path) -> None:
    def watch(engine: LiveEngine) -> None:
        if engine.loop.slices == 100:
            with ControlFile.open(folder / "journal") as desk:
                desk.set_latch(Latch(Trigger.LOOP_STALLED, "watchdog", "no sign of life for 10 s", 5))

    engine = run(folder, on_turn=watch)

    assert engine.guard.switch.state is TradingState.HALTED
    assert entries_after(folder, 101) == 0


def test_errors_of_the_broker_and_events_of_the_future_lower_the_state(folder: Path) -> None:
    """Three refusals within a minute; in another run an event an hour ahead of our clock."""

    def refuse(engine: LiveEngine) -> None:
        if engine.loop.slices == 100 and not refused:
            for number in range(3):
                refused.append(OrderRejected(engine.loop.clock.now_ns(), f"order {number}", text="no"))
                engine.guard.see(refused[-1])

    def from_the_future(engine: LiveEngine) -> None:
        if engine.loop.slices == 100:
            engine.guard.see(CashMoved(engine.loop.clock.now_ns() + 3_600 * 10**9, CashCause.DEPOSIT, Decimal(1)))

    refused: list[OrderRejected] = []
    settings = PaperSettings(monitors=MonitorSettings(broker_errors_per_minute=3))
    (folder / "a").mkdir()
    (folder / "b").mkdir()

    run(folder / "a", paper=settings, on_turn=refuse)
    run(folder / "b", on_turn=from_the_future)

    causes = [[fact.cause.name for fact in facts(folder / name, TradingStateChanged.kind)] for name in ("a", "b")]
    assert causes == [["BROKER_ERRORS"], ["CLOCK_SKEW"]]


CROSSING = {
    "a cancel that met a fill": [CancelRejected(0, "one", OrderStatus.FILLED, "too late")],
    "a replace that met a fill": [ReplaceRejected(0, "one", OrderStatus.FILLED, "too late")],
    "replaces that never left": [
        ReplaceRejected(0, "one", None, "It waited for the answer to the one before it.", Reason.NEVER_ARRIVED)
    ],
    "a cancel that never left": [CancelRejected(0, "one", None, "trading is HALTED", Reason.NEVER_ARRIVED)],
    "an order that never arrived": [OrderRejected(0, "one", Reason.NEVER_ARRIVED)],
    "a cancel that was lost, and is sent again": [
        OutcomeLost(0, "one", Request.CANCEL, "the link was lost"),
        CancelRejected(1, "one", OrderStatus.NEW, "The venue has the order and no cancel of it; it is sent again."),
    ],
}
REFUSED_BY_THE_BROKER = {
    "an order": [OrderRejected(0, "one", text="no")],
    "a cancel": [CancelRejected(0, "one", OrderStatus.NEW, "no")],
    "a cancel without a word": [CancelRejected(0, "one")],
    "a replace": [ReplaceRejected(0, "one", OrderStatus.NEW, "no")],
    "a replace without a word": [ReplaceRejected(0, "one")],
    "an answer that does not come": [OutcomeLost(0, "one", Request.SUBMIT, "no answer")],
}


def test_what_crosses_and_what_is_our_own_word_is_no_error_of_the_broker(folder: Path) -> None:
    """Each told of three orders within a minute, three errors being one too many."""
    lowered: dict[str, bool] = {}

    def tell(engine: LiveEngine) -> None:
        if engine.loop.slices != 100 or lowered:
            return
        guard = engine.guard
        for case, told in {**CROSSING, **REFUSED_BY_THE_BROKER}.items():
            guard.monitors = Monitors(MonitorSettings(broker_errors_per_minute=3))
            now_ns = engine.loop.clock.now_ns()
            for number in range(3):
                for fact in told:
                    at_ns = now_ns + fact.event_time_ns - 60 + (0 if case.startswith("a cancel that was") else number)
                    guard.see(replace(fact, client_order_id=f"{case} {number}", event_time_ns=at_ns))
            before = guard.switch.state
            guard.watch(now_ns, engine.loop.session, (), 1)
            lowered[case] = guard.switch.state is not before
            if lowered[case]:
                guard.raise_to(TradingState.ACTIVE, who="anna", reason="again", now_ns=now_ns)

    run(folder, on_turn=tell)

    assert lowered == {**dict.fromkeys(CROSSING, False), **dict.fromkeys(REFUSED_BY_THE_BROKER, True)}


def test_an_entry_that_is_being_called_back_is_not_called_back_again(folder: Path) -> None:
    """Trading is paused and halted within one turn while entries work."""
    seen: list[list[str]] = []

    def pause_and_halt(engine: LiveEngine) -> None:
        working = engine.loop.views.orders.working.items()
        entries = [name for name, state in working if state.order.purpose is Purpose.ENTRY and not state.order.parent]
        if seen or not entries:
            return
        seen.append(entries)
        now_ns = engine.loop.clock.now_ns()
        for state in (TradingState.REDUCING, TradingState.HALTED):
            assert engine.guard.lower(state, Trigger.PERSON, "test", now_ns, who="anna")

    run(folder, on_turn=pause_and_halt)

    canceled = [fact.client_order_id for fact in facts(folder, CancelIntended.kind)]
    assert sorted(name for name in canceled if name in seen[0]) == sorted(seen[0])


def test_a_pause_after_losses_is_set_anew_where_losses_in_a_row_have_a_bound(folder: Path) -> None:
    """By the settings, or by an override: with the end of that one the pause has nothing to last for any more."""
    rows: list[list[int]] = []
    settings = replace(TRAVELS, limits=Limits(losses_in_row=3))

    def overriding(engine: LiveEngine) -> None:
        if engine.loop.slices == 100 and not rows:
            guard, now_ns = engine.guard, engine.loop.clock.now_ns()

            def override(limit: str, value: int, minutes: int, strategy: str | None = None) -> None:
                until_ns, words = now_ns + minutes * 60 * SECOND, {"who": "anna", "reason": "test"}
                guard.override(limit, Decimal(value), until_ns, now_ns, strategy=strategy, **words)

            with pytest.raises(ConfigurationError, match="losses_in_row"):
                override("pause_minutes", 30, 30, "Eager")
            override("pause_minutes", 30, 30)
            override("losses_in_row", 2, 10, "Eager")
            override("pause_minutes", 20, 20, "Eager")
            for minutes in (0, 15, 25, 35):
                guard.renew_limits(now_ns + minutes * 60 * SECOND)
                rows.append([int(value) // (60 * SECOND) for value in engine.loop.desk.book.fixed.limits["pause_ns"]])

    run(folder, settings, on_turn=overriding)

    assert rows == [[30, 20, -1], [30, -1, -1], [30, -1, -1], [-1, -1, -1]]


def test_what_works_beyond_the_book_s_own_orders_counts_against_the_limits(folder: Path) -> None:
    """An order of ours that had ended works again for 7; the venue makes an entry larger by 5; a replace may add 4."""
    counted: list[list[float]] = []
    entering: list[float] = []

    def watch(engine: LiveEngine) -> None:
        loop = engine.loop
        orders = loop.views.orders
        entry = next((state for state in orders.working.values() if state.order.purpose is Purpose.ENTRY), None)
        ended = next((orders.states[name] for name, how in orders.ended.items() if how is OrderStatus.FILLED), None)
        if entry is None or ended is None or counted:
            return
        now_ns, name = loop.clock.now_ns(), entry.order.client_order_id
        places = [
            (0 if state.order.side is Side.BUY else 1, loop.symbols.index(state.order.symbol))
            for state in (ended, entry)
        ]
        found = replace(ended.order, quantity=ended.filled_quantity + 7)
        pending = loop.desk.book.fixed.holdings["pending_notional"]
        before, column = entry.quantity - entry.filled_quantity, places[1][1]
        entering.append(float(pending[:, column].sum() / float(before) * float(before + 5)))
        total, leaves = entry.quantity + 5, entry.quantity + 5 - entry.filled_quantity
        for fact in (
            OrderAdopted(now_ns, found),
            OrderReplaced(now_ns, name, total, leaves, entry.limit_price, reason=Reason.NONE),
        ):
            loop.book([loop.record(fact)])
            counted.append([float(loop.desk.book.fixed.foreign[place]) for place in places])
        loop.record(ReplaceIntended(now_ns, name, quantity=total + 4))
        loop.book([loop.record(OutcomeLost(now_ns, name, Request.REPLACE))])
        counted.append([float(loop.desk.book.fixed.foreign[place]) for place in places])
        entering.append(float(pending[:, column].sum()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, on_turn=watch)

    assert counted == [[7, 0], [7, 0], [7, 4]]
    assert entering[1] == pytest.approx(entering[0])


@pytest.mark.parametrize("held_up_s", [4, 6])
def test_a_rest_that_lasts_longer_than_it_may_lowers_the_state(
    folder: Path, monkeypatch: pytest.MonkeyPatch, held_up_s: int
) -> None:
    """The process gets no time between two turns; what the watch within a turn cannot see."""
    wait, waits = PacedTime.wait, list[int]()

    def oversleep(time: PacedTime, until_ns: int | None) -> None:
        wait(time, until_ns)
        waits.append(time.now_ns())
        if len(waits) == 100:
            wait(time, time.now_ns() + held_up_s * 10**9)

    monkeypatch.setattr(PacedTime, "wait", oversleep)
    run(folder)

    causes = [fact.cause.name for fact in facts(folder, TradingStateChanged.kind)]
    assert causes == (["LOOP_STALLED"] if held_up_s > MonitorSettings().turn_s else [])


def test_a_fall_of_the_day_that_was_reached_is_known_after_a_restart(folder: Path) -> None:
    """The worst of the session so far, of the account and of each strategy: from the journal and the session's bars."""
    settings = replace(TRAVELS, limits=Limits(drawdown_per_day=0.5, loss_per_day=0.5))

    def worst(name: str, until: int, *, resume: bool = False) -> list[tuple[float, float]]:
        def stop(engine: LiveEngine) -> None:
            engine.is_stopped = engine.loop.slices == until

        (folder / name).mkdir(exist_ok=True)
        engine = run(folder / name, settings, resume=resume, on_turn=stop)
        return [(float(day["lost"]), float(day["fallen"])) for day in engine.loop.desk.book.fixed.days]

    expected = worst("whole", 201)
    worst("stopped", 200)

    assert all(fallen > 0 for _, fallen in expected[:2])
    assert worst("stopped", 201, resume=True) == expected


class MovesTooFar(Eager):
    """Wants its stops where they would trigger at once, a fifth above the market."""

    move_stop = bars("5min").close * 1.2


@pytest.mark.parametrize(
    "execution", [Algorithms(), Algorithms(twap(minutes=3, every_minutes=1))], ids=["whole", "parts"]
)
def test_a_stop_that_may_not_be_moved_stays_where_it_is(folder: Path, execution: Algorithms) -> None:
    """In the journal the denial with limit, value and bound; at the venue and in the book the stop as it was."""
    stood: list[bool] = []

    def on_turn(engine: LiveEngine) -> None:
        loop = engine.loop
        holdings = loop.desk.book.fixed.holdings[0]
        for state in loop.views.orders.working.values():
            if state.order.purpose is Purpose.STOP:
                assert state.stop_price == state.order.stop_price
                column = loop.desk.columns[state.order.symbol]
                if holdings[column]["quantity"] and not holdings[column]["leaving"]:
                    assert holdings[column]["stop_price"] == float(state.order.stop_price)
                    stood.append(True)

    settings = replace(TRAVELS, execution=execution)
    trade_on_paper([MovesTooFar()], PANEL, folder / "journal", settings, speed=math.inf, on_turn=on_turn)

    denied = facts(folder, "ReplaceDenied")
    assert stood
    assert denied
    assert not facts(folder, "ReplaceIntended")
    assert {fact.limit for fact in denied} == {Limit.COLLAR}
    assert all("5.00% is the most" in fact.reason for fact in denied)


def test_stop_ends_the_run_and_leaves_a_whole_journal(folder: Path) -> None:
    engine = run(folder, on_turn=told(folder, (50, "stop", "enough", {})))

    assert engine.loop.slices in (50, 51)
    (ended,) = facts(folder, RunEnded.kind)
    assert ended.views_digest


def test_the_status_tells_what_there_is(folder: Path) -> None:
    seen: list[Any] = []

    def look(engine: LiveEngine) -> None:
        if engine.loop.slices == 200 and not seen:
            from tapeline.engine.status import status_of

            seen.append(status_of(engine))

    engine = run(folder, on_turn=look)

    status = seen[0]
    assert (status["state"], status["slices"], status["symbols"]) == ("ACTIVE", 200, 3)
    assert len(status["positions"]) > 0
    closes = {symbol: float(PANEL.close[199, column]) for column, symbol in enumerate(PANEL.symbols)}
    for row in status["positions"]:
        gain = (closes[row["symbol"]] - float(row["average_price"])) * float(row["quantity"])
        assert float(row["mark"]) == closes[row["symbol"]], "the close of the newest bar, not the last fill"
        assert float(row["unrealized"]) == pytest.approx(gain, abs=0.02)
    assert float(status["equity"]) == pytest.approx(engine.loop.result().equity[199], abs=0.01)
    with ControlFile.open(folder / "journal") as desk:
        last = desk.status()
    assert last is not None
    assert last.body["slices"] == len(PANEL)


def test_a_journal_that_holds_a_run_is_not_begun_again(folder: Path) -> None:
    run(folder, on_turn=told(folder, (5, "stop", "", {})))

    with pytest.raises(DataError, match="already holds"):
        run(folder)


def test_with_settled_cash_the_days_purchases_cost_no_more_than_the_day_began_with(folder: Path) -> None:
    """The session of the data is one, so nothing that is sold settles in it."""
    engine = run(folder, paper=PaperSettings(GateSettings(settled_cash=True)))

    fills = [fact.execution for fact in facts(folder, OrderFilled.kind)]
    cost = sum(fill.quantity * fill.price + fill.commission for fill in fills if fill.side is Side.BUY)
    denied = [fact for fact in facts(folder, OrderDenied.kind) if fact.limit is Limit.SETTLED_CASH]
    assert denied
    assert "of the cash is settled and free" in denied[0].reason
    # a market order fills a little above the price it was counted at
    assert cost <= Decimal(100_000) * Decimal("1.001") < sum(fill.quantity * fill.price for fill in fills)
    assert engine.loop.views.cash_amount() > 0


def test_quotes_and_halts_of_the_feed_reach_the_gate(folder: Path) -> None:
    halted = np.zeros(PANEL.close.shape)
    halted[:, 0] = 1.0
    panel = PANEL.with_series("bid", PANEL.close - 0.02).with_series("ask", PANEL.close + 0.03)
    panel = panel.with_series("halted", halted)
    engine = trade_on_paper([Eager()], panel, folder / "journal", TRAVELS, speed=math.inf)

    first, second, *_ = panel.symbols
    seen = market_of(engine.loop, engine.loop.desk.book.fixed, second)
    assert (seen.bid, seen.ask, seen.is_halted) == (panel.close[-1, 1] - 0.02, panel.close[-1, 1] + 0.03, False)
    denied = {(fact.symbol, fact.limit) for fact in facts(folder, OrderDenied.kind)}
    assert (first, Limit.HALTED_SYMBOL) in denied
    assert first not in {fact.symbol for fact in facts(folder, OrderIntended.kind)}


def test_a_gate_of_a_strategy_that_is_not_there_is_refused_before_there_is_a_journal(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'Eager'"):
        run(folder, paper=PaperSettings(strategy_gates={"Eagre": GateSettings()}))
    assert not (folder / "journal").exists()
