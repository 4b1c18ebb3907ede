"""Slices in which nothing can happen, many at a time: no order works or arrives, and no rule can act.

Most slices of a run are such. What is left of them, marks, excursions and equity, is done here symbol by symbol over
a stretch of rows, with all that stays the same during the stretch at hand. The numbers are those that
`book.mark_holdings` and `decision.decide` would give row by row, bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.domain.words import Stage
from tapeline.indicators.compiled import compiled
from tapeline.simulation.addresses import FLOAT_BYTES, fetch_ahead
from tapeline.simulation.decision import ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT
from tapeline.simulation.lanes import row_start, sessions_of, signals_of
from tapeline.simulation.market import FOREVER_NS
from tapeline.simulation.records import FLAT, HOLDING
from tapeline.simulation.references import INLINED

FIRST_STRETCH, LONGEST_STRETCH = 16, 256  # rows; short at first, as something may happen soon


@compiled(**INLINED)
def _first_true(values: Any, step: int, rows: Any) -> int:
    # the first slice whose decision row has a true condition; values begin with the symbol's in row 0
    for t in range(len(rows)):
        row = rows[t]
        if row >= 0 and values[row * step] == 1.0:
            return t
    return len(rows)


@compiled(**INLINED)
def _quiet_until(book: Any, formulas: Any, first: int, last: int) -> int:
    # the first of the rows first..last-1 of the chunk at which some rule can act
    states, holdings, values = book.states, book.holdings, formulas.values
    strategies, symbols = states.shape
    for strategy in range(strategies):
        settings, rules = book.strategies[strategy], book.rules[strategy]
        watches = settings.watches_holdings or settings.reads_position
        rows, layout = formulas.rows[strategy], formulas.layout[strategy]
        step = layout[4]
        for symbol in range(symbols):
            start = layout[0] + layout[5] + symbol
            size = layout[3] * step
            long, short = rules[ENTER_LONG, 0], rules[ENTER_SHORT, 0]
            if states[strategy, symbol] != FLAT:
                if watches:
                    for t in range(first, last):
                        if rows[t] >= 0:
                            last = t
                            break
                    continue
                is_long = holdings[strategy, symbol].side > 0
                long, short = (rules[EXIT_LONG, 0], -1) if is_long else (-1, rules[EXIT_SHORT, 0])
            if long >= 0:
                last = first + _first_true(values[start + long * size :], step, rows[first:last])
            if short >= 0:
                last = first + _first_true(values[start + short * size :], step, rows[first:last])
    return last


@compiled(**INLINED)
def _before_close(book: Any, lane: Any, bars: Any, first: int, last: int) -> int:
    # the first slice in which a strategy has to be flat before the close
    longest = -1
    for strategy in range(len(book.strategies)):
        longest = max(longest, book.strategies[strategy].flat_before_close_ns)
    if longest >= 0 and book.account[0].busy > 0 and lane.session != 0:
        sessions = sessions_of(lane)
        for t in range(first, last):
            if sessions.session[t] >= 0 and sessions.close_ns[t] - bars.end_ns[t] <= longest:
                return t
    return last


@compiled(**INLINED)
def _mark(market: Any, book: Any, bars: Any, first_column: int, first: int, last: int) -> None:
    # only the newest prices of the stretch count
    prices, marks = book.prices, market.marks
    for symbol in range(len(prices)):
        column = first_column + symbol
        for t in range(last - 1, first - 1, -1):
            if not np.isnan(bars.close[t, column]):
                prices[symbol] = bars.close[t, column]
                break
        for t in range(last - 1, first - 1, -1):
            if bars.volume[t, column] > 0.0:
                marks[symbol] = bars.close[t, column]
                break


@compiled(**INLINED)
def _hold(holding: Any, rows: Any, exists: Any, step: int, high: Any, low: Any, close: Any, volume: Any) -> None:
    # bars held and excursions of one holding over a stretch; exists begins with the symbol's in row 0
    highest, lowest, counted = holding.highest, holding.lowest, 0
    late = holding.fresh > Stage.OPEN
    traded = False
    for t in range(len(rows)):
        row = rows[t]
        if row >= 0 and exists[row * step] == 1.0:
            counted += 1
        if volume[t] > 0.0:
            # a fill inside the bar tells nothing of the part of the range that came before it
            first_bar = late and not traded
            highest = max(highest, close[t] if first_bar else high[t])
            lowest = min(lowest, close[t] if first_bar else low[t])
            traded = True
    holding.highest, holding.lowest = highest, lowest
    holding.bars_held += counted
    if traded:
        holding.fresh = 0


@compiled(**INLINED)
def _value(
    book: Any, formulas: Any, bars: Any, curves: Any, first_column: int, first: int, last: int, base: int
) -> None:
    # equity and exposures of a stretch; each row adds the symbols up in their order
    equity = curves.equity[first:last]
    long_exposure, short_exposure = curves.long_exposure[first:last], curves.short_exposure[first:last]
    account = book.account[0]
    equity[:] = account.cash
    account.equity, account.long_exposure, account.short_exposure = account.cash, 0.0, 0.0
    if account.busy == 0:
        return
    strategies, symbols = book.states.shape
    for symbol in range(symbols):
        column = first_column + symbol
        close, volume = bars.close[first:last, column], bars.volume[first:last, column]
        held = False
        for strategy in range(strategies):
            if book.states[strategy, symbol] >= HOLDING:
                held = True
                layout = formulas.layout[strategy]
                _hold(
                    book.holdings[strategy, symbol],
                    formulas.rows[strategy, first - base : last - base],
                    formulas.exists[layout[1] + layout[5] + symbol :],
                    layout[4],
                    bars.high[first:last, column],
                    bars.low[first:last, column],
                    close,
                    volume,
                )
        if not held:
            continue
        mark, position = book.marks[symbol], book.positions[symbol]
        value = 0.0
        for t in range(len(equity)):
            if volume[t] > 0.0:
                mark = close[t]
            value = position * mark
            equity[t] += value
            if value > 0.0:
                long_exposure[t] += value
            elif value < 0.0:
                short_exposure[t] -= value
        book.marks[symbol] = mark
        account.long_exposure += max(value, 0.0)
        account.short_exposure += max(-value, 0.0)
    account.equity = equity[last - first - 1]


@compiled(**INLINED)
def rest_rows(market: Any, book: Any, lane: Any, bars: Any, curves: Any, first: int, last: int) -> int:
    """Run through the slices first..last-1 as long as nothing can happen; return the first that needs more."""
    formulas, first_column, base = signals_of(lane), lane.first_column, lane.first_row
    state, account = market.state[0], book.account[0]
    if (
        book.limits[0].watches_rows
        or state.active_count > 0
        or state.history_length > 0
        or bars.start_ns[first] < state.session_open_ns
    ):
        return first
    end_ns = min(state.next_arrival_ns, state.session_close_ns)
    t, stretch = first, FIRST_STRETCH
    while t < last:
        stop = min(t + stretch, last)
        if end_ns < FOREVER_NS:
            while stop > t and bars.end_ns[stop - 1] > end_ns:
                stop -= 1
        stop = _before_close(book, lane, bars, t, stop)
        bound = _quiet_until(book, formulas, t - base, stop - base) + base
        if bound < stop:  # something happens there, and nothing has read these so far
            fetch_ahead(lane.start_ns + FLOAT_BYTES * bound)
            fetch_ahead(lane.open + row_start(lane, bound))
        if bound > t:
            _mark(market, book, bars, first_column, t, bound)
            _value(book, formulas, bars, curves, first_column, t, bound, base)
            account.intents = 0
        if bound < min(t + stretch, last):
            return int(bound)
        t = bound
        stretch = min(2 * stretch, LONGEST_STRETCH)
    return int(last)
