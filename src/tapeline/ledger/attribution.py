"""Where the P&L of an account came from: parts that add up to the whole, exactly.

    attribute(pieces_of(views, "main", time_ns), by="exit")     stop -120.00, target 300.00, open 15.50

The pieces are round trips, closed ones and those on their way at the last known prices. What belongs to no round trip
has a piece of its own: cash that came after a position was closed, holdings that changed without a trade (a transfer, a
merger), and what belongs to the account as a whole. So whatever the pieces are grouped by, the sum is the same.

A month gets what the account made from its last close before it to its last close in it: marked to market, not by the
exit of a round trip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from zoneinfo import ZoneInfo

from tapeline.domain.errors import UnknownNameError
from tapeline.domain.position import EXACT, ZERO
from tapeline.domain.times import DAY, HOUR, SECOND
from tapeline.domain.words import Purpose, Side
from tapeline.ledger.portfolio import NO_SECTOR, mark_of, market_value
from tapeline.ledger.profits import WHOLE, Close
from tapeline.ledger.round_trips import OpenTrip, RoundTrip
from tapeline.ledger.views import Views

NEW_YORK = ZoneInfo("America/New_York")
OPEN, ACCOUNT, OUTSIDE = "open", "account", "outside round trips"
SPANS = ((HOUR, "under an hour"), (DAY, "under a day"), (5 * DAY, "1 to 5 days"), (30 * DAY, "5 to 30 days"))
LONGEST_SPAN = "30 days and more"
BY = ("strategy", "symbol", "sector", "side", "exit", "holding", "signal")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the P&L.

    strategy, symbol : WHOLE for what belongs to the account as a whole
    side : None outside of round trips; exit_purpose : None also where the round trip is open
    entry_order_id : the first order of its round trip, None outside of one
    span_ns : how long it was held, until now if it is
    r_multiple : profit over what it stood to lose at its first stop, None without one
    """

    strategy: str
    symbol: str
    profit: Decimal
    side: Side | None = None
    is_open: bool = False
    exit_purpose: Purpose | None = None
    entry_order_id: str | None = None
    span_ns: int = 0
    r_multiple: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What pieces of one kind made together; round_trips : how many of them are closed ones."""

    label: str
    profit: Decimal
    round_trips: int = 0


def pieces_of(views: Views, account: str, time_ns: int) -> list[Piece]:
    """Return the pieces of an account's P&L, whose sum is that of `Portfolio.sums`."""
    with localcontext(EXACT):
        trips = [trip for trip in views.round_trips if trip.account == account]
        found = [_closed(trip) for trip in trips if (account, trip.strategy, trip.symbol) not in views.moved]
        told: dict[tuple[str, str], Decimal] = {}
        for piece in found:
            key = piece.strategy, piece.symbol
            told[key] = told.get(key, ZERO) + piece.profit
        for key_of, position in sorted(views.positions.items()):
            if position.account != account:
                continue
            strategy, symbol = position.strategy, position.symbol
            value = market_value(position, mark_of(views, symbol))
            rest = position.net_realized + value - position.cost - told.get((strategy, symbol), ZERO)
            trip = None if key_of in views.moved else views.open_trips.get(key_of)
            if trip is not None:
                made = trip.net_with(value)
                found.append(_open(strategy, symbol, trip, made, time_ns))
                rest -= made
            if rest:
                found.append(Piece(strategy, symbol, rest))
        whole = views.profits.paid.get(account, {}).get(WHOLE, ZERO)
        return [*found, Piece(WHOLE, WHOLE, whole)] if whole else found


def attribute(
    pieces: Iterable[Piece],
    by: str,
    *,
    sectors: Mapping[str, str] | None = None,
    signals: Mapping[str, str] | None = None,
) -> list[Part]:
    """Return what each kind of pieces made, the best first. Raises UnknownNameError for another kind than those of BY.

    sectors : by symbol; signals : what the entry's signal is called, by the id of the entry order
    """
    label = _labels(sectors or {}, signals or {}).get(by)
    if label is None:
        raise UnknownNameError("way to attribute", by, BY)
    sums: dict[str, Decimal] = {}
    counts: dict[str, int] = {}
    with localcontext(EXACT):
        for piece in pieces:
            name = ACCOUNT if piece.strategy == WHOLE else label(piece)
            sums[name] = sums.get(name, ZERO) + piece.profit
            counts[name] = counts.get(name, 0) + (piece.side is not None and not piece.is_open)
    return sorted([Part(name, sums[name], counts[name]) for name in sums], key=lambda part: (-part.profit, part.label))


def by_month(closes: Sequence[Close], now: Close, strategy: str | None = None) -> list[Part]:
    """Return what each month made, oldest first, New York's calendar; of one strategy or of all together."""
    months: dict[str, Decimal] = {}
    before = ZERO
    with localcontext(EXACT):
        for close in [*closes, now]:
            made = sum(close.profits.values(), ZERO) if strategy is None else close.profits.get(strategy, ZERO)
            month = datetime.fromtimestamp(close.time_ns // SECOND, UTC).astimezone(NEW_YORK).strftime("%Y-%m")
            months[month] = months.get(month, ZERO) + made - before
            before = made
    return [Part(month, made) for month, made in months.items()]


def _labels(sectors: Mapping[str, str], signals: Mapping[str, str]) -> dict[str, Callable[[Piece], str]]:
    return {
        "strategy": lambda piece: piece.strategy,
        "symbol": lambda piece: piece.symbol,
        "sector": lambda piece: sectors.get(piece.symbol, NO_SECTOR),
        "side": lambda piece: OUTSIDE if piece.side is None else "long" if piece.side is Side.BUY else "short",
        "exit": _exit,
        "holding": lambda piece: OUTSIDE if piece.side is None else span_word(piece.span_ns),
        "signal": lambda piece: OUTSIDE if piece.side is None else signals.get(piece.entry_order_id or "", "no signal"),
    }


def span_word(span_ns: int) -> str:
    """Return how long something was held, in the words of the table."""
    return next((word for bound, word in SPANS if span_ns < bound), LONGEST_SPAN)


def _exit(piece: Piece) -> str:
    if piece.side is None:
        return OUTSIDE
    if piece.is_open:
        return OPEN
    return "no order of ours" if piece.exit_purpose is None else piece.exit_purpose.word.replace("_", " ")


def _closed(trip: RoundTrip) -> Piece:
    made = trip.net_profit
    return Piece(
        trip.strategy,
        trip.symbol,
        made,
        trip.side,
        exit_purpose=trip.exit_purpose,
        entry_order_id=trip.entry_order_ids[0],
        span_ns=trip.exit_time_ns - trip.entry_time_ns,
        r_multiple=None if trip.risk is None else float(made) / float(trip.risk),
    )


def _open(strategy: str, symbol: str, trip: OpenTrip, made: Decimal, time_ns: int) -> Piece:
    risk = trip.risk
    return Piece(
        strategy,
        symbol,
        made,
        trip.side,
        is_open=True,
        entry_order_id=next(iter(trip.entry_order_ids)),
        span_ns=max(0, time_ns - trip.entry_time_ns),
        r_multiple=None if risk is None else float(made) / float(risk),
    )
