"""Recursive averages: each new value moves the average by a weight.

Every average here is one recurrence, `average += weight * (value - average)`. While it is being seeded the
weight is 1/k for the k-th value, which makes the average the plain mean of the values so far; afterwards it
is a constant. On equal values the difference is 0, so a flat series keeps its average exactly.

The steps have no branches but selections, so the loop over symbols becomes vector code and a symbol without
a bar costs the same as one with. Few symbols are walked one after another instead, with the state in
registers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.indicators.kernel import FEW_SYMBOLS, Floats, Kernel, Panels, signature


@compiled()
def averaged(average: float, value: float, k: float, seed_length: float, alpha: float) -> float:
    """Return the average after its k-th value (1 = first)."""
    weight = alpha if k > seed_length else 1.0 / k
    return average + weight * (value - average)


@compiled()
def _ema_step(
    exists: float, value: float, count: float, average: float, alpha: float, seed_length: float, skip: float
) -> tuple[float, float, float]:
    known = exists == exists and value == value
    count = count + 1.0 if known else count
    k = count - skip
    average = averaged(average, value, k, seed_length, alpha) if known and k >= 1.0 else average
    return count, average, average if known and k >= seed_length else np.nan


@compiled(signature(2, 1))
def advance_ema(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Average exponentially: average += alpha * (value - average).

    value : any unit; output `average` in the same unit.
    alpha : weight of a new value, 2 / (n + 1) for an n-bar EMA, 1 / n for Wilder's average.
    seed_length : the first average is the mean of so many values; 1 starts from the first value.
    skip : so many known values are passed over before seeding starts.
    Warm-up: skip + seed_length - 1 bars.
    Source: EMA as TA-Lib seeds it, seed_length = n; Wilder (1978), New Concepts in Technical Trading Systems.
    """
    exists, values = inputs
    (out,) = outputs
    alpha, seed_length, skip = parameters[0], parameters[1], parameters[2]
    rows, symbols = exists.shape
    if symbols < FEW_SYMBOLS:
        for j in range(symbols):
            count, average = state[0, j], state[1, j]
            for t in range(rows):
                count, average, out[t, j] = _ema_step(
                    exists[t, j], values[t, j], count, average, alpha, seed_length, skip
                )
            state[0, j], state[1, j] = count, average
    else:
        for t in range(rows):
            for j in range(symbols):
                state[0, j], state[1, j], out[t, j] = _ema_step(
                    exists[t, j], values[t, j], state[0, j], state[1, j], alpha, seed_length, skip
                )


@compiled()
def _macd_step(exists: float, value: float, memory: Floats, setting: Floats) -> tuple[Floats, float, float, float]:
    count, fast, slow, signal = memory
    fast_length, slow_length, signal_length, fast_alpha, slow_alpha, signal_alpha = setting
    known = exists == exists and value == value
    count = count + 1.0 if known else count
    k = count - (slow_length - fast_length)
    fast = averaged(fast, value, k, fast_length, fast_alpha) if known and k >= 1.0 else fast
    slow = averaged(slow, value, count, slow_length, slow_alpha) if known else slow
    line = fast - slow
    k = count - (slow_length - 1.0)
    signal = averaged(signal, line, k, signal_length, signal_alpha) if known and k >= 1.0 else signal
    ready = known and k >= signal_length
    line = line if ready else np.nan
    return (count, fast, slow, signal), line, signal if ready else np.nan, line - signal


