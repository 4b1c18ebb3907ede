"""The bars of a screen, and the universe they are screened for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tapeline.app.screen_settings import ScreenerSettings
from tapeline.domain.errors import DataError, InputError
from tapeline.domain.panel import BAR_FIELDS, Panel
from tapeline.domain.times import DAY, date_to_ns, from_iso, ns_to_date
from tapeline.feeds.membership import MEMBER, members_on
from tapeline.feeds.table_files import DAY as DAY_KIND
from tapeline.feeds.table_files import TEXT, read_table, scan
from tapeline.screener.sessions import SessionHistory, session_bars
from tapeline.screener.universe import Member, SymbolFacts, Universe, build_universe
from tapeline.strategies.reversal import IN_UNIVERSE
from tapeline.tape.calendars import sessions

AROUND = timedelta(days=30)


def moment_of(text: str, panel: Panel) -> int:
    """Return the moment that --at names, the end of the bars without it. Raises InputError."""
    if not text:
        return int(panel.end_ns[-1])
    if len(text) == 10:
        raise InputError(f"--at {text} is a day. Name a moment of it, such as {text}T15:00:00Z.")
    return from_iso(text)


def universe_of(
    panel: Panel,
    day: date,
    settings: ScreenerSettings,
    members: Sequence[str] | None = None,
    facts: Mapping[str, SymbolFacts] | None = None,
) -> Universe:
    """Return the universe of a day from the sessions before it; without members every symbol of the bars is one.

    Raises DataError for bars without sessions, or with none before that day.
    """
    if panel.sessions is None:
        raise DataError("A universe needs the sessions of an exchange. Name a calendar, such as XNYS.")
    place = int(np.searchsorted(panel.sessions.days, date_to_ns(day) // DAY))
    opens = int(panel.sessions.open_ns[place]) if place < len(panel.sessions) else int(panel.end_ns[-1])
    row = int(np.searchsorted(panel.start_ns, opens)) - 1
    if row < 0:
        raise DataError(
            f"The universe of {day} needs sessions before that day, but the bars begin on"
            f" {ns_to_date(int(panel.start_ns[0]))}. Choose a later day, or give earlier bars."
        )
    trading = _trading_days(panel.sessions.name, day, day)
    chosen = panel.symbols if members is None else members
    days = session_bars(panel, row)
    return build_universe(day, chosen, panel.symbols, days, facts, settings.universe, sessions=trading)


def members_of_day(day: date, members: Path | None, membership: Path | None) -> list[str] | None:
    """Return the symbols of a list and of an index on a day together, None if neither file is named.

    membership : stays in an index, so that its members of a past day are those of that day
    Raises what reading the files raises.
    """
    if members is None and membership is None:
        return None
    custom = [] if members is None else read_members(members)
    return sorted({*custom, *(() if membership is None else members_on(membership, day))})


def with_universe(panel: Panel, settings: ScreenerSettings) -> Panel:
    """Return the panel with the series "in_universe": 1 where a symbol is in the universe of a row's session, else 0.

    Each day's universe is judged by the sessions before it, so nobody is in the first one's; where the panel has the
    series "member", members of the day alone are candidates. Rows outside sessions have 0.
    Raises DataError for bars without sessions.
    """
    history = SessionHistory(panel)
    assert panel.sessions is not None
    place = panel.sessions.index_of(panel.start_ns)
    found = np.zeros(panel.close.shape)
    begins = np.flatnonzero((place >= 0) & (np.diff(place, prepend=-1) != 0)).tolist()
    for first, last in pairwise([*begins, len(panel)]):
        before = int(np.flatnonzero(place[:first] >= 0)[-1]) if (place[:first] >= 0).any() else -1
        if before < 0:
            continue
        member = panel.series.get(MEMBER)
        chosen = [s for column, s in enumerate(panel.symbols) if member is None or member[first, column] == 1.0]
        day = ns_to_date(int(panel.sessions.days[place[first]]) * DAY)
        universe = build_universe(day, chosen, panel.symbols, history.at(before), None, settings.universe)
        found[first:last, [panel.column(one.symbol) for one in universe.kept]] = 1.0
    return panel.with_series(IN_UNIVERSE, found)


def _trading_days(name: str, first: date, last: date) -> list[date]:
    """Return the sessions from a month before the first day to a month after the last, where earnings may lie."""
    around = sessions(name, first - AROUND, last + AROUND)
    return [ns_to_date(int(one) * DAY) for one in around.days]


def only_members(panel: Panel, universe: Universe, besides: Sequence[str] = ()) -> Panel:
    """Return the bars of the symbols that a universe keeps.

    besides : symbols that stay though the universe has not got them, such as the indices of the regime
    A member without bars stands there as a symbol that does not trade, so that it is told and counted as dropped.
    Raises DataError if it keeps none.
    """
    columns = {symbol: column for column, symbol in enumerate(panel.symbols)}
    symbols = list(universe.expected)
    if not any(symbol in columns for symbol in symbols):
        raise DataError(
            f"The universe of {universe.day} keeps none of {len(universe.members)} symbols; the first was dropped for:"
            f" {universe.members[0].reason if universe.members else 'no members'}. Screen with --filters off."
        )
    symbols += [symbol for symbol in besides if symbol in columns and symbol not in symbols]
    fields: dict[str, Any] = {}
    for name in BAR_FIELDS:
        source = getattr(panel, name)
        fields[name] = np.full((len(panel), len(symbols)), np.nan)
        for place, symbol in enumerate(symbols):
            if symbol in columns:
                fields[name][:, place] = source[:, columns[symbol]]
    return Panel(tuple(symbols), panel.frame_ns, panel.start_ns, panel.end_ns, sessions=panel.sessions, **fields)


def day_of(panel: Panel, at_ns: int) -> date:
    """Return the date of the session that a moment lies in, or of the last one before it."""
    if panel.sessions is None:
        raise DataError("The screen needs the sessions of an exchange. Name a calendar, such as XNYS.")
    place = max(int(np.searchsorted(panel.sessions.open_ns, at_ns)) - 1, 0)
    return ns_to_date(int(panel.sessions.days[place]) * DAY)


def read_facts(facts: Path | None, earnings: Path | None) -> dict[str, SymbolFacts]:
    """Return what files tell about symbols; what they leave out is unknown.

    facts : Parquet with symbol and any of market_cap (USD), spread (fraction of the price), exchange, is_shortable
    earnings : Parquet with symbol and earnings_date
    Raises what reading such a table raises.
    """
    found: dict[str, SymbolFacts] = {}
    if facts is not None:
        read_table(facts, {"symbol": TEXT})
        table = scan(facts).collect()
        names = [name for name in ("market_cap", "spread", "exchange", "is_shortable") if name in table.columns]
        for row in table.select("symbol", *names).iter_rows(named=True):
            found[row["symbol"]] = SymbolFacts(**{name: row[name] for name in names})
    if earnings is not None:
        dates: dict[str, list[date]] = {}
        for symbol, day in read_table(earnings, {"symbol": TEXT, "earnings_date": DAY_KIND}).iter_rows():
            dates.setdefault(symbol, []).append(day)
        for symbol, days in dates.items():
            found[symbol] = replace(found.get(symbol, SymbolFacts()), earnings=tuple(days))
    return found


def read_members(path: Path) -> list[str]:
    """Return the symbols of a text file, one a line; # begins a remark. Raises InputError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"List {path} cannot be read ({exc}). Give a text file with a symbol on each line.") from exc
    found = [line.split("#")[0].strip() for line in lines]
    return [symbol for symbol in found if symbol]


def universe_from(content: Mapping[str, Any]) -> Universe:
    """Return a universe from what `Universe.as_dict` gave. Raises DataError for other content."""
    try:
        members = tuple(Member(**one) for one in content["members"])
        return Universe(date.fromisoformat(str(content["day"])), members)
    except (KeyError, TypeError, ValueError) as exc:
        raise DataError(f"What was kept is no universe: {exc}. Build it again.") from exc
