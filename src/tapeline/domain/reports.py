"""What passes the broker port besides facts: questions, their answers, and news of the link.

A venue is asked, never trusted to have told everything. Each question has a number, and its answer bears it; an
answer that does not come is asked for again under a new number, so a late one can do no harm.

    QUESTION                        ANSWER
    ORDER, by client order id       OrderAnswered       the order, or None: the venue does not know it
    OPEN_ORDERS                     OpenOrdersAnswered  every order that works there
    EXECUTIONS, since a time        ExecutionsAnswered  every execution since
    POSITIONS                       PositionsAnswered   what the account holds, by symbol
    CASH                            CashAnswered        what the account has
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from tapeline.domain import require
from tapeline.domain.errors import InputError
from tapeline.domain.execution import Execution
from tapeline.domain.words import OrderStatus, OrderType, Reason, Side, TimeInForce

EXTERNAL = "external"
"""The strategy under which the books keep orders and executions that none of ours asked for."""


class Question(IntEnum):
    """What a broker can be asked."""

    ORDER = 1
    OPEN_ORDERS = 2
    EXECUTIONS = 3
    POSITIONS = 4
    CASH = 5


class Request(IntEnum):
    """What a broker can be told to do."""

    SUBMIT = 1
    CANCEL = 2
    REPLACE = 3


@dataclass(frozen=True, slots=True)
class Query:
    """One question.

    query_id : its number, never used again by the process that asks
    client_order_id : of an ORDER question; since_ns : of an EXECUTIONS question, that moment included
    """

    query_id: int
    question: Question
    client_order_id: str | None = None
    since_ns: int | None = None

    def __post_init__(self) -> None:
        if (self.question is Question.ORDER) != (self.client_order_id is not None):
            raise InputError(
                f"Question {self.query_id} for {self.question.name}: only an ORDER question names an order, and it "
                f"must; found {self.client_order_id!r}."
            )
        if (self.question is Question.EXECUTIONS) != (self.since_ns is not None):
            raise InputError(
                f"Question {self.query_id} for {self.question.name}: only an EXECUTIONS question has a time to begin "
                f"at, and it must; found {self.since_ns!r}."
            )


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the venue has it.

    client_order_id : the name it was sent under, or one that the adapter derives from the venue's own for an
        order that was sent without; always the same one
    quantity, filled_quantity : the total, and what of it is done
    status : in our words; a final one if it has ended
    """

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    filled_quantity: Decimal
    status: OrderStatus
    event_time_ns: int
    time_in_force: TimeInForce = TimeInForce.DAY
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None

    def __post_init__(self) -> None:
        owner = ("Venue order", self.client_order_id)
        require.a_name(self.client_order_id, "client_order_id", *owner)
        require.a_name(self.symbol, "symbol", *owner)
        require.above_zero(self.quantity, "quantity", *owner)
        require.not_below_zero(self.filled_quantity, "filled_quantity", *owner)
        require.a_time(self.event_time_ns, "event_time_ns", *owner)

    @property
    def leaves_quantity(self) -> Decimal:
        """What is still open of it; zero once it has ended."""
        return self.quantity - self.filled_quantity if self.status.is_working else Decimal(0)


@dataclass(frozen=True, slots=True)
class OrderAnswered:
    """The order that was asked for by its client order id, or None: the venue does not know it."""

    event_time_ns: int
    query_id: int
    client_order_id: str
    order: VenueOrder | None


@dataclass(frozen=True, slots=True)
class OpenOrdersAnswered:
    """Every order that worked at the venue at that time."""

    event_time_ns: int
    query_id: int
    orders: tuple[VenueOrder, ...]


@dataclass(frozen=True, slots=True)
class ExecutionsAnswered:
    """Every execution from `since_ns` on that the venue knew at that time; of a corrected one its last form."""

    event_time_ns: int
    query_id: int
    since_ns: int
    executions: tuple[Execution, ...]


@dataclass(frozen=True, slots=True)
class PositionsAnswered:
    """What the account held at that time: signed quantities by symbol, flat ones left out."""

    event_time_ns: int
    query_id: int
    quantities: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class CashAnswered:
    """What cash the account had at that time; negative is debt."""

    event_time_ns: int
    query_id: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class OrderEnded:
    """An order was canceled or has expired, and how much of it had filled by then (FIX CumQty).

    The report of a fill may be lost or overtaken by that of the end. So an end is not one of the books before its
    executions are in them.

    status : CANCELED or EXPIRED; reason : of a cancel
    """

    event_time_ns: int
    client_order_id: str
    status: OrderStatus
    filled_quantity: Decimal
    reason: Reason = Reason.REQUESTED


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """A request whose outcome nobody knows: it may have arrived, or may still arrive. `text` says what went wrong."""

    event_time_ns: int
    request: Request
    client_order_id: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class LinkLost:
    """Nothing comes or goes until the link is restored; what happens at the venue meanwhile is not reported later."""

    event_time_ns: int
    cause: str


@dataclass(frozen=True, slots=True)
class LinkRestored:
    """Messages pass again. What happened in between must be asked for."""

    event_time_ns: int


Answer = OrderAnswered | OpenOrdersAnswered | ExecutionsAnswered | PositionsAnswered | CashAnswered
Report = Answer | OrderEnded | RequestFailed | LinkLost | LinkRestored
"""What a broker tells that is no fact of the journal by itself."""
