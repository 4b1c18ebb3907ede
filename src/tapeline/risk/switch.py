"""The trading state: ACTIVE, REDUCING or HALTED; down by itself, up only by a person.

    ACTIVE     everything that the limits allow
    REDUCING   nothing that enlarges a position
    HALTED     nothing but cancels, stops of what is held without one, and what `flatten` sends

It is latched: what lowered the state does not raise it again by going away. A person does, with a reason, after a
comparison with the broker's books that left nothing open. The state is a view of the journal (`ledger/control.py`), so
a restart does not raise it either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.errors import InputError
from tapeline.domain.times import MINUTE, to_iso
from tapeline.ledger.control_facts import TradingStateChanged
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact

RECONCILED_WITHIN_NS = 10 * MINUTE
"""A comparison older than this says nothing about the present."""

NAMED = 5
"""How many differences a refusal names."""

PROGRAM = "tapeline"


class TradingSwitch:
    """Lowers and raises the state, each time by a fact.

    record : journals a fact, applies it to the views, and returns it
    """

    def __init__(self, views: Views, record: Callable[[Fact], Any]) -> None:
        self._views, self._record = views, record

    @property
    def state(self) -> TradingState:
        """What may be sent now."""
        return self._views.control.state

    def lower(self, state: TradingState, cause: Trigger, text: str, now_ns: int, *, who: str = PROGRAM) -> bool:
        """Go down to a state; being there or below already changes nothing. Returns whether it changed."""
        if state <= self.state:
            return False
        self._record(TradingStateChanged(now_ns, state, cause, who, text))
        return True

    def raise_to(self, state: TradingState, *, who: str, reason: str, now_ns: int) -> None:
        """Go up to a state. Raises InputError unless a person says why, no gap is open and the books agree."""
        control = self._views.control
        if not reason.strip():
            raise InputError(f"Trading goes back to {state.name} for a reason only. Give one with --reason.")
        if state >= self.state:
            raise InputError(f"Trading is {self.state.name}; {state.name} is not above that.")
        if control.gap is not None:
            raise InputError(
                f"A gap is open since {to_iso(control.gap.event_time_ns)} ({control.gap.cause.name}): reports may be "
                "missing. Wait until it has closed, or see `tapeline status`."
            )
        if control.locks:
            symbols = ", ".join(sorted(symbol for _, symbol in control.locks))
            raise InputError(
                f"The positions of {symbols} are not explained by executions. Clear that at the broker and run"
                " `tapeline reconcile`, or accept the broker's word: `tapeline reconcile --accept SYMBOL`."
            )
        if control.reconciled_ns is None or now_ns - control.reconciled_ns > RECONCILED_WITHIN_NS:
            last = "never" if control.reconciled_ns is None else f"last at {to_iso(control.reconciled_ns)}"
            raise InputError(f"The books were compared with the broker's {last}. Run `tapeline reconcile` first.")
        if control.unresolved:
            named = "; ".join(control.unresolved[:NAMED]) + (" and more" if len(control.unresolved) > NAMED else "")
            raise InputError(
                f"The comparison with the broker's books at {to_iso(control.reconciled_ns)} left open: {named}."
                " Clear that at the broker or in the books, and run `tapeline reconcile`: trading goes on after one"
                " that leaves nothing open."
            )
        self._record(TradingStateChanged(now_ns, state, Trigger.PERSON, who, reason))
