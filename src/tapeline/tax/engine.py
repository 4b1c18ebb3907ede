"""The tax engine: events in, gain rows and open lots out, in one pass over time.

    engine = TaxEngine([Account("main"), Account("roth", AccountKind.RETIREMENT)])
    engine.apply(events)                  # a year; any order, they are sorted
    engine.apply(events_of_the_next_day)  # cheap: only what is new is worked on
    engine.result().gains(2025)

Events are taken in the order of day, then corporate actions, trades by the clock and as listed, then what ends options
and year-end marks. What has been applied is closed: a later batch begins after it, on a later day or at a later time of
the same one, so applying piece by piece gives the same result as applying everything at once. An execution that was
taken before is ignored if it is the same, and refused if it is another one under the same id. This is a computation by
stated rules, not tax advice.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from tapeline.domain.errors import InvariantError, TaxRefusal
from tapeline.tax import corporate_actions, marks, options, shorts, transfers
from tapeline.tax.accounts import Account, Method, TaxInstrument
from tapeline.tax.amounts import per_share, to_amount, to_price, to_quantity
from tapeline.tax.book import Book, is_put
from tapeline.tax.dispositions import Disposition, of_contract
from tapeline.tax.event_order import difference, key_of, place_of
from tapeline.tax.events import (
    Acquisition,
    Buy,
    CashMerger,
    Cover,
    Event,
    MarkToMarket,
    OptionAssignment,
    OptionExercise,
    OptionExpiration,
    ReturnOfCapital,
    Sell,
    Short,
    SpinOff,
    StandingOrder,
    StockMerger,
    StockSplit,
    SymbolChange,
    Trade,
    Transfer,
    TransferIn,
    Worthless,
    day_of,
)
from tapeline.tax.gains import Gain
from tapeline.tax.holding_period import settlement_date
from tapeline.tax.lots import Lot, Position, Treatment
from tapeline.tax.policies import Policies
from tapeline.tax.relief import take
from tapeline.tax.result import TaxResult
from tapeline.tax.securities import WINDOW_DAYS
from tapeline.tax.straddles import flag_straddle

_CLOSING = (Sell, Cover)
_PURCHASE = Acquisition.PURCHASE


@dataclass(frozen=True, slots=True)
class Applied:
    """What a batch did.

    taken, ignored : events worked on, and those taken before
    new_rows : gain rows that it added; adjusted_rows : earlier rows of which it disallowed more, perhaps of a past year
    """

    taken: int
    ignored: int
    new_rows: list[Gain]
    adjusted_rows: list[Gain]


class TaxEngine:
    """All accounts of one taxpayer, in one time line.

    accounts : every account, retirement accounts and a declared spouse's included
    instruments : what is not plain stock
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        instruments: Iterable[TaxInstrument] = (),
        policies: Policies | None = None,
    ) -> None:
        self._book = Book(accounts, instruments, policies or Policies())
        self._seen: dict[str, dict[str, Event]] = {}
        self._closed_day = self._closed_place = 0
        self._settled: set[tuple[object, ...]] = set()
        self._is_broken = False
        self._dispositions: dict[tuple[object, ...], Disposition] = {}
        self._fills: dict[tuple[object, ...], int] = {}
        book = self._book
        self._handlers: dict[type, Callable[[Any], None]] = {
            Buy: self._buy,
            Sell: self._sell,
            Short: self._short,
            Cover: self._cover,
            StockSplit: lambda event: corporate_actions.split(book, event),
            SpinOff: lambda event: corporate_actions.spin_off(book, event),
            StockMerger: lambda event: corporate_actions.stock_merger(book, event),
            CashMerger: lambda event: corporate_actions.cash_merger(book, event),
            Worthless: lambda event: corporate_actions.cash_merger(book, event),
            ReturnOfCapital: lambda event: corporate_actions.return_of_capital(book, event),
            SymbolChange: lambda event: corporate_actions.change_symbol(book, event),
            OptionExpiration: lambda event: options.expire(book, event),
            OptionExercise: lambda event: options.exercise(book, event),
            OptionAssignment: lambda event: options.assign(book, event),
            MarkToMarket: lambda event: marks.mark(book, event),
            TransferIn: lambda event: transfers.transfer_in(book, event),
            Transfer: lambda event: transfers.transfer(book, event),
            StandingOrder: self._standing_order,
        }

    def apply(self, events: Iterable[Event]) -> Applied:
        """Take events in the order of time and return what changed.

        Raises TaxRefusal, naming the rule, for events that cannot be taxed as they are. What stood before the refused
        event has been applied by then; the engine takes nothing more, so build a new one from corrected events.
        """
        with _collector_paused():
            return self._apply(events)

    def _apply(self, events: Iterable[Event]) -> Applied:
        if self._is_broken:
            raise TaxRefusal(
                "refused_before", "This engine has refused an event; build a new one from corrected events."
            )
        fresh, ignored = self._fresh(events)
        fresh.sort(key=place_of)
        self._check_open(fresh)
        self._count_fills(fresh)
        first_row, wash_sales = len(self._book.dispositions.rows), self._book.wash_sales
        wash_sales.adjusted = []
        handlers = self._handlers
        self._is_broken = True
        for event in fresh:
            handlers[type(event)](event)
        self._is_broken = False
        if self._dispositions:
            raise InvariantError("An order's executions were counted wrongly: a disposition was never settled.")
        self._close(fresh)
        new_rows = self._book.dispositions.rows[first_row:]
        known = {id(row) for row in new_rows}
        earlier = {id(row): row for row in wash_sales.adjusted if id(row) not in known}
        return Applied(len(fresh), ignored, new_rows, list(earlier.values()))

    def result(self, as_of: date | None = None) -> TaxResult:
        """Return everything computed so far. It is a view: after another `apply`, ask again.

        as_of : a day after the last event, up to which there were no others
        """
        return TaxResult(self._book, max(self._closed_day, 0 if as_of is None else as_of.toordinal()))

    @property
    def book(self) -> Book:
        """The state of positions and rules, to be looked at and never changed."""
        return self._book

    @property
    def closed_day(self) -> int:
        """The last day applied, as an ordinal; 0 before any."""
        return self._closed_day

    def _fresh(self, events: Iterable[Event]) -> tuple[list[Event], int]:
        """Return the events not taken before, noted as taken, and how many were."""
        fresh: list[Event] = []
        ignored = 0
        for event in events:
            if isinstance(event, Trade):  # `key_of`, without a call for each of a million
                account, event_id = event.account, event.execution_id
            else:
                account, event_id = "", event.event_id
            seen = self._seen.get(account)
            if seen is None:
                seen = self._seen[account] = {}
            known = seen.setdefault(event_id, event)
            if known is event:
                fresh.append(event)
            elif known == event:
                ignored += 1
            else:
                self._forget(fresh)
                raise TaxRefusal(
                    "conflicting_execution",
                    f"Event {event_id} was imported twice, with {difference(known, event)}; keep the one that is "
                    "right, or give the other one an id of its own.",
                )
        return fresh, ignored

    def _check_open(self, events: list[Event]) -> None:
        """Refuse a batch that begins before the end of the one before it, or goes on with an order settled there."""
        if not events:
            return
        first, place = events[0], place_of(events[0])
        has_time = isinstance(first, Trade) and first.time_of_day is not None
        if place < self._closed_place or (place == self._closed_place and not has_time):
            self._forget(events)
            raise TaxRefusal(
                "day_is_closed",
                f"Event {key_of(first)[1]} of {day_of(first)} comes before the end of what has been"
                f" applied, up to {date.fromordinal(self._closed_day)}; build a new engine with all events.",
            )
        for event in events if self._settled else ():
            if isinstance(event, Sell | Cover) and self._order_key(event) in self._settled:
                self._forget(events)
                raise TaxRefusal(
                    "order_is_settled",
                    f"Execution {event.execution_id} belongs to order {event.order_id}, whose losses were settled in a"
                    " batch before; give the executions of an order together.",
                )

    def _close(self, events: list[Event]) -> None:
        """Remember where a batch ended, and the orders settled on its last day."""
        if not events:
            return
        day = day_of(events[-1]).toordinal()
        if day > self._closed_day:
            self._settled = set()
        self._closed_day, self._closed_place = day, place_of(events[-1])
        for event in reversed(events):
            if day_of(event).toordinal() < day:
                break
            if isinstance(event, Sell | Cover) and (event.order_id or self._book.policies.same_day_sales_are_one):
                self._settled.add(self._order_key(event))

    def _forget(self, events: list[Event]) -> None:
        """Take back that events were taken: they were refused before any of them had an effect."""
        for event in events:
            account, event_id = key_of(event)
            del self._seen[account][event_id]

    def _count_fills(self, events: list[Event]) -> None:
        """Count the executions of each closing order, so that its losses wait for the last one."""
        every, fills = self._book.policies.same_day_sales_are_one, self._fills
        for event in events:
            if type(event) in _CLOSING and (every or event.order_id is not None):  # type: ignore[union-attr]
                key = self._order_key(event)  # type: ignore[arg-type]
                fills[key] = fills.get(key, 0) + 1

    def _order_key(self, event: Sell | Cover) -> tuple[object, ...]:
        if self._book.policies.same_day_sales_are_one:
            return event.symbol, event.trade_date, type(event)
        return event.account, event.symbol, event.order_id, event.trade_date, type(event)

    def _disposition(self, event: Sell | Cover, position: Position) -> tuple[Disposition, bool]:
        """Return the disposition an execution belongs to, and whether it is complete with it."""
        is_short, security = position.is_short, self._book.dispositions.security_of_losses(position)
        if event.order_id is None and not self._book.policies.same_day_sales_are_one:
            return Disposition(security, side_is_short=is_short), True
        key = self._order_key(event)
        disposition = self._dispositions.get(key)
        if disposition is None:
            disposition = Disposition(security, side_is_short=is_short, waits_for=self._fills.pop(key))
            self._dispositions[key] = disposition
        disposition.waits_for -= 1
        if disposition.waits_for:
            return disposition, False
        del self._dispositions[key]
        return disposition, True

    def _price(self, event: Trade, position: Position, quantity: Any, sign: int) -> int:
        """Return the price per share or contract with commission and fees in it."""
        price = of_contract(to_price(event.price), position.multiplier)
        costs = event.commission + event.fees if event.fees else event.commission
        if costs:
            price += sign * per_share(to_amount(costs), quantity)
        return price

    def _buy(self, event: Buy) -> None:
        book = self._book
        position = book.long.get((event.account, event.symbol)) or book.position(event.account, event.symbol)
        quantity = to_quantity(event.quantity)
        day, order = event.trade_date.toordinal(), book.next_order()
        acquisition = event.acquisition
        is_purchase = acquisition is _PURCHASE or acquisition.is_purchase
        lot = Lot(
            event.execution_id,
            book.acquisition(event.account, event.order_id, day, order),
            day,
            order,
            quantity,
            self._price(event, position, quantity, 1),
            day if event.holding_start is None else event.holding_start.toordinal(),
            eligible=position.can_replace and is_purchase,
            inherited=not is_purchase and acquisition is Acquisition.INHERITANCE,
        )
        position.add(lot)
        security = position.security
        if not is_purchase and acquisition is Acquisition.GIFT:
            book.flags.up("gift_basis", event.symbol, event.execution_id)
        if security.options or position.underlying is not None:
            flag_straddle(book, position, event.execution_id)
        if position.underlying is not None:
            self._flag_option_bought(event, position, day)
        elif security.option_loss[0] >= day - WINDOW_DAYS:
            book.flags.up("option_to_stock", event.symbol, event.execution_id)
        if is_purchase and not lot.eligible and security.long.losses:
            book.flags.up("mark_to_market_account_replaces", event.symbol, event.execution_id)
        book.acquire(position, shorts.reserve_purchase(position, lot) if security.openings else [lot])

    def _sell(self, event: Sell) -> None:
        book = self._book
        position = book.long.get((event.account, event.symbol))
        quantity = to_quantity(event.quantity)
        lots, method = event.lots, Method.FIFO if position is None else book.methods[event.account]
        if lots and not self._is_identified_in_time(event):
            lots, method = (), Method.FIFO
            book.flags.up("identification_after_settlement", event.symbol, event.execution_id)
        slices = take(position, quantity, method, lots, ("Sale", event.execution_id))
        assert position is not None
        day, security = event.trade_date.toordinal(), position.security
        disposition, is_complete = self._disposition(event, position)
        (sold_before, sold_last), sold_earlier = security.sold_acquired, security.sold_acquired_before
        book.dispositions.sell(
            position, slices, self._price(event, position, quantity, -1), event.execution_id, day, disposition
        )
        if position.treatment is not Treatment.CAPITAL:
            marks.check_marks(book, position, [lot for lot, _ in slices], day, event.execution_id)
        if is_complete and disposition.losses:
            book.dispositions.settle(disposition)
            if sold_before >= day - WINDOW_DAYS and any(
                loss.quantity and (sold_earlier if loss.acquisition == sold_last else sold_before) >= day - WINDOW_DAYS
                for loss in disposition.losses
            ):
                book.flags.up("sold_before", event.symbol, event.execution_id)
            self._flag_option_loss(event, position, day)
        shorts.after_long_sale(book, position, quantity, day, event.execution_id)

    @staticmethod
    def _is_identified_in_time(event: Sell) -> bool:
        if event.identified_on is None:
            return event.confirmed
        deadline = event.settlement_date or settlement_date(event.trade_date)
        return event.confirmed and event.identified_on <= deadline

    def _short(self, event: Short) -> None:
        book = self._book
        position = book.position(event.account, event.symbol, is_short=True)
        quantity = to_quantity(event.quantity)
        day, order = event.trade_date.toordinal(), book.next_order()
        lot = Lot(
            event.execution_id,
            book.acquisition(event.account, event.order_id, day, order),
            day,
            order,
            quantity,
            self._price(event, position, quantity, -1),
            day,
        )
        shorts.open_short(book, position, lot)
        flag_straddle(book, position, event.execution_id)
        if position.underlying is not None and is_put(position) and position.underlying.long.losses:
            book.flags.up("short_put_to_stock", event.symbol, event.execution_id)

    def _cover(self, event: Cover) -> None:
        book = self._book
        position = book.short.get((event.account, event.symbol))
        quantity, day = to_quantity(event.quantity), event.trade_date.toordinal()
        slices = take(position, quantity, Method.FIFO, event.lots, ("Cover", event.execution_id))
        assert position is not None
        shorts.release(position, slices, day)
        disposition, is_complete = self._disposition(event, position)
        first_row = len(book.dispositions.rows)
        price = self._price(event, position, quantity, 1)
        marks.check_marks(book, position, [lot for lot, _ in slices], day, event.execution_id)
        book.dispositions.close_short(
            position, slices, price, event.execution_id, day, event.settlement_date, disposition
        )
        shorts.cover_replaces(book, position, day, event.execution_id, first_row)
        if is_complete and disposition.losses:
            book.dispositions.settle(disposition)
            shorts.after_cover(book, position, disposition.losses, day, event.execution_id)

    def _standing_order(self, event: StandingOrder) -> None:
        self._book.methods[event.account] = event.method

    def _flag_option_bought(self, event: Buy, position: Position, day: int) -> None:
        book, underlying = self._book, position.underlying
        assert underlying is not None
        loss_day, symbol = underlying.option_loss
        if loss_day >= day - WINDOW_DAYS and symbol != event.symbol:
            book.flags.up("option_to_option", event.symbol, event.execution_id)
        underlying.option_bought = day, event.symbol

    def _flag_option_loss(self, event: Sell, position: Position, day: int) -> None:
        underlying = position.underlying
        if underlying is None:
            return
        bought_day, symbol = underlying.option_bought
        if bought_day >= day - WINDOW_DAYS and symbol != event.symbol:
            self._book.flags.up("option_to_option", event.symbol, event.execution_id)
        underlying.option_loss = day, event.symbol


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the cyclic garbage collector: a batch makes millions of objects that stay, and a quarter of its time would
    go into looking through them, once while it runs and once more at its end."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if not gc.get_freeze_count():  # what an application has frozen stays so
                # frozen and thawed, new objects stand among the old ones without having been looked through
                gc.freeze()
                gc.unfreeze()
            gc.enable()
