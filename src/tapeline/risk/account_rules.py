"""What the rules of an account count, from its executions: cash that has settled, and day trades.

    days = AccountDays(panel.sessions)
    cash, trades = SettledCash(views, days, price_of), DayTrades(views, days)
    loop.on_fact += [cash.see, trades.see]        # every fact of the run, after the views took it in
    cash.amount(now_ns)                           # what a purchase may use now
    trades.count(now_ns)                          # within five sessions

A sale's proceeds settle a business day later (two before 28 May 2024, three before 5 September 2017). Who buys with
them before and sells that again before they have settled makes a good-faith violation, for which brokers lock cash
accounts; who spends settled cash only cannot make one. Margin accounts borrow meanwhile, and are not asked.

A day trade is what was opened and then closed in one symbol on one day, over all strategies: buy, buy, sell is one;
buy, sell, buy, sell are two; a sale of what was held over night is none unless more was bought before it (FINRA rule
4210(f)(8)(B), Regulatory Notice 21-13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tapeline.domain.execution import Execution
from tapeline.domain.keeping import Keeps
from tapeline.domain.money import exact
from tapeline.domain.panel import Sessions
from tapeline.domain.position import ZERO, closing_part
from tapeline.domain.times import SECOND
from tapeline.domain.words import Side
from tapeline.ledger.adopted_facts import ONE, ExecutionAdopted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import OrderFilled
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact
from tapeline.tax.holding_period import settlement_cycle

DAY_TRADE_SESSIONS = 5
_DAY = timedelta(days=1)
_EPOCH = date(1970, 1, 1)


class AccountDays:
    """Trade dates and business days: those of the sessions a run knows, weekdays before and after them.

    zone : of the exchange, in which moments become dates
    """

    def __init__(self, sessions: Sessions | None = None, zone: str = "America/New_York") -> None:
        self._zone = ZoneInfo(zone)
        days = [] if sessions is None else [_EPOCH + timedelta(days=int(day)) for day in sessions.days]
        self._sessions = frozenset(days)
        self._first, self._last = (min(days), max(days)) if days else (date.max, date.min)

    def day_of(self, time_ns: int) -> date:
        """Return the date on the exchange's calendar at a moment."""
        return datetime.fromtimestamp(time_ns // SECOND, UTC).astimezone(self._zone).date()

    def settles_on(self, trade_date: date) -> date:
        """Return the day on which a trade in shares settles, by the rule of its time."""
        day, left = trade_date, settlement_cycle(trade_date)
        while left:
            day += _DAY
            left -= self._is_session(day) and not _only_banks_rest(day)
        return day

    def first_of(self, count: int, today: date) -> date:
        """Return the first of so many sessions of which `today`, or the session before it, is the last."""
        day, left = today, count - self._is_session(today)
        while left:
            day -= _DAY
            left -= self._is_session(day)
        return day

    def _is_session(self, day: date) -> bool:
        return day in self._sessions if self._first <= day <= self._last else day.weekday() < 5


class SettledCash(Keeps):
    """Cash that has settled and that no purchase of ours waits for.

    price_of : the last price of a symbol, for orders that name none
    facts : of the run so far, where one is taken up again
    """

    KEPT = ("_unsettled", "_reserved", "_reserved_sum")

    def __init__(
        self,
        views: Views,
        days: AccountDays,
        price_of: Callable[[str], float],
        account: str = "main",
        facts: Iterable[Fact] = (),
    ) -> None:
        self._views, self._days, self._price_of, self._account = views, days, price_of, account
        self._unsettled: dict[str, tuple[date, Decimal]] = {}
        self._reserved: dict[str, Decimal] = {}
        self._reserved_sum = ZERO
        for fact in facts:
            self.see(fact)

    def see(self, fact: Fact) -> None:
        """Take in a fact that the views have taken in."""
        removed, execution, multiplier = _change_of(fact)
        if removed is not None:
            self._unsettled.pop(removed, None)
        if execution is not None and execution.side is Side.SELL and execution.account == self._account:
            proceeds = execution.quantity * execution.price * multiplier - execution.commission
            trade_date = self._days.day_of(execution.event_time_ns)
            self._unsettled[execution.execution_id] = self._days.settles_on(trade_date), proceeds
        name = getattr(fact, "client_order_id", None)
        if name is not None:
            self._reserve(name)

    def amount(self, now_ns: int) -> Decimal:
        """Return what a purchase may use: below zero where the purchases that wait already cost more."""
        today = self._days.day_of(now_ns)
        for name in [name for name, (settles, _) in self._unsettled.items() if settles <= today]:
            del self._unsettled[name]
        unsettled = sum((proceeds for _, proceeds in self._unsettled.values()), ZERO)
        return self._views.cash_amount(self._account) - unsettled - self._reserved_sum

    def _reserve(self, name: str) -> None:
        """Keep what a working purchase may still cost; one of unknown outcome works."""
        self._reserved_sum -= self._reserved.pop(name, ZERO)
        state = self._views.orders.working.get(name)
        if state is None or state.order.side is not Side.BUY or state.order.account != self._account:
            return
        price = state.limit_price or state.stop_price or exact(self._price_of(state.order.symbol))
        self._reserved[name] = state.exposed_quantity * price
        self._reserved_sum += self._reserved[name]


class DayTrades(Keeps):
    """Day trades of an account within five sessions. facts : of the run so far, where one is taken up again."""

    KEPT = ("_executions", "_counted")

    def __init__(self, views: Views, days: AccountDays, account: str = "main", facts: Iterable[Fact] = ()) -> None:
        self._views, self._days, self._account = views, days, account
        self._executions: dict[str, Execution] = {}
        self._counted: tuple[date, int] | None = None
        for fact in facts:
            self.see(fact)

    def see(self, fact: Fact) -> None:
        """Take in a fact that the views have taken in."""
        removed, execution, _ = _change_of(fact)
        if removed is not None:
            self._executions.pop(removed, None)
            self._counted = None
        if execution is not None and execution.account == self._account:
            self._executions[execution.execution_id] = execution
            self._counted = None

    def count(self, now_ns: int) -> int:
        """Return how many day trades the last five sessions have, today's included."""
        today = self._days.day_of(now_ns)
        if self._counted is None or self._counted[0] != today:
            self._counted = today, self._count_from(self._days.first_of(DAY_TRADE_SESSIONS, today))
        return self._counted[1]

    def _count_from(self, first: date) -> int:
        of_symbols: dict[str, list[tuple[date, Execution]]] = {}
        for execution in sorted(self._executions.values(), key=lambda one: one.event_time_ns):
            day = self._days.day_of(execution.event_time_ns)
            if day < first:
                del self._executions[execution.execution_id]
            else:
                of_symbols.setdefault(execution.symbol, []).append((day, execution))
        return sum(self._count_of(symbol, executions) for symbol, executions in of_symbols.items())

    def _count_of(self, symbol: str, executions: list[tuple[date, Execution]]) -> int:
        signed = [execution.signed_quantity for _, execution in executions]
        held = self._views.quantity(symbol, self._account) - sum(signed, ZERO)
        count, opened_on = 0, None
        for (day, _), change in zip(executions, signed, strict=True):
            closed = closing_part(held, change)
            if closed and opened_on == day:
                count, opened_on = count + 1, None
            if closed != change:
                opened_on = day
            held += change
        return count


def _change_of(fact: Fact) -> tuple[str | None, Execution | None, Decimal]:
    """Return the id of the execution that a fact takes away, the one that it brings, and its multiplier."""
    if isinstance(fact, OrderFilled):
        return None, fact.execution, ONE
    if isinstance(fact, ExecutionAdopted):
        return None, fact.execution, fact.multiplier
    if isinstance(fact, ExecutionCorrected):
        return fact.corrected.execution_id, fact.execution, fact.multiplier
    if isinstance(fact, ExecutionBusted):
        return fact.busted.execution_id, None, ONE
    return None, None, ONE


def _only_banks_rest(day: date) -> bool:
    """Whether the exchange trades but nothing settles: the Federal Reserve's Columbus Day and Veterans Day."""
    if day.month == 10:
        return day.weekday() == 0 and 8 <= day.day <= 14
    is_observed = day.day == 11 or (day.day == 12 and day.weekday() == 0)
    return day.month == 11 and is_observed and day.weekday() < 5
