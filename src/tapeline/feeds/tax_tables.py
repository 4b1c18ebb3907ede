"""A taxpayer's events from a CSV table that anybody can write: one row for each event, columns by name.

    id,time,account,side,symbol,quantity,price,commission
    b1,2025-01-06T10:31:00-05:00,main,BUY,XYZ,100,20.00,1.00
    s1,2025-04-01,main,SELL,XYZ,100,15.00,1.00

`docs/tax.md` describes every column. A table is read whole or refused: a row with a cell too few or too many, an amount
that is none, a clock time without zone, a column that nobody knows. Numbers are read as they are written, never as
binary fractions, so 0.1 is 0.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from tapeline.domain.errors import ConfigurationError, DataError, TaxRefusal
from tapeline.feeds.table_row import TableRow, read_rows
from tapeline.feeds.tax_rows import COLUMNS, NEEDED, event_of
from tapeline.tax.accounts import Account, AccountKind, InstrumentKind, Owner, Right, TaxInstrument
from tapeline.tax.events import Event


@dataclass
class TaxTable:
    """What a table holds.

    accounts : by name, as their rows describe them
    instruments : by symbol, those that are not plain stock
    """

    events: list[Event] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    instruments: dict[str, TaxInstrument] = field(default_factory=dict)


def read_tax_table(path: Path, zone: str = "America/New_York") -> TaxTable:
    """Return what a table holds, rows in the order of the file.

    zone : of the exchange, in which moments become trade dates
    Raises UnknownNameError for a file that is not there, DataError or TaxRefusal, naming the line, for a row that
    cannot be taken as it is.
    """
    table, exchange = TaxTable(), ZoneInfo(zone)
    described: dict[str, str] = {}
    for row in read_rows(path, NEEDED, COLUMNS, exchange):
        try:
            _note_account(table, row, described)
            _note_instrument(table, row, described)
            table.events.append(event_of(row))
        except TaxRefusal as refusal:
            raise TaxRefusal(refusal.rule, f"{row.where}: {refusal.sentence}") from refusal
    if not table.events:
        raise DataError(f"{path} has a header and no row. Add the trades, or name another file.")
    return table


def _note_account(table: TaxTable, row: TableRow, described: dict[str, str]) -> None:
    for name in {row.text("account") or "main", row.text("to_account") or row.text("account") or "main"}:
        kind = row.choice("account_type", AccountKind, AccountKind.TAXABLE)
        owner = row.choice("owner", Owner, Owner.TAXPAYER)
        says = bool(row.text("account_type") or row.text("owner")) and name == (row.text("account") or "main")
        account = Account(name, kind, owner) if says else Account(name)
        known = table.accounts.setdefault(name, account)
        if says and f"account {name}" in described and known != account:
            raise row.fault(
                f"account {name} is {kind.value} of the {owner.value} here and {known.kind.value} of the"
                f" {known.owner.value} in {described[f'account {name}']}. Keep one."
            )
        if says:
            table.accounts[name] = account
            described.setdefault(f"account {name}", row.where)


def _note_instrument(table: TaxTable, row: TableRow, described: dict[str, str]) -> None:
    says = [name for name in ("type", "multiplier", "right", "underlying", "strike", "expiry") if row.text(name)]
    if not says:
        return
    symbol = row.needed("symbol")
    kind = row.choice("type", InstrumentKind, InstrumentKind.STOCK)
    is_option = kind is InstrumentKind.OPTION
    try:
        instrument = TaxInstrument(
            symbol,
            kind,
            row.number("multiplier", Decimal(100 if is_option else 1)),
            row.choice("right", Right) if row.text("right") else None,
            row.text("underlying") or None,
            row.number("strike") if row.text("strike") else None,
            row.day("expiry"),
        )
    except ConfigurationError as exc:
        raise row.fault(str(exc)) from exc
    known = table.instruments.setdefault(symbol, instrument)
    if known != instrument:
        raise row.fault(
            f"{symbol} is described otherwise in {described[f'symbol {symbol}']}. Describe it alike, or once."
        )
    described.setdefault(f"symbol {symbol}", row.where)
