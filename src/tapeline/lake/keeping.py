"""Looking after a lake: fewer and larger files, old bars let go, old commits forgotten.

    compact   one file per period, sorted anew; of a corrected bar only the newest revision
    remove    bars of some symbols, or before a day; later commits do not have them
    retain    forget commits older than some days that no snapshot names, and remove the files only they needed

Nothing that a snapshot names is ever removed: its commit keeps the versions of its tables, and a version its files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from tapeline.domain.errors import InputError
from tapeline.domain.times import DAY
from tapeline.lake.bars import Choice, chosen_bars
from tapeline.lake.commits import forget, numbers, read_commit
from tapeline.lake.loading import write_files
from tapeline.lake.snapshots import kept_commits
from tapeline.lake.writing import Transaction, sweep


@dataclass(frozen=True)
class Compacted:
    """Files before and after, and revisions that were folded into newer ones."""

    files_before: int
    files_after: int
    folded: int


@dataclass(frozen=True)
class Retained:
    """Commits that were forgotten, that were kept for a snapshot, and files that were removed."""

    forgotten: int
    kept_for_snapshots: int
    files_removed: int


def compact(folder: Path, now_ns: int) -> Compacted:
    """Write each period of bars that has several files, or corrections, into one; the quarantine into one."""
    before = after = folded = 0
    with Transaction.begin(folder, now_ns) as transaction:
        for name in [name for name in transaction.base.tables if name.startswith("bars/")]:
            table, files = transaction.table(name), list(transaction.files(name))
            before += len(files)
            for period in sorted({file.period for file in files if file.period}):
                mine = [file for file in files if file.period == period]
                if len(mine) == 1:
                    continue
                rows = chosen_bars(table, mine, Choice(), tuple(table.kind.columns)).sort("security", "start")
                folded += sum(file.rows for file in mine) - rows.height
                transaction.remove(name, mine)
                # The newest revision keeps its number: it says how often the bar was corrected.
                write_files(transaction, name, [(period, rows)])
            after += len(transaction.files(name))
        if len(transaction.files("quarantine")) > 1:
            transaction.replace("quarantine", transaction.frame("quarantine"))
        if before != after or folded:
            transaction.commit(f"compaction, {before} files into {after}")
    return Compacted(before, after, folded)


def remove_bars(
    folder: Path, now_ns: int, *, frame: str, before: date | None = None, securities: Sequence[str] | None = None
) -> int:
    """Leave bars before a day, or of some securities, or both, out of later commits; return how many."""
    if before is None and not securities:
        raise InputError("Nothing was said to remove. Give a day with --before, symbols, or both.")
    removed = 0
    with Transaction.begin(folder, now_ns) as transaction:
        name = f"bars/{frame}"
        if name not in transaction.base.tables:
            raise InputError(f"Lake {folder} has no bars of {frame}. See `tapeline data list`.")
        table = transaction.table(name)
        for file in list(transaction.files(name)):
            if before is not None and file.first is not None and file.first >= before:
                continue
            rows = table.rows([file])
            gone = pl.lit(value=True)
            if before is not None:
                gone &= pl.col("session") < before
            if securities:
                gone &= pl.col("security").is_in(list(securities))
            kept = rows.filter(~gone)
            if kept.height == rows.height:
                continue
            removed += rows.height - kept.height
            transaction.remove(name, [file])
            if kept.height:
                transaction.add(name, kept, file.period)
        if removed:
            transaction.commit(f"removal of {removed} bars from {name}")
    return removed


def retain(folder: Path, now_ns: int, keep_days: int) -> Retained:
    """Forget old commits, but never the newest nor those that a snapshot names; remove files nobody needs.

    keep_days : how long a commit without a name can still be read; a run that began on one must end within
    """
    if keep_days < 0:
        raise InputError(f"Keeping commits for {keep_days} days is not possible. Give 0 or more.")
    with Transaction.begin(folder, now_ns) as transaction:
        known = numbers(folder)
        named = kept_commits(transaction.frame("snapshots"))
        old = [number for number in known[:-1] if read_commit(folder, number).time_ns < now_ns - keep_days * DAY]
        forgotten = [number for number in old if number not in named]
        for number in forgotten:
            forget(folder, number)
        removed = sweep(folder)
    return Retained(len(forgotten), len(old) - len(forgotten), removed)
