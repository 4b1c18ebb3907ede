"""How a session goes, brought to the ledger where a result was not made by the book's plain events.

A flatten, an execution that is corrected or busted, a late fill or an accepted difference ends round trips, reopens
them or makes them others than the book has counted. What the limits of the day look at is then counted anew over the
round trips of the ledger: absolutely, so that it comes out the same whenever it is done.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from decimal import Decimal, localcontext
from typing import Any

from tapeline.domain.position import EXACT, ZERO, Position
from tapeline.ledger.round_trips import OpenTrip, RoundTrip
from tapeline.ledger.views import Views
from tapeline.simulation.limits import ACCOUNT_ROW
from tapeline.simulation.tables import NEVER_NS, Book

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
    days = book.fixed.days
    with localcontext(EXACT):
        closed = {names[index]: ZERO for index in indices}
        for trip in views.round_trips:
            if trip.strategy in closed and trip.symbol in columns and trip.account == _ACCOUNT:
                closed[trip.strategy] += _result_of(trip)
        for index in indices:
            days[1 + index]["closed"] = float(closed[names[index]])
            _settle_losses(book, 1 + index, (names[index],), columns, views)
    days[ACCOUNT_ROW]["closed"] = math.fsum(days["closed"][1:])
    _settle_losses(book, ACCOUNT_ROW, names, columns, views)


def _settle_losses(book: Book, row: int, names: Collection[str], columns: Mapping[str, int], views: Views) -> None:
    day, closes = book.fixed.days[row], views.profits.closes.get(_ACCOUNT)
    # those of sessions before count only where a pause is in minutes
    since_ns = closes[-1].time_ns if closes and book.fixed.limits[row]["pause_ns"] < 0 else NEVER_NS
    losses, last_ns = 0, int(day["last_loss_ns"])
    for trip in reversed(views.round_trips):
        if trip.exit_time_ns <= since_ns:  # also behind later ones: a late fill is told after them
            continue
        if trip.strategy in names and trip.symbol in columns and trip.account == _ACCOUNT:
            if _result_of(trip) >= 0:
                break
            last_ns = last_ns if losses else trip.exit_time_ns
            losses += 1
    day["losses"], day["last_loss_ns"] = losses, last_ns


def _result_of(trip: RoundTrip) -> Decimal:
    return trip.gross_profit - trip.commissions + trip.accepted


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
