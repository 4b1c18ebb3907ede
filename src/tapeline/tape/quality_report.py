"""What the quality gate tells about a source: how many rows went where and why, and how complete the rest is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from tapeline.domain.panel import Times
from tapeline.domain.times import DAY, frame_text, ns_to_date
from tapeline.tape.quality_reasons import Action, Reason

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Finding:
    """Something about a stretch of a symbol that no count of rows tells.

    first, last : session dates, both included
    count : how many bars or sessions it concerns
    """

    reason: Reason
    symbol: str
    first: date
    last: date
    count: int
    sentence: str


@dataclass(frozen=True, eq=False)
class QualityReport:
    """The account of one passage through the gate.

    frame_ns : length of the bars
    symbols : N names, sorted
    days : int64 [D], dates in days since 1970: all sessions from the first to the last bar, and other days with rows
    expected : int64 [D], bars of a full session, 0 on other days; without a calendar those of the fullest symbol
    found, quarantined, marked : int64 [N, D], rows that went in, that did not, and that went in with a doubt
    reasons : rows by reason; a row can have several
    actions : what followed from each reason
    findings : by symbol and day
    prices : "raw" or "adjusted" where corporate actions tell, else ""
    """

    frame_ns: int
    symbols: tuple[str, ...]
    days: Times
    expected: Counts
    found: Counts
    quarantined: Counts
    marked: Counts
    reasons: Mapping[Reason, int]
    actions: Mapping[Reason, Action]
    findings: tuple[Finding, ...]
    prices: str

    @property
    def good_count(self) -> int:
        """Rows that went in, marked ones included."""
        return int(self.found.sum())

    @property
    def quarantined_count(self) -> int:
        """Rows that did not."""
        return int(self.quarantined.sum())

    @property
    def marked_count(self) -> int:
        """Rows that went in with a doubt."""
        return int(self.marked.sum())

    @property
    def completeness(self) -> npt.NDArray[np.float64]:
        """Share of the expected bars of each symbol's own first to last day that are there, float64 [N]."""
        share = np.ones(len(self.symbols))
        for n, row in enumerate(self.found):
            there = np.flatnonzero(row)
            if len(there):
                asked = self.expected[there[0] : there[-1] + 1].sum()
                share[n] = min(1.0, float(row.sum()) / max(int(asked), 1))
        return share

    def sentences(self, findings_max: int = 20) -> list[str]:
        """Return the report as sentences."""
        rows = self.good_count + self.quarantined_count
        lines = [
            f"{rows:,} {frame_text(self.frame_ns)} bars of {_count(len(self.symbols), 'symbol')}: "
            f"{self.good_count:,} go in, {self.marked_count:,} of them marked; {self.quarantined_count:,} quarantined."
        ]
        for action, verb in ((Action.QUARANTINE, "Quarantined"), (Action.MARK, "Marked")):
            named = [
                f"{reason.replace('_', ' ')} {count:,}"
                for reason, count in self.reasons.items()
                if count and self.actions[reason] is action
            ]
            if named:
                lines.append(f"{verb} for: {', '.join(named)}.")
        if len(self.symbols) and self.expected.any():
            share = self.completeness
            worst = int(np.argmin(share))
            lines.append(
                f"{100 * share.mean():.1f} % of the bars are there between each symbol's first and last day; "
                f"{self.symbols[worst]} lacks most, {100 * (1 - share[worst]):.1f} %."
            )
        if self.prices:
            lines.append(f"Prices are {self.prices}, judged by the corporate actions.")
        lines += [finding.sentence for finding in self.findings[:findings_max]]
        if len(self.findings) > findings_max:
            lines.append(f"And {len(self.findings) - findings_max:,} more findings of this kind.")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values for JSON: counts in all, by reason, symbol and day, and the findings."""
        share = self.completeness
        return {
            "frame": frame_text(self.frame_ns),
            "rows": self.good_count + self.quarantined_count,
            "good": self.good_count,
            "quarantined": self.quarantined_count,
            "marked": self.marked_count,
            "prices": self.prices or None,
            "reasons": [
                {"reason": str(reason), "action": str(self.actions[reason]), "rows": count}
                for reason, count in self.reasons.items()
                if count
            ],
            "symbols": [
                {
                    "symbol": symbol,
                    "good": int(self.found[n].sum()),
                    "quarantined": int(self.quarantined[n].sum()),
                    "marked": int(self.marked[n].sum()),
                    "completeness": round(float(share[n]), 6),
                }
                for n, symbol in enumerate(self.symbols)
            ],
            "days": [
                {
                    "day": str(ns_to_date(int(day) * DAY)),
                    "expected": int(self.expected[d]),
                    "good": int(self.found[:, d].sum()),
                    "quarantined": int(self.quarantined[:, d].sum()),
                    "marked": int(self.marked[:, d].sum()),
                }
                for d, day in enumerate(self.days)
            ],
            "findings": [
                {
                    "reason": str(one.reason),
                    "symbol": one.symbol,
                    "first": str(one.first),
                    "last": str(one.last),
                    "count": one.count,
                    "sentence": one.sentence,
                }
                for one in self.findings
            ],
        }


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
