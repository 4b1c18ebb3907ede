"""A plain accountant: cash, positions and round trips from nothing but the list of executions and the bars.

Written apart from the book it checks: exact decimals, one execution after the other, no arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from tapeline import Panel, Result
from tapeline.domain.words import Purpose, Stage

OPEN = int(Stage.OPEN)


@dataclass
class Trip:
    """One holding of one strategy in one symbol, from flat to flat."""

    strategy: int
    symbol: int
    side: int
    entry_ns: int
    entry_stage: int
    bought: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    sold: Decimal = Decimal(0)
    received: Decimal = Decimal(0)
    commission: Decimal = Decimal(0)
    prices: list[float] = field(default_factory=list)
    exit_ns: int = 0
    exit_purpose: int = 0

    @property
    def net_pnl(self) -> Decimal:
        """What the holding gained after commissions."""
        return self.side * (self.received - self.paid) - self.commission

    @property
    def entry_price(self) -> Decimal:
        """Average price of the entry."""
        return self.paid / self.bought


def decimal(value: float) -> Decimal:
    """Return the decimal that a float64 was written as."""
    return Decimal(repr(float(value)))


def round_trips(result: Result) -> list[Trip]:
    """Return the closed round trips in the order in which they ended."""
    open_trips: dict[tuple[int, int], Trip] = {}
    closed: list[Trip] = []
    for row in result.executions:
        key = int(row["strategy"]), int(row["symbol"])
        purpose = int(result.orders[row["ticket"]]["purpose"])
        quantity, price = decimal(row["quantity"]), decimal(row["price"])
        if key not in open_trips:
            assert purpose == Purpose.ENTRY
            open_trips[key] = Trip(*key, int(row["side"]), int(row["time_ns"]), int(row["stage"]))
        trip = open_trips[key]
        trip.commission += decimal(row["commission"])
        if purpose == Purpose.ENTRY:
            assert row["side"] == trip.side
            trip.bought, trip.paid = trip.bought + quantity, trip.paid + quantity * price
            if len(trip.prices) == 0:
                trip.prices.append(float(row["price"]))
            continue
        assert row["side"] == -trip.side
        trip.sold, trip.received = trip.sold + quantity, trip.received + quantity * price
        trip.prices.append(float(row["price"]))
        if trip.sold == trip.bought:
            trip.exit_ns, trip.exit_purpose = int(row["time_ns"]), purpose
            closed.append(open_trips.pop(key))
    return closed


def cash(result: Result) -> Decimal:
    """Return start less what was bought, plus what was sold, less commissions, plus financing."""
    amount = decimal(result.starting_cash) + decimal(result.financing)
    for row in result.executions:
        amount -= int(row["side"]) * decimal(row["quantity"]) * decimal(row["price"]) + decimal(row["commission"])
    return amount


def positions(result: Result) -> list[float]:
    """Return the shares of each symbol after the last execution."""
    held = [Decimal(0)] * len(result.symbols)
    for row in result.executions:
        held[row["symbol"]] += int(row["side"]) * decimal(row["quantity"])
    return [float(amount) for amount in held]


def excursions(trip: Trip, panel: Panel) -> tuple[float, float]:
    """Return the highest and the lowest price while the trip was held.

    The bar of the entry counts whole when the entry filled at its open, else only its close: what of the range came
    before the fill is not known. Of the bar of the exit only the price of the exit counts.
    """
    seen = list(trip.prices)
    for row in range(len(panel)):
        end = int(panel.end_ns[row])
        if not trip.entry_ns <= end < trip.exit_ns or not panel.volume[row, trip.symbol] > 0:
            continue
        if end == trip.entry_ns and trip.entry_stage > OPEN:
            seen.append(float(panel.close[row, trip.symbol]))
        else:
            seen += [float(panel.high[row, trip.symbol]), float(panel.low[row, trip.symbol])]
    return max(seen), min(seen)
