"""How fast the quality gate is, alone: bars per second over a quarter of real minutes.

    TAPELINE_SHARED=... python benchmarks/bench_quality.py [PACK] [FRAME]

Reading and writing are not in it. Other programs on the machine make the wall clock longer, so the best of several
passes counts, and processor time is shown beside it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import polars as pl

from tapeline.domain.times import DAY, parse_frame
from tapeline.tape.calendars import sessions
from tapeline.tape.quality import check_bars
from tapeline.tape.rows import FIELDS

PASSES = 9


def main() -> None:
    """Print the best pass."""
    shared = Path(os.environ.get("TAPELINE_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    pack = sys.argv[1] if len(sys.argv) > 1 else "minute_us_2018"
    frame_ns = parse_frame(sys.argv[2] if len(sys.argv) > 2 else "1min")
    table = pl.read_parquet(shared / "data" / f"{pack}.parquet")
    start = pl.col("date").cast(pl.Int32).cast(pl.Int64) * DAY if frame_ns >= DAY else pl.col("ts").dt.epoch("ns")
    bars = table.select(
        "symbol", start.alias("start_ns"), pl.col(*FIELDS).cast(pl.Float64), pl.int_range(pl.len()).alias("row")
    ).rechunk()
    calendar = sessions("XNYS")
    wall, processor = [], []
    for _ in range(PASSES):
        began, began_processor = time.perf_counter(), time.process_time()
        gate = check_bars(bars, frame_ns=frame_ns, sessions=calendar)
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - began_processor)
    print(f"{pack}: {len(bars):,} bars of {len(gate.report.symbols):,} symbols, {PASSES} passes")
    for name, seconds in (("wall", min(wall)), ("processor", min(processor))):
        print(f"  {name:9}  best {seconds * 1e3:7.0f} ms   {len(bars) / seconds / 1e6:6.1f} M bars/s")


if __name__ == "__main__":
    main()
