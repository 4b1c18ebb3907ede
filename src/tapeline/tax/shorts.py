"""Short sales: opened, closed by purchase, and what they do to identical stock that is held.

IRC 1233(b)  stock held a year or less at the short sale, or bought while it is open, begins its holding period anew
             on the closing date or on its own earlier sale: in order of acquisition, up to the quantity shorted
IRC 1233(d)  stock held over a year at the short sale makes a loss on closing long-term, up to its quantity
IRC 1091(e)  a loss on closing is disallowed by another short sale within 30 days, which carries it
IRC 1259     shorting stock held at a gain is a constructive sale: refused, or flagged where the policy says so
"""

from __future__ import annotations

from collections.abc import Iterator

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import InstrumentKind
from tapeline.tax.amounts import Number
from tapeline.tax.book import Book
from tapeline.tax.holding_period import is_long_term
from tapeline.tax.lots import Lot, Opening, Position, Treatment
from tapeline.tax.relief import Slice
from tapeline.tax.securities import WINDOW_DAYS, OpenLoss, Security
from tapeline.tax.wash_sales import REPLACED_BY_COVER, REPLACED_BY_LONG_SALE

_STOCK = (InstrumentKind.STOCK, InstrumentKind.FUND_SHARE, InstrumentKind.MUTUAL_FUND)


def open_short(book: Book, position: Position, lot: Lot) -> None:
    """Add a short lot: look at the identical stock that is held, then offer it to open losses on short sales."""
    security, opening = position.security, Opening(lot.acquired, lot.quantity)
    lot.opening = opening
    if _has_rules(position):
        _look_at_held_stock(book, position, lot, opening)
    security.openings.append(opening)
    position.add(lot)
    is_left = not security.short.losses or book.wash_sales.offer(lot, security.short)
    if is_left and position.treatment is Treatment.CAPITAL:
        security.short.insert(lot)


def _has_rules(position: Position) -> bool:
    return position.treatment is Treatment.CAPITAL and position.instrument.kind in _STOCK


def _held_lots(security: Security) -> Iterator[tuple[Position, Lot]]:
    """Iterate over the lots that the rules look at, in order of acquisition."""
    found = [
        (lot.place, at, position, lot)
        for at, position in enumerate(security.positions)
        if position.quantity and not position.is_short and _has_rules(position)
        for lot in position
    ]
    found.sort(key=lambda entry: entry[:2])
    return ((position, lot) for _, _, position, lot in found)


def _look_at_held_stock(book: Book, short: Position, lot: Lot, opening: Opening) -> None:
    security, day = short.security, lot.acquired
    long_term: Number = 0
    for position, held in _held_lots(security):
        if held.basis < lot.basis:
            _constructive_sale(book, short, lot, held)
        if is_long_term(held.holding_start, day) or held.inherited:
            long_term += held.quantity
        else:
            reserve(position, held, opening)
    if long_term:
        claimed = sum(other.long_term for position in security.positions if position.is_short for other in position)
        lot.long_term = max(0, min(lot.quantity, long_term - claimed))


def _constructive_sale(book: Book, short: Position, lot: Lot, held: Lot) -> None:
    if book.policies.refuse_constructive_sales:
        raise TaxRefusal(
            "constructive_sale_1259",
            f"Execution {lot.id} sells {short.symbol} short while lot {held.id} is held at a gain: IRC 1259 taxes that "
            "gain on this day unless an exception applies. Policy refuse_constructive_sales=no flags it instead.",
        )
    book.flags.up("constructive_sale_1259", short.symbol, lot.id)


def reserve(position: Position, lot: Lot, opening: Opening) -> Lot | None:
    """Let a short sale restart a lot's holding period when it is closed; return the part that is not touched."""
    if lot.opening is not None or not opening.room:
        return lot
    rest: Lot | None = None
    if opening.room < lot.quantity:
        lot, rest = position.cut(lot, opening.room), lot
        if rest.eligible and not rest.used:
            position.security.long.insert(lot)
    lot.opening = opening
    opening.restarting.append(lot)
    opening.room -= lot.quantity
    return rest


