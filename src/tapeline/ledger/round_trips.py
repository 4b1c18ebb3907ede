"""Round trips: a position of one strategy from flat to flat, with every execution between.

    2024-01-02 15:00  BUY  100 at 10.00    opens
    2024-01-02 15:30  BUY  100 at 10.20    adds
    2024-01-02 16:00  SELL 150 at 10.50    closes a part
    2024-01-02 17:00  SELL  50 at 10.40    flat: quantity 200, in at 10.10, out at 10.475, gross 75.00

A trade that crosses zero closes one round trip and opens the next; its commission is shared by quantity.
A split rescales what was entered; cash for a fraction that it cut off counts as an exit.

An open round trip knows its lots: what of each entry is still held when the first in go out first. Position and profit
are at average cost (`domain/position.py`); lots tell since when and at which prices one holds.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from tapeline.domain.execution import Execution
from tapeline.domain.order import Order
from tapeline.domain.position import ZERO, closing_part, part_of
from tapeline.domain.words import Purpose, Side
from tapeline.ledger.facts import SplitApplied

ONE = Decimal(1)
HUNDRED = Decimal(100)


class Lot(NamedTuple):
    """What is still held of one entry; quantity and cost are negative in a short."""

    execution_id: str
    acquired_ns: int
    quantity: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One closed round trip.

    side : BUY for a long, SELL for a short
    quantity : all that was entered; entry_average_price, exit_average_price : half-up at eight decimals
    gross_profit : from prices alone; net_profit : less commissions, plus income (dividends less borrow fees)
    exit_purpose : purpose of the order that made it flat; None where a corporate action or no order of ours did
    risk : what it stood to lose, for all that was entered, at the stop its first order came with; None without one
    accepted : of the income, what differences that a person accepted brought or took
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
    risk: Decimal | None = None
    accepted: Decimal = ZERO

    @property
    def net_profit(self) -> Decimal:
        """What the account gained by it."""
        return self.gross_profit - self.commissions + self.income


@dataclass(slots=True)
class OpenTrip:
    """A round trip on its way; it sums notionals, so that no division comes before its end.

    stop : the stop that its first order came with
    new_shares, old_shares : the ratio of all splits since its entry
    accepted : of the income, what differences that a person accepted brought or took
    lots : what is still held of each entry, oldest first
    """

    side: Side
    entry_time_ns: int
    last_time_ns: int
    stop: Order | None = None
    held: Decimal = ZERO
    entered: Decimal = ZERO
    entry_notional: Decimal = ZERO
    exit_notional: Decimal = ZERO
    commissions: Decimal = ZERO
    income: Decimal = ZERO
    accepted: Decimal = ZERO
    exit_purpose: Purpose | None = None
    # The keys are a set that keeps its order.
    entry_order_ids: dict[str, None] = field(default_factory=dict)
    exit_order_ids: dict[str, None] = field(default_factory=dict)
    new_shares: Decimal = ONE
    old_shares: Decimal = ONE
    lots: deque[Lot] = field(default_factory=deque)

    @property
    def gross_so_far(self) -> Decimal:
        """Exits less entries, from prices alone: what was made if the rest is worth nothing."""
        return (self.exit_notional - self.entry_notional) * self.side.value

    @property
    def risk(self) -> Decimal | None:
        """What all that was entered stood to lose at its first stop; None without one, or without anything to lose."""
        order = self.stop
        if order is None:
            return None
        if order.trail_percent is not None:
            return part_of(self.entry_notional, order.trail_percent, HUNDRED)
        distance = order.trail_amount or order.stop_price or ZERO
        at_stop = part_of(distance * self.entered, self.old_shares, self.new_shares)
        return (at_stop if order.trail_amount is not None else abs(self.entry_notional - at_stop)) or None

    def net_with(self, market_value: Decimal) -> Decimal:
        """Return what it has made if what is held is worth so much, costs and income included."""
        return self.gross_so_far + market_value - self.commissions + self.income

    def enter(self, execution: Execution, signed_quantity: Decimal, commission: Decimal) -> None:
        """Take in what of an execution enters."""
        notional = signed_quantity * execution.price
        self.held += signed_quantity
        self.entered += abs(signed_quantity)
        self.entry_notional += abs(notional)
        self.commissions += commission
        self.entry_order_ids[execution.client_order_id] = None
        self.lots.append(Lot(execution.execution_id, execution.event_time_ns, signed_quantity, notional))

    def leave(self, execution: Execution, signed_quantity: Decimal, commission: Decimal) -> None:
        """Take in what of an execution leaves: the first lots go out first."""
        self.held += signed_quantity
        self.exit_notional += abs(signed_quantity) * execution.price
        self.commissions += commission
        self.last_time_ns = execution.event_time_ns
        self.exit_order_ids[execution.client_order_id] = None
        if not self.held:
            self.lots.clear()
            return
        left = abs(signed_quantity)
        while left:
            lot = self.lots.popleft()
            if abs(lot.quantity) > left:
                part = left.copy_sign(lot.quantity)
                cost = lot.cost - part_of(lot.cost, part, lot.quantity)
                self.lots.appendleft(lot._replace(quantity=lot.quantity - part, cost=cost))
                return
            left -= abs(lot.quantity)

    def split(self, fact: SplitApplied, quantity_after: Decimal) -> None:
        """Rescale to what is held then; notionals stay, and what a cut fraction cost leaves the lots."""
        whole, kept = self.held * fact.new_shares, quantity_after * fact.old_shares
        before = after = ZERO
        lots: deque[Lot] = deque()
        for lot in self.lots:
            before += lot.quantity
            # by the sum so far, so that the roundings of the parts leave nothing over
            reached = part_of(quantity_after, before, self.held)
            if reached != after:
                lots.append(lot._replace(quantity=reached - after, cost=part_of(lot.cost, kept, whole)))
            after = reached
        self.lots = lots
        self.held = quantity_after
        self.entered = part_of(self.entered, fact.new_shares, fact.old_shares)
        self.new_shares *= fact.new_shares
        self.old_shares *= fact.old_shares
        self.last_time_ns = fact.event_time_ns


Key = tuple[str, str, str]
"""Account, strategy, symbol."""


class RoundTrips:
    """Closed round trips in order of their exits, and the open ones."""

    def __init__(self) -> None:
        self.closed: list[RoundTrip] = []
        self.open: dict[Key, OpenTrip] = {}

    def traded(self, execution: Execution, purpose: Purpose | None, stop: Order | None) -> None:
        """Take in an execution; `purpose` is that of its order, None where no order of ours caused it.

        stop : the one that its order came with
        """
        key = (execution.account, execution.strategy, execution.symbol)
        trip = self.open.get(key)
        if trip is not None and not trip.held:
            # A split had cut the whole position off and no cash followed.
            self._close(key, trip)
            trip = None
        signed = opening = execution.signed_quantity
        commission = execution.commission
        if trip is not None and (closing := closing_part(trip.held, signed)):
            opening = signed - closing
            shared = part_of(commission, closing, signed)
            commission -= shared
            trip.leave(execution, closing, shared)
            trip.exit_purpose = purpose
            if not trip.held:
                self._close(key, trip)
                trip = None
        if opening:
            if trip is None:
                trip = OpenTrip(execution.side, execution.event_time_ns, execution.event_time_ns, stop)
                self.open[key] = trip
            trip.enter(execution, opening, commission)

    def split(self, key: Key, fact: SplitApplied, quantity_after: Decimal) -> None:
        """Rescale an open round trip, of which `quantity_after` is held then."""
        trip = self.open.get(key)
        if trip is not None:
            trip.split(fact, quantity_after)

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

    def accepted(self, key: Key, amount: Decimal) -> None:
        """Take in what an accepted difference brought to an open round trip, or took."""
        trip = self.open.get(key)
        if trip is not None:
            trip.income += amount
            trip.accepted += amount

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
                trip.gross_so_far,
                trip.commissions,
                trip.income,
                trip.exit_purpose,
                tuple(trip.entry_order_ids),
                tuple(trip.exit_order_ids),
                trip.risk,
                trip.accepted,
            )
        )
