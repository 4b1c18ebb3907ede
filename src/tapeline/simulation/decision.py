"""Decisions: from signals and holdings to intents. Exits first, then entries by rank, sized and limited.

`decide` is one function for every mode. It reads the table of formula values of the strategy's decision frame at one
row, the book, and the session's clock; it writes intents (submit, cancel, replace, or denied) and the tickets for
them. Whoever calls it carries the intents to the market: the backtest at once, the event loop through journal and
broker port.

Rules
-----
* Only a condition that is *true* acts; unknown does nothing.
* A symbol enters only from flat, on a row in which its decision bar exists, when exactly one side's condition holds.
* An exit rule cancels the children of the bracket and closes the whole holding at the market, good till canceled.
* When more symbols want in than there are slots, the highest `rank` goes first; unknown ranks last, ties by column.
* Sizes are whole steps. Working entries count as filled against every limit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from tapeline.domain.words import Limit, Purpose
from tapeline.indicators.cells import evaluate_cell
from tapeline.indicators.compiled import compiled
from tapeline.simulation.addresses import floats_at
from tapeline.simulation.book import mark_holdings
from tapeline.simulation.lanes import LANE_ROW, bars_of, row_start, session_at, sessions_of, signals_of
from tapeline.simulation.limits import has_lost_too_much, watch_day
from tapeline.simulation.records import EXITING, FLAT, HOLDING
from tapeline.simulation.references import INLINED, UNCOUNTED
from tapeline.simulation.sizing import deny, enter
from tapeline.simulation.tables import BOOK, ensure_room
from tapeline.simulation.verbs import close_holding, continue_leaving, move_stop, scale_out_holding

RULE_NAMES = (
    "enter_long",
    "exit_long",
    "enter_short",
    "exit_short",
    "stop",
    "target",
    "trail",
    "rank",
    "size",
    "volatility",
    "scale_out",
    "move_stop",
)
(
    ENTER_LONG,
    EXIT_LONG,
    ENTER_SHORT,
    EXIT_SHORT,
    STOP,
    TARGET,
    TRAIL,
    RANK,
    SIZE,
    VOLATILITY,
    SCALE_OUT,
    MOVE_STOP,
) = np.arange(len(RULE_NAMES))  # NumPy's numbers, as for plain ones the compiler would make a function for each

NANOSECONDS_PER_MINUTE = 60_000_000_000


@compiled(**INLINED)
def _exists(signals: Any, strategy: int, row: int, symbol: int) -> bool:
    layout = signals.layout[strategy]
    place = layout[1] + row * layout[4] + layout[5] + symbol
    return bool(signals.exists[place] == 1.0)


@compiled()
def _cell_rule(book: Any, lane: Any, strategy: int, rule: Any, row: int, symbol: int) -> float:
    signals = signals_of(lane)
    start, _, registers, rows, columns, first_column = signals.layout[strategy]
    settings = book.strategies[strategy]
    table = signals.values[start : start + registers * rows * columns].reshape((registers, rows, columns))
    return float(
        evaluate_cell(
            book.code,
            settings.code_first + book.rules[strategy, rule, 1],
            settings.code_first + book.rules[strategy, rule, 2],
            book.constants[settings.constants_first :],
            table,
            row,
            first_column + symbol,
            book.fields,
            book.stack,
        )
    )


@compiled(**INLINED)
def _rule(book: Any, lane: Any, strategy: int, rule: Any, row: int, symbol: int) -> float:
    register = book.rules[strategy, rule, 0]
    if register >= 0:
        signals = signals_of(lane)
        layout = signals.layout[strategy]
        return float(signals.values[layout[0] + (register * layout[3] + row) * layout[4] + layout[5] + symbol])
    if book.rules[strategy, rule, 1] < 0:
        return np.nan
    return _cell_rule(book, lane, strategy, rule, row, symbol)


@compiled(entry=True, **UNCOUNTED)
def fill_fields(book: Any, strategy: int, symbol: int, end_ns: int, session: int, close_ns: int) -> None:
    """Write what `position.*` means for one holding; the order is formula's POSITION_FIELDS."""
    holding = book.holdings[strategy, symbol]
    fields = book.fields
    side = 1.0 if holding.quantity > 0.0 else -1.0
    unrealized = side * (book.marks[symbol] - holding.entry_price)
    stop_price = holding.stop_price
    if not np.isnan(holding.trail):
        extreme = holding.highest if side > 0.0 else holding.lowest
        stop_price = extreme - side * holding.trail
    fields[0] = holding.quantity
    fields[1] = holding.entry_price
    fields[2] = holding.bars_held
    fields[3] = (end_ns - holding.entry_ns) / NANOSECONDS_PER_MINUTE
    fields[4] = session - holding.entry_session if session >= 0 else np.nan
    fields[5] = unrealized
    fields[6] = unrealized / holding.risk if holding.risk > 0.0 else np.nan
    fields[7] = holding.highest
    fields[8] = holding.lowest
    fields[9] = (close_ns - end_ns) / NANOSECONDS_PER_MINUTE if session >= 0 else np.nan
    fields[10] = stop_price


