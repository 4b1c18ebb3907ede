"""What a strategy can do with a holding: close it, sell a part, tighten its stop.

An order that was called back may fill until the cancel arrives. Without latency the cancels of a bracket act before the
closing order, and all goes out as one instruction. With latency a stop could fill while the closing order is under
way, and the two together would sell more than is held. So then the cancels go first, and the closing order follows
when everything called back has ended: the holding is *leaving*. What is left after a closing order, because an entry
filled further or the order ended early, keeps leaving until it is gone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.domain.words import IntentKind, Purpose, Side
from tapeline.indicators.compiled import compiled
from tapeline.simulation.amounts import is_no_price, on_step, quantity_of, round_price, steps_in
from tapeline.simulation.instructions import call_back, is_working, new_intent, new_ticket, protect
from tapeline.simulation.records import EXITING, FLAT, HOLDING
from tapeline.simulation.references import UNCOUNTED


@compiled()
def _call_back_all(book: Any, strategy: int, symbol: int, end_ns: int) -> bool:
    """Call back entry, stop and target; return whether any of them may still fill before the closing order."""
    holding = book.holdings[strategy, symbol]
    purpose = holding.leaving
    call_back(book, strategy, symbol, holding.entry_ticket, purpose, end_ns)
    if holding.quantity == 0.0:
        return True
    call_back(book, strategy, symbol, holding.stop_ticket, purpose, end_ns)
    call_back(book, strategy, symbol, holding.target_ticket, purpose, end_ns)
    call_back(book, strategy, symbol, holding.part_ticket, purpose, end_ns)
    return bool(
        book.limits[0].patient
        and (
            is_working(book, holding.part_ticket)
            or is_working(book, holding.entry_ticket)
            or is_working(book, holding.stop_ticket)
            or is_working(book, holding.target_ticket)
        )
    )


@compiled()
def _sell_part(book: Any, strategy: int, symbol: int, end_ns: int) -> None:
    holding = book.holdings[strategy, symbol]
    facts = book.symbols[symbol]
    held = abs(holding.quantity)
    part = quantity_of(steps_in(held * holding.part, facts), facts)
    side = holding.side
    group = book.account[0].tickets  # the number of a ticket to come: nothing else can have it as its group
    if part > 0.0:  # a child that was called back may have sold so much meanwhile that no part is left to sell
        intent = new_intent(book, IntentKind.SUBMIT, strategy, symbol, -side, Purpose.SCALE_OUT, part, end_ns)
        holding.part_ticket = new_ticket(book, intent)
    trail = holding.trail
    if not np.isnan(trail):
        # a new trailing stop starts from the last price: nearer to it, so that its level is where the old one stood
        extreme = holding.highest if side > 0 else holding.lowest
        level = extreme - side * trail
        trail = min(trail, max(side * (book.prices[symbol] - level), facts.tick))
    rest = on_step(held - part, facts)
    protect(book, strategy, symbol, side, rest, holding.stop_price, holding.target_price, trail, end_ns, -1, group)
    holding.leaving = 0
    book.account[0].leaving -= 1


@compiled()
def _proceed(book: Any, strategy: int, symbol: int, end_ns: int) -> None:
    if _call_back_all(book, strategy, symbol, end_ns):
        return
    holding = book.holdings[strategy, symbol]
    if holding.leaving == Purpose.SCALE_OUT:
        _sell_part(book, strategy, symbol, end_ns)
        return
    side = Side.SELL if holding.quantity > 0.0 else Side.BUY
    quantity = abs(holding.quantity)
    intent = new_intent(book, IntentKind.SUBMIT, strategy, symbol, side, holding.leaving, quantity, end_ns)
    holding.exit_ticket = new_ticket(book, intent)
    book.states[strategy, symbol] = EXITING


@compiled()
def continue_leaving(book: Any, strategy: int, end_ns: int) -> None:
    """Go on with the holdings that are leaving and have no closing order at work."""
    first = book.account[0].intents
    for symbol in range(book.states.shape[1]):
        state = book.states[strategy, symbol]
        if state not in (FLAT, EXITING) and book.holdings[strategy, symbol].leaving != 0:
            _proceed(book, strategy, symbol, end_ns)
    for place in range(first, book.account[0].intents):
        book.intents[place].continues = 1


@compiled(entry=True, **UNCOUNTED)
def close_holding(book: Any, strategy: int, symbol: int, purpose: int, end_ns: int) -> None:
    """Close a holding at the market and call back all that works for it; one that is only entering is called back."""
    holding = book.holdings[strategy, symbol]
    state = book.states[strategy, symbol]
    if state in (FLAT, EXITING):
        return
    if holding.leaving != 0 and holding.leaving != Purpose.SCALE_OUT:
        return
    if holding.leaving == 0:
        book.account[0].leaving += 1
    holding.leaving = purpose
    _proceed(book, strategy, symbol, end_ns)


@compiled(entry=True, **UNCOUNTED)
def scale_out_holding(
    book: Any, strategy: int, symbol: int, fraction: float, stop_price: float, drops_target: bool, end_ns: int
) -> None:
    """Sell a fraction of a holding and protect the rest by a new pair: all in one instruction.

    stop_price : where the new stop stands if that is tighter, NaN = where the old one stood
    drops_target : the rest has a stop only
    """
    holding = book.holdings[strategy, symbol]
    facts = book.symbols[symbol]
    held = abs(holding.quantity)
    part = quantity_of(steps_in(held * fraction, facts), facts)
    if holding.leaving != 0 or not (0.0 < fraction < 1.0) or part == 0.0 or part == held:
        return
    holding.scaled = 1
    holding.part = fraction
    if not (np.isnan(stop_price) or is_no_price(stop_price, facts)) and np.isnan(holding.trail):
        level = round_price(stop_price, holding.side < 0, facts)
        if np.isnan(holding.stop_price) or (level - holding.stop_price) * holding.side > 0.0:
            holding.stop_price = level
    if drops_target:
        holding.target_price = np.nan
    holding.leaving = Purpose.SCALE_OUT
    book.account[0].leaving += 1
    _proceed(book, strategy, symbol, end_ns)


@compiled(entry=True, **UNCOUNTED)
def move_stop(book: Any, strategy: int, symbol: int, stop_price: float, end_ns: int) -> None:
    """Replace a holding's stop by a tighter one; a level that is no tighter, unknown or no price changes nothing."""
    holding = book.holdings[strategy, symbol]
    if not is_working(book, holding.stop_ticket) or holding.leaving != 0:
        return
    if not np.isnan(holding.trail) or np.isnan(stop_price) or book.states[strategy, symbol] != HOLDING:
        return
    if is_no_price(stop_price, book.symbols[symbol]):
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
