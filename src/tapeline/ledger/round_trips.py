"""Round trips: a position of one strategy from flat to flat, with every execution between.

    2024-01-02 15:00  BUY  100 at 10.00    opens
    2024-01-02 15:30  BUY  100 at 10.20    adds
    2024-01-02 16:00  SELL 150 at 10.50    closes a part
    2024-01-02 17:00  SELL  50 at 10.40    flat: quantity 200, in at 10.10, out at 10.475, gross 75.00

A trade that crosses zero closes one round trip and opens the next; its commission is shared by quantity.
A split rescales what was entered; cash for a fraction that it cut off counts as an exit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from tapeline.domain.execution import Execution
from tapeline.domain.position import ZERO, closing_part, part_of
from tapeline.domain.words import Purpose, Side
from tapeline.ledger.facts import SplitApplied

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One closed round trip.

    side : BUY for a long, SELL for a short
    quantity : all that was entered; entry_average_price, exit_average_price : half-up at eight decimals
    gross_profit : from prices alone; net_profit : less commissions, plus income (dividends less borrow fees)
    exit_purpose : purpose of the order that made it flat; None where a corporate action did
    """

    account: str
    strategy: str
    symbol: str
    side: Side
    entry_time_ns: int
    exit_time_ns: int
    quantity: Decimal
    entry_average_price: Decimal
    exit_average_price: Decimal
    gross_profit: Decimal
    commissions: Decimal
    income: Decimal
    exit_purpose: Purpose | None
    entry_order_ids: tuple[str, ...]
    exit_order_ids: tuple[str, ...]

    @property
    def net_profit(self) -> Decimal:
        """What the account gained by it."""
        return self.gross_profit - self.commissions + self.income


@dataclass(slots=True)
class OpenTrip:
    """A round trip on its way; it sums notionals, so that no division comes before its end."""

    side: Side
    entry_time_ns: int
    last_time_ns: int
    held: Decimal = ZERO
    entered: Decimal = ZERO
    entry_notional: Decimal = ZERO
    exit_notional: Decimal = ZERO
    commissions: Decimal = ZERO
    income: Decimal = ZERO
    exit_purpose: Purpose | None = None
    # The keys are a set that keeps its order.
    entry_order_ids: dict[str, None] = field(default_factory=dict)
    exit_order_ids: dict[str, None] = field(default_factory=dict)

    @property
    def order_ids(self) -> tuple[str, ...]:
        """Orders that had a part in it."""
        return (*self.entry_order_ids, *self.exit_order_ids)


Key = tuple[str, str, str]
"""Account, strategy, symbol."""