@compiled()
def _decide_exits(book: Any, lane: Any, strategy: int, row: int, end_ns: int, session: int, close_ns: int) -> None:
    settings = book.strategies[strategy]
    for symbol in range(book.states.shape[1]):
        if book.states[strategy, symbol] in (FLAT, EXITING):
            continue
        holding = book.holdings[strategy, symbol]
        if settings.reads_position:
            fill_fields(book, strategy, symbol, end_ns, session, close_ns)
        rule = EXIT_LONG if holding.side > 0 else EXIT_SHORT
        if _rule(book, lane, strategy, rule, row, symbol) == 1.0:
            close_holding(book, strategy, symbol, Purpose.EXIT_RULE, end_ns)
            continue
        if not settings.watches_holdings or holding.quantity == 0.0:
            continue
        if holding.scaled == 0 and _rule(book, lane, strategy, SCALE_OUT, row, symbol) == 1.0:
            scale_out_holding(book, strategy, symbol, settings.scale_out_fraction, np.nan, False, end_ns)
            continue
        move_stop(book, strategy, symbol, _rule(book, lane, strategy, MOVE_STOP, row, symbol), end_ns)


@compiled(**INLINED)
def _used_slots(book: Any, strategy: int) -> int:
    used = 0
    for symbol in range(book.states.shape[1]):
        if book.states[strategy, symbol] != FLAT:
            used += 1
    return used


@compiled()
def _enter_by_rules(book: Any, lane: Any, strategy: int, symbol: int, side: int, row: int, end_ns: int) -> None:
    settings = book.strategies[strategy]
    price = book.prices[symbol]
    stop_price = _rule(book, lane, strategy, STOP, row, symbol)
    if settings.stop_is_distance:
        stop_price = price - side * stop_price
    target_price = _rule(book, lane, strategy, TARGET, row, symbol)
    trail = _rule(book, lane, strategy, TRAIL, row, symbol)
    for rule, level in ((STOP, stop_price), (TARGET, target_price), (TRAIL, trail)):
        # a protection that is declared and unknown is no reason to go without it
        if book.rules[strategy, rule, 0] >= 0 and np.isnan(level):
            deny(book, strategy, symbol, side, 0.0, Limit.NO_STOP, end_ns)
            return
    if settings.target_is_distance:
        target_price = price + side * target_price
    enter(
        book,
        strategy,
        symbol,
        side,
        settings.size_kind,
        _rule(book, lane, strategy, SIZE, row, symbol),
        _rule(book, lane, strategy, VOLATILITY, row, symbol),
        stop_price,
        target_price,
        trail,
        np.nan,
        end_ns,
    )


