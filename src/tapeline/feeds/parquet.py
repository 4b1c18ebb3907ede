"""Bars from Parquet files: columns symbol, ts, open, high, low, close, volume, or date instead of ts.

`ts` is the start of the bar, with a time zone; `label="end"` reads sources that name bars by their end.
`date` is a session date; its bar covers the session from open to close. A path may be a folder: all its
*.parquet files are read as one source.

    panel, report = read_bars("minute_us_2018.parquet", symbols=["AAPL", "MSFT"], first="2018-03-01")

Order of the result does not depend on the reader's engine: rows are placed by symbol and time, columns
stand in the order asked for, else by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from tapeline.domain.errors import DataError, InputError, UnknownNameError
from tapeline.domain.panel import Floats, Sessions
from tapeline.domain.times import DAY, date_to_ns, frame_text, parse_frame, to_iso
from tapeline.feeds.parquet_files import (
    EVERYTHING,
    BarSource,
    Choice,
    collect,
    empty_value,
    nanoseconds,
    open_source,
    row_number,
    state_of,
)
from tapeline.tape.assemble import assemble
from tapeline.tape.calendars import sessions as calendar_sessions
from tapeline.tape.reading import Reading, period
from tapeline.tape.rows import FIELDS, BarRows

Label = Literal["start", "end"]

_Number = TypeVar("_Number", np.float64, np.int64)


def read_bars(
    path: str | Path,
    *,
    symbols: Sequence[str] | None = None,
    first: date | str | None = None,
    last: date | str | None = None,
    label: Label = "start",
    frame: str | None = None,
    calendar: str | Sessions | None = "XNYS",
) -> Reading:
    """Return the bars of a Parquet file or folder as a panel, with a report of how they were read.

    symbols : the columns wanted, in this order; None takes every symbol of the period, by name
    first, last : session dates, both included; None takes all
    label : what `ts` names, the start or the end of a bar
    frame : the length of the bars, such as "1min"; None finds it in the data
    calendar : sessions to check against, by name or as they are; None takes the data as one session
    Raises InputError or one of its kinds, in one sentence, at the first thing that is not as it should be.
    """
    if label not in ("start", "end"):
        raise UnknownNameError("label", label, ("start", "end"))
    since, until = period(first, last)
    frame_ns = None if frame is None else parse_frame(frame)
    source = open_source(Path(path))
    if frame_ns is not None and source.daily != (frame_ns == DAY):
        has = "session dates, so its frame is 1d" if source.daily else "times, so its frame is below a day"
        raise InputError(f"Frame {frame_text(frame_ns)} was asked, but {source.name} has {has}. Ask for that.")
    names = _chosen(source, symbols)
    whole = calendar_sessions(calendar) if isinstance(calendar, str) else calendar
    asked = whole if whole is None else _asked(whole, since, until)
    low, high = _bounds(whole, asked, since, until, daily=source.daily, label=label)
    rows = _read(source, Choice(names, low, high))
    if rows is None:
        raise _nothing(source, names, since, until)
    return assemble(rows, sessions=asked, label=label, frame_ns=frame_ns, first=since, last=until)


def _chosen(source: BarSource, symbols: Sequence[str] | None) -> tuple[str, ...] | None:
    if symbols is None:
        return None
    names = (symbols,) if isinstance(symbols, str) else tuple(symbols)
    if not names:
        raise InputError(f"No symbol was asked of {source.name}. Name at least one, or leave symbols out.")
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise InputError(f"Symbol {twice[0]!r} was asked twice of {source.name}. Name each once.")
    known: set[str] = set()
    for file in source.files:
        column = collect(file, EVERYTHING, ["symbol"])["symbol"]
        known.update(column.drop_nulls().unique().cast(pl.String))
    for name in names:
        if name not in known:
            raise UnknownNameError("symbol", name, known, where=source.name)
    return names


def _asked(whole: Sessions, since: date | None, until: date | None) -> Sessions:
    asked = whole.between(since, until)
    if len(asked) == 0:
        raise InputError(
            f"{whole.name} has no session from {since or 'its beginning'} to {until or 'its end'}. "
            "Choose a period with a trading day."
        )
    return asked


def _bounds(
    whole: Sessions | None,
    asked: Sessions | None,
    since: date | None,
    until: date | None,
    *,
    daily: bool,
    label: Label,
) -> tuple[int | None, int | None]:
    """Return the first and last label that can belong to the period.

    Labels between the sessions before and after are let through, so that bars outside every session are
    counted and not lost from sight; a bar that reaches into the session after the period is not.
    """
    if daily or whole is None or asked is None:
        low = None if since is None else date_to_ns(since)
        high = None if until is None else date_to_ns(until) + (0 if daily else DAY - 1)
        return low, high
    begin, end = asked.ordinal - whole.ordinal, asked.ordinal - whole.ordinal + len(asked)
    shift = 0 if label == "start" else 1
    low = None if since is None or begin == 0 else int(whole.close_ns[begin - 1]) + shift
    if until is None:
        return low, None
    if label == "start" or end == len(whole):
        return low, int(asked.close_ns[-1]) - 1 + shift
    return low, int(whole.open_ns[end])


def _read(source: BarSource, choice: Choice) -> BarRows | None:
    """Return the chosen rows, None if there are none."""
    states = [state_of(file) for file in source.files]
    # Without a filter each column is read when its turn comes, which halves the memory. A filter would be
    # worked out again for each column, and its result is smaller anyway.
    ahead = ["symbol", source.time_column]
    if choice != EVERYTHING:
        ahead += FIELDS
    frames = [collect(file, choice, ahead) for file in source.files]
    heights = [len(frame) for frame in frames]
    if sum(heights) == 0:
        return None
    starts = np.cumsum([0, *heights])

    def pieces(name: str) -> Iterator[pl.Series]:
        for file, frame, state in zip(source.files, frames, states, strict=True):
            piece = frame.drop_in_place(name) if name in ahead else collect(file, choice, [name])[name]
            if state_of(file) != state:
                raise DataError(f"{file.path} was changed while it was read. Read it when it is complete.")
            if piece.null_count():
                raise empty_value(file, choice, piece)
            yield piece

    def column(name: str) -> Floats:
        return _joined([piece.cast(pl.Float64).to_numpy() for piece in pieces(name)])

    def locate(row: int) -> str:
        part = int(np.searchsorted(starts, row, side="right")) - 1
        file = source.files[part]
        return f"row {row_number(file, choice, row - int(starts[part]))} of {file.path}"

    symbol = pl.concat([piece.cast(pl.String) for piece in pieces("symbol")])
    names = choice.symbols or tuple(symbol.unique().sort())
    code = symbol.cast(pl.Enum(list(names))).to_physical().to_numpy()
    labels = _joined([nanoseconds(source, piece) for piece in pieces(source.time_column)])
    part = np.repeat(np.arange(len(heights), dtype=np.int32), heights) if len(heights) > 1 else None
    return BarRows(names, code, labels, column, source.name, locate, part, source.daily)


def _joined(pieces: list[npt.NDArray[_Number]]) -> npt.NDArray[_Number]:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _nothing(source: BarSource, names: tuple[str, ...] | None, since: date | None, until: date | None) -> InputError:
    times = [collect(file, Choice(names, None, None), [source.time_column]) for file in source.files]
    labels = _joined([nanoseconds(source, frame.to_series().drop_nulls()) for frame in times])
    if len(labels) == 0:
        return DataError(f"{source.name} has columns but no rows. Name another file.")
    whose = "" if names is None else f" of {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
    return InputError(
        f"{source.name} has no bars{whose} from {since or 'its beginning'} to {until or 'its end'}; they run "
        f"from {to_iso(int(labels.min()))} to {to_iso(int(labels.max()))}. Choose a period inside."
    )
