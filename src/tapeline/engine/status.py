"""The present state of a live run as plain values, for whoever looks: the command line, later a page.

Amounts are texts, times ISO 8601 in UTC; everything comes from the ledger's views but equity and marks, which are the
book's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tapeline.domain.money import exact
from tapeline.domain.position import ZERO
from tapeline.domain.times import SECOND, to_iso
from tapeline.engine.portfolio import HighWater, high_water_of, high_water_tree
from tapeline.execution.acceptance import accepted_sentence
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.order_state import OrderState
from tapeline.ledger.parent_orders import ParentState
from tapeline.ledger.profits import WHOLE, Close
from tapeline.ledger.views import Views

if TYPE_CHECKING:
    from tapeline.engine.live import LiveEngine
    from tapeline.engine.loop import EventLoop

ORDERS_SHOWN = 500
"""The most orders, and orders that are worked in parts, in one state: it is written about once a second."""

ACCOUNT = "main"


def status_of(engine: LiveEngine) -> dict[str, Any]:
    """Return what there is to know about a run now."""
    loop, guard, views = engine.loop, engine.guard, engine.loop.views
    control, account = views.control, loop.desk.book.fixed.account[0]
    return {
        "time": _second(loop.clock.now_ns()),
        "has_ended": engine.has_ended,
        "strategies": list(loop.assembly.names),
        "symbols": len(loop.symbols),
        "slices": loop.slices,
        "facts": loop.journal.head().count,
        "state": control.state.name,
        "lowered": None
        if control.lowered is None
        else {
            "since": _second(control.lowered.event_time_ns),
            "cause": control.lowered.cause.name,
            "who": control.lowered.who,
            "text": control.lowered.text,
        },
        "is_flattening": engine.flattening is not None,
        "gap": None
        if control.gap is None
        else {"since": _second(control.gap.event_time_ns), "cause": control.gap.cause.name},
        "locks": [symbol for _, symbol in sorted(control.locks)],
        "unresolved": [*control.unresolved],
        "reconciled": None if control.reconciled_ns is None else _second(control.reconciled_ns),
        "is_comparing": loop.keeper.is_comparing,
        "findings": [*control.findings],
        "accepted": [accepted_sentence(fact) for fact in control.accepted],
        "overrides": guard.overrides(),
        "next_slice": None if engine.data.next_ns is None else to_iso(engine.data.next_ns),
        "equity": f"{float(account['equity']):.2f}",
        "cash": amount_text(views.cash_amount()),
        "long_exposure": f"{float(account['long_exposure']):.2f}",
        "short_exposure": f"{float(account['short_exposure']):.2f}",
        "high_water": high_water_tree(_high_water(views, float(account["equity"]), loop.clock.now_ns())),
        "round_trips": len(views.round_trips),
        "denied": views.denied_count,
        "positions": _positions(loop),
        "orders": [_order(state) for state in [*views.orders.working.values()][:ORDERS_SHOWN]],
        "orders_working": len(views.orders.working),
        "worked": [_worked(views, state) for state in [*views.parents.open.values()][:ORDERS_SHOWN]],
        "worked_count": len(views.parents.open),
    }


def _high_water(views: Views, equity: float, now_ns: int) -> HighWater:
    # at the book's equity, whose prices are newer than those of the last fill or close
    profits, worth = views.profits, exact(round(equity, 2))
    inflow, outflow = profits.inflow.get(ACCOUNT, ZERO), profits.outflow.get(ACCOUNT, ZERO)
    return high_water_of(profits, Close(now_ns, worth, inflow, outflow, {WHOLE: worth - inflow + outflow}), ACCOUNT)


def _second(time_ns: int) -> str:
    return to_iso(time_ns // SECOND * SECOND)


def _positions(loop: EventLoop) -> list[dict[str, Any]]:
    rows, views = [], loop.views
    marks = {**views.marks, **loop.desk.marks()}  # of symbols that are no business of this run, what the ledger has
    for _, position in sorted(views.positions.items()):
        if position.quantity:
            mark = marks.get(position.symbol)
            rows.append(
                {
                    "account": position.account,
                    "strategy": position.strategy,
                    "symbol": position.symbol,
                    "quantity": amount_text(position.quantity),
                    "average_price": f"{position.average_price:.4f}",
                    "mark": None if mark is None else amount_text(mark),
                    "unrealized": None if mark is None else f"{position.unrealized(mark):.2f}",
                    "realized": f"{position.net_realized:.2f}",
                }
            )
    return rows


def _worked(views: Views, parent: ParentState) -> dict[str, Any]:
    order, working = parent.order, views.orders.working
    at_venue = sum((working[name].leaves_quantity for name in parent.children if name in working), ZERO)
    unsent = max(ZERO, order.quantity - parent.filled_quantity - at_venue)
    return {
        "client_order_id": parent.name,
        "strategy": order.strategy,
        "symbol": order.symbol,
        "side": order.side.name,
        "purpose": order.purpose.word,
        "algorithm": parent.intended.algorithm,
        "quantity": amount_text(order.quantity),
        "filled_quantity": amount_text(parent.filled_quantity),
        "working_quantity": amount_text(at_venue),
        "unsent_quantity": amount_text(unsent),
    }


def _order(state: OrderState) -> dict[str, Any]:
    order = state.order
    prices = {"limit_price": state.limit_price, "stop_price": state.stop_price}
    return {
        "client_order_id": order.client_order_id,
        "strategy": order.strategy,
        "symbol": order.symbol,
        "side": order.side.name,
        "type": order.order_type.name,
        "purpose": order.purpose.word,
        "quantity": amount_text(state.quantity),
        "leaves_quantity": amount_text(state.leaves_quantity),
        "status": state.status.name,
        **{name: None if price is None else amount_text(price) for name, price in prices.items()},
    }
