"""Formulas as graphs: immutable nodes, built by writing arithmetic.

    m15 = bars("15min")
    oversold = (rsi(m15.close, 14) < 30) & (m15.close > sma(m15.close, 200).lag(1))

Equal definitions are one object: writing `sma(close, 20)` twice gives the same node, so it is computed once.
Nothing is computed while writing. A condition is true, false or unknown; combine conditions with & | ~, as
Python's `and`, `or` and `not` would have to know their truth at once.

The frame of a node is the finest among those of its inputs; slower inputs are read as of their last ended
bar. Windows, lags and counts run over the existing bars of the node's own frame.
"""

from __future__ import annotations

import hashlib
import math
import numbers
from collections.abc import Iterable
from typing import Any
from weakref import WeakValueDictionary

from tapeline.domain.errors import FormulaError
from tapeline.domain.panel import BAR_FIELDS
from tapeline.formula import operations as op
from tapeline.formula.frame import BASE, Frame
from tapeline.formula.operations import OPERATIONS, Operation
from tapeline.indicators import elementwise as element


class Node:
    """One step of a formula. Built by operators and the functions of `formula.library`, never directly.

    operation : what it does; inputs : nodes it reads; parameters : its numbers and names, constant nodes
        included
    output : which of the operation's outputs it is
    below : the nodes it is made of, inputs first, then those among its numbers
    frame : the frame it lives on; None if it knows no bars (constants, session times, position)
    is_condition : its values are true, false or unknown
    is_selection : its values are taken from bars unchanged, so they compare exactly
    fixed_value : its number, parameters at their defaults, if it is made of constants and parameters; else
        None
    needs_position : it can be known only inside the decision loop
    """

    __slots__ = (
        "__weakref__",
        "_digest",
        "below",
        "fixed_value",
        "frame",
        "inputs",
        "is_condition",
        "is_selection",
        "needs_position",
        "operation",
        "output",
        "parameters",
    )
    __array_ufunc__ = None  # a NumPy number on the left leaves the arithmetic to the node
    __hash__ = object.__hash__

    operation: Operation
    inputs: tuple[Node, ...]
    parameters: tuple[Any, ...]
    output: int
    below: tuple[Node, ...]
    frame: Frame | None
    is_condition: bool
    is_selection: bool
    needs_position: bool
    fixed_value: float | None
    _digest: str

    def __add__(self, other: Operand) -> Node:
        return make(op.ADD, (self, as_node(other)))

    def __radd__(self, other: Operand) -> Node:
        return make(op.ADD, (as_node(other), self))

    def __sub__(self, other: Operand) -> Node:
        return make(op.SUBTRACT, (self, as_node(other)))

    def __rsub__(self, other: Operand) -> Node:
        return make(op.SUBTRACT, (as_node(other), self))

    def __mul__(self, other: Operand) -> Node:
        return make(op.MULTIPLY, (self, as_node(other)))

    def __rmul__(self, other: Operand) -> Node:
        return make(op.MULTIPLY, (as_node(other), self))

    def __truediv__(self, other: Operand) -> Node:
        return make(op.DIVIDE, (self, as_node(other)))

    def __rtruediv__(self, other: Operand) -> Node:
        return make(op.DIVIDE, (as_node(other), self))

    def __neg__(self) -> Node:
        return make(op.NEGATE, (self,))

    def __abs__(self) -> Node:
        return make(op.ABSOLUTE, (self,))

    def __gt__(self, other: Operand) -> Node:
        return make(op.GREATER, (self, as_node(other)))

    def __ge__(self, other: Operand) -> Node:
        return make(op.GREATER_EQUAL, (self, as_node(other)))

    def __lt__(self, other: Operand) -> Node:
        return make(op.LESS, (self, as_node(other)))

    def __le__(self, other: Operand) -> Node:
        return make(op.LESS_EQUAL, (self, as_node(other)))

    def __eq__(self, other: object) -> Node:  # type: ignore[override]
        return make(op.EQUAL, (self, as_node(other)))

    def __ne__(self, other: object) -> Node:  # type: ignore[override]
        return make(op.NOT_EQUAL, (self, as_node(other)))

    def __and__(self, other: Operand) -> Node:
        return make(op.AND, (self, as_node(other)))

    def __rand__(self, other: Operand) -> Node:
        return make(op.AND, (as_node(other), self))

    def __or__(self, other: Operand) -> Node:
        return make(op.OR, (self, as_node(other)))

    def __ror__(self, other: Operand) -> Node:
        return make(op.OR, (as_node(other), self))

    def __invert__(self) -> Node:
        return make(op.NOT, (self,))

    def __bool__(self) -> bool:
        raise FormulaError(
            f"The truth of {self} is not known while the formula is written. Use & | ~ instead of and, or, "
            "not, put each comparison in parentheses, and write a < b < c as (a < b) & (b < c)."
        )

    def lag(self, bars: Operand) -> Node:
        """Return the value so many existing bars ago. Warm-up: `bars`."""
        return make(OPERATIONS["lag"], (self,), (bars,))

    def any(self, bars: Operand) -> Node:
        """Return whether the condition held in any of the last bars, the present one included.

        Kleene: true if one is true, false if all are false, otherwise unknown. Warm-up: bars - 1.
        """
        return make(OPERATIONS["any"], (self,), (bars,))

    def all(self, bars: Operand) -> Node:
        """Return whether the condition held in all of the last bars, the present one included.

        Kleene: false if one is false, true if all are true, otherwise unknown. Warm-up: bars - 1.
        """
        return make(OPERATIONS["all"], (self,), (bars,))

    def count(self, bars: Operand) -> Node:
        """Return in how many of the last bars the condition held; unknown if it was in one.

        Warm-up: bars - 1.
        """
        return make(OPERATIONS["count"], (self,), (bars,))

    def highest(self, bars: Operand) -> Node:
        """Return the highest value of the last bars, the present one included. Warm-up: bars - 1."""
        return make(OPERATIONS["highest"], (self,), (bars,))

    def lowest(self, bars: Operand) -> Node:
        """Return the lowest value of the last bars, the present one included. Warm-up: bars - 1."""
        return make(OPERATIONS["lowest"], (self,), (bars,))

    def bars_since(self) -> Node:
        """Return the number of existing bars since the condition last held; 0 in the bar in which it does."""
        return make(OPERATIONS["bars_since"], (self,))

    def crossed_above(self, other: Operand) -> Node:
        """Return (self > other) & (self <= other one bar before, on the finer frame of both). Warm-up: 1."""
        return make(op.CROSSED_ABOVE, (self, as_node(other)))

    def crossed_below(self, other: Operand) -> Node:
        """Return (self < other) & (self >= other one bar before, on the finer frame of both). Warm-up: 1."""
        return make(op.CROSSED_BELOW, (self, as_node(other)))

    def rank(self) -> Node:
        """Return the place among the symbols known in the row, 0 lowest to 1 highest.

        Equal values share the mean of their places; a symbol that is alone has place 0.5.
        """
        return make(op.RANK, (self,))

    def zscore(self, *, flat: str = "unknown") -> Node:
        """Return (value - mean) / population deviation over the symbols known in the row.

        flat : "unknown" or "zero", the result where all values of the row are equal
        """
        return make(op.ZSCORE, (self,), (flat,))

    def demean(self, *, by: str | None = None) -> Node:
        """Return the value minus the mean of the symbols known in the row, all or those of the same group.

        by : name of a grouping that is given to `compile_program(groups=...)`, such as "sector"
        """
        return make(op.DEMEAN, (self,), (by or "",))

    def on(self, bars: Any) -> Node:
        """Return the value as read at the ends of another frame's bars: of the last bar that has ended by
        then.

        Afterwards lags and windows count bars of that frame: `h1.close.on(m15).lag(1)` is 15 minutes ago.
        """
        return make(op.ON_FRAME, (self,), (float(bars.frame.ns),))

    def known(self) -> Node:
        """Return whether the value is known: true or false on every bar, never unknown itself."""
        return make(op.KNOWN, (self,))

    def latest(self) -> Node:
        """Return the value as of the symbol's newest bar of its frame that has ended.

        It stands in every row, also where the symbol has no bar. So formulas of several frames, read together at
        a moment, each show the newest there is.
        """
        return make(op.LATEST, (self,))

    def definition_values(self) -> tuple[Any, ...]:
        """Return the numbers and names of the definition that its fingerprint covers."""
        return self.parameters

    @property
    def version(self) -> str:
        """Fingerprint of the definition, the same in every process for the same definition."""
        return digest(self)[:16]

    def warmup(self) -> dict[Frame, int]:
        """Return for each frame how many existing bars come before the first known value."""
        from tapeline.formula.warmup import warmup

        return warmup(self)

    def __str__(self) -> str:
        from tapeline.formula.text import text

        return text(self)

    def __repr__(self) -> str:
        return f"<formula {self}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.operation.name, self.inputs, self.parameters, self.output)


