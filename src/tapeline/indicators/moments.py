"""Mean and deviation over the last n bars, and what is made of them.

The windows are those of `windows`; here a block has two sums, of the differences to the pivot and of their
squares. As the pivot is a value inside the window, the sum of squares is at most 2n times the sum of squares
about the mean, so the variance loses at most that factor to cancellation; equal values give exactly 0.

Rejected: Welford's recurrence with removal of the oldest value (it drifts, and divides for each bar).

State of a symbol: its phase, the pivot, the two prefix sums, then n + 1 slots for each sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.indicators.kernel import Kernel, Panels, signature
from tapeline.indicators.windows import in_step, next_phase, slot_of, tile_rows

PHASE, PIVOT, SUM, SQUARES, SLOTS = 0, 1, 2, 3, 4


@compiled()
def _moments_row(
    state: Any, values: Any, t: int, mean: Any, deviation: Any, length: int, scale: float, square_scale: float
) -> None:
    symbols = values.shape[1]
    phase = int(state[PHASE, 0])
    slot = slot_of(phase, length)
    square_slots = SLOTS + length + 1
    if slot == 0:
        for j in range(symbols):
            state[PIVOT, j] = values[t, j]
            state[SUM, j] = 0.0
            state[SQUARES, j] = 0.0
        if phase > 0:
            for i in range(length - 1, 0, -1):
                for j in range(symbols):
                    difference = state[SLOTS + i, j] - state[PIVOT, j]
                    total = state[SUM, j] + difference
                    squares = state[SQUARES, j] + difference * difference
                    state[SUM, j], state[SQUARES, j] = total, squares
                    state[SLOTS + i, j], state[square_slots + i, j] = total, squares
            for j in range(symbols):
                state[SUM, j] = 0.0
                state[SQUARES, j] = 0.0
    for j in range(symbols):
        value, pivot = values[t, j], state[PIVOT, j]
        difference = value - pivot
        total = state[SUM, j] + difference
        squares = state[SQUARES, j] + difference * difference
        window_total = state[SLOTS + slot + 1, j] + total
        window_squares = state[square_slots + slot + 1, j] + squares
        centre, spread = _moments(pivot, window_total, window_squares, scale, square_scale)
        state[SUM, j], state[SQUARES, j], state[SLOTS + slot, j] = total, squares, value
        mean[t, j], deviation[t, j] = centre, spread
    ready = phase >= length - 1
    phase = next_phase(phase, length)
    for j in range(symbols):
        state[PHASE, j] = phase
    if not ready:
        for j in range(symbols):
            mean[t, j], deviation[t, j] = np.nan, np.nan


@compiled()
def _moments(pivot: float, total: float, squares: float, scale: float, square_scale: float) -> tuple[float, float]:
    shift = total * scale
    variance = (squares - total * shift) * square_scale
    # below 0 only by rounding; written so that an unknown variance (one value, ddof 1) stays unknown
    return pivot + shift, sqrt(0.0 if variance < 0.0 else variance)


@compiled()
def _moments_column(
    state: Any,
    exists: Any,
    values: Any,
    first: int,
    end: int,
    j: int,
    mean: Any,
    deviation: Any,
    length: int,
    scale: float,
    square_scale: float,
) -> None:
    phase, pivot = int(state[PHASE, j]), state[PIVOT, j]
    total, squares = state[SUM, j], state[SQUARES, j]
    square_slots = SLOTS + length + 1
    t = max(first, 0)
    while t < end:
        value = values[t, j]
        if not (exists[t, j] == exists[t, j] and value == value):
            phase = 0 if exists[t, j] == exists[t, j] else phase
            mean[t, j], deviation[t, j] = np.nan, np.nan
            t += 1
            continue
        slot = slot_of(phase, length)
        if slot == 0:
            pivot = value
            total, squares = 0.0, 0.0
            if phase > 0:
                for i in range(length - 1, 0, -1):
                    difference = state[SLOTS + i, j] - pivot
                    total += difference
                    squares += difference * difference
                    state[SLOTS + i, j], state[square_slots + i, j] = total, squares
                total, squares = 0.0, 0.0
        # the rest of the block, as far as there are bars
        while slot < length and t < end:
            value = values[t, j]
            if not (exists[t, j] == exists[t, j] and value == value):
                break
            difference = value - pivot
            total += difference
            squares += difference * difference
            window_total = state[SLOTS + slot + 1, j] + total
            window_squares = state[square_slots + slot + 1, j] + squares
            centre, spread = _moments(pivot, window_total, window_squares, scale, square_scale)
            state[SLOTS + slot, j] = value
            ready = phase >= length - 1
            mean[t, j] = centre if ready else np.nan
            deviation[t, j] = spread if ready else np.nan
            phase, slot, t = phase + 1, slot + 1, t + 1
        phase = length if phase == 2 * length else phase
    state[PHASE, j], state[PIVOT, j] = float(phase), pivot
    state[SUM, j], state[SQUARES, j] = total, squares


@compiled()
def advance_any_moments(
    exists: Any, values: Any, state: Any, mean: Any, deviation: Any, length: int, ddof: float
) -> None:
    """Write mean and deviation; both may be written over the values."""
    rows, symbols = exists.shape
    scale, square_scale = 1.0 / length, 1.0 / (length - ddof)
    for t in range(rows):
        if not in_step(exists, values, state[PHASE], t):
            tile = tile_rows(rows, symbols)
            for first in range(t, rows, tile):
                for j in range(symbols):
                    end = min(first + tile, rows)
                    _moments_column(state, exists, values, first, end, j, mean, deviation, length, scale, square_scale)
            break
        _moments_row(state, values, t, mean, deviation, length, scale, square_scale)


@compiled(signature(2, 2))
def advance_moments(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Take mean and standard deviation of the last `length` values.

    value : any unit; outputs `mean` and `deviation` in the same unit.
    ddof : 0 for the population's deviation (Bollinger bands), 1 for the sample's.
    Warm-up: length - 1 bars. The deviation of equal values is exactly 0.
    """
    exists, values = inputs
    mean, deviation = outputs
    advance_any_moments(exists, values, state, mean, deviation, int(parameters[0]), parameters[1])


