"""From sessions to findings: what the rules over sessions see, as marks on bars and as sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import polars as pl

from tapeline.domain.corporate import CorporateAction, Split
from tapeline.domain.errors import DataError
from tapeline.domain.panel import Floats, Sessions, Times
from tapeline.domain.times import DAY, date_to_ns, ns_to_date
from tapeline.tape.quality_reasons import QualityRules, Reason
from tapeline.tape.quality_reference import mismatches
from tapeline.tape.quality_report import Finding
from tapeline.tape.quality_rows import Bars, Placement
from tapeline.tape.quality_sessions import SessionTable, holes, session_table
from tapeline.tape.quality_splits import split_findings
from tapeline.tape.quality_volume import volume_breaks

_SECURITY_SESSIONS = 5  # fewer wrong closes in a row are more likely an error than another security
_FACTOR_STEP = 0.1  # a step of an adjustment factor below this is a dividend


@dataclass(frozen=True, eq=False)
class SoundBars:
    """The rows without a fault of their own, and where they stand.

    symbols : N names; bars.code are positions in them
    """

    symbols: tuple[str, ...]
    bars: Bars
    placed: Placement
    frame_ns: int
    sessions: Sessions | None

    def day(self, session: int) -> date:
        """Return the date of a session."""
        return ns_to_date((session if self.sessions is None else int(self.sessions.days[session])) * DAY)


@dataclass(frozen=True, eq=False)
class Told:
    """What the rules over sessions say: rows of each reason, findings, and the kind of prices."""

    marks: tuple[tuple[Reason, Times], ...]
    findings: tuple[Finding, ...]
    prices: str


def findings_of(
    sound: SoundBars,
    rules: QualityRules,
    corporate_actions: Iterable[CorporateAction],
    factor: Floats | None,
    reference: pl.DataFrame | None,
) -> Told:
    """Return what the rules over sessions say about sound bars.

    factor : adjusted close to close of each bar, where the source has it
    """
    table = session_table(sound.bars, sound.placed)
    told = _told_splits(sound, table, corporate_actions, factor)
    splits, marks_splits, prices = _splits(sound, table, told, rules, raw=factor is not None)
    parts = [
        _gaps(sound, table, rules),
        _volume(sound, table, rules),
        (splits, marks_splits),
        _reference(sound, table, reference, rules),
    ]
    findings = [finding for part, _ in parts for finding in part]
    marks = [mark for _, part in parts for mark in part]
    return Told(tuple(marks), tuple(sorted(findings, key=lambda one: (one.symbol, one.first, one.reason))), prices)


_Part = tuple[list[Finding], list[tuple[Reason, Times]]]


def _rows_of(table: SessionTable, at: Iterable[int]) -> Times:
    """Return the bars of some sessions of the table."""
    ranges = [np.arange(table.first[k], table.last[k] + 1) for k in at]
    return np.concatenate(ranges) if ranges else np.empty(0, dtype=np.int64)


def _gaps(sound: SoundBars, table: SessionTable, rules: QualityRules) -> _Part:
    findings: list[Finding] = []
    rows: list[int] = []
    for hole in holes(table, sound.bars, sound.placed, sound.frame_ns, sound.sessions, rules):
        symbol, first, last = sound.symbols[hole.code], sound.day(hole.first), sound.day(hole.last)
        if not hole.sessions:
            times = "in a row" if len(hole.rows) == 1 else f"in {len(hole.rows)} holes"
            sentence = f"{symbol} lacks {_plural(hole.bars, 'bar')} {times} on {first}."
        elif hole.sessions == 1:
            sentence = f"{symbol} has no bar on {first}: 1 session missing."
        elif hole.rows:
            sentence = f"{symbol} has no bar from {first} to {last}: {hole.sessions:,} sessions missing."
        else:
            sentence = f"{symbol} lacks {hole.sessions:,} sessions between {first} and {last}: thinly traded?"
        findings.append(Finding(Reason.GAP, symbol, first, last, hole.bars or hole.sessions, sentence))
        rows += hole.rows
    return findings, [(Reason.GAP, np.array(rows, dtype=np.int64))]


def _volume(sound: SoundBars, table: SessionTable, rules: QualityRules) -> _Part:
    findings, rows = [], []
    for one in volume_breaks(table, sound.bars, rules):
        symbol = sound.symbols[int(table.code[one.at])]
        first, last = sound.day(int(table.session[one.at])), sound.day(int(table.session[one.until - 1]))
        size = f"1/{1 / one.factor:.3g} of" if one.factor < 1 else f"{one.factor:.3g} times"
        others = f", with {one.common} symbols of the source" if one.common > 1 else ""
        sentence = f"{symbol}: from {first} on volume is at {size} its level before{others}: another unit?"
        findings.append(Finding(Reason.VOLUME_UNIT_BREAK, symbol, first, last, one.until - one.at, sentence))
        rows.append(np.arange(table.first[one.at], table.last[one.until - 1] + 1))
    return findings, [(Reason.VOLUME_UNIT_BREAK, piece) for piece in rows]


def _told_splits(
    sound: SoundBars, table: SessionTable, actions: Iterable[CorporateAction], factor: Floats | None
) -> dict[tuple[int, int], float]:
    """Return the ratios that are told, by symbol and first session on or after their ex-date."""
    number = {symbol: n for n, symbol in enumerate(sound.symbols)}
    told: dict[tuple[int, int], float] = {}
    if factor is not None and len(table):
        step = factor[table.first[1:]] / factor[table.last[:-1]]
        rows = np.flatnonzero((np.diff(table.code) == 0) & (np.abs(np.log(step)) > _FACTOR_STEP))
        told = {(int(table.code[k + 1]), int(table.session[k + 1])): float(step[k]) for k in rows}
    for action in actions:
        if isinstance(action, Split) and action.symbol in number:
            day = date_to_ns(action.ex) // DAY
            session = day if sound.sessions is None else int(np.searchsorted(sound.sessions.days, day))
            told[number[action.symbol], session] = float(action.new / action.old)
    return told


def _splits(
    sound: SoundBars, table: SessionTable, told: dict[tuple[int, int], float], rules: QualityRules, *, raw: bool
) -> tuple[list[Finding], list[tuple[Reason, Times]], str]:
    found, prices = split_findings(table, sound.bars, told, rules, raw=raw)
    findings, marks = [], []
    for one in found:
        symbol = sound.symbols[int(table.code[one.at[0]])]
        days = [sound.day(int(table.session[k])) for k in one.at]
        told_on, ratio = days[-1] if one.seen < 0 else days[0], _ratio_text(one.ratio)
        if one.reason is Reason.SPLIT_MISPLACED and one.seen < 0:
            sentence = f"{symbol}: a {ratio} split is told for {told_on}, but prices show none near it."
        elif one.reason is Reason.SPLIT_MISPLACED:
            sentence = f"{symbol}: a {ratio} split is told for {told_on}, but prices show it on {days[1]}."
        elif prices == "adjusted":
            sentence = f"{symbol}: prices are adjusted, but not for the {ratio} split of {told_on}."
        else:
            sentence = f"{symbol}: prices move like a {ratio} split on {told_on}, but no corporate action tells of one."
        findings.append(Finding(one.reason, symbol, min(days), max(days), 1, sentence))
        marks.append((one.reason, _rows_of(table, one.at)))
    return findings, marks, prices


def _reference(sound: SoundBars, table: SessionTable, reference: pl.DataFrame | None, rules: QualityRules) -> _Part:
    if reference is None:
        return [], []
    for name in ("symbol", "day", "close"):
        if name not in reference.columns:
            raise DataError(f"The reference has no column {name!r}. It needs symbol, day and close.")
    days = table.session if sound.sessions is None else sound.sessions.days[table.session]
    ours = pl.DataFrame({"code": table.code, "day": days, "at": np.arange(len(table))})
    theirs = reference.select(
        pl.col("symbol")
        .cast(pl.String)
        .replace_strict(list(sound.symbols), list(range(len(sound.symbols))), default=None)
        .cast(pl.Int64)
        .alias("code"),
        pl.col("day").cast(pl.Date).to_physical().cast(pl.Int64),
        pl.col("close").cast(pl.Float64).alias("other"),
    ).filter(pl.col("other") > 0.0, pl.col("code").is_not_null())
    both = ours.join(theirs.unique(["code", "day"], keep="last", maintain_order=True), on=["code", "day"]).sort("at")
    at = both["at"].to_numpy()
    findings, rows = [], []
    for one in mismatches(table.code[at], table.close[at], both["other"].to_numpy(), rules):
        places = at[list(one.at)]
        symbol = sound.symbols[int(table.code[places[0]])]
        first, last = (sound.day(int(table.session[k])) for k in (places[0], places[-1]))
        wrong = "another security?" if len(places) >= _SECURITY_SESSIONS else "wrong prices?"
        what = "the same security, otherwise adjusted." if one.adjusted else wrong
        when = f"on {first}" if len(places) == 1 else f"in {len(places)} sessions from {first} to {last}"
        sentence = f"{symbol}: closes are {one.factor:.3g} times the reference's {when}: {what}"
        findings.append(Finding(Reason.REFERENCE_MISMATCH, symbol, first, last, len(places), sentence))
        if not one.adjusted:
            rows.append(_rows_of(table, places.tolist()))
    return findings, [(Reason.REFERENCE_MISMATCH, piece) for piece in rows]


def _ratio_text(ratio: float) -> str:
    simple = Fraction(ratio).limit_denominator(100 if ratio < 1 else 4)
    if abs(float(simple) / ratio - 1) < 0.002:
        return f"{simple.numerator}:{simple.denominator}"
    return f"{ratio:.4g}:1"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
