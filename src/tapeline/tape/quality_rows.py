"""The rules that look at one row at a time, and at rows of the same bar.

Each row gets all reasons that apply. A row with one of them that makes it unusable takes no part in any further
rule: neighbours are only ever compared with sound bars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tapeline.domain.panel import Floats, Sessions, Times
from tapeline.domain.times import DAY
from tapeline.tape.quality_reasons import Reason, bits_of

Bits = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]

_PHASES_SEEN = 100_000  # rows looked at to find the grid; spread evenly

UNUSABLE = bits_of(
    (
        Reason.NOT_A_NUMBER,
        Reason.NON_POSITIVE_PRICE,
        Reason.NEGATIVE_VOLUME,
        Reason.OHLC_ORDER,
        Reason.OUTSIDE_SESSION,
        Reason.OFF_GRID,
        Reason.DUPLICATE,
        Reason.CONFLICTING_DUPLICATE,
    )
)


@dataclass(frozen=True, eq=False)
class Bars:
    """R bars, sorted by symbol and start.

    code : int64 [R], the symbol as a position in the sorted names
    start_ns : int64 [R], UTC; any moment of the session's UTC date, or its open, for daily bars
    open, high, low, close, volume : float64 [R]; NaN = no number
    """

    code: Codes
    start_ns: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.code)

    @property
    def follows(self) -> Flags:
        """Whether the row before is of the same symbol, bool [R]."""
        same = np.empty(len(self), dtype=np.bool_)
        same[:1] = False
        np.equal(self.code[1:], self.code[:-1], out=same[1:])
        return same

    def take(self, kept: Flags) -> Bars:
        """Return the rows that are kept, the same bars where that is all of them."""
        if kept.all():
            return self
        return Bars(*(getattr(self, name)[kept] for name in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class Placement:
    """Where each row stands in the calendar.

    session : int64 [R], position in `sessions`; the UTC date in days without a calendar; -1 outside every session
    slot : int64 [R], position within the session, 0 for its first bar
    offset_ns : how much the first bar of a session is cut at the open; half an hour for hour bars on the full hour
    """

    session: Times
    slot: Times
    offset_ns: int


def check_values(bars: Bars) -> Bits:
    """Return the reasons that a row's own numbers give, uint32 [R]."""
    found = np.zeros(len(bars), dtype=np.uint32)
    prices = (bars.open, bars.high, bars.low, bars.close)

    def say(reason: Reason, where: Flags) -> None:
        if where.any():
            found[where] |= np.uint32(reason.bit)

    # One sum per row proves five numbers finite; where it overflows, the fields are looked at one by one.
    with np.errstate(over="ignore", invalid="ignore"):
        total = bars.open + bars.high
        for values in (bars.low, bars.close, bars.volume):
            total += values
    if not np.isfinite(total).all():
        finite = [np.isfinite(values) for values in (*prices, bars.volume)]
        say(Reason.NOT_A_NUMBER, ~np.logical_and.reduce(finite))
    if not min(float(np.nanmin(values, initial=np.inf)) for values in prices) > 0.0:
        say(Reason.NON_POSITIVE_PRICE, np.logical_or.reduce([values <= 0.0 for values in prices]))
    say(Reason.NEGATIVE_VOLUME, bars.volume < 0.0)
    say(Reason.ZERO_VOLUME, bars.volume == 0.0)
    wrong = bars.high < bars.low
    for inner in (bars.open, bars.close):
        wrong |= bars.high < inner
        wrong |= bars.low > inner
    say(Reason.OHLC_ORDER, wrong)
    return found


