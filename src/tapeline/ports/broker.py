"""The broker port: orders out, facts back.

The engine cannot tell the simulated venue from a live one. It sends instructions, each journaled before, and takes
facts: what the venue says happened to orders and to the account, in the venue's order. Nothing is returned by a
verb: an order that was sent is not an order that was accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from tapeline.domain.order import Order
from tapeline.domain.words import TimeInForce
from tapeline.ports.journal import Fact


class Broker(Protocol):
    """One account at one venue."""

    def submit(self, orders: Sequence[Order]) -> None:
        """Send orders that belong together: a single order, or an entry followed by its bracket's children."""

    def cancel(self, client_order_id: str, decision_time_ns: int) -> None:
        """Ask for the end of a working order."""

    def replace(
        self,
        client_order_id: str,
        decision_time_ns: int,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        trail_amount: Decimal | None = None,
        time_in_force: TimeInForce | None = None,
    ) -> None:
        """Ask for new terms of a working order; None leaves a term as it is."""

    def events(self) -> Sequence[Fact]:
        """Return what happened since the last call, in order; each fact is handed out once."""
