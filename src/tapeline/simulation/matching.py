"""One slice of the market: stage by stage over all symbols, the rules' section 2.

1. open: (a) on-open orders; (b) market orders, passed stops, satisfied limits; (c) the end of IOC and FOK
2. inside: (a) stops, (b) limits, (c) market orders that arrive inside the bar, (d) children of entries that filled
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
from tapeline.simulation.clock import clock_past, clock_to
from tapeline.simulation.costs import remember_bar
from tapeline.simulation.executions import ALL, can_fill_whole, fill
from tapeline.simulation.market import MARKET, NO_ORDER, SUBMIT
from tapeline.simulation.order_life import cancel_order, end_order, leave_entry, leaves_of, record_order, tidy

ROW = types.float64[::1]


@compiled()
def _is_immediate(order: Any) -> bool:
    return order.time_in_force == TimeInForce.IOC or order.time_in_force == TimeInForce.FOK


@compiled()
def _is_stop(order: Any) -> bool:
    kind = order.order_type
    return not order.triggered and (
        kind == OrderType.STOP or kind == OrderType.TRAILING_STOP or kind == OrderType.STOP_LIMIT
    )


@compiled()
def _is_limit(order: Any) -> bool:
    return order.order_type == OrderType.LIMIT or (order.triggered and order.order_type == OrderType.STOP_LIMIT)


@compiled()
def _worse(side: int, one: float, other: float) -> float:
    return max(one, other) if side > 0 else min(one, other)


@compiled()
def _reaches(side: int, price: float, limit: float, tolerance: float) -> bool:
    # BUY: price >= limit, as a trigger asks; SELL: the mirror image
    return side * (price - limit) >= -tolerance


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
    order.status = OrderStatus.TRIGGERED
    record_order(market, EventKind.TRIGGERED, number, Reason.NONE)
    leave_entry(market, number)


@compiled()
def _fill_noted(market: Any, number: int, price: float, volume: float) -> None:
    # an entry's children need to know how it filled in this bar
    order = market.orders[number]
    filled = fill(market, number, price, ALL, volume)
    if filled <= 0.0 or (order.stop_child == NO_ORDER and order.target_child == NO_ORDER):
        return
    state = market.state[0]
    if order.bar_slice != state.slice_number:
        order.bar_slice = state.slice_number
        order.bar_by_stop = 0.0
        order.bar_by_limit = 0.0
    order.bar_price = price
    if state.stage == Stage.INSIDE:
        kind = order.order_type
        if kind == OrderType.STOP or kind == OrderType.TRAILING_STOP or order.idle_slice == state.slice_number:
            order.bar_by_stop += filled
        else:
            order.bar_by_limit += filled


@compiled()
def _fill_at_open(market: Any, number: int, price: float, volume: float) -> None:
    order = market.orders[number]
    if order.time_in_force != TimeInForce.FOK or can_fill_whole(market, number, price, volume):
        _fill_noted(market, number, price, volume)


@compiled()
def _act_at_open(market: Any, number: int, price: float, volume: float) -> None:
    order = market.orders[number]
    symbol = market.symbols[order.symbol]
    side = order.side
    if _is_stop(order):
        if order.order_type == OrderType.TRAILING_STOP and np.isnan(order.extreme):
            order.extreme = price
        if not _reaches(side, price, stop_level(order, symbol), symbol.tolerance):
            return
        _trigger(market, number)
    if _is_limit(order):
        if _reaches(-side, price, order.limit_price, symbol.tolerance):
            _fill_at_open(market, number, price, volume)
    elif order.order_type < OrderType.MARKET_ON_OPEN:
        _fill_at_open(market, number, price, volume)


@compiled()
def _open_auction(market: Any, open_row: Any, volume_row: Any) -> None:
    state = market.state[0]
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        if order.auction_ns != state.slice_start_ns or order.order_type > OrderType.LIMIT_ON_OPEN:
            continue
        column = market.columns[order.symbol]
        volume = volume_row[column]
        if order.status >= OrderStatus.FILLED or not volume > 0.0:
            continue
        price = open_row[column]
        if order.order_type == OrderType.MARKET_ON_OPEN:
            _fill_noted(market, number, price, volume)
        elif _reaches(-order.side, price, order.limit_price, market.symbols[order.symbol].tolerance):
            _fill_noted(market, number, price, volume)
        end_order(market, number, OrderStatus.EXPIRED, Reason.NONE)


@compiled()
def _end_immediate(market: Any, volume_row: Any) -> None:
    state = market.state[0]
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        if not _is_immediate(order) or order.dormant or order.arrival_ns > state.slice_start_ns:
            continue
        if volume_row[market.columns[order.symbol]] > 0.0:
            cancel_order(market, number, Reason.IMMEDIATE)


@compiled()
def _play_open(market: Any, open_row: Any, volume_row: Any) -> None:
    state = market.state[0]
    state.stage = Stage.OPEN
    state.now_ns = state.slice_start_ns
    state.known_ns = state.slice_start_ns
    if state.slice_start_ns == state.session_open_ns:
        _open_auction(market, open_row, volume_row)
    immediate = False
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        immediate = immediate or _is_immediate(order)
        if order.status >= OrderStatus.FILLED or order.dormant or order.arrival_ns > state.slice_start_ns:
            continue
        column = market.columns[order.symbol]
        if volume_row[column] > 0.0 and order.born_slice != state.slice_number:
            _act_at_open(market, number, open_row[column], volume_row[column])
    if immediate:
        _end_immediate(market, volume_row)


@compiled()
def _acts_inside(state: Any, order: Any) -> bool:
    if order.status >= OrderStatus.FILLED or order.dormant or order.idle_slice == state.slice_number:
        return False
    if state.plays_late != (order.late_slice == state.slice_number):
        return False
    return (state.plays_late or order.arrival_ns <= state.slice_start_ns) and not _is_immediate(order)


@compiled()
def _inside_stops(market: Any, high_row: Any, low_row: Any, volume_row: Any) -> None:
    state = market.state[0]
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        if not _is_stop(order) or not _acts_inside(state, order):
            continue
        column = market.columns[order.symbol]
        volume = volume_row[column]
        if not volume > 0.0:
            continue
        symbol = market.symbols[order.symbol]
        price = stop_level(order, symbol)
        if not _reaches(order.side, high_row[column] if order.side > 0 else low_row[column], price, symbol.tolerance):
            continue
        if order.parent != NO_ORDER and market.orders[order.parent].bar_slice == state.slice_number:
            price = _worse(order.side, price, market.orders[order.parent].bar_price)
        _trigger(market, number)
        if order.order_type != OrderType.STOP_LIMIT:
            _fill_noted(market, number, price, volume)
            continue
        order.idle_slice = state.slice_number
        if _reaches(-order.side, price, order.limit_price, symbol.tolerance):
            _fill_noted(market, number, price, volume)


@compiled()
def _most_for_target(market: Any, number: int, high: float, low: float) -> float:
    # in the bar in which the entry fills: what a target may fill, beyond the trade through that it needs anyway
    order = market.orders[number]
    entry = market.orders[order.parent]
    most = leaves_of(market, number) - entry.bar_by_limit
    if entry.bar_by_stop > 0.0 and entry.stop_child != NO_ORDER:
        stop = market.orders[entry.stop_child]
        if stop.status < OrderStatus.FILLED:
            symbol = market.symbols[stop.symbol]
            extreme = high if stop.side > 0 else low
            if stop.triggered or _reaches(stop.side, extreme, stop_level(stop, symbol), symbol.tolerance):
                most -= entry.bar_by_stop
    return on_step(most, market.symbols[order.symbol])


@compiled()
def _inside_limits(market: Any, high_row: Any, low_row: Any, volume_row: Any) -> None:
    state = market.state[0]
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        if not _is_limit(order) or not _acts_inside(state, order):
            continue
        column = market.columns[order.symbol]
        volume = volume_row[column]
        if not volume > 0.0:
            continue
        symbol = market.symbols[order.symbol]
        high, low = high_row[column], low_row[column]
        needed = order.limit_price
        if not state.limit_touch:
            needed -= order.side * symbol.tick
        if not _reaches(-order.side, low if order.side > 0 else high, needed, symbol.tolerance):
            continue
        price = order.limit_price
        if order.role == Role.TARGET and order.parent != NO_ORDER:
            entry = market.orders[order.parent]
            if entry.bar_slice == state.slice_number:
                most = _most_for_target(market, number, high, low)
                # the worst price that traded, where all of the range is better than the limit
                price = min(price, high) if order.side > 0 else max(price, low)
                fill(market, number, price, most, volume)
                continue
        _fill_noted(market, number, price, volume)


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
        price = open_row[column] + part * (close_row[column] - open_row[column])
        price = _worse(order.side, open_row[column], price)
        _fill_at_open(market, number, price, volume)
        if _is_immediate(order):
            cancel_order(market, number, Reason.IMMEDIATE)


@compiled()
def _hold_back_children(market: Any) -> None:
    # children of entries that are not complete after the open act after them
    state = market.state[0]
    for index in range(state.active_count):
        order = market.orders[market.active[index]]
        if order.parent != NO_ORDER and not order.dormant:
            if market.orders[order.parent].status < OrderStatus.FILLED:
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
def _close_auction(market: Any, close_row: Any, volume_row: Any) -> None:
    state = market.state[0]
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        if order.auction_ns != state.slice_end_ns or order.order_type < OrderType.MARKET_ON_CLOSE:
            continue
        column = market.columns[order.symbol]
        volume = volume_row[column]
        if order.status >= OrderStatus.FILLED or not volume > 0.0:
            continue
        price = close_row[column]
        if order.order_type == OrderType.MARKET_ON_CLOSE:
            _fill_noted(market, number, price, volume)
        elif _reaches(-order.side, price, order.limit_price, market.symbols[order.symbol].tolerance):
            _fill_noted(market, number, price, volume)
        end_order(market, number, OrderStatus.EXPIRED, Reason.NONE)


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
            end_order(market, number, OrderStatus.EXPIRED, Reason.NONE)


@compiled()
def _play_orders(
    market: Any, open_row: Any, high_row: Any, low_row: Any, close_row: Any, volume_row: Any
) -> None:
    state = market.state[0]
    _play_open(market, open_row, volume_row)
    _play_inside(market, open_row, high_row, low_row, close_row, volume_row)
    state.stage = Stage.CLOSE
    state.now_ns = state.slice_end_ns
    if state.untidy:
        tidy(market)
    if state.slice_end_ns == state.session_close_ns:
        _close_auction(market, close_row, volume_row)
    _trail(market, high_row, low_row, volume_row)


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


@compiled()
def is_quiet(market: Any, start_ns: int, end_ns: int) -> bool:
    """Return whether a slice can change nothing but marks: no order works or arrives, and no session opens."""
    state = market.state[0]
    return bool(
        state.active_count == 0
        and state.next_arrival_ns >= end_ns
        and start_ns >= state.session_open_ns
        and end_ns <= state.session_close_ns
    )


@compiled(types.void(MARKET, types.int64, types.int64, ROW, ROW, ROW, ROW, ROW))
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
    """Play one slice: the clock up to its start, its three stages, and what is due before decisions at its end.

    start_ns, end_ns : of its bars; not before the end of the slice played last
    open_row to volume_row : float64 [columns], the symbol's column is `market.columns[symbol]`; a symbol trades
        where its volume is above zero (NaN = no bar)
    """
    state = market.state[0]
    clock_to(market, start_ns)
    if start_ns >= state.session_open_ns and start_ns < state.session_close_ns:
        state.slice_number += 1
        state.slice_start_ns = start_ns
        state.slice_end_ns = end_ns
        state.bar_end_ns = end_ns
        busy = state.active_count > 0 or state.next_arrival_ns < end_ns
        if busy:
            _play_orders(market, open_row, high_row, low_row, close_row, volume_row)
        mark_slice(market, high_row, low_row, close_row, volume_row)
        if state.next_expiry_ns <= end_ns:
            _end_day_orders(market, volume_row)
        if state.untidy:
            tidy(market)
    clock_past(market, end_ns)
