"""What must hold at every step, and what at the end; each check says in a sentence which books disagree.

At every commit    the chain is unbroken; every execution stands at the venue as it is booked, once; an order that the
                   books end has ended at the venue, or is on no road to it, and its executions are booked or a gap
                   is open; positions and cash of the views are the sums of the executions that the accountant reads; a
                   gap that closes leaves nothing behind
At every request   it is durable before it is sent; no order is sent twice, after its end, or as an entry within a gap
                   or in a locked symbol
At every fill      what our orders hold of a symbol is within the limit, whatever was known of them; what they hold in
                   all is within the limits in force (`exposure.py`); what flattens does not open a position the other
                   way
At the end         every order has ended, no gap or lock is left, and venue and ledger agree in executions,
                   positions, cash and how orders ended
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from tapeline.domain.control import TradingState
from tapeline.domain.errors import InvariantError
from tapeline.domain.reports import EXTERNAL, Question, Request
from tapeline.domain.times import to_iso
from tapeline.domain.words import OrderStatus, Purpose
from tapeline.drill.accountant import ZERO, Accountant
from tapeline.drill.exposure import Exposure
from tapeline.drill.quantities import Quantities
from tapeline.drill.state_watch import StateWatch
from tapeline.drill.venue import Venue
from tapeline.drill.venue_order import RestingOrder
from tapeline.drill.virtual_time import VirtualTime
from tapeline.ledger.views import Views

_ACCOUNT = "main"


class Watch:
    """Holds the books of the system, of the venue and of the accountant against one another.

    limit : shares that our orders may hold of one symbol, long or short; exposure : watches limits in money, None if
        there are none
    checks : how many checks were made
    """

    def __init__(self, time: VirtualTime, venue: Venue, limit: int, exposure: Exposure | None) -> None:
        self.time, self.venue, self.limit, self.exposure = time, venue, limit, exposure
        self.accountant = Accountant()
        self.state = StateWatch(self.accountant)
        self.quantities = Quantities(self.accountant)
        self.checks = 0
        self.submits = 0
        self._turned_count = 0
        self._gap_since_ns: int | None = None
        self._sent: set[str] = set()
        self._wishes_sent: dict[str, int] = defaultdict(int)
        self._ours: dict[str, int] = defaultdict(int)
        self._slack: dict[str, int] = defaultdict(int)

    # At a commit ------------------------------------------------------------------------------------------------

    def durable(self, rows: list[tuple[Any, ...]]) -> None:
        """Check records that have just become durable."""
        accountant = self.accountant
        for row in rows:
            accountant.read([row])
            self.quantities.read(accountant.fresh[-1])
            self._break_if(self.state.read(accountant.fresh[-1]))
        self._break_if(self.state.committed())
        for fact in accountant.fresh:
            self.checks += 1
            execution = getattr(fact, "execution", None)
            if execution is not None:
                self._stands(execution)
            if fact.kind == "GapOpened" and self._gap_since_ns is None:
                self._gap_since_ns = self.time.now_ns
            elif fact.kind == "GapClosed":
                self._nothing_is_missing()
            name = getattr(fact, "client_order_id", None)
            if name is not None and name in accountant.ended:
                self._has_ended(name, fact)
        accountant.fresh.clear()

    def _stands(self, execution: Any) -> None:
        if not self.venue.account.made(execution):
            self._break(
                f"Execution {execution.execution_id} of {execution.client_order_id} is booked as "
                f"{execution.side.name} {execution.quantity} {execution.symbol} at {execution.price}; the venue never "
                f"said so."
            )

    def _has_ended(self, name: str, fact: Any) -> None:
        resting = self.venue.orders.get(name)
        if resting is not None and resting.status.is_working:
            self._break(
                f"By {fact.kind} the books end order {name}, which works at the venue: {resting.leaves} of "
                f"{resting.quantity} are open there."
            )
        booked = self.accountant.filled[name]
        if resting is not None and booked < resting.filled and not self.accountant.is_gap_open:
            self._break(
                f"By {fact.kind} the books end order {name} with {booked} filled, and no gap is open; at the "
                f"venue {resting.filled} have filled."
            )

    def _nothing_is_missing(self) -> None:
        """Check at the close of a gap that the books have everything that was executed before it opened."""
        since_ns, self._gap_since_ns = self._gap_since_ns, None
        if since_ns is None:
            return
        booked = self.accountant.booked
        for execution in self.venue.account.executions.values():
            if execution.time_ns > since_ns:
                break
            if execution.standing and not booked & execution.keys:
                self._break(
                    f"A gap is closed, but execution {execution.key} of {execution.client_order_id}, from before it "
                    f"opened, is not booked."
                )

    # At a turn --------------------------------------------------------------------------------------------------

    def turned(self, views: Views) -> None:
        """Check the views of a system whose facts are all durable."""
        accountant = self.accountant
        if accountant.count == self._turned_count:
            return
        self._turned_count = accountant.count
        self.checks += 1
        held = {key[1:]: position.quantity for key, position in views.positions.items()}
        for strategy, symbol in {**accountant.positions, **held}:
            quantity = accountant.positions.get((strategy, symbol), ZERO)
            found = held.get((strategy, symbol), ZERO)
            if found != quantity:
                self._break(f"The views hold {found} {symbol} for {strategy}, the executions make {quantity}.")
        if views.cash_amount() != accountant.cash:
            self._break(f"The views have cash of {views.cash_amount()}, the executions make {accountant.cash}.")
        if accountant.booked:
            if views.cash[_ACCOUNT].commissions != accountant.fees:
                self._break(
                    f"The views have fees of {views.cash[_ACCOUNT].commissions}, the executions make {accountant.fees}."
                )
            paid = views.profits.paid[_ACCOUNT]
            for strategy, amount in accountant.paid.items():
                if paid.get(strategy, ZERO) != amount:
                    self._break(
                        f"The views have {paid.get(strategy, ZERO)} paid to {strategy}, the executions make {amount}."
                    )
        for name, state in views.orders.working.items():
            if state.leaves_quantity < 0 or state.filled_quantity < 0:
                self._break(f"Order {name} has {state.leaves_quantity} open and {state.filled_quantity} filled.")

    # At a request -----------------------------------------------------------------------------------------------

    def sent(self, request: Request | Question, name: str | None) -> None:
        """Check a request at the moment at which the system makes it."""
        self.checks += 1
        accountant = self.accountant
        if not isinstance(request, Request) or name is None:
            return
        order = accountant.intended.get(name)
        if order is None:
            self._break(f"{request.name} of {name} is sent before its intent is durable.")
            return
        self._break_if(self.state.sent(request, order))
        if request is not Request.SUBMIT:
            self._wishes_sent[name] += 1
            if self._wishes_sent[name] > accountant.wishes[name]:
                self._break(f"{request.name} of {name} is sent, but no durable intent says so.")
            return
        if self.exposure is not None:
            self._break_if(self.quantities.sent(order))
        self.submits += 1
        if name in self._sent:
            self._break(f"Order {name} is sent a second time.")
        self._sent.add(name)
        if name in accountant.ended:
            self._break(f"Order {name} is sent after the books have ended it.")
        if order.purpose is Purpose.ENTRY:
            if accountant.is_gap_open:
                self._break(f"Entry {name} is sent while a gap is open.")
            if order.symbol in accountant.locked:
                self._break(f"Entry {name} is sent while {order.symbol} is locked.")

    def barred(self, request: Request | Question, name: str | None) -> None:
        """Break: the system makes a request while trading is halted from outside."""
        self._break(f"{request.name} of {name or 'the account'} leaves while the latch is set.")

    def unlatched(self) -> None:
        """Check that what takes the latch away has made HALTED durable."""
        self.checks += 1
        if self.state.state is not TradingState.HALTED:
            self._break(f"The latch is taken away, and by the journal trading is {self.state.state.name}.")

    def arrived(self, name: str) -> None:
        """Check an order that has just reached the venue."""
        self.checks += 1
        ended = self.accountant.ended.get(name)
        if ended is not None:
            self._break(f"Order {name} arrives at the venue after the books have ended it by {ended}.")

    # At the venue -----------------------------------------------------------------------------------------------

    def told(self, fact: Any) -> None:
        """Check what the venue did, at the moment at which it did it."""
        kind = getattr(fact, "kind", None)
        if kind == "OrderFilled":
            execution = fact.execution
            if execution.client_order_id not in self._sent:
                return
            self.checks += 1
            symbol = execution.symbol
            self._ours[symbol] += int(execution.signed_quantity)
            order = self.accountant.intended.get(execution.client_order_id)
            if order is not None and order.purpose is Purpose.FLATTEN:
                self._only_reduces(execution)
            elif abs(self._ours[symbol]) > self.limit + self._slack[symbol]:
                self._break(
                    f"Our orders hold {self._ours[symbol]} {symbol} at the venue; the limit is {self.limit}, and "
                    f"{self._slack[symbol]} more were taken back by busts."
                )
            if self.exposure is not None and order is not None and order.strategy != EXTERNAL:
                self._break_if(self.exposure.filled(execution, order))
        elif kind == "ExecutionBusted" and fact.client_order_id in self._sent:
            busted = fact.busted
            if self.exposure is not None:
                self.exposure.busted(self.accountant.intended[fact.client_order_id])
            self._ours[busted.symbol] -= int(busted.signed_quantity)
            self._slack[busted.symbol] += int(busted.quantity)

    def _only_reduces(self, execution: Any) -> None:
        """Check that what closes a position, also one of somebody else, does not open one the other way.

        What others traded, and nobody has told our books of yet, may have closed the position before it.
        """
        symbol = execution.symbol
        after = self.venue.account.held().get(symbol, Decimal(0))
        booked = self.accountant.booked
        unknown = sum(
            other.quantity
            for other in self.venue.account.executions.values()
            if other.symbol == symbol
            and other.side is execution.side
            and other.client_order_id not in self._sent
            and not other.keys & booked
        )
        if after * execution.signed_quantity > 0 and abs(after) > unknown:
            self._break(
                f"Closing order {execution.client_order_id} leaves {after} {symbol} at the venue, on its own side: it "
                f"overshot."
            )
        # what closes somebody else's holding moves ours away from zero
        self._slack[symbol] = max(self._slack[symbol], abs(self._ours[symbol]))

    # At the end -------------------------------------------------------------------------------------------------

    def settled(self, views: Views) -> None:
        """Check that everything has come to rest and both sides have the same books."""
        accountant, account = self.accountant, self.venue.account
        if self.state.is_closing:
            self._break("Everything was to be closed, and after a quiet session that is not done.")
        if self.state.is_closing is False and account.held():
            self._break(f"Everything was closed for good, and the venue still holds {_shown(account.held())}.")
        if accountant.is_gap_open:
            self._break("A gap is still open after a quiet session.")
        if accountant.locked:
            self._break(f"Still locked after a quiet session: {', '.join(sorted(accountant.locked))}.")
        if views.orders.working:
            shown = ", ".join(f"{name} {state.status.name}" for name, state in views.orders.working.items())
            self._break(f"Orders have not ended after a quiet session: {shown}.")
        for resting in self.venue.working():
            self._break(f"Order {resting.name} still works at the venue after a quiet session.")
        theirs = {e.execution_id: e for e in account.since(0)}
        missing, extra = theirs.keys() - accountant.executions.keys(), accountant.executions.keys() - theirs.keys()
        if missing or extra:
            self._break(f"Executions not booked: {sorted(missing)}; booked and not at the venue: {sorted(extra)}.")
        if accountant.held() != account.held():
            self._break(f"The ledger holds {_shown(accountant.held())}, the venue {_shown(account.held())}.")
        if accountant.cash != account.cash_amount:
            self._break(f"The ledger has cash of {accountant.cash}, the venue {account.cash_amount}.")
        for name, ended in views.orders.ended.items():
            theirs_of = self.venue.orders.get(name)
            if theirs_of is not None:
                self._ended_alike(name, ended, views.orders.states[name].filled_quantity, theirs_of)
        for resting in self.venue.orders.values():
            if resting.name not in accountant.intended and resting.filled:
                self._break(f"Order {resting.name} of the venue has executions and is not in the ledger.")

    def _ended_alike(self, name: str, ended: OrderStatus, filled: Decimal, resting: RestingOrder) -> None:
        # a total that was replaced by what is filled ends an order; which of the two words it gets is no difference
        nothing_left = {ended, resting.status} <= {OrderStatus.FILLED, OrderStatus.CANCELED}
        if filled != resting.filled or not (nothing_left or ended is resting.status):
            self._break(
                f"Order {name} is {ended.name} in the ledger with {filled} filled, {resting.status.name} at the venue "
                f"with {resting.filled}."
            )

    def _break_if(self, sentence: str | None) -> None:
        if sentence is not None:
            self._break(sentence)

    def _break(self, sentence: str) -> None:
        raise InvariantError(f"{to_iso(self.time.now_ns)}: {sentence}")


def _shown(quantities: dict[str, Decimal]) -> str:
    return ", ".join(f"{symbol} {quantity}" for symbol, quantity in quantities.items()) or "nothing"
