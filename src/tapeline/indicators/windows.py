"""Sums and means over the last n bars; the blocks that all windows are made of.

A symbol's bars are cut into blocks of n. A window ends inside the present block and begins inside the block
before, so it is a suffix of that block and a prefix of this one:

    block before  | a b c d e |      window of 5 ending at g:  d' + g',
    this block    | f g       |      d' = sum(c, d, e),  g' = sum(f, g)

The prefix grows by one addition a bar. The suffixes of a finished block are summed once, from its end, when
the next block begins; the sweep costs one more addition a bar on average. Nothing is subtracted when a bar
leaves, so rounding errors and jumps leave the window together with the bar that brought them.

For means, values are summed as differences to the first value of the present block, the pivot, which is
always inside the window. Equal values then give exactly their value.

Rejected: running sums (off by 1e-6 after 5 million bars), Welford's recurrence with removal (the same,
slower).

State of a symbol: its phase, the pivot, the prefix sum, then n + 1 slots. A slot holds the bar's value while
its block is being filled and the suffix sum from that bar on afterwards; the last slot stays 0. The phase
counts bars up to 2n and falls back to n: below n the first block is being filled.

When the bars of all symbols are in the same phase, the usual case, a row is one vector loop over the symbols;
otherwise every symbol is stepped by itself. Both do the same operations for a symbol.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.indicators.kernel import FEW_SYMBOLS, TILE_ROWS, Kernel, Panels, signature

PHASE, PIVOT, SUM, SLOTS = 0, 1, 2, 3


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
def slot_of(phase: int, length: int) -> int:
    """Return the slot of the present bar.

    Here and where a range begins, max(..., 0) says what is true anyway. Without it the compiler provides at
    each access for a negative index, which counts from the end: the loops were half as slow again.
    """
    return max(phase - length if phase >= length else phase, 0)


@compiled()
def next_phase(phase: int, length: int) -> int:
    """Return the phase after one more bar."""
    return length if phase + 1 == 2 * length else phase + 1


@compiled()
def _sum_row(state: Any, values: Any, t: int, out: Any, length: int, pivoted: float, scale: float) -> None:
    symbols = values.shape[1]
    phase = int(state[PHASE, 0])
    slot = slot_of(phase, length)
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
    t = max(first, 0)
    while t < end:
        value = values[t, j]
        if not (exists[t, j] == exists[t, j] and value == value):
            phase = 0 if exists[t, j] == exists[t, j] else phase
            out[t, j] = np.nan
            t += 1
            continue
        slot = slot_of(phase, length)
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


def _length_less_one(parameters: Sequence[float]) -> tuple[int, ...]:
    return (int(parameters[0]) - 1,)


def _sum_rows(parameters: Sequence[float]) -> int:
    return SLOTS + int(parameters[0]) + 1


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
