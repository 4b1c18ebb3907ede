"""Securities: what substantially identical symbols share across all accounts of a taxpayer.

A security is followed by instrument, not by ticker: it keeps its open losses and its replacements through a change of
symbol. Symbols that the taxpayer has declared identical are one security here. Nothing else is guessed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tapeline.tax.amounts import Number

if TYPE_CHECKING:
    from tapeline.tax.gains import Gain
    from tapeline.tax.lots import Lot, Opening, Position


class OpenLoss:
    """The shares of one row sold at a loss that no replacement has been found for.

    day, last_day : of the disposition, and the end of its window
    quantity : in shares of the security; per_share : the loss on each
    acquisition : of the shares sold, which replace nothing of themselves
    place : of the lot sold, in the order of acquisition; held_from : its holding start
    option : the symbol, for an option declared identical to its stock
    """

    __slots__ = (
        "acquisition",
        "day",
        "held_from",
        "last_day",
        "option",
        "per_share",
        "place",
        "quantity",
        "row",
        "symbol",
    )

    def __init__(
        self, row: Gain, day: int, quantity: Number, per_share: int, lot: Lot, held_from: int, option: str | None = None
    ) -> None:
        self.row, self.day, self.last_day = row, day, day + WINDOW_DAYS
        self.quantity, self.per_share = quantity, per_share
        self.acquisition, self.place, self.held_from = lot.acquisition, lot.place, held_from
        self.symbol, self.option = row.symbol, option


WINDOW_DAYS = 30
"""IRC 1091(a): a period beginning 30 days before the date of sale and ending 30 days after; 61 days with it."""


LONG_AGO = -(10**9)


class Side:
    """Open losses and unused acquisitions of one side of a security: the long one, or the short one of 1091(e).

    losses : oldest disposition first; recent : acquisitions of the window, earliest first, from `head` on
    """

    __slots__ = ("head", "losses", "recent")

    def __init__(self) -> None:
        self.losses: deque[OpenLoss] = deque()
        self.recent: list[Lot] = []
        self.head = 0

    def forget_before(self, day: int) -> None:
        """Forget acquisitions of before a day, and those at the front that are gone or have replaced."""
        recent, head = self.recent, self.head
        while head < len(recent):
            lot = recent[head]
            if lot.acquired >= day and lot.quantity and not lot.used:
                break
            head += 1
        if head > 256 and head * 2 > len(recent):
            del recent[:head]
            head = 0
        self.head = head

    def drop_spent(self) -> None:
        """Forget acquisitions that are gone or have replaced."""
        self.recent = [lot for lot in self.recent[self.head :] if lot.quantity and not lot.used]
        self.head = 0

    def insert(self, lot: Lot) -> None:
        """Add an acquisition at its place: the end, unless it was cut off an earlier one or came by transfer."""
        recent = self.recent
        if not recent or (recent[-1].acquired <= lot.acquired and recent[-1].order < lot.order):
            recent.append(lot)
            if not len(recent) % 512:
                self.forget_before(lot.acquired - WINDOW_DAYS)
            return
        at = len(recent)
        place = lot.place
        while at > self.head and recent[at - 1].place > place:
            at -= 1
        recent.insert(at, lot)


class Security:
    """Everything under one identity: positions of all accounts, and the state of the wash-sale rules.

    openings : short sales still open, earliest first
    sold_acquired : day and number of the latest acquisition among unused purchases that were sold again
    sold_acquired_before : the latest day among the other ones
    sold_slices : the same purchases one by one, under the policy that counts them
    last_sold : day of the last long sale, for the warning of 1091(e)(1)
    sales : long sales that may disallow a short loss under that policy, as [day, shares left]
    options : positions in options on it
    option_loss, option_bought : day and symbol of the last on this security, for warnings
    """

    __slots__ = (
        "last_sold",
        "long",
        "name",
        "openings",
        "option_bought",
        "option_loss",
        "options",
        "positions",
        "sales",
        "short",
        "sold_acquired",
        "sold_acquired_before",
        "sold_slices",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.long, self.short = Side(), Side()
        self.positions: list[Position] = []
        self.options: list[Position] = []
        self.openings: list[Opening] = []
        self.sold_acquired_before = self.last_sold = LONG_AGO
        self.sold_acquired = (LONG_AGO, 0)
        self.option_loss = self.option_bought = (LONG_AGO, "")
        self.sales: deque[list[Number]] = deque()
        self.sold_slices: list[SoldSlice] = []

    def note_sold(self, lot: Lot) -> None:
        """Remember an unused purchase that is sold again."""
        latest, acquisition = self.sold_acquired
        if lot.acquisition == acquisition:
            return
        if lot.acquired >= latest:
            self.sold_acquired, self.sold_acquired_before = (lot.acquired, lot.acquisition), latest
        elif lot.acquired > self.sold_acquired_before:
            self.sold_acquired_before = lot.acquired


class SoldSlice:
    """A purchase sold before the loss it might replace, kept under the policy that counts it."""

    __slots__ = ("acquired", "acquisition", "place", "quantity", "row")

    def __init__(self, lot: Lot, quantity: Number, row: Gain | None) -> None:
        self.acquired, self.acquisition, self.place = lot.acquired, lot.acquisition, lot.place
        self.quantity, self.row = quantity, row


class Securities:
    """All securities by the symbol they have now."""

    def __init__(self, identical_groups: Iterable[frozenset[str]]) -> None:
        self._by_symbol: dict[str, Security] = {}
        self._declared = {symbol: group for group in identical_groups for symbol in group}

    def of(self, symbol: str) -> Security:
        """Return the security that a symbol stands for today."""
        security = self._by_symbol.get(symbol)
        if security is None:
            group = self._declared.get(symbol, frozenset((symbol,)))
            security = Security(" = ".join(sorted(group)))
            for name in group:
                security = self._by_symbol.setdefault(name, security)
            self._by_symbol[symbol] = security
        return security

    def rename(self, symbol: str, new_symbol: str) -> Security:
        """Let a new symbol stand for the security of an old one; two that become one are joined."""
        security = self.of(symbol)
        other = self._by_symbol.get(new_symbol)
        self._by_symbol[new_symbol] = security
        if symbol not in self._declared:
            del self._by_symbol[symbol]
        if other is not None and other is not security:
            self._join(security, other)
        return security

    def _join(self, security: Security, other: Security) -> None:
        for name, known in self._by_symbol.items():
            if known is other:
                self._by_symbol[name] = security
        for position in other.positions:
            position.security = security
        for position in other.options:
            position.underlying = security
        security.positions += other.positions
        security.options += other.options
        security.openings = sorted(security.openings + other.openings, key=lambda opening: opening.day)
        for mine, theirs in ((security.long, other.long), (security.short, other.short)):
            mine.losses = deque(sorted((*mine.losses, *theirs.losses), key=lambda loss: (loss.day, loss.place)))
            mine.drop_spent()
            theirs.drop_spent()
            mine.recent = sorted(mine.recent + theirs.recent, key=lambda lot: lot.place)
