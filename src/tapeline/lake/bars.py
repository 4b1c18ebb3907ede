"""Reading bars: which files, which rows, which revision.

Files whose sessions lie outside the period are not opened, row groups of other securities not unpacked. A corrected
bar is a further row with a higher revision; only the periods that have one are looked through for the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from tapeline.domain.panel import Floats
from tapeline.domain.times import DAY
from tapeline.lake.layout import overlaps
from tapeline.lake.table import StoredFile, Table, collect
from tapeline.tape.rows import FIELDS, BarRows

_ROW = ("security", "start", *FIELDS)


@dataclass(frozen=True)
class Choice:
    """Which bars are wanted: of which securities, in which sessions; None is all."""

    securities: tuple[str, ...] | None = None
    first: date | None = None
    last: date | None = None


def chosen_files(files: Sequence[StoredFile], choice: Choice) -> list[StoredFile]:
    """Return the files that can have chosen bars."""
    return [file for file in files if overlaps(file.first, file.last, choice.first, choice.last)]


def chosen_bars(
    table: Table,
    files: Sequence[StoredFile],
    choice: Choice,
    columns: Sequence[str] = _ROW,
    *,
    every_revision: bool = False,
) -> pl.DataFrame:
    """Return chosen bars of some files of a table, period by period, in each file by security and time.

    every_revision : with the rows that were corrected later, and a column `revision`
    """
    files = chosen_files(files, choice)
    # A period in one file has each bar once, however often it was corrected before it was compacted.
    shared = {earlier.period for earlier, later in pairwise(files) if earlier.period == later.period}
    corrected = {file.period for file in files if file.revision} & shared
    plain = [file for file in files if every_revision or file.period not in corrected]
    wanted = [*columns, *(["revision"] if every_revision and "revision" not in columns else [])]
    parts = [_scan(table.folder, part, choice, wanted) for part in _by_edge(plain, choice)]
    if not every_revision and corrected:
        several = [file for file in files if file.period in corrected]
        rows = _scan(table.folder, several, choice, list(dict.fromkeys([*columns, "security", "start", "revision"])))
        newest = rows.sort("security", "start", "revision").unique(
            ["security", "start"], keep="last", maintain_order=True
        )
        parts.append(newest.select(columns))
    if not parts:
        return pl.DataFrame(schema={name: table.kind.columns[name] for name in wanted})
    return parts[0] if len(parts) == 1 else pl.concat(parts, rechunk=False)


def rows_of(frame: pl.DataFrame, names: dict[str, str], frame_ns: int, source: str) -> BarRows:
    """Return bars as checked rows under the names that they were asked by.

    frame : with the columns of `chosen_bars`; names : by security, in the order of the columns of a panel
    """
    number = {security: place for place, security in enumerate(names)}
    runs = frame["security"].rle().struct.unnest()
    codes = np.array([number[security] for security in runs["value"].to_list()], dtype=np.int32)
    code = np.repeat(codes, runs["len"].to_numpy())

    def column(name: str) -> Floats:
        values: Floats = frame[name].to_numpy()
        return values

    def locate(row: int) -> str:
        return f"row {row} of what was chosen from {source}"

    label_ns: npt.NDArray[np.int64] = frame["start"].to_physical().to_numpy() * 1_000
    return BarRows(
        tuple(names.values()), code, label_ns, column, source, locate, daily=frame_ns >= DAY, frame_ns=frame_ns,
        checked=True,
    )  # fmt: skip


def _by_edge(files: list[StoredFile], choice: Choice) -> list[list[StoredFile]]:
    """Return the files in runs that are wholly inside the period, or not: inside, days need no look."""
    runs: list[list[StoredFile]] = []
    for file in files:
        if runs and _inside(runs[-1][-1], choice) == _inside(file, choice):
            runs[-1].append(file)
        else:
            runs.append([file])
    return runs


def _inside(file: StoredFile, choice: Choice) -> bool:
    low = choice.first is None or (file.first is not None and file.first >= choice.first)
    return low and (choice.last is None or (file.last is not None and file.last <= choice.last))


def _scan(folder: Path, files: list[StoredFile], choice: Choice, columns: Sequence[str]) -> pl.DataFrame:
    conditions = []
    if not all(_inside(file, choice) for file in files):
        if choice.first == choice.last and choice.first is not None:
            conditions.append(pl.col("session") == choice.first)
        else:
            conditions += [pl.col("session") >= choice.first] if choice.first else []
            conditions += [pl.col("session") <= choice.last] if choice.last else []
    if choice.securities is not None:
        one = len(choice.securities) == 1
        security = pl.col("security")
        conditions.append(security == choice.securities[0] if one else security.is_in(list(choice.securities)))
    paths = [folder / file.path for file in files]
    rows = pl.scan_parquet(paths, glob=False, parallel="prefiltered" if conditions else "auto")
    return collect(rows.filter(*conditions).select(columns), folder)
