"""Lines that follow the price with a memory of their own: adaptive average, parabolic stop, supertrend, Heikin-Ashi.

Each is a recurrence that chooses what to do by what the price has done. They take few bars of memory, so their states
are a handful of numbers. A bar of which one input is unknown is passed over.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.indicators.kernel import Floats, Kernel, Panels, signature


@compiled(signature(3, 1))
def advance_adaptive_average(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Average with a weight that changes from bar to bar: average += weight * (value - average).

    value : any unit; weight : 0 keeps the average, 1 replaces it; output `average` in the unit of the value.
    begin : what the average is before the first known weight: 0 the value one bar before it, as TA-Lib's KAMA begins,
        or 1 the value of that bar, as it is on a series' very first bar in either case.
    Warm-up: none of its own.
    """
    exists, values, weights = inputs
    (out,) = outputs
    begin = parameters[0]
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            value, weight = values[t, j], weights[t, j]
            seen = exists[t, j] == exists[t, j] and value == value
            known = seen and weight == weight
            # 0 nothing yet, 1 a value to begin from, 2 an average
            stage, average = state[0, j], state[1, j]
            average = value if known and (stage == 0.0 or (stage == 1.0 and begin == 1.0)) else average
            average = average + weight * (value - average) if known else average
            if known:
                state[0, j] = 2.0
            elif seen and stage < 2.0:
                state[0, j], average = 1.0, value
            state[1, j] = average
            out[t, j] = average if known else np.nan


@compiled()
def _parabolic_step(memory: Floats, near: float, far: float, step: float, limit: float) -> tuple[Floats, float, bool]:
    """Move the stop by one bar, seen so that the trend is up: far is the side it runs to, near the other one."""
    stop, extreme, factor, near_before, far_before = memory
    turns = near <= stop
    if turns:
        shown = max(extreme, far_before, far)
        stop = max(shown + step * (near - shown), far_before, far)
        return (stop, near, step, near, far), shown, turns
    shown = stop
    if far > extreme:
        extreme, factor = far, min(factor + step, limit)
    stop = min(stop + factor * (extreme - stop), near_before, near)
    return (stop, extreme, factor, near, far), shown, turns


