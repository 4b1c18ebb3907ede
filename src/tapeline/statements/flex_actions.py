"""What changes holdings in a Flex file: corporate actions, options that end, transfers.

A corporate action has a row for each leg: the old shares with a minus, the new ones with a plus, under one actionID.
The ratio stands in the description only ("SPLIT 2 FOR 1", "SPINOFF 1 FOR 5"); without one it is left open, and whoever
needs it asks, or derives it from what was held. The broker books it in the evening before it takes effect, so the day
is that of its report. An option that ends is told twice where both sections are in the query; its trade id makes it
one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tapeline.domain.adopted import Grounds, HoldingCause
from tapeline.domain.cash import CashCause
from tapeline.domain.option_symbol import option_terms
from tapeline.ledger.adopted_facts import CashAdopted, HoldingChanged
from tapeline.statements.flex_rows import FlexRow
from tapeline.statements.model import Keys, Stated, Statement, day_ns

_CAUSES = {
    "FS": HoldingCause.SPLIT, "RS": HoldingCause.SPLIT, "SD": HoldingCause.SPLIT, "FI": HoldingCause.SPLIT,
    "SO": HoldingCause.SPIN_OFF, "TC": HoldingCause.STOCK_MERGER, "IC": HoldingCause.SYMBOL_CHANGE,
    "DW": HoldingCause.WORTHLESS,
}  # fmt: skip
_ENDS = {
    "Exercise": HoldingCause.OPTION_EXERCISE,
    "Assignment": HoldingCause.OPTION_ASSIGNMENT,
    "Expiration": HoldingCause.OPTION_EXPIRY,
}
_ENDS_BY_NOTE = {
    "Ex": HoldingCause.OPTION_EXERCISE,
    "A": HoldingCause.OPTION_ASSIGNMENT,
    "Ep": HoldingCause.OPTION_EXPIRY,
}
_NUMBER = r"(\d+(?:\.\d+)?)"
_RATIO = re.compile(rf"\b{_NUMBER} FOR {_NUMBER}\b", re.IGNORECASE)
_PARENT = re.compile(r"^([A-Z0-9. ]+?)\s*\(")


class FlexActions:
    """Collects the rows of a file; `finish` puts the legs of actions together."""

    def __init__(self, statement: Statement, keys: Keys, zone: ZoneInfo) -> None:
        self.statement, self.keys, self.zone = statement, keys, zone
        self.account = ""
        self._legs: dict[tuple[str, str], list[FlexRow]] = defaultdict(list)
        self._ended: dict[str, HoldingChanged] = {}

    def corporate(self, row: FlexRow) -> None:
        """Take a leg of a corporate action."""
        if row.text("levelOfDetail") == "SUMMARY":
            return
        account = row.text("accountId") or self.account
        action = row.text("actionID") or f"{row.day('dateTime', 'reportDate')} {row.text('description')}"
        self._legs[account, action].append(row)

    def option(self, row: FlexRow) -> None:
        """Take a row of OptionEAE; its Buy and Sell rows are the shares delivered, which stand in Trades."""
        kind = row.needed("transactionType")
        if kind in ("Buy", "Sell"):
            return
        if kind not in _ENDS:
            self.statement.remark(row.where, f"an option ended by {kind}, which is not taken; book it by hand.")
            return
        self._end_option(row, _ENDS[kind])

    def option_from_trade(self, row: FlexRow) -> None:
        """Take a booking of Trades that ends an option."""
        note = next(note for note in ("Ep", "Ex", "A") if note in row.notes)
        self._end_option(row, _ENDS_BY_NOTE[note])

    def transfer(self, row: FlexRow) -> None:
        """Take shares or cash that came from, or went to, another account or broker."""
        account, day = row.text("accountId") or self.account, row.day("date", "dateTime", "reportDate")
        is_in = row.needed("direction") == "IN"
        grounds, time_ns = Grounds(f"flex {account}"), day_ns(day, self.zone)
        text = " ".join(filter(None, (row.text("type"), row.text("direction"), row.text("company"))))
        quantity = abs(row.amount("quantity"))
        cash = row.amount("cashTransfer")
        key = row.text("transactionID") or self.keys.name(
            "flex", account, day, "transfer", row.text("symbol"), quantity, cash
        )
        if cash:
            cause = CashCause.DEPOSIT if cash > 0 else CashCause.WITHDRAWAL
            entry = CashAdopted(time_ns, f"{key}/cash", cause, cash, grounds, None, text, account)
            self.statement.cash.append(Stated(entry, row.where))
        if quantity and row.has("symbol"):
            cause_of = HoldingCause.TRANSFER_IN if is_in else HoldingCause.TRANSFER_OUT
            signed = quantity if is_in else -quantity
            fact = HoldingChanged(
                time_ns, key, cause_of, _symbol(row), signed, grounds, text=text, account=account
            )  # fmt: skip
            self.statement.changes.append(Stated(fact, row.where))
            if is_in:
                self.statement.remark(
                    row.where,
                    f"{fact.symbol} came without basis and date of acquisition; a Flex transfer does not tell them. "
                    "Import a table with both, as docs/statements.md shows.",
                )

    def finish(self) -> None:
        """Add the corporate actions, now that all their legs are known."""
        for (account, action), legs in self._legs.items():
            self._action(account, action, legs)

    def _end_option(self, row: FlexRow, cause: HoldingCause) -> None:
        account, day = row.text("accountId") or self.account, row.day("date", "dateTime", "tradeDate")
        symbol, quantity = _symbol(row), row.needed_amount("quantity")
        key = (
            row.text("tradeID") or row.text("transactionID") or self.keys.name("flex", account, day, cause.name, symbol)
        )
        fact = HoldingChanged(
            day_ns(day, self.zone), f"{key}/{cause.name.lower()}", cause, symbol, quantity, Grounds(f"flex {account}"),
            account=account,
        )  # fmt: skip
        if self._ended.setdefault(fact.entry_id, fact) is fact:
            self.statement.changes.append(Stated(fact, row.where))

    def _action(self, account: str, action: str, legs: list[FlexRow]) -> None:
        first = legs[0]
        kind = first.needed("type")
        text = first.text("actionDescription") or first.text("description")
        cause = _CAUSES.get(kind)
        cash = sum((leg.amount("proceeds") for leg in legs), Decimal(0))
        by_symbol: dict[str, Decimal] = defaultdict(Decimal)
        for leg in legs:
            by_symbol[_symbol(leg).removesuffix(".OLD")] += leg.amount("quantity")
        gone = [(symbol, quantity) for symbol, quantity in by_symbol.items() if quantity < 0]
        come = [(symbol, quantity) for symbol, quantity in by_symbol.items() if quantity > 0]
        if cause is HoldingCause.STOCK_MERGER and not come:
            cause = HoldingCause.CASH_MERGER
        sides = _sides(cause, by_symbol, gone, come, text)
        if cause is None or sides is None:
            self.statement.remark(
                first.where,
                f"corporate action {kind} of {_symbol(first)} was not taken ({text}). Book it with a table, as "
                "docs/statements.md shows.",
            )
            return
        new, old = _ratio(kind, text, cause, legs)
        day = first.day("reportDate", "dateTime")
        fact = HoldingChanged(
            day_ns(day, self.zone), f"{account}/{action}", cause, grounds=Grounds(f"flex {account}"),
            new_shares=new, old_shares=old, cash=cash, text=text, account=account, **sides,
        )  # fmt: skip
        self.statement.changes.append(Stated(fact, first.where))


def _sides(
    cause: HoldingCause | None,
    by_symbol: dict[str, Decimal],
    gone: list[tuple[str, Decimal]],
    come: list[tuple[str, Decimal]],
    text: str,
) -> dict[str, Any] | None:
    """Return what an action took and gave, None where the legs are not those of its kind."""
    if cause is HoldingCause.SPLIT and len(by_symbol) == 1:
        ((symbol, quantity),) = by_symbol.items()
        return {"symbol": symbol, "quantity": quantity}
    if cause is HoldingCause.SPIN_OFF and len(come) == 1 and not gone:
        parent = _PARENT.match(text)
        if parent is None:
            return None
        symbol, quantity = come[0]
        return {"symbol": parent.group(1), "quantity": Decimal(0), "new_symbol": symbol, "new_quantity": quantity}
    if cause in (HoldingCause.WORTHLESS, HoldingCause.CASH_MERGER) and len(gone) == 1 and not come:
        return {"symbol": gone[0][0], "quantity": gone[0][1]}
    if cause in (HoldingCause.STOCK_MERGER, HoldingCause.SYMBOL_CHANGE) and len(gone) == len(come) == 1:
        return {
            "symbol": gone[0][0], "quantity": gone[0][1], "new_symbol": come[0][0], "new_quantity": come[0][1],
        }  # fmt: skip
    return None


def _ratio(
    kind: str, text: str, cause: HoldingCause, legs: list[FlexRow]
) -> tuple[Decimal, Decimal] | tuple[None, None]:
    found = _RATIO.search(text)
    if found is not None and cause in (HoldingCause.SPLIT, HoldingCause.SPIN_OFF, HoldingCause.STOCK_MERGER):
        new, old = Decimal(found.group(1)), Decimal(found.group(2))
        # A stock dividend of 1 for 20 leaves 21 where 20 were.
        return new + old if kind == "SD" else new, old
    if cause is HoldingCause.STOCK_MERGER:
        quantities = [leg.amount("quantity") for leg in legs]
        return sum((q for q in quantities if q > 0), Decimal(0)), -sum((q for q in quantities if q < 0), Decimal(0))
    return None, None


def _symbol(row: FlexRow) -> str:
    terms = option_terms(row.needed("symbol"))
    return terms.symbol if terms is not None else row.text("symbol")
