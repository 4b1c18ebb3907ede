"""Small lakes and the files they are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from tapeline.app.lake_import import ImportReport, import_bars, import_table
from tapeline.domain.times import DAY, from_iso
from tapeline.feeds.vendor_files import VendorFormat

NOW = from_iso("2024-05-01T12:00:00Z")

# 2023-07-03 is a half day: New York trades from 13:30 to 17:00 UTC. The next session is 2023-07-05.
MONDAY, WEDNESDAY, THURSDAY = "2023-07-03T13:30:00Z", "2023-07-05T13:30:00Z", "2023-07-06T13:30:00Z"


def bars_table(closes: Mapping[str, Sequence[float]], start: str = MONDAY, minutes: int = 1) -> pl.DataFrame:
    """Return minute bars that open where they close, with a range of one on either side and volume 100."""
    first = from_iso(start) // 1_000
    rows = [
        {"symbol": symbol, "ts": first + number * minutes * 60_000_000, "open": close, "high": close + 1.0,
         "low": close - 1.0, "close": close, "volume": 100.0}
        for symbol, prices in closes.items()
        for number, close in enumerate(prices)
    ]  # fmt: skip
    return pl.DataFrame(rows).with_columns(pl.col("ts").cast(pl.Datetime("us", "UTC")))


def bars_file(folder: Path, name: str, closes: Mapping[str, Sequence[float]], start: str = MONDAY) -> Path:
    """Write minute bars to a Parquet file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    bars_table(closes, start).write_parquet(path)
    return path


def daily_file(folder: Path, name: str, closes: Mapping[str, Mapping[str, float]]) -> Path:
    """Write daily bars to a Parquet file; closes by symbol and date."""
    rows = [
        {"symbol": symbol, "date": date.fromisoformat(day), "open": close, "high": close, "low": close, "close": close,
         "volume": 100.0}
        for symbol, prices in closes.items()
        for day, close in prices.items()
    ]  # fmt: skip
    path = folder / name
    pl.DataFrame(rows).write_parquet(path)
    return path


@dataclass(frozen=True)
class AllGood:
    """A verdict that finds nothing."""

    good: pl.DataFrame
    quarantined: pl.DataFrame
    report: None = None


def no_gate(frame: pl.DataFrame, **_: Any) -> AllGood:
    """Judge nothing, for tests of what the lake itself does with rows as they come."""
    return AllGood(frame, frame.clear().with_columns(reasons=pl.lit(None, pl.String)))


def load(lake: Path, path: Path, days: int = 0, **options: Any) -> ImportReport:
    """Import bars so many days after `NOW`."""
    options.setdefault("vendor", "acme")
    return import_bars(lake, path, now_ns=NOW + days * DAY, **options)


def minutes(lake: Path, path: Path, days: int = 0, **options: Any) -> ImportReport:
    """Import minute bars, of which there may be too few to see that they are minutes."""
    return load(lake, path, days, written=VendorFormat(frame="1min"), **options)


def load_table(lake: Path, table: str, rows: Sequence[Mapping[str, Any]], **options: Any) -> ImportReport:
    """Import facts about securities."""
    path = lake.parent / f"{table}.parquet"
    pl.DataFrame(rows).write_parquet(path)
    options.setdefault("vendor", "acme")
    return import_table(lake, path, table, now_ns=NOW, **options)
