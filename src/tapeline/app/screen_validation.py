"""Does the coarse filter let through what the score likes, and which of its numbers is to be moved.

Recall is the share of the rows graded A or better that the filter passes, precision the share of the passed rows that
are graded so. Numbers are moved one at a time, each new value tried over the whole history; the move that brings recall
and precision nearest to their targets is suggested, then the best one after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tapeline.app.screen_history import ScreenHistory, collect_history
from tapeline.app.screen_settings import ScreenerSettings
from tapeline.domain.panel import Panel
from tapeline.formula import bars, compile_program
from tapeline.screener.coarse import coarse_screen
from tapeline.screener.reading import Readings
from tapeline.screener.sabr20 import GRADES
from tapeline.screener.screen import Flags
from tapeline.screener.settings import CoarseSettings, ScreenSettings

RECALL, PRECISION = 0.8, 0.2
TRIED: dict[str, tuple[float, ...]] = {
    "position_max": (0.3, 0.45, 0.8, 1.0),
    "stochastic_low": (10.0, 15.0, 35.0, 50.0),
    "stochastic_max": (40.0, 50.0, 80.0, 100.0),
    "histogram_max": (0.0, 0.005, 0.02),
    "histogram_max_atr": (0.0, 0.25, 1.0),
    "rsi_low": (15.0, 35.0),
    "rsi_high": (55.0, 75.0),
    "volume_ratio_min": (0.0, 0.4, 0.6, 1.0, 1.2),
    "conditions_min": (1, 2, 4),
}
"""Other values of the filter's numbers that are tried."""
STEPS_MAX, NEARER_MIN = 3, 0.01
_CONDITIONS = ("coarse.a", "coarse.b", "coarse.c", "coarse.d")


def validate(panel: Panel, settings: ScreenerSettings) -> dict[str, Any]:
    """Return recall and precision of the coarse filter against the grades A and A+ over a panel, as plain data.

    conditions : for each, how many more rows of either kind would pass if it always held
    moves : every other value tried, one at a time; suggested : moves one after the other, each with what it would give
    Raises what reading settings and bars raises.
    """
    history = collect_history(panel, settings)
    good = (history["score.grade"] >= GRADES.index("A")) & history.present
    passed = history.true("coarse.passed")
    found = measured(passed, good)
    moves, suggested = _moves(panel, settings.screen, history, good) if good.any() else ([], [])
    return {
        "profile": str(settings.profile),
        "rows": int(history.present.sum()),
        "good": int(good.sum()),
        "passed": int(passed.sum()),
        **found,
        "recall_target": RECALL,
        "precision_target": PRECISION,
        "precision_of_all": measured(history.present, good)["precision"],
        "conditions": _without_each(history, good, passed),
        "moves": moves,
        "suggested": suggested,
        "advice": " ".join(_advice(found, suggested, measured(history.present, good)["precision"])),
    }


def measured(passed: Flags, good: Flags) -> dict[str, float | None]:
    """Return recall and precision, None where there is nothing to divide by."""
    both = int((passed & good).sum())
    return {
        "recall": both / int(good.sum()) if good.any() else None,
        "precision": both / int(passed.sum()) if passed.any() else None,
    }


def shortfall(found: dict[str, Any]) -> float:
    """Return how far recall and precision are from their targets, as shares of them: 0 met, 2 at worst."""
    parts = ((found["recall"], RECALL), (found["precision"], PRECISION))
    return sum(max(1.0 - (value or 0.0) / target, 0.0) for value, target in parts)


def _moves(
    panel: Panel, screen: ScreenSettings, history: ScreenHistory, good: Flags
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what each single move gives, and the best ones after each other."""
    first: list[dict[str, Any]] = []
    suggested: list[dict[str, Any]] = []
    now = shortfall(measured(history.true("coarse.passed"), good))
    for step in range(STEPS_MAX):
        tried = list(_tried(panel, screen, history, good))
        first = tried if step == 0 else first
        best = min(tried, key=shortfall)
        if shortfall(best) > now - NEARER_MIN:
            break
        suggested.append(best)
        now = shortfall(best)
        screen = _moved(screen, best["name"], best["to"])
    return first, suggested


def _tried(panel: Panel, screen: ScreenSettings, history: ScreenHistory, good: Flags) -> Iterator[dict[str, Any]]:
    unused = "histogram_max" if screen.switches.histogram_by_atr else "histogram_max_atr"
    changes = [
        (name, value)
        for name, values in TRIED.items()
        for value in values
        if name != unused and value != getattr(screen.coarse, name)
    ]
    for (name, value), passed in zip(changes, _passed(panel, screen, changes), strict=True):
        before = getattr(screen.coarse, name)
        yield {"name": name, "from": before, "to": value, **measured(passed & history.present, good)}


def _passed(panel: Panel, screen: ScreenSettings, changes: Sequence[tuple[str, float]]) -> Iterator[Flags]:
    """Yield who passes with each of some changes at every close of the trigger frame, bool [S, N]."""
    formulas = {
        str(place): coarse_screen(Readings(_moved(screen, name, value))).passed
        for place, (name, value) in enumerate(changes)
    }
    program = compile_program(
        {"t": (bars(screen.frames.trigger), formulas)}, symbol_count=len(panel.symbols), base_frame_ns=panel.frame_ns
    )
    table, parts = program.tables["t"], []
    for first in range(0, len(panel), program.chunk_rows):
        program.advance(panel.rows(first, min(first + program.chunk_rows, len(panel))))
        parts.append(table.values == 1.0)
    found = np.concatenate(parts, axis=1)
    for name in formulas:
        yield found[table.rows[name]]


def _moved(screen: ScreenSettings, name: str, value: float) -> ScreenSettings:
    coarse: CoarseSettings = replace(screen.coarse, **{name: value})  # type: ignore[arg-type]  # whole where it must be
    return replace(screen, coarse=coarse)


def _without_each(history: ScreenHistory, good: Flags, passed: Flags) -> dict[str, dict[str, Any]]:
    true = {name: history.true(name) for name in (*_CONDITIONS, "coarse.v")}
    met = np.sum([true[name] for name in _CONDITIONS], axis=0)
    least, usable = history.settings.screen.coarse.conditions_min, history["is_long_enough"] == 1
    found = {}
    for name in true:
        enough = met >= least if name == "coarse.v" else (met + ~true[name] >= least) & true["coarse.v"]
        wider = enough & usable & history.present
        more = wider & ~passed
        counts = {"more_good": int((more & good).sum()), "more_other": int((more & ~good).sum())}
        found[name.split(".")[1]] = {**measured(wider, good), **counts}
    return found


def _advice(found: dict[str, Any], suggested: Sequence[dict[str, Any]], base: float | None) -> Iterator[str]:
    if found["recall"] is None or found["precision"] is None or base is None:
        yield "No row is graded A or better, or none passes: these bars cannot judge the filter."
        return
    if shortfall(found) == 0.0:
        yield "Both targets are met."
        return
    for place, move in enumerate(suggested):
        yield (
            f"{'Then' if place else 'Move'} coarse.{move['name']} from {move['from']:g} to {move['to']:g}:"
            f" recall {100 * move['recall']:.1f} %, precision {100 * move['precision']:.1f} %."
        )
    if not suggested:
        yield "No other value of a single number brings recall and precision nearer to their targets."
    if not suggested or shortfall(suggested[-1]) > 0.0:
        yield f"That does not reach the targets. If every row passed, precision would be {100 * base:.1f} %."
