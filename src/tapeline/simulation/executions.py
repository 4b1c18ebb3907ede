"""From a price the market offers to executions: how much, at what price, and whether the account may.

The order of the questions: what participation leaves of the bar's volume; the price with slippage, on the
tick; the part that closes a position, which always passes; the part that opens one, if short selling is
allowed and as much of it as cash or buying power pay for. What the account refuses ends the order.

Example: long 10, SELL 15 in a margin account that may sell short: an execution of 10 that closes, then one
of 5 that opens, at one price, each with its own commission.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.domain.words import EventKind, OrderStatus, OrderType, Reason, Side, Stage, TimeInForce
from tapeline.indicators.compiled import compiled
from tapeline.simulation.amounts import (
    CASH_TOLERANCE,
    add_amount,
    add_cash,
    cash_of,
    fill_price,
    notional_parts,
    on_step,
    quantity_of,
    steps_in,
)
from tapeline.simulation.costs import commission_of, slippage_of
from tapeline.simulation.market import NO_ORDER
from tapeline.simulation.order_life import book_fill, end_order, leaves_of, record_order

ALL = np.inf


@compiled()
def share_left(market: Any, symbol: int, volume: float) -> float:
    """Return what participation still leaves of the slice's volume of a symbol."""
    state = market.state[0]
    facts = market.symbols[symbol]
    if facts.share_slice != state.slice_number:
        facts.share_slice = state.slice_number
        facts.share_left = quantity_of(steps_in(state.participation * volume, facts), facts)
    return float(facts.share_left)


@compiled()
def mark_of(market: Any, symbol: int) -> float:
    """Return the last close of a symbol; before the first, its last fill."""
    mark = market.marks[symbol]
    return float(market.symbols[symbol].last_fill_price if np.isnan(mark) else mark)


@compiled()
def _buying_power(market: Any, traded: int, price: float, position: float, cash: float) -> float:
    # the symbol that trades counts at the price of the fill
    gross = abs(position) * price
    equity = cash + position * price
    for symbol in range(len(market.positions)):
        held = market.positions[symbol]
        if held != 0.0 and symbol != traded:
            value = held * mark_of(market, symbol)
            equity += value
            gross += abs(value)
    return float(market.state[0].leverage * equity - gross)


@compiled()
def _exceeds(
    market: Any,
    order: Any,
    price: float,
    quantity: float,
    prior_quantity: float,
    power: float,
    power_low: float,
) -> bool:
    symbol = market.symbols[order.symbol]
    whole, fraction = notional_parts(price, quantity, symbol)
    commission = commission_of(market, order, price, quantity, prior_quantity, market.state[0].slice_end_ns)
    return (power - whole) + (power_low - fraction - commission) < -(CASH_TOLERANCE + 1e-13 * abs(power))


@compiled()
def _payable(
    market: Any, order: Any, price: float, quantity: float, prior_quantity: float, closed_cash: float
) -> float:
    # prior_quantity closes a position before this at the same price, with closed_cash as its result; both are
    # zero when that has already happened
    state = market.state[0]
    symbol = market.symbols[order.symbol]
    if state.is_margin:
        position = market.positions[order.symbol] + order.side * prior_quantity
        power = _buying_power(market, order.symbol, price, position, cash_of(state) + closed_cash)
        power_low = 0.0
    else:
        power, power_low = state.cash_whole, state.cash_fraction
    if not _exceeds(market, order, price, quantity, prior_quantity, power, power_low):
        return quantity
    payable, refused = 0, steps_in(quantity, symbol)
    while refused - payable > 1:
        middle = (payable + refused) // 2
        if _exceeds(market, order, price, quantity_of(middle, symbol), prior_quantity, power, power_low):
            refused = middle
        else:
            payable = middle
    return quantity_of(payable, symbol)