@compiled()
def _decide_entries(book: Any, lane: Any, strategy: int, row: int, end_ns: int) -> None:
    settings = book.strategies[strategy]
    account = book.account[0]
    symbols = book.states.shape[1]
    signals = signals_of(lane)
    start, _, _, rows, columns, first_column = signals.layout[strategy]
    long_register = book.rules[strategy, ENTER_LONG, 0]
    short_register = book.rules[strategy, ENTER_SHORT, 0]
    short_allowed = book.limits[0].short_allowed
    long_start = start + (long_register * rows + row) * columns + first_column
    short_start = start + (short_register * rows + row) * columns + first_column
    count = 0
    for symbol in range(symbols):
        long = long_register >= 0 and signals.values[long_start + symbol] == 1.0
        short = short_register >= 0 and signals.values[short_start + symbol] == 1.0
        if long == short or (short and not short_allowed) or book.states[strategy, symbol] != FLAT:
            continue
        if not _exists(signals, strategy, row, symbol):
            continue
        book.candidates[count] = symbol if long else -symbol - 1
        count += 1
    if count == 0:
        return
    slots = book.limits[0].positions_max - account.busy - account.external
    if settings.positions_max - _used_slots(book, strategy) < slots:
        slots = settings.positions_max - _used_slots(book, strategy)
    if count > slots:
        # insertion by rank: few candidates, and equal ranks keep the order of the columns
        for index in range(count):
            candidate = book.candidates[index]
            symbol = candidate if candidate >= 0 else -candidate - 1
            score = _rule(book, lane, strategy, RANK, row, symbol)
            score = -np.inf if np.isnan(score) else score
            place = index
            while place > 0 and book.scores[place - 1] < score:
                book.scores[place] = book.scores[place - 1]
                book.candidates[place] = book.candidates[place - 1]
                place -= 1
            book.scores[place] = score
            book.candidates[place] = candidate
    taken = 0
    for index in range(count):
        if taken >= slots:
            break
        candidate = book.candidates[index]
        symbol = candidate if candidate >= 0 else -candidate - 1
        _enter_by_rules(book, lane, strategy, symbol, 1 if candidate >= 0 else -1, row, end_ns)
        if book.states[strategy, symbol] != FLAT:  # who is denied leaves the slot to the next
            taken += 1


@compiled()
def flatten(book: Any, strategy: int, end_ns: int) -> None:
    """Close all that the strategy holds, as the last minutes of its session have come."""
    if book.account[0].busy > 0:
        ensure_room(book)
        for symbol in range(book.states.shape[1]):
            close_holding(book, strategy, symbol, Purpose.FLAT_BEFORE_CLOSE, end_ns)


@compiled()
def _cut_losses(book: Any, strategy: int, end_ns: int) -> None:
    for symbol in range(book.states.shape[1]):
        if book.states[strategy, symbol] == HOLDING and has_lost_too_much(book, strategy, symbol):
            ensure_room(book)
            close_holding(book, strategy, symbol, Purpose.LOSS_LIMIT, end_ns)


@compiled(**INLINED)
def can_act(signals: Any, strategies: Any, rules: Any, states: Any, holdings: Any, strategy: int, row: int) -> bool:
    """Return whether any rule of the strategy can act on this row. On nearly all rows of a run none can."""
    values, layout, own = signals.values, signals.layout[strategy], rules[strategy]
    columns = layout[4]
    start = layout[0] + row * columns + layout[5]
    stride = layout[3] * columns
    enter_long, enter_short = own[ENTER_LONG, 0], own[ENTER_SHORT, 0]
    watches = strategies[strategy].watches_holdings or strategies[strategy].reads_position
    for symbol in range(states.shape[1]):
        if states[strategy, symbol] == FLAT:
            if enter_long >= 0 and values[start + enter_long * stride + symbol] == 1.0:
                return True
            if enter_short >= 0 and values[start + enter_short * stride + symbol] == 1.0:
                return True
        elif watches:
            return True
        else:
            rule = own[EXIT_LONG, 0] if holdings[strategy, symbol].side > 0 else own[EXIT_SHORT, 0]
            if rule >= 0 and values[start + rule * stride + symbol] == 1.0:
                return True
    return False


