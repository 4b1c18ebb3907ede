"""The formulas of a loop: they read each slice once, and take in splits as they happen."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from tapeline.domain.keeping import Keeps
from tapeline.domain.panel import Panel, Sessions
from tapeline.domain.slice import Slice
from tapeline.formula.program import Program
from tapeline.formula.splits import SplitRow, in_new_shares
from tapeline.ports.market_data import Tape


class Formulas(Keeps):
    """A program and the tape that it reads.

    bars : float64 [5, 1, N], those of the newest slice, always in the same place; rows : how many slices it has read
    """

    KEPT = ("_restated",)

    def __init__(self, program: Program, tape: Tape, sessions: Sessions | None) -> None:
        self._program, self._tape, self._sessions = program, tape, sessions
        self.bars = np.empty((5, 1, len(tape.symbols)))
        self.rows = 0
        self._splits: dict[int, list[SplitRow]] = {}
        self._restated: list[tuple[int, int, float]] = []  # before the slices that end after this: column, ratio
        self._newest_ns = 0

    def advance(self, now: Slice) -> None:
        """Read a slice."""
        self._program.advance(self._panel(now))
        self.rows, self._newest_ns = self.rows + 1, now.end_ns

    def restate(self, column: int, ratio: float, time_ns: int) -> None:
        """Take in a split: what is kept of a symbol is in new shares from the next slice on."""
        self._restated.append((max(time_ns, self._newest_ns), column, ratio))
        self._restate(column, ratio)

    def recall(self, past: Iterable[Slice]) -> Slice | None:
        """Read the slices of a past whose values nobody asks for. Returns the last.

        They may be more than were read then, as a feed knows afterwards what it had lost: splits stand by their times.
        """
        waiting, now = deque(self._restated), None
        self._splits = {}
        for now in past:
            while waiting and waiting[0][0] < now.end_ns:
                self._restate(*waiting.popleft()[1:])
            self._program.pass_over(self._panel(now))
            self.rows, self._newest_ns = self.rows + 1, now.end_ns
        for _, column, ratio in waiting:  # one may stand before the slice that follows
            self._restate(column, ratio)
        return now

    def _restate(self, column: int, ratio: float) -> None:
        splits = self._splits.setdefault(column, [])
        splits.append(SplitRow(self.rows, column, ratio))
        history = self._tape.history(self._tape.symbols[column]).rows(0, self.rows)
        self._program.restate(column, in_new_shares(history, splits))

    def _panel(self, now: Slice) -> Panel:
        bars = self.bars
        np.copyto(bars, now.bars)
        return Panel(
            self._tape.symbols, self._tape.frame_ns, np.array([now.start_ns]), np.array([now.end_ns]),
            bars[0], bars[1], bars[2], bars[3], bars[4], self._sessions, now.series,
        )  # fmt: skip
