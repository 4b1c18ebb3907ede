"""A slow, plain evaluation of formulas, cell by cell over the whole data, written from their definitions.

It shares nothing with the compiled code but the nodes. Averages with rounding of their own are not in here;
they are compared with TA-Lib and NumPy elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import fmean
from typing import Any

import numpy as np

from tapeline.domain.panel import Panel
from tapeline.domain.times import DAY
from tapeline.formula.node import Node

Grid = list[list[float]]
NAN = math.nan


@dataclass
class FrameRows:
    """Rows of one frame: their ends, sessions, and bars per symbol (None = no bar)."""

    end_ns: list[int] = field(default_factory=list)
    session: list[int] = field(default_factory=list)
    bars: list[list[dict[str, float] | None]] = field(default_factory=list)


def frame_rows(panel: Panel, frame_ns: int) -> FrameRows:
    """Build the bars of a frame, one dictionary of frame ends at a time; 0 is the base frame."""
    sessions = panel.sessions
    rows = FrameRows()
    building: dict[int, list[list[int]]] = {}
    session_at: dict[int, int] = {}
    expected: dict[int, float] = {}
    for row in range(len(panel)):
        start, end = int(panel.start_ns[row]), int(panel.end_ns[row])
        inside = -1
        if sessions is not None:
            hits = [i for i in range(len(sessions)) if sessions.open_ns[i] <= start < sessions.close_ns[i]]
            inside = hits[0] if hits else -1
        if frame_ns == 0:
            key = end
            expected[key] = 1
        elif sessions is None:
            key = -(-end // frame_ns) * frame_ns
            expected[key] = frame_ns / panel.frame_ns
        elif inside < 0:
            continue
        elif frame_ns >= DAY:
            days = frame_ns // DAY
            last = (inside + sessions.ordinal) // days * days + days - 1 - sessions.ordinal
            if last >= len(sessions):
                continue
            key = int(sessions.close_ns[last])
            members = range(max(0, last - days + 1), last + 1)
            lengths = [int(sessions.close_ns[i] - sessions.open_ns[i]) for i in members]
            expected[key] = sum(math.ceil(length / min(length, panel.frame_ns)) for length in lengths)
        else:
            opened, closed = int(sessions.open_ns[inside]), int(sessions.close_ns[inside])
            count = math.ceil((end - opened) / frame_ns)
            key = min(opened + count * frame_ns, closed)
            expected[key] = math.ceil((key - opened - (count - 1) * frame_ns) / panel.frame_ns)
        building.setdefault(key, [[] for _ in panel.symbols])
        session_at[key] = inside
        for column in range(len(panel.symbols)):
            if not math.isnan(panel.close[row, column]):
                building[key][column].append(row)
    for key in sorted(building):
        if key <= panel.end_ns[-1]:
            rows.end_ns.append(key)
            rows.session.append(session_at[key])
            rows.bars.append([_bar(panel, column, found, expected[key]) for column, found in enumerate(building[key])])
    return rows


def _bar(panel: Panel, column: int, found: list[int], expected: float) -> dict[str, float] | None:
    if not found:
        return None
    volume = 0.0
    for row in found:
        volume += float(panel.volume[row, column])
    return {
        "open": float(panel.open[found[0], column]),
        "high": max(float(panel.high[row, column]) for row in found),
        "low": min(float(panel.low[row, column]) for row in found),
        "close": float(panel.close[found[-1], column]),
        "volume": volume,
        "completeness": len(found) / expected,
    }


class Reference:
    """Evaluates nodes over one panel. Parameters must be bound, frames written as they are."""

    def __init__(self, panel: Panel, groups: dict[str, list[int]] | None = None, exact: bool = False) -> None:
        self.panel, self.groups, self.exact = panel, groups or {}, exact
        self.frames: dict[int, FrameRows] = {}
        self.known: dict[tuple[int, int], Grid] = {}

    def values(self, node: Node, frame_ns: int) -> np.ndarray:
        """Return float64 [rows of the frame, N]."""
        return np.array(self.grid(node, frame_ns)).reshape(-1, len(self.panel.symbols))

    def rows(self, frame_ns: int) -> FrameRows:
        if frame_ns not in self.frames:
            self.frames[frame_ns] = frame_rows(self.panel, frame_ns)
        return self.frames[frame_ns]

    def grid(self, node: Node, frame_ns: int) -> Grid:
        key = (id(node), frame_ns)
        if key not in self.known:
            own = node.frame.ns if node.frame is not None else frame_ns
            self.known[key] = self._compute(node, frame_ns) if own == frame_ns else self._as_of(node, own, frame_ns)
        return self.known[key]

    def _as_of(self, node: Node, own: int, frame_ns: int) -> Grid:
        source, rows, target = self.grid(node, own), self.rows(own), self.rows(frame_ns)
        result = []
        for end in target.end_ns:
            line = []
            for column in range(len(self.panel.symbols)):
                past = [r for r in range(len(rows.end_ns)) if rows.end_ns[r] <= end and rows.bars[r][column]]
                line.append(source[past[-1]][column] if past else NAN)
            result.append(line)
        return result

    def _compute(self, node: Node, frame_ns: int) -> Grid:
        rows = self.rows(frame_ns)
        columns = range(len(self.panel.symbols))
        name = node.operation.name
        inputs = [self.grid(child, frame_ns) for child in node.inputs]
        if name == "latest":
            source = node.inputs[0].frame
            return inputs[0] if source is None else self._as_of(node.inputs[0], source.ns, frame_ns)
        if node.operation.kind == "cross_section":
            return [self._across(node, line, rows.bars[r]) for r, line in enumerate(inputs[0])]
        result = [[NAN for _ in columns] for _ in rows.end_ns]
        for column in columns:
            bars = [r for r in range(len(rows.end_ns)) if rows.bars[r][column]]
            if name in WINDOWS:
                series = [[grid[r][column] for r in bars] for grid in inputs]
                for place, r in enumerate(bars):
                    result[r][column] = WINDOWS[name](self, node, series, place)
                continue
            for r in range(len(rows.end_ns)):
                bar = rows.bars[r][column]
                if name == "constant":
                    result[r][column] = node.parameters[0]
                elif name == "session":
                    result[r][column] = self._clock(node.parameters[0], rows, r)
                elif bar and name == "field":
                    result[r][column] = bar[node.parameters[0]]
                elif bar or node.frame is None:
                    cells = [grid[r][column] for grid in inputs]
                    result[r][column] = self._cell(node, cells)
        return result

    def _clock(self, name: str, rows: FrameRows, r: int) -> float:
        sessions = self.panel.sessions
        if sessions is None or rows.session[r] < 0:
            return NAN
        if name == "month":
            day = date(1970, 1, 1) + timedelta(days=int(sessions.days[rows.session[r]]))
            return float(12 * (day.year - 1970) + day.month - 1)
        edge = sessions.open_ns if name == "minutes_since_open" else sessions.close_ns
        return abs(rows.end_ns[r] - int(edge[rows.session[r]])) / 60e9

    def _cell(self, node: Node, cells: list[float]) -> float:
        name = node.operation.name
        if name in ("and", "or"):
            decisive = 0.0 if name == "and" else 1.0
            if decisive in cells:
                return decisive
            return NAN if any(map(math.isnan, cells)) else 1.0 - decisive
        if name == "where":
            return {1.0: cells[1], 0.0: cells[2]}.get(cells[0], NAN)
        if name in ("on", "named"):
            return cells[0]
        if name == "known":
            return float(not math.isnan(cells[0]))
        if any(map(math.isnan, cells)):
            return NAN
        if name in ("greater", "less", "greater_equal", "less_equal", "equal", "not_equal"):
            return float(self.compare(node, name, *cells))
        if name == "divide":
            with np.errstate(all="ignore"):
                return float(np.float64(cells[0]) / np.float64(cells[1]))
        return ARITHMETIC[name](*cells)

    def compare(self, node: Node, name: str, a: float, b: float) -> bool:
        selected = self.exact or all(child.is_selection for child in node.inputs)
        near = a == b or (not selected and abs(a - b) <= 1e-9 * max(1, abs(a), abs(b)) and abs(a - b) < math.inf)
        return {
            "greater": a > b and not near,
            "less": a < b and not near,
            "greater_equal": a > b or near,
            "less_equal": a < b or near,
            "equal": near,
            "not_equal": not near,
        }[name]

    def _across(self, node: Node, line: list[float], bars: list[Any]) -> list[float]:
        known = [column for column, value in enumerate(line) if bars[column] and not math.isnan(value)]
        result = [NAN] * len(line)
        for column in known:
            peers = known
            if node.operation.name == "demean" and node.parameters[0]:
                labels = self.groups[node.parameters[0]]
                if labels[column] < 0:
                    continue
                peers = [other for other in known if labels[other] == labels[column]]
            numbers = [line[other] for other in peers]
            value = line[column]
            if node.operation.name == "demean":
                result[column] = value - fmean(numbers)
            elif node.operation.name == "rank":
                below = sum(number < value for number in numbers)
                equal = sum(number == value for number in numbers)
                result[column] = (below + (equal - 1) / 2) / (len(numbers) - 1) if len(numbers) > 1 else 0.5
            else:
                deviation = float(np.std(numbers))
                flat = 0.0 if node.parameters[0] == "zero" else NAN
                result[column] = (value - fmean(numbers)) / deviation if len(set(numbers)) > 1 else flat
        return result


ARITHMETIC: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "minimum": min,
    "maximum": max,
    "negate": lambda a: -a,
    "abs": abs,
    "not": lambda a: 1.0 - a,
    "sqrt": lambda a: math.sqrt(a) if a >= 0 else NAN,
    "sign": lambda a: float((a > 0) - (a < 0)),
}


def _window(series: list[list[float]], node: Node, place: int) -> list[float] | None:
    length = int(node.parameters[0])
    return series[0][place - length + 1 : place + 1] if place >= length - 1 else None


def _lag(_: Reference, node: Node, series: list[list[float]], place: int) -> float:
    earlier = place - int(node.parameters[0])
    return series[0][earlier] if earlier >= 0 else NAN


def _any(decisive: float) -> Any:
    def decide(_: Reference, node: Node, series: list[list[float]], place: int) -> float:
        length = int(node.parameters[0])
        window = [series[0][i] if i >= 0 else NAN for i in range(place - length + 1, place + 1)]
        if decisive in window:
            return decisive
        return NAN if any(map(math.isnan, window)) else 1.0 - decisive

    return decide


def _of_window(function: Any) -> Any:
    def compute(_: Reference, node: Node, series: list[list[float]], place: int) -> float:
        window = _window(series, node, place)
        return NAN if window is None or any(map(math.isnan, window)) else float(function(window))

    return compute


def _since(_: Reference, node: Node, series: list[list[float]], place: int) -> float:
    for age, value in enumerate(reversed(series[0][: place + 1])):
        if value == 1.0:
            return float(age)
        if math.isnan(value):
            break
    return NAN


def _crossed(reference: Reference, node: Node, series: list[list[float]], place: int) -> float:
    name = "greater" if node.operation.name == "crossed_above" else "less"

    def beyond(at: int) -> float:
        a, b = (values[at] if at >= 0 else NAN for values in series)
        return NAN if math.isnan(a) or math.isnan(b) else float(reference.compare(node, name, a, b))

    now, before = beyond(place), beyond(place - 1)
    if now == 0.0 or before == 1.0:
        return 0.0
    return NAN if math.isnan(now) or math.isnan(before) else 1.0


def _any_between(reference: Reference, node: Node, series: list[list[float]], place: int) -> float:
    levels, lows, highs = series
    low, high = lows[place], highs[place]
    window = [levels[i] if i >= 0 else NAN for i in range(place - int(node.parameters[0]) + 1, place + 1)]
    within = 1e-9 * max(1, abs(high))
    if any(level > low and (level <= high or abs(level - high) <= max(within, 1e-9 * abs(level))) for level in window):
        return 1.0
    return NAN if any(map(math.isnan, (*window, low, high))) else 0.0


WINDOWS: dict[str, Any] = {
    "any_between": _any_between,
    "lag": _lag,
    "any": _any(1.0),
    "all": _any(0.0),
    "count": _of_window(sum),
    "highest": _of_window(max),
    "lowest": _of_window(min),
    "bars_since": _since,
    "crossed_above": _crossed,
    "crossed_below": _crossed,
    "rolling_argmin": _of_window(lambda w: list(reversed(w)).index(min(w))),
    "rolling_argmax": _of_window(lambda w: list(reversed(w)).index(max(w))),
}
