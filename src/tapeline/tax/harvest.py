"""Losses that could be realized: what stands below its basis, and whether selling it would be a wash sale.

For each account and symbol the losing lots are sold together in a what-if, so what would be disallowed, by which
purchases, is what the engine would say. A purchase stands in the way for 30 days after it; once sold, nothing identical
may be bought for 30 days, in any account, reinvested dividends included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from tapeline.tax.accounts import Method
from tapeline.tax.book import Book
from tapeline.tax.events import Event, LotChoice, Sell, StockSplit, Trade, day_of
from tapeline.tax.gains import Gain
from tapeline.tax.lot_choice import free_lots
from tapeline.tax.lots import Position, Treatment
from tapeline.tax.result import OpenLot
from tapeline.tax.securities import WINDOW_DAYS
from tapeline.tax.wash_sales import Disallowance
from tapeline.tax.what_if import LAST_MOMENT, TRADE_ID, WhatIf

ZERO = Decimal(0)


@dataclass(frozen=True)
class Harvest:
    """The losing lots of one symbol in one account, as if sold together.

    rows : what the sale would report, lot by lot
    loss : economic; disallowed : of it, by shares that are held; both above zero
    permanent : of what is disallowed, what is lost for good
    replaced_by : the purchases that stand in the way
    safe_to_sell : the first day on which none of them does any more, if nothing is bought; None = now
    safe_to_buy : the first day on which a new purchase leaves the loss of a sale now alone
    """

    account: str
    symbol: str
    price: Decimal
    quantity: Decimal
    rows: list[Gain]
    loss: Decimal
    disallowed: Decimal
    permanent: Decimal
    replaced_by: list[Disallowance]
    safe_to_sell: date | None
    safe_to_buy: date

    @property
    def allowed(self) -> Decimal:
        """What of the loss could be used."""
        return self.loss - self.disallowed


def harvests(
    what_if: WhatIf, book: Book, lots: Iterable[OpenLot], prices: Mapping[str, Decimal], on: date
) -> Iterator[Harvest]:
    """Yield what could be harvested on a day, by account and symbol; symbols without a price are left out.

    book, lots : of the engine that has taken every event, none of them after `on`
    prices : a share or point of each symbol
    """
    losing: dict[tuple[str, str], list[OpenLot]] = {}
    for lot in lots:
        price = prices.get(lot.symbol)
        if price is None or lot.is_short:
            continue
        position = book.position(lot.account, lot.symbol)
        value = price * position.instrument.multiplier * lot.quantity
        if position.treatment is Treatment.CAPITAL and value < lot.cost_basis:
            losing.setdefault((lot.account, lot.symbol), []).append(lot)
    for (account, symbol), found in losing.items():
        yield _harvest(what_if, book.position(account, symbol), book, found, prices[symbol], on)


def _harvest(what_if: WhatIf, position: Position, book: Book, lots: list[OpenLot], price: Decimal, on: date) -> Harvest:
    is_average = book.method(position) is Method.AVERAGE
    named = tuple(LotChoice(lot.open_id, lot.quantity, lot.holding_start) for lot in lots)
    quantity = sum((lot.quantity for lot in lots), ZERO)
    sale = Sell(
        execution_id=TRADE_ID,
        account=position.account.name,
        symbol=position.symbol,
        quantity=quantity,
        price=price,
        trade_date=on,
        time_of_day=LAST_MOMENT,
        lots=() if is_average else named,
    )
    found = what_if.trade(sale, on)
    security = book.dispositions.security_of_losses(position)
    acquired = {(lot.position.account.name, lot.id): lot.acquired for lot in free_lots(security, on.toordinal())}
    blocking = [acquired.get((one.account, one.lot_id), on.toordinal()) for one in found.washed]
    disallowed = sum((row.adjustment for row in found.rows), ZERO)
    return Harvest(
        position.account.name,
        position.symbol,
        price,
        quantity,
        found.rows,
        disallowed - found.gain,
        disallowed,
        found.permanent,
        found.washed,
        date.fromordinal(max(blocking) + WINDOW_DAYS + 1) if blocking else None,
        on + timedelta(days=WINDOW_DAYS + 1),
    )


def last_prices(events: Iterable[Event]) -> dict[str, tuple[Decimal, date]]:
    """Return the last price at which each symbol was traded, in today's shares, and its day."""
    found: dict[str, tuple[Decimal, date]] = {}
    for event in sorted(events, key=day_of):
        if isinstance(event, Trade):
            if event.price:
                found[event.symbol] = event.price, event.trade_date
        elif isinstance(event, StockSplit) and event.symbol in found:
            price, day = found[event.symbol]
            found[event.symbol] = price * event.old / event.new, day
    return found
