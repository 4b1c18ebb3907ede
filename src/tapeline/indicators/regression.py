"""Straight lines: of the last n values over time, and of one series over another.

The windows are the blocks of `windows`, with more sums. A line over time needs the sum of position times value. For
the suffix of the block before, positions count from the window's first bar, and the sweep that adds the suffixes up
gives both sums without multiplying: with S(i) = d(i) + d(i+1) + ... and T(i) = 1 d(i+1) + 2 d(i+2) + ...,

    T(i) = T(i+1) + S(i+1).

For the prefix the position is the slot, plus a shift that is the same for all of them.

All sums are of differences to a value inside the window, so equal values have a slope of exactly 0 and no
correlation, and a variance loses at most a factor of 2n to cancellation.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.indicators.kernel import Kernel, Panels, signature
from tapeline.indicators.windows import next_phase, slot_of

# A line over time: the phase, the pivot, the prefix's three sums, then n + 1 slots for each sum.
PHASE, PIVOT, SUM, MOMENT, SQUARES, SLOTS = 0, 1, 2, 3, 4, 5

# Two series: the phase, two pivots, the prefix's five sums, then n + 1 slots for each sum.
FIRST_PIVOT, SECOND_PIVOT, SUMS, PAIR_SLOTS = 1, 2, 3, 8


@compiled()
def _begin_line(state: Any, j: int, value: float, length: int, has_block: bool) -> None:
    moments, squares = SLOTS + length + 1, SLOTS + 2 * (length + 1)
    state[PIVOT, j] = value
    state[SUM, j], state[MOMENT, j], state[SQUARES, j] = 0.0, 0.0, 0.0
    if has_block:
        total, moment, square = 0.0, 0.0, 0.0
        for i in range(length - 1, 0, -1):
            difference = state[SLOTS + i, j] - value
            moment += total
            total += difference
            square += difference * difference
            state[SLOTS + i, j], state[moments + i, j], state[squares + i, j] = total, moment, square


@compiled(signature(2, 4))
def advance_line(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Fit a straight line to the last `length` values by least squares.

    value : any unit. Outputs: `slope` in its unit per bar; `fitted`, the line at the newest bar, in its unit;
    `r_squared`, the share of the variance that the line explains, 0 to 1, NaN where all values are equal; `weighted`,
    the mean with weights 1, 2, ... up to the newest, in its unit.
    Of one value there is no line: all but `weighted` are NaN.
    Warm-up: length - 1 bars.
    """
    exists, values = inputs
    slope, fitted, r_squared, weighted = outputs
    length = int(parameters[0])
    moments, squares = SLOTS + length + 1, SLOTS + 2 * (length + 1)
    centre = 0.5 * (length - 1.0)
    position_squares = length * (length * length - 1.0) / 12.0
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            slope[t, j], fitted[t, j], r_squared[t, j], weighted[t, j] = np.nan, np.nan, np.nan, np.nan
            if exists[t, j] != exists[t, j]:
                continue
            value = values[t, j]
            if value != value:
                state[PHASE, j] = 0.0
                continue
            phase = int(state[PHASE, j])
            slot = slot_of(phase, length)
            if slot == 0:
                _begin_line(state, j, value, length, phase > 0)
            difference = value - state[PIVOT, j]
            state[SUM, j] += difference
            state[MOMENT, j] += slot * difference
            state[SQUARES, j] += difference * difference
            state[SLOTS + slot, j] = value
            state[PHASE, j] = next_phase(phase, length)
            if phase < length - 1:
                continue
            total = state[SLOTS + slot + 1, j] + state[SUM, j]
            shifted = state[MOMENT, j] + (length - 1 - slot) * state[SUM, j]
            moment = state[moments + slot + 1, j] + shifted
            square = state[squares + slot + 1, j] + state[SQUARES, j]
            products = moment - centre * total
            spread = square - total * (total / length)
            gradient = products / position_squares
            slope[t, j] = gradient
            fitted[t, j] = state[PIVOT, j] + (total / length + gradient * centre)
            weighted[t, j] = state[PIVOT, j] + (moment + total) * (2.0 / (length * (length + 1.0)))
            if spread > 0.0 and length > 1:
                r_squared[t, j] = min(products * (gradient / spread), 1.0)


