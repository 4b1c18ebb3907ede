"""The compiled backtest: market, book and decisions, slice after slice, without leaving compiled code.

It is the event loop with nothing in between: the market plays a slice, the book takes in what the market's log
says, the strategies decide, and their intents go straight back to the market. The event loop (`engine/loop.py`)
calls the same functions in the same order, with a broker port and a journal between them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from tapeline.domain.words import EventKind, IntentKind, Reason
from tapeline.indicators.compiled import address_of_code, compiled
from tapeline.simulation.addresses import book_at, caller_of, floats_at, market_at
from tapeline.simulation.arrivals import cancel, replace, submit
from tapeline.simulation.book import APPLY_EVENT, apply_event
from tapeline.simulation.decision import CLOSE_SLICE, close_slice
from tapeline.simulation.lanes import LANE_ROW, bars_of, curves_of, row_start, session_at
from tapeline.simulation.market import MARKET
from tapeline.simulation.matching import PLAY_SLICE, is_quiet, mark_slice, play_slice
from tapeline.simulation.references import INLINED, UNCOUNTED
from tapeline.simulation.resting import rest_rows
from tapeline.simulation.tables import BOOK

STRETCH = 128  # slices of all lanes, then the next: a hundred columns of bars and formulas stay in the cache
SEND_INTENTS = types.void(MARKET, BOOK, types.int64, types.int64)

call_play_slice, call_apply_event = caller_of(PLAY_SLICE), caller_of(APPLY_EVENT)
call_close_slice, call_send_intents = caller_of(CLOSE_SLICE), caller_of(SEND_INTENTS)


@compiled(**INLINED)
def _take_events(market: Any, book: Any, lane: Any, first: int, session: int) -> int:
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
        time_ns = event.bar_end_ns if event.bar_end_ns > 0 else event.time_ns
        call_apply_event(
            lane.apply_event,
            (
                book, kind, event.order, event.symbol, quantity, event.leaves, event.price, amount,
                time_ns, event.stage, event.reason, session,
            ),
        )  # fmt: skip
    return int(count)


@compiled(SEND_INTENTS, **UNCOUNTED)
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


@compiled(**INLINED)
def _run_lane(lane: Any, first: int, last: int) -> None:
    # runs slices first..last-1; nothing is left to take in afterwards
    market, book = market_at(lane.market), book_at(lane.book)
    bars, curves = bars_of(lane), curves_of(lane)
    account = book.account[0]
    seen = market.state[0].event_count
    shape = (len(book.positions),)
    t = first
    while t < last:
        t = rest_rows(market, book, lane, bars, curves, t, last)
        if t == last:
            break
        start = row_start(lane, t)
        high, low = floats_at(lane.high + start, shape), floats_at(lane.low + start, shape)
        close, volume = floats_at(lane.close + start, shape), floats_at(lane.volume + start, shape)
        start_ns, end_ns = bars.start_ns[t], bars.end_ns[t]
        if is_quiet(market, start_ns, end_ns):
            mark_slice(market, high, low, close, volume)
        else:
            open_ = floats_at(lane.open + start, shape)
            call_play_slice(lane.play_slice, (market, start_ns, end_ns, open_, high, low, close, volume))
            seen = _take_events(market, book, lane, seen, session_at(lane, t))
        call_close_slice(lane.close_slice, (book, lane, t))
        if account.intents > 0:
            call_send_intents(lane.send_intents, (market, book, 0, lane.latency_ns))
        curves.equity[t] = account.equity
        if account.busy > 0:
            curves.long_exposure[t] = account.long_exposure
            curves.short_exposure[t] = account.short_exposure
        t += 1


@compiled(types.void(LANE_ROW[::1], types.int64, types.int64), **UNCOUNTED)
def run_lanes(lanes: Any, first: int, last: int) -> None:
    """Run slices first..last-1 of each lane, in stretches that several lanes find in the processor's cache."""
    stretch = STRETCH if len(lanes) > 1 else last - first
    for begin in range(first, last, stretch):
        for place in range(len(lanes)):
            _run_lane(lanes[place], begin, min(begin + stretch, last))


@compiled(types.void(LANE_ROW[::1], types.int64), **UNCOUNTED)
def end_slice(lanes: Any, t: int) -> None:
    """End slice t of each lane, whose events the books have taken in. What they wish is in their intents."""
    for place in range(len(lanes)):
        lane = lanes[place]
        call_close_slice(lane.close_slice, (book_at(lane.book), lane, t))


def code_addresses() -> dict[str, int]:
    """Return where the machine code that a lane calls begins, by the names of the lane's fields."""
    kernels = (play_slice, apply_event, close_slice, send_intents)
    return {kernel.__name__: address_of_code(kernel) for kernel in kernels}
