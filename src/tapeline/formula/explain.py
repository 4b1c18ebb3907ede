"""Why a formula has its value: the tree of its conditions with the numbers they saw.

    enter_long = true
      crossed_above(ema(close, 20), ema(close, 50)) = true   [101.32 > 101.30, before 101.10 <= 101.21]
      (rsi(close, 14) < 30) = false   [41.2]

The numbers are those of the last chunk's registers; nothing is computed again. What a formula of a slower
frame saw is shown as of that frame's last bar; what lies before the chunk the program has
kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tapeline.domain.errors import FormulaError, UnknownNameError
from tapeline.domain.panel import Floats
from tapeline.formula import operations as op
from tapeline.formula.frame import Frame
from tapeline.formula.node import Node, constant_value
from tapeline.formula.position import POSITION_FIELDS
from tapeline.formula.registers import Domain
from tapeline.formula.text import text
from tapeline.indicators import elementwise as element

if TYPE_CHECKING:
    from tapeline.formula.program import Program

# In place of a row: as of the symbol's last bar before the chunk, and as of the bar before that.
KEPT, KEPT_BEFORE = -1, -2


@dataclass(frozen=True)
class Explanation:
    """One node of the tree.

    text : the formula as written, parameters with their numbers
    value : its value; NaN = unknown
    is_condition : whether the value means true, false or unknown
    detail : the numbers a condition compared
    children : what it is made of
    """

    text: str
    value: float
    is_condition: bool
    detail: str = ""
    children: tuple[Explanation, ...] = field(default=())

    @property
    def truth(self) -> bool | None:
        """True or False for a condition, None if it is unknown or a number."""
        return None if not self.is_condition or math.isnan(self.value) else self.value == 1.0

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: unknown is None."""
        known: Any = None if math.isnan(self.value) else self.value
        result: dict[str, Any] = {"text": self.text, "value": self.truth if self.is_condition else known}
        if self.detail:
            result["detail"] = self.detail
        if self.children:
            result["children"] = [child.as_dict() for child in self.children]
        return result

    def render(self, name: str = "") -> str:
        """Return the tree as indented lines: conditions, and below a number the numbers it is made of.

        name : what the root is called, such as the output's name; its own conditions then follow one level in
        """
        if not name:
            return "\n".join(self._lines(0))
        inner = self.children if self._is_joined() else (self,)
        lines = [f"{name} = {self.value_text()}"]
        for child in inner:
            lines += child._lines(1)
        return "\n".join(lines)

    def _lines(self, depth: int) -> list[str]:
        detail = f"   [{self.detail}]" if self.detail else ""
        lines = ["  " * depth + f"{self.text} = {self.value_text()}{detail}"]
        shown = [c for c in self.children if c.is_condition] if self.is_condition else self.children
        for child in shown:
            lines += child._lines(depth + 1)
        return lines

    def _is_joined(self) -> bool:
        return self.is_condition and len(self.children) > 0 and all(child.is_condition for child in self.children)

    def value_text(self) -> str:
        """Return the value in words: true, false, unknown, or the number."""
        if not self.is_condition:
            return short(self.value)
        return {True: "true", False: "false", None: "unknown"}[self.truth]


def short(value: float) -> str:
    """Return a number with about six significant digits."""
    return "unknown" if math.isnan(value) else f"{value:.6g}" if abs(value) < 1e5 else f"{value:.10g}"


@dataclass(frozen=True)
class Moment:
    """Where a node is read: a row of a frame, or KEPT; end_ns is the end of that row."""

    domain: Domain
    row: int
    end_ns: int


def explain_output(
    program: Program, table: str, output: str, row: int, column: int, fields: Floats | None
) -> Explanation:
    """Return the explanation of one output, see `Program.explain`."""
    if table not in program.plans:
        raise UnknownNameError("table", table, program.plans, where="the program")
    plan = program.plans[table]
    if output not in plan.formulas:
        raise UnknownNameError("output", output, plan.formulas, where=f"table {table}")
    if program.views is None or not 0 <= row < plan.domain.rows or not 0 <= column < program.symbol_count:
        raise FormulaError(
            f"Row {row}, column {column} of table {table} cannot be explained: the last chunk has "
            f"{plan.domain.rows if program.views else 0} rows and {program.symbol_count} columns."
        )
    moment = Moment(plan.domain, row, int(plan.domain.end_ns[row]))
    explainer = Explainer(program, column, fields)
    return explainer.explain(plan.formulas[output][0], moment)


