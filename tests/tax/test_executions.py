"""From executions to trades: zones around midnight, and sales that go through zero."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

from tapeline.domain.execution import Execution
from tapeline.domain.times import from_iso
from tapeline.domain.words import Side
from tapeline.tax.events import Buy, Cover, Sell, Short
from tapeline.tax.executions import ExecutionReader


def execution(side: Side, quantity: str, moment: str = "2025-01-06T15:00:00Z", **words: str) -> Execution:
    fields = {"execution_id": "x1", "client_order_id": "o1", "strategy": "s", "symbol": "XYZ"} | words
    return Execution(
        **fields,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(20),
        commission=Decimal(3),
        event_time_ns=from_iso(moment),
    )


def test_the_trade_date_is_that_of_the_exchange_around_midnight_and_over_a_change_of_clocks() -> None:
    reader = ExecutionReader()
    winter = reader.read(execution(Side.BUY, "1", "2025-01-01T01:30:00Z"))[0]
    summer = reader.read(execution(Side.BUY, "1", "2025-07-02T03:30:00Z"))[0]

    assert (winter.trade_date, winter.time_of_day) == (date(2024, 12, 31), time(20, 30))
    assert (summer.trade_date, summer.time_of_day) == (date(2025, 7, 1), time(23, 30))


def test_a_sale_beyond_the_position_is_cut_into_a_sale_and_a_short_sale() -> None:
    reader = ExecutionReader()
    reader.read(execution(Side.BUY, "100"))

    sold, short = reader.read(execution(Side.SELL, "150", execution_id="x2"))

    assert (type(sold), sold.quantity, sold.commission, sold.execution_id) == (Sell, 100, 2, "x2")
    assert (type(short), short.quantity, short.commission, short.execution_id) == (Short, 50, 1, "x2/open")
    assert sold.order_id == short.order_id == "o1"


def test_purchases_cover_first_and_accounts_have_positions_of_their_own() -> None:
    reader = ExecutionReader()
    reader.read(execution(Side.SELL, "10"))

    other = reader.read(execution(Side.BUY, "4", account="second"))
    covered = reader.read(execution(Side.BUY, "10"))

    assert [type(trade) for trade in other + covered] == [Buy, Cover]


def test_a_split_rescales_the_position_that_decides_what_closes() -> None:
    reader = ExecutionReader()
    reader.read(execution(Side.BUY, "100"))
    split = reader.split("XYZ", date(2025, 1, 7), Decimal(2), Decimal(1), "a1")

    trades = reader.read(execution(Side.SELL, "200", "2025-01-08T15:00:00Z"))

    assert (split.new, split.old) == (2, 1)
    assert [type(trade) for trade in trades] == [Sell]