Operand = Node | float | int | bool

_known: WeakValueDictionary[tuple[Any, ...], Node] = WeakValueDictionary()


def make(operation: Operation, inputs: tuple[Node, ...], parameters: Iterable[Any] = (), output: int = 0) -> Node:
    """Return the node of a definition, the same object for the same definition. Raises FormulaError."""
    settled = tuple(_settled(value, operation) for value in parameters)
    # Nodes are known by identity: == between them builds a comparison. A node keeps its inputs alive, so
    # no id in a key can come to mean something else while the key is in use.
    key = (
        operation.name,
        output,
        *(id(node) for node in inputs),
        *(("node", id(value)) if isinstance(value, Node) else repr(value) for value in settled),
    )
    node = _known.get(key)
    if node is None:
        node = fill(Node(), operation, inputs, settled, output)
        _known[key] = node
    return node


def fill(
    node: Node, operation: Operation, inputs: tuple[Node, ...], parameters: tuple[Any, ...], output: int = 0
) -> Node:
    """Set a new node's attributes, all derived from its definition, and check that it makes sense."""
    node.operation, node.inputs, node.parameters, node.output = operation, inputs, parameters, output
    node.below = (*inputs, *(value for value in parameters if isinstance(value, Node)))
    kind = operation.kind
    frames = [child.frame for child in inputs if child.frame is not None]
    if kind in ("field", "frame"):
        node.frame = Frame(int(parameters[-1]))
    elif kind == "series":
        node.frame = BASE
    else:
        node.frame = min(frames) if frames and kind != "latest" else None
    node.needs_position = kind == "position" or any(child.needs_position for child in inputs)
    node.fixed_value = _fixed_value(node)
    values = inputs[1:] if operation is op.WHERE else inputs
    node.is_condition = (
        operation.condition == "yes"
        or (operation.condition == "inherit" and all(child.is_condition for child in values))
        or (operation is op.CONSTANT and (parameters[0] in (0.0, 1.0) or math.isnan(parameters[0])))
    )
    node.is_selection = (operation is op.FIELD and parameters[0] in BAR_FIELDS) or (
        operation.selection and all(child.is_selection for child in inputs)
    )
    node._digest = ""
    _check(node)
    return node


