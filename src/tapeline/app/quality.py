"""Check files of bars: read them as they are, however dirty, and pass them through the quality gate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from tapeline.domain.errors import DataError, UnknownNameError
from tapeline.domain.panel import Sessions
from tapeline.domain.times import DAY, parse_frame
from tapeline.feeds.corporate_actions import read_corporate_actions
from tapeline.feeds.parquet_files import EVERYTHING, collect, nanoseconds, open_source
from tapeline.tape.calendars import sessions as calendar_sessions
from tapeline.tape.grid import find_frame
from tapeline.tape.quality import Gate, check_bars, in_order
from tapeline.tape.quality_reasons import QualityRules
from tapeline.tape.rows import FIELDS, BarRows

_FACTOR = "adj_factor"


def check_file(
    path: str | Path,
    *,
    calendar: str | None = "XNYS",
    label: str = "start",
    frame: str | None = None,
    reference: str | Path | None = None,
    actions: str | Path | None = None,
    rules: QualityRules | None = None,
) -> Gate:
    """Return what the quality gate says about a Parquet file or folder of bars.

    calendar : exchange whose sessions the bars belong to, None for bars around the clock
    label : "start" or "end", what `ts` names
    frame : length of the bars, such as "5min"; None finds it in the data
    reference : bars of a second source, of any length, whose closes are held against these
    actions : file of corporate actions, see `read_corporate_actions`
    Raises InputError or one of its kinds for files that cannot be read at all; bad rows are the gate's business.
    """
    sessions = None if calendar is None else calendar_sessions(calendar)
    bars, frame_ns = _read(Path(path), label, frame)
    return check_bars(
        bars,
        frame_ns=frame_ns,
        sessions=sessions,
        corporate_actions=() if actions is None else read_corporate_actions(actions),
        reference=None if reference is None else _closes(Path(reference), label, sessions),
        rules=rules,
    )


def _read(path: Path, label: str, frame: str | None) -> tuple[pl.DataFrame, int]:
    """Return the bars of all files of a path as the gate takes them, and their length."""
    if label not in ("start", "end"):
        raise UnknownNameError("label", label, ("start", "end"))
    source = open_source(path)
    pieces = []
    for file in source.files:
        extra = [_FACTOR] if _FACTOR in pl.read_parquet_schema(file.path) else []
        piece = collect(file, EVERYTHING, ["symbol", source.time_column, *FIELDS, *extra])
        empty = piece.select(pl.col("symbol", source.time_column).null_count()).row(0)
        if any(empty):
            raise DataError(f"{file.path} has {sum(empty):,} rows without symbol or time, which nobody can place.")
        start = pl.Series("start_ns", nanoseconds(source, piece[source.time_column]))
        values = [pl.col("symbol").cast(pl.String), start, pl.col(*FIELDS).cast(pl.Float64), *map(pl.col, extra)]
        pieces.append(piece.select(values))
    bars = pl.concat(pieces, how="diagonal").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    if len(bars) == 0:
        raise DataError(f"{source.name} has columns but no rows. Name another file.")
    if source.daily:
        return bars, DAY
    bars, symbols, code = in_order(bars)
    rows = BarRows(symbols, code, bars["start_ns"].to_numpy(), lambda name: bars[name].to_numpy(), str(path), str)
    frame_ns = find_frame(rows) if frame is None else parse_frame(frame)
    if frame_ns is None:
        raise DataError(f"The length of the bars of {path} cannot be seen in the data. Give it: --frame 1min.")
    if label == "end":
        bars = bars.with_columns(pl.col("start_ns") - frame_ns)
    return bars, frame_ns


def _closes(path: Path, label: str, sessions: Sessions | None) -> pl.DataFrame:
    """Return the last close of each symbol and session, whatever the length of the bars."""
    bars, frame_ns = _read(path, label, None)
    day = bars["start_ns"].to_numpy() // DAY
    if frame_ns < DAY and sessions is not None:
        index = sessions.index_of(bars["start_ns"].to_numpy())
        day = np.where(index >= 0, sessions.days[index], -1)
    dated = bars.with_columns(day=pl.Series(day)).filter(pl.col("day") >= 0).sort("symbol", "start_ns")
    closes = dated.group_by("symbol", "day", maintain_order=True).agg(pl.col("close").last())
    return closes.with_columns(pl.col("day").cast(pl.Int32).cast(pl.Date))