class Explainer:
    """Explains nodes for one symbol."""

    def __init__(self, program: Program, column: int, fields: Floats | None) -> None:
        self.program, self.column = program, column
        self.fields = np.full(len(POSITION_FIELDS), np.nan) if fields is None else fields

    def explain(self, written: Node, moment: Moment) -> Explanation:
        """Explain a node, in the words it was written in, as read at a moment."""
        node = self.program.bound[written]
        words = self._words(written)
        constant = constant_value(node)
        if constant is not None:
            return Explanation(words, constant, node.is_condition)
        value = self._value(node, moment)
        own = self._own_moment(node, moment)
        if own is None:
            return Explanation(words, value, node.is_condition)
        parts = [part for part in self._parts(written) if constant_value(self.program.bound[part]) is None]
        children = tuple(self.explain(part, own) for part in parts)
        return Explanation(words, value, node.is_condition, self._detail(node, own), children)

    def _words(self, written: Node) -> str:
        words = self.program.words.get(written)
        if words is None:
            words = self.program.words[written] = text(written, self.program.parameters)
        return words

    def _parts(self, written: Node) -> tuple[Node, ...]:
        # (a & b) & c is read as the three conditions it joins.
        if written.operation is op.NAMED:
            return self._parts(written.inputs[0])
        joined = written.operation in (op.AND, op.OR)
        parts: list[Node] = []
        for child in written.inputs:
            same = joined and child.operation is written.operation and child.frame == written.frame
            parts += self._parts(child) if same else [child]
        return tuple(parts)

    def _value(self, node: Node, moment: Moment) -> float:
        constant = constant_value(node)
        if constant is not None:
            return constant
        if not node.needs_position:
            return self._register_value(node, moment.domain, moment.row)
        if node.operation is op.POSITION:
            return float(self.fields[POSITION_FIELDS.index(node.parameters[0])])
        operands = [self._value(child, moment) for child in node.inputs]
        operands += [0.0] * (3 - len(operands))
        tolerance = self.program.lowering.tolerance_of(node)
        return float(element.apply(node.operation.code, operands[0], operands[1], operands[2], tolerance))

    def _register_value(self, node: Node, domain: Domain, row: int) -> float:
        lowering, views = self.program.lowering, self.program.views
        assert views is not None
        register = lowering.places[node, domain.frame]
        if row >= 0:
            return float(views.panel(register)[row, self.column])
        kept = domain.last if row == KEPT else domain.before
        return float(kept[register.slot, self.column]) if 0 <= register.slot < domain.kept else math.nan

    def _own_moment(self, node: Node, moment: Moment) -> Moment | None:
        if node.operation is op.LATEST:
            node = node.inputs[0]
            if node.frame is not None:
                domain = self.program.lowering.domains[node.frame]
                return self._last_bar(domain, moment.end_ns, domain.rows)
        frame: Frame | None = node.frame
        if node.needs_position or frame is None or frame == moment.domain.frame:
            return moment
        domain = self.program.lowering.domains[frame]
        return self._last_bar(domain, moment.end_ns, domain.rows)

    def _last_bar(self, domain: Domain, end_ns: int, before_row: int) -> Moment | None:
        # None: there was no bar, or the program has kept a later one than is asked for.
        assert self.program.views is not None
        exists = self.program.views.panel(domain.fields["exists"])
        for row in range(before_row - 1, -1, -1):
            if domain.end_ns[row] <= end_ns and exists[row, self.column] == 1.0:
                return Moment(domain, row, int(domain.end_ns[row]))
        kept_end = int(domain.last_end[self.column])
        has_bar = domain.last[0, self.column] == 1.0
        return Moment(domain, KEPT, kept_end) if has_bar and kept_end <= end_ns else None

    def _detail(self, node: Node, moment: Moment) -> str:
        operation = node.operation
        if operation in op.COMPARISONS or operation.kind == "crossing":
            now = self._relation(node, *(self._value(child, moment) for child in node.inputs))
            before = self._before(node, moment) if operation.kind == "crossing" else ""
            return f"{now}, before {before}" if before else now
        if operation.name in ("any", "all", "count", "bars_since"):
            now_true = {1.0: "true", 0.0: "false"}.get(self._value(node.inputs[0], moment), "unknown")
            return f"now {now_true}"
        return ""

    def _before(self, node: Node, moment: Moment) -> str:
        if moment.row == KEPT:
            has_bar = moment.domain.before[0, self.column] == 1.0
            last = Moment(moment.domain, KEPT_BEFORE, 0) if has_bar else None
        else:
            last = self._last_bar(moment.domain, moment.end_ns, moment.row)
        return "" if last is None else self._relation(node, *(self._value(child, last) for child in node.inputs))

    def _relation(self, node: Node, a: float, b: float) -> str:
        if constant_value(node.inputs[1]) is not None:
            return short(a)
        if math.isnan(a) or math.isnan(b):
            return f"{short(a)}, {short(b)}"
        near = element.apply(element.EQUAL, a, b, 0.0, self.program.lowering.tolerance_of(node)) == 1.0
        return f"{short(a)} {'=' if near else '>' if a > b else '<'} {short(b)}"
