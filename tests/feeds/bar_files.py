"""Small Parquet files of bars for tests; a test names only what matters to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

MONDAY_OPEN = datetime(2018, 7, 2, 13, 30, tzinfo=UTC)  # 09:30 New York; Tuesday is a half day, Wednesday closed


def bars(
    *symbols: str,
    start: datetime = MONDAY_OPEN,
    step: timedelta = timedelta(minutes=1),
    count: int = 5,
    price: float = 10.0,
) -> pl.DataFrame:
    """Return `count` valid bars of each symbol, one step apart, sorted by symbol and time."""
    number = pl.int_range(count, eager=True).cast(pl.Float64)
    one = pl.DataFrame(
        {
            "ts": pl.Series([start + step * k for k in range(count)], dtype=pl.Datetime("us", "UTC")),
            "open": price + 0.01 * number,
            "high": price + 0.01 * number + 0.05,
            "low": price + 0.01 * number - 0.05,
            "close": price + 0.01 * number + 0.02,
            "volume": pl.int_range(100, 100 + count, eager=True),
        }
    ).with_columns(pl.col(pl.Float64).round(2))
    return pl.concat([one.select(pl.lit(symbol).alias("symbol"), pl.all()) for symbol in symbols or ("AAA",)])


def with_value(frame: pl.DataFrame, row: int, column: str, value: object) -> pl.DataFrame:
    """Return the bars with one value replaced."""
    here = pl.int_range(pl.len()) == row
    return frame.with_columns(pl.when(here).then(pl.lit(value)).otherwise(pl.col(column)).alias(column))


def write(frame: pl.DataFrame, path: Path) -> Path:
    """Write a Parquet file and return its path."""
    frame.write_parquet(path)
    return path
