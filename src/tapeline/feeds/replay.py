"""A panel played back slice by slice, the way a live feed delivers it.

The future must be out of reach, not merely out of sight: a NumPy view leads back to the whole panel
through `.base`. So each slice gets its own copy of five rows. The copies are cut from blocks of rows small
enough to stay in the processor's cache: about 2 us per slice of 20 symbols, 3 us of 200, and 10 us of
2,000, whose 80 kB have to be copied anyway. Rejected: read-only views (the base is still there) and one
copy per block (the rest of the block is the future).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tapeline.domain.panel import Panel
from tapeline.domain.sessions import session_rows
from tapeline.domain.slice import Slice

NO_SESSION = -1

_BLOCK_VALUES = 32_768  # 256 kB of float64


class Replay:
    """A `MarketData` over a panel."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel

    @property
    def symbols(self) -> tuple[str, ...]:
        """The N names, in the column order of every slice."""
        return self._panel.symbols

    @property
    def frame_ns(self) -> int:
        """Length of the base bar; whole days mean sessions."""
        return self._panel.frame_ns

    def slices(self) -> Iterator[Slice]:
        """Yield the slice of each row, oldest first. Every call starts from the beginning."""
        panel, where = self._panel, session_rows(self._panel)
        symbols, width, quotes = panel.symbols, len(panel.symbols), panel.quotes
        size = max(1, _BLOCK_VALUES // (5 * max(width, 1)))
        block = np.empty((size, 5, 1, width))
        for begin in range(0, len(panel), size):
            end = min(begin + size, len(panel))
            rows = slice(begin, end)
            for number, field in enumerate((panel.open, panel.high, panel.low, panel.close, panel.volume)):
                block[: end - begin, number, 0] = field[rows]
            times = [panel.end_ns[rows].tolist(), panel.start_ns[rows].tolist()]
            if panel.sessions is None:
                # no calendar, no session: that the data end is nothing a slice may know
                count = end - begin
                times += [[NO_SESSION] * count, [0] * count, [0] * count]
            else:
                times += [where.ordinal[rows].tolist(), where.open_ns[rows].tolist(), where.close_ns[rows].tolist()]
            for row, (view, end_ns, start_ns, session, open_ns, close_ns) in enumerate(
                zip(block, *times, strict=False)
            ):
                bars = view.copy()
                bars.setflags(write=False)
                now = {name: values[begin + row : begin + row + 1].copy() for name, values in quotes.items()}
                for values in now.values():
                    values.setflags(write=False)
                yield Slice(end_ns, start_ns, symbols, bars, session, open_ns, close_ns, now)
