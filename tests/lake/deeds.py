"""What the crash tests do to a lake, in this process or in one that is killed meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl

from tapeline.app.lake_import import import_bars
from tapeline.domain.times import DAY, from_iso
from tapeline.lake.keeping import compact, retain

LATER = from_iso("2024-05-01T12:00:00Z") + 3 * DAY


class Verdict(NamedTuple):
    """A gate's word: everything but the last row is good."""

    good: pl.DataFrame
    quarantined: pl.DataFrame
    report: None = None


def all_but_the_last_row(frame: pl.DataFrame, **_: object) -> Verdict:
    """Judge by place."""
    last = pl.col("row") == frame.height - 1
    return Verdict(frame.filter(~last), frame.filter(last).with_columns(reasons=pl.lit("last")))


def load_next(lake: Path) -> None:
    """Load the file beside the lake: new bars, bars that are there, a correction, and one for the quarantine."""
    path = lake.parent / "next.parquet"
    import_bars(lake, path, now_ns=LATER, vendor="acme", correct=True, gate=all_but_the_last_row)


DEEDS = {
    "load": load_next,
    "compact": lambda lake: compact(lake, LATER),
    "retain": lambda lake: retain(lake, LATER, 0),
}
