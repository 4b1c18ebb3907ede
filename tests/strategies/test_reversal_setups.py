"""The reversal's own formulas: planted setups are entered and near misses are not, and management reads what it should.

What the conditions of management are worth is computed a second time from the columns of the screener's referee, which
shares no code with the formulas.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.acts import run
from engine.builders import SETTINGS, real_panel
from screener.planted import BAR, path, paths, stored_cases, symbol_of
from screener.planted import sessions as planted_sessions
from screener.reference import tree
from screener.reference.bars import Symbol, build_symbol
from screener.reference.logic import Truth, above, at_least, at_most, below, both
from screener.reference.profiles import TAPELINE
from shared import shared_path
from strategies.told_reversal import chosen, market, notes
from tapeline import BuyAndHold, Panel, backtest, compute, simulate_market
from tapeline.app.screen_settings import ScreenerSettings, load_screener_settings
from tapeline.app.screening import screen_history, with_regime, with_regime_asked
from tapeline.domain.errors import ConfigurationError, TapelineError, UnknownNameError
from tapeline.domain.times import DAY
from tapeline.feeds.parquet import read_bars
from tapeline.screener.screen import Rules
from tapeline.screener.sessions import SessionHistory, session_bars
from tapeline.screener.settings import Frames, ScreenSettings
from tapeline.strategies.reversal import REGIME_SERIES, MomentumReversal
from tapeline.tape.calendars import sessions

OPEN_TO_ALL = {"grade_min": "C", "positions_max": 1000, "open_risk_max": 1e9, "reward_min": -1e9, "notional_max": 0.01}
TRADED = ("AAL", "ABEV", "ACN", "CCI", "CLNS", "DPS", "EFX", "MAR", "NLY", "NOC", "NOW", "NVDA", "SCHW", "TWX", "VEON")


def in_a_fair_regime(panel: Panel) -> Panel:
    for name, value in zip(REGIME_SERIES, (1.0, 1000.0, 60.0), strict=True):
        panel = panel.with_series(name, np.full(panel.close.shape, value))
    return panel


@cache
def planted() -> Panel:
    bars = paths({case.seed for case in stored_cases(TAPELINE)})
    starts = np.array([bar.start for bar in next(iter(bars.values()))])
    cells = np.array([[bar[1:6] for bar in rows] for rows in bars.values()]).transpose(2, 1, 0)
    calendar = sessions("XNYS", date(2024, 1, 2), date(2024, 3, 6))
    return in_a_fair_regime(Panel(tuple(bars), BAR, starts, starts + BAR, *cells, sessions=calendar))


@cache
def referee(seed: int) -> Symbol:
    return build_symbol(symbol_of(seed), path(seed), planted_sessions(), profile=TAPELINE)


def test_planted_setups_are_entered_and_near_misses_are_not() -> None:
    """Each trade ends at its first close; a setup whose symbol is held at its close was entered one close before."""
    strategy = MomentumReversal(chosen(trade_type="swing", progress_bars=0, **OPEN_TO_ALL))
    backtest(strategy, planted())
    entered = {(one.symbol, one.time_ns): one.notes["class"] for one in strategy.log if one.act == "enter"}
    left = {(one.symbol, one.time_ns) for one in strategy.log if one.act == "exit"}

    for case in stored_cases(TAPELINE):
        place = case.symbol, case.at
        if case.kind in ("A+", "A") and place not in left:
            assert entered[place] == case.kind, case
        else:
            assert place not in entered, case
    assert sum((case.symbol, case.at) in entered for case in stored_cases(TAPELINE)) >= 29


def second_readings(symbol: Symbol, now: int) -> dict[str, Truth]:
    """Return what management asks at a close, from the referee's columns."""
    t1, t2 = symbol.t1.at(now), symbol.t2.at(now)
    lowest_k = min(t1.k[back] for back in range(5))
    return {
        "oscillator_exit": both(
            at_least(t1.k[1], 80), below(t1.k[0], 80), below(t1.h[0], t1.h[1]), below(t1.h[1], t1.h[2])
        ),
        "near_upper": at_least(t2.high[0], t2.upper[0] - 0.1 * (t2.upper[0] - t2.lower[0])),
        "above_upper": above(t2.close[0], t2.upper[0]),
        "under_middle": below(t2.close[0], t2.middle[0]),
        "runner_ends": both(below(t2.h[0], t2.h[1]), below(t2.h[1], t2.h[2])),
        "second_target": both(above(t1.rsi[0], 70), at_most(t1.rsi[1], 70)) or at_least(t1.high[0], t2.upper[0]),
        "again": both(
            at_most(t1.low[0], 1.001 * t1.middle[0]),
            at_least(t1.close[0], t1.middle[0]),
            tree.regime_ok(symbol.t3.at(now)),
            at_least(lowest_k, 40),
            at_most(lowest_k, 50),
            above(t1.k[0], t1.k[1]),
            above(t1.h[0], 0),
        ),
    }


