"""Bar fields of a frame: the leaves of most formulas."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.domain.times import parse_frame
from tapeline.formula import operations as op
from tapeline.formula.frame import BASE, Frame
from tapeline.formula.node import Node, make
from tapeline.formula.series import series


@dataclass(frozen=True)
class Bars:
    """The bars of one frame. Prices in quote currency, volume in shares; unknown in a row without a bar."""

    frame: Frame

    @property
    def open(self) -> Node:
        """First price of the bar."""
        return self._field("open")

    @property
    def high(self) -> Node:
        """Highest price of the bar."""
        return self._field("high")

    @property
    def low(self) -> Node:
        """Lowest price of the bar."""
        return self._field("low")

    @property
    def close(self) -> Node:
        """Last price of the bar."""
        return self._field("close")

    @property
    def volume(self) -> Node:
        """Shares traded within the bar."""
        return self._field("volume")

    @property
    def bid(self) -> Node:
        """Best price to sell at, as it stood at the end of the bar: the data's series "bid". Other quotes likewise."""
        return self._quote("bid")

    @property
    def ask(self) -> Node:
        """Best price to buy at, as it stood at the end of the bar."""
        return self._quote("ask")

    @property
    def bid_size(self) -> Node:
        """Shares wanted at the bid at the end of the bar."""
        return self._quote("bid_size")

    @property
    def ask_size(self) -> Node:
        """Shares offered at the ask at the end of the bar."""
        return self._quote("ask_size")

    @property
    def completeness(self) -> Node:
        """Base bars seen / base bars the calendar expects in the bar: 1 when none is missing."""
        return self._field("completeness")

    @property
    def hl2(self) -> Node:
        """Middle of the bar's range, (high + low) / 2."""
        return (self.high + self.low) / 2

    @property
    def typical(self) -> Node:
        """Typical price, (high + low + close) / 3."""
        return (self.high + self.low + self.close) / 3

    def _field(self, name: str) -> Node:
        return make(op.FIELD, (), (name, float(self.frame.ns)))

    def _quote(self, name: str) -> Node:
        # A quote is no sum of what happened within the bar: a slower frame reads the one that stands at its end.
        quote = series(name)
        return quote if self.frame == BASE else quote.on(self)


def bars(frame: str = "") -> Bars:
    """Return the bars of a frame such as "15min", "4h" or "1d"; without a name those of the data itself.

    Frames are anchored at the session's open and end with it; "2d" is two sessions.
    Raises InputError if the text is no frame.
    """
    return Bars(Frame(parse_frame(frame)) if frame else BASE)