def as_node(value: object) -> Node:
    """Return a number as a constant, a node as it is. Raises FormulaError for anything else."""
    if isinstance(value, Node):
        return value
    if isinstance(value, numbers.Real):
        return make(op.CONSTANT, (), (float(value),))
    raise FormulaError(
        f"A formula can be combined with numbers and formulas, not with {value!r} ({type(value).__name__})."
    )


def constant_value(node: Node) -> float | None:
    """Return the number of a constant node, None for any other."""
    return node.parameters[0] if node.operation is op.CONSTANT else None


def ordered(roots: Iterable[Node]) -> list[Node]:
    """Return all nodes below the roots, each once, inputs before what reads them."""
    result: list[Node] = []
    done: set[int] = set()
    stack = list(roots)[::-1]
    while stack:
        node = stack[-1]
        missing = [child for child in node.below if id(child) not in done]
        if missing:
            stack += missing[::-1]
            continue
        stack.pop()
        if id(node) not in done:
            done.add(id(node))
            result.append(node)
    return result


def digest(root: Node) -> str:
    """Return the SHA-256 of a definition, over names, versions of meaning, numbers and inputs."""
    for node in [] if root._digest else ordered([root]):
        if not node._digest:
            parts = [node.operation.name, str(node.operation.version), str(node.output)]
            parts += [value._digest if isinstance(value, Node) else repr(value) for value in node.definition_values()]
            parts += [child._digest for child in node.inputs]
            node._digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    return root._digest


