"""Bars as vendors deliver them, Parquet or CSV: their columns, their names of times, their time zone.

What comes out has our columns and UTC starts, and the numbers as they stood, right or wrong: the quality gate judges
them. What cannot be read as a number or a time at all is refused with its row.

    symbol, start_ns, open, high, low, close, volume, row        row 0 is the first below the head
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from polars.exceptions import PanicException, PolarsError

from tapeline.domain.errors import DataError, InputError, UnknownNameError
from tapeline.domain.panel import Floats, Sessions, Times
from tapeline.domain.times import DAY, parse_frame
from tapeline.tape.grid import find_frame, starts_of
from tapeline.tape.rows import FIELDS, BarRows

OURS = ("symbol", "time", *FIELDS)
FACTOR = "adj_factor"
_TIME_NAMES = ("ts", "time", "start", "datetime", "timestamp", "date")
_READING_ERRORS = (PolarsError, OSError, PanicException)
_EPOCH_UNITS = ((10**11, 1_000_000_000), (10**14, 1_000_000), (10**17, 1_000), (2**63, 1))


@dataclass(frozen=True)
class VendorFormat:
    """How a vendor writes bars.

    columns : the vendor's name of each of ours that it calls otherwise: {"close": "Last"}; a time in two columns is
        "Date+Time"
    label : whether times name the start or the end of a bar
    zone : time zone of times that carry none, such as "America/New_York"
    frame : length of the bars, such as "1min"; empty finds it in the data
    time_format : such as "%m/%d/%Y %H:%M"; empty recognises ISO 8601 and seconds to nanoseconds since 1970
    symbol : of files that have no such column
    separator : between the values of a CSV file
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    label: str = "start"
    zone: str = ""
    frame: str = ""
    time_format: str = ""
    symbol: str = ""
    separator: str = ","

    def __post_init__(self) -> None:
        if self.label not in ("start", "end"):
            raise UnknownNameError("label", self.label, ("start", "end"))
        for name in self.columns:
            if name not in OURS:
                raise UnknownNameError("column", name, OURS, where="the mapping of columns")


@dataclass(frozen=True, eq=False)
class VendorBars:
    """What a file holds: rows, the length of the bars, its columns as they are called there, and its hash."""

    frame: pl.DataFrame
    frame_ns: int
    columns: tuple[str, ...]
    sha256: str


def read_vendor_bars(
    path: Path, written: VendorFormat, sessions: Sessions | None, table: pl.DataFrame | None = None
) -> VendorBars:
    """Return the bars of a file. Raises InputError or DataError, in one sentence, for what cannot be read.

    sessions : of the lake's calendar; daily bars then start at the open of their session
    table : what `read_table` gave, where it has been read already
    """
    if table is None:
        table = read_table(path, written.separator)
    if not table.height:
        raise DataError(f"{path} has columns but no rows. Name another file.")
    names = _mapped(path, table.columns, written)
    symbol = _symbols(path, table, names, written)
    label_ns, daily = _times(path, table, names["time"], written)
    columns = {name: _numbers(path, table[names[name]], name) for name in FIELDS}
    if FACTOR in table.columns:  # the quality gate reads it as a statement about splits; it is not stored
        columns[FACTOR] = _numbers(path, table[FACTOR], FACTOR)
    frame_ns = parse_frame(written.frame) if written.frame else DAY if daily else _frame(path, symbol, label_ns)
    if daily != (frame_ns >= DAY):
        has = "session dates" if daily else "times of day"
        raise InputError(f"Frame {written.frame} was asked, but {path} names its bars by {has}. Ask for what it has.")
    start_ns = _opens(label_ns, sessions) if daily else starts_of(label_ns, written.label, frame_ns, sessions)
    rows = pl.DataFrame({"symbol": symbol, "start_ns": start_ns, **columns, "row": np.arange(table.height)})
    return VendorBars(rows, frame_ns, tuple(table.columns), file_hash(path))


def read_table(path: Path, separator: str = ",") -> pl.DataFrame:
    """Return a Parquet or CSV file as it is; the values of a CSV file as texts."""
    if not path.exists():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UnknownNameError("file", path.name, beside, where=f"folder {path.parent.resolve()}")
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path, glob=False)
        if path.suffix not in (".csv", ".txt", ".tsv"):
            raise InputError(f"{path} is no Parquet or CSV file by its name. Give it the ending .parquet or .csv.")
        return pl.read_csv(path, infer_schema=False, separator=separator, glob=False)
    except _READING_ERRORS as exc:
        reason = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise DataError(f"{path} cannot be read ({reason}). Write it again, or name another file.") from exc


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mapped(path: Path, present: list[str], written: VendorFormat) -> dict[str, str]:
    """Return the file's name of each of our columns."""
    lowered = {name.lower(): name for name in present}
    names = {}
    for ours in OURS:
        if ours == "symbol" and written.symbol and "symbol" not in written.columns:
            continue
        usual = _TIME_NAMES if ours == "time" else (ours,)
        theirs = written.columns.get(ours) or next((lowered[name] for name in usual if name in lowered), None)
        for part in (theirs or "").split("+") if ours == "time" else [theirs]:
            if part not in present:
                raise _missing(path, ours, part or None, present)
        names[ours] = theirs or ours
    return names


def _missing(path: Path, ours: str, theirs: str | None, present: list[str]) -> DataError:
    asked = f"no column {theirs!r} for {ours}" if theirs else f"no column for {ours}"
    near = difflib.get_close_matches((theirs or ours).lower(), [name.lower() for name in present], n=1, cutoff=0.5)
    hint = f"{ours}={next(name for name in present if name.lower() == near[0])}" if near else f"{ours}=..."
    more = " or name the one symbol of the file with --symbol" if ours == "symbol" else ""
    return DataError(f"{path} has {asked}; it has {', '.join(present[:12])}. Say which with --columns {hint}{more}.")


