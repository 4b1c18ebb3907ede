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
from itertools import pairwise

import numpy as np

from tapeline.domain.corporate import CorporateAction
from tapeline.domain.errors import DataError, FormulaError
from tapeline.domain.panel import Floats, Panel
from tapeline.domain.times import from_iso, parse_frame, to_iso
from tapeline.formula.bars import Bars
from tapeline.formula.explain import Explanation
from tapeline.formula.frame import BASE
from tapeline.formula.node import Node, ordered
from tapeline.formula.parameters import bind
from tapeline.formula.program import Program, compile_program
from tapeline.formula.splits import advance_through

TABLE = "values"
COLUMNS_PER_THREAD_MIN = 64
"""Below this many symbols a thread has too little to do to pay for itself."""


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
    threads : symbols are divided among so many threads; None = one for each core
    Raises FormulaError for formulas of a position, which have no value outside of a run.
    """
    names = list(formulas)
    outputs = {name: np.empty((len(panel), len(panel.symbols))) for name in names}
    blocks = _blocks(formulas, len(panel.symbols), threads)
    with ThreadPoolExecutor(max_workers=len(blocks)) as workers:

        def work(block: tuple[int, int]) -> None:
            _compute_block(formulas, panel, block, outputs, parameters, groups, corporate_actions)

        list(workers.map(work, blocks))
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


def _blocks(formulas: Mapping[str, Node], columns: int, threads: int | None) -> list[tuple[int, int]]:
    wanted = threads if threads is not None else os.cpu_count() or 1
    together = any(node.operation.kind == "cross_section" for node in ordered(formulas.values()))
    count = 1 if together else max(1, min(wanted, columns // COLUMNS_PER_THREAD_MIN))
    edges = np.linspace(0, columns, count + 1).astype(int).tolist()
    return list(pairwise(edges))


def _compute_block(
    formulas: Mapping[str, Node],
    panel: Panel,
    block: tuple[int, int],
    outputs: Mapping[str, Floats],
    parameters: Mapping[str, float] | None,
    groups: Mapping[str, Sequence[int]] | None,
    corporate_actions: Sequence[CorporateAction],
) -> None:
    first, last = block
    program = _program(formulas, last - first, panel.frame_ns, parameters, groups)
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
