"""What the reversal keeps: its decisions for the user, and its trades from one close to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

Notes = dict[str, bool | float | str]


@dataclass(frozen=True)
class Decision:
    """What the strategy did and why: act is enter, refuse, exit, scale_out or move_stop; price is the close."""

    time_ns: int
    symbol: str
    act: str
    price: float
    notes: Notes


@dataclass
class Trade:
    """What is remembered of a trade between closes.

    decided_ns : when it was entered; bars : ended by then of the frame it is managed on; confirmations : of the
        confirmation frame, as last read
    bars_seen : of the frame it is managed on, as last read; best_r : the largest gain at a close
    moved, scaled, is_runner, is_leaving : how far its management has come
    tested_upper, passed_upper : whether the confirmation frame came near its upper band, or closed above it
    """

    decided_ns: int
    setup_class: str
    bars: float
    confirmations: float
    bars_seen: float
    best_r: float = -math.inf
    moved: bool = False
    scaled: bool = False
    is_runner: bool = False
    is_leaving: bool = False
    tested_upper: bool = False
    passed_upper: bool = False


@dataclass
class Chance:
    """A profitable exit after which the symbol may be entered again."""

    bars: float
    setup_class: str


@dataclass
class Memory:
    """What the strategy knows from earlier closes, by column.

    trades : entered and not yet flat; chances : profitable exits; again : the session of the last entry after one
    """

    trades: dict[int, Trade] = field(default_factory=dict)
    chances: dict[int, Chance] = field(default_factory=dict)
    again: dict[int, int] = field(default_factory=dict)
