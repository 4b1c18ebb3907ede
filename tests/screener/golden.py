"""The watchlists of a whole session of an invented market, as the referee writes them.

    PYTHONPATH=tests:src .venv/bin/python -m screener.golden

writes `watchlists.golden.json` anew. The numbers are the referee's, so a change of the screener cannot change them.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from screener.reference.bars import MINUTE, BaseBar, frame_ends
from screener.reference.files import sessions_between
from screener.reference.market import build_market, report
from screener.reference.profiles import SOURCE, TAPELINE
from tapeline.domain.panel import Panel
from tapeline.feeds.simulated import simulate_market
from tapeline.tape.calendars import sessions

GOLDEN = Path(__file__).with_name("watchlists.golden.json")
SEED, SYMBOLS, FIRST, LAST = 23, 36, date(2024, 1, 2), date(2024, 2, 14)


def a_market() -> Panel:
    """Return 31 sessions of bars of 5 minutes."""
    return simulate_market(SEED, sessions=sessions("XNYS", FIRST, LAST), symbols=SYMBOLS, frame="5min").panel


def kept_of(found: dict[str, Any]) -> dict[str, Any]:
    """Return what the golden file keeps of a report: lists, counts, and a hash over all of its rounded numbers."""
    text = json.dumps(_rounded({name: without_remarks(found[name]) for name in ("rows", "dropped")}), sort_keys=True)
    lists = ("handed_over", "watchlist", "watchlist_all", "flags")
    return {
        "at": found["at"],
        "passed": found["passed"],
        **{name: list(found[name]) for name in lists},
        "digest": hashlib.sha256(text.encode()).hexdigest()[:16],
    }


def without_remarks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without their sentences, which the referee has not got."""
    return [{name: value for name, value in row.items() if name != "remarks"} for row in rows]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value + 0.0:.5g}"
    return value


def written_by_the_referee() -> dict[str, Any]:
    """Return the golden content; half a minute of work."""
    panel, known = a_market(), sessions_between(FIRST, LAST)
    bars = {
        symbol: [
            BaseBar(int(panel.start_ns[row]), *(float(getattr(panel, name)[row, column]) for name in
                    ("open", "high", "low", "close", "volume")))
            for row in np.flatnonzero(~np.isnan(panel.close[:, column]))
        ]
        for column, symbol in enumerate(panel.symbols)
    }  # fmt: skip
    found = {}
    for profile in (SOURCE, TAPELINE):
        market = build_market(bars, known, profile)
        found[profile.name] = [kept_of(report(market, at, profile)) for at in frame_ends(known[-1], 15 * MINUTE)]
    return found


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(written_by_the_referee(), indent=1) + "\n")
