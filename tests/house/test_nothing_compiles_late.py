"""After the kernels were compiled ahead, no run compiles anything in the middle."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from house.paths import PACKAGE

RUN = """
from datetime import date

from numba.core import event
from tapeline.app.precompile import ensure_kernels
from tapeline.app.replay import replay
from tapeline.app.warm import kernels_for
from tapeline.engine.assembly import assemble
from tapeline.engine.backtest import backtest
from tapeline.tape.calendars import sessions
from tapeline.feeds.simulated import simulate_market
from tapeline.simulation.settings import RunSettings
from tapeline.strategies.intraday_mean_reversion import IntradayMeanReversion
from tapeline.strategies.moving_average_cross import MovingAverageCross
from tapeline.strategies.swing_trend import SwingTrend

strategies = (MovingAverageCross(frame="15min"), IntradayMeanReversion(), SwingTrend())
market = simulate_market(7, sessions=sessions("XNYS", date(2018, 2, 1), date(2018, 3, 2)), symbols=3).panel
program = assemble(strategies, symbol_count=3, base_frame_ns=market.frame_ns, settings=RunSettings()).program
runs = {"event loop": lambda: replay(strategies, market).result, "backtest": lambda: backtest(strategies, market)}
for way, run in runs.items():
    ensure_kernels(wanted=kernels_for(program, way))
    with event.install_recorder("numba:compile") as recorder:
        result = run()
    assert len(result.round_trips) > 5, len(result.round_trips)
    late = {e.data["dispatcher"].py_func.__qualname__ for _, e in recorder.buffer if e.is_start}
    print(way, "compiled late:", sorted(late))
"""

AHEAD = """
import numpy as np
from numba.core import event
from tapeline.app.precompile import ensure_kernels
from tapeline.formula.call_list import CallList
from tapeline.indicators.calls import move_on

ensure_kernels(wanted=["tapeline.indicators.calls." + name for name in ("run_calls", "move_on")])
cursor, calls = np.zeros(1, dtype=np.int64), CallList()
calls.add(move_on, cursor, 7)
with event.install_recorder("numba:compile") as recorder:
    calls.run()
print(cursor[0], len(recorder.buffer))
"""


def output_of(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_replay_and_a_backtest_compile_nothing_once_the_kernels_are_there() -> None:
    done = output_of(RUN)

    expected = ["event loop compiled late: []", "backtest compiled late: []"]
    assert done.stdout.splitlines() == expected, done.stdout + done.stderr


def test_what_was_compiled_ahead_is_what_a_list_of_calls_leads_to(tmp_path: Path) -> None:
    """In a folder of its own: where a run has compiled once more before, nothing would be seen."""
    done = output_of(AHEAD, TAPELINE_CACHE=str(tmp_path))

    assert done.stdout.split() == ["7", "0"], done.stdout + done.stderr
