"""Write formulas as a trader would: `crossed_above(ema(close, 20), close[15min].lag(1))`."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tapeline.formula import operations as op
from tapeline.formula.frame import Frame
from tapeline.formula.node import Node, ordered

INFIX = {entry.name for entry in op.OPERATIONS.values() if entry.symbol} - {"negate", "not"}


def text(root: Node, values: Mapping[str, float] | None = None, names: Mapping[Node, str] | None = None) -> str:
    """Return the formula in words.

    values : numbers of parameters, shown as fast=10; without them parameters appear by their names
    names : what formulas below the root are called, in place of their words
    """
    texts: dict[int, str] = {}
    for node in ordered([root]):
        name = names.get(node) if names is not None and node is not root else None
        texts[id(node)] = name or _one(node, texts, values)
    return texts[id(root)]


def number_text(value: float) -> str:
    """Return a constant as it was written: 14, 0.98; unknown for NaN."""
    if math.isnan(value):
        return "unknown"
    return str(int(value)) if value == math.floor(value) and abs(value) < 1e15 else repr(value)


def _one(node: Node, texts: dict[int, str], values: Mapping[str, float] | None) -> str:
    operation = node.operation
    inputs = [texts[id(child)] for child in node.inputs]
    if operation is op.CONSTANT:
        return number_text(node.parameters[0])
    if operation is op.PARAMETER:
        name = node.name or f"param({number_text(node.default)})"  # type: ignore[attr-defined]
        return f"{name}={number_text(values[name])}" if values and name in values else str(name)
    if operation is op.FIELD:
        frame = Frame(int(node.parameters[-1]))
        return f"{node.parameters[0]}[{frame.text}]" if frame.ns else str(node.parameters[0])
    if operation is op.SERIES:
        return f'series("{node.parameters[0]}")'
    if operation.kind in ("session", "position"):
        return f"{operation.name}.{node.parameters[0]}"
    if operation is op.NAMED:
        name, part, *values_shown = node.parameters
        shown = _merged(node.inputs[1:], inputs[1:]) + [_argument(value, texts) for value in values_shown]
        return f"{name}({', '.join(shown)})" + (f".{part}" if part else "")
    if operation.name in INFIX:
        return f"({inputs[0]} {operation.symbol} {inputs[1]})"
    if operation.symbol:
        return f"{operation.symbol}{inputs[0]}"
    arguments = [_argument(value, texts) for value in _shown(node)]
    if operation is op.ON_FRAME:
        arguments = [Frame(int(node.parameters[0])).text]
    elif operation is op.DEMEAN:
        arguments = [f"by={name}" for name in node.parameters if name]
    suffix = f".{node.operation.outputs[node.output]}" if operation.outputs[node.output] else ""
    if operation.method:
        return f"{inputs[0]}.{operation.name}({', '.join(arguments)}){suffix}"
    read = _merged(node.inputs, inputs) if operation.kind == "kernel" and not operation.any_series else inputs
    return f"{operation.name}({', '.join(read + arguments)}){suffix}"


def _argument(value: object, texts: dict[int, str]) -> str:
    if isinstance(value, Node):
        return texts[id(value)]
    return number_text(value) if isinstance(value, float) else str(value)


def _shown(node: Node) -> list[object]:
    # Conventions left at their defaults say nothing, unless a later argument needs its place.
    shown = list(node.parameters)
    settings = node.operation.settings
    while shown and len(shown) <= len(settings) and _is_default(shown[-1], settings[len(shown) - 1].default):
        shown.pop()
    return shown


def _is_default(value: object, default: op.Argument | None) -> bool:
    return default is not None and not isinstance(value, Node) and value == default


def _merged(children: tuple[Node, ...], inputs: list[str]) -> list[str]:
    # atr(high, low, close, 14) of one frame's bars reads better as atr(bars[15min], 14).
    frames = {child.frame for child in children}
    if len(children) > 1 and len(frames) == 1 and all(child.operation is op.FIELD for child in children):
        frame = children[0].frame
        return [f"bars[{frame.text}]" if frame is not None and frame.ns else "bars"]
    return list(dict.fromkeys(inputs))
