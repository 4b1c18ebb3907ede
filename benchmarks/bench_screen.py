"""How fast the screener is: a JSON line for each measure, with the figure that it should stay below.

    python benchmarks/bench_screen.py [full] [lake] [update] [session] [store]

full : all rules of 2,000 symbols over 40 sessions of simulated bars of 5 minutes in memory
lake : the same bars from a lake, by the command in a process of its own; the lake is made once, in the folder
    TAPELINE_BENCH_WORK or the system's temporary one
update : the bars of one more trigger close of the same symbols, streaming since the session before
session : 26 refreshes of the watchlist of 199 symbols
store : the newest watchlist of a store with 13,000 x 20 rows
Bars are made before the clock runs. The best of several passes counts; median and processor time stand beside it.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from tapeline import import_bars
from tapeline.app.screen_settings import ScreenerSettings
from tapeline.app.screening import screen_at, screen_history
from tapeline.app.watchlist import Watchlist
from tapeline.domain.panel import BAR_FIELDS, Panel
from tapeline.feeds.simulated import simulate_market
from tapeline.screener.screen import Screen
from tapeline.store.screen_store import ScreenStore
from tapeline.tape.calendars import sessions

MANY, USUAL, SESSIONS = 2_000, 199, (date(2024, 1, 2), date(2024, 2, 28))
UPDATES, STORED, PASSES = 40, 13_000, 5
WORK = Path(os.environ.get("TAPELINE_BENCH_WORK") or Path(tempfile.gettempdir()) / "tapeline-bench")


def a_panel(symbols: int) -> Panel:
    """Return 40 sessions of bars; symbols beyond 200 repeat earlier ones at another price."""
    days = sessions("XNYS", *SESSIONS)
    base = simulate_market(5, sessions=days, symbols=min(symbols, 200), frame="5min").panel
    if symbols <= 200:
        return base
    times = -(-symbols // 200)
    fields = {name: np.tile(getattr(base, name), times)[:, :symbols] for name in BAR_FIELDS}
    names = tuple(f"SIM{number:05}" for number in range(symbols))
    return replace(base, symbols=names, **fields)


def timed(run: Callable[[], object], passes: int = PASSES) -> tuple[list[float], list[float]]:
    """Return the wall and processor times of several passes, in seconds."""
    walls, processors = [], []
    for _ in range(passes):
        began, began_processor = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - began)
        processors.append(time.process_time() - began_processor)
    return walls, processors


def tell(name: str, walls: list[float], processors: list[float], target: float, **more: object) -> None:
    """Print one measure: the shortest and the median time, and the least of the processor's."""
    best = min(walls)
    figures = {"seconds": best, "median_s": float(np.median(walls)), "processor_s": min(processors), "target_s": target}
    shown = {key: round(value, 5) for key, value in figures.items()}
    print(json.dumps({"benchmark": f"screen {name}", **shown, "met": best < target, **more}), flush=True)


def full() -> None:
    """A pass over everything, as the command does it."""
    panel, settings = a_panel(MANY), ScreenerSettings()
    walls, processors = timed(lambda: screen_at(panel, int(panel.end_ns[-1]), settings), 2 * PASSES)
    tell("full pass", walls, processors, 0.5, symbols=MANY, rows=len(panel))


def a_lake(panel: Panel) -> Path:
    """Return a lake of the bars of a panel, made where it is not there yet."""
    folder = WORK / f"screen-{len(panel.symbols)}-{len(panel)}"
    if (folder / "done").exists():
        return folder / "lake"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    known = ~np.isnan(panel.close.T)
    symbol, row = np.nonzero(known)
    start = pl.Series(panel.start_ns[row] // 1_000).cast(pl.Datetime("us", "UTC"))
    prices = {name: getattr(panel, name).T[known] for name in BAR_FIELDS}
    table = pl.DataFrame({"symbol": pl.Series(panel.symbols).gather(symbol), "ts": start, **prices})
    table.write_parquet(folder / "bars.parquet")
    import_bars(folder / "lake", folder / "bars.parquet", now_ns=time.time_ns(), vendor="bench")
    (folder / "done").touch()
    return folder / "lake"


def lake() -> None:
    """From nothing to the table on the screen; kernels are compiled and files in memory from the first run on."""
    panel = a_panel(MANY)
    at = np.datetime_as_string(panel.end_ns[-1].astype("datetime64[ns]"), "s") + "Z"
    words = [sys.executable, "-m", "tapeline.cli", "screen", "--lake", str(a_lake(panel)), "--at", at]
    walls, processors = [], []
    for _ in range(PASSES):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(time.perf_counter() - began)
        processors.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    tell("from a lake", walls, processors, 4.0, symbols=MANY, rows=len(panel), first_s=round(walls[0], 2))


def update() -> None:
    """One trigger close after the other: three bars of 5 minutes each."""
    panel, settings = a_panel(MANY), ScreenerSettings()
    screen = Screen(panel.symbols, panel.frame_ns, settings.screen, settings.regime)
    first = len(panel) - 3 * UPDATES
    before = first - 3 * UPDATES
    screen.pass_over(panel.rows(0, before))
    for row in range(before, first):
        list(screen.advance(panel.rows(row, row + 1)))
    rows = iter(range(first, len(panel), 3))

    def run() -> None:
        row = next(rows)
        for one in range(row, row + 3):
            found = list(screen.advance(panel.rows(one, one + 1)))
        assert len(found) == 1

    walls, processors = timed(run, UPDATES)
    worst = {"worst_s": round(max(walls), 5), "worst_processor_s": round(max(processors), 5)}
    tell("update", walls, processors, 0.03, symbols=MANY, **worst)


def session() -> None:
    """The last session replayed, each refresh kept."""
    panel, settings = a_panel(USUAL), ScreenerSettings()
    assert panel.sessions is not None
    opens = int(panel.sessions.open_ns[-1])

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder, ScreenStore.open(Path(folder) / "s.sqlite") as kept:
            assert sum(1 for _ in Watchlist(kept).follow(screen_history(panel, settings, first_ns=opens))) == 26

    walls, processors = timed(run, 3)
    tell("session", walls, processors, 3.0, symbols=USUAL, refreshes=26)


def store() -> None:
    """The newest watchlist of many."""
    row = {"grade": "A", "sabr20": {"total": 70.0}, "state": "BottomActive", "rr": 2.5, "stop": 10.0, "target": 12.0}
    rows = [{"symbol": f"SIM{place:02}", **row} for place in range(20)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.sqlite"
        with ScreenStore.open(path) as kept:
            kept._connection.execute("pragma synchronous=off")
            for number in range(STORED):
                kept.save_refresh(number, "tapeline", rows)

        def run() -> None:
            with ScreenStore.open(path) as opened:
                assert opened.watchlist("tapeline") is not None

        walls, processors = timed(run, 20)
    tell("newest watchlist", walls, processors, 0.02, refreshes=STORED, rows=20 * STORED)


def main() -> None:
    """Run what was named, or everything."""
    measures = {"full": full, "lake": lake, "update": update, "session": session, "store": store}
    for name in sys.argv[1:] or measures:
        measures[name]()


if __name__ == "__main__":
    main()
