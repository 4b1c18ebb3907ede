"""Formulas as arrays, for research: over a whole panel at once, or one slice after the other.

    band = bollinger(bars().close, 20, 2)
    values = compute({"upper": band.upper, "lower": band.lower}, panel)     # float64 [T, N] each

    stream = Stream({"rsi": rsi(bars().close, 14)}, symbols=2000, frame="1min")
    row = stream.advance(next_slice_as_panel)["rsi"]                        # float64 [1, N]

    print(explain(rsi(bars().close, 14) < 30, panel, "AAPL", "2018-02-16T15:00:00Z").render())

Both advance the same state machines, so a stream gives the rows of the array bit for bit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tapeline.domain.corporate import CorporateAction
from tapeline.domain.errors import DataError, FormulaError
from tapeline.domain.panel import Floats, Panel
from tapeline.domain.times import from_iso, parse_frame, to_iso
from tapeline.formula.bars import Bars
from tapeline.formula.explain import Explanation
from tapeline.formula.frame import BASE
from tapeline.formula.node import Node
from tapeline.formula.parameters import bind
from tapeline.formula.parts import Part, parts_of
from tapeline.formula.program import Program, compile_program
from tapeline.formula.room import new_panel
from tapeline.formula.splits import advance_through
from tapeline.formula.whole import fill

TABLE = "values"


def compute(
    formulas: Mapping[str, Node],
    panel: Panel,
    *,
    parameters: Mapping[str, float] | None = None,
    groups: Mapping[str, Sequence[int]] | None = None,
    corporate_actions: Sequence[CorporateAction] = (),
    threads: int | None = None,
) -> dict[str, Floats]:
    """Return each formula over all rows of the panel, float64 [T, N]; NaN where there is no bar or no value yet.

    Formulas of slower frames are read as of their last ended bar.
    corporate_actions : each row sees prices adjusted for the splits up to its time, in the shares of its time
    threads : the work is divided among so many threads, by symbols or else by formulas; None = one per core
    The memory of large results is used again for later ones when nobody holds them any more (`formula/room.py`).
    Raises FormulaError for formulas of a position, which have no value outside of a run.
    """
    outputs = {name: new_panel(len(panel), len(panel.symbols)) for name in formulas}
    wanted = threads if threads is not None else os.cpu_count() or 1
    parts = parts_of(formulas, len(panel), len(panel.symbols), wanted) or [(formulas, slice(0, 0))]
    with ThreadPoolExecutor(max_workers=len(parts)) as workers:

        def work(part: Part) -> None:
            _compute_part(*part, panel, outputs, parameters, groups, corporate_actions)

        list(workers.map(work, parts))
    return outputs


def explain(
    formula: Node,
    panel: Panel,
    symbol: str,
    time: str | int,
    *,
    parameters: Mapping[str, float] | None = None,
    groups: Mapping[str, Sequence[int]] | None = None,
    corporate_actions: Sequence[CorporateAction] = (),
) -> Explanation:
    """Return why a formula has its value for a symbol at a moment: its tree with the numbers it saw.

    time : ISO text or UTC nanoseconds; the last slice that had ended by then is explained
    Raises UnknownNameError for a symbol that is not in the panel, DataError for a time before its first slice.
    """
    moment_ns = from_iso(time) if isinstance(time, str) else time
    column = panel.column(symbol)
    row = int(np.searchsorted(panel.end_ns, moment_ns, side="right")) - 1
    if row < 0:
        raise DataError(
            f"Nothing had ended by {to_iso(moment_ns)}: the data begins with a bar that ends at"
            f" {to_iso(int(panel.end_ns[0]))}."
        )
    program = _program({"value": formula}, len(panel.symbols), panel.frame_ns, parameters, groups)
    *_, (first, _) = advance_through(program, panel.rows(0, row + 1), corporate_actions)
    return program.explain(TABLE, "value", row - first, column)


class Stream:
    """Formulas that take in one slice at a time.

    symbols : number of symbols; frame : length of the base bar
    """

    def __init__(
        self,
        formulas: Mapping[str, Node],
        *,
        symbols: int,
        frame: str,
        parameters: Mapping[str, float] | None = None,
        groups: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self._program = _program(formulas, symbols, parse_frame(frame), parameters, groups)
        self._rows = self._program.tables[TABLE].rows

    def advance(self, rows: Panel) -> dict[str, Floats]:
        """Take in the next row or rows; return each formula's values for them, valid until the next call."""
        self._program.advance(rows)
        values = self._program.tables[TABLE].values
        return {name: values[row] for name, row in self._rows.items()}


def _compute_part(
    formulas: Mapping[str, Node],
    columns: slice,
    panel: Panel,
    outputs: Mapping[str, Floats],
    parameters: Mapping[str, float] | None,
    groups: Mapping[str, Sequence[int]] | None,
    corporate_actions: Sequence[CorporateAction],
) -> None:
    first, last = columns.start, columns.stop
    program = _program(formulas, last - first, panel.frame_ns, parameters, groups)
    if not corporate_actions and fill(program, TABLE, panel, first, outputs):
        return
    table = program.tables[TABLE]
    for start, end in advance_through(program, panel.columns(first, last), corporate_actions):
        for name, row in table.rows.items():
            outputs[name][start:end, first:last] = table.values[row]


def _program(
    formulas: Mapping[str, Node],
    symbols: int,
    frame_ns: int,
    parameters: Mapping[str, float] | None,
    groups: Mapping[str, Sequence[int]] | None,
) -> Program:
    if not formulas:
        raise FormulaError("There is no formula to compute. Give a mapping of names to formulas.")
    if symbols < 1:
        raise DataError("There are no symbols to compute formulas for.")
    bound = bind(formulas.values(), parameters)
    for name, node in formulas.items():
        if node.needs_position:
            raise FormulaError(f"Formula {name} reads position.*, which exists only inside of a run.")
    tables = {TABLE: (Bars(BASE), {name: bound[node] for name, node in formulas.items()})}
    return compile_program(tables, symbol_count=symbols, base_frame_ns=frame_ns, groups=groups)