@compiled(signature(3, 2))
def advance_parabolic(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Trail a stop that draws nearer the longer the trend makes new extremes; touched, it turns to the other side.

    high, low : one unit. Outputs: `stop` in that unit; `trend`, 1 while the stop is below the prices, -1 above.
    step : the acceleration factor at a turn and its growth at each new extreme; limit : its largest value.
    seed : the trend at the second bar: above 0 up, below 0 down; 0 down if the low fell by more than the high rose,
        otherwise up (TA-Lib). The first stop is the first bar's far side.
    Warm-up: 1 bar.
    Source: Wilder (1978), New Concepts in Technical Trading Systems; begun as in TA-Lib.
    """
    exists, highs, lows = inputs
    stops, trends = outputs
    limit, seed = parameters[1], parameters[2]
    step = min(parameters[0], limit)
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            stops[t, j], trends[t, j] = np.nan, np.nan
            high, low = highs[t, j], lows[t, j]
            if not (exists[t, j] == exists[t, j] and high == high and low == low):
                continue
            trend = state[0, j]  # 0 before the second bar, of which state[6] tells whether it is the first
            memory: Floats = (state[1, j], state[2, j], state[3, j], state[4, j], state[5, j])
            if state[6, j] == 0.0:
                state[4, j], state[5, j], state[6, j] = low, high, 1.0
                continue
            if trend == 0.0:
                first_low, first_high = state[4, j], state[5, j]
                falls = first_low - low > 0.0 and first_low - low > high - first_high
                trend = (-1.0 if falls else 1.0) if seed == 0.0 else (1.0 if seed > 0.0 else -1.0)
                near, far = (low, high) if trend > 0.0 else (-high, -low)
                memory = (first_low if trend > 0.0 else -first_high, far, step, near, far)
            near, far = (low, high) if trend > 0.0 else (-high, -low)
            memory, shown, turns = _parabolic_step(memory, near, far, step, limit)
            stops[t, j] = trend * shown
            if turns:
                trend = -trend
                stop, extreme, factor, near_before, far_before = memory
                memory = (-stop, -extreme, factor, -far_before, -near_before)
            trends[t, j] = trend
            state[0, j] = trend
            state[1, j], state[2, j], state[3, j], state[4, j], state[5, j] = memory


@compiled(signature(4, 2))
def advance_supertrend(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Follow the price with the band on its far side, which moves only towards the price until the close crosses it.

    upper, lower : the bands around the price; close : in the same unit. Outputs: `line` in that unit, the lower band
    while the trend is up and the upper band while it is down; `trend`, 1 or -1.
    seed : the trend of the first bar: above 0 up, else down.
    Warm-up: none of its own.
    Source: Seban (2008), Tout le monde mérite d'être riche; the band also moves freely once the close has passed it.
    """
    exists, uppers, lowers, closes = inputs
    lines, trends = outputs
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            upper, lower, close = uppers[t, j], lowers[t, j], closes[t, j]
            lines[t, j], trends[t, j] = np.nan, np.nan
            if not (exists[t, j] == exists[t, j] and upper == upper and lower == lower and close == close):
                continue
            trend, last_upper, last_lower, last_close = state[0, j], state[1, j], state[2, j], state[3, j]
            if trend == 0.0:
                trend = 1.0 if parameters[0] > 0.0 else -1.0
            else:
                upper = upper if upper < last_upper or last_close > last_upper else last_upper
                lower = lower if lower > last_lower or last_close < last_lower else last_lower
                trend = (-1.0 if close < lower else 1.0) if trend > 0.0 else (1.0 if close > upper else -1.0)
            state[0, j], state[1, j], state[2, j], state[3, j] = trend, upper, lower, close
            lines[t, j], trends[t, j] = lower if trend > 0.0 else upper, trend


@compiled(signature(5, 4))
def advance_heikin_ashi(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Smooth bars: the close is the bar's mean price, the open the middle of the smoothed bar before.

    open, high, low, close : one unit; outputs of the same names in that unit. The first open is the middle of the
    bar's open and close.
    Warm-up: none.
    Source: Valcu (2004), Using the Heikin-Ashi Technique, Technical Analysis of Stocks and Commodities 22(2).
    """
    exists, opens, highs, lows, closes = inputs
    smooth_open, smooth_high, smooth_low, smooth_close = outputs
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            first, high, low, last = opens[t, j], highs[t, j], lows[t, j], closes[t, j]
            known = exists[t, j] == exists[t, j] and first == first and high == high and low == low and last == last
            begun = state[0, j] > 0.0
            opened = 0.5 * (state[1, j] + state[2, j]) if begun else 0.5 * (first + last)
            closed = 0.25 * (first + high + low + last)
            state[0, j] = 1.0 if known else state[0, j]
            state[1, j] = opened if known else state[1, j]
            state[2, j] = closed if known else state[2, j]
            smooth_open[t, j] = opened if known else np.nan
            smooth_high[t, j] = max(high, max(opened, closed)) if known else np.nan
            smooth_low[t, j] = min(low, min(opened, closed)) if known else np.nan
            smooth_close[t, j] = closed if known else np.nan


ADAPTIVE_AVERAGE = Kernel(
    name="adaptive_average",
    advance=advance_adaptive_average,
    values=("value", "weight"),
    outputs=("average",),
    parameters=("begin",),
    state_rows=lambda parameters: 2,
    lookback=lambda parameters: (0,),
)
PARABOLIC = Kernel(
    name="parabolic",
    advance=advance_parabolic,
    values=("high", "low"),
    outputs=("stop", "trend"),
    parameters=("step", "limit", "seed"),
    state_rows=lambda parameters: 7,
    lookback=lambda parameters: (1, 1),
)
SUPERTREND = Kernel(
    name="supertrend",
    advance=advance_supertrend,
    values=("upper", "lower", "close"),
    outputs=("line", "trend"),
    parameters=("seed",),
    state_rows=lambda parameters: 4,
    lookback=lambda parameters: (0, 0),
)
HEIKIN_ASHI = Kernel(
    name="heikin_ashi",
    advance=advance_heikin_ashi,
    values=("open", "high", "low", "close"),
    outputs=("open", "high", "low", "close"),
    parameters=(),
    state_rows=lambda parameters: 3,
    lookback=lambda parameters: (0,) * 4,
)
