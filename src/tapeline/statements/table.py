"""Any broker's CSV, by a mapping that says which column means what: a TOML file, or the names used here.

    zone = "America/New_York"          # of times without an offset
    time_format = "%m/%d/%Y %H:%M:%S"  # default: ISO 8601; a date alone is a trade date
    decimal = "."                      # and thousands = ","
    sells_are_negative = true          # where there is no column for the side
    fees_are_negative = false

    [columns]                          # ours = theirs
    id = "Trade ID"
    time = "Date/Time"
    symbol = "Symbol"
    side = "Action"
    quantity = "Qty"
    price = "Price"
    commission = "Comm"

    [words.BUY]                        # what they write for BUY, SELL, DIVIDEND, SPLIT ...
    is = ["Bought", "B"]

A row without a kind is an execution. Every column of the file is mapped or listed in `ignore`: a column that nobody
mentions is refused, because it may be the fee. Numbers are read as they are written, never as binary fractions.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tapeline.domain.adopted import EXTERNAL, Grounds, HoldingCause, Origin
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import ConfigurationError, DataError, InputError, UnknownNameError
from tapeline.domain.execution import Execution
from tapeline.domain.option_symbol import SHARES_A_CONTRACT, option_terms
from tapeline.domain.words import Side
from tapeline.ledger.adopted_facts import CashAdopted, ExecutionAdopted, HoldingChanged
from tapeline.statements.model import (
    NEW_YORK,
    EndPosition,
    Keys,
    Stated,
    StatedExecution,
    Statement,
    WashFigure,
    day_ns,
    day_of,
    is_amount,
    moment_ns,
    unique,
)
from tapeline.tape.csv_rows import csv_rows

COLUMNS = (
    "id", "time", "date", "clock", "account", "symbol", "kind", "side", "quantity", "price", "commission", "fees",
    "order_id", "multiplier", "amount", "new_symbol", "new_quantity", "new", "old", "basis", "acquired",
    "basis_fraction", "text",
)  # fmt: skip
"""Our columns, which a mapping gives the file's names to."""

EXECUTION, REINVESTMENT, POSITION, WASH_SALE = "EXECUTION", "REINVESTMENT", "POSITION", "WASH_SALE"
KINDS = (
    EXECUTION, REINVESTMENT, POSITION, WASH_SALE, *[cause.name for cause in CashCause],
    *[cause.name for cause in HoldingCause],
)  # fmt: skip
"""What a row may be."""
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL, "SHORT": Side.SELL, "COVER": Side.BUY}


