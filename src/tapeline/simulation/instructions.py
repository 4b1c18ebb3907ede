"""What a strategy asks for: intents, the tickets behind them, and the verbs that compose them.

An intent is a wish (submit, cancel, replace); a ticket is the book's record of an order it asked for. The verbs
keep what belongs together in one instruction: closing a holding also calls back its bracket, a scale-out also
protects the rest. Prices are on the tick when they leave here, rounded as the market would round them: limits away
from filling, triggers away from the market.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.domain.words import IntentKind, Limit, OrderStatus, OrderType, Purpose, Reason, Role, Side, TimeInForce
from tapeline.indicators.compiled import compiled
from tapeline.simulation.amounts import on_step, quantity_of, round_price, steps_in
from tapeline.simulation.records import EXITING, FLAT
from tapeline.simulation.references import UNCOUNTED


@compiled()
def new_intent(
    book: Any, kind: int, strategy: int, symbol: int, side: int, purpose: int, quantity: float, end_ns: int
) -> Any:
    account = book.account[0]
    intent = book.intents[account.intents]
    sequence = 0
    for earlier in range(account.intents - 1, -1, -1):
        before = book.intents[earlier]
        if before.strategy == strategy and before.symbol == symbol:
            sequence = before.sequence + 1
            break
    account.intents += 1
    intent.kind = kind
    intent.strategy = strategy
    intent.symbol = symbol
    intent.side = side
    intent.order_type = OrderType.MARKET
    intent.time_in_force = TimeInForce.GTC
    intent.role = Role.SINGLE
    intent.purpose = purpose
    intent.limit = Limit.NONE
    intent.sequence = sequence
    intent.ticket = -1
    intent.parent = -1
    intent.group = -1
    intent.decided_ns = end_ns
    intent.quantity = quantity
    intent.limit_price = np.nan
    intent.stop_price = np.nan
    intent.trail = np.nan
    intent.wanted = np.nan
    intent.price = book.prices[symbol]
    intent.equity = book.account[0].equity
    intent.row = -1
    return intent


@compiled()
def new_ticket(book: Any, intent: Any) -> int:
    account = book.account[0]
    number = account.tickets
    account.tickets += 1
    ticket = book.tickets[number]
    ticket.strategy = intent.strategy
    ticket.symbol = intent.symbol
    ticket.purpose = intent.purpose
    ticket.side = intent.side
    ticket.order_type = intent.order_type
    ticket.time_in_force = intent.time_in_force
    ticket.status = OrderStatus.PENDING_NEW
    ticket.reason = Reason.NONE
    ticket.role = intent.role
    ticket.sequence = intent.sequence
    ticket.parent = intent.parent
    ticket.decided_ns = intent.decided_ns
    ticket.quantity = intent.quantity
    ticket.filled = 0.0
    ticket.limit_price = intent.limit_price
    ticket.stop_price = intent.stop_price
    ticket.trail = intent.trail
    intent.ticket = number
    return int(number)


@compiled()
def _cancel(book: Any, strategy: int, symbol: int, number: int, purpose: int, end_ns: int) -> None:
    if number >= 0 and book.tickets[number].status < OrderStatus.FILLED:
        ticket = book.tickets[number]
        # the side of the closing trade, whichever order is called back
        side = -ticket.side if ticket.purpose == Purpose.ENTRY else ticket.side
        intent = new_intent(book, IntentKind.CANCEL, strategy, symbol, side, purpose, 0.0, end_ns)
        intent.ticket = number


@compiled()
def _child(
    book: Any, strategy: int, symbol: int, side: int, purpose: int, quantity: float, end_ns: int, parent: int, group: int
) -> Any:
    intent = new_intent(book, IntentKind.SUBMIT, strategy, symbol, side, purpose, quantity, end_ns)
    intent.parent = parent
    intent.group = group
    if parent >= 0:
        intent.role = Role.STOP if purpose == Purpose.STOP else Role.TARGET
    return intent


@compiled()
def protect(
    book: Any,
    strategy: int,
    symbol: int,
    side: int,
    quantity: float,
    stop_price: float,
    target_price: float,
    trail: float,
    end_ns: int,
    parent: int,
    group: int,
) -> None:
    """Ask for the stop and the target of a holding: children of an entry, or a pair that cancels one another."""
    holding = book.holdings[strategy, symbol]
    facts = book.symbols[symbol]
    if not np.isnan(stop_price) or not np.isnan(trail):
        intent = _child(book, strategy, symbol, -side, Purpose.STOP, quantity, end_ns, parent, group)
        if np.isnan(trail):
            intent.order_type = OrderType.STOP
            intent.stop_price = round_price(stop_price, side < 0, facts)
        else:
            intent.order_type = OrderType.TRAILING_STOP
            intent.trail = trail
        holding.stop_ticket = new_ticket(book, intent)
    if not np.isnan(target_price):
        intent = _child(book, strategy, symbol, -side, Purpose.TARGET, quantity, end_ns, parent, group)
        intent.order_type = OrderType.LIMIT
        intent.limit_price = round_price(target_price, side > 0, facts)
        holding.target_ticket = new_ticket(book, intent)


@compiled(entry=True, **UNCOUNTED)
def close_holding(book: Any, strategy: int, symbol: int, purpose: int, end_ns: int) -> None:
    """Cancel whatever works for a holding and close it at the market; one that is only entering is called back."""
    holding = book.holdings[strategy, symbol]
    state = book.states[strategy, symbol]
    if state == FLAT or state == EXITING:
        return
    _cancel(book, strategy, symbol, holding.entry_ticket, purpose, end_ns)
    if holding.quantity == 0.0:
        return
    _cancel(book, strategy, symbol, holding.stop_ticket, purpose, end_ns)
    _cancel(book, strategy, symbol, holding.target_ticket, purpose, end_ns)
    side = Side.SELL if holding.quantity > 0.0 else Side.BUY
    intent = new_intent(book, IntentKind.SUBMIT, strategy, symbol, side, purpose, abs(holding.quantity), end_ns)
    holding.exit_ticket = new_ticket(book, intent)
    book.states[strategy, symbol] = EXITING


@compiled()
def scale_out_holding(book: Any, strategy: int, symbol: int, fraction: float, end_ns: int) -> None:
    """Sell a fraction once, and protect the rest by a new pair: all in one instruction."""
    holding = book.holdings[strategy, symbol]
    facts = book.symbols[symbol]
    held = abs(holding.quantity)
    part = quantity_of(steps_in(held * fraction, facts), facts)
    rest = on_step(held - part, facts)
    if part == 0.0 or rest == 0.0:
        return
    side = 1 if holding.quantity > 0.0 else -1
    target_price = np.nan
    if holding.target_ticket >= 0:
        target_price = book.tickets[holding.target_ticket].limit_price
    stop_price = holding.stop_price if holding.stop_ticket >= 0 else np.nan
    trail = holding.trail if holding.stop_ticket >= 0 else np.nan
    _cancel(book, strategy, symbol, holding.entry_ticket, Purpose.SCALE_OUT, end_ns)
    _cancel(book, strategy, symbol, holding.stop_ticket, Purpose.SCALE_OUT, end_ns)
    _cancel(book, strategy, symbol, holding.target_ticket, Purpose.SCALE_OUT, end_ns)
    intent = new_intent(book, IntentKind.SUBMIT, strategy, symbol, -side, Purpose.SCALE_OUT, part, end_ns)
    group = new_ticket(book, intent)
    protect(book, strategy, symbol, side, rest, stop_price, target_price, trail, end_ns, -1, group)
    holding.scaled = 1


@compiled(entry=True, **UNCOUNTED)
def move_stop(book: Any, strategy: int, symbol: int, stop_price: float, end_ns: int) -> None:
    """Replace a holding's stop by a tighter one; a level that is no tighter, or unknown, changes nothing."""
    holding = book.holdings[strategy, symbol]
    if holding.stop_ticket < 0 or not np.isnan(holding.trail) or np.isnan(stop_price):
        return
    long = holding.quantity > 0.0
    level = round_price(stop_price, not long, book.symbols[symbol])
    if (long and level <= holding.stop_price) or (not long and level >= holding.stop_price):
        return
    ticket = book.tickets[holding.stop_ticket]
    intent = new_intent(book, IntentKind.REPLACE, strategy, symbol, ticket.side, Purpose.STOP, np.nan, end_ns)
    intent.ticket = holding.stop_ticket
    intent.stop_price = level
    ticket.stop_price = level
    holding.stop_price = level
