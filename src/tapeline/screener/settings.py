"""The numbers of the multi-timeframe momentum reversal, and the switches between its two profiles.

Nothing of it stands in code: every number is a default here and can be set in a configuration file. The
profile `source` holds the rules as they were first written; `tapeline`, the default, differs from it by the
switches, each of which can be set by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from tapeline.domain.errors import ConfigurationError, UnknownNameError
from tapeline.screener.strategy_settings import StrategySettings

Steps = tuple[tuple[float, float], ...]
"""(bound, points) in the order in which they are tried; the first one met gives its points."""


class Profile(StrEnum):
    """A whole set of rules."""

    SOURCE = "source"
    TAPELINE = "tapeline"


@dataclass(frozen=True)
class Frames:
    """The three frames, each a multiple of the one before: entries, confirmation, regime."""

    trigger: str = "15min"
    confirmation: str = "1h"
    regime: str = "4h"


FRAME_SETS = {
    "15min/1h/4h": Frames(),
    "30min/1h/1d": Frames("30min", "1h", "1d"),
    "1h/4h/1d": Frames("1h", "4h", "1d"),
}


@dataclass(frozen=True)
class IndicatorSettings:
    """Lengths in bars of the frame on which each is read."""

    bollinger_length: int = 20
    bollinger_width: float = 2.0
    flat_band: float = 1e-9
    rsi_length: int = 14
    atr_length: int = 14
    stochastic_length: int = 14
    stochastic_k: int = 3
    stochastic_d: int = 3
    macd_fast: int = 12
    macd_slow: int = 26
    macd_signal: int = 9
    sma_short: int = 20
    sma_middle: int = 50
    sma_long: int = 200
    volume_length: int = 20


@dataclass(frozen=True)
class TouchSettings:
    """When a bar touched its lower band: by a factor of the band, or by a share of the bands' distance."""

    bars: int = 5
    factor: float = 1.02
    band_share: float = 0.1


@dataclass(frozen=True)
class CoarseSettings:
    """The coarse screen, on the confirmation frame."""

    bars_min: int = 30
    position_max: float = 0.6
    stochastic_low: float = 25.0
    stochastic_bars: int = 5
    stochastic_max: float = 65.0
    histogram_max: float = 0.01
    histogram_max_atr: float = 0.5
    rsi_low: float = 25.0
    rsi_high: float = 65.0
    volume_ratio_min: float = 0.8
    conditions_min: int = 3
    k_low_points: Steps = ((10.0, 15.0), (20.0, 10.0), (30.0, 5.0))
    k_rise_points: Steps = ((10.0, 15.0), (5.0, 10.0), (2.0, 5.0))
    histogram_two_rises_points: float = 20.0
    histogram_rise_points: float = 10.0
    histogram_turn_points: float = 10.0
    rsi_inner: tuple[float, float] = (30.0, 50.0)
    rsi_outer: tuple[float, float] = (25.0, 55.0)
    rsi_inner_points: float = 10.0
    rsi_outer_points: float = 5.0
    rsi_rise_points: Steps = ((3.0, 10.0), (1.0, 5.0))
    position_best: tuple[float, float] = (0.2, 0.4)
    position_best_points: float = 20.0
    position_high: float = 0.5
    position_high_points: float = 15.0
    position_low_points: float = 10.0
    handed_over_score: float = 60.0
    handed_over_max: int = 100
    slow_run_s: float = 60.0
    passed_share_low: float = 0.01
    passed_share_high: float = 0.20
    missing_share_max: float = 0.10


@dataclass(frozen=True)
class TreeSettings:
    """The decision tree over all three frames."""

    regime_rsi: float = 35.0
    regime_low_bars: int = 20
    hostile_histogram_bars: int = 20
    hostile_rsi: float = 30.0
    confirmation_stochastic: float = 80.0
    confirmation_middle: float = 0.99
    oversold: float = 20.0
    oversold_bars: int = 5
    trigger_k: float = 25.0
    trigger_rsi_low: float = 30.0
    trigger_rsi_high: float = 60.0
    pivot_side: int = 2
    pivot_bars: int = 50
    pivot_bars_regime: int = 20
    overhead_r: float = 1.5
    squeeze_bars: int = 20
    conservative_rsi: float = 45.0
    require_squeeze: bool = False
    require_first_green: bool = False
    require_line_closing: bool = False


