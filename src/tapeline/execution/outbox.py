"""The outbox: what waits to leave for the venue, in its order, and what of it may leave.

What is submitted in a gap waits. When the gap is closed, an exit leaves if it still reduces what its strategy holds;
everything else ends as never sent. Cancels of what would add to a position need not wait. Where an exit is
barred, the cancels of stop and target by which it begins are barred with it. A replace waits for the answer to the one
before it, and until no request about its order is in doubt; of several only the newest is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeGuard

from tapeline.domain.control import TradingState
from tapeline.domain.order import Order
from tapeline.domain.reports import Request
from tapeline.domain.words import OrderType, Purpose, Reason
from tapeline.execution.books import Books
from tapeline.execution.messages import Ask, Cancel, Message, Replace, Submit
from tapeline.ledger.order_facts import CancelRejected, OrderRejected, ReplaceIntended, ReplaceRejected
from tapeline.ledger.order_state import exposed_quantity, is_called_back
from tapeline.risk.locks import EXITS

REQUEST_OF: dict[type, Request] = {Cancel: Request.CANCEL, Replace: Request.REPLACE}
IsOver = Callable[[Message], bool]
_NOT_SENT = "It waited while a gap was open, and what it was to reduce is not held any more; it was never sent."
_STOPS = frozenset({OrderType.STOP, OrderType.TRAILING_STOP})
_IN_LINE = "It waited for the answer to an earlier one; the newest that waited is sent anew."


class Outbox:
    """What waits. books : where the ends of what never leaves are recorded"""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._waiting: list[Message] = []
        self._replacing: dict[str, None] = {}  # a set that keeps its order

    def add(self, message: Message) -> None:
        """Let a message wait whose facts are recorded."""
        self._waiting.append(message)

    def note_replace(self, name: str) -> None:
        """Know that a replace of an order has left, and that the next waits for its answer."""
        self._replacing[name] = None

    @property
    def has_replaces_alone(self) -> bool:
        """Whether nothing waits but replaces, each in line behind one that has left."""
        return all(isinstance(m, Replace) and m.fact.client_order_id in self._replacing for m in self._waiting)

    def take_over(self, lines: Mapping[str, Sequence[ReplaceIntended]]) -> None:
        """Take over from an earlier process of which orders a replace has left, and those that wait for its answer."""
        for name, line in lines.items():
            if name in self._books.working:
                self._replacing[name] = None
                self._waiting += [Replace(fact) for fact in line]

    def take_all(self) -> list[Message]:
        """Return everything, for a venue that answers at once."""
        leaving, self._waiting = self._waiting, []
        return leaving

    def take(self) -> list[Message]:
        """Return what may leave now, once."""
        leaving: list[Message] = []
        staying: list[Message] = []
        for message in self._waiting:
            if not self._may_leave(message):
                staying.append(message)
                continue
            leaving.append(message)
            if isinstance(message, Replace):
                self._replacing[message.fact.client_order_id] = None
        self._waiting = staying
        return leaving

    def put_back(self, messages: Sequence[Message]) -> None:
        """Let messages wait again that did not leave after all."""
        for message in messages:
            if isinstance(message, Replace):
                self._replacing.pop(message.fact.client_order_id, None)
        self._waiting = [*messages, *self._waiting]

    def requests(self) -> set[tuple[str, Request]]:
        """Return what has not left, by order and request; a replace in line behind one that has left counts as left."""
        found = {(name, Request.SUBMIT) for name in _names_in(self._waiting)}
        for message in self._waiting:
            if isinstance(message, Cancel | Replace):
                name = message.fact.client_order_id
                if isinstance(message, Cancel) or name not in self._replacing:
                    found.add((name, REQUEST_OF[type(message)]))
        return found

    def end(self, is_over: IsOver, text: str, now_ns: int) -> None:
        """End orders as never sent, replaces and cancels as refused. Others go on while there is an order."""
        staying: list[Message] = []
        for message in self._waiting:
            if not is_over(message):
                staying.append(message)
            elif isinstance(message, Submit):
                self._end_submit(message, text, now_ns)
            elif isinstance(message, Cancel):
                self._books.record(
                    CancelRejected(now_ns, message.fact.client_order_id, None, text, Reason.NEVER_ARRIVED)
                )
            elif isinstance(message, Replace):
                self._books.record(
                    ReplaceRejected(now_ns, message.fact.client_order_id, None, text, Reason.NEVER_ARRIVED)
                )
        working = self._books.working
        self._waiting = [m for m in staying if not isinstance(m, Cancel | Replace) or m.fact.client_order_id in working]

    def end_decided(self, text: str, now_ns: int) -> None:
        """End everything but cancels that protect nothing or are not of an exit."""
        self.end(lambda message: not isinstance(message, Cancel) or self._bares(message), text, now_ns)

    def end_barred(self, state: TradingState, text: str, now_ns: int) -> None:
        """End what a trading state bars.

        REDUCING bars entries, HALTED everything but cancels and what `flatten` sends; a replace that only makes an
        order smaller is a cancel of a part. A cancel by which an exit begins is barred with it.
        """
        if state is not TradingState.ACTIVE:
            self.end(lambda message: self._is_barred(message, state), text, now_ns)

    def end_locked(self, text: str, now_ns: int) -> None:
        """End entries of symbols that are locked."""
        locks = self._books.views.control.locks

        def is_locked(message: Message) -> bool:
            order = self._order_of(message)
            enters = order.purpose is Purpose.ENTRY and not isinstance(message, Cancel)
            return enters and (self._books.account, order.symbol) in locks

        self.end(is_locked, text, now_ns)

    def end_unfit(self, now_ns: int) -> None:
        """End what waited through a gap and does not fit any more, now that the gap is closed."""
        # in their order: what has been let through counts for those after it
        waiting, self._waiting = self._waiting, []
        behind = _names_in(waiting)
        for message in waiting:
            if self._still_fits(message, behind):
                self._waiting.append(message)
            elif isinstance(message, Submit):
                self._end_submit(message, _NOT_SENT, now_ns)
            behind -= _names_in([message])

    def answer_replaces(self, now_ns: int) -> None:
        """Let the newest replace of each order leave whose earlier one was answered."""
        for name in [*self._replacing]:
            state = self._books.working.get(name)
            if state is not None and Request.REPLACE in state.asked:
                continue
            self._replacing.pop(name, None)
            line = [message.fact for message in self._waiting if _replaces(message, name)]
            self._waiting = [message for message in self._waiting if not _replaces(message, name)]
            if state is None or not line:
                continue
            # the books took the answer for one that has left: those in line are over, and the newest is asked for anew
            for _ in line:
                self._books.record(ReplaceRejected(now_ns, name, None, _IN_LINE, Reason.NEVER_ARRIVED))
            newest = replace(line[-1], event_time_ns=now_ns)
            self._books.record(newest)
            self._waiting.append(Replace(newest))

    # What may leave -----------------------------------------------------------------------------------------

    def _may_leave(self, message: Message) -> bool:
        if isinstance(message, Replace) and self._is_in_line(message.fact.client_order_id):
            return False
        if self._books.gap is None:
            return True
        if not isinstance(message, Cancel) or message.fact.client_order_id in _names_in(self._waiting):
            return False
        state = self._books.states[message.fact.client_order_id]
        return message.fact.purpose is None or state.order.purpose is Purpose.ENTRY

    def _is_in_line(self, name: str) -> bool:
        # a replace waits for the answer to one that left, or for the look-up of its order
        state = self._books.working.get(name)
        in_doubt = state is not None and True in state.asked.values()
        return in_doubt or name in self._replacing

    def _is_barred(self, message: Message, state: TradingState) -> bool:
        if isinstance(message, Cancel):
            return state is TradingState.HALTED and self._bares(message)
        if isinstance(message, Replace) and self._cancels_a_part(message.fact):
            return False
        purpose = self._order_of(message).purpose
        return purpose is Purpose.ENTRY or (state is TradingState.HALTED and purpose is not Purpose.FLATTEN)

    def _bares(self, message: Cancel) -> bool:
        """Whether a cancel takes a stop or target, or what else closes a holding, out of the way of an exit.

        Not so the parts of an exit that is worked: these are called back without another to follow.
        """
        name = message.fact.client_order_id
        state = self._books.working.get(name)
        if state is None or message.fact.purpose not in EXITS or state.asked.get(Request.CANCEL) is not False:
            return False
        is_part = self._books.views.parents.of_child(name) is not None and state.order.order_type not in _STOPS
        return state.order.purpose is not Purpose.ENTRY and not is_part

    def _cancels_a_part(self, fact: ReplaceIntended) -> bool:
        prices = (fact.limit_price, fact.stop_price, fact.trail_amount, fact.trail_percent)
        is_smaller = fact.quantity is not None and fact.quantity < self._books.states[fact.client_order_id].quantity
        return is_smaller and all(price is None for price in prices) and fact.time_in_force is None

    def _still_fits(self, message: Message, behind: set[str]) -> bool:
        """Whether what waited through a gap may leave.

        What works besides takes its part of the holding, unless it is being called back; of a locked symbol, all
        strategies together close what the venue's books confirm. A flatten looks at the books anew and makes its
        closing orders again, which a lock may have made smaller.
        """
        if not isinstance(message, Submit):
            return not isinstance(message, Cancel | Replace) or message.fact.client_order_id in self._books.working
        lead, own = message.orders[0], _names_in([message])
        if lead.purpose in (Purpose.ENTRY, Purpose.FLATTEN):
            return False
        views, account = self._books.views, lead.account
        leaving = [
            state
            for state in views.orders.working_of(lead.symbol)
            if (state.order.account, state.order.side) == (account, lead.side)
            and ((name := state.order.client_order_id) in own or (name not in behind and not is_called_back(state)))
        ]
        of_strategy = [state for state in leaving if state.order.strategy == lead.strategy]
        held = views.position(lead.strategy, lead.symbol, account).quantity
        if exposed_quantity(of_strategy) > lead.side * -held:
            return False
        agreed = views.control.agreed(account, lead.symbol, views.quantity(lead.symbol, account))
        is_locked = (account, lead.symbol) in views.control.locks
        return not is_locked or exposed_quantity(leaving) <= lead.side * -agreed

    # The ends -----------------------------------------------------------------------------------------------

    def _end_submit(self, message: Submit, text: str, now_ns: int) -> None:
        for order in message.orders:
            self._books.record(OrderRejected(now_ns, order.client_order_id, Reason.NEVER_ARRIVED, text))

    def _order_of(self, message: Message) -> Order:
        """Return the order that a message is about; of several, the one that the others hang on."""
        if isinstance(message, Submit):
            return message.orders[0]
        assert not isinstance(message, Ask), "questions wait elsewhere"
        return self._books.states[message.fact.client_order_id].order


def _names_in(messages: Sequence[Message]) -> set[str]:
    """Return the orders that are submitted."""
    submits = [message for message in messages if isinstance(message, Submit)]
    return {order.client_order_id for submit in submits for order in submit.orders}


def _replaces(message: Message, name: str) -> TypeGuard[Replace]:
    return isinstance(message, Replace) and message.fact.client_order_id == name
