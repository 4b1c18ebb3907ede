"""What if: a trade that was not made, put through the engine beside those that were.

    WhatIf(accounts, instruments, policies, events).trade(Sell(...))

The rules are not told a second time for this: an engine takes the events of the symbols that have to do with each
other (identical groups, options and their stock, what a corporate action joins) with the trade and without it, and the
difference is the consequence. Symbols that have nothing to do with it cannot change it, so they are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import Account, TaxInstrument
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Event, SpinOff, StockMerger, SymbolChange, Trade, day_of
from tapeline.tax.gains import Gain
from tapeline.tax.policies import Policies
from tapeline.tax.result import PendingLoss
from tapeline.tax.wash_sales import Disallowance

TRADE_ID = "what-if"
LAST_MOMENT = time(23, 59, 59, 999999)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Changed:
    """A row of another trade that this one would change: its reported gain before and after."""

    row: Gain
    before: Decimal
    after: Decimal


@dataclass(frozen=True)
class Consequence:
    """What a trade would bring.

    rows : its own gain rows
    washed : disallowances of its own losses, by purchases before and after it
    washes : losses of other sales that it would disallow, being a purchase
    pending : what of its own losses a purchase may still disallow, until when
    changed : rows of other trades whose gain would be another one
    permanent : of all disallowances, how much more no basis would ever take up
    """

    trade: Trade
    rows: list[Gain]
    washed: list[Disallowance]
    washes: list[Disallowance]
    pending: list[PendingLoss]
    changed: list[Changed]
    permanent: Decimal

    @property
    def gain(self) -> Decimal:
        """The reported gain or loss of its own rows."""
        return sum((row.gain for row in self.rows), ZERO)


class WhatIf:
    """A taxpayer's events, arranged by symbols that have to do with each other."""

    def __init__(
        self,
        accounts: Iterable[Account],
        instruments: Iterable[TaxInstrument],
        policies: Policies,
        events: Sequence[Event],
    ) -> None:
        self._accounts, self._instruments, self._policies = list(accounts), list(instruments), policies
        self._joined = _Joined()
        for group in policies.identical_groups:
            self._joined.join(*group)
        for instrument in self._instruments:
            if instrument.underlying is not None:
                self._joined.join(instrument.symbol, instrument.underlying)
        for event in events:
            if isinstance(event, SpinOff | StockMerger | SymbolChange):
                self._joined.join(event.symbol, event.new_symbol)
        self._events: dict[str, list[Event]] = {}
        self._orders: list[Event] = []
        for event in events:
            symbol = getattr(event, "symbol", None)
            if symbol is None:
                self._orders.append(event)
            else:
                self._events.setdefault(self._joined.root(symbol), []).append(event)

    def events_of(self, symbol: str) -> list[Event]:
        """Return the events that have to do with a symbol, standing orders included."""
        return [*self._orders, *self._events.get(self._joined.root(symbol), [])]

    def engine_of(self, symbol: str, *more: Event, until: date | None = None) -> TaxEngine:
        """Return an engine that has taken what has to do with a symbol, up to a day, and further events."""
        engine = TaxEngine(self._accounts, self._instruments, self._policies)
        known = self.events_of(symbol)
        engine.apply([*(event for event in known if until is None or day_of(event) <= until), *more])
        return engine

    def _engine_with(self, trade: Trade) -> TaxEngine:
        try:
            return self.engine_of(trade.symbol, trade)
        except TaxRefusal as refusal:
            self.engine_of(trade.symbol, trade, until=trade.trade_date)  # what is wrong with the trade itself is told
            raise TaxRefusal(
                refusal.rule,
                f"The trade can be made on {trade.trade_date}, but not before what came after it: {refusal.sentence}"
                " Choose a later day or a smaller quantity.",
            ) from refusal

    def trade(self, trade: Trade, as_of: date | None = None) -> Consequence:
        """Return the consequence of a trade; it comes after every other trade of its day.

        as_of : the day up to which there are no other purchases; None = the later of the trade's and the last event's

        Raises TaxRefusal, as the engine does, for a trade that cannot be taxed, such as a sale of more than is held.
        """
        before, after = self.engine_of(trade.symbol).result(), self._engine_with(trade).result()
        known = {row.key: row.gain for row in before.rows}
        changed = [
            Changed(row, known[row.key], row.gain)
            for row in after.rows
            if row.close_id != trade.execution_id and row.key in known and known[row.key] != row.gain
        ]
        found = after.disallowances
        return Consequence(
            trade,
            [row for row in after.rows if row.close_id == trade.execution_id],
            [one for one in found if one.row.close_id == trade.execution_id],
            [one for one in found if one.lot_id == trade.execution_id and one.row.close_id != trade.execution_id],
            [loss for loss in after.pending_losses(as_of) if loss.row.close_id == trade.execution_id],
            changed,
            after.permanently_disallowed - before.permanently_disallowed,
        )


class _Joined:
    """Symbols that have to do with each other: sets that are joined, each known by one of its symbols."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def root(self, symbol: str) -> str:
        above = self._above.get(symbol, symbol)
        while above != symbol:
            symbol, above = above, self._above.get(above, above)
        return symbol

    def join(self, *symbols: str) -> None:
        roots = [self.root(symbol) for symbol in symbols]
        for root in roots[1:]:
            if root != roots[0]:
                self._above[root] = roots[0]
