"""The reversal strategy on situations made by hand: what its formulas would say comes as series beside the bars.

    result, log = told([100, 100, 110], setup_class={0: A_PLUS})

Each row is a bar of 15 minutes from the open of 2 January 2018 on, New York's sessions; row 0 ends at 14:45 UTC, each
session has 26. A bar is a price, or open, high, low and close. A formula's value is a number for all rows, a
dictionary by row, or by row and column. Every run is made both ways and must trade the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from engine.acts import run
from tapeline import Account, Panel, Result, RunSettings, bars, series
from tapeline.domain.times import MINUTE
from tapeline.screener.settings import ScreenSettings
from tapeline.strategies.reversal import MomentumReversal
from tapeline.strategies.reversal_memory import Decision
from tapeline.tape.calendars import sessions

A_PLUS, CLASS_A, CLASS_B, CLASS_C = 2, 3, 4, 5
GRADE_C, GRADE_B, GRADE_A, GRADE_A_PLUS = range(4)
ACTIVE = 3
RICH = RunSettings(account=Account(cash=100_000.0))

USUAL: dict[str, float] = {
    "tree.setup_class": 0, "tree.aggressive": 0, "tree.conservative": 0,
    "score.total": 80, "score.grade": GRADE_A_PLUS, "score.state": ACTIVE, "score.target": 110,
    "coarse.passed": 1, "coarse.score": 80,
    "stop": 95, "is_volatile": 0, "again": 0, "oscillator_exit": 0, "second_target": 0, "higher_low": math.nan,
    "near_upper": 0, "above_upper": 0, "under_middle": 0, "runner_ends": 0,
    "regime_size": 1, "regime_positions": 5, "regime_favourability": 60,
}  # fmt: skip
COUNTS = {"bars": 1, "managed_bars": 1, "confirmations": 4}

Bar = float | Sequence[float]
Value = float | Mapping[Any, float]


class Told(MomentumReversal):
    """Decides on series instead of formulas."""

    def formulas(self) -> dict[str, Any]:
        found = {name: series(name) for name in (*USUAL, *COUNTS)}
        return found | {"close": bars().close * 1, "_size": self.size.value}


def market(rows: Sequence[Bar | Sequence[Bar | None]], symbols: str = "A", **values: Value) -> Panel:
    """Return the panel; with several symbols each row is a list of bars, None for no bar."""
    names = tuple(symbols.split())
    calendar = sessions("XNYS", date(2018, 1, 2), date(2018, 1, 31))
    ends = np.concatenate(
        [
            np.arange(first, last, 15 * MINUTE) + 15 * MINUTE
            for first, last in zip(calendar.open_ns.tolist(), calendar.close_ns.tolist(), strict=True)
        ]
    )[: len(rows)]
    cells = np.full((4, len(rows), len(names)), np.nan)
    for row, given in enumerate(rows):
        for column, bar in enumerate(given if len(names) > 1 else [given]):  # type: ignore[arg-type]
            if bar is not None:
                cells[:, row, column] = bar
    volume = np.where(np.isnan(cells[3]), np.nan, 1e6)
    panel = Panel(names, 15 * MINUTE, ends - 15 * MINUTE, ends, *cells, volume, sessions=calendar)
    everything: dict[str, Value] = {**USUAL}
    everything |= {name: {row: (row + 1) // step for row in range(len(rows))} for name, step in COUNTS.items()}
    for name, value in values.items():
        places = [known for known in everything if known.rpartition(".")[2] == name]
        assert len(places) == 1, name
        everything[places[0]] = value
    for name, value in everything.items():
        panel = panel.with_series(name, _laid_out(value, USUAL.get(name, 0), len(rows), len(names)))
    return panel


def _laid_out(value: Value, usual: float, rows: int, columns: int) -> np.ndarray:
    if not isinstance(value, Mapping):
        return np.full((rows, columns), float(value))
    found = np.full((rows, columns), float(usual))
    for place, number in value.items():
        found[place] = number
    return found


def chosen(switches: Mapping[str, bool] | None = None, **numbers: Any) -> ScreenSettings:
    """Return the default settings with other numbers of the strategy, and other switches."""
    settings = ScreenSettings()
    return replace(
        settings,
        strategy=replace(settings.strategy, **numbers),
        switches=replace(settings.switches, **(switches or {})),
    )


def told(
    rows: Sequence[Any],
    settings: ScreenSettings | None = None,
    run_settings: RunSettings = RICH,
    symbols: str = "A",
    **values: Value,
) -> tuple[Result, list[Decision]]:
    """Run the strategy on a situation, both ways; return the result and what the strategy noted."""
    strategy = Told(settings)
    result = run(strategy, market(rows, symbols, **values), run_settings)
    return result, strategy.log


def notes(log: Sequence[Decision], act: str) -> list[dict[str, Any]]:
    """Return the notes of the decisions of one kind."""
    return [one.notes for one in log if one.act == act]
