"""The book after what is none of its plain events, against results counted by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from tapeline import Account, Limits, RuleStrategy, RunSettings, bars, fixed_quantity
from tapeline.domain.adopted import Grounds
from tapeline.domain.cash import CashCause
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.times import MINUTE, from_iso
from tapeline.domain.words import OrderType, Purpose, Side
from tapeline.engine.assembly import assemble
from tapeline.engine.desk import Desk
from tapeline.engine.retaking import Retaking
from tapeline.ledger.facts import CashMoved
from tapeline.ledger.order_facts import OrderAccepted, OrderFilled, OrderIntended
from tapeline.ledger.views import Views
from tapeline.simulation.book import mark_holdings
from tapeline.simulation.limits import watch_day

T0 = from_iso("2024-01-02T15:00:00Z")
SYMBOLS = ("A", "B")
GROUNDS = Grounds("the venue")


class First(RuleStrategy):
    """Wishes nothing by itself."""

    bar = bars("1min")
    size = fixed_quantity(1)
    enter_long = bar.close < 0.0
    exit_long = bar.close < 0.0


class Second(First):
    """As the first."""


class World:
    """A desk that follows a ledger, told of facts one by one or of several at once."""

    def __init__(self, limits: Limits | None = None) -> None:
        run = RunSettings(account=Account(100_000, "margin", 4.0, short_allowed=True), limits=limits or Limits())
        self.desk = Desk(assemble([First(), Second()], symbol_count=2, base_frame_ns=MINUTE, settings=run), SYMBOLS)
        self.desk.follows_ledger = True
        self.tables = self.desk.book.fixed
        self.views = Views()
        self.retaking = Retaking(self.desk)
        self.views.apply(CashMoved(T0, CashCause.DEPOSIT, Decimal(100_000)))

    def take(self, *facts: Any) -> World:
        reports: list[Any] = []
        for fact in facts:
            if isinstance(fact, OrderIntended):
                self.desk.book_reports(reports, 0, self.views)
                reports = []
            self.views.apply(fact)
            if isinstance(fact, OrderIntended):
                self.retaking.ordered(fact)
            else:
                reports.append(fact)
        self.desk.book_reports(reports, 0, self.views)
        return self

    def see(self, minute: int, a: float, b: float = 50.0) -> World:
        """End a slice with these prices."""
        close, volume = np.array([a, b]), np.ones(2)
        mark_holdings(self.desk.book, close, close, close, volume)
        watch_day(self.desk.book, T0 + minute * MINUTE, 0)
        return self

    def day(self, strategy: int = 0) -> dict[str, float]:
        row = self.tables.days[1 + strategy]
        return {name: float(row[name]) for name in ("worth", "high", "lost", "fallen", "closed", "losses")}


def ordered(
    name: str, side: Side, quantity: str, price: str, purpose: Purpose = Purpose.ENTRY, strategy: str = "First"
) -> OrderIntended:
    order = Order(
        name, strategy, "A", side, OrderType.LIMIT, Decimal(quantity), T0, limit_price=Decimal(price), purpose=purpose
    )
    return OrderIntended(order, sizing={"price": float(price), "quantity": float(quantity)})


def filled(
    number: int, name: str, side: Side, quantity: str, price: str, leaves: str = "0", strategy: str = "First"
) -> OrderFilled:
    return OrderFilled(execution(number, name, side, quantity, price, strategy), Decimal(leaves))


def execution(number: int, name: str, side: Side, quantity: str, price: str, strategy: str = "First") -> Execution:
    terms = Decimal(quantity), Decimal(price), Decimal("0.50"), T0 + number * MINUTE
    return Execution(f"E{number}", name, strategy, "A", side, *terms)


def bought(quantity: str, price: str, number: int = 1) -> tuple[Any, ...]:
    name = f"in{number}"
    intended = ordered(name, Side.BUY, quantity, price)
    return intended, OrderAccepted(T0 + MINUTE, name, "V" + name), filled(number, name, Side.BUY, quantity, price)


def flattened(number: int, quantity: str, price: str) -> tuple[Any, ...]:
    """Return what an order that no strategy asked for closed."""
    name = f"flat{number}"
    intended = ordered(name, Side.SELL, quantity, price, Purpose.FLATTEN)
    return intended, filled(number, name, Side.SELL, quantity, price)


def test_what_two_strategies_hold_to_the_last_decimal_leaves_nothing_outside() -> None:
    world = World()
    for number, (quantity, strategy) in enumerate((("0.1", "First"), ("0.2", "Second")), 1):
        name = f"in{number}"
        world.take(ordered(name, Side.BUY, quantity, "10", strategy=strategy))
        world.take(filled(number, name, Side.BUY, quantity, "10", strategy=strategy))

    assert world.tables.positions[0] == 0.3
    assert (world.tables.outside == 0.0).all()
    assert world.tables.account[0]["external"] == 0
