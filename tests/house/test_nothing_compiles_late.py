"""After the kernels were compiled ahead, no run compiles anything in the middle."""

from __future__ import annotations

import os
import subprocess
import sys

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


def test_a_replay_and_a_backtest_compile_nothing_once_the_kernels_are_there() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", RUN],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    expected = ["event loop compiled late: []", "backtest compiled late: []"]
    assert done.stdout.splitlines() == expected, done.stdout + done.stderr
