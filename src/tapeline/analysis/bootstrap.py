"""How far a mean of observations that depend on each other can be believed.

Returns of many symbols over the next hours overlap in time and move with one market, so they are far fewer facts than
rows. Whole sessions are drawn instead of rows, and several sessions in a row where a horizon reaches into the next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tapeline.domain.errors import ConfigurationError
from tapeline.domain.panel import Floats

Places = npt.NDArray[np.int64]
DRAWS = 2_000


@dataclass(frozen=True)
class MeanEstimate:
    """A mean with its interval; NaN without observations, bounds NaN below two clusters with any.

    observations, clusters : how many values there are, and in how many clusters
    """

    mean: float
    low: float
    high: float
    observations: int
    clusters: int


def clustered_mean(
    values: Floats,
    cluster: Places,
    *,
    less: tuple[Floats, Places] | None = None,
    block: int = 1,
    confidence: float = 0.95,
    seed: int = 0,
) -> MeanEstimate:
    """Return the mean of values with an interval from a circular block bootstrap over clusters.

    values : shape (n,), no NaN; cluster : shape (n,), 0-based, such as the session of each value
    less : values and clusters whose mean is subtracted, drawn together with the first
    block : how many clusters in a row are drawn at a time
    Raises ConfigurationError for a block below 1 or a confidence outside 0 to 1.
    Source: Politis and Romano (1992), A circular block-resampling procedure for stationary data.
    """
    if block < 1 or not 0.0 < confidence < 1.0:
        raise ConfigurationError(
            f"A block of {block} and a confidence of {confidence} were asked for. Use a block from 1 on and a"
            " confidence between 0 and 1."
        )
    there = len(np.unique(cluster))
    if not len(values) or (less is not None and not len(less[0])):
        return MeanEstimate(math.nan, math.nan, math.nan, len(values), there)
    groups = [(values, cluster), *([less] if less is not None else [])]
    count = 1 + max(int(places.max()) for _, places in groups)
    mean = float(values.mean()) - (float(less[0].mean()) if less is not None else 0.0)
    if there < 2:
        return MeanEstimate(mean, math.nan, math.nan, len(values), there)
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, count, (DRAWS, math.ceil(count / block)))
    drawn = (starts[:, :, None] + np.arange(block)) % count
    drawn = drawn.reshape(DRAWS, -1)[:, :count]
    means = [_means(group, places, drawn, count) for group, places in groups]
    found = means[0] - means[1] if less is not None else means[0]
    found = found[~np.isnan(found)]
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return MeanEstimate(mean, float(low), float(high), len(values), there)


def _means(values: Floats, cluster: Places, drawn: Places, count: int) -> Floats:
    sums = np.bincount(cluster, weights=values, minlength=count)
    sizes = np.bincount(cluster, minlength=count).astype(np.float64)
    with np.errstate(invalid="ignore"):
        found: Floats = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return found
