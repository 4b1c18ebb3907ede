"""The book: positions of all accounts, and what everything that changes them shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tapeline.domain.errors import TaxRefusal, UnknownNameError
from tapeline.tax.accounts import (
    BROAD_BASED_INDEXES,
    Account,
    AccountKind,
    InstrumentKind,
    Method,
    Owner,
    Right,
    TaxInstrument,
)
from tapeline.tax.amounts import to_amount
from tapeline.tax.dispositions import Dispositions
from tapeline.tax.flags import Flags
from tapeline.tax.lots import Lot, Position, Treatment
from tapeline.tax.policies import Policies
from tapeline.tax.securities import Securities
from tapeline.tax.wash_sales import WashSales

_NEVER = 10**9


class Book:
    """Positions and the state of the rules.

    long, short : positions by account and symbol
    methods : the method in force by account
    day : of the event at hand
    """

    def __init__(self, accounts: Iterable[Account], instruments: Iterable[TaxInstrument], policies: Policies) -> None:
        self.accounts: Mapping[str, Account] = {account.name: account for account in accounts}
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.policies = policies
        self.methods = {name: account.method for name, account in self.accounts.items()}
        self.securities = Securities(policies.identical_groups)
        self.long: dict[tuple[str, str], Position] = {}
        self.short: dict[tuple[str, str], Position] = {}
        self.flags = Flags()
        self.wash_sales = WashSales(policies, self.flags)
        self.dispositions = Dispositions(self.wash_sales)
        self.renamed: dict[str, str] = {}
        self._last_order = 0
        self._acquisitions: dict[tuple[str, str, int], int] = {}

    def next_order(self) -> int:
        """Return the next place in the order of listing."""
        self._last_order += 1
        return self._last_order

    def acquisition(self, account: str, order_id: str | None, day: int, order: int) -> int:
        """Return the number of an acquisition: fills of one order on one day share it."""
        return order if order_id is None else self._acquisitions.setdefault((account, order_id, day), order)

    def position(self, account: str, symbol: str, *, is_short: bool = False) -> Position:
        """Return a position, opened where there is none. Raises UnknownNameError for an unknown account."""
        positions = self.short if is_short else self.long
        position = positions.get((account, symbol))
        if position is None:
            position = positions[account, symbol] = self._opened(account, symbol, is_short)
        return position

    def _opened(self, name: str, symbol: str, is_short: bool) -> Position:
        account = self.accounts.get(name)
        if account is None:
            raise UnknownNameError("account", name, self.accounts, where="the taxpayer's accounts")
        instrument = self.instruments.get(symbol)
        if instrument is None:
            instrument = self.instruments[symbol] = TaxInstrument(symbol)
        _check_section_1256(instrument)
        security = self.securities.of(symbol)
        treatment = _treatment(account, instrument)
        if is_short and account.kind is AccountKind.RETIREMENT and instrument.kind is InstrumentKind.STOCK:
            raise TaxRefusal(
                "short_in_retirement_account",
                f"Account {name} sells {symbol} short; a retirement account cannot. Correct account or side.",
            )
        washes_from = 0 if treatment is Treatment.CAPITAL else _NEVER
        if instrument.kind is InstrumentKind.CRYPTO and treatment is Treatment.CAPITAL:
            start = self.policies.digital_assets_wash_from
            washes_from = _NEVER if start is None else start.toordinal()
        multiplier = instrument.multiplier
        position = Position(
            account,
            symbol,
            instrument,
            security,
            treatment,
            int(multiplier) if multiplier == int(multiplier) else to_amount(multiplier),
            is_short=is_short,
            absorbs=account.kind is not AccountKind.RETIREMENT
            and (account.owner is Owner.TAXPAYER or self.policies.spouse_basis_carries),
            can_replace=treatment is not Treatment.SECTION_1256
            and (account.kind is not AccountKind.MARK_TO_MARKET or self.policies.mark_to_market_account_replaces),
            washes_from=washes_from,
            underlying=None
            if instrument.underlying is None or treatment is Treatment.SECTION_1256
            else self.securities.of(self.symbol_now(instrument.underlying)),
        )
        security.positions.append(position)
        if position.underlying is not None:
            position.underlying.options.append(position)
        return position

    def symbol_now(self, symbol: str) -> str:
        """Return what a symbol is called after all changes."""
        while symbol in self.renamed:
            symbol = self.renamed[symbol]
        return symbol

    def of_symbol(self, symbol: str) -> list[Position]:
        """Return the positions in a symbol, long ones first, by account."""
        found = [
            book[account, symbol]
            for book in (self.long, self.short)
            for account in self.accounts
            if (account, symbol) in book
        ]
        return [position for position in found if position.quantity]

    def all_positions(self) -> list[Position]:
        """Return every position that is not flat, by account and symbol, long ones first."""
        return [book[key] for book in (self.long, self.short) for key in sorted(book) if book[key].quantity]

    def method(self, position: Position) -> Method:
        """Return the method in force for a position."""
        return self.methods[position.account.name]

    def acquire(self, position: Position, pieces: list[Lot]) -> None:
        """Offer new lots of a position to the open losses; what is left of them can replace later losses."""
        security, wash_sales = position.security, self.wash_sales
        underlying = position.underlying if position.is_call else None
        for lot in pieces:
            if not lot.eligible or lot.used:
                continue
            is_left = not security.long.losses or wash_sales.offer(lot, security.long)
            if is_left and underlying is not None:
                is_left = wash_sales.offer(lot, underlying.long, position.multiplier)
            if is_left:
                security.long.insert(lot)
                if underlying is not None:
                    underlying.long.insert(lot)


def _check_section_1256(instrument: TaxInstrument) -> None:
    if instrument.kind is InstrumentKind.OPTION and instrument.underlying in BROAD_BASED_INDEXES:
        raise TaxRefusal(
            "section_1256_undeclared",
            f"Option {instrument.symbol} is on the broad-based index {instrument.underlying}, so it is a section 1256 "
            "contract by law and no equity option (IRC 1256(g)(3)). Give its type as section1256, with its multiplier.",
        )


def _treatment(account: Account, instrument: TaxInstrument) -> Treatment:
    if account.kind is AccountKind.RETIREMENT:
        return Treatment.NOT_REPORTED
    if instrument.kind is InstrumentKind.SECTION_1256:
        return Treatment.SECTION_1256
    return Treatment.ORDINARY if account.kind is AccountKind.MARK_TO_MARKET else Treatment.CAPITAL


def is_put(position: Position) -> bool:
    """Return whether a position is in puts."""
    return position.instrument.right is Right.PUT
