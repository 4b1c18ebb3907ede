"""Small files of bars: three invented symbols over a few sessions of minutes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from tapeline.domain.panel import Panel
from tapeline.feeds.simulated import simulate_market
from tapeline.tape.calendars import sessions

SYMBOLS = ("ALFA", "BETA", "GAMA")
FIRST, LAST = date(2024, 1, 2), date(2024, 1, 4)


def a_market(last: date = LAST) -> Panel:
    """Return the bars of three symbols from 2024-01-02 on."""
    return simulate_market(11, sessions=sessions("XNYS", FIRST, last), symbols=SYMBOLS).panel


def as_table(panel: Panel) -> pl.DataFrame:
    """Return a panel as the table that a Parquet file of bars holds; `ts` is the start of the bar."""
    parts = []
    for column, symbol in enumerate(panel.symbols):
        here = ~np.isnan(panel.close[:, column])
        fields = {name: getattr(panel, name)[here, column] for name in ("open", "high", "low", "close", "volume")}
        times = pl.Series("ts", panel.start_ns[here]).cast(pl.Datetime("ns", "UTC"))
        parts.append(pl.DataFrame({"ts": times, **fields}).select(pl.lit(symbol).alias("symbol"), pl.all()))
    return pl.concat(parts)


def write_bars(path: Path, table: pl.DataFrame | None = None) -> Path:
    """Write a table of bars, by default the whole small market, and return the path."""
    (as_table(a_market()) if table is None else table).write_parquet(path)
    return path
