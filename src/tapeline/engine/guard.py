"""What stands between wishes and the outbox of a live loop: the gate, the trading state, the watches, overrides.

The loop asks `denies` for each order before it is recorded, and calls `watch` once in each turn. What lowers the
trading state is recorded with its cause; from HALTED on nothing is decided. What a lower state bars and has not left
yet is never sent, and working entries of the strategies are called back; orders of others are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import numpy as np

from tapeline.domain.control import TradingState, Trigger
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.domain.keeping import Keeps
from tapeline.domain.order import Order
from tapeline.domain.reports import EXTERNAL, Request
from tapeline.domain.times import SECOND, to_iso
from tapeline.domain.words import Limit, Purpose, Reason
from tapeline.engine.desk import Desk
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.ledger.control_facts import LimitOverridden, TradingStateChanged
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderRejected,
    OutcomeLost,
    ReplaceIntended,
    ReplaceRejected,
)
from tapeline.ledger.order_state import is_called_back
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact
from tapeline.risk.denial import Denial
from tapeline.risk.gate import Gate
from tapeline.risk.gate_settings import GateSettings
from tapeline.risk.locks import bars_cancel, fitted
from tapeline.risk.monitors import Alarm, Monitors
from tapeline.risk.switch import PROGRAM, TradingSwitch
from tapeline.simulation.limit_rows import limit_rows
from tapeline.simulation.limit_settings import Limits

OVERRIDABLE = tuple(field.name for field in fields(Limits))
_WHOLE = ("positions", "trades_per_day", "losses_in_row")
_OF_SINGLE_ORDERS = frozenset(field.name for field in fields(GateSettings)) - frozenset(OVERRIDABLE)


class Guard(Keeps):
    """The guard of one loop.

    record : journals a fact and returns it
    on_lowered : called with the time when the trading state was lowered, before the entries that work are called back
    """

    KEPT = ("_was_halted",)

    def __init__(
        self,
        gate: Gate,
        monitors: Monitors,
        desk: Desk,
        views: Views,
        record: Callable[[Fact], Any],
        keeper: OrderKeeper,
    ) -> None:
        self.gate, self.monitors, self.desk, self.views = gate, monitors, desk, views
        self.switch = TradingSwitch(views, record)
        self._record, self._keeper = record, keeper
        self.on_lowered: Callable[[int], None] = lambda now_ns: None
        self._in_force: tuple[LimitOverridden, ...] | None = None
        self._denied: set[str] = set()
        self._failed: set[str] = set()
        self._reconciled_ns: int | None = None
        self._errors: dict[tuple[int, str, str], Fact] = {}
        self._lost: set[tuple[str, Request]] = set()
        self._newest_ns = 0
        self._was_halted = False
        self.obey_state()

    def denies(self, order: Order, now_ns: int) -> Denial | None:
        """Return why an order may not leave. A child is sent with its entry, or not at all."""
        if order.parent is not None:
            return _NO_ENTRY if order.parent in self._denied else None
        denial = self.gate.ask(order, now_ns)
        if denial is not None:
            self._denied.add(order.client_order_id)
        return denial

    def fitted(self, order: Order) -> Order:
        """Return an order as large as it may be; only exits of locked symbols are made smaller."""
        instrument = self.gate.instruments.get(order.symbol)
        return order if instrument is None else fitted(self.views, order, instrument.quantity_step)

    def bars_cancel(self, fact: CancelIntended) -> str | None:
        """Return why a cancel may not leave, None if it may."""
        symbol = self.views.orders.states[fact.client_order_id].order.symbol
        instrument = self.gate.instruments.get(symbol)
        return None if instrument is None else bars_cancel(self.views, fact, instrument.quantity_step)

    def denies_replace(self, fact: ReplaceIntended, now_ns: int) -> Denial | None:
        """Return why an order may not get other terms."""
        return self.gate.ask_replace(fact, now_ns)

    def forget(self) -> None:
        """Forget whose children are denied: a decision has been carried out."""
        self._denied.clear()

    def see(self, fact: Fact) -> None:
        """Take in a fact as it is recorded; what it means for trading is asked by the next `watch`."""
        self._newest_ns = max(self._newest_ns, fact.event_time_ns)
        if isinstance(fact, OutcomeLost):
            # many that are lost at one moment, as by a restart or with the link, are one error
            self._errors[fact.event_time_ns, fact.kind, ""] = fact
            self._lost.add((fact.client_order_id, fact.request))
        elif self._is_broker_error(fact):
            self._errors[fact.event_time_ns, fact.kind, getattr(fact, "client_order_id", "")] = fact

    def _is_broker_error(self, fact: Fact) -> bool:
        """Whether the venue refused what it should have done.

        It cannot cancel or replace an order that has ended meanwhile; what never left was refused here; and the refusal
        that a look-up concludes is told of an outcome that counted when it was lost.
        """
        if isinstance(fact, OrderRejected):
            return fact.reason is not Reason.NEVER_ARRIVED
        if not isinstance(fact, CancelRejected | ReplaceRejected) or fact.reason is Reason.NEVER_ARRIVED:
            return False
        is_cancel = isinstance(fact, CancelRejected)
        lost = fact.client_order_id, Request.CANCEL if is_cancel else Request.REPLACE
        if lost in self._lost:
            self._lost.remove(lost)
            return False
        return fact.status is None or fact.status.is_working

    def see_again(self, session: int) -> None:
        """Let the watches that remember a session take in a slice of the past; they raise no alarm for it."""
        self._see_equity(session)

    def watch(self, now_ns: int, session: int, silent: Sequence[str], subscribed: int) -> None:
        """Ask every watch what only the state of things tells."""
        self.raise_alarm(self._see_equity(session), now_ns)
        self.raise_alarm(self.monitors.see_silence(list(silent), subscribed), now_ns)
        for error in self._errors.values():
            self.raise_alarm(self.monitors.see_broker_error(now_ns, f"{error.kind} {_said(error)}"), now_ns)
        self._errors.clear()
        if self._newest_ns > now_ns:  # an event of the future: a late one tells nothing about clocks
            self.raise_alarm(self.monitors.see_clocks(now_ns, self._newest_ns), now_ns)
            self._newest_ns = now_ns
        apart_ns = self._keeper.clocks_apart_ns()
        self.raise_alarm(self.monitors.see_clocks(now_ns, now_ns + apart_ns), now_ns)
        control = self.views.control
        if control.reconciled_ns != self._reconciled_ns:
            self._reconciled_ns = control.reconciled_ns
            self.raise_alarm(self.monitors.see_comparison(len(control.locks)), now_ns)
        self.renew_limits(now_ns)

    def _see_equity(self, session: int) -> Alarm | None:
        equity, state = float(self.desk.book.fixed.account[0]["equity"]), self.switch.state
        was_halted, self._was_halted = self._was_halted, state is TradingState.HALTED
        if was_halted and not self._was_halted:
            self.monitors.accept_equity()
        return self.monitors.see_equity(equity, session)

    def raise_alarm(self, alarm: Alarm | None, now_ns: int) -> None:
        """Lower the trading state as an alarm asks."""
        if alarm is not None:
            self.lower(alarm.state, alarm.trigger, alarm.text, now_ns)

    def lower(self, state: TradingState, cause: Trigger, text: str, now_ns: int, *, who: str = "tapeline") -> bool:
        """Lower the trading state, and call back the strategies' entries that work. Returns whether it changed."""
        if not self.switch.lower(state, cause, text, now_ns, who=who):
            return False
        self.obey_state()
        self._keeper.withhold(state, now_ns, f"It was not sent yet when trading became {state.name}: {text}")
        self.on_lowered(now_ns)
        for name, working in [*self.views.orders.working.items()]:
            order = working.order
            if order.parent is not None or order.strategy == EXTERNAL or is_called_back(working):
                continue
            if order.purpose is Purpose.ENTRY:
                self._keeper.cancel(self._record(CancelIntended(now_ns, name, purpose=Purpose.ENTRY)))
        return True

    def strategy_failed(self, strategy: str, text: str, now_ns: int) -> None:
        """Lower the trading state to REDUCING for a strategy that raised; lower already, the first time is recorded."""
        is_new = strategy not in self._failed
        self._failed.add(strategy)
        if not self.lower(TradingState.REDUCING, Trigger.STRATEGY_FAILED, text, now_ns) and is_new:
            self._record(TradingStateChanged(now_ns, self.switch.state, Trigger.STRATEGY_FAILED, PROGRAM, text))

    def raise_to(self, state: TradingState, *, who: str, reason: str, now_ns: int) -> None:
        """Raise the trading state for a person. Raises InputError where it may not be."""
        self.switch.raise_to(state, who=who, reason=reason, now_ns=now_ns)
        self.obey_state()

    def obey_state(self) -> None:
        """Tell the book whether anything may be decided."""
        self.desk.book.fixed.account[0]["halted"] = self.switch.state is TradingState.HALTED

    def override(
        self,
        limit: str,
        value: Decimal,
        until_ns: int,
        now_ns: int,
        *,
        who: str,
        reason: str,
        strategy: str | None = None,
    ) -> None:
        """Set a limit to another value for a while. Raises InputError for what is no limit, or for no reason."""
        if limit in _OF_SINGLE_ORDERS:
            raise InputError(
                f"{limit} is a bound of single orders, which no override changes: set it in the table gate of the"
                f" settings. Limits that can be set anew: {', '.join(OVERRIDABLE)}."
            )
        if limit not in OVERRIDABLE:
            raise UnknownNameError("limit", limit, OVERRIDABLE)
        if strategy is not None and strategy not in self.desk.assembly.names:
            raise UnknownNameError("strategy", strategy, self.desk.assembly.names)
        if not reason.strip():
            raise InputError(f"The limit {limit} is set anew for a reason only. Give one with --reason.")
        replace(self._limits_of(strategy), **_bound(limit, value))  # refuses what is no bound beside those in force
        self._record(LimitOverridden(now_ns, limit, value, until_ns, who, reason, strategy))
        self.renew_limits(now_ns)

    def renew_limits(self, now_ns: int) -> None:
        """Let overrides begin and end."""
        in_force = tuple(o for o in self.views.control.overrides.values() if o.until_ns > now_ns)
        if in_force == self._in_force:
            return
        self._in_force = in_force
        assembly = self.desk.assembly
        own = [
            self._limits_of(name) if any(name == override.strategy for override in in_force) else limits
            for name, limits in zip(assembly.names, assembly.strategy_limits, strict=True)
        ]
        rows = limit_rows(replace(assembly.settings, limits=self._limits_of(None)), own)
        rows["patient"] = rows["watches_rows"] = True  # orders travel, and a watch may come at any time
        self.desk.book.fixed.limits[:] = rows

    def _limits_of(self, strategy: str | None) -> Limits:
        """Return the bounds of a strategy, or of the account, with the overrides in force."""
        assembly = self.desk.assembly
        limits = assembly.settings.limits
        if strategy is not None:
            limits = assembly.strategy_limits[assembly.names.index(strategy)] or Limits()
        bounds: dict[str, Any] = {}
        for override in self._in_force or ():
            if override.strategy == strategy:
                bounds |= _bound(override.limit, override.value)
        if bounds.get("losses_in_row", limits.losses_in_row) is None:
            bounds.pop("pause_minutes", None)  # that of an override which has ended before this one
        return replace(limits, **bounds)

    def overrides(self) -> list[str]:
        """Return the overrides in force as sentences."""
        return [_sentence(override) for override in self._in_force or ()]


def _sentence(override: LimitOverridden) -> str:
    whose = f"{override.limit} of {override.strategy}" if override.strategy else override.limit
    until = to_iso(override.until_ns // SECOND * SECOND)
    return f"{whose} is {override.value} until {until}, by {override.who}: {override.reason}"


def _bound(limit: str, value: Decimal) -> dict[str, Any]:
    if limit not in _WHOLE:
        return {limit: float(np.float64(value))}
    if value != int(value):
        raise InputError(f"The limit {limit} is a whole number, asked for {value}.")
    return {limit: int(value)}


def _said(error: Fact) -> str:
    return str(getattr(error, "text", "") or getattr(error, "client_order_id", ""))


_NO_ENTRY = Denial(Limit.NONE, 0.0, 0.0, "its entry was denied")