@compiled(signature(2, 1))
def advance_volatility(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Take the standard deviation of the last `length` logarithmic returns, annualised.

    price : above 0, otherwise it counts as unknown; output `volatility` without unit, 0.2 = 20 % a year.
    ddof : 1 for the sample's deviation; periods : bars in a year, 252 for daily bars (1 leaves it as it is).
    Warm-up: length bars.
    """
    exists, prices = inputs
    (out,) = outputs
    rows, symbols = exists.shape
    previous = state[state.shape[0] - 1]  # the price one bar before, 0 = none
    for t in range(rows):
        for j in range(symbols):
            known = exists[t, j] == exists[t, j] and prices[t, j] > 0.0
            out[t, j] = log(prices[t, j] / previous[j]) if known and previous[j] > 0.0 else np.nan
            if exists[t, j] == exists[t, j]:
                previous[j] = prices[t, j] if known else 0.0
    advance_any_moments(exists, out, state, out, out, int(parameters[0]), parameters[1])
    scale = sqrt(parameters[2])
    for t in range(rows):
        for j in range(symbols):
            out[t, j] *= scale


def _moments_rows(parameters: Sequence[float]) -> int:
    return SLOTS + 2 * (int(parameters[0]) + 1)


ROLLING_MOMENTS = Kernel(
    name="rolling_moments",
    advance=advance_moments,
    values=("value",),
    outputs=("mean", "deviation"),
    parameters=("length", "ddof"),
    state_rows=_moments_rows,
    lookback=lambda parameters: (int(parameters[0]) - 1,) * 2,
)
REALISED_VOLATILITY = Kernel(
    name="realised_volatility",
    advance=advance_volatility,
    values=("price",),
    outputs=("volatility",),
    parameters=("length", "ddof", "periods"),
    state_rows=lambda parameters: _moments_rows(parameters) + 1,
    lookback=lambda parameters: (int(parameters[0]),),
)
