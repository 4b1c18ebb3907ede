"""Round trips: a position of one strategy from flat to flat, with every execution between.

    2024-01-02 15:00  BUY  100 at 10.00    opens
    2024-01-02 15:30  BUY  100 at 10.20    adds
    2024-01-02 16:00  SELL 150 at 10.50    closes a part
    2024-01-02 17:00  SELL  50 at 10.40    flat: quantity 200, in at 10.10, out at 10.475, gross 75.00

A trade that crosses zero closes one round trip and opens the next; its commission is shared by quantity.
A split rescales what was entered; cash for a fraction that it cut off counts as an exit.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter

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
    exit_purpose : purpose of the order that made it flat; None where a corporate action or no order of ours did
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

    def split(self, key: Key, fact: SplitApplied, quantity_after: Decimal) -> None:
        """Rescale an open round trip, of which `quantity_after` is held then; notionals stay what they were."""
        trip = self.open.get(key)
        if trip is None:
            return
        trip.held = quantity_after
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

    def take_over(self, keys: set[Key], rebooked: RoundTrips) -> None:
        """Put rebooked round trips in the place of those that stand here for the same holdings."""
        others = [trip for trip in self.closed if (trip.account, trip.strategy, trip.symbol) not in keys]
        self.closed = list(heapq.merge(others, rebooked.closed, key=attrgetter("exit_time_ns")))
        for key in keys:
            self.open.pop(key, None)
        self.open.update(rebooked.open)

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
