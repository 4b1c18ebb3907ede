"""Corporate actions on lots: what a company does changes quantities, bases and names, and only sometimes makes a gain.

    split, stock dividend   quantity x ratio, basis / ratio; dates and used marks stay; open losses are rescaled too
    spin-off (355)          every lot splits its basis by relative value; the new shares keep date and holding period
    stock merger (368)      basis and dates carry over; with cash, gain up to the cash, lot by lot, no loss (356)
    cash merger             a sale of every lot
    return of capital       reduces the basis lot by lot; what exceeds a lot's basis is gain now (301(c))
    symbol change           the same security
    cash in lieu            the fraction of the whole position, received and sold

Shares that come by an action are no purchase, so they replace nothing (Reg. 1.1091-1(f)).
"""

from __future__ import annotations

from fractions import Fraction

from tapeline.domain.errors import TaxRefusal
from tapeline.tax.accounts import Method
from tapeline.tax.amounts import SHARE, Number, nearest, per_share, shares, times, to_amount, to_price
from tapeline.tax.book import Book
from tapeline.tax.dispositions import Disposition, year_of
from tapeline.tax.events import (
    CashMerger,
    ReturnOfCapital,
    SpinOff,
    StockMerger,
    StockSplit,
    SymbolChange,
    Worthless,
)
from tapeline.tax.gains import Gain, GainKind, Term
from tapeline.tax.holding_period import is_long_term
from tapeline.tax.lots import Lot, Opening, Position, Treatment
from tapeline.tax.policies import FractionFrom
from tapeline.tax.relief import take
from tapeline.tax.securities import OpenLoss, Security


def split(book: Book, event: StockSplit) -> None:
    """Rescale the lots, short positions and open losses of a symbol."""
    ratio = _ratio(event)
    security = book.securities.of(event.symbol)
    positions = book.of_symbol(event.symbol)
    for position in positions:
        for lot in position:
            _rescale(lot, ratio)
        position.quantity, position.ranked = times(position.quantity, ratio), None
    for opening in security.openings:
        if any(lot.opening is opening for position in positions if position.is_short for lot in position):
            opening.quantity, opening.room = times(opening.quantity, ratio), times(opening.room, ratio)
    for side in (security.long, security.short):
        for loss in side.losses:
            if loss.symbol == event.symbol:
                loss.quantity, loss.per_share = times(loss.quantity, ratio), nearest(loss.per_share / ratio)
    for piece in security.sold_slices:
        piece.quantity = times(piece.quantity, ratio)
    for sale in security.sales:
        sale[1] = times(sale[1], ratio)
    _flag_options(book, event.symbol, event.event_id)
    _pay_fractions(book, event, event.symbol)


def _ratio(event: StockSplit | SpinOff | StockMerger) -> Fraction:
    if not (event.new.is_finite() and event.old.is_finite() and event.new > 0 and event.old > 0):
        raise TaxRefusal(
            "positive_quantities",
            f"Event {event.event_id}: {event.new} for {event.old} is no ratio of amounts above zero.",
        )
    return Fraction(event.new) / Fraction(event.old)


def _rescale(lot: Lot, ratio: Fraction) -> None:
    lot.quantity, lot.long_term = times(lot.quantity, ratio), times(lot.long_term, ratio)
    lot.basis, lot.deferred = nearest(lot.basis / ratio), nearest(lot.deferred / ratio)


def _flag_options(book: Book, symbol: str, event_id: str) -> None:
    security = book.securities.of(symbol)
    if any(position.underlying is security and position.quantity for position in book.all_positions()):
        book.flags.up("option_adjustment", symbol, event_id)


def _pay_fractions(book: Book, event: StockSplit | SpinOff | StockMerger, symbol: str) -> None:
    """Sell the fraction of each account's whole position for the cash it was paid."""
    for account, cash in event.cash_in_lieu.items():
        position = book.position(account, symbol)
        fraction = position.quantity % SHARE
        if not fraction:
            raise TaxRefusal(
                "cash_in_lieu_without_fraction",
                f"Event {event.event_id} pays account {account} {cash} for a fraction of {symbol}, where it holds "
                f"{shares(position.quantity)} shares; a purchase, transfer or split is missing.",
            )
        latest = book.policies.fraction_from is FractionFrom.LATEST
        slices = take(position, fraction, Method.LIFO if latest else Method.FIFO, (), ("Event", event.event_id))
        disposition = Disposition(position.security)
        price = per_share(to_amount(cash), fraction)
        day = event.day.toordinal()
        book.dispositions.sell(
            position, slices, price, event.event_id, day, disposition, rows={}, kind=GainKind.CASH_IN_LIEU
        )
        book.dispositions.settle(disposition)


