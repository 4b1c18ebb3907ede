"""What to do next for a parent order: a function of what is done, what works, the market and the time.

    wishes(parent, orders, market, now) -> send a part, reprice one, call one back, move the stop's quantity, stop

It remembers nothing: a restart over the journal goes on where the run before stopped. What is done, what works and what
is in doubt counts as done; only the rest may be sent, so a parent order never fills beyond its quantity.

What an exit has not sent yet waits behind a stop where what it closes had one. The stop is a part like the others: its
quantity is what neither works elsewhere nor wants to leave, and a part leaves only for what the stop has let go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from tapeline.domain.order import ATTEMPT_MAX
from tapeline.domain.parent import ParentEnd, Pricing
from tapeline.domain.position import ZERO
from tapeline.domain.reports import Request
from tapeline.domain.times import SECOND
from tapeline.domain.words import OrderStatus
from tapeline.execution.algorithms.pricing import MarketNow, further, limit_price_of, offset_of, pricing_by_lag
from tapeline.execution.algorithms.schedules import Plan, floor_to, lag_of, part_of_volume, plan_from
from tapeline.ledger.order_book import OrderBook
from tapeline.ledger.order_state import OrderState
from tapeline.ledger.parent_orders import Child, ParentState
from tapeline.simulation.execution_settings import Algorithm

REFUSED_WAIT_NS_MAX = 300 * SECOND
"""The longest that is waited after refusals, before it is lengthened at random."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a part. limit_price : None for a market order"""

    quantity: Decimal
    pricing: Pricing
    limit_price: Decimal | None


@dataclass(frozen=True, slots=True)
class Reprice:
    """Give a part that works another limit."""

    client_order_id: str
    pricing: Pricing
    limit_price: Decimal


@dataclass(frozen=True, slots=True)
class Resize:
    """Give the stop another quantity: what it shall still be open for."""

    client_order_id: str
    leaves_quantity: Decimal