@compiled()
def _execute(market: Any, number: int, quantity: float, price: float) -> None:
    state = market.state[0]
    order = market.orders[number]
    symbol = market.symbols[order.symbol]
    commission = commission_of(market, order, price, quantity, 0.0, state.slice_end_ns)
    whole, fraction = notional_parts(price, quantity, symbol)
    add_cash(state, -order.side * whole, -order.side * fraction)
    add_amount(state, -commission)
    market.positions[order.symbol] = on_step(market.positions[order.symbol] + order.side * quantity, symbol)
    symbol.last_fill_price = price
    symbol.share_left = on_step(symbol.share_left - quantity, symbol)
    order.filled = on_step(order.filled + quantity, symbol)
    order.notional += price * quantity
    order.commission += commission
    order.status = OrderStatus.PARTIALLY_FILLED
    event = record_order(market, EventKind.FILL.value, number, Reason.NONE.value)
    event.quantity = quantity
    event.price = price
    event.commission = commission
    if event.leaves <= 0.0:
        order.status = OrderStatus.FILLED
        order.ended_ns = state.now_ns
        state.untidy = True
    book_fill(market, number, quantity, price)


@compiled()
def _open_position(market: Any, number: int, quantity: float, price: float) -> None:
    order = market.orders[number]
    if order.side == Side.SELL and not market.state[0].short_allowed:
        end_order(market, number, OrderStatus.CANCELED.value, Reason.SHORT_NOT_ALLOWED.value)
        return
    payable = _payable(market, order, price, quantity, 0.0, 0.0)
    if payable > 0.0:
        _execute(market, number, payable, price)
    if payable < quantity:
        reason = Reason.INSUFFICIENT_CASH.value
        if market.state[0].is_margin:
            reason = Reason.INSUFFICIENT_BUYING_POWER.value
        end_order(market, number, OrderStatus.CANCELED.value, reason)


@compiled()
def _fits_whole(market: Any, order: Any, closing: float, opening: float, price: float) -> bool:
    # whether a fill-or-kill order is done at once: volume, short selling and money
    symbol = market.symbols[order.symbol]
    if on_step(closing + opening, symbol) < leaves_of(market, order):
        return False
    if opening <= 0.0:
        return True
    if order.side == Side.SELL and not market.state[0].short_allowed:
        return False
    closed_cash = 0.0
    if closing > 0.0:
        commission = commission_of(market, order, price, closing, 0.0, market.state[0].slice_end_ns)
        closed_cash = -order.side * price * closing - commission
    return bool(_payable(market, order, price, opening, closing, closed_cash) >= opening)


@compiled()
def _note_entry_fill(state: Any, order: Any, market_price: float, quantity: float) -> None:
    # the children of an entry need to know how it filled in this bar
    if order.bar_slice != state.slice_number:
        order.bar_slice = state.slice_number
        order.bar_by_stop = 0.0
        order.bar_by_limit = 0.0
    order.bar_price = market_price
    if state.stage == Stage.INSIDE:
        kind = order.order_type
        if kind == OrderType.STOP or kind == OrderType.TRAILING_STOP or order.idle_slice == state.slice_number:
            order.bar_by_stop += quantity
        else:
            order.bar_by_limit += quantity


@compiled()
def fill(market: Any, number: int, market_price: float, most: float, volume: float) -> None:
    """Fill an order at a market price as far as volume and account allow.

    market_price : before slippage; most : bound on the quantity, ALL without; volume : of the bar
    What the account refuses is canceled with the rest of the order; what participation holds back waits. An
    FOK order fills whole or not at all.
    """
    order = market.orders[number]
    symbol = market.symbols[order.symbol]
    quantity = min(leaves_of(market, order), min(most, share_left(market, order.symbol, volume)))
    if quantity <= 0.0:
        return
    price = market_price
    if order.slips:
        price += order.side * slippage_of(market, order.symbol, market_price, quantity, volume)
    price = fill_price(price, order.side, symbol)
    position = market.positions[order.symbol]
    closing = 0.0
    if position * order.side < 0.0:
        closing = min(quantity, abs(position))
    opening = on_step(quantity - closing, symbol)
    if order.time_in_force == TimeInForce.FOK and not _fits_whole(market, order, closing, opening, price):
        return
    filled_before = order.filled
    if closing > 0.0:
        _execute(market, number, closing, price)
    if opening > 0.0 and order.status < OrderStatus.FILLED:
        _open_position(market, number, opening, price)
    if order.filled > filled_before and (order.stop_child != NO_ORDER or order.target_child != NO_ORDER):
        _note_entry_fill(market.state[0], order, market_price, on_step(order.filled - filled_before, symbol))