def spin_off(book: Book, event: SpinOff) -> None:
    """Give every lot a child with its part of the basis, its dates, and no power to replace."""
    if event.basis_fraction_new is None:
        raise TaxRefusal(
            "missing_basis_allocation",
            f"Spin-off {event.event_id} of {event.new_symbol} from {event.symbol} has no basis fraction; take it from "
            "the issuer's Form 8937.",
        )
    ratio, fraction = _ratio(event), Fraction(event.basis_fraction_new)
    if not 0 <= fraction <= 1:
        raise TaxRefusal(
            "missing_basis_allocation",
            f"Spin-off {event.event_id}: basis fraction must lie between 0 and 1, found {event.basis_fraction_new}.",
        )
    for position in book.of_symbol(event.symbol):
        child = book.position(position.account.name, event.new_symbol, is_short=position.is_short)
        for lot in position:
            moved = nearest(lot.basis * fraction)
            piece = _converted(lot, times(lot.quantity, ratio), nearest(moved / ratio))
            lot.basis -= moved
            child.add(piece)
            if child.is_short:
                piece.opening = Opening(lot.acquired, piece.quantity)
                child.security.openings.append(piece.opening)
        position.ranked = None
    _flag_options(book, event.symbol, event.event_id)
    _pay_fractions(book, event, event.new_symbol)


def _converted(lot: Lot, quantity: Number, basis: int) -> Lot:
    """Return a lot of new shares with the dates of an old one; they came by no purchase."""
    piece = Lot(
        lot.id,
        lot.acquisition,
        lot.acquired,
        lot.order,
        quantity,
        basis,
        lot.holding_start,
        eligible=False,
        inherited=lot.inherited,
    )
    piece.part, piece.is_rest, piece.marked_year = lot.part, lot.is_rest, lot.marked_year
    return piece


def stock_merger(book: Book, event: StockMerger) -> None:
    """Exchange every lot for new shares; with cash, recognize gain lot by lot up to it."""
    ratio, cash = _ratio(event), to_price(event.cash_per_share)
    if cash and event.fair_value_new is None:
        raise TaxRefusal(
            "missing_fair_value",
            f"Merger {event.event_id} pays cash beside {event.new_symbol}; the gain needs the value of a new share.",
        )
    value = cash + nearest(to_price(event.fair_value_new) * ratio) if event.fair_value_new is not None else 0
    security = book.securities.of(event.symbol)
    if book.policies.successor_is_identical:
        _rename_losses(security, event.symbol, event.new_symbol)
        successor = book.securities.rename(event.symbol, event.new_symbol)
    else:
        successor = book.securities.of(event.new_symbol)
        if security.long.losses and successor is not security:
            book.flags.up("successor", event.symbol, event.event_id)
    for position in book.of_symbol(event.symbol):
        if position.is_short and cash:
            raise TaxRefusal(
                "short_in_reorganization",
                f"Account {position.account.name} is short {event.symbol} in merger {event.event_id}, which pays cash "
                "and stock; no rule at hand divides it. Close the short sale before.",
            )
        new = book.position(position.account.name, event.new_symbol, is_short=position.is_short)
        for lot in position:
            if cash:
                _recognize_boot(book, position, lot, cash, value, event)
            _exchange(lot, position, new, ratio, is_same=new.security is position.security)
        position.ranked = None
    if book.policies.successor_is_identical:
        for side in (successor.long, successor.short):
            for loss in side.losses:
                if loss.symbol == event.new_symbol and loss.row.symbol == event.symbol:
                    loss.quantity, loss.per_share = times(loss.quantity, ratio), nearest(loss.per_share / ratio)
    _flag_options(book, event.symbol, event.event_id)
    _pay_fractions(book, event, event.new_symbol)


def _recognize_boot(book: Book, position: Position, lot: Lot, cash: int, value: int, event: StockMerger) -> None:
    """IRC 356: gain is the lesser of realized gain and cash; the row shows cash and cash less gain."""
    gain = min(max(value - lot.basis, 0), cash)
    _write(
        book,
        position,
        lot,
        lot.quantity * cash,
        lot.quantity * (cash - gain),
        event.event_id,
        event.day.toordinal(),
        GainKind.BOOT,
    )
    lot.basis += gain - cash


def _exchange(lot: Lot, old: Position, new: Position, ratio: Fraction, *, is_same: bool) -> None:
    """Move a lot to the position of the new shares; within one identity it keeps what it can replace."""
    quantity = lot.quantity
    old.quantity -= quantity
    old.remove(lot)
    if is_same:
        _rescale(lot, ratio)
        new.add(lot)
        return
    piece = _converted(lot, times(quantity, ratio), nearest(lot.basis / ratio))
    if new.is_short:
        piece.used, piece.deferred = lot.used, nearest(lot.deferred / ratio)
        opening = Opening(lot.acquired, piece.quantity)
        piece.opening = opening
        new.security.openings.append(opening)
        if lot.opening in old.security.openings:
            old.security.openings.remove(lot.opening)
    lot.quantity = 0
    new.add(piece)


