"""Looking back: lags, changes, and three-valued conditions over the last n bars.

A condition is 1.0 (true), 0.0 (false) or NaN (unknown); logic is Kleene's. Here an unknown bar is remembered:

- `lag` gives it back n bars later;
- `any` and `all` are the disjunction and conjunction of the condition and its lags, to the letter: one true
  bar makes `any` true whatever the others are, also while fewer than n bars exist (bars before the first
  are unknown);
- `count_true` over a window with an unknown bar is unknown;
- `bars_since` is unknown from an unknown bar until the next true one, as that bar may have been true.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.indicators.kernel import Kernel, Panels, signature
from tapeline.indicators.windows import in_step, next_phase, slot_of, tile_rows

PHASE, COUNT, SLOTS = 0, 1, 2


@compiled()
def _lag_into(exists: Any, values: Any, state: Any, length: int, out: Any) -> None:
    rows, symbols = exists.shape
    for t in range(rows):
        if not in_step(exists, exists, state[PHASE], t):
            tile = tile_rows(rows, symbols)
            for first in range(t, rows, tile):
                for j in range(symbols):
                    _lag_column(exists, values, state, length, out, first, min(first + tile, rows), j)
            break
        phase = int(state[PHASE, 0])
        slot = 1 + slot_of(phase, length)
        following = float(next_phase(phase, length))
        full = phase >= length
        for j in range(symbols):
            value, earlier = values[t, j], state[slot, j]
            state[slot, j] = value
            state[PHASE, j] = following
            out[t, j] = earlier if full else np.nan


@compiled()
def _lag_column(exists: Any, values: Any, state: Any, length: int, out: Any, first: int, end: int, j: int) -> None:
    phase = int(state[PHASE, j])
    for t in range(max(first, 0), end):
        earlier = np.nan
        if exists[t, j] == exists[t, j]:
            slot = 1 + slot_of(phase, length)
            value = values[t, j]
            earlier = state[slot, j] if phase >= length else np.nan
            state[slot, j] = value
            phase = next_phase(phase, length)
        out[t, j] = earlier
    state[PHASE, j] = float(phase)


@compiled(signature(2, 1))
def advance_lag(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Give the value of `length` existing bars ago, unknown if it was unknown then.

    value : any unit; output `earlier` in the same unit; length 0 gives the value itself.
    Warm-up: length bars.
    """
    exists, values = inputs
    (out,) = outputs
    length = int(parameters[0])
    if length > 0:
        _lag_into(exists, values, state, length, out)
    else:
        for t in range(exists.shape[0]):
            for j in range(exists.shape[1]):
                out[t, j] = values[t, j] if exists[t, j] == exists[t, j] else np.nan


