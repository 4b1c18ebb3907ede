"""A whole panel in one call: chunk after chunk is read, computed and written without Python in between.

So the chunks can be as small as the processor's cache likes them, and threads never wait for the interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tapeline.domain.panel import Floats, Panel
from tapeline.formula.call_list import CallList
from tapeline.formula.program import Program
from tapeline.indicators.calls import move_on, read_rows, write_rows

CHUNK_CELLS = 16_384
"""A register of a chunk then takes 128 KiB, and the dozen or two of a program stay in the processor's cache."""


def fill(program: Program, table: str, panel: Panel, first: int, outputs: Mapping[str, Floats]) -> bool:
    """Write a table's outputs over all rows of a panel; the program must not have seen any bar.

    first : the program's symbols are the panel's columns from here on
    outputs : float64 [T, all columns] by name; the program's columns are written
    Returns False, with nothing done, for a program that must be advanced: one of slower frames or clocks.
    """
    if not program.is_plain:
        return False
    rows, count = len(panel), max(1, CHUNK_CELLS // program.symbol_count)
    for start, length, chunks in ((0, count, rows // count), (rows - rows % count, rows % count, 1)):
        if not length or not chunks:
            continue
        computing, fields = program.calls_for(length)
        cursor = np.array([start])
        calls = CallList()
        for name, chunk in fields.items():
            calls.add(read_rows, getattr(panel, name), first, cursor, chunk)
        calls.extend(computing)
        values = program.tables[table].values
        for name, row in program.tables[table].rows.items():
            calls.add(write_rows, values[row], first, cursor, outputs[name])
        calls.add(move_on, cursor, length)
        calls.run(chunks)
    return True
