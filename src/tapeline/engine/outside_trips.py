"""Round trips that no order of a strategy closed, such as those that a flatten ended: only the ledger has them.

Their excursions and the slices they lasted are not known; orders of the book they have none.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tapeline.domain.words import Purpose
from tapeline.engine.result import Result
from tapeline.ledger.round_trips import RoundTrip
from tapeline.ledger.views import Views
from tapeline.simulation.records import ROUND_TRIP


def with_outside_trips(result: Result, views: Views) -> Result:
    """Return a result with the round trips of its strategies that others closed, in order of their exits.

    views : the ledger's, of the same run
    """
    columns = {symbol: column for column, symbol in enumerate(result.symbols)}
    rows = [
        _row(trip, result.strategies.index(trip.strategy), columns[trip.symbol])
        for trip in views.round_trips
        if trip.exit_purpose in (Purpose.FLATTEN, None)
        and trip.strategy in result.strategies
        and trip.symbol in columns
    ]
    known = set(_places(result.round_trips))
    found = np.array(rows, dtype=ROUND_TRIP)
    missing = found[[place not in known for place in _places(found)]]
    trips = np.concatenate([result.round_trips, missing])
    return replace(result, round_trips=trips[np.argsort(trips["exit_ns"], kind="stable")])


def _places(trips: np.ndarray[tuple[int], np.dtype[np.void]]) -> list[tuple[int, int, int]]:
    return list(zip(trips["strategy"].tolist(), trips["symbol"].tolist(), trips["exit_ns"].tolist(), strict=True))


def _row(trip: RoundTrip, strategy: int, column: int) -> tuple[float, ...]:
    net, purpose = float(trip.net_profit), -1 if trip.exit_purpose is None else int(trip.exit_purpose)
    return (
        strategy, column, int(trip.side), purpose, -1, -1, trip.entry_time_ns, trip.exit_time_ns, 0,
        float(trip.quantity), float(trip.entry_average_price), float(trip.exit_average_price),
        float(trip.commissions), net, np.nan, np.nan, net / float(trip.risk) if trip.risk else np.nan,
    )  # fmt: skip
