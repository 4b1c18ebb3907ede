"""The venue's own books: what it executed, and what the account has of it. Whole shares, cents, and ten-thousandths.

Nothing here is shared with the ledger: what two books agree on must have been computed twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tapeline.domain.execution import Execution
from tapeline.domain.execution_id import name_of
from tapeline.domain.reports import EXTERNAL
from tapeline.domain.words import Side

FEE_PER_SHARE = 50
"""In ten-thousandths of the currency: half a cent."""
FEE_MIN = 10_000
"""In ten-thousandths of the currency: 1.00 for an execution, a usual floor of US brokers."""
PARTS_PER_CENT = 100


@dataclass(slots=True)
class VenueExecution:
    """An execution as the venue has it now.

    quantity : shares; price : cents; fee : ten-thousandths
    standing : False once it was taken back; told : its form for the port, made once
    """

    execution_id: str
    client_order_id: str
    symbol: str
    side: Side
    quantity: int
    price: int
    fee: int
    time_ns: int
    corrections: int = 0
    standing: bool = True
    told: Execution | None = None

    @property
    def key(self) -> str:
        """The name of its present version: each correction gives it another one."""
        return name_of(self.execution_id, self.corrections + 1)

    @property
    def keys(self) -> set[str]:
        """The names of all its versions."""
        return {name_of(self.execution_id, number + 1) for number in range(self.corrections + 1)}

    def as_execution(self) -> Execution:
        """Return it as the broker port tells it; whose order it was is not the venue's knowledge."""
        if self.told is None:
            self.told = Execution(
                self.key,
                self.client_order_id,
                EXTERNAL,
                self.symbol,
                self.side,
                Decimal(self.quantity),
                in_currency(self.price * PARTS_PER_CENT),
                in_currency(self.fee),
                self.time_ns,
            )
        return self.told


class VenueAccount:
    """Cash and shares of the one account, and every execution that made them.

    cash : ten-thousandths; shares : signed, by symbol
    """

    def __init__(self, deposit: int) -> None:
        self.deposit = deposit
        self.cash = deposit
        self.shares: dict[str, int] = defaultdict(int)
        self.executions: dict[str, VenueExecution] = {}
        self._said: dict[str, tuple[Any, ...]] = {}

    def execute(self, order_id: str, symbol: str, side: Side, quantity: int, price: int, now_ns: int) -> VenueExecution:
        """Book a new execution under the next number, which is never given again."""
        name = f"E{len(self.executions) + 1}"
        fee = max(FEE_MIN, quantity * FEE_PER_SHARE)
        made = VenueExecution(name, order_id, symbol, side, quantity, price, fee, now_ns)
        self.executions[name] = made
        self._book(made, 1)
        return made

    def correct(self, execution: VenueExecution, price: int) -> None:
        """Give an execution another price."""
        self._book(execution, -1)
        execution.price, execution.told = price, None
        execution.corrections += 1
        self._book(execution, 1)

    def bust(self, execution: VenueExecution) -> None:
        """Take an execution back, its fee included."""
        self._book(execution, -1)
        execution.standing = False

    def since(self, time_ns: int) -> tuple[Execution, ...]:
        """Return what stands of the executions from a moment on."""
        return tuple([execution.as_execution() for execution in reversed(self.recent(time_ns))])

    def made(self, execution: Execution) -> bool:
        """Return whether the venue ever said just this, in this or in an earlier version."""
        return self._said.get(execution.execution_id) == _content(execution)

    @property
    def cash_amount(self) -> Decimal:
        """The cash as an exact amount."""
        return in_currency(self.cash)

    def recent(self, since_ns: int) -> list[VenueExecution]:
        """Return what stands and was executed from a moment on, newest first."""
        found = []
        for execution in reversed(self.executions.values()):
            if execution.time_ns < since_ns:
                break
            if execution.standing:
                found.append(execution)
        return found

    def held(self) -> dict[str, Decimal]:
        """Return the signed quantities by symbol, flat ones left out."""
        return {symbol: Decimal(count) for symbol, count in sorted(self.shares.items()) if count}

    def _book(self, execution: VenueExecution, sign: int) -> None:
        signed = sign * int(execution.side) * execution.quantity
        self.shares[execution.symbol] += signed
        self._said[execution.key] = _content(execution.as_execution())
        self.cash -= signed * execution.price * PARTS_PER_CENT + sign * execution.fee


def _content(execution: Execution) -> tuple[Any, ...]:
    return (
        execution.client_order_id,
        execution.symbol,
        execution.side,
        execution.quantity,
        execution.price,
        execution.commission,
    )


def in_currency(parts: int) -> Decimal:
    """Return ten-thousandths as an exact amount."""
    return Decimal(parts).scaleb(-4)
