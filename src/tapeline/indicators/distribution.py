"""How the last n values are distributed: their shape, their quantiles, and the place of the newest among them.

Skewness and kurtosis divide third and fourth powers by powers of the deviation. Sums of such powers about anything but
the window's own mean cancel to nothing where the deviation is small beside the prices, so these are computed in two
passes over the window, at a cost of n a bar. A quantile needs the window in order: a sorted copy is kept, from which
the leaving value is taken and into which the new one is put, at most n moves a bar.

Rejected: power sums in blocks as in `moments` (at n = 500 six digits of a kurtosis are lost); a pair of heaps (fewer
moves, but slower than a sorted array up to some hundred values, and it gives one quantile only).

State of a symbol: its phase (see `windows`), then a ring of n values; for quantiles n more, the same values in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, sqrt
from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.indicators.kernel import Kernel, Panels, signature
from tapeline.indicators.windows import next_phase, slot_of

PHASE, RING = 0, 1


@compiled()
def enter(state: Any, j: int, exists: float, value: float, length: int) -> bool:
    """Take a value into the ring; tell whether the window is full and ends at this bar."""
    if exists != exists:
        return False
    if value != value:
        state[PHASE, j] = 0.0
        return False
    phase = int(state[PHASE, j])
    state[RING + slot_of(phase, length), j] = value
    state[PHASE, j] = next_phase(phase, length)
    return phase >= length - 1


@compiled()
def _mean(state: Any, j: int, length: int) -> Any:
    pivot, total = state[RING, j], 0.0
    for i in range(length):
        total += state[RING + i, j] - pivot
    return pivot + total / length


@compiled(signature(2, 1))
def advance_mean_deviation(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Average the distances of the last `length` values from their mean.

    value : any unit; output `deviation` in the same unit, exactly 0 where all values are equal.
    Warm-up: length - 1 bars.
    """
    exists, values = inputs
    (out,) = outputs
    length = int(parameters[0])
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            out[t, j] = np.nan
            if enter(state, j, exists[t, j], values[t, j], length):
                mean, total = _mean(state, j, length), 0.0
                for i in range(length):
                    total += abs(state[RING + i, j] - mean)
                out[t, j] = total / length


@compiled(signature(2, 2))
def advance_shape(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Measure the asymmetry and the tails of the last `length` values.

    value : any unit; outputs `skewness` (0 = symmetric) and `kurtosis` (3 = normal), the population's: m3 / m2^1.5 and
    m4 / m2^2 with mk the mean of the k-th powers of the differences to the mean. NaN where all values are equal.
    Warm-up: length - 1 bars.
    """
    exists, values = inputs
    skewness, kurtosis = outputs
    length = int(parameters[0])
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            skewness[t, j], kurtosis[t, j] = np.nan, np.nan
            if enter(state, j, exists[t, j], values[t, j], length):
                mean, squares, cubes, fourths = _mean(state, j, length), 0.0, 0.0, 0.0
                for i in range(length):
                    difference = state[RING + i, j] - mean
                    square = difference * difference
                    squares += square
                    cubes += square * difference
                    fourths += square * square
                variance = squares / length
                if variance > 0.0:
                    skewness[t, j] = cubes / length / (variance * sqrt(variance))
                    kurtosis[t, j] = fourths / length / (variance * variance)


@compiled(signature(2, 1))
def advance_rank(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Place the newest value among the last `length`: 0 lowest to 1 highest.

    value : any unit; output `rank` without unit. Equal values share the mean of their places; of one value the place
    is 0.5.
    Warm-up: length - 1 bars.
    """
    exists, values = inputs
    (out,) = outputs
    length = int(parameters[0])
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            out[t, j] = np.nan
            value = values[t, j]
            if enter(state, j, exists[t, j], value, length):
                halves = -1.0  # twice the places below, the value itself not counted
                for i in range(length):
                    other = state[RING + i, j]
                    halves += 2.0 if other < value else (1.0 if other == value else 0.0)
                out[t, j] = halves / (2.0 * (length - 1.0)) if length > 1 else 0.5


@compiled()
def _replace(state: Any, j: int, ordered: int, count: int, leaving: float, value: float) -> None:
    # Move the values between the place of the leaving one and that of the new one; without a leaving one, from the end.
    place = count
    if leaving == leaving:
        place = 0
        while state[ordered + place, j] != leaving:
            place += 1
        while place < count - 1 and state[ordered + place + 1, j] < value:
            state[ordered + place, j] = state[ordered + place + 1, j]
            place += 1
    while place > 0 and state[ordered + place - 1, j] > value:
        state[ordered + place, j] = state[ordered + place - 1, j]
        place -= 1
    state[ordered + place, j] = value


@compiled(signature(2, 1))
def advance_quantile(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Find the value below which a share of the last `length` values lies.

    value : any unit; share : 0 lowest, 0.5 median, 1 highest; output `quantile` in the unit of the value, between two
    values by a straight line (type 7 of Hyndman and Fan).
    Warm-up: length - 1 bars.
    Source: Hyndman and Fan (1996), Sample Quantiles in Statistical Packages.
    """
    exists, values = inputs
    (out,) = outputs
    length = int(parameters[0])
    ordered = RING + length
    place = parameters[1] * (length - 1.0)
    low = min(floor(place), max(length - 2, 0))
    high = min(low + 1, length - 1)
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            out[t, j] = np.nan
            phase = int(state[PHASE, j])
            value = values[t, j]
            if exists[t, j] == exists[t, j] and value == value:
                leaving = state[RING + slot_of(phase, length), j] if phase >= length else np.nan
                _replace(state, j, ordered, min(phase, length), leaving, value)
            if enter(state, j, exists[t, j], value, length):
                below, above = state[ordered + low, j], state[ordered + high, j]
                out[t, j] = below + (place - low) * (above - below)


def _length_less_one(parameters: Sequence[float]) -> tuple[int, ...]:
    return (int(parameters[0]) - 1,)


def _ring_rows(parameters: Sequence[float]) -> int:
    return RING + int(parameters[0])


MEAN_DEVIATION = Kernel(
    name="mean_deviation",
    advance=advance_mean_deviation,
    values=("value",),
    outputs=("deviation",),
    parameters=("length",),
    state_rows=_ring_rows,
    lookback=_length_less_one,
)
ROLLING_SHAPE = Kernel(
    name="rolling_shape",
    advance=advance_shape,
    values=("value",),
    outputs=("skewness", "kurtosis"),
    parameters=("length",),
    state_rows=_ring_rows,
    lookback=lambda parameters: _length_less_one(parameters) * 2,
)
ROLLING_RANK = Kernel(
    name="rolling_rank",
    advance=advance_rank,
    values=("value",),
    outputs=("rank",),
    parameters=("length",),
    state_rows=_ring_rows,
    lookback=_length_less_one,
)
ROLLING_QUANTILE = Kernel(
    name="rolling_quantile",
    advance=advance_quantile,
    values=("value",),
    outputs=("quantile",),
    parameters=("length", "share"),
    state_rows=lambda parameters: _ring_rows(parameters) + int(parameters[0]),
    lookback=_length_less_one,
)
