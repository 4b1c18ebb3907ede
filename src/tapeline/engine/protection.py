"""While trading is HALTED: a stop for what is held and bare.

An exit begins by canceling the stop of what it closes, and its order follows when that has ended. Where HALTED comes in
between, the order does not leave, and the stop is set again where it stood, for all that is held; the exit goes on when
trading is raised. Whoever had no stop gets none.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import numpy as np

from tapeline.domain.money import exact
from tapeline.domain.order import Order, client_order_id
from tapeline.domain.position import ZERO
from tapeline.domain.times import MINUTE
from tapeline.domain.words import OrderType, Purpose, Side, TimeInForce
from tapeline.engine.desk import Desk
from tapeline.engine.retaking import Retaking
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.parent_keeper import denied_order
from tapeline.ledger.order_facts import OrderIntended
from tapeline.ledger.views import Views
from tapeline.ports.journal import Fact
from tapeline.risk.denial import Denial
from tapeline.simulation.records import EXITING, FLAT
from tapeline.simulation.venue import instruments_of

_RETRY_NS = MINUTE
"""How long a stop that came to nothing rests before it is asked for again."""


class Protection:
    """The stops that are set again for the holdings of one book.

    record : journals a fact and returns it
    """

    def __init__(self, desk: Desk, views: Views, record: Callable[[Fact], Any], keeper: OrderKeeper) -> None:
        self._desk, self._views, self._record, self._keeper = desk, views, record, keeper
        self._retaking = Retaking(desk)
        instruments = instruments_of(desk.symbols, desk.assembly.settings)
        self._ticks = {instrument.symbol: instrument.tick_size for instrument in instruments}
        self._asked_ns: dict[tuple[int, int], int] = {}

    def advance(self, now_ns: int, denies: Callable[[Order, int], Denial | None]) -> None:
        """Set a stop for each holding of which nothing works. denies : asked before one leaves, None = it may"""
        tables = self._desk.book.fixed
        for index, column in np.argwhere(tables.holdings["quantity"]).tolist():
            waits = now_ns - self._asked_ns.get((index, column), -_RETRY_NS) < _RETRY_NS
            if waits or tables.states[index, column] in (FLAT, EXITING):
                continue  # what is worked waits behind a stop of its own
            order = self._stop_for(index, column, now_ns)
            if order is None:
                continue
            self._asked_ns[index, column] = now_ns
            denial = denies(order, now_ns)
            if denial is not None:
                self._record(denied_order(order, denial, None))
                continue
            intended: OrderIntended = self._record(OrderIntended(order))
            self._retaking.ordered(intended)
            self._keeper.submit([intended.order])

    def _stop_for(self, index: int, column: int, now_ns: int) -> Order | None:
        strategy, symbol = self._desk.assembly.names[index], self._desk.symbols[column]
        account, views = self._keeper.account, self._views
        if any(state.order.strategy == strategy for state in views.orders.working_of(symbol)):
            return None
        held = views.position(strategy, symbol, account).quantity
        side = Side.SELL if held > 0 else Side.BUY
        price = stop_price_of(self._desk.book.fixed.holdings[index, column], side, self._ticks[symbol])
        agreed = views.control.agreed(account, symbol, views.quantity(symbol, account))
        quantity = min(abs(held), agreed * -side)
        if price is None or quantity <= ZERO:
            return None
        sequence = 0
        while (name := client_order_id(strategy, symbol, now_ns, sequence)) in views.orders.states:
            sequence += 1
        return Order(
            name, strategy, symbol, side, OrderType.STOP, quantity, now_ns, sequence, TimeInForce.GTC,
            stop_price=price, purpose=Purpose.STOP, account=account,
        )  # fmt: skip


def stop_price_of(holding: Any, side: Side, tick: Decimal) -> Decimal | None:
    """Return where the stop of a holding stands, or would stand if it had one still, on the tick; None without one.

    holding : of the book; side : of the closing trade
    """
    level, trail = float(holding["stop_price"]), float(holding["trail"])
    if not np.isnan(trail):
        extreme = holding["highest"] if side is Side.SELL else holding["lowest"]
        level = float(extreme) + side * trail
    if not level > 0.0:
        return None
    rounding = ROUND_FLOOR if side is Side.SELL else ROUND_CEILING
    return max((exact(level) / tick).to_integral_value(rounding), Decimal(1)) * tick
