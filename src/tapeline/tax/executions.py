"""From the platform's executions to a taxpayer's: trade dates in the exchange's zone, and what closes or opens.

An execution says BUY or SELL. Against a long position of 100, a sale of 150 is two things to the tax rules: 100 sold,
50 sold short. The reader keeps each account's position to tell them apart, over all strategies, because lots belong to
the account. An execution that is cut in two keeps its id with a suffix for the part that opens, and its commission in
proportion.

    reader = ExecutionReader()
    engine.apply(trade for execution in executions for trade in reader.read(execution))
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tapeline.domain.execution import Execution
from tapeline.domain.position import closing_part, part_of
from tapeline.tax.events import Buy, Cover, Sell, Short, StockSplit, Trade

OPENING_SUFFIX = "/open"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ExecutionReader:
    """Turns executions, in the order of time, into trades.

    zone : of the exchange; 20:30 in New York is the next day in UTC, and the trade date is New York's
    held : positions before the first execution by account and symbol, below zero for short ones
    """

    def __init__(self, zone: str = "America/New_York", held: Mapping[tuple[str, str], Decimal] | None = None) -> None:
        self._zone = ZoneInfo(zone)
        self._positions: dict[tuple[str, str], Decimal] = defaultdict(Decimal, held or {})

    def read(self, execution: Execution) -> list[Trade]:
        """Return the one or two trades of an execution, and take it into the account's position."""
        trades = self.trades_of(execution)
        self._positions[execution.account, execution.symbol] += execution.signed_quantity
        return trades

    def trades_of(self, execution: Execution) -> list[Trade]:
        """Return the one or two trades that an execution would be now."""
        before, signed = self._positions[execution.account, execution.symbol], execution.signed_quantity
        closed = abs(closing_part(before, signed))
        opened = execution.quantity - closed
        is_buy = signed > 0
        commission = part_of(execution.commission, closed, execution.quantity) if closed else Decimal(0)
        trades: list[Trade] = []
        if closed:
            trades.append(self._trade(Cover if is_buy else Sell, execution, closed, commission, ""))
        if opened:
            suffix = OPENING_SUFFIX if closed else ""
            rest = execution.commission - commission
            trades.append(self._trade(Buy if is_buy else Short, execution, opened, rest, suffix))
        return trades

    def split(
        self,
        symbol: str,
        day: date,
        new: Decimal,
        old: Decimal,
        event_id: str,
        cash_in_lieu: Mapping[str, Decimal] | None = None,
    ) -> StockSplit:
        """Return a split as an event, and rescale the positions of its symbol.

        cash_in_lieu : what accounts were paid for the fraction of their position
        """
        paid = {account: cash for account, cash in (cash_in_lieu or {}).items() if cash}
        for account, name in self._positions:
            if name == symbol:
                after = self._positions[account, name] * new / old
                self._positions[account, name] = after - after % 1 if account in paid else after
        return StockSplit(event_id=event_id, day=day, symbol=symbol, new=new, old=old, cash_in_lieu=paid)

    def position(self, account: str, symbol: str) -> Decimal:
        """Return what an account holds of a symbol after what was read; short is below zero."""
        return self._positions[account, symbol]

    def move(self, account: str, symbol: str, quantity: Decimal) -> None:
        """Note that a position changed without an execution."""
        self._positions[account, symbol] += quantity

    def trade_day(self, time_ns: int) -> date:
        """Return the date on the exchange's calendar at a moment."""
        return self._local(time_ns).date()

    def _local(self, time_ns: int) -> datetime:
        return (_EPOCH + timedelta(microseconds=time_ns // 1000)).astimezone(self._zone)

    def _trade(
        self, kind: type[Trade], execution: Execution, quantity: Decimal, commission: Decimal, suffix: str
    ) -> Trade:
        moment = self._local(execution.event_time_ns)
        return kind(
            execution_id=execution.execution_id + suffix,
            account=execution.account,
            symbol=execution.symbol,
            quantity=quantity,
            price=execution.price,
            trade_date=moment.date(),
            time_of_day=moment.time(),
            commission=commission,
            order_id=execution.client_order_id,
        )
