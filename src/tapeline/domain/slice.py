"""One moment across all symbols: what a strategy is shown at the end of a bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tapeline.domain.panel import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """The bars that end at one moment.

    end_ns : UTC nanoseconds; the decision time: nothing in the slice was known earlier
    start_ns : UTC nanoseconds at which these bars began
    symbols : N names, in column order
    bars : float64 [5, 1, N], read-only: open, high, low, close, volume; NaN in all five = no bar.
        It owns its memory and holds this moment only: no later row can be reached through `.base`.
    session : position of the session in the calendar's whole history, -1 outside every session
    session_open_ns, session_close_ns : UTC nanoseconds
    series : what is known beside the bars, by name: float64 [1, N], read-only, with memory of its own
    """

    end_ns: int
    start_ns: int
    symbols: tuple[str, ...]
    bars: Floats
    session: int
    session_open_ns: int
    session_close_ns: int
    series: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def open(self) -> Floats:
        """First price of each bar, float64 [1, N]."""
        row: Floats = self.bars[0]
        return row

    @property
    def high(self) -> Floats:
        """Highest price of each bar, float64 [1, N]."""
        row: Floats = self.bars[1]
        return row

    @property
    def low(self) -> Floats:
        """Lowest price of each bar, float64 [1, N]."""
        row: Floats = self.bars[2]
        return row

    @property
    def close(self) -> Floats:
        """Last price of each bar, float64 [1, N]."""
        row: Floats = self.bars[3]
        return row

    @property
    def volume(self) -> Floats:
        """Units traded in each bar, float64 [1, N]."""
        row: Floats = self.bars[4]
        return row

    @property
    def has_bar(self) -> npt.NDArray[np.bool_]:
        """Which symbols have a bar, bool [N]."""
        present: npt.NDArray[np.bool_] = ~np.isnan(self.bars[3, 0])
        return present
