"""The last questions before an order leaves, beside those of its size (`simulation/limits.py`).

    trading state     HALTED: only stops of what is held; REDUCING: only exits that make a position smaller
    gap, lock         reports may be missing, or a position is unexplained: no entry, no exit for more than is confirmed
    market            closed, or the symbol halted
    price             none, or older than it may be; a limit or stop beyond the collar around the last quote or price
    holding           an exit for more than its strategy holds and does not leave already
    form              off the tick, off the lot, above the venue's largest order; the id is used
    own orders        the same order was sent a moment ago; an entry would meet our own opposite order
    rate              orders in the last second and minute; exits may use the last part alone
    cash, shares      bought by unsettled cash; shorts that nobody lends
    day trades        counting of day trades, off by default (the rule ended in June 2026)
    wash sales        losses that the order would disallow, off by default; see `wash_sales.py`

A reduction is asked less: it is never refused for a price that is stale or unknown, a stop that the market has passed,
a trail off the tick, cash or day trades, which would leave a position without its way out. One that is an exit may be
sent in a gap, against an opposite order of another strategy and while the state is REDUCING; of a locked symbol, for no
more than the venue's books confirm. An entry that makes the account's position smaller is no exit: the strategy that
holds it may leave as well. Children are judged with their entry. A replace is asked what its new terms are. A denial
names the limit, what was found and the bound. What may leave of a locked symbol is told in `locks.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from tapeline.domain.control import TradingState
from tapeline.domain.instrument import Instrument
from tapeline.domain.order import Order
from tapeline.domain.position import ZERO
from tapeline.domain.times import SECOND
from tapeline.domain.words import Limit, OrderType, Purpose, Side, TimeInForce
from tapeline.ledger.order_facts import ReplaceIntended
from tapeline.ledger.order_state import exposed_quantity, is_called_back
from tapeline.ledger.views import Views
from tapeline.risk.denial import Denial
from tapeline.risk.gate_settings import GateSettings
from tapeline.risk.locks import denial_of_locked
from tapeline.risk.order_rate import OrderRate
from tapeline.risk.own_orders import denial_of_opposite, on_side_of
from tapeline.risk.repetition import SentLately
from tapeline.risk.wash_sales import WashSaleCheck

_AT_OPEN_OR_CLOSE = frozenset(
    {OrderType.MARKET_ON_OPEN, OrderType.LIMIT_ON_OPEN, OrderType.MARKET_ON_CLOSE, OrderType.LIMIT_ON_CLOSE}
)
_STOPS = frozenset({OrderType.STOP, OrderType.TRAILING_STOP})


@dataclass(frozen=True, slots=True)
class Market:
    """What is known of a symbol's market when an order is about to leave.

    last_price, priced_ns : the last close and the end of its bar; 0 and NaN before the first
    bid, ask : the last quote, NaN without one; what is not above zero is none
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
    of_strategies : bounds of single strategies by name, which stand in place of the account's; the rate of orders of
        such a strategy is held by both
    settled_cash : what purchases may use now; day_trades : how many there were; equity : of the account
    shortable : the symbols that can be borrowed, None = all of them
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
        of_strategies: Mapping[str, GateSettings] | None = None,
        settled_cash: Callable[[], Decimal] | None = None,
        day_trades: Callable[[], int] | None = None,
        equity: Callable[[], float] = lambda: 0.0,
        shortable: Collection[str] | None = None,
        wash_sales: WashSaleCheck | None = None,
    ) -> None:
        self.settings, self.views, self.instruments = settings, views, instruments
        self._held, self._market = held, market
        self._of_strategies = of_strategies or {}
        self._settled_cash, self._day_trades, self._shortable = settled_cash, day_trades, shortable
        self._equity, self._wash_sales = equity, wash_sales
        self._rates = {name: _rate_of(bounds) for name, bounds in self._of_strategies.items()}
        self._rate_of_all = _rate_of(settings)
        self._sent_lately = SentLately(max(bounds.repeat_s for bounds in (settings, *self._of_strategies.values())))
        self._may_risk: Callable[[str], str | None] = lambda symbol: None

    def hold_back_by(self, why: Callable[[str], str | None]) -> None:
        """Let somebody else say why a symbol may not be risked now (the order keeper: gap, lock), None if it may."""
        self._may_risk = why

    def ask(self, order: Order, now_ns: int) -> Denial | None:
        """Return why an order may not be sent, None if it may; that counts it as sent."""
        more = self._more_than_held(order)
        reduces = (more is None and order.purpose is not Purpose.ENTRY) or self.is_reduction(order)
        is_exit = reduces and order.purpose is not Purpose.ENTRY
        denial = self._state(order, is_exit) or self._form(order, reduces) or more or self._doubt(order, is_exit)
        if denial is not None:
            return denial
        settings = self._of_strategies.get(order.strategy, self.settings)
        market = self._market(order.symbol)
        price = _price_of(order, market)
        if not reduces:
            denial = self._risk(order, settings, market, price, now_ns)
        denial = (
            denial
            or self._price(order, settings, market, price, reduces)
            or (None if is_exit else denial_of_opposite(self.views, order))
            or self._sent_lately.ask(order, settings.repeat_s, now_ns)
            or self._rate(order, now_ns, reduces)
        )
        if denial is None and self._wash_sales is not None:
            denial = self._wash_sales.ask(order, price, now_ns, reduces=reduces)
        if denial is None:
            self._count(order, now_ns)
            self._sent_lately.sent(order, now_ns)
        return denial

    def ask_replace(self, fact: ReplaceIntended, now_ns: int) -> Denial | None:
        """Return why a replace may not be sent, None if it may; that counts it as sent.

        The terms as they would be are asked for tick, lot, collar, size, our own opposite orders and the rate. A stop
        that is moved may not trigger at once either, far beyond the market.
        """
        state = self.views.orders.states[fact.client_order_id]
        order = replace(
            state.order,
            quantity=fact.quantity or state.quantity,
            limit_price=fact.limit_price or state.limit_price,
            stop_price=fact.stop_price or state.stop_price,
        )
        reduces = order.purpose is not Purpose.ENTRY
        settings = self._of_strategies.get(order.strategy, self.settings)
        denial = self._steps(order, reduces)
        if denial is None and (fact.limit_price is not None or fact.stop_price is not None):
            market = self._market(order.symbol)
            denial = _beyond_collar(order, settings, market, fact.stop_price is None and reduces)
            denial = denial or _too_large(order, settings, _price_of(order, market))
            denial = denial or (None if reduces else denial_of_opposite(self.views, order))
        denial = denial or self._rate(order, now_ns, reduces)
        if denial is None:
            self._count(order, now_ns)
        return denial

    def ask_flatten(self, order: Order, now_ns: int) -> Denial | None:
        """Return why an order of `flatten` may not be sent, None if it may; that counts it as sent.

        No strategy asked for it and no state of trading holds it back, so two questions are left: whether it is
        more than both our books and the venue's hold, and whether the venue takes orders at that rate.
        """
        quantity = self.views.quantity(order.symbol, order.account)
        held = self.views.control.agreed(order.account, order.symbol, quantity)
        if order.quantity > (held if order.side is Side.SELL else -held):
            theirs = "" if held == quantity else f" of {quantity} by the venue's books too"
            closing = f"closing {order.quantity} by a {order.side.name}"
            text = f"{held} {order.symbol} are held{theirs}; {closing} would overshoot"
            return Denial(Limit.POSITION, float(order.quantity), float(abs(held)), text)
        denial = self._rate_of_all.ask(now_ns, reduces=True)
        if denial is None:
            self._rate_of_all.sent(now_ns)
        return denial

    def _more_than_held(self, order: Order) -> Denial | None:
        """Return the denial of an exit for more than its strategy holds and nothing else of it leaves.

        What works and is not called back leaves with the same shares, of a group the largest; a stop that is being
        called back does not bar what replaces it.
        """
        if order.purpose is Purpose.ENTRY:
            return None
        held = self.views.position(order.strategy, order.symbol, order.account).quantity * -order.side
        owner = order.strategy, order.account
        leaving = exposed_quantity(
            state
            for state in on_side_of(self.views, order)
            if (state.order.strategy, state.order.account) == owner and not is_called_back(state)
        )
        free = max(held - leaving, ZERO)
        if order.quantity <= free:
            return None
        text = (
            f"{order.strategy} holds {max(held, ZERO)} {order.symbol} to close by a {order.side.name}, and {leaving} of"
            f" it leave already; {order.quantity} would overshoot"
        )
        return Denial(Limit.POSITION, float(order.quantity), float(free), text)

    def is_reduction(self, order: Order) -> bool:
        """Return whether an order can only make the position smaller, whatever else of ours fills on its side.

        Orders of one group count once, as they cancel one another.
        """
        held = self._held(order.symbol)
        if not held or (held > 0) == (order.side is Side.BUY):
            return False
        return float(order.quantity + exposed_quantity(on_side_of(self.views, order))) <= abs(held)

    def _state(self, order: Order, is_exit: bool) -> Denial | None:
        state = self.views.control.state
        may_send = is_exit and (state is TradingState.REDUCING or order.order_type in _STOPS)
        if state is TradingState.ACTIVE or may_send:
            return None
        allowed = "only stops of what is held are sent" if state is TradingState.HALTED else "only exits are sent"
        return Denial(
            Limit.TRADING_STATE, float(state), float(TradingState.ACTIVE), f"trading is {state.name}: {allowed}"
        )

    def _doubt(self, order: Order, is_exit: bool) -> Denial | None:
        if not is_exit:
            held_back = self._may_risk(order.symbol)
            return None if held_back is None else Denial(Limit.DOUBT, math.nan, math.nan, held_back)
        return denial_of_locked(self.views, order)

    def _form(self, order: Order, reduces: bool) -> Denial | None:
        if order.client_order_id in self.views.orders.states:
            text = f"its id {order.client_order_id} belongs to another order; an id is used once"
            return Denial(Limit.DUPLICATE, 1, 0, text)
        return self._steps(order, reduces)

    def _steps(self, order: Order, reduces: bool) -> Denial | None:
        instrument = self.instruments.get(order.symbol)
        if instrument is None:
            return Denial(Limit.UNKNOWN_SYMBOL, math.nan, math.nan, f"{order.symbol} is no symbol of this run")
        step = instrument.quantity_step
        if order.quantity % step:
            text = f"a quantity of {order.quantity} is no multiple of {step}, the smallest step of {order.symbol}"
            return Denial(Limit.LOT, float(order.quantity), float(step), text)
        trail = None if reduces else order.trail_amount
        for price in (order.limit_price, order.stop_price, trail):
            if price is not None and price % instrument.tick_size:
                text = f"a price of {price} is no multiple of {instrument.tick_size}, the tick of {order.symbol}"
                return Denial(Limit.TICK, float(price), float(instrument.tick_size), text)
        return None

    def _risk(self, order: Order, settings: GateSettings, market: Market, price: float, now_ns: int) -> Denial | None:
        age_s = (now_ns - market.priced_ns) / SECOND
        if market.is_open and age_s > settings.stale_s:
            text = f"the last price of {order.symbol} is {age_s:,.0f} s old; {settings.stale_s:g} s is the most"
            return Denial(Limit.STALE_PRICE, age_s, settings.stale_s, text)
        if order.side is Side.SELL and self._shortable is not None and order.symbol not in self._shortable:
            return Denial(Limit.SHORT_AVAILABILITY, math.nan, math.nan, f"nobody is known to lend {order.symbol}")
        notional = float(order.quantity) * price
        if order.side is Side.BUY and settings.settled_cash and self._settled_cash is not None:
            settled = float(self._settled_cash())
            if notional > settled:
                text = f"it costs about {notional:,.2f}, and {settled:,.2f} of the cash is settled and free"
                return Denial(Limit.SETTLED_CASH, notional, settled, text)
        most = settings.day_trades
        if most is None or self._day_trades is None or self._equity() >= settings.day_trades_below:
            return None
        if (count := self._day_trades()) < most:
            return None
        text = (
            f"{count} day trades in five sessions; {most} is the most below {settings.day_trades_below:,.2f} of equity"
        )
        return Denial(Limit.DAY_TRADES, count, most, text)

    def _price(
        self, order: Order, settings: GateSettings, market: Market, price: float, reduces: bool
    ) -> Denial | None:
        if market.is_halted:
            return Denial(Limit.HALTED_SYMBOL, math.nan, math.nan, f"trading of {order.symbol} is halted")
        waits = order.order_type in _AT_OPEN_OR_CLOSE or order.time_in_force is TimeInForce.GTC
        if not market.is_open and not waits:
            return Denial(
                Limit.CLOSED_MARKET, math.nan, math.nan, "the market is closed, and the order does not wait for it"
            )
        if not market.last_price > 0.0 and not reduces:
            return Denial(Limit.STALE_PRICE, math.inf, settings.stale_s, f"{order.symbol} has had no price yet")
        return _beyond_collar(order, settings, market, reduces) or _too_large(order, settings, price)

    def _rate(self, order: Order, now_ns: int, reduces: bool) -> Denial | None:
        return next((it for rate in self._rates_of(order) if (it := rate.ask(now_ns, reduces=reduces))), None)

    def _count(self, order: Order, now_ns: int) -> None:
        for rate in self._rates_of(order):
            rate.sent(now_ns)

    def _rates_of(self, order: Order) -> list[OrderRate]:
        own = self._rates.get(order.strategy)
        return [self._rate_of_all] if own is None else [own, self._rate_of_all]


