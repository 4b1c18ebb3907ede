"""What the engine must know about accounts and instruments before it reads an event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

from tapeline.domain.errors import ConfigurationError


class Method(Enum):
    """How a sale chooses among the lots of its account."""

    FIFO = "FIFO"
    LIFO = "LIFO"
    HIFO = "HIFO"
    SPECIFIC = "SPECID"
    AVERAGE = "AVERAGE"


class AccountKind(Enum):
    """How the law looks at an account."""

    TAXABLE = "taxable"
    RETIREMENT = "ira"
    MARK_TO_MARKET = "mtm475f"


class Owner(Enum):
    """Whose account it is; wash sales reach over both."""

    TAXPAYER = "taxpayer"
    SPOUSE = "spouse"


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the taxpayer.

    method : in force from the beginning; LIFO, HIFO and AVERAGE stand for a standing order made before the first
        sale. A later one is an event, `StandingOrder`.
    """

    name: str
    kind: AccountKind = AccountKind.TAXABLE
    owner: Owner = Owner.TAXPAYER
    method: Method = Method.FIFO


class InstrumentKind(Enum):
    """How the law looks at an instrument."""

    STOCK = "stock"
    MUTUAL_FUND = "mutual_fund"
    FUND_SHARE = "etf"
    OPTION = "option"
    CRYPTO = "crypto"
    SECTION_1256 = "section1256"


BROAD_BASED_INDEXES = frozenset(
    ("SPX", "SPXW", "XSP", "NDX", "NDXP", "XND", "RUT", "RUTW", "MRUT", "VIX", "VIXW", "DJX", "OEX", "XEO")
)
"""Indexes whose options are cash-settled nonequity options under IRC 1256(g)(3): the S&P 500, S&P 100, Nasdaq-100,
Russell 2000, Dow Jones Industrial Average and VIX with their smaller and weekly roots. Others must be known by the
taxpayer; nothing is guessed from a name."""


class Right(Enum):
    """What an option gives its holder the right to do."""

    CALL = "C"
    PUT = "P"


@dataclass(frozen=True, slots=True)
class TaxInstrument:
    """One instrument as the tax rules see it; a symbol without one is stock.

    multiplier : shares, or currency per point, of one contract
    in_reinvestment_plan : stock held in a dividend reinvestment plan, which may be kept at average basis
    """

    symbol: str
    kind: InstrumentKind = InstrumentKind.STOCK
    multiplier: Decimal = Decimal(1)
    right: Right | None = None
    underlying: str | None = None
    strike: Decimal | None = None
    expiry: date | None = None
    in_reinvestment_plan: bool = False

    def __post_init__(self) -> None:
        if not (self.multiplier.is_finite() and self.multiplier > 0):
            raise ConfigurationError(
                f"Instrument {self.symbol}: multiplier must be above zero, found {self.multiplier}."
            )
        if self.kind is InstrumentKind.OPTION and None in (self.right, self.underlying, self.strike, self.expiry):
            raise ConfigurationError(
                f"Option {self.symbol} lacks right, underlying, strike or expiry; all four decide its taxes."
            )

    @property
    def allows_average_basis(self) -> bool:
        """Whether Reg. 1.1012-1(e)(1) allows average basis: fund shares and reinvestment plans only."""
        return self.kind in (InstrumentKind.MUTUAL_FUND, InstrumentKind.FUND_SHARE) or self.in_reinvestment_plan
