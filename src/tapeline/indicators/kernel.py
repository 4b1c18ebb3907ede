"""What an indicator kernel is, and the rules that hold for all of them.

A kernel is a state machine over chunks of bars: `advance(inputs, state, parameters, outputs)`.
A chunk has C rows (moments, oldest first) and N columns (symbols). Batch is one large chunk, live is one
row at a time, and the outputs are the same bit for bit for every way of cutting the same rows into chunks:
every kernel does the same operations in the same order for a symbol, whichever loop it picks, and its state
holds everything it knows of the past, in a size that does not depend on the number of bars.

    inputs      tuple of float64 [C, N], C-order: first `exists`, then the values, then the clocks
                (float64 [C, 1])
    state       float64 [state_rows(parameters), N], all zeros before the first bar
    parameters  float64 vector, in the order of `Kernel.parameters`
    outputs     tuple of float64 [C, N], one for each name in `Kernel.outputs`; every element is written;
                they must not share memory with the inputs

A long run is best cut into chunks of some 50,000 elements, so that all arrays stay in the processor's cache.

The rules, stated once:

**No bar.** `exists` is 1.0 where the symbol has a bar in that row and NaN where it has none. Without a bar
the symbol's state stays as it is and its outputs are NaN: windows, lags and counts run over existing bars.

**Unknown.** A value that is NaN on an existing bar is unknown (still warming up, or 0/0). Unknowns before the
first known value are passed over, so that chained indicators warm up as they do in TA-Lib. Later ones:

- a window (mean, deviation, extreme, stochastic, count) is unknown as long as an unknown bar is inside it,
  and afterwards exactly what it would have been had the series begun after that bar;
- a recursive average (EMA, Wilder, RSI, ATR, ADX) and a cumulation (OBV, VWAP) pass it over: unknown on that
  bar, and going on from the last known state on the next;
- `lag`, `rate_of_change`, `any`, `all` and `bars_since` say themselves what an unknown bar means to them.

No unknown value ever enters a state, except as a remembered unknown.

**Warm-up.** `lookback` is, for each output, the number of existing bars with known inputs before the first
bar at which the output is known. Until then outputs are NaN.

**Clocks.** `clock_inputs` are the last inputs, one column for all symbols: "session" is the ordinal of the
trading session as a number (NaN: no sessions are given, all rows are one session), "minute" the minutes
from the session's open to the end of the bar.

**Accuracy.** Windows are summed as a suffix of the block of bars before and a prefix of the present block,
both as differences to a value inside the window. Nothing is ever subtracted out again, so no error outlives
its window, and a flat window has a deviation of exactly 0. Cumulations over all bars use compensated sums.
The last bits depend on the bar at which a series began, as they do for any recursive average.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Panels = tuple[Any, ...]  # of float64 [C, N] arrays
Floats = tuple[float, ...]  # one symbol's state in registers

# Below so many symbols a kernel walks one symbol after another with its state in registers; from here on it
# walks row by row across the symbols in vector code (8 float64 in a vector register of 512 bits).
FEW_SYMBOLS = 8

# So many rows of one symbol are walked before the next symbol's turn, where symbols cannot be done
# together: enough to keep its state in registers, few enough that the cache lines read are still there for
# its neighbours, even when rows lie a power of two apart.
TILE_ROWS = 16


@dataclass(frozen=True)
class Kernel:
    """One indicator: its compiled code and what a caller must know to run it.

    name : its key in `tapeline.indicators.library.KERNELS`.
    advance : compiled `(inputs, state, parameters, outputs) -> None`, see above.
    values : names of the value inputs, which follow `exists`.
    outputs : names of the outputs.
    parameters : names of the parameters, in the order of the parameter vector.
    state_rows : number of float64 a symbol's state takes.
    lookback : for each output, the number of bars before the first known value.
    clock_inputs : names of the clocks, which come last.
    """

    name: str
    advance: Any
    values: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: tuple[str, ...]
    state_rows: Callable[[Sequence[float]], int]
    lookback: Callable[[Sequence[float]], tuple[int, ...]]
    clock_inputs: tuple[str, ...] = ()

    @property
    def inputs(self) -> int:
        """Number of input arrays: `exists`, the values and the clocks."""
        return 1 + len(self.values) + len(self.clock_inputs)


def signature(inputs: int, outputs: int) -> str:
    """Return Numba's text form of an `advance` with so many input and output arrays."""
    panel = "float64[:, ::1]"
    return f"void(UniTuple({panel}, {inputs}), {panel}, float64[::1], UniTuple({panel}, {outputs}))"
