"""Panels and runs for the tests of all kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tapeline.indicators.kernel import Kernel

Array = np.ndarray[Any, np.dtype[np.float64]]

# One ordinary value for every parameter that a kernel may have; small, so that windows fill and wrap often.
PARAMETERS: Mapping[str, float] = {
    "alpha": 0.3,
    "seed_length": 4,
    "skip": 3,
    "fast": 3,
    "slow": 7,
    "signal": 4,
    "length": 5,
    "ddof": 1,
    "periods": 252,
    "flat": 50,
    "flat_threshold": 1e-9,
    "sessions": 3,
    "bar_minutes": 5,
    "slots": 6,
    "share": 0.3,
    "step": 0.02,
    "limit": 0.2,
    "seed": 1,
    "begin": 0,
    "order": 0.4,
    "width": 4,
}


def parameters_of(kernel: Kernel, **overrides: float) -> Array:
    """Return a parameter vector for the kernel: ordinary values, except the overrides."""
    return np.array([overrides.get(name, PARAMETERS[name]) for name in kernel.parameters], dtype=np.float64)


def a_market(rows: int, symbols: int, seed: int = 0, missing: float = 0.0, unknown: float = 0.0) -> dict[str, Array]:
    """Return panels by the names of value inputs, with `exists` and the clocks.

    missing : share of (row, symbol) without a bar; unknown : share of unknown values on existing bars.
    One price in four repeats the one before, so that flat windows occur. Prices and volumes of every other
    symbol are such that each sum of them is rounded.
    """
    rng = np.random.default_rng(seed)
    unit = np.where(np.arange(symbols) % 2, np.pi, 1.0) / 64.0
    moves = rng.integers(-40, 41, (rows, symbols)) * (rng.random((rows, symbols)) > 0.25)
    close = (3200 + np.abs(np.cumsum(moves, axis=0))) * unit
    high = close + rng.integers(0, 20, (rows, symbols)) * unit
    low = close - rng.integers(0, 20, (rows, symbols)) * unit
    market = {
        "high": high,
        "low": low,
        "close": close,
        "value": close.copy(),
        "price": close.copy(),
        "open": low + (high - low) * rng.random((rows, symbols)),
        "upper": high + 15 * unit,
        "lower": low - 15 * unit,
        "benchmark": (3200 + np.abs(np.cumsum(rng.permuted(moves, axis=0), axis=0))) * unit,
        "weight": rng.integers(0, 9, (rows, symbols)) / 8.0,
        "level": np.roll(high, 2, axis=0),
        "volume": rng.integers(0, 500, (rows, symbols)) * (64.0 * unit),
        "condition": (rng.random((rows, symbols)) < 0.4).astype(np.float64),
    }
    absent = rng.random((rows, symbols)) < missing
    for values in market.values():
        values[rng.random((rows, symbols)) < unknown] = np.nan
        values[absent] = np.nan
    market["exists"] = np.where(absent, np.nan, 1.0)
    bar = np.arange(rows, dtype=np.float64)
    market["session"] = (bar // PARAMETERS["slots"])[:, None].copy()
    market["minute"] = ((bar % PARAMETERS["slots"] + 1) * PARAMETERS["bar_minutes"])[:, None].copy()
    return market


def inputs_of(kernel: Kernel, market: Mapping[str, Array]) -> tuple[Array, ...]:
    """Return the kernel's input tuple from panels by name."""
    names = ("exists", *kernel.values, *kernel.clock_inputs)
    return tuple(np.ascontiguousarray(market[name]) for name in names)


def run(
    kernel: Kernel,
    inputs: Sequence[Array],
    parameters: Sequence[float] | Array,
    cuts: Sequence[int] = (),
    state: Array | None = None,
) -> tuple[Array, ...]:
    """Return the kernel's outputs, the rows being advanced in chunks cut before each of the given rows."""
    vector = np.asarray(parameters, dtype=np.float64)
    rows, symbols = inputs[0].shape
    if state is None:
        state = np.zeros((kernel.state_rows(vector), symbols))
    outputs = tuple(np.full((rows, symbols), -1.0) for _ in kernel.outputs)
    edges = sorted({0, rows, *cuts})
    for begin, end in pairwise(edges):
        kernel.advance(
            tuple(panel[begin:end] for panel in inputs),
            state,
            vector,
            tuple(panel[begin:end] for panel in outputs),
        )
    return outputs


def series(kernel: Kernel, *values: Sequence[float], parameters: Sequence[float] = ()) -> list[Array]:
    """Return the outputs for one symbol that has a bar in every row."""
    columns = [np.asarray(value, dtype=np.float64)[:, None].copy() for value in values]
    exists = np.ones_like(columns[0])
    return [output[:, 0] for output in run(kernel, (exists, *columns), parameters)]


def same_bits(first: Array, second: Array) -> bool:
    """Tell whether two arrays are equal bit for bit, one NaN being like another."""
    first, second = first.copy(), second.copy()
    first[np.isnan(first)] = np.nan
    second[np.isnan(second)] = np.nan
    return first.shape == second.shape and bool(np.all(first.view(np.int64) == second.view(np.int64)))
