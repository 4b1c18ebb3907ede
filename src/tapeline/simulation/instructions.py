"""What a strategy asks for: intents, and the tickets behind them.

An intent is a wish (submit, cancel, replace); a ticket is the book's record of an order it asked for. Prices are on the
tick when they leave here, rounded as the market would round them: limits away from filling, triggers away from the
market. What a strategy can do with them is in `verbs`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.domain.words import IntentKind, Limit, OrderStatus, OrderType, Purpose, Reason, Role, TimeInForce
from tapeline.indicators.compiled import compiled
from tapeline.simulation.amounts import round_price


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
    intent.limit_value = np.nan
    intent.limit_bound = np.nan
    intent.continues = 0
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
def is_working(book: Any, number: int) -> bool:
    """Return whether a ticket's order may still fill; -1 is no ticket."""
    return bool(number >= 0 and book.tickets[number].status < OrderStatus.FILLED)


@compiled()
def call_back(book: Any, strategy: int, symbol: int, number: int, purpose: int, end_ns: int) -> None:
    """Ask for the cancel of a working order, once."""
    if is_working(book, number) and book.tickets[number].status != OrderStatus.PENDING_CANCEL:
        ticket = book.tickets[number]
        ticket.status = OrderStatus.PENDING_CANCEL
        # the side of the closing trade, whichever order is called back
        side = -ticket.side if ticket.purpose == Purpose.ENTRY else ticket.side
        intent = new_intent(book, IntentKind.CANCEL, strategy, symbol, side, purpose, 0.0, end_ns)
        intent.ticket = number


@compiled()
def _child(
    book: Any,
    strategy: int,
    symbol: int,
    side: int,
    purpose: int,
    quantity: float,
    end_ns: int,
    parent: int,
    group: int,
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
        holding.target_price = intent.limit_price
