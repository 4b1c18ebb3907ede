"""The shipped strategies do what their sentence says, on two months of real minutes.

The measures are recomputed from the bars with NumPy and TA-Lib. Every entry is one that the rule allows, and every
moment at which a flat strategy's rule was true has its entry.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from shared import shared_path
from strategies import frame_bars as own
from strategies.frame_bars import FrameBars
from tapeline import (
    Account,
    IntradayMeanReversion,
    Limits,
    MovingAverageCross,
    Panel,
    Result,
    RuleStrategy,
    RunSettings,
    ScaleOut,
    SwingTrend,
    backtest,
    bars,
    distance,
    position,
    read_bars,
)
from tapeline.domain.times import MINUTE
from tapeline.domain.words import OrderStatus, Purpose, Stage
from tapeline.strategies.catalogue import SHIPPED

SYMBOLS = ("AMAT", "CSCO", "CVS", "EBAY", "GILD", "MSFT", "MU", "NVDA", "ORCL", "QCOM")
ROOM = RunSettings(
    account=Account(kind="margin", leverage=4.0, short_allowed=True), limits=Limits(position=0.2, gross=3.0)
)
"""Ten symbols at a fifth of equity each: neither slots nor buying power ever refuse an entry."""

Truth = npt.NDArray[np.bool_]


@cache
def market() -> Panel:
    return read_bars(shared_path("data/minute_us_2018.parquet"), symbols=SYMBOLS).panel


@cache
def the_run(strategy: type[RuleStrategy], frame: str = "") -> Result:
    return backtest(strategy(frame=frame or None), market(), ROOM)


@cache
def of_frame(symbol: str, minutes: int) -> FrameBars:
    return own.frame_bars(market(), symbol, minutes)


def entries(result: Result, symbol: str, side: int = 0) -> dict[int, Any]:
    """Return a symbol's entry orders by the time of their decision, of one side or of both."""
    return {
        int(order["decided_ns"]): order
        for order in result.orders
        if order["purpose"] == Purpose.ENTRY
        and result.symbols[order["symbol"]] == symbol
        and side in (0, int(order["side"]))
    }


def free_rows(result: Result, symbol: str, known: FrameBars) -> Truth:
    """Return at which bars the strategy was flat: from the bar that closed a holding up to the next entry's own."""
    free = np.ones(len(known.end_ns), dtype=bool)
    column = result.symbols.index(symbol)
    exits = {int(trip["entry_ticket"]): int(trip["exit_ns"]) for trip in result.round_trips if trip["symbol"] == column}
    for ticket, order in enumerate(result.orders):
        if order["purpose"] == Purpose.ENTRY and order["symbol"] == column:
            ended = order["status"] != OrderStatus.FILLED and order["filled"] == 0
            assert not ended, "every entry of these symbols fills"
            until = exits.get(ticket, np.iinfo(np.int64).max)
            free &= ~((known.end_ns > order["decided_ns"]) & (known.end_ns < until))
    return free


def minutes_in(known: FrameBars) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the minutes from the open to each bar's end, and from there to the close."""
    sessions = market().sessions
    assert sessions is not None
    since = (known.end_ns - sessions.open_ns[known.session]) / MINUTE
    return since, (sessions.close_ns[known.session] - known.end_ns) / MINUTE


