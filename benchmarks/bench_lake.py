"""Time the data lake; prints the harness's JSON line.

    python benchmarks/bench_lake.py YEAR       one symbol's year of minutes, from a lake of 500 symbols x 1 year
    python benchmarks/bench_lake.py SESSION    200 symbols x 1 session of minutes from the same lake, to a panel
    python benchmarks/bench_lake.py PACK       the shared pack minute_us_2018 (3.36 M bars) to a panel
    python benchmarks/bench_lake.py IMPORT     the same pack from its Parquet file into a new lake
    python benchmarks/bench_lake.py L1         the pack from the lake, rules on 15 min, 1 h and 4 h with brackets
    python benchmarks/bench_lake.py RUN        L1's rules over those panels, one after the other, in bounded memory
    python benchmarks/bench_lake.py STREAM     2,000 symbols x 60 sessions (47 M bars) as panels of session chunks

Public API, default options. Each reading opens the lake anew. Lakes of invented minutes are made once, in the folder
TAPELINE_BENCH_WORK or the system's temporary one; --scale makes them smaller: 0.1 is a tenth of the symbols.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

_start = time.perf_counter()

import numpy as np  # imports are timed
import polars as pl

from tapeline import RuleStrategy, __version__, atr, backtest, bars, ema, import_bars, open_lake, rsi
from tapeline.domain.times import MINUTE
from tapeline.tape.calendars import sessions

IMPORT_SECONDS = time.perf_counter() - _start
SHARED = Path(os.environ.get("TAPELINE_SHARED") or Path(__file__).resolve().parents[1].parent / "shared")
WORK = Path(os.environ.get("TAPELINE_BENCH_WORK") or Path(tempfile.gettempdir()) / "tapeline-bench")
PACK = SHARED / "data" / "minute_us_2018.parquet"
sys.path.insert(0, str(SHARED / "bench" / "peers"))

import harness

YEAR = (date(2023, 1, 1), date(2023, 12, 31))
SIXTY = (date(2023, 1, 1), date(2023, 3, 29))
SESSION = "2023-06-14"


class Pullback(RuleStrategy):
    """Buy strength on 15 minutes while 1 h and 4 h rise, with a stop and a target."""

    m15, h1, h4 = bars("15min"), bars("1h"), bars("4h")
    rising = (ema(h1.close, 10) > ema(h1.close, 30)) & (h4.close > ema(h4.close, 10))
    enter_long = rising & (rsi(m15.close, 14).lag(1) < 40) & (rsi(m15.close, 14) >= 40)
    stop = m15.close - 2 * atr(m15, 14)
    target = m15.close + 3 * atr(m15, 14)


def invented_lake(symbols: int, first: date, last: date) -> Path:
    """Return a lake of seeded random walks in minutes, made where it is not there yet, half a month a load."""
    folder = WORK / f"minutes-{symbols}-{first}-{last}"
    if (folder / "done").exists():
        return folder / "lake"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    random_numbers = np.random.default_rng(20230101)
    names = pl.Series([f"S{number:04d}" for number in range(symbols)])
    price = random_numbers.uniform(20, 400, symbols)
    known = sessions("XNYS", first, last)
    parts: dict[str, list[int]] = {}
    for place, day in enumerate(np.datetime_as_string(known.days.astype("datetime64[D]")).tolist()):
        parts.setdefault(f"{day[:7]}-{int(day[8:]) > 15:d}", []).append(place)
    for places in parts.values():
        times = [np.arange(known.open_ns[place], known.close_ns[place], MINUTE) for place in places]
        start = np.concatenate(times)
        steps = random_numbers.standard_normal((symbols, len(start))) * 6e-4
        close = np.round(price[:, None] * np.exp(np.cumsum(steps, axis=1)), 2)
        price = close[:, -1]
        opened = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
        spread = np.round(random_numbers.exponential(0.03, (symbols, len(start))), 2)
        table = pl.DataFrame(
            {
                "symbol": names.gather(np.repeat(np.arange(symbols), len(start))),
                "ts": np.tile(start // 1_000, symbols),
                "open": opened.ravel(),
                "high": (np.maximum(opened, close) + spread).ravel(),
                "low": np.maximum(np.minimum(opened, close) - spread, 0.01).ravel(),
                "close": close.ravel(),
                "volume": np.floor(random_numbers.lognormal(8, 1, symbols * len(start))),
            }
        )
        path = folder / "bars.parquet"
        table.with_columns(pl.col("ts").cast(pl.Datetime("us", "UTC"))).write_parquet(path, compression="lz4")
        import_bars(folder / "lake", path, now_ns=time.time_ns(), vendor="invented")
        path.unlink()
    (folder / "done").touch()
    return folder / "lake"


def pack_lake() -> Path:
    """Return a lake of the pack, made where it is not there yet."""
    folder = WORK / "pack"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        import_bars(folder / "lake", PACK, now_ns=time.time_ns(), vendor="pack")
        (folder / "done").touch()
    return folder / "lake"


def runner(name: str, scale: float) -> tuple[Any, int]:
    """Return a function that runs a workload once, and its number of bars."""
    if name in ("YEAR", "SESSION"):
        count = round(500 * scale)
        lake = invented_lake(count, *YEAR)
        names = [f"S{number:04d}" for number in range(count)]
        if name == "YEAR":
            return lambda: cells(open_lake(lake).read([names[count // 2]]).panel), 250 * 390
        chosen = sorted(random.Random(7).sample(names, min(count, round(200 * scale) or 1)))
        return lambda: cells(open_lake(lake).read(chosen, first=SESSION, last=SESSION).panel), 390 * len(chosen)
    if name in ("STREAM", "RUN"):
        lake, bars = invented_lake(round(2000 * scale), *SIXTY), round(2000 * scale) * 60 * 390
        if name == "STREAM":
            return lambda: {"bars": sum(cells(panel)["bars"] for panel in open_lake(lake).panels())}, bars

        def stream() -> dict[str, Any]:
            result = backtest(Pullback(), open_lake(lake).panels())
            return {"final_equity": result.final_equity, "n_trades": len(result.round_trips)}

        return stream, bars
    if name == "PACK":
        lake = pack_lake()
        return lambda: cells(open_lake(lake).read().panel), 3_355_295
    if name == "L1":
        lake = pack_lake()

        def rules() -> dict[str, Any]:
            result = backtest(Pullback(), open_lake(lake).read().panel)
            return {"final_equity": result.final_equity, "n_trades": len(result.round_trips)}

        return rules, 3_355_295

    def load() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            report = import_bars(Path(folder) / "lake", PACK, now_ns=time.time_ns(), vendor="pack")
        return {"bars": report.stored.added}

    return load, 3_355_295


def cells(panel: Any) -> dict[str, Any]:
    """Return how many bars a panel has."""
    return {"bars": int(np.count_nonzero(~np.isnan(panel.close)))}


def main() -> None:
    """Measure one workload."""
    arguments = harness.args()
    imported_mb = harness.rss_mb()
    run, bar_count = runner(arguments.workload, arguments.scale)
    harness.measure(
        "tapeline", __version__, arguments.workload, arguments, bar_count, lambda: run, IMPORT_SECONDS, imported_mb
    )


if __name__ == "__main__":
    main()
