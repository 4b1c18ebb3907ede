"""The strategies' book: what each strategy holds, wants and has done, fed by order events alone.

The book never looks into the market. It learns of fills, cancels and cash by `apply_event`, marks what it holds
by `mark_holdings`, and so is the same whether the events come straight from the market kernel (backtest) or
from journal bytes (event loop). Its numbers are float64 by the one rounding rule of the kernels; the exact
books are the ledger's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from tapeline.domain.words import EventKind, OrderStatus, Purpose, Reason, Stage
from tapeline.indicators.compiled import compiled
from tapeline.simulation.amounts import on_step, quantity_of, steps_in
from tapeline.simulation.limits import note_round_trip
from tapeline.simulation.records import ENTERING, EXITING, FLAT, HOLDING
from tapeline.simulation.references import UNCOUNTED
from tapeline.simulation.tables import BOOK, ensure_room


@compiled()
def clear_holding(holding: Any) -> None:
    holding.quantity = 0.0
    holding.entry_price = np.nan
    holding.entered_quantity = 0.0
    holding.exit_notional = 0.0
    holding.commission = 0.0
    holding.realized = 0.0
    holding.risk = np.nan
    holding.stop_price = np.nan
    holding.initial_stop = np.nan
    holding.target_price = np.nan
    holding.trail = np.nan
    holding.highest = np.nan
    holding.lowest = np.nan
    holding.pending_notional = 0.0
    holding.pending_risk = 0.0
    holding.entry_ns = 0
    holding.entry_session = -1
    holding.bars_held = 0
    holding.entry_ticket = -1
    holding.stop_ticket = -1
    holding.target_ticket = -1
    holding.exit_ticket = -1
    holding.part_ticket = -1
    holding.side = 0
    holding.scaled = 0
    holding.part = 0.0
    holding.leaving = 0
    holding.fresh = 0


@compiled()
def _become_flat(book: Any, strategy: int, symbol: int) -> None:
    holding = book.holdings[strategy, symbol]
    account = book.account[0]
    account.busy -= 1
    if holding.leaving != 0:
        account.leaving -= 1
    clear_holding(holding)
    book.states[strategy, symbol] = FLAT


@compiled()
def _close_round_trip(book: Any, ticket: Any, number: int, time_ns: int) -> None:
    holding = book.holdings[ticket.strategy, ticket.symbol]
    account = book.account[0]
    trip = book.round_trips[account.round_trips]
    account.round_trips += 1
    side = -ticket.side
    trip.strategy = ticket.strategy
    trip.symbol = ticket.symbol
    trip.side = side
    trip.exit_purpose = ticket.purpose
    trip.entry_ticket = holding.entry_ticket
    trip.exit_ticket = number
    trip.entry_ns = holding.entry_ns
    trip.exit_ns = time_ns
    trip.bars_held = holding.bars_held
    trip.quantity = holding.entered_quantity
    trip.entry_price = holding.entry_price
    trip.exit_price = holding.exit_notional / holding.entered_quantity
    trip.commission = holding.commission
    trip.net_pnl = holding.realized - holding.commission
    down = max(holding.entry_price - holding.lowest, 0.0) * holding.entered_quantity
    up = max(holding.highest - holding.entry_price, 0.0) * holding.entered_quantity
    trip.mae = -down if side > 0 else -up
    trip.mfe = up if side > 0 else down
    risk = holding.risk * holding.entered_quantity
    trip.r_multiple = trip.net_pnl / risk if risk > 0.0 else np.nan
    note_round_trip(book, ticket.strategy, trip.net_pnl, time_ns)


@compiled()
def _enter_more(book: Any, ticket: Any, quantity: float, price: float, time_ns: int, stage: int, session: int) -> None:
    holding = book.holdings[ticket.strategy, ticket.symbol]
    if holding.quantity == 0.0:
        holding.entry_ns = time_ns
        holding.entry_session = session
        holding.entry_price = price
        holding.highest = price
        holding.lowest = price
        holding.fresh = stage
        book.states[ticket.strategy, ticket.symbol] = HOLDING
    else:
        held = abs(holding.quantity)
        holding.entry_price = (holding.entry_price * held + price * quantity) / (held + quantity)
    facts = book.symbols[ticket.symbol]
    holding.quantity = on_step(holding.quantity + ticket.side * quantity, facts)
    holding.entered_quantity = on_step(holding.entered_quantity + quantity, facts)
    open_before = ticket.quantity - ticket.filled + quantity
    done = min(1.0, quantity / open_before)
    holding.pending_notional -= holding.pending_notional * done
    holding.pending_risk -= holding.pending_risk * done
    if not np.isnan(holding.trail):
        holding.risk = holding.trail
    elif not np.isnan(holding.initial_stop):
        holding.risk = abs(holding.entry_price - holding.initial_stop)


@compiled()
def _apply_fill(
    book: Any, number: int, quantity: float, price: float, commission: float, time_ns: int, stage: int, session: int
) -> None:
    ticket = book.tickets[number]
    account = book.account[0]
    symbol = ticket.symbol
    facts = book.symbols[symbol]
    execution = book.executions[account.executions]
    account.executions += 1
    execution.ticket = number
    execution.time_ns = time_ns
    execution.stage = stage
    execution.side = ticket.side
    execution.symbol = symbol
    execution.strategy = ticket.strategy
    execution.quantity = quantity
    execution.price = price
    execution.commission = commission
    signed = ticket.side * quantity
    account.cash -= signed * price + commission
    account.commissions += commission
    book.marks[symbol] = price
    book.positions[symbol] = on_step(book.positions[symbol] + signed, facts)
    ticket.filled = on_step(ticket.filled + quantity, facts)
    ticket.status = OrderStatus.PARTIALLY_FILLED
    holding = book.holdings[ticket.strategy, symbol]
    holding.commission += commission
    if ticket.purpose == Purpose.ENTRY:
        _enter_more(book, ticket, quantity, price, time_ns, stage, session)
        return
    holding.realized -= signed * (price - holding.entry_price)
    holding.exit_notional += quantity * price
    holding.highest = max(holding.highest, price)
    holding.lowest = min(holding.lowest, price)
    holding.quantity = on_step(holding.quantity + signed, facts)
    if holding.quantity == 0.0:
        _close_round_trip(book, ticket, number, time_ns)
        _become_flat(book, ticket.strategy, symbol)


@compiled()
def _end_ticket(book: Any, number: int, status: int, reason: int) -> None:
    ticket = book.tickets[number]
    if ticket.status >= OrderStatus.FILLED:
        return
    ticket.status = status
    ticket.reason = reason
    holding = book.holdings[ticket.strategy, ticket.symbol]
    state = book.states[ticket.strategy, ticket.symbol]
    if number == holding.entry_ticket:
        holding.pending_notional = 0.0
        holding.pending_risk = 0.0
        if state == ENTERING:
            _become_flat(book, ticket.strategy, ticket.symbol)
    elif number == holding.exit_ticket:
        holding.exit_ticket = -1
        if state == EXITING:
            book.states[ticket.strategy, ticket.symbol] = HOLDING
    elif number == holding.part_ticket:
        holding.part_ticket = -1
    elif number == holding.stop_ticket:
        holding.stop_ticket = -1
    elif number == holding.target_ticket:
        holding.target_ticket = -1


@compiled()
def _toward_zero(quantity: float, facts: Any) -> float:
    whole = quantity_of(steps_in(abs(quantity), facts), facts)
    return whole if quantity > 0.0 else -whole


@compiled()
def _apply_split(book: Any, symbol: int, ratio: float) -> None:
    """Split what is held. The account's position is cut to the step as a whole, and the holdings add up to it."""
    facts = book.symbols[symbol]
    before, after = 0.0, 0.0
    for strategy in range(book.states.shape[0]):
        holding = book.holdings[strategy, symbol]
        if book.states[strategy, symbol] == FLAT:
            continue
        before += holding.quantity
        total = _toward_zero(before * ratio, facts)
        had = holding.quantity != 0.0
        holding.quantity = on_step(total - after, facts)
        after = total
        holding.entered_quantity *= ratio
        holding.entry_price /= ratio
        holding.risk /= ratio
        holding.stop_price /= ratio
        holding.initial_stop /= ratio
        holding.target_price /= ratio
        holding.trail /= ratio
        holding.highest /= ratio
        holding.lowest /= ratio
        if had and holding.quantity == 0.0:
            # less than one step is left: it was paid for in cash, and nothing remains to be closed
            _become_flat(book, strategy, symbol)
    book.positions[symbol] = after
    book.marks[symbol] /= ratio


