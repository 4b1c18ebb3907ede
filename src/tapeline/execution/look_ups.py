"""Orders that are asked for by name, until it is known what became of them.

A request without an outcome, an order that a list does not show, an execution that fits no order: each is one question
by client order id, and what follows from its answer stands here.

    the venue has it, working    the submit arrived; other terms are taken over; a lost replace counts as refused
                                 after the horizon; a lost cancel is sent again, which twice does no harm
    the venue has it, ended      ended, once all its executions are booked
    the venue does not know it   asked again, after the horizon at the latest; then, if nothing was ever heard of it,
                                 it never arrived. An order that the venue had is not ended by that answer.
    our books ended it, it works adopted as found, and canceled by default
    our books do not know it     adopted under the strategy `external`

Nothing is sent for an order before its look-up; a submit is never sent again at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from tapeline.domain.execution import Execution
from tapeline.domain.execution_id import newest_versions
from tapeline.domain.reports import OrderAnswered, Question, Request, VenueOrder
from tapeline.domain.times import SECOND
from tapeline.domain.words import OrderStatus, Reason
from tapeline.execution.bookings import ANSWERED, REFUSED, Bookings
from tapeline.execution.books import Books
from tapeline.execution.questions import Asked, Questions
from tapeline.execution.reconciliation import terms_that_differ
from tapeline.execution.settings import KeeperSettings
from tapeline.ledger.order_facts import (
    CancelIntended,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    ReplaceRejected,
)
from tapeline.ledger.order_state import OrderState

NEVER_ARRIVED = "The venue does not know it, asked {misses} times, the last time after all that may delay a request."
_UNDER_WAY = (OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_REPLACE)
"""The venue has the request and has not carried it out, maybe until it opens: nothing is to be sent again."""


@dataclass(slots=True)
class LookUp:
    """One order that is asked for.

    base_ns : the last moment at which a request about it may have left; the horizon counts from there
    moment : of the books when it was asked
    misses : how often the venue said that it does not know the order
    is_answered : whether anything was answered since it was taken up
    wants_executions : whether it is asked for again as soon as executions were told
    executions : those that wait for it; cancel : the wish to cancel it, which waits as well
    """

    base_ns: int
    moment: int = 0
    misses: int = 0
    is_answered: bool = False
    wants_executions: bool = False
    executions: dict[str, Execution] = field(default_factory=dict)
    cancel: CancelIntended | None = None


class LookUps:
    """All orders that are asked for by name."""

    def __init__(
        self,
        books: Books,
        bookings: Bookings,
        questions: Questions,
        settings: KeeperSettings,
        send_cancel: Callable[[CancelIntended], None],
    ) -> None:
        self._books, self._bookings, self._questions, self._settings = books, bookings, questions, settings
        self._send_cancel = send_cancel
        self._open: dict[str, LookUp] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_waiting(self) -> bool:
        """Whether some have no answer at all yet, or executions wait for one."""
        return any(not look_up.is_answered or look_up.executions for look_up in self._open.values())

    @property
    def holds_back(self) -> bool:
        """Whether a cancel waits for one of them."""
        return any(look_up.cancel is not None for look_up in self._open.values())

    @property
    def names(self) -> Collection[str]:
        """The orders that are asked for now."""
        return self._open.keys()

    def begin(self, name: str, now_ns: int, *, anew: bool = False) -> None:
        """Ask for an order; one that is asked for already is left at that.

        anew : a request about it was lost now: the horizon counts from now, and earlier answers do not count
        """
        look_up = self._open.get(name)
        if look_up is not None and not anew:
            return
        if look_up is None:
            look_up = self._open[name] = LookUp(now_ns)
        look_up.base_ns, look_up.misses, look_up.is_answered = now_ns, 0, False
        self._ask(name, look_up, now_ns)

    def holds(self, name: str) -> bool:
        """Return whether executions of an order wait until it was asked for."""
        look_up = self._open.get(name)
        return look_up is not None and bool(look_up.executions)

    def hold(self, execution: Execution, now_ns: int) -> None:
        """Keep an execution that fits no order as we know it until its order was asked for.

        A question of before it may be answered by what was so before it: only later ones count.
        """
        name = execution.client_order_id
        look_up = self._open.get(name)
        if look_up is None or execution.execution_id not in look_up.executions:
            self._books.touch(name)
            self.begin(name, now_ns)
            look_up = self._open[name]
            look_up.misses = 0
        look_up.executions[execution.execution_id] = execution

    def defer(self, fact: CancelIntended) -> bool:
        """Let a cancel wait for the look-up of its order; return whether there is one."""
        look_up = self._open.get(fact.client_order_id)
        if look_up is None:
            return False
        look_up.cancel = fact
        return True

    def renew(self) -> None:
        """Count no answer of before: it may be older than what was missed since."""
        for look_up in self._open.values():
            look_up.is_answered = False

    def wait_longer(self, by_ns: int) -> None:
        """Move the horizon of all that is in doubt: so much of the time that seemed to pass did not."""
        for look_up in self._open.values():
            look_up.base_ns += by_ns

    def executions_told(self, now_ns: int) -> None:
        """Ask for the orders whose executions were missing, without waiting any longer."""
        for name, look_up in self._open.items():
            if look_up.wants_executions:
                look_up.wants_executions = False
                self._ask(name, look_up, now_ns)

    def on_answer(self, answer: OrderAnswered, now_ns: int) -> None:
        """Draw the conclusion from an answer; one that something overtook is asked for again."""
        name = answer.client_order_id
        subject = (Question.ORDER, name)
        asked = self._questions.answered(subject, answer.query_id)
        look_up = self._open.get(name)
        if asked is None or look_up is None:
            return
        if self._books.touched_since(name, look_up.moment):
            self._ask(name, look_up, now_ns)
            return
        look_up.is_answered = True
        if answer.order is None:
            is_done = self._not_known(name, look_up, asked, now_ns)
        else:
            is_done = self._known(answer, answer.order, look_up, asked, now_ns)
        if is_done:
            del self._open[name]
            return
        self._questions.reopen(subject, asked)
        self._questions.ask_again(subject, now_ns, self._horizon_ns(look_up))
        look_up.moment = self._books.moment

    def _ask(self, name: str, look_up: LookUp, now_ns: int) -> None:
        look_up.moment = self._books.moment
        self._questions.ask((Question.ORDER, name), now_ns)

    def _horizon_ns(self, look_up: LookUp) -> int:
        return look_up.base_ns + int(self._settings.horizon_s * SECOND)

    def _is_final(self, look_up: LookUp, asked: Asked) -> bool:
        # nothing that left before can arrive after this answer was given
        return asked.asked_ns >= self._horizon_ns(look_up)

    # The venue does not know it -----------------------------------------------------------------------------

    def _not_known(self, name: str, look_up: LookUp, asked: Asked, now_ns: int) -> bool:
        look_up.misses += 1
        if look_up.misses < 2:
            return False
        self._bookings.adopt_executions(self._waiting(look_up, now_ns), now_ns)
        look_up.executions.clear()
        state = self._books.working.get(name)
        if state is None:
            return True
        never_heard_of = state.asked.get(Request.SUBMIT) is True and not state.filled_quantity
        if not never_heard_of or not self._is_final(look_up, asked):
            return False
        text = NEVER_ARRIVED.format(misses=look_up.misses)
        self._books.record(OrderRejected(now_ns, name, Reason.NEVER_ARRIVED, text))
        return True

    # The venue has it ---------------------------------------------------------------------------------------

    def _known(self, answer: OrderAnswered, found: VenueOrder, look_up: LookUp, asked: Asked, now_ns: int) -> bool:
        name = found.client_order_id
        waiting = self._waiting(look_up, now_ns)
        state = self._books.states.get(name)
        if state is not None and (found.symbol, found.side) != (state.order.symbol, state.order.side):
            self._bookings.adopt_executions(waiting, now_ns)
            look_up.executions.clear()
            return True
        if state is None or (not state.status.is_working and (found.status.is_working or state.status in REFUSED)):
            if waiting or found.status.is_working:
                self._bookings.adopt(found, waiting, now_ns)
                if state is not None and found.status.is_working and self._settings.cancels_revived:
                    self._cancel(name, now_ns)
        else:
            self._bookings.make_room(found, waiting, answer.event_time_ns)
        self._bookings.book_all(waiting, found)
        look_up.executions.clear()
        state = self._books.states.get(name)
        if state is None:
            return True
        if found.filled_quantity > state.filled_quantity:
            # an execution is missing: nothing is concluded, and nothing ended, before it is there
            self._ask_executions(state, asked.tries, now_ns)
            look_up.wants_executions = asked.tries == 0
            return False
        if not state.status.is_working:
            return True
        if not found.status.is_working:
            self._end(found, state)
            return True
        if terms_that_differ(state, found):
            self._bookings.take_terms(found, answer.event_time_ns)
        return self._works(found, state, look_up, asked, now_ns)

    def _works(self, found: VenueOrder, state: OrderState, look_up: LookUp, asked: Asked, now_ns: int) -> bool:
        name = found.client_order_id
        if Request.SUBMIT in state.asked:
            self._books.record(OrderAccepted(found.event_time_ns, name, found.venue_order_id))
        if found.status in _UNDER_WAY:
            return False
        if state.asked.get(Request.REPLACE) is True:
            if not self._is_final(look_up, asked):
                return False
            text = "The venue has the order with its old terms, after all that may delay a request."
            self._books.record(ReplaceRejected(now_ns, name, found.status, text))
        if state.asked.get(Request.CANCEL) is True:
            text = "The venue has the order and no cancel of it; it is sent again."
            self._books.record(CancelRejected(now_ns, name, found.status, text))
            self._cancel(name, now_ns)
        elif look_up.cancel is not None:
            self._send_cancel(look_up.cancel)
        return True

    def _end(self, found: VenueOrder, state: OrderState) -> None:
        name, time_ns = found.client_order_id, found.event_time_ns
        if found.status is OrderStatus.EXPIRED:
            self._books.record(OrderExpired(time_ns, name))
        elif found.status is OrderStatus.REJECTED and not state.filled_quantity:
            self._books.record(OrderRejected(time_ns, name, Reason.NONE, "found by a look-up"))
        else:
            # also FILLED with less than we believe was ordered: what was open is not open any more
            self._books.record(OrderCanceled(time_ns, name))

    def _cancel(self, name: str, now_ns: int) -> None:
        fact = CancelIntended(now_ns, name)
        self._books.record(fact)
        self._send_cancel(fact)

    def _ask_executions(self, state: OrderState, tries: int, now_ns: int) -> None:
        # further back each time: an adopted order may be older than our knowing of it
        since_ns = state.order.decision_time_ns - int(self._settings.overlap_s * SECOND) * 2 ** min(tries, 30)
        self._questions.ask((Question.EXECUTIONS, ""), now_ns, max(0, since_ns))

    def _waiting(self, look_up: LookUp, now_ns: int) -> list[Execution]:
        """Return what is to be booked; what corrects an execution that was booked meanwhile has done so."""
        unknown = newest_versions(one for one in look_up.executions.values() if not self._bookings.is_booked(one))
        waiting = [one for one in unknown if not self._bookings.correct(one, ANSWERED, now_ns)]
        return sorted(waiting, key=lambda one: (one.event_time_ns, one.execution_id))
