"""Tables: the formulas of one strategy in the rows of its decision frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tapeline.domain.panel import Floats, Times
from tapeline.formula.cell_program import CellCode
from tapeline.formula.frame import Frame
from tapeline.formula.lowering import Lowering
from tapeline.formula.node import Node, ordered
from tapeline.formula.registers import Domain, Register


@dataclass(eq=False)
class Table:
    """Outputs of one strategy in the rows of its decision frame that ended within the last chunk.

    name : key of the table in the program
    frame_ns : length of the decision frame; 0 means the base frame
    rows : output name -> row r of `values`, for outputs that are known without a position
    cell_programs : output name -> (first, last) instruction in `code`, for outputs that read position.*
    code, constants : the cell programs of all those outputs, for `indicators.cells.evaluate_cell`
    stack_size : length of the work array `evaluate_cell` needs for any of them
    values : float64 [R, Cf, N], C-order; valid until the next advance. R also counts hidden rows, the parts
        of cell programs that do not depend on the position.
    exists : float64 [Cf, N], 1.0 where the symbol has a bar of the decision frame in that row, else NaN
    end_ns : int64 [Cf], ends of the rows
    decision_row : int64 [C], for each base row of the chunk the last row of this table that ended at or
        before it and after the base row before; -1 where none did
    """

    name: str
    frame_ns: int
    rows: dict[str, int]
    cell_programs: dict[str, tuple[int, int]]
    code: np.ndarray
    constants: Floats
    stack_size: int
    values: Floats
    exists: Floats
    end_ns: Times
    decision_row: Times


@dataclass(eq=False)
class TablePlan:
    """How a table is filled.

    sources : the register of each row; those whose home is this table are written there, the others copied
    formulas : output name -> the formula as written and as bound
    hidden : parts of cell programs -> their row
    """

    table: Table
    domain: Domain
    sources: list[Register] = field(default_factory=list)
    formulas: dict[str, tuple[Node, Node]] = field(default_factory=dict)
    hidden: dict[Node, int] = field(default_factory=dict)


def plan_table(name: str, frame: Frame, formulas: Mapping[str, tuple[Node, Node]], lowering: Lowering) -> TablePlan:
    """Return the plan of a table, its formulas placed in the program.

    formulas : output name -> the formula as written and as bound
    """
    domain = lowering.domain(frame)
    sources: list[Register] = []
    hidden: dict[Node, int] = {}

    def row_of(node: Node) -> int:
        if node not in hidden:
            hidden[node] = new_row(node)
        return hidden[node]

    def new_row(node: Node) -> int:
        for below in ordered([node]):
            # Inputs first, so that a long sum does not become a deep recursion.
            if below.frame is not None:
                lowering.place(below, below.frame)
        sources.append(lowering.place(node, frame))
        lowering.keep_below(node, frame)
        return len(sources) - 1

    rows = {output: new_row(node) for output, (_, node) in formulas.items() if not node.needs_position}
    cells = CellCode(row_of, lambda node: lowering.tolerance_of(node) == 0.0)
    programs = {output: cells.add(node) for output, (_, node) in formulas.items() if node.needs_position}
    table = Table(
        name=name,
        frame_ns=frame.ns,
        rows=rows,
        cell_programs=programs,
        code=cells.code,
        constants=cells.constants,
        stack_size=cells.stack_size,
        values=np.zeros((len(sources), 0, lowering.columns)),
        exists=np.zeros((0, lowering.columns)),
        end_ns=np.zeros(0, dtype=np.int64),
        decision_row=np.zeros(0, dtype=np.int64),
    )
    return TablePlan(table, domain, sources, dict(formulas), hidden)


def settle_homes(plans: Mapping[str, TablePlan]) -> None:
    """Let outputs be computed in their table where nothing else needs them elsewhere, sparing a copy."""
    for plan in plans.values():
        inputs = {*plan.domain.fields.values(), *plan.domain.series.values()}
        for row, register in enumerate(plan.sources):
            is_free = register.home is None and not register.is_kept and register.constant is None
            if is_free and register.domain is plan.domain and register not in inputs:
                register.home = (plan.table, row)
