"""Planted setups are accepted, all of them; near misses, which break a single condition, none."""

from __future__ import annotations

import numpy as np
import pytest

from screener.planted import BAR, path, sessions, stored_cases, symbol_of
from screener.reference.profiles import SOURCE, TAPELINE, Profile
from tapeline.app.screen_settings import load_screener_settings
from tapeline.app.screening import screen_history
from tapeline.domain.panel import Panel
from tapeline.screener.tree import CLASSES
from tapeline.tape.calendars import sessions as calendar


def panel_of(seeds: list[int]) -> Panel:
    """Return the paths of some seeds side by side; they share every bar's time."""
    columns = [path(seed) for seed in seeds]
    start = np.array([bar.start for bar in columns[0]])
    closes = np.array([session.close for session in sessions()])
    end = np.minimum(start + BAR, closes[np.searchsorted(closes, start, side="right")])
    fields = ("open", "high", "low", "close", "volume")
    prices = {name: np.array([[getattr(bar, name) for bar in column] for column in columns]).T for name in fields}
    return Panel(
        symbols=tuple(symbol_of(seed) for seed in seeds),
        frame_ns=BAR,
        start_ns=start,
        end_ns=end,
        sessions=calendar("XNYS", np.datetime64("2024-01-02").item(), np.datetime64("2024-03-06").item()),
        **{name: np.ascontiguousarray(values) for name, values in prices.items()},
    )


@pytest.mark.parametrize("profile", [TAPELINE, SOURCE], ids=lambda profile: profile.name)
def test_all_planted_setups_are_accepted_and_no_near_miss(profile: Profile) -> None:
    cases = stored_cases(profile)
    panel = panel_of(sorted({case.seed for case in cases}))
    wanted = {case.at: [] for case in cases}
    for case in cases:
        wanted[case.at].append(case)

    judged = []
    for screening in screen_history(panel, load_screener_settings(None, profile.name)):
        classes = screening.snapshot["tree.setup_class"]
        for case in wanted.get(screening.snapshot.time_ns, []):
            judged.append((case, CLASSES[int(classes[panel.column(case.symbol)])]))

    assert len(judged) == len(cases)
    assert [(case, found) for case, found in judged if found != (case.kind or "")] == []
    assert {case.broken for case, found in judged if found == "A+"} == {None}
