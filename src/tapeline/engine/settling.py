"""The book is brought to what the ledger says, where what happened is none of the book's plain events.

Fills of our working orders, cancels and cash go to the book one by one, as in a backtest. An execution that is
corrected or busted, a fill that comes after its order has ended, an order or an execution of somebody else: of these
the ledger (`ledger/views.py`) knows exactly what they come to, and the book takes it over for the symbol concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from tapeline.domain.order import Order
from tapeline.domain.position import ZERO, Position
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderStatus, Purpose, Side
from tapeline.engine.day_figures import settle_days, settle_result
from tapeline.ledger.views import Views
from tapeline.simulation.limits import assumed_stop_of
from tapeline.simulation.records import ENTERING, EXITING, FLAT, HOLDING, HOLDING_RECORD
from tapeline.simulation.tables import Book
from tapeline.simulation.tickets import takes_events

_UNKNOWN_PRICES = ("risk", "stop_price", "initial_stop", "target_price", "trail")
CLOSING = (Purpose.EXIT_RULE, Purpose.FLAT_BEFORE_CLOSE, Purpose.LOSS_LIMIT)
"""What leaves a holding, whole."""
_NO_TICKETS = ("entry_ticket", "stop_ticket", "target_ticket", "exit_ticket", "part_ticket")


def settle_cash(book: Book, views: Views) -> None:
    """Take over the account's cash."""
    book.fixed.account[0]["cash"] = float(views.cash_amount())


def settle_symbols(
    book: Book,
    names: tuple[str, ...],
    columns: Mapping[str, int],
    times: Mapping[str, int],
    views: Views,
    amended: Collection[tuple[str, str]],
    session: int,
) -> None:
    """Take over what the account and each strategy hold of some symbols and have made of them, and the cash.

    names : of the strategies, in the book's order; columns : of the run's symbols
    times : the symbols, each with the time of a holding that nobody entered; session : of that time
    amended : strategy and symbol of what has another result by something else than a plain event
    """
    if not times:
        return
    tables = book.fixed
    settle_cash(book, views)
    quantities, sides, marks, prices = tables.holdings["quantity"], tables.holdings["side"], tables.marks, tables.prices
    touched: set[int] = set()
    for symbol, time_ns in times.items():
        column = columns[symbol]
        mark = views.marks.get(symbol)
        if mark is not None:
            marks[column] = mark
            if np.isnan(prices[column]):
                prices[column] = marks[column]
        for index, name in enumerate(names):
            position = views.position(name, symbol)
            held = float(position.quantity)
            left_empty = not held and tables.states[index, column] > ENTERING
            if held != quantities[index, column] or held * sides[index, column] < 0.0 or left_empty:
                _settle_holding(book, index, column, position, time_ns, session)
            elif (name, symbol) not in amended:
                continue
            touched.add(index)
            if tables.states[index, column] != FLAT:
                trip = views.open_trips.get((position.account, name, symbol))
                settle_result(tables.holdings[index, column], position, trip)
        _settle_total(tables, names, column, symbol, views)
    _count_outside(tables)
    settle_days(book, names, columns, touched, views)


def settle_outside(book: Book, names: tuple[str, ...], column: int, symbol: str, views: Views) -> None:
    """Take over what the account holds of a symbol in all, and what no strategy of the book holds."""
    _settle_total(book.fixed, names, column, symbol, views)
    _count_outside(book.fixed)


def _settle_total(tables: Any, names: tuple[str, ...], column: int, symbol: str, views: Views) -> None:
    tables.positions[column] = float(views.quantity(symbol))
    # exactly: a difference of floats leaves of 0.1 and 0.2 shares something that nobody holds
    tables.outside[column] = float(views.quantity(symbol, besides=names))


def _count_outside(tables: Any) -> None:
    tables.account[0]["outside"] = np.count_nonzero(tables.outside)
    _count_external(tables)


def settle_ticket(book: Book, number: int, views: Views, client_order_id: str) -> None:
    """Take over the status of an order after a request about it was refused or lost, and its stop if no other is asked
    for: while a replace has no answer, what was wished stands."""
    ticket = book.tickets[number]
    state = views.orders.states[client_order_id]
    ticket["status"] = int(state.status)
    if Request.REPLACE not in state.asked:
        settle_stop(book, number, state.stop_price)


def settle_stop(book: Book, number: int, stop_price: Decimal | None) -> None:
    """Take over where a stop stands, after it was not moved; None for an order that has none."""
    if stop_price is None:
        return
    ticket = book.tickets[number]
    ticket["stop_price"] = float(stop_price)
    holding = book.fixed.holdings[ticket["strategy"], ticket["symbol"]]
    if holding["stop_ticket"] == number and np.isnan(holding["trail"]):
        holding["stop_price"] = float(stop_price)