@compiled(signature(2, 3))
def advance_macd(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Follow the difference of a fast and a slow EMA, and the EMA of that difference.

    value : any unit; outputs `line` (fast - slow), `signal` and `histogram` (line - signal) in the same unit.
    fast, slow, signal : lengths in bars, fast <= slow, alpha = 2 / (length + 1).
    The fast average is seeded late, so that both seeds end at bar `slow`.
    Warm-up: slow + signal - 2 bars for all three outputs, the line included.
    Source: Appel (1979), The Moving Average Convergence Divergence Trading Method; seeds as in TA-Lib.
    """
    exists, values = inputs
    line, signal, histogram = outputs
    fast_length, slow_length, signal_length = parameters[0], parameters[1], parameters[2]
    alphas = 2.0 / (fast_length + 1.0), 2.0 / (slow_length + 1.0), 2.0 / (signal_length + 1.0)
    setting = (fast_length, slow_length, signal_length, alphas[0], alphas[1], alphas[2])
    rows, symbols = exists.shape
    if symbols < FEW_SYMBOLS:
        for j in range(symbols):
            memory: Floats = (state[0, j], state[1, j], state[2, j], state[3, j])
            for t in range(rows):
                memory, line[t, j], signal[t, j], histogram[t, j] = _macd_step(
                    exists[t, j], values[t, j], memory, setting
                )
            state[0, j], state[1, j], state[2, j], state[3, j] = memory
    else:
        for t in range(rows):
            for j in range(symbols):
                memory = (state[0, j], state[1, j], state[2, j], state[3, j])
                memory, line[t, j], signal[t, j], histogram[t, j] = _macd_step(
                    exists[t, j], values[t, j], memory, setting
                )
                state[0, j], state[1, j], state[2, j], state[3, j] = memory


@compiled()
def _rsi_step(exists: float, value: float, memory: Floats, length: float, flat: float) -> tuple[Floats, float]:
    count, previous, gain, loss = memory
    known = exists == exists and value == value
    change = value - previous
    # the count before this bar is the number of changes including this one: the first bar has none
    moves = known and count >= 1.0
    weight = 1.0 / (count if count < length else length)
    gain = gain + weight * ((change if change > 0.0 else 0.0) - gain) if moves else gain
    loss = loss + weight * ((-change if change < 0.0 else 0.0) - loss) if moves else loss
    total = gain + loss
    strength = 100.0 * (gain / total) if total > 0.0 else flat
    out = strength if known and count >= length else np.nan
    return (count + 1.0 if known else count, value if known else previous, gain, loss), out


@compiled(signature(2, 1))
def advance_rsi(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Measure the share of gains in all price changes, averaged as Wilder does, times 100.

    value : any unit; output `rsi` from 0 to 100.
    length : bars; flat : the value where there was no change at all (TA-Lib: 0; others 50, 100 or NaN).
    Warm-up: length bars.
    Source: Wilder (1978), New Concepts in Technical Trading Systems; the mean of the first `length` changes
    is the seed, as in TA-Lib.
    """
    exists, values = inputs
    (out,) = outputs
    length, flat = parameters[0], parameters[1]
    rows, symbols = exists.shape
    if symbols < FEW_SYMBOLS:
        for j in range(symbols):
            memory: Floats = (state[0, j], state[1, j], state[2, j], state[3, j])
            for t in range(rows):
                memory, out[t, j] = _rsi_step(exists[t, j], values[t, j], memory, length, flat)
            state[0, j], state[1, j], state[2, j], state[3, j] = memory
    else:
        for t in range(rows):
            for j in range(symbols):
                memory = (state[0, j], state[1, j], state[2, j], state[3, j])
                memory, out[t, j] = _rsi_step(exists[t, j], values[t, j], memory, length, flat)
                state[0, j], state[1, j], state[2, j], state[3, j] = memory


def _ema_lookback(parameters: Sequence[float]) -> tuple[int, ...]:
    return (int(parameters[2] + parameters[1]) - 1,)


def _macd_lookback(parameters: Sequence[float]) -> tuple[int, ...]:
    return (int(parameters[1] + parameters[2]) - 2,) * 3


EMA = Kernel(
    name="ema",
    advance=advance_ema,
    values=("value",),
    outputs=("average",),
    parameters=("alpha", "seed_length", "skip"),
    state_rows=lambda parameters: 2,
    lookback=_ema_lookback,
)
MACD = Kernel(
    name="macd",
    advance=advance_macd,
    values=("value",),
    outputs=("line", "signal", "histogram"),
    parameters=("fast", "slow", "signal"),
    state_rows=lambda parameters: 4,
    lookback=_macd_lookback,
)
RSI = Kernel(
    name="rsi",
    advance=advance_rsi,
    values=("value",),
    outputs=("rsi",),
    parameters=("length", "flat"),
    state_rows=lambda parameters: 4,
    lookback=lambda parameters: (int(parameters[0]),),
)
