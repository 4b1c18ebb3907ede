"""What leaves for the venue: messages, each handed to the broker by itself."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.domain.order import Order
from tapeline.domain.reports import Query
from tapeline.ledger.order_facts import CancelIntended, ReplaceIntended
from tapeline.ports.broker import Broker


@dataclass(frozen=True, slots=True)
class Submit:
    """Orders that belong together: a single one, or an entry followed by its children."""

    orders: tuple[Order, ...]

    def send(self, broker: Broker) -> None:
        """Hand it to the broker."""
        broker.submit(self.orders)


@dataclass(frozen=True, slots=True)
class Cancel:
    """The end of a working order."""

    fact: CancelIntended

    def send(self, broker: Broker) -> None:
        """Hand it to the broker."""
        broker.cancel(self.fact.client_order_id, self.fact.event_time_ns)


@dataclass(frozen=True, slots=True)
class Replace:
    """New terms of a working order."""

    fact: ReplaceIntended

    def send(self, broker: Broker) -> None:
        """Hand it to the broker."""
        fact = self.fact
        broker.replace(
            fact.client_order_id,
            fact.event_time_ns,
            quantity=fact.quantity,
            limit_price=fact.limit_price,
            stop_price=fact.stop_price,
            trail_amount=fact.trail_amount,
            time_in_force=fact.time_in_force,
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """A question."""

    query: Query

    def send(self, broker: Broker) -> None:
        """Hand it to the broker."""
        broker.ask(self.query)


Message = Submit | Cancel | Replace | Ask
