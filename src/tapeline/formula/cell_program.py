"""Formulas of a position as programs for one cell.

The part of a formula that reads position.* is written as instructions for `indicators.cells.evaluate_cell`,
operands first. Its largest parts that do not read the position are computed in panels, like any other
formula, and become rows of the table which the program loads.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tapeline.domain.panel import Floats
from tapeline.formula import operations as op
from tapeline.formula.node import Node, constant_value
from tapeline.formula.position import POSITION_FIELDS
from tapeline.indicators import cells


class CellCode:
    """Collects the cell programs of one table.

    row_of : from a node that does not read the position to its row in the table
    compares_exactly : whether the two sides of a comparison are compared without tolerance
    """

    def __init__(self, row_of: Callable[[Node], int], compares_exactly: Callable[[Node], bool]) -> None:
        self.row_of, self.compares_exactly = row_of, compares_exactly
        self.instructions: list[tuple[int, int]] = []
        self.numbers: list[float] = []
        self.stack_size = 0

    def add(self, root: Node) -> tuple[int, int]:
        """Append the program of a formula; return its first instruction and the one after its last."""
        first = len(self.instructions)
        self._append(root, 1)
        return first, len(self.instructions)

    @property
    def code(self) -> np.ndarray:
        """int64 [K, 2], operation and argument."""
        return np.array(self.instructions, dtype=np.int64).reshape(-1, 2)

    @property
    def constants(self) -> Floats:
        """float64, the constants that instructions name."""
        return np.array(self.numbers, dtype=np.float64)

    def _append(self, node: Node, depth: int) -> None:
        self.stack_size = max(self.stack_size, depth)
        constant = constant_value(node)
        if constant is not None:
            self.instructions.append((cells.LOAD_CONSTANT, len(self.numbers)))
            self.numbers.append(constant)
        elif not node.needs_position:
            self.instructions.append((cells.LOAD_VALUE, self.row_of(node)))
        elif node.operation is op.POSITION:
            self.instructions.append((cells.LOAD_FIELD, POSITION_FIELDS.index(node.parameters[0])))
        else:
            for place, child in enumerate(node.inputs):
                self._append(child, depth + place)
            tolerant = node.operation in op.COMPARISONS and not self.compares_exactly(node)
            self.instructions.append((node.operation.code, int(tolerant)))
