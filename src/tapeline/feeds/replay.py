"""A panel played back slice by slice, the way a live feed delivers it.

The future must be out of reach, not merely out of sight: a NumPy view leads back to the whole panel
through `.base`. So each slice gets its own copy of five rows. The copies are cut from blocks of rows small
enough to stay in the processor's cache: about 2 us per slice of 20 symbols, 3 us of 200, and 10 us of
2,000, whose 80 kB have to be copied anyway. Rejected: read-only views (the base is still there) and one
copy per block (the rest of the block is the future).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tapeline.domain.panel import Floats, Panel
from tapeline.domain.sessions import session_rows
from tapeline.domain.slice import Slice
from tapeline.tape.rows import FIELDS

NO_SESSION = -1

_BLOCK_VALUES = 32_768  # 256 kB of float64


class Replay:
    """A `MarketData` over a panel."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._given = 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """The N names, in the column order of every slice."""
        return self._panel.symbols

    @property
    def frame_ns(self) -> int:
        """Length of the base bar; whole days mean sessions."""
        return self._panel.frame_ns

    def history(self, symbol: str) -> Panel:
        """Return the bars of one symbol that were yielded so far, copied."""
        column = self._panel.column(symbol)
        past = self._panel.rows(0, self._given)
        fields = {name: getattr(past, name)[:, column : column + 1].copy() for name in FIELDS}
        series = {name: values[:, column : column + 1].copy() for name, values in past.series.items()}
        start_ns, end_ns = past.start_ns.copy(), past.end_ns.copy()
        return replace(past, symbols=(symbol,), start_ns=start_ns, end_ns=end_ns, series=series, **fields)

    def slices(self) -> Iterator[Slice]:
        """Yield the slice of each row, oldest first. Every call starts from the beginning."""
        panel, where = self._panel, session_rows(self._panel)
        symbols, width = panel.symbols, len(panel.symbols)
        size = max(1, _BLOCK_VALUES // (5 * max(width, 1)))
        block = np.empty((size, 5, 1, width))
        for begin in range(0, len(panel), size):
            end = min(begin + size, len(panel))
            rows = slice(begin, end)
            for number, name in enumerate(FIELDS):
                block[: end - begin, number, 0] = getattr(panel, name)[rows]
            times = [panel.end_ns[rows].tolist(), panel.start_ns[rows].tolist()]
            if panel.sessions is None:
                # no calendar, no session: that the data end is nothing a slice may know
                count = end - begin
                times += [[NO_SESSION] * count, [0] * count, [0] * count]
            else:
                times += [where.ordinal[rows].tolist(), where.open_ns[rows].tolist(), where.close_ns[rows].tolist()]
            self._given = begin
            for view, end_ns, start_ns, session, open_ns, close_ns in zip(block, *times, strict=False):
                row = self._given
                self._given += 1
                series = {name: _alone(values[row : row + 1]) for name, values in panel.series.items()}
                yield Slice(end_ns, start_ns, symbols, _alone(view), session, open_ns, close_ns, series)


def _alone(view: Floats) -> Floats:
    """Return a read-only copy that leads back to nothing."""
    values = view.copy()
    values.setflags(write=False)
    return values