def settle_filled(book: Book, number: int, change: Decimal, *, works: bool) -> None:
    """Take over that an order has filled more or less than it was told; one that works after all is at work again.

    Of an entry, what is open of it counts in the limits again.
    """
    ticket = book.tickets[number]
    before = _open_quantity(ticket)
    ticket["filled"] += float(change)
    if works and ticket["status"] == OrderStatus.FILLED:
        ticket["status"] = int(OrderStatus.PARTIALLY_FILLED)
    _rescale_entry(book, number, before)


def settle_quantity(book: Book, number: int, quantity: Decimal) -> None:
    """Take over that the venue has made an order larger or smaller; of an entry, what is open counts in the limits."""
    ticket = book.tickets[number]
    before = _open_quantity(ticket)
    ticket["quantity"] = float(quantity)
    _rescale_entry(book, number, before)


def _rescale_entry(book: Book, number: int, before: float) -> None:
    # of whose quantity so much was open before
    ticket = book.tickets[number]
    place = ticket["strategy"], ticket["symbol"]
    holding = book.fixed.holdings[place]
    if holding["entry_ticket"] != number or not is_working(book, number):
        return
    if holding["pending_notional"] > 0.0 and before > 0.0:  # at the price of its decision
        for name in ("pending_notional", "pending_risk"):
            holding[name] *= _open_quantity(ticket) / before
    else:
        _count_entry(book, *place)


def works_against(book: Book, number: int) -> bool:
    """Return whether an order is an entry on the other side than its holding now is."""
    ticket, tables = book.tickets[number], book.fixed
    place = ticket["strategy"], ticket["symbol"]
    holding = tables.holdings[place]
    entered = holding["entry_ticket"] == number and tables.states[place] > ENTERING
    return bool(entered and ticket["side"] == -holding["side"])


def _open_quantity(ticket: Any) -> float:
    return max(0.0, float(ticket["quantity"] - ticket["filled"]))


def _count_entry(book: Book, index: int, column: int) -> None:
    # at its limit, or else at the mark; what works against the holding counts as foreign
    tables = book.fixed
    holding = tables.holdings[index, column]
    number = int(holding["entry_ticket"])
    holding["pending_notional"] = holding["pending_risk"] = 0.0
    if number < 0 or not is_working(book, number) or works_against(book, number):
        return
    ticket = book.tickets[number]
    price = ticket["limit_price"] if ticket["limit_price"] > 0.0 else tables.marks[column]
    risk = assumed_stop_of(book, 1 + index) * price
    if not np.isnan(holding["trail"]):
        risk = holding["trail"]
    elif not np.isnan(holding["initial_stop"]):
        risk = max(0.0, holding["side"] * (price - holding["initial_stop"]))
    holding["pending_notional"] = _open_quantity(ticket) * price
    holding["pending_risk"] = _open_quantity(ticket) * risk


def settle_exit(book: Book, number: int) -> None:
    """Take over that an order, which works, closes what is held, so that the rest is not asked for a second time."""
    tables, ticket = book.fixed, book.tickets[number]
    place = ticket["strategy"], ticket["symbol"]
    holding = tables.holdings[place]
    if tables.states[place] != HOLDING or ticket["side"] != -holding["side"]:
        return
    if ticket["purpose"] == Purpose.SCALE_OUT:
        holding["part_ticket"] = number
    elif ticket["purpose"] in CLOSING:
        holding["exit_ticket"] = number
        tables.states[place] = EXITING
        leave(holding, tables.account[0], Purpose(int(ticket["purpose"])))


def protect_anew(book: Book, number: int) -> None:
    """Take over that an order is called back as it was for more than is held: when it has ended, what is left of the
    holding gets its stop and target back, as after a part that was sold."""
    ticket = book.tickets[number]
    ticket["status"] = int(OrderStatus.PENDING_CANCEL)
    _protect(book, ticket["strategy"], ticket["symbol"])


def protect_holding(book: Book, index: int, column: int) -> None:
    """Take over that not all of a holding stands behind its stop: if it has one, it gets stop and target anew."""
    holding = book.fixed.holdings[index, column]
    if not (np.isnan(holding["stop_price"]) and np.isnan(holding["trail"])):
        _protect(book, index, column)


def _protect(book: Book, index: int, column: int) -> None:
    tables = book.fixed
    holding = tables.holdings[index, column]
    if tables.states[index, column] == HOLDING and holding["leaving"] == 0:
        holding["part"] = 0.0
        leave(holding, tables.account[0], Purpose.SCALE_OUT)


def leave(holding: Any, account: Any, purpose: Purpose) -> None:
    """Take over that a holding is left, or a part of it."""
    account["leaving"] += int(holding["leaving"] == 0)
    holding["leaving"] = int(purpose)


