"""Small pictures of indicators over bars, as SVG text: the prices above, lines over them or in a pane below.

Written by hand and rounded to a tenth of a pixel, so that the same values give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

WIDTH, LEFT, RIGHT, TOP, GAP, FOOT = 720, 8, 64, 20, 26, 20
PRICE_HEIGHT, PANE_HEIGHT = 150, 90
COLOURS = ("#0b62d6", "#c4432b", "#15803d", "#9a6700", "#7c3aed")
INK, GRID, BARS = "#57606a", "#d8dee4", "#7d8894"


@dataclass(frozen=True)
class Picture:
    """What a picture shows.

    dates : labels of the bars; high, low, close : float64 [bars], NaN = no bar
    lines : values by name, float64 [bars]
    is_below : whether the lines have a pane of their own, below the prices
    has_dots : whether each value is a dot instead of a part of a line
    """

    dates: Sequence[str]
    high: Array
    low: Array
    close: Array
    lines: Mapping[str, Array]
    is_below: bool = False
    has_dots: bool = False

    def svg(self) -> str:
        """Return the picture as the text of an SVG file."""
        prices = [self.high, self.low] if self.is_below else [self.high, self.low, *self.lines.values()]
        pane = _Pane(TOP, PRICE_HEIGHT, len(self.dates), prices)
        parts = [*pane.frame(), self._bars(pane)]
        bottom = TOP + PRICE_HEIGHT
        if self.is_below:
            pane = _Pane(bottom + GAP, PANE_HEIGHT, len(self.dates), list(self.lines.values()))
            parts += pane.frame()
            bottom += GAP + PANE_HEIGHT
        for colour, values in zip(COLOURS, self.lines.values(), strict=False):
            parts.append(pane.dots(values, colour) if self.has_dots else pane.line(values, colour))
        parts += self._legend(pane.top) + self._dates(bottom, pane)
        height = bottom + FOOT
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'font-family="sans-serif" font-size="11" fill="{INK}">'
        )
        return "\n".join([head, f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', *parts, "</svg>\n"])

    def _bars(self, pane: _Pane) -> str:
        strokes = []
        for place, (high, low, close) in enumerate(zip(self.high, self.low, self.close, strict=True)):
            if close == close:
                x = pane.x(place)
                strokes.append(f"M{_short(x)} {pane.y(high)}V{pane.y(low)}M{_short(x)} {pane.y(close)}h2")
        return f'<path d="{"".join(strokes)}" stroke="{BARS}" fill="none"/>'

    def _legend(self, top: float) -> list[str]:
        texts, x = [], LEFT
        for colour, name in zip(COLOURS, self.lines, strict=False):
            texts.append(f'<text x="{x}" y="{_short(top - 6)}" fill="{colour}">{escape(name)}</text>')
            x += 14 + round(6.2 * len(name))
        return texts

    def _dates(self, bottom: float, pane: _Pane) -> list[str]:
        count = len(self.dates)
        places = [round(share * (count - 1)) for share in (0, 0.25, 0.5, 0.75, 1)]
        anchors = ("start", "middle", "middle", "middle", "end")
        y = _short(bottom + 14)
        return [
            f'<text x="{_short(pane.x(place))}" y="{y}" text-anchor="{anchor}">{escape(self.dates[place])}</text>'
            for place, anchor in zip(places, anchors, strict=True)
        ]


class _Pane:
    """One coordinate system: places of bars to the right, values upwards."""

    def __init__(self, top: float, height: float, count: int, series: Sequence[Array]) -> None:
        known = np.concatenate([values[np.isfinite(values)] for values in series])
        self.low, self.high = float(known.min()), float(known.max())
        if self.low == self.high:
            self.low, self.high = self.low - 1, self.high + 1
        margin = 0.04 * (self.high - self.low)
        self.floor, self.ceiling = self.low - margin, self.high + margin
        self.top, self.height, self.step = top, height, (WIDTH - LEFT - RIGHT) / (count - 1)

    def x(self, place: int) -> float:
        return LEFT + self.step * place

    def y(self, value: float) -> str:
        return _short(self.top + self.height * (self.ceiling - value) / (self.ceiling - self.floor))

    def frame(self) -> list[str]:
        levels = [self.low, (self.low + self.high) / 2, self.high]
        if 0.15 < -self.low / (self.high - self.low) < 0.85:  # 0 is shown where its number has room
            levels[1] = 0.0
        right = WIDTH - RIGHT
        lines = "".join(f"M{LEFT} {self.y(level)}H{right}" for level in levels)
        texts = [
            f'<text x="{right + 6}" y="{_short(float(self.y(level)) + 4)}">{_number(level)}</text>' for level in levels
        ]
        return [f'<path d="{lines}" stroke="{GRID}" fill="none"/>', *texts]

    def line(self, values: Array, colour: str) -> str:
        strokes, command = [], "M"
        for place, value in enumerate(values):
            if np.isfinite(value):
                strokes.append(f"{command}{_short(self.x(place))} {self.y(value)}")
                command = "L"
            else:
                command = "M"
        return f'<path d="{"".join(strokes)}" stroke="{colour}" stroke-width="1.5" fill="none"/>'

    def dots(self, values: Array, colour: str) -> str:
        places = [(self.x(place), self.y(value)) for place, value in enumerate(values) if np.isfinite(value)]
        strokes = "".join(f"M{_short(x)} {y}h0" for x, y in places)
        return f'<path d="{strokes}" stroke="{colour}" stroke-width="3" stroke-linecap="round" fill="none"/>'


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _number(value: float) -> str:
    size = abs(value)
    if size >= 1e5:
        for divisor, unit in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
            if size >= divisor:
                return f"{value / divisor:.3g} {unit}"
    return f"{value:.0f}" if size >= 1000 else f"{value:.4g}"