def _symbols(path: Path, table: pl.DataFrame, names: Mapping[str, str], written: VendorFormat) -> pl.Series:
    if "symbol" not in names:
        return pl.Series("symbol", [written.symbol]).extend_constant(written.symbol, table.height - 1)
    symbol = table[names["symbol"]].cast(pl.String)
    empty = symbol.is_null() | (symbol.str.strip_chars() == "")
    if empty.any():
        raise DataError(
            f"Column {names['symbol']!r} is empty in row {empty.arg_max()} of {path}. Fill it or leave it out."
        )
    return symbol


def _numbers(path: Path, column: pl.Series, name: str) -> pl.Series:
    if column.dtype.is_numeric():
        return column.cast(pl.Float64)
    if column.dtype != pl.String:
        raise DataError(f"Column {column.name!r} of {path} has type {column.dtype}; {name} needs numbers.")
    numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
    wrong = numbers.is_null() & column.is_not_null() & (column.str.strip_chars() != "")
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        raise DataError(
            f"Column {column.name!r} in row {row} of {path} is {column[row]!r}, which is no number. Correct it, or map "
            f"{name} to another column with --columns."
        )
    return numbers


def _times(path: Path, table: pl.DataFrame, name: str, written: VendorFormat) -> tuple[Times, bool]:
    """Return the labels in UTC nanoseconds, dates as their midnights, and whether they are dates."""
    parts = name.split("+")
    column = table[parts[0]]
    if len(parts) > 1:
        column = table.select(
            pl.concat_str([pl.col(part).cast(pl.String) for part in parts], separator=" ")
        ).to_series()
    if column.null_count():
        raise DataError(
            f"Column {name!r} is empty in row {column.is_null().arg_max()} of {path}. Fill it or leave it out."
        )
    if column.dtype.is_integer() and not written.time_format:
        largest = int(column.abs().max() or 0)  # type: ignore[arg-type]  # whole numbers, as its dtype says
        unit_ns = next(unit for limit, unit in _EPOCH_UNITS if largest < limit)
        return column.cast(pl.Int64).to_numpy() * unit_ns, False
    if not column.dtype.is_temporal():
        column = _parsed(path, column.cast(pl.String), written.time_format)
    if column.dtype == pl.Date:
        return column.cast(pl.Int64).to_numpy() * DAY, True
    if not isinstance(column.dtype, pl.Datetime):
        raise DataError(f"Column {name!r} of {path} has type {column.dtype}; times or dates are needed.")
    if column.dtype.time_zone is None:
        column = _placed(path, column, name, written.zone)
    return column.dt.epoch("ns").to_numpy(), False


def _parsed(path: Path, texts: pl.Series, time_format: str) -> pl.Series:
    texts = texts.str.strip_chars()
    first = str(texts[0])
    dates = ("%H" not in time_format and "%I" not in time_format) if time_format else len(first) == 10
    zoned = first.endswith("Z") or first[-6:-5] in ("+", "-")
    try:
        if dates:
            parsed = texts.str.to_date(time_format or "%Y-%m-%d", strict=False)
        elif time_format or not zoned:
            parsed = texts.str.to_datetime(time_format or None, strict=False, time_unit="us")
        else:
            parsed = texts.str.to_datetime("%+", strict=False, time_unit="us", time_zone="UTC")
    except PolarsError:
        parsed = pl.Series([None] * len(texts), dtype=pl.Datetime("us"))
    if parsed.null_count():
        row = int(parsed.is_null().arg_max() or 0)
        raise DataError(
            f"The time in row {row} of {path} is {texts[row]!r}, which is not "
            f"{'of the format ' + time_format if time_format else 'ISO 8601'}. Say how times are written with "
            "--time-format, such as %m/%d/%Y %H:%M."
        )
    return parsed


def _placed(path: Path, column: pl.Series, name: str, zone: str) -> pl.Series:
    if not zone:
        raise DataError(
            f"Column {name!r} of {path} has times without a time zone, so the bars cannot be placed. Say which it is "
            "with --zone, for example America/New_York."
        )
    try:
        return column.dt.replace_time_zone(zone)
    except (PolarsError, PanicException) as exc:
        reason = str(exc).splitlines()[0]
        raise DataError(
            f"The times of {path} cannot be read as those of zone {zone!r}: {reason}. Give another --zone, or times "
            "in UTC."
        ) from exc


def _frame(path: Path, symbol: pl.Series, label_ns: Times) -> int:
    runs = symbol.rle().struct.unnest()
    number = {name: place for place, name in enumerate(runs["value"].unique(maintain_order=True))}
    code = np.repeat([number[name] for name in runs["value"]], runs["len"].to_numpy())

    def nothing(_: str) -> Floats:
        return np.empty(0)

    found = find_frame(BarRows(tuple(number), code, label_ns, nothing, str(path), str))
    if found is None:
        raise DataError(
            f"{path} has no two bars of one symbol in one session, so the length of its bars cannot be seen. Give it "
            "with --frame, for example 1min."
        )
    return found


def _opens(label_ns: Times, sessions: Sessions | None) -> Times:
    if sessions is None:
        return label_ns
    days = label_ns // DAY
    index = np.minimum(np.searchsorted(sessions.days, days), len(sessions) - 1)
    # A date without a session keeps its midnight, which lies in no session: the quality gate sees it.
    opens: Times = np.where(sessions.days[index] == days, sessions.open_ns[index], label_ns)
    return opens
