"""From labels to bars: the base frame, the session of each bar, its start and its end.

A source names a bar by one time, its start or its end. This file is the only place that shifts one to the
other. All work is done on the distinct times (17,204 in a quarter of minutes), not on the rows.

- The frame is the most frequent step between bars of one symbol; every bar must stand on its grid. The
  grid may be shifted against the session's open (hour bars on the full hour), but equally in all sessions.
- A bar belongs to the session it overlaps. What overlaps none is left out, counted and reported. A bar
  that begins before the open or ends after the close is cut there: an hour bar named 09:00 covers
  09:30-10:00 when trading opens at 09:30, the last hour bar from 15:30 ends at 16:00.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
import numpy.typing as npt

from tapeline.domain.errors import DataError, InputError
from tapeline.domain.panel import Sessions, Times
from tapeline.domain.times import DAY, HOUR, MINUTE, SECOND, frame_text
from tapeline.tape.rows import BarRows

_STEPS_SEEN = 400_000  # steps looked at to find the frame; spread evenly over the rows


@dataclass(frozen=True, eq=False)
class Grid:
    """The time axis of a panel, and where each source row goes on it.

    frame_ns : length of the base bar
    start_ns, end_ns : int64 [T]
    row : integers [R], position of each source row on the axis; T for rows outside every session
    session : int64 [T], index into `sessions`; 0 without a calendar
    sessions : those the bars were laid on, None without a calendar
    clipped : how many source rows were cut at an open
    """

    frame_ns: int
    start_ns: Times
    end_ns: Times
    row: npt.NDArray[np.integer]
    session: Times
    sessions: Sessions | None
    clipped: int = 0


def lay_daily(rows: BarRows, sessions: Sessions | None) -> Grid:
    """Return the grid of daily bars: each covers the whole session of its date."""
    times, position = _distinct(rows.label_ns, DAY)
    if sessions is None:
        axis = np.arange(len(times))
        return Grid(DAY, times, times + DAY, position, np.zeros_like(axis), None)
    index = np.searchsorted(sessions.days, times // DAY)
    inside = index < len(sessions)
    inside[inside] = sessions.days[index[inside]] == times[inside] // DAY
    kept = index[inside]
    return Grid(DAY, sessions.open_ns[kept], sessions.close_ns[kept], _renumber(position, inside), kept, sessions)


def lay_intraday(rows: BarRows, sessions: Sessions | None, label: str, frame_ns: int | None) -> Grid:
    """Return the grid of bars shorter than a session.

    label : "start" or "end", what the source's times name
    frame_ns : None finds the frame in the data
    Raises DataError if bars of two frames are mixed, or a bar stands off the grid.
    """
    step = rows.frame_ns or find_frame(rows)
    frame = step if frame_ns is None else frame_ns
    if frame is None:
        raise DataError(
            f"{rows.name} has no two bars of one symbol in one session, so the length of its bars cannot be "
            'seen. Give it, for example frame="1min"; daily bars need a column "date" in place of "ts".'
        )
    if step is not None and step % frame != 0:
        raise InputError(
            f"Frame {frame_text(frame)} was asked, but the bars of {rows.name} stand {_length(step)} apart. "
            f'Read them with frame="{_length(step)}"; slower frames are built from them in formulas.'
        )
    times, position = _distinct(rows.label_ns, gcd(frame, MINUTE))
    start = starts_of(times, label, frame, sessions)
    if sessions is None:
        phase = start % frame
        _refuse_off_grid(rows, position, phase != _usual(phase), frame)
        return Grid(frame, start, start + frame, position, np.zeros_like(start), None)

    index, inside, opens, closes = _beside(start, frame, sessions)
    phase = (start - opens) % frame
    usual = _usual(phase[inside])
    _refuse_off_grid(rows, position, inside & (phase != usual), frame)
    cut = inside & (start < opens)
    clipped = int(np.count_nonzero(cut[position])) if cut.any() else 0
    start, end = np.maximum(start, opens), np.minimum(start + frame, closes)
    return Grid(frame, start[inside], end[inside], _renumber(position, inside), index[inside], sessions, clipped)


def starts_of(label_ns: Times, label: str, frame_ns: int, sessions: Sessions | None) -> Times:
    """Return the starts of bars shorter than a session that a source names by their "start" or "end"."""
    if label == "start":
        return label_ns
    start = label_ns - frame_ns
    if sessions is None:
        return start
    # The last bar of a session may be short; a source that names bars by their end puts it at the close.
    _, inside, opens, closes = _beside(start, frame_ns, sessions)
    phase = (start - opens) % frame_ns
    usual = _usual(phase[inside])
    short = inside & (phase != usual) & (start + frame_ns == closes)
    moved: Times = np.where(short, closes - (closes - opens - usual) % frame_ns, start)
    return moved


def _beside(start: Times, frame_ns: int, sessions: Sessions) -> tuple[Times, npt.NDArray[np.bool_], Times, Times]:
    """Return for each bar the session it overlaps or that comes next, whether it overlaps one, and its hours."""
    index = np.searchsorted(sessions.close_ns, start, side="right")
    beside = np.minimum(index, len(sessions) - 1)
    opens, closes = sessions.open_ns[beside], sessions.close_ns[beside]
    return beside, (index < len(sessions)) & (opens < start + frame_ns), opens, closes


def find_frame(rows: BarRows) -> int | None:
    """Return the most frequent step between bars of one symbol in nanoseconds, the smaller of two equals.

    Steps of half a day and more lie between sessions and are not counted. None if no steps are left.
    """
    every = max(1, (len(rows) - 1) // _STEPS_SEEN)
    here = np.arange(0, len(rows) - 1, every)
    code, label = rows.code, rows.label_ns
    order = rows.by_symbol()
    if order is not None:
        code, label = code[order], label[order]
    step = label[here + 1] - label[here]
    step = step[(code[here + 1] == code[here]) & (step > 0) & (step < 12 * HOUR)]
    if len(step) == 0:
        return None
    sizes, counts = np.unique(step, return_counts=True)
    return int(sizes[np.argmax(counts)])


def _refuse_off_grid(
    rows: BarRows, position: npt.NDArray[np.integer], wrong: npt.NDArray[np.bool_], frame_ns: int
) -> None:
    if not wrong.any():
        return
    row = int(np.argmax(wrong[position]))
    raise DataError(
        f"The bar in {rows.place(row)} is off the {frame_text(frame_ns)} grid on which the other bars stand. "
        "Remove it, or, if bars of two lengths are mixed, put each length in its own file."
    )


def _distinct(label_ns: Times, unit_ns: int) -> tuple[Times, npt.NDArray[np.integer]]:
    """Return the distinct times in order and the position of each row among them.

    A table over all units between first and last time is ten times faster than sorting; where the times
    are too sparse for one, or off the unit, they are sorted.
    """
    low = int(label_ns.min()) // unit_ns * unit_ns
    units = (int(label_ns.max()) - low) // unit_ns + 1
    if units <= 4 * len(label_ns) + 1_000_000:
        since = label_ns - low
        slot = since // unit_ns
        # multiplying back is a third of the price of a remainder
        if bool((slot * unit_ns == since).all()):
            seen = np.zeros(units, dtype=np.bool_)
            seen[slot] = True
            used = np.flatnonzero(seen)
            number = np.zeros(units, dtype=np.int32)
            number[used] = np.arange(len(used), dtype=np.int32)
            return used * unit_ns + low, number[slot]
    times, position = np.unique(label_ns, return_inverse=True)
    return times, position


def _renumber(position: npt.NDArray[np.integer], kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.integer]:
    if kept.all():
        return position
    count = int(kept.sum())
    number = np.full(len(kept), count, dtype=np.int32)
    number[kept] = np.arange(count, dtype=np.int32)
    renumbered: npt.NDArray[np.int32] = number[position]
    return renumbered


def _usual(phase: Times) -> int:
    if len(phase) == 0:
        return 0
    values, counts = np.unique(phase, return_counts=True)
    return int(values[np.argmax(counts)])


def _length(step_ns: int) -> str:
    return frame_text(step_ns) if step_ns % SECOND == 0 else f"{step_ns / SECOND:g}s"
