"""Series made of their own past: sums over all bars, the last value that was not 0, fractional differences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, takewhile
from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled
from tapeline.indicators.kernel import Kernel, Panels, signature
from tapeline.indicators.volume import compensated
from tapeline.indicators.windows import next_phase, slot_of

PHASE, RING = 0, 1


@compiled(signature(2, 1))
def advance_cumulative_sum(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Sum all values since the first.

    value : any unit; output `sum` in the same unit, compensated for rounding. An unknown value is passed over.
    Warm-up: none.
    """
    exists, values = inputs
    (out,) = outputs
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            value = values[t, j]
            known = exists[t, j] == exists[t, j] and value == value
            total, rest = compensated(state[0, j], state[1, j], value if known else 0.0)
            state[0, j], state[1, j] = total, rest
            out[t, j] = total + rest if known else np.nan


@compiled(signature(2, 1))
def advance_last_nonzero(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Give the last value that was not 0; 0 while there was none.

    value : any unit; output `last` in the same unit. An unknown value is passed over.
    Warm-up: none.
    """
    exists, values = inputs
    (out,) = outputs
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            value = values[t, j]
            known = exists[t, j] == exists[t, j] and value == value
            state[0, j] = value if known and value != 0.0 else state[0, j]
            out[t, j] = state[0, j] if known else np.nan


def binomial_weights(order: float) -> Iterator[float]:
    """Yield the weights of the difference of an order, the newest value's first: the series of (1 - lag) ** order.

    w(0) = 1, w(k) = -w(k - 1) (order - k + 1) / k. Source: Hosking (1981), Fractional Differencing.
    """
    weight = 1.0
    for k in count(1):
        yield weight
        weight = -weight * (order - k + 1.0) / k


def fractional_weights(order: float, threshold: float) -> list[float]:
    """Return the weights up to the first |w| < threshold, which is left out with all after it; threshold above 0.

    Source: Lopez de Prado (2018), Advances in Financial Machine Learning, section 5.5.
    """
    return list(takewhile(lambda weight: abs(weight) >= threshold, binomial_weights(order)))


@compiled(signature(2, 1))
def advance_fractional_difference(inputs: Panels, state: Any, parameters: Any, outputs: Panels) -> None:
    """Difference a series by a fraction of an order: stationary, with as much memory kept as the weights reach back.

    value : any unit; output `difference` in the same unit.
    order : 0 is the series itself, 1 its change; width : how many weights are kept, see `fractional_weights`.
    Warm-up: width - 1 bars.
    """
    exists, values = inputs
    (out,) = outputs
    order, width = parameters[0], int(parameters[1])
    weights = np.empty(width)
    weights[0] = 1.0
    for k in range(1, width):
        weights[k] = -weights[k - 1] * (order - k + 1.0) / k
    for t in range(exists.shape[0]):
        for j in range(exists.shape[1]):
            out[t, j] = np.nan
            if exists[t, j] != exists[t, j]:
                continue
            if values[t, j] != values[t, j]:
                state[PHASE, j] = 0.0
                continue
            phase = int(state[PHASE, j])
            slot = slot_of(phase, width)
            state[RING + slot, j] = values[t, j]
            state[PHASE, j] = next_phase(phase, width)
            if phase >= width - 1:
                total = 0.0
                for k in range(slot + 1):
                    total += weights[k] * state[RING + slot - k, j]
                for k in range(slot + 1, width):
                    total += weights[k] * state[RING + slot - k + width, j]
                out[t, j] = total


def _width_less_one(parameters: Sequence[float]) -> tuple[int, ...]:
    return (int(parameters[1]) - 1,)


CUMULATIVE_SUM = Kernel(
    name="cumulative_sum",
    advance=advance_cumulative_sum,
    values=("value",),
    outputs=("sum",),
    parameters=(),
    state_rows=lambda parameters: 2,
    lookback=lambda parameters: (0,),
)
LAST_NONZERO = Kernel(
    name="last_nonzero",
    advance=advance_last_nonzero,
    values=("value",),
    outputs=("last",),
    parameters=(),
    state_rows=lambda parameters: 1,
    lookback=lambda parameters: (0,),
)
FRACTIONAL_DIFFERENCE = Kernel(
    name="fractional_difference",
    advance=advance_fractional_difference,
    values=("value",),
    outputs=("difference",),
    parameters=("order", "width"),
    state_rows=lambda parameters: RING + int(parameters[1]),
    lookback=_width_less_one,
)
