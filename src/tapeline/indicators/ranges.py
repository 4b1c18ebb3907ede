"""True range and what Wilder built on it: average true range and directional movement.

All inputs are high, low and close of existing bars, in one unit. A bar of which one of them is unknown is
passed over: the next bar is compared with the last known one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tapeline.indicators.averages import averaged
from tapeline.indicators.compiled import compiled
from tapeline.indicators.kernel import FEW_SYMBOLS, Floats, Kernel, Panels, signature


@compiled()
def true_range(high: float, low: float, previous_close: float) -> float:
    """Return the range of a bar, extended to the close before it."""
    spread, above, below = high - low, abs(high - previous_close), abs(low - previous_close)
    spread = above if above > spread else spread
    return below if below > spread else spread


@compiled(signature(4, 1))
def advance_true_range(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Return each bar's true range: its range, extended to the close before it.

    high, low, close : one unit; output `range` in the same unit.
    Warm-up: 1 bar, the first having no close before it.
    Source: Wilder (1978), New Concepts in Technical Trading Systems.
    """
    exists, highs, lows, closes = inputs
    (out,) = outputs
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            high, low, close = highs[t, j], lows[t, j], closes[t, j]
            known = exists[t, j] == exists[t, j] and high == high and low == low and close == close
            begun, previous = state[0, j], state[1, j]
            state[0, j] = 1.0 if known else begun
            state[1, j] = close if known else previous
            out[t, j] = true_range(high, low, previous) if known and begun > 0.0 else np.nan


@compiled()
def _atr_step(
    exists: float, high: float, low: float, close: float, memory: Floats, length: float
) -> tuple[Floats, float]:
    count, previous, average = memory
    known = exists == exists and high == high and low == low and close == close
    # the count before this bar is the number of ranges including this one: the first bar has none
    moved = averaged(average, true_range(high, low, previous), count, length, 1.0 / length)
    average = moved if known and count >= 1.0 else average
    out = average if known and count >= length else np.nan
    return (count + 1.0 if known else count, close if known else previous, average), out


@compiled(signature(4, 1))
def advance_atr(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Average the true range as Wilder does.

    high, low, close : one unit; output `range` in the same unit.
    length : bars; the first average is the mean of the first `length` true ranges, as in TA-Lib.
    Warm-up: length bars, the first bar having no true range.
    Source: Wilder (1978), New Concepts in Technical Trading Systems.
    """
    exists, highs, lows, closes = inputs
    (out,) = outputs
    length = parameters[0]
    rows, symbols = exists.shape
    if symbols < FEW_SYMBOLS:
        for j in range(symbols):
            memory: Floats = (state[0, j], state[1, j], state[2, j])
            for t in range(rows):
                memory, out[t, j] = _atr_step(exists[t, j], highs[t, j], lows[t, j], closes[t, j], memory, length)
            state[0, j], state[1, j], state[2, j] = memory
    else:
        for t in range(rows):
            for j in range(symbols):
                memory = (state[0, j], state[1, j], state[2, j])
                memory, result = _atr_step(exists[t, j], highs[t, j], lows[t, j], closes[t, j], memory, length)
                state[0, j], state[1, j], state[2, j] = memory
                out[t, j] = result


@compiled(signature(4, 4))
def advance_adx(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Follow directional movement: how one-sided the widening of the range is.

    high, low, close : one unit; outputs `adx`, `dx`, `plus_di`, `minus_di` from 0 to 100.
    length : bars. Sums over length - 1 bars are the seed, then each bar takes 1/length of the sum away.
    Where there is no range or no movement: DI are 0, DX keeps its last value (0 at first), ADX is not moved.
    Warm-up: length bars for DX and DI, 2 * length - 1 for ADX.
    Source: Wilder (1978), New Concepts in Technical Trading Systems; seeds and conventions as in TA-Lib.
    """
    exists, highs, lows, closes = inputs
    adx, dx, plus_di, minus_di = outputs
    length = parameters[0]
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            high, low, close = highs[t, j], lows[t, j], closes[t, j]
            known = exists[t, j] == exists[t, j] and high == high and low == low and close == close
            count = state[0, j]
            plus_move, minus_move = high - state[1, j], state[2, j] - low
            spread = true_range(high, low, state[3, j])
            rises = plus_move > 0.0 and plus_move > minus_move
            falls = minus_move > 0.0 and minus_move > plus_move
            moves = known and count >= 1.0
            kept = 1.0 if count < length else 1.0 - 1.0 / length
            plus, minus, ranges = state[4, j], state[5, j], state[6, j]
            plus = plus * kept + (plus_move if rises else 0.0) if moves else plus
            minus = minus * kept + (minus_move if falls else 0.0) if moves else minus
            ranges = ranges * kept + spread if moves else ranges
            plus_index = 100.0 * (plus / ranges) if ranges > 0.0 else 0.0
            minus_index = 100.0 * (minus / ranges) if ranges > 0.0 else 0.0
            total = plus_index + minus_index
            index = 100.0 * (abs(plus_index - minus_index) / total) if total > 0.0 else 0.0
            ready = known and count >= length
            k = count - length + 1.0
            # without movement a seed counts 0, and later the average is not moved
            moved = averaged(state[7, j], index, k, length, 1.0 / length)
            average = moved if ready and (total > 0.0 or k <= length) else state[7, j]
            last = index if ready and total > 0.0 else state[8, j]
            state[0, j] = count + 1.0 if known else count
            state[1, j] = high if known else state[1, j]
            state[2, j] = low if known else state[2, j]
            state[3, j] = close if known else state[3, j]
            state[4, j], state[5, j], state[6, j] = plus, minus, ranges
            state[7, j], state[8, j] = average, last
            adx[t, j] = average if ready and k >= length else np.nan
            dx[t, j] = last if ready else np.nan
            plus_di[t, j] = plus_index if ready else np.nan
            minus_di[t, j] = minus_index if ready else np.nan


def _adx_lookback(parameters: Sequence[float]) -> tuple[int, ...]:
    length = int(parameters[0])
    return (2 * length - 1, length, length, length)


TRUE_RANGE = Kernel(
    name="true_range",
    advance=advance_true_range,
    values=("high", "low", "close"),
    outputs=("range",),
    parameters=(),
    state_rows=lambda parameters: 2,
    lookback=lambda parameters: (1,),
)
ATR = Kernel(
    name="atr",
    advance=advance_atr,
    values=("high", "low", "close"),
    outputs=("range",),
    parameters=("length",),
    state_rows=lambda parameters: 3,
    lookback=lambda parameters: (int(parameters[0]),),
)
ADX = Kernel(
    name="adx",
    advance=advance_adx,
    values=("high", "low", "close"),
    outputs=("adx", "dx", "plus_di", "minus_di"),
    parameters=("length",),
    state_rows=lambda parameters: 9,
    lookback=_adx_lookback,
)
