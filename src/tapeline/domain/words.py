"""The field's words for orders, as numbers that kernels and the journal share.

Every member's value is stable: the journal stores the *name*, compiled kernels use the *value*.
The words are those of FIX (tags 54, 40, 59, 39); DENIED and UNKNOWN are ours: denied is refused by our
own risk gate, rejected is refused by the venue, unknown is an order whose outcome nobody has told us.
"""

from __future__ import annotations

from enum import IntEnum


class Side(IntEnum):
    """FIX 54. The value is the sign of the position change."""

    BUY = 1
    SELL = -1

    @property
    def opposite(self) -> Side:
        return Side(-self.value)


class OrderType(IntEnum):
    """FIX 40, with the auction types spelled out."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    TRAILING_STOP = 5
    MARKET_ON_OPEN = 6
    LIMIT_ON_OPEN = 7
    MARKET_ON_CLOSE = 8
    LIMIT_ON_CLOSE = 9


class TimeInForce(IntEnum):
    """FIX 59. AUCTION belongs to on-open and on-close orders, whose life the auction itself bounds."""

    DAY = 0
    GTC = 1
    GTD = 2
    IOC = 3
    FOK = 4
    AUCTION = 5


class OrderStatus(IntEnum):
    """FIX 39. Everything below FILLED is working: it counts as exposure."""

    PENDING_NEW = 0
    NEW = 1
    TRIGGERED = 2
    PARTIALLY_FILLED = 3
    PENDING_CANCEL = 4
    PENDING_REPLACE = 5
    UNKNOWN = 6
    FILLED = 10
    CANCELED = 11
    REJECTED = 12
    DENIED = 13
    EXPIRED = 14

    @property
    def is_working(self) -> bool:
        return self < OrderStatus.FILLED


class Reason(IntEnum):
    """Why an order ended without filling all of its quantity (spec: how the simulated market fills).

    NEVER_ARRIVED is our own conclusion: the request was lost and the venue, asked after all the time a request may
    take, does not know the order.
    """

    NONE = 0
    REQUESTED = 1
    ONE_CANCELS_OTHER = 2
    IMMEDIATE = 3
    EXIT = 4
    NO_ENTRY = 5
    INSUFFICIENT_CASH = 6
    INSUFFICIENT_BUYING_POWER = 7
    SHORT_NOT_ALLOWED = 8
    CORPORATE_ACTION = 9
    TOO_LATE = 10
    NEVER_ARRIVED = 11

    @property
    def word(self) -> str:
        """The reason as users and conformance cases write it; empty for NONE."""
        return "" if self is Reason.NONE else self.name.lower()


class Stage(IntEnum):
    """When within a bar something happened. CLOCK is outside any bar: expiries, cancels, debits."""

    CLOCK = 0
    OPEN = 1
    INSIDE = 2
    CLOSE = 3


class Role(IntEnum):
    """What an order is within its bracket."""

    SINGLE = 0
    ENTRY = 1
    STOP = 2
    TARGET = 3


class EventKind(IntEnum):
    """What an order or an account event reports. FILL is the one that trades."""

    ACCEPTED = 1
    TRIGGERED = 2
    FILL = 3
    REPLACED = 4
    CANCELED = 5
    REJECTED = 6
    EXPIRED = 7
    BORROW = 20
    INTEREST = 21
    DIVIDEND = 22
    SPLIT = 23
    FRACTION_PAID = 24


class Purpose(IntEnum):
    """What a strategy wants an order for. The purpose that closes a round trip is its exit reason."""

    ENTRY = 1
    STOP = 2
    TARGET = 3
    EXIT_RULE = 4
    FLAT_BEFORE_CLOSE = 5
    SCALE_OUT = 6
    LOSS_LIMIT = 7
    FLATTEN = 8

    @property
    def word(self) -> str:
        return self.name.lower()


class IntentKind(IntEnum):
    """What the decision kernel asks for. DENIED is a wish that our own limits refused."""

    SUBMIT = 1
    CANCEL = 2
    REPLACE = 3
    DENIED = 4


class Limit(IntEnum):
    """The limit that cut or refused a quantity; OWN_RULE is the strategy's, whose signal tells more."""

    NONE = 0
    POSITION = 1
    GROSS = 2
    NET = 3
    RISK_PER_TRADE = 4
    POSITIONS = 5
    CASH = 6
    NO_STOP = 7
    BELOW_ONE_STEP = 8
    OWN_RULE = 9
    SHORT = 10
    SECTOR = 11
    OPEN_RISK = 12
    TRADES_PER_DAY = 13
    LOSS_PER_DAY = 14
    DRAWDOWN_PER_DAY = 15
    LOSSES_IN_ROW = 16
    REWARD_RISK = 17
    STALE_PRICE = 18
    TRADING_STATE = 19
    DOUBT = 20
    UNKNOWN_SYMBOL = 21
    LOT = 22
    TICK = 23
    COLLAR = 24
    CLOSED_MARKET = 25
    HALTED_SYMBOL = 26
    ORDER_NOTIONAL = 27
    OPPOSITE_ORDER = 28
    DUPLICATE = 29
    ORDER_RATE = 30
    SETTLED_CASH = 31
    SHORT_AVAILABILITY = 32
    DAY_TRADES = 33
    WASH_SALE = 34

    @property
    def word(self) -> str:
        return "" if self is Limit.NONE else self.name.lower()