def test_management_reads_the_frames_as_a_second_program_does() -> None:
    panel = planted()
    chosen_columns = range(0, len(panel.symbols), 4)
    formulas = MomentumReversal().formulas()
    names = ("oscillator_exit", "near_upper", "above_upper", "under_middle", "runner_ends", "second_target", "again")
    values = compute({name: formulas[name] for name in names}, panel)
    found = dict.fromkeys(names, 0)

    for column in chosen_columns:
        symbol = referee(int(panel.symbols[column][1:]))
        for row in range(28 * 26, len(panel)):
            expected = second_readings(symbol, int(panel.end_ns[row]))
            for name in names:
                assert values[name][row, column] == float(bool(expected[name])), (name, panel.symbols[column], row)
                found[name] += expected[name] is True
    assert min(found.values()) > 10, found


def test_a_higher_low_has_two_higher_lows_on_each_side_and_lies_above_the_one_before() -> None:
    lows = [10, 9, 8, 9, 10, 9, 8.5, 9, 10, 8.4, 9, 10, 8.4, 8.6, 9, 8.8, 8.8, 9, 9.5]
    panel = market([[low, low + 1, low, low] for low in lows])

    found = compute({"low": MomentumReversal().formulas()["higher_low"]}, panel)["low"][:, 0]

    # 8 is the first, 8.50 lies above it, 8.40 below 8.50, the second 8.40 not above the first, 8.80 has an equal
    assert {row: value for row, value in enumerate(found) if not math.isnan(value)} == {8: 8.5}


def test_the_regime_beside_the_bars_is_that_of_the_screen_and_knows_no_future() -> None:
    panel = simulate_market(
        5, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 2, 9)), symbols=["SPY", "QQQ", "IWM", "DIA", "X"]
    ).panel
    settings = ScreenerSettings()
    found = with_regime(panel, settings)
    seen = set()

    for screening in screen_history(panel, settings):
        row = int(np.searchsorted(panel.end_ns, screening.snapshot.time_ns))
        values = tuple(found.series[name][row, 4] for name in REGIME_SERIES)
        if screening.regime is None:
            assert all(math.isnan(value) for value in values)
        else:
            regime = screening.regime
            assert values == (regime.size_multiplier, regime.max_positions, regime.favourability)
            seen.add(values)
    assert len(seen) > 2
    asked = with_regime_asked(panel, [MomentumReversal()])
    assert asked.series[REGIME_SERIES[2]].tobytes() == found.series[REGIME_SERIES[2]].tobytes()
    assert with_regime_asked(panel, [BuyAndHold()]) is panel
    half = len(panel) // 2
    early = with_regime(panel.rows(0, half), settings)
    for name in REGIME_SERIES:
        assert early.series[name].tobytes() == found.series[name][:half].tobytes()


