"""Indicators from their definitions, seeded as TA-Lib does with its default settings.

Every function takes a list, oldest first, and returns a list of the same length; NaN = unknown. Each value reads
only the values up to its own place, so the first n values of a long series are those of the series cut at n.
"""

from __future__ import annotations

import math
from itertools import pairwise

from screener.reference.logic import UNKNOWN, known, mean

RSI_FLAT = 1e-14  # TA-Lib's own zero: mean gain plus mean loss below it is "no change"
STOCHASTIC_FLAT = 1e-9
BANDS_FLAT = 1e-9  # times the close


def sma(values: list[float], length: int) -> list[float]:
    """Return the simple mean of the newest `length` values."""
    return [mean(values[i + 1 - length : i + 1]) if i + 1 >= length else UNKNOWN for i in range(len(values))]


def bollinger(close: list[float], length: int = 20, width: float = 2.0) -> tuple[list[float], list[float], list[float]]:
    """Return lower, middle and upper band; sigma is that of the population (divided by n)."""
    middle = sma(close, length)
    lower, upper = [], []
    for i, centre in enumerate(middle):
        if not known(centre):
            lower.append(UNKNOWN)
            upper.append(UNKNOWN)
            continue
        squares = [(value - centre) ** 2 for value in close[i + 1 - length : i + 1]]
        sigma = math.sqrt(math.fsum(squares) / length)
        lower.append(centre - width * sigma)
        upper.append(centre + width * sigma)
    return lower, middle, upper


def position_in_bands(close: list[float], lower: list[float], upper: list[float]) -> list[float]:
    """Return (close - lower) / (upper - lower); unknown when the bands are closer than 1e-9 * close."""
    return [
        (c - low) / (up - low) if known(low, up) and up - low >= BANDS_FLAT * c else UNKNOWN
        for c, low, up in zip(close, lower, upper, strict=True)
    ]


def wilder(values: list[float], length: int) -> list[float]:
    """Return Wilder's average: the mean of the first `length`, then (previous * (length - 1) + value) / length."""
    result: list[float] = []
    for i, value in enumerate(values):
        if i + 1 < length:
            result.append(UNKNOWN)
        elif i + 1 == length:
            result.append(math.fsum(values[:length]) / length)
        else:
            result.append((result[-1] * (length - 1) + value) / length)
    return result


def rsi(close: list[float], length: int = 14, flat: float = 0.0) -> list[float]:
    """Return Wilder's RSI, 0..100; `flat` is the value without any change. The first value stands at bar length + 1."""
    changes = [new - old for old, new in pairwise(close)]
    gains = wilder([max(change, 0.0) for change in changes], length)
    losses = wilder([max(-change, 0.0) for change in changes], length)
    result = [UNKNOWN] if close else []
    for gain, loss in zip(gains, losses, strict=True):
        if not known(gain):
            result.append(UNKNOWN)
        else:
            result.append(flat if gain + loss < RSI_FLAT else 100.0 * gain / (gain + loss))
    return result


def stoch_rsi(
    strength: list[float], length: int = 14, k_length: int = 3, d_length: int = 3
) -> tuple[list[float], list[float]]:
    """Return K and D, 0..100, of an RSI series; a window whose RSI range is <= 1e-9 has the raw value 0."""
    raw = []
    for i, newest in enumerate(strength):
        window = strength[i + 1 - length : i + 1] if i + 1 >= length else [UNKNOWN]
        if not known(*window):
            raw.append(UNKNOWN)
        else:
            reach = max(window) - min(window)
            raw.append(0.0 if reach <= STOCHASTIC_FLAT else 100.0 * (newest - min(window)) / reach)
    k = sma(raw, k_length)
    return k, sma(k, d_length)


def ema(values: list[float], length: int, first: int) -> list[float]:
    """Return the exponential average; its value at index `first` is the mean of the `length` values ending there."""
    weight = 2.0 / (length + 1)
    result: list[float] = []
    for i, value in enumerate(values):
        if i < first:
            result.append(UNKNOWN)
        elif i == first:
            result.append(math.fsum(values[i + 1 - length : i + 1]) / length)
        else:
            result.append(result[-1] + weight * (value - result[-1]))
    return result


def macd(
    close: list[float], fast: int = 12, slow: int = 26, signal: int = 9
) -> tuple[list[float], list[float], list[float]]:
    """Return line, signal and histogram H; both averages start at bar `slow`, all three are unknown before bar 34."""
    start = slow - 1
    line = [quick - late for quick, late in zip(ema(close, fast, start), ema(close, slow, start), strict=True)]
    smooth = ema(line, signal, start + signal - 1)
    line = [value if known(mark) else UNKNOWN for value, mark in zip(line, smooth, strict=True)]
    return line, smooth, [value - mark for value, mark in zip(line, smooth, strict=True)]


def atr(high: list[float], low: list[float], close: list[float], length: int = 14) -> list[float]:
    """Return Wilder's average true range; the first bar has no true range, the first value stands at bar length + 1."""
    ranges = [
        max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1])) for i in range(1, len(close))
    ]
    return ([UNKNOWN] if close else []) + wilder(ranges, length)


def same_slot_mean(values: list[float], slots: list[int], length: int = 20) -> list[float]:
    """Return the mean of the newest `length` values of the same slot, the newest included; unknown with fewer."""
    seen: dict[int, list[float]] = {}
    result = []
    for value, slot in zip(values, slots, strict=True):
        seen.setdefault(slot, []).append(value)
        window = seen[slot][-length:]
        result.append(mean(window) if len(window) == length else UNKNOWN)
    return result
