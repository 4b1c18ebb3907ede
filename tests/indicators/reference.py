"""Every kernel once more, in plain NumPy: each window by itself, in two passes, nothing carried along.

A reference takes the series of one symbol's existing bars (one array for each value, NaN = unknown), then the
clocks, then the parameters by name, and returns the outputs. Slow and obvious.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from indicators.reference_series import SERIES_REFERENCES

Array = np.ndarray[Any, np.dtype[np.float64]]


def windows(values: Array, length: int, measure: Callable[[Array], float]) -> Array:
    """Return measure(window) for each full window of known values, NaN elsewhere."""
    out = np.full(len(values), np.nan)
    for end in range(length, len(values) + 1):
        window = values[end - length : end]
        if not np.any(np.isnan(window)):
            out[end - 1] = measure(window)
    return out


def on_known(function: Callable[..., list[Array]], *values: Array) -> list[Array]:
    """Apply a function to the bars of which all values are known, NaN on the others."""
    known = ~np.any(np.isnan(values), axis=0)
    found = function(*(value[known] for value in values))
    outputs = [np.full(len(known), np.nan) for _ in found]
    for output, result in zip(outputs, found, strict=True):
        output[known] = result
    return outputs


def mean(window: Array) -> float:
    return math.fsum(window) / len(window)


def deviation(window: Array, ddof: float) -> float:
    centre = mean(window)
    if len(window) == ddof:
        return math.nan
    return math.sqrt(math.fsum((window - centre) ** 2) / (len(window) - ddof))


def smoothed(values: Array, alpha: float, seed_length: int, skip: int = 0) -> Array:
    out = np.full(len(values), np.nan)
    first = skip + seed_length - 1
    if first < len(values):
        out[first] = mean(values[skip : first + 1])
        for t in range(first + 1, len(values)):
            out[t] = (1 - alpha) * out[t - 1] + alpha * values[t]
    return out


def ema(value: Array, alpha: float, seed_length: float, skip: float) -> list[Array]:
    return on_known(lambda known: [smoothed(known, alpha, int(seed_length), int(skip))], value)


def macd(value: Array, fast: float, slow: float, signal: float) -> list[Array]:
    def difference(known: Array) -> list[Array]:
        line = smoothed(known, 2 / (fast + 1), int(fast), int(slow - fast)) - smoothed(known, 2 / (slow + 1), int(slow))
        late = smoothed(line, 2 / (signal + 1), int(signal), int(slow) - 1)
        line[: int(slow + signal) - 2] = np.nan
        return [line, late, line - late]

    return on_known(difference, value)


def rsi(value: Array, length: float, flat: float) -> list[Array]:
    def strength(known: Array) -> list[Array]:
        change = np.diff(known, prepend=np.nan)
        gain = smoothed(np.maximum(change, 0), 1 / length, int(length), 1)
        loss = smoothed(np.maximum(-change, 0), 1 / length, int(length), 1)
        with np.errstate(invalid="ignore"):
            out = 100 * gain / (gain + loss)
        out[gain + loss == 0] = flat
        return [out]

    return on_known(strength, value)


def sma(value: Array, length: float) -> list[Array]:
    return [windows(value, int(length), mean)]


def rolling_sum(value: Array, length: float) -> list[Array]:
    return [windows(value, int(length), math.fsum)]


def relative_volume(volume: Array, length: float) -> list[Array]:
    with np.errstate(invalid="ignore"):
        return [volume / windows(volume, int(length), mean)]


def rolling_moments(value: Array, length: float, ddof: float) -> list[Array]:
    return [windows(value, int(length), mean), windows(value, int(length), lambda w: deviation(w, ddof))]


def realised_volatility(price: Array, length: float, ddof: float, periods: float) -> list[Array]:
    price = np.where(price > 0, price, np.nan)
    returns = np.diff(np.log(price), prepend=np.nan)
    return [math.sqrt(periods) * windows(returns, int(length), lambda w: deviation(w, ddof))]


def rolling_min(value: Array, length: float) -> list[Array]:
    return [windows(value, int(length), np.min)]


def rolling_max(value: Array, length: float) -> list[Array]:
    return [windows(value, int(length), np.max)]


def rolling_argmin(value: Array, length: float) -> list[Array]:
    return [windows(value, int(length), lambda w: float(np.argmin(w[::-1])))]


def rolling_argmax(value: Array, length: float) -> list[Array]:
    return [windows(value, int(length), lambda w: float(np.argmax(w[::-1])))]


def stochastic(high: Array, low: Array, close: Array, length: float, flat: float, flat_threshold: float) -> list[Array]:
    unknown = np.isnan(high) | np.isnan(low) | np.isnan(close)
    highest = windows(np.where(unknown, np.nan, high), int(length), np.max)
    lowest = windows(np.where(unknown, np.nan, low), int(length), np.min)
    with np.errstate(invalid="ignore", divide="ignore"):
        position = 100 * (close - lowest) / (highest - lowest)
    position[highest - lowest <= flat_threshold] = flat
    return [position]


def ranges(high: Array, low: Array, close: Array) -> Array:
    before = np.concatenate([[np.nan], close[:-1]])
    return np.maximum(high - low, np.maximum(abs(high - before), abs(low - before)))


def true_range(high: Array, low: Array, close: Array) -> list[Array]:
    return on_known(lambda *known: [ranges(*known)], high, low, close)


def atr(high: Array, low: Array, close: Array, length: float) -> list[Array]:
    def average(*known: Array) -> list[Array]:
        return [smoothed(ranges(*known), 1 / length, int(length), 1)]

    return on_known(average, high, low, close)


def adx(high: Array, low: Array, close: Array, length: float) -> list[Array]:
    n = int(length)

    def movement(high: Array, low: Array, close: Array) -> list[Array]:
        bars = len(high)
        up, down = np.diff(high, prepend=np.nan), -np.diff(low, prepend=np.nan)
        plus = np.where((up > down) & (up > 0), up, 0.0)
        minus = np.where((down > up) & (down > 0), down, 0.0)
        spread = ranges(high, low, close)
        outputs = [np.full(bars, np.nan) for _ in range(4)]
        averages, seeds, last = math.nan, [], 0.0
        sums = [0.0, 0.0, 0.0]
        for t in range(1, bars):
            kept = 1.0 if t < n else 1.0 - 1.0 / n
            sums = [kept * total + new for total, new in zip(sums, (plus[t], minus[t], spread[t]), strict=True)]
            if t < n:
                continue
            plus_di, minus_di = (100 * s / sums[2] if sums[2] > 0 else 0.0 for s in sums[:2])
            moved = plus_di + minus_di > 0
            last = 100 * abs(plus_di - minus_di) / (plus_di + minus_di) if moved else last
            if len(seeds) < n:
                seeds.append(last if moved else 0.0)
                averages = mean(np.array(seeds)) if len(seeds) == n else averages
            elif moved:
                averages += (last - averages) / n
            for output, number in zip(outputs, (averages, last, plus_di, minus_di), strict=True):
                output[t] = number
        return outputs

    return on_known(movement, high, low, close)


def rate_of_change(value: Array, length: float) -> list[Array]:
    (earlier,) = lag(value, length)
    with np.errstate(divide="ignore", invalid="ignore"):
        return [np.where(earlier == 0, np.nan, 100 * (value / earlier - 1))]


def obv(value: Array, volume: Array) -> list[Array]:
    def total(value: Array, volume: Array) -> list[Array]:
        signs = np.sign(np.diff(value, prepend=-np.inf))
        return [np.array([math.fsum((signs * volume)[: t + 1]) for t in range(len(value))])]

    return on_known(total, value, volume)


def session_vwap(high: Array, low: Array, close: Array, volume: Array, session: Array) -> list[Array]:
    typical = (high + low + close) / 3
    known = ~np.isnan(typical + volume)
    session = np.where(np.isnan(session), 0.0, session)
    outputs = [np.full(len(high), np.nan) for _ in range(2)]
    for t in np.flatnonzero(known):
        inside = known & (session == session[t]) & (np.arange(len(high)) <= t)
        weights, prices = volume[inside], typical[inside]
        if np.sum(weights) > 0:
            centre = math.fsum(weights * (prices - prices[0])) / math.fsum(weights) + prices[0]
            outputs[0][t] = centre
            outputs[1][t] = math.sqrt(math.fsum(weights * (prices - centre) ** 2) / math.fsum(weights))
    return outputs


def relative_volume_by_minute(
    volume: Array, session: Array, minute: Array, sessions: float, bar_minutes: float, slots: float
) -> list[Array]:
    out, expected = np.full(len(volume), np.nan), np.full(len(volume), np.nan)
    seen: dict[int, dict[float, float]] = {}
    for t, (shares, day) in enumerate(zip(volume, np.where(np.isnan(session), 0.0, session), strict=True)):
        slot = math.ceil(minute[t] / bar_minutes) - 1 if minute[t] == minute[t] else -1
        if math.isnan(shares) or not 0 <= slot < slots:
            continue
        days = seen.setdefault(slot, {})
        days[day] = shares
        before = list(days.values())[-int(sessions) - 1 : -1]
        if len(before) == sessions:
            expected[t] = mean(np.array(before))
            out[t] = shares / expected[t] if expected[t] > 0 else np.nan
    return [out, expected]


def lag(value: Array, length: float) -> list[Array]:
    n = int(length)
    return [np.concatenate([np.full(min(n, len(value)), np.nan), value[: max(len(value) - n, 0)]])]


def lags(condition: Array, length: float) -> Array:
    return np.stack([lag(condition, n)[0] for n in range(int(length))])


def any_(condition: Array, length: float) -> list[Array]:
    bars = lags(condition, length)
    unknown = np.where(np.any(np.isnan(bars), axis=0), np.nan, 0.0)
    return [np.where(np.any(bars == 1, axis=0), 1.0, unknown)]


def any_between(level: Array, low: Array, high: Array, length: float) -> list[Array]:
    levels = lags(level, length)
    unknown = np.where(np.any(np.isnan([*levels, low, high]), axis=0), np.nan, 0.0)
    with np.errstate(invalid="ignore"):
        inside = (levels > low) & (levels <= high + 1e-9 * np.maximum(1, np.abs(high)))
    return [np.where(np.any(inside, axis=0), 1.0, unknown)]


def all_(condition: Array, length: float) -> list[Array]:
    bars = lags(condition, length)
    unknown = np.where(np.any(np.isnan(bars), axis=0), np.nan, 1.0)
    return [np.where(np.any(bars == 0, axis=0), 0.0, unknown)]


def count_true(condition: Array, length: float) -> list[Array]:
    return [windows(condition, int(length), np.sum)]


def bars_since(condition: Array) -> list[Array]:
    out = np.full(len(condition), np.nan)
    age = math.nan
    for t, true in enumerate(condition):
        age = math.nan if math.isnan(true) else (0.0 if true else age + 1)
        out[t] = age
    return [out]


REFERENCES: dict[str, Callable[..., list[Array]]] = {
    function.__name__.removesuffix("_"): function
    for function in (
        sma,
        ema,
        macd,
        rsi,
        rolling_sum,
        rolling_moments,
        rolling_min,
        rolling_max,
        rolling_argmin,
        rolling_argmax,
        stochastic,
        true_range,
        atr,
        adx,
        rate_of_change,
        realised_volatility,
        obv,
        session_vwap,
        relative_volume,
        relative_volume_by_minute,
        lag,
        any_,
        any_between,
        all_,
        count_true,
        bars_since,
    )
} | SERIES_REFERENCES
