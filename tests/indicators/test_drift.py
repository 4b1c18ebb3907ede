"""After five million bars every indicator is as exact as after a hundred.

The bound is a relative error of 1e-9; plain running sums miss it by a factor of a thousand. Prices wander
between 0.1 and 4,000, so that what was summed early is large beside what is summed late.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from indicators.reference import Array, deviation, mean
from tapeline.indicators.library import KERNELS

BARS = 5_000_000
BOUND = 1e-9


@pytest.fixture(scope="module")
def close() -> Array:
    """A wandering price, drawn to 30: it passes through 4 orders of magnitude."""
    rng = np.random.default_rng(7)
    slow = 5 * np.sin(np.arange(BARS) * (2 * np.pi / 1_234_567)) - 0.3
    return np.exp(slow + 0.5 * np.sin(np.arange(BARS) / 911) + 0.0004 * rng.standard_normal(BARS)) * 30


def long_run(name: str, parameters: tuple[float, ...], *values: Array) -> list[Array]:
    """Return one symbol's outputs, as one chunk."""
    kernel = KERNELS[name]
    vector = np.array(parameters, dtype=np.float64)
    state = np.zeros((kernel.state_rows(vector), 1))
    outputs = tuple(np.empty((BARS, 1)) for _ in kernel.outputs)
    exists = np.ones((BARS, 1))
    clocks = tuple(np.full((BARS, 1), np.nan) for _ in kernel.clock_inputs)
    kernel.advance((exists, *(value.reshape(-1, 1) for value in values), *clocks), state, vector, outputs)
    return [output[:, 0] for output in outputs]


def places() -> Array:
    """Return the last bars and some in between."""
    return np.r_[np.linspace(100_000, BARS - 1, 300).astype(np.int64), np.arange(BARS - 300, BARS)]


def largest_error(output: Array, expected: list[float]) -> float:
    """Return the largest relative error at the places."""
    found, reference = output[places()], np.array(expected)
    return float(np.max(np.abs(found - reference) / np.abs(reference)))


@pytest.mark.parametrize("length", [20, 500])
def test_windows_do_not_drift(close: Array, length: int) -> None:
    windows = [close[t - length + 1 : t + 1] for t in places()]

    (average,) = long_run("sma", (length,), close)
    (total,) = long_run("rolling_sum", (length,), close)
    centre, spread = long_run("rolling_moments", (length, 0), close)

    means = [mean(window) for window in windows]
    assert largest_error(average, means) < BOUND
    assert largest_error(centre, means) < BOUND
    assert largest_error(total, [math.fsum(window) for window in windows]) < BOUND
    assert largest_error(spread, [deviation(window, 0) for window in windows]) < BOUND


@pytest.mark.parametrize("length", [20, 500])
def test_lines_do_not_drift(close: Array, length: int) -> None:
    """Slopes and covariances pass through 0, so they are measured against the deviations they are made of."""
    benchmark = close[::-1].copy()
    position = np.arange(length) - (length - 1) / 2
    line_error = pair_error = 0.0

    slope, fitted, _, weighted = long_run("rolling_line", (length,), close)
    covariance, correlation, _ = long_run("rolling_pair", (length, 0, np.nan), close, benchmark)

    for t in places():
        window, other = close[t - length + 1 : t + 1], benchmark[t - length + 1 : t + 1]
        spread, centre = deviation(window, 0), mean(window)
        product = mean((window - centre) * (other - mean(other)))
        gradient = math.fsum(position * (window - centre)) / math.fsum(position**2)
        errors = (
            (slope[t] - gradient) * length / spread,
            (fitted[t] - centre - gradient * position[-1]) / centre,
            (weighted[t] - math.fsum(window * (position + (length + 1) / 2)) * 2 / length / (length + 1)) / centre,
        )
        line_error = max(line_error, *map(abs, errors))
        scale = spread * deviation(other, 0)
        pair_error = max(pair_error, abs(covariance[t] - product) / scale, abs(correlation[t] - product / scale))
    assert line_error < BOUND
    assert pair_error < BOUND


