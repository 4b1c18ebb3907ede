"""Thin long series for a picture: fewer points than values, and every extreme still there.

A chart of 1,000 pixels cannot show 982,800 minutes. Every n-th value would lose the spikes, averages would invent
values. So each bucket of neighbouring values keeps its lowest and its highest, at their own places: a drawdown's
trough on the picture is the trough that was. Clouds of points keep one for each cell of a grid of pixels.
"""

from __future__ import annotations

import numpy as np

from tapeline.domain.panel import Floats, Times


def thin_line(values: Floats, most: int) -> Times:
    """Return the positions to draw of a line, increasing: the known values, or at most `most` of them.

    values : float64 of shape (n,), oldest first; NaN is left out
    most : at least 4; the first and the last known value are kept, and the lowest and highest of each bucket
    """
    known = np.flatnonzero(~np.isnan(values))
    if len(known) <= most:
        return known.astype(np.int64)
    size = -(-len(known) // ((most - 2) // 2))
    count = -(-len(known) // size)
    padded = np.concatenate((known, np.full(count * size - len(known), known[-1])))
    buckets = padded.reshape(count, size)
    inside = values[buckets]
    row = np.arange(count)
    lowest, highest = buckets[row, inside.argmin(axis=1)], buckets[row, inside.argmax(axis=1)]
    return np.unique(np.concatenate((lowest, highest, known[[0, -1]]))).astype(np.int64)


def thin_cloud(x: Floats, y: Floats, *, columns: int = 240, rows: int = 160) -> Times:
    """Return the positions to draw of a cloud of points, increasing: the first one in each cell of a grid.

    x, y : float64 of shape (n,); a point with a NaN is left out. The outermost points of all four sides are kept.
    """
    known = np.flatnonzero(~(np.isnan(x) | np.isnan(y)))
    if not len(known):
        return known.astype(np.int64)
    x, y = x[known], y[known]
    cell = _cell(x, columns) * rows + _cell(y, rows)
    first = np.unique(cell, return_index=True)[1]
    outermost = [x.argmin(), x.argmax(), y.argmin(), y.argmax()]
    return np.unique(known[np.concatenate((first, outermost))]).astype(np.int64)


def _cell(values: Floats, count: int) -> Times:
    low, width = values.min(), float(np.ptp(values))
    if width == 0.0:
        return np.zeros(len(values), dtype=np.int64)
    place: Times = np.minimum((values - low) / width * count, count - 1).astype(np.int64)
    return place
