"""Instructions on their way to the market: submit, cancel, replace, and what each does when it arrives.

Every instruction gets a sequence number in the order of decision. It waits until its arrival; those that
arrive at one time act by sequence. An order is known by the number that `submit` returns, its row in
`market.orders`; its sequence changes when a replace makes it arrive anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from tapeline.domain.words import EventKind, OrderStatus, OrderType, Reason, Role, TimeInForce
from tapeline.indicators.compiled import compiled
from tapeline.simulation.corporate_actions import round_order_prices
from tapeline.simulation.market import (
    AS_LIMIT,
    AS_MARKET,
    AS_STOP,
    AT_CLOSE,
    AT_OPEN,
    CANCEL,
    FOREVER_NS,
    MARKET,
    NO_ORDER,
    REPLACE,
    SUBMIT,
    VOIDED,
    keep_orders,
    keep_waiting,
)
from tapeline.simulation.order_life import (
    activate,
    end_order,
    leaves_of,
    record_order,
    session_at,
    set_expiry,
)
from tapeline.simulation.references import COUNTED, UNCOUNTED

INT, FLOAT = types.int64, types.float64
UNCHANGED = -1


@compiled(**COUNTED)
def _grow_waiting(market: Any, first: int, end: int) -> None:
    bigger = np.empty(2 * end, market.waiting.dtype)
    for index in range(first, end):
        bigger[index - first] = market.waiting[index]
    keep_waiting(market, bigger)


@compiled()
def _enqueue(market: Any, kind: int, number: int, decided_ns: int, arrival_ns: int) -> Any:
    # returns the instruction's row, in its place by arrival; its sequence is always the newest
    state = market.state[0]
    if state.waiting_first == state.waiting_end:
        state.waiting_first = state.waiting_end = 0
    first, end = state.waiting_first, state.waiting_end
    if end == len(market.waiting):
        if 2 * first < end:
            _grow_waiting(market, first, end)
        else:
            for index in range(first, end):
                market.waiting[index - first] = market.waiting[index]
        first, end = 0, end - first
    waiting = market.waiting
    place = end
    while place > first and waiting[place - 1].arrival_ns > arrival_ns:
        waiting[place] = waiting[place - 1]
        place -= 1
    state.waiting_first, state.waiting_end = first, end + 1
    instruction = waiting[place]
    instruction.kind = kind
    instruction.order = number
    instruction.decided_ns = decided_ns
    instruction.arrival_ns = arrival_ns
    instruction.sequence = state.sequence
    state.sequence += 1
    state.next_arrival_ns = waiting[first].arrival_ns
    return instruction


@compiled()
def _classify(order: Any) -> None:
    # how the market treats a type; limits never pay slippage
    kind = order.order_type
    order.slips = True
    if kind == OrderType.MARKET:
        order.acts_as = AS_MARKET
    elif kind == OrderType.LIMIT:
        order.acts_as, order.slips = AS_LIMIT, False
    elif kind <= OrderType.TRAILING_STOP:
        order.acts_as, order.slips = AS_STOP, kind != OrderType.STOP_LIMIT
    elif kind <= OrderType.LIMIT_ON_OPEN:
        order.acts_as, order.slips = AT_OPEN, kind == OrderType.MARKET_ON_OPEN
    else:
        order.acts_as, order.slips = AT_CLOSE, kind == OrderType.MARKET_ON_CLOSE


@compiled(**COUNTED)
def _grow_orders(market: Any) -> None:
    count = len(market.orders)
    bigger = np.empty(4 * count, market.orders.dtype)
    for row in range(count):
        bigger[row] = market.orders[row]
    keep_orders(market, bigger)


@compiled()
def _new_order(market: Any) -> int:
    state = market.state[0]
    count = state.order_count
    if count == len(market.orders):
        _grow_orders(market)
    state.order_count = count + 1
    return int(count)


@compiled(INT(MARKET, *[INT] * 4, *[FLOAT] * 5, *[INT] * 6), **UNCOUNTED)
def submit(
    market: Any,
    symbol: int,
    side: int,
    order_type: int,
    time_in_force: int,
    quantity: float,
    limit_price: float,
    stop_price: float,
    trail_amount: float,
    trail_percent: float,
    expire_ns: int,
    decided_ns: int,
    arrival_ns: int,
    parent: int,
    role: int,
    group: int,
) -> int:
    """Send an order on its way; return its number.

    quantity : a positive multiple of the symbol's step; ignored for a bracket's child, which follows its
        entry
    limit_price, stop_price, trail_amount, trail_percent : NaN where the type has none (5 = 5 %)
    expire_ns : of a GTD order, else ignored
    parent, role : of a bracket's child: the entry's number, Role.STOP or Role.TARGET; else NO_ORDER, any
        role. Submit the entry first, then its stop, then its target, all decided and arriving at one time.
    group : orders with one number of zero or more cancel one another; -1 = none; ignored for a bracket's
        child
    """
    number = _new_order(market)
    order = market.orders[number]
    instruction = _enqueue(market, SUBMIT, number, decided_ns, arrival_ns)
    child = parent != NO_ORDER
    order.quantity = 0.0 if child else quantity
    order.filled = 0.0
    order.notional = 0.0
    order.commission = 0.0
    order.limit_price = limit_price
    order.stop_price = stop_price
    order.trail_amount = trail_amount
    order.trail_percent = trail_percent
    order.extreme = np.nan
    order.bar_price = np.nan
    order.bar_by_stop = 0.0
    order.bar_by_limit = 0.0
    order.decided_ns = decided_ns
    order.accepted_ns = arrival_ns
    order.arrival_ns = arrival_ns
    order.sequence = instruction.sequence
    order.expire_ns = expire_ns if time_in_force == TimeInForce.GTD else FOREVER_NS
    order.auction_ns = FOREVER_NS
    order.ended_ns = 0
    order.bar_slice = 0
    order.born_slice = 0
    order.late_slice = 0
    order.idle_slice = 0
    order.group = NO_ORDER if child else group
    order.parent = parent
    order.stop_child = NO_ORDER
    order.target_child = NO_ORDER
    order.symbol = symbol
    order.side = side
    order.order_type = order_type
    order.time_in_force = time_in_force
    order.status = OrderStatus.PENDING_NEW
    order.reason = Reason.NONE
    order.role = role
    order.triggered = False
    order.dormant = child
    order.immediate = time_in_force == TimeInForce.IOC or time_in_force == TimeInForce.FOK
    _classify(order)
    if child:
        if role == Role.STOP:
            market.orders[parent].stop_child = number
        else:
            market.orders[parent].target_child = number
    return number


@compiled(types.void(MARKET, INT, INT, INT), **UNCOUNTED)
def cancel(market: Any, number: int, decided_ns: int, arrival_ns: int) -> None:
    """Send a cancel of an order on its way."""
    _enqueue(market, CANCEL, number, decided_ns, arrival_ns)


@compiled(types.void(MARKET, *[INT] * 3, *[FLOAT] * 5, *[INT] * 2), **UNCOUNTED)
def replace(
    market: Any,
    number: int,
    decided_ns: int,
    arrival_ns: int,
    quantity: float,
    limit_price: float,
    stop_price: float,
    trail_amount: float,
    trail_percent: float,
    time_in_force: int,
    expire_ns: int,
) -> None:
    """Send a replace on its way.

    quantity : the new total. NaN, and -1 for the last two, leave a field unchanged.
    """
    instruction = _enqueue(market, REPLACE, number, decided_ns, arrival_ns)
    instruction.quantity = quantity
    instruction.limit_price = limit_price
    instruction.stop_price = stop_price
    instruction.trail_amount = trail_amount
    instruction.trail_percent = trail_percent
    instruction.time_in_force = time_in_force
    instruction.expire_ns = expire_ns


@compiled()
def _join_auction(market: Any, order: Any) -> bool:
    # returns whether the order is in time; what is not filled at an open expires right after it, so that an
    # order arriving at the open itself still takes part
    session = session_at(market, order.arrival_ns)
    if order.acts_as == AT_OPEN:
        if session < len(market.sessions) and market.sessions[session].open_ns < order.arrival_ns:
            session += 1
        if session < len(market.sessions):
            order.auction_ns = market.sessions[session].open_ns
            order.expire_ns = order.auction_ns + 1
        return True
    if session >= len(market.sessions):
        return True
    order.auction_ns = market.sessions[session].close_ns
    order.expire_ns = order.auction_ns
    return bool(order.arrival_ns <= market.sessions[session].last_bar_start_ns)


@compiled()
def _arrive(market: Any, number: int) -> bool:
    # what an order that arrives, or arrives anew, does first; returns whether it works
    order = market.orders[number]
    if order.acts_as >= AT_OPEN:
        order.auction_ns = FOREVER_NS
        order.expire_ns = FOREVER_NS
        if not _join_auction(market, order):
            end_order(market, number, OrderStatus.REJECTED.value, Reason.TOO_LATE.value)
            return False
    set_expiry(market, order)
    if order.expire_ns <= order.arrival_ns:
        end_order(market, number, OrderStatus.EXPIRED.value, Reason.NONE.value)
        return False
    return True


@compiled()
def accept(market: Any, number: int) -> None:
    """Let an order arrive, once. One that has ended on its way stays ended."""
    order = market.orders[number]
    if order.status != OrderStatus.PENDING_NEW:
        return
    order.status = OrderStatus.NEW
    round_order_prices(order, market.symbols[order.symbol])
    if order.order_type == OrderType.TRAILING_STOP:
        order.extreme = market.marks[order.symbol]
        if order.parent != NO_ORDER and not order.dormant:
            # its entry was faster and has filled already
            entry = market.orders[order.parent]
            order.extreme = entry.notional / entry.filled
    record_order(market, EventKind.ACCEPTED.value, number, Reason.NONE.value)
    if _arrive(market, number):
        activate(market, number)


@compiled()
def _differs(now: float, asked: float) -> bool:
    return not np.isnan(asked) and now != asked


@compiled()
def _change_terms(market: Any, order: Any, asked: Any) -> bool:
    # returns whether anything besides the quantity changes
    symbol = market.symbols[order.symbol]
    limit_price, stop_price = order.limit_price, order.stop_price
    changed = False
    if not np.isnan(asked.limit_price):
        order.limit_price = asked.limit_price
    if not np.isnan(asked.stop_price):
        order.stop_price = asked.stop_price
    round_order_prices(order, symbol)
    changed = _differs(limit_price, order.limit_price) or _differs(stop_price, order.stop_price)
    if _differs(order.trail_amount, asked.trail_amount):
        order.trail_amount, order.trail_percent = asked.trail_amount, np.nan
        changed = True
    if _differs(order.trail_percent, asked.trail_percent):
        order.trail_amount, order.trail_percent = np.nan, asked.trail_percent
        changed = True
    if order.acts_as >= AT_OPEN:
        return changed
    if asked.time_in_force != UNCHANGED and asked.time_in_force != order.time_in_force:
        order.time_in_force = asked.time_in_force
        order.immediate = asked.time_in_force == TimeInForce.IOC or asked.time_in_force == TimeInForce.FOK
        changed = True
    if asked.expire_ns != UNCHANGED and order.time_in_force == TimeInForce.GTD and asked.expire_ns != order.expire_ns:
        order.expire_ns = asked.expire_ns
        changed = True
    return changed


@compiled()
def _apply_replace(market: Any, asked: Any) -> None:
    number = asked.order
    order = market.orders[number]
    old_quantity = order.quantity
    changed = False
    if order.parent == NO_ORDER and _differs(order.quantity, asked.quantity):
        order.quantity = max(asked.quantity, order.filled)
        if leaves_of(market, order) <= 0.0:
            end_order(market, number, OrderStatus.CANCELED.value, Reason.REQUESTED.value)
            return
        changed = order.quantity > old_quantity
    changed = _change_terms(market, order, asked) or changed
    if changed:
        order.sequence = asked.sequence
        market.state[0].untidy = True
        if not order.dormant:
            order.arrival_ns = asked.arrival_ns
    record_order(market, EventKind.REPLACED.value, number, Reason.REQUESTED.value)
    if changed and (order.dormant or _arrive(market, number)):
        if order.dormant:
            set_expiry(market, order)
        market.state[0].next_expiry_ns = min(market.state[0].next_expiry_ns, order.expire_ns)


@compiled()
def act_first(market: Any) -> None:
    """Let the first waiting instruction act; one that finds its order not arrived, or ended, does nothing."""
    state = market.state[0]
    index = state.waiting_first
    instruction = market.waiting[index]
    number = instruction.order
    if number == VOIDED:
        pass
    elif instruction.kind == SUBMIT:
        accept(market, number)
    else:
        order = market.orders[number]
        works = order.status != OrderStatus.PENDING_NEW and order.status < OrderStatus.FILLED
        if works and order.accepted_ns <= instruction.arrival_ns:
            if instruction.kind == CANCEL:
                end_order(market, number, OrderStatus.CANCELED.value, Reason.REQUESTED.value)
            else:
                _apply_replace(market, instruction)
    state.waiting_first = index + 1
    state.next_arrival_ns = FOREVER_NS
    if index + 1 < state.waiting_end:
        state.next_arrival_ns = market.waiting[index + 1].arrival_ns
