"""What a run needs compiled: which kernels, and the smallest runs that need all of them.

Some kernels take types that are known only from a call. So each way through the engine is run once by a rule
strategy and once by a free-form one, over an hour of one symbol.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from tapeline.app.replay import replay
from tapeline.domain.panel import Panel
from tapeline.domain.times import MINUTE
from tapeline.engine.backtest import backtest
from tapeline.formula.bars import bars
from tapeline.formula.position import bars_held
from tapeline.formula.program import Program
from tapeline.indicators.compiled import registry, warmer
from tapeline.indicators.library import KERNELS
from tapeline.strategies.base import RuleStrategy, Strategy
from tapeline.strategies.rules import distance

ROWS = 60

# What formulas are made of besides indicators; a program names those it uses.
ONLY_IN_FORMULAS = ("tapeline.indicators.elementwise.", "tapeline.indicators.cross_section.")

NOT_IN = {
    "event loop": ("run_lanes", "send_intents", "play_rows", "finish"),
    "backtest": ("end_slice", "play_rows", "finish"),
}
"""Kernels of the simulation that a way does not come by; scripts of orders come by the last two."""

Way = Literal["event loop", "backtest"]


def kernels_for(program: Program, way: Way) -> tuple[str, ...]:
    """Return the names of the kernels that a run of a program needs: all but the indicators it does not use.

    The result is for `precompile.ensure_kernels`; what another run needs is compiled before that one.
    """
    used = {id(instruction.function) for instruction in program.lowering.instructions}
    indicators = {id(kernel.advance) for kernel in KERNELS.values()}
    names = [
        name
        for name, (dispatcher, _) in registry.items()
        if id(dispatcher) in used
        or not (id(dispatcher) in indicators or name.startswith(ONLY_IN_FORMULAS) or name.endswith(NOT_IN[way]))
    ]
    return (*names, f"{__name__}.{(warm_event_loop if way == 'event loop' else warm_backtest).__name__}")


class Rules(RuleStrategy):
    """Hold for three bars after a rise, with a stop."""

    bar = bars("1min")
    enter_long = bar.close > bar.open
    exit_long = bars_held >= 3
    stop = distance(bar.high - bar.low)


class FreeForm(Strategy):
    """Enter after a rise, tighten the stop, leave after a fall."""

    bar = bars("1min")
    rise = bar.close > bar.open
    close = bar.close

    def on_slice(self, now: Any) -> None:
        now.enter(now.rise == 1.0, quantity=1.0, stop=now.close * 0.9)
        now.scale_out(now.rise == 1.0, 0.5)
        now.set_stop(now.rise == 1.0, now.close * 0.95)
        now.refuse(now.rise == 0.0, 1.0)
        now.exit(now.rise == 0.0)


@warmer
def warm_event_loop() -> None:
    """Compile what a replay needs besides its indicators."""
    replay([Rules(), FreeForm()], _an_hour())


@warmer
def warm_backtest() -> None:
    """Compile what a backtest needs besides its indicators."""
    backtest(Rules(), _an_hour())
    backtest(FreeForm(), _an_hour())


def _an_hour() -> Panel:
    wave = 100.0 + np.sin(np.arange(ROWS + 1))[:, None]
    start_ns = np.arange(ROWS, dtype=np.int64) * MINUTE
    open_, close = wave[:-1].copy(), wave[1:].copy()
    high, low = np.maximum(open_, close) + 0.1, np.minimum(open_, close) - 0.1
    return Panel(
        symbols=("A",),
        frame_ns=MINUTE,
        start_ns=start_ns,
        end_ns=start_ns + MINUTE,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=np.full((ROWS, 1), 1e6),
    )
