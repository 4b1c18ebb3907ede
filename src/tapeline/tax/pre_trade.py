"""Before the trade: would an order make a wash sale, and how much of a loss would it cost?

    found = wash_sale_check(engine, Buy(... account="roth", symbol="XYZ", quantity=Decimal(40) ...))
    if found is not None and WashSaleLimit.REFUSE_PERMANENT.refuses(found):
        ...                                   # found.sentence names loss, shares, days and rule

A purchase is held against the losses that are still open; a sale against the shares that are held and free. Nothing is
changed: the engine's own queues are looked at, so the answer costs microseconds where nothing stands in them, and it is
what the engine would disallow if the order were filled at its price now. What purchases of the next 30 days would do to
the loss is not known to anybody. Under the policy replacement_must_be_held = no, shares that were sold before are not
looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum

from tapeline.tax.accounts import Method
from tapeline.tax.amounts import Number, cents, divided, dollars, per_share, shares, to_amount, to_price, to_quantity
from tapeline.tax.book import Book
from tapeline.tax.dispositions import of_contract
from tapeline.tax.engine import TaxEngine
from tapeline.tax.events import Buy, Cover, Sell, Short, Trade
from tapeline.tax.lots import Lot, Part, Position, Treatment
from tapeline.tax.securities import WINDOW_DAYS, Security, Side
from tapeline.tax.wash_sales import factor_of

Slice = tuple[Lot, Number]


class WashSaleLimit(Enum):
    """What is done about an order that would make a wash sale."""

    OFF = "off"
    WARN = "warn"
    REFUSE_PERMANENT = "refuse_permanent"
    REFUSE = "refuse"

    def refuses(self, found: WashSaleFound) -> bool:
        """Return whether an order with this finding is denied."""
        if self is WashSaleLimit.REFUSE_PERMANENT:
            return found.permanent > 0
        return self is WashSaleLimit.REFUSE


@dataclass(frozen=True, slots=True)
class WashSaleFound:
    """What an order would disallow.

    quantity : shares of a loss that would be replaced; amount : the loss that would be disallowed
    permanent : of it, what no basis would take up
    others : the sales whose loss it is, or the purchases that replace it
    clear_from : the first day on which none of them stands in the way any more
    """

    order: Trade
    quantity: Decimal
    amount: Decimal
    permanent: Decimal
    others: tuple[str, ...]
    clear_from: date

    @property
    def sentence(self) -> str:
        """What would happen, with the numbers, and what to do."""
        order, named = self.order, ", ".join(self.others[:3]) + (" and more" if len(self.others) > 3 else "")
        lost = f", {self.permanent:,.2f} of it for good (Rev. Rul. 2008-5)" if self.permanent else ""
        if isinstance(order, Buy | Short):
            done = "Buying" if isinstance(order, Buy) else "Selling short"
            what = f"would replace {self.quantity:f} shares sold at a loss ({named}): {self.amount:,.2f} disallowed"
        else:
            done = "Selling" if isinstance(order, Sell) else "Covering"
            what = (
                f"would make a loss, {self.amount:,.2f} of it disallowed: {self.quantity:f} shares replaced by {named}"
            )
        return (
            f"{done} {order.quantity:f} {order.symbol} at {order.price:f} in account {order.account} on"
            f" {order.trade_date} {what}{lost} (IRC 1091). It is clear from {self.clear_from} on."
        )


def wash_sale_check(engine: TaxEngine, order: Trade) -> WashSaleFound | None:
    """Return what an order would disallow if it were filled now at its price; None where it makes no wash sale.

    order : a Buy, Sell, Short or Cover not before the last event that the engine has taken
    Raises UnknownNameError for an account that the engine does not know.
    """
    book, day = engine.book, order.trade_date.toordinal()
    is_short_side = isinstance(order, Short | Cover)
    position = book.position(order.account, order.symbol, is_short=is_short_side)
    if isinstance(order, Buy):
        if not (position.can_replace and order.acquisition.is_purchase):
            return None
        found = _Found(order, book)
        left = _replaces(found, position.security.long, position, to_quantity(order.quantity), 1, day)
        if position.is_call and position.underlying is not None:
            _replaces(found, position.underlying.long, position, left, position.multiplier, day)
        return found.whole(WINDOW_DAYS + 1)
    if isinstance(order, Short):
        found = _Found(order, book)
        if position.treatment is Treatment.CAPITAL:
            _replaces(found, position.security.short, position, to_quantity(order.quantity), 1, day)
        return found.whole(WINDOW_DAYS + 1)
    if position.treatment is not Treatment.CAPITAL or day < position.washes_from or not position.quantity:
        return None
    security = book.dispositions.security_of_losses(position)
    side = security.short if is_short_side else security.long
    return _is_replaced(_Found(order, book), position, security, side, day)


class _Found:
    """Adds up what would be disallowed."""

    def __init__(self, order: Trade, book: Book) -> None:
        self.order, self.book = order, book
        self.quantity: Number = 0
        self.amount: Number = 0
        self.permanent: Number = 0
        self.others: dict[str, None] = {}
        self.last_day = 0

    def add(self, taken: Number, loss: Number, name: str, day: int, *, absorbs: bool) -> None:
        self.quantity += taken
        self.amount += taken * loss
        self.permanent += 0 if absorbs else taken * loss
        self.others[name] = None
        self.last_day = max(self.last_day, day)

    def whole(self, days: int) -> WashSaleFound | None:
        if not self.quantity:
            return None
        return WashSaleFound(
            self.order,
            shares(self.quantity),
            dollars(cents(self.amount)),
            dollars(cents(self.permanent)),
            tuple(self.others),
            date.fromordinal(self.last_day) + timedelta(days=days),
        )


def _replaces(found: _Found, side: Side, position: Position, quantity: Number, factor: Number, day: int) -> Number:
    """Offer a purchase to the open losses, oldest first; return the units that are left."""
    room = quantity * factor
    for loss in side.losses:
        if not room:
            break
        if loss.last_day < day or (
            loss.option is not None and position.multiplier != 1 and position.symbol != loss.option
        ):
            continue
        taken = min(room, loss.quantity)
        room -= taken
        found.add(taken, loss.per_share, loss.row.close_id, loss.day, absorbs=position.absorbs)
    return divided(room, factor)


def _is_replaced(found: _Found, position: Position, security: Security, side: Side, day: int) -> WashSaleFound | None:
    """Match the losses of a sale with the free lots of the window, as the engine would after it."""
    order, policies = found.order, found.book.policies
    window = [
        lot
        for lot in side.recent[side.head :]
        if lot.quantity and not lot.used and day - WINDOW_DAYS <= lot.acquired <= day
    ]
    if not window:
        return None
    slices = list(_slices(found.book, position, order))
    sold = {id(lot): count for lot, count in slices}
    free = {id(lot): (lot, (lot.quantity - sold.get(id(lot), 0)) * factor_of(lot, security)) for lot in window}
    for loss in _losses(position, slices, order, security):
        for key, (lot, room) in free.items():
            if not loss.quantity:
                break
            is_other_option = (
                loss.option is not None and lot.position.multiplier != 1 and lot.position.symbol != loss.option
            )
            is_older = not policies.prior_lot_counts and not lot.position.is_short and lot.place < loss.place
            if not room or lot.acquisition == loss.acquisition or is_other_option or is_older:
                continue
            taken = min(room, loss.quantity)
            free[key] = lot, room - taken
            loss.quantity -= taken
            found.add(taken, loss.per_share, lot.id, lot.acquired, absorbs=lot.position.absorbs)
    return found.whole(WINDOW_DAYS + 1)


@dataclass(slots=True)
class _Loss:
    quantity: Number
    per_share: int
    acquisition: int
    place: tuple[int, int, Part]
    option: str | None


def _losses(position: Position, slices: list[Slice], order: Trade, security: Security) -> list[_Loss]:
    """Return the losing slices, in the order in which they are offered replacements."""
    sign = 1 if position.is_short else -1
    costs = per_share(to_amount(order.commission + order.fees), to_quantity(order.quantity))
    price = of_contract(to_price(order.price), position.multiplier) + sign * costs
    is_joined = security is not position.security  # an option that is declared to be its stock
    factor = position.multiplier if is_joined else 1
    found = []
    for lot, count in slices:
        loss = price + lot.deferred - lot.basis if position.is_short else lot.basis - price
        if loss > 0:
            option = position.symbol if is_joined else None
            found.append(_Loss(count * factor, per_share(loss, factor), lot.acquisition, lot.place, option))
    return sorted(found, key=lambda loss: loss.place[:2])


def _slices(book: Book, position: Position, order: Trade) -> Iterator[Slice]:
    """Yield what the order would take, as `relief.take` does, and leave it there."""
    left, method = to_quantity(order.quantity), Method.FIFO
    if isinstance(order, Sell):
        method = book.method(position)
    if method is Method.AVERAGE:
        position.spread()
    lots = list(position)
    named: dict[int, Number] = {}
    if isinstance(order, Sell | Cover):
        for choice in order.lots:
            wanted = to_quantity(choice.quantity)
            for lot in lots:
                if (
                    wanted
                    and lot.id == choice.lot_id
                    and choice.holding_start in (None, date.fromordinal(lot.holding_start))
                ):
                    taken = min(wanted, lot.quantity)
                    named[id(lot)] = taken
                    wanted, left = wanted - taken, left - taken
                    yield lot, taken
    if method is Method.LIFO:
        lots.reverse()
    elif method is Method.HIFO:
        lots.sort(key=lambda lot: (-lot.basis, lot.place))
    for lot in lots:
        taken = min(left, lot.quantity - named.get(id(lot), 0))
        if taken:
            left -= taken
            yield lot, taken
