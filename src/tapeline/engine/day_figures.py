"""How a session goes, brought to the ledger where a result was not made by the book's plain events.

A flatten, an execution that is corrected or busted, a late fill or an accepted difference ends round trips, reopens
them or makes them others than the book has counted. What the limits of the day look at is then counted anew over the
round trips of the ledger: absolutely, so that it comes out the same whenever it is done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import localcontext
from typing import Any

from tapeline.domain.position import EXACT, ZERO, Position
from tapeline.ledger.round_trips import OpenTrip
from tapeline.ledger.views import Views
from tapeline.simulation.limits import ACCOUNT_ROW
from tapeline.simulation.tables import Book

_ACCOUNT = "main"


def settle_days(
    book: Book, names: tuple[str, ...], columns: Mapping[str, int], indices: Collection[int], views: Views
) -> None:
    """Take over the closed profit and the losses in a row of some strategies, and with them of the account.

    names : of the strategies, in the book's order; columns : of the run's symbols; indices : of the strategies

    A result is net of commissions and without dividends and fees of holdings, as in the book; what an accepted
    difference brought or took is in it.
    """
    if not indices:
        return
    rows = {name: 1 + index for index, name in enumerate(names)}
    with localcontext(EXACT):
        trips = [
            (rows[trip.strategy], trip.exit_time_ns, trip.gross_profit - trip.commissions + trip.accepted)
            for trip in views.round_trips
            if trip.strategy in rows and trip.symbol in columns and trip.account == _ACCOUNT
        ]
        for row in (ACCOUNT_ROW, *(1 + index for index in indices)):
            results = [(time_ns, result) for of, time_ns, result in trips if row in (ACCOUNT_ROW, of)]
            day = book.fixed.days[row]
            day["closed"] = float(sum((result for _, result in results), ZERO))
            if book.fixed.limits[row]["pause_ns"] < 0:  # losses of sessions before do not count
                closes = views.profits.closes.get(_ACCOUNT)
                results = [one for one in results if not closes or one[0] > closes[-1].time_ns]
            losses = 0
            while losses < len(results) and results[-1 - losses][1] < 0:
                losses += 1
            day["losses"] = losses
            if losses:
                day["last_loss_ns"] = results[-1][0]


def settle_result(holding: Any, position: Position, trip: OpenTrip | None) -> None:
    """Take over what a holding has made and cost so far; nothing where nothing has been entered."""
    with localcontext(EXACT):
        realized = ZERO if trip is None else trip.gross_so_far + position.cost + trip.accepted
    holding["realized"] = float(realized)
    holding["commission"] = 0.0 if trip is None else float(trip.commissions)
    holding["entered_quantity"] = 0.0 if trip is None else float(trip.entered)
    holding["exit_notional"] = 0.0 if trip is None else float(trip.exit_notional)
    average_price = position.average_price
    if average_price is not None:
        holding["entry_price"] = float(average_price)
