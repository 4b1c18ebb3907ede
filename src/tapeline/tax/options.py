"""What ends an option without a trade, IRC 1234 and Publication 550, table 4-3.

    event                    holder                              writer
    expires                  loss on expiry, by its holding      short-term gain of the premium
    call exercised           premium joins the stock's basis     premium joins the stock's proceeds
    put exercised            premium reduces the proceeds        premium reduces the stock's basis

The option leg comes first: its premium is in the price of the stock leg, which is made here and not imported beside it.
Stock that comes by exercise or assignment starts its holding period that day; if the option has already disallowed a
loss, the stock carries that loss in its basis and is not a second replacement.
"""

from __future__ import annotations

from tapeline.domain.errors import TaxRefusal
from tapeline.tax import shorts
from tapeline.tax.accounts import Method
from tapeline.tax.amounts import nearest, to_price, to_quantity
from tapeline.tax.book import Book, is_put
from tapeline.tax.dispositions import Disposition, Rows, of_share
from tapeline.tax.events import OptionAction, OptionAssignment, OptionExercise, OptionExpiration, OptionPosition
from tapeline.tax.gains import GainKind
from tapeline.tax.lots import Lot, Position
from tapeline.tax.relief import Slice, take


def expire(book: Book, event: OptionExpiration) -> None:
    """Close an option at nothing."""
    is_short = event.position is OptionPosition.SHORT
    position, slices = _take(book, event, is_short=is_short)
    day = event.day.toordinal()
    disposition = Disposition(book.dispositions.security_of_losses(position), side_is_short=is_short)
    if is_short:
        shorts.release(position, slices, day)
        book.dispositions.close_short(
            position, slices, 0, event.event_id, day, event.day, disposition, kind=GainKind.OPTION_EXPIRY
        )
    else:
        book.dispositions.sell(
            position, slices, 0, event.event_id, day, disposition, rows={}, kind=GainKind.OPTION_EXPIRY
        )
    book.dispositions.settle(disposition)


def exercise(book: Book, event: OptionExercise) -> None:
    """Buy stock with a call, or sell it with a put; the premium paid goes into the stock."""
    position, slices = _take(book, event, is_short=False)
    if is_put(position):
        _sell_stock(book, event, position, slices, premium_sign=-1)
    else:
        _buy_stock(book, event, position, slices, premium_sign=1)


def assign(book: Book, event: OptionAssignment) -> None:
    """Sell stock to a call's holder, or buy it from a put's; the premium received goes into the stock."""
    position, slices = _take(book, event, is_short=True)
    shorts.release(position, slices, event.day.toordinal())
    if is_put(position):
        _buy_stock(book, event, position, slices, premium_sign=-1)
    else:
        _sell_stock(book, event, position, slices, premium_sign=1)


def _take(book: Book, event: OptionAction, *, is_short: bool) -> tuple[Position, list[Slice]]:
    instrument = book.instruments.get(event.symbol)
    if instrument is None or instrument.right is None:
        raise TaxRefusal(
            "unknown_option",
            f"Event {event.event_id} ends option {event.symbol!r}, whose right, strike and underlying are not known; "
            "give the engine its instrument.",
        )
    positions = book.short if is_short else book.long
    found = positions.get((event.account, event.symbol))
    method = Method.FIFO if found is None or is_short else book.method(found)
    slices = take(found, to_quantity(event.contracts), method, (), ("Event", event.event_id))
    assert found is not None
    return found, slices


def _stock_price(position: Position, lot: Lot, premium_sign: int) -> int:
    """Return what a share changes hands for with the premium in it, in units."""
    strike = position.instrument.strike
    assert strike is not None
    premium = lot.basis - lot.deferred if position.is_short else lot.basis
    return to_price(strike) + premium_sign * nearest(of_share(premium, position.multiplier))


def _buy_stock(book: Book, event: OptionAction, option: Position, slices: list[Slice], *, premium_sign: int) -> None:
    day, order = event.day.toordinal(), book.next_order()
    stock = book.position(event.account, _underlying(book, option))
    for at, (lot, quantity) in enumerate(slices):
        shares = Lot(
            event.event_id,
            order,
            day,
            order,
            quantity * option.multiplier,
            _stock_price(option, lot, premium_sign),
            day,
            eligible=stock.can_replace,
            used=lot.used and not option.is_short,
        )
        shares.part = (at, 0)
        stock.add(shares)
        book.acquire(stock, shorts.reserve_purchase(stock, shares) if stock.security.openings else [shares])


def _sell_stock(book: Book, event: OptionAction, option: Position, slices: list[Slice], *, premium_sign: int) -> None:
    day, rows = event.day.toordinal(), Rows()
    stock = book.position(event.account, _underlying(book, option))
    disposition = Disposition(stock.security)
    delivered = [
        (
            lot,
            take(
                stock,
                quantity * option.multiplier,
                book.method(stock),
                (),
                ("Event", event.event_id),
            ),
        )
        for lot, quantity in slices
    ]
    for lot, stock_slices in delivered:
        price = _stock_price(option, lot, premium_sign)
        book.dispositions.sell(stock, stock_slices, price, event.event_id, day, disposition, rows=rows)
    book.dispositions.settle(disposition)


def _underlying(book: Book, option: Position) -> str:
    underlying = option.instrument.underlying
    assert underlying is not None
    return book.symbol_now(underlying)
