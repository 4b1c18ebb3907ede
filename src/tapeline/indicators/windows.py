"""Sums, means and deviations over the last n bars.

A symbol's bars are cut into blocks of n. A window ends inside the present block and begins inside the block
before, so it is a suffix of that block and a prefix of this one:

    block before  | a b c d e |      window of 5 ending at g:  d' + g',
    this block    | f g       |      d' = sum(c, d, e),  g' = sum(f, g)

The prefix grows by one addition a bar. The suffixes of a finished block are summed once, from its end, when the
next block begins; the sweep costs one more addition a bar on average. Nothing is subtracted when a bar leaves, so
rounding errors and jumps leave the window together with the bar that brought them.

Values are summed as differences to the first value of the present block, which is always inside the window.
The variance then loses at most a factor of 2n to cancellation, and equal values give exactly 0.

Rejected: running sums (off by 1e-6 after 5 million bars), Welford's recurrence with removal (the same, slower).

State of a symbol: its phase, the pivot, the two prefix sums, then n + 1 slots for each sum. A slot holds the bar's
value while its block is being filled and the suffix sum from that bar on afterwards; the last slot stays 0.
The phase counts bars up to 2n and falls back to n: below n the first block is being filled.

When the bars of all symbols are in the same phase, the usual case, a row is one vector loop over the symbols;
otherwise every symbol is stepped by itself. Both do the same operations for a symbol.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.indicators.kernel import FEW_SYMBOLS, TILE_ROWS, Kernel, Panels, signature

PHASE, PIVOT, SUM, SQUARES, SLOTS = 0, 1, 2, 3, 4


@compiled()
def in_step(exists: Any, values: Any, phases: Any, t: int) -> bool:
    """Tell whether row t can be done at once: all symbols known and in the same phase, and enough of them."""
    if phases.shape[0] < FEW_SYMBOLS:
        return False
    phase = phases[0]
    strays = 0
    for j in range(phases.shape[0]):
        known = exists[t, j] == exists[t, j] and values[t, j] == values[t, j]
        strays += 0 if known and phases[j] == phase else 1
    return strays == 0


@compiled()
def tile_rows(rows: int, symbols: int) -> int:
    """Return how many rows of a symbol to walk before the next symbol's turn."""
    return TILE_ROWS if symbols >= FEW_SYMBOLS else rows


@compiled()
def next_phase(phase: int, length: int) -> int:
    """Return the phase after one more bar."""
    return length if phase + 1 == 2 * length else phase + 1


@compiled()
def _sum_row(
    state: Any, values: Any, t: int, out: Any, length: int, pivoted: float, scale: float
) -> None:
    symbols = values.shape[1]
    phase = int(state[PHASE, 0])
    slot = phase % length
    if slot == 0:
        for j in range(symbols):
            state[PIVOT, j] = values[t, j] if pivoted > 0.0 else 0.0
            state[SUM, j] = 0.0
        if phase > 0:
            for i in range(length - 1, 0, -1):
                for j in range(symbols):
                    total = state[SUM, j] + (state[SLOTS + i, j] - state[PIVOT, j])
                    state[SUM, j] = total
                    state[SLOTS + i, j] = total
            for j in range(symbols):
                state[SUM, j] = 0.0
    for j in range(symbols):
        value, pivot = values[t, j], state[PIVOT, j]
        total = state[SUM, j] + (value - pivot)
        mean = pivot + (state[SLOTS + slot + 1, j] + total) * scale
        state[SUM, j] = total
        state[SLOTS + slot, j] = value
        out[t, j] = mean
    ready = phase >= length - 1
    phase = next_phase(phase, length)
    for j in range(symbols):
        state[PHASE, j] = phase
    if not ready:
        for j in range(symbols):
            out[t, j] = np.nan


