"""Parameters: numbers of a strategy that a run, a sweep or a configuration may change.

    class Cross(RuleStrategy):
        fast, slow = param(20, low=2, high=500), param(50, low=2, high=500)
        enter_long = crossed_above(ema(bars().close, fast), ema(bars().close, slow))

A parameter stands in arithmetic and as a number of bars. Its name is that of the class attribute. Binding
replaces parameters by numbers and works out what is constant, so that two runs which come to the same
numbers come to the same nodes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from tapeline.domain.errors import ConfigurationError, FormulaError, UnknownNameError
from tapeline.formula import operations as op
from tapeline.formula.node import Node, Operand, as_node, constant_value, fill, fixed_result, make, ordered


class Parameter(Node):
    """A named number with bounds. Whole if its default is written as a whole number (20, not 20.0).

    name : name of the class attribute it is assigned to, set once; default, low, high : its value and bounds
    """

    __slots__ = ("default", "high", "is_whole", "low", "name")

    def __init__(self, default: float, low: float, high: float, name: str) -> None:
        self.name, self.is_whole = name, isinstance(default, int)
        self.default, self.low, self.high = float(default), float(low), float(high)
        fill(self, op.PARAMETER, (), ())
        self.check(self.default)

    def __set_name__(self, owner: type, name: str) -> None:
        if not self.name:
            self.with_name(name)

    def with_name(self, name: str) -> Parameter:
        """Give the parameter its name, once, and return it."""
        if self.name and self.name != name:
            raise FormulaError(f"Parameter {self.name!r} already has a name and cannot become {name!r}.")
        self.name = name
        return self

    def check(self, value: float) -> float:
        """Return the value as a float.

        Raises ConfigurationError if it is out of bounds or of the wrong kind.
        """
        name = f"Parameter {self.name}" if self.name else "A parameter"
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ConfigurationError(f"{name} must be a number, not {value!r}.")
        if self.is_whole and value != math.floor(value):
            raise ConfigurationError(f"{name} must be a whole number, not {value!r}.")
        if not self.low <= value <= self.high:
            raise ConfigurationError(f"{name} must be {self.low:g} to {self.high:g}, not {value:g}.")
        return float(value)

    # Python asks the operand of the subclass first, so `close > level` arrives here as `level < close`. Turning
    # it round again keeps the formula, and every explanation of it, as it was written.
    def __lt__(self, other: Operand) -> Node:
        return make(op.GREATER, (other, self)) if _is_other(other) else super().__lt__(other)

    def __le__(self, other: Operand) -> Node:
        return make(op.GREATER_EQUAL, (other, self)) if _is_other(other) else super().__le__(other)

    def __gt__(self, other: Operand) -> Node:
        return make(op.LESS, (other, self)) if _is_other(other) else super().__gt__(other)

    def __ge__(self, other: Operand) -> Node:
        return make(op.LESS_EQUAL, (other, self)) if _is_other(other) else super().__ge__(other)

    def definition_values(self) -> tuple[Any, ...]:
        """Return what its fingerprint covers. Raises FormulaError while it has no name."""
        if not self.name:
            raise FormulaError(
                f"A parameter with default {self.default:g} has no name yet. Assign it to a class attribute "
                "of the strategy, or give param(..., name=...)."
            )
        return self.name, self.default, self.low, self.high, self.is_whole

    def __reduce__(self) -> tuple[Any, ...]:
        default = int(self.default) if self.is_whole else self.default
        return Parameter, (default, self.low, self.high, self.name)


def _is_other(other: Operand) -> TypeGuard[Node]:
    return isinstance(other, Node) and not isinstance(other, Parameter)


def param(default: float, *, low: float = -math.inf, high: float = math.inf, name: str = "") -> Parameter:
    """Return a parameter with its default and bounds."""
    if isinstance(default, bool) or not isinstance(default, int | float):
        raise FormulaError(f"The default of a parameter must be a number, not {default!r}.")
    return Parameter(default, low, high, name)


def parameters_of(roots: Iterable[Node]) -> dict[str, Parameter]:
    """Return the parameters below the roots by name.

    Raises FormulaError if two different ones share a name.
    """
    found: dict[str, Parameter] = {}
    for node in ordered(roots):
        if isinstance(node, Parameter):
            name = node.name or node.definition_values()[0]
            other = found.setdefault(name, node)
            if other is not node and other.definition_values() != node.definition_values():
                raise FormulaError(
                    f"Two different parameters are named {name!r}: default {other.default:g} from "
                    f"{other.low:g} to {other.high:g}, and default {node.default:g} from {node.low:g} to "
                    f"{node.high:g}. Rename one."
                )
    return found


def check_values(known: Mapping[str, Parameter], values: Mapping[str, float]) -> dict[str, float]:
    """Return every parameter's number: the given one, else its default.

    Raises UnknownNameError for a name that is no parameter, ConfigurationError for a number out of bounds.
    """
    for name in values:
        if name not in known:
            raise UnknownNameError("parameter", name, known)
    return {name: entry.check(values.get(name, _own(entry))) for name, entry in known.items()}


def bind(roots: Iterable[Node], values: Mapping[str, float] | None = None) -> dict[Node, Node]:
    """Return for each node below the roots the node with numbers instead of parameters.

    values : overrides by parameter name; names that do not occur are ignored here
    """
    bound: dict[Node, Node] = {}
    for node in ordered(roots):
        bound[node] = _bound(node, bound, values or {})
    return bound


def bound_node(node: Node, **values: float) -> Node:
    """Return one formula with numbers instead of its parameters, all names checked."""
    known = parameters_of([node])
    return bind([node], check_values(known, values))[node]


def _bound(node: Node, bound: Mapping[Node, Node], values: Mapping[str, float]) -> Node:
    if isinstance(node, Parameter):
        return as_node(values.get(node.name, node.default))
    inputs = tuple(bound[child] for child in node.inputs)
    numbers = tuple(bound[value] if isinstance(value, Node) else value for value in node.parameters)
    if node.operation.kind == "cell":
        constants = [constant_value(child) for child in inputs]
        if all(constant is not None for constant in constants):
            operands = [constant for constant in constants if constant is not None]
            return as_node(fixed_result(node.operation, operands))
    return make(node.operation, inputs, numbers, node.output)


def _own(entry: Parameter) -> float:
    return int(entry.default) if entry.is_whole else entry.default
