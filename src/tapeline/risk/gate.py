"""The last questions before an order leaves, beside those of its size (`simulation/limits.py`).

    trading state     HALTED: nothing; REDUCING: only what makes a position smaller
    gap, lock         reports may be missing, or a position is unexplained: no new risk
    market            closed, or the symbol halted
    price             older than it may be; a limit or stop beyond the collar around the last quote or price
    form              off the tick, off the lot, above the venue's largest order
    own orders        the id is used; the same order was sent a moment ago; our own opposite order would meet it
    rate              orders in the last second and minute; exits may use the last part alone
    cash, shares      bought by unsettled cash; shorts that nobody lends
    day trades        counting of day trades, off by default (the rule ended in June 2026)
    wash sales        losses that the order would disallow, off by default; see `wash_sales.py`

A reduction is asked less: it is never refused for a gap, a lock, a stale price, cash or day trades, and it may be sent
while the state is REDUCING. A denial names the limit, what was found and the bound.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal

from tapeline.domain.control import TradingState
from tapeline.domain.errors import ConfigurationError
from tapeline.domain.instrument import Instrument
from tapeline.domain.order import Order
from tapeline.domain.times import MINUTE, SECOND, to_iso
from tapeline.domain.words import Limit, OrderType, Purpose, Side, TimeInForce
from tapeline.ledger.views import Views
from tapeline.risk.denial import Denial
from tapeline.risk.wash_sales import WashSaleCheck

_AT_OPEN_OR_CLOSE = frozenset(
    {OrderType.MARKET_ON_OPEN, OrderType.LIMIT_ON_OPEN, OrderType.MARKET_ON_CLOSE, OrderType.LIMIT_ON_CLOSE}
)


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Bounds of single orders.

    collar : how far a limit price may lie beyond the last price on the side where it fills at once, as a share of it
    spread_bps : half of what the last close may be away from a quote, where there are no quotes
    stale_s : the oldest price an entry may be sent by, in session
    orders_per_second, orders_per_minute : of all orders; exit_reserve : the share of both that only exits may use
    repeat_s : an order equal to one of the last so many seconds in all but its id is a repetition
    order_notional : the largest order, in currency; None = no bound
    settled_cash : whether purchases need settled cash (cash accounts, T+1)
    day_trades : so many within five sessions, None = not counted
    """

    collar: float = 0.05
    spread_bps: float = 10.0
    stale_s: float = 300.0
    orders_per_second: int = 20
    orders_per_minute: int = 200
    exit_reserve: float = 0.25
    repeat_s: float = 5.0
    order_notional: float | None = None
    settled_cash: bool = False
    day_trades: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or value is None:
                continue
            if not (math.isfinite(value) and value > 0):
                raise ConfigurationError(f"Gate: {field.name} must be above zero, found {value}.")
        if self.exit_reserve >= 1.0:
            raise ConfigurationError(f"Gate: exit_reserve is a share below 1, found {self.exit_reserve}.")


@dataclass(frozen=True, slots=True)
class Market:
    """What is known of a symbol's market when an order is about to leave.

    last_price, priced_ns : the last close and the end of its bar; 0 and NaN before the first
    bid, ask : the last quote, NaN without one
    is_open, is_halted : of the session and of the symbol
    """

    last_price: float
    priced_ns: int
    bid: float
    ask: float
    is_open: bool
    is_halted: bool = False