_INT, _FLOAT = types.int64, types.float64
APPLY_EVENT = types.void(BOOK, *[_INT] * 3, *[_FLOAT] * 4, *[_INT] * 4)


@compiled(APPLY_EVENT, **UNCOUNTED)
def apply_event(
    book: Any,
    kind: int,
    number: int,
    symbol: int,
    quantity: float,
    leaves: float,
    price: float,
    amount: float,
    time_ns: int,
    stage: int,
    reason: int,
    session: int,
) -> None:
    """Let the book take in one event of an order or of the account.

    kind : EventKind; number : ticket of the order, -1 for account events
    quantity, leaves, price, amount : of a FILL: executed, still open, price and commission; of REPLACED: quantity is
        the new total; of account events: amount is the cash change, of a SPLIT the ratio new/old
    time_ns, stage, session : end of the bar, stage in it, and its session
    """
    if kind == EventKind.FILL:
        ensure_room(book)
        _apply_fill(book, number, quantity, price, amount, time_ns, stage, session)
        if leaves < 0.5 * book.symbols[book.tickets[number].symbol].step:
            _end_ticket(book, number, OrderStatus.FILLED, Reason.NONE)
    elif kind == EventKind.ACCEPTED:
        book.tickets[number].status = OrderStatus.NEW
    elif kind == EventKind.TRIGGERED:
        book.tickets[number].status = OrderStatus.TRIGGERED
    elif kind == EventKind.REPLACED:
        book.tickets[number].quantity = quantity
    elif kind == EventKind.CANCELED:
        _end_ticket(book, number, OrderStatus.CANCELED, reason)
    elif kind == EventKind.EXPIRED:
        _end_ticket(book, number, OrderStatus.EXPIRED, reason)
    elif kind == EventKind.REJECTED:
        _end_ticket(book, number, OrderStatus.REJECTED, reason)
    elif kind == EventKind.SPLIT:
        _apply_split(book, symbol, amount)
    else:
        book.account[0].cash += amount
        book.account[0].financing += amount