def sessions_of(times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    sessions = market().sessions
    assert sessions is not None
    return np.searchsorted(sessions.open_ns, times, side="left")


def assert_entries_are_the_rule(result: Result, minutes: int, rule: Callable[[FrameBars], Truth], side: int) -> int:
    """Compare the moments of entries with those at which the rule was true and the strategy flat."""
    count = 0
    for symbol in SYMBOLS:
        known = of_frame(symbol, minutes)
        wanted = rule(known) & free_rows(result, symbol, known)
        assert sorted(entries(result, symbol, side)) == known.end_ns[wanted].tolist(), symbol
        count += int(wanted.sum())
    return count


def reversion_rule(side: int) -> Callable[[FrameBars], Truth]:
    def rule(known: FrameBars) -> Truth:
        z, momentum = own.stretch(known, 20), own.relative_strength(known.close)
        since, left = minutes_in(known)
        stretched = (z < -2) & (momentum < 30) if side > 0 else (z > 2) & (momentum > 70)
        found: Truth = stretched & (since >= 30) & (left > 30)
        return found

    return rule


@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_mean_reversion_fades_two_deviations_that_rsi_confirms(side: int) -> None:
    """|z| > 2 with RSI below 30 or above 70, from half an hour after the open to half an hour before the close."""
    result = the_run(IntradayMeanReversion)

    assert assert_entries_are_the_rule(result, 5, reversion_rule(side), side) > 50


def test_mean_reversion_leaves_near_the_vwap() -> None:
    """Half a deviation from it; no holding is closed by the rule earlier, none is kept longer."""
    result, seen = the_run(IntradayMeanReversion), 0
    for order in result.orders:
        if order["purpose"] != Purpose.EXIT_RULE:
            continue
        known = of_frame(result.symbols[order["symbol"]], 5)
        z = own.stretch(known, 20)[known.row(int(order["decided_ns"]))]
        assert z > -0.5 if order["side"] < 0 else z < 0.5
        seen += 1
    assert seen > 50
    for trip in result.round_trips:
        known = of_frame(result.symbols[trip["symbol"]], 5)
        z = own.stretch(known, 20) * trip["side"]
        # bars that ended while it was held, up to the one that decided the exit
        held = (known.end_ns >= trip["entry_ns"]) & (known.end_ns < trip["exit_ns"])
        assert np.count_nonzero(z[held] > -0.5) <= 1


def test_mean_reversion_puts_its_stop_an_average_range_and_a_half_away() -> None:
    result, tick = the_run(IntradayMeanReversion), 0.01
    stops = [order for order in result.orders if order["purpose"] == Purpose.STOP]
    assert len(stops) > 100
    for order in stops:
        known = of_frame(result.symbols[order["symbol"]], 5)
        row = known.row(int(order["decided_ns"]))
        level = known.close[row] + order["side"] * 1.5 * own.average_true_range(known)[row]
        # away from the market: a sell stop down, a buy stop up
        assert -1e-6 * tick <= order["side"] * (order["stop_price"] - level) < tick


def test_mean_reversion_holds_nothing_overnight() -> None:
    result = the_run(IntradayMeanReversion)
    trips = result.round_trips
    last = np.flatnonzero(np.diff(result.session, append=-1))

    assert (sessions_of(trips["entry_ns"]) == sessions_of(trips["exit_ns"])).all()
    assert not result.long_exposure[last].any()
    assert not result.short_exposure[last].any()
    late = trips[trips["exit_purpose"] == Purpose.FLAT_BEFORE_CLOSE]
    assert len(late) > 0


def trend_rule(known: FrameBars) -> Truth:
    fast, slow, adx = own.average(known.close, 20), own.average(known.close, 50), own.strength(known)
    rising = (fast > slow) & (adx > 20)
    below = known.low <= fast
    pulled_back = below.copy()
    pulled_back[1:] |= below[:-1]
    pulled_back[2:] |= below[:-2]
    resumed = np.zeros(len(below), dtype=bool)
    resumed[1:] = (known.close > fast)[1:] & (known.close[1:] > known.high[:-1])
    found: Truth = rising & pulled_back & resumed
    return found


def test_swing_trend_buys_what_leaves_a_pullback_inside_a_strong_rise() -> None:
    assert assert_entries_are_the_rule(the_run(SwingTrend), 60, trend_rule, 1) > 10


def test_swing_trend_holds_ten_sessions_at_most() -> None:
    """With a trail too wide to be reached, it is sold after the first hour of the tenth session after the entry's."""
    result = backtest(SwingTrend(trail_atr=10), market(), ROOM)
    trips = result.round_trips
    held = sessions_of(trips["exit_ns"]) - sessions_of(trips["entry_ns"])

    assert held.max() == 10
    by_rule = trips["exit_purpose"] == Purpose.EXIT_RULE
    assert by_rule.sum() > 5
    assert (held[by_rule] == 10).all()
    for trip in trips[by_rule]:
        known = of_frame(result.symbols[trip["symbol"]], 60)
        decided = int(result.orders[trip["exit_ticket"]]["decided_ns"])
        row = known.row(decided)
        assert known.session[row] != known.session[row - 1]


def test_swing_trend_trails_three_average_ranges_below_the_highest_price() -> None:
    result, panel = the_run(SwingTrend), market()
    orders = result.orders
    fills = {int(fill["ticket"]): fill for fill in result.executions}
    checked = 0
    for trip in result.round_trips[result.round_trips["exit_purpose"] == Purpose.STOP]:
        stop, exit_fill = orders[trip["exit_ticket"]], fills[int(trip["exit_ticket"])]
        column, known = int(trip["symbol"]), of_frame(result.symbols[trip["symbol"]], 60)
        row = known.row(int(stop["decided_ns"]))
        assert stop["trail"] == pytest.approx(3 * own.average_true_range(known)[row], rel=1e-9)
        held = (panel.end_ns >= trip["entry_ns"]) & (panel.end_ns < trip["exit_ns"]) & (panel.volume[:, column] > 0)
        highest = max([float(trip["entry_price"]), *panel.high[held, column]])
        level = np.floor((highest - stop["trail"]) * 100 + 1e-6) / 100
        if exit_fill["stage"] == Stage.OPEN:
            assert exit_fill["price"] <= level
        else:
            assert exit_fill["price"] == pytest.approx(level, abs=1e-9)
        checked += 1
    assert checked > 5


def test_the_cross_buys_above_and_sells_below() -> None:
    """EMA 20 over EMA 50 on half hours: in on the bar that crosses, out on the next cross."""

    def crossed(known: FrameBars, side: int) -> Truth:
        gap = (own.average(known.close, 20) - own.average(known.close, 50)) * side
        found = np.zeros(len(gap), dtype=bool)
        found[1:] = (gap[1:] > 0) & (gap[:-1] <= 0)
        return found

    result = the_run(MovingAverageCross, "30min")

    assert assert_entries_are_the_rule(result, 30, lambda known: crossed(known, 1), 1) > 20
    exits = [order for order in result.orders if order["purpose"] == Purpose.EXIT_RULE]
    assert len(exits) > 10
    for order in exits:
        known = of_frame(result.symbols[order["symbol"]], 30)
        assert crossed(known, -1)[known.row(int(order["decided_ns"]))]


VERSIONS = """
from tapeline.strategies.catalogue import SHIPPED
print(*(strategy().version for strategy in SHIPPED.values()))
"""


def test_versions_are_the_same_in_every_process() -> None:
    here = [strategy().version for strategy in SHIPPED.values()]

    for seed in ("1", "2"):
        variables = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", VERSIONS], env=variables, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == here

    assert len(set(here)) == len(SHIPPED)


class Plain(RuleStrategy):
    """A rule with everything that a version must tell apart."""

    enter_long = bars().close > bars().close.lag(1)
    stop = distance(bars().close * 0.02)
    target = distance(bars().close * 0.05)
    scale_out = ScaleOut(position.unrealized_r >= 1, fraction=0.5)


CHANGES: dict[str, dict[str, Any]] = {
    "another entry": {"enter_long": bars().close > bars().close.lag(2)},
    "a price instead of a distance": {"stop": bars().close * 0.02},
    "a target's price instead of a distance": {"target": bars().close * 0.05},
    "another fraction": {"scale_out": ScaleOut(position.unrealized_r >= 1, fraction=0.25)},
    "another condition": {"scale_out": ScaleOut(position.unrealized_r >= 2, fraction=0.5)},
    "no target": {"target": None},
    "fewer positions": {"positions_max": 3},
    "another frame": {"frame": "5min"},
    "flat at night": {"flat_before_close_minutes": 5},
    "an exit": {"exit_long": position.bars_held >= 3},
    "a rank": {"rank": bars().volume * 1},
}


@pytest.mark.parametrize("case", CHANGES)
def test_whatever_decides_is_in_the_version(case: str) -> None:
    changed = type("Plain", (Plain,), CHANGES[case])()

    assert changed.version != Plain().version
    assert type("Plain", (Plain,), {})().version == Plain().version


@pytest.mark.parametrize("strategy", SHIPPED.values(), ids=SHIPPED)
def test_parameters_are_in_the_version(strategy: type[RuleStrategy]) -> None:
    versions = {strategy().version}
    for name, parameter in strategy.declared_parameters().items():
        versions.add(strategy(**{name: parameter.default + 1}).version)

    assert len(versions) == 1 + len(strategy.declared_parameters())
