"""Compare the symbols with each other: rank, z-score and deviation from the group, row by row.

values, out : float64 [C, N]; NaN = unknown, takes no part and stays NaN. Rows do not touch each other, so
    there
is no state and no warm-up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeline.indicators.compiled import compiled


@compiled()
def sort_ascending(numbers: Any, size: int) -> None:
    """Sort numbers[:size] in place (heapsort: no memory, no bad cases)."""
    start, end = size // 2, size
    while end > 1:
        if start > 0:
            start -= 1
        else:
            end -= 1
            numbers[end], numbers[0] = numbers[0], numbers[end]
        root = start
        while True:
            child = 2 * root + 1
            if child >= end:
                break
            if child + 1 < end and numbers[child] < numbers[child + 1]:
                child += 1
            if numbers[root] >= numbers[child]:
                break
            numbers[root], numbers[child] = numbers[child], numbers[root]
            root = child


@compiled()
def count_below(ordered: Any, size: int, value: float, or_equal: bool) -> Any:
    """Return how many of ordered[:size] are below the value (or equal to it)."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < value or (or_equal and ordered[middle] == value):
            low = middle + 1
        else:
            high = middle
    return low


@compiled("void(float64[:, ::1], float64[::1], float64[:, ::1])")
def cross_rank(values: Any, work: Any, out: Any) -> None:
    """Write each value's place among the known values of its row: 0 lowest, 1 highest.

    Equal values share the mean of their places. A value that is alone in its row has place 0.5.
    work : float64 [N]
    """
    rows, columns = values.shape
    for row in range(rows):
        size = 0
        for column in range(columns):
            if values[row, column] == values[row, column]:
                work[size] = values[row, column]
                size += 1
        sort_ascending(work, size)
        for column in range(columns):
            value = values[row, column]
            if value != value:
                out[row, column] = np.nan
            elif size == 1:
                out[row, column] = 0.5
            else:
                below = count_below(work, size, value, False)
                not_above = count_below(work, size, value, True)
                out[row, column] = (below + not_above - 1) / (2.0 * (size - 1))


@compiled("void(float64[:, ::1], float64[::1], float64[:, ::1])")
def cross_zscore(values: Any, flats: Any, out: Any) -> None:
    """Write (value - mean) / population deviation of the known values of the row.

    flats : an array of one, what stands in a row of equal values (deviation exactly 0), a single one included
    """
    rows, columns = values.shape
    flat = flats[0]
    for row in range(rows):
        size, anchor = 0, 0.0
        for column in range(columns):
            value = values[row, column]
            if value == value:
                if size == 0:
                    anchor = value
                size += 1
        # Sums of differences to one of the values: a flat row has a deviation of exactly 0.
        total = 0.0
        for column in range(columns):
            value = values[row, column]
            if value == value:
                total += value - anchor
        mean = anchor + total / max(size, 1)
        squares = 0.0
        for column in range(columns):
            value = values[row, column]
            if value == value:
                squares += (value - mean) ** 2
        deviation = np.sqrt(squares / max(size, 1))
        for column in range(columns):
            value = values[row, column]
            if value != value:
                out[row, column] = np.nan
            elif deviation == 0.0:
                out[row, column] = flat
            else:
                out[row, column] = (value - mean) / deviation


@compiled("void(float64[:, ::1], int64[::1], float64[::1], float64[:, ::1])")
def cross_demean(values: Any, groups: Any, work: Any, out: Any) -> None:
    """Write value minus the mean of the known values of its group in the row.

    groups : int64 [N], 0 <= group < N; -1 = in no known group, the result is unknown
    work : float64 [2 N]
    """
    rows, columns = values.shape
    for row in range(rows):
        for group in range(2 * columns):
            work[group] = 0.0
        for column in range(columns):
            value, group = values[row, column], groups[column]
            if value == value and group >= 0:
                work[group] += value
                work[columns + group] += 1.0
        for column in range(columns):
            value, group = values[row, column], groups[column]
            if value == value and group >= 0:
                out[row, column] = value - work[group] / work[columns + group]
            else:
                out[row, column] = np.nan
