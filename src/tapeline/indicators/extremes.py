"""Lowest and highest of the last n bars, their age, and the place of the price between them.

The method is van Herk's (1992) and Gil and Werman's (1993): as in `windows`, a symbol's bars are cut into
blocks of n, and a window is a suffix of the block before and a prefix of the present one. The extreme of
the prefix costs one comparison a bar, those of all suffixes one sweep a block: the cost does not depend on
n nor on the prices.

Rejected: a monotonic queue. It needs as many comparisons, but its branches depend on the prices, which
rules out vector code across symbols.

State of a symbol: its phase (see `windows`), the extreme of the prefix, then n + 1 slots. A slot holds the
bar's value while its block is being filled and the suffix's extreme afterwards; the last slot is infinite,
the extreme of nothing. Highest is the lowest of the negated values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.indicators.kernel import Kernel, Panels, signature
from tapeline.indicators.windows import in_step, next_phase, slot_of, tile_rows

PHASE, BEST, SLOTS = 0, 1, 2


@compiled()
def _sweep_row(state: Any, slots: int, length: int) -> None:
    for i in range(length - 2, 0, -1):
        for j in range(state.shape[1]):
            value, later = state[slots + i, j], state[slots + i + 1, j]
            state[slots + i, j] = value if value < later else later


@compiled()
def _sweep_column(state: Any, j: int, slots: int, length: int) -> None:
    later = state[slots + length - 1, j]
    for i in range(length - 2, 0, -1):
        value = state[slots + i, j]
        later = value if value < later else later
        state[slots + i, j] = later


@compiled()
def _lowest_row(state: Any, values: Any, t: int, out: Any, length: int, sign: float) -> None:
    symbols = values.shape[1]
    phase = int(state[PHASE, 0])
    slot = slot_of(phase, length)
    if slot == 0:
        if phase > 0:
            _sweep_row(state, SLOTS, length)
        for j in range(symbols):
            state[BEST, j] = np.inf
            state[SLOTS + length, j] = np.inf
    for j in range(symbols):
        value, best, earlier = sign * values[t, j], state[BEST, j], state[SLOTS + slot + 1, j]
        best = value if value < best else best
        lowest = best if best < earlier else earlier
        state[BEST, j] = best
        state[SLOTS + slot, j] = value
        out[t, j] = sign * lowest
    ready = phase >= length - 1
    phase = next_phase(phase, length)
    for j in range(symbols):
        state[PHASE, j] = phase
    if not ready:
        for j in range(symbols):
            out[t, j] = np.nan


@compiled()
def _lowest_column(
    state: Any, exists: Any, values: Any, first: int, end: int, j: int, out: Any, length: int, sign: float
) -> None:
    phase, best = int(state[PHASE, j]), state[BEST, j]
    for t in range(max(first, 0), end):
        value = sign * values[t, j]
        lowest = np.nan
        if exists[t, j] == exists[t, j]:
            if value == value:
                slot = slot_of(phase, length)
                if slot == 0:
                    if phase > 0:
                        _sweep_column(state, j, SLOTS, length)
                    best = np.inf
                    state[SLOTS + length, j] = np.inf
                earlier = state[SLOTS + slot + 1, j]
                best = value if value < best else best
                lowest = sign * (best if best < earlier else earlier) if phase >= length - 1 else np.nan
                state[SLOTS + slot, j] = value
                phase = next_phase(phase, length)
            else:
                phase = 0
        out[t, j] = lowest
    state[PHASE, j], state[BEST, j] = float(phase), best


@compiled()
def _advance_lowest(inputs: Panels, state: Any, length: int, out: Any, sign: float) -> None:
    exists, values = inputs
    rows, symbols = exists.shape
    for t in range(rows):
        if not in_step(exists, values, state[PHASE], t):
            tile = tile_rows(rows, symbols)
            for first in range(t, rows, tile):
                for j in range(symbols):
                    _lowest_column(state, exists, values, first, min(first + tile, rows), j, out, length, sign)
            break
        _lowest_row(state, values, t, out, length, sign)


@compiled(signature(2, 1))
def advance_min(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Find the lowest of the last `length` values.

    value : any unit; output `lowest` in the same unit.
    Warm-up: length - 1 bars.
    """
    _advance_lowest(inputs, state, int(parameters[0]), outputs[0], 1.0)


