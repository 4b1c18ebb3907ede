"""The bounds of an account and of its strategies: plain values, checked once, None = no bound.

    Limits(position=0.05, gross=0.5, drawdown_per_day=0.02)
    usual_limits(overnight=True)             what a live account starts from

Limits on sums hold for the account and for each strategy that has its own: the tighter one counts. Limits on a
single trade (`risk_per_trade`, `loss_per_trade`, `reward_risk`) of a strategy stand in place of the account's.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from tapeline.domain.errors import ConfigurationError

_COUNTS = ("positions", "trades_per_day", "losses_in_row")
OF_ONE_TRADE = ("risk_per_trade", "loss_per_trade", "reward_risk", "assumed_stop")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds; a share is one of equity. Orders that work count as filled, at the price of the decision.

    position : one symbol's notional, over all strategies; sector : that of all symbols of one group "sector"
    gross, net : sums over all; short : sum over what is short
    risk_per_trade : entry to stop times quantity
    open_risk : the same over all that is held or entering, from the present price
    assumed_stop : how far below the price the stop of what has none is taken to be, a share of the price; None = all of
        it is at risk
    positions : number of holdings, entering ones included
    trades_per_day : entries in one session
    loss_per_trade : a holding that has lost so much, its costs included, is closed
    loss_per_day : no more entries in a session that has lost so much since the close before
    drawdown_per_day : the same, since the session's highest equity
    losses_in_row : no more entries after so many losing round trips one after the other ...
    pause_minutes : ... for so long after the last of them; None = until the next session
    reward_risk : the least distance to the target over that to the stop, where there is a target
    stale_s : the oldest price, in seconds, that an entry may be sized by
    """

    position: float | None = None
    gross: float | None = None
    net: float | None = None
    risk_per_trade: float | None = None
    positions: int | None = None
    short: float | None = None
    sector: float | None = None
    open_risk: float | None = None
    trades_per_day: int | None = None
    loss_per_trade: float | None = None
    loss_per_day: float | None = None
    drawdown_per_day: float | None = None
    losses_in_row: int | None = None
    pause_minutes: float | None = None
    reward_risk: float | None = None
    stale_s: float | None = None
    assumed_stop: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if not (math.isfinite(value) and value > 0):
                raise ConfigurationError(f"Limits: {field.name} must be above zero, found {value}.")
            if field.name in _COUNTS and value != int(value):
                raise ConfigurationError(f"Limits: {field.name} is a number of things, found {value}.")
        if self.pause_minutes is not None and self.losses_in_row is None:
            raise ConfigurationError("Limits: pause_minutes says how long losses_in_row lasts; give that as well.")

    def over(self, declared: Limits | None) -> Limits:
        """Return these bounds, and those that a strategy declares where there is none here."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(declared or Limits(), **given)


_PARTS = (
    ("position", "gross"),
    ("sector", "gross"),
    ("short", "gross"),
    ("net", "gross"),
    ("position", "sector"),
    ("risk_per_trade", "open_risk"),
)


def check_consistent(limits: Limits, where: str) -> None:
    """Raise ConfigurationError for bounds that contradict each other: a part that may be more than its whole.

    It is asked of settings, not of overrides: those begin and end one by one, and the tighter bound holds meanwhile.
    """
    for part, whole in _PARTS:
        given, most = getattr(limits, part), getattr(limits, whole)
        if given is not None and most is not None and given > most:
            raise ConfigurationError(
                f"{where}: {part} may be {given:g} of equity and {whole} only {most:g}, of which it is a part. "
                f"Lower {part} or raise {whole}."
            )


def usual_limits(*, overnight: bool, **given: Any) -> Limits:
    """Return the bounds that a live account starts from.

    overnight : whether strategies hold over night; those that do not may use half as much
    given : bounds of `Limits` that stand in place of the usual ones; what is a part of a smaller one now is lowered
    Raises ConfigurationError as `Limits` does.
    """
    gross = 1.0 if overnight else 0.5
    usual: dict[str, Any] = {
        "position": 0.05,
        "gross": gross,
        "risk_per_trade": 0.004,
        "positions": 30,
        "short": 0.5 * gross,
        "sector": 0.25,
        "open_risk": 0.03,
        "trades_per_day": 100,
        "loss_per_trade": 0.01,
        "loss_per_day": 0.02,
        "drawdown_per_day": 0.02,
        "losses_in_row": 3,
        "reward_risk": 1.5,
        "assumed_stop": 0.08,  # the risk of one trade is that of a full position then
        "stale_s": 300.0,
    }
    chosen = {**usual, **given}
    for part, whole in _PARTS:
        most = chosen.get(whole)
        if part in usual and part not in given and most is not None and most > 0:
            chosen[part] = min(chosen[part], (0.5 if part == "short" else 1.0) * most)
    return Limits(**chosen)
