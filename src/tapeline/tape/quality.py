"""The quality gate: bad rows to quarantine with their reasons, doubtful ones marked, good ones in.

    gate = check_bars(frame, frame_ns=5 * MINUTE, sessions=sessions("XNYS"))
    gate.good         the rows to go in, with their marks
    gate.quarantined  the others, with their reasons
    gate.report       counts, completeness and findings

Rules, in this order: each row's own numbers and time (`quality_rows`); then, among the sound rows, neighbours
(`quality_series`), holes (`quality_sessions`), volume units (`quality_volume`), splits (`quality_splits`) and a second
source (`quality_reference`). A symbol is judged by its own bars, but for three things that are facts about the source:
the grid its bars stand on, a volume unit that changes for most symbols, and whether its prices are adjusted.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl

from tapeline.domain.corporate import CorporateAction
from tapeline.domain.errors import DataError
from tapeline.domain.panel import Sessions
from tapeline.domain.times import DAY
from tapeline.tape.completeness import bars_expected
from tapeline.tape.quality_findings import SoundBars, findings_of
from tapeline.tape.quality_reasons import QualityRules, Reason, words_of
from tapeline.tape.quality_report import Counts, Finding, QualityReport
from tapeline.tape.quality_rows import (
    UNUSABLE,
    Bars,
    Bits,
    Flags,
    Placement,
    check_duplicates,
    check_times,
    check_values,
    place,
)
from tapeline.tape.quality_series import spikes, stale_bars
from tapeline.tape.rows import FIELDS

COLUMNS = ("symbol", "start_ns", *FIELDS, "row")


@dataclass(frozen=True, eq=False)
class Gate:
    """What became of the rows: every one is in `good` or in `quarantined`, in the order of symbol and start.

    good : the columns that came in, and `marks` (UInt32): a bit per doubt, see `quality_reasons.words_of`
    quarantined : the columns that came in, and `reasons` (list of words), all that apply
    """

    good: pl.DataFrame
    quarantined: pl.DataFrame
    report: QualityReport


def check_bars(
    frame: pl.DataFrame,
    *,
    frame_ns: int,
    sessions: Sessions | None,
    corporate_actions: Iterable[CorporateAction] = (),
    reference: pl.DataFrame | None = None,
    rules: QualityRules | None = None,
) -> Gate:
    """Return the verdict about each row of a source.

    frame : columns symbol, start_ns (Int64, UTC start of the bar), open, high, low, close, volume (Float64) and row
        (the number by which the source knows it); others are passed through. Daily bars name any moment of the
        session's UTC date, or the session's open. A column adj_factor (adjusted close to close) is read as a
        statement about splits
    frame_ns : length of the bars; days for daily ones
    sessions : the calendar; None for bars around the clock, which then have neither sessions nor gaps
    corporate_actions : splits that are known; where there are none, a split in the prices is one that is missing
    reference : columns symbol, day (Date) and close of a second source
    Raises DataError for a frame without the columns, or with empty symbols or times.
    """
    chosen = rules or QualityRules()
    frame, symbols, code = in_order(frame)
    columns = [frame[name].cast(pl.Float64).to_numpy() for name in FIELDS]
    bars = Bars(code, frame["start_ns"].to_numpy(), *columns)
    sessions = _around(sessions, bars)
    factor = frame["adj_factor"].cast(pl.Float64).to_numpy() if "adj_factor" in frame.columns else None
    # Independent passes over all rows run side by side; NumPy lets go of the interpreter while it counts.
    with ThreadPoolExecutor(2) as pool:
        values = pool.submit(check_values, bars)
        placed = place(bars, frame_ns, sessions)
        bits = check_times(bars, placed, frame_ns, sessions)
        bits |= values.result()
        sound = (bits & np.uint32(UNUSABLE)) == 0
        bits |= check_duplicates(bars, placed, sound, daily=frame_ns >= DAY)
        sound = (bits & np.uint32(UNUSABLE)) == 0
        rows = np.flatnonzero(sound)

        whole = len(rows) == len(bars)
        where = placed if whole else Placement(placed.session[rows], placed.slot[rows], placed.offset_ns)
        kept = SoundBars(symbols, bars.take(sound), where, frame_ns, sessions)
        moves = pool.submit(spikes, kept.bars, chosen)
        stale = pool.submit(stale_bars, kept.bars, chosen)
        told = findings_of(kept, chosen, corporate_actions, None if factor is None else factor[rows], reference)
        spike, gross = moves.result()
        bits[rows[spike]] |= np.uint32(Reason.SPIKE.bit)
        bits[rows[stale.result()]] |= np.uint32(Reason.STALE.bit)
    for reason, marked in told.marks:
        bits[rows[marked]] |= np.uint32(reason.bit)

    bad = (bits & np.uint32(chosen.quarantine_bits)) != 0
    bad[rows[gross]] = True
    report = _report(symbols, bars, placed, bits, bad, frame_ns, sessions, chosen, told.findings, told.prices)
    return _gate(frame, bits, bad, report)


def in_order(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...], np.ndarray]:
    """Return the rows by symbol, start and source row, the symbols by name, and each row's symbol as a number.

    Raises DataError for a frame without the columns of the gate, or with empty symbols, times or row numbers.
    """
    for name in COLUMNS:
        if name not in frame.columns:
            raise DataError(f"The bars to be checked have no column {name!r}. They need {', '.join(COLUMNS)}.")
        if name in ("symbol", "start_ns", "row") and frame[name].null_count():
            raise DataError(f"Column {name!r} of the bars to be checked is empty in some rows. Leave such rows out.")
    frame = frame.rechunk()
    symbol = frame["symbol"]
    # Most sources stand in runs of one symbol: then only the heads of the runs need be compared as text.
    heads = np.flatnonzero((symbol != symbol.shift()).fill_null(True).to_numpy())
    names = symbol[heads].cast(pl.String)
    symbols = tuple(names.unique().sort())
    number = {name: n for n, name in enumerate(symbols)}
    run_code = np.array([number[name] for name in names], dtype=np.int64)
    code = np.repeat(run_code, np.diff([*heads, len(frame)]))
    start, row = frame["start_ns"].to_numpy(), frame["row"].to_numpy()
    step = np.diff(code)
    ordered = bool(np.all(step >= 0))
    if ordered:
        later = start[1:] > start[:-1]
        later |= step > 0
        if not later.all():
            ordered = bool(np.all(later | ((start[1:] == start[:-1]) & (row[1:] >= row[:-1]))))
    if not ordered:
        keys = pl.DataFrame({"code": code, "start": start, "row": row})
        order = keys.select(pl.arg_sort_by("code", "start", "row", maintain_order=True)).to_series()
        frame, code = frame[order], code[order.to_numpy()]
    return frame, symbols, code


def _around(sessions: Sessions | None, bars: Bars) -> Sessions | None:
    """Return the sessions from before the first to after the last bar: fewer to search, and to report."""
    if sessions is None or len(bars) == 0:
        return sessions
    low = int(np.searchsorted(sessions.days, int(bars.start_ns.min()) // DAY - 1))
    high = int(np.searchsorted(sessions.days, int(bars.start_ns.max()) // DAY + 1, side="right"))
    return sessions.cut(low, high) if high > low else sessions


def _report(
    symbols: tuple[str, ...],
    bars: Bars,
    placed: Placement,
    bits: Bits,
    bad: Flags,
    frame_ns: int,
    sessions: Sessions | None,
    rules: QualityRules,
    findings: tuple[Finding, ...],
    prices: str,
) -> QualityReport:
    if sessions is None:
        day = placed.session
    else:
        day = sessions.days[np.maximum(placed.session, 0)] if len(sessions) else bars.start_ns // DAY
        outside = np.flatnonzero(placed.session < 0)
        day[outside] = bars.start_ns[outside] // DAY
    days = np.flatnonzero(np.bincount(day - day.min())) + day.min() if len(day) else day
    inside = placed.session[placed.session >= 0]
    if sessions is not None and len(inside):
        # All sessions from the first bar to the last: those without any are what the report is for. A stray row
        # decades away has its own day, and no sessions between.
        days = np.union1d(days, sessions.days[int(inside.min()) : int(inside.max()) + 1])
    column = np.zeros(int(days[-1] - days[0]) + 1 if len(days) else 0, dtype=np.int64)
    column[days - days[0] if len(days) else days] = np.arange(len(days))
    shape = (len(symbols), len(days))

    def counted(rows: np.ndarray | slice) -> Counts:
        cell = bars.code[rows] * shape[1] + column[day[rows] - days[0]]
        return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)

    if not len(days):
        nothing = np.zeros(shape, dtype=np.int64)
        found = quarantined = marked = nothing
    else:
        quarantined, marked = counted(np.flatnonzero(bad)), counted(np.flatnonzero(~bad & (bits != 0)))
        found = counted(slice(None)) - quarantined
    if sessions is None:
        expected = found.max(axis=0, initial=0)
    else:
        expected = np.zeros(len(days), dtype=np.int64)
        place_of = np.searchsorted(days, sessions.days)
        known = place_of < len(days)
        known[known] = days[place_of[known]] == sessions.days[known]
        expected[place_of[known]] = bars_expected(sessions, frame_ns, placed.offset_ns)[known]
    some = bits[bits != 0]
    return QualityReport(
        frame_ns=frame_ns,
        symbols=symbols,
        days=days,
        expected=expected,
        found=found,
        quarantined=quarantined,
        marked=marked,
        reasons={reason: int(np.count_nonzero(some & np.uint32(reason.bit))) for reason in Reason},
        actions={reason: rules.action(reason) for reason in Reason},
        findings=findings,
        prices=prices,
    )


def _gate(frame: pl.DataFrame, bits: Bits, bad: Flags, report: QualityReport) -> Gate:
    marks = pl.Series("marks", bits)
    if not bad.any():
        empty = frame.clear().with_columns(pl.Series("reasons", [], dtype=pl.List(pl.String)))
        return Gate(frame.with_columns(marks), empty, report)
    good = frame.with_columns(marks).filter(pl.Series(~bad))
    kinds, which = np.unique(bits[bad], return_inverse=True)
    words = pl.Series("reasons", [[str(word) for word in words_of(kind)] for kind in kinds], dtype=pl.List(pl.String))
    quarantined = frame.filter(pl.Series(bad)).with_columns(words[which])
    return Gate(good, quarantined, report)
