"""Averages that weigh their values otherwise than equally, all in the unit of the series. See `library`."""

from __future__ import annotations

import math

from tapeline.formula.library import ema, round_to
from tapeline.formula.library_oscillators import efficiency_ratio
from tapeline.formula.library_statistics import sqrt
from tapeline.formula.naming import check_number, named
from tapeline.formula.node import Node, Operand, as_node, constant_value, make
from tapeline.formula.operations import Setting, bars_setting, indicator

_WMA = indicator("wma", bars_setting(), kernel="rolling_line", kernel_output=3)
_SEED = Setting("seed", default="before", choices={"before": 0.0, "value": 1.0})
_ADAPTIVE = indicator("adaptive_average", _SEED, any_series=True)


def wma(series: Node, length: Operand) -> Node:
    """Return the mean of the last `length` values with weights 1, 2, ... up to the newest.

    Unit of the series. Warm-up: length - 1.
    Source: Murphy (1999), Technical Analysis of the Financial Markets, chapter 9.
    """
    return make(_WMA, (as_node(series),), (length,))


def dema(series: Node, length: Operand) -> Node:
    """Return 2 a - b, with a the EMA of the series and b the EMA of a: an average with less lag.

    Unit of the series. Warm-up: 2 * (length - 1).
    Source: Mulloy (1994), Smoothing Data with Faster Moving Averages, Technical Analysis of Stocks and Commodities
    12(1).
    """
    series = as_node(series)
    once = ema(series, length)
    return named(2 * once - ema(once, length), "dema", "", (series,), (length,))


def tema(series: Node, length: Operand) -> Node:
    """Return 3 a - 3 b + c, with a the EMA of the series, b the EMA of a and c the EMA of b.

    Unit of the series. Warm-up: 3 * (length - 1).
    Source: Mulloy (1994), Smoothing Data with Less Lag, Technical Analysis of Stocks and Commodities 12(2).
    """
    series = as_node(series)
    once = ema(series, length)
    twice = ema(once, length)
    return named(3 * once - 3 * twice + ema(twice, length), "tema", "", (series,), (length,))


def hma(series: Node, length: Operand) -> Node:
    """Return Hull's average: the WMA over sqrt(length) bars of 2 WMA(length / 2) - WMA(length).

    Unit of the series. Length at least 2; half of it and its root are rounded down.
    Warm-up: length + sqrt(length) - 2.
    Source: Hull (2005), Hull Moving Average, alanhull.com.
    """
    check_number(length, bars_setting(low=2), where="hma")
    series, known = as_node(series), constant_value(as_node(length))
    half: Operand
    root: Operand
    if known is not None:
        half, root = int(known) // 2, math.isqrt(int(known))
    else:  # of a parameter, rounded down as well
        half = round_to(as_node(length) / 2 - 0.25, 1)
        root = round_to(sqrt(as_node(length) + 0.5) - 0.5, 1)
    return named(wma(2 * wma(series, half) - wma(series, length), root), "hma", "", (series,), (length,))


def adaptive_average(series: Node, weight: Operand, *, seed: str = "before") -> Node:
    """Return the average that each bar moves towards its value by that bar's own weight, 0 not at all to 1 all the way.

    Unit of the series. A bar with an unknown value or weight is passed over.
    seed : where it begins: "before", at the value one bar before the first known weight, or "value", at that bar's
    Warm-up: that of the weight.
    """
    return make(_ADAPTIVE, (as_node(series), as_node(weight)), (seed,))


def kama(
    series: Node,
    length: Operand = 10,
    fast: Operand = 2,
    slow: Operand = 30,
    *,
    flat: str = "fast",
    seed: str = "before",
) -> Node:
    """Return Kaufman's adaptive average: quick where the price goes straight, slow where it goes to and fro.

    Unit of the series. From an unknown value on it is unknown for `length` bars, and then goes on from where it was.
    fast, slow : lengths of the EMAs that it is between
    flat : "fast" or "slow", what it does where nothing changed in `length` bars; "fast" as TA-Lib
    seed : where it begins: "before", at the value one bar before its first, as TA-Lib does, or "value", at the value
        of its first bar
    Warm-up: length.
    Source: Kaufman (1995), Smarter Trading.
    """
    Setting("flat", choices={"fast": 1.0, "slow": 0.0}).check(flat, where="kama")
    series = as_node(series)
    efficiency = efficiency_ratio(series, length, flat=1 if flat == "fast" else 0)
    quickest, slowest = 2 / (as_node(fast) + 1), 2 / (as_node(slow) + 1)
    root = efficiency * (quickest - slowest) + slowest
    return named(adaptive_average(series, root * root, seed=seed), "kama", "", (series,), (length, fast, slow))