class RoundTrips:
    """Closed round trips in order of their exits, and the open ones."""

    def __init__(self) -> None:
        self.closed: list[RoundTrip] = []
        self.open: dict[Key, OpenTrip] = {}

    def traded(self, execution: Execution, purpose: Purpose | None) -> None:
        """Take in an execution; `purpose` is that of its order, None where no order of ours caused it."""
        key = (execution.account, execution.strategy, execution.symbol)
        trip = self.open.get(key)
        if trip is not None and not trip.held:
            # A split had cut the whole position off and no cash followed.
            self._close(key, trip)
            trip = None
        signed = execution.signed_quantity
        closing = closing_part(trip.held, signed) if trip is not None else ZERO
        shared = part_of(execution.commission, closing, signed) if closing else ZERO
        if trip is not None and closing:
            trip.held += closing
            trip.exit_notional += abs(closing) * execution.price
            trip.commissions += shared
            trip.last_time_ns = execution.event_time_ns
            trip.exit_purpose = purpose
            trip.exit_order_ids[execution.client_order_id] = None
            if not trip.held:
                self._close(key, trip)
                trip = None
        opening = signed - closing
        if opening:
            if trip is None:
                trip = OpenTrip(execution.side, execution.event_time_ns, execution.event_time_ns)
                self.open[key] = trip
            trip.held += opening
            trip.entered += abs(opening)
            trip.entry_notional += abs(opening) * execution.price
            trip.commissions += execution.commission - shared
            trip.entry_order_ids[execution.client_order_id] = None

    def amended(self, before: Execution, after: Execution | None) -> None:
        """Take in that an execution stands differently, or no more.

        An open round trip takes the difference; a closed one does where its quantity stays. What is left when a closed
        round trip loses or gains shares is opened anew.
        """
        key = (before.account, before.strategy, before.symbol)
        quantity = (after.signed_quantity if after is not None else ZERO) - before.signed_quantity
        notional = _notional(after) - _notional(before)
        commission = (after.commission if after is not None else ZERO) - before.commission
        trip = self.open.get(key)
        if not quantity and (trip is None or before.client_order_id not in trip.order_ids):
            self._amend_closed(key, before, notional, commission)
        elif trip is not None:
            self._amend_open(key, trip, before.side, quantity, notional, commission)
        else:
            time_ns, price = before.event_time_ns, (after or before).price
            side = Side.BUY if quantity > 0 else Side.SELL
            ids = {before.client_order_id: None}
            self.open[key] = OpenTrip(
                side, time_ns, time_ns, quantity, abs(quantity), abs(quantity) * price, ZERO, commission,
                entry_order_ids=ids,
            )  # fmt: skip

    def _amend_open(
        self, key: Key, trip: OpenTrip, side: Side, quantity: Decimal, notional: Decimal, commission: Decimal
    ) -> None:
        trip.held += quantity
        trip.commissions += commission
        if side is trip.side:
            trip.entered += quantity * trip.side
            trip.entry_notional += notional
        else:
            trip.exit_notional += notional
        if trip.held * trip.side < 0:
            # More has gone out than came in: what were exits had opened the other side.
            trip.side = trip.side.opposite
            trip.entered += abs(trip.held)
            trip.entry_notional, trip.exit_notional = trip.exit_notional, trip.entry_notional
            trip.entry_order_ids, trip.exit_order_ids = trip.exit_order_ids, trip.entry_order_ids
        elif not trip.held and trip.entered > 0:
            self._close(key, trip)
        elif not trip.held:
            del self.open[key]

    def _amend_closed(self, key: Key, before: Execution, notional: Decimal, commission: Decimal) -> None:
        for place in range(len(self.closed) - 1, -1, -1):
            trip = self.closed[place]
            ids = (*trip.entry_order_ids, *trip.exit_order_ids)
            if (trip.account, trip.strategy, trip.symbol) == key and before.client_order_id in ids:
                average = part_of(notional, ONE, trip.quantity)
                is_entry = before.side is trip.side
                self.closed[place] = replace(
                    trip,
                    entry_average_price=trip.entry_average_price + (average if is_entry else ZERO),
                    exit_average_price=trip.exit_average_price + (ZERO if is_entry else average),
                    gross_profit=trip.gross_profit - before.side * notional,
                    commissions=trip.commissions + commission,
                )
                return

    def split(self, key: Key, fact: SplitApplied) -> None:
        """Rescale an open round trip; notionals stay what they were."""
        trip = self.open.get(key)
        if trip is None:
            return
        trip.held = fact.quantity_after
        trip.entered = part_of(trip.entered, fact.new_shares, fact.old_shares)
        trip.last_time_ns = fact.event_time_ns

    def received(self, key: Key, amount: Decimal, time_ns: int, *, for_fraction: bool) -> None:
        """Take in cash that belongs to an open round trip."""
        trip = self.open.get(key)
        if trip is None:
            return
        if for_fraction:
            trip.exit_notional += abs(amount)
            trip.last_time_ns = time_ns
            if not trip.held:
                trip.exit_purpose = None
                self._close(key, trip)
        else:
            trip.income += amount

    def _close(self, key: Key, trip: OpenTrip) -> None:
        del self.open[key]
        account, strategy, symbol = key
        gross = (trip.exit_notional - trip.entry_notional) * trip.side.value
        self.closed.append(
            RoundTrip(
                account,
                strategy,
                symbol,
                trip.side,
                trip.entry_time_ns,
                trip.last_time_ns,
                trip.entered,
                part_of(trip.entry_notional, ONE, trip.entered),
                # What a split cut off left with its cash, so all that was entered has gone out.
                part_of(trip.exit_notional, ONE, trip.entered),
                gross,
                trip.commissions,
                trip.income,
                trip.exit_purpose,
                tuple(trip.entry_order_ids),
                tuple(trip.exit_order_ids),
            )
        )


def _notional(execution: Execution | None) -> Decimal:
    return ZERO if execution is None else execution.quantity * execution.price