@compiled(signature(2, 1))
def advance_max(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Find the highest of the last `length` values.

    value : any unit; output `highest` in the same unit.
    Warm-up: length - 1 bars.
    """
    _advance_lowest(inputs, state, int(parameters[0]), outputs[0], -1.0)


@compiled()
def _advance_age(inputs: Panels, state: Any, length: int, out: Any, sign: float) -> None:
    exists, values = inputs
    for t in range(exists.shape[0]):
        if in_step(exists, values, state[PHASE], t):
            _age_row(state, values, t, out, length, sign)
        else:
            for j in range(exists.shape[1]):
                _age_cell(state, exists, values, t, j, out, length, sign)


@compiled()
def _age_row(state: Any, values: Any, t: int, out: Any, length: int, sign: float) -> None:
    symbols, place, places = values.shape[1], state.shape[0] - 1, SLOTS + length
    phase = int(state[PHASE, 0])
    slot = slot_of(phase, length)
    if slot == 0:
        if phase > 0:
            for j in range(symbols):
                state[places + length - 1, j] = length - 1
            for i in range(length - 2, 0, -1):
                for j in range(symbols):
                    later = state[places + i + 1, j]
                    state[places + i, j] = i if state[SLOTS + i, j] < state[SLOTS + i + 1, j] else later
                for j in range(symbols):
                    value, later = state[SLOTS + i, j], state[SLOTS + i + 1, j]
                    state[SLOTS + i, j] = value if value < later else later
        for j in range(symbols):
            state[BEST, j] = np.inf
    for j in range(symbols):
        value, best, before = sign * values[t, j], state[BEST, j], state[place, j]
        state[place, j] = slot if value <= best else before
        state[BEST, j] = value if value <= best else best
    for j in range(symbols):
        out[t, j] = slot - state[place, j] if phase >= length - 1 else np.nan
    if phase >= length - 1 and slot < length - 1:
        for j in range(symbols):
            age, older = out[t, j], slot + length - state[places + slot + 1, j]
            out[t, j] = older if state[SLOTS + slot + 1, j] < state[BEST, j] else age
    following = float(next_phase(phase, length))
    for j in range(symbols):
        state[SLOTS + slot, j] = sign * values[t, j]
        state[PHASE, j] = following


@compiled()
def _age_cell(state: Any, exists: Any, values: Any, t: int, j: int, out: Any, length: int, sign: float) -> None:
    place = state.shape[0] - 1  # the slot of the prefix's extreme
    places = SLOTS + length  # the slot of each suffix's extreme
    out[t, j] = np.nan
    if exists[t, j] != exists[t, j]:
        return
    value = sign * values[t, j]
    if value != value:
        state[PHASE, j] = 0.0
        return
    phase = int(state[PHASE, j])
    slot = slot_of(phase, length)
    if slot == 0:
        if phase > 0:
            state[places + length - 1, j] = length - 1
            for i in range(length - 2, 0, -1):
                # an older value must be lower to win
                older_wins = state[SLOTS + i, j] < state[SLOTS + i + 1, j]
                state[places + i, j] = i if older_wins else state[places + i + 1, j]
                if not older_wins:
                    state[SLOTS + i, j] = state[SLOTS + i + 1, j]
        state[BEST, j] = np.inf
    if value <= state[BEST, j]:
        state[BEST, j] = value
        state[place, j] = slot
    if phase >= length - 1:
        if slot < length - 1 and state[SLOTS + slot + 1, j] < state[BEST, j]:
            out[t, j] = slot + length - state[places + slot + 1, j]
        else:
            out[t, j] = slot - state[place, j]
    state[SLOTS + slot, j] = value
    state[PHASE, j] = next_phase(phase, length)


@compiled(signature(2, 1))
def advance_argmin(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Count the bars since the lowest of the last `length` values.

    value : any unit; output `age` in bars, 0 = the current bar; of equal values the newest counts.
    Warm-up: length - 1 bars.
    """
    _advance_age(inputs, state, int(parameters[0]), outputs[0], 1.0)


@compiled(signature(2, 1))
def advance_argmax(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Count the bars since the highest of the last `length` values.

    value : any unit; output `age` in bars, 0 = the current bar; of equal values the newest counts.
    Warm-up: length - 1 bars.
    """
    _advance_age(inputs, state, int(parameters[0]), outputs[0], -1.0)


@compiled()
def _position(value: float, lowest: float, negated_highest: float, flat: float, flat_threshold: float) -> float:
    spread = -negated_highest - lowest
    return 100.0 * ((value - lowest) / spread) if spread > flat_threshold else flat


@compiled(signature(4, 1))
def advance_stochastic(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Place the close between the lowest low and the highest high of the last `length` bars, times 100.

    high, low, close : one unit; give one series three times for the stochastic of that series (StochRSI).
    Output `position` from 0 to 100: the raw %K, not smoothed.
    flat : the value where highest - lowest <= flat_threshold (TA-Lib: 0 and 0; StochRSI here: 0 and 1e-9).
    Warm-up: length - 1 bars.
    Source: Lane (1984), Lane's Stochastics; Chande and Kroll (1994), The New Technical Trader, for StochRSI.
    """
    exists, highs, lows, closes = inputs
    (out,) = outputs
    length, flat, flat_threshold = int(parameters[0]), parameters[1], parameters[2]
    rows, symbols = exists.shape
    low, high = 1, 2  # rows of the prefix's lowest low and negated highest high
    low_slots, high_slots = 3, 3 + length + 1
    for t in range(rows):
        phases = state[PHASE]
        if not (in_step(highs, lows, phases, t) and in_step(exists, closes, phases, t)):
            tile = tile_rows(rows, symbols)
            for first in range(t, rows, tile):
                for j in range(symbols):
                    end = min(first + tile, rows)
                    _stochastic_column(inputs, state, first, end, j, out, length, flat, flat_threshold)
            break
        phase = int(state[PHASE, 0])
        slot = slot_of(phase, length)
        if slot == 0:
            if phase > 0:
                _sweep_row(state, low_slots, length)
                _sweep_row(state, high_slots, length)
            for j in range(symbols):
                state[low, j], state[high, j] = np.inf, np.inf
                state[low_slots + length, j], state[high_slots + length, j] = np.inf, np.inf
        ready = phase >= length - 1
        phase = next_phase(phase, length)
        for j in range(symbols):
            value, best, earlier = lows[t, j], state[low, j], state[low_slots + slot + 1, j]
            best = value if value < best else best
            state[low, j], state[low_slots + slot, j], state[PHASE, j] = best, value, phase
            out[t, j] = best if best < earlier else earlier
        for j in range(symbols):
            value, best, earlier = -highs[t, j], state[high, j], state[high_slots + slot + 1, j]
            best = value if value < best else best
            lowest, close = out[t, j], closes[t, j]
            highest = best if best < earlier else earlier
            state[high, j], state[high_slots + slot, j] = best, value
            out[t, j] = _position(close, lowest, highest, flat, flat_threshold) if ready else np.nan


@compiled()
def _stochastic_column(
    inputs: Panels,
    state: Any,
    first: int,
    end: int,
    j: int,
    out: Any,
    length: int,
    flat: float,
    flat_threshold: float,
) -> None:
    exists, highs, lows, closes = inputs
    low, high = 1, 2
    low_slots, high_slots = 3, 3 + length + 1
    phase, lowest, highest = int(state[PHASE, j]), state[low, j], state[high, j]
    t = max(first, 0)
    while t < end:
        out[t, j] = np.nan
        if exists[t, j] != exists[t, j]:
            t += 1
            continue
        if not (highs[t, j] == highs[t, j] and lows[t, j] == lows[t, j] and closes[t, j] == closes[t, j]):
            phase = 0
            t += 1
            continue
        slot = slot_of(phase, length)
        if slot == 0:
            if phase > 0:
                _sweep_column(state, j, low_slots, length)
                _sweep_column(state, j, high_slots, length)
            lowest, highest = np.inf, np.inf
            state[low_slots + length, j], state[high_slots + length, j] = np.inf, np.inf
        # the rest of the block, as far as there are bars
        while slot < length and t < end:
            high_value, low_value, close = highs[t, j], lows[t, j], closes[t, j]
            bar = exists[t, j] == exists[t, j]
            if not (bar and high_value == high_value and low_value == low_value and close == close):
                break
            high_value = -high_value
            lowest = low_value if low_value < lowest else lowest
            highest = high_value if high_value < highest else highest
            low_before, high_before = state[low_slots + slot + 1, j], state[high_slots + slot + 1, j]
            state[low_slots + slot, j], state[high_slots + slot, j] = low_value, high_value
            place = _position(
                close,
                lowest if lowest < low_before else low_before,
                highest if highest < high_before else high_before,
                flat,
                flat_threshold,
            )
            out[t, j] = place if phase >= length - 1 else np.nan
            phase, slot, t = phase + 1, slot + 1, t + 1
        phase = length if phase == 2 * length else phase
    state[PHASE, j], state[low, j], state[high, j] = float(phase), lowest, highest


def _length_less_one(parameters: Sequence[float]) -> tuple[int, ...]:
    return (int(parameters[0]) - 1,)


def _extreme(name: str, advance: Any, output: str) -> Kernel:
    return Kernel(
        name=name,
        advance=advance,
        values=("value",),
        outputs=(output,),
        parameters=("length",),
        state_rows=lambda parameters: SLOTS + int(parameters[0]) + 1,
        lookback=_length_less_one,
    )


def _age(name: str, advance: Any) -> Kernel:
    return Kernel(
        name=name,
        advance=advance,
        values=("value",),
        outputs=("age",),
        parameters=("length",),
        state_rows=lambda parameters: SLOTS + 2 * int(parameters[0]) + 1,
        lookback=_length_less_one,
    )


ROLLING_MIN = _extreme("rolling_min", advance_min, "lowest")
ROLLING_MAX = _extreme("rolling_max", advance_max, "highest")
ROLLING_ARGMIN = _age("rolling_argmin", advance_argmin)
ROLLING_ARGMAX = _age("rolling_argmax", advance_argmax)
STOCHASTIC = Kernel(
    name="stochastic",
    advance=advance_stochastic,
    values=("high", "low", "close"),
    outputs=("position",),
    parameters=("length", "flat", "flat_threshold"),
    state_rows=lambda parameters: 3 + 2 * (int(parameters[0]) + 1),
    lookback=_length_less_one,
)
