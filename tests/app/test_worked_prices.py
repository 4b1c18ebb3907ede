"""At what prices execution algorithms trade, and what that costs against the decision."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.worked_orders import PANEL, Eager, worked
from tapeline import RunSettings, Slippage, Strategy, adaptive, bars, fixed_quantity, limit, market, twap
from tapeline.app.executions import as_plain, parents_of, quality_by
from tapeline.app.replay import replay
from tapeline.domain.errors import UnknownNameError
from tapeline.domain.parent import Pricing
from tapeline.domain.words import OrderType, Side
from tapeline.ledger.shortfall import shortfall_of
from tapeline.ledger.why import explain
from tapeline.ledger.why_text import render
from tapeline.simulation.execution_settings import Algorithm
from tapeline.simulation.settings import Costs
from tapeline.store.sqlite_journal import SqliteJournal


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
