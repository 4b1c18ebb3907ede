"""What `tapeline tax lots`, `wash` and `harvest` show: what is held, what was disallowed, what could be realized."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from tapeline.app.tax_prices import prices_of
from tapeline.app.taxes import TaxBooks, TaxChoice, open_books
from tapeline.cli.console import show_text
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
from tapeline.cli.text_table import TextTable
from tapeline.domain.errors import InputError
from tapeline.report.amounts import plural
from tapeline.tax.amounts import cents, dollars
from tapeline.tax.estimate import Rates, tax_on_rows
from tapeline.tax.harvest import Harvest, harvests
from tapeline.tax.result import OpenLot, PendingLoss
from tapeline.tax.wash_sales import Disallowance

ZERO = Decimal(0)


def show_lots(choice: TaxChoice, *, whole: bool, as_json: bool) -> None:
    """Print open lots with their adjusted basis, and when each becomes long-term."""
    books = open_books(choice)
    lots = [lot for lot in books.result.open_lots() if books.is_asked(lot.account)]
    if as_json:
        print_json({**head_of(books), "lots": [_lot_tree(lot, books.as_of) for lot in lots]})
        return
    if not lots:
        show_text(f"Nothing is held or short on {books.as_of}.")
    else:
        print_table(_lots_table(books, lots), whole=whole)
        held = [lot for lot in lots if not lot.is_short]
        basis = amount(sum((lot.cost_basis for lot in held), ZERO))
        show_text(f"{plural(len(lots), 'lot')}, basis of what is held {basis}.")
        if any(lot.holding_start != lot.acquired for lot in held):
            show_text(
                "*: the holding period starts earlier, or later, than the lot was acquired; the term counts from it."
            )
        if any(lot.is_short for lot in lots):
            show_text("Short positions show proceeds less the loss they carry; closed by purchase they are short-term.")
    print_foot(books)


def _lot_tree(lot: OpenLot, as_of: date) -> dict[str, Any]:
    return {
        "account": lot.account,
        "symbol": lot.symbol,
        "lot_id": lot.open_id,
        "is_short": lot.is_short,
        "quantity": lot.quantity,
        "acquired": lot.acquired,
        "holding_start": lot.holding_start,
        "basis": lot.cost_basis,
        "proceeds": lot.proceeds,
        "deferred_loss": lot.deferred_loss,
        "long_term_from": lot.long_term_from,
        "days_to_long_term": _days_left(lot, as_of),
    }


def _days_left(lot: OpenLot, as_of: date) -> int | None:
    return None if lot.long_term_from is None else max(0, (lot.long_term_from - as_of).days)


def _lots_table(books: TaxBooks, lots: list[OpenLot]) -> TextTable:
    names = ["account", "symbol", "lot", "quantity", "acquired", "", "basis", "per share", "days", "long-term from"]
    table = new_table(f"Open lots on {books.as_of} in USD", names)
    for lot in lots:
        total = lot.proceeds - lot.deferred_loss if lot.is_short else lot.cost_basis
        days = _days_left(lot, books.as_of)
        table.add_row(
            lot.account,
            lot.symbol,
            lot.open_id,
            quantity(-lot.quantity if lot.is_short else lot.quantity),
            str(lot.acquired),
            "" if lot.holding_start == lot.acquired else f"* {lot.holding_start}",
            amount(total),
            f"{total / lot.quantity:,.4f}",
            "" if days is None else f"{days:,}",
            "" if lot.long_term_from is None else str(lot.long_term_from) if days else "now",
        )
    return table


def show_wash(choice: TaxChoice, *, whole: bool, as_json: bool) -> None:
    """Print a year's disallowed losses with their replacements and rules, and those still open to one."""
    books = open_books(choice)
    result = books.result
    found = [one for one in result.disallowances if one.row.tax_year == books.year and books.is_asked(one.row.account)]
    pending = [loss for loss in result.pending_losses(books.as_of) if books.is_asked(loss.row.account)]
    # of rows, so that it is the total of the gains to the cent: several disallowances of one row are rounded together
    total = sum((row.adjustment for row in result.gains(books.year) if books.is_asked(row.account)), ZERO)
    permanent = dollars(cents(sum(one.amount_units for one in found if one.is_permanent)))
    if as_json:
        print_json(
            {
                **head_of(books),
                "disallowed": [disallowance_tree(one) for one in found],
                "totals": {"disallowed": total, "deferred": total - permanent, "permanent": permanent},
                "pending": [_pending_tree(loss) for loss in pending],
            }
        )
        return
    if found:
        print_table(_wash_table(books, found), whole=whole)
        show_text(
            f"Disallowed {amount(total)}: {amount(total - permanent)} went into the basis of replacements and comes"
            f" back when these are sold, {amount(permanent)} is lost for good."
        )
    else:
        show_text(f"No loss of {books.year} was disallowed as a wash sale.")
    for line in _pending_lines(pending):
        show_text(line)
    print_foot(books)


def _pending_lines(pending: list[PendingLoss]) -> Iterator[str]:
    by_symbol: dict[str, list[PendingLoss]] = {}
    for loss in pending:
        by_symbol.setdefault(loss.row.symbol, []).append(loss)
    for symbol, losses in by_symbol.items():
        count = quantity(sum((loss.quantity for loss in losses), ZERO))
        most = amount(sum((loss.amount for loss in losses), ZERO))
        first, last = min(loss.row.close_date for loss in losses), max(loss.last_day for loss in losses)
        yield (
            f"Still open: {count} {symbol} closed at a loss since {first};"
            f" {what_disallows(loss.row for loss in losses)} until {last} disallows up to {most}."
        )


