"""Short ways to bring parent orders into a state, and to see what came of them."""

from __future__ import annotations

from typing import Any

from execution.parents_machine import ParentTrader
from tapeline.domain.parent import Pricing
from tapeline.domain.words import Purpose, Side
from tapeline.ledger.canonical import decode
from tapeline.ledger.parent_orders import ParentState
from tapeline.simulation.execution_settings import Algorithm


def ready() -> ParentTrader:
    trader = ParentTrader()
    trader.ready()
    return trader


def parts(trader: ParentTrader, name: str) -> list[tuple[int, str, str | None]]:
    """Return quantity, pricing and limit of each part, as they stand now."""
    found = []
    for child in trader.views.parents.states[name].children.values():
        state = trader.views.orders.states[child.client_order_id]
        price = None if state.limit_price is None else str(state.limit_price)
        found.append((int(state.quantity), child.priced.pricing.name, price))
    return found


def fill_all(trader: ParentTrader) -> None:
    for line in [*trader.venue.lines.values()]:
        if line.works:
            trader.fill(line.name, int(line.leaves))
    trader.settle_for(1)


def told(trader: ParentTrader, *kinds: type) -> list[Any]:
    return [fact for fact in map(decode, trader.journal) if isinstance(fact, kinds)]


def state_of(trader: ParentTrader, name: str) -> ParentState:
    return trader.views.parents.states[name]


def closing(trader: ParentTrader, algorithm: Algorithm, stop: str | None = None) -> str:
    """Hold 10 and begin to close them with an algorithm."""
    bought = trader.place("A", quantity=10)
    trader.settle()
    trader.fill(bought, 10)
    trader.settle()
    return trader.place_parent(algorithm, 10, stop=stop, side=Side.SELL, purpose=Purpose.EXIT_RULE)


def working(trader: ParentTrader) -> list[tuple[str, int]]:
    """Return name and open quantity of what works at the venue."""
    return [(line.name, int(line.leaves)) for line in trader.venue.lines.values() if line.works]


def fill_parts(trader: ParentTrader, name: str) -> None:
    """Fill what works of an exit besides its stop."""
    for child in state_of(trader, name).children.values():
        line = trader.venue.lines.get(child.client_order_id)
        if line is not None and line.works and child.priced.pricing is not Pricing.STOP:
            trader.fill(line.name, int(line.leaves))
    trader.settle_for(1)