@dataclass(frozen=True)
class ScoreSettings:
    """The SABR20 score: weights of the components, and the raw points that make them."""

    setup_weight: float = 30.0
    bottom_weight: float = 22.0
    accumulation_weight: float = 18.0
    trend_weight: float = 18.0
    risk_weight: float = 10.0
    volume_weight: float = 2.0
    setup_raw: float = 35.0
    bottom_raw: float = 25.0
    accumulation_raw: float = 18.0
    trend_raw: float = 20.0
    risk_raw: float = 10.0
    volume_raw: float = 2.0
    k_rise_divisor: float = 4.0
    k_rise_max: float = 5.0
    turn_points: float = 5.0
    rise_points: float = 3.0
    touch_points: float = 5.0
    middle_points: float = 3.0
    confirmation_positive_points: float = 6.0
    confirmation_rise_points: float = 4.0
    confirmation_stochastic: float = 70.0
    confirmation_stochastic_points: float = 3.0
    confirmation_middle_points: float = 3.0
    regime_rise_points: float = 4.0
    regime_floor: float = -0.02
    regime_floor_atr: float = -1.0
    regime_floor_points: float = 2.0
    regime_rsi_points: Steps = ((45.0, 4.0), (35.0, 2.0))
    low_bars: int = 10
    low_close_bars: int = 10
    low_close_bars_wide: int = 11
    k_low_points: Steps = ((10.0, 6.0), (15.0, 4.0), (20.0, 2.0))
    rsi_low_points: Steps = ((25.0, 4.0), (30.0, 2.0))
    low_age_points: Steps = ((5.0, 8.0), (10.0, 4.0))
    active_points: float = 7.0
    soon_points: float = 5.0
    pre_points: float = 3.0
    state_oversold: float = 25.0
    state_active: tuple[float, float] = (0.2, 0.5)
    state_post: float = 0.6
    state_cross_bars: int = 3
    state_cross_k: float = 50.0
    two_rises_points: float = 8.0
    one_rise_points: float = 5.0
    rsi_rise_points: Steps = ((5.0, 6.0), (3.0, 4.0), (1.0, 2.0))
    sma_rise_bars: int = 4
    sma_rise_points: float = 6.0
    sma_above_points: float = 3.0
    stop_bars: int = 10
    target_middle: float = 1.02
    reward_points: Steps = ((3.0, 7.0), (2.5, 6.0), (2.0, 5.0), (1.5, 3.0))
    risk_points: Steps = ((1.5, 3.0), (2.5, 2.0), (3.5, 1.0))
    volume_points: Steps = ((1.5, 1.5), (1.0, 1.0), (0.7, 0.5))
    volume_rising_points: float = 0.5
    grade_a_plus: float = 75.0
    grade_a_plus_low: float = 70.0
    grade_a_plus_reward: float = 2.0
    grade_a: float = 65.0
    grade_a_reward: float = 1.5
    grade_b: float = 55.0
    grade_b_reward: float = 1.2
    quartile_rsi: tuple[float, float, float] = (60.0, 50.0, 40.0)
    exhaustion_rsi: float = 50.0
    watchlist_max: int = 20
    pivot_bars: int = 20