@compiled()
def _begin_pair(state: Any, j: int, first: float, second: float, length: int, has_block: bool) -> None:
    size = length + 1
    state[FIRST_PIVOT, j], state[SECOND_PIVOT, j] = first, second
    for k in range(5):
        state[SUMS + k, j] = 0.0
    if has_block:
        a, b, aa, bb, ab = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(length - 1, 0, -1):
            row = PAIR_SLOTS + i
            x, y = state[row, j] - first, state[row + size, j] - second
            a, b, aa, bb, ab = a + x, b + y, aa + x * x, bb + y * y, ab + x * y
            state[row, j], state[row + size, j] = a, b
            state[row + 2 * size, j], state[row + 3 * size, j], state[row + 4 * size, j] = aa, bb, ab


@compiled(signature(3, 3))
def advance_pair(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Relate the last `length` values of a series to those of another.

    value, benchmark : any units. Outputs: `covariance` in the product of the units; `correlation` from -1 to 1; `slope`
    of the line of value over benchmark, in units of value per unit of benchmark.
    ddof : 0 for the population's covariance, 1 for the sample's (unknown for length 1).
    flat : the correlation where one of the two does not change, and the slope where the benchmark does not (TA-Lib: 0).
    Warm-up: length - 1 bars.
    """
    exists, values, benchmarks = inputs
    covariance, correlation, slope = outputs
    length, ddof, flat = int(parameters[0]), parameters[1], parameters[2]
    size = length + 1
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            covariance[t, j], correlation[t, j], slope[t, j] = np.nan, np.nan, np.nan
            if exists[t, j] != exists[t, j]:
                continue
            first, second = values[t, j], benchmarks[t, j]
            if not (first == first and second == second):
                state[PHASE, j] = 0.0
                continue
            phase = int(state[PHASE, j])
            slot = slot_of(phase, length)
            if slot == 0:
                _begin_pair(state, j, first, second, length, phase > 0)
            x, y = first - state[FIRST_PIVOT, j], second - state[SECOND_PIVOT, j]
            state[SUMS, j] += x
            state[SUMS + 1, j] += y
            state[SUMS + 2, j] += x * x
            state[SUMS + 3, j] += y * y
            state[SUMS + 4, j] += x * y
            row = PAIR_SLOTS + slot
            state[row, j], state[row + size, j] = first, second
            state[PHASE, j] = next_phase(phase, length)
            if phase < length - 1:
                continue
            row += 1
            a, b = state[SUMS, j] + state[row, j], state[SUMS + 1, j] + state[row + size, j]
            aa = state[SUMS + 2, j] + state[row + 2 * size, j] - a * (a / length)
            bb = state[SUMS + 3, j] + state[row + 3 * size, j] - b * (b / length)
            ab = state[SUMS + 4, j] + state[row + 4 * size, j] - a * (b / length)
            if length > ddof:
                covariance[t, j] = ab / (length - ddof)
            spreads = aa > 0.0 and bb > 0.0
            correlation[t, j] = min(max(ab / (sqrt(aa) * sqrt(bb)), -1.0), 1.0) if spreads else flat
            slope[t, j] = ab / bb if bb > 0.0 else flat


def _line_rows(parameters: Sequence[float]) -> int:
    return SLOTS + 3 * (int(parameters[0]) + 1)


def _pair_rows(parameters: Sequence[float]) -> int:
    return PAIR_SLOTS + 5 * (int(parameters[0]) + 1)


ROLLING_LINE = Kernel(
    name="rolling_line",
    advance=advance_line,
    values=("value",),
    outputs=("slope", "fitted", "r_squared", "weighted"),
    parameters=("length",),
    state_rows=_line_rows,
    lookback=lambda parameters: (int(parameters[0]) - 1,) * 4,
)
ROLLING_PAIR = Kernel(
    name="rolling_pair",
    advance=advance_pair,
    values=("value", "benchmark"),
    outputs=("covariance", "correlation", "slope"),
    parameters=("length", "ddof", "flat"),
    state_rows=_pair_rows,
    lookback=lambda parameters: (int(parameters[0]) - 1,) * 3,
)
