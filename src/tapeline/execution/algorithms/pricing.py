"""At what price: where the limit of a part stands, and when it goes further toward the market.

    passive   at the near side of the quote; without one, the last price less the offset (for a purchase)
    mid       in the middle of the quote; without one, at the last price
    cross     at the far side plus the offset; without a quote, the last price plus the offset

    offset = the larger of offset_bps of the price, half the spread, and volatility * r * sqrt(timeout / bar),
             at most offset_bps_max of the price

where r is the mean true range of the last 14 bars (Wilder, 1978), which grows with the root of the time as a random
walk does. Prices are rounded to the tick: away from filling, but for `cross`, toward it. None of them is worse than the
limit of the order itself, if it has one; its market parts are then limits that stand there.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from tapeline.domain.parent import Pricing
from tapeline.domain.words import Side
from tapeline.simulation.execution_settings import Algorithm

RANGE_BARS = 14
_BPS = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class MarketNow:
    """What an algorithm sees of a symbol's market.

    price : middle of the quote, the last price where there is none; bid, ask : of the quote, None without one
    half_spread : of the quote, else what the run's costs assume
    mean_true_range : of the last bars, 0 before there are any; bar_s : their length
    volume : traded since the window began
    tick, step : smallest parts of a price and of a quantity
    """

    price: Decimal
    half_spread: Decimal
    mean_true_range: Decimal
    bar_s: float
    volume: Decimal
    tick: Decimal
    step: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None


def offset_of(algorithm: Algorithm, market: MarketNow) -> Decimal:
    """Return how far a limit stands from the last price."""
    by_range = float(market.mean_true_range) * algorithm.volatility * (algorithm.timeout_s / market.bar_s) ** 0.5
    widest = _bps(algorithm.offset_bps_max) * market.price
    return min(max(_bps(algorithm.offset_bps) * market.price, market.half_spread, Decimal(str(by_range))), widest)


def limit_price_of(
    algorithm: Algorithm, side: Side, pricing: Pricing, market: MarketNow, worst: Decimal | None = None
) -> Decimal | None:
    """Return the limit of a part on the tick, None for a market order. worst : the limit of its order, None = none"""
    if pricing is Pricing.MARKET:
        return worst
    near, far = (market.bid, market.ask) if side is Side.BUY else (market.ask, market.bid)
    offset = offset_of(algorithm, market)
    if pricing is Pricing.MID:
        price = market.price
    elif pricing is Pricing.PASSIVE:
        price = near if near is not None else market.price - side * offset
    else:
        price = (far if far is not None else market.price) + side * offset
    up = (side is Side.BUY) is (pricing is Pricing.CROSS)
    ticks = (price / market.tick).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR)
    price = max(ticks, Decimal(1)) * market.tick
    if worst is None:
        return price
    return min(price, worst) if side is Side.BUY else max(price, worst)


def further(pricing: Pricing) -> Pricing | None:
    """Return the next step toward the market; None after the last."""
    return Pricing(pricing + 1) if Pricing.PASSIVE <= pricing < Pricing.CROSS else None


def pricing_by_lag(lag: Decimal) -> Pricing:
    """Return how an adaptive part is priced that is so many mean parts behind its schedule."""
    if lag <= 1:
        return Pricing.PASSIVE
    return Pricing.MID if lag <= 2 else Pricing.CROSS


def _bps(value: float) -> Decimal:
    return Decimal(str(value)) * _BPS
