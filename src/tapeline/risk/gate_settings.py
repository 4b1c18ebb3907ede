"""The bounds of single orders, which the gate asks for: plain values, checked once.

[gate]
collar = 0.03
settled_cash = true
shortable = ["AAPL", "MSFT"]

[gate.MomentumReversal]
orders_per_minute = 20
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from tapeline.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Bounds of single orders.

    collar : how far a limit may lie beyond the last price on the side where it fills at once, and the stop of an entry
        on the side where it triggers at once, as a share of that price
    spread_bps : half of what the last close may be away from a quote, where there are no quotes
    stale_s : the oldest price an entry may be sent by, in session
    orders_per_second, orders_per_minute : of all orders; exit_reserve : the share of both that only exits may use
    repeat_s : an order equal to one of the last so many seconds in all but its id is a repetition
    order_notional : the largest order, in currency; None = no bound
    settled_cash : whether purchases of a cash account need cash that has settled (`account_rules.py`)
    day_trades : no entries after so many in five sessions while equity is below day_trades_below; None = not counted
    """

    collar: float = 0.05
    spread_bps: float = 10.0
    stale_s: float = 300.0
    orders_per_second: int = 20
    orders_per_minute: int = 200
    exit_reserve: float = 0.25
    repeat_s: float = 5.0
    order_notional: float | None = None
    settled_cash: bool = False
    day_trades: int | None = None
    day_trades_below: float = 25_000.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or value is None:
                continue
            if not (math.isfinite(value) and value > 0):
                raise ConfigurationError(f"GateSettings: {field.name} must be above zero, found {value}.")
        if self.exit_reserve >= 1.0:
            raise ConfigurationError(f"GateSettings: exit_reserve is a share below 1, found {self.exit_reserve}.")
        for name in ("orders_per_second", "orders_per_minute"):
            most = getattr(self, name)
            if math.floor(most * (1.0 - self.exit_reserve)) < 1:
                raise ConfigurationError(
                    f"GateSettings: {name} of {most} with an exit_reserve of {self.exit_reserve:g} leaves room for no"
                    " entry at all. Raise the one or lower the other."
                )
