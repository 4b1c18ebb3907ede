"""A second tax engine, slow on purpose: every share is an object of its own, and every question is a search.

It knows no lots, queues, heaps or reservations by quantity. A loss is as many losing shares, and each of them looks
through the list of all shares ever acquired for the first one that may replace it. It covers purchases, sales by FIFO,
LIFO and HIFO, short sales, and splits, over taxable and retirement accounts; amounts are Fractions.

A piece is the smallest share there is: one share at first, half a share after a reverse split of 1 for 2. A split of 2
for 1 turns every piece into two.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction

from tapeline.tax.events import Buy, Cover, Event, Sell, Short, StockSplit

WINDOW = timedelta(days=30)


@dataclass(eq=False)
class Piece:
    """One piece of a share, long or short. `place` orders all pieces by acquisition."""

    account: str
    symbol: str
    open_id: str
    order_key: tuple[object, ...]
    acquired: date
    place: tuple[int, ...]
    amount: Fraction
    holding_start: date
    short_id: str | None = None
    deferred: Fraction = Fraction(0)
    is_held: bool = True
    is_used: bool = False
    is_long_term_loss: bool = False


@dataclass(eq=False)
class LosingPiece:
    """One piece sold at a loss and not replaced so far."""

    day: date
    symbol: str
    order_key: tuple[object, ...]
    place: tuple[int, ...]
    holding_start: date
    loss: Fraction
    row: tuple[object, ...]


@dataclass
class Row:
    """Sums of one row."""

    quantity: Fraction = Fraction(0)
    proceeds: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    adjustment: Fraction = Fraction(0)


@dataclass
class OpenShort:
    """A short sale that is still open: pieces left, and how many pieces of stock it may yet reserve."""

    symbol: str
    left: int
    room: int


@dataclass
class SlowEngine:
    """All accounts of a taxpayer, piece by piece."""

    methods: dict[str, str]
    retirement: set[str]
    rows: dict[tuple[object, ...], Row] = field(default_factory=lambda: defaultdict(Row))
    permanent: Fraction = Fraction(0)
    long: list[Piece] = field(default_factory=list)
    short: list[Piece] = field(default_factory=list)
    losing: list[LosingPiece] = field(default_factory=list)
    losing_short: list[LosingPiece] = field(default_factory=list)
    open_shorts: dict[str, OpenShort] = field(default_factory=dict)
    pieces_a_share: dict[str, int] = field(default_factory=lambda: defaultdict(lambda: 1))
    counter: int = 0

    def run(self, events: list[Event]) -> None:
        """Take the events in the order given; the losses of an order wait for its last execution."""
        for at, event in enumerate(events):
            if isinstance(event, StockSplit):
                self.split(event)
            elif isinstance(event, Buy):
                self.buy(event)
            elif isinstance(event, Short):
                self.sell_short(event)
            else:
                new = self.sell(event) if isinstance(event, Sell) else self.cover(event)
                self.waiting = [*getattr(self, "waiting", []), (key_of(event), type(event), new)]
                later = [other for other in events[at + 1 :] if type(other) is type(event)]
                if any(key_of(other) == key_of(event) for other in later):
                    continue
                mine = [entry for entry in self.waiting if entry[0] == key_of(event) and entry[1] is type(event)]
                self.waiting = [entry for entry in self.waiting if entry not in mine]
                losses = [loss for entry in mine for loss in entry[2]]
                self.settle(losses, is_short=isinstance(event, Cover))

    def next_place(self) -> int:
        """Return the next number in the order of listing."""
        self.counter += 1
        return self.counter

    def buy(self, event: Buy) -> None:
        """Every new piece replaces the first losing piece that it may."""
        per_share = self.pieces_a_share[event.symbol]
        pieces = int(event.quantity) * per_share
        total = Fraction(event.price) * Fraction(event.quantity) + Fraction(event.commission)
        listing = self.next_place()
        for number in range(pieces):
            piece = Piece(
                event.account,
                event.symbol,
                event.execution_id,
                key_of(event),
                event.trade_date,
                (listing, number),
                total / pieces,
                event.trade_date,
            )
            self.long.append(piece)
            if event.account not in self.retirement:
                self.reserve(piece, list(self.open_shorts))
        for piece in [piece for piece in self.long if piece.open_id == event.execution_id]:
            found = [
                loss
                for loss in self.losing
                if loss.symbol == piece.symbol
                and loss.day <= event.trade_date <= loss.day + WINDOW
                and loss.order_key != piece.order_key
            ]
            if found:
                self.replace(found[0], piece)
                self.losing.remove(found[0])

    def reserve(self, piece: Piece, short_ids: list[str]) -> None:
        """IRC 1233(b): a short sale reserves stock held a year or less, or bought while it is open."""
        for short_id in short_ids:
            short = self.open_shorts[short_id]
            if piece.short_id is None and short.symbol == piece.symbol and short.room:
                piece.short_id = short_id
                short.room -= 1

    def sell(self, event: Sell) -> list[LosingPiece]:
        """Sell pieces one by one and return the losing ones."""
        pieces = int(event.quantity) * self.pieces_a_share[event.symbol]
        price = (Fraction(event.price) * Fraction(event.quantity) - Fraction(event.commission)) / pieces
        losing = []
        for _ in range(pieces):
            mine = [p for p in self.long if p.is_held and (p.account, p.symbol) == (event.account, event.symbol)]
            method = self.methods[event.account]
            if method == "LIFO":
                piece = max(mine, key=lambda p: p.place)
            elif method == "HIFO":
                piece = min(mine, key=lambda p: (-p.amount, p.place))
            else:
                piece = min(mine, key=lambda p: p.place)
            piece.is_held = False
            if event.account in self.retirement:
                continue
            start = piece.holding_start if piece.short_id is None else event.trade_date
            term = "long" if is_long(start, event.trade_date) else "short"
            key = (event.account, event.execution_id, piece.open_id, start, term)
            self.add(key, event.symbol, price, piece.amount)
            if piece.amount > price:
                losing.append(
                    LosingPiece(
                        event.trade_date, event.symbol, piece.order_key, piece.place, start, piece.amount - price, key
                    )
                )
        return losing

    def add(self, key: tuple[object, ...], symbol: str, proceeds: Fraction, cost: Fraction) -> None:
        """Add one piece to its row."""
        row = self.rows[key]
        row.quantity += Fraction(1, self.pieces_a_share[symbol])
        row.proceeds += proceeds
        row.cost += cost

    def settle(self, losses: list[LosingPiece], *, is_short: bool) -> None:
        """Each losing piece takes the first piece of the whole list that may replace it; the rest stay open."""
        everything = self.short if is_short else self.long
        for loss in sorted(losses, key=lambda loss: loss.place[0]):  # one purchase: as it was sold
            found = [
                piece
                for piece in everything
                if piece.is_held
                and not piece.is_used
                and piece.symbol == loss.symbol
                and loss.day - WINDOW <= piece.acquired <= loss.day
                and piece.order_key != loss.order_key
            ]
            if found:
                self.replace(loss, min(found, key=lambda piece: piece.place))
            else:
                (self.losing_short if is_short else self.losing).append(loss)

    def replace(self, loss: LosingPiece, piece: Piece) -> None:
        """Disallow a losing piece's loss; the replacement takes it up unless it lies in a retirement account."""
        self.rows[loss.row].adjustment += loss.loss
        piece.is_used = True
        if piece in self.short:
            piece.deferred += loss.loss
        elif piece.account in self.retirement:
            self.permanent += loss.loss
        else:
            piece.amount += loss.loss
            piece.holding_start -= loss.day - loss.holding_start

    def sell_short(self, event: Short) -> None:
        """Open a short sale, look at the stock that is held, and let each piece replace a losing short piece."""
        pieces = int(event.quantity) * self.pieces_a_share[event.symbol]
        price = (Fraction(event.price) * Fraction(event.quantity) - Fraction(event.commission)) / pieces
        self.open_shorts[event.execution_id] = OpenShort(event.symbol, pieces, pieces)
        held = [p for p in self.long if p.is_held and p.symbol == event.symbol and p.account not in self.retirement]
        owned_over_a_year = 0
        for piece in sorted(held, key=lambda p: p.place):
            if is_long(piece.holding_start, event.trade_date):
                owned_over_a_year += 1
            else:
                self.reserve(piece, [event.execution_id])
        claimed = sum(p.is_long_term_loss for p in self.short if p.is_held and p.symbol == event.symbol)
        listing = self.next_place()
        for number in range(pieces):
            piece = Piece(
                event.account,
                event.symbol,
                event.execution_id,
                key_of(event),
                event.trade_date,
                (listing, number),
                price,
                event.trade_date,
                is_long_term_loss=number < owned_over_a_year - claimed,
            )
            self.short.append(piece)
            found = [
                loss
                for loss in self.losing_short
                if loss.symbol == piece.symbol
                and loss.day <= event.trade_date <= loss.day + WINDOW
                and loss.order_key != piece.order_key
            ]
            if found:
                self.replace(found[0], piece)
                self.losing_short.remove(found[0])

    def cover(self, event: Cover) -> list[LosingPiece]:
        """Close short pieces, earliest first, and let the stock they reserved begin its holding period."""
        pieces = int(event.quantity) * self.pieces_a_share[event.symbol]
        price = (Fraction(event.price) * Fraction(event.quantity) + Fraction(event.commission)) / pieces
        mine = [p for p in self.short if p.is_held and (p.account, p.symbol) == (event.account, event.symbol)]
        losing = []
        for piece in sorted(mine, key=lambda p: p.place)[:pieces]:
            piece.is_held = False
            self.release(piece.open_id, event.trade_date)
            cost = price + piece.deferred
            loss = cost - piece.amount
            term = "long" if loss > 0 and piece.is_long_term_loss else "short"
            key = (event.account, event.execution_id, piece.open_id, piece.acquired, term)
            self.add(key, event.symbol, piece.amount, cost)
            if loss > 0:
                losing.append(
                    LosingPiece(event.trade_date, event.symbol, piece.order_key, piece.place, piece.acquired, loss, key)
                )
        return losing

    def release(self, short_id: str, day: date) -> None:
        """One piece of a short sale is closed: the first piece of stock it reserved starts anew."""
        short = self.open_shorts[short_id]
        reserved = [p for p in self.long if p.is_held and p.short_id == short_id]
        if reserved:
            first = min(reserved, key=lambda p: p.place)
            first.holding_start, first.short_id = day, None
        short.left -= 1
        short.room = min(short.room, short.left)
        if not short.left:
            del self.open_shorts[short_id]
            for piece in self.long:
                piece.short_id = None if piece.short_id == short_id else piece.short_id

    def split(self, event: StockSplit) -> None:
        """Turn every piece into `new` pieces of the old size, then make a share of `old` of them."""
        new, old = int(event.new), int(event.old)
        self.pieces_a_share[event.symbol] *= old
        self.long = [part for piece in self.long for part in parts(piece, event.symbol, new)]
        self.short = [part for piece in self.short for part in parts(piece, event.symbol, new)]
        for losses in (self.losing, self.losing_short):
            losses[:] = [
                part
                for loss in losses
                for part in (
                    [replace(loss, loss=loss.loss / new) for _ in range(new)] if loss.symbol == event.symbol else [loss]
                )
            ]
        for short in self.open_shorts.values():
            if short.symbol == event.symbol:
                short.left, short.room = short.left * new, short.room * new

    def open_lots(self) -> dict[tuple[object, ...], tuple[Fraction, Fraction, Fraction]]:
        """Return quantity, basis or proceeds, and deferred loss by account, symbol, side, lot and holding start."""
        found: dict[tuple[object, ...], tuple[Fraction, Fraction, Fraction]] = {}
        for side, pieces in (("long", self.long), ("short", self.short)):
            for piece in pieces:
                if piece.is_held:
                    key = (piece.account, piece.symbol, side, piece.open_id, piece.holding_start)
                    quantity, amount, deferred = found.get(key, (Fraction(0), Fraction(0), Fraction(0)))
                    share = Fraction(1, self.pieces_a_share[piece.symbol])
                    found[key] = quantity + share, amount + piece.amount, deferred + piece.deferred
        return found


def parts(piece: Piece, symbol: str, new: int) -> list[Piece]:
    """Return the pieces that a split makes of one."""
    if piece.symbol != symbol or new == 1:
        return [piece]
    return [
        replace(piece, place=(*piece.place, n), amount=piece.amount / new, deferred=piece.deferred / new)
        for n in range(new)
    ]


def key_of(event: Buy | Sell | Short | Cover) -> tuple[object, ...]:
    """Return what executions of one order share; an execution without order is alone."""
    if event.order_id is None:
        return (event.execution_id,)
    return event.account, event.symbol, event.order_id, event.trade_date


def is_long(start: date, end: date) -> bool:
    """Return whether the anniversary, the last of its month for a month's last day, lies before the end."""
    is_last = (start + timedelta(days=1)).day == 1
    last = calendar.monthrange(start.year + 1, start.month)[1]
    return end > date(start.year + 1, start.month, last if is_last else start.day)
