"""The run over a universe at one moment: hand-over, watchlists, flags, and the report that holds them.

    report = screen(symbols, now, sessions, TAPELINE)

Readings where the text leaves a choice: equal totals, by the tolerance of computed values, are ordered by symbol; a
symbol that is both stale and too short counts twice in "dropped + stale + too short".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cmp_to_key
from typing import Any

from screener.reference.bars import MINUTE, Session, Symbol, frame_ends
from screener.reference.coarse import BARS_NEEDED, hand_over
from screener.reference.logic import same
from screener.reference.profiles import Profile
from screener.reference.screen import NO_BAR, has_bar, judge

GRADES = ("A+", "A")


def best_first(rows: Sequence[dict[str, Any]], most: int = 20) -> list[str]:
    """Return the symbols of scored rows by total, best first, ties by symbol, at most `most`."""

    def order(one: dict[str, Any], other: dict[str, Any]) -> int:
        ours, theirs = one["sabr20"]["total"], other["sabr20"]["total"]
        if not same(ours, theirs):
            return -1 if ours > theirs else 1
        return -1 if one["symbol"] < other["symbol"] else 1

    return [row["symbol"] for row in sorted(rows, key=cmp_to_key(order))][:most]


def watchlist(rows: Sequence[dict[str, Any]], handed_over: Sequence[str], profile: Profile) -> list[str]:
    """Return the watchlist: grade A+ or A, handed over (not asked by correction 1), class not rejected."""
    return best_first(
        [
            row
            for row in rows
            if row["grade"] in GRADES
            and (profile.whole_universe or row["symbol"] in handed_over)
            and row["tree"]["class"] != "rejected"
        ]
    )


def watchlist_all(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the watchlist by grade alone."""
    return best_first([row for row in rows if row["grade"] in GRADES])


def flags(universe: int, passed: int, dropped: int, stale: int, too_short: int, seconds: float = 0.0) -> list[str]:
    """Return the flags of a run: slow, few_passed or many_passed, incomplete."""
    if not universe:
        return []
    found = ["slow"] if seconds > 60 else []
    share = passed / universe
    found += ["few_passed"] if share < 0.01 else ["many_passed"] if share > 0.20 else []
    return found + (["incomplete"] if (dropped + stale + too_short) / universe > 0.10 else [])


def latest_end(sessions: Sequence[Session], now: int, length: int) -> int | None:
    """Return the end of the last bar of a frame that could have closed by now, in any session."""
    place = bisect_right([session.open for session in sessions], now) - 1
    for session in reversed(sessions[: place + 1]):
        ended = [end for end in frame_ends(session, length) if end <= now]
        if ended:
            return ended[-1]
    return None


def screen(
    symbols: Mapping[str, Symbol],
    now: int,
    sessions: Sequence[Session],
    profile: Profile,
    regime: dict[str, Any] | None = None,
    optional: tuple[str, ...] = (),
    t2_minutes: int = 60,
) -> dict[str, Any]:
    """Return the report over a universe at one T1 close.

    regime : what `regime.regime` says of the latest T2 close, put into the report as it is
    """
    session = next(one for one in reversed(sessions) if one.open < now)
    latest = latest_end(sessions, now, t2_minutes * MINUTE)
    screened, rows, dropped, too_short = {}, [], [], 0
    for name in sorted(symbols):
        symbol = symbols[name]
        if not has_bar(symbol, now, session):
            dropped.append({"symbol": name, "reason": NO_BAR})
            continue
        screened[name], row = judge(symbol, now, latest, profile, optional)
        rows.append(row)
        too_short += len(symbol.t2.at(now)) < BARS_NEEDED
    handed_over = hand_over(screened)
    passed = sum(one.passed is True for one in screened.values())
    stale = sum(row["t2_stale"] for row in rows)
    return {
        "at": datetime.fromtimestamp(now // 10**9, UTC).isoformat().replace("+00:00", "Z"),
        "profile": profile.name,
        "universe": len(symbols),
        "passed": passed,
        "flags": flags(len(symbols), passed, len(dropped), stale, too_short),
        "handed_over": handed_over,
        "watchlist": watchlist(rows, handed_over, profile),
        "watchlist_all": watchlist_all(rows),
        "regime": regime,
        "rows": rows,
        "dropped": dropped,
    }
