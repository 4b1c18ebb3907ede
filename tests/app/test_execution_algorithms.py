"""Execution algorithms in whole runs: backtest, replay and paper, with brackets, limits and every kind of exit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from engine.builders import real_panel
from tapeline import (
    Account,
    Algorithms,
    Limits,
    Market,
    Panel,
    RuleStrategy,
    RunSettings,
    ScaleOut,
    Slippage,
    Split,
    Strategy,
    adaptive,
    backtest,
    backtest_each,
    bars,
    distance,
    ema,
    fixed_quantity,
    limit,
    market,
    participation,
    percent_of_equity,
    position,
    session,
    sweep,
    twap,
    volume_weighted,
)
from tapeline.app.executions import as_plain, parents_of, quality_by
from tapeline.app.load import settings_from
from tapeline.app.paper import trade_on_paper
from tapeline.app.replay import FinishedReplay, replay
from tapeline.domain.errors import ConfigurationError, UnknownNameError
from tapeline.domain.parent import ParentEnd, Pricing
from tapeline.domain.slice import Slice
from tapeline.domain.times import MINUTE
from tapeline.domain.words import OrderStatus, OrderType, Purpose, Role, Side
from tapeline.engine import backtest as compiled
from tapeline.engine.live import LiveEngine
from tapeline.engine.loop import EventLoop
from tapeline.engine.status import status_of
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.shortfall import shortfall_of
from tapeline.ledger.views import rebuild
from tapeline.ledger.why import explain
from tapeline.ledger.why_text import render
from tapeline.simulation.execution_settings import Algorithm
from tapeline.simulation.settings import Costs
from tapeline.store.control_file import ControlFile
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tape.calendars import sessions

PANEL = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=2).panel
# orders travel in a live run, so the backtest to compare with has some latency as well; parts fill in parts
TRAVELS = RunSettings(
    account=Account(kind="margin", leverage=2.0, short_allowed=True),
    market=Market(latency_s=0.001, participation=0.02),
)
ALGORITHMS = [
    limit(),
    twap(minutes=20, every_minutes=2),
    participation(rate=0.05),
    adaptive(minutes=15, every_minutes=3, leftover="abandon"),
]


class Eager(RuleStrategy):
    """Often in the market, with everything that a bracket can do."""

    bar = bars("5min")
    size = percent_of_equity(20)
    enter_long = bar.close > ema(bar.close, 3)
    exit_long = bar.close < ema(bar.close, 8)
    stop = distance(bar.close * 0.004)
    target = distance(bar.close * 0.008)
    move_stop = position.entry_price
    scale_out = ScaleOut(position.unrealized_r >= 1, fraction=0.5)


class Patient(RuleStrategy):
    """Buys once, early, and is flat before the close; declares how its orders are worked."""

    bar = bars("1min")
    size = fixed_quantity(1_000)
    enter_long = bar.close > 0
    flat_before_close_minutes = 10
    execution = twap(minutes=30, every_minutes=10)
    execution_exit = twap(minutes=30, every_minutes=10)


def worked(algorithm: Algorithm, leaving: Algorithm | None = None, settings: RunSettings = TRAVELS) -> RunSettings:
    return replace(settings, execution=Algorithms(algorithm, leaving or algorithm))


def ends(finished: FinishedReplay) -> Counter[ParentEnd]:
    return Counter(state.ended.reason for state in finished.views.parents.states.values() if state.ended is not None)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_a_paper_run_works_orders_as_the_backtest_does_hash_for_hash(folder: Path, algorithm: Algorithm) -> None:
    """Through gate, order keeper and comparisons, against the replay that believes its venue: the same executions."""
    settings = worked(algorithm)
    finished = replay([Eager()], PANEL, ":memory:", settings)

    engine = trade_on_paper([Eager()], PANEL, folder / "journal", settings, speed=math.inf)

    assert len(finished.result.executions) > 100
    assert list(engine.loop.result().execution_lines()) == list(finished.result.execution_lines())
    assert engine.loop.result().digest == finished.result.digest
    with SqliteJournal.reading(folder / "journal") as journal:
        assert rebuild(journal).to_bytes() == engine.loop.views.to_bytes()


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_a_run_that_is_killed_again_and_again_goes_on_with_its_parent_orders(
    folder: Path, algorithm: Algorithm
) -> None:
    """Killed after turns of all kinds, with parts at work: it sends the same parts as the run that nothing hit."""
    panel, settings = PANEL.rows(0, 150), worked(algorithm)
    whole = trade_on_paper([Eager()], panel, folder / "whole", settings, speed=math.inf)
    turns = [7, 1, 9, 2, 12, 17, 3, 21]

    def run(*, resume: bool) -> LiveEngine:
        left = turns.pop(0) if turns else -1

        def on_turn(engine: LiveEngine) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        return trade_on_paper(
            [Eager()], panel, folder / "killed", settings, speed=math.inf, resume=resume, on_turn=on_turn
        )

    engine = None
    for attempt in range(len(turns) + 1):
        with suppress(Killed):
            engine = run(resume=attempt > 0)

    assert engine is not None
    expected, found = whole.loop.views, engine.loop.views
    assert len(expected.orders.executions) > 50
    assert [*found.orders.executions.values()] == [*expected.orders.executions.values()]
    assert found.as_tree()["parent_orders"] == expected.as_tree()["parent_orders"]
    assert found.as_tree()["positions"] == expected.as_tree()["positions"]
    assert list(engine.loop.result().execution_lines()) == list(whole.loop.result().execution_lines())


def test_the_quotes_of_the_newest_slice_are_known_after_a_restart(folder: Path) -> None:
    """The middle stands a dollar above the last price; an order may end before another slice comes."""
    panel = PANEL.rows(0, 50)
    quoted = panel.with_series("bid", panel.close + 0.99).with_series("ask", panel.close + 1.01)
    settings = worked(twap(minutes=20, every_minutes=2))
    seen: list[tuple[Decimal, float]] = []

    def end_process(engine: LiveEngine) -> None:
        loop = engine.loop
        if loop.slices < 20:
            return
        for state in loop.views.parents.open.values():
            column = panel.symbols.index(state.order.symbol)
            loop.parents.watch.begin(state.name, state.order.symbol, state.order.decision_time_ns)
            seen.append((loop.parents.watch.price(state.name), float(panel.close[loop.slices - 1, column]) + 1.0))
        raise Killed

    for is_resumed in (False, True):
        with pytest.raises(Killed):
            trade_on_paper(
                [Eager()], quoted, folder / "j", settings, speed=math.inf, resume=is_resumed, on_turn=end_process
            )
        assert seen
        assert [float(price) for price, _ in seen] == pytest.approx([middle for _, middle in seen], abs=1e-9)
        seen.clear()


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
@pytest.mark.parametrize("latency_s", [0.0, 0.001], ids=["at once", "travels"])
def test_what_must_hold_at_every_slice(algorithm: Algorithm, latency_s: float) -> None:
    """No parent beyond its quantity, no position beyond flat, books that agree, and every share that is held stands
    behind a stop or is on its way out."""

    def look(now: Slice, loop: EventLoop) -> None:
        views = loop.views
        for state in views.parents.states.values():
            children = [views.orders.states[name] for name in state.children]
            exposed = sum((child.exposed_quantity for child in children if child.status.is_working), Decimal(0))
            assert state.filled_quantity + exposed <= state.order.quantity
        for (_, _, symbol), held in views.positions.items():
            assert held.quantity >= 0
            column = loop.desk.columns[symbol]
            holding = loop.desk.book.fixed.holdings[0, column]
            assert float(held.quantity) == holding["quantity"]
            if held.quantity and holding["leaving"] == 0:
                stops = [
                    order.leaves_quantity
                    for order in views.orders.working_of(symbol)
                    if order.order.purpose is Purpose.STOP and order.status is not OrderStatus.PENDING_CANCEL
                ]
                leaving = [
                    state.order.quantity - state.filled_quantity
                    for state in views.parents.open.values()
                    if state.order.symbol == symbol and state.order.purpose is Purpose.SCALE_OUT
                ]
                assert sum(stops + leaving, Decimal(0)) == held.quantity
                protected.append(now.end_ns)

    protected: list[int] = []
    settings = worked(algorithm)
    settings = replace(settings, market=replace(settings.market, latency_s=latency_s))

    finished = replay([Eager()], PANEL, ":memory:", settings, on_slice=look)

    assert len(protected) > 100
    assert not finished.views.parents.open
    assert len(finished.result.executions) == len(finished.views.orders.executions)
    assert len(finished.result.round_trips) == len(finished.views.round_trips)
    assert {ParentEnd.FILLED, ParentEnd.EXIT, ParentEnd.CANCELED} <= set(ends(finished))


def test_the_state_of_a_run_shows_what_is_not_sent_yet(folder: Path) -> None:
    seen: list[dict[str, Any]] = []

    def on_turn(engine: LiveEngine) -> None:
        seen.extend(status_of(engine)["worked"])
        engine.is_stopped = len(seen) > 50

    trade_on_paper([Eager()], PANEL, folder / "j", worked(twap(minutes=20, every_minutes=2)), speed=math.inf,
                   on_turn=on_turn)  # fmt: skip

    parts = ("filled_quantity", "working_quantity", "unsent_quantity")
    for row in seen:
        assert sum(Decimal(row[name]) for name in parts) == Decimal(row["quantity"])
    for name in parts:
        assert any(Decimal(row[name]) for row in seen), name


@pytest.mark.parametrize("act", ["flatten", "pause"])
def test_people_stop_what_is_being_worked(folder: Path, act: str) -> None:
    """Flatten calls back every part and closes each position once; a pause ends entries and lets exits go on."""
    told: list[int] = []

    def on_turn(engine: LiveEngine) -> None:
        opened = engine.loop.views.parents.open.values()
        entering = sum(state.order.purpose is Purpose.ENTRY and bool(state.filled_quantity) for state in opened)
        if entering and engine.loop.slices > 40 and not told:
            told.append(engine.loop.slices)
            with ControlFile.open(folder / "journal") as desk:
                now_ns = engine.loop.clock.now_ns()
                desk.give(act, who="anna", reason="fire", now_ns=now_ns, arguments={})
        assert all(held.quantity >= 0 for held in engine.loop.views.positions.values())

    settings = worked(twap(minutes=20, every_minutes=2))
    engine = trade_on_paper([Eager()], PANEL.rows(0, 90), folder / "journal", settings, speed=math.inf, on_turn=on_turn)

    views = engine.loop.views
    entries = [state for state in views.parents.states.values() if state.order.purpose is Purpose.ENTRY]
    reasons = [state.ended.reason for state in entries if state.ended is not None]
    assert ParentEnd.TRADING_STATE in reasons
    acted_ns = int(PANEL.end_ns[told[0] + 1])
    late = [state.order for state in views.orders.states.values() if state.order.decision_time_ns > acted_ns]
    assert not [order for order in late if order.purpose is Purpose.ENTRY]
    if act == "flatten":
        assert not any(held.quantity for held in views.positions.values())
        assert not views.orders.working


@pytest.mark.parametrize("act", ["pause", "halt"])
def test_trading_lowered_and_raised_between_two_slices_ends_entries(folder: Path, act: str) -> None:
    """No slice sees the lower state; what was decided before it is over all the same."""
    known: dict[str, int] = {}

    def on_turn(engine: LiveEngine) -> None:
        opened = [it for it in engine.loop.views.parents.open.values() if it.order.purpose is Purpose.ENTRY]
        if not known and any(it.stopped is None and it.filled_quantity for it in opened):
            known.update((it.name, len(it.children)) for it in opened)
            with ControlFile.open(folder / "journal") as desk:
                for name in (act, "resume"):
                    desk.give(name, who="anna", reason="drill", now_ns=engine.loop.clock.now_ns(), arguments={})

    settings = worked(twap(minutes=20, every_minutes=2))
    engine = trade_on_paper([Eager()], PANEL.rows(0, 60), folder / "journal", settings, speed=math.inf, on_turn=on_turn)

    states = engine.loop.views.parents.states
    assert known
    assert {name: len(states[name].children) for name in known} == known
    assert {ended.reason for name in known if (ended := states[name].ended)} == {ParentEnd.TRADING_STATE}
    assert any(state.filled_quantity for name, state in states.items() if name not in known)


def test_a_backtest_with_an_algorithm_is_the_replay_and_one_without_stays_compiled() -> None:
    settings = worked(twap(minutes=20))
    with_algorithm = backtest(Eager(), PANEL, settings)
    without = backtest(Eager(), PANEL, TRAVELS)

    assert with_algorithm.digest == replay([Eager()], PANEL, ":memory:", settings).result.digest
    assert without.digest == compiled.backtest(Eager(), PANEL, TRAVELS).digest
    assert with_algorithm.digest != without.digest
    assert with_algorithm.metrics.keys() == without.metrics.keys()


def test_a_strategy_declares_its_algorithms_and_settings_take_their_place() -> None:
    own = replay([Patient()], PANEL)
    for_all = replay([Patient()], PANEL, settings=RunSettings(execution=Algorithms(participation(), participation())))
    for_it = RunSettings(strategy_execution={"Patient": Algorithms(entry=limit())})
    given = replay([Patient()], PANEL, settings=for_it)

    def names(finished: FinishedReplay) -> set[str]:
        states = finished.views.parents.states.values()
        return {state.intended.algorithm for state in states if state.order.purpose is Purpose.ENTRY}

    assert (names(own), names(for_all), names(given)) == ({"twap"}, {"twap"}, {"limit"})
    assert Patient().version != type("Patient", (Patient,), {"execution": limit()})().version


def test_exits_that_cannot_wait_leave_at_once_and_whole() -> None:
    """1,000 of each symbol are bought in three parts and sold in one before the close."""
    facts = replay([Patient()], PANEL, settings=RunSettings(account=Account(cash=10_000_000)))
    orders = [state.order for state in facts.views.orders.states.values()]
    last = [order for order in orders if order.purpose is Purpose.FLAT_BEFORE_CLOSE]

    assert last
    assert {order.order_type for order in last} == {OrderType.MARKET}
    assert {order.quantity for order in last} == {Decimal(1_000)}
    assert all(state.order.purpose is Purpose.ENTRY for state in facts.views.parents.states.values())
    assert all(order.client_order_id.endswith("-1") for order in last)


class LeavesSlowly(RuleStrategy):
    """Buys in the first half of the session, and takes hours to leave."""

    bar = bars("1min")
    size = fixed_quantity(1_000)
    enter_long = bar.close > 0
    exit_long = bar.close > 0
    execution_exit = twap(minutes=300, every_minutes=100)


def test_a_holding_that_has_lost_what_a_trade_may_lose_does_not_leave_slowly() -> None:
    """A price that falls by a cent a minute; a loss of 0.05% of a million, 500, is reached 50 cents below the entry."""
    rows = 200
    panel = PANEL.rows(0, rows)
    price = np.repeat((100.0 - np.arange(rows) * 0.01)[:, None], 2, axis=1)
    panel = replace(panel, open=price, high=price, low=price, close=price, volume=np.full_like(price, 1e6))

    def first(bound: float | None) -> list[tuple[Decimal, Decimal]]:
        settings = RunSettings(
            account=Account(cash=1_000_000), market=Market(latency_s=0.001), limits=Limits(loss_per_trade=bound)
        )
        views = replay([LeavesSlowly()], panel, settings=settings).views
        state = next(it for it in views.parents.states.values() if it.order.purpose is Purpose.EXIT_RULE)
        return [(fill.execution.quantity, fill.execution.price) for fill in state.fills.values()]

    slow, hurried = first(None), first(0.0005)
    assert [quantity for quantity, _ in slow] == [333, 333]
    assert [quantity for quantity, _ in hurried] == [333, 667]
    assert hurried[0] == slow[0]
    assert slow[0][1] - hurried[1][1] < Decimal("0.80")


class LeavesLate(RuleStrategy):
    """Leaves when five minutes are left, by limits."""

    bar = bars("1min")
    size = fixed_quantity(1_000)
    enter_long = (bar.close > 0) & (session.minutes_since_open < 300)
    exit_long = session.minutes_to_close <= 5
    execution_exit = limit(offset_bps=50, timeout_s=600)


def test_an_exit_of_limits_is_over_before_the_close() -> None:
    """It offers where nobody buys; the rest is called back and sold in the last bar."""
    settings = RunSettings(account=Account(cash=10_000_000), market=Market(latency_s=0.001))
    views = replay([LeavesLate()], PANEL, settings=settings).views

    exits = [state for state in views.parents.states.values() if state.order.purpose is Purpose.EXIT_RULE]
    assert len(exits) == 2
    assert {state.ended.reason for state in exits if state.ended is not None} == {ParentEnd.FILLED}
    assert not any(held.quantity for held in views.positions.values())
    assert any(len(state.children) == 2 for state in exits)


def test_the_parts_of_a_twap_are_sent_at_their_times_with_ids_of_their_own() -> None:
    """1,000 in three parts of ten minutes from minute five on: 333, 333 and 334; ids count the parts."""
    finished = replay([Patient()], PANEL, settings=RunSettings(account=Account(cash=10_000_000)))
    state = next(iter(finished.views.parents.states.values()))
    children = [finished.views.orders.states[name].order for name in state.children]
    opened = int(PANEL.start_ns[0])

    assert [int(child.quantity) for child in children] == [333, 333, 334]
    assert [(child.decision_time_ns - opened) // MINUTE for child in children] == [5, 15, 25]
    assert [child.client_order_id.rsplit("-", 1)[1] for child in children] == ["1", "2", "3"]
    assert state.name.endswith("-0")
    assert {child.role for child in children} == {Role.ENTRY}


def test_the_compiled_ways_refuse_algorithms_with_a_sentence() -> None:
    settings = worked(twap())
    for run in (
        lambda: compiled.backtest(Eager(), PANEL, settings),
        lambda: backtest_each(Eager, PANEL, settings),
        lambda: sweep(Eager, PANEL, [{}], settings),
        lambda: backtest(Eager(), iter([PANEL]), settings),
    ):
        with pytest.raises(ConfigurationError, match="xecution algorithms"):
            run()


def test_limits_hold_over_parts_as_over_whole_orders() -> None:
    """A tenth of equity is the most of one symbol: what is done and what is still to come count together."""

    def look(now: Slice, loop: EventLoop) -> None:
        tables = loop.desk.book.fixed
        pending = tables.holdings["pending_notional"][0]
        held = np.abs(tables.positions) * tables.prices
        equity = tables.account[0]["equity"]
        seen.append(float(np.nanmax(np.where(tables.positions != 0, held, 0) + pending)) / equity)

    seen: list[float] = []
    settings = worked(twap(minutes=20, every_minutes=2), settings=replace(TRAVELS, limits=Limits(position=0.1)))

    replay([Eager()], PANEL, ":memory:", settings, on_slice=look)

    assert 0.09 < max(seen) < 0.105  # the market moves while the parts are bought


def test_a_split_ends_what_was_decided_before_it() -> None:
    """Decided at the close for the next morning, when one share has become two: the quantity is not the one wanted."""
    days = sessions("XNYS", date(2024, 1, 2), date(2024, 1, 3))
    panel = simulate_market(7, sessions=days, symbols=2).panel
    splits = [Split(panel.symbols[0], date(2024, 1, 3), Decimal(2), Decimal(1))]
    settings = RunSettings(account=Account(cash=10_000_000), execution=Algorithms(twap()))
    daily = type("Daily", (RuleStrategy,), {"enter_long": bars("1d").close > 0, "size": fixed_quantity(1_000)})()

    finished = replay([daily], panel, settings=settings, corporate_actions=splits)

    first = reversed([*finished.views.parents.states.values()])
    found = {state.order.symbol: state for state in first}
    reasons = [found[symbol].ended.reason for symbol in panel.symbols]  # type: ignore[union-attr]
    assert reasons == [ParentEnd.CORPORATE_ACTION, ParentEnd.FILLED]
    assert found[panel.symbols[0]].filled_quantity == 0


def test_the_cost_of_a_whole_run_is_what_the_journal_says(folder: Path) -> None:
    """From the raw facts, for each order: what was paid beyond the decision, and what was missed."""
    costs = Costs(slippage=Slippage("spread", spread=0.02))
    settings = worked(adaptive(minutes=20), settings=RunSettings(costs=costs))
    replay([Eager()], PANEL, folder / "journal", settings)

    with SqliteJournal.reading(folder / "journal") as journal:
        facts = [record.fact for record in journal.read()]
        parents = parents_of(journal)
        groups = quality_by(parents, "algorithm")
        plain = as_plain(parents, "strategy")
        part = next(name for parent in parents for name in parent.children)
        told = render(explain(journal, part))

    for parent in parents:
        fills = [f.execution for f in facts if f.kind == "OrderFilled" and f.client_order_id in parent.children]
        side, decided = int(parent.order.side), parent.intended.decision_price
        done = sum((fill.quantity for fill in fills), Decimal(0))
        paid = sum((fill.quantity * (fill.price - decided) for fill in fills), Decimal(0))
        cost = shortfall_of(parent)
        assert cost is not None
        assert parent.ended is not None
        missed = (parent.order.quantity - done) * (parent.ended.end_price - decided)
        assert cost.total == side * (paid + missed)
    assert groups["adaptive"].count == len(parents)
    assert 0 < (groups["adaptive"].passive_share or 0) < 1
    assert plain["groups"].keys() == {"Eager"}
    assert "ChildOrderPriced" in told
    priced = [fact for fact in facts if fact.kind == "ChildOrderPriced"]
    assert {fact.half_spread for fact in priced} == {Decimal("0.01")}
    assert {Pricing.PASSIVE, Pricing.MID, Pricing.CROSS} <= {fact.pricing for fact in priced}
    with pytest.raises(UnknownNameError, match="Did you mean 'symbol'"):
        quality_by(parents, "symbols")


def test_quotes_beside_the_bars_are_where_limits_stand(folder: Path) -> None:
    """Two cents below and above the close: passive purchases stand at the bid, and the half spread is two cents."""
    panel = PANEL.rows(0, 150)
    bid, ask = np.round(panel.close - 0.02, 2), np.round(panel.close + 0.02, 2)
    quoted = panel.with_series("bid", bid).with_series("ask", ask)
    settings = worked(limit(), settings=RunSettings())

    replay([Eager()], quoted, folder / "journal", settings)

    closes = {
        (int(panel.end_ns[row]), symbol): Decimal(str(round(panel.close[row, column], 2)))
        for row in range(len(panel))
        for column, symbol in enumerate(panel.symbols)
    }
    with SqliteJournal.reading(folder / "journal") as journal:
        facts = [record.fact for record in journal.read()]
    priced = [fact for fact in facts if fact.kind == "ChildOrderPriced"]
    orders = {fact.client_order_id: fact.order for fact in facts if fact.kind == "OrderIntended"}
    first = [
        fact for fact in priced if fact.pricing is Pricing.PASSIVE and orders[fact.client_order_id].side is Side.BUY
    ]
    assert len(first) > 3
    for fact in first:
        close = closes[fact.event_time_ns, orders[fact.client_order_id].symbol]
        assert orders[fact.client_order_id].limit_price == close - Decimal("0.02")
        assert (fact.price, fact.half_spread) == (close, Decimal("0.02"))


class AtALimit(Strategy):
    """Buys while flat, no dearer than its limit: one that is far off for one symbol, near for the other."""

    bar = bars("5min")
    size = fixed_quantity(100)
    close = bar.close

    def on_slice(self, now: Any) -> None:
        now.enter(now.quantity == 0, limit=np.round(now.close * np.array([0.5, 0.9995]), 2))


@pytest.mark.parametrize(
    "algorithm",
    [
        market(minutes=10),
        limit(minutes=10, timeout_s=60),
        twap(minutes=20, every_minutes=5),
        adaptive(minutes=15, every_minutes=3),
    ],
    ids=lambda algorithm: algorithm.name,
)
def test_no_part_trades_beyond_the_limit_of_its_order(algorithm: Algorithm) -> None:
    """Neither as it is sent, nor repriced, nor when the time is over and the rest crosses."""
    finished = replay([AtALimit()], PANEL, settings=worked(algorithm))
    views = finished.views
    limits = {name: state.order.limit_price for state in views.parents.states.values() for name in state.children}

    trades = views.orders.executions.values()
    assert {execution.symbol for execution in trades} == {PANEL.symbols[1]}
    for execution in trades:
        bound = limits[execution.client_order_id]
        assert bound is not None
        assert execution.price <= bound
    assert {views.orders.states[name].order.order_type for name in limits} == {OrderType.LIMIT}
    assert any(len(state.children) > 1 for state in views.parents.states.values()) or algorithm.schedule == "at_once"


def test_a_file_of_settings_names_algorithms() -> None:
    found = settings_from(
        {"execution": {"entry": "twap:minutes=10", "Eager": {"entry": "limit", "exit": "adaptive"}}}, "run.toml"
    )

    assert found.execution == Algorithms(twap(minutes=10.0))
    assert found.strategy_execution == {"Eager": Algorithms(limit(), adaptive())}
    for wrong, words in (
        ({"entri": "twap"}, "Did you mean 'entry'"),
        ({"entry": 5}, "must be a text"),
        ({"entry": "twop"}, "Did you mean 'twap'"),
    ):
        with pytest.raises((ConfigurationError, UnknownNameError), match=words):
            settings_from({"execution": wrong}, "run.toml")
    with pytest.raises(ConfigurationError, match="table of settings"):
        settings_from({"execution": "twap"}, "run.toml")
    with pytest.raises(UnknownNameError, match="strategy_execution"):
        replay([Eager()], PANEL, settings=replace(TRAVELS, strategy_execution={"Eagar": Algorithms(limit())}))


def test_vwap_on_real_minutes_follows_the_volume_of_the_days_before() -> None:
    """Over two weeks of real minutes the parts are spread as past volume was, and nothing is bought twice."""
    panel: Panel = real_panel("minute_us_2018.parquet", "2018-03-05", "2018-03-15", symbols=4)
    settings = worked(
        volume_weighted(minutes=60, every_minutes=10, sessions_min=3),
        twap(minutes=10),
        RunSettings(market=Market(participation=0.1)),
    )

    finished = replay([Eager()], panel, ":memory:", settings)

    states = [s for s in finished.views.parents.states.values() if s.intended.algorithm == "vwap"]
    early = [s for s in states if s.intended.plan["note"]]
    profiled = [s for s in states if not s.intended.plan["note"] and len(s.intended.plan["curve"]) == 6]
    assert all("sessions have volume" in s.intended.plan["note"] for s in early)
    assert len(profiled) > 20
    uneven = 0
    for state in profiled:
        shares = [Decimal(share) for _, share in state.intended.plan["curve"]]
        assert shares == sorted(shares)
        assert shares[-1] == 1
        steps = [later - earlier for earlier, later in pairwise([Decimal(0), *shares])]
        uneven += max(steps) > Decimal("1.2") * min(steps)
        assert state.filled_quantity <= state.order.quantity
    assert uneven > len(profiled) / 2
    assert not finished.views.parents.open
    assert all(state.order.side is Side.BUY for state in states)


class LeavesBehindAStop(LeavesSlowly):
    """The same, with a stop a dollar below."""

    stop = distance(1.0)


@pytest.mark.parametrize("latency_s", [0.0, 0.001, 90.0], ids=["at once", "travels", "beyond a bar"])
def test_a_worked_exit_has_its_stop_at_the_venue(latency_s: float) -> None:
    """Within one bar the price falls from 99.90 to 90 and comes back: the stop at 99 sells what had not left yet."""
    rows = 60
    panel = PANEL.rows(0, rows)
    price = np.full((rows, 2), 100.0)
    low = price.copy()
    low[30] = 90.0
    panel = replace(panel, open=price, high=price, low=low, close=price, volume=np.full_like(price, 1e6))
    settings = RunSettings(account=Account(cash=1_000_000), market=Market(latency_s=latency_s))

    views = replay([LeavesBehindAStop()], panel, settings=settings).views

    state = next(it for it in views.parents.states.values() if it.order.purpose is Purpose.EXIT_RULE)
    fills = [(int(it.execution.quantity), it.execution.price, it.pricing) for it in state.fills.values()]
    assert fills == [(333, Decimal(100), Pricing.MARKET), (667, Decimal(99), Pricing.STOP)]
    assert state.ended is not None
    assert state.ended.reason is ParentEnd.FILLED
