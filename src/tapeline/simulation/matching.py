"""One slice of the market: stage by stage over all symbols, the rules' section 2.

1. open: (a) on-open orders; (b) market orders, passed stops, satisfied limits; (c) the end of IOC and FOK
2. inside: (a) stops, (b) limits, (c) market orders that arrive inside the bar, (d) children of entries that
filled
   in (a) to (c) or are not complete
3. close: on-close orders; then trailing levels, marks, DAY orders

Within a step orders act by arrival, then by sequence: the order of `market.active`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from tapeline.domain.words import EventKind, OrderStatus, OrderType, Reason, Role, Side, Stage, TimeInForce
from tapeline.indicators.compiled import compiled
from tapeline.simulation.amounts import on_step, round_price
from tapeline.simulation.arrivals import accept
from tapeline.simulation.clock import run_clock
from tapeline.simulation.costs import remember_bar
from tapeline.simulation.executions import ALL, fill
from tapeline.simulation.market import (
    AS_LIMIT,
    AS_MARKET,
    AS_STOP,
    AT_CLOSE,
    AT_OPEN,
    MARKET,
    NO_ORDER,
    SUBMIT,
)
from tapeline.simulation.order_life import end_order, leave_entry, leaves_of, record_order, tidy
from tapeline.simulation.references import INLINED, UNCOUNTED

ROW = types.float64[::1]
AT_ALL: Any = np.bool_(False)  # of the clock: whether it runs only up to the decisions at its time
BEFORE_DECISIONS: Any = np.bool_(True)


@compiled()
def stop_level(order: Any, symbol: Any) -> float:
    """Return the trigger: the stop price, or the trailing level rounded away from the market."""
    if order.order_type != OrderType.TRAILING_STOP:
        return float(order.stop_price)
    trail = order.trail_amount
    if np.isnan(trail):
        trail = order.extreme * order.trail_percent / 100.0
    return round_price(order.extreme + order.side * trail, order.side > 0, symbol)


@compiled()
def _trigger(market: Any, number: int) -> None:
    order = market.orders[number]
    order.triggered = True
    order.acts_as = AS_LIMIT if order.order_type == OrderType.STOP_LIMIT else AS_MARKET
    order.status = OrderStatus.TRIGGERED
    record_order(market, EventKind.TRIGGERED.value, number, Reason.NONE.value)
    leave_entry(market, order)


@compiled()
def _auction(market: Any, kind: int, time_ns: int, price_row: Any, volume_row: Any) -> None:
    # what an auction does not fill expires
    for index in range(market.state[0].active_count):
        number = market.active[index]
        order = market.orders[number]
        if order.acts_as != kind or order.auction_ns != time_ns or order.status >= OrderStatus.FILLED:
            continue
        column = market.columns[order.symbol]
        if not volume_row[column] > 0.0:
            continue
        price = price_row[column]
        room = order.side * (order.limit_price - price)  # NaN for a market order
        if not room < -market.symbols[order.symbol].tolerance:
            fill(market, number, price, ALL, volume_row[column])
        end_order(market, number, OrderStatus.EXPIRED.value, Reason.NONE.value)


@compiled()
def _act_at_open(market: Any, number: int, price: float, volume: float) -> None:
    order = market.orders[number]
    symbol = market.symbols[order.symbol]
    if order.acts_as == AS_STOP:
        if order.order_type == OrderType.TRAILING_STOP and np.isnan(order.extreme):
            order.extreme = price
        if order.side * (price - stop_level(order, symbol)) < -symbol.tolerance:
            return
        _trigger(market, number)
    if order.acts_as == AS_LIMIT and order.side * (order.limit_price - price) < -symbol.tolerance:
        return
    fill(market, number, price, ALL, volume)


@compiled()
def _play_open(market: Any, open_row: Any, volume_row: Any) -> None:
    state = market.state[0]
    state.stage = Stage.OPEN
    state.now_ns = state.slice_start_ns
    state.known_ns = state.slice_start_ns
    if state.slice_start_ns == state.session_open_ns:
        _auction(market, AT_OPEN, state.slice_start_ns, open_row, volume_row)
    immediate = False
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        immediate = immediate or order.immediate
        if order.status >= OrderStatus.FILLED or order.dormant or order.arrival_ns > state.slice_start_ns:
            continue
        column = market.columns[order.symbol]
        if order.acts_as < AT_OPEN and volume_row[column] > 0.0 and order.born_slice != state.slice_number:
            _act_at_open(market, number, open_row[column], volume_row[column])
    if not immediate:
        return
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        if order.dormant or not order.immediate or order.arrival_ns > state.slice_start_ns:
            continue
        if volume_row[market.columns[order.symbol]] > 0.0:
            end_order(market, number, OrderStatus.CANCELED.value, Reason.IMMEDIATE.value)


@compiled()
def _acts_inside(state: Any, order: Any) -> bool:
    if order.status >= OrderStatus.FILLED or order.dormant or order.immediate or order.idle_slice == state.slice_number:
        return False
    if state.plays_late:
        return bool(order.late_slice == state.slice_number)
    return bool(order.late_slice != state.slice_number and order.arrival_ns <= state.slice_start_ns)


@compiled()
def _inside_stops(market: Any, high_row: Any, low_row: Any, volume_row: Any) -> None:
    state = market.state[0]
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        if order.acts_as != AS_STOP or not _acts_inside(state, order):
            continue
        column = market.columns[order.symbol]
        volume = volume_row[column]
        if not volume > 0.0:
            continue
        symbol = market.symbols[order.symbol]
        price = stop_level(order, symbol)
        extreme = high_row[column] if order.side > 0 else low_row[column]
        if order.side * (extreme - price) < -symbol.tolerance:
            continue
        if order.parent != NO_ORDER and market.orders[order.parent].bar_slice == state.slice_number:
            # in the bar in which the entry fills: the worse of the level and the entry's price
            entry_price = market.orders[order.parent].bar_price
            price = max(price, entry_price) if order.side > 0 else min(price, entry_price)
        _trigger(market, number)
        if order.acts_as == AS_LIMIT:
            order.idle_slice = state.slice_number
            if order.side * (order.limit_price - price) < -symbol.tolerance:
                continue
        fill(market, number, price, ALL, volume)


@compiled()
def _most_for_target(market: Any, order: Any, high: float, low: float) -> float:
    # in the bar in which the entry fills: what a target may fill, beyond the trade through that it needs
    # anyway
    entry = market.orders[order.parent]
    most = leaves_of(market, order) - entry.bar_by_limit
    if entry.bar_by_stop > 0.0 and entry.stop_child != NO_ORDER:
        stop = market.orders[entry.stop_child]
        if stop.status < OrderStatus.FILLED:
            symbol = market.symbols[stop.symbol]
            extreme = high if stop.side > 0 else low
            if stop.triggered or stop.side * (extreme - stop_level(stop, symbol)) >= -symbol.tolerance:
                most -= entry.bar_by_stop
    return on_step(most, market.symbols[order.symbol])


@compiled()
def _inside_limits(market: Any, high_row: Any, low_row: Any, volume_row: Any) -> None:
    state = market.state[0]
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        if order.acts_as != AS_LIMIT or not _acts_inside(state, order):
            continue
        column = market.columns[order.symbol]
        volume = volume_row[column]
        if not volume > 0.0:
            continue
        symbol = market.symbols[order.symbol]
        high, low = high_row[column], low_row[column]
        through = 0.0 if state.limit_touch else symbol.tick
        extreme = low if order.side > 0 else high
        if order.side * (order.limit_price - extreme) - through < -symbol.tolerance:
            continue
        price = order.limit_price
        most = ALL
        is_target = order.role == Role.TARGET and order.parent != NO_ORDER
        if is_target and market.orders[order.parent].bar_slice == state.slice_number:
            most = _most_for_target(market, order, high, low)
            # the worst price that traded, where all of the range is better than the limit
            price = min(price, high) if order.side > 0 else max(price, low)
        fill(market, number, price, most, volume)


@compiled()
def _accept_inside(market: Any) -> None:
    # all that arrives is accepted before any of it fills, so that an entry finds its children
    state = market.state[0]
    for index in range(state.waiting_first, state.waiting_end):
        instruction = market.waiting[index]
        if instruction.arrival_ns >= state.slice_end_ns:
            break
        if instruction.kind == SUBMIT:
            state.now_ns = instruction.arrival_ns
            accept(market, instruction.order)
    state.now_ns = state.slice_end_ns


@compiled()
def _inside_arrivals(market: Any, open_row: Any, close_row: Any, volume_row: Any) -> None:
    state = market.state[0]
    start_ns, end_ns = state.slice_start_ns, state.slice_end_ns
    for index in range(state.waiting_first, state.waiting_end):
        instruction = market.waiting[index]
        if instruction.arrival_ns >= end_ns:
            break
        if instruction.kind != SUBMIT:
            continue
        number = instruction.order
        order = market.orders[number]
        column = market.columns[order.symbol]
        volume = volume_row[column]
        if order.order_type != OrderType.MARKET or order.status >= OrderStatus.FILLED or not volume > 0.0:
            continue
        part = (instruction.arrival_ns - start_ns) / (end_ns - start_ns)
        first_price = open_row[column]
        price = first_price + part * (close_row[column] - first_price)
        price = max(price, first_price) if order.side > 0 else min(price, first_price)
        fill(market, number, price, ALL, volume)
        if order.immediate:
            end_order(market, number, OrderStatus.CANCELED.value, Reason.IMMEDIATE.value)


@compiled()
def _hold_back_children(market: Any) -> None:
    # children of entries that are not complete after the open act after them
    state = market.state[0]
    for index in range(state.active_count):
        order = market.orders[market.active[index]]
        is_child = order.parent != NO_ORDER and not order.dormant
        if is_child and market.orders[order.parent].status < OrderStatus.FILLED:
            order.late_slice = state.slice_number
            state.late_slice = state.slice_number


@compiled()
def _play_inside(market: Any, open_row: Any, high_row: Any, low_row: Any, close_row: Any, volume_row: Any) -> None:
    state = market.state[0]
    state.stage = Stage.INSIDE
    state.now_ns = state.slice_end_ns
    state.known_ns = state.slice_end_ns - 1
    state.plays_late = False
    _hold_back_children(market)
    while True:
        if state.untidy:
            tidy(market)
        if not state.limits_first:
            _inside_stops(market, high_row, low_row, volume_row)
        _inside_limits(market, high_row, low_row, volume_row)
        if state.limits_first:
            _inside_stops(market, high_row, low_row, volume_row)
        if state.plays_late:
            break
        if state.next_arrival_ns < state.slice_end_ns:
            _accept_inside(market)
            _inside_arrivals(market, open_row, close_row, volume_row)
        if state.late_slice != state.slice_number:
            break
        state.plays_late = True


@compiled()
def _trail(market: Any, high_row: Any, low_row: Any, volume_row: Any) -> None:
    state = market.state[0]
    for index in range(state.active_count):
        order = market.orders[market.active[index]]
        if order.order_type != OrderType.TRAILING_STOP or order.dormant or order.arrival_ns > state.slice_start_ns:
            continue
        column = market.columns[order.symbol]
        if volume_row[column] > 0.0:
            if order.side == Side.SELL:
                order.extreme = max(order.extreme, high_row[column])
            else:
                order.extreme = min(order.extreme, low_row[column])


@compiled()
def _end_day_orders(market: Any, volume_row: Any) -> None:
    # GTD orders end by the clock; so do DAY orders of symbols without a bar
    state = market.state[0]
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        if order.expire_ns > state.slice_end_ns or order.time_in_force == TimeInForce.GTD:
            continue
        if volume_row[market.columns[order.symbol]] > 0.0:
            end_order(market, number, OrderStatus.EXPIRED.value, Reason.NONE.value)


@compiled()
def mark_slice(market: Any, high_row: Any, low_row: Any, close_row: Any, volume_row: Any) -> None:
    """Set the marks to the closes of a slice; all that is left to do in a quiet one."""
    remembers = market.state[0].history_length > 0
    for symbol in range(len(market.marks)):
        column = market.columns[symbol]
        if volume_row[column] > 0.0:
            if remembers:
                remember_bar(market, symbol, high_row[column], low_row[column], close_row[column])
            market.marks[symbol] = close_row[column]


@compiled(**INLINED)
def is_quiet(market: Any, start_ns: int, end_ns: int) -> bool:
    """Return whether a slice can change nothing but marks.

    That is: no order works or arrives, and no session opens.
    """
    state = market.state[0]
    return bool(
        state.active_count == 0
        and state.next_arrival_ns >= end_ns
        and start_ns >= state.session_open_ns
        and end_ns <= state.session_close_ns
    )


PLAY_SLICE = types.void(MARKET, types.int64, types.int64, ROW, ROW, ROW, ROW, ROW)


@compiled(PLAY_SLICE, **UNCOUNTED)
def play_slice(
    market: Any,
    start_ns: int,
    end_ns: int,
    open_row: Any,
    high_row: Any,
    low_row: Any,
    close_row: Any,
    volume_row: Any,
) -> None:
    """Play one slice: the clock up to its start, its three stages, and what is due before decisions at its
    end.

    start_ns, end_ns : of its bars; not before the end of the slice played last
    open_row to volume_row : float64 [columns], the symbol's column is `market.columns[symbol]`; a symbol
        trades where its volume is above zero (NaN = no bar)
    """
    state = market.state[0]
    if min(state.next_expiry_ns, min(state.next_open_ns, state.next_arrival_ns)) <= start_ns:
        run_clock(market, start_ns, AT_ALL)
    if start_ns >= state.session_open_ns and start_ns < state.session_close_ns:
        state.slice_number += 1
        state.slice_start_ns = start_ns
        state.slice_end_ns = end_ns
        state.bar_end_ns = end_ns
        if state.active_count > 0 or state.next_arrival_ns < end_ns:
            _play_open(market, open_row, volume_row)
            _play_inside(market, open_row, high_row, low_row, close_row, volume_row)
            state.stage = Stage.CLOSE
            state.now_ns = end_ns
            if state.untidy:
                tidy(market)
            if end_ns == state.session_close_ns:
                _auction(market, AT_CLOSE, end_ns, close_row, volume_row)
            _trail(market, high_row, low_row, volume_row)
        mark_slice(market, high_row, low_row, close_row, volume_row)
        if state.next_expiry_ns <= end_ns:
            _end_day_orders(market, volume_row)
        if state.untidy:
            tidy(market)
    if min(state.next_expiry_ns - 1, min(state.next_open_ns, state.next_arrival_ns)) < end_ns:
        run_clock(market, end_ns, BEFORE_DECISIONS)
