"""Cross-sectional momentum does what its sentence says, on five years of real days with splits.

Everything is found again from the tables with plain Python and NumPy: who was a member, what had been gained in the
shares of the day, the places, the weights. What was held at a moment is taken from the executions; the market that made
them is tested elsewhere.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest

from shared import shared_path
from tapeline import Account, CrossSectionalMomentum, Panel, Result, RunSettings, Split, backtest, read_bars, replay
from tapeline.domain.corporate import CorporateAction
from tapeline.domain.errors import ConfigurationError, DataError
from tapeline.feeds.corporate_actions import read_corporate_actions
from tapeline.feeds.membership import with_membership

FIRST, LAST = date(2005, 1, 3), date(2009, 12, 31)
MILLION = RunSettings(account=Account(cash=1_000_000.0))
FEW = {"holdings": 6.0, "invested": 60.0}
"""60 % by six is more than the 5 % that one may have, and leaves so much cash that nothing is ever cut or denied."""
CALM = {"holdings": 8.0, "invested": 36.0, "calm": 1.0}
AWAY = (date(2008, 3, 17), date(2009, 6, 15))
"""Here every second symbol leaves the index on the one day and comes back on the other."""


def pack(name: str) -> str:
    return str(shared_path(f"data/{name}.parquet"))


@cache
def market() -> Panel:
    """Return every fifth symbol of the pack, with its stays in the index."""
    names = read_bars(pack("daily_sp500"), first=FIRST, last=date(2005, 1, 31)).panel.symbols
    panel = read_bars(pack("daily_sp500"), first=FIRST, last=LAST, symbols=names[::5]).panel
    with TemporaryDirectory() as folder:
        stays().write_parquet(f"{folder}/stays.parquet")
        return with_membership(panel, f"{folder}/stays.parquet")


@cache
def stays() -> pl.DataFrame:
    """Return the stays of the shared table, those of every second symbol cut in two."""
    table = pl.read_parquet(pack("sp500_membership"))
    cut = pl.col("symbol").is_in(table["symbol"].unique().sort().gather_every(2, offset=1).implode())
    over = cut & (pl.col("start_date") < AWAY[0]) & (pl.col("end_date").fill_null(date(2100, 1, 1)) > AWAY[1])
    before, after = table.filter(over), table.filter(over)
    return pl.concat(
        [
            table.filter(~over),
            before.with_columns(end_date=pl.lit(AWAY[0])),
            after.with_columns(start_date=pl.lit(AWAY[1])),
        ]
    )


@cache
def actions() -> tuple[CorporateAction, ...]:
    chosen = read_corporate_actions(pack("corporate_actions_sp500"), symbols=market().symbols, first=FIRST, last=LAST)
    return tuple(chosen)


@cache
def the_run(**parameters: float) -> Result:
    return backtest(CrossSectionalMomentum(**parameters), market(), MILLION, corporate_actions=actions())


@dataclass(frozen=True)
class Day:
    """What the rule can know at a close, for symbols with a bar."""

    price: dict[str, float]
    member: set[str]
    gain: dict[str, float]
    volatility: dict[str, float]
    begins: set[str]
    early: set[str]

    def strong(self, percent: float) -> set[str]:
        """Return the members among the best so many percent of those whose gain is known."""
        known = sorted(gain for symbol, gain in self.gain.items() if symbol in self.member)
        place = {gain: number / (len(known) - 1) for number, gain in enumerate(known)}
        return {
            symbol
            for symbol, gain in self.gain.items()
            if symbol in self.member and place[gain] >= 1 - percent / 100 - 1e-9
        }


@cache
def days() -> dict[date, Day]:
    """Return what the tables tell for each day, each symbol by its own bars."""
    bars = pl.read_parquet(pack("daily_sp500"), columns=["symbol", "date", "close"])
    bars = bars.filter(pl.col("symbol").is_in(market().symbols) & pl.col("date").is_between(FIRST, LAST))
    splits = pl.read_parquet(pack("corporate_actions_sp500")).filter(pl.col("split_ratio") != 1.0)
    found: dict[date, Day] = defaultdict(lambda: Day({}, set(), {}, {}, set(), set()))
    for (symbol,), rows in bars.sort("date").group_by("symbol", maintain_order=True):
        dates, closes = rows["date"].to_list(), rows["close"].to_numpy()
        shares = np.ones(len(dates))
        for _, ex, _, ratio in splits.filter((pl.col("symbol") == symbol) & (pl.col("date") > dates[0])).iter_rows():
            shares[[number for number, day in enumerate(dates) if day >= ex]] *= ratio
        worth = closes * shares
        periods = stays().filter(pl.col("symbol") == symbol).select("start_date", "end_date").rows()
        turns = [number > 0 and day.month != dates[number - 1].month for number, day in enumerate(dates)]
        for number, day in enumerate(dates):
            one = found[day]
            one.price[symbol] = closes[number]
            if any(start <= day < (end or date.max) for start, end in periods):
                one.member.add(symbol)
            if number >= 252:
                one.gain[symbol] = worth[number - 21] / worth[number - 252] - 1
            if number >= 63:
                moves = np.diff(np.log(worth[number - 63 : number + 1]))
                one.volatility[symbol] = moves.std(ddof=1) * math.sqrt(252)
            if turns[number]:
                one.begins.add(symbol)
            if any(turns[max(number - 2, 0) : number + 1]):
                one.early.add(symbol)
    return dict(found)


def day_of(time_ns: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(time_ns) // 1000)).date()


def wishes(result: Result, side: int) -> dict[date, dict[str, float]]:
    """Return the quantities ordered on one side, by the day of the decision."""
    found: dict[date, dict[str, float]] = defaultdict(dict)
    for order in result.orders[result.orders["side"] == side]:
        found[day_of(order["decided_ns"])][result.symbols[order["symbol"]]] = float(order["quantity"])
    return found


def held_at_each_close(result: Result) -> dict[date, set[str]]:
    """Return what was held at each close: sales are of whole holdings."""
    trades: dict[date, list[Any]] = defaultdict(list)
    for row in result.executions:
        trades[day_of(row["time_ns"])].append((result.symbols[row["symbol"]], int(row["side"])))
    held: set[str] = set()
    found = {}
    for day in sorted(days()):
        for symbol, side in trades[day]:
            (held.add if side > 0 else held.discard)(symbol)
        found[day] = set(held)
    return found


@pytest.mark.parametrize("parameters", [FEW, CALM], ids=["few", "calm"])
def test_it_sells_at_the_first_close_of_a_month_what_is_no_longer_strong_or_no_member(
    parameters: dict[str, float],
) -> None:
    result = the_run(**parameters)
    held, sold = held_at_each_close(result), wishes(result, -1)

    expected = {}
    for day, known in days().items():
        weak = {s for s in held[day] & known.begins if s not in known.member or s in known.gain}
        weak -= known.strong(20) if known.gain else set()
        if weak:
            expected[day] = weak

    assert {day: set(quantities) for day, quantities in sold.items()} == expected
    assert sum(map(len, expected.values())) > 40
    assert any(symbol not in days()[day].member for day, symbols in expected.items() for symbol in symbols)


@pytest.mark.parametrize("parameters", [FEW, CALM], ids=["few", "calm"])
def test_it_fills_its_places_with_the_strongest_members_in_the_first_sessions_of_a_month(
    parameters: dict[str, float],
) -> None:
    result = the_run(**parameters)
    held, bought = held_at_each_close(result), wishes(result, 1)

    expected = {}
    for day, known in days().items():
        if not known.gain:
            continue
        free = int(parameters["holdings"]) - len(held[day])
        wanted = (known.strong(20) & known.early) - held[day]
        chosen = sorted(wanted, key=lambda symbol: -known.gain[symbol])[: max(free, 0)]
        if chosen:
            expected[day] = set(chosen)

    assert {day: set(quantities) for day, quantities in bought.items()} == expected
    assert sum(map(len, expected.values())) > 40


@pytest.mark.parametrize("parameters", [FEW, CALM], ids=["few", "calm"])
def test_weights_are_equal_or_by_calmness_and_never_above_the_bound(parameters: dict[str, float]) -> None:
    result = the_run(**parameters)
    equity = {day_of(time_ns): value for time_ns, value in zip(result.times_ns, result.equity, strict=True)}
    share = parameters["invested"] / parameters["holdings"]
    bounded = 0

    for day, quantities in wishes(result, 1).items():
        known = days()[day]
        calmness = {symbol: 1 / known.volatility[symbol] for symbol in known.strong(20)}
        mean = sum(calmness.values()) / len(calmness)
        for symbol, quantity in quantities.items():
            percent = share * calmness[symbol] / mean if parameters.get("calm") else share
            bounded += percent > 5
            exact = min(percent, 5.0) / 100 * equity[day] / known.price[symbol]
            assert quantity in (math.floor(exact * (1 - 1e-9)), math.floor(exact * (1 + 1e-9))), (day, symbol)

    assert bounded > 5


def test_the_same_both_ways_with_splits_and_members() -> None:
    looped = replay([CrossSectionalMomentum(**FEW)], market(), ":memory:", MILLION, corporate_actions=actions()).result
    compiled = the_run(**FEW)

    assert sum(isinstance(action, Split) for action in actions()) > 20
    assert looped.digest == compiled.digest
    assert looped.equity.tobytes() == compiled.equity.tobytes()


def test_who_will_be_a_member_does_not_matter() -> None:
    """Stays that begin later change nothing before they begin."""
    panel = market()
    later = panel.series["member"].copy()
    later[1000:] = 1.0
    seen = panel.with_series("member", later)

    changed = backtest(CrossSectionalMomentum(**FEW), seen, MILLION, corporate_actions=actions())

    ours = the_run(**FEW)
    assert changed.equity[:1000].tobytes() == ours.equity[:1000].tobytes()
    assert changed.digest != ours.digest


def test_a_gain_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a gain from 21 to 21 sessions ago is none"):
        CrossSectionalMomentum(first_session=21)


def test_without_members_it_is_refused() -> None:
    panel = read_bars(pack("daily_sp500"), symbols=["AAPL"], first="2010-01-04", last="2012-01-04").panel

    with pytest.raises(DataError, match=r'series\("member"\), which the data does not have'):
        backtest(CrossSectionalMomentum(), panel)
