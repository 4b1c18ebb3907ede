"""How much: the size of an entry, held against the limits (`limits.py`).

A quantity that a limit cuts below one step is denied; the limit, what it found and its bound are kept with the wish.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.domain.words import IntentKind, Limit, OrderType, Purpose, Role, TimeInForce
from tapeline.indicators.compiled import compiled
from tapeline.simulation.amounts import PRICE_MAX, is_no_price, quantity_of, round_price, steps_in, wish_of
from tapeline.simulation.book import clear_holding
from tapeline.simulation.instructions import new_intent, new_ticket, protect
from tapeline.simulation.limits import assumed_stop_of, limit_quantity, note_entry, refusal
from tapeline.simulation.records import ENTERING
from tapeline.simulation.references import UNCOUNTED

SIZE_FIXED, SIZE_PERCENT_OF_EQUITY, SIZE_RISK_PER_STOP, SIZE_VOLATILITY_TARGET = range(4)


@compiled(entry=True, **UNCOUNTED)
def deny(book: Any, strategy: int, symbol: int, side: int, wanted: float, limit: int, end_ns: int) -> None:
    """Record a wish for an entry and the limit that refused it."""
    deny_with(book, strategy, symbol, side, wanted, limit, np.nan, np.nan, end_ns)


@compiled()
def deny_with(
    book: Any, strategy: int, symbol: int, side: int, wanted: float, limit: int, found: float, bound: float, end_ns: int
) -> None:
    """Record a wish for an entry, the limit that refused it, what that found and what it may have."""
    intent = new_intent(book, IntentKind.DENIED, strategy, symbol, side, Purpose.ENTRY, 0.0, end_ns)
    intent.wanted = wish_of(wanted)
    intent.limit = limit
    intent.limit_value = found
    intent.limit_bound = bound


@compiled(entry=True, **UNCOUNTED)
def enter(
    book: Any,
    strategy: int,
    symbol: int,
    side: int,
    size_kind: int,
    size: float,
    volatility: float,
    stop_price: float,
    target_price: float,
    trail: float,
    limit_price: float,
    end_ns: int,
) -> None:
    """Size an entry, hold it against the limits, and ask for its bracket, or record what denied it.

    limit_price : the worst price at which it may fill, NaN = at the market
    """
    account = book.account[0]
    price = book.prices[symbol]
    facts = book.symbols[symbol]
    risk = trail if not np.isnan(trail) else side * (price - stop_price)
    equity = account.equity
    code: int = Limit.NONE
    if risk <= 0.0 or (size_kind == SIZE_RISK_PER_STOP and np.isnan(risk)):
        code = Limit.NO_STOP
    if is_no_price(stop_price, facts) or is_no_price(target_price, facts) or is_no_price(limit_price, facts):
        code = Limit.NO_STOP
    if trail > PRICE_MAX:
        code = Limit.NO_STOP
    wanted = size
    if size_kind == SIZE_PERCENT_OF_EQUITY:
        wanted = size / 100.0 * equity / (price * (1.0 + book.limits[0].cost_rate))
    elif size_kind == SIZE_RISK_PER_STOP:
        wanted = size / 100.0 * equity / risk if risk > 0.0 else 0.0
    elif size_kind == SIZE_VOLATILITY_TARGET:
        wanted = size / 100.0 * equity / (price * volatility) if volatility > 0.0 else 0.0
    wanted = wish_of(wanted)
    quantity, found, bound = 0.0, np.nan, np.nan
    if code == Limit.NONE:
        code, found, bound = refusal(book, strategy, symbol, side, price, risk, target_price, end_ns)
    if code == Limit.NONE:
        quantity, code, found, bound = limit_quantity(book, strategy, symbol, side, wanted, price, risk)
        quantity = quantity_of(steps_in(quantity, facts), facts)
    if quantity == 0.0:
        code = code if code != Limit.NONE else Limit.BELOW_ONE_STEP
        deny_with(book, strategy, symbol, side, wanted, code, found, bound, end_ns)
        return
    note_entry(book, strategy)
    intent = new_intent(book, IntentKind.SUBMIT, strategy, symbol, side, Purpose.ENTRY, quantity, end_ns)
    intent.time_in_force = TimeInForce.DAY
    intent.role = Role.ENTRY
    intent.wanted = wanted
    intent.limit = code
    intent.limit_value = found
    intent.limit_bound = bound
    if not np.isnan(limit_price):
        intent.order_type = OrderType.LIMIT
        intent.limit_price = round_price(limit_price, side < 0, facts)
    number = new_ticket(book, intent)
    holding = book.holdings[strategy, symbol]
    clear_holding(holding)
    holding.entry_ticket = number
    holding.pending_notional = quantity * price
    holding.trail = trail
    if np.isnan(trail) and not np.isnan(stop_price):
        holding.stop_price = round_price(stop_price, side < 0, facts)
        holding.initial_stop = holding.stop_price
        risk = side * (price - holding.stop_price)
    holding.pending_risk = quantity * (assumed_stop_of(book, 1 + strategy) * price if np.isnan(risk) else risk)
    holding.side = side
    book.states[strategy, symbol] = ENTERING
    account.busy += 1
    protect(book, strategy, symbol, side, quantity, stop_price, target_price, trail, end_ns, number, -1)
