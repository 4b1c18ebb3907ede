"""Transfers: lots that move with their history. They are neither a sale nor an acquisition."""

from __future__ import annotations

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import AccountKind, Method
from tapeline.tax.amounts import per_share, to_amount, to_quantity
from tapeline.tax.book import Book
from tapeline.tax.events import Transfer, TransferIn
from tapeline.tax.lots import Lot
from tapeline.tax.relief import take


def transfer_in(book: Book, event: TransferIn) -> None:
    """Add a lot from outside with its basis and dates.

    It was bought by the same taxpayer, so within the window it replaces what a purchase here would have replaced.
    """
    if event.basis is None:
        raise TaxRefusal(
            "missing_basis",
            f"Transfer {event.event_id} brings {event.quantity} {event.symbol} without basis; ask the delivering "
            "broker. A basis is never taken for zero.",
        )
    if event.acquired > event.day:
        raise TaxRefusal(
            "acquired_after_transfer",
            f"Transfer {event.event_id} of {event.day} brings shares acquired on {event.acquired}; correct one.",
        )
    position, order = book.position(event.account, event.symbol), book.next_order()
    quantity, acquired = to_quantity(event.quantity), event.acquired.toordinal()
    start = acquired if event.holding_start is None else event.holding_start.toordinal()
    lot = Lot(
        event.event_id,
        order,
        acquired,
        order,
        quantity,
        per_share(to_amount(event.basis), quantity),
        start,
        eligible=position.can_replace,
        used=start != acquired,
    )
    position.add(lot)
    book.acquire(position, [lot])


def transfer(book: Book, event: Transfer) -> None:
    """Move lots between own accounts with basis, dates and used marks."""
    kinds = [book.accounts[name].kind for name in (event.account, event.to_account) if name in book.accounts]
    if len({kind is AccountKind.RETIREMENT for kind in kinds}) > 1:
        raise TaxRefusal(
            "distribution_is_an_acquisition",
            f"Transfer {event.event_id} moves {event.symbol} between a retirement account and another one: that is a "
            "contribution or a distribution at fair market value. Give it as a sale, a purchase or both.",
        )
    source = book.long.get((event.account, event.symbol))
    quantity = to_quantity(event.quantity)
    slices = take(source, quantity, Method.FIFO, event.lots, ("Transfer", event.event_id))
    target = book.position(event.to_account, event.symbol)
    for lot, taken in slices:
        is_whole = not lot.quantity
        lot.quantity += taken
        if is_whole:
            target.add(lot)
            continue
        piece = lot.cut(taken)
        target.add(piece)
        if piece.eligible and not piece.used:
            target.security.long.insert(piece)
            if target.is_call and target.underlying is not None:
                target.underlying.long.insert(piece)
