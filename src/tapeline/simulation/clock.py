"""What happens by the clock, between slices: expiries, session opens, arrivals.

At one time: expiries, then debits and corporate actions of a new session, then arrivals, cancels and
replaces.
"""

from __future__ import annotations

from typing import Any

from tapeline.domain.words import OrderStatus, Reason, Stage
from tapeline.indicators.compiled import compiled
from tapeline.simulation.arrivals import act_first
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
            end_order(market, number, OrderStatus.EXPIRED.value, Reason.NONE.value)
        else:
            earliest = min(earliest, order.expire_ns)
    state.next_expiry_ns = earliest


@compiled()
def run_clock(market: Any, time_ns: int, before_decisions: bool) -> None:
    """Let everything due by the clock up to a time happen, in order of time.

    before_decisions : at the time itself only orders expire; what arrives then comes with or after the
        decisions
    """
    state = market.state[0]
    until_ns = time_ns - before_decisions
    state.stage = Stage.CLOCK
    state.bar_end_ns = 0
    while True:
        now_ns = min(state.next_open_ns, state.next_arrival_ns)
        expires = state.next_expiry_ns <= min(now_ns, time_ns)
        if expires:
            now_ns = state.next_expiry_ns
        elif now_ns > until_ns:
            break
        state.now_ns = now_ns
        state.known_ns = now_ns
        if expires:
            _expire_due(market, now_ns)
        elif state.next_open_ns == now_ns:
            open_session(market)
        else:
            act_first(market)
    if state.untidy:
        tidy(market)
