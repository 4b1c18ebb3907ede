"""What a source of bars answers: the panel, and an account of how it came about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import numpy as np

from tapeline.domain.errors import InputError
from tapeline.domain.panel import Panel
from tapeline.domain.times import frame_text, to_iso
from tapeline.tape.completeness import Completeness


@dataclass(frozen=True, eq=False)
class ReadReport:
    """What was read, what was left out, and how complete the rest is.

    source : the files in words
    rows_read : rows of the chosen symbols and period
    rows_dropped : rows outside every session, in all; dropped_by_symbol : the same by symbol, without zeros
    rows_clipped : bars that began before an open and were taken from there on
    zero_volume : bars with volume 0; they are kept
    first_ns, last_ns : start of the first and end of the last bar
    completeness : bars expected and found by session and symbol
    """

    source: str
    symbols: tuple[str, ...]
    frame_ns: int
    rows_read: int
    rows_dropped: int
    dropped_by_symbol: dict[str, int]
    rows_clipped: int
    zero_volume: int
    first_ns: int
    last_ns: int
    completeness: Completeness

    def sentences(self) -> list[str]:
        """Return the report as sentences, the unusual ones only where they apply."""
        complete = self.completeness
        lines = [
            f"{self.rows_read:,} {frame_text(self.frame_ns)} bars of {_symbols(len(self.symbols))} from "
            f"{self.source}, {to_iso(self.first_ns)} to {to_iso(self.last_ns)}."
        ]
        if self.rows_dropped:
            lines.append(
                f"{self.rows_dropped:,} bars outside every session were left out "
                f"({_symbols(len(self.dropped_by_symbol))})."
            )
        if self.rows_clipped:
            lines.append(f"{self.rows_clipped:,} bars began before the open and were taken from the open on.")
        if self.zero_volume:
            lines.append(f"{self.zero_volume:,} bars have volume 0.")
        if complete.sessions is not None:
            worst = int(np.argmax(complete.missing_share))
            there = f"{100 * (1 - complete.missing_share.mean()):.1f} % of the calendar's bars are there"
            lacks = f"{100 * complete.missing_share[worst]:.1f}"
            lines.append(f"{there}." if lacks == "0.0" else f"{there}; {self.symbols[worst]} lacks most, {lacks} %.")
        return lines


class Reading(NamedTuple):
    """A panel and the report of how it was read."""

    panel: Panel
    report: ReadReport


def period(first: date | str | None, last: date | str | None) -> tuple[date | None, date | None]:
    """Return two session dates that a caller gave as dates or texts. Raises InputError for what is no period."""
    since, until = _day(first, "first"), _day(last, "last")
    if since is not None and until is not None and since > until:
        raise InputError(f"The period from {since} to {until} ends before it begins. Swap the two dates.")
    return since, until


def _day(day: date | str | None, which: str) -> date | None:
    if isinstance(day, datetime):
        raise InputError(f"{which}={day} has a clock time, but periods are made of sessions. Give a date.")
    if not isinstance(day, str):
        return day
    try:
        return date.fromisoformat(day)
    except ValueError as exc:
        raise InputError(f"{which}={day!r} is no date. Write it like 2018-02-16.") from exc


def _symbols(count: int) -> str:
    return "1 symbol" if count == 1 else f"{count:,} symbols"
