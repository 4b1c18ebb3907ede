"""What happens at a new session's open: borrow, interest, dividends, splits, in this order.

Example of a split, 3 for 2, of 5 shares at a mark of 105.00: 7.5 shares, cut to 7; the half share is paid at
105 / 1.5 = 70.00, 35.00. A BUY limit of 100.01 for 5 becomes 66.67 for 7: order prices are rounded as at
arrival, trails, extremes and marks stay exact.
"""

from __future__ import annotations

from typing import Any

from tapeline.domain.times import DAY
from tapeline.domain.words import EventKind, OrderStatus, Reason
from tapeline.indicators.compiled import compiled
from tapeline.simulation.amounts import (
    add_amount,
    cash_of,
    half_up_cents,
    on_step,
    quantity_of,
    round_price,
    steps_in,
)
from tapeline.simulation.costs import remember_session
from tapeline.simulation.executions import mark_of
from tapeline.simulation.market import FOREVER_NS, NO_SYMBOL, REPLACE, SUBMIT, VOIDED
from tapeline.simulation.order_life import end_order, leaves_of, record, record_order

DAYS_PER_YEAR = 360


@compiled()
def _pay(market: Any, kind: int, symbol: int, amount: float) -> None:
    if amount != 0.0:
        add_amount(market.state[0], amount)
        event = record(market, kind)
        event.symbol = symbol
        event.amount = amount


@compiled()
def _charge_holding(market: Any, days: int) -> None:
    state = market.state[0]
    if state.borrow_rate > 0.0:
        for symbol in range(len(market.positions)):
            position = market.positions[symbol]
            if position < 0.0:
                value = -position * mark_of(market, symbol)
                fee = half_up_cents(value * state.borrow_rate * days / DAYS_PER_YEAR)
                _pay(market, EventKind.BORROW.value, symbol, -fee)
    cash = cash_of(state)
    if cash < 0.0 and state.interest_rate > 0.0:
        _pay(
            market,
            EventKind.INTEREST.value,
            NO_SYMBOL,
            -half_up_cents(-cash * state.interest_rate * days / DAYS_PER_YEAR),
        )


@compiled()
def round_order_prices(order: Any, symbol: Any) -> None:
    """Put an order's prices on the tick: limits away from filling, triggers away from the market."""
    order.limit_price = round_price(order.limit_price, order.side < 0, symbol)
    order.stop_price = round_price(order.stop_price, order.side > 0, symbol)


@compiled()
def _split_order(market: Any, number: int, new: float, old: float) -> None:
    order = market.orders[number]
    symbol = market.symbols[order.symbol]
    leaves = leaves_of(market, order)
    kept = quantity_of(steps_in(leaves * new / old, symbol), symbol)
    order.quantity = on_step(order.filled + kept, symbol)
    order.limit_price = order.limit_price * old / new
    order.stop_price = order.stop_price * old / new
    order.trail_amount = order.trail_amount * old / new
    order.extreme = order.extreme * old / new
    round_order_prices(order, symbol)
    if leaves > 0.0 and kept <= 0.0:
        end_order(market, number, OrderStatus.CANCELED.value, Reason.CORPORATE_ACTION.value)
    else:
        record_order(market, EventKind.REPLACED.value, number, Reason.CORPORATE_ACTION.value)


@compiled()
def _split_orders(market: Any, symbol: int, new: float, old: float, open_ns: int) -> None:
    state = market.state[0]
    for index in range(state.active_count):
        number = market.active[index]
        order = market.orders[number]
        if order.symbol == symbol and order.status < OrderStatus.FILLED and order.decided_ns < open_ns:
            _split_order(market, number, new, old)
    for index in range(state.waiting_first, state.waiting_end):
        instruction = market.waiting[index]
        if instruction.order == VOIDED or instruction.decided_ns >= open_ns:
            continue
        order = market.orders[instruction.order]
        if order.symbol != symbol:
            continue
        if instruction.kind == SUBMIT and order.status < OrderStatus.FILLED:
            _split_order(market, instruction.order, new, old)
        elif instruction.kind == REPLACE:
            instruction.order = VOIDED


@compiled()
def _split(market: Any, symbol: int, new: float, old: float, open_ns: int) -> None:
    facts = market.symbols[symbol]
    event = record(market, EventKind.SPLIT.value)
    event.symbol = symbol
    event.amount = new / old
    position = market.positions[symbol]
    if position != 0.0:
        exact = abs(position) * new / old
        kept = quantity_of(steps_in(exact, facts), facts)
        side = 1.0 if position > 0.0 else -1.0
        market.positions[symbol] = side * kept
        fraction = exact - kept
        if fraction > 1e-9 * facts.step:
            paid = half_up_cents(fraction * mark_of(market, symbol) * old / new)
            _pay(market, EventKind.FRACTION_PAID.value, symbol, side * paid)
    market.marks[symbol] = market.marks[symbol] * old / new
    facts.last_fill_price = facts.last_fill_price * old / new
    for index in range(market.history.shape[1]):
        market.history[symbol, index] = market.history[symbol, index] * old / new
    _split_orders(market, symbol, new, old, open_ns)


@compiled()
def open_session(market: Any) -> None:
    """Open the next session: take leave of the one before, then debits and corporate actions."""
    state = market.state[0]
    session = state.session + 1
    open_ns = market.sessions[session].open_ns
    state.session = session
    state.session_open_ns = open_ns
    state.session_close_ns = market.sessions[session].close_ns
    state.next_open_ns = market.sessions[session + 1].open_ns if session + 1 < len(market.sessions) else FOREVER_NS
    remember_session(market)
    if session > 0:
        _charge_holding(market, open_ns // DAY - market.sessions[session - 1].open_ns // DAY)
    while state.next_action < len(market.actions) and market.actions[state.next_action].session <= session:
        action = market.actions[state.next_action]
        state.next_action += 1
        if action.is_split:
            _split(market, action.symbol, action.new, action.old, open_ns)
        else:
            _pay(
                market, EventKind.DIVIDEND.value, action.symbol,
                half_up_cents(action.amount * market.positions[action.symbol]),
            )  # fmt: skip
