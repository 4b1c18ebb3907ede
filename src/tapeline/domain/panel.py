"""Market data in memory: sessions, panels and slices.

A panel is float64 of shape [T, N], C-order: a row is one moment across all symbols, NaN = no value.
Bars are labelled by their end; a bar covers (start, end] and may be read from its end on.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from tapeline.domain.errors import DataError, UnknownNameError
from tapeline.domain.times import DAY, date_to_ns

BAR_FIELDS = ("open", "high", "low", "close", "volume")

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sessions:
    """Trading sessions of one calendar, oldest first.

    name : calendar name such as "XNYS"
    open_ns, close_ns : int64 [S], UTC nanoseconds; a session is [open, close)
    ordinal : position of the first session in the calendar's whole history, so that frames of several
        sessions are anchored independently of where the data begin
    days : int64 [S], session dates as days since 1970-01-01; the UTC dates of the opens when not given
    """

    name: str
    open_ns: Times
    close_ns: Times
    ordinal: int = 0
    days: Times = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def __post_init__(self) -> None:
        if len(self.days) == 0:
            object.__setattr__(self, "days", self.open_ns // DAY)
        if not len(self.open_ns) == len(self.close_ns) == len(self.days):
            raise DataError(
                f"Sessions of {self.name}: {len(self.open_ns)} opens, {len(self.close_ns)} closes and "
                f"{len(self.days)} dates; give as many of each."
            )

    def __len__(self) -> int:
        return len(self.open_ns)

    def cut(self, first: int, last: int) -> Sessions:
        """Return sessions first..last-1 as views; the ordinal moves along."""
        return Sessions(
            self.name,
            self.open_ns[first:last],
            self.close_ns[first:last],
            self.ordinal + first,
            self.days[first:last],
        )

    def between(self, first: date | None = None, last: date | None = None) -> Sessions:
        """Return the sessions dated first..last, both included; None leaves that side open."""
        start, stop = 0, len(self)
        if first is not None:
            start = int(np.searchsorted(self.days, date_to_ns(first) // DAY))
        if last is not None:
            stop = int(np.searchsorted(self.days, date_to_ns(last) // DAY, side="right"))
        return self.cut(start, max(start, stop))

    def index_of(self, start_ns: Times) -> Times:
        """Return for each bar start the index of the session that contains it, -1 outside every session."""
        if len(self) == 0:
            return np.full(len(start_ns), -1, dtype=np.int64)
        index = np.searchsorted(self.open_ns, start_ns, side="right") - 1
        inside = (index >= 0) & (start_ns < self.close_ns[np.maximum(index, 0)])
        return np.where(inside, index, -1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Panel:
    """Bars of N symbols on one time axis: the ends of the base bars that exist for at least one of them.

    symbols : N names, in column order
    frame_ns : length of the base bar; whole days mean sessions
    start_ns, end_ns : int64 [T]; strictly increasing ends; bar t covers (start, end]
    open, high, low, close, volume : float64 [T, N], raw prices; NaN in all five = no bar
    sessions : the calendar the bars were checked against, None when the whole data is one session
    series : what is known beside the bars, by name: float64 [T, N], as it stands at the end of each row; NaN = unknown
    """

    symbols: tuple[str, ...]
    frame_ns: int
    start_ns: Times
    end_ns: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    sessions: Sessions | None = None
    series: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.end_ns), len(self.symbols))
        for name in BAR_FIELDS:
            field = getattr(self, name)
            if field.shape != shape:
                raise DataError(
                    f"Panel field {name} has shape {field.shape}, but {shape[0]} times and {shape[1]} symbols "
                    f"need {shape}."
                )
            if field.dtype != np.float64 or not field.flags.c_contiguous:
                object.__setattr__(self, name, np.ascontiguousarray(field, dtype=np.float64))
        for name, values in self.series.items():
            if values.shape != shape or values.dtype != np.float64:
                raise DataError(
                    f"Series {name} is {values.dtype} of shape {values.shape}, but {shape[0]} times and {shape[1]} "
                    f"symbols need float64 of shape {shape}."
                )
        if len(self.end_ns) > 1 and not bool(np.all(np.diff(self.end_ns) > 0)):
            row = int(np.argmax(np.diff(self.end_ns) <= 0)) + 1
            raise DataError(f"Panel times must increase; row {row} does not come after row {row - 1}.")

    def __len__(self) -> int:
        return len(self.end_ns)

    def column(self, symbol: str) -> int:
        """Return the column of a symbol. Raises UnknownNameError, naming the nearest one."""
        try:
            return self.symbols.index(symbol)
        except ValueError:
            raise UnknownNameError("symbol", symbol, self.symbols, where="the data") from None

    def rows(self, first: int, last: int) -> Panel:
        """Return rows first..last-1 as views, without copying."""
        part = copy(self)  # not made anew, which would check again what has been checked
        for name in ("start_ns", "end_ns", "open", "high", "low", "close", "volume"):
            object.__setattr__(part, name, getattr(self, name)[first:last])
        if self.series:
            object.__setattr__(part, "series", {name: values[first:last] for name, values in self.series.items()})
        return part

    def columns(self, first: int, last: int) -> Panel:
        """Return columns first..last-1, the same panel where that is all of them; else its fields are copied."""
        if first == 0 and last == len(self.symbols):
            return self
        return replace(
            self,
            symbols=self.symbols[first:last],
            open=self.open[:, first:last],
            high=self.high[:, first:last],
            low=self.low[:, first:last],
            close=self.close[:, first:last],
            volume=self.volume[:, first:last],
            series={name: np.ascontiguousarray(values[:, first:last]) for name, values in self.series.items()},
        )

    def with_series(self, name: str, values: Floats) -> Panel:
        """Return the panel with a series that formulas read as `series(name)`; one of that name is replaced.

        values : float64 [T, N]; a row must hold nothing that was not known at its end
        """
        return replace(self, series={**self.series, name: np.ascontiguousarray(values, dtype=np.float64)})
