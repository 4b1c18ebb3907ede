"""From a Parquet file of base bars and a calendar to the plain lists that the rules read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from screener.reference.bars import BaseBar, Session

COLUMNS = ("open", "high", "low", "close", "volume")


@lru_cache
def _calendar(name: str, first_year: int, last_year: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import exchange_calendars

        return exchange_calendars.get_calendar(name, start=f"{first_year}-01-01", end=f"{last_year}-12-31")


def sessions_between(first: date, last: date, name: str = "XNYS") -> list[Session]:
    """Return the sessions of a calendar dated first..last, from the exchange_calendars library."""
    days = _calendar(name, first.year, last.year).schedule.loc[str(first) : str(last)]
    return [Session(opens.value, closes.value) for opens, closes in zip(days["open"], days["close"], strict=True)]


def read(path: Path, symbols: list[str] | None = None) -> tuple[list[Session], Iterator[tuple[str, list[BaseBar]]]]:
    """Return the sessions that a file spans, and its symbols one after the other with their base bars.

    The file names bars by their start, in UTC, and is sorted by symbol and time.
    """
    table = pl.read_parquet(path).with_columns(pl.col("ts").dt.epoch("ns").alias("start"), pl.col("volume").cast(float))
    if symbols is not None:
        table = table.filter(pl.col("symbol").is_in(symbols))
    first, last = table["ts"].min(), table["ts"].max()
    return sessions_between(first.date(), last.date()), _each(table)


def _each(table: pl.DataFrame) -> Iterator[tuple[str, list[BaseBar]]]:
    for (name,), rows in table.group_by("symbol", maintain_order=True):
        yield str(name), [BaseBar(*row) for row in rows.select("start", *COLUMNS).iter_rows()]
