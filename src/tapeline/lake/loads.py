"""Where stored rows come from: one record per load, and what a load may not change without being told."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tapeline.domain.errors import DataError
from tapeline.lake.layout import LOADS, QUARANTINE, TIME
from tapeline.lake.loading import Stored
from tapeline.lake.writing import Transaction


@dataclass(frozen=True)
class Provenance:
    """A load in the words of whoever asked for it.

    kind : what was loaded: "bars 1min", "corporate_actions", ...
    source : the file; sha256 : of its bytes, 64 hexadecimal digits; columns : its column names
    request : every option, as plain values; written as JSON
    """

    kind: str
    vendor: str
    source: str
    sha256: str
    columns: tuple[str, ...]
    request: Mapping[str, Any] = field(default_factory=dict)


def next_load(transaction: Transaction) -> int:
    """Return the number of the next load, from 1 on."""
    loads = transaction.frame("loads")
    return int(loads["load"].max() or 0) + 1  # type: ignore[arg-type]  # whole numbers, by LOADS


def last_of(loads: pl.DataFrame, kind: str, vendor: str) -> dict[str, Any] | None:
    """Return the newest load of a kind from a vendor, None if there is none."""
    rows = loads.filter((pl.col("kind") == kind) & (pl.col("vendor") == vendor)).sort("load")
    return rows.row(-1, named=True) if rows.height else None


def record(
    transaction: Transaction,
    load: int,
    provenance: Provenance,
    rows_read: int,
    stored: Stored,
    quarantined: pl.DataFrame,
) -> None:
    """Write a load and what it left out; quarantined : columns of the table of that name that are known."""
    one = pl.DataFrame(
        {
            "load": load,
            "time": transaction.now_ns // 1_000,
            "kind": provenance.kind,
            "vendor": provenance.vendor,
            "source": provenance.source,
            "sha256": provenance.sha256,
            "request": json.dumps(provenance.request, sort_keys=True),
            "source_columns": json.dumps(provenance.columns),
            "rows_read": rows_read,
            "rows_good": rows_read - quarantined.height,
            "rows_quarantined": quarantined.height,
            "rows_same": stored.same,
            "rows_corrected": stored.corrected,
        }
    ).with_columns(pl.col("time").cast(TIME))
    transaction.replace("loads", pl.concat([transaction.frame("loads"), one.cast(LOADS.columns)]))  # type: ignore[arg-type]
    if quarantined.height:
        empty = [pl.lit(None, dtype).alias(name) for name, dtype in QUARANTINE.columns.items()
                 if name not in (*quarantined.columns, "load")]  # fmt: skip
        rows = quarantined.with_columns(*empty, pl.lit(load, pl.Int64).alias("load"))
        transaction.add("quarantine", rows.select(*QUARANTINE.columns).cast(QUARANTINE.columns))  # type: ignore[arg-type]


def refuse_changed_columns(earlier: Mapping[str, Any], columns: Sequence[str], source: str) -> None:
    """Raise DataError if a vendor's file has other columns than the vendor's last load."""
    before = json.loads(earlier["source_columns"])
    gone = [name for name in before if name not in columns]
    new = [name for name in columns if name not in before]
    if not gone and not new:
        return
    changes = []
    if gone:
        changes.append(f"{', '.join(map(repr, gone))} {'is' if len(gone) == 1 else 'are'} missing")
    if new:
        changes.append(f"{', '.join(map(repr, new))} {'is' if len(new) == 1 else 'are'} new")
    near = [(old, found) for old in gone for found in difflib.get_close_matches(old, new, n=1, cutoff=0.3)]
    hint = f" such as {near[0][0]}={near[0][1]}" if near else ""
    raise DataError(
        f"{source} has other columns than the last load of vendor {earlier['vendor']} (load {earlier['load']}): "
        f"{' and '.join(changes)}. If that is right, say what they are with --columns{hint}; nothing was imported."
    )