def _rate_of(settings: GateSettings) -> OrderRate:
    return OrderRate(settings.orders_per_second, settings.orders_per_minute, settings.exit_reserve)


def _beyond_collar(order: Order, settings: GateSettings, market: Market, reduces: bool) -> Denial | None:
    """Return the denial of a limit, or of a stop that would trigger at once, too far beyond the market."""
    quote = market.ask if order.side is Side.BUY else market.bid
    half = 0.5 * settings.spread_bps / 10_000.0 * market.last_price
    near = quote if quote > 0.0 else market.last_price + order.side * half
    if not near > 0.0:
        return None  # nothing is known to compare with
    stop_price = None if reduces else order.stop_price
    for word, price, side in (("limit", order.limit_price, order.side), ("stop", stop_price, -order.side)):
        beyond = 0.0 if price is None else side * (float(price) - near) / near
        if beyond > settings.collar:
            most_text = f"{settings.collar:.2%} is the most"
            text = f"its {word} of {price} is {beyond:.2%} beyond {near:,.4f}; {most_text}"
            return Denial(Limit.COLLAR, beyond, settings.collar, text)
    return None


def _too_large(order: Order, settings: GateSettings, price: float) -> Denial | None:
    notional, most = float(order.quantity) * price, settings.order_notional
    if most is None or notional <= most:
        return None
    text = f"its notional of {notional:,.2f} is above {most:,.2f}, the most of one order"
    return Denial(Limit.ORDER_NOTIONAL, notional, most, text)


def _price_of(order: Order, market: Market) -> float:
    return float(order.limit_price or order.stop_price or market.last_price)
