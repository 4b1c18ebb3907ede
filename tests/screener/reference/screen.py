"""Sections 2, 3 and 4 of one symbol at one moment, as the row that the screener reports.

    row = judge(symbol, now, session, latest_t2_end, TAPELINE)

Numbers and truth values that are unknown are None in the row, so that it can be written as JSON.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any

from screener.reference.bars import Session, Symbol
from screener.reference.coarse import BARS_NEEDED, Coarse, coarse
from screener.reference.profiles import Profile
from screener.reference.score import (
    Score,
    bars_since_pivot,
    drawdown_pct,
    exhaustion,
    quartile,
    score,
)
from screener.reference.tree import Tree, tree

NO_BAR = "no bar in this session"


def plain(value: float) -> float | str | None:
    """Return a number as JSON can hold it: None for unknown, "inf" for infinity."""
    if math.isnan(value):
        return None
    return "inf" if math.isinf(value) else value


def has_bar(symbol: Symbol, now: int, session: Session) -> bool:
    """Return whether the symbol has a base bar in the session up to now."""
    place = bisect_left(symbol.starts, session.open)
    return place < len(symbol.starts) and symbol.starts[place] < min(now, session.close)


def judge(
    symbol: Symbol, now: int, latest_t2_end: int, profile: Profile, optional: tuple[str, ...] = ()
) -> tuple[Coarse, dict[str, Any]]:
    """Return the coarse screen and the whole row of one symbol at a moment.

    latest_t2_end : the end of the last T2 bar that could have closed by now, in any session.
    """
    t1, t2, t3 = symbol.t1.at(now), symbol.t2.at(now), symbol.t3.at(now)
    screened = coarse(t2, profile)
    answers = tree(t1, t2, t3, profile, optional)
    scored = score(t1, t2, t3, profile) if len(t2) >= BARS_NEEDED else None
    row = {"symbol": symbol.name, "coarse": _coarse_row(screened), "tree": _tree_row(answers)}
    row |= _score_row(scored)
    row |= {
        "quartile": quartile(t2),
        "bars_since_pivot": plain(bars_since_pivot(t1)),
        "drawdown_pct": plain(drawdown_pct(t2)),
        "exhaustion": plain(exhaustion(t2)),
        "t2_stale": t2.end != latest_t2_end,
    }
    return screened, row


def _coarse_row(one: Coarse) -> dict[str, Any]:
    return {name: getattr(one, name) for name in "abcdv"} | {"passed": one.passed, "score": plain(one.score)}


def _tree_row(one: Tree) -> dict[str, Any]:
    names = ("q1", "q2", "q3", "q4", "q5", "q6", "hostile", "confirmation", "trigger", "overhead_clear")
    return {name: getattr(one, name) for name in names} | {"class": one.kind}


def _score_row(one: Score | None) -> dict[str, Any]:
    if one is None:
        names = ("sabr20", "raw", "state", "accumulation_phase", "accumulation_ratio", "grade", "rr", "stop", "target")
        return dict.fromkeys(names)
    return {
        "sabr20": {"total": one.total} | one.points,
        "raw": one.raw,
        "state": one.state,
        "accumulation_phase": one.accumulation_phase,
        "accumulation_ratio": plain(one.accumulation_ratio),
        "grade": one.grade,
        "rr": plain(one.rr),
        "stop": plain(one.stop),
        "target": plain(one.target),
    }
