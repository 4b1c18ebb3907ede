"""Bands and lines around the price that tell whether it trends, in quote currency unless stated. See `library`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tapeline.formula.bars import Bars
from tapeline.formula.library import atr, ema, highest, lowest
from tapeline.formula.naming import named
from tapeline.formula.node import Node, Operand, as_node, make
from tapeline.formula.operations import Operation, Setting, bars_setting, indicator

_BEGINNINGS = {"up": 1.0, "down": -1.0}
_PARABOLIC_SETTINGS = (
    Setting("step", low=0.0),
    Setting("limit", low=0.0),
    Setting("seed", default="movement", choices={"movement": 0.0, **_BEGINNINGS}),
)
_ANY_BETWEEN = indicator("any_between", bars_setting(), condition="yes")
_PARABOLIC = indicator("parabolic_sar", *_PARABOLIC_SETTINGS, kernel="parabolic", outputs=("stop", "trend"))
_SUPERTREND = indicator(
    "supertrend_of",
    Setting("seed", default="down", choices=_BEGINNINGS),
    kernel="supertrend",
    outputs=("line", "trend"),
)
_HEIKIN_ASHI = indicator("heikin_ashi", outputs=("open", "high", "low", "close"))


class Keltner(NamedTuple):
    """Keltner channel."""

    upper: Node
    middle: Node
    lower: Node


def keltner(frame: Bars, length: Operand = 20, width: Operand = 2, *, atr_length: Operand = 10) -> Keltner:
    """Return the EMA of the close and the bands `width` average true ranges away from it.

    Warm-up: length - 1 for the middle, the larger of that and atr_length for the bands.
    Source: Keltner (1960), How to Make Money in Commodities; with EMA and ATR by Raschke.
    """
    middle, reach = ema(frame.close, length), as_node(width) * atr(frame, atr_length)
    inputs, shown = (frame.high, frame.low, frame.close), (length, width, atr_length)
    parts = zip(Keltner._fields, (middle + reach, middle, middle - reach), strict=True)
    return Keltner(*(named(node, "keltner", part, inputs, shown) for part, node in parts))


class Donchian(NamedTuple):
    """Donchian channel; middle = (upper + lower) / 2."""

    upper: Node
    middle: Node
    lower: Node


def donchian(frame: Bars, length: Operand = 20) -> Donchian:
    """Return the highest high and the lowest low of the last `length` bars, the present one included.

    A close cannot be above the upper line of its own bar: a breakout is `close > donchian(frame).upper.lag(1)`.
    Warm-up: length - 1. Source: Donchian's four-week rule, in Kaufman (2013), Trading Systems and Methods.
    """
    upper, lower = highest(frame.high, length), lowest(frame.low, length)
    return Donchian(upper, _middle_of_range(frame, length), lower)


class Ichimoku(NamedTuple):
    """Ichimoku lines.

    conversion, base : the middles of the short and the middle range
    leading_a, leading_b : the edges of the cloud that stands at the present bar, made `displacement` bars ago
    """

    conversion: Node
    base: Node
    leading_a: Node
    leading_b: Node


def ichimoku(
    frame: Bars,
    conversion: Operand = 9,
    base: Operand = 26,
    leading: Operand = 52,
    *,
    displacement: Operand = 26,
) -> Ichimoku:
    """Return the middles of the ranges of `conversion`, `base` and `leading` bars, the cloud shifted forward.

    The lagging span is the close drawn back into the past; a rule that needs it compares the close with
    `frame.close.lag(26)`. Warm-up: each length - 1, for the leading lines `displacement` more.
    Source: Hosoda (1969), Ichimoku Kinko Hyo; Elliott (2007), Ichimoku Charts.
    """
    short, medium = _middle_of_range(frame, conversion), _middle_of_range(frame, base)
    lines = (
        short,
        medium,
        ((short + medium) / 2).lag(displacement),
        _middle_of_range(frame, leading).lag(displacement),
    )
    shown = (conversion, base, leading, displacement)
    parts = zip(Ichimoku._fields, lines, strict=True)
    return Ichimoku(*(named(node, "ichimoku", part, (frame.high, frame.low), shown) for part, node in parts))


class Supertrend(NamedTuple):
    """Supertrend: the line, and 1 while the trend is up and the line below the price, -1 while it is down."""

    line: Node
    trend: Node


def supertrend(frame: Bars, length: Operand = 10, width: Operand = 3, *, seed: str = "down") -> Supertrend:
    """Return the band `width` average true ranges from the bar's middle that the close has not crossed.

    The lower band only rises and the upper band only falls until the close crosses it; then the other one takes over.
    seed : "down" as TradingView's, or "up", the trend at the first known bar. Warm-up: length.
    Source: Seban (2008), Tout le monde mérite d'être riche.
    """
    reach = as_node(width) * atr(frame, length)
    bands = frame.hl2 + reach, frame.hl2 - reach, frame.close
    inputs = frame.high, frame.low, frame.close
    parts = zip(Supertrend._fields, _parts_of(_SUPERTREND, bands, (seed,)), strict=True)
    return Supertrend(*(named(node, "supertrend", part, inputs, (length, width)) for part, node in parts))


class ParabolicSar(NamedTuple):
    """Parabolic stop: the stop, and 1 while it is below the prices, -1 while above."""

    stop: Node
    trend: Node


def parabolic_sar(frame: Bars, step: Operand = 0.02, limit: Operand = 0.2, *, seed: str = "movement") -> ParabolicSar:
    """Return the stop that draws nearer with each new extreme, and turns to the other side when it is touched.

    step : the acceleration factor after a turn and its growth at each new extreme
    limit : the largest acceleration factor
    seed : the trend at the second bar: "movement" down if the low fell by more than the high rose, else up, as TA-Lib;
        "up" or "down"
    Warm-up: 1. Source: Wilder (1978), New Concepts in Technical Trading Systems; begun as TA-Lib does.
    """
    return ParabolicSar(*_parts_of(_PARABOLIC, (frame.high, frame.low), (step, limit, seed)))


class HeikinAshi(NamedTuple):
    """Smoothed bars."""

    open: Node
    high: Node
    low: Node
    close: Node


def heikin_ashi(frame: Bars) -> HeikinAshi:
    """Return smoothed bars: close = mean of the four prices, open = middle of the smoothed bar before.

    High and low reach to the open and close where these lie outside. The first open is the middle of its bar's open and
    close. These are no prices anybody traded at. Warm-up: none.
    Source: Valcu (2004), Using the Heikin-Ashi Technique, Technical Analysis of Stocks and Commodities 22(2).
    """
    return HeikinAshi(*_parts_of(_HEIKIN_ASHI, (frame.open, frame.high, frame.low, frame.close), ()))


def any_between(level: Node, low: Node, high: Node, length: Operand) -> Node:
    """Return whether any of the last `length` levels lies above `low` and at or below `high`.

    level : prices that bars left behind, such as swing highs, 0 where a bar left none; compared with the bounds of now
    Unknown while no level lies there and one of the window or a bound is unknown. Warm-up: length - 1.
    """
    return make(_ANY_BETWEEN, (level, low, high), (length,))


def _middle_of_range(frame: Bars, length: Operand) -> Node:
    return (highest(frame.high, length) + lowest(frame.low, length)) / 2


def _parts_of(operation: Operation, inputs: tuple[Node, ...], settings: Sequence[Operand | str]) -> list[Node]:
    return [make(operation, inputs, settings, output) for output in range(len(operation.outputs))]
