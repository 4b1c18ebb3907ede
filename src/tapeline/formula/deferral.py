"""Steps that can wait, for rows that nobody reads.

A screen wants the last close of a long history. Of the rows before, only what indicators carry from bar to bar
matters; yet of the thousand steps of the screener's rules six in seven compare and combine values of one moment.
While rows pass unread (`Program.pass_over`) those steps wait:

- a step with a memory runs, and so does all that it is made of, directly or through another frame;
- a cell, which knows its own row and symbol alone, waits;
- so does a read of the newest value of cells that wait.

What a read of the newest value would have found are the cells in each symbol's last bar. The values there of what
the cells are made of are kept for explanations anyway (`Domain.last`). So before rows are read again, the steps that
waited run once over these as if they were one row (`catch_up_calls`). The same operation on the same numbers gives
the same bits: no value of a row that is read tells whether others were passed over.

Rejected: computing only the last rows, from as many bars before as the warm-up takes. Recursive averages remember
every bar, so the last bits would depend on where the rows begin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tapeline.domain.panel import Floats
from tapeline.formula.call_list import CallList
from tapeline.formula.lowering import Instruction, Views
from tapeline.formula.registers import Register
from tapeline.indicators.aggregate import read_as_of

_ONE_TIME = np.zeros(1, dtype=np.int64)
_NO_TIMES = np.zeros(0, dtype=np.int64)


def mark_deferred(instructions: Sequence[Instruction]) -> list[Instruction]:
    """Mark the instructions that can wait and the registers that they write; return those that must catch up.

    instructions : in the order in which they run
    """
    needed: set[Register] = set()  # in every row
    newest: set[Register] = set()  # in each symbol's last bar
    late = []
    for entry in reversed(instructions):
        is_asked = not newest.isdisjoint(entry.writes)
        reads_newest = entry.function is read_as_of
        # A newest value that a waiting cell is made of is needed in the row of that cell, so it cannot wait itself.
        is_needed = not needed.isdisjoint(entry.writes) or (reads_newest and is_asked)
        is_deferred = (entry.is_cell or reads_newest) and not is_needed
        if not is_deferred:
            needed.update(entry.reads)
        elif reads_newest or is_asked:
            newest.update(entry.reads)
            late.append(entry)
        entry.is_deferred = is_deferred
        for register in entry.writes:
            register.is_deferred = is_deferred
    for register in newest:
        register.is_kept |= register.constant is None
    return late[::-1]


def catch_up_calls(late: Sequence[Instruction]) -> CallList:
    """Return the calls that bring what waited up to each symbol's last bar."""
    calls, last_bars = CallList(), LastBars()
    for entry in late:
        if entry.is_cell:
            calls.add(entry.function, *entry.arguments(last_bars))
        else:
            exists, source = (last_bars.panel(register) for register in entry.reads)
            ((last, _),) = entry.states
            calls.add(entry.function, _ONE_TIME, exists, source, _NO_TIMES, last, source[:0])
    return calls


class LastBars(Views):
    """The kept registers in each symbol's last bar, as panels of one row."""

    def _view(self, register: Register) -> Floats:
        domain, slot = register.domain, register.slot
        if register.constant is not None:
            return np.full((1, domain.columns), register.constant)
        last: Floats = domain.last[slot : slot + 1]
        return last
