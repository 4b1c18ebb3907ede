"""What trading costs: spreads estimated from bars, spreads and imbalances read from quotes. See `library`.

`bars().bid`, `.ask`, `.bid_size` and `.ask_size` are known where the data has quotes; without them a program that reads
one refuses the data.
"""

from __future__ import annotations

import math

from tapeline.formula.bars import Bars
from tapeline.formula.library import maximum, minimum, rolling_sum, sma, where
from tapeline.formula.library_statistics import exp, last_nonzero, log, rolling_covariance, sign, sqrt
from tapeline.formula.naming import named
from tapeline.formula.node import Node, Operand, as_node
from tapeline.formula.operations import Setting


def corwin_schultz_spread(frame: Bars, length: Operand = 20, *, gaps: bool = True, negative: str = "zero") -> Node:
    """Return the spread from highs and lows, as a share of the price: the mean of `length` estimates of two bars each.

    A high is mostly a purchase and a low a sale, so a range holds the spread once, however long it is, while the
    variance in it grows with time.
    gaps : whether a bar that lies beyond the close before is moved to it first
    negative : "zero" or "keep", what becomes of estimates below 0
    Warm-up: length.
    Source: Corwin and Schultz (2012), A Simple Way to Estimate Bid-Ask Spreads from Daily High and Low Prices.
    """
    Setting("negative", choices={"zero": 0.0, "keep": 1.0}).check(negative, where="corwin_schultz_spread")
    high, low, before = frame.high, frame.low, frame.close.lag(1)
    if gaps:
        jump = maximum(low - before, 0) + minimum(high - before, 0)
        high, low = high - jump, low - jump
    earlier_high, earlier_low = frame.high.lag(1), frame.low.lag(1)
    singles = _squared(log(earlier_high / earlier_low)) + _squared(log(high / low))
    both = _squared(log(maximum(earlier_high, high) / minimum(earlier_low, low)))
    scale = 3 - 2 * math.sqrt(2)
    alpha = (sqrt(2 * singles) - sqrt(singles)) / scale - sqrt(both / scale)
    spread = 2 * (exp(alpha) - 1) / (1 + exp(alpha))
    if negative == "zero":
        spread = maximum(spread, 0)
    return named(sma(spread, length), "corwin_schultz_spread", "", (frame.high, frame.low, frame.close), (length,))


def roll_spread(series: Node, length: Operand = 20, *, positive: str = "unknown") -> Node:
    """Return the spread from the way prices bounce: 2 sqrt(-covariance of a change and the one before).

    In the unit of the series: of closes in quote currency, of `log(close)` as a share of the price. The sample's
    covariance, over the last `length` changes.
    positive : "unknown" or "zero", the spread where the covariance is above 0 and so not due to a bounce
    Warm-up: length + 1.
    Source: Roll (1984), A Simple Implicit Measure of the Effective Bid-Ask Spread in an Efficient Market.
    """
    Setting("positive", choices={"unknown": math.nan, "zero": 0.0}).check(positive, where="roll_spread")
    series = as_node(series)
    change = series - series.lag(1)
    bounce = -rolling_covariance(change, change.lag(1), length)
    if positive == "zero":
        bounce = maximum(bounce, 0)
    return named(2 * sqrt(bounce), "roll_spread", "", (series,), (length,))


def quoted_spread(frame: Bars, *, relative: bool = False) -> Node:
    """Return ask - bid at the end of the bar, in quote currency; relative: as a share of their middle.

    Needs data with quotes. Below 0 where the quotes are crossed. Warm-up: none.
    """
    spread = frame.ask - frame.bid
    if relative:
        spread = spread / ((frame.ask + frame.bid) / 2)
    return named(spread, "relative_spread" if relative else "quoted_spread", "", (frame.bid, frame.ask), ())


def quote_imbalance(frame: Bars) -> Node:
    """Return (bid size - ask size) / (bid size + ask size) at the end of the bar: -1 only sellers to 1 only buyers.

    Needs data with quotes; unknown where both sizes are 0. Warm-up: none.
    Source: Cao, Hansch and Wang (2009), The Information Content of an Open Limit-Order Book.
    """
    imbalance = (frame.bid_size - frame.ask_size) / (frame.bid_size + frame.ask_size)
    return named(imbalance, "quote_imbalance", "", (frame.bid_size, frame.ask_size), ())


def tick_imbalance(frame: Bars, length: Operand = 20, *, rule: str = "quote") -> Node:
    """Return the volume of bars that buyers ended less that of bars that sellers ended, as a share of all, -1 to 1.

    rule : "quote" takes a bar for the buyers' if its close is above the middle of bid and ask at its end, and by the
        tick rule if it is in the middle; needs data with quotes. "tick" takes the side of the last change of the close.
    Over the last `length` bars; unknown without volume. Warm-up: length.
    Source: Lee and Ready (1991), Inferring Trade Direction from Intraday Data, here of bars instead of trades.
    """
    Setting("rule", choices={"quote": 0.0, "tick": 1.0}).check(rule, where="tick_imbalance")
    side = last_nonzero(sign(frame.close - frame.close.lag(1)))
    shown: tuple[Node, ...] = (frame.close, frame.volume)
    if rule == "quote":
        middle = (frame.bid + frame.ask) / 2
        side = where(frame.close > middle, 1, where(frame.close < middle, -1, side))
        shown = (*shown, frame.bid, frame.ask)
    imbalance = rolling_sum(side * frame.volume, length) / rolling_sum(frame.volume, length)
    return named(imbalance, "tick_imbalance", "", shown, (length,))


def _squared(node: Node) -> Node:
    return node * node