def _write(
    book: Book, position: Position, lot: Lot, proceeds: Number, cost: Number, event_id: str, day: int, kind: GainKind
) -> None:
    """Write or add to the row of a lot for an event that leaves the lot open."""
    if position.treatment is Treatment.NOT_REPORTED:
        return
    if position.treatment is Treatment.CAPITAL:
        is_long = lot.inherited or is_long_term(lot.holding_start, day)
        term = Term.LONG if is_long else Term.SHORT
    else:
        term = Term.ORDINARY if position.treatment is Treatment.ORDINARY else Term.SECTION_1256
    key = (position.account.name, event_id, lot.id, lot.holding_start, term)
    rows = book.dispositions.rows
    at = len(rows) - 1
    while at >= 0 and rows[at].close_id == event_id and rows[at].account == key[0]:
        if rows[at].key == key:
            rows[at].quantity_units += lot.quantity
            rows[at].proceeds_units += proceeds
            rows[at].cost_units += cost
            return
        at -= 1
    row = Gain(
        key[0],
        position.symbol,
        lot.id,
        event_id,
        lot.acquired,
        lot.holding_start,
        day,
        lot.quantity,
        proceeds,
        cost,
        term,
        year_of(day),
        kind,
    )
    row.inherited = lot.inherited
    rows.append(row)


def cash_merger(book: Book, event: CashMerger | Worthless) -> None:
    """Sell every lot and close every short sale at the cash price, as one disposition."""
    is_worthless = isinstance(event, Worthless)
    if is_worthless and (event.day.month, event.day.day) != (12, 31):
        raise TaxRefusal(
            "worthless_on_last_day",
            f"Event {event.event_id} makes {event.symbol} worthless on {event.day}; IRC 165(g) puts it on 31 December.",
        )
    price = 0 if isinstance(event, Worthless) else to_price(event.cash_per_share)
    kind = GainKind.WORTHLESS if is_worthless else GainKind.MERGER
    day, security = event.day.toordinal(), book.securities.of(event.symbol)
    sale, closing = Disposition(security), Disposition(security, side_is_short=True)
    for position in book.of_symbol(event.symbol):
        slices = take(position, position.quantity, Method.FIFO, (), ("Event", event.event_id))
        if position.is_short:
            book.dispositions.close_short(position, slices, price, event.event_id, day, event.day, closing, kind=kind)
            security.openings = [opening for opening in security.openings if opening is not slices[0][0].opening]
        else:
            book.dispositions.sell(position, slices, price, event.event_id, day, sale, rows={}, kind=kind)
    book.dispositions.settle(sale)
    book.dispositions.settle(closing)
    _flag_options(book, event.symbol, event.event_id)


def return_of_capital(book: Book, event: ReturnOfCapital) -> None:
    """Reduce every lot's basis; what exceeds it is gain, without netting between lots."""
    amount, day = to_price(event.per_share), event.day.toordinal()
    for position in book.of_symbol(event.symbol):
        if position.is_short:
            book.flags.up("payment_in_lieu", event.symbol, event.event_id)
            continue
        if book.method(position) is Method.AVERAGE and position.instrument.allows_average_basis:
            position.spread()
        for lot in position:
            excess = amount - lot.basis
            lot.basis = max(0, -excess)
            if excess > 0:
                _write(book, position, lot, lot.quantity * excess, 0, event.event_id, day, GainKind.RETURN_OF_CAPITAL)
        position.ranked = None


def change_symbol(book: Book, event: SymbolChange) -> None:
    """Follow a security to its new symbol with lots, open losses and used marks."""
    old, new = event.symbol, event.new_symbol
    if old == new:
        return
    security = book.securities.of(old)
    instrument = book.instruments.get(old)
    if instrument is not None and new not in book.instruments:
        book.instruments[new] = instrument
    for positions in (book.long, book.short):
        for key in [key for key in positions if key[1] == old]:
            position = positions.pop(key)
            target = positions.get((key[0], new))
            position.symbol = new
            if target is None:
                positions[key[0], new] = position
                continue
            for lot in position:
                position.remove(lot)
                target.add(lot)
            position.quantity = 0
    _rename_losses(security, old, new)
    book.securities.rename(old, new)
    book.renamed[old] = new
    book.renamed.pop(new, None)


def _rename_losses(security: Security, old: str, new: str) -> None:
    losses: list[OpenLoss] = [*security.long.losses, *security.short.losses]
    for loss in losses:
        if loss.symbol == old:
            loss.symbol = new
