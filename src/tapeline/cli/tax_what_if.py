"""What `tapeline tax whatif` shows: what a trade that was not made would bring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tapeline.app.tax_prices import above_zero, prices_of
from tapeline.app.taxes import TaxBooks, TaxChoice, open_books
from tapeline.cli.console import show_text
from tapeline.cli.tax_open import disallowance_tree
from tapeline.cli.tax_options import (
    amount,
    head_of,
    new_table,
    print_foot,
    print_json,
    print_table,
    quantity,
    what_disallows,
)
from tapeline.cli.tax_show import TERMS, gain_tree
from tapeline.cli.text_table import TextTable
from tapeline.domain.errors import InputError, UnknownNameError
from tapeline.report.amounts import plural
from tapeline.tax.estimate import Rates, tax_on_rows
from tapeline.tax.events import Buy, Cover, Sell, Short, Trade
from tapeline.tax.gains import Gain
from tapeline.tax.lot_choice import BestLots, best_lots
from tapeline.tax.what_if import LAST_MOMENT, TRADE_ID, Consequence

SIDES: dict[str, type[Trade]] = {"BUY": Buy, "SELL": Sell, "SHORT": Short, "COVER": Cover}


@dataclass(frozen=True, slots=True)
class Wish:
    """A trade as it was asked about. price : empty = the last one traded"""

    side: str
    quantity: str
    symbol: str
    on: str
    price: str


def show_what_if(choice: TaxChoice, wish: Wish, rates: Rates | None, *, as_json: bool) -> None:
    """Print what a trade would bring: gain, term, wash sales both ways, the best lots, an estimate of the tax."""
    books = open_books(choice)
    trade, price_day = _trade(books, wish)
    found = books.what_if.trade(trade, max(books.as_of, trade.trade_date))
    best = best_lots(books.what_if, trade, rates) if rates is not None and isinstance(trade, Sell) else None
    if as_json:
        print_json(_tree(books, wish, trade, price_day, found, rates, best))
        return
    traded = "" if price_day is None else f", the last traded, of {price_day}"
    show_text(
        f"What if: {wish.side.upper()} {quantity(trade.quantity)} {trade.symbol} at {trade.price:,f} USD{traded},"
        f" in account {trade.account} on {trade.trade_date}.\n"
    )
    if found.rows:
        print_table(_rows_table("What it would realize, in USD", found.rows))
        show_text(f"Reported gain or loss {amount(found.gain)}.")
    elif isinstance(trade, Sell | Cover):
        show_text("Nothing would be reported: results inside a retirement account are no gains or losses.")
    for line in (*_wash_lines(found), *_tax_lines(found, rates)):
        show_text(line)
    if best is not None:
        _show_best(best)
    print_foot(books)


def _trade(books: TaxBooks, wish: Wish) -> tuple[Trade, date | None]:
    side = wish.side.upper()
    if side not in SIDES:
        raise UnknownNameError("side", wish.side, SIDES, where="SIDE QUANTITY SYMBOL")
    count = above_zero(wish.quantity, f"Quantity {wish.quantity!r}")
    day, price_day = books.day_of(wish.on), None
    if wish.price:
        price = above_zero(wish.price, f"--price {wish.price}")
    else:
        known = prices_of(books.events, None, ())
        if wish.symbol not in known:
            raise UnknownNameError("symbol", wish.symbol, known, where=f"{', '.join(books.source)} (or give --price)")
        price, price_day = known[wish.symbol]
    return (
        SIDES[side](
            execution_id=TRADE_ID,
            account=_account(books, side, wish.symbol),
            symbol=wish.symbol,
            quantity=count,
            price=price,
            trade_date=day,
            time_of_day=LAST_MOMENT,
        ),
        price_day,
    )


def _account(books: TaxBooks, side: str, symbol: str) -> str:
    if books.account:
        return books.account
    possible = list(books.accounts)
    if side in ("SELL", "COVER"):
        lots = books.result.open_lots()
        possible = sorted({lot.account for lot in lots if lot.symbol == symbol and lot.is_short == (side == "COVER")})
    if len(possible) == 1:
        return possible[0]
    found = "none has it" if not possible else "it could be " + ", ".join(possible)
    raise InputError(f"{side} {symbol}: in which account? {found[0].upper()}{found[1:]}. Name one with --account.")


def _rows_table(title: str, rows: list[Gain]) -> TextTable:
    table = new_table(title, ["lot", "quantity", "acquired", "proceeds", "cost", "disallowed", "gain", "term"])
    for row in rows:
        figures = (row.proceeds, row.cost, row.adjustment, row.gain)
        table.add_row(row.open_id, quantity(row.quantity), str(row.open_date), *map(amount, figures), TERMS[row.term])
    return table


def _wash_lines(found: Consequence) -> Iterator[str]:
    for one in found.washed:
        lost = "for good" if one.is_permanent else "carried into its basis"
        yield (
            f"Wash sale: {amount(one.amount)} of the loss on {quantity(one.quantity)} shares is disallowed, {lost}:"
            f" replaced by {one.lot_id} in {one.account} ({one.rule})."
        )
    for one in found.washes:
        lost = "for good" if one.is_permanent else "carried by what replaces them"
        yield (
            f"Wash sale: it replaces {quantity(one.quantity)} shares sold at a loss on {one.row.close_date}"
            f" ({one.row.close_id} in {one.row.account}): {amount(one.amount)} is disallowed, {lost} ({one.rule})."
        )
    for loss in found.pending:
        yield (
            f"Open until {loss.last_day}: {what_disallows([loss.row])} in any account by then disallows up to"
            f" {amount(loss.amount)} of the loss."
        )
    if not (found.washed or found.washes or found.pending):
        yield "No wash sale, neither of this trade's loss nor by it."
    others = [one for one in found.changed if all(one.row is not washed.row for washed in found.washes)]
    if others:
        yield f"{plural(len(others), 'row')} of other trades would change too, since lots or replacements go elsewhere."


def _tax_lines(found: Consequence, rates: Rates | None) -> Iterator[str]:
    if rates is None:
        if found.rows:
            yield "Give --short-rate and --long-rate for an estimate of the tax and for the best lots."
        return
    if found.rows:
        yield f"Estimated tax: {_tax_words(tax_on_rows(found.rows, rates))}, each row at the rate of its term."


def _tax_words(tax: Decimal) -> str:
    return f"{amount(-tax)} saved on other gains" if tax < 0 else f"{amount(tax)} owed"


def _show_best(best: BestLots) -> None:
    if not best.lots:
        show_text(
            "The account's method already chooses the lots with the least estimated tax"
            + ("." if best.is_exact else ", of the choices tried.")
        )
        return
    table = new_table(f"Best lots{'' if best.is_exact else ' of those tried'}", ["lot", "held from", "quantity"])
    for choice in best.lots:
        table.add_row(choice.lot_id, str(choice.holding_start), quantity(choice.quantity))
    print_table(table)
    show_text(
        f"Identified by settlement, they report {amount(best.consequence.gain)}; estimated tax: {_tax_words(best.tax)}."
    )


def _tree(
    books: TaxBooks,
    wish: Wish,
    trade: Trade,
    price_day: date | None,
    found: Consequence,
    rates: Rates | None,
    best: BestLots | None,
) -> dict[str, Any]:
    return {
        **head_of(books),
        "trade": {
            "side": wish.side.upper(),
            "quantity": trade.quantity,
            "symbol": trade.symbol,
            "price": trade.price,
            "price_of": price_day,
            "account": trade.account,
            "on": trade.trade_date,
        },
        "rows": [gain_tree(row, None) for row in found.rows],
        "gain": found.gain,
        "washed": [disallowance_tree(one) for one in found.washed],
        "washes": [disallowance_tree(one) for one in found.washes],
        "pending": [{"quantity": one.quantity, "amount": one.amount, "until": one.last_day} for one in found.pending],
        "changed": [
            {"loss_id": one.row.close_id, "lot_id": one.row.open_id, "before": one.before, "after": one.after}
            for one in found.changed
        ],
        "permanent": found.permanent,
        "estimated_tax": None if rates is None else tax_on_rows(found.rows, rates),
        "best_lots": None
        if best is None
        else {
            "lots": [
                {"lot_id": one.lot_id, "quantity": one.quantity, "holding_start": one.holding_start}
                for one in best.lots
            ],
            "gain": best.consequence.gain,
            "estimated_tax": best.tax,
            "is_exact": best.is_exact,
        },
    }
