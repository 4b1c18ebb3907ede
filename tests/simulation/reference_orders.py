"""The nouns of the slow reference market: exact numbers, bars, orders and brackets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

CENT = Fraction(1, 100)
NEVER = 2**63 - 1
WORKING, FILLED, CANCELED, EXPIRED, REJECTED = "WORKING", "FILLED", "CANCELED", "EXPIRED", "REJECTED"
ON_OPEN = ("MARKET_ON_OPEN", "LIMIT_ON_OPEN")
ON_CLOSE = ("MARKET_ON_CLOSE", "LIMIT_ON_CLOSE")
STOPS = ("STOP", "STOP_LIMIT", "TRAILING_STOP")

# what happens at one time, in this order; orders for an auction at the open outlive the arrivals at that time
EXPIRY, SESSION, ARRIVAL, AFTER_AUCTION = range(4)


def moment(text: str) -> int:
    """Return whole microseconds since 1970."""
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1)


def day_of(time: int) -> int:
    return time // 86_400_000_000


def number(text: Any) -> Fraction | None:
    return None if text is None else Fraction(str(text))


def half_up(amount: Fraction, unit: Fraction = CENT) -> Fraction:
    """Round half-up, away from zero."""
    whole = math.floor(abs(amount) / unit + Fraction(1, 2)) * unit
    return whole if amount >= 0 else -whole


def cut(quantity: Fraction, step: Fraction) -> Fraction:
    return math.floor(quantity / step) * step


def square_root(value: Fraction) -> Fraction:
    with localcontext() as context:
        context.prec = 60
        return Fraction((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


def text(value: Fraction) -> str:
    with localcontext() as context:
        context.prec = 60
        return format(Decimal(value.numerator) / Decimal(value.denominator), "f")


@dataclass(eq=False)
class Bar:
    start: int
    end: int
    open: Fraction
    high: Fraction
    low: Fraction
    close: Fraction
    volume: Fraction


@dataclass(eq=False)
class Bracket:
    """An entry and its children; `work` is what the children work for."""

    entry: Order
    work: Fraction = Fraction(0)
    stop: Order | None = None
    target: Order | None = None

    def children(self) -> list[Order]:
        return [child for child in (self.stop, self.target) if child is not None]


@dataclass(eq=False)
class LastFill:
    """How an entry filled in one bar."""

    bar: Bar
    market_price: Fraction
    inside_by_stop: Fraction = Fraction(0)
    inside_otherwise: Fraction = Fraction(0)


@dataclass(eq=False)
class Order:
    name: str
    symbol: str
    buys: bool
    kind: str
    time_in_force: str | None
    quantity: Fraction
    limit: Fraction | None
    stop: Fraction | None
    trail_amount: Fraction | None
    trail_percent: Fraction | None
    expire_at: int
    group: str | None
    decided: int
    submitted: int  # arrival of the submit
    arrival: int
    rank: int
    status: str = WORKING
    reason: str = ""
    filled: Fraction = Fraction(0)
    value: Fraction = Fraction(0)
    arrived: bool = False
    dormant: bool = False
    triggered: bool = False
    extreme: Fraction | None = None
    auction: int = NEVER
    day_end: int = NEVER
    bracket: Bracket | None = None  # of an entry
    parent: Bracket | None = None  # of a child
    woken_at_open_of: Bar | None = None
    woken_inside: Bar | None = None
    rests_in: Bar | None = None
    last_fill: LastFill | None = None

    @property
    def sign(self) -> int:
        return 1 if self.buys else -1

    @property
    def alive(self) -> bool:
        return self.status == WORKING

    @property
    def leaves(self) -> Fraction:
        if self.parent is not None:
            return Fraction(0) if self.dormant else self.parent.work
        return self.quantity - self.filled

    @property
    def is_stop(self) -> bool:
        return self.kind in STOPS and not self.triggered

    @property
    def is_limit(self) -> bool:
        return self.kind == "LIMIT" or (self.kind == "STOP_LIMIT" and self.triggered)

    @property
    def is_market(self) -> bool:
        return self.kind == "MARKET" or (self.kind in ("STOP", "TRAILING_STOP") and self.triggered)

    @property
    def slips(self) -> bool:
        return self.kind in ("MARKET", "STOP", "TRAILING_STOP", "MARKET_ON_OPEN", "MARKET_ON_CLOSE")

    @property
    def immediate(self) -> bool:
        return self.time_in_force in ("IOC", "FOK")

    @property
    def deadline(self) -> tuple[int, int]:
        if self.kind in ON_OPEN:
            return self.auction, AFTER_AUCTION
        if self.kind in ON_CLOSE:
            return self.auction, EXPIRY
        if self.time_in_force == "GTD":
            return self.expire_at, EXPIRY
        return (NEVER if self.dormant or self.time_in_force == "GTC" else self.day_end), EXPIRY
