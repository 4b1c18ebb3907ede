"""The feed of slices on a bad day: late, lost, doubled, mute, and with prices that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tapeline.domain.slice import Slice
from tapeline.domain.times import MINUTE, SECOND
from tapeline.drill.faults import Fault, Weather
from tapeline.drill.market import Market
from tapeline.drill.virtual_time import VirtualTime

FRAME_NS = 5 * MINUTE
_LATE_S = (1, 400)
_DOUBLED_S = (0, 60)


class Feed:
    """Makes a slice of the market at the end of each frame, and hands it to the system one way or another.

    past : takes every slice as it is made, for whoever comes later
    deliver : takes a slice at the moment of its arrival
    """

    def __init__(
        self,
        time: VirtualTime,
        market: Market,
        weather: Weather,
        past: list[Slice],
        deliver: Callable[[Slice], None],
    ) -> None:
        self.time, self.market, self.weather, self.deliver = time, market, weather, deliver
        self.symbols = tuple(market.quotes)
        self.is_mute = False
        self.past = past

    def end_of_frame(self, session: int, open_ns: int, close_ns: int) -> None:
        """Send the slice that ends now."""
        weather, time = self.weather, self.time
        bars = self.market.close_bar()
        values = np.full((5, 1, len(self.symbols)), np.nan)
        for column, symbol in enumerate(self.symbols):
            bar = bars.get(symbol)
            if bar is None and self.market.quotes[symbol].halted:
                weather.changed(Fault.SYMBOL_HALTED)
            if bar is not None:
                values[:, 0, column] = (bar[0] / 100, bar[1] / 100, bar[2] / 100, bar[3] / 100, bar[4])
        values.flags.writeable = False
        now = Slice(time.now_ns, time.now_ns - FRAME_NS, self.symbols, values, session, open_ns, close_ns)
        self.past.append(now)
        if self.is_mute:
            weather.changed(Fault.FEED_STALL)
            return
        if weather.strikes(Fault.SLICE_LOST):
            weather.changed(Fault.SLICE_LOST)
            return
        if weather.strikes(Fault.SLICE_CORRUPT):
            weather.changed(Fault.SLICE_CORRUPT)
            chance = weather.chance(Fault.SLICE_CORRUPT)
            values = values.copy()
            values[:, 0, chance.whole(0, len(self.symbols) - 1)] = chance.one_of((-1.0, 0.0, np.inf))
            values.flags.writeable = False
            now = replace(now, bars=values)
        wait_s = 0
        if weather.strikes(Fault.SLICE_LATE):
            weather.changed(Fault.SLICE_LATE)
            wait_s = weather.chance(Fault.SLICE_LATE).whole(*_LATE_S)
        time.after(wait_s * SECOND, self.deliver, now)
        if weather.strikes(Fault.SLICE_DOUBLED):
            weather.changed(Fault.SLICE_DOUBLED)
            again_s = weather.chance(Fault.SLICE_DOUBLED).whole(*_DOUBLED_S)
            time.after((wait_s + again_s) * SECOND, self.deliver, now)
