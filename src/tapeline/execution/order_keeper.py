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
What is submitted in a gap waits in the outbox (`outbox.py`). An entry of a symbol that is locked, and what a trading
state that was lowered bars, ends as never sent at once.

A venue inside the process needs none of this: with `PERFECT` settings every fact is recorded as it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from random import Random
from typing import Any

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
from tapeline.execution.bookings import Bookings
from tapeline.execution.books import Books, Record
from tapeline.execution.comparison import QUESTION_OF, Comparison
from tapeline.execution.look_ups import LookUps
from tapeline.execution.messages import Ask, Cancel, Message, Replace, Submit
from tapeline.execution.order_reports import OrderReports
from tapeline.execution.outbox import REQUEST_OF, Outbox
from tapeline.execution.questions import Questions
from tapeline.execution.settings import KeeperSettings
from tapeline.execution.timers import Timers
from tapeline.ledger.control_facts import GapClosed, GapOpened
from tapeline.ledger.order_facts import CancelIntended, ReplaceIntended
from tapeline.ledger.views import Views

Deadline = tuple[str, Request]
_LOST_WITH_LINK = "The link was lost before an answer came."
_LOST_WITH_RUN = "The program ended before an answer came."
_LOCKED = "The symbol was locked before it was sent: the broker's position is not explained by executions."