@compiled()
def _sum_column(
    state: Any,
    exists: Any,
    values: Any,
    first: int,
    end: int,
    j: int,
    out: Any,
    length: int,
    pivoted: float,
    scale: float,
) -> None:
    phase, pivot, total = int(state[PHASE, j]), state[PIVOT, j], state[SUM, j]
    t = first
    while t < end:
        value = values[t, j]
        if not (exists[t, j] == exists[t, j] and value == value):
            phase = 0 if exists[t, j] == exists[t, j] else phase
            out[t, j] = np.nan
            t += 1
            continue
        slot = phase % length
        if slot == 0:
            pivot = value if pivoted > 0.0 else 0.0
            total = 0.0
            if phase > 0:
                for i in range(length - 1, 0, -1):
                    total = total + (state[SLOTS + i, j] - pivot)
                    state[SLOTS + i, j] = total
                total = 0.0
        # the rest of the block, as far as there are bars
        while slot < length and t < end:
            value = values[t, j]
            if not (exists[t, j] == exists[t, j] and value == value):
                break
            total += value - pivot
            mean = pivot + (state[SLOTS + slot + 1, j] + total) * scale
            state[SLOTS + slot, j] = value
            out[t, j] = mean if phase >= length - 1 else np.nan
            phase, slot, t = phase + 1, slot + 1, t + 1
        phase = length if phase == 2 * length else phase
    state[PHASE, j], state[PIVOT, j], state[SUM, j] = float(phase), pivot, total


@compiled()
def advance_any_sum(inputs: Panels, state: Any, out: Any, length: int, pivoted: float, scale: float) -> None:
    """Write pivot + scale * (sum of the differences to the pivot); without a pivot, scale * sum."""
    exists, values = inputs
    rows, symbols = exists.shape
    for t in range(rows):
        if not in_step(exists, values, state[PHASE], t):
            tile = tile_rows(rows, symbols)
            for first in range(t, rows, tile):
                for j in range(symbols):
                    end = min(first + tile, rows)
                    _sum_column(state, exists, values, first, end, j, out, length, pivoted, scale)
            break
        _sum_row(state, values, t, out, length, pivoted, scale)


@compiled(signature(2, 1))
def advance_sum(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Sum the last `length` values.

    value : any unit; output `sum` in the same unit, exact for whole numbers up to 2**53.
    Warm-up: length - 1 bars.
    """
    advance_any_sum(inputs, state, outputs[0], int(parameters[0]), 0.0, 1.0)


@compiled(signature(2, 1))
def advance_sma(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Average the last `length` values with equal weights.

    value : any unit; output `average` in the same unit.
    Warm-up: length - 1 bars.
    """
    advance_any_sum(inputs, state, outputs[0], int(parameters[0]), 1.0, 1.0 / parameters[0])


@compiled(signature(2, 1))
def advance_relative_volume(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Divide each value by the mean of the last `length` values, itself included.

    volume : shares; output `ratio` without unit, NaN where the mean is 0.
    Warm-up: length - 1 bars.
    """
    values, out = inputs[1], outputs[0]
    advance_any_sum(inputs, state, out, int(parameters[0]), 1.0, 1.0 / parameters[0])
    for t in range(values.shape[0]):
        for j in range(values.shape[1]):
            out[t, j] = values[t, j] / out[t, j]


@compiled()
def _moments_row(
    state: Any, values: Any, t: int, mean: Any, deviation: Any, length: int, scale: float, square_scale: float
) -> None:
    symbols = values.shape[1]
    phase = int(state[PHASE, 0])
    slot = phase % length
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
def _moments(
    pivot: float, total: float, squares: float, scale: float, square_scale: float
) -> tuple[float, float]:
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
    t = first
    while t < end:
        value = values[t, j]
        if not (exists[t, j] == exists[t, j] and value == value):
            phase = 0 if exists[t, j] == exists[t, j] else phase
            mean[t, j], deviation[t, j] = np.nan, np.nan
            t += 1
            continue
        slot = phase % length
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
                    _moments_column(
                        state, exists, values, first, end, j, mean, deviation, length, scale, square_scale
                    )
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


def _length_less_one(parameters: Sequence[float]) -> tuple[int, ...]:
    return (int(parameters[0]) - 1,)


def _sum_rows(parameters: Sequence[float]) -> int:
    return SLOTS + int(parameters[0]) + 1


def _moments_rows(parameters: Sequence[float]) -> int:
    return SLOTS + 2 * (int(parameters[0]) + 1)


ROLLING_SUM = Kernel(
    name="rolling_sum",
    advance=advance_sum,
    values=("value",),
    outputs=("sum",),
    parameters=("length",),
    state_rows=_sum_rows,
    lookback=_length_less_one,
)
SMA = Kernel(
    name="sma",
    advance=advance_sma,
    values=("value",),
    outputs=("average",),
    parameters=("length",),
    state_rows=_sum_rows,
    lookback=_length_less_one,
)
RELATIVE_VOLUME = Kernel(
    name="relative_volume",
    advance=advance_relative_volume,
    values=("volume",),
    outputs=("ratio",),
    parameters=("length",),
    state_rows=_sum_rows,
    lookback=_length_less_one,
)
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