def place(bars: Bars, frame_ns: int, sessions: Sessions | None) -> Placement:
    """Return where rows stand. A bar belongs to the session it overlaps, as for reading."""
    if sessions is None:
        offset = _usual(bars.start_ns % frame_ns)
        day = bars.start_ns // DAY
        return Placement(day, (bars.start_ns - offset) // frame_ns, -offset % frame_ns)
    if frame_ns >= DAY:
        # The open of a session can lie on the UTC date before, as in Sydney; else the date itself is looked up.
        index = np.searchsorted(sessions.open_ns, bars.start_ns)
        beside = np.minimum(index, len(sessions) - 1)
        exact = sessions.open_ns[beside] == bars.start_ns
        day = bars.start_ns // DAY
        dated = np.minimum(np.searchsorted(sessions.days, day), len(sessions) - 1)
        index = np.where(exact, beside, np.where(sessions.days[dated] == day, dated, -1))
        return Placement(index, np.zeros_like(index), 0)
    index = np.searchsorted(sessions.close_ns, bars.start_ns, side="right")
    beside = np.minimum(index, len(sessions) - 1)
    since_open = bars.start_ns - sessions.open_ns[beside]
    inside = (index < len(sessions)) & (since_open > -frame_ns)
    phase = since_open % frame_ns
    offset = -_usual(phase[inside]) % frame_ns
    since_open += offset
    since_open //= frame_ns
    return Placement(np.where(inside, index, -1), since_open, offset)


def check_times(bars: Bars, placed: Placement, frame_ns: int, sessions: Sessions | None) -> Bits:
    """Return the reasons that a row's time gives, uint32 [R].

    The grid is that of the source: the most frequent position of its bars against the open.
    """
    outside = placed.session < 0 if sessions is not None else np.zeros(len(bars), dtype=np.bool_)
    found = np.zeros(len(bars), dtype=np.uint32)
    found[outside] |= np.uint32(Reason.OUTSIDE_SESSION.bit)
    if frame_ns >= DAY:
        return found
    begin = 0 if sessions is None else sessions.open_ns[placed.session]
    off = (bars.start_ns - begin + placed.offset_ns) % frame_ns != 0
    off &= ~outside
    found[off] |= np.uint32(Reason.OFF_GRID.bit)
    return found


def check_duplicates(bars: Bars, placed: Placement, sound: Flags, *, daily: bool) -> Bits:
    """Return the reasons of rows that are the same bar as another sound row, uint32 [R].

    Of equal rows the first is kept. Where their numbers differ nobody can tell which are right: none is kept.
    """
    found = np.zeros(len(bars), dtype=np.uint32)
    time = placed.session if daily else bars.start_ns
    rows: Times | None = None
    if sound.all():
        again = (bars.code[1:] == bars.code[:-1]) & (time[1:] == time[:-1])
    else:
        rows = np.flatnonzero(sound)
        code, when = bars.code[rows], time[rows]
        again = (code[1:] == code[:-1]) & (when[1:] == when[:-1])
    if not again.any():
        return found
    if rows is None:
        rows = np.arange(len(bars))
    # Number the bars and look at those with several rows only.
    number = np.concatenate([[0], np.cumsum(~again)])
    shared = np.concatenate([[False], again]) | np.concatenate([again, [False]])
    rows, number = rows[shared], number[shared]
    first = np.concatenate([[True], np.diff(number) != 0])
    head = rows[np.flatnonzero(first)[np.cumsum(first) - 1]]
    differs = np.zeros(len(rows), dtype=np.bool_)
    for values in (bars.open, bars.high, bars.low, bars.close, bars.volume):
        differs |= values[rows] != values[head]
    begin = np.flatnonzero(first)
    conflict = np.repeat(np.logical_or.reduceat(differs, begin), np.diff([*begin, len(rows)]))
    found[rows[conflict]] |= np.uint32(Reason.CONFLICTING_DUPLICATE.bit)
    found[rows[~conflict & ~first]] |= np.uint32(Reason.DUPLICATE.bit)
    return found


def _usual(phase: Times) -> int:
    if len(phase) == 0:
        return 0
    low = int(phase.min())
    if low == int(phase.max()):
        return low
    values, counts = np.unique(phase[:: max(1, len(phase) // _PHASES_SEEN)], return_counts=True)
    return int(values[np.argmax(counts)])
