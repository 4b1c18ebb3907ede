"""What a row of a table of trades means: a reader for each word that may stand in its column `side`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tapeline.domain.errors import UnknownNameError
from tapeline.feeds.table_row import TableRow
from tapeline.tax import events
from tapeline.tax.accounts import Method

NEEDED = ("id", "time", "side", "symbol")
"""The columns that every table has."""

COLUMNS = (
    *NEEDED, "account", "quantity", "price", "commission", "fees", "order_id", "settlement_date",
    "account_type", "owner", "acquisition", "holding_start", "lots", "identified_on", "confirmed",
    "type", "multiplier", "right", "underlying", "strike", "expiry",
    "position", "new_symbol", "new", "old", "cash_in_lieu", "basis_fraction_new", "fair_value_new",
    "basis", "acquired", "to_account", "method", "note",
)  # fmt: skip
"""Every column that a table may have."""

ZERO = Decimal(0)


def event_of(row: TableRow) -> events.Event:
    """Return the event of a row. Raises DataError for a side that nobody knows, and what the row's readers raise."""
    side = row.needed("side").upper()
    reader = _READERS.get(side)
    if reader is None:
        raise row.fault(str(UnknownNameError("side", side, _READERS)))
    return reader(row)


def _trade(row: TableRow) -> dict[str, Any]:
    day, clock = row.moment()
    return {
        "execution_id": row.needed("id"),
        "account": row.text("account") or "main",
        "symbol": row.needed("symbol"),
        "quantity": row.number("quantity"),
        "price": row.number("price"),
        "commission": row.number("commission", ZERO),
        "fees": row.number("fees", ZERO),
        "trade_date": day,
        "time_of_day": clock,
        "settlement_date": row.day("settlement_date"),
        "order_id": row.text("order_id") or None,
    }


def _lots(row: TableRow) -> tuple[events.LotChoice, ...]:
    found = []
    for word in row.text("lots").split():
        lot_id, colon, count = word.rpartition(":")
        if not colon or not count.replace(".", "", 1).isdigit():
            raise row.fault(f"lots {row.text('lots')!r} is no list of lots. Write it like b1:50 b2:10.")
        found.append(events.LotChoice(lot_id, Decimal(count)))
    return tuple(found)


def _buy(row: TableRow) -> events.Event:
    how = row.choice("acquisition", events.Acquisition, events.Acquisition.PURCHASE)
    return events.Buy(**_trade(row), acquisition=how, holding_start=row.day("holding_start"))


def _sell(row: TableRow) -> events.Event:
    identified_on, confirmed = row.day("identified_on"), row.truth("confirmed", default=True)
    return events.Sell(**_trade(row), lots=_lots(row), identified_on=identified_on, confirmed=confirmed)


def _short(row: TableRow) -> events.Event:
    return events.Short(**_trade(row))


def _cover(row: TableRow) -> events.Event:
    return events.Cover(**_trade(row), lots=_lots(row))


def _action(row: TableRow) -> dict[str, Any]:
    return {"event_id": row.needed("id"), "day": row.moment()[0], "symbol": row.needed("symbol")}


def _ratio(row: TableRow) -> dict[str, Any]:
    """Return new and old shares, and what the row's account was paid for a fraction."""
    paid = row.number("cash_in_lieu", ZERO)
    cash = {row.text("account") or "main": paid} if row.text("cash_in_lieu") else {}
    return {"new": row.number("new"), "old": row.number("old", Decimal(1)), "cash_in_lieu": cash}


def _split(row: TableRow) -> events.Event:
    return events.StockSplit(**_action(row), **_ratio(row))


def _spin_off(row: TableRow) -> events.Event:
    fraction = row.number("basis_fraction_new") if row.text("basis_fraction_new") else None
    return events.SpinOff(
        **_action(row), **_ratio(row), new_symbol=row.needed("new_symbol"), basis_fraction_new=fraction
    )


def _merger(row: TableRow) -> events.Event:
    return events.StockMerger(
        **_action(row),
        **_ratio(row),
        new_symbol=row.needed("new_symbol"),
        cash_per_share=row.number("price", ZERO),
        fair_value_new=row.number("fair_value_new") if row.text("fair_value_new") else None,
    )


def _transfer_in(row: TableRow) -> events.Event:
    acquired = row.day("acquired")
    if acquired is None:
        raise row.fault("column 'acquired' is empty; a lot from outside needs the day it was acquired.")
    return events.TransferIn(
        **_action(row),
        account=row.text("account") or "main",
        quantity=row.number("quantity"),
        basis=row.number("basis") if row.text("basis") else None,
        acquired=acquired,
        holding_start=row.day("holding_start"),
    )


def _transfer(row: TableRow) -> events.Event:
    return events.Transfer(
        **_action(row),
        quantity=row.number("quantity"),
        account=row.text("account") or "main",
        to_account=row.needed("to_account"),
        lots=_lots(row),
    )


def _option(kind: type[events.OptionAction]) -> Callable[[TableRow], events.Event]:
    def read(row: TableRow) -> events.Event:
        more: dict[str, Any] = {}
        if kind is events.OptionExpiration:
            more["position"] = row.choice("position", events.OptionPosition, events.OptionPosition.LONG)
        contracts = row.number("quantity")
        return kind(**_action(row), account=row.text("account") or "main", contracts=contracts, **more)

    return read


def _standing_order(row: TableRow) -> events.Event:
    return events.StandingOrder(
        event_id=row.needed("id"),
        day=row.moment()[0],
        account=row.text("account") or "main",
        method=row.choice("method", Method),
    )


_READERS: dict[str, Callable[[TableRow], events.Event]] = {
    "BUY": _buy,
    "SELL": _sell,
    "SHORT": _short,
    "COVER": _cover,
    "EXERCISE": _option(events.OptionExercise),
    "ASSIGNMENT": _option(events.OptionAssignment),
    "EXPIRATION": _option(events.OptionExpiration),
    "SPLIT": _split,
    "SPIN_OFF": _spin_off,
    "MERGER": _merger,
    "CASH_MERGER": lambda row: events.CashMerger(**_action(row), cash_per_share=row.number("price")),
    "RETURN_OF_CAPITAL": lambda row: events.ReturnOfCapital(**_action(row), per_share=row.number("price")),
    "SYMBOL_CHANGE": lambda row: events.SymbolChange(**_action(row), new_symbol=row.needed("new_symbol")),
    "WORTHLESS": lambda row: events.Worthless(**_action(row)),
    "YEAR_END_MARK": lambda row: events.MarkToMarket(**_action(row), price=row.number("price")),
    "TRANSFER_IN": _transfer_in,
    "TRANSFER": _transfer,
    "METHOD": _standing_order,
}
"""How each word of the column `side` is read."""
