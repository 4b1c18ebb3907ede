"""What the rules read of one frame: prices, bands, oscillators, averages. `x.lag(1)` is the bar before."""

from __future__ import annotations

import math
from functools import cached_property

from tapeline.formula import Bollinger, Macd, Node, StochRsi, atr, bars, bollinger, macd, rsi, sma, stoch_rsi, where
from tapeline.screener.settings import ScreenSettings


class FrameReading:
    """The indicators of one frame, each a formula made once."""

    def __init__(self, frame: str, settings: ScreenSettings) -> None:
        self.bars = bars(frame)
        self.settings = settings
        self.open, self.high, self.low = self.bars.open, self.bars.high, self.bars.low
        self.close, self.volume = self.bars.close, self.bars.volume

    @cached_property
    def band(self) -> Bollinger:
        """Bollinger's bands of the close."""
        numbers = self.settings.indicators
        return bollinger(self.close, numbers.bollinger_length, numbers.bollinger_width)

    @cached_property
    def position(self) -> Node:
        """Where the close lies between the bands: 0 at the lower, 1 at the upper; unknown if they are one."""
        width = self.band.upper - self.band.lower
        is_wide = width >= self.settings.indicators.flat_band * self.close
        return where(is_wide, (self.close - self.band.lower) / width, math.nan)

    @cached_property
    def rsi(self) -> Node:
        """Wilder's relative strength of the close."""
        flat = "unknown" if self.settings.switches.strict_unknown else "zero"
        return rsi(self.close, self.settings.indicators.rsi_length, flat=flat)

    @cached_property
    def stochastic(self) -> StochRsi:
        """Stochastic of the RSI, 0..100."""
        numbers = self.settings.indicators
        flat = "unknown" if self.settings.switches.strict_unknown else "zero"
        return stoch_rsi(
            self.close,
            numbers.rsi_length,
            numbers.stochastic_length,
            numbers.stochastic_k,
            numbers.stochastic_d,
            rsi_flat=flat,
        )

    @property
    def k(self) -> Node:
        """Fast line of the stochastic RSI."""
        return self.stochastic.k

    @property
    def d(self) -> Node:
        """Slow line of the stochastic RSI."""
        return self.stochastic.d

    @cached_property
    def macd(self) -> Macd:
        """MACD of the close."""
        numbers = self.settings.indicators
        return macd(self.close, numbers.macd_fast, numbers.macd_slow, numbers.macd_signal)

    @property
    def histogram(self) -> Node:
        """MACD's line above its signal."""
        return self.macd.histogram

    @cached_property
    def atr(self) -> Node:
        """Average true range."""
        return atr(self.bars, self.settings.indicators.atr_length)

    @cached_property
    def sma(self) -> Node:
        """Short average of the close."""
        return sma(self.close, self.settings.indicators.sma_short)

    @cached_property
    def touched_lower(self) -> Node:
        """Whether any of the last closes touched the lower band of its own bar."""
        numbers = self.settings.touch
        if self.settings.switches.touch_by_band:
            level = self.band.lower + numbers.band_share * (self.band.upper - self.band.lower)
        else:
            level = numbers.factor * self.band.lower
        return (self.close <= level).any(numbers.bars)


class Readings:
    """The three frames."""

    def __init__(self, settings: ScreenSettings) -> None:
        frames = settings.frames
        self.settings = settings
        self.trigger = FrameReading(frames.trigger, settings)
        self.confirmation = FrameReading(frames.confirmation, settings)
        self.regime = FrameReading(frames.regime, settings)

    @cached_property
    def is_long_enough(self) -> Node:
        """Whether the symbol has enough bars of the confirmation frame to be judged at all."""
        return self.confirmation.close.lag(self.settings.coarse.bars_min - 1).known().latest()
