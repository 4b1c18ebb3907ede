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
from tapeline.simulation.book import apply_event, value_holdings
from tapeline.simulation.decision import Signals, can_act, close_slice, count_bar
from tapeline.simulation.market import FOREVER_NS, borrowed
from tapeline.simulation.matching import is_quiet, mark_slice, play_slice
from tapeline.simulation.references import UNCOUNTED


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


@compiled()
def take_events(market: Any, book: Any, first: int, session: int) -> int:
    """Let the book take in the market's events from `first` on; return how many events there are now."""
    count = market.state[0].event_count
    events = market.events
    for place in range(first, count):
        event = events[place]
        kind = event.kind
        amount = event.amount
        quantity = event.quantity
        own_terms = kind == EventKind.REPLACED and event.reason != Reason.CORPORATE_ACTION
        if own_terms and market.orders[event.order].parent >= 0:
            # the market counts what a child works for now; its ticket covers all that the entry may fill
            quantity = book.tickets[event.order].quantity
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
def rest_rows(
    market: Any, book: Any, formulas: Any, bars: Any, curves: Any, first_column: int, first: int, last: int, base: int
) -> int:
    """Run through slices in which no order works or arrives and no rule can act; return the first that needs more.

    Most slices of a run are such. What is left of them, marks, excursions and equity, is done here with every array
    at hand: reached through market and book, each would be fetched anew for each use.
    """
    state, account = market.state[0], book.account[0]
    if state.active_count > 0 or state.history_length > 0 or account.leaving > 0:
        return first
    market_marks = market.marks
    prices, marks, positions = book.prices, book.marks, book.positions
    states, holdings, strategies, rules = book.states, book.holdings, book.strategies, book.rules
    symbols, count = len(prices), len(strategies)
    cash, busy = account.cash, account.busy
    end = min(state.next_arrival_ns, state.session_close_ns)
    account.intents = 0
    for t in range(first, last):
        end_ns = bars.end_ns[t]
        if end_ns > end or bars.start_ns[t] < state.session_open_ns:
            return t
        to_close_ns = bars.close_ns[t] - end_ns if bars.session[t] >= 0 else FOREVER_NS
        for strategy in range(count):
            settings = strategies[strategy]
            if busy > 0 and to_close_ns <= settings.flat_before_close_ns:
                return t
            row = formulas.rows[strategy, t - base]
            if row >= 0 and can_act(formulas, strategies, rules, states, holdings, strategy, row):
                return t
        for symbol in range(symbols):
            column = first_column + symbol
            close = bars.close[t, column]
            if np.isnan(close):
                continue
            prices[symbol] = close
            if bars.volume[t, column] > 0.0:
                market_marks[symbol] = close
        equity, long_exposure, short_exposure = cash, 0.0, 0.0
        if busy > 0:
            for strategy in range(count):
                row = formulas.rows[strategy, t - base]
                if row >= 0:
                    count_bar(formulas, states, holdings, strategy, row)
            equity, long_exposure, short_exposure = value_holdings(
                states,
                holdings,
                positions,
                marks,
                cash,
                bars.high[t, first_column : first_column + symbols],
                bars.low[t, first_column : first_column + symbols],
                bars.close[t, first_column : first_column + symbols],
                bars.volume[t, first_column : first_column + symbols],
            )
        curves.equity[t] = equity
        curves.long_exposure[t] = long_exposure
        curves.short_exposure[t] = short_exposure
        account.equity = equity
        account.long_exposure = long_exposure
        account.short_exposure = short_exposure
    return last


@compiled(entry=True, **UNCOUNTED)
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
    bars = Rows(
        borrowed(rows.start_ns),
        borrowed(rows.end_ns),
        borrowed(rows.session),
        borrowed(rows.open_ns),
        borrowed(rows.close_ns),
        borrowed(rows.open),
        borrowed(rows.high),
        borrowed(rows.low),
        borrowed(rows.close),
        borrowed(rows.volume),
    )
    formulas = Signals(
        borrowed(signals.values), borrowed(signals.exists), borrowed(signals.layout), borrowed(signals.rows)
    )
    written = Curves(borrowed(curves.equity), borrowed(curves.long_exposure), borrowed(curves.short_exposure))
    account = book.account[0]
    seen = market.state[0].event_count
    t = first
    while True:
        t = rest_rows(market, book, formulas, bars, written, first_column, t, last, chunk_first)
        if t == last:
            break
        high, low = bars.high[t, columns], bars.low[t, columns]
        close, volume = bars.close[t, columns], bars.volume[t, columns]
        start_ns, end_ns = bars.start_ns[t], bars.end_ns[t]
        if is_quiet(market, start_ns, end_ns):
            mark_slice(market, high, low, close, volume)
        else:
            play_slice(market, start_ns, end_ns, bars.open[t, columns], high, low, close, volume)
            seen = take_events(market, book, seen, bars.session[t])
        close_slice(
            book,
            formulas,
            t - chunk_first,
            high,
            low,
            close,
            volume,
            end_ns,
            bars.session[t],
            bars.open_ns[t],
            bars.close_ns[t],
        )
        if account.intents > 0:
            send_intents(market, book, 0, latency_ns)
        written.equity[t] = account.equity
        written.long_exposure[t] = account.long_exposure
        written.short_exposure[t] = account.short_exposure
        t += 1