@dataclass(frozen=True, slots=True)
class CallBack:
    """Cancel a part."""

    client_order_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Send nothing more."""

    reason: ParentEnd


Wish = Send | Reprice | Resize | CallBack | Stop


@dataclass(frozen=True, slots=True)
class Work:
    """A parent order at one moment, with what is needed to decide.

    held_quantity : what may still be closed, for an exit; None for an entry
    """

    parent: ParentState
    algorithm: Algorithm
    plan: Plan
    orders: OrderBook
    market: MarketNow
    now_ns: int
    seed: int
    held_quantity: Decimal | None = None

    @property
    def working(self) -> list[tuple[Child, OrderState]]:
        """Its parts that may still fill, oldest first; without its stop."""
        return [it for it in working_children(self.parent, self.orders) if it[0].priced.pricing is not Pricing.STOP]

    @property
    def stops(self) -> list[tuple[Child, OrderState]]:
        """The stop behind which the rest of an exit waits, if it may still fill."""
        return [it for it in working_children(self.parent, self.orders) if it[0].priced.pricing is Pricing.STOP]

    @property
    def exposed_quantity(self) -> Decimal:
        """What works or is in doubt, without the stop."""
        return sum((state.exposed_quantity for _, state in self.working), ZERO)

    @property
    def stopped_quantity(self) -> Decimal:
        """What the stop works for, or may."""
        return sum((state.exposed_quantity for _, state in self.stops), ZERO)

    @property
    def rest_quantity(self) -> Decimal:
        """What might still be sent if the stop let go of it."""
        rest = self.parent.order.quantity - self.parent.filled_quantity
        if self.held_quantity is not None:
            rest = min(rest, self.held_quantity)
        return max(floor_to(rest - self.exposed_quantity, self.market.step), ZERO)

    @property
    def open_quantity(self) -> Decimal:
        """What may still be sent."""
        return max(self.rest_quantity - self.stopped_quantity, ZERO)

    @property
    def stop_price(self) -> Decimal | None:
        """Where the rest of an exit is stopped, None without a stop."""
        return None if self.held_quantity is None else self.parent.stop_price

    @property
    def is_stop_reached(self) -> bool:
        """Whether the stop of an exit has triggered, or the market stands beyond it."""
        if self.stop_price is None:
            return False
        stops = [child for child in self.parent.children.values() if child.priced.pricing is Pricing.STOP]
        states = [state for child in stops if (state := self.orders.states.get(child.client_order_id)) is not None]
        if any(state.is_triggered or state.filled_quantity for state in states):
            return True
        return self.parent.order.side * (self.market.price - self.stop_price) >= 0

    @property
    def due_quantity(self) -> Decimal:
        """What shall be done by now, whole."""
        quantity, step = self.parent.order.quantity, self.market.step
        if self.algorithm.schedule == "participation":
            return min(floor_to(part_of_volume(self.algorithm.rate, self.market.volume), step), quantity)
        share = self.plan.share_due(self.now_ns)
        return quantity if share == 1 else floor_to(quantity * share, step)


def algorithm_of_state(parent: ParentState) -> tuple[Algorithm, Plan]:
    """Return algorithm and plan of a parent order as its fact holds them."""
    return Algorithm(**parent.intended.settings), plan_from(parent.intended.plan)


def working_children(parent: ParentState, orders: OrderBook) -> list[tuple[Child, OrderState]]:
    """Return the parts that may still fill, oldest first."""
    found = ((child, orders.working.get(name)) for name, child in parent.children.items())
    return [(child, state) for child, state in found if state is not None]


def wishes(work: Work) -> list[Wish]:
    """Return what to do now, in order; nothing while there is nothing to do."""
    parent, plan, now_ns = work.parent, work.plan, work.now_ns
    if parent.stopped is not None:
        return _call_back_all(work)
    if parent.filled_quantity >= parent.order.quantity:
        return []
    if plan.end_ns <= plan.start_ns and work.held_quantity is None:
        return [Stop(ParentEnd.NO_WINDOW)]
    if now_ns < plan.start_ns:
        return _guard(work, ZERO, ZERO)
    if work.held_quantity is not None and not work.held_quantity and not work.working and not work.stops:
        return [Stop(ParentEnd.NOTHING_HELD)]
    if len(parent.children) >= ATTEMPT_MAX:
        return [Stop(ParentEnd.EXHAUSTED)]
    if now_ns >= plan.end_ns:
        return _finish(work)
    found: list[Wish] = []
    for child, state in work.working:
        wish = _advance(work, child, state)
        if wish is not None:
            found.append(wish)
    if _is_over(work):
        return [Stop(ParentEnd.ACCEPTED if _is_enough(work) else ParentEnd.TIMED_OUT), *_call_back_all(work)]
    wanted = min(work.due_quantity - parent.filled_quantity - work.exposed_quantity, work.rest_quantity)
    wanted = wanted if wanted > 0 and _may_send(work) else ZERO
    quantity = min(wanted, work.open_quantity)
    if quantity > 0:
        found.append(_send(work, quantity, _pricing_of_new(work)))
    return [*found, *_guard(work, quantity, wanted)]


def protection(work: Work) -> list[Wish]:
    """Return what lets the stop of an exit be for all that no part works for; no part is sent."""
    return _guard(work, ZERO, ZERO) if len(work.parent.children) < ATTEMPT_MAX else []


def _finish(work: Work) -> list[Wish]:
    """Return what ends a parent order whose window is over."""
    enough = _is_enough(work)
    if enough or work.algorithm.leftover == "abandon" or work.now_ns >= work.plan.last_ns:
        return [Stop(ParentEnd.ACCEPTED if enough else ParentEnd.WINDOW), *_call_back_all(work)]
    found = _call_back((child, state) for child, state in work.working if child.priced.pricing is not Pricing.MARKET)
    found += _call_back((child, state) for child, state in work.stops if not state.is_triggered)
    if work.open_quantity > 0 and _may_send(work, at_once=True):
        found.append(_send(work, work.open_quantity, Pricing.MARKET))
    return found


def _guard(work: Work, sent: Decimal, wanted: Decimal) -> list[Wish]:
    """Return what lets the stop of an exit be for all that neither works elsewhere nor wants to leave now."""
    stop_price = work.stop_price
    if stop_price is None:
        return []
    quantity = work.rest_quantity - wanted
    for child, state in work.stops:
        if state.asked or state.is_triggered or state.leaves_quantity == quantity:
            return []
        return [Resize(child.client_order_id, quantity)] if quantity > 0 else [CallBack(child.client_order_id)]
    quantity = min(quantity, work.open_quantity - sent)
    return [Send(quantity, Pricing.STOP, None)] if quantity > 0 and _may_send_after_refusal(work) else []


def _advance(work: Work, child: Child, state: OrderState) -> Wish | None:
    """Return what becomes of a part that rests: repriced after its time-out, called back after the last one."""
    pricing = child.priced.pricing
    if pricing is Pricing.MARKET or state.asked:
        return None
    waited = work.now_ns - child.priced.event_time_ns >= round(work.algorithm.timeout_s * SECOND)
    if work.algorithm.pricing == "adaptive" and not waited:
        # a market that runs away by more than the offset is followed before the time-out
        moved = work.parent.order.side * (work.market.price - child.priced.price)
        waited = moved > offset_of(work.algorithm, work.market)
    if not waited:
        return None
    following = further(pricing)
    if following is None:
        return CallBack(child.client_order_id)
    price = _limit_price(work, following)
    assert price is not None
    return Reprice(child.client_order_id, following, price)


def _pricing_of_new(work: Work) -> Pricing:
    if work.algorithm.pricing == "market" or (_has_timed_out(work) and work.algorithm.leftover == "cross"):
        return Pricing.MARKET
    if work.algorithm.pricing == "limit":
        return Pricing.PASSIVE
    done = work.parent.filled_quantity
    return pricing_by_lag(lag_of(work.due_quantity, done, work.parent.order.quantity, work.plan.curve))


def _has_timed_out(work: Work) -> bool:
    """Whether the newest part had gone as far as a limit goes and was called back."""
    newest = _newest(work.parent)
    if newest is None or newest.priced.pricing is not Pricing.CROSS or newest.is_refused:
        return False
    return work.orders.ended.get(newest.client_order_id) is OrderStatus.CANCELED


def _is_over(work: Work) -> bool:
    """Whether an order that is sent at once has had its last time-out, and is left as it is."""
    if work.algorithm.schedule != "at_once" or not _has_timed_out(work):
        return False
    return _is_enough(work) or work.algorithm.leftover == "abandon"


def _is_enough(work: Work) -> bool:
    return work.parent.filled_quantity >= Decimal(str(work.algorithm.accept)) * work.parent.order.quantity


def _send(work: Work, quantity: Decimal, pricing: Pricing) -> Send:
    return Send(quantity, pricing, _limit_price(work, pricing))


def _limit_price(work: Work, pricing: Pricing) -> Decimal | None:
    order = work.parent.order
    return limit_price_of(work.algorithm, order.side, pricing, work.market, order.limit_price)


def _may_send(work: Work, *, at_once: bool = False) -> bool:
    """Whether enough time has passed: since the last part, and since a refusal twice as long after each one.

    An exit whose time is over does not wait: the session may end before the next try.
    """
    algorithm = work.algorithm
    if at_once and work.held_quantity is not None:
        return True
    if work.parent.refused_count:
        return _may_send_after_refusal(work)
    newest = _newest(work.parent)
    if at_once or newest is None or algorithm.schedule != "participation":
        return True
    return work.now_ns - newest.priced.event_time_ns >= round(algorithm.every_minutes * 60 * SECOND)


def _may_send_after_refusal(work: Work) -> bool:
    parent, algorithm = work.parent, work.algorithm
    if not parent.refused_count:
        return True
    wait_ns = min(round(algorithm.timeout_s * SECOND) << min(parent.refused_count - 1, 8), REFUSED_WAIT_NS_MAX)
    random = Random(f"{work.seed}/{parent.name}/{len(parent.children)}")
    return work.now_ns - parent.refused_ns >= round(wait_ns * (1 + algorithm.jitter * random.random()))


def _newest(parent: ParentState) -> Child | None:
    """Return the part that was sent last, None before the first; a stop is none."""
    return next((it for it in reversed(parent.children.values()) if it.priced.pricing is not Pricing.STOP), None)


def _call_back_all(work: Work) -> list[Wish]:
    return _call_back([*work.working, *work.stops])


def _call_back(working: Iterable[tuple[Child, OrderState]]) -> list[Wish]:
    return [CallBack(child.client_order_id) for child, state in working if Request.CANCEL not in state.asked]
