"""Alpaca's account activities: pages of JSON as the API gives them, or a CSV with the same names as columns.

    {"id": "20250106153000123::8efc...", "activity_type": "FILL", "transaction_time": "2025-01-06T15:30:00.123Z",
     "type": "fill", "side": "buy", "qty": "100", "price": "20.00", "symbol": "XYZ", "order_id": "9048..."}

Fills carry no fees: those are entries of their own (FEE, CFEE, PTC). Corporate actions are pairs of rows, minus what
was held and plus what came; a spin-off does not name the shares it came from and becomes a remark, as do types that
nobody knows. The account is named by who reads, because an activity does not always name it. Field facts: Alpaca's
documentation of account activities, read 2026-11.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tapeline.domain.adopted import EXTERNAL, Grounds, HoldingCause, Origin
from tapeline.domain.cash import CashCause
from tapeline.domain.errors import DataError, InputError, UnknownNameError
from tapeline.domain.execution import Execution
from tapeline.domain.option_symbol import SHARES_A_CONTRACT, option_terms
from tapeline.domain.words import Side
from tapeline.ledger.adopted_facts import CashAdopted, ExecutionAdopted, HoldingChanged
from tapeline.statements.model import (
    NEW_YORK,
    Stated,
    StatedBust,
    StatedExecution,
    Statement,
    day_ns,
    day_of,
    is_amount,
    moment_ns,
    unique,
)

SIZE_MAX_BYTES = 1_000_000_000

CASH = {
    "CSD": CashCause.DEPOSIT, "CSW": CashCause.WITHDRAWAL, "JNLC": CashCause.JOURNALED, "ACATC": CashCause.JOURNALED,
    "DIV": CashCause.DIVIDEND, "DIVCGL": CashCause.DIVIDEND, "DIVCGS": CashCause.DIVIDEND,
    "DIVTXEX": CashCause.DIVIDEND, "CGD": CashCause.DIVIDEND,
    "DIVNRA": CashCause.TAX_WITHHELD, "DIVTW": CashCause.TAX_WITHHELD, "DIVFT": CashCause.TAX_WITHHELD,
    "DIVWH": CashCause.TAX_WITHHELD, "INTNRA": CashCause.TAX_WITHHELD, "INTTW": CashCause.TAX_WITHHELD,
    "WH": CashCause.TAX_WITHHELD,
    "INT": CashCause.INTEREST,
    "FEE": CashCause.FEE, "CFEE": CashCause.FEE, "DIVFEE": CashCause.FEE, "PTC": CashCause.FEE, "PTR": CashCause.FEE,
}  # fmt: skip
"""Activity types that only move cash."""

_PAIRED = {
    "SPLIT": HoldingCause.SPLIT, "SSP": HoldingCause.SPLIT, "NC": HoldingCause.SYMBOL_CHANGE,
    "SC": HoldingCause.SYMBOL_CHANGE, "MA": HoldingCause.STOCK_MERGER,
}  # fmt: skip
_ENDS = {
    "OPXRC": HoldingCause.OPTION_EXERCISE,
    "OPASN": HoldingCause.OPTION_ASSIGNMENT,
    "OPEXP": HoldingCause.OPTION_EXPIRY,
}
_SIDES = {"buy": Side.BUY, "buy_to_cover": Side.BUY, "sell": Side.SELL, "sell_short": Side.SELL}
FIELDS = (
    "id", "activity_type", "activity_sub_type", "account_id", "transaction_time", "type", "price", "qty", "side",
    "symbol", "leaves_qty", "order_id", "cum_qty", "order_status", "date", "net_amount", "per_share_amount", "cusip",
    "status", "description", "created_at", "group_id", "currency", "previous_id", "execution_id", "swap_rate",
    "ca_id", "parent_id", "leg_index", "settle_date",
)  # fmt: skip
"""The fields an activity may have; a CSV column of another name is refused."""


def read_alpaca(path: Path, account: str = "alpaca", zone: str = NEW_YORK) -> Statement:
    """Return what a file of activities says: a JSON list, a JSON list of pages, or a CSV.

    account : the name to give it; zone : of the exchange, in which a day begins
    Raises UnknownNameError for a file that is not there, DataError, naming the entry, for one that cannot be used.
    """
    if not path.is_file():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UnknownNameError("file", path.name, beside, where=f"folder {path.parent.resolve()}")
    if path.stat().st_size > SIZE_MAX_BYTES:
        raise DataError(f"{path} has more than {SIZE_MAX_BYTES:,} bytes. Fetch shorter periods.")
    rows = _csv_rows(path) if path.suffix.lower() == ".csv" else _json_rows(path)
    return statement_of(rows, account, zone)


def statement_of(
    activities: Iterable[tuple[str, Mapping[str, Any]]], account: str = "alpaca", zone: str = NEW_YORK
) -> Statement:
    """Return what activities say, each given with the words that name its place."""
    reader = _AlpacaReader(account, ZoneInfo(zone))
    for where, activity in activities:
        reader.take(_Activity(activity, where))
    return reader.finish()


def _json_rows(path: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    try:
        with path.open(encoding="utf-8") as file:
            found = json.load(file, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError) as exc:
        raise DataError(f"{path} is no readable JSON ({exc}). If it was cut off, fetch it again.") from exc
    pages = found if isinstance(found, list) and all(isinstance(page, list) for page in found) else [found]
    place = 0
    for page in pages:
        if not isinstance(page, list):
            raise DataError(f"{path} is no list of activities. Save the answer of /v2/account/activities as it came.")
        for activity in page:
            place += 1
            if not isinstance(activity, dict):
                raise DataError(f"{path} entry {place} is no activity but {type(activity).__name__}.")
            yield f"{path} entry {place}", activity


def _csv_rows(path: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, strict=True)
            names = [name.strip() for name in next(lines, [])]
            for name in names:
                if name not in FIELDS:
                    raise UnknownNameError("column", name, FIELDS, where=f"{path}; map it with --format csv")
            for cells in lines:
                if len(cells) != len(names):
                    raise DataError(
                        f"{path} line {lines.line_num}: it has {len(cells)} cells where the header has {len(names)}."
                    )
                yield f"{path} line {lines.line_num}", dict(zip(names, cells, strict=True))
    except (csv.Error, UnicodeDecodeError) as exc:
        raise DataError(f"{path} is no readable CSV file ({exc}). Export it again as UTF-8 text.") from exc


class _Activity:
    """One activity, its fields read as what they are meant to be."""

    def __init__(self, fields: Mapping[str, Any], where: str) -> None:
        self.fields, self.where = fields, where

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        return "" if value is None else str(value).strip()

    def needed(self, name: str) -> str:
        found = self.text(name)
        if not found:
            kind = self.text("activity_type") or "activity"
            raise self.fault(f"{kind} has no {name}. Fetch it again, or leave the entry out.")
        return found

    def amount(self, name: str) -> Decimal:
        written = self.text(name) or "0"
        try:
            value = Decimal(written)
        except InvalidOperation:
            value = Decimal("NaN")
        if not is_amount(value):
            raise self.fault(f"{name} {written[:40]!r} is no number of an account.")
        return value

    def day(self) -> date:
        written = self.needed("date")
        try:
            return date.fromisoformat(written[:10])
        except ValueError as exc:
            raise self.fault(f"date {written!r} is no date such as 2025-01-31.") from exc

    def moment(self) -> int:
        written = self.needed("transaction_time")
        try:
            moment = datetime.fromisoformat(written)
        except ValueError as exc:
            raise self.fault(f"transaction_time {written!r} is no time such as 2025-01-31T15:30:00Z.") from exc
        if moment.tzinfo is None:
            raise self.fault(f"transaction_time {written!r} has no zone. Alpaca writes UTC with a Z; fetch it again.")
        return moment_ns(moment)

    def symbol(self) -> str:
        written = self.needed("symbol")
        terms = option_terms(written)
        return terms.symbol if terms is not None else written

    def fault(self, sentence: str) -> DataError:
        return DataError(f"{self.where}: {sentence}")


class _AlpacaReader:
    def __init__(self, account: str, zone: ZoneInfo) -> None:
        self.account, self.zone = account, zone
        self.grounds = Grounds(f"alpaca {account}")
        self.statement = Statement(f"alpaca {account}", fees_apart=True)
        self._pairs: dict[tuple[HoldingCause, date, str], list[_Activity]] = defaultdict(list)
        self._delivered: list[_Activity] = []

    def take(self, activity: _Activity) -> None:
        kind = activity.needed("activity_type")
        if activity.text("status") in ("canceled", "rejected", "pending", "queued"):
            self._remark(activity, f"{kind} is {activity.text('status')} and was not taken.")
            return
        if activity.text("currency") not in ("", "USD"):
            self._remark(activity, f"{kind} in {activity.text('currency')} was not taken; book it in USD by hand.")
            return
        try:
            self._take(kind, activity)
        except DataError:
            raise
        except InputError as exc:
            raise activity.fault(str(exc)) from exc

    def finish(self) -> Statement:
        for (cause, day, _), rows in self._pairs.items():
            self._pair(cause, day, rows)
        ended = {
            (change.fact.event_time_ns, terms.underlying): change.fact.cause
            for change in self.statement.changes
            if (terms := option_terms(change.fact.symbol)) is not None
        }
        for activity in self._delivered:
            self._deliver(activity, ended)
        return unique(self.statement)

    def _take(self, kind: str, activity: _Activity) -> None:
        if kind == "FILL":
            self._fill(activity)
        elif kind in CASH:
            self._cash(activity, CASH[kind])
        elif kind == "DIVROC":
            cash = activity.amount("net_amount")
            self._change(activity, HoldingCause.RETURN_OF_CAPITAL, activity.symbol(), Decimal(0), cash=cash)
        elif kind in _ENDS:
            self._change(activity, _ENDS[kind], activity.symbol(), activity.amount("qty"))
        elif kind in ("JNLS", "ACATS"):
            quantity = activity.amount("qty")
            cause = HoldingCause.TRANSFER_IN if quantity > 0 else HoldingCause.TRANSFER_OUT
            self._change(activity, cause, activity.symbol(), quantity)
            if quantity > 0:
                self._remark(
                    activity,
                    f"{activity.symbol()} came without basis and date of acquisition; an activity does not tell them. "
                    "Import a table with both, as docs/statements.md shows.",
                )
        elif kind in _PAIRED:
            cause = _PAIRED[kind]
            group = activity.text("group_id") or (activity.symbol() if cause is HoldingCause.SPLIT else "")
            self._pairs[cause, activity.day(), group].append(activity)
        elif kind in ("SPIN", "SSO"):
            self._remark(
                activity,
                f"spin-off of {activity.symbol()}: an activity does not name the shares it came from, nor the part of "
                "their basis. Book it with a table, as docs/statements.md shows.",
            )
        elif kind == "OPTRD":
            self._delivered.append(activity)
        else:
            self._remark(activity, f"activity type {kind} is not taken; what it means for the books is not known.")

    def _fill(self, activity: _Activity) -> None:
        word = activity.needed("side")
        if word not in _SIDES:
            raise activity.fault(str(UnknownNameError("side", word, _SIDES)))
        time_ns = activity.moment()
        self._covers(day_of(time_ns, self.zone))
        symbol, key = activity.symbol(), activity.needed("id")
        execution = Execution(
            key, activity.text("order_id") or key, EXTERNAL, symbol, _SIDES[word], activity.amount("qty"),
            activity.amount("price"), Decimal(0), time_ns, account=self.account,
        )  # fmt: skip
        kind = activity.text("type")
        if kind in ("trade_bust", "trade_correct"):
            before = activity.needed("previous_id")
            if kind == "trade_bust":
                self.statement.busts.append(StatedBust(before, self.account, time_ns, activity.where, execution))
                return
        elif kind not in ("", "fill", "partial_fill"):
            known = ("fill", "partial_fill", "trade_correct", "trade_bust")
            raise activity.fault(str(UnknownNameError("type of fill", kind, known)))
        multiplier = SHARES_A_CONTRACT if option_terms(symbol) else Decimal(1)
        origin = Origin.SHORT_SALE if word == "sell_short" else Origin.TRADE
        fact = ExecutionAdopted(execution, self.grounds, multiplier, origin)
        corrects = activity.needed("previous_id") if kind == "trade_correct" else None
        self.statement.executions.append(StatedExecution(fact, activity.where, corrects))

    def _cash(self, activity: _Activity, cause: CashCause) -> None:
        day = activity.day()
        self._covers(day)
        symbol = activity.symbol() if activity.text("symbol") else None
        text = " ".join(filter(None, (activity.text("activity_sub_type"), activity.text("description"))))
        fact = CashAdopted(
            day_ns(day, self.zone), activity.needed("id"), cause, activity.amount("net_amount"), self.grounds, symbol,
            text, self.account,
        )  # fmt: skip
        self.statement.cash.append(Stated(fact, activity.where))

    def _change(
        self, activity: _Activity, cause: HoldingCause, symbol: str, quantity: Decimal, **terms: Any
    ) -> HoldingChanged:
        day = activity.day()
        self._covers(day)
        fact = HoldingChanged(
            day_ns(day, self.zone), activity.needed("id"), cause, symbol, quantity, self.grounds,
            text=activity.text("description"), account=self.account, **terms,
        )  # fmt: skip
        self.statement.changes.append(Stated(fact, activity.where))
        return fact

    def _pair(self, cause: HoldingCause, day: date, rows: list[_Activity]) -> None:
        gone = [row for row in rows if row.amount("qty") < 0]
        come = [row for row in rows if row.amount("qty") > 0]
        cash = sum((row.amount("net_amount") for row in rows), Decimal(0))
        first = min(rows, key=lambda row: row.needed("id"))
        out = -sum((row.amount("qty") for row in gone), Decimal(0))
        into = sum((row.amount("qty") for row in come), Decimal(0))
        symbols_gone, symbols_come = {row.symbol() for row in gone}, {row.symbol() for row in come}
        terms: dict[str, Any] = {"cash": cash}
        if gone and come:
            terms |= {"new_shares": into, "old_shares": out}
        if cause is HoldingCause.SPLIT and len(symbols_gone | symbols_come) == 1:
            self._change(first, cause, first.symbol(), into - out, **terms)
        elif cause is HoldingCause.STOCK_MERGER and len(symbols_gone) == 1 and not come:
            self._change(first, HoldingCause.CASH_MERGER, gone[0].symbol(), -out, **terms)
        elif len(symbols_gone) == len(symbols_come) == 1:
            old, new = gone[0].symbol(), come[0].symbol()
            self._change(first, cause, old, -out, new_symbol=new, new_quantity=into, **terms)
        else:
            named = ", ".join(sorted(symbols_gone | symbols_come))
            self._remark(
                first,
                f"{cause.word} on {day} of {named} was not taken: its rows do not tell what became of what. Book it "
                "with a table, as docs/statements.md shows.",
            )

    def _deliver(self, activity: _Activity, ended: Mapping[tuple[int, str], HoldingCause]) -> None:
        quantity, day = activity.amount("qty"), activity.day()
        key, time_ns = activity.needed("id"), day_ns(day, self.zone)
        cause = ended.get((time_ns, activity.symbol()))
        if cause is None:
            self._remark(activity, "shares were delivered for an option, but no activity of that day ends one.")
            return
        origin = Origin.EXERCISE if cause is HoldingCause.OPTION_EXERCISE else Origin.ASSIGNMENT
        execution = Execution(
            key, key, EXTERNAL, activity.symbol(), Side.BUY if quantity > 0 else Side.SELL, abs(quantity),
            activity.amount("price"), Decimal(0), time_ns, account=self.account,
        )  # fmt: skip
        fact = ExecutionAdopted(execution, self.grounds, origin=origin)
        self.statement.executions.append(StatedExecution(fact, activity.where, has_clock=False))

    def _covers(self, day: date) -> None:
        self.statement.covers(day, day)

    def _remark(self, activity: _Activity, sentence: str) -> None:
        self.statement.remark(activity.where, sentence)
