"""The functions formulas are written with.

Each reads a series, usually a bar field, and gives a node; windows and averages run over the existing bars
of the series' frame. A warm-up of n means that the first n bars are unknown, when all of them are known
themselves. Lengths are numbers of bars and may be parameters.

To add an indicator: its kernel in `tapeline.indicators` where no combination of existing ones will do, an
`indicator(...)` entry and a function here or in the `library_...` file of its family, and its name in the face,
`tapeline/__init__.py`. Tests then ask for an example, and the catalogue of `docs/` for a picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tapeline.domain.errors import FormulaError
from tapeline.domain.times import MINUTE
from tapeline.formula import operations as op
from tapeline.formula.bars import Bars
from tapeline.formula.naming import named
from tapeline.formula.node import Node, Operand, as_node, make
from tapeline.formula.operations import Setting, bars_setting, indicator

_SEEDS = {"sma": 0.0, "first": 1.0}
_FLATS = {"zero": 0.0, "middle": 50.0, "unknown": math.nan}


def _ema_vector(settings: Sequence[float]) -> tuple[float, float, float]:
    length, seed = settings
    return 2.0 / (length + 1.0), 1.0 if seed == _SEEDS["first"] else length, 0.0


_LENGTH = bars_setting()
_DDOF = Setting("ddof", low=0, high=1, whole=True, default=0.0)

_SMA = indicator("sma", _LENGTH)
_EMA = indicator("ema", _LENGTH, Setting("seed", default="sma", choices=_SEEDS), vector=_ema_vector)
_WILDER = indicator("wilder", _LENGTH, kernel="ema", vector=lambda s: (1.0 / s[0], s[0], 0.0))
_MACD = indicator(
    "macd",
    bars_setting("fast"),
    bars_setting("slow"),
    bars_setting("signal"),
    outputs=("line", "signal", "histogram"),
)
_RSI = indicator("rsi", _LENGTH, Setting("flat", default="zero", choices=_FLATS))
_SUM = indicator("rolling_sum", _LENGTH)
_MEAN = indicator("rolling_mean", _LENGTH, _DDOF, kernel="rolling_moments")
_STD = indicator("rolling_std", _LENGTH, _DDOF, kernel="rolling_moments", kernel_output=1)
_ARGMIN = indicator("rolling_argmin", _LENGTH)
_ARGMAX = indicator("rolling_argmax", _LENGTH)
_STOCHASTIC = indicator(
    "stochastic",
    _LENGTH,
    Setting("flat", default="zero", choices=_FLATS),
    Setting("flat_threshold", low=0.0, default=1e-9),
)
_TRUE_RANGE = indicator("true_range")
_ATR = indicator("atr", _LENGTH)
_ADX = indicator("adx", _LENGTH, outputs=("adx", "dx", "plus_di", "minus_di"))
_ROC = indicator("roc", _LENGTH, kernel="rate_of_change")
_VOLATILITY = indicator(
    "realized_volatility",
    bars_setting(low=2),
    Setting("ddof", low=0, high=1, whole=True, default=1.0),
    Setting("periods_per_year", low=0.0, default=252.0),
    kernel="realised_volatility",
)
_OBV = indicator("obv")
_VWAP = indicator("vwap", kernel="session_vwap", outputs=("", "deviation"))
_RELATIVE_VOLUME = indicator("relative_volume", _LENGTH)
_RELATIVE_VOLUME_BY_MINUTE = indicator(
    "relative_volume_by_minute",
    bars_setting("sessions"),
    Setting("bar_minutes", low=0.0),
    bars_setting("slots"),
)


def sma(series: Node, length: Operand) -> Node:
    """Return the mean of the last `length` values. Unit of the series. Warm-up: length - 1."""
    return make(_SMA, (as_node(series),), (length,))


def ema(series: Node, length: Operand, *, seed: str = "sma") -> Node:
    """Return the exponential average with weight 2 / (length + 1). Unit of the series.

    seed : "sma" starts from the mean of the first `length` values, as TA-Lib; "first" from the first value
    Warm-up: length - 1, none for "first".
    """
    return make(_EMA, (as_node(series),), (length, seed))


def wilder(series: Node, length: Operand) -> Node:
    """Return Wilder's average, weight 1 / length, seeded by the mean of the first `length` values.

    Unit of the series. Warm-up: length - 1. Source: Wilder (1978), New Concepts in Technical Trading Systems.
    """
    return make(_WILDER, (as_node(series),), (length,))


def vwap(frame: Bars) -> Node:
    """Return the average typical price since the session's open, weighted by volume. Quote currency.

    Unknown until the session has volume; without sessions the whole data is one. Warm-up: none.
    Source: Berkowitz, Logue and Noser (1988), The Total Cost of Transactions on the NYSE.
    """
    return make(_VWAP, (frame.high, frame.low, frame.close, frame.volume))


def rolling_sum(series: Node, length: Operand) -> Node:
    """Return the sum of the last `length` values. Unit of the series. Warm-up: length - 1."""
    return make(_SUM, (as_node(series),), (length,))


def rolling_mean(series: Node, length: Operand) -> Node:
    """Return the mean of the last `length` values, as `sma`. Warm-up: length - 1."""
    return sma(series, length)


def rolling_std(series: Node, length: Operand, *, ddof: int = 0) -> Node:
    """Return the standard deviation of the last `length` values. Unit of the series. Warm-up: length - 1.

    ddof : 0 population, 1 sample (unknown for length 1). Equal values give exactly 0.
    """
    return make(_STD, (as_node(series),), (length, ddof))


def rolling_min(series: Node, length: Operand) -> Node:
    """Return the lowest of the last `length` values, as `series.lowest(length)`. Warm-up: length - 1."""
    return as_node(series).lowest(length)


def rolling_max(series: Node, length: Operand) -> Node:
    """Return the highest of the last `length` values, as `series.highest(length)`. Warm-up: length - 1."""
    return as_node(series).highest(length)


def rolling_argmin(series: Node, length: Operand) -> Node:
    """Return how many bars ago the lowest of the last `length` values was, 0 = now; of equals the newest.

    Warm-up: length - 1.
    """
    return make(_ARGMIN, (as_node(series),), (length,))


def rolling_argmax(series: Node, length: Operand) -> Node:
    """Return how many bars ago the highest of the last `length` values was, 0 = now; of equals the newest.

    Warm-up: length - 1.
    """
    return make(_ARGMAX, (as_node(series),), (length,))


def rolling_zscore(series: Node, length: Operand, *, ddof: int = 0, flat: str = "unknown") -> Node:
    """Return (value - mean) / deviation of the last `length` values. Without unit. Warm-up: length - 1.

    flat : "unknown" or "zero", the result where all values of the window are equal
    """
    series = as_node(series)
    Setting("flat", choices={"unknown": math.nan, "zero": 0.0}).check(flat, where="rolling_zscore")
    deviation = rolling_std(series, length, ddof=ddof)
    score = (series - make(_MEAN, (series,), (length, ddof))) / deviation
    if flat == "zero":
        score = where(deviation == 0, 0, score)
    return named(score, "rolling_zscore", "", (series,), (length,))


class Bollinger(NamedTuple):
    """Bollinger bands; prices in the unit of the series, bandwidth and percent_b without unit.

    bandwidth : (upper - lower) / middle
    percent_b : (value - lower) / (upper - lower), 0 at the lower band; unknown where the bands are closer
        than 1e-9 of the value
    """

    upper: Node
    middle: Node
    lower: Node
    bandwidth: Node
    percent_b: Node


def bollinger(series: Node, length: Operand = 20, width: Operand = 2) -> Bollinger:
    """Return the bands `width` population deviations around the mean of the last `length` values.

    Warm-up: length - 1. Source: Bollinger (2001), Bollinger on Bollinger Bands.
    """
    series = as_node(series)
    mean = make(_MEAN, (series,), (length, 0))
    reach = as_node(width) * rolling_std(series, length)
    upper, lower = mean + reach, mean - reach
    percent = where(upper - lower > 1e-9 * abs(series), (series - lower) / (upper - lower), math.nan)
    parts = (upper, mean, lower, (upper - lower) / mean, percent)
    pairs = zip(Bollinger._fields, parts, strict=True)
    return Bollinger(*(named(node, "bollinger", part, (series,), (length, width)) for part, node in pairs))


def rsi(series: Node, length: Operand = 14, *, flat: Operand | str = "zero") -> Node:
    """Return the relative strength index, 0 to 100. Warm-up: length.

    flat : value where nothing changed at all: "zero" as TA-Lib, "middle" (50), "unknown", or a number
    Source: Wilder (1978), New Concepts in Technical Trading Systems; seeded as TA-Lib does.
    """
    return make(_RSI, (as_node(series),), (length, flat))


def stochastic(frame: Bars, length: Operand = 14, *, flat: Operand | str = "zero") -> Node:
    """Return the raw %K: the close between lowest low and highest high of `length` bars, 0 to 100.

    flat : value where the range is at most 1e-9. Warm-up: length - 1. Source: Lane (1984), Lane's
        Stochastics.
    """
    return make(_STOCHASTIC, (frame.high, frame.low, frame.close), (length, flat, 1e-9))


class StochRsi(NamedTuple):
    """Stochastic RSI, smoothed; 0 to 100."""

    k: Node
    d: Node


def stoch_rsi(
    series: Node,
    rsi_length: Operand = 14,
    length: Operand = 14,
    k: Operand = 3,
    d: Operand = 3,
    *,
    flat: Operand | str = "zero",
) -> StochRsi:
    """Return the RSI's place in its own range of `length` bars: %K, a mean of k bars, and %D, a mean of d %K.

    flat : value of a window whose RSI range is at most 1e-9
    Warm-up: rsi_length + length + k - 2 for %K, d - 1 more for %D.
    Source: Chande and Kroll (1994), The New Technical Trader.
    """
    strength = rsi(series, rsi_length)
    fast_k = sma(make(_STOCHASTIC, (strength,) * 3, (length, flat, 1e-9)), k)
    shown = (rsi_length, length, k, d)
    series = as_node(series)
    return StochRsi(
        named(fast_k, "stoch_rsi", "k", (series,), shown),
        named(sma(fast_k, d), "stoch_rsi", "d", (series,), shown),
    )


class Macd(NamedTuple):
    """Moving average convergence divergence, in the unit of the series; histogram = line - signal."""

    line: Node
    signal: Node
    histogram: Node


def macd(series: Node, fast: Operand = 12, slow: Operand = 26, signal: Operand = 9) -> Macd:
    """Return the difference of a fast and a slow EMA, its EMA, and the difference of those two.

    Seeded as TA-Lib does: the fast average starts late, so that both seeds end at bar `slow`.
    Warm-up: slow + signal - 2 for all three (33 by default).
    Source: Appel (1979), The Moving Average Convergence Divergence Trading Method.
    """
    series = as_node(series)
    lengths = [as_node(value).fixed_value for value in (fast, slow)]
    if None not in lengths and lengths[0] > lengths[1]:  # type: ignore[operator]
        raise FormulaError(f"macd has a fast length of {lengths[0]:g} above its slow length of {lengths[1]:g}.")
    return Macd(*(make(_MACD, (series,), (fast, slow, signal), output) for output in range(3)))


def roc(series: Node, length: Operand) -> Node:
    """Return the change since `length` bars ago in per cent of the value then. Warm-up: length."""
    return make(_ROC, (as_node(series),), (length,))


def true_range(frame: Bars) -> Node:
    """Return the bar's range extended to the close before it. Quote currency. Warm-up: 1.

    Source: Wilder (1978), New Concepts in Technical Trading Systems.
    """
    return make(_TRUE_RANGE, (frame.high, frame.low, frame.close))


def atr(frame: Bars, length: Operand = 14) -> Node:
    """Return Wilder's average of the true range. Quote currency. Warm-up: length.

    Source: Wilder (1978), New Concepts in Technical Trading Systems; seeded as TA-Lib does.
    """
    return make(_ATR, (frame.high, frame.low, frame.close), (length,))


class Adx(NamedTuple):
    """Directional movement, each 0 to 100."""

    adx: Node
    plus_di: Node
    minus_di: Node


def adx(frame: Bars, length: Operand = 14) -> Adx:
    """Return how one-sided the widening of the range is, and its upward and downward parts.

    Warm-up: length for the parts, 2 * length - 1 for the average.
    Source: Wilder (1978), New Concepts in Technical Trading Systems; seeded as TA-Lib does.
    """
    inputs = frame.high, frame.low, frame.close
    return Adx(*(make(_ADX, inputs, (length,), _ADX.outputs.index(name)) for name in Adx._fields))


def obv(frame: Bars) -> Node:
    """Return the volume of rising bars minus that of falling ones since the first bar. Shares. Warm-up: none.

    Source: Granville (1963), Granville's New Key to Stock Market Profits.
    """
    return make(_OBV, (frame.close, frame.volume))


def relative_volume(frame: Bars, length: Operand = 20) -> Node:
    """Return volume / mean volume of the last `length` bars, the present one included.

    Warm-up: length - 1.
    """
    return make(_RELATIVE_VOLUME, (frame.volume,), (length,))


def relative_volume_by_minute(frame: Bars, sessions: Operand = 20, *, session_minutes: float = 390) -> Node:
    """Return volume / mean volume at the same minute of the last `sessions` sessions, the present one
    excluded.

    session_minutes : length of a full session; minutes beyond it are not followed
    Warm-up: `sessions` sessions.
    """
    if not frame.frame.ns:
        raise FormulaError('relative_volume_by_minute needs to know the bar\'s length: name it, bars("5min").')
    bar_minutes = frame.frame.ns / MINUTE
    slots = math.ceil(session_minutes / bar_minutes)
    return make(_RELATIVE_VOLUME_BY_MINUTE, (frame.volume,), (sessions, bar_minutes, slots))


def realized_volatility(series: Node, length: Operand = 20, *, ddof: int = 1, periods_per_year: float = 252) -> Node:
    """Return the deviation of the last `length` logarithmic returns times sqrt(periods_per_year).

    0.2 = 20 % a year; periods_per_year is the number of bars in a year, 252 for daily ones. Warm-up: length.
    """
    return make(_VOLATILITY, (as_node(series),), (length, ddof, periods_per_year))


def highest(series: Node, length: Operand) -> Node:
    """Return the highest of the last `length` values. Warm-up: length - 1."""
    return as_node(series).highest(length)


def lowest(series: Node, length: Operand) -> Node:
    """Return the lowest of the last `length` values. Warm-up: length - 1."""
    return as_node(series).lowest(length)


def crossed_above(a: Operand, b: Operand) -> Node:
    """Return whether a is above b and was not, one bar before. Warm-up: 1."""
    return as_node(a).crossed_above(b)


def crossed_below(a: Operand, b: Operand) -> Node:
    """Return whether a is below b and was not, one bar before. Warm-up: 1."""
    return as_node(a).crossed_below(b)


def where(condition: Operand, then: Operand, otherwise: Operand) -> Node:
    """Return `then` where the condition is true, `otherwise` where false, unknown where unknown."""
    return make(op.WHERE, (as_node(condition), as_node(then), as_node(otherwise)))


def minimum(a: Operand, b: Operand, *more: Operand) -> Node:
    """Return the smallest of the values; unknown if one is."""
    result = make(op.MINIMUM, (as_node(a), as_node(b)))
    for value in more:
        result = make(op.MINIMUM, (result, as_node(value)))
    return result


def round_to(a: Operand, step: Operand) -> Node:
    """Return the multiple of a step nearest to the value, such as the price on a tick; halves go to the even one."""
    return make(op.ROUND_TO, (as_node(a), as_node(step)))


def maximum(a: Operand, b: Operand, *more: Operand) -> Node:
    """Return the largest of the values; unknown if one is."""
    result = make(op.MAXIMUM, (as_node(a), as_node(b)))
    for value in more:
        result = make(op.MAXIMUM, (result, as_node(value)))
    return result
