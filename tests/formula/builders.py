"""Small markets for the tests of formulas: sessions with half days, missing bars, missing rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tapeline.domain.panel import Panel, Sessions
from tapeline.domain.times import DAY, HOUR, MINUTE, parse_frame

FIRST_DAY = 19_000 * DAY
QUOTES = ("bid", "ask", "bid_size", "ask_size")
PRICES = ("open", "high", "low", "close", "volume")


def a_calendar(days: int = 3, *, half_days: tuple[int, ...] = (1,), hours: float = 2.5, ordinal: int = 0) -> Sessions:
    """Return consecutive sessions from 14:30 UTC, some of them an hour shorter."""
    opens = FIRST_DAY + np.arange(days, dtype=np.int64) * DAY + 14 * HOUR + 30 * MINUTE
    lengths = np.array([int(hours * HOUR) - (HOUR if day in half_days else 0) for day in range(days)], dtype=np.int64)
    return Sessions("TEST", opens, opens + lengths, ordinal)


def a_market(
    seed: int = 0,
    *,
    symbols: int = 3,
    calendar: Sessions | None = None,
    base: str = "5min",
    missing: float = 0.2,
    rounded: bool = True,
    quotes: bool = False,
) -> Panel:
    """Return a panel over a calendar: random walks on a coarse grid, so that ties are common.

    quotes : with quotes around the closes, of which some are unknown
    """
    random = np.random.default_rng(seed)
    sessions = a_calendar() if calendar is None else calendar
    frame_ns = parse_frame(base)
    starts, ends = [], []
    for opened, closed in zip(sessions.open_ns, sessions.close_ns, strict=True):
        edges = np.arange(opened, closed, frame_ns) if frame_ns < DAY else np.array([opened])
        starts.append(edges)
        ends.append(np.minimum(edges + frame_ns, closed))
    start_ns, end_ns = np.concatenate(starts), np.concatenate(ends)
    shape = (len(end_ns), symbols)
    close = 20 + np.cumsum(random.normal(0, 0.3, shape), axis=0)
    opened = close + random.normal(0, 0.2, shape)
    spread = np.abs(random.normal(0, 0.2, shape))
    fields = [opened, np.maximum(opened, close) + spread, np.minimum(opened, close) - spread, close]
    if rounded:
        fields = [np.round(values, 1) for values in fields]
    fields.append(random.integers(1, 6, shape) * 100.0)
    gaps = random.random(shape) < missing
    for values in fields:
        values[gaps] = np.nan
    kept = ~gaps.all(axis=1)
    names = tuple(f"S{column}" for column in range(symbols))
    arrays = [np.ascontiguousarray(values[kept]) for values in fields]
    panel = Panel(names, frame_ns, start_ns[kept], end_ns[kept], *arrays, sessions=sessions)
    return with_quotes(panel, random) if quotes else panel


def with_quotes(panel: Panel, random: np.random.Generator) -> Panel:
    """Return the panel with quotes around the closes, one in ten unknown, also where there is no bar."""
    shape = panel.close.shape
    middle = np.where(np.isnan(panel.close), 20.0, panel.close) + random.integers(-1, 2, shape) / 10
    sizes = [random.integers(1, 9, shape) * 100.0 for _ in range(2)]
    fields = dict(zip(QUOTES, (middle - 0.1, middle + 0.1, *sizes), strict=True))
    for values in fields.values():
        values[random.random(shape) < 0.1] = np.nan
    return replace(panel, series=fields)


def a_series(close: list[float], *, frame: str = "1min", **fields: list[float]) -> Panel:
    """Return one symbol's bars without sessions; open, high and low are the close unless given."""
    frame_ns = parse_frame(frame)
    end_ns = FIRST_DAY + (np.arange(len(close), dtype=np.int64) + 1) * frame_ns
    given = {"volume": [100.0] * len(close), **fields}
    arrays = [np.array(given.get(name, close), dtype=float).reshape(-1, 1) for name in PRICES]
    for values in arrays:
        values[np.isnan(arrays[3])] = np.nan
    return Panel(("S0",), frame_ns, end_ns - frame_ns, end_ns, *arrays)


def without_rows(panel: Panel, rows: list[int]) -> Panel:
    """Return the panel without some rows."""
    kept = np.setdiff1d(np.arange(len(panel)), rows)
    cut = {name: np.ascontiguousarray(getattr(panel, name)[kept]) for name in ("start_ns", "end_ns", *PRICES)}
    return replace(panel, **cut)
