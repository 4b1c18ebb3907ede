"""Cross-sectional momentum: the past year's winners among the members of an index.

Source: Jegadeesh and Titman (1993), Returns to Buying Winners and Selling Losers, Journal of Finance 48(1); the month
that is left out, and the ranking of twelve months without it, as in Carhart (1997), Journal of Finance 52(1).
"""

from __future__ import annotations

import math

from tapeline.domain.errors import ConfigurationError
from tapeline.formula import session
from tapeline.formula.bars import bars
from tapeline.formula.library import minimum, realized_volatility, where
from tapeline.formula.parameters import param
from tapeline.formula.series import series
from tapeline.strategies.base import RuleStrategy
from tapeline.strategies.rules import percent_of_equity


class CrossSectionalMomentum(RuleStrategy):
    """Each month, hold the members of an index that gained most from twelve months to one month ago.

    first_session, last_session : the gain is counted from so many sessions ago to so many
    holdings : how many are held; keep_percent : a holding is sold when it is no longer among so many percent of the
        members, or no member; wider than `holdings`, so that a place more or less is no reason to trade
    invested : percent of equity for all holdings together; weight_max : percent for one, at most
    calm : 1 = weights by the inverse of the volatility of three months, relative to those that may be held; 0 = equal
    entry_sessions : how long into a month it buys. What is sold at the first close is paid at the next open, and buys
        at the close after it

    The data needs the series "member", 1 where a symbol is in the index. Weights are those at the purchase: what stays
    is left alone until it is sold. To cut a holding that has grown would be another order each month, for which rules
    have no word.
    """

    frame = "1d"

    first_session = param(252, low=2, high=2520)
    last_session = param(21, low=0, high=2519)
    holdings = param(50, low=1, high=1000)
    keep_percent = param(20.0, low=0.1, high=100.0)
    invested = param(98.0, low=1.0, high=100.0)
    weight_max = param(5.0, low=0.01, high=100.0)
    calm = param(0, low=0, high=1)
    entry_sessions = param(3, low=1, high=15)

    day = bars()
    member = series("member") == 1
    gain = day.close.lag(last_session) / day.close.lag(first_session) - 1
    place = where(member, gain, math.nan).rank()
    strong = place >= 1 - keep_percent / 100

    month = session.month.on(day)
    begins = month != month.lag(1)

    enter_long = strong & begins.any(entry_sessions)
    exit_long = begins & (~member | ~strong)
    rank = gain

    calmness = where(strong, 1 / realized_volatility(day.close, 63), math.nan)
    relative = calmness / (calmness - calmness.demean())
    size = percent_of_equity(minimum(weight_max, invested / holdings * where(calm == 1, relative, 1.0)))

    def __init__(self, *, frame: str | None = None, **parameters: float) -> None:
        super().__init__(frame=frame, **parameters)
        first, last = int(self.parameters["first_session"]), int(self.parameters["last_session"])
        if last >= first:
            raise ConfigurationError(
                f"{self.name}: a gain from {first} to {last} sessions ago is none. Make last_session smaller than"
                " first_session."
            )
        self.positions_max = int(self.parameters["holdings"])  # type: ignore[misc]
