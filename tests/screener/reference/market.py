"""A whole file screened at a moment, regime included: what a screener's report is compared with.

    market = load(path, TAPELINE)
    expected = report(market, now, TAPELINE, vix_closes(vix_path, market.sessions))

The universe is every symbol of the file. The regime is that of the latest T2 close, as its snapshot stands from one
T2 close to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from screener.reference.bars import MINUTE, BaseBar, Session, Symbol, build_symbol
from screener.reference.files import read, sessions_between
from screener.reference.profiles import Profile
from screener.reference.regime import INDICES, Days, build_days, regime
from screener.reference.watchlist import latest_end, screen


@dataclass(frozen=True)
class Market:
    """Everything that a report is made of."""

    sessions: list[Session]
    symbols: dict[str, Symbol]
    days: dict[str, Days]


def build_market(bars: Mapping[str, Sequence[BaseBar]], sessions: list[Session], profile: Profile) -> Market:
    """Return a market from base bars by symbol."""
    symbols = {name: build_symbol(name, rows, sessions, profile=profile) for name, rows in bars.items()}
    return Market(sessions, symbols, {name: build_days(rows, sessions) for name, rows in bars.items()})


def load(path: Path, profile: Profile, symbols: list[str] | None = None) -> Market:
    """Return the market of a Parquet file of base bars, all of its symbols or some."""
    sessions, bars = read(path, symbols)
    return build_market(dict(bars), sessions, profile)


def vix_closes(path: Path, sessions: Sequence[Session]) -> list[tuple[int, float]]:
    """Return (moment of completion, close) of each day of a VIX file that is one of the sessions or before them."""
    rows = pl.read_parquet(path).sort("date").select("date", "close").rows()
    last = datetime.fromtimestamp(sessions[-1].open // 10**9, UTC).date()
    known = sessions_between(rows[0][0], min(rows[-1][0], last))
    ends = {datetime.fromtimestamp(session.open // 10**9, UTC).date(): session.close for session in known}
    return [(ends[day], close) for day, close in rows if day in ends]


def report(
    market: Market,
    now: int,
    profile: Profile,
    vix: Sequence[tuple[int, float]] = (),
    funds: frozenset[str] = frozenset(),
    optional: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the whole report at a T1 close; its regime is None before the first T2 close."""
    at = latest_end(market.sessions, now, 60 * MINUTE)
    found = None
    if at is not None:
        session = next(one for one in reversed(market.sessions) if one.open < at)
        frames = {name: market.symbols[name].t3 for name in INDICES if name in market.symbols}
        indices = {name: market.days[name] for name in INDICES if name in market.days}
        found = regime(frames, indices, vix, market.days, at, session, profile, funds)
    return screen(market.symbols, now, market.sessions, profile, found, optional)
