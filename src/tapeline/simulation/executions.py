"""From a price the market offers to executions: how much, at what price, and whether the account may.

The order of the questions: what participation leaves of the bar's volume; the price with slippage, on the tick;
the part that closes a position, which always passes; the part that opens one, if short selling is allowed and as
much of it as cash or buying power pay for. What the account refuses ends the order.

Example: long 10, SELL 15 in a margin account that may sell short: an execution of 10 that closes, then one of 5
that opens, at one price, each with its own commission.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.domain.words import EventKind, OrderStatus, OrderType, Reason, Side
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
from tapeline.simulation.order_life import book_fill, cancel_order, leaves_of, record

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
    market: Any, order: Any, price: float, quantity: float, prior_quantity: float, power: float, power_low: float
) -> bool:
    symbol = market.symbols[order.symbol]
    whole, fraction = notional_parts(price, quantity, symbol)
    commission = commission_of(market, order, price, quantity, prior_quantity, market.state[0].slice_end_ns)
    return (power - whole) + (power_low - fraction - commission) < -(CASH_TOLERANCE + 1e-13 * abs(power))


@compiled()
def _payable(market: Any, order: Any, price: float, quantity: float, prior_quantity: float, closed_cash: float) -> float:
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
    position = market.positions[order.symbol] + order.side * quantity
    market.positions[order.symbol] = on_step(position, symbol)
    symbol.last_fill_price = price
    symbol.share_left = on_step(symbol.share_left - quantity, symbol)
    order.filled = on_step(order.filled + quantity, symbol)
    order.notional += price * quantity
    order.commission += commission
    leaves = leaves_of(market, number)
    order.status = OrderStatus.FILLED if leaves <= 0.0 else OrderStatus.PARTIALLY_FILLED
    event = record(market, EventKind.FILL, number, order.symbol)
    event.quantity = quantity
    event.leaves = leaves
    event.price = price
    event.commission = commission
    event.side = order.side
    if order.status == OrderStatus.FILLED:
        order.ended_ns = state.now_ns
        state.untidy = True
    book_fill(market, number, quantity, price)


@compiled()
def _closing_part(position: float, side: int, quantity: float) -> float:
    if position * side >= 0.0:
        return 0.0
    return min(quantity, abs(position))


@compiled()
def _pays_slippage(order: Any) -> bool:
    kind = order.order_type
    return (
        kind == OrderType.MARKET
        or kind == OrderType.STOP
        or kind == OrderType.TRAILING_STOP
        or kind == OrderType.MARKET_ON_OPEN
        or kind == OrderType.MARKET_ON_CLOSE
    )


@compiled()
def _offer(market: Any, number: int, price: float, most: float, volume: float) -> tuple[float, float]:
    order = market.orders[number]
    symbol = market.symbols[order.symbol]
    quantity = min(leaves_of(market, number), most, share_left(market, order.symbol, volume))
    if quantity <= 0.0:
        return 0.0, price
    if _pays_slippage(order):
        price += order.side * slippage_of(market, order.symbol, price, quantity, volume)
    return quantity, fill_price(price, order.side, symbol)


@compiled()
def fill(market: Any, number: int, price: float, most: float, volume: float) -> float:
    """Fill an order at a market price as far as volume and account allow; return the executed quantity.

    price : before slippage; most : bound on the quantity, ALL without; volume : of the bar
    What the account refuses is canceled with the rest of the order; what participation holds back waits.
    """
    order = market.orders[number]
    filled_before = order.filled
    quantity, price = _offer(market, number, price, most, volume)
    if quantity <= 0.0:
        return 0.0
    symbol = market.symbols[order.symbol]
    closing = _closing_part(market.positions[order.symbol], order.side, quantity)
    if closing > 0.0:
        _execute(market, number, closing, price)
    opening = on_step(quantity - closing, symbol)
    if opening > 0.0 and order.status < OrderStatus.FILLED:
        if order.side == Side.SELL and not market.state[0].short_allowed:
            cancel_order(market, number, Reason.SHORT_NOT_ALLOWED)
        else:
            payable = _payable(market, order, price, opening, 0.0, 0.0)
            if payable > 0.0:
                _execute(market, number, payable, price)
            if payable < opening:
                margin = market.state[0].is_margin
                cancel_order(market, number, Reason.INSUFFICIENT_BUYING_POWER if margin else Reason.INSUFFICIENT_CASH)
    return float(on_step(order.filled - filled_before, symbol))


@compiled()
def can_fill_whole(market: Any, number: int, price: float, volume: float) -> bool:
    """Return whether all that is left of an order would fill at once: volume, short selling and money."""
    order = market.orders[number]
    leaves = leaves_of(market, number)
    quantity, price = _offer(market, number, price, ALL, volume)
    if quantity < leaves:
        return False
    symbol = market.symbols[order.symbol]
    closing = _closing_part(market.positions[order.symbol], order.side, quantity)
    opening = on_step(quantity - closing, symbol)
    if opening <= 0.0:
        return True
    if order.side == Side.SELL and not market.state[0].short_allowed:
        return False
    closed_cash = 0.0
    if closing > 0.0:
        commission = commission_of(market, order, price, closing, 0.0, market.state[0].slice_end_ns)
        closed_cash = -order.side * price * closing - commission
    return bool(_payable(market, order, price, opening, closing, closed_cash) >= opening)
