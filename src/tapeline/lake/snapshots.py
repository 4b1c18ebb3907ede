"""Names for commits that must stay: what a result was made from can be read again as long as its snapshot is kept."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.domain.times import to_iso
from tapeline.lake.commits import Commit, read_commit
from tapeline.lake.layout import SNAPSHOTS, TIME
from tapeline.lake.writing import Transaction

_NAME = re.compile(r"^[A-Za-z][\w.-]*$")


def commit_of(folder: Path, snapshots: pl.DataFrame, name: str) -> Commit:
    """Return the commit that a snapshot names. Raises InputError for one that was dropped or never taken."""
    kept = snapshots.filter(pl.col("dropped").is_null())
    found = kept.filter(pl.col("name") == name)
    if found.height:
        return read_commit(folder, int(found["commit"][0]))
    gone = snapshots.filter(pl.col("name") == name)
    if gone.height:
        when = to_iso(gone["dropped"].dt.epoch("ns").sort()[-1])[:10]
        others = ", ".join(kept["name"].sort()[:12]) or "none"
        raise InputError(
            f"Snapshot {name!r} of lake {folder} is gone: it was dropped on {when}. Kept are: {others}. Choose one "
            "of these, or run on the newest bars and take a new snapshot."
        )
    raise UnknownNameError("snapshot", name, kept["name"].to_list(), where=f"lake {folder}")


def take_snapshot(folder: str | Path, name: str, now_ns: int, note: str = "") -> Commit:
    """Give the newest commit a name that keeps it; return that commit. Raises InputError for a name in use."""
    if not _NAME.match(name):
        raise InputError(
            f"Snapshot name {name!r} cannot be used: begin with a letter, then letters, digits, dots, dashes. "
            "Choose another."
        )
    folder = Path(folder)
    with Transaction.begin(folder, now_ns) as transaction:
        snapshots = transaction.frame("snapshots")
        if name in snapshots.filter(pl.col("dropped").is_null())["name"]:
            raise InputError(
                f"Snapshot {name!r} of lake {folder} is there already. Choose another name, or drop it first."
            )
        base = transaction.base
        if not base.number:
            raise InputError(f"Lake {folder} is empty, there is nothing to name. Import bars first.")
        row = pl.DataFrame(
            {"name": [name], "commit": [base.number], "taken": [now_ns // 1_000], "note": [note], "dropped": [None]}
        ).with_columns(pl.col("taken", "dropped").cast(TIME))
        transaction.replace("snapshots", pl.concat([snapshots, row.cast(SNAPSHOTS.columns)]))  # type: ignore[arg-type]
        transaction.commit(f"snapshot {name}")
        return base


def drop_snapshot(folder: Path, name: str, now_ns: int) -> None:
    """Let go of a snapshot; what only it needed is removed by the next retention."""
    with Transaction.begin(folder, now_ns) as transaction:
        snapshots = transaction.frame("snapshots")
        commit_of(folder, snapshots, name)
        mine = (pl.col("name") == name) & pl.col("dropped").is_null()
        dropped = pl.when(mine).then(pl.lit(now_ns // 1_000).cast(TIME)).otherwise(pl.col("dropped"))
        transaction.replace("snapshots", snapshots.with_columns(dropped=dropped))
        transaction.commit(f"snapshot {name} dropped")


def kept_commits(snapshots: pl.DataFrame) -> set[int]:
    """Return the numbers of the commits that snapshots keep."""
    return set(snapshots.filter(pl.col("dropped").is_null())["commit"].to_list())
