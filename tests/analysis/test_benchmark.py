"""Buying and holding in equal parts, by hand."""

import numpy as np
import pytest

from tapeline.analysis.benchmark import buy_and_hold, leaping

NONE = np.nan


def table(*rows):
    return np.array(rows, dtype=np.float64)


def test_two_symbols_of_which_one_doubles_make_half_as_much_again():
    levels = buy_and_hold(table([10, 50], [15, 50]), table([12, 50], [20, 50]))

    # bought at the first open: 12/10 and 1, then 20/10 and 1
    assert levels.tolist() == [1.1, 1.5]


def test_a_share_waits_as_cash_until_its_symbol_trades_and_keeps_its_last_close():
    levels = buy_and_hold(table([10, NONE], [10, 40], [11, NONE]), table([10, NONE], [NONE, 60], [20, NONE]))

    # first: 1, 1 (cash); then 1 (no bar, last close) and 60/40; then 2 and still 1.5
    assert levels.tolist() == [1.0, 1.25, 1.75]


def test_a_reported_split_is_no_loss():
    prices = table([100], [100], [25], [26])

    assert buy_and_hold(prices, prices, {0: {2: 4.0}}).tolist() == [1.0, 1.0, 1.0, 1.04]
    assert buy_and_hold(prices, prices)[-1] == 0.26


def test_a_symbol_without_a_bar_takes_no_part():
    prices = table([10, NONE], [20, NONE])

    assert buy_and_hold(prices, prices).tolist() == [1.0, 2.0]
    assert np.isnan(buy_and_hold(prices[:, 1:], prices[:, 1:])).all()


@pytest.mark.parametrize(
    ("close", "splits", "count"),
    [
        ([[100.0, 5.0], [50.0, 5.0]], {}, 1),
        ([[100.0, 5.0], [50.0, 5.0]], {0: {1: 2.0}}, 0),
        ([[100.0, 5.0], [60.0, 10.0]], {}, 1),
        ([[100.0, 5.0], [60.0, 8.9]], {}, 0),
    ],
)
def test_moves_that_look_like_unreported_splits_are_counted_by_symbol(close, splits, count):
    assert leaping(table(*close), splits) == count
