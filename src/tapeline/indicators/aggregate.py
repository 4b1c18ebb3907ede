"""From base bars to slower frames, and from one frame's rows to another's.

A frame bar covers (open + k * frame, open + (k + 1) * frame] of its session and ends with the session at the
latest; frames of n days cover n whole sessions, counted from the first session of the calendar. Without
sessions frames are anchored at multiples of their length since 1970-01-01 UTC.

Example: 15-minute bars of 5-minute bars, session 09:30 to 16:00. The bar (09:30, 09:45] becomes readable in
the row that ends 09:45. When that row is missing for all symbols, the row that ends 09:50 emits it, before it
starts the next. When the next row of all ends 10:00, it emits (09:30, 09:45] and then (09:45, 10:00], two
frame rows.

A base bar belongs to the frame bar in which it *ends*; so a frame bar never holds anything later than its own
end, even if bars are wrongly aligned. Everything here is carried in states of fixed size, and cutting the
base rows into chunks changes nothing.

All times are int64 UTC nanoseconds; NONE = no such time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled

NONE = -(2**63)
NEVER = 2**63 - 1
MINUTE_NS = 60_000_000_000
DAY_NS = 86_400_000_000_000

# Rows of an aggregation's state [7, N]: the frame bar under construction, and how many base bars it holds.
OPEN, HIGH, LOW, CLOSE, VOLUME, SEEN = 0, 1, 2, 3, 4, 5
STATE_ROWS = 6


@compiled("void(int64[::1], int64[::1], int64[::1], int64[::1])")
def locate_sessions(start_ns: Any, open_ns: Any, close_ns: Any, session: Any) -> None:
    """Write for each bar start the index of the session [open, close) that contains it, else -1."""
    size = open_ns.size
    for row in range(start_ns.size):
        low, high = 0, size
        while low < high:
            middle = (low + high) // 2
            if open_ns[middle] <= start_ns[row]:
                low = middle + 1
            else:
                high = middle
        inside = low > 0 and start_ns[row] < close_ns[low - 1]
        session[row] = low - 1 if inside else -1


@compiled(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64, float64[:, ::1], float64[:, ::1], float64[:, ::1])"
)
def session_clocks(
    end_ns: Any,
    session: Any,
    open_ns: Any,
    close_ns: Any,
    ordinal: int,
    number: Any,
    since_open: Any,
    to_close: Any,
) -> None:
    """Write the clocks of rows: the session's number, minutes since its open, minutes to its close.

    number, since_open, to_close : float64 [C, 1]; NaN outside every session
    """
    for row in range(end_ns.size):
        index = session[row]
        if index < 0:
            number[row, 0] = since_open[row, 0] = to_close[row, 0] = np.nan
        else:
            number[row, 0] = ordinal + index
            since_open[row, 0] = (end_ns[row] - open_ns[index]) / MINUTE_NS
            to_close[row, 0] = (close_ns[index] - end_ns[row]) / MINUTE_NS


@compiled()
def bars_between(start_ns: int, end_ns: int, base_ns: int) -> Any:
    """Return how many base bars a stretch of time expects; a last shorter one counts."""
    return -((start_ns - end_ns) // base_ns)


@compiled(
    "int64(int64[::1], int64[::1], int64[::1], int64[::1], int64, int64, int64, int64[::1], int64[::1], float64[::1])"
)
def frame_clock(
    end_ns: Any,
    session: Any,
    open_ns: Any,
    close_ns: Any,
    ordinal: int,
    frame_ns: int,
    base_ns: int,
    pending: Any,
    frame_end: Any,
    expected: Any,
) -> int:
    """Write for each base row the end of its frame bar; return how many frame bars end within the rows.

    session : int64 [C], index of each row's session, -1 outside; open_ns, close_ns : all sessions, may be
        empty
    pending : int64 [2], the end of the frame bar under construction if pending[0] is 1; read only
    frame_end : int64 [C]; NONE where the row lies outside every session, NEVER where the calendar does not
        reach the last session of a frame of several
    expected : float64 [C], base bars the frame bar has when none is missing
    """
    whole_sessions = open_ns.size > 0 and frame_ns >= DAY_NS
    days = frame_ns // DAY_NS
    is_pending, pending_end = pending[0] == 1, pending[1]
    emitted = 0
    for row in range(end_ns.size):
        frame_end[row] = NONE
        expected[row] = 0.0
        if open_ns.size == 0:
            start = (end_ns[row] - 1) // frame_ns * frame_ns
            frame_end[row] = start + frame_ns
            expected[row] = bars_between(start, start + frame_ns, base_ns)
        elif session[row] >= 0 and whole_sessions:
            group = (ordinal + session[row]) // days
            first, last = max(group * days - ordinal, 0), group * days + days - 1 - ordinal
            frame_end[row] = close_ns[last] if last < open_ns.size else NEVER
            for index in range(first, min(last + 1, open_ns.size)):
                # A base bar of a day covers its session, which is shorter than the day.
                length = close_ns[index] - open_ns[index]
                expected[row] += bars_between(0, length, min(base_ns, length))
        elif session[row] >= 0:
            opened, closed = open_ns[session[row]], close_ns[session[row]]
            start = opened + (end_ns[row] - 1 - opened) // frame_ns * frame_ns
            frame_end[row] = min(start + frame_ns, closed)
            expected[row] = bars_between(start, frame_end[row], base_ns)
        if is_pending and end_ns[row] > pending_end:
            emitted += 1
            is_pending = False
        if frame_end[row] != NONE:
            is_pending, pending_end = True, frame_end[row]
        if is_pending and end_ns[row] >= pending_end:
            emitted += 1
            is_pending = False
    return emitted


@compiled()
def emit_bar(state: Any, expected: float, row: int, fields: Any) -> None:
    symbols = state.shape[1]
    for column in range(symbols):
        seen = state[SEEN, column]
        fields[0][row, column] = 1.0 if seen > 0.0 else np.nan
        fields[6][row, column] = seen / expected if seen > 0.0 else np.nan
    for field in range(5):
        for column in range(symbols):
            fields[1 + field][row, column] = state[field, column] if state[SEEN, column] > 0.0 else np.nan
    for column in range(symbols):
        state[SEEN, column] = 0.0


@compiled(
    "void(UniTuple(float64[:, ::1], 5), int64[::1], int64[::1], int64[::1], float64[::1], int64[::1], "
    "float64[::1], float64[:, ::1], UniTuple(float64[:, ::1], 7), int64[::1], int64[::1], int64[::1])"
)
def aggregate(
    base: Any,
    end_ns: Any,
    session: Any,
    frame_end: Any,
    expected: Any,
    pending: Any,
    pending_expected: Any,
    state: Any,
    fields: Any,
    out_end: Any,
    out_session: Any,
    out_row: Any,
) -> None:
    """Advance the frame bars by base rows and write those that ended.

    base : open, high, low, close, volume, float64 [C, N]; NaN in close = no bar
    frame_end, expected : of each base row, as `frame_clock` wrote them
    pending : int64 [3], of the frame bar under construction: 1 if there is one, its end, its last row's
        session;
        pending_expected : float64 [1]; state : float64 [STATE_ROWS, N]; all zeros at the start
    fields : exists, open, high, low, close, volume, completeness, float64 [Cf, N]: one row per bar that ended
    out_end, out_session, out_row : int64 [Cf], its end, its session, and the base row that made it readable
    """
    emitted = 0
    for row in range(end_ns.size):
        if pending[0] == 1 and end_ns[row] > pending[1]:
            emit_bar(state, pending_expected[0], emitted, fields)
            out_end[emitted], out_session[emitted], out_row[emitted] = pending[1], pending[2], row
            emitted += 1
            pending[0] = 0
        if frame_end[row] != NONE:
            pending[0], pending[1], pending[2] = 1, frame_end[row], session[row]
            pending_expected[0] = expected[row]
            add_bars(base, row, state)
        if pending[0] == 1 and end_ns[row] >= pending[1]:
            emit_bar(state, pending_expected[0], emitted, fields)
            out_end[emitted], out_session[emitted], out_row[emitted] = pending[1], pending[2], row
            emitted += 1
            pending[0] = 0


@compiled()
def add_bars(base: Any, row: int, state: Any) -> None:
    # A loop for each field, without branches, becomes vector code.
    close, symbols = base[3], state.shape[1]
    for column in range(symbols):
        before, is_first, has_bar = state[OPEN, column], state[SEEN, column] == 0.0, is_known(close[row, column])
        state[OPEN, column] = base[0][row, column] if has_bar and is_first else before
    for column in range(symbols):
        before, is_first, has_bar = state[HIGH, column], state[SEEN, column] == 0.0, is_known(close[row, column])
        high = base[1][row, column]
        high = high if is_first else max(before, high)
        state[HIGH, column] = high if has_bar else before
    for column in range(symbols):
        before, is_first, has_bar = state[LOW, column], state[SEEN, column] == 0.0, is_known(close[row, column])
        low = base[2][row, column]
        low = low if is_first else min(before, low)
        state[LOW, column] = low if has_bar else before
    for column in range(symbols):
        before, is_first, has_bar = state[VOLUME, column], state[SEEN, column] == 0.0, is_known(close[row, column])
        volume = base[4][row, column]
        volume = volume if is_first else before + volume
        state[VOLUME, column] = volume if has_bar else before
    for column in range(symbols):
        before, now = state[CLOSE, column], close[row, column]
        state[CLOSE, column] = now if is_known(now) else before
    for column in range(symbols):
        state[SEEN, column] += 1.0 if is_known(close[row, column]) else 0.0


@compiled()
def is_known(value: float) -> Any:
    return value == value


@compiled("void(int64[::1], float64[:, ::1], float64[:, ::1], int64[::1], float64[::1], float64[:, ::1])")
def read_as_of(source_end: Any, exists: Any, source: Any, target_end: Any, last: Any, out: Any) -> None:
    """Write for each target row the source's last value, over existing bars, that ended at or before it.

    source, exists : float64 [Cs, N], the source rows that ended within the chunk
    last : float64 [N], the value carried from the chunks before; NaN at the start
    out : float64 [Ct, N]
    """
    read = 0
    for row in range(target_end.size):
        while read < source_end.size and source_end[read] <= target_end[row]:
            keep_last(exists, source, read, last)
            read += 1
        for column in range(last.size):
            out[row, column] = last[column]
    while read < source_end.size:
        keep_last(exists, source, read, last)
        read += 1


@compiled()
def keep_last(exists: Any, source: Any, row: int, last: Any) -> None:
    for column in range(last.size):
        if exists[row, column] == 1.0:
            last[column] = source[row, column]


@compiled("void(float64[:, :, ::1], int64[::1], int64, int64, float64[:, ::1], float64[:, ::1], int64[::1])")
def remember(registers: Any, end_ns: Any, count: int, rows: int, last: Any, before: Any, last_end: Any) -> None:
    """Keep the first `count` registers as they stood in each symbol's last existing bar and in the one
    before.

    registers : float64 [R, capacity, N], of which register 0 is `exists` and rows 0..rows-1 are in use
    last, before : float64 [count, N]; last_end : int64 [N], the ends of the last bars
    """
    symbols = last.shape[1]
    newest, earlier = np.empty(symbols, np.int64), np.empty(symbols, np.int64)
    for column in range(symbols):
        newest[column] = previous_bar(registers, rows, column)
        earlier[column] = previous_bar(registers, newest[column], column)
        if newest[column] >= 0:
            last_end[column] = end_ns[newest[column]]
    for register in range(count):
        for column in range(symbols):
            if newest[column] >= 0:
                from_chunk = registers[register, max(earlier[column], 0), column]
                before[register, column] = from_chunk if earlier[column] >= 0 else last[register, column]
                last[register, column] = registers[register, newest[column], column]


@compiled()
def previous_bar(registers: Any, before_row: int, column: int) -> Any:
    row = before_row - 1
    while row >= 0 and registers[0, row, column] != 1.0:
        row -= 1
    return row


@compiled("void(float64[::1], float64[::1])")
def mark_bars(close: Any, exists: Any) -> None:
    """Write 1.0 where there is a bar, else NaN. Flat views of panels."""
    for i in range(exists.size):
        exists[i] = 1.0 if close[i] == close[i] else np.nan


@compiled("void(float64[:, ::1], float64[:, ::1])")
def spread_clock(clock: Any, out: Any) -> None:
    """Write a clock [C, 1] into all columns of a panel [C, N]."""
    rows, columns = out.shape
    for row in range(rows):
        for column in range(columns):
            out[row, column] = clock[row, 0]


@compiled("void(int64, int64[::1], int64[::1])")
def decision_rows(count: int, emitted_in: Any, decision_row: Any) -> None:
    """Write for each base row the last of the frame rows it made readable, -1 where there is none."""
    decision_row[:] = -1
    for row in range(count):
        decision_row[emitted_in[row]] = row