class OrderKeeper:
    """One account's orders at one venue.

    views : the books, as `record` keeps them
    random : draws the jitter of waiting times, nothing else
    now_ns : when the keeper is made
    steady_ns : counts nanoseconds whatever is done to the clock that shows the present; None = nothing is done to it
    """

    def __init__(
        self,
        views: Views,
        record: Record,
        settings: KeeperSettings,
        *,
        random: Random,
        now_ns: int = 0,
        steady_ns: Callable[[], int] | None = None,
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
            self._bookings.restate,
            self._bookings.named,
        )
        self._deadlines: Timers[Deadline] = Timers()
        self._outbox = Outbox(self._books)
        self._is_linked = True
        self._apart_ns = 0
        self._now_ns = now_ns
        self._steady_ns = steady_ns
        self._compared_ns = now_ns, steady_ns() if steady_ns is not None else 0
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
        self._bookings.start()
        self._open_gap(GapCause.START, "")
        self._lose_all(_LOST_WITH_RUN)
        for name, state in self._books.working.items():
            if True in state.asked.values():
                self._look_ups.begin(name, now_ns, anew=True)
            if Request.REPLACE in state.asked:
                self._outbox.note_replace(name)
        return self._books.hand_out()

    def take(self, reports: Iterable[Any], now_ns: int) -> list[Any]:
        """Take what the broker told, in order of arrival; return the facts that were recorded."""
        self._now_ns = now_ns
        self._see_step()
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
        self._outbox.add(Submit(tuple(orders)))

    def cancel(self, fact: CancelIntended) -> None:
        """Let a cancel leave that is recorded; it waits for the look-up of an order that may not have arrived."""
        state = self._books.working.get(fact.client_order_id)
        if state is None:
            return
        in_doubt = state.asked.get(Request.SUBMIT) is True or state.asked.get(Request.CANCEL) is True
        if not (in_doubt and self._look_ups.defer(fact)):
            self._outbox.add(Cancel(fact))

    def replace(self, fact: ReplaceIntended) -> None:
        """Let a replace leave that is recorded.

        It waits for the answer to the one before it, and until no request about its order is in doubt. Of several that
        wait only the newest is sent.
        """
        if fact.client_order_id in self._books.working:
            self._outbox.add(Replace(fact))

    def take_over(self, lines: Mapping[str, Sequence[ReplaceIntended]]) -> None:
        """Take over from an earlier process of which orders a replace has left, and those that wait for its answer."""
        self._outbox.take_over(lines)

    def outbox(self, now_ns: int) -> list[Message]:
        """Return what leaves now, once; to be called after everything recorded is durable."""
        if not self._is_linked:
            return []
        if self.settings.is_perfect:
            return self._outbox.take_all()
        leaving = self._outbox.take()
        due_ns = now_ns + int(self.settings.request_timeout_s * SECOND)
        for deadline in [deadline for message in leaving for deadline in _deadlines_of(message)]:
            self._books.touch(deadline[0])
            self._deadlines.set(deadline, due_ns)
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
        for deadline in [deadline for message in kept for deadline in _deadlines_of(message)]:
            self._deadlines.drop(deadline)
        self._outbox.put_back(kept)

    def interrupt(self, now_ns: int, text: str) -> None:
        """Let nothing leave that was decided before: who held the run up, or found it hung, does not want it any more.

        Orders that wait end as never sent, replaces as refused; cancels go on, but for those by which an exit begins.
        What came meanwhile may have been missed: a gap opens.
        """
        self._now_ns = now_ns
        self._outbox.end_decided(text, now_ns)
        self._open_gap(GapCause.STALLED, text)

    def withhold(self, state: TradingState, now_ns: int, text: str) -> None:
        """Let nothing leave that was decided before and that a trading state bars."""
        self._now_ns = now_ns
        self._outbox.end_barred(state, text, now_ns)

    @property
    def is_settled(self) -> bool:
        """Whether no gap is open, and nothing waits to leave but replaces in line."""
        return self.is_sure and self._outbox.has_replaces_alone and not self._look_ups.holds_back

    @property
    def is_comparing(self) -> bool:
        """Whether a comparison with the venue has begun and not come to its end."""
        return self._comparison.is_running

    @property
    def is_sure(self) -> bool:
        """Whether there is a link and no gap."""
        return self._is_linked and self._books.gap is None

    @property
    def asked_for(self) -> Collection[str]:
        """The orders that the venue is being asked for by name."""
        return self._look_ups.names

    def may_risk(self, symbol: str) -> bool:
        """Return whether the books of a symbol are sure enough to add to its position."""
        locks = self._books.views.control.locks
        return self._is_linked and self._books.gap is None and (self.account, symbol) not in locks

    def _see_step(self) -> None:
        # A request takes as long as it takes, also while a clock is set ahead. Seen before any answer is taken:
        # what is asked after a step is answered after this.
        if self._steady_ns is None:
            return
        then_ns, then_steady_ns = self._compared_ns
        self._compared_ns = self._now_ns, self._steady_ns()
        ahead_ns = self._now_ns - then_ns - (self._compared_ns[1] - then_steady_ns)
        if ahead_ns > 0:
            self._look_ups.wait_longer(ahead_ns)

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

    def _send_cancel(self, fact: CancelIntended) -> None:
        self._outbox.add(Cancel(fact))

    # Doubt --------------------------------------------------------------------------------------------------

    def _lose(self, name: str, request: Request, text: str) -> None:
        if self._books.lose(name, request, text, self._now_ns):
            self._look_ups.begin(name, self._now_ns, anew=True)

    def _lose_all(self, text: str) -> None:
        # what waits in the outbox has not left, and is not lost with the link
        waiting = self._outbox.requests()
        for name, state in [*self._books.working.items()]:
            for request in [*state.asked]:
                if (name, request) not in waiting:
                    self._lose(name, request, text)

    def _open_gap(self, cause: GapCause, text: str) -> None:
        if self._books.gap is None:
            self._books.record(GapOpened(self._now_ns, cause, text))
        self._compare_at_ns = None
        self._comparison.begin(self._now_ns)

    def _go_on(self) -> None:
        self._outbox.answer_replaces(self._now_ns)
        if not self._comparison.advance(self._now_ns):
            return
        self._compare_at_ns = self._now_ns + int(self.settings.compare_every_s * SECOND)
        if self._books.gap is not None:
            self._books.record(GapClosed(self._now_ns))
            self._outbox.end_unfit(self._now_ns)
        self._outbox.end_locked(_LOCKED, self._now_ns)
        self._bookings.forget()
        self._reports.forget()
        if not self._look_ups:
            self._books.forget()


def _deadlines_of(message: Message) -> list[Deadline]:
    if isinstance(message, Submit):
        return [(order.client_order_id, Request.SUBMIT) for order in message.orders]
    if isinstance(message, Cancel | Replace):
        return [(message.fact.client_order_id, REQUEST_OF[type(message)])]
    return []
