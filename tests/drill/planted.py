"""Bugs that somebody would write one day, each as a change of one method, and the weather in which it must show.

Each takes a `Plant`, which puts a function in place of a method for one test. The sentence that must break is a part of
what the drill says then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from tapeline.domain.reports import Question, Request
from tapeline.domain.words import Reason
from tapeline.drill.faults import Fault
from tapeline.drill.system import System
from tapeline.execution.bookings import Bookings
from tapeline.execution.books import Books
from tapeline.execution.comparison import Comparison
from tapeline.execution.look_ups import LookUps
from tapeline.execution.messages import Submit
from tapeline.execution.order_keeper import OrderKeeper
from tapeline.execution.outbox import Outbox
from tapeline.execution.questions import Questions
from tapeline.ledger.facts import GapClosed
from tapeline.ledger.order_facts import OrderCanceled, OrderRejected
from tapeline.ledger.views import Views
from tapeline.store.sqlite_journal import SqliteJournal

Plant = Callable[[type, str, Callable[..., Any]], None]
"""Puts a function in the place of a class's method."""


@dataclass(frozen=True)
class Bug:
    """One planted bug.

    plant : puts it in place; weather : the faults that must be there to show it; sentence : what must break
    """

    plant: Callable[[Plant], None]
    weather: tuple[Fault, ...]
    sentence: str
    rate: float = 0.3


def forgets_what_is_booked(plant: Plant) -> None:
    """An execution that comes twice is booked twice."""
    plant(Bookings, "is_booked", lambda _, execution: False)


def sends_again_without_asking(plant: Plant) -> None:
    """A submit whose outcome is lost is sent a second time at once."""
    lose = OrderKeeper._lose

    def resend(keeper: OrderKeeper, name: str, request: Request, text: str) -> None:
        lose(keeper, name, request, text)
        state = keeper._books.working.get(name)
        if state is not None and request is Request.SUBMIT and state.order.parent is None:
            keeper._outbox.add(Submit((state.order,)))

    plant(OrderKeeper, "_lose", resend)


def takes_the_total_for_the_increment(plant: Plant) -> None:
    """The quantity filled so far is booked as that of the newest execution."""
    book = Bookings.book

    def cumulative(bookings: Bookings, execution: Any, claimed: Decimal | None = None) -> bool:
        state = bookings._books.states[execution.client_order_id]
        total = min(state.filled_quantity + execution.quantity, state.quantity - state.filled_quantity)
        return book(bookings, replace(execution, quantity=total), claimed)

    plant(Bookings, "book", cumulative)


def enters_within_a_gap(plant: Plant) -> None:
    """The hold of a gap is dropped: new risk is taken while reports may be missing."""
    plant(OrderKeeper, "may_risk", lambda keeper, symbol: True)
    plant(Outbox, "_may_leave", lambda outbox, message: True)


def ends_before_the_horizon(plant: Plant) -> None:
    """An order that the venue does not know is ended although its request may still be on the way."""
    plant(LookUps, "_is_final", lambda look_ups, look_up, asked: True)


def ends_the_horizon_when_the_clock_is_set_ahead(plant: Plant) -> None:
    """Time that only seemed to pass counts against what is on its way."""
    plant(LookUps, "wait_longer", lambda look_ups, by_ns: None)


def takes_missing_for_ended(plant: Plant) -> None:
    """An order that the list of open ones does not show is taken for canceled."""
    compare = Comparison._compare

    def deleting(comparison: Comparison, now_ns: int) -> Any:
        listed = {order.client_order_id for order in comparison._answers[Question.OPEN_ORDERS].orders}
        for name in [*comparison._books.working]:
            if name not in listed:
                comparison._books.record(OrderCanceled(now_ns, name))
        return compare(comparison, now_ns)

    plant(Comparison, "_compare", deleting)


def takes_a_failure_for_a_refusal(plant: Plant) -> None:
    """A request without an outcome is booked as a refusal of the venue."""

    def refused(keeper: OrderKeeper, failure: Any) -> None:
        state = keeper._books.working.get(failure.client_order_id)
        if failure.request is Request.SUBMIT and state is not None and not state.filled_quantity:
            keeper._books.record(OrderRejected(keeper._now_ns, failure.client_order_id, Reason.NONE, failure.text))

    plant(OrderKeeper, "_request_failed", refused)


def drops_what_is_not_ours(plant: Plant) -> None:
    """Executions that no order of ours caused are ignored."""
    plant(Bookings, "adopt_executions", lambda bookings, executions, now_ns: None)
    plant(Bookings, "adopt", lambda bookings, found, executions, now_ns: None)
    plant(LookUps, "begin", lambda look_ups, name, now_ns, anew=False: None)
    plant(LookUps, "hold", lambda look_ups, execution, now_ns: None)


def sends_before_it_is_durable(plant: Plant) -> None:
    """The outbox is emptied before the commit."""
    intend = System._intend

    def eager(system: System, wish: Any, decision_ns: int) -> None:
        intend(system, wish, decision_ns)
        for message in system.keeper.outbox(system._now_ns()):
            message.send(system.broker)

    plant(System, "_intend", eager)


def ignores_a_failed_commit(plant: Plant) -> None:
    """A commit that failed is taken for done, and the outbox is sent."""
    commit = SqliteJournal.commit

    def optimistic(journal: SqliteJournal) -> None:
        try:
            commit(journal)
        except Exception:
            return

    plant(SqliteJournal, "commit", optimistic)


def loses_the_batch_of_a_failed_commit(plant: Plant) -> None:
    """A batch whose commit failed is thrown away, and later ones are written behind it."""
    roll_back = SqliteJournal._roll_back

    def forgetful(journal: SqliteJournal) -> None:
        roll_back(journal)
        journal._pending.clear()

    plant(SqliteJournal, "_roll_back", forgetful)


