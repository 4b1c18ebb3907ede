"""What can be traded: the contract facts of an instrument."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tapeline.domain.errors import InputError


@dataclass(frozen=True, slots=True)
class Instrument:
    """The facts of one listed security.

    symbol : the ticker at the time of trading
    tick_size : smallest price step, in `currency` (FIX 969)
    lot_size : smallest quantity step for whole shares (FIX 561)
    fraction : smallest quantity step where fractions are allowed, else None
    multiplier : currency per point and unit (FIX 231); 1 for shares
    venue : ISO 10383 market identifier code of the primary listing
    """

    symbol: str
    tick_size: Decimal = Decimal("0.01")
    lot_size: Decimal = Decimal(1)
    fraction: Decimal | None = None
    multiplier: Decimal = Decimal(1)
    venue: str = "XNYS"
    currency: str = "USD"

    def __post_init__(self) -> None:
        if not self.symbol or any(c.isspace() for c in self.symbol):
            raise InputError(f"Symbol {self.symbol!r} is empty or has white space in it.")
        for name, value in (
            ("tick_size", self.tick_size),
            ("lot_size", self.lot_size),
            ("multiplier", self.multiplier),
            ("fraction", self.fraction),
        ):
            if value is not None and not (value.is_finite() and value > 0):
                raise InputError(f"Instrument {self.symbol}: {name} must be above zero, found {value}.")
        if len(self.venue) != 4 or not self.venue.isalnum() or self.venue != self.venue.upper():
            raise InputError(f"Instrument {self.symbol}: venue {self.venue!r} is no ISO 10383 code such as XNYS.")

    @property
    def quantity_step(self) -> Decimal:
        """The step every quantity of this instrument is a multiple of."""
        return self.fraction if self.fraction is not None else self.lot_size