def disallowance_tree(one: Disallowance) -> dict[str, Any]:
    """Return a disallowance for a program: the loss, the replacement, the rule."""
    row = one.row
    return {
        "loss_account": row.account,
        "loss_symbol": row.symbol,
        "loss_id": row.close_id,
        "loss_lot_id": row.open_id,
        "sold": row.close_date,
        "account": one.account,
        "symbol": one.symbol,
        "lot_id": one.lot_id,
        "rule": one.rule,
        "quantity": one.quantity,
        "amount": one.amount,
        "is_permanent": one.is_permanent,
        "holding_start_before": one.holding_start_before,
        "holding_start_after": one.holding_start_after,
    }


def _pending_tree(loss: PendingLoss) -> dict[str, Any]:
    return {
        "account": loss.row.account,
        "symbol": loss.row.symbol,
        "loss_id": loss.row.close_id,
        "sold": loss.row.close_date,
        "quantity": loss.quantity,
        "amount": loss.amount,
        "until": loss.last_day,
    }


def _wash_table(books: TaxBooks, found: list[Disallowance]) -> TextTable:
    names = ["sold", "symbol", "loss", "quantity", "disallowed", "replaced by", "in", "rule"]
    table = new_table(f"Wash sales of {books.year} in USD", names)
    for one in found:
        table.add_row(
            str(one.row.close_date),
            one.row.symbol,
            one.row.close_id,
            quantity(one.quantity),
            amount(one.amount),
            one.lot_id if one.symbol == one.row.symbol else f"{one.lot_id} ({one.symbol})",
            one.account,
            one.rule + (", for good" if one.is_permanent else ""),
        )
    return table


def show_harvest(
    choice: TaxChoice, on: str, prices: Path | None, price: list[str], rates: Rates | None, *, as_json: bool
) -> None:
    """Print the losses that could be realized, and what a wash sale would take of each."""
    books = open_books(choice)
    day = books.day_of(on)
    if day < books.as_of:
        raise InputError(
            f"--on {day} lies before the last event, of {books.as_of}. Give it as --as-of to look from there."
        )
    known = prices_of(books.events, prices, price)
    lots = [lot for lot in books.result.open_lots() if books.is_asked(lot.account)]
    at = {symbol: value for symbol, (value, _) in known.items()}
    found = sorted(harvests(books.what_if, books.engine.book, lots, at, day), key=lambda one: -one.allowed)
    if as_json:
        print_json({**head_of(books), "on": day, "harvests": [_harvest_tree(one, known, rates) for one in found]})
        return
    if found:
        print_table(_harvest_table(found, day, rates))
        show_text(f"Together {amount(sum((one.allowed for one in found), ZERO))} could be used, each sale alone.")
        for one in found:
            for line in _harvest_lines(one, day):
                show_text(line)
        traded = sorted({(one.symbol, known[one.symbol][1]) for one in found if known[one.symbol][1]})
        if traded:
            said = ", ".join(f"{symbol} {day}" for symbol, day in traded[:6]) + (", ..." if len(traded) > 6 else "")
            show_text(f"Prices of the last trade: {said}. Give newer ones with --price SYMBOL=PRICE or --prices FILE.")
    else:
        show_text(f"Nothing that is held stands below its basis on {day} at the prices known.")
    print_foot(books)


def _harvest_tree(one: Harvest, known: Any, rates: Rates | None) -> dict[str, Any]:
    return {
        "account": one.account,
        "symbol": one.symbol,
        "price": one.price,
        "price_of": known[one.symbol][1],
        "quantity": one.quantity,
        "loss": one.loss,
        "disallowed": one.disallowed,
        "permanent": one.permanent,
        "allowed": one.allowed,
        "safe_to_sell": one.safe_to_sell,
        "safe_to_buy": one.safe_to_buy,
        "lots": [
            {"lot_id": row.open_id, "quantity": row.quantity, "gain": row.gain, "term": row.term.value}
            for row in one.rows
        ],
        "replaced_by": [disallowance_tree(other) for other in one.replaced_by],
        "estimated_tax": None if rates is None else tax_on_rows(one.rows, rates),
    }


def _harvest_table(found: list[Harvest], day: date, rates: Rates | None) -> TextTable:
    names = ["account", "symbol", "quantity", "price", "amount", "disallowed", "gain", "terms"]
    if rates is not None:
        names.append("estimated tax")
    table = new_table(f"Losses that could be realized on {day} in USD", names)
    for one in found:
        terms = sorted({row.term.value for row in one.rows})
        table.add_row(
            one.account,
            one.symbol,
            quantity(one.quantity),
            f"{one.price:,f}",
            amount(-one.loss),
            amount(one.disallowed) if one.disallowed else "",
            amount(-one.allowed),
            "+".join(terms),
            *([] if rates is None else [amount(tax_on_rows(one.rows, rates))]),
        )
    return table


def _harvest_lines(one: Harvest, day: date) -> list[str]:
    if not one.disallowed:
        return [f"{one.symbol} in {one.account}: no wash sale now; buy none in any account before {one.safe_to_buy}."]
    named = ", ".join(sorted({f"{other.lot_id} in {other.account}" for other in one.replaced_by}))
    lost = f", {amount(one.permanent)} of it for good" if one.permanent else ""
    return [
        f"{one.symbol} in {one.account}: {amount(one.disallowed)} would be disallowed{lost}, replaced by {named};"
        f" safe to sell from {one.safe_to_sell} on if nothing is bought until then, nor in the 30 days after."
    ]
