"""The shipped strategies by the names that the command line knows."""

from __future__ import annotations

from tapeline.strategies.base import RuleStrategy, Strategy
from tapeline.strategies.buy_and_hold import BuyAndHold
from tapeline.strategies.cross_sectional_momentum import CrossSectionalMomentum
from tapeline.strategies.intraday_mean_reversion import IntradayMeanReversion
from tapeline.strategies.moving_average_cross import MovingAverageCross
from tapeline.strategies.reversal import MomentumReversal
from tapeline.strategies.swing_trend import SwingTrend

SHIPPED: dict[str, type[RuleStrategy] | type[Strategy]] = {
    "moving-average-cross": MovingAverageCross,
    "intraday-mean-reversion": IntradayMeanReversion,
    "swing-trend": SwingTrend,
    "cross-sectional-momentum": CrossSectionalMomentum,
    "momentum-reversal": MomentumReversal,
    "buy-and-hold": BuyAndHold,
}
