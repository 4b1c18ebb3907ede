"""Bars by symbol and session: one row each, for the rules that look at days rather than at bars.

And the first of those rules: holes within a session, and sessions that are missing between two that are there.
A minute without a trade is no fault, so a hole counts only where the symbol's own density makes it less likely
than `chance`: three missing minutes of a stock that never misses one, an hour of a fund that trades once in ten
minutes. A halt of trading looks the same, and is one. What a source has is bounded by its first and its last bar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tapeline.domain.panel import Floats, Sessions, Times
from tapeline.domain.times import DAY
from tapeline.tape.completeness import bars_expected
from tapeline.tape.quality_reasons import QualityRules
from tapeline.tape.quality_rows import Bars, Codes, Placement

SESSIONS_AROUND = 20
_NORMAL_SCALE = 1.4826  # median absolute deviation of a normal distribution to its standard deviation


@dataclass(frozen=True, eq=False)
class SessionTable:
    """K sessions of symbols, sorted by symbol and time; only sound bars count.

    code, session : int64 [K]; first, last : int64 [K], positions of their first and last bar
    open, close : float64 [K], first open and last close
    value : float64 [K], mean logarithm of the traded value (price x volume) of the bars that traded; NaN = none did
    """

    code: Codes
    session: Times
    first: Times
    last: Times
    open: Floats
    close: Floats
    value: Floats

    def __len__(self) -> int:
        return len(self.code)

    @property
    def count(self) -> Times:
        """Bars of each session, int64 [K]."""
        return self.last - self.first + 1

    @property
    def jump(self) -> Floats:
        """Logarithm of each session's open to the close of the symbol's session before; NaN for its first one."""
        jump = np.full(len(self), np.nan)
        same = self.code[1:] == self.code[:-1]
        jump[1:][same] = np.log(self.open[1:][same] / self.close[:-1][same])
        return jump


@dataclass(frozen=True)
class Hole:
    """What a symbol lacks in one session, or sessions it lacks.

    rows : the bars after the holes, and a session's last one where its end is missing; none for a sum
    first, last : sessions concerned; the missing ones themselves where whole sessions are
    bars : how many bars are missing in the session; 0 where whole sessions are
    sessions : how many sessions are missing
    """

    rows: tuple[int, ...]
    code: int
    first: int
    last: int
    bars: int
    sessions: int


def session_table(bars: Bars, placed: Placement) -> SessionTable:
    """Return the sessions of sound bars."""
    begin = np.empty(len(bars), dtype=np.bool_)
    begin[:1] = True
    np.not_equal(placed.session[1:], placed.session[:-1], out=begin[1:])
    begin[1:] |= bars.code[1:] != bars.code[:-1]
    first = np.flatnonzero(begin)
    last = np.append(first[1:], len(bars))[: len(first)] - 1
    traded = bars.volume > 0.0
    value = np.log(np.where(traded, bars.volume * bars.close, 1.0))
    if len(first) == 0:
        return SessionTable(first, first, first, first, value, value, value)
    if len(first) == len(bars):
        level = np.where(traded, value, np.nan)
    else:
        counted = np.add.reduceat(traded, first, dtype=np.int64)
        total = np.add.reduceat(value, first)
        level = np.divide(total, counted, out=np.full(len(first), np.nan), where=counted > 0)
    return SessionTable(bars.code[first], placed.session[first], first, last, bars.open[first], bars.close[last], level)


def usual_move(code: Codes, move: Floats, rows: Times) -> Floats:
    """Return the robust volatility of moves around sessions, their own left out; 0 where nothing is known."""
    usual = median_around(code, np.abs(move), rows, ahead=True)
    return _NORMAL_SCALE * np.where(np.isnan(usual), 0.0, usual)


def median_around(code: Codes, values: Floats, rows: Times, *, ahead: bool) -> Floats:
    """Return the median of the known values before, and if asked after, sessions of the same symbol; NaN if none."""
    away = np.arange(1, SESSIONS_AROUND + 1)
    index = rows[:, None] - away
    if ahead:
        index = np.concatenate([index, rows[:, None] + away], axis=1)
    inside = (index >= 0) & (index < len(values))
    index = np.clip(index, 0, len(values) - 1)
    near = np.where(inside & (code[index] == code[rows][:, None]), values[index], np.nan)
    median: Floats = np.full(len(rows), np.nan)
    some = ~np.isnan(near).all(axis=1)
    median[some] = np.nanmedian(near[some], axis=1)
    return median


def range_to_usual(table: SessionTable, bars: Bars, at: int, sessions: int) -> float:
    """Return the median range of prices in some sessions from `at` on to that of the sessions before; 0 without any."""
    near = np.arange(max(0, at - SESSIONS_AROUND), min(len(table), at + sessions))
    near = near[table.code[near] == table.code[at]]
    parts = [slice(int(table.first[k]), int(table.last[k]) + 1) for k in near]
    ranges = np.array([np.log(bars.high[part].max() / bars.low[part].min()) for part in parts])
    before = float(np.median(ranges[near < at])) if near[0] < at else 0.0
    return float(np.median(ranges[near >= at])) / before if before > 0.0 else 0.0


def holes(
    table: SessionTable, bars: Bars, placed: Placement, frame_ns: int, sessions: Sessions | None, rules: QualityRules
) -> list[Hole]:
    """Return what is missing against the calendar beyond chance; nothing without a calendar."""
    if sessions is None or len(table) == 0:
        return []
    found = _missing_sessions(table, rules)
    if frame_ns >= DAY:
        return found
    expected = bars_expected(sessions, frame_ns, placed.offset_ns)[table.session]
    late = placed.slot[table.first]
    early = expected - placed.slot[table.last] - 1
    # Before the first and after the last bar of the whole source nothing can be missing: a day may still go on.
    for edge, hole in ((table.session.min(), late), (table.session.max(), early)):
        there = table.session == edge
        beyond = hole[there].min()
        hole[there] -= beyond
        expected[there] -= beyond
    count = table.count
    in_all = np.bincount(table.code, expected)
    lacking = np.maximum(in_all - np.bincount(table.code, count), 0.0)
    number = np.repeat(np.arange(len(table)), count)

    # Inside, before the first bar, after the last one. Slots of two sessions are not comparable.
    step = np.diff(placed.slot) - 1
    inside = np.flatnonzero(step >= rules.gap_bars) + 1
    inside = inside[number[inside] == number[inside - 1]]
    row = np.concatenate([inside, table.first[late > 0], table.last[early > 0]])
    length = np.concatenate([step[inside - 1], late[late > 0], early[early > 0]])
    at = number[row]
    code = table.code[at]
    # A quiet day of a thin name is thin all day: the rest of the session speaks for the hole as well.
    usual = (lacking[code] - length + 1) / in_all[code]
    today = (expected[at] - count[at] - length + 1) / np.maximum(expected[at] - length, 1)
    share = np.clip(np.maximum(usual, today), 1e-300, 1.0)
    luck = np.log(in_all[code]) + length * np.log(share)
    real = (length >= rules.gap_bars) & (luck <= np.log(rules.chance))
    for k in np.unique(at[real]).tolist():
        mine = real & (at == k)
        session = int(table.session[k])
        found.append(Hole(tuple(row[mine].tolist()), int(table.code[k]), session, session, int(length[mine].sum()), 0))
    return found


def _missing_sessions(table: SessionTable, rules: QualityRules) -> list[Hole]:
    missing = np.where(np.diff(table.code) == 0, np.diff(table.session) - 1, 0)
    after = np.flatnonzero(missing > 0) + 1
    lacking = np.bincount(table.code[after], missing[after - 1], minlength=int(table.code[-1]) + 1)
    thin = lacking > rules.gap_sessions * (lacking + np.bincount(table.code))
    found = []
    for k in after.tolist():
        code = int(table.code[k])
        if not thin[code] or lacking[code] == missing[k - 1]:
            begin, end = int(table.session[k - 1]) + 1, int(table.session[k]) - 1
            found.append(Hole((int(table.first[k]),), code, begin, end, 0, end - begin + 1))
        elif k == after[np.argmax(table.code[after] == code)]:
            last = after[np.flatnonzero(table.code[after] == code)[-1]]
            begin, end = int(table.session[k - 1]) + 1, int(table.session[last]) - 1
            found.append(Hole((), code, begin, end, 0, int(lacking[code])))
    return found
