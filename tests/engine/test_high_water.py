"""High-water marks and drawdowns: by hand, by a second program, and under money that comes and goes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.domain.times import DAY
from tapeline.domain.words import Side
from tapeline.engine.portfolio import HighWater, high_water_of, r_multiples_tree
from tapeline.ledger.attribution import Piece
from tapeline.ledger.profits import Close, Profits

ZERO = Decimal(0)
Day = tuple[int, int, int]
"""Profit of a day, what came in, what went out."""


def profits_of(days: list[Day]) -> tuple[Profits, Close]:
    """Return the closes of days, the last of them as the present."""
    profits = Profits()
    made = inflow = outflow = ZERO
    closes = []
    for number, (gain, came, went) in enumerate(days, start=1):
        made, inflow, outflow = made + gain, inflow + came, outflow + went
        closes.append(Close(number * DAY, inflow - outflow + made, inflow, outflow, {"Dip": made}))
    profits.began_ns["main"] = 0
    profits.closes["main"] = closes[:-1]
    return profits, closes[-1]


def high_of(*days: Day, strategy: str | None = None) -> HighWater:
    return high_water_of(*profits_of(list(days)), strategy=strategy)


def test_a_fall_and_half_of_the_way_back_by_hand() -> None:
    """1,000 become 1,100, 990 and 1,045: 5 % below the high of the first day, 10 % at worst."""
    high = high_of((100, 1000, 0), (-110, 0, 0), (55, 0, 0))

    assert (high.equity, high.below, high.since_ns) == (1100, 55, DAY)
    assert high.depth == pytest.approx(-0.05)
    assert high.deepest == pytest.approx(-0.10)
    assert (high.longest, high.longest_from_ns, high.longest_to_ns) == (2, DAY, None)


def test_a_loss_on_the_first_day_is_a_drawdown_and_a_new_high_ends_it() -> None:
    high = high_of((-100, 1000, 0), (50, 0, 0), (60, 0, 0))

    assert (high.equity, high.below, high.since_ns, high.depth) == (1010, 0, 3 * DAY, 0.0)
    assert (high.longest, high.longest_from_ns, high.longest_to_ns) == (3, 0, 3 * DAY)


def test_a_deposit_makes_no_high_and_a_withdrawal_no_drawdown() -> None:
    """Lost 100 of 1,000; 9,000 come in and 5,000 go out again: still 10 % below, 100 in money."""
    high = high_of((-100, 1000, 0), (0, 9000, 0), (0, 0, 5000))

    assert (high.equity, high.below, high.since_ns) == (5000, 100, 0)
    assert high.depth == high.deepest == pytest.approx(-0.10)


def test_a_return_is_on_what_there_was_to_make_it_with() -> None:
    """500 made on the day when 4,000 come to 1,000 are 10 %, and all of it lost then is a tenth of 5,500."""
    high = high_of((0, 1000, 0), (500, 4000, 0), (-550, 0, 0))

    assert high.depth == pytest.approx(-0.10)


def test_a_strategy_is_measured_on_the_capital_of_the_account() -> None:
    profits, now = profits_of([(0, 1000, 0), (100, 0, 0), (-55, 0, 0)])
    halves = [
        replace(close, profits=dict.fromkeys(("Dip", "Trend"), close.profits["Dip"] / 2))
        for close in [*profits.closes["main"], now]
    ]
    profits.closes["main"] = halves[:-1]

    high = high_water_of(profits, halves[-1], strategy="Dip")

    assert (high.equity, high.below, high.since_ns) == (None, Decimal("27.5"), 2 * DAY)
    assert high.depth == pytest.approx(-27.5 / 1100)


def test_without_capital_the_share_is_unknown_and_the_money_is_not() -> None:
    high = high_of((100, 0, 0), (-40, 0, 0))

    assert isnan(high.depth)
    assert isnan(high.deepest)
    assert (high.equity, high.below, high.longest) == (100, 40, 0)


def test_an_account_without_a_close_stands_at_its_high() -> None:
    high = high_of((0, 1000, 0))

    assert (high.equity, high.below, high.depth, high.longest) == (1000, 0, 0.0, 0)


DAYS = st.lists(
    st.tuples(st.integers(-300, 300), st.sampled_from([0, 0, 0, 500, 2000]), st.sampled_from([0, 0, 0, 100])),
    min_size=1,
    max_size=30,
).map(lambda days: [(days[0][0], 20_000, 0), *days[1:]])


@given(DAYS)
def test_a_second_program_finds_the_same(days: list[Day]) -> None:
    """Units of a fund: deposits buy units at the price of the day's start, withdrawals sell them at its end."""
    price, units, equity = 1.0, 0.0, 0.0
    prices, made = [1.0], [0.0]
    for gain, came, went in days:
        units += came / price
        equity += came + gain
        price = equity / units
        units -= went / price
        equity -= went
        prices.append(price)
        made.append(made[-1] + gain)

    high = high_of(*days)

    falls = [price / max(prices[: at + 1]) - 1 for at, price in enumerate(prices)]
    assert high.depth == pytest.approx(falls[-1], abs=1e-9)
    assert high.deepest == pytest.approx(min(falls), abs=1e-9)
    assert float(high.below) == max(made) - made[-1]
    assert high.equity is not None
    assert float(high.equity) == pytest.approx(equity + max(made) - made[-1])


@given(DAYS)
def test_a_strategy_that_makes_everything_has_the_path_of_the_account(days: list[Day]) -> None:
    whole, only = high_of(*days), high_of(*days, strategy="Dip")

    assert (whole.depth, whole.deepest, whole.below, whole.longest) == (
        only.depth,
        only.deepest,
        only.below,
        only.longest,
    )


def test_r_multiples_count_round_trips_without_a_stop_apart() -> None:
    def piece(r: float | None, *, is_open: bool = False) -> Piece:
        return Piece("Dip", "ABCD", ZERO, Side.BUY, is_open=is_open, r_multiple=r)

    tree = r_multiples_tree([piece(-1.0), piece(-1.5), piece(0.0), piece(2.0), piece(None), piece(9.0, is_open=True)])

    assert (tree["round_trips"], tree["with_stop"]) == (5, 4)
    assert tree["counts"] == [1, 1, 1, 0, 1]  # below -1, from -1, from 0, from 1, from 2
    assert (tree["mean"], tree["median"], tree["worst"], tree["best"]) == (-0.125, -0.5, -1.5, 2.0)