@compiled(**INLINED)
def count_bar(signals: Any, states: Any, holdings: Any, strategy: int, row: int) -> None:
    """Count the decision bar for everything that the strategy holds and that has one."""
    layout = signals.layout[strategy]
    start = layout[1] + row * layout[4] + layout[5]
    for symbol in range(states.shape[1]):
        if states[strategy, symbol] >= HOLDING and signals.exists[start + symbol] == 1.0:
            holdings[strategy, symbol].bars_held += 1


@compiled()
def decide(
    book: Any,
    lane: Any,
    strategy: int,
    row: int,
    end_ns: int,
    session: int,
    open_ns: int,
    close_ns: int,
) -> None:
    """Let one strategy decide at the end of a slice.

    row : the row of its table that ended with this slice, -1 when none did
    end_ns, session, open_ns, close_ns : the slice's end and its session (-1 and zeros without sessions)
    """
    settings = book.strategies[strategy]
    closing = False
    if settings.flat_before_close_ns >= 0 and session >= 0:
        closing = close_ns - end_ns <= settings.flat_before_close_ns
    if closing:
        flatten(book, strategy, end_ns)
    if book.limits[0].watches_rows and book.account[0].busy > 0:
        _cut_losses(book, strategy, end_ns)
    if book.account[0].leaving > 0:
        ensure_room(book)
        continue_leaving(book, strategy, end_ns)
    if row < 0:
        return
    if not can_act(signals_of(lane), book.strategies, book.rules, book.states, book.holdings, strategy, row):
        return
    ensure_room(book)
    if book.account[0].busy > 0:
        _decide_exits(book, lane, strategy, row, end_ns, session, close_ns)
    if closing:
        return
    if session >= 0 and (
        end_ns - open_ns < settings.entry_after_open_ns or close_ns - end_ns <= settings.entry_before_close_ns
    ):
        return
    _decide_entries(book, lane, strategy, row, end_ns)


CLOSE_SLICE = types.void(BOOK, LANE_ROW, types.int64)


@compiled(CLOSE_SLICE, **UNCOUNTED)
def close_slice(book: Any, lane: Any, t: int) -> None:
    """End slice t of a lane after its events: take in its prices, then let every strategy decide, in their order."""
    start, shape = row_start(lane, t), (len(book.positions),)
    mark_holdings(
        book,
        floats_at(lane.high + start, shape),
        floats_at(lane.low + start, shape),
        floats_at(lane.close + start, shape),
        floats_at(lane.volume + start, shape),
    )
    book.account[0].intents = 0
    end_ns, session = bars_of(lane).end_ns[t], session_at(lane, t)
    open_ns, close_ns = 0, 0
    if session >= 0:
        open_ns, close_ns = sessions_of(lane).open_ns[t], sessions_of(lane).close_ns[t]
    if book.limits[0].watches_rows:
        closes = floats_at(lane.close + start, shape)
        for symbol in range(len(closes)):
            if not np.isnan(closes[symbol]):
                book.priced_ns[symbol] = end_ns
        watch_day(book, end_ns, session)
    signals = signals_of(lane)
    if book.account[0].busy > 0:
        for strategy in range(book.states.shape[0]):
            row = signals.rows[strategy, t - lane.first_row]
            if row >= 0:
                count_bar(signals, book.states, book.holdings, strategy, row)
    if book.account[0].halted != 0:
        return
    for strategy in range(book.states.shape[0]):
        decide(book, lane, strategy, signals.rows[strategy, t - lane.first_row], end_ns, session, open_ns, close_ns)
