"""Implementation shortfall: what working an order cost against the decision to trade it, in four parts.

With side s (1 bought, -1 sold), wanted quantity Q, filled F = sum q, at prices p; P_d the price at the decision, P_0
when the first part arrived at the market, h half the spread when a part was priced, P_e the price when the order ended:

    delay        s F (P_0 - P_d)                what the market did until the first part was sent
    spread       sum of q h                     of parts that crossed it; parts that waited for others earn it: -q h;
                                                in the middle: 0
    impact       s sum of q (p - P_0) - spread  what is left of the way from the arrival to the fills
    opportunity  s (Q - F) (P_e - P_d)          what the part that was not done would have made
    total        s [sum of q (p - P_d) + (Q - F) (P_e - P_d)], the sum of the four, to the last digit

Positive is a cost. Without a part that was sent, P_0 is P_d. Commissions stand beside it, as they are known exactly. A
share of the notional Q P_d gives basis points.

Source: Perold (1988), The Implementation Shortfall: Paper versus Reality; delay apart from the rest as in Kissell
(2006), The Expanded Implementation Shortfall. Impact includes what the market did by itself meanwhile: of one order
they cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from tapeline.domain.parent import Pricing
from tapeline.domain.position import EXACT, ZERO
from tapeline.domain.times import SECOND
from tapeline.ledger.parent_orders import ParentState

BPS = Decimal(10_000)
_SPREADS = {Pricing.MARKET: 1, Pricing.CROSS: 1, Pricing.STOP: 1, Pricing.MID: 0, Pricing.PASSIVE: -1}


@dataclass(frozen=True, slots=True)
class Shortfall:
    """The parts of one parent order's shortfall, in currency; positive is a cost.

    notional : wanted quantity at the price of the decision; commission : beside the shortfall
    """

    delay: Decimal
    spread: Decimal
    impact: Decimal
    opportunity: Decimal
    notional: Decimal
    commission: Decimal

    @property
    def total(self) -> Decimal:
        """The sum of the parts."""
        with localcontext(EXACT):
            return self.delay + self.spread + self.impact + self.opportunity

    @property
    def total_bps(self) -> float:
        """The sum of the parts in basis points of the notional."""
        return float(self.total / self.notional * BPS)


def shortfall_of(parent: ParentState) -> Shortfall | None:
    """Return the shortfall of a parent order that has ended, None while it works."""
    if parent.ended is None:
        return None
    side, quantity = int(parent.order.side), parent.order.quantity
    decided, ended = parent.intended.decision_price, parent.ended.end_price
    arrival = parent.arrival.price if parent.arrival is not None else decided
    with localcontext(EXACT):
        fills = parent.fills.values()
        filled = sum((fill.execution.quantity for fill in fills), ZERO)
        spread = sum((_SPREADS[fill.pricing] * fill.execution.quantity * fill.half_spread for fill in fills), ZERO)
        paid = sum((fill.execution.quantity * (fill.execution.price - arrival) for fill in fills), ZERO)
        return Shortfall(
            delay=side * filled * (arrival - decided),
            spread=spread,
            impact=side * paid - spread,
            opportunity=side * (quantity - filled) * (ended - decided),
            notional=quantity * decided,
            commission=sum((fill.execution.commission for fill in fills), ZERO),
        )


@dataclass(frozen=True, slots=True)
class FillQuality:
    """How well the parent orders of one group were done; means are weighted by notional unless said.

    count : ended parent orders; parts : their children
    fill_rate : share of what was wanted that was done
    shortfall_bps, delay_bps, spread_bps, impact_bps, opportunity_bps : of what was wanted, positive is a cost
    against_vwap_bps : paid beyond the market's average price of the same time; None where nothing traded
    seconds : mean time from the decision to the last fill, of those with fills, unweighted; None without any
    passive_share : share of the filled quantity that waited for others to cross the spread; None without fills
    """

    count: int
    parts: int
    fill_rate: float
    shortfall_bps: float
    delay_bps: float
    spread_bps: float
    impact_bps: float
    opportunity_bps: float
    against_vwap_bps: float | None
    seconds: float | None
    passive_share: float | None


def fill_quality(parents: Sequence[ParentState]) -> FillQuality | None:
    """Return how well parent orders were done, None if none of them has ended."""
    pairs = [(parent, cost) for parent in parents if (cost := shortfall_of(parent)) is not None]
    if not pairs:
        return None
    costs = [cost for _, cost in pairs]
    notional = sum((cost.notional for cost in costs), ZERO)

    def bps(values: Iterable[Decimal]) -> float:
        return float(sum(values, ZERO) / notional * BPS)

    done = sum((parent.filled_quantity * parent.intended.decision_price for parent, _ in pairs), ZERO)
    filled = sum((parent.filled_quantity for parent, _ in pairs), ZERO)
    fills = [fill for parent, _ in pairs for fill in parent.fills.values()]
    passive = sum((fill.execution.quantity for fill in fills if fill.pricing is Pricing.PASSIVE), ZERO)
    waits = [
        (max(fill.execution.event_time_ns for fill in parent.fills.values()) - parent.order.decision_time_ns) / SECOND
        for parent, _ in pairs
        if parent.fills
    ]
    return FillQuality(
        count=len(pairs),
        parts=sum(len(parent.children) for parent, _ in pairs),
        fill_rate=float(done / notional),
        shortfall_bps=bps(cost.total for cost in costs),
        delay_bps=bps(cost.delay for cost in costs),
        spread_bps=bps(cost.spread for cost in costs),
        impact_bps=bps(cost.impact for cost in costs),
        opportunity_bps=bps(cost.opportunity for cost in costs),
        against_vwap_bps=_against_market(parent for parent, _ in pairs),
        seconds=sum(waits) / len(waits) if waits else None,
        passive_share=float(passive / filled) if filled else None,
    )


def _against_market(parents: Iterable[ParentState]) -> float | None:
    beyond, notional = ZERO, ZERO
    for parent in parents:
        average = parent.ended.market_average_price if parent.ended is not None else None
        if average is None:
            continue
        for fill in parent.fills.values():
            execution = fill.execution
            beyond += int(execution.side) * execution.quantity * (execution.price - average)
            notional += execution.quantity * average
    return float(beyond / notional * BPS) if notional else None
