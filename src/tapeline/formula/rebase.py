"""Give `bars()` another meaning: the same formulas on a slower frame."""

from __future__ import annotations

from collections.abc import Iterable

from tapeline.domain.panel import QUOTE_FIELDS
from tapeline.formula import operations as op
from tapeline.formula.bars import Bars
from tapeline.formula.frame import BASE, Frame
from tapeline.formula.node import Node, make, ordered


def rebase(roots: Iterable[Node], frame: Frame) -> dict[Node, Node]:
    """Return for each node below the roots the node that reads `frame` where it read the base frame.

    The nodes must be bound: parameters have their numbers. Formulas of named frames stay as they are.
    """
    moved: dict[Node, Node] = {}
    for node in ordered(roots):
        inputs = tuple(moved[child] for child in node.inputs)
        parameters = node.parameters
        if node.operation is op.FIELD and parameters[0] in QUOTE_FIELDS:
            moved[node] = node.on(Bars(frame))
            continue
        if node.operation in (op.FIELD, op.ON_FRAME) and parameters[-1] == float(BASE.ns):
            parameters = (*parameters[:-1], float(frame.ns))
        moved[node] = make(node.operation, inputs, parameters, node.output)
    return moved
