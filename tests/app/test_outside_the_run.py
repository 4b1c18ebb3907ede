"""What others do in the account beside a paper run: trades, cash and shares that no strategy asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapeline import Account, Limits, Market, RuleStrategy, RunSettings, bars, distance, ema, percent_of_equity
from tapeline.app.paper import PaperSettings, trade_on_paper
from tapeline.domain.adopted import EXTERNAL, Grounds, HoldingCause
from tapeline.domain.cash import CashCause
from tapeline.domain.corporate import Split, SplitReported
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.panel import Panel
from tapeline.domain.words import OrderType, Side
from tapeline.engine.live import LiveEngine
from tapeline.feeds.simulated import simulate_market
from tapeline.ledger.adopted_facts import CashAdopted, HoldingChanged
from tapeline.ledger.facts import CashMoved, SplitApplied
from tapeline.ledger.order_facts import OrderAdopted, OrderFilled
from tapeline.risk.gate_settings import GateSettings
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tape.calendars import sessions

DAY = simulate_market(7, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 2)), symbols=3).panel


DAYS = simulate_market(11, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 3)), symbols=3).panel.rows(
    330, 480
)
"""The end of a session and the beginning of the next."""
SPLIT = Split(DAYS.symbols[0], date(2024, 1, 3), Decimal(1), Decimal(10))


class Eager(RuleStrategy):
    """Often in the market, with stops."""

    bar = bars("5min")
    size = percent_of_equity(20)
    enter_long = bar.close > ema(bar.close, 3)
    exit_long = bar.close < ema(bar.close, 8)
    stop = distance(bar.close * 0.01)


def trade(folder: Path, panel: Panel = DAY, **options: Any) -> LiveEngine:
    settings = options.pop("settings", RunSettings(market=Market(latency_s=0.001)))
    return trade_on_paper([Eager()], panel, folder / "journal", settings, speed=math.inf, **options)


def at_slice(number: int, *makers: Callable[[int], Any]) -> Callable[[LiveEngine], None]:
    """Return what books facts in a turn, as if a report or a comparison had told of them, and stops the run there."""

    def on_turn(engine: LiveEngine) -> None:
        loop = engine.loop
        if loop.slices == number and not engine.is_stopped:
            for make in makers:
                loop.book([loop.record(make(loop.clock.now_ns()))])
            engine.is_stopped = True

    return on_turn


def adopted(now_ns: int) -> OrderAdopted:
    order = Order("theirs", EXTERNAL, "ELSE", Side.BUY, OrderType.MARKET, Decimal(10), now_ns)
    return OrderAdopted(now_ns, order)


def filled(now_ns: int) -> OrderFilled:
    return OrderFilled(
        Execution("E1", "theirs", EXTERNAL, "ELSE", Side.BUY, Decimal(10), Decimal("70.07"), Decimal("1.25"), now_ns),
        Decimal(0),
    )


CASH: dict[str, tuple[Callable[[int], Any], ...]] = {
    "a purchase in a symbol outside the run": (adopted, filled),
    "a deposit": (lambda now_ns: CashMoved(now_ns, CashCause.DEPOSIT, Decimal(500)),),
    "a fee": (lambda now_ns: CashMoved(now_ns, CashCause.FEE, Decimal("-3.25")),),
    "a line of a statement": (
        lambda now_ns: CashAdopted(now_ns, "C1", CashCause.FEE, Decimal("-3.25"), Grounds("a statement")),
    ),
}


@pytest.mark.parametrize("case", CASH)
def test_cash_that_others_move_reaches_the_book_and_the_run_goes_on(folder: Path, case: str) -> None:
    """The comparison to the cent at the session's end passes, here and in the process that goes on."""
    stopped = trade(folder, on_turn=at_slice(100, *CASH[case]))
    before = stopped.loop.views.cash_amount()

    assert stopped.loop.desk.cash() == pytest.approx(float(before), abs=0.005)

    engine = trade(folder, resume=True)
    assert engine.loop.slices == len(DAY)
    assert engine.loop.desk.cash() == pytest.approx(float(engine.loop.views.cash_amount()), abs=0.005)


def test_a_purchase_by_others_in_a_symbol_outside_the_run_uses_settled_cash(folder: Path) -> None:
    """It has no price here; a market order of others that still works is no reason to end."""
    settings = RunSettings(account=Account(kind="cash"), market=Market(latency_s=0.001))

    engine = trade(
        folder,
        settings=settings,
        paper=PaperSettings(gate=GateSettings(settled_cash=True)),
        on_turn=at_slice(100, adopted),
    )

    assert engine.loop.views.orders.states["theirs"].status.is_working