@compiled()
def value_holdings(
    states: Any,
    holdings: Any,
    positions: Any,
    outside: Any,
    marks: Any,
    cash: float,
    high: Any,
    low: Any,
    close: Any,
    volume: Any,
) -> tuple[float, float, float]:
    """Mark what is held, move its excursions, and return equity, long and short exposure."""
    strategies, symbols = states.shape
    equity, long_exposure, short_exposure = cash, 0.0, 0.0
    for symbol in range(symbols):
        held = outside[symbol] != 0.0
        traded = volume[symbol] > 0.0
        for strategy in range(strategies):
            if states[strategy, symbol] < HOLDING:
                continue
            held = True
            if traded:
                # a fill inside the bar tells nothing of the part of the range that came before it
                holding = holdings[strategy, symbol]
                late = holding.fresh > Stage.OPEN
                top = close[symbol] if late else high[symbol]
                bottom = close[symbol] if late else low[symbol]
                holding.highest = max(holding.highest, top)
                holding.lowest = min(holding.lowest, bottom)
                holding.fresh = 0
        if held:
            if traded:
                marks[symbol] = close[symbol]
            value = positions[symbol] * marks[symbol]
            equity += value
            if value > 0.0:
                long_exposure += value
            else:
                short_exposure -= value
    return equity, long_exposure, short_exposure


@compiled()
def mark_holdings(book: Any, high: Any, low: Any, close: Any, volume: Any) -> None:
    """Take in the slice's prices: last prices, marks and excursions of what is held, equity and exposures.

    high, low, close, volume : float64 [N] of the slice; NaN or volume 0 is no mark.
    """
    account, prices = book.account[0], book.prices
    for symbol in range(len(close)):
        if not np.isnan(close[symbol]):
            prices[symbol] = close[symbol]
    equity, long_exposure, short_exposure = account.cash, 0.0, 0.0
    if account.busy > 0 or account.outside > 0:
        equity, long_exposure, short_exposure = value_holdings(
            book.states, book.holdings, book.positions, book.outside, book.marks, account.cash, high, low, close, volume
        )
    account.equity = equity
    account.long_exposure = long_exposure
    account.short_exposure = short_exposure
