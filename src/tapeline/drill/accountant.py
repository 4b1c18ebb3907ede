"""A second set of books, kept by somebody who trusts nobody: from the bytes of the journal, by plain sums.

The accountant reads what became durable, record after record, and computes positions and cash again without a line of
the ledger. Two books that agree were both computed; two that do not stop the drill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tapeline.domain.errors import InvariantError
from tapeline.domain.execution import Execution
from tapeline.ledger.canonical import decode
from tapeline.ledger.chain import GENESIS, link

ZERO = Decimal(0)


class Accountant:
    """Positions, cash and orders as the durable records of the journal say.

    positions : signed quantity by strategy and symbol
    fees : commissions; paid : by strategy, money got for what it traded less money given, fees included
    executions : what stands, by id; every id that was ever booked is in `booked`
    filled : what of each order stands executed
    intended : orders by client order id; ended : how each ended one ended, as the kind of its last fact
    is_gap_open, locked : what holds at the end of the records
    fresh : facts that were added since somebody looked
    """

    def __init__(self) -> None:
        self.count = 0
        self.hash = GENESIS
        self.positions: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.cash = self.fees = ZERO
        self.paid: dict[str, Decimal] = defaultdict(Decimal)
        self.executions: dict[str, Execution] = {}
        self.filled: dict[str, Decimal] = defaultdict(Decimal)
        self.booked: set[str] = set()
        self.intended: dict[str, Any] = {}
        self.wishes: dict[str, int] = defaultdict(int)
        self.ended: dict[str, str] = {}
        self.is_gap_open = False
        self.locked: set[str] = set()
        self.fresh: list[Any] = []
        self._take_in: dict[str, Callable[[Any], None]] = {
            "OrderIntended": self._intended,
            "OrderAdopted": self._intended,
            "CancelIntended": self._wished,
            "ReplaceIntended": self._wished,
            "OrderFilled": self._filled,
            "ExecutionAdopted": self._adopted,
            "ExecutionCorrected": self._corrected,
            "ExecutionBusted": self._busted,
            "OrderCanceled": self._ended,
            "OrderExpired": self._ended,
            "OrderRejected": self._ended,
            "CashMoved": self._cash_moved,
            "GapOpened": lambda _: self._gap(is_open=True),
            "GapClosed": lambda _: self._gap(is_open=False),
            "SymbolLocked": lambda fact: self.locked.add(fact.symbol),
            "SymbolUnlocked": lambda fact: self.locked.discard(fact.symbol),
        }

    def read(self, rows: list[tuple[Any, ...]]) -> None:
        """Take in rows of the journal's table that have just become durable.

        Raises InvariantError where the chain is broken or a record contradicts those before it.
        """
        for row in rows:
            sequence, kind, body, digest = row[0], row[1], row[7].encode(), row[8]
            if sequence != self.count + 1 or digest != link(self.hash, sequence, kind, body):
                raise InvariantError(f"The chain of the journal is broken at record {sequence}, after {self.count}.")
            self.count, self.hash = sequence, digest
            fact = decode(body)
            take = self._take_in.get(kind)
            if take is not None:
                take(fact)
            self.fresh.append(fact)

    def held(self) -> dict[str, Decimal]:
        """Return the account's signed quantities by symbol, flat ones left out."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for (_, symbol), quantity in self.positions.items():
            sums[symbol] += quantity
        return {symbol: quantity for symbol, quantity in sorted(sums.items()) if quantity}

    def _intended(self, fact: Any) -> None:
        order = fact.order
        name = order.client_order_id
        if name in self.intended and fact.kind == "OrderIntended":
            raise InvariantError(f"Order {name} is intended a second time.")
        self.intended.setdefault(name, order)
        self.ended.pop(name, None)

    def _wished(self, fact: Any) -> None:
        if fact.client_order_id not in self.intended:
            raise InvariantError(f"{fact.kind} names {fact.client_order_id}, which was never intended.")
        self.wishes[fact.client_order_id] += 1

    def _filled(self, fact: Any) -> None:
        execution = fact.execution
        order = self.intended.get(execution.client_order_id)
        if order is None:
            raise InvariantError(f"Execution {execution.execution_id} fills {execution.client_order_id}, unknown here.")
        if (order.strategy, order.symbol, order.side) != (execution.strategy, execution.symbol, execution.side):
            raise InvariantError(f"Execution {execution.execution_id} does not fit its order {order.client_order_id}.")
        self._book(execution)
        if not fact.leaves_quantity and execution.client_order_id not in self.ended:
            self.ended[execution.client_order_id] = fact.kind

    def _adopted(self, fact: Any) -> None:
        self._book(fact.execution)

    def _corrected(self, fact: Any) -> None:
        self._unbook(fact.corrected.execution_id)
        self._book(fact.execution)
        self._open_again(fact)

    def _busted(self, fact: Any) -> None:
        self._unbook(fact.busted.execution_id)
        self._open_again(fact)

    def _open_again(self, fact: Any) -> None:
        if fact.leaves_quantity:
            self.ended.pop(fact.client_order_id, None)

    def _book(self, execution: Execution) -> None:
        name = execution.execution_id
        if name in self.booked:
            raise InvariantError(f"Execution {name} is booked a second time.")
        self.booked.add(name)
        self.executions[name] = execution
        self._count(execution, 1)

    def _unbook(self, name: str) -> None:
        execution = self.executions.pop(name, None)
        if execution is None:
            raise InvariantError(f"Execution {name} is corrected or busted, but it does not stand in the books.")
        self._count(execution, -1)

    def _count(self, execution: Execution, sign: int) -> None:
        signed = execution.quantity * int(execution.side) * sign
        self.positions[execution.strategy, execution.symbol] += signed
        self.filled[execution.client_order_id] += execution.quantity * sign
        got = -signed * execution.price - execution.commission * sign
        self.cash += got
        self.paid[execution.strategy] += got
        self.fees += execution.commission * sign

    def _ended(self, fact: Any) -> None:
        name = fact.client_order_id
        if name not in self.intended:
            raise InvariantError(f"{fact.kind} names {name}, which was never intended.")
        self.ended[name] = fact.kind

    def _cash_moved(self, fact: Any) -> None:
        self.cash += fact.amount

    def _gap(self, *, is_open: bool) -> None:
        self.is_gap_open = is_open
