"""Plain NumPy references, continued: lines, distributions, lines that follow the price, memory. See `reference`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def full_windows(length: int, *values: Array) -> list[tuple[int, list[Array]]]:
    """Return (bar, windows that end there) for each bar whose windows are full and known."""
    found = []
    for end in range(length, len(values[0]) + 1):
        cut = [value[end - length : end] for value in values]
        if not np.any(np.isnan(cut)):
            found.append((end - 1, cut))
    return found


def empty(count: int, bars: int) -> list[Array]:
    return [np.full(bars, np.nan) for _ in range(count)]


def centred(window: Array) -> Array:
    return window - math.fsum(window) / len(window)


def rolling_line(value: Array, length: float) -> list[Array]:
    n = int(length)
    slope, fitted, r_squared, weighted = outputs = empty(4, len(value))
    weights = np.arange(1.0, n + 1.0)
    for t, (window,) in full_windows(n, value):
        weighted[t] = math.fsum(weights * window) / math.fsum(weights)
        if n > 1:
            x, y = centred(weights), centred(window)
            slope[t] = math.fsum(x * y) / math.fsum(x * x)
            fitted[t] = math.fsum(window) / n + slope[t] * x[-1]
            if np.ptp(window) > 0:
                unexplained = math.fsum((y - slope[t] * x) ** 2)
                r_squared[t] = 1.0 - unexplained / math.fsum(y * y)
    return outputs


def rolling_pair(value: Array, benchmark: Array, length: float, ddof: float, flat: float) -> list[Array]:
    n = int(length)
    covariance, correlation, slope = outputs = empty(3, len(value))
    for t, (first, second) in full_windows(n, value, benchmark):
        x, y = centred(first), centred(second)
        if n > ddof:
            covariance[t] = math.fsum(x * y) / (n - ddof)
        slope[t] = correlation[t] = flat
        if np.ptp(second) > 0:
            slope[t] = math.fsum(x * y) / math.fsum(y * y)
            if np.ptp(first) > 0:
                correlation[t] = math.fsum(x * y) / math.sqrt(math.fsum(x * x) * math.fsum(y * y))
    return outputs


def mean_deviation(value: Array, length: float) -> list[Array]:
    (out,) = outputs = empty(1, len(value))
    for t, (window,) in full_windows(int(length), value):
        out[t] = math.fsum(abs(centred(window))) / len(window)
    return outputs


def rolling_shape(value: Array, length: float) -> list[Array]:
    skewness, kurtosis = outputs = empty(2, len(value))
    for t, (window,) in full_windows(int(length), value):
        if np.ptp(window) > 0:
            second, third, fourth = (math.fsum(centred(window) ** k) / len(window) for k in (2, 3, 4))
            skewness[t], kurtosis[t] = third / second**1.5, fourth / second**2
    return outputs


def rolling_rank(value: Array, length: float) -> list[Array]:
    (out,) = outputs = empty(1, len(value))
    for t, (window,) in full_windows(int(length), value):
        below, others = np.sum(window < window[-1]), np.sum(window == window[-1]) - 1
        out[t] = (below + others / 2) / (len(window) - 1) if len(window) > 1 else 0.5
    return outputs


def rolling_quantile(value: Array, length: float, share: float) -> list[Array]:
    (out,) = outputs = empty(1, len(value))
    for t, (window,) in full_windows(int(length), value):
        out[t] = np.quantile(window, share)
    return outputs


def adaptive_average(value: Array, weight: Array, begin: float) -> list[Array]:
    (out,) = outputs = empty(1, len(value))
    average = before = math.nan
    for t, (price, share) in enumerate(zip(value, weight, strict=True)):
        if not math.isnan(price) and not math.isnan(share):
            if math.isnan(average):
                average = price if math.isnan(before) or begin == 1 else before
            average = out[t] = (1 - share) * average + share * price
        before = before if math.isnan(price) else price
    return outputs


def parabolic(high: Array, low: Array, step: float, limit: float, seed: float) -> list[Array]:
    """Wilder's rules, written out for both directions."""
    stops, trends = outputs = empty(2, len(high))
    bars = [t for t in range(len(high)) if not math.isnan(high[t] + low[t])]
    if len(bars) < 2:
        return outputs
    first, second = bars[:2]
    rise, fall = high[second] - high[first], low[first] - low[second]
    up = seed == 1 if seed else not (fall > 0 and fall > rise)
    stop, extreme = (low[first], high[second]) if up else (high[first], low[second])
    factor, before = step, second
    for t in bars[1:]:
        highs, lows = (high[before], high[t]), (low[before], low[t])
        if (low[t] <= stop) if up else (high[t] >= stop):
            up, stop, factor = not up, extreme, step
            stop = min(stop, *lows) if up else max(stop, *highs)
            extreme = high[t] if up else low[t]
            stops[t] = stop
        else:
            stops[t] = stop
            if (high[t] > extreme) if up else (low[t] < extreme):
                extreme, factor = (high[t] if up else low[t]), min(factor + step, limit)
        stop += factor * (extreme - stop)
        stop = min(stop, *lows) if up else max(stop, *highs)
        trends[t], before = (1.0 if up else -1.0), t
    return outputs