@dataclass(frozen=True)
class TableMapping:
    """Which column means what. columns : ours -> theirs; words : theirs in lower case -> a side or a kind"""

    columns: dict[str, str] = field(default_factory=lambda: {name: name for name in COLUMNS})
    words: dict[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    zone: str = NEW_YORK
    time_format: str = ""
    decimal: str = "."
    thousands: str = ""
    delimiter: str = ","
    sells_are_negative: bool = False
    fees_are_negative: bool = False
    is_given: bool = False


def read_mapping(path: Path) -> TableMapping:
    """Return the mapping of a TOML file. Raises ConfigurationError or UnknownNameError for one that is none."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"Mapping {path} is no TOML ({exc}). See docs/statements.md for one.") from exc
    except OSError as exc:
        raise ConfigurationError(f"Mapping {path} cannot be read: {exc.strerror}. Name another file.") from exc
    defaults = TableMapping()
    plain: dict[str, Any] = {}
    for name, value in tree.items():
        if name in ("columns", "words", "ignore"):
            continue
        if name == "is_given" or not hasattr(defaults, name):
            known = [n for n in TableMapping.__dataclass_fields__ if n != "is_given"]
            raise UnknownNameError("setting", name, known, where=str(path))
        if type(value) is not type(getattr(defaults, name)):
            kind = type(getattr(defaults, name)).__name__
            raise ConfigurationError(f"Mapping {path}: {name} must be a {kind}, found {value!r}.")
        plain[name] = value
    columns = tree.get("columns", {})
    for name, theirs in columns.items():
        if name not in COLUMNS:
            raise UnknownNameError("column", name, COLUMNS, where=f"[columns] of {path}")
        if not isinstance(theirs, str):
            raise ConfigurationError(f"Mapping {path}: column {name} must be a name in quotes, found {theirs!r}.")
    words: dict[str, str] = {}
    for ours, said in tree.get("words", {}).items():
        if ours not in (*_SIDES, *KINDS):
            raise UnknownNameError("word", ours, (*_SIDES, *KINDS), where=f"[words] of {path}")
        words |= {str(theirs).lower(): ours for theirs in said.get("is", [])}
    return TableMapping(columns, words, frozenset(tree.get("ignore", [])), **plain, is_given=True)


def read_table(path: Path, mapping: TableMapping | None = None, account: str = "main", source: str = "") -> Statement:
    """Return what a CSV says, by a mapping, by default with our own names of columns.

    account : of rows that name none; source : what to call the statement, by default the file's name
    Raises UnknownNameError for a file or column that is not known, DataError, naming line and column, for a cell that
    is not what it should be.
    """
    mapping = mapping or TableMapping()
    if not path.is_file():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UnknownNameError("file", path.name, beside, where=f"folder {path.parent.resolve()}")
    try:
        zone = ZoneInfo(mapping.zone)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise ConfigurationError(f"Zone {mapping.zone!r} is not known. Write one such as America/New_York.") from exc
    reader = _TableReader(mapping, zone, account, source or f"csv {path.name}")
    for row in _rows(path, mapping):
        try:
            reader.take(row)
        except DataError:
            raise
        except InputError as exc:
            raise row.fault(str(exc)) from exc
    return unique(reader.statement)


def _rows(path: Path, mapping: TableMapping) -> Iterator[_Row]:
    for where, cells in csv_rows(path, lambda names: _check_header(path, names, mapping), mapping.delimiter):
        yield _Row(cells, where, mapping)


def _check_header(path: Path, names: list[str], mapping: TableMapping) -> None:
    theirs = set(mapping.columns.values())
    for place, name in enumerate(names):
        if name in names[:place]:
            raise DataError(f"{path} has two columns {name!r}. Keep one.")
        if name not in theirs and name not in mapping.ignore:
            raise UnknownNameError("column", name, theirs, where=f"{path}; map it, or name it in `ignore`")
    for ours, name in mapping.columns.items():
        if mapping.is_given and name not in names:
            raise DataError(
                f"{path} has no column {name!r}, which the mapping takes for {ours}; it has {', '.join(names)}."
            )


@dataclass(frozen=True, slots=True)
class _Row:
    cells: dict[str, str]
    where: str
    mapping: TableMapping

    def text(self, name: str) -> str:
        return self.cells.get(self.mapping.columns.get(name, ""), "").strip()

    def needed(self, name: str) -> str:
        found = self.text(name)
        if not found:
            raise self.fault(f"column {self.mapping.columns.get(name, name)!r} ({name}) is missing or empty.")
        return found

    def amount(self, name: str) -> Decimal | None:
        written = self.text(name)
        if not written:
            return None
        plain = written.replace(self.mapping.thousands, "") if self.mapping.thousands else written
        plain = plain.replace(self.mapping.decimal, ".").replace("$", "").replace(" ", "")
        if plain.startswith("(") and plain.endswith(")"):
            plain = "-" + plain[1:-1]
        try:
            value = Decimal(plain)
        except InvalidOperation:
            value = Decimal("NaN")
        if not is_amount(value):
            raise self.fault(
                f"{name} {written[:40]!r} is no number of an account. See `decimal` and `thousands` of the mapping."
            )
        return value

    def needed_amount(self, name: str) -> Decimal:
        self.needed(name)
        return self.amount(name) or Decimal(0)

    def word(self, name: str, known: tuple[str, ...]) -> str:
        written = self.needed(name)
        found = self.mapping.words.get(written.lower(), written.upper())
        if found not in known:
            raise self.fault(
                f"{UnknownNameError(name, written, known)} Say in [words] of the mapping what {written!r} means."
            )
        return found

    def moment(self, zone: ZoneInfo) -> tuple[int, bool]:
        written = self.text("time") or " ".join(filter(None, (self.text("date"), self.text("clock"))))
        if not written:
            self.needed("time")
        form = self.mapping.time_format
        try:
            if form:
                found = datetime.strptime(written, form)  # noqa: DTZ007 - the zone follows below
                has_clock = any(sign in form for sign in ("%H", "%I", "%X", "%c", "%T"))
            else:
                has_clock = len(written) > 10
                found = datetime.fromisoformat(written)
        except ValueError as exc:
            wanted = f"the mapping's time_format {form!r}" if form else "ISO 8601, such as 2025-01-31T15:59:00-05:00"
            raise self.fault(f"time {written!r} is not {wanted}.") from exc
        return moment_ns(found if found.tzinfo is not None else found.replace(tzinfo=zone)), has_clock

    def day(self, name: str) -> date | None:
        written = self.text(name)
        try:
            return date.fromisoformat(written) if written else None
        except ValueError as exc:
            raise self.fault(f"{name} {written!r} is no date such as 2025-01-31.") from exc

    def fault(self, sentence: str) -> DataError:
        return DataError(f"{self.where}: {sentence}")


class _TableReader:
    def __init__(self, mapping: TableMapping, zone: ZoneInfo, account: str, source: str) -> None:
        self.mapping, self.zone, self.account = mapping, zone, account
        self.grounds = Grounds(source)
        self.statement = Statement(source)
        self.keys = Keys()

    def take(self, row: _Row) -> None:
        kind = row.word("kind", KINDS) if row.text("kind") else EXECUTION
        account = row.text("account") or self.account
        time_ns, has_clock = row.moment(self.zone)
        day = day_of(time_ns, self.zone)
        self.statement.covers(day, day)
        if kind in (EXECUTION, REINVESTMENT):
            self._execution(row, account, time_ns, has_clock, Origin[kind] if kind == REINVESTMENT else Origin.TRADE)
        elif kind == POSITION:
            held = EndPosition(
                account, _symbol(row), row.needed_amount("quantity"), day, row.where, row.amount("basis")
            )
            self.statement.positions.append(held)
        elif kind == WASH_SALE:
            amount = abs(row.needed_amount("amount"))
            self.statement.wash_figures.append(WashFigure(account, _symbol(row), day, amount, row.where))
        elif kind in CashCause.__members__:
            symbol = _symbol(row) if row.text("symbol") else None
            amount = row.needed_amount("amount")
            key = row.text("id") or self.keys.name("csv", account, day, kind, symbol or "", amount)
            fact = CashAdopted(
                day_ns(day, self.zone), key, CashCause[kind], amount, self.grounds, symbol, row.text("text"), account
            )  # fmt: skip
            self.statement.cash.append(Stated(fact, row.where))
        else:
            self._change(row, HoldingCause[kind], account, day)

    def _execution(self, row: _Row, account: str, time_ns: int, has_clock: bool, origin: Origin) -> None:
        quantity = row.needed_amount("quantity")
        if row.text("side"):
            word = row.word("side", tuple(_SIDES))
            side, origin = _SIDES[word], Origin.SHORT_SALE if word == "SHORT" else origin
            if quantity < 0 and not (self.mapping.sells_are_negative and side is Side.SELL):
                raise row.fault(f"{side.name} of {quantity}: a row with a side has a quantity above zero.")
        elif self.mapping.sells_are_negative:
            side = Side.BUY if quantity > 0 else Side.SELL
        else:
            row.needed("side")
            raise AssertionError("an empty side was let through")
        symbol, price = _symbol(row), row.needed_amount("price")
        sign = -1 if self.mapping.fees_are_negative else 1
        cost = sign * ((row.amount("commission") or Decimal(0)) + (row.amount("fees") or Decimal(0)))
        made_up = self.keys.name("csv", account, time_ns, side.name, symbol, quantity, price)
        key = row.text("id") or made_up
        execution = Execution(
            key, row.text("order_id") or key, EXTERNAL, symbol, side, abs(quantity), price, cost, time_ns,
            account=account,
        )  # fmt: skip
        usual = SHARES_A_CONTRACT if option_terms(symbol) else Decimal(1)
        fact = ExecutionAdopted(execution, self.grounds, row.amount("multiplier") or usual, origin)
        self.statement.executions.append(StatedExecution(fact, row.where, None, has_clock))

    def _change(self, row: _Row, cause: HoldingCause, account: str, day: date) -> None:
        symbol, quantity = _symbol(row), row.amount("quantity") or Decimal(0)
        acquired = row.day("acquired")
        key = row.text("id") or self.keys.name("csv", account, day, cause.name, symbol, quantity)
        fact = HoldingChanged(
            day_ns(day, self.zone), key, cause, symbol, quantity, self.grounds,
            new_symbol=row.text("new_symbol") or None,
            new_quantity=row.amount("new_quantity") or Decimal(0),
            new_shares=row.amount("new"),
            old_shares=row.amount("old"),
            cash=row.amount("amount") or Decimal(0),
            basis=row.amount("basis"),
            acquired_ns=None if acquired is None else day_ns(acquired, self.zone),
            basis_fraction=row.amount("basis_fraction"),
            text=row.text("text"),
            account=account,
        )  # fmt: skip
        self.statement.changes.append(Stated(fact, row.where))


def _symbol(row: _Row) -> str:
    written = row.needed("symbol")
    terms = option_terms(written)
    return terms.symbol if terms is not None else written
