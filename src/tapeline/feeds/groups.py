"""What symbols have in common, from a Parquet or CSV file: a column symbol and a column of text for each grouping.

    groups = read_groups("sectors.parquet", panel.symbols)      # {"sector": ["Energy", None, ...]}
    backtest(strategy, panel, groups=groups)                    # rank.demean(by="sector") works

A symbol that is not in the file, or has no text, is in no group.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tapeline.domain.errors import DataError
from tapeline.feeds.table_files import TEXT, read_table, scan

Groups = dict[str, list[str | None]]


def read_groups(path: str | Path, symbols: Sequence[str]) -> Groups:
    """Return for each grouping of a file the label of each symbol. Raises DataError for a symbol that stands twice."""
    path = Path(path)
    symbol = read_table(path, {"symbol": TEXT})["symbol"].cast(pl.String)
    names = [name for name, kind in scan(path).collect_schema().items() if name != "symbol" and kind == pl.String]
    if not names:
        raise DataError(f"{path} has no grouping: no column of text beside symbol. Add one, such as sector.")
    if symbol.n_unique() < len(symbol):
        twice = symbol.filter(symbol.is_duplicated())[0]
        raise DataError(f"{path} has {twice} in several rows. Keep one row for a symbol.")
    table = read_table(path, dict.fromkeys(names, TEXT), may_be_empty=tuple(names))
    rows = {name: row for row, name in enumerate(symbol)}
    return {name: [table[name][rows[one]] if one in rows else None for one in symbols] for name in names}
