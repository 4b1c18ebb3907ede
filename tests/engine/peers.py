"""The peers' workloads as our benchmark runs them, and plain loops over the same bars that share no code with us."""

from __future__ import annotations

import importlib.util
import math
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from shared import shared_path
from tapeline import Panel

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "bench_tapeline.py"


@cache
def benchmark() -> ModuleType:
    """Return benchmarks/bench_tapeline.py as a module; it brings the peers' workload.py along as `workload`."""
    shared_path("bench/peers/workload.py")
    path = list(sys.path)
    specification = importlib.util.spec_from_file_location("bench_tapeline", BENCHMARK)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    finally:
        sys.path[:] = path
    return module


class Trade(NamedTuple):
    """A round trip of the plain loops: rows of the fills, their prices, the quantity and what was gained."""

    entry_row: int
    exit_row: int
    entry_price: float
    exit_price: float
    quantity: float
    net_pnl: float


def crosses(close: list[float], fast: int, slow: int) -> list[int]:
    """Return 1 where the fast average crosses above the slow one, -1 below, 0 elsewhere; both begin at the first."""
    fast_weight, slow_weight = 2.0 / (fast + 1), 2.0 / (slow + 1)
    quick = slack = close[0]
    was_above, found = False, [0]
    for price in close[1:]:
        quick += fast_weight * (price - quick)
        slack += slow_weight * (price - slack)
        above = quick > slack
        found.append((1 if above else -1) if above != was_above else 0)
        was_above = above
    return found


def cross_trades(panel: Panel, cash: float, fee: float, first: int) -> tuple[list[Trade], float]:
    """Trade all in and all out at the next open after a cross; return the round trips and the final equity."""
    open_, close = panel.open[:, 0].tolist(), panel.close[:, 0].tolist()
    signal = crosses(close, 20, 50)
    trades: list[Trade] = []
    held = entry_price = paid = 0.0
    entry_row = -1
    for row in range(first, len(close) - 1):
        price = open_[row + 1]
        if signal[row] > 0 and held == 0.0:
            held = math.floor(cash / (price * (1 + fee)) * 1e8) / 1e8
            entry_row, entry_price, paid = row + 1, price, held * price * fee
            cash -= held * price + paid
        elif signal[row] < 0 and held > 0.0:
            gain = held * (price - entry_price) - paid - held * price * fee
            trades.append(Trade(entry_row, row + 1, entry_price, price, held, gain))
            cash += held * price * (1 - fee)
            held = 0.0
    return trades, cash + held * close[-1]


def true_range_averages(panel: Panel, length: int) -> list[float]:
    """Return Wilder's average of the true range, begun with the mean of the first `length` of them."""
    high, low, close = (values[:, 0].tolist() for values in (panel.high, panel.low, panel.close))
    ranges = [
        max(high[row] - low[row], abs(high[row] - close[row - 1]), abs(low[row] - close[row - 1]))
        for row in range(1, len(close))
    ]
    average = sum(ranges[:length]) / length
    found = [math.nan] * length + [average]
    for value in ranges[length:]:
        average += (value - average) / length
        found.append(average)
    return found


def bracket_trades(panel: Panel, cash: float, fee: float, first: int, quantity: float) -> tuple[list[Trade], float]:
    """Buy a cross with a stop 1.5 and a target 3 average ranges away; a touch fills, the stop comes before the target.

    In the bar of the entry the open is the entry's; afterwards an open beyond a level fills at the open.
    """
    open_, high, low, close = (values[:, 0].tolist() for values in (panel.open, panel.high, panel.low, panel.close))
    signal, reach = crosses(close, 20, 50), true_range_averages(panel, 14)
    trades: list[Trade] = []
    entry_row, stop, target = -1, 0.0, 0.0
    for row in range(first, len(close)):
        if entry_row >= 0:
            price = math.nan
            if (row > entry_row and open_[row] <= stop) or (row > entry_row and open_[row] >= target):
                price = open_[row]
            elif low[row] <= stop:
                price = stop
            elif high[row] >= target:
                price = target
            if price == price:
                entry = open_[entry_row]
                gain = quantity * (price - entry) - quantity * fee * (price + entry)
                trades.append(Trade(entry_row, row, entry, price, quantity, gain))
                cash += gain
                entry_row = -1
        if entry_row < 0 and signal[row] > 0 and row + 1 < len(close):
            entry_row = row + 1
            stop, target = round(close[row] - 1.5 * reach[row], 4), round(close[row] + 3 * reach[row], 4)
    if entry_row >= 0:
        cash += quantity * (close[-1] - open_[entry_row]) - quantity * fee * open_[entry_row]
    return trades, cash
