"""The screener held against the referee, row by row and number by number.

    PYTHONPATH=tests:src .venv/bin/python -m screener.agreement minute_us_2018.parquet

compares all symbols of a file at 20 decision times with both profiles; minutes long. The suite asks less at a time.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from screener.golden import without_remarks
from screener.reference import market as referee
from screener.reference.bars import MINUTE, Session, frame_ends
from screener.reference.profiles import SOURCE, TAPELINE
from screener.reference.regime import INDICES
from tapeline.app.screen_settings import load_screener_settings
from tapeline.app.screening import Vix, screen_history
from tapeline.app.vix import read_vix
from tapeline.feeds.parquet import read_bars
from tapeline.screener.regime import RegimeSettings

PROFILES = {"source": SOURCE, "tapeline": TAPELINE}
FUNDS = frozenset(INDICES) | frozenset(RegimeSettings().funds)  # named to both
TIMES = 20
TOLERANCE = 1e-9


def decision_times(sessions: Sequence[Session], count: int = TIMES) -> list[int]:
    """Return trigger closes spread over a file and over the hours of a session, its half days among them."""
    ends = [list(frame_ends(session, 15 * MINUTE)) for session in sessions]
    halves = [ends[place][-1] for place, each in enumerate(ends) if len(each) < 20]
    chosen = [ends[place * (len(ends) - 1) // (count - 1)] for place in range(count)]
    times = {each[number * 7 % len(each)] for number, each in enumerate(chosen)}
    return sorted({*times, *halves[-1:]})


def reports(
    path: Path, profile: str, symbols: list[str] | None, vix_path: Path | None, times: int = TIMES
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield ours and the referee's report at each decision time."""
    market = referee.load(path, PROFILES[profile], symbols)
    closes = referee.vix_closes(vix_path, market.sessions) if vix_path else []
    panel = read_bars(path, symbols=symbols, calendar="XNYS").panel
    vix: Vix | None = read_vix(vix_path) if vix_path else None
    wanted = set(decision_times(market.sessions, times))
    seen = 0
    for screening in screen_history(panel, load_screener_settings(None, profile), vix):
        now = screening.snapshot.time_ns
        if now in wanted:
            seen += 1
            ours = screening.as_dict(all_fine=True)
            ours |= {name: without_remarks(ours[name]) for name in ("rows", "dropped")}
            yield ours, referee.report(market, now, PROFILES[profile], closes, FUNDS)
    assert seen == len(wanted), f"{seen} of {len(wanted)} decision times were screened"


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """Return where two reports differ; numbers may by the tolerance of the rules."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [f"{where}: keys {sorted(ours.keys() ^ theirs.keys())}"] if ours.keys() != theirs.keys() else []
        for name in ours.keys() & theirs.keys():
            found += differences(ours[name], theirs[name], f"{where}.{name}")
        return found
    if isinstance(ours, list) and isinstance(theirs, (list, tuple)) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [one for place, pair in pairs for one in differences(*pair, f"{where}[{place}]")]
    numbers = [isinstance(value, (int, float)) and not isinstance(value, bool) for value in (ours, theirs)]
    if all(numbers) and math.isclose(ours, theirs, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
        return []
    return [] if not any(numbers) and ours == theirs else [f"{where}: {ours!r} is not {theirs!r}"]


if __name__ == "__main__":
    for profile in PROFILES:
        path = Path(sys.argv[1])
        vix = path.with_name("vix_daily.parquet")
        rows = 0
        for ours, theirs in reports(path, profile, None, vix if vix.exists() else None):
            found = differences(ours, theirs)
            rows += len(ours["rows"])
            assert not found, found[:10]
        print(f"{path.name}, {profile}: {rows:,} rows equal")
