"""What happens to an order: what was intended, denied, sent, answered, filled, ended, lost and found.

Denied is by us, rejected by the venue. What a live link can do to an order's life has facts of its own: a request whose
outcome nobody reported, a cancel or replace that the venue refused, an order found at the broker.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from tapeline.domain import require
from tapeline.domain.errors import InputError
from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.reports import Request
from tapeline.domain.words import Limit, OrderStatus, Purpose, Reason, Side, Stage, TimeInForce
from tapeline.ledger.control_facts import Tree


@dataclass(frozen=True, slots=True)
class OrderIntended:
    """An order that is about to be sent.

    signal_id : the signal it came from, None for orders that no rule asked for (flat before the close)
    sizing : what the quantity was computed from, such as equity, price, stop, risk, wanted, limit
    instruction_id : shared by the cancels and orders that are one instruction (a scale-out), else None
    """

    kind: ClassVar[str] = "OrderIntended"
    schema: ClassVar[int] = 1
    order: Order
    signal_id: str | None = None
    sizing: Tree | None = None
    instruction_id: str | None = None

    @property
    def event_time_ns(self) -> int:
        """The decision time."""
        return self.order.decision_time_ns

    @property
    def client_order_id(self) -> str:
        """Our name for the order."""
        return self.order.client_order_id

    @property
    def symbol(self) -> str:
        """What it trades."""
        return self.order.symbol


@dataclass(frozen=True, slots=True)
class CancelIntended:
    """A cancel that is about to be sent."""

    kind: ClassVar[str] = "CancelIntended"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    sequence: int = 0
    purpose: Purpose | None = None
    signal_id: str | None = None
    instruction_id: str | None = None


@dataclass(frozen=True, slots=True)
class ReplaceIntended:
    """A replace that is about to be sent: the new total quantity and terms; None leaves a term as it is."""

    kind: ClassVar[str] = "ReplaceIntended"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    sequence: int = 0
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None
    time_in_force: TimeInForce | None = None
    expire_time_ns: int | None = None
    purpose: Purpose | None = None
    signal_id: str | None = None
    instruction_id: str | None = None

    def __post_init__(self) -> None:
        for name in ("quantity", "limit_price", "stop_price", "trail_amount", "trail_percent"):
            value = getattr(self, name)
            if value is not None:
                require.above_zero(value, name, "Replace of", self.client_order_id)


@dataclass(frozen=True, slots=True)
class OrderDenied:
    """A wish that our own risk gate refused; it never became an order and no OrderIntended stands before it.

    client_order_id : the id it would have had; wanted_quantity : before limits, None where it had none
    limit : the bound that refused it; reason : the sentence with value and bound
    """

    kind: ClassVar[str] = "OrderDenied"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    strategy: str
    symbol: str
    side: Side
    reason: str
    limit: Limit = Limit.NONE
    purpose: Purpose = Purpose.ENTRY
    wanted_quantity: Decimal | None = None
    signal_id: str | None = None
    sizing: Tree | None = None
    account: str = "main"


@dataclass(frozen=True, slots=True)
class ReplaceDenied:
    """A replace that our own risk gate refused; it was never intended, and its order stays as it is.

    reason : the sentence with value and bound; limit_price, stop_price, quantity : what was wanted, None = left alone
    """

    kind: ClassVar[str] = "ReplaceDenied"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    reason: str
    limit: Limit = Limit.NONE
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    purpose: Purpose | None = None
    signal_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderAccepted:
    """The venue has the order, under a name of its own where it gives one."""

    kind: ClassVar[str] = "OrderAccepted"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    venue_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderTriggered:
    """A stop was reached; what it is now depends on its type."""

    kind: ClassVar[str] = "OrderTriggered"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    stage: Stage = Stage.CLOCK


@dataclass(frozen=True, slots=True)
class OrderReplaced:
    """The order has new terms, as asked or by a corporate action: what holds from now on, whole.

    quantity : the new total; leaves_quantity : what is still open of it
    """

    kind: ClassVar[str] = "OrderReplaced"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    quantity: Decimal
    leaves_quantity: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None
    time_in_force: TimeInForce | None = None
    expire_time_ns: int | None = None
    reason: Reason = Reason.REQUESTED

    def __post_init__(self) -> None:
        require.above_zero(self.quantity, "quantity", "Replaced order", self.client_order_id)
        require.not_below_zero(self.leaves_quantity, "leaves_quantity", "Replaced order", self.client_order_id)


@dataclass(frozen=True, slots=True)
class OrderCanceled:
    """What was open of the order is withdrawn, and why."""

    kind: ClassVar[str] = "OrderCanceled"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    reason: Reason = Reason.REQUESTED
    stage: Stage = Stage.CLOCK


@dataclass(frozen=True, slots=True)
class OrderRejected:
    """The venue refused the order; `text` is what it said, if anything."""

    kind: ClassVar[str] = "OrderRejected"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    reason: Reason = Reason.NONE
    text: str = ""


@dataclass(frozen=True, slots=True)
class OrderExpired:
    """The order's time in force has run out."""

    kind: ClassVar[str] = "OrderExpired"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    stage: Stage = Stage.CLOCK


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """An execution. leaves_quantity is what is still open of its order; zero means it is FILLED."""

    kind: ClassVar[str] = "OrderFilled"
    schema: ClassVar[int] = 1
    execution: Execution
    leaves_quantity: Decimal

    def __post_init__(self) -> None:
        require.not_below_zero(self.leaves_quantity, "leaves_quantity", "Execution", self.execution_id)

    @property
    def event_time_ns(self) -> int:
        """When it was executed; in a replay, the end of its bar."""
        return self.execution.event_time_ns

    @property
    def client_order_id(self) -> str:
        """The order that it filled."""
        return self.execution.client_order_id

    @property
    def execution_id(self) -> str:
        """The key by which it is booked once."""
        return self.execution.execution_id

    @property
    def symbol(self) -> str:
        """What was traded."""
        return self.execution.symbol


