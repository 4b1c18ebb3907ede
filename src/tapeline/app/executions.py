"""How well orders that algorithms worked were done: of a journal, by algorithm, strategy or symbol, and each one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from tapeline.domain.errors import UnknownNameError
from tapeline.domain.times import to_iso
from tapeline.ledger.canonical import amount_text
from tapeline.ledger.parent_orders import ParentState
from tapeline.ledger.shortfall import FillQuality, fill_quality, shortfall_of
from tapeline.ledger.views import rebuild
from tapeline.ports.journal import Journal

GROUPS: dict[str, Callable[[ParentState], str]] = {
    "algorithm": lambda parent: parent.intended.algorithm,
    "strategy": lambda parent: parent.order.strategy,
    "symbol": lambda parent: parent.order.symbol,
}


def parents_of(journal: Journal) -> list[ParentState]:
    """Return the parent orders of a journal, oldest first."""
    return [*rebuild(journal).parents.states.values()]


def quality_by(parents: list[ParentState], by: str) -> dict[str, FillQuality]:
    """Return the fill quality of each group, by name. Raises UnknownNameError for what is no grouping."""
    if by not in GROUPS:
        raise UnknownNameError("grouping", by, GROUPS)
    members: dict[str, list[ParentState]] = {}
    for parent in parents:
        members.setdefault(GROUPS[by](parent), []).append(parent)
    found = {name: fill_quality(group) for name, group in sorted(members.items())}
    return {name: quality for name, quality in found.items() if quality is not None}


def as_plain(parents: list[ParentState], by: str) -> dict[str, Any]:
    """Return groups and parent orders as plain values, amounts as texts."""
    return {
        "by": by,
        "groups": {name: asdict(quality) for name, quality in quality_by(parents, by).items()},
        "orders": [_plain(parent) for parent in parents],
    }


def _plain(parent: ParentState) -> dict[str, Any]:
    order, cost = parent.order, shortfall_of(parent)
    return {
        "client_order_id": parent.name,
        "strategy": order.strategy,
        "symbol": order.symbol,
        "side": order.side.name,
        "purpose": order.purpose.word,
        "algorithm": parent.intended.algorithm,
        "note": parent.intended.plan.get("note", ""),
        "decided": to_iso(order.decision_time_ns),
        "quantity": amount_text(order.quantity),
        "filled_quantity": amount_text(parent.filled_quantity),
        "parts": [*parent.children],
        "decision_price": amount_text(parent.intended.decision_price),
        "arrival_price": None if parent.arrival is None else amount_text(parent.arrival.price),
        "arrived": None if parent.arrival is None else to_iso(parent.arrival.event_time_ns),
        "ended": None if parent.ended is None else parent.ended.reason.word,
        "shortfall": None
        if cost is None
        else {
            **{name: amount_text(value) for name, value in asdict(cost).items()},
            "total": amount_text(cost.total),
            "total_bps": cost.total_bps,
        },
    }
