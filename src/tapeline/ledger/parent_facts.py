"""Facts of orders that an execution algorithm works in parts: parent orders and how their children were priced.

    ParentOrderIntended   the order as the strategy wanted it, the algorithm, its plan; journaled before a part leaves
    ChildOrderPriced      the part that leaves next, and the market it is priced by; again when it is repriced
    OrderIntended         that part, an order like any other, with those of its bracket
    ParentOrderHurried    an exit's time is over at once
    ParentOrderStopped    nothing more leaves; what works is called back
    ParentOrderEnded      nothing works any more; the market at that moment

What filled, at what average and with what shortfall are views of these and of executions (`parent_orders.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from tapeline.domain import require
from tapeline.domain.order import Order
from tapeline.domain.parent import ParentEnd, Pricing
from tapeline.domain.words import Purpose

Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ParentOrderIntended:
    """An order that will be worked in parts.

    order : under the id of attempt 0; the k-th part has attempt k
    algorithm, settings : which one, and all of its settings
    plan : what was computed at the decision: start, end and last moment of the window, the curve of a schedule
    decision_price : the last price when the strategy decided
    stop, target : of an entry's bracket, in whole; each part has its own, of its own quantity. stop of an exit : behind
        which what has not left yet waits, None where what it closes had none
    signal_id, sizing, instruction_id : as of `OrderIntended`
    """

    kind: ClassVar[str] = "ParentOrderIntended"
    schema: ClassVar[int] = 1
    order: Order
    algorithm: str
    decision_price: Decimal
    settings: Tree = field(default_factory=dict)
    plan: Tree = field(default_factory=dict)
    stop: Order | None = None
    target: Order | None = None
    signal_id: str | None = None
    sizing: Tree | None = None
    instruction_id: str | None = None

    def __post_init__(self) -> None:
        require.above_zero(self.decision_price, "decision_price", "Parent order", self.client_order_id)

    @property
    def event_time_ns(self) -> int:
        """The decision time."""
        return self.order.decision_time_ns

    @property
    def client_order_id(self) -> str:
        """Its name."""
        return self.order.client_order_id

    @property
    def symbol(self) -> str:
        """What it trades."""
        return self.order.symbol

    @property
    def closes(self) -> bool:
        """Whether it is an exit."""
        return self.order.purpose is not Purpose.ENTRY

    @property
    def bracket(self) -> tuple[Order, ...]:
        """Stop and target that come with an entry."""
        return () if self.closes else tuple(leg for leg in (self.stop, self.target) if leg is not None)


@dataclass(frozen=True, slots=True)
class ChildOrderPriced:
    """A part and the market by which it is priced, before its order is intended or replaced.

    price : middle of the quote, the last price where there is none
    half_spread : of the quote, else what the run's costs assume
    """

    kind: ClassVar[str] = "ChildOrderPriced"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    parent_order_id: str
    pricing: Pricing
    price: Decimal
    half_spread: Decimal

    def __post_init__(self) -> None:
        require.above_zero(self.price, "price", "Child order", self.client_order_id)
        require.not_below_zero(self.half_spread, "half_spread", "Child order", self.client_order_id)


@dataclass(frozen=True, slots=True)
class ParentOrderHurried:
    """The window of an exit is over now, and stays so. text : what made it urgent"""

    kind: ClassVar[str] = "ParentOrderHurried"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ParentOrderStopped:
    """Nothing more is sent for a parent order, and why; purpose : what it was called back for, if it was."""

    kind: ClassVar[str] = "ParentOrderStopped"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    reason: ParentEnd
    purpose: Purpose | None = None


@dataclass(frozen=True, slots=True)
class ParentOrderEnded:
    """No part of a parent order works any more.

    end_price : the middle of the quote then, the last price without one, by which what was left undone is valued
    market_volume : all that was traded from the begin of its window to its end
    market_average_price : the volume-weighted average price of that, None if nothing traded
    """

    kind: ClassVar[str] = "ParentOrderEnded"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    reason: ParentEnd
    end_price: Decimal
    market_volume: Decimal = Decimal(0)
    market_average_price: Decimal | None = None

    def __post_init__(self) -> None:
        require.above_zero(self.end_price, "end_price", "Parent order", self.client_order_id)
        require.not_below_zero(self.market_volume, "market_volume", "Parent order", self.client_order_id)