def settle_foreign(
    book: Book, columns: dict[str, int], views: Views, quantity_of: Callable[[Order], Decimal | None]
) -> None:
    """Take over what may still be bought and sold beyond what the book counts by its own orders.

    That is all that is open of orders of others, and of ours that the book took for ended and that work after all; of
    an entry, what it may be larger by than the book was told; an entry that works, or works again, when its holding was
    closed; and one that works on against a holding which a bust or an accepted difference turned round.

    quantity_of : how large the book takes an order to be, None where it has none at work for what is held or entering
    """
    tables = book.fixed
    tables.foreign[:] = 0.0
    for state in views.orders.working.values():
        order = state.order
        column = columns.get(order.symbol)
        counted = ZERO
        quantity = quantity_of(order)
        if quantity is not None:
            if order.purpose is not Purpose.ENTRY:
                continue
            counted = max(ZERO, quantity - state.filled_quantity)
        beyond = state.exposed_quantity - counted
        if column is not None and beyond > 0:
            tables.foreign[0 if order.side is Side.BUY else 1, column] += float(beyond)
    for number in tables.holdings["entry_ticket"][tables.states > ENTERING].tolist():
        if number >= 0 and is_working(book, number) and works_against(book, number):
            ticket = book.tickets[number]
            tables.foreign[0 if ticket["side"] > 0 else 1, ticket["symbol"]] += _open_quantity(ticket)
    tables.account[0]["foreign"] = np.count_nonzero(tables.foreign.any(axis=0))
    _count_external(tables)


def settle_elsewhere(book: Book, columns: dict[str, int], views: Views) -> None:
    """Take over what is held and works in symbols outside the run, which no bar of it prices.

    A holding is worth the last price of the journal (an execution, or the mark at a session's end), an order its limit
    or its stop, else that price. What has no price counts as a holding alone.
    """
    tables = book.fixed
    long, short = ZERO, ZERO
    symbols: set[str] = set()
    for position in views.positions.values():
        if not position.quantity or position.symbol in columns:
            continue
        symbols.add(position.symbol)
        value = position.quantity * (views.marks.get(position.symbol) or position.average_price or ZERO)
        long, short = (long + value, short) if value > 0 else (long, short - value)
    working = {Side.BUY: ZERO, Side.SELL: ZERO}
    for state in views.orders.working.values():
        order = state.order
        if order.symbol not in columns:
            symbols.add(order.symbol)
            price = state.limit_price or state.stop_price or views.marks.get(order.symbol) or ZERO
            working[order.side] += state.exposed_quantity * price
    account = tables.account[0]
    account["elsewhere_long"], account["elsewhere_short"] = float(long), float(short)
    account["elsewhere_buys"], account["elsewhere_sells"] = float(working[Side.BUY]), float(working[Side.SELL])
    account["elsewhere"] = len(symbols)
    _count_external(tables)


def _count_external(tables: Any) -> None:
    account = tables.account[0]
    inside = np.count_nonzero((tables.outside != 0.0) | tables.foreign.any(axis=0))
    account["external"] = inside + account["elsewhere"]


def is_working(book: Book, number: int) -> bool:
    """Return whether the book takes plain events of an order."""
    return bool(takes_events(book, number))


def _settle_holding(book: Book, index: int, column: int, position: Position, time_ns: int, session: int) -> None:
    tables = book.fixed
    holding, account = tables.holdings[index, column], tables.account[0]
    held, average_price = float(position.quantity), position.average_price
    state = tables.states[index, column]
    if average_price is None:
        holding["quantity"] = 0.0
        number = int(holding["entry_ticket"])
        if number < 0 or not is_working(book, number):
            if state != FLAT:
                _clear(tables, index, column)
            return
        tables.states[index, column] = ENTERING
        if holding["side"] != book.tickets[number]["side"]:
            holding["side"] = book.tickets[number]["side"]
            _count_entry(book, index, column)
        return
    turned = state != FLAT and held * holding["side"] < 0.0
    account["busy"] += int(state == FLAT)
    if turned:  # levels of the side on which it was mean nothing on this one
        for name in _UNKNOWN_PRICES:
            holding[name] = np.nan
    if state in (FLAT, ENTERING) or turned:
        holding["entry_ns"], holding["entry_session"], holding["side"] = time_ns, session, 1 if held > 0 else -1
        holding["highest"] = holding["lowest"] = float(average_price)
    if state in (FLAT, ENTERING):
        tables.states[index, column] = HOLDING
    holding["quantity"] = held
    if turned:
        _count_entry(book, index, column)


def _clear(tables: Any, index: int, column: int) -> None:
    account = tables.account[0]
    account["busy"] -= 1
    account["leaving"] -= int(tables.holdings[index, column]["leaving"] != 0)
    tables.states[index, column] = FLAT
    tables.holdings[index, column] = BLANK_HOLDING


def _blank_holding() -> Any:
    blank = np.zeros(1, dtype=HOLDING_RECORD)[0]
    for name in ("entry_price", "highest", "lowest", *_UNKNOWN_PRICES):
        blank[name] = np.nan
    for name in (*_NO_TICKETS, "entry_session"):
        blank[name] = -1
    return blank


BLANK_HOLDING = _blank_holding()
"""The record of a holding of nothing, to be copied."""
