"""Levels of the past near the price of now: resistance overhead, support below.

A level is a price that a bar left behind, such as a swing high; 0 where it left none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.indicators.elementwise import TOLERANCE, greater
from tapeline.indicators.kernel import Kernel, Panels, signature
from tapeline.indicators.windows import next_phase, slot_of

PHASE, SLOTS = 0, 1


@compiled(signature(4, 1))
def advance_any_between(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Tell whether any of the last `length` levels lies above `low` and at or below `high`.

    level, low, high : one unit. Levels and `low` are prices of bars and compare exactly; `high` is computed, so a
        level within the tolerance of it counts as at it
    Output `any`: true if one lies there, else unknown if a level of the window or a bound is, else false (Kleene's
        disjunction of the comparisons).
    Warm-up: length - 1 bars before it can be false.
    """
    exists, levels, lows, highs = inputs
    (out,) = outputs
    length = int(parameters[0])
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            out[t, j] = np.nan
            if exists[t, j] != exists[t, j]:
                continue
            phase = int(state[PHASE, j])
            state[SLOTS + slot_of(phase, length), j] = levels[t, j]
            state[PHASE, j] = float(next_phase(phase, length))
            low, high = lows[t, j], highs[t, j]
            doubt = phase < length - 1 or low != low or high != high
            found = False
            for i in range(min(phase + 1, length)):
                level = state[SLOTS + i, j]
                found |= level > low and greater(level, high, TOLERANCE) == 0.0
                doubt |= level != level
            out[t, j] = 1.0 if found else (np.nan if doubt else 0.0)


ANY_BETWEEN = Kernel(
    name="any_between",
    advance=advance_any_between,
    values=("level", "low", "high"),
    outputs=("any",),
    parameters=("length",),
    state_rows=lambda parameters: SLOTS + int(parameters[0]),
    lookback=lambda parameters: (int(parameters[0]) - 1,),
)
