"""Is there enough data? A strategy whose entries can never become true is refused before the run.

A run over too short a period would end without a single order, and look like a strategy that found nothing.
So the bars that each formula needs are held against the bars that the data has, frame by frame. Conditions
are three-valued, so a formula is not refused for one unknown operand: `a | b` needs one of the two.

The bars of a frame are counted over all symbols together. A single symbol may have fewer; that is no reason
to refuse the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tapeline.domain.errors import DataError
from tapeline.domain.panel import Panel
from tapeline.domain.sessions import session_rows
from tapeline.domain.times import DAY, frame_text, to_iso
from tapeline.engine.assembly import AnyStrategy, Assembly
from tapeline.formula import operations as op
from tapeline.formula.frame import Frame
from tapeline.formula.node import Node, ordered
from tapeline.formula.text import text
from tapeline.formula.warmup import own_lookback
from tapeline.strategies.base import RuleStrategy

NEEDED = ("stop", "trail", "size", "volatility", "_size", "_volatility")
"""Without a value of these no entry is sized, whatever the conditions say."""


class Reach(NamedTuple):
    """Whether a formula can come to be true, and false, in the data; both alike for numbers."""

    true: bool
    false: bool

    @property
    def known(self) -> bool:
        """Whether it can be anything but unknown."""
        return self.true or self.false

    @property
    def whole(self) -> bool:
        """Whether the data is long enough for every value."""
        return self.true and self.false


def check_warmup(assembly: Assembly, data: Panel) -> None:
    """Raise DataError if some strategy can never enter: the data lacks a series, or is shorter than formulas need."""
    assembly.program.check_series(data)
    settings = assembly.settings
    if settings.trade_from_ns > int(data.end_ns[-1]):
        raise DataError(
            f"Trading was to begin at {settings.trade_from}, and the data ends at"
            f" {to_iso(int(data.end_ns[-1]))}. Set trade_from to a time inside the data."
        )
    needs = Needs(data)
    for name, strategy, table in zip(assembly.names, assembly.strategies, assembly.tables, strict=True):
        pairs = assembly.program.plans[table.name].formulas
        needs.add([bound for _, bound in pairs.values()])
        unmet = _unmet(strategy, {output: needs.reach[bound] for output, (_, bound) in pairs.items()})
        if unmet is not None:
            raise DataError(needs.sentence(name, unmet, pairs[unmet][1]))


class Needs:
    """The bars that formulas need at least, and what they can become in some data.

    have : bars of each frame in the data
    reach : by formula; least : by formula, bars per frame before its first value, at best
    """

    def __init__(self, data: Panel) -> None:
        self.data = data
        self.have: dict[Frame, int] = {}
        self.reach: dict[Node, Reach] = {}
        self.least: dict[Node, dict[Frame, int]] = {}

    def add(self, roots: list[Node]) -> None:
        """Work out everything below some formulas whose parameters are bound."""
        for node in ordered(roots):
            if node not in self.reach:
                self.least[node] = self._least(node)
                self.reach[node] = self._reach(node)

    def sentence(self, strategy: str, output: str, bound: Node) -> str:
        """Return what keeps a strategy from entering: formula, bars needed, bars found, and where."""
        cause = bound
        while unmet := [node for node in cause.inputs if not self.reach[node].whole]:
            cause = unmet[0]
        short = {frame: bars for frame, bars in self._whole(cause).items() if bars >= self._have(frame)}
        frame, bars = max(short.items(), key=lambda item: item[1])
        data = self.data
        return (
            f"Strategy {strategy} can never enter: {output.lstrip('_')} needs {text(cause)}, which has its"
            f" first value at bar {bars + 1:,} of {frame_text(frame.ns or data.frame_ns)}; the data has"
            f" {self._have(frame):,} ({to_iso(int(data.start_ns[0]))} to {to_iso(int(data.end_ns[-1]))})."
            " Give a longer period, or the formula fewer bars."
        )

    def _have(self, frame: Frame) -> int:
        if frame not in self.have:
            self.have[frame] = bars_of(frame, self.data)
        return self.have[frame]

    def _least(self, node: Node) -> dict[Frame, int]:
        below = [self.least[child] for child in node.inputs]
        if node.operation in (op.AND, op.OR):
            return _fewest(below)
        if node.operation is op.WHERE:
            return _most([below[0], _fewest(below[1:])])
        if node.operation.name in ("any", "all"):
            return below[0]
        return self._whole(node)

    def _whole(self, node: Node) -> dict[Frame, int]:
        """Return the bars before the first value if every operand is waited for."""
        bars = _most([self.least[child] for child in node.inputs])
        if node.frame is not None:
            bars[node.frame] = bars.get(node.frame, 0) + own_lookback(node)
        return bars

    def _reach(self, node: Node) -> Reach:
        inputs = [self.reach[child] for child in node.inputs]
        if node.operation is op.AND:
            return Reach(inputs[0].true and inputs[1].true, inputs[0].false or inputs[1].false)
        if node.operation is op.OR:
            return Reach(inputs[0].true or inputs[1].true, inputs[0].false and inputs[1].false)
        if node.operation is op.NOT:
            return Reach(inputs[0].false, inputs[0].true)
        if node.operation is op.WHERE:
            branch = (inputs[0].true and inputs[1].known) or (inputs[0].false and inputs[2].known)
            return Reach(branch, branch)
        enough = all(bars < self._have(frame) for frame, bars in self._whole(node).items())
        if node.operation.name == "any":
            return Reach(inputs[0].true, enough and inputs[0].false)
        if node.operation.name == "all":
            return Reach(enough and inputs[0].true, inputs[0].false)
        known = enough and all(reach.known for reach in inputs)
        return Reach(known, known)


def bars_of(frame: Frame, data: Panel) -> int:
    """Return how many bars of a frame the data makes."""
    if frame.ns in (0, data.frame_ns):
        return len(data)
    where = session_rows(data)
    if frame.ns >= DAY:
        return len(np.unique(where.ordinal[where.ordinal >= 0] // (frame.ns // DAY)))
    within = (data.end_ns - 1 - where.open_ns) // frame.ns
    return int(np.unique(np.stack((where.index, within)), axis=1).shape[1])


def _most(parts: list[dict[Frame, int]]) -> dict[Frame, int]:
    return {frame: max(part.get(frame, 0) for part in parts) for part in parts for frame in part}


def _fewest(parts: list[dict[Frame, int]]) -> dict[Frame, int]:
    return {frame: min(part.get(frame, 0) for part in parts) for part in parts for frame in part}


def _unmet(strategy: AnyStrategy, reached: Mapping[str, Reach]) -> str | None:
    """Return the formula that keeps a strategy from ever entering, None if there is none."""
    for name in NEEDED:
        if name in reached and not reached[name].known:
            return name
    if isinstance(strategy, RuleStrategy):
        entries = [name for name in ("enter_long", "enter_short") if name in reached]
        return None if any(reached[name].true for name in entries) else entries[0]
    # What free-form code does with its formulas is its own affair, unless all of them stay unknown.
    formulas = [name for name in reached if name not in NEEDED]
    return formulas[0] if formulas and not any(reached[name].known for name in formulas) else None