def supertrend(upper: Array, lower: Array, close: Array, seed: float) -> list[Array]:
    lines, trends = outputs = empty(2, len(close))
    top = bottom = last = math.nan
    up = seed == 1
    for t in np.flatnonzero(~np.isnan(upper + lower + close)):
        if not math.isnan(last):
            top = upper[t] if last > top else min(upper[t], top)
            bottom = lower[t] if last < bottom else max(lower[t], bottom)
            up = close[t] >= bottom if up else close[t] > top
        else:
            top, bottom = upper[t], lower[t]
        last, lines[t], trends[t] = close[t], (bottom if up else top), (1.0 if up else -1.0)
    return outputs


def heikin_ashi(open: Array, high: Array, low: Array, close: Array) -> list[Array]:
    outputs = empty(4, len(close))
    before: tuple[float, float] | None = None
    for t in np.flatnonzero(~np.isnan(open + high + low + close)):
        first, last = before or (open[t], close[t])
        opened, closed = (first + last) / 2, (open[t] + high[t] + low[t] + close[t]) / 4
        bar = (opened, max(high[t], opened, closed), min(low[t], opened, closed), closed)
        for output, price in zip(outputs, bar, strict=True):
            output[t] = price
        before = (opened, closed)
    return outputs


def cumulative_sum(value: Array) -> list[Array]:
    known = ~np.isnan(value)
    return [np.array([math.fsum(value[: t + 1][known[: t + 1]]) if known[t] else np.nan for t in range(len(value))])]


def last_nonzero(value: Array) -> list[Array]:
    (out,) = outputs = empty(1, len(value))
    last = 0.0
    for t in np.flatnonzero(~np.isnan(value)):
        last = out[t] = value[t] if value[t] != 0 else last
    return outputs


def fractional_difference(value: Array, order: float, width: float) -> list[Array]:
    # the binomial series of (1 - lag) ** order; comb(order, k) as a product
    weights = [(-1) ** k * math.prod((order - i) / (i + 1) for i in range(k)) for k in range(int(width))]
    (out,) = outputs = empty(1, len(value))
    for t, (window,) in full_windows(int(width), value):
        out[t] = math.fsum(np.array(weights) * window[::-1])
    return outputs


SERIES_REFERENCES = {
    function.__name__: function
    for function in (
        rolling_line,
        rolling_pair,
        mean_deviation,
        rolling_shape,
        rolling_rank,
        rolling_quantile,
        adaptive_average,
        parabolic,
        supertrend,
        heikin_ashi,
        cumulative_sum,
        last_nonzero,
        fractional_difference,
    )
}
