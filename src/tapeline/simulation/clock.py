"""What happens by the clock, between slices: expiries, session opens, arrivals.

At one time: expiries, then debits and corporate actions of a new session, then arrivals, cancels and replaces.
"""

from __future__ import annotations

from typing import Any

from tapeline.domain.words import OrderStatus, Reason, Stage
from tapeline.indicators.compiled import compiled
from tapeline.simulation.arrivals import act
from tapeline.simulation.corporate_actions import open_session
from tapeline.simulation.market import FOREVER_NS
from tapeline.simulation.order_life import end_order, tidy


@compiled()
def _expire_due(market: Any, time_ns: int) -> None:
    state = market.state[0]
    if state.untidy:
        tidy(market)
    earliest = FOREVER_NS
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        if order.status >= OrderStatus.FILLED:
            continue
        if order.expire_ns <= time_ns:
            end_order(market, number, OrderStatus.EXPIRED, Reason.NONE)
        else:
            earliest = min(earliest, order.expire_ns)
    state.next_expiry_ns = earliest


@compiled()
def _act_first(market: Any) -> None:
    state = market.state[0]
    index = state.waiting_first
    act(market, index)
    state.waiting_first = index + 1
    more = state.waiting_first < state.waiting_end
    state.next_arrival_ns = market.waiting[index + 1].arrival_ns if more else FOREVER_NS


@compiled()
def run_clock(market: Any, expire_until_ns: int, open_until_ns: int, arrive_until_ns: int) -> None:
    """Let everything due by the clock happen, in order of time; each kind up to and including its own bound."""
    state = market.state[0]
    state.stage = Stage.CLOCK
    state.bar_end_ns = 0
    while True:
        expiry = state.next_expiry_ns if state.next_expiry_ns <= expire_until_ns else FOREVER_NS
        opening = state.next_open_ns if state.next_open_ns <= open_until_ns else FOREVER_NS
        arrival = state.next_arrival_ns if state.next_arrival_ns <= arrive_until_ns else FOREVER_NS
        time_ns = min(expiry, opening, arrival)
        if time_ns == FOREVER_NS:
            break
        state.now_ns = time_ns
        state.known_ns = time_ns
        if expiry == time_ns:
            _expire_due(market, time_ns)
        elif opening == time_ns:
            open_session(market)
        else:
            _act_first(market)
    if state.untidy:
        tidy(market)


@compiled()
def clock_to(market: Any, time_ns: int) -> None:
    """Let everything happen up to and including a time."""
    state = market.state[0]
    if state.next_expiry_ns <= time_ns or state.next_open_ns <= time_ns or state.next_arrival_ns <= time_ns:
        run_clock(market, time_ns, time_ns, time_ns)


@compiled()
def clock_past(market: Any, time_ns: int) -> None:
    """Let everything happen before the decisions that are made at a time: expiries at it, the rest before it."""
    state = market.state[0]
    if state.next_expiry_ns <= time_ns or state.next_open_ns < time_ns or state.next_arrival_ns < time_ns:
        run_clock(market, time_ns, time_ns - 1, time_ns - 1)
