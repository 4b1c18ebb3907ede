"""A taxpayer's events: everything that makes, moves, changes or ends a lot.

    Buy, Sell, Short, Cover                                    executions; an option is written with Short
    OptionExercise, OptionAssignment, OptionExpiration         what ends an option without a trade
    StockSplit, SpinOff, StockMerger, CashMerger,              corporate actions, before the first trade of their day
    ReturnOfCapital, SymbolChange, Worthless
    TransferIn, Transfer                                       lots from outside with their basis; between own accounts
    MarkToMarket                                               year-end prices, sections 1256 and 475(f)
    StandingOrder                                              a method, from the day it was given

Dates are trade dates of the exchange's own zone. Quantities and prices are above zero; the kind of event has the sign.
An event is known by its account and id: it is taken once, however often it is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import Method

ZERO = Decimal(0)


class Acquisition(Enum):
    """How shares came; only the first three can replace shares sold at a loss."""

    PURCHASE = "purchase"
    REINVESTED_DIVIDEND = "drip"
    VEST = "vest"
    GIFT = "gift"
    INHERITANCE = "inheritance"

    @property
    def is_purchase(self) -> bool:
        """Whether it is a purchase or taxable exchange in the words of IRC 1091(a)."""
        return self not in (Acquisition.GIFT, Acquisition.INHERITANCE)


def _check_day(day: object, what: str) -> None:
    if isinstance(day, datetime) or not isinstance(day, date):
        raise TaxRefusal(
            "trade_date_in_exchange_zone",
            f"{what} has {day!r} as its day; give the calendar date in the exchange's zone, not a moment.",
        )


def _check_above_zero(value: Decimal, name: str, what: str) -> None:
    if not (value.is_finite() and value > 0):
        raise TaxRefusal("positive_quantities", f"{what}: {name} must be above zero, found {value}.")


def _check_amount(value: Decimal, name: str, what: str) -> None:
    if not (value.is_finite() and value >= 0):
        raise TaxRefusal("positive_quantities", f"{what}: {name} must not be below zero, found {value}.")


@dataclass(frozen=True, slots=True)
class LotChoice:
    """A part of a sale that is identified: so many shares of the lot that this execution acquired.

    holding_start : tells the parts of a lot apart of which a wash sale has adjusted one; None = the first part first
    """

    lot_id: str
    quantity: Decimal
    holding_start: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution.

    price : per share, for options per share of the contract
    commission, fees : the broker's and the regulators'; both belong to basis and proceeds
    time_of_day : on the exchange's clock; without it the order of listing holds, before everything with a time
    order_id : executions of one order on one day are one acquisition or one disposition; None is an order of its own
    """

    execution_id: str
    account: str
    symbol: str
    quantity: Decimal
    price: Decimal
    trade_date: date
    time_of_day: time | None = None
    commission: Decimal = ZERO
    fees: Decimal = ZERO
    settlement_date: date | None = None
    order_id: str | None = None

    def __post_init__(self) -> None:
        if type(self.trade_date) is not date:
            _check_day(self.trade_date, f"Execution {self.execution_id}")
        if not self.quantity.is_finite() or self.quantity <= 0:
            _check_above_zero(self.quantity, "quantity", f"Execution {self.execution_id}")
        if not self.price.is_finite() or self.price < 0:
            _check_amount(self.price, "price", f"Execution {self.execution_id}")
        if not self.commission.is_finite() or not self.fees.is_finite():
            _check_amount(self.commission, "commission", f"Execution {self.execution_id}")
            _check_amount(self.fees, "fees", f"Execution {self.execution_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Buy(Trade):
    """Shares bought, or acquired as `acquisition` says; holding_start is the donor's where shares were given."""

    acquisition: Acquisition = Acquisition.PURCHASE
    holding_start: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sell(Trade):
    """Shares sold.

    lots : specific identification; shares beyond it go by the account's method
    identified_on : when it was made; later than settlement it is none
    confirmed : whether the broker confirmed it; unconfirmed it is none (Hall v. Commissioner)
    """

    lots: tuple[LotChoice, ...] = ()
    identified_on: date | None = None
    confirmed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Short(Trade):
    """Borrowed shares sold, or an option written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover(Trade):
    """A short position closed by purchase; `lots` names the executions that opened it, else the earliest."""

    lots: tuple[LotChoice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something other than an execution, before the first trade of its day or after the last."""

    event_id: str
    day: date
    at_close: bool = False

    def __post_init__(self) -> None:
        _check_day(self.day, f"Event {self.event_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StockSplit(Action):
    """`old` shares become `new` ones: splits, reverse splits, stock dividends.

    cash_in_lieu : what each account was paid for the fraction of its whole position
    """

    symbol: str
    new: Decimal
    old: Decimal = Decimal(1)
    cash_in_lieu: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpinOff(Action):
    """`new` shares of new_symbol for `old` ones of symbol, tax-free under IRC 355.

    basis_fraction_new : the part of the basis that goes to the new shares, from the issuer's Form 8937
    """

    symbol: str
    new_symbol: str
    new: Decimal
    old: Decimal
    basis_fraction_new: Decimal | None
    cash_in_lieu: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StockMerger(Action):
    """A reorganization: `new` shares of new_symbol, and cash per old share (boot), for `old` ones.

    fair_value_new : of one new share; needed with boot only
    """

    symbol: str
    new_symbol: str
    new: Decimal
    old: Decimal
    cash_per_share: Decimal = ZERO
    fair_value_new: Decimal | None = None
    cash_in_lieu: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CashMerger(Action):
    """Every share is sold for cash."""

    symbol: str
    cash_per_share: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Worthless(Action):
    """A security became worthless: sold for nothing on the last day of the year, IRC 165(g)."""

    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnOfCapital(Action):
    """A distribution that is no dividend: basis first, then gain, lot by lot."""

    symbol: str
    per_share: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolChange(Action):
    """The same security under a new symbol."""

    symbol: str
    new_symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkToMarket(Action):
    """A year-end price for section 1256 contracts and section 475(f) accounts."""

    symbol: str
    price: Decimal
    at_close: bool = True


class OptionPosition(Enum):
    """Whether an account holds an option or has written it."""

    LONG = "long"
    SHORT = "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionAction(Action):
    """What ends an option, after the last trade of its day."""

    account: str
    symbol: str
    contracts: Decimal
    at_close: bool = True

    def __post_init__(self) -> None:
        _check_day(self.day, f"Event {self.event_id}")
        _check_above_zero(self.contracts, "contracts", f"Event {self.event_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionExercise(OptionAction):
    """The holder exercises: stock is bought or sold at the strike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionAssignment(OptionAction):
    """The writer is assigned: stock is sold or bought at the strike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionExpiration(OptionAction):
    """The option expires worthless."""

    position: OptionPosition = OptionPosition.LONG


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferIn(Action):
    """A lot from outside with its history; event_id becomes the lot's id.

    basis : of the whole lot; None is refused, a basis is never guessed
    """

    account: str
    symbol: str
    quantity: Decimal
    basis: Decimal | None
    acquired: date
    holding_start: date | None = None

    def __post_init__(self) -> None:
        _check_day(self.day, f"Transfer {self.event_id}")
        _check_day(self.acquired, f"Transfer {self.event_id}")
        _check_above_zero(self.quantity, "quantity", f"Transfer {self.event_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Action):
    """Shares moved between the taxpayer's own accounts, with their lots: no sale and no acquisition."""

    symbol: str
    quantity: Decimal
    account: str
    to_account: str
    lots: tuple[LotChoice, ...] = ()

    def __post_init__(self) -> None:
        _check_day(self.day, f"Transfer {self.event_id}")
        _check_above_zero(self.quantity, "quantity", f"Transfer {self.event_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingOrder(Action):
    """From this day on the account's sales choose lots by this method."""

    account: str
    method: Method


Event = Trade | Action


def day_of(event: Event) -> date:
    """Return the day of an event: an execution's trade date, an action's day."""
    return event.trade_date if isinstance(event, Trade) else event.day
