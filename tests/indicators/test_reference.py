"""Every kernel against its plain NumPy reference, with missing bars and unknown values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.builders import a_market, inputs_of, parameters_of, run, series
from indicators.reference import REFERENCES, Array
from tapeline.indicators.kernel import FEW_SYMBOLS, Kernel
from tapeline.indicators.library import KERNELS

ALL_KERNELS = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS.keys())

# Prices are near 50 and windows short: both sides round some ten times, each time by 1e-16 of 50 or of 100.
TOLERANCE = 1e-11


def expected(kernel: Kernel, market: dict[str, Array], parameters: Array, symbol: int) -> list[Array]:
    """Return the reference's outputs for one symbol, spread over all rows."""
    bars = ~np.isnan(market["exists"][:, symbol])
    values = [market[name][bars, symbol] for name in kernel.values]
    clocks = [market[name][bars, 0] for name in kernel.clock_inputs]
    found = REFERENCES[kernel.name](*values, *clocks, **dict(zip(kernel.parameters, parameters, strict=True)))
    outputs = [np.full(len(bars), np.nan) for _ in found]
    for output, result in zip(outputs, found, strict=True):
        output[bars] = result
    return outputs


@ALL_KERNELS
@settings(max_examples=25, deadline=None)
@given(
    length=st.integers(1, 9),
    symbols=st.sampled_from((2, FEW_SYMBOLS)),
    seed=st.integers(0, 2**32 - 1),
    missing=st.sampled_from((0.0, 0.3)),
    unknown=st.sampled_from((0.0, 0.02, 0.2)),
)
def test_equals_its_reference(
    kernel: Kernel, length: int, symbols: int, seed: int, missing: float, unknown: float
) -> None:
    market = a_market(70, symbols, seed, missing, unknown)
    conventions = {"begin": seed % 2, "seed": 1 - 2 * (seed % 2)}
    parameters = parameters_of(kernel, length=length, **conventions)

    outputs = run(kernel, inputs_of(kernel, market), parameters)

    for symbol in range(symbols):
        for output, reference in zip(outputs, expected(kernel, market, parameters, symbol), strict=True):
            np.testing.assert_allclose(output[:, symbol], reference, rtol=TOLERANCE, atol=TOLERANCE)


def test_every_kernel_has_a_reference() -> None:
    assert set(REFERENCES) == set(KERNELS)


@pytest.mark.parametrize("symbols", [1, FEW_SYMBOLS])
def test_a_flat_window_has_a_deviation_of_exactly_zero(symbols: int) -> None:
    values = np.repeat(np.array([0.1, 1e9 + 0.1, 0.1])[:, None], symbols, axis=1).repeat(30, axis=0)
    exists = np.ones_like(values)

    mean, deviation = run(KERNELS["rolling_moments"], (exists, values), (20, 0))

    flat = np.r_[19:30, 49:60, 79:90]
    assert np.all(deviation[flat] == 0.0)
    assert np.all(mean[flat] == values[flat])
    assert np.all(deviation[30:49] > 0.0)


@pytest.mark.parametrize("level", [0.1, 1e9 + 0.1])
def test_a_flat_window_has_no_slope_no_spread_and_no_shape(level: float) -> None:
    values = [3.0, 5.0, *[level] * 30]
    flat = slice(8, None)

    slope, fitted, r_squared, weighted = series(KERNELS["rolling_line"], values, parameters=(7,))
    (distance,) = series(KERNELS["mean_deviation"], values, parameters=(7,))
    skewness, kurtosis = series(KERNELS["rolling_shape"], values, parameters=(7,))
    (quantile,) = series(KERNELS["rolling_quantile"], values, parameters=(7, 0.3))
    covariance, correlation, beta = series(KERNELS["rolling_pair"], values, values, parameters=(7, 0, np.nan))

    for zero in (slope, distance, covariance):
        assert np.all(zero[flat] == 0.0)
    for value in (fitted, weighted, quantile):
        assert np.all(value[flat] == level)
    for unknown in (r_squared, skewness, kurtosis, correlation, beta):
        assert np.all(np.isnan(unknown[flat]))


@pytest.mark.parametrize("symbols", [1, FEW_SYMBOLS])
@pytest.mark.parametrize(
    "name",
    ["sma", "rolling_sum", "rolling_moments", "rolling_line", "rolling_shape", "mean_deviation", "rolling_quantile"],
)
def test_a_price_spike_leaves_no_trace_once_it_has_left_the_window(name: str, symbols: int) -> None:
    """Ten bars at 10,000 times the price: the windows after them are as exact as if they had never been."""
    length = 20
    rng = np.random.default_rng(1)
    values = 50.0 + rng.random((300, symbols))
    values[101:111] *= 1e4
    calm = 50.0 + np.zeros_like(values)
    calm[:] = values
    calm[101:111] /= 1e4
    kernel = KERNELS[name]
    parameters = parameters_of(kernel, length=length, ddof=0)
    exists = np.ones_like(values)

    spiked = run(kernel, (exists, values), parameters)
    unspiked = run(kernel, (exists, calm), parameters)

    after = slice(110 + length, None)
    for output, other in zip(spiked, unspiked, strict=True):
        np.testing.assert_allclose(output[after], other[after], rtol=1e-13)


@pytest.mark.parametrize(("flat", "expected_value"), [(0.0, 0.0), (50.0, 50.0), (100.0, 100.0), (np.nan, np.nan)])
def test_rsi_of_unchanging_prices_is_the_convention_asked_for(flat: float, expected_value: float) -> None:
    (strength,) = series(KERNELS["rsi"], [7.0] * 20, parameters=(14, flat))

    np.testing.assert_array_equal(strength[14:], expected_value)


def test_a_stochastic_within_the_flat_threshold_is_the_convention_asked_for() -> None:
    """A range of 1e-9 is flat, one just above is not."""
    values = [1.0, 1.0, 1.0 + 0.9e-9, 1.0, 1.0 + 2e-9]

    (position,) = series(KERNELS["stochastic"], values, values, values, parameters=(2, 33, 1e-9))

    np.testing.assert_array_equal(position, [np.nan, 33, 33, 33, 100])


def test_macd_of_unchanging_prices_is_exactly_zero() -> None:
    line, signal, histogram = series(KERNELS["macd"], [0.1] * 100, parameters=(12, 26, 9))

    assert np.all(line[33:] == 0) and np.all(signal[33:] == 0) and np.all(histogram[33:] == 0)
