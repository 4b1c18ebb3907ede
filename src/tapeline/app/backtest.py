"""One backtest for every run: compiled, or slice by slice where execution algorithms work the orders.

    backtest(GoldenCross(), panel)                                             compiled
    backtest(GoldenCross(), panel, RunSettings(execution=Algorithms(twap(30))))  through the event loop

The result is of the same kind either way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tapeline.app.replay import replay
from tapeline.domain.corporate import CorporateAction
from tapeline.domain.errors import ConfigurationError
from tapeline.domain.panel import Panel, Sessions
from tapeline.domain.slice import Slice
from tapeline.engine.assembly import AnyStrategy, has_algorithms
from tapeline.engine.backtest import Progress, instances
from tapeline.engine.backtest import backtest as compiled_backtest
from tapeline.engine.loop import EventLoop
from tapeline.engine.result import Result
from tapeline.simulation.settings import RunSettings


def backtest(
    strategies: AnyStrategy | type[AnyStrategy] | Sequence[AnyStrategy],
    data: Panel | Iterable[Panel],
    settings: RunSettings | None = None,
    *,
    sessions: Sessions | None = None,
    corporate_actions: Sequence[CorporateAction] = (),
    groups: Mapping[str, Sequence[Any]] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run strategies that share one account over the data.

    data : a panel, or panels of the same symbols one after the other, such as `Lake.panels()` gives them, of which
        only the present one is kept; with execution algorithms it is one panel
    sessions : the calendar of all panels; one panel has its own
    groups : labels of the symbols for `demean(by=...)`, one per symbol; None is no group
    Raises DataError when there is nothing to run on, and what compiling the strategies raises.
    """
    settings = settings or RunSettings()
    chosen = instances(strategies)
    if not has_algorithms(chosen, settings):
        return compiled_backtest(
            chosen, data, settings, sessions=sessions, corporate_actions=corporate_actions, groups=groups,
            progress=progress,
        )  # fmt: skip
    if not isinstance(data, Panel):
        raise ConfigurationError(
            "Panels one after the other were given with execution algorithms, which look at the whole history of a"
            " symbol. Give one panel."
        )
    length = len(data)

    def on_slice(_: Slice, loop: EventLoop) -> None:
        if progress is not None:
            progress(loop.slices, length)

    found = replay(
        chosen, data, settings=settings, corporate_actions=corporate_actions, groups=groups, on_slice=on_slice
    )
    return found.result
