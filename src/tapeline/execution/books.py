"""Our books as the order keeper sees them: views to read, a journal to write, and what was touched since when.

An answer says how things were when it was given. Whether it can be held against what we know by now is told by the
moment at which a fact about the order was recorded last, or a request about it left: `touched_since`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tapeline.domain.execution import Execution
from tapeline.domain.position import ZERO
from tapeline.domain.reports import Request
from tapeline.ledger.control_facts import GapOpened
from tapeline.ledger.order_facts import OrderFilled, OutcomeLost
from tapeline.ledger.order_state import OrderState
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact

Record = Callable[[Fact], Any]
"""Journals a fact, applies it to the views, and returns it as the journal's bytes say it."""


class Books:
    """One account's books.

    moment : counts what touched any order
    booked : executions since `watch` was called last
    """

    def __init__(self, views: Views, record: Record, account: str) -> None:
        self.views, self.account = views, account
        self._record = record
        self._fresh: list[Any] = []
        self._touched: dict[str, int] = {}
        self.moment = 0
        self.booked: list[Execution] = []

    @property
    def working(self) -> Mapping[str, OrderState]:
        """Orders that may still fill, by client order id."""
        return self.views.orders.working

    @property
    def states(self) -> Mapping[str, OrderState]:
        """Every order, also those that ended."""
        return self.views.orders.states

    @property
    def gap(self) -> GapOpened | None:
        """The gap that is open."""
        return self.views.control.gap

    def record(self, fact: Fact) -> None:
        """Journal a fact; it is handed out to whoever asked the keeper."""
        recorded = self._record(fact)
        self._fresh.append(recorded)
        name = getattr(recorded, "client_order_id", None)
        if name is not None:
            self.touch(name)
        if isinstance(recorded, OrderFilled):
            self.booked.append(recorded.execution)

    def hand_out(self) -> list[Any]:
        """Return what was recorded since the last call."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def touch(self, name: str) -> None:
        """Remember that something about an order happened now."""
        self.moment += 1
        self._touched[name] = self.moment

    def touched_since(self, name: str, moment: int) -> bool:
        """Return whether something about an order happened after that moment."""
        return self._touched.get(name, 0) > moment

    def watch(self) -> int:
        """Begin to collect executions anew; return the moment."""
        self.booked = []
        return self.moment

    def forget(self) -> None:
        """Forget what was touched; to be called when no answer is waited for."""
        self._touched.clear()

    def lose(self, name: str, request: Request, text: str, now_ns: int) -> bool:
        """Record that the outcome of a request is unknown; return whether it was waited for and not lost before."""
        state = self.working.get(name)
        if state is None or state.asked.get(request) is not False:
            return False
        self.record(OutcomeLost(now_ns, name, request, text))
        return True

    def quantities(self, until_ns: int | None = None) -> dict[str, Decimal]:
        """Return what the account holds by symbol; without what was booked lately and executed after `until_ns`."""
        held: dict[str, Decimal] = {}
        for (account, _, symbol), position in self.views.positions.items():
            if account == self.account and position.quantity:
                held[symbol] = held.get(symbol, ZERO) + position.quantity
        for execution in self._after(until_ns):
            held[execution.symbol] = held.get(execution.symbol, ZERO) - execution.signed_quantity
        return held

    def cash(self, until_ns: int | None = None) -> Decimal:
        """Return the account's cash; without what was booked lately and executed after `until_ns`."""
        later = self._after(until_ns)
        paid = sum((one.signed_quantity * one.price + one.commission for one in later), ZERO)
        return self.views.cash_amount(self.account) + paid

    def locked(self) -> set[str]:
        """Return the symbols that are locked."""
        return {symbol for account, symbol in self.views.control.locks if account == self.account}

    def _after(self, until_ns: int | None) -> list[Execution]:
        if until_ns is None:
            return []
        return [one for one in self.booked if one.account == self.account and one.event_time_ns > until_ns]
