"""Executions and found orders into the books: each execution once, under our names, with leaves by our own sum.

    ordered 100; booked 40; now a fill of 30 that claims "leaves 0"      booked: 30, leaves 30; another fill is missing

A report may have been overtaken by others, so what it says is left of its order is only a hint: whether something is
missing. Exceptions are members of brackets and groups: what they work for depends on fills of other orders, and the
venue's word is as good as ours.

A correction keeps the key of what it corrects and bears a version behind it: E7, then E7~2
(`domain/execution_id.py`). So the newest version stands whatever road it came, and an older one that comes late is
known to be void. What the venue busts is void for good; what was taken out because the venue did not show it comes
back, as E7~01, when the venue lists it. So does what was booked with other numbers than the venue lists under its id.

What fits no order of ours, since nobody knows it or more was executed than ordered, is not booked until the order was
asked for by name (`look_ups.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from tapeline.domain.adopted import NOT_SHOWN, RESTATED, Grounds
from tapeline.domain.errors import InputError
from tapeline.domain.execution import Execution
from tapeline.domain.execution_id import returned_name, version_of, versioned
from tapeline.domain.order import CLIENT_ORDER_ID_LENGTH_MAX, Order
from tapeline.domain.position import ZERO
from tapeline.domain.reports import EXTERNAL, Request, VenueOrder
from tapeline.domain.words import OrderStatus, OrderType, Reason, TimeInForce
from tapeline.execution.books import Books
from tapeline.execution.reconciliation import TERMS
from tapeline.ledger.adopted_facts import BustNoted, ExecutionBusted, ExecutionCorrected
from tapeline.ledger.order_facts import OrderAdopted, OrderFilled, OrderReplaced
from tapeline.ledger.order_state import OrderState

ANSWERED = Grounds("venue")
_VERSION_MAX = 1_000_000
_Terms = tuple[Decimal | None, ...]
REFUSED = (OrderStatus.REJECTED, OrderStatus.DENIED)


class Bookings:
    """What executes, and what is found."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._terms: dict[str, tuple[int, list[_Terms]]] = {}
        self._versions: dict[str, int] = {}
        self._newest_ns: dict[str, int] = {}

    def start(self) -> None:
        """Take over what the books hold by now: they may have been rebuilt since this was made."""
        orders, working = self._books.views.orders, self._books.working
        for execution_id, execution in orders.executions.items():
            self._note(execution_id)
            if orders.booked.is_void(execution_id):
                self._versions[version_of(execution_id)[0]] = _VERSION_MAX
            if execution is not None and execution.client_order_id in working:
                self._time(execution)

    def is_booked(self, execution: Execution) -> bool:
        """Return whether it is in the books, or was and is void, or a newer version of it is."""
        key, version = version_of(execution.execution_id)
        is_known = execution.execution_id in self._books.views.orders.executions
        return is_known or version < self._versions.get(key, 0)

    def named(self, execution: Execution) -> Execution:
        """Return an execution that the venue lists under the name that it has here, or would have."""
        name = self._name(execution.execution_id)
        return execution if name == execution.execution_id else replace(execution, execution_id=name)

    def correct(self, execution: Execution, grounds: Grounds, time_ns: int) -> bool:
        """Book a newer version of an execution; return whether it is one."""
        key, _ = version_of(execution.execution_id)
        before = self._standing(key)
        if before is None or (before.symbol, before.side) != (execution.symbol, execution.side):
            return False
        self._amend(before, execution, grounds, time_ns)
        return True

    def restate(self, before: Execution, listed: Execution, open_quantity: Decimal | None, time_ns: int) -> None:
        """Book an execution as the venue lists it, instead of with the numbers that its report had.

        before : as it stands; listed : by the same name
        open_quantity : of its order by the venue's list of open orders, None if this does not tell
        """
        after = replace(listed, execution_id=returned_name(before.execution_id))
        self._amend(before, after, RESTATED, time_ns, open_quantity)

    def _amend(
        self,
        before: Execution,
        execution: Execution,
        grounds: Grounds,
        time_ns: int,
        open_quantity: Decimal | None = None,
    ) -> None:
        name = before.client_order_id
        after = replace(execution, client_order_id=name, strategy=before.strategy, account=before.account)
        state = self._books.states.get(name)
        if state is not None:
            self._enlarge(state, state.filled_quantity - before.quantity + after.quantity, time_ns)
        leaves = self._leaves_after(before, after.quantity)
        if leaves is None and state is not None and (state.status.is_working or state.status is OrderStatus.FILLED):
            leaves = open_quantity
        self._note(after.execution_id)
        self._books.record(ExecutionCorrected(time_ns, before, after, grounds, leaves_quantity=leaves))

    def _enlarge(self, state: OrderState, needed: Decimal, time_ns: int) -> None:
        if needed <= state.quantity:
            return
        leaves = state.leaves_quantity if state.status.is_working else ZERO
        terms = (state.limit_price, state.stop_price, state.trail_amount, state.trail_percent)
        self._books.record(
            OrderReplaced(time_ns, state.order.client_order_id, needed, leaves, *terms, reason=Reason.NONE)
        )

    def bust(self, fact: ExecutionBusted) -> None:
        """Take an execution out of the books, under our names; one that the venue busts before it came never comes."""
        key, _ = version_of(fact.busted.execution_id)
        before = self._standing(key)
        newest = self._newest_name(key)
        is_told = fact.grounds != NOT_SHOWN
        if before is not None:
            leaves = self._leaves_after(before, ZERO)
            self._books.record(replace(fact, busted=before, leaves_quantity=leaves))
        elif is_told and self._versions.get(key) != _VERSION_MAX:
            busted = replace(fact.busted, execution_id=newest)
            self._books.record(BustNoted(fact.event_time_ns, busted, fact.grounds))
        if is_told:
            self._versions[key] = _VERSION_MAX

    def fits(self, execution: Execution, claimed: Decimal | None = None) -> bool:
        """Return whether it can belong to the order that it names, as we know it.

        claimed : the leaves quantity of its report, None if it came without
        """
        state = self._books.states.get(execution.client_order_id)
        if state is None or state.status in REFUSED:
            return False
        if (execution.symbol, execution.side) != (state.order.symbol, state.order.side):
            return False
        left = state.quantity - state.filled_quantity - execution.quantity
        if not is_alone(state) and left > 0 and state.status.is_working:
            # what a member works for may be more than we know, since fills of its entry may be missing
            is_told = claimed is not None and not self._is_overtaken(execution)
            return is_told or self._leaves_of_member(state, execution, claimed) > 0
        if left or not is_alone(state):
            return left >= 0
        # nothing is left by our sum: not so if the order may be larger than we know, or one of ours stands no more
        return claimed == ZERO and max(state.asked_totals, default=ZERO) <= state.quantity

    def book(self, execution: Execution, claimed: Decimal | None = None) -> bool:
        """Book an execution that fits; return whether its report, by what it claims, shows others missing."""
        state = self._books.states[execution.client_order_id]
        order = state.order
        if (execution.strategy, execution.account) != (order.strategy, order.account):
            execution = replace(execution, strategy=order.strategy, account=order.account)
        ours = state.quantity - state.filled_quantity - execution.quantity
        leaves = ours
        is_short = claimed is not None and claimed < ours
        if not is_alone(state):
            leaves = self._leaves_of_member(state, execution, claimed)
            # not our sum after this one: another fill of it, of its sibling or of its entry is missing; one of both
            # may be, and our sum be right, where nothing is left for an entry whose end did not come
            is_told = claimed is not None and not self._is_overtaken(execution)
            is_ours = leaves == state.leaves_quantity - execution.quantity
            is_short = is_told and not (is_ours and (leaves or order.parent not in self._books.working))
        if not state.status.is_working:
            leaves, is_short = ZERO, False
        self._note(execution.execution_id)
        self._time(execution)
        self._books.record(OrderFilled(execution, leaves))
        return is_short

    def book_all(self, executions: Sequence[Execution], found: VenueOrder) -> None:
        """Book executions that waited for their order; `found` is how it stands after them and those still missing."""
        name = found.client_order_id
        rest = ZERO if found.status is OrderStatus.FILLED else found.quantity - found.filled_quantity
        coming = sum((one.quantity for one in executions), ZERO)
        state = self._books.states.get(name)
        missing = max(ZERO, found.filled_quantity - coming - (ZERO if state is None else state.filled_quantity))
        left = rest + missing + coming
        for execution in executions:
            left -= execution.quantity
            self._newest_ns.pop(name, None)
            self.book(execution, left)
        if missing:
            # whatever comes now is one of these, and what is left has none of them in
            self._newest_ns.pop(name, None)

    def _leaves_of_member(self, state: OrderState, execution: Execution, claimed: Decimal | None) -> Decimal:
        if self._is_overtaken(execution):
            # what is left after the newer one has this one in already
            return state.leaves_quantity
        return max(ZERO, state.leaves_quantity - execution.quantity) if claimed is None else claimed

    def _is_overtaken(self, execution: Execution) -> bool:
        return execution.event_time_ns < self._newest_ns.get(execution.client_order_id, 0)

    def _time(self, execution: Execution) -> None:
        name = execution.client_order_id
        self._newest_ns[name] = max(execution.event_time_ns, self._newest_ns.get(name, 0))

    def adopt(self, found: VenueOrder, executions: Sequence[Execution], now_ns: int) -> None:
        """Take an order into the books that these did not expect at work.

        executions : of it, about to be booked; it is made as large as they need
        """
        state = self._books.states.get(found.client_order_id)
        before = ZERO if state is None else state.filled_quantity
        order = _order_of(found, self._books.account) if state is None else state.order
        coming = sum((one.quantity for one in executions), ZERO)
        order = replace(order, quantity=max(found.quantity, before + coming))
        if order.quantity > before:
            self._books.record(OrderAdopted(now_ns, order, found.venue_order_id))

    def adopt_executions(self, executions: Sequence[Execution], now_ns: int) -> None:
        """Book executions whose order the venue does not show, each under an external order of its own."""
        for execution in executions:
            name = execution.client_order_id
            if name in self._books.states:
                # an order of ours has that name and cannot have been meant
                name = f"{EXTERNAL}~{execution.execution_id}"[-CLIENT_ORDER_ID_LENGTH_MAX:]
                execution = replace(execution, client_order_id=name)
            order = Order(
                name, EXTERNAL, execution.symbol, execution.side, OrderType.MARKET, execution.quantity,
                execution.event_time_ns, account=self._books.account,
            )  # fmt: skip
            self._books.record(OrderAdopted(now_ns, order))
            self.book(execution)

    def make_room(self, found: VenueOrder, executions: Sequence[Execution], time_ns: int) -> None:
        """Let an order of ours be as large as the venue says, or as its executions show."""
        state = self._books.states[found.client_order_id]
        needed = sum((one.quantity for one in executions), state.filled_quantity)
        if is_alone(state):
            # what is open there stays open here, also if one of our executions does not stand any more
            needed = max(found.quantity, needed + found.leaves_quantity)
        if executions and needed > state.quantity:
            self.take_terms(found, time_ns, needed)

    def take_terms(self, found: VenueOrder, time_ns: int, quantity: Decimal | None = None) -> None:
        """Let an order of ours have the terms that the venue answered at a time, or another total quantity."""
        state = self._books.states[found.client_order_id]
        if quantity is None:
            quantity = found.quantity if is_alone(state) else state.quantity
        self.replaced(
            OrderReplaced(
                time_ns,
                found.client_order_id,
                quantity,
                state.leaves_quantity,
                found.limit_price,
                found.stop_price,
                found.trail_amount,
                found.trail_percent,
                found.time_in_force,
                reason=Reason.REQUESTED if Request.REPLACE in state.asked else Reason.NONE,
            )
        )

    def replaced(self, fact: OrderReplaced) -> None:
        """Record the terms of an order, unless newer ones are known or nothing is new about them.

        A report that is told twice, perhaps after others of the same moment, changes nothing and answers no replace.
        """
        name = fact.client_order_id
        state = self._books.states[name]
        terms = _terms_of(fact)
        told_ns, told = self._terms.get(name, (0, []))
        if fact.event_time_ns < told_ns or (fact.event_time_ns == told_ns and terms in told):
            return
        quantity, leaves = fact.quantity, fact.leaves_quantity
        if is_alone(state):
            quantity = max(quantity, state.filled_quantity)
            leaves = quantity - state.filled_quantity if state.status.is_working else ZERO
        if (quantity, leaves) != (fact.quantity, fact.leaves_quantity):
            fact = replace(fact, quantity=quantity, leaves_quantity=leaves)
        # what a sibling's fill took from an order is in our sum already, and is told once all the same
        is_no_answer = Request.REPLACE not in state.asked and fact.reason is not Reason.ONE_CANCELS_OTHER
        if _terms_of(fact) == _terms_of(state) and (is_no_answer or fact.event_time_ns == told_ns):
            return
        self._terms[name] = fact.event_time_ns, [*told, terms] if fact.event_time_ns == told_ns else [terms]
        self._books.record(fact)

    def _standing(self, key: str) -> Execution | None:
        orders = self._books.views.orders
        # where the first version never came, another one stands at the head of its line
        return orders.booked.standing(self._name(key)) or orders.executions.get(self._newest_name(key))

    def _newest_name(self, key: str) -> str:
        version = self._versions.get(key)
        return self._name(key if version is None else versioned(key, version))

    def _name(self, execution_id: str) -> str:
        while execution_id in self._books.views.orders.booked.renamed:
            execution_id = returned_name(execution_id)
        return execution_id

    def _leaves_after(self, before: Execution, quantity: Decimal) -> Decimal | None:
        state = self._books.working.get(before.client_order_id)
        if state is None or not is_alone(state):
            return None
        return max(ZERO, state.quantity - state.filled_quantity + before.quantity - quantity)

    def _note(self, execution_id: str) -> None:
        key, version = version_of(execution_id)
        if version > 1:
            self._versions[key] = max(version, self._versions.get(key, 0))

    def forget(self) -> None:
        """Forget when terms and executions of orders were told that do not work any more."""
        working = self._books.working
        self._newest_ns = {name: time_ns for name, time_ns in self._newest_ns.items() if name in working}
        self._terms = {name: told for name, told in self._terms.items() if name in working}


def is_alone(state: OrderState) -> bool:
    """Return whether what the order works for depends on no other order."""
    return state.order.parent is None and state.order.group is None


def _terms_of(source: OrderReplaced | OrderState) -> _Terms:
    return tuple(getattr(source, term) for term in (*TERMS, "leaves_quantity"))


def _order_of(found: VenueOrder, account: str) -> Order:
    terms = {
        "client_order_id": found.client_order_id,
        "strategy": EXTERNAL,
        "symbol": found.symbol,
        "side": found.side,
        "quantity": found.quantity,
        "decision_time_ns": found.event_time_ns,
        "account": account,
    }
    try:
        return Order(
            **terms,  # type: ignore[arg-type]  # each is of the kind of its name
            order_type=found.order_type,
            time_in_force=TimeInForce.GTC if found.time_in_force is TimeInForce.GTD else found.time_in_force,
            limit_price=found.limit_price,
            stop_price=found.stop_price,
            trail_amount=found.trail_amount,
            trail_percent=found.trail_percent,
        )
    except InputError:
        # terms that ours cannot express: what counts against the limits is its side and quantity
        return Order(**terms, order_type=OrderType.MARKET)  # type: ignore[arg-type]  # as above