def reserve_purchase(position: Position, lot: Lot) -> list[Lot]:
    """Reserve a purchase for the short sales that are open; return its parts, first to last."""
    if not _has_rules(position):
        return [lot]
    pieces: list[Lot] = []
    rest: Lot | None = lot
    for opening in position.security.openings:
        if rest is None:
            break
        if not opening.room:
            continue
        if opening.room < rest.quantity:
            first = position.cut(rest, opening.room)
        else:
            first, rest = rest, None
        first.opening = opening
        opening.restarting.append(first)
        opening.room -= first.quantity
        pieces.append(first)
    return [*pieces, rest] if rest is not None else pieces


def release(position: Position, slices: list[Slice], day: int) -> None:
    """Begin the holding period of reserved lots on the day their short sale is closed, up to the quantity closed."""
    security = position.security
    for short, quantity in slices:
        opening = short.opening
        if opening is None:
            continue
        opening.quantity -= quantity
        left = quantity
        if opening.restarting:
            alive = sorted((lot for lot in opening.restarting if lot.quantity), key=lambda lot: lot.place)
            opening.restarting = alive
            for lot in tuple(alive):
                if not left:
                    break
                part = lot if lot.quantity <= left else lot.position.cut(lot, left)
                left -= part.quantity
                part.holding_start, part.opening = day, None
                if part is not lot and part.eligible and not part.used:
                    security.long.insert(part)
            opening.restarting = [lot for lot in opening.restarting if lot.opening is opening]
        opening.room = min(opening.room, opening.quantity)
        if not opening.quantity:
            for lot in opening.restarting:
                lot.opening = None
            security.openings.remove(opening)


def after_cover(book: Book, position: Position, losses: list[OpenLoss], day: int, cover_id: str) -> None:
    """Look for long sales around a loss on a short sale: a warning, or a disallowance where the policy says so."""
    security = position.security
    left = [loss for loss in losses if loss.quantity]
    if not left or security.last_sold < day - WINDOW_DAYS:
        return
    if not book.policies.long_sale_washes_short_loss:
        book.flags.up("long_sale_washes_short_loss", position.symbol, cover_id)
        return
    while security.sales and security.sales[0][0] < day - WINDOW_DAYS:
        security.sales.popleft()
    for loss in left:
        for sale in security.sales:
            taken = min(loss.quantity, sale[1])
            if taken:
                sale[1] -= taken
                book.wash_sales.forgo(loss, taken, cover_id, REPLACED_BY_LONG_SALE)
    _drop_matched(security)


def after_long_sale(book: Book, position: Position, quantity: Number, day: int, sale_id: str) -> None:
    """Look for open losses on short sales at a long sale: a warning, or a disallowance where the policy says so."""
    security = position.security
    security.last_sold = day
    while security.short.losses and security.short.losses[0].last_day < day:
        security.short.losses.popleft()
    if book.policies.long_sale_washes_short_loss:
        for loss in security.short.losses:
            taken = min(quantity, loss.quantity)
            if taken:
                quantity -= taken
                book.wash_sales.forgo(loss, taken, sale_id, REPLACED_BY_LONG_SALE)
        _drop_matched(security)
        if quantity:
            security.sales.append([day, quantity])
    elif security.short.losses:
        book.flags.up("long_sale_washes_short_loss", position.symbol, sale_id)


def _drop_matched(security: Security) -> None:
    losses = security.short.losses
    for loss in [loss for loss in losses if not loss.quantity]:
        losses.remove(loss)


def cover_replaces(book: Book, position: Position, day: int, cover_id: str, first_row: int) -> None:
    """Treat a closing purchase as a replacement of long losses, which raises its cost; by default only a warning."""
    losses = position.security.long.losses
    while losses and losses[0].last_day < day:
        losses.popleft()
    if not losses:
        return
    if not book.policies.cover_counts:
        book.flags.up("cover", position.symbol, cover_id)
        return
    for row in book.dispositions.rows[first_row:]:
        room = row.quantity_units
        while room and losses:
            loss = losses[0]
            taken = min(room, loss.quantity)
            room -= taken
            book.wash_sales.add_to_row(loss, taken, row, REPLACED_BY_COVER)
            if not loss.quantity:
                losses.popleft()
