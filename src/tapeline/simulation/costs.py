"""What an execution costs: commission, regulatory fees and slippage.

Commission of 250 shares at 25.00 in fills of 100, 100 and 50, at 0.005 per share with a minimum of 1.00 per
order: the order's total so far is 1.00, 1.00, 1.25; the executions pay 1.00, 0.00 and 0.25. What was paid is
always the rounded total so far, so it is computed again rather than remembered.

Slippage is per share, before the price is rounded to the tick:

- basis points of the price; half of a given spread;
- volatility: k * mean true range of the last n completed bars with volume, 0 if there are none;
- impact: k * sigma * sqrt(quantity / volume) * price, the square-root law (Almgren, Thum, Hauptmann and Li,
2005,
  Direct estimation of equity market impact); sigma is the sample standard deviation of the last 20 returns
  between the closes of completed sessions, a given one until there are 20.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.simulation.amounts import half_up_cents, nearest_decimal
from tapeline.simulation.market import (
    PER_SHARE,
    PERCENT,
    SALE_NOTIONAL,
    SLIPPAGE_BPS,
    SLIPPAGE_IMPACT,
    SLIPPAGE_NONE,
    SLIPPAGE_SPREAD,
    SLIPPAGE_VOLATILITY,
)


@compiled()
def _rounded(state: Any, amount: float) -> float:
    return half_up_cents(amount) if state.round_commission else nearest_decimal(amount)


@compiled()
def _per_share_total(state: Any, component: Any, quantity: float, notional: float) -> float:
    if quantity <= 0.0:
        return 0.0
    total = max(component.rate * quantity, component.minimum)
    return _rounded(state, min(total, component.maximum * notional))


@compiled()
def commission_of(
    market: Any, order: Any, price: float, quantity: float, prior_quantity: float, bar_end_ns: int
) -> float:
    """Return the commission of one execution.

    prior_quantity : what the same order trades before it at the same price, on top of what it has filled
    """
    state = market.state[0]
    notional = price * quantity
    total = 0.0
    for index in range(len(market.components)):
        component = market.components[index]
        if component.kind == PERCENT:
            total += _rounded(state, component.rate * notional)
        elif component.kind == PER_SHARE:
            before = order.filled + prior_quantity
            notional_before = order.notional + price * prior_quantity
            total += _per_share_total(state, component, before + quantity, notional_before + notional)
            total -= _per_share_total(state, component, before, notional_before)
        elif order.side < 0 and component.from_ns <= bar_end_ns < component.until_ns:
            if component.kind == SALE_NOTIONAL:
                total += _rounded(state, component.rate * notional)
            else:
                total += _rounded(state, min(component.rate * quantity, component.maximum))
    return _rounded(state, total)


@compiled()
def _mean_true_range(market: Any, symbol: int) -> float:
    count = min(market.symbols[symbol].history_count, market.state[0].history_length)
    if count == 0:
        return 0.0
    total = 0.0
    for index in range(count):
        total += market.history[symbol, index]
    return float(total / count)


@compiled()
def _session_sigma(market: Any, symbol: int) -> float:
    state = market.state[0]
    length = state.history_length
    count = market.symbols[symbol].history_count
    if count < length:
        return float(state.initial_sigma)
    returns = length - 1
    mean = 0.0
    squares = 0.0
    for lap in range(2):
        for step in range(returns):
            early = market.history[symbol, (count + step) % length]
            late = market.history[symbol, (count + step + 1) % length]
            change = late / early - 1.0
            if lap == 0:
                mean += change / returns
            else:
                squares += (change - mean) ** 2
    return float(np.sqrt(squares / (returns - 1)))


@compiled()
def slippage_of(market: Any, symbol: int, price: float, quantity: float, volume: float) -> float:
    """Return the slippage per share of a quantity, as participation leaves it, in a bar with this volume."""
    state = market.state[0]
    model = state.slippage_model
    if model == SLIPPAGE_NONE:
        return 0.0
    if model == SLIPPAGE_BPS:
        return float(price * state.slippage_rate)
    if model == SLIPPAGE_SPREAD:
        return float(state.slippage_rate)
    if model == SLIPPAGE_VOLATILITY:
        return float(state.slippage_rate * _mean_true_range(market, symbol))
    return float(state.slippage_rate * _session_sigma(market, symbol) * np.sqrt(quantity / volume) * price)


@compiled()
def remember_bar(market: Any, symbol: int, high: float, low: float, close: float) -> None:
    """Take a completed bar into the history that slippage needs; call before the mark moves to its close."""
    state = market.state[0]
    facts = market.symbols[symbol]
    if state.slippage_model == SLIPPAGE_IMPACT:
        facts.session_close = close
        return
    before = market.marks[symbol]
    if not np.isnan(before):
        high = max(high, before)
        low = min(low, before)
    market.history[symbol, facts.history_count % state.history_length] = high - low
    facts.history_count += 1


@compiled()
def remember_session(market: Any) -> None:
    """Take the closes of a completed session into the history that impact needs."""
    state = market.state[0]
    if state.slippage_model != SLIPPAGE_IMPACT:
        return
    for symbol in range(len(market.symbols)):
        facts = market.symbols[symbol]
        if not np.isnan(facts.session_close):
            market.history[symbol, facts.history_count % state.history_length] = facts.session_close
            facts.history_count += 1
            facts.session_close = np.nan
