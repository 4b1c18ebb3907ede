"""The gate's question about taxes: would the order disallow a loss, and is that a warning or a denial?

    check = WashSaleCheck(new_engine, WashSaleLimit.REFUSE_PERMANENT, record)
    check.see(fact)                                      # every fact of the run, as it is recorded
    denial = check.ask(order, price, now_ns, reduces=False)

Trading comes before taxes. An order that reduces a position is warned about and never denied: a stop that does not
leave costs more than a loss that is deferred. Children of a bracket are not asked about: their day and price are not
known.
What the tax rules refuse to follow stops no run either: from then on entries are denied by the limits that refuse, and
warned about by `warn`, because a loss may be at stake that nobody can tell.

Executions are booked one by one. A split, a correction, a bust or a late report makes the books anew, from what was
known before the run and the executions that stand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from tapeline.domain.errors import InputError, TaxRefusal
from tapeline.domain.execution import Execution
from tapeline.domain.money import exact
from tapeline.domain.order import Order
from tapeline.domain.words import Limit
from tapeline.ledger.control_facts import OrderWarned
from tapeline.ledger.facts import SplitApplied
from tapeline.ledger.order_facts import OrderFilled
from tapeline.ledger.standing import KINDS, standing_executions
from tapeline.ports.journal import Fact
from tapeline.risk.denial import Denial
from tapeline.tax.engine import TaxEngine
from tapeline.tax.executions import ExecutionReader
from tapeline.tax.guard import WashSaleGuard
from tapeline.tax.pre_trade import WashSaleLimit

_FOLLOWED = frozenset({*KINDS, SplitApplied.kind})


class WashSaleCheck:
    """Follows a run's facts and answers for the gate.

    new_engine : gives an engine with the taxpayer's accounts and what they did before the run
    limit : what is done about an order that makes a wash sale
    record : journals a fact; zone : of the exchange, in which moments become trade dates
    Raises TaxRefusal for what the taxpayer did before, where it cannot be taxed as it is.
    """

    def __init__(
        self,
        new_engine: Callable[[], TaxEngine],
        limit: WashSaleLimit,
        record: Callable[[Fact], Any],
        zone: str = "America/New_York",
    ) -> None:
        self.limit = limit
        self._new_engine, self._record, self._zone = new_engine, record, zone
        self._facts: list[Fact] = []
        self._unknown = ""
        self._guard: WashSaleGuard | None = self._anew()

    def see(self, fact: Fact) -> None:
        """Take in a fact of the run; those that trade nothing are passed over."""
        if fact.kind not in _FOLLOWED:
            return
        self._facts.append(fact)
        self._unknown = ""
        if self._guard is None or not isinstance(fact, OrderFilled):
            self._guard = None
            return
        try:
            self._guard.book(fact.execution)
        except TaxRefusal:
            self._guard = None  # late, or not to be taxed: the books made anew will tell

    def ask(self, order: Order, price: float, now_ns: int, *, reduces: bool) -> Denial | None:
        """Return why an order may not leave, None if it may; a warning is recorded.

        price : at which it is thought to fill, in currency; reduces : whether it can only make a position smaller
        """
        if self.limit is WashSaleLimit.OFF:
            return None
        try:
            verdict = self._books().judge(_as_filled(order, price, now_ns))
            if not verdict.found:
                return None
            is_allowed, text = verdict.is_allowed, verdict.sentence
            amount = float(sum((one.amount for one in verdict.found), Decimal(0)))
        except InputError as exc:
            self._unknown = str(exc)
            is_allowed, amount = self.limit is WashSaleLimit.WARN, math.nan
            text = f"Whether it makes a wash sale is not known: {exc}"
        if is_allowed or reduces:
            self._record(OrderWarned(now_ns, order.client_order_id, order.symbol, Limit.WASH_SALE, text))
            return None
        return Denial(Limit.WASH_SALE, amount, 0.0, text.removesuffix("."))

    def _books(self) -> WashSaleGuard:
        if self._unknown:
            raise InputError(self._unknown)
        if self._guard is None:
            self._guard = self._anew()
        return self._guard

    def _anew(self) -> WashSaleGuard:
        """Return a guard that has taken in everything so far, each day's splits before its executions."""
        guard = WashSaleGuard(self._new_engine(), self.limit, self._zone)
        reader = ExecutionReader(self._zone)
        splits = {
            (fact.event_time_ns, fact.symbol): fact for fact in self._facts if isinstance(fact, SplitApplied)
        }.values()
        steps: list[tuple[tuple[date, int, int, int], Execution | SplitApplied]] = [
            ((reader.trade_day(fact.event_time_ns), 0, fact.event_time_ns, number), fact)
            for number, fact in enumerate(splits)
        ]
        for number, found in enumerate(standing_executions(self._facts)):
            time_ns = found.execution.event_time_ns
            steps.append(((reader.trade_day(time_ns), 1, time_ns, number), found.execution))
        for _, step in sorted(steps, key=lambda one: one[0]):
            if isinstance(step, SplitApplied):
                day = reader.trade_day(step.event_time_ns)
                guard.split(step.symbol, day, step.new_shares, step.old_shares, f"split/{step.symbol}/{day}")
            else:
                guard.book(step)
        return guard


def _as_filled(order: Order, price: float, now_ns: int) -> Execution:
    name = order.client_order_id
    return Execution(
        execution_id=name,
        client_order_id=name,
        strategy=order.strategy,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        price=exact(price),
        commission=Decimal(0),
        event_time_ns=now_ns,
        account=order.account,
    )