def _settled(value: Any, operation: Operation) -> Any:
    if isinstance(value, Node):
        if value.fixed_value is None:
            raise FormulaError(
                f"An argument of {operation.name} must be a number or made of parameters; {value} changes "
                "from bar to bar."
            )
        known = constant_value(value)
        return value if known is None else known
    if isinstance(value, str):
        return value
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return float(value)
    raise FormulaError(f"An argument of {operation.name} must be a number, not {value!r}.")


def _check(node: Node) -> None:
    operation = node.operation
    memory = operation.kind in ("kernel", "crossing", "cross_section")
    if node.needs_position and (memory or operation.kind in ("frame", "latest")):
        raise FormulaError(
            f"{operation.name} cannot be applied to {_blamed(node)}: what a position was at earlier bars, "
            "or would be in other symbols, is not kept. Use position.* only in arithmetic, comparisons, "
            "& | ~ and where."
        )
    if memory and node.frame is None:
        raise FormulaError(
            f"{operation.name} of {node.inputs[0]} has no bars to count. Name the frame whose bars are "
            f'meant: {node.inputs[0]}.on(bars("15min")).'
        )
    needed = node.inputs if operation in op.LOGIC else ()
    if operation is op.WHERE or operation.name in ("any", "all", "count", "bars_since"):
        needed = node.inputs[:1]
    for child in needed:
        if not child.is_condition:
            raise FormulaError(
                f"{operation.symbol or operation.name} needs conditions, and {child} is a number. Compare it "
                "with something first, and put each comparison in parentheses."
            )
    for setting, value in zip(operation.settings, node.parameters, strict=operation.kind == "kernel"):
        fixed = value.fixed_value if isinstance(value, Node) else value
        assert fixed is not None  # `_settled` takes no other nodes
        setting.check(fixed, where=operation.name)


def _fixed_value(node: Node) -> float | None:
    if node.operation is op.CONSTANT:
        return float(node.parameters[0])
    if node.operation is op.PARAMETER:
        return float(node.default)  # type: ignore[attr-defined]
    operands = [child.fixed_value for child in node.inputs]
    if node.operation.kind != "cell" or None in operands:
        return None
    return fixed_result(node.operation, [value for value in operands if value is not None])


def fixed_result(operation: Operation, operands: list[float]) -> float:
    """Return the result of an operation on numbers."""
    padded = operands + [0.0] * (3 - len(operands))
    return float(element.apply(operation.code, padded[0], padded[1], padded[2], element.TOLERANCE))


def _blamed(node: Node) -> str:
    return next(str(child) for child in node.inputs if child.needs_position)


def _rebuild(name: str, inputs: tuple[Node, ...], parameters: tuple[Any, ...], output: int) -> Node:
    return make(OPERATIONS[name], inputs, parameters, output)
