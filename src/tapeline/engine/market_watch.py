"""What execution algorithms see of the market: quotes, last prices, ranges of the last bars, volume since they began.

Quotes are the series `bid` and `ask` beside the bars; one that is missing, crossed or not above zero is none.

All of it comes from the tape, so that it can be had again from the bars that were handed out: nothing here is a state
that a restart would lose.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from tapeline.domain.errors import InvariantError
from tapeline.domain.instrument import Instrument
from tapeline.domain.money import exact
from tapeline.domain.panel import Floats
from tapeline.domain.slice import Slice
from tapeline.domain.times import SECOND
from tapeline.execution.algorithms.pricing import RANGE_BARS, MarketNow
from tapeline.ports.market_data import Tape
from tapeline.simulation.settings import Slippage


@dataclass(slots=True)
class _Seen:
    """What was traded of a column since a moment; the notional by the typical price of each bar."""

    column: int
    from_ns: int
    volume: float = 0.0
    notional: float = 0.0

    def add(self, start_ns: int, bar: Floats) -> None:
        _, high, low, close, volume = (float(value) for value in bar)
        if start_ns >= self.from_ns and volume > 0.0:
            self.volume += volume
            self.notional += volume * (high + low + close) / 3.0


class MarketWatch:
    """The markets of symbols with parent orders.

    prices : float64 [N], last prices as the book has them; instruments : in the same order
    slippage : of the run's costs, from which the half spread is taken where there is no quote
    """

    def __init__(self, tape: Tape, prices: Any, instruments: tuple[Instrument, ...], slippage: Slippage) -> None:
        self._tape, self._prices, self._instruments, self._slippage = tape, prices, instruments, slippage
        self._columns = {instrument.symbol: column for column, instrument in enumerate(instruments)}
        self._seen: dict[str, _Seen] = {}
        self._bars: dict[int, deque[tuple[float, float, float]]] = {}
        self._series: Mapping[str, Floats] = {}

    def begin(self, parent: str, symbol: str, from_ns: int) -> None:
        """Count the volume for a parent order from a moment on; nothing if it is counted already."""
        if parent in self._seen:
            return
        column = self._columns[symbol]
        seen = self._seen[parent] = _Seen(column, from_ns)
        past = self._tape.history(symbol)
        bars = np.stack([past.open[:, 0], past.high[:, 0], past.low[:, 0], past.close[:, 0], past.volume[:, 0]], axis=1)
        for row in range(int(np.searchsorted(past.start_ns, from_ns)), len(past)):
            seen.add(int(past.start_ns[row]), bars[row])
        traded = bars[bars[:, 4] > 0.0][-RANGE_BARS - 1 :]
        self._bars[column] = deque(((bar[1], bar[2], bar[3]) for bar in traded.tolist()), maxlen=RANGE_BARS + 1)

    def see(self, now: Slice) -> None:
        """Take in a slice."""
        self.see_quotes(now)
        if not self._seen:
            return
        for seen in self._seen.values():
            seen.add(now.start_ns, now.bars[:, 0, seen.column])
        for column, bars in self._bars.items():
            _, high, low, close, volume = now.bars[:, 0, column].tolist()
            if volume > 0.0:
                bars.append((high, low, close))

    def see_quotes(self, now: Slice) -> None:
        """Take in the quotes of a slice, and of one of the past nothing else: its bars are on the tape."""
        self._series = now.series

    def now(self, parent: str) -> MarketNow:
        """Return the market of a parent order that was begun."""
        seen = self._seen[parent]
        instrument, quote, price = self._instruments[seen.column], self._quote(seen.column), self.price(parent)
        return MarketNow(
            price,
            self._half_spread(price) if quote is None else (quote[1] - quote[0]) / 2,
            exact(_mean_true_range(self._bars[seen.column])),
            self._tape.frame_ns / SECOND,
            exact(seen.volume),
            instrument.tick_size,
            instrument.quantity_step,
            *(quote or ()),
        )

    def price(self, parent: str) -> Decimal:
        """Return the middle of the quote of a parent order's symbol, the last price where there is none."""
        seen = self._seen[parent]
        quote = self._quote(seen.column)
        if quote is not None:
            return (quote[0] + quote[1]) / 2
        price = float(self._prices[seen.column])
        if not price > 0.0:
            raise InvariantError(f"Parent order {parent} is worked, but its symbol has no price.")
        return exact(price)

    def traded(self, parent: str) -> tuple[Decimal, Decimal | None]:
        """Return the volume since a parent order began and the average price of it, None without any."""
        seen = self._seen[parent]
        if not seen.volume:
            return Decimal(0), None
        return exact(seen.volume), exact(round(seen.notional / seen.volume, 6))

    def end(self, parent: str) -> None:
        """Forget a parent order."""
        column = self._seen.pop(parent).column
        if all(seen.column != column for seen in self._seen.values()):
            del self._bars[column]

    def _quote(self, column: int) -> tuple[Decimal, Decimal] | None:
        bids, asks = self._series.get("bid"), self._series.get("ask")
        if bids is None or asks is None:
            return None
        bid, ask = float(bids[0, column]), float(asks[0, column])
        return (exact(bid), exact(ask)) if 0.0 < bid <= ask else None

    def _half_spread(self, price: Decimal) -> Decimal:
        if self._slippage.model == "spread":
            return exact(self._slippage.spread) / 2
        if self._slippage.model == "bps":
            return price * exact(self._slippage.bps) / 10_000
        return Decimal(0)


def _mean_true_range(bars: deque[tuple[float, float, float]]) -> float:
    rows = [*bars]
    ranges = [
        max(high, before) - min(low, before) for (high, low, _), (_, _, before) in zip(rows[1:], rows[:-1], strict=True)
    ]
    return round(sum(ranges) / len(ranges), 9) if ranges else 0.0