class Gate:
    """Asks the questions of every order, in one order that is always the same.

    views : orders and trading state as the journal has them; held : the account's signed quantity of a symbol
    market : of a symbol, as it is known now
    settled_cash : what purchases may use now; shortable : the symbols that can be borrowed, None = all of them
    wash_sales : what is asked last, None = nothing
    """

    def __init__(
        self,
        settings: GateSettings,
        views: Views,
        instruments: Mapping[str, Instrument],
        held: Callable[[str], float],
        market: Callable[[str], Market],
        *,
        settled_cash: Callable[[], Decimal] | None = None,
        day_trades: Callable[[], int] | None = None,
        shortable: Collection[str] | None = None,
        wash_sales: WashSaleCheck | None = None,
    ) -> None:
        self.settings, self.views, self.instruments = settings, views, instruments
        self._held, self._market = held, market
        self._settled_cash, self._day_trades, self._shortable = settled_cash, day_trades, shortable
        self._wash_sales = wash_sales
        self._within_second: deque[int] = deque()
        self._within_minute: deque[int] = deque()
        self._recent: dict[tuple[object, ...], int] = {}  # when each was sent, oldest first
        self._may_risk: Callable[[str], str | None] = lambda symbol: None

    def hold_back_by(self, why: Callable[[str], str | None]) -> None:
        """Let somebody else say why a symbol may not be risked now (the order keeper: gap, lock), None if it may."""
        self._may_risk = why

    def ask(self, order: Order, now_ns: int) -> Denial | None:
        """Return why an order may not be sent, None if it may; that counts it as sent."""
        reduces = self._closes(order) or self.is_reduction(order)
        denial = self._state(order, reduces) or self._form(order)
        if denial is not None:
            return denial
        market = self._market(order.symbol)
        price = _price_of(order, market)
        if not reduces:
            denial = self._risk(order, market, price, now_ns)
        terms = _terms(order)
        denial = (
            denial
            or self._price(order, market, price)
            or self._own_orders(order)
            or self._repetition(terms, now_ns)
            or self._rate(reduces, now_ns)
        )
        if denial is None and self._wash_sales is not None:
            denial = self._wash_sales.ask(order, price, now_ns, reduces=reduces)
        if denial is None:
            self._within_second.append(now_ns)
            self._within_minute.append(now_ns)
            self._recent.pop(terms, None)
            self._recent[terms] = now_ns
        return denial

    def _closes(self, order: Order) -> bool:
        # what a strategy asks for to leave its holding is an exit, also while its stop is still being called back
        if order.purpose is Purpose.ENTRY:
            return False
        held = self.views.position(order.strategy, order.symbol, order.account).quantity
        return order.quantity <= (held if order.side is Side.SELL else -held)

    def is_reduction(self, order: Order) -> bool:
        """Return whether an order can only make the position smaller, whatever else of ours fills on its side.

        Orders of one group count once, as they cancel one another.
        """
        held = self._held(order.symbol)
        if not held or (held > 0) == (order.side is Side.BUY):
            return False
        most = abs(held) - float(order.quantity)
        if most < 0:
            return False
        groups: dict[str, float] = {}
        waiting = 0.0
        for state in self.views.orders.working_of(order.symbol):
            other = state.order
            if other.side is not order.side or _are_together(order, other):
                continue
            quantity = float(state.exposed_quantity)
            counted = groups.get(other.group, 0.0) if other.group is not None else 0.0
            if other.group is not None:
                groups[other.group] = max(counted, quantity)
            waiting += max(quantity - counted, 0.0)
        return waiting <= most

    def _state(self, order: Order, reduces: bool) -> Denial | None:
        state = self.views.control.state
        if state is TradingState.ACTIVE or (state is TradingState.REDUCING and reduces):
            return None
        allowed = (
            "nothing but cancels is sent" if state is TradingState.HALTED else "only what reduces a position is sent"
        )
        return Denial(
            Limit.TRADING_STATE, float(state), float(TradingState.ACTIVE), f"trading is {state.name}: {allowed}"
        )

    def _form(self, order: Order) -> Denial | None:
        instrument = self.instruments.get(order.symbol)
        if instrument is None:
            return Denial(Limit.UNKNOWN_SYMBOL, math.nan, math.nan, f"{order.symbol} is no symbol of this run")
        step = instrument.quantity_step
        if order.quantity % step:
            text = f"a quantity of {order.quantity} is no multiple of {step}, the smallest step of {order.symbol}"
            return Denial(Limit.LOT, float(order.quantity), float(step), text)
        for price in (order.limit_price, order.stop_price):
            if price is not None and price % instrument.tick_size:
                text = f"a price of {price} is no multiple of {instrument.tick_size}, the tick of {order.symbol}"
                return Denial(Limit.TICK, float(price), float(instrument.tick_size), text)
        return None

    def _risk(self, order: Order, market: Market, price: float, now_ns: int) -> Denial | None:
        held_back = self._may_risk(order.symbol)
        if held_back is not None:
            return Denial(Limit.DOUBT, math.nan, math.nan, held_back)
        age_s = (now_ns - market.priced_ns) / SECOND
        if market.is_open and age_s > self.settings.stale_s:
            text = f"the last price of {order.symbol} is {age_s:,.0f} s old; {self.settings.stale_s:g} s is the most"
            return Denial(Limit.STALE_PRICE, age_s, self.settings.stale_s, text)
        if order.side is Side.SELL and self._shortable is not None and order.symbol not in self._shortable:
            return Denial(Limit.SHORT_AVAILABILITY, math.nan, math.nan, f"nobody is known to lend {order.symbol}")
        notional = float(order.quantity) * price
        if order.side is Side.BUY and self.settings.settled_cash and self._settled_cash is not None:
            settled = float(self._settled_cash())
            if notional > settled:
                text = f"it costs about {notional:,.2f}, and {settled:,.2f} of the cash is settled and free"
                return Denial(Limit.SETTLED_CASH, notional, settled, text)
        most = self.settings.day_trades
        if most is not None and self._day_trades is not None and (count := self._day_trades()) >= most:
            return Denial(Limit.DAY_TRADES, count, most, f"{count} day trades in five sessions; {most} is the most")
        return None

    def _price(self, order: Order, market: Market, price: float) -> Denial | None:
        settings = self.settings
        if market.is_halted:
            return Denial(Limit.HALTED_SYMBOL, math.nan, math.nan, f"trading of {order.symbol} is halted")
        waits = order.order_type in _AT_OPEN_OR_CLOSE or order.time_in_force is TimeInForce.GTC
        if not market.is_open and not waits:
            return Denial(
                Limit.CLOSED_MARKET, math.nan, math.nan, "the market is closed, and the order does not wait for it"
            )
        last = market.last_price
        if math.isnan(last):
            return Denial(Limit.STALE_PRICE, math.inf, settings.stale_s, f"{order.symbol} has had no price yet")
        if order.limit_price is not None:
            half = 0.5 * settings.spread_bps / 10_000.0 * last
            near = market.ask if order.side is Side.BUY else market.bid
            near = last + order.side * half if math.isnan(near) else near
            beyond = order.side * (float(order.limit_price) - near) / near
            if beyond > settings.collar:
                most_text = f"{settings.collar:.2%} is the most"
                text = f"its limit of {order.limit_price} is {beyond:.2%} beyond {near:,.4f}; {most_text}"
                return Denial(Limit.COLLAR, beyond, settings.collar, text)
        notional, most = float(order.quantity) * price, settings.order_notional
        if most is not None and notional > most:
            text = f"its notional of {notional:,.2f} is above {most:,.2f}, the most of one order"
            return Denial(Limit.ORDER_NOTIONAL, notional, most, text)
        return None

    def _own_orders(self, order: Order) -> Denial | None:
        for state in self.views.orders.working_of(order.symbol):
            other = state.order
            if other.side is order.side or other.account != order.account or _are_together(order, other):
                continue
            if _would_meet(order, other):
                text = f"it would trade with our own order {other.client_order_id}, which works on the other side"
                return Denial(Limit.OPPOSITE_ORDER, 1, 0, text)
        return None

    def _repetition(self, terms: tuple[object, ...], now_ns: int) -> Denial | None:
        horizon = now_ns - round(self.settings.repeat_s * SECOND)
        while self._recent and self._recent[oldest := next(iter(self._recent))] < horizon:
            del self._recent[oldest]
        sent_ns = self._recent.get(terms)
        if sent_ns is None:
            return None
        text = f"the same order was sent at {to_iso(sent_ns)}, less than {self.settings.repeat_s:g} s ago"
        return Denial(Limit.DUPLICATE, (now_ns - sent_ns) / SECOND, self.settings.repeat_s, text)

    def _rate(self, reduces: bool, now_ns: int) -> Denial | None:
        share = 1.0 if reduces else 1.0 - self.settings.exit_reserve
        for sent, bound, span_ns, span in (
            (self._within_second, self.settings.orders_per_second, SECOND, "second"),
            (self._within_minute, self.settings.orders_per_minute, MINUTE, "minute"),
        ):
            while sent and now_ns - sent[0] >= span_ns:
                sent.popleft()
            most = math.floor(bound * share)
            if len(sent) >= most:
                text = f"{len(sent)} orders were sent within a {span}, and {most} is the most"
                return Denial(Limit.ORDER_RATE, len(sent), most, text)
        return None


def _price_of(order: Order, market: Market) -> float:
    return float(order.limit_price or order.stop_price or market.last_price)


def _terms(order: Order) -> tuple[object, ...]:
    return (
        order.strategy, order.symbol, order.side, order.order_type, order.quantity, order.limit_price, order.stop_price,
        order.purpose, order.account,
    )  # fmt: skip


def _are_together(order: Order, other: Order) -> bool:
    """Whether two orders are of one bracket, whose children stand opposite to their entry by design."""
    first, second = order.client_order_id, other.client_order_id
    return order.parent == second or other.parent == first or (order.group is not None and order.group == other.group)


def _would_meet(order: Order, other: Order) -> bool:
    """Whether a new order could trade with one of our own that works on the other side.

    A stop that works far away is no offer; a limit is one at its price; what has no limit meets every offer.
    """
    if other.limit_price is None or other.stop_price is not None:
        return False
    if order.stop_price is not None or order.trail_amount is not None or order.trail_percent is not None:
        return False
    if order.limit_price is None:
        return True
    return order.limit_price >= other.limit_price if order.side is Side.BUY else order.limit_price <= other.limit_price
