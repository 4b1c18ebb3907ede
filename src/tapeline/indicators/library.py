"""The registry: every indicator kernel by name.

To add one: write its `advance` in the file of its family, describe it there in a `Kernel`, and name it here.
The tests of chunks, of truncation and of unknown values then cover it.
"""

from __future__ import annotations

from tapeline.indicators.averages import EMA, MACD, RSI
from tapeline.indicators.conditions import ALL, ANY, BARS_SINCE, COUNT_TRUE, LAG, RATE_OF_CHANGE
from tapeline.indicators.distribution import MEAN_DEVIATION, ROLLING_QUANTILE, ROLLING_RANK, ROLLING_SHAPE
from tapeline.indicators.extremes import (
    ROLLING_ARGMAX,
    ROLLING_ARGMIN,
    ROLLING_MAX,
    ROLLING_MIN,
    STOCHASTIC,
)
from tapeline.indicators.kernel import Kernel
from tapeline.indicators.memory import CUMULATIVE_SUM, FRACTIONAL_DIFFERENCE, LAST_NONZERO
from tapeline.indicators.moments import REALISED_VOLATILITY, ROLLING_MOMENTS
from tapeline.indicators.ranges import ADX, ATR, TRUE_RANGE
from tapeline.indicators.regression import ROLLING_LINE, ROLLING_PAIR
from tapeline.indicators.trend import ADAPTIVE_AVERAGE, HEIKIN_ASHI, PARABOLIC, SUPERTREND
from tapeline.indicators.volume import OBV, RELATIVE_VOLUME_BY_MINUTE, SESSION_VWAP
from tapeline.indicators.windows import RELATIVE_VOLUME, ROLLING_SUM, SMA

KERNELS: dict[str, Kernel] = {
    kernel.name: kernel
    for kernel in (
        SMA,
        EMA,
        MACD,
        RSI,
        ROLLING_SUM,
        ROLLING_MOMENTS,
        ROLLING_MIN,
        ROLLING_MAX,
        ROLLING_ARGMIN,
        ROLLING_ARGMAX,
        STOCHASTIC,
        TRUE_RANGE,
        ATR,
        ADX,
        RATE_OF_CHANGE,
        REALISED_VOLATILITY,
        OBV,
        SESSION_VWAP,
        RELATIVE_VOLUME,
        RELATIVE_VOLUME_BY_MINUTE,
        LAG,
        ANY,
        ALL,
        COUNT_TRUE,
        BARS_SINCE,
        ROLLING_LINE,
        ROLLING_PAIR,
        MEAN_DEVIATION,
        ROLLING_SHAPE,
        ROLLING_RANK,
        ROLLING_QUANTILE,
        ADAPTIVE_AVERAGE,
        PARABOLIC,
        SUPERTREND,
        HEIKIN_ASHI,
        CUMULATIVE_SUM,
        LAST_NONZERO,
        FRACTIONAL_DIFFERENCE,
    )
}
