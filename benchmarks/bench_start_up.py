"""Time what a user waits for: help, the first compilation, and a small backtest from a cold process.

    python benchmarks/bench_start_up.py        prints one JSON line; times are medians, in seconds

help_s : `./tapeline --help`, set up before
kernels_s : what the demo needs compiled into an empty cache, from the start of the process to its end
backtest_s : `./tapeline backtest` of the moving-average cross, ten sessions of one symbol, kernels compiled
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[1]
SESSION_MINUTES = 390
ENSURE_ALL = "from tapeline.app.precompile import ensure_kernels; ensure_kernels()"
ENSURE_FOR_DEMO = """
from tapeline.app.precompile import ensure_kernels
from tapeline.app.warm import kernels_for
from tapeline.domain.times import MINUTE
from tapeline.engine.assembly import assemble
from tapeline.simulation.settings import RunSettings
from tapeline.strategies.intraday_mean_reversion import IntradayMeanReversion
from tapeline.strategies.moving_average_cross import MovingAverageCross
from tapeline.strategies.swing_trend import SwingTrend

strategies = (MovingAverageCross(frame="15min"), IntradayMeanReversion(), SwingTrend())
program = assemble(strategies, symbol_count=1, base_frame_ns=MINUTE, settings=RunSettings()).program
ensure_kernels(wanted=kernels_for(program, "event loop"))
"""


def write_bars(path: Path) -> int:
    """Write minute bars of ten New York sessions (February 2018, open 14:30 UTC); give their number."""
    days = [datetime(2018, 2, day, 14, 30, tzinfo=UTC) for day in (5, 6, 7, 8, 9, 12, 13, 14, 15, 16)]
    times = [day + timedelta(minutes=minute) for day in days for minute in range(SESSION_MINUTES)]
    close = 100 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 5e-4, len(times))))
    open_ = np.concatenate(([100.0], close[:-1]))
    pl.DataFrame(
        {
            "symbol": ["AAA"] * len(times),
            "ts": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
            "open": open_,
            "high": np.maximum(open_, close) * 1.0002,
            "low": np.minimum(open_, close) * 0.9998,
            "close": close,
            "volume": np.full(len(times), 10_000),
        }
    ).write_parquet(path)
    return len(times)


def median_s(command: list[str], repeats: int, **environment: str) -> float:
    """Return the median wall time of a command; raise if it fails."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    launcher = str(ROOT / "tapeline")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "bars.parquet"
        bars = write_bars(data)
        backtest = [launcher, "backtest", "moving-average-cross", "--data", str(data)]
        subprocess.run([sys.executable, "-c", ENSURE_ALL], check=True)
        line = {
            "peer": "tapeline",
            "workload": "start-up",
            "n_bars": bars,
            "help_s": median_s([launcher, "--help"], 7),
            "kernels_s": median_s([sys.executable, "-c", ENSURE_FOR_DEMO], 1, TAPELINE_CACHE=folder),
            "backtest_s": median_s(backtest, 5),
        }
    print(json.dumps({name: round(value, 3) if isinstance(value, float) else value for name, value in line.items()}))


if __name__ == "__main__":
    main()
