"""Where the values of a running program are: domains, one per frame, and their registers.

A register is a panel [rows, N] of one node in the rows of one frame that ended within the present chunk. The
registers of a domain are slices of one block [registers, capacity, N]; those that are outputs of a table may
lie in the table instead, so that nothing need be copied. Register 0 of a domain is `exists`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tapeline.domain.panel import Floats, Times
from tapeline.formula.frame import Frame
from tapeline.indicators import aggregate as frames

CLOCKS = ("session", "minute", "to_close", "month")
FRAME_FIELDS = ("exists", "open", "high", "low", "close", "volume", "completeness")


@dataclass(eq=False)
class Register:
    """A place for one node's values in one frame's rows.

    number : its index among all registers of the program
    is_kept : also remembered as of each symbol's last bar, for explanations across chunks
    slot : its index in the domain's block; home : the table and row it lies in instead
    constant : the number it is filled with once, None if it is computed
    is_mixed : its values depend on other symbols too
    is_deferred : its values are not computed for rows that nobody reads
    """

    number: int
    domain: Domain
    is_kept: bool = False
    slot: int = -1
    home: tuple[Any, int] | None = None
    constant: float | None = None
    is_mixed: bool = False
    is_deferred: bool = False


@dataclass(eq=False)
class Domain:
    """The rows of one frame.

    series : registers of what is known beside the bars, by name; in the base frame only
    rows : frame rows that ended within the present chunk
    end_ns, session : int64, their ends and the indices of their sessions
    clocks : float64 [capacity, 1] each: "session" number, "minute" since the open, "to_close" minutes, "month"
    emitted_in : int64, for each row the base row that made it readable
    frame_end, expected : per base row, scratch of the aggregation
    kept, carried : how many registers are kept, and how many of them do not wait while rows pass unread
    last, before, last_end : kept registers as of each symbol's last bar before the present chunk, as of the
        bar before that, and the end of the last
    """

    frame: Frame
    index: int
    columns: int
    registers: list[Register] = field(default_factory=list)
    fields: dict[str, Register] = field(default_factory=dict)
    series: dict[str, Register] = field(default_factory=dict)
    needs_clocks: bool = False
    rows: int = 0
    capacity: int = -1
    kept: int = 0
    carried: int = 0

    def layout(self) -> None:
        """Give every register its slot: `exists`, then the kept ones, those that can wait last, then the rest."""
        inside = [register for register in self.registers if register.home is None]
        exists = self.fields["exists"]
        order = sorted(inside, key=lambda one: (one is not exists, not one.is_kept, one.is_deferred))
        for slot, register in enumerate(order):
            register.slot = slot
        self.slots = len(order)
        self.kept = sum(register.is_kept for register in order[1:]) + 1
        self.carried = self.kept - sum(register.is_kept and register.is_deferred for register in order)
        self.state: Floats = np.empty((frames.STATE_ROWS, self.columns))
        self.pending: Times = np.empty(3, dtype=np.int64)
        self.pending_expected: Floats = np.empty(1)
        self.last: Floats = np.empty((self.kept, self.columns))
        self.before: Floats = np.empty((self.kept, self.columns))
        self.last_end: Times = np.empty(self.columns, dtype=np.int64)
        self.forget()
        self.reserve(1)

    def forget(self) -> None:
        """Start without any bars, in the same arrays."""
        self.rows = 0
        for array, start in (
            (self.state, 0.0),
            (self.pending, 0),
            (self.pending_expected, 0.0),
            (self.last, np.nan),
            (self.before, np.nan),
            (self.last_end, frames.NONE),
        ):
            array[...] = start

    def reserve(self, rows: int) -> bool:
        """Make room for so many rows; return whether arrays were replaced."""
        if rows <= self.capacity:
            return False
        self.capacity = rows if self.capacity < 0 else max(rows, self.capacity + 8)
        self.block: Floats = np.empty((self.slots, self.capacity, self.columns))
        for register in self.registers:
            if register.constant is not None:
                self.block[register.slot] = register.constant
        self.end_ns: Times = np.zeros(self.capacity, dtype=np.int64)
        self.session: Times = np.full(self.capacity, -1, dtype=np.int64)
        self.emitted_in: Times = np.zeros(self.capacity, dtype=np.int64)
        self.clocks = {name: np.full((self.capacity, 1), np.nan) for name in CLOCKS}
        return True

    def remember(self, count: int) -> None:
        """Keep the first registers as of each symbol's last bars, before the chunk's rows are overwritten.

        count : `kept`, or `carried` after rows that nobody read
        """
        if self.rows and self.kept > 1:
            frames.remember(self.block, self.end_ns, count, self.rows, self.last, self.before, self.last_end)

    def adopt(self, column: int, other: Domain) -> None:
        """Take over one symbol from a domain that carries only that one: the bar under construction, what is kept."""
        self.state[:, column] = other.state[:, 0]
        for register in self.registers:
            if 0 <= register.slot < self.kept and not register.is_mixed:
                self.last[register.slot, column] = other.last[register.slot, 0]
                self.before[register.slot, column] = other.before[register.slot, 0]

    def view(self, register: Register) -> Floats:
        """Return a register's present rows, float64 [rows, N]."""
        if register.home is not None:
            table, row = register.home
            return table.values[row]  # type: ignore[no-any-return]
        return self.block[register.slot, : self.rows]
