"""The broker port: orders and questions out, facts and reports back.

The engine cannot tell the simulated venue from a live one. It sends instructions, each journaled before, and takes
what comes back in order of arrival: facts, which say what happened to orders and to the account, and reports
(`domain/reports.py`), which are answers to questions and news of the link. Nothing is returned by a verb: an order
that was sent is not an order that was accepted, and a question that was asked may stay without an answer.

A live link may bring a fact twice, late, or after another that it caused, and who reads it must stand that.
Amounts are increments; an execution bears the same id each time it is told. An adapter makes it of the venue's by
`name_of` (`domain/execution_id.py`): a correction bears the id of what it corrects with a mark behind it, from E7~2 on,
and what a venue itself calls E7~2 is another one.
An adapter whose venue says how much of an order had filled at its end tells the end as `OrderEnded`, not as a fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from tapeline.domain.order import Order
from tapeline.domain.reports import Query, Report
from tapeline.domain.words import TimeInForce
from tapeline.ports.journal import Fact


class Broker(Protocol):
    """One account at one venue."""

    def submit(self, orders: Sequence[Order]) -> None:
        """Send orders that belong together: one, an entry and its bracket's children, or a pair with one `group`.

        Of a pair each takes from the other what it fills. All are taken or none.
        """

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

    def ask(self, query: Query) -> None:
        """Ask what the venue knows; the answer comes with `events`, behind everything that it already contains."""

    def events(self) -> Sequence[Fact | Report]:
        """Return what came since the last call, in order of arrival."""
