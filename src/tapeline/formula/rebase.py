"""Give `bars()` another meaning: the same formulas on a slower frame."""

from __future__ import annotations

from collections.abc import Iterable

from tapeline.formula import operations as op
from tapeline.formula.frame import BASE, Frame
from tapeline.formula.node import Node, make, ordered


def rebase(roots: Iterable[Node], frame: Frame) -> dict[Node, Node]:
    """Return for each node below the roots the node that reads `frame` where it read the base frame.

    The nodes must be bound: parameters have their numbers. Formulas of named frames stay as they are. A series
    has no bars of `frame`; it is read as it stands at their ends.
    """
    moved: dict[Node, Node] = {}
    for node in ordered(roots):
        if node.operation is op.SERIES and frame != BASE:
            moved[node] = make(op.ON_FRAME, (node,), (float(frame.ns),))
            continue
        # a series that is read on a named frame stays there
        inputs = tuple(child if _is_named(node, child) else moved[child] for child in node.inputs)
        parameters = node.parameters
        if node.operation in (op.FIELD, op.ON_FRAME) and parameters[-1] == float(BASE.ns):
            parameters = (*parameters[:-1], float(frame.ns))
        moved[node] = make(node.operation, inputs, parameters, node.output)
    return moved


def _is_named(node: Node, child: Node) -> bool:
    return child.operation is op.SERIES and node.operation is op.ON_FRAME and node.parameters[-1] != float(BASE.ns)
