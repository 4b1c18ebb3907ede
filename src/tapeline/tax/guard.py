"""The check before a trade, kept in step with an account as it trades.

    guard = WashSaleGuard(TaxEngine(accounts), WashSaleLimit.REFUSE_PERMANENT)
    guard.book(execution)                   # every execution, as it comes
    verdict = guard.judge(execution_to_be)  # the order as if it were filled now: allowed or not, and why

A purchase that covers a short position, or a sale that goes through zero, is told apart as for the tax return. The
executions of one closing order come one by one here, so each of them looks for its replacements alone; in the return
they do so together, after the last one. The verdict is about orders, the return stays with the journal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from tapeline.domain.execution import Execution
from tapeline.tax.amounts import shares
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Cover, Sell
from tapeline.tax.executions import ExecutionReader
from tapeline.tax.pre_trade import WashSaleFound, WashSaleLimit, wash_sale_check


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said about an order: whether it may be sent, and what it would disallow."""

    is_allowed: bool
    found: tuple[WashSaleFound, ...]

    @property
    def sentence(self) -> str:
        """The reasons with their numbers; empty where there are none."""
        return " ".join(one.sentence for one in self.found)


ALLOWED = Verdict(is_allowed=True, found=())


class WashSaleGuard:
    """Follows executions and judges orders.

    engine : with every account of the taxpayer, and what they did before
    """

    def __init__(self, engine: TaxEngine, limit: WashSaleLimit, zone: str = "America/New_York") -> None:
        self.engine, self.limit = engine, limit
        held = {
            (position.account.name, position.symbol): shares(
                -position.quantity if position.is_short else position.quantity
            )
            for position in engine.book.all_positions()
        }
        self._reader = ExecutionReader(zone, held)

    def book(self, execution: Execution) -> None:
        """Take an execution in. Raises TaxRefusal, as the engine does, for one that cannot be taxed as it is."""
        trades = self._reader.read(execution)
        self.engine.apply(
            replace(trade, order_id=None) if isinstance(trade, Sell | Cover) else trade for trade in trades
        )

    def split(self, symbol: str, day: date, new: Decimal, old: Decimal, event_id: str) -> None:
        """Take a split in, before the first execution of its day."""
        self.engine.apply([self._reader.split(symbol, day, new, old, event_id)])

    def judge(self, wanted: Execution) -> Verdict:
        """Return what is said about an order, given as the execution that it hopes for."""
        if self.limit is WashSaleLimit.OFF:
            return ALLOWED
        findings = (wash_sale_check(self.engine, trade) for trade in self._reader.trades_of(wanted))
        found = tuple(one for one in findings if one is not None)
        return Verdict(not any(map(self.limit.refuses, found)), found) if found else ALLOWED