def test_a_split_meets_what_others_hold_too(folder: Path) -> None:
    """One for ten of the account's sum, cut as one: so of 55 external shares 5 or 6 are left, for ledger and book."""

    def on_turn(engine: LiveEngine) -> None:
        loop = engine.loop
        if loop.slices == 30 and not loop.views.position(EXTERNAL, SPLIT.symbol).quantity:
            loop.book([loop.record(received(loop.clock.now_ns(), SPLIT.symbol, 55))])
        engine.is_stopped = loop.slices == 120

    stopped = trade(folder, DAYS, corporate_actions=(SPLIT,), on_turn=on_turn)
    engine = trade(folder, DAYS, corporate_actions=(SPLIT,), resume=True)

    with SqliteJournal.reading(folder / "journal") as journal:
        applied = [record.fact for record in journal.read(kind=SplitApplied.kind)]
    before = {fact.strategy: fact.quantity_before for fact in applied}  # type: ignore[attr-defined]  # all are SplitApplied
    assert before.keys() == {"Eager", EXTERNAL} and before[EXTERNAL] == 55
    left = sum(before.values()) // 10 - before["Eager"] // 10
    for loop in (stopped.loop, engine.loop):
        tables, held = loop.desk.book.fixed, loop.views.position("Eager", SPLIT.symbol).quantity
        assert loop.views.position(EXTERNAL, SPLIT.symbol).quantity == left
        assert (tables.outside[0], tables.positions[0]) == (left, left + held)


def test_a_split_of_a_symbol_outside_the_run_meets_its_holders(folder: Path) -> None:
    def on_turn(engine: LiveEngine) -> None:
        loop = engine.loop
        if loop.slices == 100:
            loop.book([loop.record(received(loop.clock.now_ns(), "ELSE", 55))])
            report = SplitReported(loop.clock.now_ns(), "ELSE", Decimal(1), Decimal(10))
            loop.broker._told.append(report)  # type: ignore[attr-defined]  # the simulated venue trades the run's alone
        engine.is_stopped = loop.slices == 103

    stopped = trade(folder, on_turn=on_turn)
    engine = trade(folder, resume=True)

    assert [loop.views.position(EXTERNAL, "ELSE").quantity for loop in (stopped.loop, engine.loop)] == [5, 5]


def received(now_ns: int, symbol: str, quantity: int) -> HoldingChanged:
    cause, grounds = HoldingCause.TRANSFER_IN, Grounds("a statement")
    return HoldingChanged(now_ns, "H1", cause, symbol, Decimal(quantity), grounds, basis=Decimal(1000))


def bought_elsewhere(quantity: int) -> Callable[[int], OrderFilled]:
    """Return what fills an order of others in a symbol outside the run, at 70.07."""

    def make(now_ns: int) -> OrderFilled:
        done, price = Decimal(quantity), Decimal("70.07")
        execution = Execution(f"E{quantity}", "theirs", EXTERNAL, "ELSE", Side.BUY, done, price, Decimal(0), now_ns)
        return OrderFilled(execution, 10 - done)

    return make


def test_what_is_held_and_works_outside_the_run_counts_in_the_limits(folder: Path) -> None:
    """4 are bought at 70.07 and 6 work at a limit of 70.50: 280.28 and 423.00, long in one more position.

    The process that goes on asks the venue, which knows of no execution: all 10 may still be bought.
    """
    most = {"gross": 0.0, "positions": 0.0}
    limits = Limits(gross=0.5, positions=2, open_risk=0.2)
    settings = RunSettings(account=Account(cash=10_000), market=Market(latency_s=0.001), limits=limits)

    def order(now_ns: int) -> OrderAdopted:
        terms = Order(
            "theirs", EXTERNAL, "ELSE", Side.BUY, OrderType.LIMIT, Decimal(10), now_ns, limit_price=Decimal("70.50")
        )
        return OrderAdopted(now_ns, terms)

    stop = at_slice(5, order, bought_elsewhere(4))
    stopped = trade(folder, settings=settings, on_turn=stop)
    account = stopped.loop.desk.book.fixed.account[0]
    found = [float(account[f"elsewhere_{what}"]) for what in ("long", "short", "buys", "sells")]

    def watch(engine: LiveEngine) -> None:
        tables, views = engine.loop.desk.book.fixed, engine.loop.views
        elsewhere = float(views.quantity("ELSE")) * 70.07
        elsewhere += sum(float(state.exposed_quantity) * 70.50 for state in views.orders.working_of("ELSE"))
        account = tables.account[0]
        assert account["elsewhere_long"] + account["elsewhere_buys"] == pytest.approx(elsewhere)
        assert account["external"] == (elsewhere > 0)
        entering = tables.holdings["pending_notional"].sum()
        held = np.nansum(np.abs(tables.positions) * np.nan_to_num(tables.marks))
        most["gross"] = max(most["gross"], (held + entering + elsewhere) / account["equity"])
        most["positions"] = max(most["positions"], float(account["busy"] + account["external"]))

    trade(folder, settings=settings, resume=True, on_turn=watch)

    assert found == pytest.approx([280.28, 0.0, 423.00, 0.0])
    assert most["positions"] == 2
    assert 0.2 < most["gross"] < 0.51