@compiled(signature(2, 1))
def advance_rate_of_change(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Measure the change since `length` existing bars ago, in per cent of the value then.

    value : any unit; output `change` in per cent; unknown if either value is, or if the earlier one is 0.
    Warm-up: length bars (length >= 1).
    """
    exists, values = inputs
    (out,) = outputs
    _lag_into(exists, values, state, int(parameters[0]), out)
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            earlier = out[t, j]
            out[t, j] = 100.0 * (values[t, j] / earlier - 1.0) if earlier != 0.0 else np.nan


@compiled(signature(2, 1))
def advance_count_true(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Count the true bars among the last `length`.

    condition : 1.0, 0.0 or NaN; output `count` in bars, unknown while an unknown bar is in the window.
    Warm-up: length - 1 bars.
    """
    exists, conditions = inputs
    (out,) = outputs
    length = int(parameters[0])
    rows, symbols = exists.shape
    for t in range(rows):
        for j in range(symbols):
            out[t, j] = np.nan
            if exists[t, j] != exists[t, j]:
                continue
            if conditions[t, j] != conditions[t, j]:
                state[PHASE, j], state[COUNT, j] = 0.0, 0.0
                continue
            phase = int(state[PHASE, j])
            slot = SLOTS + slot_of(phase, length)
            true = 1.0 if conditions[t, j] != 0.0 else 0.0
            leaving = state[slot, j] if phase >= length else 0.0
            count = state[COUNT, j] + true - leaving  # whole numbers: exact
            state[COUNT, j], state[slot, j] = count, true
            state[PHASE, j] = float(next_phase(phase, length))
            out[t, j] = count if phase >= length - 1 else np.nan


@compiled()
def _advance_seen(inputs: Panels, state: Any, parameters: Any, outputs: Panels, sought: float) -> None:
    exists, conditions = inputs
    (out,) = outputs
    length = parameters[0]
    rows, symbols = exists.shape
    for t in range(rows):
        for j in range(symbols):
            bar = exists[t, j] == exists[t, j]
            condition = conditions[t, j]
            # ages in bars, the current one being 1; 0 = never
            bars, found, doubt = state[0, j], state[1, j], state[2, j]
            one = 1.0 if bar else 0.0
            bars = bars + one if bars < length else bars
            truth = 1.0 if condition != 0.0 else 0.0
            unknown = condition != condition
            found_here = bar and not unknown and truth == sought
            doubt_here = bar and unknown
            found = 1.0 if found_here else (found + one if found > 0.0 else 0.0)
            doubt = 1.0 if doubt_here else (doubt + one if doubt > 0.0 else 0.0)
            state[0, j], state[1, j], state[2, j] = bars, found, doubt
            otherwise = np.nan if bars < length or (doubt > 0.0 and doubt <= length) else 1.0 - sought
            seen = sought if found > 0.0 and found <= length else otherwise
            out[t, j] = seen if bar else np.nan


@compiled(signature(2, 1))
def advance_any(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Tell whether the condition is true on any of the last `length` bars.

    condition : 1.0, 0.0 or NaN; output `any`: true if one is true, else unknown if one is unknown, else
        false.
    Warm-up: length - 1 bars before it can be false.
    Source: Kleene (1952), Introduction to Metamathematics, section 64.
    """
    _advance_seen(inputs, state, parameters, outputs, 1.0)


@compiled(signature(2, 1))
def advance_all(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Tell whether the condition is true on all of the last `length` bars.

    condition : 1.0, 0.0 or NaN; output `all`: false if one is false, else unknown if one is unknown, else
        true.
    Warm-up: length - 1 bars before it can be true.
    Source: Kleene (1952), Introduction to Metamathematics, section 64.
    """
    _advance_seen(inputs, state, parameters, outputs, 0.0)


@compiled(signature(2, 1))
def advance_bars_since(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Count the existing bars since the condition was last true.

    condition : 1.0, 0.0 or NaN; output `age` in bars, 0 = true on this bar; NaN before the first true bar,
        and from an unknown bar until the next true one.
    Warm-up: none of its own.
    """
    exists, conditions = inputs
    (out,) = outputs
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            bar = exists[t, j] == exists[t, j]
            condition = conditions[t, j]
            age = state[0, j]  # the current bar being 1; 0 = unknown
            aged = 0.0 if condition != condition or age == 0.0 else age + 1.0
            true = condition == condition and condition != 0.0
            age = (1.0 if true else aged) if bar else age
            state[0, j] = age
            out[t, j] = age - 1.0 if bar and age > 0.0 else np.nan


def _length(parameters: Sequence[float]) -> tuple[int, ...]:
    return (int(parameters[0]),)


def _length_less_one(parameters: Sequence[float]) -> tuple[int, ...]:
    return (int(parameters[0]) - 1,)


def _lag_rows(parameters: Sequence[float]) -> int:
    return 1 + int(parameters[0])


LAG = Kernel(
    name="lag",
    advance=advance_lag,
    values=("value",),
    outputs=("earlier",),
    parameters=("length",),
    state_rows=_lag_rows,
    lookback=_length,
)
RATE_OF_CHANGE = Kernel(
    name="rate_of_change",
    advance=advance_rate_of_change,
    values=("value",),
    outputs=("change",),
    parameters=("length",),
    state_rows=_lag_rows,
    lookback=_length,
)
COUNT_TRUE = Kernel(
    name="count_true",
    advance=advance_count_true,
    values=("condition",),
    outputs=("count",),
    parameters=("length",),
    state_rows=lambda parameters: SLOTS + int(parameters[0]),
    lookback=_length_less_one,
)
ANY = Kernel(
    name="any",
    advance=advance_any,
    values=("condition",),
    outputs=("any",),
    parameters=("length",),
    state_rows=lambda parameters: 3,
    lookback=_length_less_one,
)
ALL = Kernel(
    name="all",
    advance=advance_all,
    values=("condition",),
    outputs=("all",),
    parameters=("length",),
    state_rows=lambda parameters: 3,
    lookback=_length_less_one,
)
BARS_SINCE = Kernel(
    name="bars_since",
    advance=advance_bars_since,
    values=("condition",),
    outputs=("age",),
    parameters=(),
    state_rows=lambda parameters: 1,
    lookback=lambda parameters: (0,),
)
