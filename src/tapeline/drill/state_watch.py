"""The trading state as the durable facts say, and what may leave and be claimed under it.

    REDUCING     no entry leaves, and none is replaced
    HALTED       nothing leaves but cancels, what closes everything, and stops of what is held
    up again     by a command of a person alone, with no gap, no lock and nothing left to be closed
    a flatten    is done when no order works, no symbol is held on balance, and the books were compared after that

What left before the state was lowered is on its way, and what stands at the venue goes on; cancels and questions leave
at any time.
"""

from __future__ import annotations

from typing import Any

from tapeline.domain.control import TradingState
from tapeline.domain.order import Order
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderType, Purpose
from tapeline.drill.accountant import Accountant
from tapeline.ledger.control import FLATTEN

_OLD_COMPARISON = frozenset(
    {"OrderIntended", "OrderFilled", "ExecutionAdopted", "ExecutionCorrected", "ExecutionBusted", "OrderAdopted"}
)
"""Facts that are news to a comparison that was made before them."""


class StateWatch:
    """Reads durable facts one by one; each method returns the sentence of what is broken, None if nothing is.

    accountant : has read the same facts
    is_closing : whether a flatten is under way; None before the first one
    """

    def __init__(self, accountant: Accountant) -> None:
        self._accountant = accountant
        self.state = TradingState.ACTIVE
        self.is_closing: bool | None = None
        self._is_compared = False
        self._raised = self._resumed = 0

    def read(self, fact: Any) -> str | None:
        """Take in a fact that has just become durable."""
        kind = fact.kind
        if kind in _OLD_COMPARISON:
            self._is_compared = False
        elif kind == "Reconciled":
            self._is_compared = True
        elif kind == "TradingStateChanged":
            before, self.state = self.state, fact.state
            if fact.state < before:
                return self._raise(fact)
        elif kind == "CommandGiven" and not fact.refusal:
            self._resumed += fact.command == "resume"
            if fact.command == FLATTEN:
                self.is_closing, self._is_compared = True, False
        elif kind == "Flattened":
            return self._close()
        return None

    def committed(self) -> str | None:
        """Check what stands together in one commit: a state that was raised, and the command that asked for it."""
        if self._raised == self._resumed:
            return None
        return f"Trading was raised {self._raised} times, and a person asked for it {self._resumed} times."

    def sent(self, request: Request, order: Order) -> str | None:
        """Check a request about an order at the moment at which it leaves."""
        if self.state is TradingState.ACTIVE or request is Request.CANCEL or order.purpose is Purpose.FLATTEN:
            return None
        if self.state is TradingState.REDUCING and order.purpose is not Purpose.ENTRY:
            return None
        if self._is_stop_of_holding(request, order):
            return None
        return (
            f"{request.name} of {order.client_order_id}, purpose {order.purpose.name}, is sent while trading is "
            f"{self.state.name}."
        )

    def _is_stop_of_holding(self, request: Request, order: Order) -> bool:
        """Whether an order is a stop for no more than its strategy holds; one is moved for a worked exit only."""
        if order.order_type not in (OrderType.STOP, OrderType.TRAILING_STOP) or order.parent is not None:
            return False
        if request is Request.REPLACE:
            return order.purpose in (Purpose.EXIT_RULE, Purpose.SCALE_OUT)
        held = self._accountant.positions[order.strategy, order.symbol]
        return order.purpose is not Purpose.ENTRY and order.quantity <= held * -int(order.side)

    def _raise(self, fact: Any) -> str | None:
        self._raised += 1
        accountant = self._accountant
        for wrong, why in (
            (accountant.is_gap_open, "a gap is open"),
            (bool(accountant.locked), "a symbol is locked"),
            (self.is_closing is True, "everything is being closed"),
        ):
            if wrong:
                return f"Trading is raised to {fact.state.name} by {fact.who} while {why}."
        return None

    def _close(self) -> str | None:
        accountant = self._accountant
        was_closing, self.is_closing = self.is_closing, False
        working = sorted(accountant.intended.keys() - accountant.ended.keys())
        for wrong, why in (
            (not was_closing, "nobody asked for it"),
            (bool(working), f"these orders work: {', '.join(working)}"),
            (bool(accountant.held()), f"the account holds {accountant.held()}"),
            (not self._is_compared, "the books were not compared since"),
        ):
            if wrong:
                return f"By the journal everything is closed, but {why}."
        return None
