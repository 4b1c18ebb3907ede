"""The simulated market: the same everywhere, valid as bars, and with the traits it claims."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date

import numpy as np
import pytest

from tapeline.domain.errors import InputError
from tapeline.domain.panel import Panel, Sessions
from tapeline.domain.sessions import session_rows
from tapeline.domain.times import DAY, MINUTE
from tapeline.feeds.digest import panel_digest
from tapeline.feeds.simulated import simulate_market
from tapeline.tape.calendars import sessions


@pytest.fixture(scope="module")
def ten_sessions() -> Sessions:
    """From the end of November 2018 on; the third of them is a half day."""
    return sessions("XNYS", date(2018, 11, 20), date(2018, 12, 4))


@pytest.fixture(scope="module")
def panel(ten_sessions: Sessions) -> Panel:
    return simulate_market(7, sessions=ten_sessions).panel


def log_returns(panel: Panel, column: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    close = panel.close[:, column]
    return np.diff(np.log(close[~np.isnan(close)]))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(ten_sessions: Sessions, panel: Panel) -> None:
    again = simulate_market(7, sessions=ten_sessions).panel
    other = simulate_market(8, sessions=ten_sessions).panel

    assert panel_digest(again) == panel_digest(panel)
    assert panel_digest(other) != panel_digest(panel)


def test_the_bytes_do_not_depend_on_the_instructions_the_processor_offers(panel: Panel) -> None:
    script = (
        "from datetime import date; from tapeline.tape.calendars import sessions;"
        "from tapeline.feeds.simulated import simulate_market;"
        "from tapeline.feeds.digest import panel_digest;"
        "days = sessions('XNYS', date(2018, 11, 20), date(2018, 12, 4));"
        "print(panel_digest(simulate_market(7, sessions=days).panel))"
    )
    plain = {**os.environ, "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"}

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True, env=plain
    )

    assert done.stdout.strip() == panel_digest(panel)


def test_open_and_close_lie_between_low_and_high(panel: Panel) -> None:
    here = ~np.isnan(panel.close)

    assert (panel.low[here] <= np.minimum(panel.open, panel.close)[here]).all()
    assert (panel.high[here] >= np.maximum(panel.open, panel.close)[here]).all()
    assert (panel.low[here] >= 0.01).all()


def test_prices_are_whole_cents_and_volumes_whole_shares(panel: Panel) -> None:
    here = ~np.isnan(panel.close)

    for field in (panel.open, panel.high, panel.low, panel.close):
        # The double nearest to a decimal with two digits, and not just close to one.
        assert (field[here] == np.round(field[here], 2)).all()
    assert (panel.volume[here] == np.floor(panel.volume[here])).all()
    assert (panel.volume[here] >= 1).all()


def test_a_missing_bar_is_missing_in_all_five_fields(panel: Panel) -> None:
    missing = np.isnan(panel.close)

    for field in (panel.open, panel.high, panel.low, panel.volume):
        assert np.array_equal(np.isnan(field), missing)


def test_bars_fill_the_sessions_half_days_included(ten_sessions: Sessions, panel: Panel) -> None:
    assert len(panel) == 9 * 390 + 210
    assert (session_rows(panel).index >= 0).all()
    assert panel.end_ns[-1] == ten_sessions.close_ns[-1]
    assert panel.start_ns[0] == ten_sessions.open_ns[0]


def test_returns_have_fatter_tails_than_normal_ones_and_cluster(panel: Panel) -> None:
    for column in range(17):
        returns = log_returns(panel, column)
        centred = returns - returns.mean()
        kurtosis = (centred**4).mean() / (centred**2).mean() ** 2
        sizes = np.abs(centred)

        assert kurtosis > 5  # 3 for a normal distribution
        assert np.corrcoef(sizes[1:], sizes[:-1])[0, 1] > 0.05


def test_volume_and_volatility_are_higher_at_both_ends_of_the_day_than_in_its_middle(panel: Panel) -> None:
    since, to_close = session_rows(panel).minutes_since_open, session_rows(panel).minutes_to_close
    span = np.nanmean((panel.high - panel.low) / panel.close, axis=1)
    turnover = np.nanmean(panel.volume[:, :17], axis=1)
    middle = (since > 120) & (to_close > 120)

    for edge in (since <= 30, to_close < 30):
        assert turnover[edge].mean() > 1.8 * turnover[middle].mean()
        assert span[edge].mean() > 1.2 * span[middle].mean()


def test_symbols_move_together_with_one_market(panel: Panel) -> None:
    returns = np.diff(np.log(panel.close[:, :15]), axis=0)
    returns = returns[~np.isnan(returns).any(axis=1)]
    between = np.corrcoef(returns.T)[np.triu_indices(15, 1)]

    assert 0.05 < between.mean() < 0.6


def test_prices_jump_overnight(panel: Panel) -> None:
    first = np.flatnonzero(np.diff(session_rows(panel).index, prepend=-1))[1:]
    jumps = np.abs(panel.open[first, :15] / panel.close[first - 1, :15] - 1)
    steps = np.abs(panel.open[1:, :15] / panel.close[:-1, :15] - 1)

    assert np.median(jumps) > 5 * np.nanmedian(steps)


def test_thin_names_skip_minutes_and_one_name_halts(panel: Panel) -> None:
    missing = np.isnan(panel.close).sum(axis=0)

    assert (missing[-2:] > 0.2 * len(panel)).all()
    assert sorted(missing[:-2].tolist()) == [0] * 17 + [5]


def test_the_report_says_that_the_market_is_simulated_and_names_the_seed(ten_sessions: Sessions) -> None:
    report = simulate_market(7, sessions=ten_sessions, symbols=["ONE", "TWO"]).report

    assert report.source == "a simulated market, seed 7"
    assert "from a simulated market, seed 7" in report.sentences()[0]
    assert report.symbols == ("ONE", "TWO")


@pytest.mark.parametrize(("frame", "rows"), [("5min", 9 * 78 + 42), ("1h", 9 * 7 + 4), ("1d", 10)])
def test_other_frames_fill_the_sessions_too(frame: str, rows: int, ten_sessions: Sessions) -> None:
    panel = simulate_market(7, sessions=ten_sessions, symbols=1, frame=frame).panel

    assert len(panel) == rows
    assert panel.end_ns[-1] == ten_sessions.close_ns[-1]
    assert (panel.end_ns - panel.start_ns <= panel.frame_ns).all()
    assert panel.frame_ns % MINUTE == 0 and panel.frame_ns <= DAY


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"seed": -1}, "Seed -1 is below zero."),
        ({"symbols": 0}, "0 symbols were asked for"),
        ({"symbols": ["A", "A"]}, "each name once"),
        ({"frame": "2d"}, "Bars of 2d do not fit into a session."),
        ({"frame": "8h"}, "Bars of 8h do not fit into a session."),
    ],
)
def test_a_market_that_cannot_be_made_is_refused(
    arguments: dict[str, object], sentence: str, ten_sessions: Sessions
) -> None:
    with pytest.raises(InputError, match=sentence):
        simulate_market(**{"seed": 7, "sessions": ten_sessions, **arguments})  # type: ignore[arg-type]


def test_no_sessions_make_no_market(ten_sessions: Sessions) -> None:
    with pytest.raises(InputError, match="No session was given to simulate"):
        simulate_market(7, sessions=ten_sessions.cut(0, 0))