def test_distributions_and_fractional_differences_do_not_drift(close: Array) -> None:
    windows = [close[t - 19 : t + 1] for t in places()]
    centred = [window - mean(window) for window in windows]
    weights = np.array([1.0, -0.4, -0.12, -0.064])

    (distance,) = long_run("mean_deviation", (20,), close)
    skewness, kurtosis = long_run("rolling_shape", (20,), close)
    (median,) = long_run("rolling_quantile", (20, 0.5), close)
    (difference,) = long_run("fractional_difference", (0.4, 4), close)

    assert largest_error(distance, [mean(abs(c)) for c in centred]) < BOUND
    assert largest_error(kurtosis, [mean(c**4) / mean(c**2) ** 2 for c in centred]) < BOUND
    assert largest_error(1 + abs(skewness), [1 + abs(mean(c**3)) / mean(c**2) ** 1.5 for c in centred]) < BOUND
    assert largest_error(median, [float(np.median(window)) for window in windows]) < BOUND
    assert largest_error(difference, [math.fsum(weights * close[t - 3 : t + 1][::-1]) for t in places()]) < BOUND


def test_realised_volatility_does_not_drift(close: Array) -> None:
    (volatility,) = long_run("realised_volatility", (20, 1, 252), close)

    returns = [np.log(close[t - 19 : t + 1] / close[t - 20 : t]) for t in places()]
    assert largest_error(volatility, [math.sqrt(252) * deviation(r, 1) for r in returns]) < BOUND


def faded_mean(values: Array, t: int, alpha: float) -> float:
    """Return the exponential mean at t; what is older than 60 / alpha bars weighs less than 1e-25."""
    recent = values[t - int(60 / alpha) : t + 1][::-1]
    return math.fsum(recent * alpha * (1 - alpha) ** np.arange(len(recent)))


def test_recursive_averages_do_not_drift(close: Array) -> None:
    change = np.diff(close, prepend=close[0])
    gain, loss = np.maximum(change, 0), np.maximum(-change, 0)
    high, low = close * 1.001, close * 0.999

    (average,) = long_run("ema", (2 / 21, 20, 0), close)
    line, _, _ = long_run("macd", (12, 26, 9), close)
    (strength,) = long_run("rsi", (14, 0), close)
    (true_range,) = long_run("true_range", (), high, low, close)
    (average_range,) = long_run("atr", (14,), high, low, close)

    fast_and_slow = [(faded_mean(close, t, 2 / 13), faded_mean(close, t, 2 / 27)) for t in places()]
    gains_and_losses = [(faded_mean(gain, t, 1 / 14), faded_mean(loss, t, 1 / 14)) for t in places()]
    # the line is a small difference of averages: it is measured against these
    line_error = max(abs(line[t] - (a - b)) / a for t, (a, b) in zip(places(), fast_and_slow, strict=True))
    assert largest_error(average, [faded_mean(close, t, 2 / 21) for t in places()]) < BOUND
    assert line_error < BOUND
    assert largest_error(strength, [100 * g / (g + s) for g, s in gains_and_losses]) < BOUND
    assert largest_error(average_range, [faded_mean(true_range, t, 1 / 14) for t in places()]) < BOUND


def test_an_adaptive_average_does_not_drift(close: Array) -> None:
    weight = np.random.default_rng(9).random(BARS) * 0.2

    (average,) = long_run("adaptive_average", (0,), close, weight)

    expected = []
    for t in places():
        recent, prices = weight[t - 1999 : t + 1][::-1], close[t - 1999 : t + 1][::-1]
        # what is older has been weighed by less than 1e-60
        expected.append(math.fsum(recent * prices * np.concatenate([[1.0], np.cumprod(1 - recent[:-1])])))
    assert largest_error(average, expected) < BOUND


def test_cumulations_do_not_drift(close: Array) -> None:
    volume = np.random.default_rng(8).random(BARS) * 1e6
    signed = np.sign(np.diff(close, prepend=0.0)) * volume

    (balance,) = long_run("obv", (), close, volume)
    (total,) = long_run("cumulative_sum", (), signed)
    vwap, spread = long_run("session_vwap", (), close, close, close, volume)

    centre = math.fsum(close * volume) / math.fsum(volume)
    variance = math.fsum(volume * (close - centre) ** 2) / math.fsum(volume)
    assert abs(balance[-1] - math.fsum(signed)) < BOUND * abs(math.fsum(signed))
    assert abs(total[-1] - math.fsum(signed)) < BOUND * abs(math.fsum(signed))
    assert abs(vwap[-1] - centre) < BOUND * centre
    assert abs(spread[-1] - math.sqrt(variance)) < BOUND * math.sqrt(variance)
