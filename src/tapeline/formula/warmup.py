"""Warm-up: how many bars come before the first known value.

Counted per frame over existing bars, so `{15min: 33, 1h: 199}` says: the formula may be unknown until the
symbol has had 33 bars of 15 minutes and 199 of one hour, and can be known on the next. Without gaps the
count is exact; a condition may be known earlier when one operand decides it (false & unknown is false).
"""

from __future__ import annotations

from collections.abc import Mapping

from tapeline.formula.frame import Frame
from tapeline.formula.node import Node, ordered
from tapeline.formula.parameters import bind
from tapeline.indicators.library import KERNELS


def warmup(root: Node) -> dict[Frame, int]:
    """Return the bars per frame before the first known value, parameters at their defaults if not bound."""
    bound = bind([root])[root]
    return warmups([bound])[bound]


def warmups(roots: list[Node]) -> dict[Node, dict[Frame, int]]:
    """Return the warm-up of every node below the roots. Parameters must be bound."""
    known: dict[Node, dict[Frame, int]] = {}
    for node in ordered(roots):
        known[node] = _warmup(node, known)
    return known


def own_lookback(node: Node) -> int:
    """Return how many bars of its own frame the operation itself needs before the present one."""
    operation = node.operation
    if operation.kind == "crossing":
        return 1
    if operation.kind != "kernel":
        return 0
    return KERNELS[operation.kernel].lookback(kernel_parameters(node))[operation.kernel_output + node.output]


def kernel_parameters(node: Node) -> list[float]:
    """Return the parameter vector of an indicator node's kernel."""
    operation = node.operation
    numbers = [s.number(value) for s, value in zip(operation.settings, node.parameters, strict=True)]
    return [float(value) for value in operation.vector(numbers)]


def _warmup(node: Node, known: Mapping[Node, dict[Frame, int]]) -> dict[Frame, int]:
    result: dict[Frame, int] = {}
    for child in node.inputs:
        for frame, count in known[child].items():
            result[frame] = max(result.get(frame, 0), count)
    if node.frame is not None:
        result[node.frame] = result.get(node.frame, 0) + own_lookback(node)
    return result
