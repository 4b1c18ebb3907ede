"""Bars that are filed under a security when the history of symbols says something new about it.

Bars keep the security, not the symbol they came by. The symbol is found again by the history that they were filed by;
the new history then says whose they are. Nobody's bars change hands unless a correction was asked for.
"""

from __future__ import annotations

import polars as pl

from tapeline.domain.errors import DataError
from tapeline.lake.symbols import SymbolHistory
from tapeline.lake.table import collect
from tapeline.lake.writing import Transaction


def refile(
    transaction: Transaction, before: SymbolHistory, after: SymbolHistory, changed: set[str], *, correct: bool
) -> int:
    """File stored bars under the securities that a new history gives them to; return how many moved.

    changed : the symbols of which the new history says something else
    Raises DataError if bars would move and that was not asked for, or if nobody used their symbol any more.
    """
    concerned = changed | before.securities_of(changed)
    moved_count = 0
    for name in [name for name in transaction.base.tables if name.startswith("bars/")]:
        table = transaction.table(name)
        for file in list(transaction.files(name)):
            path = table.folder / file.path
            rows = pl.scan_parquet(path, glob=False).filter(pl.col("security").is_in(sorted(concerned)))
            days = collect(rows.select("security", "session").unique(), table.folder)
            if not days.height:
                continue
            came_by = [before.symbol_of(security, day) for security, day in days.iter_rows()]
            now = after.assign(days.select("session", symbol=pl.Series(came_by)), f"The lake's {name}")
            moves = days.with_columns(now=now["security"]).filter(pl.col("now") != pl.col("security"))
            if not moves.height:
                continue
            if not correct:
                security, day, owner = moves.sort("security", "session").row(0)
                raise DataError(
                    f"The lake has bars of {security} on {day} as security {security}, which by this history were "
                    f"{owner}'s. Import it with --correct to file them under {owner}; snapshots keep them as they are."
                )
            bars = table.rows([file]).join(moves, on=["security", "session"], how="left", maintain_order="left")
            moved_count += int(bars["now"].is_not_null().sum())
            bars = bars.with_columns(security=pl.coalesce("now", "security")).drop("now").sort("security", "start")
            transaction.remove(name, [file])
            transaction.add(name, bars, file.period)
    return moved_count
