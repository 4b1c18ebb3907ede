"""What the screen is worth on the user's bars: returns after it spoke, and which of its conditions decide.

Rows overlap: the next bars after 10:00 and after 10:15 are nearly the same, and symbols move together. So means carry
intervals from drawing whole sessions, and the hit rate counts a symbol once a session, at its first row of the group.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tapeline.analysis.bootstrap import MeanEstimate, clustered_mean
from tapeline.app.screen_history import ScreenHistory, collect_history
from tapeline.app.screen_settings import ScreenerSettings
from tapeline.domain.panel import Floats, Panel
from tapeline.screener.sabr20 import GRADES
from tapeline.screener.screen import Flags
from tapeline.screener.settings import SWITCHES
from tapeline.screener.tree import CLASSES

HORIZON = 16
BUCKETS = ((0, 40), (40, 50), (50, 55), (55, 60), (60, 65), (65, 70), (70, 75), (75, 101))
_TRIGGER = ("tree.q3", "tree.q4", "tree.q5", "tree.q6")
_COARSE = ("coarse.a", "coarse.b", "coarse.c", "coarse.d")
_CONDITIONS = (*_COARSE, "coarse.v", "tree.q1", "tree.hostile", "tree.q2", *_TRIGGER, "tree.overhead_clear")


def evaluate(
    panel: Panel, settings: ScreenerSettings, *, horizon: int = HORIZON, switches: bool = True
) -> dict[str, Any]:
    """Return what the screen found over a panel, as plain data for JSON.

    horizon : closes of the trigger frame over which returns are measured; prices are not adjusted for splits
    switches : whether the history is run again with each switch of the profile turned over
    Raises what reading settings and bars raises.
    """
    history = collect_history(panel, settings)
    after = history.forward_return(horizon)
    groups = {name: _measured(history, after, chosen, horizon) for name, chosen in _groups(history)}
    found = {
        "profile": str(settings.profile),
        "horizon": {
            "bars": horizon,
            "frame": settings.screen.frames.trigger,
            "from": "the close at which the screen spoke, to the close so many bars of that frame later",
            "block_sessions": _block(history, horizon),
        },
        "rows": int(history.present.sum()),
        "symbols": len(history.symbols),
        "sessions": int(history.session[-1]) + 1,
        "groups": groups,
        "counts": counts(history),
        "conditions": {name: _held(history, name) for name in _CONDITIONS},
        "killed": killed(history),
        "verdict": _verdict(groups),
    }
    if switches:
        found["switches"] = {"as it is": _of_switch(history, after, horizon), **_turned(panel, settings, horizon)}
    return found


def counts(history: ScreenHistory) -> dict[str, Any]:
    """Return how often each answer was given, and the shares of the coarse screen.

    The shares are over bars of the confirmation frame, each counted once at its close, of which all five conditions are
    known; `handed_over` counts passed rows with a score that suffices, without the limit of a run.
    """
    trigger, regime = history.true("tree.trigger"), history.true("tree.q1")
    grade, total = history["score.grade"], history["coarse.score"]
    passed = history.true("coarse.passed")
    enough = passed & (total >= history.settings.screen.coarse.handed_over_score)
    known = history.present & history.closes_confirmation[:, None]
    for name in (*_COARSE, "coarse.v"):
        known &= ~np.isnan(history[name])
    bars = int(known.sum())
    good = (grade >= GRADES.index("A")) & history.present
    return {
        "confirmation_bars": bars,
        "passed_share": float((passed & known).sum()) / bars if bars else None,
        "handed_over_share": float((enough & known).sum()) / bars if bars else None,
        "trigger": int(trigger.sum()),
        "trigger_regime": int((trigger & regime).sum()),
        "trigger_regime_confirmation": int((trigger & regime & history.true("tree.q2")).sum()),
        "classes": {name: int((_of_class(history, name)).sum()) for name in CLASSES if name},
        "grades": {name: int(((grade == number) & history.present).sum()) for number, name in enumerate(GRADES)},
        "good_and_handed_over": int((good & enough).sum()),
        "watchlist": int(history.watchlist.sum()),
    }


def killed(history: ScreenHistory) -> dict[str, dict[str, int]]:
    """Return how many rows trigger and coarse screen accept, and would accept without each of their conditions."""
    true = {name: history.true(name) for name in (*_TRIGGER, *_COARSE, "coarse.v")}
    trigger = {"accepted": int(history.true("tree.trigger").sum())}
    for name in _TRIGGER:
        others = np.logical_and.reduce([true[other] for other in _TRIGGER if other != name])
        trigger[f"without {name.split('.')[1]}"] = int(others.sum())
    met = np.sum([true[name] for name in _COARSE], axis=0)
    least, usable = history.settings.screen.coarse.conditions_min, history["is_long_enough"] == 1
    coarse = {"accepted": int(history.true("coarse.passed").sum())}
    for name in _COARSE:  # taken as true
        coarse[f"without {name.split('.')[1]}"] = int(((met + ~true[name] >= least) & true["coarse.v"] & usable).sum())
    coarse["without v"] = int(((met >= least) & usable).sum())
    return {"trigger": trigger, "coarse": coarse}


def _groups(history: ScreenHistory) -> Iterator[tuple[str, Flags]]:
    grade, total, present = history["score.grade"], history["score.total"], history.present
    yield "all rows", present
    for number in reversed(range(len(GRADES))):
        yield f"grade {GRADES[number]}", (grade == number) & present
    for low, high in BUCKETS:
        name = f"score {low} to {high}" if high <= 100 else f"score {low} and more"
        yield name, (total >= low) & (total < high) & present
    for name in CLASSES:
        if name:
            yield f"class {name}", _of_class(history, name)
    yield "handed over", history.handed_over
    yield "watchlist", history.watchlist


def _measured(history: ScreenHistory, after: Floats, chosen: Flags, horizon: int) -> dict[str, Any]:
    there = chosen & ~np.isnan(after)
    base = history.present & ~np.isnan(after)
    block = _block(history, horizon)
    sessions = np.broadcast_to(history.session[:, None], there.shape)
    own, everyone = (after[there], sessions[there]), (after[base], sessions[base])
    mean = clustered_mean(*own, block=block)
    excess = clustered_mean(*own, less=everyone, block=block)
    first = _first_of_session(history, there)
    return {
        "rows": int(chosen.sum()),
        "with_return": mean.observations,
        "sessions": mean.clusters,
        "mean": _estimate(mean),
        "excess": _estimate(excess),
        "hit_rate": _estimate(clustered_mean((after[first] > 0).astype(np.float64), sessions[first], block=block)),
        "first_of_session": int(first.sum()),
    }


def _first_of_session(history: ScreenHistory, chosen: Flags) -> Flags:
    """Return the first chosen row of each symbol in each session."""
    first = np.zeros_like(chosen)
    edges = np.flatnonzero(np.diff(history.session, prepend=-1))
    for begin, end in zip(edges, [*edges[1:], len(chosen)], strict=True):
        part = chosen[begin:end]
        columns = np.flatnonzero(part.any(axis=0))
        first[begin + np.argmax(part[:, columns], axis=0), columns] = True
    return first


def _block(history: ScreenHistory, horizon: int) -> int:
    """Return how many sessions a horizon touches."""
    per_session = max(int(np.bincount(history.session).max()), 1)
    return 1 + math.ceil(horizon / per_session)


def _of_class(history: ScreenHistory, name: str) -> Flags:
    found: Flags = (history["tree.setup_class"] == CLASSES.index(name)) & history.present
    return found


def _held(history: ScreenHistory, name: str) -> dict[str, float | int]:
    values = history[name][history.present]
    true, unknown = int((values == 1).sum()), int(np.isnan(values).sum())
    return {"true": true, "false": len(values) - true - unknown, "unknown": unknown}


def _estimate(found: MeanEstimate) -> dict[str, float | None]:
    return {
        name: None if math.isnan(value) else value
        for name, value in (("value", found.mean), ("low", found.low), ("high", found.high))
    }


def _turned(panel: Panel, settings: ScreenerSettings, horizon: int) -> dict[str, Any]:
    found = {}
    for name in SWITCHES:
        was_on = getattr(settings.screen.switches, name)
        other = replace(settings.screen, switches=replace(settings.screen.switches, **{name: not was_on}))
        history = collect_history(panel, replace(settings, screen=other))
        key = f"{name} {'off' if was_on else 'on'}"
        found[key] = _of_switch(history, history.forward_return(horizon), horizon)
    return found


def _of_switch(history: ScreenHistory, after: Floats, horizon: int) -> dict[str, Any]:
    switches = history.settings.screen.switches
    entries = _of_class(history, "A+")
    if switches.entries_of_class_a:
        entries = entries | _of_class(history, "A")
    grade = history["score.grade"]
    return {
        "trigger": int(history.true("tree.trigger").sum()),
        "entries": _measured(history, after, entries, horizon),
        "grade_a_or_better": int(((grade >= GRADES.index("A")) & history.present).sum()),
        "watchlist": _measured(history, after, history.watchlist, horizon),
    }


def _verdict(groups: dict[str, Any]) -> list[str]:
    lines = []
    for name in ("grade A+", "grade A", "class A+", "class A", "watchlist"):
        if name not in groups:
            continue
        group = groups[name]
        value, low, high = (group["excess"][part] for part in ("value", "low", "high"))
        if low is None:
            lines.append(f"{name}: too few rows to say anything ({group['rows']:,} in {group['sessions']} sessions).")
            continue
        span = f"{100 * value:+.3f} % against all rows, 95 % interval {100 * low:+.3f} to {100 * high:+.3f} %"
        words = "yes, better" if low > 0 else "no: worse" if high < 0 else "no: not to be told from chance"
        lines.append(f"{name}: {words} ({span}).")
    return lines