def trusts_the_past_after_a_restart(plant: Plant) -> None:
    """A new process believes that nothing happened while there was none."""
    plant(OrderKeeper, "start", lambda keeper, now_ns: [])


def forgets_the_fee(plant: Plant) -> None:
    """Executions that come by an answer are booked without what they cost."""
    book = Bookings.book

    def free(bookings: Bookings, execution: Any, claimed: Decimal | None = None) -> bool:
        return book(bookings, execution if claimed is not None else replace(execution, commission=Decimal(0)), claimed)

    plant(Bookings, "book", free)


def takes_any_answer_for_the_newest(plant: Plant) -> None:
    """An answer counts whatever question it belongs to."""
    answered = Questions.answered

    def careless(questions: Questions, subject: Any, query_id: int) -> Any:
        asked = questions._open.get(subject)
        newest = query_id if asked is None or asked.query is None else asked.query.query_id
        return answered(questions, subject, newest)

    plant(Questions, "answered", careless)
    plant(LookUps, "_is_final", lambda look_ups, look_up, asked: True)


def acts_on_a_slice_twice(plant: Plant) -> None:
    """A slice that comes again is decided on again, and names its orders after its own time."""

    def decide(system: System, now: Any) -> None:
        system._last_slice_ns = 0
        for wish in system.actor.decide(now, system.views, now.end_ns, system.keeper.may_risk):
            system._intend(wish, now.end_ns)

    plant(System, "_decide", decide)


def takes_a_part_for_the_whole(plant: Plant) -> None:
    """The first execution of an order ends it."""
    record = Books.record

    def final(books: Books, fact: Any) -> None:
        record(books, replace(fact, leaves_quantity=Decimal(0)) if fact.kind == "OrderFilled" else fact)

    plant(Books, "record", final)


def counts_a_sale_as_a_purchase(plant: Plant) -> None:
    """The cash of a sale leaves the account."""
    filled = Views._filled

    def reversed_cash(views: Views, fact: Any) -> None:
        filled(views, fact)
        account = fact.execution.account
        cash = views.cash[account]
        views.cash[account] = replace(cash, traded=-abs(cash.traded))

    plant(Views, "_filled", reversed_cash)


def closes_a_gap_without_asking(plant: Plant) -> None:
    """A gap is closed at once, unasked, and the books are never compared."""

    def believe(comparison: Comparison, now_ns: int) -> bool:
        return comparison._books.gap is not None

    plant(Comparison, "begin", lambda comparison, now_ns: None)
    plant(Comparison, "advance", believe)


def never_asks_again(plant: Plant) -> None:
    """A question whose answer is lost is forgotten."""
    plant(Questions, "on_time", lambda questions, now_ns: questions._timers.take(now_ns))


def closes_a_gap_twice(plant: Plant) -> None:
    """A second close of the gap is recorded with each comparison."""
    go_on = OrderKeeper._go_on

    def twice(keeper: OrderKeeper) -> None:
        was_open = keeper._books.gap is not None
        go_on(keeper)
        if was_open and keeper._books.gap is None:
            keeper._books.record(GapClosed(keeper._now_ns))

    plant(OrderKeeper, "_go_on", twice)


BUGS = (
    Bug(forgets_what_is_booked, (Fault.REPORT_DOUBLED,), "the id of what it corrects"),
    Bug(sends_again_without_asking, (Fault.REPORT_LOST, Fault.OUTCOME_LOST_DONE), "is sent a second time"),
    Bug(takes_the_total_for_the_increment, (), "the venue never said so"),
    Bug(enters_within_a_gap, (Fault.REPORT_CORRUPT,), "is sent while a gap is open"),
    Bug(ends_before_the_horizon, (Fault.REQUEST_DELAYED,), "arrives at the venue after"),
    Bug(
        ends_the_horizon_when_the_clock_is_set_ahead,
        (Fault.CLOCK_SET_AHEAD, Fault.REQUEST_DELAYED),
        "arrives at the venue after",
        0.5,
    ),
    Bug(takes_missing_for_ended, (Fault.ANSWER_LATE,), "works at the venue"),
    Bug(takes_a_failure_for_a_refusal, (Fault.OUTCOME_LOST_DONE,), "works at the venue"),
    Bug(drops_what_is_not_ours, (Fault.ORDER_BY_HAND,), "is not booked"),
    Bug(sends_before_it_is_durable, (), "before its intent is durable"),
    Bug(ignores_a_failed_commit, (Fault.DISK_FULL,), "durable"),
    Bug(loses_the_batch_of_a_failed_commit, (Fault.DISK_FULL,), "chain"),
    Bug(trusts_the_past_after_a_restart, (Fault.CRASH_WHILE_SENDING,), "after a quiet session", 0.1),
    Bug(forgets_the_fee, (Fault.REPORT_LOST,), "the venue never said so"),
    Bug(takes_any_answer_for_the_newest, (Fault.ANSWER_LATE, Fault.REQUEST_DELAYED), "at the venue", 0.5),
    Bug(acts_on_a_slice_twice, (Fault.SLICE_DOUBLED,), "is intended a second time"),
    Bug(takes_a_part_for_the_whole, (), "works at the venue"),
    Bug(counts_a_sale_as_a_purchase, (), "The views have cash of"),
    Bug(closes_a_gap_without_asking, (Fault.REPORT_LOST, Fault.DISCONNECT), "A gap is closed, but execution"),
    Bug(never_asks_again, (Fault.ANSWER_LOST, Fault.REPORT_CORRUPT), "after a quiet session"),
    Bug(closes_a_gap_twice, (Fault.REPORT_CORRUPT,), "but none was open"),
)
