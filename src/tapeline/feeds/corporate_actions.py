"""Splits and dividends from a Parquet or CSV file: columns symbol, date, dividend, split_ratio.

`date` is the ex-date; `dividend` is in currency per share as paid, 0 or empty = none; `split_ratio` is new shares for
an old one, 1 = none. A row may have both. A ratio such as 1.068833 is a spin-off: the value that left with it,
expressed in shares of what remains. Taken as a split it keeps the value of a holding, as if the shares of the new
company had been sold at its first price and the money put back; what is less than a share is paid out. A ratio that a
table had to round, such as 0.333333333333, is taken for what it means: one for three.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from tapeline.domain.corporate import CashDividend, CorporateAction, split_by_ratio
from tapeline.domain.errors import ConfigurationError, DataError
from tapeline.domain.money import exact
from tapeline.feeds.table_files import DAY, NUMBER, TEXT, read_table

"""From so many digits on, a ratio within half of its last one of a fraction with so small a denominator is that one."""

COLUMNS = {"symbol": TEXT, "date": DAY, "dividend": NUMBER, "split_ratio": NUMBER}


def read_corporate_actions(
    path: str | Path,
    *,
    symbols: Sequence[str] | None = None,
    first: date | None = None,
    last: date | None = None,
) -> list[CorporateAction]:
    """Return the dividends and splits of a file, by ex-date, symbol, and the dividend before the split.

    symbols : whose; None = of all; first, last : ex-dates, both included; None leaves that side open
    Raises DataError, naming the row, for an amount that is none.
    """
    table = (
        read_table(Path(path), COLUMNS, may_be_empty=("dividend",)).with_row_index("row").cast({"symbol": pl.String})
    )
    for name in ("dividend", "split_ratio"):
        table = table.with_columns(pl.col(name).cast(pl.Float64).fill_null(0.0))
    if symbols is not None:
        table = table.filter(pl.col("symbol").is_in(list(symbols)))
    if first is not None:
        table = table.filter(pl.col("date") >= first)
    if last is not None:
        table = table.filter(pl.col("date") <= last)
    twice = table.filter(table.select("symbol", "date").is_duplicated())
    if len(twice):
        raise DataError(
            f"{path} has {twice['symbol'][0]} on {twice['date'][0]} in rows {twice['row'][0]} and {twice['row'][1]}."
            " Keep one row for a symbol and day."
        )
    actions: list[CorporateAction] = []
    for row, symbol, ex, dividend, ratio in table.sort("date", "symbol").iter_rows():
        try:
            actions += _actions(symbol, ex, dividend, ratio)
        except (ConfigurationError, ValueError) as exc:
            raise DataError(f"Row {row} of {path}: {exc} Mend it there, or leave the row out.") from exc
    return actions


def _actions(symbol: str, ex: date, dividend: float, ratio: float) -> list[CorporateAction]:
    found: list[CorporateAction] = []
    if dividend != 0.0:
        found.append(CashDividend(symbol, ex, _amount(dividend)))
    if ratio != 1.0:
        found.append(split_by_ratio(symbol, ex, _amount(ratio)))
    return found


def _amount(value: float) -> Decimal:
    return exact(value) if abs(value) < float("inf") else Decimal("NaN")
