"""How much: the size of an entry, and the limits that cut or refuse it.

Working entries count as filled against every limit. A quantity that a limit cuts below one step is denied, and the
limit's name is kept with the wish.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.domain.words import IntentKind, Limit, OrderType, Purpose, Role, TimeInForce
from tapeline.indicators.compiled import compiled
from tapeline.simulation.amounts import quantity_of, round_price, steps_in
from tapeline.simulation.book import clear_holding
from tapeline.simulation.instructions import new_intent, new_ticket, protect
from tapeline.simulation.records import ENTERING, FLAT
from tapeline.simulation.references import UNCOUNTED

SIZE_FIXED, SIZE_PERCENT_OF_EQUITY, SIZE_RISK_PER_STOP, SIZE_VOLATILITY_TARGET = range(4)


@compiled()
def limit_quantity(
    book: Any, strategy: int, symbol: int, side: int, wanted: float, price: float, risk: float
) -> tuple[float, int]:
    """Return the quantity that every limit allows, and the limit that cut it most."""
    limits = book.limits[0]
    account = book.account[0]
    equity = account.equity
    bound = wanted
    code = Limit.NONE
    gross = account.long_exposure + account.short_exposure
    net = account.long_exposure - account.short_exposure
    pending = 0.0
    here = abs(book.positions[symbol]) * price
    if account.busy > 0:
        for other in range(book.states.shape[0]):
            for column in range(book.states.shape[1]):
                if book.states[other, column] != FLAT:
                    holding = book.holdings[other, column]
                    waiting = holding.pending_notional
                    pending += waiting
                    here += waiting if column == symbol else 0.0
                    net += waiting if book.tickets[holding.entry_ticket].side > 0 else -waiting
    gross += pending
    if not np.isnan(limits.position_max):
        allowed = (limits.position_max * equity - here) / price
        if allowed < bound:
            bound, code = allowed, Limit.POSITION
    if not np.isnan(limits.gross_max):
        allowed = (limits.gross_max * equity - gross) / price
        if allowed < bound:
            bound, code = allowed, Limit.GROSS
    if not np.isnan(limits.net_max):
        allowed = (limits.net_max * equity - side * net) / price
        if allowed < bound:
            bound, code = allowed, Limit.NET
    if not np.isnan(limits.risk_per_trade_max) and not np.isnan(risk):
        allowed = limits.risk_per_trade_max * equity / risk
        if allowed < bound:
            bound, code = allowed, Limit.RISK_PER_TRADE
    if limits.cash_account:
        allowed = (account.cash - pending) / (price * (1.0 + limits.cost_rate))
        if allowed < bound:
            bound, code = allowed, Limit.CASH
    return max(bound, 0.0), code


@compiled(entry=True, **UNCOUNTED)
def deny(book: Any, strategy: int, symbol: int, side: int, wanted: float, limit: int, end_ns: int) -> None:
    """Record a wish for an entry and the limit that refused it."""
    intent = new_intent(book, IntentKind.DENIED, strategy, symbol, side, Purpose.ENTRY, 0.0, end_ns)
    intent.wanted = wanted
    intent.limit = limit


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
    if stop_price < facts.tick or target_price < facts.tick:  # no order can stand there
        code = Limit.NO_STOP
    wanted = size
    if size_kind == SIZE_PERCENT_OF_EQUITY:
        wanted = size / 100.0 * equity / (price * (1.0 + book.limits[0].cost_rate))
    elif size_kind == SIZE_RISK_PER_STOP:
        wanted = size / 100.0 * equity / risk if risk > 0.0 else 0.0
    elif size_kind == SIZE_VOLATILITY_TARGET:
        wanted = size / 100.0 * equity / (price * volatility) if volatility > 0.0 else 0.0
    if not wanted > 0.0:
        wanted = 0.0
    quantity = 0.0
    if code == Limit.NONE:
        quantity, code = limit_quantity(book, strategy, symbol, side, wanted, price, risk)
        quantity = quantity_of(steps_in(quantity, facts), facts)
    if quantity == 0.0:
        deny(book, strategy, symbol, side, wanted, code if code != Limit.NONE else Limit.BELOW_ONE_STEP, end_ns)
        return
    intent = new_intent(book, IntentKind.SUBMIT, strategy, symbol, side, Purpose.ENTRY, quantity, end_ns)
    intent.time_in_force = TimeInForce.DAY
    intent.role = Role.ENTRY
    intent.wanted = wanted
    intent.limit = code
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
    holding.side = side
    book.states[strategy, symbol] = ENTERING
    account.busy += 1
    protect(book, strategy, symbol, side, quantity, stop_price, target_price, trail, end_ns, number, -1)
