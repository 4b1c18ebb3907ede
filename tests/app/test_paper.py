"""Paper trading: the live engine on a replayed feed and the simulated venue, with people at the desk."""

from __future__ import annotations

import gc
import math
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.on_paper import PANEL, TRAVELS, Eager, entries_after, facts, run, told
from tapeline import Algorithms, Limits, backtest, bars, twap
from tapeline.app.paper import PaperSettings, market_of, trade_on_paper
from tapeline.app.taxes import TaxChoice
from tapeline.domain.cash import CashCause
from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.errors import ConfigurationError, DataError, UnknownNameError
from tapeline.domain.reports import Request
from tapeline.domain.times import SECOND
from tapeline.domain.words import Limit, OrderStatus, Purpose, Reason, Side
from tapeline.engine.live import LiveEngine
from tapeline.feeds.paced import PacedTime
from tapeline.ledger.control_facts import Reconciled
from tapeline.ledger.facts import CashMoved, OrderWarned, RunEnded, TradingStateChanged
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
from tapeline.store.control_file import ControlFile
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.strategies.moving_average_cross import MovingAverageCross
from tapeline.tax.pre_trade import WashSaleLimit


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


def test_the_order_keeper_is_set_by_name_and_the_rest_follows_from_the_bars(folder: Path) -> None:
    engine = run(folder, paper=PaperSettings(keeper={"compare_every_s": 600.0, "horizon_s": 900.0}))

    settings = engine.loop.keeper.settings
    assert (settings.compare_every_s, settings.horizon_s, settings.request_timeout_s) == (600.0, 900.0, 150.0)
    compared = [fact.event_time_ns for fact in facts(folder, Reconciled.kind)]
    assert len(compared) > 20 and all(later - one >= 600 * SECOND for one, later in pairwise(compared))


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
        for case, reports in {**CROSSING, **REFUSED_BY_THE_BROKER}.items():
            guard.monitors = Monitors(MonitorSettings(broker_errors_per_minute=3))
            now_ns = engine.loop.clock.now_ns()
            for number in range(3):
                for fact in reports:
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
        entering.append(float(pending[:, column].sum() / float(before) * float(before + 9)))
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

    assert counted == [[7, 0], [7, 0], [7, 0]]  # what an entry was made larger by is of its own position
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
