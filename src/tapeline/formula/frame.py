"""Frames: the bar lengths that formulas speak of."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.domain.errors import FormulaError
from tapeline.domain.times import DAY, frame_text


@dataclass(frozen=True, order=True)
class Frame:
    """A bar length in nanoseconds; 0 is the base frame, that of the run's data, finer than any other."""

    ns: int

    @property
    def text(self) -> str:
        """Name as it is written: "15min", or "base"."""
        return frame_text(self.ns) if self.ns else "base"

    def over(self, base_ns: int) -> Frame:
        """Return this frame for data of a base frame: the base itself if they are equally long.

        Raises FormulaError if the frame is no multiple of the base frame.
        """
        if self.ns in (0, base_ns):
            return BASE
        if self.ns < base_ns:
            raise FormulaError(
                f"Frame {self.text} is finer than the data, which has bars of {frame_text(base_ns)}. "
                f"Use {frame_text(base_ns)} or a multiple of it, or load finer data."
            )
        if self.ns > DAY and self.ns % DAY:
            raise FormulaError(f"Frame {self.text} is longer than a day but no number of whole days.")
        if self.ns % base_ns and self.ns < DAY:
            raise FormulaError(
                f"Frame {self.text} is no multiple of the data's bars of {frame_text(base_ns)}, so it cannot "
                f"be built from them. Use a multiple of {frame_text(base_ns)}."
            )
        return self


BASE = Frame(0)
