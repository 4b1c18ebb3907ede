"""Time the report of a run: more than 10,000 round trips on ten years of 500 symbols, daily.

    python benchmarks/bench_report.py        prints one JSON line

first_s, steady_s : wall time of the first page, and the median of three more; first_cpu_s, cpu_s : processor time
bytes : length of the page; peak_mb : memory of the whole process, the run and its bars included
Needs the shared test data: TAPELINE_SHARED names the folder.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

from tapeline import (
    Limits,
    RuleStrategy,
    __version__,
    atr,
    backtest,
    bars,
    distance,
    ema,
    percent_of_equity,
    read_bars,
    rsi,
)
from tapeline.cli.demo import SETTINGS

SHARED = Path(os.environ.get("TAPELINE_SHARED") or Path(__file__).resolve().parents[1].parent / "shared")
REPEATS = 3


class Dips(RuleStrategy):
    """Buy a dip in a rise and leave when it has recovered, at a stop or at a target."""

    bar = bars()
    momentum = rsi(bar.close, 5)

    enter_long = (ema(bar.close, 20) > ema(bar.close, 60)) & (momentum < 35)
    exit_long = momentum > 60
    stop = distance(3 * atr(bar, 14))
    target = distance(4 * atr(bar, 14))
    size = percent_of_equity(2)
    rank = -momentum


def main() -> None:
    panel = read_bars(SHARED / "data" / "daily_sp500.parquet", first=date(2010, 1, 4), last=date(2019, 12, 31)).panel
    settings = replace(SETTINGS, limits=Limits(position=0.05, gross=1.5, positions=60))
    result = backtest(Dips(), panel, settings)
    walls, processors = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(1 + REPEATS):
            wall, processor = time.perf_counter(), time.process_time()
            page = result.report(Path(folder) / "report.html")
            walls.append(time.perf_counter() - wall)
            processors.append(time.process_time() - processor)
        length = page.stat().st_size
    unit = 1024 * (1024 if sys.platform == "darwin" else 1)
    line = {
        "peer": "tapeline",
        "version": __version__,
        "workload": "report",
        "round_trips": len(result.round_trips),
        "first_s": round(walls[0], 3),
        "first_cpu_s": round(processors[0], 3),
        "steady_s": round(statistics.median(walls[1:]), 3),
        "cpu_s": round(statistics.median(processors[1:]), 3),
        "bytes": length,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit,
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
