"""Year-end marks: section 1256 contracts and section 475(f) accounts are taxed as if sold at the year's last price.

The row of a mark has the market value as its proceeds, and the same value is the lot's basis from then on. Rows are
60/40 (Form 6781) or ordinary (Form 4797), never Form 8949, and their losses are under no wash-sale rule.
"""

from __future__ import annotations

from collections.abc import Iterable

from tapeline.tax.amounts import to_price
from tapeline.tax.book import Book
from tapeline.tax.dispositions import Rows, of_contract, year_of
from tapeline.tax.events import MarkToMarket
from tapeline.tax.gains import Gain, GainKind, Term
from tapeline.tax.lots import Lot, Position, Treatment

MARK_MISSING = "section_1256_mark_missing"
_MARKED = {Treatment.SECTION_1256: Term.SECTION_1256, Treatment.ORDINARY: Term.ORDINARY}


def mark(book: Book, event: MarkToMarket) -> None:
    """Mark every lot of a symbol that a year-end mark applies to."""
    day = event.day.toordinal()
    for position in book.of_symbol(event.symbol):
        term = _MARKED.get(position.treatment)
        if term is None:
            continue
        value, rows = of_contract(to_price(event.price), position.multiplier), Rows()
        for lot in position:
            _mark_lot(book, position, lot, value, term, event.event_id, day, rows)
        position.ranked = None


def _mark_lot(
    book: Book, position: Position, lot: Lot, value: int, term: Term, event_id: str, day: int, rows: Rows
) -> None:
    year = year_of(day)
    brought, cost = (lot.basis, value + lot.deferred) if position.is_short else (value, lot.basis)
    start = lot.acquired if position.is_short else lot.holding_start
    row = rows.get((lot.id, start, term))
    if row is None:
        row = rows[lot.id, start, term] = Gain(
            position.account.name,
            position.symbol,
            lot.id,
            event_id,
            lot.acquired,
            start,
            day,
            0,
            0,
            0,
            term,
            year,
            GainKind.YEAR_END_MARK,
        )
        book.dispositions.rows.append(row)
    row.quantity_units += lot.quantity
    row.proceeds_units += lot.quantity * brought
    row.cost_units += lot.quantity * cost
    lot.basis, lot.deferred, lot.marked_year = value, 0, year


def check_marks(book: Book, position: Position, lots: list[Lot], day: int, event_id: str) -> None:
    """Flag lots that went over a year's end without the mark that their treatment asks for."""
    if lacks_mark(position, lots, year_of(day)):
        book.flags.up(MARK_MISSING, position.symbol, event_id)


def lacks_mark(position: Position, lots: Iterable[Lot], year: int) -> bool:
    """Return whether a position in a year has lots that were not marked at the end of the year before."""
    return position.treatment in _MARKED and any(
        max(lot.marked_year, year_of(lot.acquired) - 1) < year - 1 for lot in lots
    )