@dataclass(frozen=True)
class AccumulationSettings:
    """How often the stochastic turned up against how often the RSI did."""

    bars: int = 50
    stochastic_low: float = 20.0
    rsi_low: float = 30.0
    prior: float = 0.5
    early_ratio: float = 5.0
    mid_ratio: float = 3.0
    late_ratio: float = 1.5
    breakout_ratio: float = 0.8
    early_rsi: float = 45.0
    mid_rsi: float = 50.0
    late_rsi: tuple[float, float] = (40.0, 55.0)
    breakout_rsi: float = 50.0
    early_points: float = 18.0
    mid_points: float = 14.0
    late_points: float = 10.0
    breakout_points: float = 6.0
    recent_bars: int = 10
    recent_points: Steps = ((3.0, 2.0), (2.0, 1.0))
    points_max: float = 18.0


@dataclass(frozen=True)
class StopSettings:
    """The one stop of score and strategy."""

    atr: float = 1.5
    low_bars: int = 10
    low_factor: float = 0.995
    atr_min: float = 0.8


@dataclass(frozen=True)
class Switches:
    """What the profile `tapeline` does otherwise than `source`; each is worth a question to the data.

    fine_on_all : tree and score see the whole universe; the coarse screen only ranks and reports
    volume_same_time : volume is compared with bars of the same time of day
    touch_by_band : a touch is near the lower band by a share of the bands' distance
    histogram_by_atr : bounds of the MACD histogram are multiples of the ATR
    oversold_recently : the stochastic was oversold in any of the last bars, not in the one before
    overhead_on_regime : swing highs overhead are those of the regime frame
    class_a : setups with overhead are class A instead of nothing
    crossed_recently : the stochastic has crossed within the last bars, from below the middle
    one_stop : reward and risk are measured with the strategy's stop
    a_plus_lower : the lower bound of the score for grade A+
    late_accumulation : many turns with a higher RSI count as late accumulation, and the low may be ten bars old
    strict_unknown : an unknown input gives no points and at most grade B; an RSI without change is unknown
    proxy_scaled : volatility from the index stands in for VIX only when scaled
    funds_left_out : funds do not count in breadth
    entries_of_class_a : class A is traded too, with half the size
    """

    fine_on_all: bool = True
    volume_same_time: bool = True
    touch_by_band: bool = True
    histogram_by_atr: bool = True
    oversold_recently: bool = True
    overhead_on_regime: bool = True
    class_a: bool = True
    crossed_recently: bool = True
    one_stop: bool = True
    a_plus_lower: bool = True
    late_accumulation: bool = True
    strict_unknown: bool = True
    proxy_scaled: bool = True
    funds_left_out: bool = True
    entries_of_class_a: bool = True


SWITCHES = tuple(entry.name for entry in fields(Switches))


@dataclass(frozen=True)
class ScreenSettings:
    """Everything the screen depends on."""

    frames: Frames = field(default_factory=Frames)
    indicators: IndicatorSettings = field(default_factory=IndicatorSettings)
    touch: TouchSettings = field(default_factory=TouchSettings)
    coarse: CoarseSettings = field(default_factory=CoarseSettings)
    tree: TreeSettings = field(default_factory=TreeSettings)
    score: ScoreSettings = field(default_factory=ScoreSettings)
    accumulation: AccumulationSettings = field(default_factory=AccumulationSettings)
    stop: StopSettings = field(default_factory=StopSettings)
    strategy: StrategySettings = field(default_factory=StrategySettings)
    switches: Switches = field(default_factory=Switches)

    def with_profile(self, profile: str) -> ScreenSettings:
        """Return the same numbers with all switches as a profile has them. Raises UnknownNameError."""
        if profile not in tuple(Profile):
            raise UnknownNameError("profile", profile, [one.value for one in Profile])
        on = profile == Profile.TAPELINE
        return replace(self, switches=Switches(**dict.fromkeys(SWITCHES, on)))

    def with_frames(self, name: str) -> ScreenSettings:
        """Return the same numbers on one of the shipped sets of frames. Raises ConfigurationError."""
        if name not in FRAME_SETS:
            raise ConfigurationError(f"There is no set of frames {name!r}. Shipped are {', '.join(FRAME_SETS)}.")
        return replace(self, frames=FRAME_SETS[name])
