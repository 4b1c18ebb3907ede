"""Settled cash and day trades, against days and counts written by hand from the rules."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.domain.adopted import Grounds
from tapeline.domain.cash import CashCause
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.times import DAY, HOUR, SECOND, from_iso
from tapeline.domain.words import OrderType, Side
from tapeline.ledger.adopted_facts import ExecutionBusted, ExecutionCorrected
from tapeline.ledger.facts import CashMoved
from tapeline.ledger.order_facts import OrderCanceled, OrderFilled, OrderIntended
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact
from tapeline.risk.account_rules import AccountDays, DayTrades, SettledCash
from tapeline.tape.calendars import sessions

XNYS = AccountDays(sessions("XNYS", date(2024, 1, 2), date(2024, 12, 31)))
MONDAY = from_iso("2024-06-03T14:00:00Z")
GROUNDS = Grounds("a test", "by hand")


class Account:
    """An account with 10,000 that trades ABCD; each line of a test is an execution or a fact."""

    def __init__(self, days: AccountDays = XNYS) -> None:
        self.views = Views()
        self.cash = SettledCash(self.views, days, lambda symbol: 50.0)
        self.trades = DayTrades(self.views, days)
        self.facts: list[Fact] = []
        self.count = 0
        self.record(CashMoved(MONDAY - DAY, CashCause.DEPOSIT, Decimal(10_000)))

    def record(self, fact: Fact) -> None:
        self.views.apply(fact)
        self.cash.see(fact)
        self.trades.see(fact)
        self.facts.append(fact)

    def intend(self, quantity: int, at_ns: int = MONDAY, **terms: Any) -> Order:
        """Send an order, sold where the quantity is below zero."""
        self.count += 1
        side = Side.BUY if quantity > 0 else Side.SELL
        known = {"order_type": OrderType.MARKET, **terms}
        order = Order(
            f"o{self.count}", "Dip", "ABCD", side, quantity=Decimal(abs(quantity)), decision_time_ns=at_ns, **known
        )
        self.record(OrderIntended(order))
        return order

    def trade(self, quantity: int, price: str = "10", at_ns: int = MONDAY) -> Execution:
        order = self.intend(quantity, at_ns)
        return self.fill(order, price, at_ns)

    def fill(self, order: Order, price: str = "10", at_ns: int = MONDAY, left: int = 0) -> Execution:
        self.count += 1
        execution = Execution(
            f"E{self.count}", order.client_order_id, "Dip", "ABCD", order.side, order.quantity - left, Decimal(price),
            Decimal(1), at_ns,
        )  # fmt: skip
        self.record(OrderFilled(execution, Decimal(left)))
        return execution


SETTLES = {
    # trade date -> settlement, by the rule of its time and the exchange's and the Federal Reserve's holidays
    "three days until September 2017": ("2017-08-28", "2017-08-31"),
    "two days from then": ("2017-09-05", "2017-09-07"),
    "the last of two days, over Memorial Day's weekend's end": ("2024-05-24", "2024-05-29"),
    "the first of one": ("2024-05-28", "2024-05-29"),
    "over a weekend": ("2024-06-07", "2024-06-10"),
    "over Juneteenth": ("2024-06-18", "2024-06-20"),
    "the exchange trades on Columbus Day, banks do not": ("2024-10-11", "2024-10-15"),
    "nor on Veterans Day": ("2024-11-08", "2024-11-12"),
    "Veterans Day on a Sunday is kept on Monday": ("2018-11-09", "2018-11-14"),
    "beyond the sessions that are known": ("2025-03-07", "2025-03-10"),
}


@pytest.mark.parametrize("case", SETTLES)
def test_trades_settle_by_the_rule_of_their_time(case: str) -> None:
    traded, settles = SETTLES[case]
    assert XNYS.settles_on(date.fromisoformat(traded)) == date.fromisoformat(settles)


def test_a_trade_after_midnight_in_london_is_of_the_day_before_in_new_york() -> None:
    assert XNYS.day_of(from_iso("2024-06-04T03:59:59Z")) == date(2024, 6, 3)
    assert XNYS.day_of(from_iso("2024-06-04T04:00:00Z")) == date(2024, 6, 4)


def test_proceeds_may_be_spent_once_they_have_settled() -> None:
    """10,000 less a purchase of 1,001; a sale brings 1,099, of which nothing is settled before Tuesday."""
    account = Account()
    account.trade(100)
    account.trade(-100, "11")

    assert account.cash.amount(MONDAY + HOUR) == Decimal(8_999)
    assert account.cash.amount(MONDAY + DAY) == Decimal(10_098)


def test_a_purchase_that_waits_takes_its_cash_with_it() -> None:
    account = Account()
    limited = account.intend(100, order_type=OrderType.LIMIT, limit_price=Decimal("9.50"))
    account.intend(10)  # at the last price of 50

    assert account.cash.amount(MONDAY) == Decimal(10_000 - 950 - 500)
    account.fill(limited, "9.50", left=40)
    assert account.cash.amount(MONDAY) == Decimal(10_000 - 571 - 380 - 500)
    account.record(OrderCanceled(MONDAY, limited.client_order_id))
    assert account.cash.amount(MONDAY) == Decimal(10_000 - 571 - 500)


def test_a_sale_that_was_busted_or_corrected_brings_what_stands() -> None:
    account = Account()
    account.trade(100)
    sold = account.trade(-60, "11")
    other = account.trade(-40, "12")
    corrected = Execution(
        "E-other", other.client_order_id, "Dip", "ABCD", Side.SELL, Decimal(40), Decimal("11.50"), Decimal(1), MONDAY
    )
    account.record(ExecutionCorrected(MONDAY, other, corrected, GROUNDS))
    account.record(ExecutionBusted(MONDAY, sold, GROUNDS))

    assert account.cash.amount(MONDAY) == Decimal(10_000 - 1_001)
    assert account.cash.amount(MONDAY + DAY) == Decimal(10_000 - 1_001 + 459)


DAY_TRADES = {
    "bought and sold": ([(0, 100), (0, -100)], 1),
    "sold short and covered": ([(0, -100), (0, 100)], 1),
    "in two purchases": ([(0, 50), (0, 50), (0, -100)], 1),
    "in two sales": ([(0, 100), (0, -50), (0, -50)], 1),
    "twice": ([(0, 100), (0, -100), (0, 100), (0, -100)], 2),
    "sold the next day": ([(0, 100), (1, -100)], 0),
    "sold the next day before more was bought": ([(0, 100), (1, -100), (1, 100)], 0),
    "sold the next day after more was bought": ([(0, 100), (1, 50), (1, -150)], 1),
    "through zero and back": ([(0, 100), (0, -200), (0, 100)], 2),
    "six sessions ago counts no more": ([(-7, 100), (-7, -100), (0, 100)], 0),
    "five sessions ago does": ([(-5, 100), (-5, -100), (1, 100)], 1),
}


@pytest.mark.parametrize("case", DAY_TRADES)
def test_day_trades_are_counted_as_the_rule_says(case: str) -> None:
    """Days count from Monday, 3 June 2024; five sessions back from Monday is the Tuesday before."""
    trades, count = DAY_TRADES[case]
    account = Account()
    for number, (day, quantity) in enumerate(trades):
        account.trade(quantity, at_ns=MONDAY + day * DAY + number * SECOND)
    last = max(day for day, _ in trades)

    assert account.trades.count(MONDAY + last * DAY + HOUR) == count


def test_a_busted_execution_is_half_of_no_day_trade() -> None:
    account = Account()
    account.trade(100)
    sold = account.trade(-100)
    assert account.trades.count(MONDAY) == 1
    account.record(ExecutionBusted(MONDAY, sold, GROUNDS))

    assert account.trades.count(MONDAY) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 3).filter(bool)), max_size=25))
def test_who_begins_with_the_facts_so_far_counts_the_same(steps: list[tuple[int, int]]) -> None:
    """Restarted anywhere, cash and day trades are those of the run that went on."""
    account = Account()
    for number, (hours, quantity) in enumerate(sorted(steps, key=lambda step: step[0])):
        account.trade(quantity, at_ns=MONDAY + hours * 12 * HOUR + number * SECOND)
    now_ns = MONDAY + 40 * HOUR
    again_cash = SettledCash(account.views, XNYS, lambda symbol: 50.0, facts=account.facts)
    again_trades = DayTrades(account.views, XNYS, facts=account.facts)

    assert again_cash.amount(now_ns) == account.cash.amount(now_ns)
    assert again_trades.count(now_ns) == account.trades.count(now_ns)


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.integers(1, 400)), max_size=40))
def test_purchases_that_the_settled_cash_allows_never_spend_what_has_not_settled(
    wishes: list[tuple[int, bool, int]],
) -> None:
    """The reference keeps every sale with its day: what is settled less all that was bought never goes below zero."""
    account = Account()
    held, bought, sales = 0, Decimal(0), [(date(2024, 6, 1), Decimal(10_000))]
    for number, (hours, buys, quantity) in enumerate(sorted(wishes, key=lambda wish: wish[0])):
        now_ns = MONDAY + hours * 4 * HOUR + number * SECOND
        if buys and Decimal(quantity * 10 + 1) <= account.cash.amount(now_ns):
            account.trade(quantity, at_ns=now_ns)
            held, bought = held + quantity, bought + quantity * 10 + 1
        elif not buys and quantity <= held:
            account.trade(-quantity, at_ns=now_ns)
            held -= quantity
            sales.append((XNYS.settles_on(XNYS.day_of(now_ns)), Decimal(quantity * 10 - 1)))
        settled = sum(amount for day, amount in sales if day <= XNYS.day_of(now_ns))
        assert settled - bought >= 0
