"""Orders: what we ask of a venue, under a name that can be derived again.

An order is its terms; what happens to it are facts of the journal, and its status is their sum
(`order_states`). The client order id is a pure function of the decision, so a process that restarts
derives the same id, finds it in the journal or at the broker, and sends nothing twice:

    Reversal-AAPL-20180216T143000-3-1
    strategy symbol decision time sequence attempt

Ids are at most 48 characters, the shortest limit among the brokers. Names that do not fit, or have
characters outside letters, digits, dot and underscore, are cut and followed by ~ and ten hexadecimal
digits of the SHA-256 of both names, which no plain name can imitate.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import product

from tapeline.domain import require
from tapeline.domain.errors import InputError
from tapeline.domain.times import SECOND, to_iso
from tapeline.domain.words import OrderType, Purpose, Role, Side, TimeInForce

CLIENT_ORDER_ID_LENGTH_MAX = 48
SEQUENCE_MAX = 999_999
ATTEMPT_MAX = 999

_PLAIN_NAME = re.compile(r"[A-Za-z0-9._]+")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._]+")
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_DIGEST_LENGTH = 10


def client_order_id(strategy: str, symbol: str, decision_time_ns: int, sequence: int, attempt: int = 1) -> str:
    """Derive the id of an order from its decision: the same decision gives the same id, always.

    sequence : number of the order among those of its decision time, 0 to 999,999
    attempt : 1 for the first sending, higher for what is sent anew or as a further part, up to 999; 0 names an order
        that is worked in parts and never sent as a whole
    """
    if not 0 <= sequence <= SEQUENCE_MAX:
        raise InputError(f"Order sequence {sequence} is outside 0 to {SEQUENCE_MAX:,}.")
    if not 0 <= attempt <= ATTEMPT_MAX:
        raise InputError(f"Order attempt {attempt} is outside 0 to {ATTEMPT_MAX}.")
    tail = f"{_moment(int(decision_time_ns))}-{sequence}-{attempt}"
    head = _names(strategy, symbol, CLIENT_ORDER_ID_LENGTH_MAX - len(tail) - 1)
    return f"{head}-{tail}"


@lru_cache(maxsize=64)
def _moment(time_ns: int) -> str:
    require.a_time(time_ns, "decision time", "Order")
    seconds, nanos = divmod(time_ns, SECOND)
    text = to_iso(seconds * SECOND).rstrip("Z").replace("-", "").replace(":", "")
    if not nanos:
        return text
    digits = ""
    while nanos:
        nanos, digit = divmod(nanos, 36)
        digits = _BASE36[digit] + digits
    return f"{text}.{digits}"


@lru_cache(maxsize=8192)
def _names(strategy: str, symbol: str, room: int) -> str:
    require.a_name(strategy, "strategy", "Order")
    require.a_name(symbol, "symbol", "Order of", strategy)
    if len(strategy) + len(symbol) + 1 <= room and _PLAIN_NAME.fullmatch(strategy) and _PLAIN_NAME.fullmatch(symbol):
        return f"{strategy}-{symbol}"
    # The length in front keeps ("ab", "c") and ("a", "bc") apart.
    digest = hashlib.sha256(f"{len(strategy)}:{strategy}{symbol}".encode("utf-8", "surrogatepass")).hexdigest()
    readable = f"{_NOT_PLAIN.sub('_', symbol)}.{_NOT_PLAIN.sub('_', strategy)}"[: room - _DIGEST_LENGTH - 1]
    return f"{readable}~{digest[:_DIGEST_LENGTH]}"


_PRICES = ("limit_price", "stop_price", "trail_amount", "trail_percent")
# Which of them an order has, by whether each is there: asked for every order of a journal, so it is looked up.
_GIVEN = {
    are_there: tuple(name for name, is_there in zip(_PRICES, are_there, strict=True) if is_there)
    for are_there in product((False, True), repeat=len(_PRICES))
}
# The prices that an order type must have, and all others must be absent; a trail is one of two.
_NEEDS: dict[OrderType, tuple[tuple[str, ...], ...]] = {
    OrderType.MARKET: ((),),
    OrderType.LIMIT: (("limit_price",),),
    OrderType.STOP: (("stop_price",),),
    OrderType.STOP_LIMIT: (("limit_price", "stop_price"),),
    OrderType.TRAILING_STOP: (("trail_amount",), ("trail_percent",)),
    OrderType.MARKET_ON_OPEN: ((),),
    OrderType.LIMIT_ON_OPEN: (("limit_price",),),
    OrderType.MARKET_ON_CLOSE: ((),),
    OrderType.LIMIT_ON_CLOSE: (("limit_price",),),
}
_AUCTION_TYPES = frozenset(
    {OrderType.MARKET_ON_OPEN, OrderType.LIMIT_ON_OPEN, OrderType.MARKET_ON_CLOSE, OrderType.LIMIT_ON_CLOSE}
)
_AUCTION, _GTD = TimeInForce.AUCTION, TimeInForce.GTD
_CHILDREN = (Role.STOP, Role.TARGET)
_STOP_TYPES = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


@dataclass(frozen=True, slots=True)
class Order:
    """The terms of one order, in raw prices.

    client_order_id : our name for it (FIX 11), see `client_order_id`
    strategy : who asked for it
    decision_time_ns : end of the slice whose decision it is
    sequence : its number among the instructions of that decision; what arrives together acts in this order
    purpose : what the strategy wants it for; that of the order which closes a round trip is its exit reason
    trail_percent : percent of the extreme, above 0 and below 100
    expire_time_ns : end of a GTD order, else None
    role, parent, group : its part in a bracket, the client order id of the entry, and the name that the
        members of one one-cancels-other group share
    account : the account it trades for
    """

    client_order_id: str
    strategy: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    decision_time_ns: int
    sequence: int = 0
    time_in_force: TimeInForce = TimeInForce.GTC
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None
    expire_time_ns: int | None = None
    purpose: Purpose = Purpose.ENTRY
    role: Role = Role.SINGLE
    parent: str | None = None
    group: str | None = None
    account: str = "main"

    def __post_init__(self) -> None:
        if not 0 < len(self.client_order_id) <= CLIENT_ORDER_ID_LENGTH_MAX:
            raise InputError(
                f"Client order id {self.client_order_id!r} has {len(self.client_order_id)} characters; "
                f"1 to {CLIENT_ORDER_ID_LENGTH_MAX} are possible."
            )
        require.a_name(self.strategy, "strategy", "Order", self.client_order_id)
        require.a_name(self.symbol, "symbol", "Order", self.client_order_id)
        require.above_zero(self.quantity, "quantity", "Order", self.client_order_id)
        require.a_time(self.decision_time_ns, "decision_time_ns", "Order", self.client_order_id)
        self._check_prices()
        self._check_time_in_force()
        if (self.parent is not None) != (self.role in _CHILDREN):
            raise InputError(
                f"Order {self.client_order_id}: role {self.role.name} with parent {self.parent!r}; "
                f"STOP and TARGET name the entry they belong to, others name none."
            )

    def _check_prices(self) -> None:
        given = _GIVEN[
            self.limit_price is not None,
            self.stop_price is not None,
            self.trail_amount is not None,
            self.trail_percent is not None,
        ]
        for name in given:
            require.above_zero(getattr(self, name), name, "Order", self.client_order_id)
        if given not in _NEEDS[self.order_type]:
            needed = " or ".join(" and ".join(names) or "no price" for names in _NEEDS[self.order_type])
            raise InputError(
                f"Order {self.client_order_id}: {self.order_type.name} needs {needed}, "
                f"found {' and '.join(given) or 'none'}."
            )
        if self.trail_percent is not None and self.trail_percent >= 100:
            raise InputError(f"Order {self.client_order_id}: trail_percent {self.trail_percent} must be below 100.")

    def _check_time_in_force(self) -> None:
        if (self.time_in_force is _AUCTION) != (self.order_type in _AUCTION_TYPES):
            raise InputError(
                f"Order {self.client_order_id}: {self.order_type.name} with time in force "
                f"{self.time_in_force.name}; AUCTION goes with on-open and on-close orders, and only there."
            )
        if (self.time_in_force is _GTD) != (self.expire_time_ns is not None):
            raise InputError(
                f"Order {self.client_order_id}: time in force {self.time_in_force.name} with expire time "
                f"{self.expire_time_ns}; GTD needs one, others have none."
            )
        if self.expire_time_ns is not None:
            require.a_time(self.expire_time_ns, "expire_time_ns", "Order", self.client_order_id)

    @property
    def signed_quantity(self) -> Decimal:
        """The quantity with the sign of the position change."""
        return self.quantity if self.side is Side.BUY else -self.quantity


@dataclass(frozen=True, slots=True)
class Bracket:
    """An entry with at most one stop and one target of the other side, which form one group.

    The children are dormant until the entry has a fill; they work for what it has filled.
    """

    entry: Order
    stop: Order | None = None
    target: Order | None = None

    def __post_init__(self) -> None:
        name = self.entry.client_order_id
        if self.entry.role is not Role.ENTRY:
            raise InputError(f"Bracket {name}: its entry has the role {self.entry.role.name}, not ENTRY.")
        if self.stop is None and self.target is None:
            raise InputError(f"Bracket {name} has neither stop nor target; send its entry as a single order.")
        for child, role, types in (
            (self.stop, Role.STOP, _STOP_TYPES),
            (self.target, Role.TARGET, frozenset({OrderType.LIMIT})),
        ):
            if child is None:
                continue
            if child.role is not role or child.order_type not in types:
                raise InputError(
                    f"Bracket {name}: its {role.name.lower()} is {child.role.name} of type "
                    f"{child.order_type.name}; possible are {', '.join(sorted(t.name for t in types))}."
                )
            if child.parent != name or child.symbol != self.entry.symbol or child.account != self.entry.account:
                raise InputError(
                    f"Bracket {name}: its {role.name.lower()} {child.client_order_id} belongs to entry "
                    f"{child.parent!r}, symbol {child.symbol}, account {child.account}."
                )
            if child.side is not self.entry.side.opposite:
                raise InputError(f"Bracket {name}: entry and {role.name.lower()} are both {child.side.name}.")
        if self.stop is not None and self.target is not None and self.stop.group != self.target.group:
            raise InputError(
                f"Bracket {name}: stop and target are of different groups, {self.stop.group!r} and "
                f"{self.target.group!r}; they cancel each other only within one."
            )
        if self.stop is not None and self.target is not None and self.stop.group is None:
            raise InputError(f"Bracket {name}: stop and target need a group, so that one cancels the other.")

    @property
    def orders(self) -> tuple[Order, ...]:
        """Entry, stop and target, in the order of their numbers."""
        return tuple(order for order in (self.entry, self.stop, self.target) if order is not None)
