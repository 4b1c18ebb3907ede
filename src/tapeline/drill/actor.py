"""A trader who does everything there is to do, by dice: entries, brackets, exits, cancels and replaces of all types.

It wants no profit. It wants every road of an order's life to be walked, in every order, while the world around it
fails; its own limit is the plain one of shares per symbol, in which orders that work or are unknown count as filled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tapeline.domain.order import Order, client_order_id
from tapeline.domain.slice import Slice
from tapeline.domain.words import OrderType, Purpose, Role, Side, TimeInForce
from tapeline.drill.virtual_time import Chance
from tapeline.ledger.order_state import OrderState
from tapeline.ledger.views import Views

STRATEGY = "Dice"
ENTRY_RATE, EXIT_RATE, CANCEL_RATE, REPLACE_RATE = 0.12, 0.1, 0.06, 0.08
"""Shares of the symbols and slices for which each is wished."""
_QUANTITY_MAX = 300
_OFFSET_MAX_CENTS = 60
_ENTRY_TYPES = (
    OrderType.MARKET,
    OrderType.LIMIT,
    OrderType.LIMIT,
    OrderType.STOP,
    OrderType.STOP_LIMIT,
    OrderType.TRAILING_STOP,
)
_LIVES = (TimeInForce.DAY, TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC)


@dataclass(frozen=True, slots=True)
class Submit:
    """Orders that belong together."""

    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """The end of a working order."""

    client_order_id: str


@dataclass(frozen=True, slots=True)
class Replace:
    """New terms of a working order."""

    client_order_id: str
    terms: dict[str, Any] = field(default_factory=dict)


Wish = Submit | Cancel | Replace


class Actor:
    """Decides at each slice. Its dice outlive the process, as the market does; all else it reads from the views.

    limit : shares of a symbol, long or short, that its orders may come to hold
    """

    def __init__(self, symbols: Sequence[str], dice: Chance, limit: int) -> None:
        self.symbols, self.dice, self.limit = symbols, dice, Decimal(limit)
        self.is_winding_down = False
        self._sequence = 0
        self._now_ns = 0

    def decide(self, now: Slice, views: Views, decision_ns: int, may_risk: Callable[[str], bool]) -> list[Wish]:
        """Return what it wants at the end of a slice.

        decision_ns : the decision time, later than that of any decision before, over restarts too
        may_risk : tells of a symbol whether something new may be risked in it
        """
        self._sequence, self._now_ns = 0, decision_ns
        wishes: list[Wish] = []
        of_symbol: dict[str, list[OrderState]] = {symbol: [] for symbol in self.symbols}
        for state in views.orders.working.values():
            if state.order.strategy == STRATEGY:
                of_symbol[state.order.symbol].append(state)
        for column, symbol in enumerate(self.symbols):
            close = float(now.close[0, column])
            if not 0 < close < 1e9:
                continue
            wishes += self._for_symbol(symbol, round(close * 100), of_symbol[symbol], views, may_risk(symbol))
        return wishes

    def _for_symbol(
        self, symbol: str, cents: int, working: list[OrderState], views: Views, may_enter: bool
    ) -> list[Wish]:
        if self.is_winding_down:
            return self._wind_down(symbol, working, views)
        dice, wishes = self.dice, list[Wish]()
        entered: list[Submit] = []
        if dice.hits(ENTRY_RATE) and may_enter:
            entered = self._enter(symbol, cents, working, views)
            wishes += entered
        if dice.hits(EXIT_RATE):
            orders = [order for submit in entered for order in submit.orders]
            wishes += self._exit(symbol, cents, working, orders, views)
        if working and dice.hits(CANCEL_RATE * len(working)):
            wishes.append(Cancel(dice.one_of(working).order.client_order_id))
        if working and dice.hits(REPLACE_RATE * len(working)):
            wishes += self._replace(dice.one_of(working), cents)
        return wishes

    def room(self, symbol: str, side: Side, working: Sequence[OrderState], views: Views) -> int:
        """Return how many shares may still be ordered on a side, if all that works there were filled."""
        held = views.position(STRATEGY, symbol).quantity * int(side)
        for state in working:
            if state.order.side is side:
                held += state.quantity - state.filled_quantity
        return max(0, int(self.limit - held))

    def _enter(self, symbol: str, cents: int, working: list[OrderState], views: Views) -> list[Submit]:
        dice = self.dice
        side = Side.BUY if dice.hits(0.5) else Side.SELL
        quantity = min(dice.whole(1, _QUANTITY_MAX), self.room(symbol, side, working, views))
        if quantity <= 0:
            return []
        if dice.hits(0.3) and self.room(symbol, side.opposite, working, views) >= 2 * quantity:
            return [Submit(self._bracket(symbol, side, quantity, cents))]
        order_type = dice.one_of(_ENTRY_TYPES)
        life = dice.one_of(_LIVES)
        if order_type is not OrderType.LIMIT and life is TimeInForce.IOC:
            life = TimeInForce.DAY
        return [Submit((self._order(symbol, side, quantity, order_type, life, cents),))]

    def _exit(
        self, symbol: str, cents: int, working: list[OrderState], entering: list[Order], views: Views
    ) -> list[Submit]:
        held = views.position(STRATEGY, symbol).quantity
        side = Side.SELL if held > 0 else Side.BUY
        # an entry of this very decision may fill like any other order that works
        entered = sum(int(order.quantity) for order in entering if order.side is side)
        quantity = min(abs(int(held)), self.room(symbol, side, working, views) - entered)
        if quantity <= 0:
            return []
        order_type = OrderType.MARKET if self.dice.hits(0.5) else OrderType.LIMIT
        purpose = Purpose.EXIT_RULE
        return [Submit((self._order(symbol, side, quantity, order_type, TimeInForce.DAY, cents, purpose=purpose),))]

    def _replace(self, state: OrderState, cents: int) -> list[Wish]:
        order, dice = state.order, self.dice
        terms: dict[str, Any] = {}
        if order.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT):
            terms["limit_price"] = _price(cents + dice.whole(-_OFFSET_MAX_CENTS, _OFFSET_MAX_CENTS))
        elif order.order_type is OrderType.STOP:
            terms["stop_price"] = _price(cents + int(order.side) * dice.whole(1, _OFFSET_MAX_CENTS))
        if order.role is Role.SINGLE and order.purpose is Purpose.ENTRY and dice.hits(0.5):
            # never more: what is asked for and not yet confirmed is in no book that survives a crash
            total = state.quantity - dice.whole(1, 50)
            if total > 0:
                terms["quantity"] = total
        return [Replace(order.client_order_id, terms)] if terms else []

    def _wind_down(self, symbol: str, working: list[OrderState], views: Views) -> list[Wish]:
        if working:
            return [Cancel(state.order.client_order_id) for state in working]
        return []

    def _bracket(self, symbol: str, side: Side, quantity: int, cents: int) -> tuple[Order, ...]:
        dice = self.dice
        entry_type = OrderType.MARKET if dice.hits(0.5) else OrderType.LIMIT
        entry = self._order(symbol, side, quantity, entry_type, TimeInForce.DAY, cents, role=Role.ENTRY)
        name, sign = entry.client_order_id, int(side)
        stop = self._order(
            symbol, side.opposite, quantity, OrderType.STOP, TimeInForce.GTC, cents,
            purpose=Purpose.STOP, role=Role.STOP, parent=name, group=name,
            stop_price=_price(cents - sign * dice.whole(5, _OFFSET_MAX_CENTS)),
        )  # fmt: skip
        target = self._order(
            symbol, side.opposite, quantity, OrderType.LIMIT, TimeInForce.GTC, cents,
            purpose=Purpose.TARGET, role=Role.TARGET, parent=name, group=name,
            limit_price=_price(cents + sign * dice.whole(5, _OFFSET_MAX_CENTS)),
        )  # fmt: skip
        return entry, stop, target

    def _order(
        self,
        symbol: str,
        side: Side,
        quantity: int,
        order_type: OrderType,
        life: TimeInForce,
        cents: int,
        **terms: Any,
    ) -> Order:
        dice, sign = self.dice, int(side)
        if order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT) and "limit_price" not in terms:
            terms["limit_price"] = _price(cents + dice.whole(-_OFFSET_MAX_CENTS, _OFFSET_MAX_CENTS))
        if order_type in (OrderType.STOP, OrderType.STOP_LIMIT) and "stop_price" not in terms:
            terms["stop_price"] = _price(cents + sign * dice.whole(1, _OFFSET_MAX_CENTS))
        if order_type is OrderType.TRAILING_STOP:
            if dice.hits(0.5):
                terms["trail_amount"] = _price(dice.whole(5, _OFFSET_MAX_CENTS))
            else:
                terms["trail_percent"] = Decimal(dice.whole(1, 3))
        name = client_order_id(STRATEGY, symbol, self._now_ns, self._sequence)
        order = Order(
            name, STRATEGY, symbol, side, order_type, Decimal(quantity), self._now_ns, self._sequence, life, **terms
        )
        self._sequence += 1
        return order


def _price(cents: int) -> Decimal:
    return Decimal(max(1, cents)).scaleb(-2)
