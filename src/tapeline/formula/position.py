"""The position in the symbol: nodes whose values exist only inside the decision loop.

They stand in arithmetic, comparisons, & | ~ and where, next to any formula of bars:

    exit_long = (position.unrealized_r >= 2) | (position.bars_held >= 16) & (rsi(m15.close, 14) > 70)

Averages, lags and ranks of them are refused: what a position was at earlier bars is not kept. The decision
loop gives the values in the order of POSITION_FIELDS; without a position quantity is 0 and the others are
unknown.
"""

from __future__ import annotations

from tapeline.formula import operations as op
from tapeline.formula.node import Node, make

POSITION_FIELDS = (
    "quantity",
    "entry_price",
    "bars_held",
    "minutes_held",
    "sessions_held",
    "unrealized",
    "unrealized_r",
    "highest_since_entry",
    "lowest_since_entry",
    "minutes_to_close",
    "stop_price",
)


def _field(name: str) -> Node:
    return make(op.POSITION, (), (name,))


quantity = _field("quantity")
"""Shares held, negative when short, 0 without a position."""

entry_price = _field("entry_price")
"""Average price of the entry, quote currency."""

bars_held = _field("bars_held")
"""Bars of the decision frame that ended since the entry."""

minutes_held = _field("minutes_held")
"""Minutes since the entry."""

sessions_held = _field("sessions_held")
"""Sessions begun since the entry; 0 in the session of the entry."""

unrealized = _field("unrealized")
"""Gain per share at the last close, quote currency; negative for a loss."""

unrealized_r = _field("unrealized_r")
"""Gain in multiples of the risk taken at entry, |entry price - first stop|."""

highest_since_entry = _field("highest_since_entry")
"""Highest price since the entry."""

lowest_since_entry = _field("lowest_since_entry")
"""Lowest price since the entry."""

minutes_to_close = _field("minutes_to_close")
"""Minutes to the session's close."""

stop_price = _field("stop_price")
"""Price of the working protective stop; unknown without one."""
