"""The numbers of the reversal strategy: which setups are entered, how much, and how a trade is managed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tapeline.domain.errors import UnknownNameError


class TradeType(StrEnum):
    """On which frames a trade is set up and managed, and how long it may last.

    scalp : setup and management on the trigger frame; flat before the session ends
    swing : setup on the trigger frame, management on the confirmation frame; some sessions at most
    position : everything one frame up: setup and management on the confirmation frame, confirmed by the regime frame
    """

    SCALP = "scalp"
    SWING = "swing"
    POSITION = "position"


class Variant(StrEnum):
    """Which setups are entered: all, or only those that the tree marks as one of the two.

    aggressive : while the histogram is below zero and rises for three bars; with a smaller size
    conservative : when the histogram is above zero on both frames, and the confirmation frame is strong
    """

    ALL = "all"
    AGGRESSIVE = "aggressive"
    CONSERVATIVE = "conservative"


class Entry(StrEnum):
    """How an entry is ordered: at the next open, or with the close as its limit."""

    OPEN = "open"
    LIMIT = "limit"


_WORDS = {"trade_type": TradeType, "variant": Variant, "entry": Entry, "grade_min": ("A+", "A", "B", "C")}


@dataclass(frozen=True)
class StrategySettings:
    """Entry, size and exits. Shares are fractions of equity; `r` is the distance from the entry to the first stop.

    trade_type, variant, entry : words of the lists above; grade_min : the lowest grade entered in a fair regime
    enter_class_b : enter setups with a marginal confirmation too; only_universe : only members of the day's universe
    risk_per_trade : share of equity that the size is made from; risk_per_trade_max : what no entry may exceed, so
        that the regime's multiplier above 1 only makes up for the cuts of other rules
    volatile_atr, volatile_bars, volatile_factor : the size is cut when the ATR is so many times its mean
    class_a_factor, aggressive_factor : cuts for these setups
    notional_max, open_risk_max : shares for one entry, and for what all stops together would lose of the entries
    positions_max : holdings at one time, or fewer if the regime says so
    reward_min : the target's distance over the stop's
    break_even_r : from here the stop stands at the entry; scale_r : from here it stands at scale_stop_r, and
        scale_fraction is sold
    low_side : bars with higher lows on each side that make a swing low; trail_ticks : how far below it the stop stands
    second_rsi : crossed upwards is the second target
    runner_share : share of the entered quantity that stays beyond it, 0 = none; runner_falls : falling histograms in
        a row that end it
    exit_k, exit_falls : the oscillator crossed downwards while the histogram falls so many bars
    near_upper : how near, as a share of the bands' distance, a high comes to the upper band to have tested it
    progress_r, progress_bars : without so much after so many bars the trade is over
    flat_minutes : a scalp is closed so long before the session ends, a swing in its last session
    swing_sessions : the most that a swing is held
    again_bars : how long after a profitable exit the same symbol may be entered again; again_middle, again_k,
        again_k_bars : by a low near the middle band, and the lowest K of some bars between two bounds
    """

    trade_type: str = TradeType.SCALP.value
    variant: str = Variant.ALL.value
    entry: str = Entry.OPEN.value
    grade_min: str = "A"
    enter_class_b: bool = False
    only_universe: bool = False
    risk_per_trade: float = 0.01
    risk_per_trade_max: float = 0.01
    volatile_atr: float = 1.5
    volatile_bars: int = 20
    volatile_factor: float = 0.75
    class_a_factor: float = 0.5
    aggressive_factor: float = 0.5
    notional_max: float = 0.2
    open_risk_max: float = 0.03
    positions_max: int = 5
    reward_min: float = 1.5
    break_even_r: float = 1.5
    scale_r: float = 2.0
    scale_stop_r: float = 1.0
    scale_fraction: float = 0.5
    low_side: int = 2
    trail_ticks: float = 1.0
    second_rsi: float = 70.0
    runner_share: float = 0.0
    runner_falls: int = 2
    exit_k: float = 80.0
    exit_falls: int = 2
    near_upper: float = 0.1
    progress_r: float = 1.0
    progress_bars: int = 16
    flat_minutes: float = 15.0
    swing_sessions: int = 3
    again_bars: int = 10
    again_middle: float = 1.001
    again_k: tuple[float, float] = (40.0, 50.0)
    again_k_bars: int = 5

    def __post_init__(self) -> None:
        for name, words in _WORDS.items():
            if getattr(self, name) not in tuple(words):
                raise UnknownNameError("word", str(getattr(self, name)), list(words), where=f"strategy.{name}")
