"""Work for several threads: ranges of symbols, or groups of formulas that have nothing in common.

Symbols are divided where there are enough of them: every thread then does the same work on its own columns.
One long series cannot be cut, since each bar needs the one before; but of five indicators over it, two
threads take those that share no step with each other. Nothing is computed twice either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from tapeline.formula.node import Node, ordered

COLUMNS_MIN = 64
CELLS_MIN = 65_536
"""Below so many symbols, or values of one formula, a thread has too little to do to pay for itself."""

CELL_COST = 0.25
"""What an operation of one moment costs, where an indicator costs 1."""

Part = tuple[Mapping[str, Node], slice]


def parts_of(formulas: Mapping[str, Node], rows: int, columns: int, threads: int) -> list[Part]:
    """Return what each thread is to compute: formulas by name, and the columns of the panel."""
    together = any(node.operation.kind == "cross_section" for node in ordered(formulas.values()))
    count = 1 if together else min(threads, columns // COLUMNS_MIN)
    if count > 1:
        edges = [columns * index // count for index in range(count + 1)]
        return [(formulas, slice(*edge)) for edge in pairwise(edges)]
    groups = _balanced(_apart(formulas), threads) if rows * columns >= CELLS_MIN else [formulas]
    return [(group, slice(0, columns)) for group in groups]


def _apart(formulas: Mapping[str, Node]) -> list[tuple[dict[str, Node], dict[object, float]]]:
    """Return groups of formulas that share no step, each with the cost of its steps."""
    groups: list[tuple[dict[str, Node], dict[object, float]]] = []
    for name, formula in formulas.items():
        named, steps = {name: formula}, _steps(formula)
        for group in [group for group in groups if group[1].keys() & steps.keys()]:
            groups.remove(group)
            named, steps = group[0] | named, group[1] | steps
        groups.append((named, steps))
    return groups


def _steps(formula: Node) -> dict[object, float]:
    steps: dict[object, float] = {}
    for node in ordered([formula]):
        kind = node.operation.kind
        if kind == "kernel":
            # the outputs of one indicator are one step
            steps[node.operation.kernel, node.inputs, node.parameters] = 1.0
        elif kind not in ("field", "constant"):
            steps[node] = CELL_COST
    return steps


def _balanced(groups: list[tuple[dict[str, Node], dict[object, float]]], threads: int) -> list[Mapping[str, Node]]:
    loads: list[tuple[float, dict[str, Node]]] = [(0.0, {}) for _ in range(min(threads, len(groups)))]
    for named, steps in sorted(groups, key=lambda group: -sum(group[1].values())):
        lightest = min(range(len(loads)), key=lambda index: loads[index][0])
        load, taken = loads[lightest]
        loads[lightest] = load + sum(steps.values()), taken | named
    return [taken for _, taken in loads]
