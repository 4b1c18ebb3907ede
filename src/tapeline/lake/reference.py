"""Facts about securities: corporate actions, what symbols meant, who was in an index, and in which sector.

Each is a small table whose rows have a key. A row that is there already is left as it is; one that says something else
under the same key is a correction, which has to be asked for. Earlier commits keep what they said.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation

import polars as pl

from tapeline.domain.corporate import CashDividend, CorporateAction, Split, split_by_ratio
from tapeline.domain.errors import ConfigurationError, DataError, InputError, UnknownNameError
from tapeline.lake.layout import REFERENCE
from tapeline.lake.loading import Stored
from tapeline.lake.refiling import refile
from tapeline.lake.symbols import SymbolHistory
from tapeline.lake.writing import Transaction


def store_reference(
    transaction: Transaction, table: str, rows: pl.DataFrame, *, vendor: str, load: int, source: str, correct: bool
) -> Stored:
    """Store rows of a table of facts within a transaction.

    rows : its columns without vendor and load; what is left out is empty
    Raises UnknownNameError for another table, DataError for rows that contradict themselves or what is stored.
    """
    if table not in REFERENCE:
        raise UnknownNameError("table", table, REFERENCE, where="what a lake can import")
    kind = REFERENCE[table]
    own = {name: dtype for name, dtype in kind.columns.items() if name not in ("vendor", "load")}
    missing = [name for name in own if name not in rows.columns]
    new = rows.with_columns(pl.lit(None, own[name]).alias(name) for name in missing).select(*own).cast(own)  # type: ignore[arg-type]
    empty = new.filter(pl.any_horizontal(pl.col(name).is_null() for name in kind.key))
    if empty.height:
        raise DataError(
            f"{source} has {empty.height:,} rows of {table} without {' or '.join(kind.key)}, first "
            f"{_shown(empty, own)}. Fill them, or map the columns with --columns."
        )
    new = new.unique(maintain_order=True)
    twice = new.filter(new.select(*kind.key).is_duplicated())
    if twice.height:
        raise DataError(
            f"{source} says two things of one key of {table}: {_shown(twice, own)}. Keep the one that is right."
        )
    old = transaction.frame(table)
    both = new.join(
        old.rename({name: f"old_{name}" for name in own if name not in kind.key}), on=list(kind.key), how="left",
        maintain_order="left",
    )  # fmt: skip
    values = [name for name in own if name not in kind.key]
    known = pl.col("load").is_not_null()
    differs = known & ~pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"old_{name}")) for name in values)
    changed = both.filter(differs)
    if changed.height and not correct:
        row = changed.row(0, named=True)
        field = next(name for name in values if row[name] != row[f"old_{name}"])
        raise DataError(
            f"{source} says {field} {row[field]} for {_shown(changed, {name: own[name] for name in kind.key})}, where "
            f"the lake has {row[f'old_{field}']} in {table}. Import it with --correct if it is right."
        )
    fresh = both.filter(differs | ~known).select(*own).with_columns(vendor=pl.lit(vendor), load=pl.lit(load, pl.Int64))
    stored = Stored(fresh.height - changed.height, new.height - fresh.height, changed.height)
    whole = pl.concat([old.join(fresh, on=list(kind.key), how="anti"), fresh]).sort(*kind.key)
    if table == "corporate_actions":
        _check_actions(fresh, source)
    if table == "symbol_history":
        refile(transaction, SymbolHistory(old), SymbolHistory(whole), set(fresh["symbol"]), correct=correct)
    if fresh.height:
        transaction.replace(table, whole)
    return stored


def actions_of(
    table: pl.DataFrame,
    history: SymbolHistory,
    names: dict[str, str],
    first: date | None,
    last: date | None,
    source: str,
) -> list[CorporateAction]:
    """Return the corporate actions of some securities under the names they are asked by, oldest first."""
    rows = table if first is None else table.filter(pl.col("ex") >= first)
    rows = rows if last is None else rows.filter(pl.col("ex") <= last)
    if not rows.height:
        return []
    rows = history.assign(rows.with_columns(session=pl.col("ex")), source)
    rows = rows.filter(pl.col("security").is_in(list(names))).sort("ex", "security", "kind")
    return [_action({**row, "symbol": names[row["security"]]}) for row in rows.iter_rows(named=True)]


def members_on(table: pl.DataFrame, index: str, day: date, source: str) -> tuple[str, ...]:
    """Return the symbols that an index had on a day, by name."""
    known = table["index"].unique().to_list()
    if index not in known:
        raise UnknownNameError("index", index, known, where=source)
    inside = (
        (pl.col("index") == index) & (pl.col("first") <= day) & (pl.col("last").is_null() | (pl.col("last") >= day))
    )
    return tuple(table.filter(inside)["symbol"].unique().sort())


def sectors_on(table: pl.DataFrame, day: date, scheme: str | None, source: str) -> dict[str, str]:
    """Return the sector of each symbol by what was known on a day."""
    known = table["scheme"].unique().sort().to_list()
    if scheme is None and len(known) > 1:
        raise InputError(f"{source} has sectors by {', '.join(known)}. Say which with scheme=...")
    if scheme is not None and scheme not in known:
        raise UnknownNameError("scheme", scheme, known, where=source)
    rows = table if scheme is None else table.filter(pl.col("scheme") == scheme)
    rows = rows.filter((pl.col("first") <= day) & pl.col("sector").is_not_null()).sort("symbol", "first")
    rows = rows.unique("symbol", keep="last", maintain_order=True)
    return dict(zip(rows["symbol"], rows["sector"], strict=True))


def _action(row: dict[str, object]) -> CorporateAction:
    symbol, ex, kind = str(row["symbol"]), row["ex"], row["kind"]
    assert isinstance(ex, date)
    if kind == "split":
        new = Decimal(str(row["new"]))
        return Split(symbol, ex, new, Decimal(str(row["old"]))) if row["old"] else split_by_ratio(symbol, ex, new)
    return CashDividend(symbol, ex, Decimal(str(row["amount"])))


def _check_actions(rows: pl.DataFrame, source: str) -> None:
    for row in rows.iter_rows(named=True):
        if row["kind"] not in ("split", "dividend"):
            raise DataError(
                f"{source} has a corporate action {row['kind']!r} of {row['symbol']} on {row['ex']}; known are split "
                "and dividend. Leave it out, or map its kind."
            )
        try:
            _action(row)
        except (InvalidOperation, ConfigurationError) as exc:
            needed = "new (and old) as shares" if row["kind"] == "split" else "amount per share"
            raise DataError(
                f"{source} has a {row['kind']} of {row['symbol']} on {row['ex']} that is none: {needed} must be above "
                f"zero, found new {row['new']}, old {row['old']}, amount {row['amount']}. Correct the row."
            ) from exc


def _shown(rows: pl.DataFrame, columns: dict[str, pl.DataType]) -> str:
    row = rows.row(0, named=True)
    return ", ".join(f"{name} {row[name]}" for name in columns if row[name] is not None)
