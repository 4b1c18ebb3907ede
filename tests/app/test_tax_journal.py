"""A journal as a taxpayer's events: its executions by trade date, and splits with what was paid for fractions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tapeline.app.tax_journal import read_journal
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import InputError, TaxRefusal
from tapeline.domain.execution import Execution
from tapeline.domain.times import from_iso
from tapeline.domain.words import Side
from tapeline.ledger.facts import CashMoved, SplitApplied
from tapeline.ledger.order_facts import OrderFilled
from tapeline.ports.journal import Fact
from tapeline.store.sqlite_journal import SqliteJournal
from tapeline.tax.accounts import Account
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Buy, Event, Sell, Short, StockSplit


def filled(name: str, side: Side, quantity: str, price: str, moment: str, strategy: str = "s") -> OrderFilled:
    execution = Execution(
        execution_id=name,
        client_order_id=f"o-{name}",
        strategy=strategy,
        symbol="XYZ",
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        commission=Decimal(1),
        event_time_ns=from_iso(moment),
    )
    return OrderFilled(execution, Decimal(0))


def split(before: str, after: str, strategy: str = "s", new: str = "3", old: str = "2") -> SplitApplied:
    moment = from_iso("2025-02-03T14:30:00Z")
    return SplitApplied(moment, "XYZ", strategy, Decimal(new), Decimal(old), Decimal(before), Decimal(after))


def paid(amount: str) -> CashMoved:
    return CashMoved(from_iso("2025-02-03T14:30:00Z"), CashCause.FRACTION_PAID, Decimal(amount), "XYZ")


def events_of(*facts: Fact) -> list[Event]:
    with SqliteJournal.writing(":memory:") as journal:
        for fact in facts:
            journal.append(fact)
        journal.commit()
        return read_journal(journal, "America/New_York")[0]


BOUGHT = filled("x1", Side.BUY, "11", "20", "2025-01-07T01:30:00Z")


def test_executions_become_trades_of_the_exchanges_day_and_a_sale_through_zero_two() -> None:
    found = events_of(BOUGHT, filled("x2", Side.SELL, "15", "21", "2025-01-08T15:00:00Z"))

    assert [(type(event), event.execution_id) for event in found] == [  # type: ignore[union-attr]
        (Buy, "x1"),
        (Sell, "x2"),
        (Short, "x2/open"),
    ]
    assert found[0].trade_date == date(2025, 1, 6)  # type: ignore[union-attr]


def test_a_split_of_two_holders_is_one_event_and_its_fraction_is_sold() -> None:
    found = events_of(
        BOUGHT,
        filled("x2", Side.BUY, "4", "20", "2025-01-08T15:00:00Z", strategy="t"),
        split("11", "16"),
        split("4", "6", "t"),
        paid("6.70"),
        filled("x3", Side.SELL, "22", "15", "2025-02-04T15:00:00Z"),
    )

    # 15 shares become 22.5
    assert [type(event) for event in found] == [Buy, Buy, StockSplit, Sell]
    assert found[2] == StockSplit(
        event_id="split/XYZ/2025-02-03",
        day=date(2025, 2, 3),
        symbol="XYZ",
        new=Decimal(3),
        old=Decimal(2),
        cash_in_lieu={"main": Decimal("6.70")},
    )
    engine = TaxEngine([Account("main")])
    engine.apply(found)
    assert engine.result().open_lots() == []
    assert [str(row.quantity) for row in engine.result().rows] == ["0.5", "16", "6"]


def test_a_split_after_the_last_execution_is_not_forgotten() -> None:
    assert [type(event) for event in events_of(BOUGHT, split("11", "22", new="2", old="1"))] == [Buy, StockSplit]


def test_the_fraction_of_a_short_position_is_refused_by_name() -> None:
    sold = filled("x1", Side.SELL, "11", "20", "2025-01-07T15:00:00Z")

    with pytest.raises(TaxRefusal, match="fraction_of_a_step"):
        events_of(sold, split("-11", "-16"), paid("-6.70"))


def test_a_journal_without_executions_has_nothing_to_tax() -> None:
    with pytest.raises(InputError, match="holds no execution"):
        events_of(paid("1"))
