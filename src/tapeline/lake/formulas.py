"""Values of a formula kept in the lake, by the formula's version and the commit that they were computed from.

A formula's version is a hash of its whole definition, so values never outlive a change of meaning: another definition
is another table. They are read back bit for bit, missing values included.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from tapeline.domain.errors import InputError
from tapeline.domain.panel import Floats, Panel, Times
from tapeline.formula.node import Node
from tapeline.lake.commits import newest
from tapeline.lake.lake import Lake
from tapeline.lake.layout import FORMULA, kind_of
from tapeline.lake.table import Table, collect
from tapeline.lake.writing import Transaction


class FormulaValues(NamedTuple):
    """Values of a formula: float64 [T, N], NaN where unknown; symbols : N names; end_ns : int64 [T]."""

    symbols: tuple[str, ...]
    end_ns: Times
    values: Floats


def store_values(lake: Lake, formula: Node, panel: Panel, values: Floats, now_ns: int) -> None:
    """Keep the values of a formula over a panel that was read from the lake at this commit.

    values : float64 [T, N] as `compute` gives them; values kept earlier for the same commit are replaced
    """
    if values.shape != panel.close.shape:
        raise InputError(
            f"Values of shape {values.shape} do not belong to a panel of shape {panel.close.shape}. Give those that "
            "were computed over it."
        )
    count, width = values.shape
    rows = pl.DataFrame(
        {
            "symbol": np.repeat(np.array(panel.symbols, dtype=object), count).tolist(),
            "end_ns": np.tile(panel.end_ns, width),
            "value": np.ascontiguousarray(values.T).reshape(-1),
        }
    ).with_columns(data=pl.lit(_data(lake)))
    name = _table(formula)
    with Transaction.begin(lake.folder, now_ns) as transaction:
        others = [
            file for file in transaction.files(name) if transaction.table(name).rows([file])["data"][0] != _data(lake)
        ]
        transaction.remove(name, [file for file in transaction.files(name) if file not in others])
        transaction.add(name, rows.select(*FORMULA.columns))
        transaction.commit(f"values of formula {formula.version}")


def read_values(lake: Lake, formula: Node) -> FormulaValues:
    """Return the kept values of a formula for the lake's commit. Raises InputError if there are none.

    They may have been stored after the lake was opened: what counts is the commit they were computed from.
    """
    name = _table(formula)
    table = Table(lake.folder / name, kind_of(name))
    paths = [table.folder / file.path for file in table.files(newest(lake.folder).tables.get(name))]
    rows = None
    if paths:
        rows = collect(pl.scan_parquet(paths, glob=False).filter(pl.col("data") == _data(lake)), table.folder)
    if rows is None or not rows.height:
        raise InputError(
            f"{lake.name[0].upper()}{lake.name[1:]} has no values of formula {formula.version}. Compute it over its "
            "bars and store the values."
        )
    runs = rows["symbol"].rle().struct.unnest()
    symbols = tuple(runs["value"].to_list())
    count = int(runs["len"][0])
    end_ns: Times = rows["end_ns"].to_numpy()[:count].copy()
    values = np.ascontiguousarray(rows["value"].to_numpy().reshape(len(symbols), count).T)
    return FormulaValues(symbols, end_ns, values)


def _table(formula: Node) -> str:
    return f"formulas/{formula.version}"


def _data(lake: Lake) -> str:
    return str(lake.commit.number)