def test_sessions_known_one_by_one_are_those_of_the_whole() -> None:
    panel = simulate_market(5, sessions=sessions("XNYS", date(2024, 1, 2), date(2024, 1, 8)), symbols=3).panel
    history = SessionHistory(panel)

    for row in range(0, len(panel), 97):
        one, other = history.at(row), session_bars(panel, row)
        for name in ("session", "close_ns", "last", "high", "low", "volume"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert one.complete == other.complete


@pytest.mark.parametrize("settings", ["cash", "late"])
def test_real_minutes_trade_the_same_both_ways(settings: str) -> None:
    """Two months of 2018 in which fifteen symbols have setups; a small reward is enough, so that there are trades."""
    panel = real_panel("minute_us_2018.parquet", "2018-03-05", "2018-05-05")
    columns = [panel.column(symbol) for symbol in TRADED]
    fields = [
        np.ascontiguousarray(getattr(panel, name)[:, columns]) for name in ("open", "high", "low", "close", "volume")
    ]
    few = Panel(TRADED, panel.frame_ns, panel.start_ns, panel.end_ns, *fields, sessions=panel.sessions)
    numbers = {**OPEN_TO_ALL, "reward_min": 0.2, "runner_share": 0.2, "notional_max": 0.05}
    strategy = MomentumReversal(chosen(**numbers))

    result = run(strategy, in_a_fair_regime(few), SETTINGS[settings])

    assert len(result.round_trips) >= 10
    assert {str(one["reason"]) for one in notes(strategy.log, "exit")} >= {"oscillator", "flat before close"}


@pytest.mark.parametrize(
    ("numbers", "symbols", "trades", "reasons"),
    [
        ({"trade_type": "swing"}, "LMT NU SMH WMT XLI XLU", 10, {"oscillator", "upper band failed"}),
        ({"trade_type": "position"}, "AMZN AVGO C MARA SPY XLRE", 8, {"oscillator"}),
        ({"variant": "aggressive"}, "GS META NFLX WMT XLU XYZ", 6, {"flat before close", "no progress"}),
        ({"variant": "conservative"}, "AVGO DASH NU SOFI UDOW XLI XLP XLU", 5, {"flat before close", "oscillator"}),
    ],
)
def test_each_type_and_variant_trades_real_bars_the_same_both_ways(
    numbers: dict[str, str], symbols: str, trades: int, reasons: set[str]
) -> None:
    """Five months of bars of five minutes, of symbols that have such setups."""
    path = shared_path("data/bars_5min_us_2025.parquet")
    panel = read_bars(path, symbols=symbols.split(), first="2025-04-01", last="2025-08-31").panel
    strategy = MomentumReversal(chosen(**{**OPEN_TO_ALL, **numbers}))

    result = run(strategy, in_a_fair_regime(panel), SETTINGS["cash"])

    assert len(result.round_trips) >= trades
    assert {str(one["reason"]) for one in notes(strategy.log, "exit")} >= reasons
    entered = [one.notes for one in strategy.log if one.act == "enter"]
    if "variant" in numbers:
        assert all(one[numbers["variant"]] for one in entered)
    else:
        assert {one["trade type"] for one in entered} == {numbers["trade_type"]}
        held = (result.round_trips["exit_ns"] - result.round_trips["entry_ns"]) / DAY
        assert held.max() > 1.0
        assert held.max() < 6.0 or numbers["trade_type"] == "position"  # three sessions and a long weekend


def test_only_symbols_of_the_days_universe_are_entered() -> None:
    panel = planted()
    inside = np.zeros(panel.close.shape)
    inside[:, ::3] = 1.0
    usual = MomentumReversal(chosen(trade_type="swing", progress_bars=0, **OPEN_TO_ALL))
    strict = MomentumReversal(chosen(trade_type="swing", progress_bars=0, only_universe=True, **OPEN_TO_ALL))

    backtest(usual, panel)
    backtest(strict, panel.with_series("in_universe", inside))

    entered = [[(one.symbol, one.time_ns) for one in each.log if one.act == "enter"] for each in (usual, strict)]
    assert 0 < len(entered[1]) < len(entered[0])
    assert entered[1] == [one for one in entered[0] if one[0] in panel.symbols[::3]]
    with pytest.raises(TapelineError, match="in_universe"):
        backtest(strict, panel)


def test_a_position_is_the_same_one_frame_up() -> None:
    strategy = MomentumReversal(chosen(trade_type="position"))
    rules = Rules(ScreenSettings(frames=Frames("1h", "4h", "4h")))

    assert strategy.frame == "1h"
    assert strategy.flat_before_close_minutes is None
    assert strategy.formulas()["tree.trigger"].version == rules.formulas["tree.trigger"].version
    assert strategy.formulas()["score.total"].version == rules.formulas["score.total"].version


def test_whatever_is_set_is_in_the_version() -> None:
    versions = {
        MomentumReversal(settings).version
        for settings in (
            None,
            chosen(scale_r=2.5),
            chosen(variant="aggressive"),
            ScreenSettings().with_profile("source"),
        )
    }

    assert len(versions) == 4
    assert MomentumReversal().version in versions


def test_what_cannot_be_is_refused_in_a_sentence() -> None:
    with pytest.raises(UnknownNameError, match="scalp"):
        chosen(trade_type="scalping")
    with pytest.raises(ConfigurationError, match="section `frames`"):
        MomentumReversal(frame="30min")
    with pytest.raises(TapelineError, match="regime_size"):
        backtest(MomentumReversal(), replace(planted(), series={}))


def test_the_section_strategy_of_a_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "screen.yaml"
    file.write_text("strategy:\n  trade_type: swing\n  runner_share: 0.2\n  again_k: [35, 55]\n")
    numbers: Any = load_screener_settings(file).screen.strategy

    assert (numbers.trade_type, numbers.runner_share, numbers.again_k) == ("swing", 0.2, (35.0, 55.0))
    file.write_text("strategy:\n  variant: agressive\n")
    with pytest.raises(UnknownNameError, match="aggressive"):
        load_screener_settings(file)
    file.write_text("strategy:\n  progress_bars: many\n")
    with pytest.raises(ConfigurationError, match="a whole number"):
        load_screener_settings(file)
