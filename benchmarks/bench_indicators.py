"""Time the indicator suite of the peer benchmarks on our kernels; prints the harness's JSON line.

    python benchmarks/bench_indicators.py I1 [--variant mt]
    python benchmarks/bench_indicators.py I3

Suite: Bollinger (20, 2), StochRSI (14, 14, 3, 3), MACD (12, 26, 9), RSI 14, ATR 14.
I1: 500 bars of 3,000 series from the start. I3: one new bar for each of 2,000 series, 200 bars having been
seen. Variant mt splits the series over two threads. Workloads, timing and `check` values are those of the
shared folder's `bench/peers`, so the lines compare with its `PEERS.md`.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_start = time.perf_counter()

import numpy as np  # imports are timed

from tapeline.indicators.library import KERNELS

IMPORT_SECONDS = time.perf_counter() - _start
SHARED = Path(os.environ.get("TAPELINE_SHARED") or Path(__file__).resolve().parents[1].parent / "shared")
sys.path.insert(0, str(SHARED / "bench" / "peers"))

import harness
import workload

CHUNK_ROWS = 16  # all arrays of a chunk stay in the second-level cache
BLOCK_COLUMNS = 3072
NAMES = ("upper", "middle", "lower", "k", "d", "line", "signal", "histogram", "rsi", "atr")


class Suite:
    """The suite over some columns, advanced by chunks of at most so many rows."""

    def __init__(self, columns: int, rows: int) -> None:
        self.rows = rows
        self.exists = np.ones((rows, columns))
        self.scratch = {name: np.empty((rows, columns)) for name in (*NAMES, "deviation", "position")}
        scratch = self.scratch
        self.calls = [
            self._call("rolling_moments", (20, 0), ("close",), ("middle", "deviation"), columns),
            self._call("rsi", (14, 0), ("close",), ("rsi",), columns),
            self._call("stochastic", (14, 0, 1e-9), ("rsi", "rsi", "rsi"), ("position",), columns),
            self._call("sma", (3,), ("position",), ("k",), columns),
            self._call("sma", (3,), ("k",), ("d",), columns),
            self._call("macd", (12, 26, 9), ("close",), ("line", "signal", "histogram"), columns),
            self._call("atr", (14,), ("high", "low", "close"), ("atr",), columns),
        ]
        self.whole = scratch

    @staticmethod
    def _call(name: str, parameters: Any, inputs: Any, outputs: Any, columns: int) -> Any:
        kernel, vector = KERNELS[name], np.array(parameters, dtype=np.float64)
        return kernel.advance, inputs, np.zeros((kernel.state_rows(vector), columns)), vector, outputs

    def advance(self, high: Any, low: Any, close: Any) -> dict[str, Any]:
        """Advance by the rows given and return the outputs' arrays."""
        rows = close.shape[0]
        panels = self.scratch if rows == self.rows else {k: v[:rows] for k, v in self.scratch.items()}
        exists = self.exists[:rows]
        fields = {"high": high, "low": low, "close": close}
        for advance, inputs, state, vector, outputs in self.calls:
            arrays = tuple([fields[name] if name in fields else panels[name] for name in inputs])
            advance((exists, *arrays), state, vector, tuple([panels[name] for name in outputs]))
        spread = panels["deviation"]
        spread *= 2.0
        np.add(panels["middle"], spread, out=panels["upper"])
        np.subtract(panels["middle"], spread, out=panels["lower"])
        return panels


def last_rows(market: dict[str, Any], first: int, end: int) -> list[Any]:
    """Run the suite over a range of columns from the first bar; return the outputs' last rows."""
    found = []
    for begin in range(first, end, BLOCK_COLUMNS):
        block = slice(begin, min(begin + BLOCK_COLUMNS, end))
        suite = Suite(block.stop - block.start, CHUNK_ROWS)
        bars = market["close"].shape[0]
        for t in range(0, bars, CHUNK_ROWS):
            chunk = [np.ascontiguousarray(market[name][t : t + CHUNK_ROWS, block]) for name in ("high", "low", "close")]
            panels = suite.advance(*chunk)
        last = (bars - 1) % CHUNK_ROWS
        found.append([panels[name][last].copy() for name in NAMES])
    return [np.concatenate(columns) for columns in zip(*found, strict=True)]


def checked(columns: list[Any]) -> dict[str, list[float]]:
    return {"check": [round(float(column.mean()), 6) for column in columns]}


def main() -> None:
    arguments = harness.args()
    memory = harness.rss_mb()
    market = workload.load(arguments.workload, arguments.scale)
    bars, series = market["close"].shape
    described = ("Tapeline kernels", "0.1", arguments.workload, arguments)

    if arguments.workload == "I1":
        threads = 2 if arguments.variant == "mt" else 1
        edges = [series * i // threads for i in range(threads + 1)]

        def make() -> Any:
            def whole() -> Any:
                if threads == 1:
                    return checked(last_rows(market, 0, series))
                with ThreadPoolExecutor(threads) as pool:
                    parts = pool.map(last_rows, [market] * threads, edges, edges[1:])
                    return checked([np.concatenate(columns) for columns in zip(*parts, strict=True)])

            return whole

        harness.measure(*described, bars * series, make, IMPORT_SECONDS, memory)
        return

    rounds, seen = 10, workload.I3_WARMUP

    def make_rounds() -> Any:
        warm, live = Suite(series, seen), Suite(series, 1)
        warm.advance(*(market[name][:seen] for name in ("high", "low", "close")))
        live.calls = [
            (*call[:2], state, *call[3:]) for call, (_, _, state, _, _) in zip(live.calls, warm.calls, strict=True)
        ]

        def run() -> Any:
            for t in range(seen, seen + rounds):
                panels = live.advance(*(market[name][t : t + 1] for name in ("high", "low", "close")))
            return checked([panels[name][0] for name in NAMES])

        return run

    harness.measure(*described, series, make_rounds, IMPORT_SECONDS, memory, per=rounds)


if __name__ == "__main__":
    main()
