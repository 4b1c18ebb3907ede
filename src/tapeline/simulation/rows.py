"""The compiled backtest: market, book and decisions, slice after slice, without leaving compiled code.

It is the event loop with nothing in between: the market plays a slice, the book takes in what the market's log
says, the strategies decide, and their intents go straight back to the market. The event loop (`engine/loop.py`)
calls the same functions in the same order, with a broker port and a journal between them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tapeline.domain.panel import Floats, Times
from tapeline.domain.words import EventKind, IntentKind, Reason
from tapeline.indicators.compiled import compiled
from tapeline.simulation.arrivals import cancel, replace, submit
from tapeline.simulation.book import apply_event
from tapeline.simulation.decision import close_slice
from tapeline.simulation.matching import is_quiet, mark_slice, play_slice
from tapeline.simulation.references import INLINED, UNCOUNTED
from tapeline.simulation.resting import rest_rows


class Rows(NamedTuple):
    """The bars of a run: T slices, whole panels; the run reads the columns from `first_column` on.

    start_ns, end_ns, session, open_ns, close_ns : int64 [T]
    open, high, low, close, volume : float64 [T, columns]
    """

    start_ns: Times
    end_ns: Times
    session: Times
    open_ns: Times
    close_ns: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class Curves(NamedTuple):
    """What a run writes at the end of each slice: float64 [T]."""

    equity: npt.NDArray[np.float64]
    long_exposure: npt.NDArray[np.float64]
    short_exposure: npt.NDArray[np.float64]


@compiled(**INLINED)
def take_events(market: Any, book: Any, first: int, session: int) -> int:
    """Let the book take in the market's events from `first` on; return how many events there are now."""
    count = market.state[0].event_count
    events = market.events
    for place in range(first, count):
        event = events[place]
        kind = event.kind
        amount = event.amount
        quantity = event.quantity
        if kind == EventKind.REPLACED and market.orders[event.order].parent >= 0:
            # the market counts what a child works for now; its ticket covers all that the entry may fill
            entry = market.orders[market.orders[event.order].parent]
            if event.reason != Reason.CORPORATE_ACTION:
                quantity = book.tickets[event.order].quantity
            else:
                quantity = max(quantity, entry.quantity)
        if kind == EventKind.FILL:
            amount = event.commission
        apply_event(
            book,
            kind,
            event.order,
            event.symbol,
            quantity,
            event.leaves,
            event.price,
            amount,
            event.bar_end_ns if event.bar_end_ns > 0 else event.time_ns,
            event.stage,
            event.reason,
            session,
        )
    return int(count)


@compiled(entry=True, **UNCOUNTED)
def send_intents(market: Any, book: Any, first: int, latency_ns: int) -> None:
    """Carry the slice's intents from `first` on to the market. Tickets and its orders have the same numbers."""
    for place in range(first, book.account[0].intents):
        intent = book.intents[place]
        arrival_ns = intent.decided_ns + latency_ns
        if intent.kind == IntentKind.SUBMIT:
            submit(
                market,
                intent.symbol,
                intent.side,
                intent.order_type,
                intent.time_in_force,
                intent.quantity,
                intent.limit_price,
                intent.stop_price,
                intent.trail,
                np.nan,
                -1,
                intent.decided_ns,
                arrival_ns,
                intent.parent,
                intent.role,
                intent.group,
            )
        elif intent.kind == IntentKind.CANCEL:
            cancel(market, intent.ticket, intent.decided_ns, arrival_ns)
        elif intent.kind == IntentKind.REPLACE:
            replace(
                market,
                intent.ticket,
                intent.decided_ns,
                arrival_ns,
                intent.quantity,
                np.nan,
                intent.stop_price,
                np.nan,
                np.nan,
                -1,
                -1,
            )


@compiled()
def run_rows(
    market: Any,
    book: Any,
    signals: Any,
    rows: Any,
    curves: Any,
    first_column: int,
    first: int,
    last: int,
    chunk_first: int,
    latency_ns: int,
) -> None:
    """Run slices first..last-1. Slice `chunk_first` is row 0 of `signals`. Nothing is left to take in afterwards."""
    columns = slice(first_column, first_column + len(book.positions))
    account = book.account[0]
    seen = market.state[0].event_count
    t = first
    while t < last:
        t = rest_rows(market, book, signals, rows, curves, first_column, t, last, chunk_first)
        if t == last:
            break
        high, low = rows.high[t, columns], rows.low[t, columns]
        close, volume = rows.close[t, columns], rows.volume[t, columns]
        start_ns, end_ns = rows.start_ns[t], rows.end_ns[t]
        if is_quiet(market, start_ns, end_ns):
            mark_slice(market, high, low, close, volume)
        else:
            play_slice(market, start_ns, end_ns, rows.open[t, columns], high, low, close, volume)
            seen = take_events(market, book, seen, rows.session[t])
        close_slice(
            book,
            signals,
            t - chunk_first,
            high,
            low,
            close,
            volume,
            end_ns,
            rows.session[t],
            rows.open_ns[t],
            rows.close_ns[t],
        )
        if account.intents > 0:
            send_intents(market, book, 0, latency_ns)
        curves.equity[t] = account.equity
        curves.long_exposure[t] = account.long_exposure
        curves.short_exposure[t] = account.short_exposure
        t += 1
