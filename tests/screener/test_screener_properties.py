"""What holds of the screen whatever the bars: bounded totals, monotone points, no unknown that acts, no later bar."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapeline.app.screen_newest as newest_module
from formula.builders import a_series
from formula.running import column_of
from tapeline.app.screen_settings import ScreenerSettings, load_screener_settings
from tapeline.app.screening import screen_at, screen_feed, screen_history
from tapeline.domain.errors import DataError
from tapeline.domain.panel import BAR_FIELDS, Panel
from tapeline.feeds.simulated import simulate_market
from tapeline.formula import bars
from tapeline.screener.points import Points
from tapeline.screener.sabr20 import GRADES
from tapeline.screener.screen import COMPONENTS, CONDITIONS, QUESTIONS, Snapshot
from tapeline.screener.settings import AccumulationSettings, CoarseSettings, ScoreSettings
from tapeline.tape.calendars import sessions

PROFILES = ("source", "tapeline")


def a_market(seed: int, symbols: int = 6, last: date = date(2024, 2, 14)) -> Panel:
    """Return bars of 5 minutes of an invented market, six weeks of them."""
    return simulate_market(seed, sessions=sessions("XNYS", date(2024, 1, 2), last), symbols=symbols, frame="5min").panel


def with_holes(panel: Panel, seed: int, share: float) -> Panel:
    """Return the bars without a share of them, some symbols without whole hours."""
    rng = np.random.default_rng(seed)
    gone = rng.random(panel.close.shape) < share
    for column in range(len(panel.symbols)):
        first = int(rng.integers(0, len(panel)))
        gone[first : first + int(rng.integers(0, 400)), column] = True
    gone[:, 0] = False  # somebody always trades
    fields = {name: np.where(gone, np.nan, getattr(panel, name)) for name in BAR_FIELDS}
    return Panel(panel.symbols, panel.frame_ns, panel.start_ns, panel.end_ns, sessions=panel.sessions, **fields)


def same(one: Snapshot, other: Snapshot) -> bool:
    return (
        one.time_ns == other.time_ns
        and np.array_equal(one.values, other.values, equal_nan=True)
        and np.array_equal(one.present, other.present)
        and np.array_equal(one.stale, other.stale)
    )


@pytest.mark.parametrize("profile", PROFILES)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 500), share=st.sampled_from((0.0, 0.05, 0.5)))
def test_totals_lie_between_0_and_100_and_only_what_is_true_acts(profile: str, seed: int, share: float) -> None:
    wanted = load_screener_settings(None, profile)
    weights = wanted.screen.score
    for screening in screen_history(with_holes(a_market(seed), seed, share), wanted):
        found = screening.snapshot
        total = found["score.total"]
        known = total[~np.isnan(total)]
        assert ((known >= 0) & (known <= 100 + 1e-9)).all()
        for name, part in zip(COMPONENTS, ("setup", "bottom", "accumulation", "trend", "risk", "volume"), strict=True):
            raw = found[f"score.{name}"]
            assert (raw[~np.isnan(raw)] >= 0).all() and (raw[~np.isnan(raw)] <= getattr(weights, f"{part}_raw")).all()
        for name in [f"coarse.{one}" for one in CONDITIONS] + [f"tree.{one}" for one in QUESTIONS]:
            assert np.isin(found[name][~np.isnan(found[name])], (0, 1)).all()
        acted = found["tree.setup_class"] == 2
        for name in ("tree.q1", "tree.q2", "tree.trigger", "tree.overhead_clear"):
            assert (found[name][acted] == 1).all()
        assert (found["tree.hostile"][acted] != 1).all()
        assert (found["coarse.v"][found["coarse.passed"] == 1] == 1).all()
        for column in found.watchlist:
            assert found["score.grade"][column] >= GRADES.index("A") and found.present[column]


@pytest.mark.parametrize("profile", PROFILES)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 500), share=st.floats(0.3, 0.95))
def test_later_bars_change_no_row_of_the_past(profile: str, seed: int, share: float) -> None:
    panel, wanted = with_holes(a_market(seed), seed, 0.1), load_screener_settings(None, profile)
    cut = int(share * len(panel))
    rng = np.random.default_rng(seed)
    later = {}
    for name in BAR_FIELDS:
        values = getattr(panel, name).copy()
        values[cut:] *= rng.uniform(0.5, 2.0)
        later[name] = values
    other = Panel(panel.symbols, panel.frame_ns, panel.start_ns, panel.end_ns, sessions=panel.sessions, **later)
    whole = [one.snapshot for one in screen_history(panel, wanted)]
    changed = [one.snapshot for one in screen_history(other, wanted)]
    ended = int(panel.end_ns[cut - 1])

    assert all(same(a, b) for a, b in zip(whole, changed, strict=True) if a.time_ns <= ended)
    assert not all(same(a, b) for a, b in zip(whole, changed, strict=True))


@pytest.mark.parametrize("block", [2, 4, 100])
def test_a_moment_and_the_history_say_the_same(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a moment is worked out in blocks of symbols, the last of them smaller."""
    monkeypatch.setattr(newest_module, "BLOCK_SYMBOLS", block)
    panel, wanted = with_holes(a_market(3), 3, 0.2), ScreenerSettings()
    history = list(screen_history(panel, wanted))
    for one in history[200::97]:
        found = screen_at(panel, one.snapshot.time_ns, wanted)
        assert same(found.snapshot, one.snapshot) and found.snapshot.symbols == panel.symbols


def test_bars_that_go_on_arriving_are_screened_like_the_whole() -> None:
    """Also where nothing came between two looks, and where a look ends within a bar of the trigger frame."""
    panel, wanted = with_holes(a_market(5), 5, 0.1), ScreenerSettings()
    looks = [len(panel) - 160, len(panel) - 160, len(panel) - 100, len(panel) - 31, len(panel)]
    first_ns = int(panel.end_ns[-300])

    arriving = list(screen_feed((panel.rows(0, last) for last in looks), wanted, first_ns=first_ns))
    whole = list(screen_history(panel, wanted, first_ns=first_ns))

    assert len(arriving) == len(whole) == 100
    for one, other in zip(arriving, whole, strict=True):
        assert same(one.snapshot, other.snapshot) and one.regime_as_dict() == other.regime_as_dict()
    with pytest.raises(DataError, match="symbols of the bars changed"):
        list(screen_feed([panel, panel.columns(0, 2)], wanted))


@pytest.mark.parametrize(
    ("steps", "rises"),
    [
        (CoarseSettings().k_low_points, False),
        (CoarseSettings().k_rise_points, True),
        (CoarseSettings().rsi_rise_points, True),
        (ScoreSettings().k_low_points, False),
        (ScoreSettings().rsi_low_points, False),
        (ScoreSettings().rsi_rise_points, True),
        (ScoreSettings().reward_points, True),
        (ScoreSettings().risk_points, False),
        (ScoreSettings().volume_points, True),
        (ScoreSettings().regime_rsi_points, True),
        (AccumulationSettings().recent_points, True),
    ],
)
def test_points_are_monotone_where_the_table_is(steps: tuple[tuple[float, float], ...], rises: bool) -> None:
    ladder = np.linspace(0.25, 1.5 * max(bound for bound, _ in steps), 60)
    panel, points = a_series(ladder.tolist()), Points(strict=False)
    rule = points.at_least if rises else points.at_most

    found = column_of(panel, rule(bars().close, steps))

    assert found == sorted(found, reverse=not rises)
    assert {0.0, *(worth for _, worth in steps)} == set(found)
