"""From single messages of a feed to the bars under construction: one compiled pass over a batch.

Bars under construction are a ring of rows: row 0 is the oldest bar that is still open, row 1 the next. So a
symbol whose next bar has begun does not wait for another whose last message is still on its way. A trade at a
time t belongs to the bar [start, end) that holds it; who reads bars as (start, end] loses nothing, since no
bar is read before its end.

Messages arrive in any order. The first trade of a bar by its own time is its open, the last its close; of two
at the same time the one that came first opens and the one that came last closes.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from tapeline.indicators.compiled import compiled

TRADE, QUOTE, BAR = 1, 2, 3

MESSAGE = np.dtype(
    [
        ("kind", "i8"),
        ("column", "i8"),
        ("time_ns", "i8"),
        ("a", "f8"),
        ("b", "f8"),
        ("c", "f8"),
        ("d", "f8"),
        ("e", "f8"),
    ]
)
"""One message. TRADE: a price, b size. QUOTE: a bid, b ask, c and d their sizes. BAR: a to e open, high, low, close and
volume of the whole bar that begins at time_ns; it stands in place of what trades have made of it."""

BUILDING = np.dtype([("open_ns", "i8"), ("close_ns", "i8"), ("has_bar", "i8")])
"""Of a bar under construction: the times of its first and last trade, and whether the feed sent it whole."""

TAKEN, LATE, AHEAD, OUTSIDE, REFUSED = range(5)
COUNTS = 5
"""Rows of the counts: taken; after their bar was given out; beyond the ring; outside the session; impossible values."""

BID, ASK, BID_SIZE, ASK_SIZE = range(4)

_MESSAGES = numba.from_dtype(MESSAGE)[::1]
_BUILDING = numba.from_dtype(BUILDING)[:, ::1]
_FLOATS = numba.float64[:, ::1]
_INTS = numba.int64[::1]


@compiled()
def _is_possible(message: Any) -> bool:
    if message.kind == TRADE:
        return bool(0.0 < message.a < np.inf and 0.0 <= message.b < np.inf)
    if message.kind == QUOTE:
        return bool(0.0 < message.a <= message.b < np.inf and message.c >= 0.0 and message.d >= 0.0)
    low, high = message.c, message.b
    within = low <= message.a <= high and low <= message.d <= high
    return bool(message.kind == BAR and low > 0.0 and high < np.inf and within and 0.0 <= message.e < np.inf)


@compiled()
def _trade(bars: Any, building: Any, row: int, column: int, time_ns: int, price: float, size: float) -> None:
    state = building[row, column]
    if state.has_bar:
        return
    if np.isnan(bars[row, 3, column]):
        bars[row, 0, column] = bars[row, 1, column] = bars[row, 2, column] = bars[row, 3, column] = price
        bars[row, 4, column] = size
        state.open_ns = state.close_ns = time_ns
        return
    if time_ns < state.open_ns:
        state.open_ns, bars[row, 0, column] = time_ns, price
    if time_ns >= state.close_ns:
        state.close_ns, bars[row, 3, column] = time_ns, price
    bars[row, 1, column] = max(bars[row, 1, column], price)
    bars[row, 2, column] = min(bars[row, 2, column], price)
    bars[row, 4, column] += size


@compiled(
    numba.void(_MESSAGES, numba.int64[::1], numba.float64[:, :, ::1], _BUILDING, _FLOATS, _INTS, _INTS, _FLOATS, _INTS)
)
def take_messages(
    messages: Any,
    clock: Any,
    bars: Any,
    building: Any,
    quotes: Any,
    quote_ns: Any,
    heard_ns: Any,
    rhythm_ns: Any,
    counts: Any,
) -> None:
    """Take a batch of messages into the bars under construction.

    messages : MESSAGE [M], in order of arrival
    clock : int64 [4]: start of row 0, frame, open and close of the session
    bars : float64 [R, 5, N], open, high, low, close, volume; NaN = no trade yet
    building : BUILDING [R, N]
    quotes, quote_ns : float64 [4, N], last bid, ask and their sizes, and int64 [N], their times
    heard_ns, rhythm_ns : int64 [N] and float64 [1, N], time of the last message of each symbol, 0 = none yet, and
        the running mean of the time between two, NaN before the second; weight 1/16 to the newest
    counts : int64 [5], what became of the messages
    """
    first_ns, frame_ns, open_ns, close_ns = clock
    rows = bars.shape[0]
    for number in range(messages.size):
        message = messages[number]
        column, time_ns = message.column, message.time_ns
        if column < 0 or column >= bars.shape[2] or not _is_possible(message):
            counts[REFUSED] += 1
            continue
        if time_ns < open_ns or time_ns >= close_ns:
            counts[OUTSIDE] += 1
            continue
        if time_ns >= first_ns + rows * frame_ns:
            counts[AHEAD] += 1
            continue
        if heard_ns[column] > 0 and time_ns > heard_ns[column]:
            gap = float(time_ns - heard_ns[column])
            before = rhythm_ns[0, column]
            rhythm_ns[0, column] = gap if np.isnan(before) else before + (gap - before) / 16.0
        heard_ns[column] = max(heard_ns[column], time_ns)
        if message.kind == QUOTE:
            if time_ns >= quote_ns[column]:
                quote_ns[column] = time_ns
                quotes[BID, column], quotes[ASK, column] = message.a, message.b
                quotes[BID_SIZE, column], quotes[ASK_SIZE, column] = message.c, message.d
            counts[TAKEN] += 1
            continue
        if time_ns < first_ns:
            counts[LATE] += 1
            continue
        row = (time_ns - first_ns) // frame_ns
        if message.kind == TRADE:
            _trade(bars, building, row, column, time_ns, message.a, message.b)
        else:
            building[row, column].has_bar = 1
            bars[row, 0, column], bars[row, 1, column] = message.a, message.b
            bars[row, 2, column], bars[row, 3, column] = message.c, message.d
            bars[row, 4, column] = message.e
        counts[TAKEN] += 1
