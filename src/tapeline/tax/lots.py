"""Lots, and the positions that hold them in order of acquisition.

A position is one symbol in one account, long or short. Its lots are a chain from the earliest acquired to the latest,
so that a part can be cut off, moved or sold without a search. When only a part of a lot replaces shares sold at a loss,
that part is cut off in front of the rest: the matched shares are the first part of the lot.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from enum import Enum
from heapq import heapify, heappush
from typing import TYPE_CHECKING

from tapeline.tax.amounts import Number, per_share

if TYPE_CHECKING:
    from tapeline.tax.accounts import Account, TaxInstrument
    from tapeline.tax.securities import Security


Part = tuple[int, ...]
"""Where a part of a lot stands among its parts: the first part of (0,) before the rest (1,), a part of it (0, 0)."""

Rank = tuple[int, int, int, Part, int, "Lot"]
"""Basis per share, highest first, then place; the fifth number keeps an outdated rank apart from the one after it."""

_pushes = itertools.count()


class Treatment(Enum):
    """What the law makes of a disposition."""

    CAPITAL = "capital"
    SECTION_1256 = "60/40"
    ORDINARY = "ordinary"
    NOT_REPORTED = "not reported"


class Opening:
    """A short sale as IRC 1233 sees it: the stock whose holding period it touches.

    quantity : shares still short
    restarting : lots held a year or less when it was opened, or bought since
    room : shares of it that have no such lot yet
    """

    __slots__ = ("day", "quantity", "restarting", "room")

    def __init__(self, day: int, quantity: Number) -> None:
        self.day, self.quantity, self.room = day, quantity, quantity
        self.restarting: list[Lot] = []


class Lot:
    """Shares of one acquisition with equal basis and holding period, or a part of a short position.

    id : of the execution or event that acquired it; acquisition : number shared by the fills of one order
    acquired, holding_start : days; order, part : place among all lots and among the parts of this one
    is_rest : the last of the parts it was cut from
    basis : per share; what a short sale brought per share for a short lot
    deferred : per share, a disallowed loss that a short lot carries
    used : it has disallowed a loss, or must not; eligible : it came by purchase
    opening : the short sale that this lot is, or the one that will restart this lot's holding period
    long_term : shares of a short lot whose loss is long-term, IRC 1233(d)
    marked_year : of the last year-end mark
    """

    __slots__ = (
        "acquired",
        "acquisition",
        "after",
        "basis",
        "before",
        "deferred",
        "eligible",
        "holding_start",
        "id",
        "inherited",
        "is_rest",
        "long_term",
        "marked_year",
        "opening",
        "order",
        "part",
        "position",
        "quantity",
        "used",
    )

    def __init__(
        self,
        lot_id: str,
        acquisition: int,
        acquired: int,
        order: int,
        quantity: Number,
        basis: int,
        holding_start: int,
        *,
        eligible: bool = True,
        used: bool = False,
        inherited: bool = False,
    ) -> None:
        self.id, self.acquisition, self.acquired, self.order = lot_id, acquisition, acquired, order
        self.quantity, self.basis, self.holding_start = quantity, basis, holding_start
        self.eligible, self.used, self.inherited = eligible, used, inherited
        self.part: Part = (0,)
        self.is_rest = True
        self.deferred = 0
        self.long_term: Number = 0
        self.marked_year = 0
        self.opening: Opening | None = None
        self.before: Lot | None = None
        self.after: Lot | None = None
        self.position: Position = None  # type: ignore[assignment]  # set when it is added to one

    @property
    def place(self) -> tuple[int, int, Part]:
        """The order of acquisition: earliest first, then as listed, then the first part first."""
        return self.acquired, self.order, self.part

    def cut(self, quantity: Number) -> Lot:
        """Cut off and return the first shares as a lot of their own, not yet in any position."""
        first = Lot(
            self.id,
            self.acquisition,
            self.acquired,
            self.order,
            quantity,
            self.basis,
            self.holding_start,
            eligible=self.eligible,
            used=self.used,
            inherited=self.inherited,
        )
        first.deferred, first.marked_year, first.is_rest = self.deferred, self.marked_year, False
        if self.is_rest:
            first.part, self.part = self.part, (*self.part[:-1], self.part[-1] + 1)
        else:
            first.part, self.part, self.is_rest = (*self.part, 0), (*self.part, 1), True
        first.opening = self.opening
        first.long_term = min(self.long_term, quantity)
        self.long_term -= first.long_term
        self.quantity -= quantity
        return first


class Position:
    """The lots of one symbol in one account, earliest acquired first.

    multiplier : of the contract, 1 for shares
    treatment : what a disposition is; absorbs : a disallowed loss goes into a lot's basis, it is not lost
    washes_from : the first day on which its losses are under the wash-sale rules
    can_replace : its purchases can replace shares sold at a loss
    is_call : a unit of it is a contract to acquire stock
    """

    __slots__ = (
        "absorbs",
        "account",
        "can_replace",
        "first",
        "instrument",
        "is_call",
        "is_short",
        "last",
        "multiplier",
        "quantity",
        "ranked",
        "security",
        "symbol",
        "treatment",
        "underlying",
        "washes_from",
    )

    def __init__(
        self,
        account: Account,
        symbol: str,
        instrument: TaxInstrument,
        security: Security,
        treatment: Treatment,
        multiplier: Number,
        *,
        is_short: bool,
        absorbs: bool,
        can_replace: bool,
        washes_from: int,
        underlying: Security | None,
    ) -> None:
        self.account, self.symbol, self.instrument, self.security = account, symbol, instrument, security
        self.treatment, self.multiplier, self.is_short = treatment, multiplier, is_short
        self.absorbs, self.can_replace, self.washes_from, self.underlying = (
            absorbs,
            can_replace,
            washes_from,
            underlying,
        )
        self.quantity: Number = 0
        self.first: Lot | None = None
        self.last: Lot | None = None
        self.ranked: list[Rank] | None = None
        self.is_call = instrument.right is not None and instrument.right.value == "C"

    def __iter__(self) -> Iterator[Lot]:
        """Iterate over the lots, earliest first; the one at hand may be removed."""
        lot = self.first
        while lot is not None:
            following = lot.after
            yield lot
            lot = following

    def add(self, lot: Lot) -> None:
        """Add a lot at its place in the order of acquisition; the end, unless it was transferred."""
        lot.position = self
        self.quantity += lot.quantity
        last = self.last
        if last is None:
            self.first = self.last = lot
        elif last.acquired <= lot.acquired and last.order <= lot.order:
            lot.before, last.after, self.last = last, lot, lot
        else:
            place = lot.place
            while last is not None and last.place > place:
                last = last.before
            self._link(last, lot)
        self.rank(lot)

    def _link(self, before: Lot | None, lot: Lot) -> None:
        after = self.first if before is None else before.after
        lot.before, lot.after = before, after
        if before is None:
            self.first = lot
        else:
            before.after = lot
        if after is None:
            self.last = lot
        else:
            after.before = lot

    def cut(self, lot: Lot, quantity: Number) -> Lot:
        """Cut the first shares off a lot of this position, and return them as the lot before it."""
        first = lot.cut(quantity)
        first.position = self
        if first.opening is not None and not self.is_short:
            first.opening.restarting.append(first)
        self._link(lot.before, first)
        self.rank(first)
        self.rank(lot)
        return first

    def remove(self, lot: Lot) -> None:
        """Take a lot out of the chain; its quantity has been taken off already."""
        before, after = lot.before, lot.after
        if before is None:
            self.first = after
        else:
            before.after = after
        if after is None:
            self.last = before
        else:
            after.before = before
        lot.before = lot.after = None

    def rank(self, lot: Lot) -> None:
        """Note a lot's new basis or part among the highest, where somebody asks for them."""
        if self.ranked is not None:
            heappush(self.ranked, (-lot.basis, lot.acquired, lot.order, lot.part, next(_pushes), lot))

    def ranks(self) -> list[Rank]:
        """Return the heap of lots by basis per share, highest first; entries that no longer hold are among them."""
        if self.ranked is None:
            self.ranked = [(-lot.basis, lot.acquired, lot.order, lot.part, next(_pushes), lot) for lot in self]
            heapify(self.ranked)
        return self.ranked

    def spread(self) -> None:
        """Give every share the average basis of all, Reg. 1.1012-1(e)(7)."""
        if self.quantity:
            average = per_share(sum(lot.quantity * lot.basis for lot in self), self.quantity)
            for lot in self:
                lot.basis = average
