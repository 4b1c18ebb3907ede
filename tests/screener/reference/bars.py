"""Sessions, frames and what they show at a moment: section 0 of the rules.

Times are UTC nanoseconds. A base bar is named by its start, a frame bar by its end. Frames are anchored at the
session's open and end with it; a frame bar exists if a base bar lies in it; nothing is filled.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from screener.reference import indicators
from screener.reference.logic import UNKNOWN, Truth, above, at_most, both
from screener.reference.profiles import SOURCE, Profile

MINUTE = 60_000_000_000


class Session(NamedTuple):
    """A trading day: it holds the base bars with open <= start < close."""

    open: int
    close: int


class BaseBar(NamedTuple):
    """A bar of the data, named by its start."""

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass
class Frame:
    """The existing bars of one symbol on one frame, oldest first, with all indicators as columns of equal length."""

    length: int
    end: list[int] = field(default_factory=list)
    slot: list[int] = field(default_factory=list)  # end minus the session's open: the time of day
    columns: dict[str, list] = field(default_factory=dict)

    def at(self, time: int) -> Reading:
        """Return the frame as it is seen at a moment: its last ended bar is x[0]."""
        return Reading(self, bisect_right(self.end, time) - 1)


class Backwards:
    """A column read as the rules write it: [0] is the newest closed bar, [1] the one before; NaN before the first."""

    __slots__ = ("newest", "values")

    def __init__(self, values: list, newest: int) -> None:
        self.values, self.newest = values, newest

    def __getitem__(self, back: int) -> float:
        place = self.newest - back
        return self.values[place] if place >= 0 else UNKNOWN

    def last(self, n: int) -> list[float]:
        """Return x[0]..x[n-1], newest first."""
        return [self[back] for back in range(n)]


class Reading:
    """A frame at a moment; `reading.k[1]` is K one bar before the newest closed bar."""

    def __init__(self, frame: Frame, newest: int) -> None:
        self.frame, self.newest = frame, newest

    def __getattr__(self, column: str) -> Backwards:
        return Backwards(self.frame.columns[column], self.newest)

    def __len__(self) -> int:
        return self.newest + 1

    @property
    def end(self) -> int | None:
        """The end of the newest closed bar; None without one."""
        return self.frame.end[self.newest] if self.newest >= 0 else None


def in_sessions(bars: Sequence[BaseBar], sessions: Sequence[Session]) -> tuple[list[tuple[Session, BaseBar]], int]:
    """Return the bars that lie in a session, each with it, and the number of the others, which are dropped."""
    opens = [session.open for session in sessions]
    kept = []
    for bar in bars:
        place = bisect_right(opens, bar.start) - 1
        if place >= 0 and bar.start < sessions[place].close:
            kept.append((sessions[place], bar))
    return kept, len(bars) - len(kept)


def build_frame(kept: Sequence[tuple[Session, BaseBar]], length: int) -> Frame:
    """Return the frame's bars, without indicators, from base bars in order of time; `length` in nanoseconds."""
    frame = Frame(length)
    made: list[list[float]] = []
    for session, bar in kept:
        end = min(session.open + ((bar.start - session.open) // length + 1) * length, session.close)
        if not frame.end or frame.end[-1] != end:
            frame.end.append(end)
            frame.slot.append(end - session.open)
            made.append([bar.open, bar.high, bar.low, bar.close, bar.volume])
        else:
            newest = made[-1]
            newest[1] = max(newest[1], bar.high)
            newest[2] = min(newest[2], bar.low)
            newest[3] = bar.close
            newest[4] += bar.volume
    for place, name in enumerate(("open", "high", "low", "close", "volume")):
        frame.columns[name] = [row[place] for row in made]
    return frame


def add_indicators(frame: Frame, profile: Profile = SOURCE) -> Frame:
    """Add every indicator of the rules to the frame as columns, and return the frame."""
    columns = frame.columns
    close = columns["close"]
    columns["lower"], columns["middle"], columns["upper"] = indicators.bollinger(close)
    columns["pos"] = indicators.position_in_bands(close, columns["lower"], columns["upper"])
    columns["rsi"] = indicators.rsi(close, flat=UNKNOWN if profile.flat_rsi_unknown else 0.0)
    columns["k"], columns["d"] = indicators.stoch_rsi(columns["rsi"])
    columns["line"], columns["signal"], columns["h"] = indicators.macd(close)
    columns["atr"] = indicators.atr(columns["high"], columns["low"], close)
    for length in (20, 50, 200):
        columns[f"sma{length}"] = indicators.sma(close, length)
    columns["volume_mean"] = indicators.sma(columns["volume"], 20)
    columns["volume_mean_of_slot"] = indicators.same_slot_mean(columns["volume"], frame.slot)
    columns["stoch_signal"], columns["rsi_signal"] = _signals(columns["k"], columns["d"], columns["rsi"])
    return frame


def _signals(k: list[float], d: list[float], rsi: list[float]) -> tuple[list[Truth], list[Truth]]:
    # Section 4, accumulation: each signal belongs to a bar and looks one bar back.
    stoch: list[Truth] = [None] * len(k)
    strength: list[Truth] = [None] * len(k)
    for i in range(1, len(k)):
        oversold = both(at_most(k[i - 1], 20), at_most(d[i - 1], 20))
        stoch[i] = both(oversold, at_most(k[i - 1], d[i - 1]), above(k[i], d[i]), above(k[i], k[i - 1]))
        strength[i] = both(at_most(rsi[i - 1], 30), above(rsi[i], 30))
    return stoch, strength


@dataclass(frozen=True)
class Symbol:
    """One symbol with its three frames; `dropped` counts the base bars outside all sessions."""

    name: str
    starts: list[int]  # of the base bars that were kept
    t1: Frame
    t2: Frame
    t3: Frame
    dropped: int


def build_symbol(
    name: str,
    bars: Sequence[BaseBar],
    sessions: Sequence[Session],
    minutes: tuple[int, int, int] = (15, 60, 240),
    profile: Profile = SOURCE,
) -> Symbol:
    """Return a symbol with T1, T2 and T3 built from its base bars, indicators included."""
    kept, dropped = in_sessions(bars, sessions)
    t1, t2, t3 = (add_indicators(build_frame(kept, length * MINUTE), profile) for length in minutes)
    return Symbol(name, [bar.start for _, bar in kept], t1, t2, t3, dropped)


def frame_ends(session: Session, length: int) -> list[int]:
    """Return the ends of all bars of a frame that a session can have: T1's are the decision times."""
    ends = list(range(session.open + length, session.close, length))
    return [*ends, session.close]
