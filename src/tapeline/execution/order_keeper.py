"""The order keeper: the life of every order between intent and book, and the only place that owns doubt.

It is a plain state machine without input or output. The loop, in each turn:

    recorded  = keeper.take(broker.events(), now)      what the venue said: facts for the desk, in order
    recorded += keeper.on_time(now)                    what the time brings: lost outcomes, questions, comparisons
    ...decide, and for each intent, after its fact is recorded:
    keeper.submit(orders); keeper.cancel(fact); keeper.replace(fact)
    journal.commit()
    for message in keeper.outbox(now): message.send(broker)
    sleep until min(next slice, keeper.next_time_ns, next report)

`record` journals a fact, applies it to the views, and returns it as read back from the journal's bytes. What the
keeper knows of orders is in those views, so a new keeper on the views of a journal goes on where the old one stopped.
`start(now)` comes before everything else: what has no answer is unknown until it was looked up, and a gap is open.

`take` and `on_time` return every fact that was recorded, also those that are no business of a desk (gaps, findings,
orders of the strategy `external`). What is told about an account besides orders is recorded as it comes.

While `may_risk(symbol)` is False nothing new may be risked: there is no link, a gap is open, or the symbol is locked.
What is submitted in a gap waits. When it is closed, an exit leaves if it still reduces what its strategy holds;
everything else ends as never sent. Cancels of what would add to a position need not wait for the gap to close. An entry
of a symbol that is locked, and what a trading state that was lowered bars, ends as never sent at once.

A venue inside the process needs none of this: with `PERFECT` settings every fact is recorded as it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, TypeGuard

from tapeline.domain.control import GapCause, TradingState
from tapeline.domain.order import Order
from tapeline.domain.reports import (
    CashAnswered,
    ExecutionsAnswered,
    LinkLost,
    LinkRestored,
    OpenOrdersAnswered,
    OrderAnswered,
    OrderEnded,
    PositionsAnswered,
    Question,
    Request,
    RequestFailed,
)
from tapeline.domain.times import SECOND
from tapeline.domain.words import Purpose, Reason, Side
from tapeline.execution.bookings import Bookings
from tapeline.execution.books import Books, Record
from tapeline.execution.comparison import QUESTION_OF, Comparison
from tapeline.execution.look_ups import LookUps
from tapeline.execution.order_reports import OrderReports
from tapeline.execution.outbox import Ask, Cancel, Message, Replace, Submit
from tapeline.execution.questions import Questions
from tapeline.execution.settings import KeeperSettings
from tapeline.execution.timers import Timers
from tapeline.ledger.control_facts import GapClosed, GapOpened
from tapeline.ledger.order_book import exposed_quantity, is_called_back
from tapeline.ledger.order_facts import CancelIntended, OrderRejected, ReplaceIntended, ReplaceRejected
from tapeline.ledger.views import Views

Deadline = tuple[str, Request]
_LOST_WITH_LINK = "The link was lost before an answer came."
_LOST_WITH_RUN = "The program ended before an answer came."
_NOT_SENT = "It waited while a gap was open, and what it was to reduce is not held any more; it was never sent."
_LOCKED = "The symbol was locked before it was sent: the broker's position is not explained by executions."
_IN_LINE = "It waited for the answer to an earlier one; the newest that waited is sent anew."


class OrderKeeper:
    """One account's orders at one venue.

    views : the books, as `record` keeps them
    random : draws the jitter of waiting times, nothing else
    now_ns : when the keeper is made
    """

    def __init__(
        self,
        views: Views,
        record: Record,
        settings: KeeperSettings,
        *,
        random: Random,
        now_ns: int = 0,
        account: str = "main",
    ) -> None:
        self.settings, self.account, self._record = settings, account, record
        self._books = Books(views, record, account)
        self._bookings = Bookings(self._books)
        self._questions = Questions(settings, random, first_id=now_ns + 1)
        self._look_ups = LookUps(self._books, self._bookings, self._questions, settings, self._send_cancel)
        self._reports = OrderReports(self._books, self._bookings, self._look_ups, self._report_missing)
        reports = self._reports
        self._comparison = Comparison(
            self._books,
            self._look_ups,
            self._questions,
            settings,
            reports.execute,
            reports.take_back,
            self._bookings.named,
        )
        self._deadlines: Timers[Deadline] = Timers()
        self._waiting: list[Message] = []
        self._replacing: dict[str, None] = {}  # a set that keeps its order
        self._is_linked = True
        self._apart_ns = 0
        self._now_ns = now_ns
        self._compare_at_ns: int | None = None
        self._takers: dict[type, Callable[[Any], None]] = {
            OrderAnswered: lambda answer: self._look_ups.on_answer(answer, self._now_ns),
            OrderEnded: lambda told: self._reports.take_end(told, self._now_ns),
            RequestFailed: self._request_failed,
            LinkLost: self._link_lost,
            LinkRestored: self._link_restored,
        }
        for answer in (OpenOrdersAnswered, ExecutionsAnswered, PositionsAnswered, CashAnswered):
            self._takers[answer] = lambda found: self._comparison.on_answer(found, self._now_ns)

    # The loop's side ----------------------------------------------------------------------------------------

    def start(self, now_ns: int) -> list[Any]:
        """Begin, after a stop of whatever kind, and return what was recorded.

        Nothing is risked before the venue was asked. Repeated, it asks again and changes nothing.
        """
        self._now_ns = now_ns
        if self.settings.is_perfect:
            return []
        self._open_gap(GapCause.START, "")
        self._lose_all(_LOST_WITH_RUN)
        for name, state in self._books.working.items():
            if True in state.asked.values():
                self._look_ups.begin(name, now_ns, anew=True)
            if Request.REPLACE in state.asked:
                self._replacing[name] = None
        return self._books.hand_out()

    def take(self, reports: Iterable[Any], now_ns: int) -> list[Any]:
        """Take what the broker told, in order of arrival; return the facts that were recorded."""
        self._now_ns = now_ns
        if self.settings.is_perfect:
            return [self._record(report) for report in reports]
        for report in reports:
            taker = self._takers.get(type(report))
            self._see_clock(report)
            if taker is not None:
                taker(report)
            elif report.kind in self._reports.kinds:
                self._reports.take(report, now_ns)
            else:
                self._books.record(report)
        self._go_on()
        return self._books.hand_out()

    def on_time(self, now_ns: int) -> list[Any]:
        """Do what is due; return the facts that were recorded."""
        self._now_ns = now_ns
        if self.settings.is_perfect:
            return []
        for name, request in self._deadlines.take(now_ns):
            self._lose(name, request, f"No answer within {self.settings.request_timeout_s:g} s.")
        self._questions.on_time(now_ns)
        if self._compare_at_ns is not None and now_ns >= self._compare_at_ns and self._is_linked:
            self._compare_at_ns = None
            self._comparison.begin(now_ns)
        self._go_on()
        return self._books.hand_out()

    @property
    def next_time_ns(self) -> int | None:
        """When `on_time` has something to do next; None if only a report can bring something."""
        due = [self._deadlines.next_ns, self._questions.next_time_ns]
        if self._is_linked:
            due += [self._comparison.next_time_ns, self._compare_at_ns]
        return min((time_ns for time_ns in due if time_ns is not None), default=None)

    def submit(self, orders: Sequence[Order]) -> None:
        """Let orders leave that belong together, and whose intents are recorded."""
        self._waiting.append(Submit(tuple(orders)))

    def cancel(self, fact: CancelIntended) -> None:
        """Let a cancel leave that is recorded; it waits for the look-up of an order that may not have arrived."""
        state = self._books.working.get(fact.client_order_id)
        if state is None:
            return
        in_doubt = state.asked.get(Request.SUBMIT) is True or state.asked.get(Request.CANCEL) is True
        if not (in_doubt and self._look_ups.defer(fact)):
            self._waiting.append(Cancel(fact))

    def replace(self, fact: ReplaceIntended) -> None:
        """Let a replace leave that is recorded.

        It waits for the answer to the one before it, and until no request about its order is in doubt. Of several that
        wait only the newest is sent.
        """
        if fact.client_order_id in self._books.working:
            self._waiting.append(Replace(fact))

    def take_over(self, lines: Mapping[str, Sequence[ReplaceIntended]]) -> None:
        """Take over from an earlier process of which orders a replace has left, and those that wait for its answer."""
        for name, line in lines.items():
            if name in self._books.working:
                self._replacing[name] = None
                self._waiting += [Replace(fact) for fact in line]

    def outbox(self, now_ns: int) -> list[Message]:
        """Return what leaves now, once; to be called after everything recorded is durable."""
        if not self._is_linked:
            return []
        leaving: list[Message] = []
        staying: list[Message] = []
        for message in self._waiting:
            if not self._may_leave(message):
                staying.append(message)
                continue
            leaving.append(message)
            if not self.settings.is_perfect:
                self._time(message, now_ns)
        self._waiting = staying
        return [*leaving, *[Ask(query) for query in self._questions.leaving()]]

    def clocks_apart_ns(self) -> int:
        """Return how far the venue's clock is ahead of ours, by the answers since the last call; behind is negative."""
        apart_ns, self._apart_ns = self._apart_ns, 0
        return apart_ns

    def compare(self, now_ns: int) -> None:
        """Compare the books with the venue's now, without waiting for the next time."""
        if not self.settings.is_perfect:
            self._compare_at_ns = None
            self._comparison.begin(now_ns)

    def keep_back(self, messages: Sequence[Message]) -> None:
        """Take back what `outbox` gave and what was not sent; questions are asked again in time."""
        kept = [message for message in messages if not isinstance(message, Ask)]
        for message in kept:
            for deadline in _deadlines_of(message):
                self._deadlines.drop(deadline)
            if isinstance(message, Replace):
                self._replacing.pop(message.fact.client_order_id, None)
        self._waiting = [*kept, *self._waiting]

    def interrupt(self, now_ns: int, text: str) -> None:
        """Let nothing leave that was decided before: who held the run up, or found it hung, does not want it any more.

        Orders that wait end as never sent, replaces as refused; cancels go on. What came meanwhile may have been
        missed: a gap opens.
        """
        self._now_ns = now_ns
        self._end_waiting(lambda message: True, text)
        self._open_gap(GapCause.STALLED, text)

    def withhold(self, state: TradingState, now_ns: int, text: str) -> None:
        """Let nothing leave that was decided before and that a trading state bars.

        REDUCING bars entries, HALTED everything but cancels and what `flatten` sends; a replace that only makes an
        order smaller is a cancel of a part. Orders that wait end as never sent, replaces as refused.
        """
        self._now_ns = now_ns
        if state is not TradingState.ACTIVE:
            self._end_waiting(lambda message: self._is_barred(message, state), text)

    @property
    def is_comparing(self) -> bool:
        """Whether a comparison with the venue has begun and not come to its end."""
        return self._comparison.is_running

    @property
    def is_sure(self) -> bool:
        """Whether there is a link and no gap."""
        return self._is_linked and self._books.gap is None

    def may_risk(self, symbol: str) -> bool:
        """Return whether the books of a symbol are sure enough to add to its position."""
        locks = self._books.views.control.locks
        return self._is_linked and self._books.gap is None and (self.account, symbol) not in locks

    # What the venue tells besides orders --------------------------------------------------------------------

    def _see_clock(self, report: Any) -> None:
        question = Question.ORDER if isinstance(report, OrderAnswered) else QUESTION_OF.get(type(report))
        if question is not None:
            subject = question, getattr(report, "client_order_id", "")
            apart_ns = self._questions.apart_ns(subject, report.query_id, report.event_time_ns, self._now_ns)
            self._apart_ns = max(self._apart_ns, apart_ns, key=abs)

    def _request_failed(self, failure: RequestFailed) -> None:
        self._lose(failure.client_order_id, failure.request, failure.text)
        if failure.request is Request.SUBMIT and failure.client_order_id in self._books.states:
            group = self._books.states[failure.client_order_id].order.group
            for name, state in [*self._books.working.items()]:
                order = state.order
                if order.parent == failure.client_order_id or (group is not None and order.group == group):
                    self._lose(name, Request.SUBMIT, failure.text)

    def _link_lost(self, loss: LinkLost) -> None:
        self._is_linked = False
        self._questions.link_lost()
        self._open_gap(GapCause.LINK_LOST, loss.cause)
        self._lose_all(_LOST_WITH_LINK)

    def _link_restored(self, _: LinkRestored) -> None:
        if not self._is_linked:
            self._is_linked = True
            self._questions.link_restored(self._now_ns)
        self._open_gap(GapCause.LINK_LOST, "")

    def _report_missing(self, text: str) -> None:
        self._open_gap(GapCause.REPORT_MISSING, text)

    # Doubt --------------------------------------------------------------------------------------------------

    def _lose(self, name: str, request: Request, text: str) -> None:
        if self._books.lose(name, request, text, self._now_ns):
            self._look_ups.begin(name, self._now_ns, anew=True)

    def _lose_all(self, text: str) -> None:
        # what waits in the outbox has not left, and is not lost with the link
        waiting = {(name, Request.SUBMIT) for name in self._waiting_orders()}
        waiting |= {
            (message.fact.client_order_id, _REQUEST_OF[type(message)])
            for message in self._waiting
            if isinstance(message, Cancel)
            or (isinstance(message, Replace) and message.fact.client_order_id not in self._replacing)
        }
        for name, state in [*self._books.working.items()]:
            for request in [*state.asked]:
                if (name, request) not in waiting:
                    self._lose(name, request, text)

    def _follows(self, message: Message) -> bool:
        # a replace that waits for the answer to one that left, or for the look-up of its order
        if not isinstance(message, Replace) or self.settings.is_perfect:
            return False
        state = self._books.working.get(message.fact.client_order_id)
        in_doubt = state is not None and True in state.asked.values()
        return in_doubt or message.fact.client_order_id in self._replacing

    def _open_gap(self, cause: GapCause, text: str) -> None:
        if self._books.gap is None:
            self._books.record(GapOpened(self._now_ns, cause, text))
        self._compare_at_ns = None
        self._comparison.begin(self._now_ns)

    def _go_on(self) -> None:
        self._let_next_replaces_leave()
        if not self._comparison.advance(self._now_ns):
            return
        self._compare_at_ns = self._now_ns + int(self.settings.compare_every_s * SECOND)
        if self._books.gap is not None:
            self._books.record(GapClosed(self._now_ns))
            self._let_fitting_leave()
        self._end_waiting(self._is_locked, _LOCKED)
        self._bookings.forget()
        self._reports.forget()
        if not self._look_ups:
            self._books.forget()

    def _let_next_replaces_leave(self) -> None:
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
                self._books.record(ReplaceRejected(self._now_ns, name, None, _IN_LINE))
            newest = replace(line[-1], event_time_ns=self._now_ns)
            self._books.record(newest)
            self._waiting.append(Replace(newest))

    # The outbox ---------------------------------------------------------------------------------------------

    def _send_cancel(self, fact: CancelIntended) -> None:
        self._waiting.append(Cancel(fact))

    def _may_leave(self, message: Message) -> bool:
        if self._follows(message):
            return False
        if self._books.gap is None:
            return True
        if not isinstance(message, Cancel) or message.fact.client_order_id in self._waiting_orders():
            return False
        state = self._books.states[message.fact.client_order_id]
        return message.fact.purpose is None or state.order.purpose is Purpose.ENTRY

    def _end_waiting(self, is_over: Callable[[Message], bool], text: str) -> None:
        """End orders and replaces that wait: as never sent, as refused. Cancels go on while there is an order."""
        staying: list[Message] = []
        for message in self._waiting:
            if isinstance(message, Cancel) or not is_over(message):
                staying.append(message)
            elif isinstance(message, Submit):
                for order in message.orders:
                    self._books.record(OrderRejected(self._now_ns, order.client_order_id, Reason.NEVER_ARRIVED, text))
            elif isinstance(message, Replace):
                self._books.record(ReplaceRejected(self._now_ns, message.fact.client_order_id, None, text))
        working = self._books.working
        self._waiting = [m for m in staying if not isinstance(m, Cancel | Replace) or m.fact.client_order_id in working]

    def _is_barred(self, message: Message, state: TradingState) -> bool:
        if isinstance(message, Replace) and self._cancels_a_part(message.fact):
            return False
        purpose = self._order_of(message).purpose
        return purpose is Purpose.ENTRY or (state is TradingState.HALTED and purpose is not Purpose.FLATTEN)

    def _cancels_a_part(self, fact: ReplaceIntended) -> bool:
        prices = (fact.limit_price, fact.stop_price, fact.trail_amount, fact.trail_percent)
        is_smaller = fact.quantity is not None and fact.quantity < self._books.states[fact.client_order_id].quantity
        return is_smaller and all(price is None for price in prices) and fact.time_in_force is None

    def _is_locked(self, message: Message) -> bool:
        order = self._order_of(message)
        locks = self._books.views.control.locks
        return order.purpose is Purpose.ENTRY and (self.account, order.symbol) in locks

    def _order_of(self, message: Message) -> Order:
        """Return the order that a message is about; of several, the one that the others hang on."""
        if isinstance(message, Submit):
            return message.orders[0]
        assert isinstance(message, Cancel | Replace), "questions wait elsewhere"
        return self._books.states[message.fact.client_order_id].order

    def _waiting_orders(self) -> set[str]:
        return _names_in(self._waiting)

    def _let_fitting_leave(self) -> None:
        # in their order: what has been let through counts for those after it
        waiting, self._waiting = self._waiting, []
        behind = _names_in(waiting)
        for message in waiting:
            if self._still_fits(message, behind):
                self._waiting.append(message)
            behind -= _names_in([message])

    def _still_fits(self, message: Message, behind: set[str]) -> bool:
        """Whether what waited through a gap may leave; orders that may not are ended.

        What works besides takes its part of the holding, unless it is being called back. A flatten looks at the books
        anew and makes its closing orders again, which a lock may have made smaller.
        """
        if not isinstance(message, Submit):
            return not isinstance(message, Cancel | Replace) or message.fact.client_order_id in self._books.working
        lead, own = message.orders[0], _names_in([message])
        owner = lead.strategy, lead.account, lead.side
        leaving = [
            state
            for state in self._books.views.orders.working_of(lead.symbol)
            if (state.order.strategy, state.order.account, state.order.side) == owner
            and ((name := state.order.client_order_id) in own or (name not in behind and not is_called_back(state)))
        ]
        held = self._books.views.position(lead.strategy, lead.symbol, lead.account).quantity
        reducible = held if lead.side is Side.SELL else -held
        if lead.purpose not in (Purpose.ENTRY, Purpose.FLATTEN) and exposed_quantity(leaving) <= reducible:
            return True
        for order in message.orders:
            self._books.record(OrderRejected(self._now_ns, order.client_order_id, Reason.NEVER_ARRIVED, _NOT_SENT))
        return False

    def _time(self, message: Message, now_ns: int) -> None:
        """Note when an answer to a message is overdue."""
        if isinstance(message, Replace):
            self._replacing[message.fact.client_order_id] = None
        for deadline in _deadlines_of(message):
            self._books.touch(deadline[0])
            self._deadlines.set(deadline, now_ns + int(self.settings.request_timeout_s * SECOND))


def _names_in(messages: Sequence[Message]) -> set[str]:
    """Return the orders that are submitted."""
    submits = [message for message in messages if isinstance(message, Submit)]
    return {order.client_order_id for submit in submits for order in submit.orders}


def _deadlines_of(message: Message) -> list[Deadline]:
    if isinstance(message, Submit):
        return [(order.client_order_id, Request.SUBMIT) for order in message.orders]
    if isinstance(message, Cancel | Replace):
        return [(message.fact.client_order_id, _REQUEST_OF[type(message)])]
    return []


def _replaces(message: Message, name: str) -> TypeGuard[Replace]:
    return isinstance(message, Replace) and message.fact.client_order_id == name


_REQUEST_OF: dict[type, Request] = {Cancel: Request.CANCEL, Replace: Request.REPLACE}
