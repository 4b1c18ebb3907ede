"""Explain formulas that are made of each other, so that each is taken apart once and a trader can read it.

    explain_named(program, "screen", names, row, column)["score.grade"]

Below an output the others stand with name and value alone. Of `where` after `where` only what was asked is told, up to
the first condition that held: the rest had no say. A sum shows its parts, and of the conditions that only ask whether
something is known, those of which it is not.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from tapeline.domain.times import to_iso
from tapeline.formula import operations as op
from tapeline.formula.explain import Explainer, Explanation, Moment
from tapeline.formula.node import Node, as_node, constant_value, ordered
from tapeline.formula.program import Program
from tapeline.formula.text import text

CHOICE, SUM, KNOWN = "first that holds", "sum", "everything is known"
WORDS_MAX, PARTS_MAX = 160, 8


def explain_named(
    program: Program, table: str, outputs: Collection[str], row: int, column: int
) -> dict[str, Explanation]:
    """Return why outputs of a table have their values in a row of the last chunk for a symbol, by name.

    Raises what `Program.explain` raises.
    """
    plan = program.plans[table]
    names: dict[Node, str] = {}
    for name in outputs:
        for node in _guarded(plan.formulas[name][0]):
            if node.operation not in (op.FIELD, op.CONSTANT):
                names.setdefault(node, name)
            if node.operation is op.NOT:
                names.setdefault(node.inputs[0], f"~{name}")
    moment = Moment(plan.domain, row, int(plan.domain.end_ns[row]))
    explainer = _NamedExplainer(program, column, names)
    return {name: explainer.explain_root(plan.formulas[name][0], moment) for name in outputs}


def _guarded(node: Node) -> Iterator[Node]:
    """Yield a formula, and what is left without what only says when it is read or is unknown."""
    yield node
    while node.operation is op.LATEST or _is_guard(node) or _doubted(node) is not None:
        node = node.inputs[1 if node.operation is op.WHERE else 0]
        yield node


def _is_guard(node: Node) -> bool:
    return node.operation is op.WHERE and _is_unknown(node.inputs[2])


def _doubted(node: Node) -> Node | None:
    """Return the condition of which unknown is made false, None for any other node."""
    if node.operation is not op.WHERE or node.inputs[0].operation is not op.KNOWN:
        return None
    condition = node.inputs[0].inputs[0]
    return condition if node.inputs[1] is condition and constant_value(node.inputs[2]) == 0.0 else None


def _counted(node: Node) -> Node | None:
    """Return the condition that is counted as 1 or 0, None for any other node."""
    if node.operation is not op.WHERE or [constant_value(one) for one in node.inputs[1:]] != [1.0, 0.0]:
        return None
    inner = _doubted(node.inputs[0])
    return node.inputs[0] if inner is None else inner


def _asked_of(node: Node) -> Node | None:
    """Return the condition that a node only makes certain or counts, None for any other."""
    inner = _doubted(node)
    return _counted(node) if inner is None else inner


def _asks_known(node: Node) -> bool:
    while node.operation is op.LATEST:
        node = node.inputs[0]
    return node.operation is op.KNOWN


def _is_unknown(node: Node) -> bool:
    value = constant_value(node)
    return value is not None and math.isnan(value)


class _NamedExplainer(Explainer):
    def __init__(self, program: Program, column: int, names: Mapping[Node, str]) -> None:
        super().__init__(program, column, None)
        self.names = dict(names)
        self._shown = dict(names)
        for node in ordered(program.bound):
            inner = node.inputs[1] if _is_guard(node) else _asked_of(node)
            if inner is not None:  # reads as what it asks
                self._shown[node] = self._shown.get(inner, "") or text(inner, program.parameters, self._shown)

    def explain_root(self, written: Node, moment: Moment) -> Explanation:
        """Explain an output itself, below its name."""
        return self._explain(written, moment, self.names.get(written, ""))

    def explain(self, written: Node, moment: Moment) -> Explanation:
        """Explain a node; an output with its name and value alone."""
        return self._explain(written, moment, "")

    def _explain(self, written: Node, moment: Moment, root: str) -> Explanation:
        node = self.program.bound[written]
        name = self.names.get(written, "")
        if name and name.removeprefix("~") != root:
            return Explanation(name, self._value(node, moment), node.is_condition)
        own = self._own_moment(node, moment) if constant_value(node) is None else None
        if own is None:
            return super().explain(written, moment)
        value = self._value(node, moment)
        if written.operation is op.LATEST:
            return self._explain(written.inputs[0], own, root)
        if written.operation is op.NOT:
            told = (self._explain(written.inputs[0], own, root),)
            return Explanation(self._words(written), value, True, children=told)
        if written.operation is op.FIELD and own.end_ns:
            return Explanation(self._words(written), value, False, f"bar to {to_iso(own.end_ns)}")
        if written.operation.name == "lag":
            before = self._back(own, int(as_node(node.parameters[0]).fixed_value or 0))
            lagged = () if before is None else (self.explain(written.inputs[0], before),)
            return Explanation(self._words(written), value, node.is_condition, children=lagged)
        if written.operation is op.WHERE:
            if _is_guard(written) and self._is_true(written.inputs[0], own):
                return self._explain(written.inputs[1], own, root)
            inner = _asked_of(written)
            if inner is not None and self._is_known(inner, own):
                return self._explain(inner, own, root)
            return Explanation(CHOICE, value, node.is_condition, children=tuple(self._asked(written, own)))
        if written.operation is op.ADD:
            terms = [term for one in written.inputs for term in self._terms(one)]
            known = [self.explain(term, own) for term in terms if constant_value(self.program.bound[term]) is None]
            return Explanation(SUM, value, False, children=tuple(known))
        if written.operation in (op.AND, op.OR):
            return self._joined(written, value, own)
        return super().explain(written, moment)

    def _joined(self, written: Node, value: float, moment: Moment) -> Explanation:
        """Explain conditions that are joined; of many only those that decide."""
        nodes = [part for part in self._parts(written) if constant_value(self.program.bound[part]) is None]
        parts = [self.explain(part, moment) for part in nodes]
        is_and = written.operation is op.AND
        if all(_asks_known(node) for node in nodes):
            return Explanation(KNOWN, value, True, children=tuple(part for part in parts if part.truth is not True))
        words = self._words(written)
        if len(parts) > PARTS_MAX:
            words = f"{'all' if is_and else 'any'} of {len(parts)}"
            parts = [part for part in parts if part.truth is not is_and]
        return Explanation(words, value, True, children=tuple(parts))

    def _parts(self, written: Node) -> tuple[Node, ...]:
        """Return what a node is read as; outputs stay whole."""
        if written.operation not in (op.AND, op.OR):
            return super()._parts(written)
        parts: list[Node] = []
        for child in written.inputs:
            same = child.operation is written.operation and child.frame == written.frame and child not in self.names
            parts += self._parts(child) if same else [child]
        return tuple(parts)

    def _words(self, written: Node) -> str:
        words = text(written, self.program.parameters, self._shown)
        return words if len(words) <= WORDS_MAX else f"{words[: WORDS_MAX - 1]}…"

    def _asked(self, written: Node, moment: Moment) -> Iterator[Explanation]:
        """Yield each condition up to the one that decided, and the number that it led to if that is computed."""
        while written.operation is op.WHERE:
            condition, then, otherwise = written.inputs
            inner = then.inputs if then.operation is op.WHERE else ()
            strict = condition.operation is op.KNOWN and inner and inner[0] is condition.inputs[0]
            if strict:  # unknown gives `otherwise`, whatever comes after
                condition, then, otherwise = inner
            plain = _doubted(condition)
            yield self.explain(condition if plain is None else plain, moment)
            if self._is_true(condition, moment):
                written = then
                break
            if plain is None and not self._is_known(condition, moment):
                return
            written = otherwise
        if constant_value(self.program.bound[written]) is None:
            yield self.explain(written, moment)

    def _is_true(self, condition: Node, moment: Moment) -> bool:
        return self._value(self.program.bound[condition], moment) == 1.0

    def _is_known(self, node: Node, moment: Moment) -> bool:
        return not math.isnan(self._value(self.program.bound[node], moment))

    def _back(self, moment: Moment, bars: int) -> Moment | None:
        """Return the moment some bars of the symbol earlier, None where the program has not got it any more."""
        found: Moment | None = moment
        for _ in range(bars):
            if found is None or found.row < 0:
                return None
            found = self._last_bar(found.domain, found.end_ns, found.row)
        return found

    def _terms(self, written: Node) -> list[Node]:
        if written.operation is not op.ADD or written in self.names:
            return [written]
        return [term for child in written.inputs for term in self._terms(child)]
