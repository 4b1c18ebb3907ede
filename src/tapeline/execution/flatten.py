"""Flatten: cancel everything, wait until it has ended, close what is held, see that it is gone.

    for each symbol with a working order     cancel it; a cancel that is refused or lost is asked again
    for each symbol without one              closing orders for what the account holds of it on balance
    when nothing works and nothing is held   the books are compared with the venue's; equal means flat, which is a fact

It never overshoots: closing orders are made only when nothing else of the symbol works or is in doubt, all on one
side, and together for what the account holds then; of a locked symbol, for what the venue confirms of it. What
strategies hold against each other cancels out and is left in their books: to trade it away, one after the other, would
open a position in between. It is a plain state machine like the order keeper: it survives a lost link, a gap and a
restart, because it looks at the books anew each time. That it was asked for and is not done stands in the journal, see
`Control.flatten`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tapeline.domain.order import Order, client_order_id
from tapeline.domain.position import ZERO, Position
from tapeline.domain.times import SECOND
from tapeline.domain.words import Limit, OrderStatus, OrderType, Purpose, Side, TimeInForce
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.ledger.control_facts import Flattened
from tapeline.ledger.order_facts import CancelIntended, OrderDenied, OrderIntended
from tapeline.ledger.order_state import OrderState
from tapeline.ledger.views import Views
from tapeline.risk.denial import Denial

RETRY_NS = 5 * SECOND
"""How long a cancel or a closing order that came to nothing rests before it is asked for again."""


class Flattening:
    """One order to flatten, until it is done.

    record : journals a fact and returns it
    ask : why a closing order may not be sent, None if it may (`Gate.ask_flatten`); it is asked again later
    """

    def __init__(
        self,
        views: Views,
        record: Callable[[Any], Any],
        keeper: OrderKeeper,
        ask: Callable[[Order, int], Denial | None],
    ) -> None:
        self._views, self._record, self._keeper, self._ask = views, record, keeper, ask
        self._has_compared = False
        self._asked_ns: dict[str, int] = {}
        self._count = 0

    def advance(self, now_ns: int) -> bool:
        """Do what can be done now. Returns whether all is closed, also by a comparison with the venue begun since."""
        if not self._keeper.is_sure:
            self._has_compared = False
            return False
        busy: set[str] = set()
        for name, state in [*self._views.orders.working.items()]:
            busy.add(state.order.symbol)
            if state.order.purpose is not Purpose.FLATTEN or self._overshoots(state.order):
                self._call_back(name, state, now_ns)
        closing = [part for part in self._to_close() if part[0].symbol not in busy]
        for position, quantity in closing:
            key = f"{position.account}/{position.strategy}/{position.symbol}"
            if now_ns - self._asked_ns.get(key, -RETRY_NS) < RETRY_NS:
                continue
            self._asked_ns[key] = now_ns
            order = Order(
                self._new_id(position, now_ns),
                position.strategy,
                position.symbol,
                Side.SELL if position.quantity > 0 else Side.BUY,
                OrderType.MARKET,
                quantity,
                now_ns,
                self._count,
                TimeInForce.GTC,
                purpose=Purpose.FLATTEN,
                account=position.account,
            )
            denial = self._ask(order, now_ns)
            if denial is None:
                self._keeper.submit([self._record(OrderIntended(order)).order])
            elif denial.limit is Limit.ORDER_RATE:
                del self._asked_ns[key]  # no fault of the order: it goes with the next turn that has room
                break
            else:
                self._record(_denied(order, denial))
        self._has_compared = self._has_compared and not busy and not closing
        return not busy and not closing and self._is_verified(now_ns)

    def _is_verified(self, now_ns: int) -> bool:
        """Have the books compared, which show nothing to close, and record what the venue confirms."""
        if not self._has_compared:
            self._keeper.compare(now_ns)
            self._has_compared = True
        if self._keeper.is_comparing or self._views.control.locks:
            return False
        self._record(Flattened(now_ns))
        return True

    def _to_close(self) -> list[tuple[Position, Decimal]]:
        """Return whose holdings are closed, and how much of each: as much as the account is agreed to hold."""
        held = [position for _, position in sorted(self._views.positions.items()) if position.quantity]
        left = {(p.account, p.symbol): self._agreed(p.account, p.symbol) for p in held}
        parts = []
        for position in held:
            key = position.account, position.symbol
            part = min(abs(position.quantity), abs(left[key]))
            if part and (position.quantity > 0) is (left[key] > 0):
                left[key] -= part.copy_sign(left[key])
                parts.append((position, part))
        return parts

    def _agreed(self, account: str, symbol: str) -> Decimal:
        return self._views.control.agreed(account, symbol, self._views.quantity(symbol, account))

    def _overshoots(self, order: Order) -> bool:
        """Whether the closing orders of a symbol are for more than the account is agreed to hold: a lock came since."""
        working = [s for s in self._views.orders.working_of(order.symbol) if s.order.account == order.account]
        closing = sum((s.exposed_quantity for s in working if s.order.purpose is Purpose.FLATTEN), ZERO)
        return closing > order.side * -self._agreed(order.account, order.symbol)

    def _new_id(self, position: Position, now_ns: int) -> str:
        # an id tells seconds: a strategy, or a flatten before a restart, may have ordered within this one too
        while True:
            self._count += 1
            name = client_order_id(position.strategy, position.symbol, now_ns, self._count)
            if name not in self._views.orders.states:
                return name

    def _call_back(self, name: str, state: OrderState, now_ns: int) -> None:
        waits = now_ns - self._asked_ns.get(name, -RETRY_NS) < RETRY_NS
        if waits or state.status is OrderStatus.PENDING_CANCEL:
            return
        self._asked_ns[name] = now_ns
        self._count += 1
        self._keeper.cancel(self._record(CancelIntended(now_ns, name, self._count, Purpose.FLATTEN)))


def _denied(order: Order, denial: Denial) -> OrderDenied:
    return OrderDenied(
        order.decision_time_ns,
        order.client_order_id,
        order.strategy,
        order.symbol,
        order.side,
        f"{denial.text}.",
        denial.limit,
        order.purpose,
        order.quantity,
        account=order.account,
    )