@dataclass(frozen=True, slots=True)
class OutcomeLost:
    """A request was sent and nobody knows what became of it: the order is UNKNOWN, which counts as exposure.

    request : what was sent; text : what went wrong
    """

    kind: ClassVar[str] = "OutcomeLost"
    schema: ClassVar[int] = 1
    event_time_ns: int
    client_order_id: str
    request: Request
    text: str = ""


@dataclass(frozen=True, slots=True)
class CancelRejected:
    """The cancel of an order is refused (FIX 35=9).

    status : what the venue says the order is now (FIX 39), None where it does not say; text : what else it said
    reason : NEVER_ARRIVED where it is our own word, of a cancel that never left; NONE where it is the venue's
    """

    kind: ClassVar[str] = "CancelRejected"
    schema: ClassVar[int] = 2
    event_time_ns: int
    client_order_id: str
    status: OrderStatus | None = None
    text: str = ""
    reason: Reason = Reason.NONE


@dataclass(frozen=True, slots=True)
class ReplaceRejected:
    """The replace of an order is refused, whose terms stay (FIX 35=9); fields as in `CancelRejected`."""

    kind: ClassVar[str] = "ReplaceRejected"
    schema: ClassVar[int] = 2
    event_time_ns: int
    client_order_id: str
    status: OrderStatus | None = None
    text: str = ""
    reason: Reason = Reason.NONE


@dataclass(frozen=True, slots=True)
class OrderAdopted:
    """An order found working at the venue that these books did not expect there.

    It bears the strategy `external` (`domain/reports.py`) if none of ours asked for it; it may also be one of ours
    whose intent is not in this journal, or that was taken for ended.

    order : with its total quantity
    filled_quantity : what of it was done before and is booked by no execution: these books do not have its position
    """

    kind: ClassVar[str] = "OrderAdopted"
    schema: ClassVar[int] = 1
    event_time_ns: int
    order: Order
    venue_order_id: str | None = None
    filled_quantity: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        owner = ("Adopted order", self.client_order_id)
        require.a_time(self.event_time_ns, "event_time_ns", *owner)
        require.not_below_zero(self.filled_quantity, "filled_quantity", *owner)
        if self.filled_quantity >= self.order.quantity:
            raise InputError(
                f"Adopted order {self.client_order_id}: {self.filled_quantity} of {self.order.quantity} are filled, "
                f"so it does not work any more. Book its executions."
            )

    @property
    def client_order_id(self) -> str:
        """The name under which the books keep it."""
        return self.order.client_order_id

    @property
    def symbol(self) -> str:
        """What it trades."""
        return self.order.symbol
