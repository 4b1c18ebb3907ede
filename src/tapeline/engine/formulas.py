"""The formulas of a loop: they read each slice once, and take in splits as they happen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tapeline.domain.keeping import Keeps
from tapeline.domain.panel import Panel, Sessions
from tapeline.domain.slice import Slice
from tapeline.formula.program import Program
from tapeline.formula.splits import SplitRow, in_new_shares
from tapeline.ports.market_data import Tape
from tapeline.simulation.market import FOREVER_NS


class Formulas(Keeps):
    """A program and the tape that it reads.

    bars : float64 [5, 1, N], those of the newest slice, always in the same place; rows : how many slices it has read
    """

    KEPT = ("_splits",)

    def __init__(self, program: Program, tape: Tape, sessions: Sessions | None) -> None:
        self._program, self._tape, self._sessions = program, tape, sessions
        self.bars = np.empty((5, 1, len(tape.symbols)))
        self.rows = 0
        self._splits: dict[int, list[SplitRow]] = {}

    def advance(self, now: Slice) -> None:
        """Read a slice."""
        self._program.advance(self._panel(now))
        self.rows += 1

    def restate(self, column: int, ratio: float) -> None:
        """Take in a split: what is kept of a symbol is in new shares from the next slice on."""
        self._restate(SplitRow(self.rows, column, ratio))

    def recall(self, past: Iterable[Slice], seen_ns: Sequence[int]) -> Slice | None:
        """Read the slices of a past whose values nobody asks for. Returns the last.

        seen_ns : the ends of the slices that were read then, on which the kept splits stand; `past` may have more, as a
            feed knows afterwards what it had lost
        """
        splits = sorted((split for splits in self._splits.values() for split in splits), key=lambda split: split.row)
        ends_ns = [*seen_ns, FOREVER_NS]  # one may stand before the slice that follows
        waiting = [(ends_ns[split.row], split) for split in splits]
        self._splits, now = {}, None
        for now in past:
            while waiting and waiting[0][0] <= now.end_ns:
                self._restate(waiting.pop(0)[1]._replace(row=self.rows))
            self._program.pass_over(self._panel(now))
            self.rows += 1
        for _, split in waiting:
            self._restate(split._replace(row=self.rows))
        return now

    def _restate(self, split: SplitRow) -> None:
        splits = self._splits.setdefault(split.column, [])
        splits.append(split)
        history = self._tape.history(self._tape.symbols[split.column]).rows(0, split.row)
        self._program.restate(split.column, in_new_shares(history, splits))

    def _panel(self, now: Slice) -> Panel:
        bars = self.bars
        np.copyto(bars, now.bars)
        return Panel(
            self._tape.symbols, self._tape.frame_ns, np.array([now.start_ns]), np.array([now.end_ns]),
            bars[0], bars[1], bars[2], bars[3], bars[4], self._sessions, now.series,
        )  # fmt: skip
