"""Executions: the reports that trade."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tapeline.domain import require
from tapeline.domain.words import Side, Stage


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill of one order, in raw price.

    execution_id : the key by which a fill is booked once and only once (FIX 17)
    quantity : unsigned; the side has the sign
    price : per unit, slippage and rounding to the tick included
    commission : everything the execution cost, fees included; negative when the venue pays
    stage : when within the bar that ends at `event_time_ns`; CLOCK for venues that do not trade by bars
    """

    execution_id: str
    client_order_id: str
    strategy: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    commission: Decimal
    event_time_ns: int
    stage: Stage = Stage.CLOCK
    account: str = "main"

    def __post_init__(self) -> None:
        require.a_name(self.execution_id, "execution_id", "Execution")
        require.a_name(self.client_order_id, "client_order_id", "Execution", self.execution_id)
        require.a_name(self.strategy, "strategy", "Execution", self.execution_id)
        require.a_name(self.symbol, "symbol", "Execution", self.execution_id)
        require.above_zero(self.quantity, "quantity", "Execution", self.execution_id)
        require.above_zero(self.price, "price", "Execution", self.execution_id)
        require.finite(self.commission, "commission", "Execution", self.execution_id)
        require.a_time(self.event_time_ns, "event_time_ns", "Execution", self.execution_id)

    @property
    def signed_quantity(self) -> Decimal:
        """The change of the position."""
        return self.quantity if self.side is Side.BUY else self.quantity.copy_negate()
