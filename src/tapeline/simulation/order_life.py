"""The life of an order in the simulated market: its events, its end, its bracket and its group.

A bracket's child is kept with `quantity` = what it has filled + what it still works for, so "leaves" means
the same for every order. An entry's fill adds to both children; a child's fill takes from its sibling, just
as in any one-cancels-other group.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.domain.words import EventKind, OrderStatus, OrderType, Reason, Role, Stage, TimeInForce
from tapeline.indicators.compiled import compiled
from tapeline.simulation.amounts import on_step, quantity_of, steps_in
from tapeline.simulation.market import (
    AT_OPEN,
    FOREVER_NS,
    NO_ORDER,
    NO_SYMBOL,
    SUBMIT,
    keep_active,
    keep_events,
)
from tapeline.simulation.references import COUNTED


@compiled(**COUNTED)
def _grow_events(market: Any) -> None:
    count = len(market.events)
    bigger = np.empty(4 * count, market.events.dtype)
    for row in range(count):
        bigger[row] = market.events[row]
    keep_events(market, bigger)


@compiled()
def record(market: Any, kind: int) -> Any:
    """Append an event without order and symbol; return its row, to be used at once."""
    state = market.state[0]
    count = state.event_count
    if count == len(market.events):
        _grow_events(market)
    state.event_count = count + 1
    event = market.events[count]
    event.time_ns = state.now_ns
    event.bar_end_ns = state.bar_end_ns
    event.order = NO_ORDER
    event.quantity = 0.0
    event.leaves = 0.0
    event.price = np.nan
    event.commission = 0.0
    event.amount = 0.0
    event.symbol = NO_SYMBOL
    event.kind = kind
    event.stage = state.stage
    event.side = 0
    event.reason = Reason.NONE
    return event


@compiled()
def record_order(market: Any, kind: int, number: int, reason: int) -> Any:
    """Append an event of an order, with its total and leaves; return its row, to be used at once."""
    order = market.orders[number]
    event = record(market, kind)
    event.order = number
    event.symbol = order.symbol
    event.side = order.side
    event.quantity = order.quantity
    event.reason = reason
    if order.status < OrderStatus.FILLED:
        event.leaves = leaves_of(market, order)
    return event


@compiled()
def leaves_of(market: Any, order: Any) -> float:
    """Return the quantity an order still works for."""
    return float(on_step(order.quantity - order.filled, market.symbols[order.symbol]))


@compiled(**COUNTED)
def _grow_active(market: Any) -> None:
    count = len(market.active)
    bigger = np.empty(4 * count, np.int64)
    for row in range(count):
        bigger[row] = market.active[row]
    keep_active(market, bigger)


@compiled()
def activate(market: Any, number: int) -> None:
    """Let an order work: put it among the active ones, by arrival, then sequence."""
    state = market.state[0]
    count = state.active_count
    if count == len(market.active):
        _grow_active(market)
    market.active[count] = number
    state.active_count = count + 1
    state.untidy = True
    state.next_expiry_ns = min(state.next_expiry_ns, market.orders[number].expire_ns)


@compiled()
def tidy(market: Any) -> None:
    """Drop ended orders from the active ones and restore their order by arrival, then sequence."""
    state = market.state[0]
    orders, active = market.orders, market.active
    kept = 0
    for index in range(state.active_count):
        number = active[index]
        order = orders[number]
        if order.status >= OrderStatus.FILLED:
            continue
        place = kept
        while place > 0:
            other = orders[active[place - 1]]
            if other.arrival_ns < order.arrival_ns:
                break
            if other.arrival_ns == order.arrival_ns and other.sequence < order.sequence:
                break
            active[place] = active[place - 1]
            place -= 1
        active[place] = number
        kept += 1
    state.active_count = kept
    state.untidy = False


@compiled()
def session_at(market: Any, time_ns: int) -> int:
    """Return the session that contains a time, or the next one; the number of sessions if there is none.

    The time must not lie before the newest session that has opened.
    """
    session = max(market.state[0].session, 0)
    while session < len(market.sessions) and market.sessions[session].close_ns <= time_ns:
        session += 1
    return int(session)


@compiled()
def day_end_ns(market: Any, time_ns: int) -> int:
    """Return when a DAY order that arrives at a time expires."""
    session = session_at(market, time_ns)
    if session >= len(market.sessions):
        return FOREVER_NS
    return int(market.sessions[session].close_ns)


@compiled()
def set_expiry(market: Any, order: Any) -> None:
    """Give a DAY, IOC, FOK or GTC order the time at which the clock ends it; GTD brings its own."""
    if order.acts_as >= AT_OPEN or order.time_in_force == TimeInForce.GTD:
        return
    if order.time_in_force == TimeInForce.GTC or order.dormant:
        order.expire_ns = FOREVER_NS
    else:
        order.expire_ns = day_end_ns(market, order.arrival_ns)


@compiled()
def _close_order(market: Any, number: int, status: int, reason: int) -> None:
    order = market.orders[number]
    order.status = status
    order.reason = reason
    order.ended_ns = market.state[0].now_ns
    market.state[0].untidy = True
    kind = EventKind.CANCELED.value
    if status == OrderStatus.EXPIRED:
        kind = EventKind.EXPIRED.value
    elif status == OrderStatus.REJECTED:
        kind = EventKind.REJECTED.value
    record_order(market, kind, number, reason)


@compiled()
def end_order(market: Any, number: int, status: int, reason: int) -> None:
    """End an order unfilled or partly filled: CANCELED, EXPIRED or REJECTED. One that has ended stays as it
    is.

    Children of an entry that ends without a fill are canceled (`no_entry`).
    """
    order = market.orders[number]
    if order.status >= OrderStatus.FILLED:
        return
    _close_order(market, number, status, reason)
    if order.filled > 0.0:
        return
    for child in (order.stop_child, order.target_child):
        if child != NO_ORDER and market.orders[child].status < OrderStatus.FILLED:
            _close_order(market, child, OrderStatus.CANCELED.value, Reason.NO_ENTRY.value)


@compiled()
def leave_entry(market: Any, order: Any) -> None:
    """Cancel what is left of the entry whose child triggers or fills."""
    if order.parent != NO_ORDER:
        end_order(market, order.parent, OrderStatus.CANCELED.value, Reason.EXIT.value)


@compiled()
def reduce_order(market: Any, number: int, quantity: float) -> None:
    """Take from an order what another member of its group has filled."""
    order = market.orders[number]
    if order.status >= OrderStatus.FILLED or order.dormant:
        return
    # the other member may trade in finer steps: what is left is cut to the steps of this one
    symbol = market.symbols[order.symbol]
    left = quantity_of(steps_in(max(order.quantity - order.filled - quantity, 0.0), symbol), symbol)
    order.quantity = on_step(order.filled + left, symbol)
    if left <= 0.0:
        end_order(market, number, OrderStatus.CANCELED.value, Reason.ONE_CANCELS_OTHER.value)
    else:
        record_order(market, EventKind.REPLACED.value, number, Reason.ONE_CANCELS_OTHER.value)


@compiled()
def reduce_group(market: Any, number: int, quantity: float) -> None:
    """Take a fill from the other members of its one-cancels-other group, those on their way included."""
    group = market.orders[number].group
    if group < 0:
        return
    state = market.state[0]
    for index in range(state.active_count):
        other = market.active[index]
        if other != number and market.orders[other].group == group:
            reduce_order(market, other, quantity)
    for index in range(state.waiting_first, state.waiting_end):
        other = market.waiting[index].order
        if market.waiting[index].kind != SUBMIT or market.orders[other].group != group:
            continue
        on_its_way = market.orders[other].status == OrderStatus.PENDING_NEW
        if on_its_way and market.orders[other].decided_ns <= state.known_ns:
            reduce_order(market, other, quantity)


@compiled()
def _feed_child(market: Any, number: int, quantity: float, price: float) -> None:
    # an entry's fill is what its children work for; the first one wakes them
    child = market.orders[number]
    if child.status >= OrderStatus.FILLED:
        return
    state = market.state[0]
    child.quantity = on_step(child.quantity + quantity, market.symbols[child.symbol])
    if not child.dormant:
        return
    child.dormant = False
    if child.status == OrderStatus.PENDING_NEW:
        return  # it starts when it arrives
    # it arrives at the start of the bar whose open filled its entry, else at the bar's end
    child.arrival_ns = state.slice_start_ns if state.stage == Stage.OPEN else state.slice_end_ns
    if child.order_type == OrderType.TRAILING_STOP:
        child.extreme = price
    set_expiry(market, child)
    state.next_expiry_ns = min(state.next_expiry_ns, child.expire_ns)
    state.untidy = True
    if state.stage == Stage.OPEN:
        child.born_slice = state.slice_number
    elif state.stage == Stage.INSIDE:
        child.late_slice = state.slice_number
        state.late_slice = state.slice_number


@compiled()
def book_fill(market: Any, number: int, quantity: float, price: float) -> None:
    """Carry a fill on to what depends on it: children, entry and group."""
    order = market.orders[number]
    for child in (order.stop_child, order.target_child):
        if child != NO_ORDER:
            _feed_child(market, child, quantity, price)
    if order.parent != NO_ORDER:
        leave_entry(market, order)
        entry = market.orders[order.parent]
        sibling = entry.target_child if order.role == Role.STOP else entry.stop_child
        if sibling != NO_ORDER:
            reduce_order(market, sibling, quantity)
    reduce_group(market, number, quantity)
